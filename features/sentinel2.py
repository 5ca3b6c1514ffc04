"""Sentinel-2 L2A: clear scenes, the seasonal median of ten bands, and how often each pixel was seen."""

from __future__ import annotations

from collections.abc import Sequence

import ee

from features import clouds
from features.composite import pooled
from features.options import Options
from features.seasons import Window

COLLECTION = "COPERNICUS/S2_SR_HARMONIZED"
TOP_OF_ATMOSPHERE = "COPERNICUS/S2_HARMONIZED"

BANDS = ("B2", "B3", "B4", "B8", "B5", "B6", "B7", "B8A", "B11", "B12")
NAMES = ("blue", "green", "red", "NIR", "RE1", "RE2", "RE3", "RE4", "SWIR1", "SWIR2")
FINE = ("B2", "B3", "B4", "B8")
ALL_BANDS = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12")
SCALE = 1e-4


def scenes(region: ee.Geometry, window: Window) -> ee.ImageCollection:
    """The images of the window that touch the region."""
    return ee.ImageCollection(COLLECTION).filterBounds(region).filterDate(window.start, window.end)


def clear_scenes(region: ee.Geometry, window: Window, options: Options) -> ee.ImageCollection:
    """The ten bands as stored (reflectance × 10,000) but float, masked where not clear; 20 m bands bilinear."""

    def prepared(image: ee.Image) -> ee.Image:
        return on_ten_metres(image, BANDS).updateMask(clouds.clear(image, options))

    return clouds.linked(scenes(region, window), options).map(prepared)


def clear_scenes_above(region: ee.Geometry, window: Window, options: Options) -> ee.ImageCollection:
    """The same of all thirteen bands at the top of the atmosphere; the masks are those of the L2A images."""

    def prepared(image: ee.Image) -> ee.Image:
        return on_ten_metres(image, ALL_BANDS).updateMask(clouds.clear(image, options))

    above = ee.ImageCollection(TOP_OF_ATMOSPHERE).filterBounds(region).filterDate(window.start, window.end)
    return clouds.linked(above.linkCollection(ee.ImageCollection(COLLECTION), ["SCL"]), options).map(prepared)


def on_ten_metres(image: ee.Image, bands: Sequence[str]) -> ee.Image:
    """The bands as float; those that are coarser than 10 m are interpolated bilinearly."""
    fine = image.select([b for b in bands if b in FINE]).toFloat()
    coarse = image.select([b for b in bands if b not in FINE]).toFloat().resample("bilinear")
    return fine.addBands(coarse).select(list(bands))


def median(region: ee.Geometry, windows: Sequence[Window], options: Options) -> ee.Image:
    """Reflectance 0…1: the median of the clear scenes of the windows, ten bands by their names in the catalogue."""
    clear = pooled(lambda w: clear_scenes(region, w, options), windows, BANDS)
    return clear.median().multiply(SCALE).select(list(BANDS), list(NAMES))


def median_above(region: ee.Geometry, windows: Sequence[Window], options: Options) -> ee.Image:
    """Reflectance 0…1 at the top of the atmosphere, the median, thirteen bands by Sentinel-2's names."""
    return pooled(lambda w: clear_scenes_above(region, w, options), windows, ALL_BANDS).median().multiply(SCALE)


def count(region: ee.Geometry, window: Window, options: Options) -> ee.Image:
    """How many clear observations each pixel has in the window; 0 where none."""
    return pooled(lambda w: clear_scenes(region, w, options), [window], BANDS).select("B2").count().unmask(0, False)
