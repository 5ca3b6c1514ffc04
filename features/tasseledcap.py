"""Tasseled cap of Sentinel-2: brightness, greenness, wetness.

All published sets are for the top of the atmosphere. The six-band one of Shi and Xu (2019) is applied to surface
reflectance as an approximation; their thirteen-band one is exact on L1C.
"""

from __future__ import annotations

import functools

import ee

NAMES = ("brightness", "greenness", "wetness")

SIX_BANDS = ("blue", "green", "red", "NIR", "SWIR1", "SWIR2")
SIX = (
    (0.3510, 0.3813, 0.3437, 0.7196, 0.2396, 0.1949),
    (-0.3599, -0.3533, -0.4734, 0.6633, 0.0087, -0.2856),
    (0.2578, 0.2305, 0.0883, 0.1071, -0.7611, -0.5308),
)

# B1, B2, B3, B4, B5, B6, B7, B8, B8A, B9, B10, B11, B12.
THIRTEEN = (
    (0.2381, 0.2569, 0.2934, 0.3020, 0.3099, 0.3740, 0.4180, 0.3580, 0.3834, 0.0103, 0.0020, 0.0896, 0.0780),
    (-0.2266, -0.2818, -0.3020, -0.4283, -0.2959, 0.1602, 0.3127, 0.3138, 0.4261, 0.1454, -0.0017, -0.1341, -0.2538),
    (0.1825, 0.1763, 0.1615, 0.0486, 0.0170, 0.0223, 0.0219, -0.0755, -0.0910, -0.1369, 0.0003, -0.7701, -0.5293),
)


def six(bands: ee.Image) -> ee.Image:
    """The three axes from the seasonal median of surface reflectance."""
    return _axes(bands.select(list(SIX_BANDS)), SIX)


def thirteen(bands: ee.Image) -> ee.Image:
    """The three axes from the seasonal median of the thirteen bands at the top of the atmosphere."""
    return _axes(bands, THIRTEEN)


def _axes(bands: ee.Image, rows: tuple[tuple[float, ...], ...]) -> ee.Image:
    """Each row's weighted sum of the bands, masked where any of them is."""
    return ee.Image.cat([_weighted(bands, row) for row in rows]).rename(list(NAMES))


def _weighted(bands: ee.Image, row: tuple[float, ...]) -> ee.Image:
    terms = [bands.select(place).multiply(weight) for place, weight in enumerate(row)]
    return functools.reduce(ee.Image.add, terms)
