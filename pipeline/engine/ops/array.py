"""Array.*: making arrays and changing their shape. An axis past the last one is one of length 1."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.engine.language.arrays import affordable, array, from_values, typed
from pipeline.engine.language.elementwise import operand, whole
from pipeline.engine.values import Array
from pipeline.errors import EngineError

if TYPE_CHECKING:
    from pipeline.engine.reducer import Reducer

NDArray = np.ndarray[Any, Any]
MAX_DIMENSIONS = 32


def _axis(data: NDArray, axis: int, who: str) -> int:
    if not 0 <= axis < data.ndim:
        raise EngineError(f"{who}: Axis {axis} is out of range for an array of {data.ndim} dimensions.")
    return axis


def _deepened(data: NDArray, dimensions: int) -> NDArray:
    """The data with axes of length 1 appended."""
    if dimensions > MAX_DIMENSIONS:
        raise EngineError(f"Arrays have at most {MAX_DIMENSIONS} dimensions; {dimensions} are too many.")
    return data.reshape(data.shape + (1,) * (dimensions - data.ndim))


def concatenate(arrays: list[Array], axis: int) -> Array:
    """Arrays joined along an axis; they must agree in all other axes. The type holds all of theirs."""
    if not arrays:
        raise EngineError("Array.cat: There must be at least one array.")
    if axis < 0:
        raise EngineError(f"Array.cat: axis must not be negative, got {axis}.")
    depth = max(axis + 1, *(a.data.ndim for a in arrays))
    parts = [_deepened(a.data, depth) for a in arrays]
    shapes = {tuple(n for i, n in enumerate(p.shape) if i != axis) for p in parts}
    if len(shapes) > 1:
        raise EngineError(
            f"Array.cat: Arrays must have the same length on all axes but {axis}, found shapes "
            f"{', '.join(str(list(a.data.shape)) for a in arrays)}."
        )
    kind = arrays[0].type
    for other in arrays[1:]:
        kind = kind.union(other.type)
    return typed(np.concatenate(parts, axis), kind)


def _index(source: Array, position: list[int], who: str, free: bool) -> tuple[Any, ...]:
    """NumPy's index for one position an axis; -1 is the whole axis where `free`."""
    shape = source.data.shape
    if len(position) != len(shape):
        raise EngineError(f"{who}: The position {position} needs one coordinate for each of the {len(shape)} axes.")
    for axis, (at, length) in enumerate(zip(position, shape, strict=True)):
        if not (0 <= at < length or (free and at == -1)):
            raise EngineError(f"{who}: Position {at} is out of range on axis {axis} of length {length}.")
    if free:
        return tuple(slice(None) if at == -1 else slice(at, at + 1) for at in position)
    return tuple(position)


def _get(source: Array, position: list[int]) -> Any:
    return source.data[_index(source, position, "Array.get", free=False)].item()


def _cut(source: Array, position: list[int]) -> Array:
    return typed(source.data[_index(source, position, "Array.cut", free=True)], source.type)


def _argmax(source: Array) -> list[int] | None:
    """The position of the first maximum; null for an empty array."""
    if not source.data.size:
        return None
    return [int(i) for i in np.unravel_index(int(np.argmax(source.data)), source.data.shape)]


def _bits(value: float) -> Array:
    """Bits from the lowest to the highest that is set; negative numbers have 64."""
    bits = int(whole(operand(value))) & (2**64 - 1)
    return array(np.array([bits >> i & 1 for i in range(max(bits.bit_length(), 1))]) == 1)


def _identity(size: int) -> Array:
    if size < 0:
        raise EngineError(f"Array.identity: size must not be negative, got {size}.")
    affordable(size * size, "Array.identity")
    return array(np.eye(size, dtype=np.int64))


def _length(source: Array) -> Array:
    return array(np.array(source.data.shape, dtype=np.int64))


def _mask(source: Array, mask: Array) -> Array:
    """Positions kept along the one axis on which the mask is longer than 1, where it is not zero."""
    depth = max(source.data.ndim, mask.data.ndim, 1)
    data, keep = _deepened(source.data, depth), _deepened(mask.data, depth)
    long = [i for i, n in enumerate(keep.shape) if n != 1]
    if len(long) > 1:
        raise EngineError(f"Array.mask: The mask's shape {list(mask.data.shape)} is longer than 1 on several axes.")
    axis = long[0] if long else 0
    if data.shape[axis] != keep.shape[axis]:
        raise EngineError(
            f"Array.mask: On axis {axis} the mask has length {keep.shape[axis]} and the array {data.shape[axis]}."
        )
    return typed(np.compress(keep.reshape(-1) != 0, data, axis), source.type)


def _pad(source: Array, lengths: list[int], value: float) -> Array:
    """The pad value appended on each axis up to the given length; longer axes stay."""
    data = source.data
    if len(lengths) != data.ndim:
        raise EngineError(f"Array.pad: {len(lengths)} lengths were given for an array of {data.ndim} dimensions.")
    if not lengths:
        return source
    widths = [(0, max(want - have, 0)) for want, have in zip(lengths, data.shape, strict=True)]
    affordable(math.prod(float(max(w, n)) for w, n in zip(lengths, data.shape, strict=True)), "Array.pad")
    filler = from_values(value)
    joined = np.pad(data.astype(np.result_type(data, filler.data)), widths, constant_values=value)
    return typed(joined, source.type.union(filler.type))


def _project(source: Array, axes: list[int]) -> Array:
    """Only the given axes, in that order; the others must be at most 1 long."""
    for axis in axes:
        _axis(source.data, axis, "Array.project")
    dropped = [i for i in range(source.data.ndim) if i not in axes]
    for axis in dropped:
        if source.data.shape[axis] > 1:
            raise EngineError(f"Array.project: Axis {axis} has length {source.data.shape[axis]} and cannot be dropped.")
    shape = [source.data.shape[a] for a in axes]
    if not source.data.size:
        return typed(np.zeros([0, *shape[1:]] if all(shape) else shape), source.type)
    return typed(source.data.transpose([*axes, *dropped]).reshape(shape), source.type)


def _repeat(source: Array, axis: int, copies: int) -> Array:
    """Copies of the array, one after the other along the axis."""
    if axis < 0 or copies < 1:
        raise EngineError(f"Array.repeat: axis ({axis}) must not be negative and copies ({copies}) must be positive.")
    affordable(max(source.data.size, 1) * copies, "Array.repeat")
    data = _deepened(source.data, max(axis + 1, source.data.ndim))
    return typed(np.concatenate([data] * copies, axis), source.type)


def _reshape(source: Array, shape: Array) -> Array:
    """The same elements in rows of other lengths; one length may be -1, to be found."""
    lengths = whole(shape.data.reshape(-1)).tolist()
    try:
        return typed(source.data.reshape(lengths), source.type)
    except ValueError:
        raise EngineError(
            f"Array.reshape: An array of shape {list(source.data.shape)} cannot be given the shape {lengths}."
        ) from None


def _slice(source: Array, axis: int, start: int, end: int | None, step: int) -> Array:
    """Positions start to end (exclusive) by step; negative ones count from the end, those out of range are none."""
    if step <= 0:
        raise EngineError(f"Array.slice: step must be positive, got {step}.")
    index = [slice(None)] * source.data.ndim
    index[_axis(source.data, axis, "Array.slice")] = slice(start, end, step)
    return typed(source.data[tuple(index)], source.type)


def _sort(source: Array, keys: Array | None) -> Array:
    """Ascending along the one axis on which the keys are longer than 1; equal keys stay in order."""
    by = (source if keys is None else keys).data
    long = [i for i, n in enumerate(by.shape) if n > 1]
    if len(long) > 1:
        raise EngineError(f"Array.sort: The shape {list(by.shape)} of the keys is longer than 1 on several axes.")
    if not long:
        return source
    axis = long[0]
    if axis >= source.data.ndim or source.data.shape[axis] != by.shape[axis]:
        raise EngineError(
            f"Array.sort: Keys of shape {list(by.shape)} do not fit an array of shape {list(source.data.shape)}."
        )
    return typed(source.data.take(np.argsort(by.reshape(-1), kind="stable"), axis), source.type)


def _transpose(source: Array, axis1: int, axis2: int) -> Array:
    """Two axes exchanged; a vector counts as a column."""
    data = _deepened(source.data, max(axis1 + 1, axis2 + 1, source.data.ndim))
    first, second = _axis(data, axis1, "Array.transpose"), _axis(data, axis2, "Array.transpose")
    return typed(data.swapaxes(first, second), source.type)


def _reduce(source: Array, reducer: Reducer, axes: list[int], field_axis: int | None) -> Array:
    """The axes reduced to length 1; along the field axis lie the reducer's inputs, and then its outputs."""
    data = source.data
    for axis in axes:
        _axis(data, axis, "Array.reduce")
    if field_axis is None and (reducer.inputs > 1 or len(reducer.outputs) > 1):
        raise EngineError("Array.reduce: A reducer with several inputs or outputs needs 'fieldAxis'.")
    work = data[..., None] if field_axis is None else data
    field = work.ndim - 1 if field_axis is None else _axis(data, field_axis, "Array.reduce")
    if field in axes or work.shape[field] != reducer.inputs:
        raise EngineError(f"Array.reduce: 'fieldAxis' must be another axis than 'axes', of length {reducer.inputs}.")
    kept = [i for i in range(work.ndim) if i != field and i not in axes]
    shape = [work.shape[i] for i in kept]
    order = [*kept, *axes, field]
    lanes = work.transpose(order).reshape(math.prod(shape), -1 if data.size else 0, reducer.inputs)
    results = [reducer.aggregate([column.tolist() for column in lane.T]) for lane in lanes]
    outputs = from_values(results) if results else typed(np.zeros((0, len(reducer.outputs))), source.type)
    cube = outputs.data.reshape([*shape, *(1 for _ in axes), len(reducer.outputs)]).transpose(np.argsort(order))
    return typed(cube[..., 0] if field_axis is None else cube, outputs.type)


def _accumulate(source: Array, axis: int, reducer: Reducer | None) -> Array:
    """Each element the reduction of those up to it along the axis; the sum without a reducer."""
    data = source.data
    _axis(data, axis, "Array.accum")
    if reducer is None:
        return array(np.cumsum(data, axis))
    if not data.size:
        return source
    lanes = np.moveaxis(data, axis, -1).reshape(-1, data.shape[axis]).tolist()
    results = from_values([[reducer.aggregate([lane[: i + 1]])[0] for i in range(len(lane))] for lane in lanes])
    moved = [n for i, n in enumerate(data.shape) if i != axis]
    return typed(np.moveaxis(results.data.reshape([*moved, data.shape[axis]]), -1, axis), results.type)


TABLE: dict[str, Callable[..., Any]] = {
    "Array": from_values,
    "Array.accum": _accumulate,
    "Array.argmax": _argmax,
    "Array.bitsToArray": _bits,
    "Array.cat": concatenate,
    "Array.cut": _cut,
    "Array.get": _get,
    "Array.identity": _identity,
    "Array.length": _length,
    "Array.mask": _mask,
    "Array.pad": _pad,
    "Array.project": _project,
    "Array.reduce": _reduce,
    "Array.repeat": _repeat,
    "Array.reshape": _reshape,
    "Array.slice": _slice,
    "Array.sort": _sort,
    "Array.toList": lambda source: source.data.tolist(),
    "Array.transpose": _transpose,
    "Array.matrixTranspose": _transpose,
}

NOTES = {
    "Array": "Integers alone make a 64-bit integer array, any fraction a double one.",
    "Array.bitsToArray": "The lowest bit comes first; the documentation shows symmetric examples only.",
}
