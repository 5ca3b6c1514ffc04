"""Declared types of results: never narrower than the values they hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine import pixeltypes as pt
from pipeline.engine.values import INT_RANGES, PixelType, named_type


@st.composite
def integers(draw: st.DrawFn) -> PixelType:
    low, high = sorted((draw(st.integers(-(10**9), 10**9)), draw(st.integers(-(10**9), 10**9))))
    return PixelType("int", low, high)


RULES = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply, "smaller": np.minimum, "larger": np.maximum}


@pytest.mark.parametrize("name", RULES)
@given(a=integers(), b=integers(), share=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_results_lie_in_the_declared_range(name: str, a: PixelType, b: PixelType, share: tuple[float, float]) -> None:
    kind = getattr(pt, name)(a, b)
    x, y = (int(t.min + s * (t.max - t.min)) for t, s in ((a, share[0]), (b, share[1])))  # type: ignore[operator]
    value = int(RULES[name](np.int64(x), np.int64(y)))
    assert kind.min <= value <= kind.max
    limits = np.iinfo(kind.dtype)
    assert limits.min <= kind.min and kind.max <= limits.max


@given(integers(), integers())
def test_a_union_holds_both(a: PixelType, b: PixelType) -> None:
    union = a.union(b)
    assert union.min == min(a.min, b.min) and union.max == max(a.max, b.max)  # type: ignore[type-var]
    assert a.union(PixelType("double")).precision == "double" and a.union(PixelType("double")).min is None


@pytest.mark.parametrize("name", INT_RANGES)
def test_short_names_stand_for_numpys_types(name: str) -> None:
    kind = named_type(name)
    assert np.iinfo(kind.dtype).min == kind.min and np.iinfo(kind.dtype).max == kind.max


def test_mixtures_of_precision() -> None:
    short, long, constant = PixelType("int", 0, 65535), PixelType("int", 0, 2**31), PixelType("double", 0.5, 0.5)
    assert pt.multiply(short, constant).precision == "float"
    assert pt.multiply(long, constant).precision == "double"
    assert pt.add(PixelType("float"), PixelType("double")).precision == "double"
    assert pt.divide(short, short) == PixelType("float")
    assert pt.absolute(PixelType("int", -5, 3)) == PixelType("int", 0, 5)
    assert pt.bits(PixelType("int", 0, 2**40)).dtype == np.int64
