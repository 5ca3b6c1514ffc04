import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from pipeline.engine.ops.number import TABLE
from pipeline.errors import EngineError

small = st.integers(-(10**9), 10**9)
reals = st.floats(-1e6, 1e6)


def call(name: str, *args: Any) -> Any:
    return TABLE[f"Number.{name}"](*args)


@given(small, small)
def test_integers_stay_exact(a: int, b: int) -> None:
    assert call("add", a, b) == a + b
    assert call("multiply", a, b) == a * b
    assert isinstance(call("multiply", a, b), int)


@given(reals, reals)
def test_division_is_fractional_and_by_zero_zero(a: float, b: float) -> None:
    assert call("divide", a, b) == (a / b if b else 0)


@given(small, small)
def test_the_remainder_has_the_dividends_sign(a: int, b: int) -> None:
    assert call("mod", a, b) == (int(math.fmod(a, b)) if b else 0)


def test_integers_beyond_64_bits_become_doubles() -> None:
    assert call("multiply", 2**62, 4) == float(2**64)
    assert call("add", 2**63 - 1, 1) == float(2**63)
    assert call("add", 2**63 - 1, 0) == 2**63 - 1


@given(small)
def test_bits_are_those_of_64(a: int) -> None:
    assert call("bitwiseNot", a) == ~a
    assert call("bitCount", a) == (a & (2**64 - 1)).bit_count()
    assert call("leftShift", a, 3) == a << 3
    assert call("rightShift", a, 3) == a >> 3
    assert call("leftShift", a, -3) == a >> 3


@pytest.mark.parametrize(("value", "expected"), [(10.4, 10), (10.5, 11), (-2.5, -2), (-2.6, -3), (7, 7)])
def test_halves_round_up(value: float, expected: int) -> None:
    assert call("round", value) == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("int8", 300, 127),
        ("uint8", -5, 0),
        ("byte", 1.7, 1),
        ("toInt", -1.7, -1),
        ("long", 1e300, 2**63 - 1),
        ("toShort", math.nan, 0),
        ("toUint32", 2.0**40, 2**32 - 1),
        ("float", 0.1, float(np.float32(0.1))),
        ("float", 1e300, math.inf),
        ("toDouble", 3, 3.0),
    ],
)
def test_casts_truncate_and_clamp(name: str, value: float, expected: float) -> None:
    assert call(name, value) == expected


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("atan2", (1, 0), 0),
        ("atan2", (0, 1), math.pi / 2),
        ("firstNonZero", (0, 7), 7),
        ("and", (5, 10), 1),
        ("or", (0, 0), 0),
        ("not", (3,), 0),
        ("eq", (1, 1.0), 1),
        ("signum", (-3.5,), -1),
        ("hypot", (3, 4), 5),
        ("pow", (5, -2), 0.04),
        ("unitScale", (5, 0, 10), 0.5),
        ("unitScale", (5, 3, 3), 0),
        ("clamp", (15, 0, 10), 10),
        ("parse", ("3e8", 16), 1000),
        ("parse", ("1.5e2", 10), 150),
        ("gammainc", (1, 2), 0.2642411176571153),
    ],
)
def test_single_answers(name: str, args: tuple[Any, ...], expected: float) -> None:
    assert call(name, *args) == pytest.approx(expected, rel=1e-12)


def test_special_functions_at_their_poles() -> None:
    assert math.isnan(call("gamma", -2))
    assert call("digamma", 0) == -math.inf
    assert call("trigamma", -100) == math.inf
    assert call("lanczos", -1) == math.inf
    assert math.isnan(call("gammainc", -1, 1))
    assert call("erfcInv", 0) == math.inf
    assert call("log", 0) == -math.inf
    assert math.isnan(call("sqrt", -1))


@given(st.floats(-20, 200))
def test_digamma_is_close_to_the_true_function(x: float) -> None:
    if x > 0 or abs(x - round(x)) > 1e-3:
        assert call("digamma", x) == pytest.approx(float(special.digamma(x)), rel=1e-7, abs=1e-7)


@given(st.floats(-20, 20))
def test_trigamma_follows_its_recurrence(x: float) -> None:
    if abs(x - round(x)) > 0.01 or x > 0.01:
        assert call("trigamma", x) == pytest.approx(call("trigamma", x + 1) + 1 / x**2, rel=1e-9)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("a + b * 2", 8),
        ("-a ** 2", -4),
        ("2 ** 3 ** 2", 512),
        ("a > b ? 10 : 20", 20),
        ("(a == 2) && !(b == 2)", 1),
        ("7 % 4 + 1 / 4", 3.25),
        ("max(a, b) + sqrt(16)", 7),
        ("1e3 + .5", 1000.5),
        ("5 & 3 | 8", 9),
        ("cos(PI)", -1),
        ("cos(Math.PI) + Math.E / Math.E", 0),
        ("inner.x ** a + max(inner.x, inner['y'])", 30),
    ],
)
def test_expressions(formula: str, expected: float) -> None:
    assert call("expression", formula, {"a": 2, "b": 3, "inner": {"x": 5, "y": 4}}) == expected


@pytest.mark.parametrize(
    "formula", ["", "a +", "(1", "1 2", "nope(1)", "b", "#", "sqrt(1, 2)", "(" * 5000, "a.x", "Math.TAU", "Math"]
)
def test_bad_expressions_are_refused(formula: str) -> None:
    with pytest.raises(EngineError, match=r"Number\.expression"):
        call("expression", formula, {"a": 1})


@pytest.mark.parametrize(("text", "radix"), [("x", 10), ("1_0", 10), ("9", 8), ("1.5", 2), ("1", 1)])
def test_text_that_is_no_number_is_refused(text: str, radix: int) -> None:
    with pytest.raises(EngineError, match=r"Number\.parse"):
        call("parse", text, radix)


def test_too_large_integers_are_refused() -> None:
    with pytest.raises(EngineError, match="too large"):
        call("add", 10**400, 1)
