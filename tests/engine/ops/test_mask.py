"""Masks and conditions against plain NumPy."""

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.engine.image import Image
from pipeline.engine.ops.bands import TABLE as BANDS
from pipeline.engine.ops.mask import TABLE, clip_to
from pipeline.engine.session import Session
from pipeline.engine.space.geometry import Geometry
from pipeline.errors import EngineError
from tests.engine.arrays import grid, image, masked, pixels

HERE = grid(3, 4)
ints = arrays(np.int16, (3, 4), elements=st.integers(-3, 3))
bools = arrays(bool, (3, 4))


def only(result: Image) -> Any:
    return masked(pixels(result, HERE)[result.names[0]])


def valid_where(result: Image) -> Any:
    return ~np.ma.getmaskarray(only(result))


@given(ints, bools, ints, bools)
def test_update_mask_ands(data: Any, mask: Any, by: Any, by_mask: Any) -> None:
    result = TABLE["Image.updateMask"](image(HERE, a=(data, mask)), image(HERE, m=(by, by_mask)))
    assert np.array_equal(valid_where(result), mask & by_mask & (by > 0))
    assert np.array_equal(only(result).data, data)


def test_a_fraction_in_the_mask_stays_a_weight() -> None:
    by = np.linspace(0, 1, 12).reshape(3, 4)
    result = TABLE["Image.updateMask"](image(HERE, a=np.ones((3, 4))), image(HERE, m=by))
    assert np.allclose(pixels(result, HERE)["a"].mask, by)


@given(ints, bools, ints)
def test_mask_replaces_and_new_pixels_are_zero(data: Any, mask: Any, by: Any) -> None:
    result = TABLE["Image.mask"](image(HERE, a=(data, mask)), image(HERE, m=by))
    assert np.array_equal(valid_where(result), by > 0)
    assert np.array_equal(only(result).data, np.where(mask, data, 0))


@given(ints, bools)
def test_mask_without_argument_and_self_mask(data: Any, mask: Any) -> None:
    source = image(HERE, a=(data, mask))
    asked = TABLE["Image.mask"](source, None)
    assert np.array_equal(only(asked), mask) and valid_where(asked).all()
    assert np.array_equal(valid_where(TABLE["Image.selfMask"](source)), mask & (data > 0))


@given(ints, bools, ints, bools)
def test_unmask_takes_value_and_mask_where_masked(data: Any, mask: Any, value: Any, value_mask: Any) -> None:
    result = TABLE["Image.unmask"](image(HERE, a=(data, mask)), image(HERE, v=(value, value_mask)), True)
    assert np.array_equal(valid_where(result), mask | value_mask)
    assert np.array_equal(only(result).data, np.where(mask, data, value))


def test_unmask_keeps_the_footprint_unless_told_otherwise() -> None:
    source = image(HERE, a=(np.ones((3, 4)), np.zeros((3, 4), bool)))
    wide = HERE.pad(2, 2)
    kept = pixels(TABLE["Image.unmask"](source, None, True), wide)["a"].mask
    assert kept[2:-2, 2:-2].all() and kept.sum() == 12
    assert pixels(TABLE["Image.unmask"](source, None, False), wide)["a"].mask.all()


@given(ints, bools, ints, bools, ints, bools)
def test_where_changes_nothing_under_any_mask(a: Any, am: Any, t: Any, tm: Any, v: Any, vm: Any) -> None:
    result = TABLE["Image.where"](image(HERE, a=(a, am)), image(HERE, t=(t, tm)), image(HERE, v=(v, vm)))
    found = only(result)
    change = (t != 0) & am & tm & vm
    assert np.array_equal(~np.ma.getmaskarray(found), am)
    assert np.array_equal(found.data[am], np.where(change, v, a)[am])


@given(ints, bools)
def test_remap(data: Any, mask: Any) -> None:
    source = image(HERE, a=(data, mask))
    table = {-1: 10, 0: 20, 3: 30}
    listed = np.isin(data, list(table))
    mapped = np.vectorize(lambda v: table.get(v, 99))(data)
    result = TABLE["Image.remap"](source, list(table), list(table.values()), None, None)
    assert result.names == ["remapped"]
    assert np.array_equal(valid_where(result), mask & listed)
    assert np.array_equal(only(result).data[mask & listed], mapped[mask & listed])
    whole = TABLE["Image.remap"](source, list(table), list(table.values()), 99, "a")
    assert np.array_equal(valid_where(whole), mask) and np.array_equal(only(whole).data[mask], mapped[mask])


def test_remap_refuses_lists_of_different_length() -> None:
    with pytest.raises(EngineError, match="same length"):
        TABLE["Image.remap"](image(HERE, a=np.zeros((3, 4))), [1, 2], [1], None, None)


@given(ints, bools, ints, bools)
def test_blend_lays_the_top_over_the_bottom(low: Any, lm: Any, top: Any, tm: Any) -> None:
    found = only(TABLE["Image.blend"](image(HERE, a=(low, lm)), image(HERE, b=(top, tm))))
    assert np.array_equal(~np.ma.getmaskarray(found), lm | tm)
    assert np.array_equal(found.data[lm | tm], np.where(tm, top, low)[lm | tm])


def test_clip_masks_by_centres_and_shrinks_the_bounds(session: Session) -> None:
    x, y = 500_000, 5_000_000
    region = Geometry(shapely.box(x + 11, y - 24, x + 31, y - 4), "EPSG:32633", False)
    result = clip_to(image(HERE, a=np.ones((3, 4))), region)
    assert np.array_equal(valid_where(result), [[False, True, True, False], [False, True, True, False], [False] * 4])
    assert result.bands[0].window == (1, 0, 3, 3)
    with pytest.raises(EngineError, match="must be a Geometry"):
        session.call("Image.clip", {"input": result, "geometry": 3})


def test_what_a_new_mask_shows_is_in_the_declared_range() -> None:
    hidden = TABLE["Image.updateMask"](BANDS["Image.constant"](5), BANDS["Image.constant"](0))
    assert (only(TABLE["Image.mask"](hidden, BANDS["Image.constant"](1))) == 5).all()


def test_unmask_may_extend_the_footprint() -> None:
    small = image(grid(2, 2), a=np.ones((2, 2))).with_properties({"system:footprint": None, "n": 1})
    large = image(HERE, a=np.ones((3, 4)))
    assert TABLE["Image.unmask"](small, large, True).bands[0].window == (0, 0, 2, 2)
    extended = TABLE["Image.unmask"](small, large, False)
    assert extended.bands[0].window == (0, 0, 4, 3) and extended.properties == {"n": 1}
    assert TABLE["Image.unmask"](large, small, False).bands[0].window == (0, 0, 4, 3)
    assert TABLE["Image.unmask"](small, None, False).bands[0].window is None
