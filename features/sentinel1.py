"""Sentinel-1 GRD: the seasonal mean of VV and VH in linear power, of one orbit direction; decibels last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import ee

from features import speckle
from features.composite import pooled
from features.options import Options
from features.seasons import Window, whole_year

COLLECTION = "COPERNICUS/S1_GRD"
BANDS = ("VV", "VH")

# Noise stripes lie outside these incidence angles, in degrees.
NEAR, FAR = 30.63993, 45.23993
MIDDLE = 38


def direction(region: ee.Geometry, year: int, options: Options) -> ee.String:
    """The orbit direction: the chosen one, or the one with more scenes in the year."""
    if options.orbit:
        return ee.String(options.orbit)
    found = _dual(region, whole_year(year), options)
    up, down = (found.filter(ee.Filter.eq("orbitProperties_pass", way)) for way in ("ASCENDING", "DESCENDING"))
    return ee.String(ee.Algorithms.If(up.size().gt(down.size()), "ASCENDING", "DESCENDING"))


def scenes(region: ee.Geometry, window: Window, way: ee.String, options: Options) -> ee.ImageCollection:
    """The images of the window and direction that touch the region, as they are."""
    return _dual(region, window, options).filter(ee.Filter.eq("orbitProperties_pass", way))


def power(region: ee.Geometry, window: Window, way: ee.String, options: Options) -> ee.ImageCollection:
    """Linear power of VV and VH, float, masked at the swath's noisy borders."""

    def prepared(image: ee.Image) -> ee.Image:
        # Processed products often come without angles, and without the borders that they would tell. A band of this
        # name that is there keeps it; the added one is then called angle_1.
        angle = image.addBands(ee.Image.constant(MIDDLE).rename("angle")).select("angle")
        linear = ee.Image.constant(10).pow(image.select(list(BANDS)).divide(10)).rename(list(BANDS)).toFloat()
        linear = linear.updateMask(angle.gt(NEAR).And(angle.lt(FAR)))
        return speckle.FILTERS[options.speckle](linear) if options.speckle in speckle.FILTERS else linear

    return scenes(region, window, way, options).map(prepared)


def mean(region: ee.Geometry, windows: Sequence[Window], way: ee.String, options: Options) -> ee.Image:
    """The mean power of the windows' scenes in decibels, bands VV and VH."""
    gathered = pooled(lambda w: power(region, w, way, options), windows, BANDS)
    linear = speckle.multitemporal_mean(gathered) if options.speckle == "multitemporal" else gathered.mean()
    return linear.log10().multiply(10)


def count(region: ee.Geometry, window: Window, way: ee.String, options: Options) -> ee.Image:
    """How many observations each pixel has in the window; 0 where none."""
    unfiltered = pooled(lambda w: power(region, w, way, replace(options, speckle=None)), [window], BANDS)
    return unfiltered.select("VV").count().unmask(0, False)


def _dual(region: ee.Geometry, window: Window, options: Options) -> ee.ImageCollection:
    """Images in both polarisations of the wide swath that touch the region; none where radar is not read."""
    if not options.radar:
        return ee.ImageCollection([])
    found = (
        ee.ImageCollection(COLLECTION)
        .filterBounds(region)
        .filterDate(window.start, window.end)
        .filter(ee.Filter.eq("instrumentMode", "IW"))
    )
    for band in BANDS:
        found = found.filter(ee.Filter.listContains("transmitterReceiverPolarisation", band))
    if options.relative_orbit is not None:
        found = found.filter(ee.Filter.eq("relativeOrbitNumber_start", options.relative_orbit))
    return found
