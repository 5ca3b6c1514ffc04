"""Stretches, palettes, colour spaces, painting."""

import colorsys
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.collection import Feature, features
from pipeline.engine.ops.visual import colour, visualize
from pipeline.engine.session import Session
from pipeline.engine.space.geometry import Geometry
from pipeline.errors import EngineError
from tests.engine.arrays import grid, image, pixels

HERE = grid(4, 5)
UTM = "EPSG:32633"
DATA = np.linspace(0, 3000, 20).reshape(4, 5)
MASK = np.arange(20).reshape(4, 5) % 7 > 0


def box(x0: float, y0: float, x1: float, y1: float) -> Geometry:
    return Geometry(
        shapely.box(500_000 + 10 * x0, 5_000_000 - 10 * y1, 500_000 + 10 * x1, 5_000_000 - 10 * y0), UTM, False
    )


@given(st.floats(-1000, 1000), st.floats(1, 3000), st.floats(0.3, 3))
def test_a_stretch_is_linear_then_gamma(low: float, width: float, gamma: float) -> None:
    made = visualize(image(HERE, a=(DATA, MASK)), None, None, None, low, low + width, gamma)
    assert made.names == ["vis-gray"]
    (found,) = pixels(made, HERE).values()
    exact = 255 * np.clip((DATA - low) / width, 0, 1) ** (1 / gamma)
    assert np.abs(found.data - np.floor(exact)).max() <= 1
    assert np.array_equal(found.mask, MASK) and found.data.dtype == np.uint8


def test_three_bands_make_red_green_blue_and_default_ranges_follow_the_type() -> None:
    made = visualize(image(HERE, a=DATA / 3000, b=DATA / 3000, c=DATA / 3000))
    assert made.names == ["vis-red", "vis-green", "vis-blue"]
    assert pixels(made, HERE)["vis-red"].data[-1, -1] == 255
    byte = np.arange(20, dtype=np.uint8).reshape(4, 5)
    assert np.array_equal(pixels(visualize(image(HERE, a=byte)), HERE)["vis-gray"].data, byte)


def test_a_palette_interpolates_its_colours() -> None:
    made = visualize(image(HERE, a=DATA), None, None, None, 0, 3000, None, None, ["black", "FF0000", "#ffffff"])
    found = pixels(made, HERE)
    share = DATA / 3000
    assert np.abs(found["vis-red"].data - np.interp(share, [0, 0.5, 1], [0, 255, 255])).max() <= 1
    assert np.abs(found["vis-green"].data - np.interp(share, [0, 0.5, 1], [0, 0, 255])).max() <= 1


def test_opacity_becomes_a_partial_mask() -> None:
    made = visualize(image(HERE, a=(DATA, MASK)), None, None, None, 0, 3000, None, 0.5)
    assert np.allclose(pixels(made, HERE)["vis-gray"].mask, 0.5 * MASK)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"palette": ["nocolour"]}, "'nocolour' is not a colour"),
        ({"gain": 2, "low": 1}, "either gain and bias, or min and max"),
        ({"gamma": 0}, "gamma must be positive"),
        ({"low": "a"}, "must be numbers"),
        ({"low": [1, 2]}, "must have 1 or 1 values"),
        ({"bands": ["x"]}, "did not match any bands"),
    ],
)
def test_what_cannot_be_shown_is_refused(options: Any, says: str) -> None:
    with pytest.raises(EngineError, match=says):
        visualize(image(HERE, a=DATA), **options)


def test_colours_by_name_and_digits() -> None:
    assert colour("red", "x") == colour("FF0000", "x") == colour("#f00", "x") == (1, 0, 0, 1)
    assert colour("00FF0080", "x")[3] == pytest.approx(128 / 255)


def test_colour_spaces_go_there_and_back(session: Session) -> None:
    rng = np.random.default_rng(0)
    r, g, b = rng.random((3, 4, 5))
    source = image(HERE, r=r, g=g, b=b)
    hsv = session.call("Image.rgbToHsv", {"image": source})
    found = pixels(hsv, HERE)
    expected = colorsys.rgb_to_hsv(r[1, 2], g[1, 2], b[1, 2])
    assert np.allclose([found[n].data[1, 2] for n in ("hue", "saturation", "value")], expected)
    back = pixels(session.call("Image.hsvToRgb", {"image": hsv}), HERE)
    assert np.allclose(back["green"].data, g)


def test_paint_fills_areas_and_draws_outlines(session: Session) -> None:
    source = image(HERE, a=(np.zeros((4, 5), np.uint8), np.zeros((4, 5), bool)))
    zones = features([Feature(box(0, 0, 2, 2), {"n": 7}), Feature(box(1, 1, 3, 4), {"n": 9})])
    arguments = {"image": source, "featureCollection": zones, "color": "n"}
    found = pixels(session.call("Image.paint", arguments), HERE)["a"]
    expected = np.zeros((4, 5))
    expected[:2, :2], expected[1:4, 1:3] = 7, 9
    assert np.array_equal(np.where(found.mask, found.data, 0), expected)
    with pytest.raises(EngineError, match="numeric property"):
        session.call("Image.paint", {**arguments, "color": "none"})
