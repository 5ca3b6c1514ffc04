"""Array.*: arithmetic element by element, casts, dot products. The rules are those of single numbers.

Two arrays must have the same shape, or one of them no dimensions at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pipeline.engine.language import elementwise
from pipeline.engine.language.arrays import array, convert
from pipeline.engine.values import INT_RANGES, Array, PixelType, named_type
from pipeline.errors import EngineError

NDArray = np.ndarray[Any, Any]


def _unary(rule: elementwise.Unary) -> Callable[[Array], Array]:
    def apply(source: Array) -> Array:
        with np.errstate(all="ignore"):
            return array(np.asarray(rule(elementwise.operand(source.data))))

    return apply


def _binary(name: str, rule: elementwise.Binary) -> Callable[[Array, Array], Array]:
    def apply(left: Array, right: Array) -> Array:
        a, b = left.data, right.data
        if a.shape != b.shape and a.ndim and b.ndim:
            raise EngineError(
                f"{name}: Arrays must have the same shape, or one must be a single number; "
                f"found {list(a.shape)} and {list(b.shape)}."
            )
        with np.errstate(all="ignore"):
            return array(np.asarray(rule(elementwise.operand(a), elementwise.operand(b))))

    return apply


def _power(left: NDArray, right: NDArray) -> NDArray:
    """Single precision from integers alone: Earth Engine documents 0.009999999776482582 for [10] to the power [-2]."""
    result: NDArray = np.power(left.astype(np.float64), right.astype(np.float64))
    return result.astype(np.float32) if left.dtype.kind == right.dtype.kind == "i" else result


def _cast(kind: PixelType) -> Callable[[Array], Array]:
    return lambda source: convert(source.data, kind)


def _dot(left: Array, right: Array) -> Any:
    """The sum of the products of two vectors."""
    if left.data.ndim != 1 or left.data.shape != right.data.shape:
        raise EngineError(
            f"Array.dotProduct: Needs two vectors of the same length, found shapes "
            f"{list(left.data.shape)} and {list(right.data.shape)}."
        )
    return np.dot(elementwise.operand(left.data), elementwise.operand(right.data)).item()


CASTS = {name: _cast(named_type(name)) for name in (*INT_RANGES, "float", "double")}

TABLE: dict[str, Callable[..., Any]] = {
    **{f"Array.{name}": _unary(rule) for name, rule in elementwise.UNARY.items()},
    **{f"Array.{name}": _binary(f"Array.{name}", rule) for name, rule in elementwise.BINARY.items()},
    **{f"Array.{name}": rule for name, rule in CASTS.items()},
    **{f"Array.to{name[0].upper()}{name[1:]}": rule for name, rule in CASTS.items()},
    "Array.dotProduct": _dot,
    "Array.pow": _binary("Array.pow", _power),
}

NOTES = {"Array.add": "Integer results are 64 bits wide, and doubles beyond; so with subtract and multiply."}
