"""Array images: bands whose pixels are arrays. Axis 0 is rows.

A rule is written for one pixel's array; the commonest ones also do all pixels at once where they have one shape.
Pixels whose arrays differ in shape are held as objects.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pipeline.engine.image import Band, Image
from pipeline.engine.language.arrays import affordable
from pipeline.engine.ops.array import MAX_DIMENSIONS
from pipeline.engine.pairing import arithmetic_properties, band_map, paired
from pipeline.engine.plan import Local, NDArray, Part, Pixels, both, valid
from pipeline.engine.space.grids import intersect
from pipeline.engine.values import PixelType
from pipeline.errors import EngineError

Rule = Callable[..., Any]


def kind_of(kind: PixelType, dimensions: int) -> PixelType:
    """The type with another number of array dimensions."""
    return PixelType(kind.precision, kind.min, kind.max, dimensions)


def by_pixel(rule: Rule, dtype: Any, *inputs: Pixels) -> Pixels:
    """The rule for every valid pixel; arrays of one shape come out dense."""
    mask = both(inputs[0].mask, *(p.mask for p in inputs[1:]))
    good = valid(mask)
    cells = np.empty(good.shape, object)
    total = 0
    for at in zip(*np.nonzero(good), strict=True):
        with np.errstate(all="ignore"):
            cells[at] = np.asarray(rule(*(np.asarray(p.data[at]) for p in inputs))).astype(dtype)
        total += cells[at].size
        affordable(total, "Image")
    return Pixels(dense(cells, good, dtype), mask)


def dense(cells: NDArray, good: NDArray, dtype: Any) -> NDArray:
    """One array for all pixels if the valid ones have one shape, else the objects."""
    shapes = {c.shape for c in cells[good]}
    if len(shapes) > 1:
        return cells
    shape = shapes.pop() if shapes else (0,)
    result = np.zeros((*cells.shape, *shape), dtype)
    if good.any():
        result[good] = np.stack(list(cells[good]))
    return result


def lifted(name: str, rule: Rule, kind: Callable[[PixelType], PixelType]) -> Callable[..., Image]:
    """An image function of one array band after the other; further arguments go to the rule."""

    def apply(image: Image, *options: Any) -> Image:
        def make(band: Band) -> Band:
            result = kind(band.type)

            def compute(pixels: Pixels) -> Pixels:
                return by_pixel(lambda a: explained(name, rule, a, *options), result.dtype, pixels)

            return Band(band.name, result, Local(compute, (band.plan,)), band.projection, band.window)

        return band_map(image, make)

    return apply


def lifted_pair(name: str, rule: Rule, kind: Callable[[PixelType, PixelType], PixelType]) -> Callable[..., Image]:
    """An image function of paired array bands."""

    def apply(left: Image, right: Image, *options: Any) -> Image:
        bands = []
        for band_name, a, b in paired(left, right, name):
            result = kind(a.type, b.type)

            def compute(x: Pixels, y: Pixels, result: PixelType = result) -> Pixels:
                return by_pixel(lambda p, q: explained(name, rule, p, q, *options), result.dtype, x, y)

            projection, window = intersect(a, b)
            bands.append(Band(band_name, result, Local(compute, (a.plan, b.plan)), projection, window))
        return Image(tuple(bands), arithmetic_properties(left))

    return apply


def explained(name: str, rule: Rule, *values: Any) -> Any:
    """The rule's result; what NumPy finds wrong with the shapes becomes the user's error."""
    try:
        return rule(*values)
    except (ValueError, IndexError, TypeError, OverflowError, np.linalg.LinAlgError) as error:
        shapes = ", ".join(str(v.shape) for v in values if isinstance(v, np.ndarray))
        raise EngineError(f"{name}: does not work on arrays of shape {shapes}: {error}.") from None


def _to_array(image: Image, axis: int) -> Image:
    """Band `array`: the bands put together along `axis`; a pixel with any masked band is masked."""
    if not image.bands:
        raise EngineError("Image.toArray: the image has no bands.")
    kind = image.bands[0].type
    for band in image.bands[1:]:
        kind = kind.union(band.type)
    dimensions = max(kind.dimensions, axis + 1)
    if not 0 <= axis < MAX_DIMENSIONS:
        raise EngineError(f"Image.toArray: axis must be between 0 and {MAX_DIMENSIONS - 1}, but is {axis}.")

    def compute(*pixels: Pixels) -> Pixels:
        mask = both(pixels[0].mask, *(p.mask for p in pixels[1:]))
        if any(p.data.dtype == object for p in pixels):
            return by_pixel(lambda *a: np.concatenate([_grown(v, dimensions) for v in a], axis), kind.dtype, *pixels)
        parts = [p.data.reshape(p.data.shape + (1,) * (dimensions + 2 - p.data.ndim)) for p in pixels]
        return Pixels(np.concatenate(parts, axis + 2).astype(kind.dtype, copy=False), mask)

    first = image.bands[0]
    plan = Local(compute, tuple(b.plan for b in image.bands))
    return image.with_bands([Band("array", kind_of(kind, dimensions), plan, first.projection, first.window)])


def _grown(array: NDArray, dimensions: int) -> NDArray:
    return array.reshape(array.shape + (1,) * (dimensions - array.ndim))


def _project(image: Image, axes: list[int]) -> Image:
    """Only these axes, the others must have length 1."""

    def make(band: Band) -> Band:
        def one(array: NDArray) -> NDArray:
            dropped = [i for i in range(array.ndim) if i not in axes]
            if any(array.shape[i] != 1 for i in dropped) or any(not 0 <= a < array.ndim for a in axes):
                raise EngineError(
                    f"Image.arrayProject: Cannot keep axes {axes} of an array of shape {list(array.shape)}: every "
                    f"other axis must have length 1."
                )
            return np.moveaxis(array, axes, range(len(axes))).reshape([array.shape[a] for a in axes])

        def compute(pixels: Pixels) -> Pixels:
            data = pixels.data
            if data.dtype == object:
                return by_pixel(one, band.type.dtype, pixels)
            shape = one(np.empty(data.shape[2:], np.uint8)).shape
            moved = np.moveaxis(data, [a + 2 for a in axes], range(2, 2 + len(axes)))
            return Pixels(moved.reshape(*data.shape[:2], *shape), pixels.mask)

        plan = Local(compute, (band.plan,))
        return Band(band.name, kind_of(band.type, len(axes)), plan, band.projection, band.window)

    return band_map(image, make)


def _flatten(image: Image, labels: list[list[str]], separator: str) -> Image:
    """One band an array cell, named by its labels along each axis."""
    if len(image.bands) != 1:
        raise EngineError(f"Image.arrayFlatten: needs an image of one band, got {len(image.bands)}.")
    band = image.bands[0]
    lengths = tuple(len(axis) for axis in labels)

    def compute(pixels: Pixels) -> tuple[Pixels, ...]:
        data, mask = pixels.data, pixels.mask
        if data.dtype == object:
            fits = np.array([[c is not None and np.shape(c) == lengths for c in row] for row in data])
            _check_lengths(next((np.shape(c) for c in data[valid(mask) & ~fits]), lengths), lengths)
            filled = np.zeros((*data.shape, *lengths), band.type.dtype)
            filled[fits] = np.stack(list(data[fits])) if fits.any() else 0
            data = filled
        elif valid(mask).any():
            _check_lengths(data.shape[2:], lengths)
        else:
            data = np.zeros((*data.shape[:2], *lengths), band.type.dtype)
        return tuple(Pixels(_cell(data, at), mask) for at in np.ndindex(*lengths))

    whole = Local(compute, (band.plan,))
    names = [separator.join(labels[i][j] for i, j in enumerate(at)) for at in np.ndindex(*lengths)]
    kind = kind_of(band.type, 0)
    return image.with_bands(Band(n, kind, Part(whole, i), band.projection, band.window) for i, n in enumerate(names))


def _cell(data: NDArray, at: tuple[int, ...]) -> NDArray:
    """One cell of every pixel's array, as a band."""
    index: Any = (slice(None), slice(None), *at)
    return np.asarray(data[index])


def _check_lengths(found: Sequence[int], wanted: Sequence[int]) -> None:
    if tuple(found) != tuple(wanted):
        raise EngineError(
            f"Image.arrayFlatten: The labels describe an array of lengths {list(wanted)}, but a pixel's array has "
            f"{list(found)}."
        )


def _get(image: Image, position: Image) -> Image:
    """The array's cell at the position: one band (or array band) of coordinates, masked outside the array."""

    def make(band: Band) -> Band:
        plans = tuple(b.plan for b in position.bands)

        def compute(pixels: Pixels, *places: Pixels) -> Pixels:
            data = pixels.data
            fixed = [p.data.reshape(-1)[0] for p in places if p.data.ndim == 2 and 0 in p.data.strides[:2]]
            if data.dtype != object and len(fixed) == len(places):
                at = tuple(int(v) for v in fixed)
                if len(at) == data.ndim - 2 and all(0 <= i < n for i, n in zip(at, data.shape[2:], strict=True)):
                    return Pixels(_cell(data, at), both(pixels.mask, *(p.mask for p in places)))
            return _picked(pixels, places, band.type)

        plan = Local(compute, (band.plan, *plans))
        return Band(band.name, kind_of(band.type, 0), plan, band.projection, band.window)

    return band_map(image, make)


def _picked(pixels: Pixels, places: Sequence[Pixels], kind: PixelType) -> Pixels:
    mask = valid(both(pixels.mask, *(p.mask for p in places))).copy()
    data = np.zeros(mask.shape, kind.dtype)
    for at in zip(*np.nonzero(mask), strict=True):
        array = np.asarray(pixels.data[at])
        index = tuple(int(v) for p in places for v in np.ravel(p.data[at]))
        if len(index) != array.ndim:
            raise EngineError(
                f"Image.arrayGet: The position has {len(index)} coordinates, but the array has {array.ndim} dimensions."
            )
        if all(0 <= i < n for i, n in zip(index, array.shape, strict=True)):
            data[at] = array[index]
        else:
            mask[at] = False
    return Pixels(data, mask)


def _slice(image: Image, axis: int, start: Image | None, end: Image | None, step: int) -> Image:
    """Part of each array along `axis`; the end is excluded, negative positions count from the end."""
    bounds = [b for b in (start, end) if b is not None]

    def make(band: Band) -> Band:
        if not 0 <= axis < band.type.dimensions:
            raise EngineError(f"Image.arraySlice: band '{band.name}' has no axis {axis}.")

        def compute(pixels: Pixels, *limits: Pixels) -> Pixels:
            given = iter(limits)
            low = next(given) if start is not None else None
            high = next(given) if end is not None else None
            constant = all(0 in p.data.strides[:2] for p in limits)
            if constant and pixels.data.dtype != object:
                first, last = (None if p is None else int(p.data.flat[0]) for p in (low, high))
                cut = slice(first, last, step)
                at = (slice(None),) * (axis + 2)
                return Pixels(pixels.data[(*at, cut)], both(pixels.mask, *(p.mask for p in limits)))

            def one(array: NDArray, *edges: NDArray) -> NDArray:
                edge = iter(edges)
                first = int(next(edge)) if start is not None else None
                last = int(next(edge)) if end is not None else None
                return array[(*(slice(None),) * axis, slice(first, last, step))]

            return by_pixel(one, band.type.dtype, pixels, *limits)

        plan = Local(compute, (band.plan, *(b.bands[0].plan for b in bounds)))
        return Band(band.name, band.type, plan, band.projection, band.window)

    return band_map(image, make)


def _argmax(image: Image) -> Image:
    """A 1-D array with the position of the greatest cell, the first of equals."""
    return lifted(
        "Image.arrayArgmax",
        lambda a: np.array(np.unravel_index(np.argmax(a), a.shape)),
        lambda k: PixelType("int", 0, 2**31 - 1, 1),
    )(image)


def _repeat(image: Image, axis: int, copies: Image) -> Image:
    """Each array repeated along `axis`."""

    def one(array: NDArray, count: NDArray) -> NDArray:
        array = _grown(array, max(array.ndim, axis + 1))
        affordable(array.size * float(count), "Image.arrayRepeat")
        return np.tile(array, [int(count) if i == axis else 1 for i in range(array.ndim)])

    return lifted_pair("Image.arrayRepeat", one, lambda a, b: kind_of(a, max(a.dimensions, axis + 1)))(image, copies)


def _reshape(image: Image, lengths: Image, dimensions: int) -> Image:
    """Each array in another shape; one length may be −1."""

    def one(array: NDArray, shape: NDArray) -> NDArray:
        return array.reshape([int(v) for v in np.ravel(shape)])

    return lifted_pair("Image.arrayReshape", one, lambda a, b: kind_of(a, dimensions))(image, lengths)


def _pad(array: NDArray, lengths: list[int], value: float) -> NDArray:
    array = _grown(array, max(array.ndim, len(lengths)))
    affordable(math.prod(float(n) for n in lengths), "Image.arrayPad")
    after = [(0, max(n - m, 0)) for n, m in zip([*lengths, *array.shape[len(lengths) :]], array.shape, strict=True)]
    return np.pad(array, after, constant_values=value)


def _masked(array: NDArray, mask: NDArray) -> NDArray:
    """The slices where the mask is not zero; along each axis where the mask has more than length 1."""
    mask = _grown(mask, array.ndim)
    axes = [i for i, n in enumerate(mask.shape) if n > 1]
    if len(axes) > 1:
        raise ValueError("the mask may have one axis longer than 1")
    axis = axes[0] if axes else 0
    if mask.size == 1 and array.shape[axis] != 1:
        return array if mask.ravel()[0] else np.take(array, [], axis)
    return np.compress(mask.ravel() != 0, array, axis)


def _sort(image: Image, keys: Image | None) -> Image:
    """Each array sorted along the one axis longer than 1, by its values or by the keys."""

    def one(array: NDArray, key: NDArray | None = None) -> NDArray:
        key = array if key is None else key
        long = [i for i, n in enumerate(key.shape) if n > 1]
        if len(long) > 1:
            raise ValueError("only one axis of the keys may be longer than 1")
        return np.take(array, np.argsort(key.ravel(), kind="stable"), long[0] if long else 0)

    if keys is None:
        return lifted("Image.arraySort", one, lambda k: k)(image)
    return lifted_pair("Image.arraySort", one, lambda a, b: a)(image, keys)


def _bits(image: Image) -> Image:
    """The bits of all bands as a 1-D array, lowest first."""
    return lifted(
        "Image.bitsToArrayImage",
        lambda a: (int(a) >> np.arange(max(int(a).bit_length(), 1))) & 1,
        lambda k: PixelType("int", 0, 1, 1),
    )(image)


def _cat(left: Image, right: Image, axis: int) -> Image:
    def one(a: NDArray, b: NDArray) -> NDArray:
        dimensions = max(a.ndim, b.ndim, axis + 1)
        return np.concatenate([_grown(a, dimensions), _grown(b, dimensions)], axis)

    def kind(a: PixelType, b: PixelType) -> PixelType:
        return kind_of(a.union(b), max(a.dimensions, b.dimensions, axis + 1))

    return lifted_pair("Image.arrayCat", one, kind)(left, right)


def _count(dimensions: int) -> Callable[[PixelType], PixelType]:
    return lambda kind: PixelType("int", 0, 2**31 - 1, dimensions)


TABLE = {
    "Image.toArray": _to_array,
    "Image.arrayProject": _project,
    "Image.arrayFlatten": _flatten,
    "Image.arrayGet": _get,
    "Image.arraySlice": _slice,
    "Image.arrayArgmax": _argmax,
    "Image.arrayCat": _cat,
    "Image.arrayRepeat": _repeat,
    "Image.arrayReshape": _reshape,
    "Image.arraySort": _sort,
    "Image.arrayPad": lifted("Image.arrayPad", _pad, lambda k: k),
    "Image.arrayMask": lifted_pair("Image.arrayMask", _masked, lambda a, b: a),
    "Image.arrayDimensions": lifted("Image.arrayDimensions", lambda a: a.ndim, _count(0)),
    "Image.arrayLength": lifted("Image.arrayLength", lambda a, axis: a.shape[axis], _count(0)),
    "Image.arrayLengths": lifted("Image.arrayLengths", lambda a: np.array(a.shape), _count(1)),
    "Image.arrayTranspose": lifted("Image.arrayTranspose", np.swapaxes, lambda k: k),
    "Image.arrayDotProduct": lifted_pair(
        "Image.arrayDotProduct", lambda a, b: np.dot(a.ravel(), b.ravel()), lambda a, b: PixelType("double")
    ),
    "Image.bitsToArrayImage": _bits,
}
