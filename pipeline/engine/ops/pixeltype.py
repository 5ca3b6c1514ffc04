"""PixelType.*: the declared types of bands and arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pipeline.engine.values import INT_RANGES, PixelType, named_type
from pipeline.errors import EngineError

NAMES = ("double", "float", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")


def _make(precision: Any, low: float | None, high: float | None, dimensions: int) -> PixelType:
    """From a precision (`int`, `float`, `double`), a short name (`uint8` …) or another type, with limits."""
    if dimensions < 0:
        raise EngineError(f"PixelType: dimensions must not be negative, got {dimensions}.")
    if isinstance(precision, PixelType):
        base = precision
    elif precision in ("int", "float", "double"):
        base = PixelType(precision)
        if precision == "int" and (low is None or high is None):
            base = named_type("int")
    elif isinstance(precision, str) and precision in INT_RANGES:
        base = named_type(precision)
    else:
        raise EngineError(f"PixelType: precision must be 'int', 'float' or 'double', not {precision!r}.")
    kind = replace(
        base,
        min=base.min if low is None else low,
        max=base.max if high is None else high,
        dimensions=dimensions or base.dimensions,
    )
    if kind.min is not None and kind.max is not None and kind.min > kind.max:
        raise EngineError(f"PixelType: minValue ({kind.min}) must not be greater than maxValue ({kind.max}).")
    return kind


def _named(name: str) -> Callable[[], PixelType]:
    return lambda: named_type(name)


TABLE: dict[str, Callable[..., Any]] = {
    "PixelType": _make,
    "PixelType.dimensions": lambda kind: kind.dimensions,
    "PixelType.maxValue": lambda kind: kind.max,
    "PixelType.minValue": lambda kind: kind.min,
    "PixelType.precision": lambda kind: kind.precision,
    **{f"PixelType.{name}": _named(name) for name in NAMES},
}

NOTES = {"PixelType.minValue": "Null where the type has no limit."}
