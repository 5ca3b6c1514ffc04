"""Seven indices of reflectance 0…1. A pixel is masked where the denominator is smaller than 10⁻⁶."""

from __future__ import annotations

import ee

from features.options import Options

NAMES = ("NDVI", "EVI", "NDWI", "LSWI", "NDBI", "RRI", "NDRI")
SMALLEST = 1e-6

NDWI = {"xu": ("green", "SWIR1"), "mcfeeters": ("green", "NIR")}
LSWI = {"B8A": ("RE4", "SWIR1"), "B8": ("NIR", "SWIR1")}
NDRI = {"swir2_nir": ("SWIR2", "NIR"), "swir1_nir": ("SWIR1", "NIR"), "swir1_green": ("SWIR1", "green")}


def differences(options: Options) -> dict[str, tuple[str, str]]:
    """The indices that are normalised differences, and of which two bands."""
    return {
        "NDVI": ("NIR", "red"),
        "NDWI": NDWI[options.ndwi],
        "LSWI": LSWI[options.lswi_nir],
        "NDBI": ("SWIR1", "NIR"),
        "NDRI": NDRI[options.ndri],
    }


def aliases(options: Options) -> list[tuple[str, str, int]]:
    """Pairs of indices that are one and the same: (name, name, 1), or (name, name, −1) if the sign differs."""
    made = list(differences(options).items())
    return [
        (first, second, 1 if a == b else -1)
        for place, (first, a) in enumerate(made)
        for second, b in made[place + 1 :]
        if set(a) == set(b)
    ]


def indices(bands: ee.Image, options: Options) -> ee.Image:
    """The indices in the catalogue's order, from an image of the ten bands."""
    nir, red, blue = bands.select("NIR"), bands.select("red"), bands.select("blue")
    under = nir.add(red.multiply(6)).subtract(blue.multiply(7.5)).add(1)
    found = {name: difference(bands, *pair) for name, pair in differences(options).items()}
    found["EVI"] = ratio(nir.subtract(red).multiply(2.5), under).clamp(-1, 1)
    found["RRI"] = ratio(blue, nir).clamp(0, 5)
    return ee.Image.cat([found[name] for name in NAMES]).rename(list(NAMES))


def difference(bands: ee.Image, first: str, second: str) -> ee.Image:
    """(first − second) / (first + second)."""
    a, b = bands.select(first), bands.select(second)
    return ratio(a.subtract(b), a.add(b))


def ratio(above: ee.Image, below: ee.Image) -> ee.Image:
    """above / below, masked where nothing can be divided by."""
    return above.divide(below).updateMask(below.abs().gte(SMALLEST))
