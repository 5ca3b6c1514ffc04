"""Which scene belongs to which season, to the millisecond, on both sides of the equator.

Scene number i shows its own pixel i only, so the counts of a season show which scenes it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine

import features
from tests.engine.local import connected
from tests.features import scenes
from tests.features.scenes import L2A, RADAR, Layer, Scene

TIMES = (
    *("2019-11-30T23:59:59.999", "2019-12-01T00:00:00.000", "2020-01-15T12:00:00.000", "2020-02-29T00:00:00.000"),
    *("2020-02-29T23:59:59.999", "2020-03-01T00:00:00.000", "2020-05-31T23:59:59.999", "2020-06-01T00:00:00.000"),
    *("2020-08-31T23:59:59.999", "2020-09-01T00:00:00.000", "2020-11-30T23:59:59.999", "2020-12-01T00:00:00.000"),
)
DECEMBER_TO_FEBRUARY, MARCH_TO_MAY, JUNE_TO_AUGUST, SEPTEMBER_TO_NOVEMBER = {1, 2, 3, 4}, {5, 6}, {7, 8}, {9, 10}
SEASONS = {
    "north": {
        "spring": MARCH_TO_MAY,
        "summer": JUNE_TO_AUGUST,
        "autumn": SEPTEMBER_TO_NOVEMBER,
        "winter": DECEMBER_TO_FEBRUARY,
    },
    "south": {
        "spring": SEPTEMBER_TO_NOVEMBER,
        "summer": DECEMBER_TO_FEBRUARY,
        "autumn": MARCH_TO_MAY,
        "winter": JUNE_TO_AUGUST,
    },
}
PLACES = {"north": ("EPSG:32649", 614_000, 4_376_000), "south": ("EPSG:32749", 614_000, 6_200_000)}
BANDS = ("B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12")


def dated(crs: str, west: float, north: float) -> Iterator[Scene]:
    """An optical and a radar scene for each time, in one row of pixels of which scene i has pixel i."""
    place = Affine(10, 0, west, 0, -10, north)
    for number, time in enumerate(TIMES):
        pixel = np.zeros((1, len(TIMES)), bool)
        pixel[0, number] = True
        stored = {b: np.where(pixel, 1000, 0).astype(np.uint16) for b in BANDS}
        optical = Layer({**stored, "SCL": np.where(pixel, 5, 0).astype(np.uint16)}, place, crs, 0)
        index = f"{crs[-3:]}_{number}"
        properties = {"CLOUDY_PIXEL_PERCENTAGE": 0, "MEAN_SOLAR_AZIMUTH_ANGLE": 150.0}
        yield Scene(L2A, index, scenes.millis(time), (optical,), properties)
        decibels = {
            b: np.where(pixel, 40 if b == "angle" else -10, -999).astype(np.float32) for b in ("VV", "VH", "angle")
        }
        passing = {
            "instrumentMode": "IW", "transmitterReceiverPolarisation": ["VV", "VH"], "relativeOrbitNumber_start": 1,
            "orbitProperties_pass": "ASCENDING",
        }  # fmt: skip
        yield Scene(RADAR, index, scenes.millis(time), (Layer(decibels, place, crs, -999.0),), passing)


@pytest.fixture(scope="module")
def ee(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder: Path = tmp_path_factory.mktemp("dated")
    made = [scene for place in PLACES.values() for scene in dated(*place)]
    with connected(archive=scenes.write(made, folder)) as client:
        yield client


def seen(ee: Any, side: str, **options: Any) -> dict[str, set[int]]:
    """Which scenes each band of the counts of 2020 shows."""
    crs, west, north = PLACES[side]
    region = ee.Geometry.Rectangle([west, north - 10, west + 10 * len(TIMES), north], crs, False)
    image = features.observations(region, 2020, clouds=("scl",), **options)
    grid = {
        "dimensions": {"width": len(TIMES), "height": 1},
        "affineTransform": {"scaleX": 10, "scaleY": -10, "translateX": west, "translateY": north},
        "crsCode": crs,
    }
    counts = ee.data.computePixels({"expression": image, "fileFormat": "NUMPY_NDARRAY", "grid": grid})
    assert all(counts[name].max() <= 1 for name in counts.dtype.names)
    return {name: set(np.flatnonzero(counts[name][0]).tolist()) for name in counts.dtype.names}


def expected(hemisphere: str) -> dict[str, set[int]]:
    return {f"{s}_{kind}": found for s, found in SEASONS[hemisphere].items() for kind in ("optical", "radar")}


@pytest.mark.parametrize("side", PLACES)
def test_scenes_belong_to_the_seasons_of_their_side(ee: Any, side: str) -> None:
    assert seen(ee, side) == expected(side)


@pytest.mark.parametrize("side", PLACES)
@pytest.mark.parametrize("hemisphere", PLACES)
def test_the_side_may_be_said(ee: Any, side: str, hemisphere: str) -> None:
    assert seen(ee, side, hemisphere=hemisphere) == expected(hemisphere)


def test_a_region_across_the_equator_is_refused(ee: Any) -> None:
    region = ee.Geometry.Rectangle([110, -0.1, 110.2, 0.1])
    for make in (features.stack, features.observations, features.scenes):
        with pytest.raises(ValueError, match="equator"):
            make(region, 2020)


def test_a_region_across_the_equator_whose_side_is_said(ee: Any) -> None:
    region = ee.Geometry.Rectangle([110, -0.1, 110.2, 0.1])
    assert len(features.observations(region, 2020, hemisphere="south").bandNames().getInfo()) == 8
