"""The plain values of Earth Engine: what functions take and give besides images and collections.

Numbers, strings, booleans, lists, dictionaries and null are Python's own. Everything here is immutable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Precision = Literal["int", "float", "double"]

_INT_TYPES: tuple[tuple[type[np.integer[Any]], int, int], ...] = tuple(
    (t, int(np.iinfo(t).min), int(np.iinfo(t).max))
    for t in (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.int64)
)


@dataclass(frozen=True)
class PixelType:
    """The declared type of a band or an array: precision, range, and the number of array dimensions."""

    precision: Precision
    min: float | None = None
    max: float | None = None
    dimensions: int = 0

    @property
    def dtype(self) -> np.dtype[Any]:
        """The narrowest NumPy type that holds the declared range."""
        if self.precision == "float":
            return np.dtype(np.float32)
        if self.precision == "double":
            return np.dtype(np.float64)
        low = -(2**63) if self.min is None else self.min
        high = 2**63 - 1 if self.max is None else self.max
        for kind, least, most in _INT_TYPES:
            if least <= low and high <= most:
                return np.dtype(kind)
        return np.dtype(np.int64)

    def union(self, other: PixelType) -> PixelType:
        """The smallest type that holds both: the wider precision and the hull of the ranges."""
        order = ("int", "float", "double")
        precision = max(self.precision, other.precision, key=order.index)
        low = None if self.min is None or other.min is None else min(self.min, other.min)
        high = None if self.max is None or other.max is None else max(self.max, other.max)
        return PixelType(precision, low, high, max(self.dimensions, other.dimensions))


INT_RANGES: dict[str, tuple[int, int]] = {
    "int8": (-128, 127),
    "uint8": (0, 255),
    "byte": (0, 255),
    "int16": (-32768, 32767),
    "short": (-32768, 32767),
    "uint16": (0, 65535),
    "int32": (-(2**31), 2**31 - 1),
    "int": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "long": (-(2**63), 2**63 - 1),
}

FLOAT = PixelType("float")
DOUBLE = PixelType("double")
BOOLEAN = PixelType("int", 0, 1)


def named_type(name: str, dimensions: int = 0) -> PixelType:
    """The PixelType that Earth Engine's short names (`uint8`, `short`, `float` …) stand for."""
    if name in ("float", "double"):
        return PixelType(name, None, None, dimensions)  # type: ignore[arg-type]
    low, high = INT_RANGES[name]
    return PixelType("int", low, high, dimensions)


@dataclass(frozen=True, eq=False)
class Array:
    """An Earth Engine array: an n-dimensional numeric value with a declared type.

    `data` has exactly `type`'s NumPy type; a zero-length array keeps its dimensions in its shape.
    """

    data: np.ndarray[Any, Any]
    type: PixelType


@dataclass(frozen=True)
class Date:
    """An instant, in milliseconds since 1970-01-01 UTC."""

    millis: int


@dataclass(frozen=True)
class DateRange:
    """Half-open [start, end) in milliseconds; None on both sides is unbounded, end <= start is empty."""

    start: int | None
    end: int | None


@dataclass(frozen=True)
class ErrorMargin:
    """How far a geometry result may be off; recorded, and used where an operation approximates."""

    value: float | None
    unit: str = "meters"


@dataclass(frozen=True)
class Projection:
    """A CRS and the affine transform from pixels to its coordinates.

    `transform` is Earth Engine's order: scaleX, shearX, translateX, shearY, scaleY, translateY.
    """

    crs: str = "EPSG:4326"
    transform: tuple[float, float, float, float, float, float] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


WGS84 = Projection()


@dataclass(frozen=True, eq=False)
class Kernel:
    """Weights around a pixel. `weights` (rows, columns) with the centre at (`y`, `x`).

    A kernel given in metres has no weights of its own before the pixel size is known: `at(metres)` makes them.
    """

    name: str
    at: Callable[[float], KernelWeights]
    in_metres: bool = False


@dataclass(frozen=True, eq=False)
class KernelWeights:
    """A kernel's weights (rows, columns; float64, 0 = outside) and its centre cell (x, y)."""

    weights: np.ndarray[Any, Any]
    x: int
    y: int


@dataclass(frozen=True, eq=False)
class Filter:
    """A test on elements. `test(element)` for one element; `pair(left, right)` for joins.

    `name` and `args` say what is asked, so that an archive's index can narrow a query before anything is opened.
    """

    name: str
    args: dict[str, Any]
    pair: Callable[[Any, Any], bool]
    measure: Callable[[Any, Any], float] | None = None
    parts: tuple[Filter, ...] = ()

    def test(self, element: Any) -> bool:
        """Whether one element passes."""
        return self.pair(element, None)


@dataclass(frozen=True, eq=False)
class Join:
    """How pairs that pass a filter are put together. `apply(primary, secondary, condition)` → elements."""

    name: str
    args: dict[str, Any]
    apply: Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Function:
    """A function value: called with positional values, in the order of `arguments`."""

    arguments: Sequence[str]
    call: Callable[..., Any]

    def __call__(self, *values: Any) -> Any:
        """The result for these values."""
        return self.call(*values)


@dataclass(frozen=True, eq=False)
class Opaque:
    """A value that is passed on and printed, but has no arithmetic: a Blob, a confusion matrix, a classifier."""

    type: str
    args: dict[str, Any] = field(default_factory=dict)
