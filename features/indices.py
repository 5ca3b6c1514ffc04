"""Seven indices of reflectance 0…1. A pixel is masked where the denominator is smaller than 10⁻⁶."""

from __future__ import annotations

import ee

from features.options import Options

NAMES = ("NDVI", "EVI", "NDWI", "LSWI", "NDBI", "RRI", "NDRI")
SMALLEST = 1e-6

NDWI = {"xu": ("green", "SWIR1"), "mcfeeters": ("green", "NIR")}
LSWI = {"B8A": ("RE4", "SWIR1"), "B8": ("NIR", "SWIR1")}
NDRI = {"swir2_nir": ("SWIR2", "NIR"), "swir1_nir": ("SWIR1", "NIR"), "swir1_green": ("SWIR1", "green")}


def indices(bands: ee.Image, options: Options) -> ee.Image:
    """The indices in the catalogue's order, from an image of the ten bands."""
    nir, red, blue = bands.select("NIR"), bands.select("red"), bands.select("blue")
    evi_under = nir.add(red.multiply(6)).subtract(blue.multiply(7.5)).add(1)
    return ee.Image.cat(
        [
            difference(bands, "NIR", "red"),
            ratio(nir.subtract(red).multiply(2.5), evi_under).clamp(-1, 1),
            difference(bands, *NDWI[options.ndwi]),
            difference(bands, *LSWI[options.lswi_nir]),
            difference(bands, "SWIR1", "NIR"),
            ratio(blue, nir).clamp(0, 5),
            difference(bands, *NDRI[options.ndri]),
        ]
    ).rename(list(NAMES))


def difference(bands: ee.Image, first: str, second: str) -> ee.Image:
    """(first − second) / (first + second)."""
    a, b = bands.select(first), bands.select(second)
    return ratio(a.subtract(b), a.add(b))


def ratio(above: ee.Image, below: ee.Image) -> ee.Image:
    """above / below, masked where nothing can be divided by."""
    return above.divide(below).updateMask(below.abs().gte(SMALLEST))
