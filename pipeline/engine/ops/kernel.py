"""Kernel.*: weights around a pixel, made when the pixel size is known. Knows nothing of images.

Distances count from cell centre to cell centre; a cell belongs to a shape when its centre does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pipeline.engine.image import Band
from pipeline.engine.plan import NDArray
from pipeline.engine.space import crs
from pipeline.engine.values import Kernel, KernelWeights
from pipeline.errors import EngineError

MAX_RADIUS = 2048
ROUNDING = 1e-6  # a radius of 30 m at 10.000001 m is still 3 pixels

MAX_BANDS = 10_000

Cells = Callable[[NDArray, NDArray, float], NDArray]


def stacked_bytes(kernel: Kernel, band: Band) -> int:
    """What all pixels under the kernel take, with their masks; in the band's own pixels where it counts in metres."""
    scale = crs.nominal_scale(band.projection) if kernel.in_metres else 1.0
    return (band.type.dtype.itemsize + 4) * int(np.count_nonzero(kernel.at(scale).weights))


def few_cells(weights: KernelWeights, who: str) -> None:
    """Refuses kernels of too many cells to make a band of each."""
    if np.count_nonzero(weights.weights) > MAX_BANDS:
        raise EngineError(f"{who}: kernels of at most {MAX_BANDS} cells make bands.")


def _kernel(name: str, units: str, make: Callable[[float], KernelWeights]) -> Kernel:
    """A kernel whose `make(unit)` gets the length of one pixel in the kernel's units."""
    if units not in ("pixels", "meters"):
        raise EngineError(f"{name}: units must be 'pixels' or 'meters', but got {units!r}.")
    if units == "pixels":
        fixed = make(1.0)
        return Kernel(name, lambda metres: fixed)
    return Kernel(name, make, in_metres=True)


def _normalised(weights: NDArray, magnitude: float) -> NDArray:
    """Weights that sum to `magnitude`; with negative ones among them, to 0 (guide "Convolutions").

    How they come to 0 is not documented: positive and negative weights are scaled apart, to plus and minus magnitude.
    """
    result = np.zeros_like(weights)
    signs = (1, -1) if (weights < 0).any() else (1,)
    for sign in signs:
        part = sign * weights > 0
        if part.any():
            result[part] = weights[part] / abs(weights[part].sum()) * magnitude
    return result


def _finished(weights: NDArray, x: int, y: int, normalize: bool, magnitude: float) -> KernelWeights:
    weights = np.asarray(weights, np.float64)
    return KernelWeights(_normalised(weights, magnitude) if normalize else weights * magnitude, x, y)


def _half(name: str, radius: float) -> int:
    if not 0 <= radius < MAX_RADIUS + 1:
        raise EngineError(f"{name}: radius must be between 0 and {MAX_RADIUS} pixels, but is {radius:g} pixels.")
    return int(np.floor(radius * (1 + ROUNDING)))


def _shape(name: str, cells: Cells) -> Callable[[float, str, bool, float], Kernel]:
    """A constructor for the square window whose weights are `cells(|dx|, |dy|, radius in pixels)`."""

    def construct(radius: float, units: str, normalize: bool, magnitude: float) -> Kernel:
        def make(unit: float) -> KernelWeights:
            half = _half(name, radius / unit)
            dy, dx = np.abs(np.mgrid[-half : half + 1, -half : half + 1])
            return _finished(cells(dx, dy, radius / unit * (1 + ROUNDING)), half, half, normalize, magnitude)

        return _kernel(name, units, make)

    return construct


def _distance(name: str, cells: Callable[[NDArray, NDArray], NDArray]) -> Callable[[float, str, bool, float], Kernel]:
    """A constructor for distances over the whole square window, in the kernel's units."""

    def construct(radius: float, units: str, normalize: bool, magnitude: float) -> Kernel:
        def make(unit: float) -> KernelWeights:
            half = _half(name, radius / unit)
            dy, dx = np.abs(np.mgrid[-half : half + 1, -half : half + 1])
            return _finished(cells(dx, dy) * unit, half, half, normalize, magnitude)

        return _kernel(name, units, make)

    return construct


def _matrix(name: str, rows: list[list[int]]) -> Callable[[float, bool], Kernel]:
    """A constructor for a small fixed matrix, its focus right of and below the middle if the size is even."""

    def construct(magnitude: float, normalize: bool) -> Kernel:
        weights = np.array(rows, np.float64)
        made = _finished(weights, weights.shape[1] // 2, weights.shape[0] // 2, normalize, magnitude)
        return Kernel(name, lambda metres: made)

    return construct


def rectangle(x_radius: float, y_radius: float, units: str, normalize: bool, magnitude: float) -> Kernel:
    """All cells within xRadius and yRadius of the centre."""

    def make(unit: float) -> KernelWeights:
        x, y = _half("Kernel.rectangle", x_radius / unit), _half("Kernel.rectangle", y_radius / unit)
        return _finished(np.ones((2 * y + 1, 2 * x + 1)), x, y, normalize, magnitude)

    return _kernel("Kernel.rectangle", units, make)


def gaussian(radius: float, sigma: float, units: str, normalize: bool, magnitude: float) -> Kernel:
    """A Gaussian over the cells nearer than the radius on both axes: radius 3 prints 5 x 5 in the documentation."""
    if sigma <= 0:
        raise EngineError(f"Kernel.gaussian: sigma must be positive, but is {sigma:g}.")

    def make(unit: float) -> KernelWeights:
        pixels = radius / unit
        half = max(int(np.ceil(pixels * (1 - ROUNDING))) - 1, 0) if _half("Kernel.gaussian", pixels) else 0
        dy, dx = np.mgrid[-half : half + 1, -half : half + 1]
        weights = np.exp(-(dx**2 + dy**2) / (2 * (sigma / unit) ** 2))
        return _finished(weights, half, half, normalize, magnitude)

    return _kernel("Kernel.gaussian", units, make)


def fixed(width: int, height: int, weights: list[Any], x: int, y: int, normalize: bool) -> Kernel:
    """The given rows of weights; -1 takes the size from the weights and the middle for the focus."""
    try:
        matrix = np.array(weights, np.float64)
    except (TypeError, ValueError):
        raise EngineError("Kernel.fixed: weights must be rows of numbers, all of one length.") from None
    if matrix.ndim != 2 or matrix.size == 0:
        raise EngineError("Kernel.fixed: weights must be rows of numbers, all of one length.")
    rows, columns = matrix.shape
    if width not in (-1, columns) or height not in (-1, rows):
        raise EngineError(
            f"Kernel.fixed: weights are {columns} x {rows}, but width x height is {width} x {height}. Leave both out."
        )
    x, y = columns // 2 if x == -1 else x, rows // 2 if y == -1 else y
    if not (0 <= x < columns and 0 <= y < rows):
        raise EngineError(f"Kernel.fixed: the focus ({x}, {y}) lies outside the {columns} x {rows} weights.")
    made = _finished(matrix, x, y, normalize, 1.0)
    return Kernel("Kernel.fixed", lambda metres: made)


def add(kernel1: Kernel, kernel2: Kernel, normalize: bool) -> Kernel:
    """The sum of both, centres aligned, as large as both together."""

    def make(metres: float) -> KernelWeights:
        parts = [kernel1.at(metres), kernel2.at(metres)]
        x, y = max(k.x for k in parts), max(k.y for k in parts)
        right = max(k.weights.shape[1] - k.x for k in parts)
        below = max(k.weights.shape[0] - k.y for k in parts)
        total = np.zeros((y + below, x + right))
        for k in parts:
            rows, columns = k.weights.shape
            total[y - k.y : y - k.y + rows, x - k.x : x - k.x + columns] += k.weights
        return _finished(total, x, y, normalize, 1.0)

    return Kernel("Kernel.add", make, kernel1.in_metres or kernel2.in_metres)


def rotate(kernel: Kernel, rotations: int) -> Kernel:
    """The kernel turned clockwise by quarter turns, its focus with it; negative numbers turn the other way."""

    def make(metres: float) -> KernelWeights:
        made = kernel.at(metres)
        for _ in range(rotations % 4):
            x = made.weights.shape[0] - 1 - made.y
            made = KernelWeights(np.rot90(made.weights, -1).copy(), x, made.x)
        return made

    return Kernel("Kernel.rotate", make, kernel.in_metres)


def inverse(kernel: Kernel) -> Kernel:
    """1 / weight, and 0 where the weight is 0."""

    def make(metres: float) -> KernelWeights:
        made = kernel.at(metres)
        weights = np.divide(1.0, made.weights, out=np.zeros_like(made.weights), where=made.weights != 0)
        return KernelWeights(weights, made.x, made.y)

    return Kernel("Kernel.inverse", make, kernel.in_metres)


TABLE: dict[str, Callable[..., Any]] = {
    "Kernel.square": _shape("Kernel.square", lambda x, y, r: np.ones_like(x)),
    "Kernel.circle": _shape("Kernel.circle", lambda x, y, r: x**2 + y**2 <= r**2),
    "Kernel.diamond": _shape("Kernel.diamond", lambda x, y, r: x + y <= r),
    "Kernel.octagon": _shape("Kernel.octagon", lambda x, y, r: x + y <= np.sqrt(2) * (r + 0.5)),
    "Kernel.plus": _shape("Kernel.plus", lambda x, y, r: (x == 0) | (y == 0)),
    "Kernel.cross": _shape("Kernel.cross", lambda x, y, r: x == y),
    "Kernel.euclidean": _distance("Kernel.euclidean", np.hypot),
    "Kernel.manhattan": _distance("Kernel.manhattan", np.add),
    "Kernel.chebyshev": _distance("Kernel.chebyshev", np.maximum),
    "Kernel.rectangle": rectangle,
    "Kernel.gaussian": gaussian,
    "Kernel.fixed": fixed,
    "Kernel.add": add,
    "Kernel.rotate": rotate,
    "Kernel.inverse": inverse,
    "Kernel.laplacian4": _matrix("Kernel.laplacian4", [[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
    "Kernel.laplacian8": _matrix("Kernel.laplacian8", [[1, 1, 1], [1, -8, 1], [1, 1, 1]]),
    "Kernel.sobel": _matrix("Kernel.sobel", [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
    "Kernel.roberts": _matrix("Kernel.roberts", [[1, 0], [0, -1]]),
    "Kernel.prewitt": _matrix("Kernel.prewitt", [[1, 0, -1], [1, 0, -1], [1, 0, -1]]),
    "Kernel.compass": _matrix("Kernel.compass", [[1, 1, -1], [1, -2, -1], [1, 1, -1]]),
    "Kernel.kirsch": _matrix("Kernel.kirsch", [[5, -3, -3], [5, 0, -3], [5, -3, -3]]),
}

NOTES: dict[str, str] = {
    "Kernel.octagon": "Only radius 3 is documented; other radii follow |dx| + |dy| <= sqrt(2) * (radius + 1/2).",
    "Kernel.gaussian": "The window keeps the cells nearer than the radius, as the documented 5 x 5 for radius 3.",
    "Kernel.fixed": "Without x and y the focus is cell (width // 2, height // 2).",
    "Kernel.add": "Normalising a kernel with negative weights scales its positive and negative parts to sum 1 and -1.",
}
