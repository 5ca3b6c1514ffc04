"""Array images as matrices, and reductions along the axes of pixels' arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pipeline.engine.image import Band, Image
from pipeline.engine.language.arrays import affordable
from pipeline.engine.ops.imagearray import by_pixel, explained, kind_of, lifted, lifted_pair
from pipeline.engine.pairing import arithmetic_properties, band_map, paired
from pipeline.engine.plan import Constant, Local, NDArray, Pixels, both
from pipeline.engine.reducer import Reducer
from pipeline.engine.space.grids import intersect
from pipeline.engine.values import Array, PixelType
from pipeline.errors import EngineError


def _reduce(image: Image, reducer: Reducer, axes: list[int], field: int | None) -> Image:
    """Each array reduced along the axes, which keep length 1; outputs of several lie along `fieldAxis`."""

    def one(array: NDArray) -> NDArray:
        return reduce_array(array, reducer, axes, field)

    def make(band: Band) -> Band:
        one_input = reducer.inputs == 1
        kind = reducer.output_types([kind_of(band.type, 0)])[0] if one_input else PixelType("double")
        kind = kind_of(kind, max(band.type.dimensions, 1))
        plan = Local(lambda pixels: by_pixel(one, kind.dtype, pixels), (band.plan,))
        return Band(band.name, kind, plan, band.projection, band.window)

    return band_map(image, make)


def reduce_array(array: NDArray, reducer: Reducer, axes: list[int], field: int | None) -> NDArray:
    """One array reduced along axes; a reducer of several inputs takes them along `field`."""
    if any(not 0 <= a < array.ndim for a in axes):
        raise EngineError(f"Image.arrayReduce: axis out of range: {axes} of an array of {array.ndim} dimensions.")
    if reducer.inputs == 1 and len(reducer.outputs) == 1:
        kept = [a for a in range(array.ndim) if a not in axes]
        lanes = np.moveaxis(array, kept, range(len(kept))).reshape(*[array.shape[a] for a in kept], -1)
        results = [reducer.aggregate([lane])[0] for lane in lanes.reshape(-1, lanes.shape[-1])]
        return np.array(results, dtype=float).reshape([1 if a in axes else n for a, n in enumerate(array.shape)])
    if field is None:
        raise EngineError("Image.arrayReduce: a reducer with several inputs or outputs needs a fieldAxis.")
    rest = [a for a in range(array.ndim) if a not in axes and a != field]
    order = [*rest, field, *axes]
    moved = np.transpose(array, order).reshape(*[array.shape[a] for a in rest], array.shape[field], -1)
    flat = moved.reshape(-1, *moved.shape[-2:])
    results = [reducer.aggregate(list(columns)) for columns in flat]
    made = np.array([[_flat(v) for v in r] for r in results], dtype=float)
    made = made.reshape(*[array.shape[a] for a in rest], -1, *[1] * len(axes))
    return np.transpose(made, np.argsort(order))


def _flat(value: Any) -> Any:
    return value.data.ravel().tolist() if isinstance(value, Array) else value


def _accumulate(image: Image, axis: int, reducer: Reducer | None) -> Image:
    """Running reduction along `axis`: the sum, or a reducer's result so far."""

    def one(array: NDArray) -> NDArray:
        if reducer is None:
            return np.cumsum(array, axis)
        lanes = np.moveaxis(array, axis, -1)
        flat = lanes.reshape(-1, lanes.shape[-1])
        done = [[reducer.aggregate([lane[: i + 1]])[0] for i in range(len(lane))] for lane in flat]
        return np.moveaxis(np.array(done, dtype=float).reshape(lanes.shape), -1, axis)

    return lifted("Image.arrayAccum", one, lambda k: k)(image)


def _identity(size: int) -> Image:
    """Band `identity`: the size × size identity matrix in every pixel."""
    if size < 0:
        raise EngineError(f"Image.matrixIdentity: size must not be negative, got {size}.")
    affordable(size * size, "Image.matrixIdentity")
    return Image((Band("identity", PixelType("double", 0, 1, 2), Constant(np.eye(size), np.dtype(np.float64))),))


def _matrix_multiply(left: Image, right: Image) -> Image:
    """Matrix products of paired 2-D array bands, in double."""
    bands = []
    for name, a, b in paired(left, right, "Image.matrixMultiply"):

        def compute(x: Pixels, y: Pixels) -> Pixels:
            if x.data.ndim == 4 and y.data.ndim == 4 and x.data.shape[3] == y.data.shape[2]:
                return Pixels(x.data.astype(np.float64) @ y.data.astype(np.float64), both(x.mask, y.mask))
            return by_pixel(lambda p, q: explained("Image.matrixMultiply", np.matmul, p, q), np.float64, x, y)

        projection, window = intersect(a, b)
        bands.append(
            Band(name, PixelType("double", None, None, 2), Local(compute, (a.plan, b.plan)), projection, window)
        )
    return Image(tuple(bands), arithmetic_properties(left))


def _solve(a: NDArray, b: NDArray) -> NDArray:
    return np.linalg.solve(a, b) if a.shape[0] == a.shape[1] else np.linalg.lstsq(a, b, rcond=None)[0]


def _double(dimensions: int) -> Callable[..., PixelType]:
    return lambda *kinds: PixelType("double", None, None, dimensions)


TABLE = {
    "Image.arrayReduce": _reduce,
    "Image.arrayAccum": _accumulate,
    "Image.matrixMultiply": _matrix_multiply,
    "Image.matrixIdentity": _identity,
    "Image.matrixTranspose": lifted("Image.matrixTranspose", np.swapaxes, lambda k: k),
    "Image.matrixInverse": lifted("Image.matrixInverse", np.linalg.inv, _double(2)),
    "Image.matrixPseudoInverse": lifted("Image.matrixPseudoInverse", np.linalg.pinv, _double(2)),
    "Image.matrixDeterminant": lifted("Image.matrixDeterminant", np.linalg.det, _double(0)),
    "Image.matrixTrace": lifted("Image.matrixTrace", np.trace, _double(0)),
    "Image.matrixFnorm": lifted("Image.matrixFnorm", np.linalg.norm, _double(0)),
    "Image.matrixDiagonal": lifted("Image.matrixDiagonal", lambda a: np.diag(a)[:, None], lambda k: k),
    "Image.matrixToDiag": lifted("Image.matrixToDiag", lambda a: np.diag(a.ravel()), lambda k: k),
    "Image.matrixSolve": lifted_pair("Image.matrixSolve", _solve, _double(2)),
}
