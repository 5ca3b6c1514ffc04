"""What functions of one or two numbers do, on NumPy arrays of any shape: the rules behind Number.* and Array.*.

Operands are int64 or floating point. Integer arithmetic that leaves 64 bits goes on in float64. Comparisons give
boolean arrays. Nothing here knows of Earth Engine's values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special as sp

from pipeline.engine.language import special
from pipeline.errors import EngineError

NDArray = np.ndarray[Any, Any]
Unary = Callable[[NDArray], Any]
Binary = Callable[[NDArray, NDArray], Any]


def operand(value: Any) -> NDArray:
    """A number or array as int64 or floating point; integers beyond 64 bits become float64."""
    data = np.asarray(value)
    if data.dtype == object:
        try:
            return data.astype(np.float64)
        except OverflowError:
            raise EngineError("An integer is too large to be a number of Earth Engine.") from None
    return data.astype(np.int64) if data.dtype.kind in "iub" else data


def whole(data: NDArray) -> NDArray:
    """Values as int64, cut toward zero and clamped; NaN is 0, as Java's cast has it."""
    if data.dtype.kind in "iub":
        return data.astype(np.int64)
    cut = np.trunc(np.nan_to_num(data.astype(np.float64), nan=0.0))
    return _clamped(cut, -(2**63), 2**63 - 1)


def cast(data: NDArray, low: int, high: int, *, rounds: bool) -> NDArray:
    """Values as int64 within [low, high]. Earth Engine rounds the elements of arrays and truncates numbers."""
    if data.dtype.kind in "iub":
        return np.clip(data.astype(np.int64), low, high)
    cut = np.floor(data + 0.5) if rounds else np.trunc(data)
    return _clamped(np.nan_to_num(cut.astype(np.float64), nan=0.0), low, high)


def _clamped(integral: NDArray, low: int, high: int) -> NDArray:
    """Integral float64 values as int64 in range; 2**63 is representable as a float but not as an integer."""
    inside = np.clip(integral, low, high)
    below = np.where(inside >= 2.0**63, 0.0, inside).astype(np.int64)
    return np.where(inside >= 2.0**63, np.int64(min(high, 2**63 - 1)), below)


def _arithmetic(function: Any) -> Binary:
    def apply(a: NDArray, b: NDArray) -> NDArray:
        result: NDArray = function(a, b)
        if result.dtype.kind != "i":
            return result
        wide: NDArray = function(a.astype(np.float64), b.astype(np.float64))
        # What wraps around is off by a multiple of 2**64; rounding to doubles is off by far less.
        fits = np.abs(wide - result) < 2.0**62
        return result if bool(fits.all()) else wide

    return apply


def _divide(a: NDArray, b: NDArray) -> NDArray:
    """Always fractional; division by zero gives zero, as the documentation says."""
    return np.where(b == 0, 0, np.true_divide(a, np.where(b == 0, 1, b)))


def _mod(a: NDArray, b: NDArray) -> NDArray:
    """The remainder with the dividend's sign; by zero it is zero."""
    return np.where(b == 0, 0, np.fmod(a, np.where(b == 0, 1, b)))


def _first(a: NDArray, b: NDArray) -> NDArray:
    return np.broadcast_to(a, np.broadcast_shapes(a.shape, b.shape))


def _bits(function: Any) -> Binary:
    return lambda a, b: function(whole(a), whole(b))


def _shift(left: bool) -> Binary:
    """Shifts of 64-bit integers; a negative count goes the other way, as for images."""

    def apply(a: NDArray, b: NDArray) -> Any:
        value, count = whole(a), whole(b) * (1 if left else -1)
        up: NDArray = np.left_shift(value, np.maximum(count, 0))
        down: NDArray = np.right_shift(value, np.maximum(-count, 0))
        return np.where(count >= 0, up, down)

    return apply


def _integral(function: Any) -> Unary:
    """Rounding: integers stay, floats become int64 where all results fit."""

    def apply(x: NDArray) -> NDArray:
        if x.dtype.kind == "i":
            return x
        result: NDArray = function(x)
        fits = np.abs(result) < 2.0**63
        return result.astype(np.int64) if bool(fits.all()) else result

    return apply


BINARY: dict[str, Binary] = {
    "add": _arithmetic(np.add),
    "subtract": _arithmetic(np.subtract),
    "multiply": _arithmetic(np.multiply),
    "divide": _divide,
    "mod": _mod,
    "pow": lambda a, b: np.power(a.astype(np.float64), b.astype(np.float64)),
    "min": np.minimum,
    "max": np.maximum,
    "hypot": np.hypot,
    # The documentation's examples: the left value is x, the right one y.
    "atan2": lambda x, y: np.arctan2(y, x),
    "gammainc": special.gammainc,
    "first": _first,
    "firstNonZero": lambda a, b: np.where(a != 0, a, b),
    "first_nonzero": lambda a, b: np.where(a != 0, a, b),
    "eq": np.equal,
    "neq": np.not_equal,
    "lt": np.less,
    "lte": np.less_equal,
    "gt": np.greater,
    "gte": np.greater_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "bitwiseAnd": _bits(np.bitwise_and),
    "bitwise_and": _bits(np.bitwise_and),
    "bitwiseOr": _bits(np.bitwise_or),
    "bitwise_or": _bits(np.bitwise_or),
    "bitwiseXor": _bits(np.bitwise_xor),
    "bitwise_xor": _bits(np.bitwise_xor),
    "leftShift": _shift(True),
    "left_shift": _shift(True),
    "rightShift": _shift(False),
    "right_shift": _shift(False),
}

UNARY: dict[str, Unary] = {
    "abs": np.abs,
    "ceil": _integral(np.ceil),
    "floor": _integral(np.floor),
    # Halves go up, as Java's Math.round does.
    "round": _integral(lambda x: np.floor(x + 0.5)),
    "signum": np.sign,
    "not": np.logical_not,
    "bitwiseNot": lambda x: ~whole(x),
    "bitwise_not": lambda x: ~whole(x),
    "bitCount": lambda x: np.bitwise_count(whole(x).astype(np.uint64)).astype(np.int64),
    "sqrt": np.sqrt,
    "cbrt": np.cbrt,
    "exp": np.exp,
    "log": np.log,
    "log10": np.log10,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "gamma": special.gamma,
    "digamma": special.digamma,
    "trigamma": special.trigamma,
    "lanczos": special.lanczos,
    "erf": sp.erf,
    "erfc": sp.erfc,
    "erfInv": sp.erfinv,
    "erfcInv": sp.erfcinv,
}
