"""Elevation, slope and aspect, computed on the model's own pixels and then interpolated."""

from __future__ import annotations

import math

import ee

from features import catalog
from features.composite import blank
from features.options import Options

NASADEM = "NASA/NASADEM_HGT/001"
GLO30 = "COPERNICUS/DEM/GLO30"
FLAT_DEGREES = 1
MARGIN_M = 100
"""Slope and interpolation look at a few pixels beyond the region, which may lie on the next tile."""
LEVEL = 1e-5
"""Metres of rise per metre below which ground is level: slopes come as float, and rounding leaves less than that."""


def tiles(region: ee.Geometry, options: Options) -> ee.ImageCollection:
    """The images of the model that touch the region."""
    if options.dem == "nasadem":
        return ee.ImageCollection([ee.Image(NASADEM)]).filterBounds(region)
    return ee.ImageCollection(GLO30).filterBounds(region.buffer(MARGIN_M))


def elevation_model(region: ee.Geometry, options: Options) -> ee.Image:
    """Metres above the geoid, one band `elevation` with the model's projection."""
    if options.dem == "nasadem":
        return ee.Image(NASADEM).select("elevation")
    found = tiles(region, options).select("DEM")
    return found.mosaic().setDefaultProjection(found.first().projection()).rename("elevation")


def terrain(region: ee.Geometry, options: Options) -> ee.Image:
    """Elevation, slope in degrees, and aspect clockwise from north in degrees, or its sine and cosine.

    Masked everywhere without a model.
    """
    if options.dem is None:
        return blank([b.name for b in catalog.bands(options.aspect) if b.feature.group == "terrain"])
    model = elevation_model(region, options)
    east, north = _gradient(model) if options.slope == "ee4" else _horn(model)
    steepness = east.hypot(north)
    # Level ground faces nowhere, and would turn its neighbours: both components are 0 there.
    unit = ee.Image.cat([east, north]).divide(steepness).multiply(-1).multiply(steepness.gt(LEVEL))
    slope = steepness.atan().multiply(180 / math.pi).rename("slope")
    own = ee.Image.cat([slope, unit.select([0, 1], ["aspect_sin", "aspect_cos"])]).toFloat()
    smooth = own.reproject(model.projection()).resample("bilinear")
    height = model.toFloat().resample("bilinear")
    return ee.Image.cat([height, smooth.select("slope"), _aspect(smooth, options)])


def _aspect(smooth: ee.Image, options: Options) -> ee.Image:
    sine, cosine = smooth.select("aspect_sin"), smooth.select("aspect_cos")
    if options.aspect == "sincos":
        steep = smooth.select("slope").gte(FLAT_DEGREES)
        return sine.addBands(cosine).multiply(steep)
    return cosine.atan2(sine).multiply(180 / math.pi).add(360).mod(360).rename("aspect")


def _gradient(model: ee.Image) -> tuple[ee.Image, ee.Image]:
    """Rise per metre towards east and north from the four neighbours.

    Slope and aspect say it in every coordinate system, and their signs are documented; those of a gradient are not.
    """
    steepness = ee.Terrain.slope(model).multiply(math.pi / 180).tan()
    towards = ee.Terrain.aspect(model).unmask(0).multiply(math.pi / 180)
    return towards.sin().multiply(steepness).multiply(-1), towards.cos().multiply(steepness).multiply(-1)


def _horn(model: ee.Image) -> tuple[ee.Image, ee.Image]:
    """Horn's (1981) rise per metre: the four-neighbour one, smoothed 1:2:1 across its direction."""
    east, north = _gradient(model)
    down = ee.Kernel.fixed(weights=[[0.25], [0.5], [0.25]], normalize=False)
    across = ee.Kernel.fixed(weights=[[0.25, 0.5, 0.25]], normalize=False)
    return east.convolve(down), north.convolve(across)
