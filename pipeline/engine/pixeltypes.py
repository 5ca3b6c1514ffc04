"""Types of results: how precision and range go through arithmetic, by intervals.

Mixed precision: an integer of at most 16 bits with a real constant gives `float` (as Earth Engine reports for
`image.multiply(0.0001)`); any other mixture with `double` gives `double`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from pipeline.engine.values import PixelType, Precision

LONG = (-(2**63), 2**63 - 1)


def precision(a: PixelType, b: PixelType) -> Precision:
    """The precision of arithmetic on two types."""
    if a.precision == b.precision:
        return a.precision
    if _real_constant(a) or _real_constant(b):
        other = b if _real_constant(a) else a
        return "float" if other.precision == "float" or _fits_16_bits(other) else "double"
    if "double" in (a.precision, b.precision):
        return "double"
    return "float" if _fits_16_bits(a) or _fits_16_bits(b) else "double"


def _real_constant(kind: PixelType) -> bool:
    return kind.precision == "double" and kind.min is not None and kind.min == kind.max


def _fits_16_bits(kind: PixelType) -> bool:
    return (
        kind.precision == "int"
        and kind.min is not None
        and kind.max is not None
        and (kind.min >= -32768 and kind.max <= 65535)
    )


def ranged(kind: Precision, values: Iterable[float] | None, dimensions: int = 0) -> PixelType:
    """A type with the hull of the values as range; integers stay within 64 bits, infinities mean no range."""
    known = [] if values is None else list(values)
    if not known or any(not math.isfinite(v) for v in known):
        low_, high_ = LONG if kind == "int" else (None, None)
        return PixelType(kind, low_, high_, dimensions)
    low, high = min(known), max(known)
    if kind == "int":
        low, high = max(int(low), LONG[0]), min(int(high), LONG[1])
    return PixelType(kind, low, high, dimensions)


def corners(operation: Callable[[float, float], float]) -> Callable[[PixelType, PixelType], PixelType]:
    """The rule of a monotone operation: precision of both, range from the corners of both ranges."""

    def rule(a: PixelType, b: PixelType) -> PixelType:
        dimensions = max(a.dimensions, b.dimensions)
        values = None
        if a.min is not None and a.max is not None and b.min is not None and b.max is not None:
            values = [operation(x, y) for x in (a.min, a.max) for y in (b.min, b.max)]
        return ranged(precision(a, b), values, dimensions)

    return rule


add = corners(lambda x, y: x + y)
subtract = corners(lambda x, y: x - y)
multiply = corners(lambda x, y: x * y)
smaller = corners(min)
larger = corners(max)


def divide(a: PixelType, b: PixelType) -> PixelType:
    """Always fractional; a range only where the divisor cannot be zero (division by zero gives 0)."""
    kind: Precision = "float" if _short(a) and _short(b) else "double"
    values = None
    if a.min is not None and a.max is not None and b.min is not None and b.max is not None and b.min * b.max > 0:
        values = [x / y for x in (a.min, a.max) for y in (b.min, b.max)]
    return ranged(kind, values, max(a.dimensions, b.dimensions))


def _short(kind: PixelType) -> bool:
    return kind.precision == "float" or _fits_16_bits(kind) or _real_constant(kind)


def real(a: PixelType, b: PixelType | None = None) -> PixelType:
    """Floating point without a range: float from floats, double from anything else."""
    both_float = a.precision == "float" and (b is None or b.precision == "float")
    dimensions = max(a.dimensions, 0 if b is None else b.dimensions)
    return PixelType("float" if both_float else "double", None, None, dimensions)


def floating(a: PixelType, b: PixelType) -> PixelType:
    """Float without a range, whatever the inputs."""
    return PixelType("float", None, None, max(a.dimensions, b.dimensions))


def boolean(a: PixelType, b: PixelType | None = None) -> PixelType:
    """int [0, 1]."""
    return PixelType("int", 0, 1, max(a.dimensions, 0 if b is None else b.dimensions))


def bitwise(a: PixelType, b: PixelType) -> PixelType:
    """The whole range of the smallest integer type that holds both: bits may make any number of it."""
    both = a.union(b)
    if both.precision != "int":
        return bits(a, b)
    limits = np.iinfo(both.dtype)
    return PixelType("int", int(limits.min), int(limits.max), both.dimensions)


def bits(a: PixelType, b: PixelType | None = None) -> PixelType:
    """64-bit integers where either needs them, else 32-bit."""
    wide = any(
        k is not None and (k.min is None or k.max is None or k.min < -(2**31) or k.max >= 2**31) for k in (a, b) if k
    )
    low, high = LONG if wide else (-(2**31), 2**31 - 1)
    return PixelType("int", low, high, max(a.dimensions, 0 if b is None else b.dimensions))


def absolute(a: PixelType) -> PixelType:
    """The same precision, the range folded at zero."""
    if a.min is None or a.max is None:
        return a
    low = 0 if a.min <= 0 <= a.max else min(abs(a.min), abs(a.max))
    return ranged(a.precision, [low, abs(a.min), abs(a.max)], a.dimensions)


def same(a: PixelType) -> PixelType:
    """Unchanged."""
    return a


def mod(a: PixelType, b: PixelType) -> PixelType:
    """Precision of both; the remainder has the dividend's sign."""
    if a.min is None or a.max is None or b.min is None or b.max is None:
        return ranged(precision(a, b), None, max(a.dimensions, b.dimensions))
    most = max(abs(b.min), abs(b.max))
    return ranged(precision(a, b), [0 if a.min >= 0 else -most, most], max(a.dimensions, b.dimensions))


def union(a: PixelType, b: PixelType) -> PixelType:
    """The smallest type that holds both."""
    return a.union(b)
