"""Making arrays: from nested lists, from NumPy data, and from one type to another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from pipeline.engine.language.elementwise import cast, operand
from pipeline.engine.limits import unfolded
from pipeline.engine.values import BOOLEAN, DOUBLE, FLOAT, Array, PixelType, named_type
from pipeline.errors import EngineError

NDArray = np.ndarray[Any, Any]
MAX_ELEMENTS = 10_000_000


def array(data: NDArray) -> Array:
    """An array of computed data: boolean becomes int [0, 1], integers are 64 bits wide, floats keep their width."""
    if data.dtype == bool:
        kind = BOOLEAN
    elif data.dtype.kind in "iu":
        kind = named_type("long")
    else:
        kind = FLOAT if data.dtype == np.float32 else DOUBLE
    return typed(data, kind)


def typed(data: NDArray, kind: PixelType) -> Array:
    """An array of data that already lies within the type."""
    kind = replace(kind, dimensions=data.ndim)
    with np.errstate(over="ignore"):
        return Array(data.astype(kind.dtype), kind)


def affordable(count: float, who: str) -> None:
    """Refuses results of more elements than fit into memory."""
    if not count <= MAX_ELEMENTS:
        raise EngineError(f"{who}: The result would have more than {MAX_ELEMENTS} elements, which is too many.")


def convert(data: NDArray, kind: PixelType) -> Array:
    """An array cast to a type: integers are rounded and clamped to its range, as Array.byte is documented to do."""
    if kind.precision != "int":
        return typed(operand(data), kind)
    low = -(2**63) if kind.min is None else int(kind.min)
    high = 2**63 - 1 if kind.max is None else int(kind.max)
    return typed(cast(operand(data), low, high, rounds=True), kind)


def from_values(values: Any, kind: PixelType | None = None) -> Array:
    """An array from a number, a nested list of numbers or an array; integers alone make an integer array."""
    if isinstance(values, Array):
        return values if kind is None else convert(values.data, kind)
    _check(unfolded(values, "Array"))
    shape = _shape(values)
    if not _has_numbers(values):
        if kind is None:
            raise EngineError("Array: No numbers in 'values', must provide 'pixelType'.")
        return typed(np.zeros(shape), kind)
    data = operand(_plain(values))
    return array(data) if kind is None else convert(data, kind)


def _plain(values: Any) -> Any:
    """Nested lists with inner arrays unfolded."""
    if isinstance(values, Array):
        return values.data.tolist()
    return [_plain(v) for v in values] if isinstance(values, (list, tuple)) else values


def _check(values: Any) -> None:
    if isinstance(values, (list, tuple)):
        for value in values:
            _check(value)
    elif not isinstance(values, (int, float, Array)):
        raise EngineError(f"Array: Parameter 'values' must be a number or a nested list of numbers, found {values!r}.")


def _shape(values: Any) -> tuple[int, ...]:
    if isinstance(values, Array):
        return tuple(values.data.shape)
    if not isinstance(values, (list, tuple)):
        return ()
    inner = {_shape(v) for v in values}
    if len(inner) > 1:
        raise EngineError("Array: All inner arrays at the same depth of 'values' must have the same length.")
    return (len(values), *next(iter(inner), ()))


def _has_numbers(values: Any) -> bool:
    if isinstance(values, Array):
        return values.data.size > 0
    return any(map(_has_numbers, values)) if isinstance(values, (list, tuple)) else True
