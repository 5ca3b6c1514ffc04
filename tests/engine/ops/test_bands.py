"""Constants, selection, names."""

import numpy as np
import pytest

from pipeline.engine.image import Image
from pipeline.engine.ops.bands import TABLE
from pipeline.engine.values import DOUBLE
from pipeline.errors import EngineError
from tests.engine.arrays import image

ZERO = np.zeros((2, 2))
RGB = image(None, B1=ZERO, B2=ZERO, B11=ZERO)


def test_select_by_name_pattern_and_index() -> None:
    select = TABLE["Image.select"]
    assert select(RGB, ["B11", "B1"], None).names == ["B11", "B1"]
    assert select(RGB, ["B1.*"], None).names == ["B1", "B11"]
    assert select(RGB, [-1, 0], None).names == ["B11", "B1"]
    assert select(RGB, ["B1", "B2"], ["x", "y"]).names == ["x", "y"]


@pytest.mark.parametrize(
    ("selectors", "names", "says"),
    [
        (["B"], None, r"Band pattern 'B' did not match any bands. Available bands: \[B1, B2, B11\]"),
        ([7], None, "index 7 out of range"),
        (["B1", "B1"], None, "Duplicate band name 'B1'"),
        (["B1"], ["a", "b"], r"number of names \(2\)"),
        (["("], None, "not a regular expression"),
        ([None], None, "must be a name"),
    ],
)
def test_select_refuses(selectors: list[object], names: list[str] | None, says: str) -> None:
    with pytest.raises(EngineError, match=says):
        TABLE["Image.select"](RGB, selectors, names)


def test_add_bands_renames_conflicts_or_overwrites() -> None:
    once = TABLE["Image.addBands"](RGB, RGB, ["B1"], False)
    assert TABLE["Image.addBands"](once, RGB, ["B1"], False).names == ["B1", "B2", "B11", "B1_1", "B1_2"]
    other = image(None, B2=ZERO, N=ZERO)
    over = TABLE["Image.addBands"](RGB, other, None, True)
    assert over.names == ["B1", "B2", "B11", "N"]
    assert over.bands[1].plan is other.bands[0].plan


def test_constants_and_slices() -> None:
    assert TABLE["Image.constant"]([1, 2.5]).names == ["constant_0", "constant_1"]
    assert TABLE["Image.constant"](1).names == ["constant"]
    assert TABLE["Image.slice"](RGB, 1, None).names == ["B2", "B11"]
    with pytest.raises(EngineError, match="not a number"):
        TABLE["Image.constant"]("x")


def test_rename_leaves_an_image_without_bands_alone() -> None:
    assert TABLE["Image.rename"](Image((), {"n": 1}), ["a"]).properties == {"n": 1}
    with pytest.raises(EngineError, match=r"names \(1\) must match the number of bands \(3\)"):
        TABLE["Image.rename"](RGB, ["a"])


def test_regexp_rename() -> None:
    assert TABLE["Image.regexpRename"](RGB, "B(.)", "band$1_", True).names == ["band1_", "band2_", "band1_1"]
    assert TABLE["Image.regexpRename"](RGB, "1", "x", False).names == ["Bx", "B2", "Bx1"]


def test_metadata_and_date() -> None:
    dated = RGB.with_properties({"system:time_start": 1000, "angle": 2.5})
    assert TABLE["Image.date"](dated).millis == 1000
    assert TABLE["Image.metadata"](dated, "angle", None).names == ["angle"]
    for name, says in (("Image.date", "system:time_start"), ("Image.metadata", "no numeric property")):
        with pytest.raises(EngineError, match=says):
            TABLE[name](RGB, *(["x", None] if name == "Image.metadata" else []))


def test_a_property_makes_a_double_band_whatever_its_number() -> None:
    (band,) = TABLE["Image.metadata"](RGB.with_properties({"count": 3}), "count", "n").bands
    assert (band.name, band.type) == ("n", DOUBLE)


def test_the_id_is_that_within_the_collection() -> None:
    loaded = Image(RGB.bands, {"system:index": "scene"}, "SOME/COLLECTION/scene")
    assert TABLE["Image.id"](loaded) == "scene" and TABLE["Image.id"](RGB) is None
