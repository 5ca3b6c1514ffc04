"""Which pixels of a Sentinel-2 image are clear. Dark pixels are kept: coal is dark."""

from __future__ import annotations

import ee

from features.options import Options

CLOUD_SCORE = "GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED"
PROBABILITY = "COPERNICUS/S2_CLOUD_PROBABILITY"

# Scene classification: saturated, cloud shadow, cloud of medium and of high probability, cirrus.
UNUSABLE = (1, 3, 8, 9, 10)
SNOW, WATER = 11, 6

CLOUD_PERCENT = 50
DARK_REFLECTANCE = 0.15
SHADOW_REACH_M, SHADOW_PIXEL_M, BUFFER_M = 1000, 100, 50


def linked(scenes: ee.ImageCollection, options: Options) -> ee.ImageCollection:
    """The scenes with the bands that the chosen masks need."""
    if "cloud_score" in options.clouds:
        scenes = scenes.linkCollection(ee.ImageCollection(CLOUD_SCORE), ["cs_cdf"])
    if "s2cloudless" in options.clouds:
        scenes = scenes.linkCollection(ee.ImageCollection(PROBABILITY), ["probability"])
    return scenes


def clear(image: ee.Image, options: Options) -> ee.Image:
    """1 where every chosen mask calls the pixel clear, else 0; masked where one of them says nothing."""
    tests = {"cloud_score": _by_score, "scl": _by_classification, "s2cloudless": _by_probability}
    good = ee.Image.constant(1)
    for source in options.clouds:
        good = good.And(tests[source](image, options))
    return good


def _by_score(image: ee.Image, options: Options) -> ee.Image:
    return image.select("cs_cdf").gte(options.clear)


def _by_classification(image: ee.Image, options: Options) -> ee.Image:
    codes = [*UNUSABLE, *([] if options.snow else [SNOW])]
    return image.select("SCL").remap(codes, [0] * len(codes), 1)


def _by_probability(image: ee.Image, options: Options) -> ee.Image:
    """Not a cloud, nor a dark pixel (water aside) where a cloud's shadow may fall, nor within 50 m of either."""
    cloud = image.select("probability").gt(CLOUD_PERCENT)
    bad = cloud.Or(_shadow(image, cloud))
    return bad.focalMax(BUFFER_M, "circle", "meters").Not()


def _shadow(image: ee.Image, cloud: ee.Image) -> ee.Image:
    """Dark pixels within reach of a cloud, away from the sun."""
    towards = ee.Number(90).subtract(ee.Number(image.get("MEAN_SOLAR_AZIMUTH_ANGLE")))
    reach = (
        cloud.directionalDistanceTransform(towards, SHADOW_REACH_M // SHADOW_PIXEL_M)
        .reproject(image.select("B8").projection().atScale(SHADOW_PIXEL_M))
        .select("distance")
        .mask()
    )
    dark = image.select("B8").multiply(1e-4).lt(DARK_REFLECTANCE).And(image.select("SCL").neq(WATER))
    return reach.And(dark)
