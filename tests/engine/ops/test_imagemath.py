"""Arithmetic, comparisons, casts of images against plain NumPy, masks and declared types included."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.engine.image import Image
from pipeline.engine.ops.bands import TABLE as BANDS
from pipeline.engine.ops.imagemath import TABLE
from pipeline.engine.values import PixelType
from pipeline.errors import EngineError
from tests.engine.arrays import grid, image, masked, pixels

HERE = grid(3, 4)
DTYPES = (np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64)


@st.composite
def band(draw: st.DrawFn) -> Any:
    dtype = draw(st.sampled_from(DTYPES))
    values = st.integers(0, 200) if np.dtype(dtype).kind in "iu" else st.floats(-50, 50, width=16)
    return draw(arrays(dtype, (3, 4), elements=values)), draw(arrays(bool, (3, 4)))


def only(result: Image) -> Any:
    return masked(pixels(result, HERE)[result.names[0]])


def constant(value: Any) -> Image:
    made: Image = BANDS["Image.constant"](value)
    return made


BINARY = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "max": np.maximum,
    "min": np.minimum,
    "eq": np.equal,
    "neq": np.not_equal,
    "lt": np.less,
    "lte": np.less_equal,
    "gt": np.greater,
    "gte": np.greater_equal,
    "hypot": np.hypot,
    "and": lambda a, b: (a != 0) & (b != 0),
    "or": lambda a, b: (a != 0) | (b != 0),
    "atan2": lambda a, b: np.arctan2(b, a),
    "divide": lambda a, b: np.divide(a, b, out=np.zeros_like(a), where=b != 0),
    "mod": lambda a, b: np.where(b == 0, 0, np.fmod(a, np.where(b == 0, 1, b))),
    "first": lambda a, b: a,
    "firstNonZero": lambda a, b: np.where(a != 0, a, b),
}


@pytest.mark.parametrize("name", BINARY)
@given(first=band(), second=band())
def test_binary_equals_numpy_and_is_valid_where_both_are(name: str, first: Any, second: Any) -> None:
    result = TABLE[f"Image.{name}"](image(HERE, a=first), image(HERE, b=second))
    found = only(result)
    expected = BINARY[name](first[0].astype(float), second[0].astype(float))
    assert np.array_equal(~np.ma.getmaskarray(found), first[1] & second[1])
    assert np.ma.allclose(found, expected, rtol=1e-5, atol=1e-5)
    kind = result.bands[0].type
    assert found.data.dtype == kind.dtype
    if kind.min is not None and found.count():
        assert kind.min - 1e-3 <= found.min() and found.max() <= kind.max + 1e-3


@pytest.mark.parametrize(
    ("name", "function"),
    [("bitwiseAnd", np.bitwise_and), ("bitwiseOr", np.bitwise_or), ("bitwiseXor", np.bitwise_xor)],
)
def test_bits(name: str, function: Any) -> None:
    a, b = np.arange(12, dtype=np.uint8).reshape(3, 4), np.full((3, 4), 6, np.uint16)
    assert np.array_equal(only(TABLE[f"Image.{name}"](image(HERE, a=a), image(HERE, b=b))), function(a, b))


def test_shifts_go_the_other_way_for_negative_amounts() -> None:
    eight = image(HERE, a=np.full((3, 4), 8, np.int16))
    assert (only(TABLE["Image.leftShift"](eight, constant(2))) == 32).all()
    assert (only(TABLE["Image.rightShift"](eight, constant(2))) == 2).all()
    assert (only(TABLE["Image.leftShift"](eight, constant(-2))) == 2).all()


@pytest.mark.parametrize("name", ["abs", "ceil", "floor", "sqrt", "exp", "log", "log10", "sin", "cos", "tanh", "cbrt"])
@given(given_band=band())
def test_unary_equals_numpy_and_keeps_the_mask(name: str, given_band: Any) -> None:
    data, mask = np.abs(given_band[0]), given_band[1]
    found = only(TABLE[f"Image.{name}"](image(HERE, a=(data, mask))))
    with np.errstate(divide="ignore"):
        expected = getattr(np, name)(data.astype(float))
    assert np.array_equal(~np.ma.getmaskarray(found), mask)
    assert np.allclose(found.data[mask], expected[mask], rtol=1e-4)


def test_round_takes_halves_up() -> None:
    data = np.array([[-1.5, -0.5, 0.5, 1.5], [2.5, -2.5, 0.49, -0.51], [0, 1, 2, 3]])
    assert only(TABLE["Image.round"](image(HERE, a=data))).tolist()[0] == [-1, 0, 1, 2]


@given(
    arrays(np.float64, (3, 4), elements=st.floats(-1e6, 1e6)),
    st.sampled_from(["byte", "int8", "uint16", "int16", "int32"]),
)
def test_casts_truncate_and_clamp(data: Any, name: str) -> None:
    result = TABLE[f"Image.{name}"](image(HERE, a=data))
    kind = result.bands[0].type
    assert np.array_equal(only(result), np.clip(np.trunc(data), kind.min, kind.max))
    assert kind.precision == "int"


def test_a_cast_to_64_bits_clamps_at_its_edge() -> None:
    data = np.full((3, 4), 1e30)
    assert (only(TABLE["Image.long"](image(HERE, a=data))) == 2**63 - 1).all()


def test_types_as_earth_engine_reports_them() -> None:
    red = image(HERE, B4=np.zeros((3, 4), np.uint16))
    assert TABLE["Image.multiply"](red, constant(0.5)).bands[0].type == PixelType("float", 0, 32767.5)
    assert TABLE["Image.add"](red, constant(1)).bands[0].type == PixelType("int", 1, 65536)
    assert TABLE["Image.subtract"](red, red).bands[0].type == PixelType("int", -65535, 65535)
    assert TABLE["Image.gt"](red, red).bands[0].type == PixelType("int", 0, 1)
    assert constant(3).bands[0].type == PixelType("int", 3, 3)
    assert constant(2.5).bands[0].type == PixelType("double", 2.5, 2.5)
    assert TABLE["Image.divide"](red, constant(10000)).bands[0].type == PixelType("float", 0, 6.5535)


def test_bands_pair_by_name_then_by_order_and_one_goes_against_all() -> None:
    one, two = np.full((3, 4), 1.0), np.full((3, 4), 2.0)
    ab, ba = image(HERE, a=one, b=two), image(HERE, b=two, a=one)
    swapped = pixels(TABLE["Image.subtract"](ab, ba), HERE)
    assert not swapped["a"].data.any() and not swapped["b"].data.any()
    ordered = TABLE["Image.subtract"](ab, image(HERE, x=two, y=one))
    assert ordered.names == ["a", "b"] and (pixels(ordered, HERE)["a"].data == -1).all()
    assert TABLE["Image.add"](constant(1), ab).names == ["a", "b"]
    with pytest.raises(EngineError, match="1 or the same number of bands"):
        TABLE["Image.add"](ab, image(HERE, x=one, y=one, z=one))


def test_arithmetic_keeps_index_and_footprint_only() -> None:
    source = image(HERE, a=np.zeros((3, 4))).with_properties({"system:index": "i", "system:time_start": 1, "x": 2})
    assert TABLE["Image.add"](source, constant(1)).properties == {"system:index": "i"}
    assert TABLE["Image.byte"](source).properties == source.properties


@given(band(), band())
def test_normalized_difference(first: Any, second: Any) -> None:
    found = only(TABLE["Image.normalizedDifference"](image(HERE, a=first, b=second), ["a", "b"]))
    a, b = first[0].astype(np.float64), second[0].astype(np.float64)
    total = (a.astype(np.float32) + b.astype(np.float32)) != 0
    good = first[1] & second[1] & (a >= 0) & (b >= 0) & total
    assert np.array_equal(~np.ma.getmaskarray(found), good)
    assert np.allclose(found.data[good], ((a - b) / np.where(total, a + b, 1))[good], atol=1e-5)


def test_clamp_unit_scale_polynomial() -> None:
    data = np.arange(12, dtype=np.int16).reshape(3, 4)
    source = image(HERE, a=data)
    assert np.array_equal(only(TABLE["Image.clamp"](source, 2, 7)), data.clip(2, 7))
    assert np.allclose(only(TABLE["Image.unitScale"](source, 2, 12)), (data - 2) / 10)
    assert np.allclose(only(TABLE["Image.polynomial"](source, [1, 2, 3])), 1 + 2.0 * data + 3.0 * data**2)
    with pytest.raises(EngineError, match="must not be greater"):
        TABLE["Image.clamp"](source, 7, 2)


@pytest.mark.parametrize("name", ["pow", "atan2", "hypot"])
def test_functions_documented_as_float_are(name: str) -> None:
    whole = image(HERE, a=np.full((3, 4), 3, np.uint8))
    result = TABLE[f"Image.{name}"](whole, whole)
    assert result.bands[0].type == PixelType("float") and only(result).dtype == np.float32


def test_bitwise_types_hold_both_inputs() -> None:
    flags, one = image(HERE, q=np.full((3, 4), 5, np.uint16)), BANDS["Image.constant"](1024)
    assert TABLE["Image.bitwiseAnd"](flags, one).bands[0].type == PixelType("int", 0, 65535)
    assert TABLE["Image.bitwiseOr"](one, BANDS["Image.constant"](-1)).bands[0].type == PixelType("int", -32768, 32767)
    assert (only(TABLE["Image.bitwiseOr"](flags, one)) == 1029).all()


def test_cast_adds_masked_bands_in_alphabetical_order() -> None:
    source = image(HERE, b=np.ones((3, 4), np.uint8))
    made = TABLE["Image.cast"](source, {"z": "int8", "a": "double", "b": "float"}, None)
    assert made.names == ["b", "a", "z"] and [b.type.precision for b in made.bands] == ["float", "double", "int"]
    assert [bool(p.mask.any()) for p in pixels(made, HERE).values()] == [True, False, False]
    assert TABLE["Image.cast"](source, {"z": "int8"}, ["z", "b"]).names == ["z", "b"]
    with pytest.raises(EngineError, match="bandOrder must name all bands"):
        TABLE["Image.cast"](source, {"z": "int8"}, ["z"])
