import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.language.javafmt import formatted, text
from pipeline.errors import EngineError


@pytest.mark.parametrize(
    ("value", "pattern", "expected"),
    [
        (1, "%03d", "001"),
        (2.0, "%d", "2"),
        (-5, "%05d", "-0005"),
        (1234567, "%,d", "1,234,567"),
        (-3, "%(d", "(3)"),
        (3, "%+d", "+3"),
        (255, "%x", "ff"),
        (255, "%#X", "0XFF"),
        (-1, "%x", "f" * 16),
        (8, "%o", "10"),
        (1.23476, "%.1f", "1.2"),
        (1.23476, "%.3f", "1.235"),
        (0.125, "%.2f", "0.13"),
        (123476, "%.2f", "123476.00"),
        (123476, "%.3e", "1.235e+05"),
        (9.9996, "%.3e", "1.000e+01"),
        (0, "%.1E", "0.0E+00"),
        (0.00012345, "%g", "0.000123450"),
        (1e10, "%.3g", "1.00e+10"),
        (1.5, "%8.2f|", "    1.50|"),
        (1.5, "a%-8.2fb", "a1.50    b"),
        (7, "B%s", "B7"),
        (1.0, "%a", "0x1.0p0"),
        (float("inf"), "%05d", "Infinity"),
        (1e300, "%.0f", "1" + "0" * 300),
    ],
)
def test_patterns(value: float, pattern: str, expected: str) -> None:
    assert formatted(value, pattern) == expected


@given(st.floats(-1e9, 1e9), st.integers(0, 8))
def test_fixed_notation_is_within_half_a_digit(value: float, places: int) -> None:
    assert abs(float(formatted(value, f"%.{places}f")) - value) <= 0.5000001 * 10.0**-places + 1e-6 * abs(value) * 1e-6


@given(st.integers(-(10**12), 10**12))
def test_integers_print_like_python(value: int) -> None:
    assert formatted(value, "%012d") == f"{value:012d}"


@pytest.mark.parametrize("pattern", ["", "abc", "%", "%d%d", "%q", "%c", "100%", "%99999d"])
def test_bad_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(EngineError, match="format pattern"):
        formatted(1, pattern)


def test_fractions_are_no_integers() -> None:
    with pytest.raises(EngineError, match="not an integer"):
        formatted(1.5, "%d")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, "1"),
        (1.0, "1"),
        (0.5, "0.5"),
        (-0.001, "-0.001"),
        (0.00012, "1.2E-4"),
        (1e20, "1.0E20"),
        (12345678.5, "1.23456785E7"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
    ],
)
def test_plain_text(value: float, expected: str) -> None:
    assert text(value) == expected
