"""Functions of a neighbourhood: focal filters, convolution, reducers under a kernel, neighbours as arrays or bands.

A kernel in metres is resolved with the nominal scale of the requested grid, so that all tiles get the same one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from odc.geo.geobox import GeoBox

from pipeline.engine.image import Band, Image
from pipeline.engine.kernels import neighbourhood as window
from pipeline.engine.ops import kernel as kernels
from pipeline.engine.plan import Around, NDArray, Part, Pixels, Plan, both, everywhere, is_everywhere, valid
from pipeline.engine.reducer import Reducer
from pipeline.engine.space import crs
from pipeline.engine.values import BOOLEAN, DOUBLE, Kernel, KernelWeights, PixelType
from pipeline.errors import EngineError

SHAPES = ("circle", "square", "cross", "plus", "octagon", "diamond")
Statistic = Literal["mean", "max", "min", "median", "mode"]


def on_grid(kernel: Kernel, grid: GeoBox) -> KernelWeights:
    """The kernel's weights for the pixels of a grid."""
    return kernel.at(crs.nominal_scale(crs.grid_projection(grid)) if kernel.in_metres else 1.0)


def reach(weights: KernelWeights) -> tuple[int, int]:
    """How many pixels (x, y) the weights reach from the centre, the same to both sides."""
    rows, columns = weights.weights.shape
    return max(weights.x, columns - 1 - weights.x), max(weights.y, rows - 1 - weights.y)


def under(pixels: Pixels, weights: KernelWeights) -> Pixels:
    """The part of padded pixels that the weights cover, which they turn into pixels of the unpadded size."""
    x, y = reach(weights)
    rows, columns = weights.weights.shape
    top, left = y - weights.y, x - weights.x
    bottom, right = 2 * y + 1 - rows - top, 2 * x + 1 - columns - left
    part = np.s_[top : pixels.mask.shape[0] - bottom, left : pixels.mask.shape[1] - right]
    return Pixels(pixels.data[part], pixels.mask[part])


def inner(pixels: Pixels, grid: GeoBox) -> Pixels:
    """The unpadded middle of padded pixels."""
    y, x = (pixels.mask.shape[0] - grid.shape[0]) // 2, (pixels.mask.shape[1] - grid.shape[1]) // 2
    part = np.s_[y : y + grid.shape[0], x : x + grid.shape[1]]
    return Pixels(pixels.data[part], everywhere(grid.shape) if is_everywhere(pixels.mask) else pixels.mask[part])


def around(kernel: Kernel, fn: Callable[..., Any], *inputs: Plan) -> Around:
    """A plan of `fn(grid, weights, *padded inputs)`."""
    return Around(
        lambda grid, *padded: fn(grid, on_grid(kernel, grid), *padded),
        inputs,
        lambda grid: reach(on_grid(kernel, grid)),
    )


def each(image: Image, make: Callable[[Band], Plan], kind: Callable[[PixelType], PixelType]) -> Image:
    """The image with every band's plan and type replaced."""
    return image.with_bands(replace(b, plan=make(b), type=kind(b.type)) for b in image.bands)


def real(kind: PixelType) -> PixelType:
    """Float for float, else double: what means, medians and weighted sums of a band are."""
    return PixelType("float") if kind.precision == "float" else DOUBLE


def zeroed(pixels: Pixels) -> NDArray:
    """Data as float64, 0 where masked."""
    data = pixels.data.astype(np.float64, copy=False)
    return data if is_everywhere(pixels.mask) else np.where(valid(pixels.mask), data, 0.0)


# Reducers under a kernel ----------------------------------------------------------------------------------------------


def _totals(pixels: Pixels, weights: NDArray, input_weight: str) -> tuple[NDArray, NDArray]:
    """Weighted sum of the valid pixels, and the sum of their weights."""
    mask = pixels.mask
    if input_weight == "min" and mask.dtype != bool:
        return _smaller_totals(pixels, weights)
    if input_weight == "mask":
        weights = (weights != 0).astype(np.float64)
    elif mask.dtype != bool:
        mask = mask > 0
    if input_weight == "min":
        weights = np.minimum(weights, 1.0)
    if is_everywhere(mask):
        return window.weighted_sum(pixels.data, weights), np.asarray(weights.sum())
    share = mask.astype(np.float64)
    return window.weighted_sum(zeroed(pixels) * share, weights), window.weighted_sum(share, weights)


def _smaller_totals(pixels: Pixels, weights: NDArray) -> tuple[NDArray, NDArray]:
    inside = weights != 0
    shares = window.shifted(pixels.mask.astype(np.float64), weights.shape, inside)
    smaller = [np.minimum(s, w) for s, w in zip(shares, weights[inside], strict=True)]
    cells = window.shifted(zeroed(pixels), weights.shape, inside)
    return sum(c * s for c, s in zip(cells, smaller, strict=True)), sum(smaller)


def _mean(pixels: Pixels, weights: NDArray, input_weight: str) -> NDArray:
    # Scaled so that flat weights are exactly 1 and the mean of equal integers is exact. 'min' compares with the mask.
    if input_weight == "kernel":
        weights = weights / np.abs(weights).max(initial=1e-300)
    total, share = _totals(pixels, weights, input_weight)
    return np.divide(total, share, out=np.zeros_like(total), where=share != 0)


def _flat(function: Callable[[NDArray, NDArray, NDArray], NDArray]) -> Callable[[Pixels, NDArray, str], NDArray]:
    """A statistic that only asks which cells the kernel has."""
    return lambda pixels, weights, input_weight: function(pixels.data, valid(pixels.mask), weights != 0)


FAST: dict[str, Callable[[Pixels, NDArray, str], NDArray]] = {
    "mean": _mean,
    "sum": lambda pixels, weights, how: _totals(pixels, weights, how)[0],
    "count": _flat(lambda data, ok, inside: window.weighted_sum(ok, inside)),
    "min": _flat(lambda data, ok, inside: window.extreme(data, ok, inside, largest=False)),
    "max": _flat(lambda data, ok, inside: window.extreme(data, ok, inside, largest=True)),
    "median": _flat(lambda data, ok, inside: window.ranked(data, ok, inside, "median")),
    "mode": _flat(lambda data, ok, inside: window.ranked(data, ok, inside, "mode")),
    "variance": _flat(window.variance),
    "stdDev": _flat(lambda data, ok, inside: np.sqrt(window.variance(data, ok, inside))),
}


def _any_valid(mask: NDArray, weights: NDArray) -> NDArray:
    """Where the kernel covers a valid pixel."""
    height, width = mask.shape[0] - weights.shape[0] + 1, mask.shape[1] - weights.shape[1] + 1
    if is_everywhere(mask):
        return everywhere((height, width))
    return window.covered(valid(mask), weights != 0, all_of_it=False)


def _reduce(reducer: Reducer, input_weight: str, kinds: list[PixelType], skip: bool) -> Callable[..., list[Pixels]]:
    """What reduces the padded bands under the weights: one compiled pass where there is one, else a stack of shifts."""
    fast = FAST.get(reducer.name.removeprefix("Reducer.")) if reducer.inputs == 1 else None

    def apply(grid: GeoBox, weights: KernelWeights, *padded: Pixels) -> list[Pixels]:
        covered, w = [under(p, weights) for p in padded], weights.weights
        if fast is not None and covered[0].data.ndim == 2:
            data = fast(covered[0], w, input_weight).astype(kinds[0].dtype, copy=False)
            made = [Pixels(data, _any_valid(covered[0].mask, w))]
        else:
            made = reducer.stack([_layers(p, w, input_weight) for p in covered])
        if not skip:
            return made
        centre = both(*(inner(p, grid).mask for p in padded))
        return [Pixels(p.data, both(p.mask, centre)) for p in made]

    return apply


def _layers(pixels: Pixels, weights: NDArray, input_weight: str) -> list[Pixels]:
    """One layer a cell of the kernel, its mask the cell's weight where the pixel is valid."""
    inside = weights != 0
    layers = []
    for data, mask, w in zip(
        window.shifted(pixels.data, weights.shape, inside),
        window.shifted(pixels.mask, weights.shape, inside),
        weights[inside],
        strict=True,
    ):
        if input_weight == "mask" or (w == 1 and mask.dtype == bool):
            share = mask
        elif input_weight == "min":
            share = np.minimum(mask, np.float32(w), dtype=np.float32)
        else:
            share = valid(mask) * np.float32(w)
        layers.append(Pixels(data, share))
    return layers


def reduce_neighborhood(
    image: Image, reducer: Reducer, kernel: Kernel, input_weight: str, skip_masked: bool, optimization: str | None
) -> Image:
    """The reducer applied to the pixels under the kernel, band by band, or all bands at once if it has as many inputs.

    Valid where any pixel under the kernel is, and with skipMasked the centre too. `optimization` changes nothing.
    """
    who = "Image.reduceNeighborhood"
    if input_weight not in ("mask", "kernel", "min"):
        raise EngineError(f"{who}: inputWeight must be 'mask', 'kernel' or 'min', but is {input_weight!r}.")
    if optimization not in (None, "boxcar", "window"):
        raise EngineError(f"{who}: optimization must be 'boxcar', 'window' or null, but is {optimization!r}.")
    if reducer.inputs == 1:
        sets = [([b], [f"{b.name}_{o}" for o in reducer.outputs]) for b in image.bands]
    elif reducer.inputs == len(image.bands):
        sets = [(list(image.bands), list(reducer.outputs))]
    else:
        count = len(image.bands)
        raise EngineError(f"{who}: the reducer has {reducer.inputs} inputs and the image {count} bands. Select them.")
    made: list[Band] = []
    for bands, names in sets:
        kinds = reducer.output_types([b.type for b in bands])
        rule = _reduce(reducer, input_weight, kinds, skip_masked)
        held = (
            0 if reducer.name.removeprefix("Reducer.") in FAST else len(bands) * kernels.stacked_bytes(kernel, bands[0])
        )
        whole = replace(around(kernel, rule, *(b.plan for b in bands)), bytes_a_pixel=held)
        made += [
            Band(n, k, Part(whole, i), bands[0].projection, bands[0].window)
            for i, (n, k) in enumerate(zip(names, kinds, strict=True))
        ]
    return image.with_bands(made)


# Focal filters --------------------------------------------------------------------------------------------------------


def _focal(statistic: Statistic, who: str) -> Callable[..., Image]:
    """The filter of one statistic: bands keep their names; gaps are filled from valid neighbours."""

    def apply(grid: GeoBox, weights: KernelWeights, padded: Pixels, dtype: np.dtype[Any]) -> Pixels:
        covered = under(padded, weights)
        data = FAST[statistic](covered, weights.weights, "kernel")
        return Pixels(data.astype(dtype, copy=False), _any_valid(covered.mask, weights.weights))

    def focal(
        image: Image, radius: float, kernel_type: str, units: str, iterations: int, kernel: Kernel | None
    ) -> Image:
        chosen = kernel or named_kernel(kernel_type, radius, units, who)
        if iterations < 0:
            raise EngineError(f"{who}: iterations must not be negative, but is {iterations}.")
        kind = real if statistic in ("mean", "median") else lambda t: t

        def filtered(band: Band) -> Plan:
            plan, dtype = band.plan, kind(band.type).dtype
            for _ in range(iterations):
                plan = around(chosen, lambda grid, weights, padded: apply(grid, weights, padded, dtype), plan)
            return plan

        return each(image, filtered, kind if iterations else lambda t: t)

    return focal


def named_kernel(shape: str, radius: float, units: str, who: str) -> Kernel:
    """The normalised kernel that kernelType, radius and units stand for."""
    if shape.lower() not in SHAPES:
        raise EngineError(f"{who}: kernelType must be one of {', '.join(SHAPES)}, but is {shape!r}.")
    made: Kernel = kernels.TABLE[f"Kernel.{shape.lower()}"](radius, units, True, 1.0)
    return made


# Sums and neighbours --------------------------------------------------------------------------------------------------


def convolve(image: Image, kernel: Kernel) -> Image:
    """Each band's weighted sum under the kernel, which is not flipped; valid where every weighted pixel is."""

    def apply(grid: GeoBox, weights: KernelWeights, padded: Pixels, dtype: np.dtype[Any]) -> Pixels:
        covered, w = under(padded, weights), weights.weights
        data = window.weighted_sum(zeroed(covered), w)
        if is_everywhere(covered.mask):
            return Pixels(data.astype(dtype, copy=False), everywhere(grid.shape))
        return Pixels(data.astype(dtype, copy=False), window.covered(valid(covered.mask), w != 0, all_of_it=True))

    return each(
        image,
        lambda b: around(kernel, lambda g, w, p: apply(g, w, p, real(b.type).dtype), b.plan),
        real,
    )


def entropy(image: Image, kernel: Kernel) -> Image:
    """Entropy (base 2) of the values under the kernel; the weights only say which pixels count."""

    def apply(grid: GeoBox, weights: KernelWeights, padded: Pixels) -> Pixels:
        covered = under(padded, weights)
        data = window.ranked(covered.data, valid(covered.mask), weights.weights != 0, "entropy")
        return Pixels(data, both(_any_valid(covered.mask, weights.weights), inner(padded, grid).mask))

    for band in image.bands:
        require_integer(band, "Image.entropy")
    return each(image, lambda b: around(kernel, apply, b.plan), lambda kind: DOUBLE)


def require_integer(band: Band, who: str) -> None:
    """Refuses bands that are not integers of at most 32 bits, as Earth Engine does."""
    if band.type.precision != "int" or band.type.dtype == np.int64:
        raise EngineError(
            f"{who}: Only 32-bit or smaller integer types are currently supported, but band '{band.name}' is not one. "
            "Scale it and convert with toByte(), toUint16() or toInt()."
        )


def neighborhood_to_array(image: Image, kernel: Kernel, default: float) -> Image:
    """Each pixel's neighbourhood as a 2-D array, rows first; masked neighbours become `default`, masks stay."""
    if kernel.name not in ("Kernel.fixed", "Kernel.square", "Kernel.rectangle"):
        raise EngineError(
            f"Image.neighborhoodToArray: only fixed, square and rectangle kernels are supported, not {kernel.name}."
        )

    def apply(grid: GeoBox, weights: KernelWeights, padded: Pixels, kind: PixelType) -> Pixels:
        covered = under(padded, weights)
        data = np.where(valid(covered.mask), covered.data, _within(default, kind))
        views = np.lib.stride_tricks.sliding_window_view(data.astype(kind.dtype, copy=False), weights.weights.shape)
        return Pixels(views, inner(padded, grid).mask)

    return each(
        image,
        lambda b: around(kernel, lambda g, w, p: apply(g, w, p, b.type), b.plan),
        lambda kind: replace(kind, dimensions=2),
    )


def _within(value: float, kind: PixelType) -> Any:
    """A value brought into a type: fraction discarded for integers, clamped to the range."""
    low, high = kind.min, kind.max
    value = np.trunc(value) if kind.precision == "int" else value
    value = value if low is None else max(value, low)
    return kind.dtype.type(value if high is None else min(value, high))


def neighborhood_to_bands(image: Image, kernel: Kernel) -> Image:
    """One band for each pixel and non-zero cell, `input_x_y`, rows first; counted from the kernel's upper left cell."""
    # Which bands there are is metadata and must not depend on the pixel size.
    if kernel.in_metres:
        raise EngineError("Image.neighborhoodToBands: the kernel must be given in pixels.")
    weights = kernel.at(1.0)
    kernels.few_cells(weights, "Image.neighborhoodToBands")
    x_reach, y_reach = reach(weights)

    def neighbour(x: int, y: int) -> Callable[[GeoBox, Pixels], Pixels]:
        def apply(grid: GeoBox, padded: Pixels) -> Pixels:
            top, left = y_reach - weights.y + y, x_reach - weights.x + x
            part = np.s_[top : top + grid.shape[0], left : left + grid.shape[1]]
            return Pixels(padded.data[part], padded.mask[part])

        return apply

    return image.with_bands(
        replace(b, name=f"{b.name}_{x}_{y}", plan=Around(neighbour(x, y), (b.plan,), lambda grid: (x_reach, y_reach)))
        for b in image.bands
        for y, x in np.argwhere(weights.weights != 0).tolist()
    )


def derivative(image: Image) -> Image:
    """Central differences in pixel coordinates (x to the right, y downwards), `_x` and `_y` for each band."""

    def apply(grid: GeoBox, padded: Pixels) -> list[Pixels]:
        z, ok = padded.data.astype(np.float64), valid(padded.mask)
        x = Pixels((z[1:-1, 2:] - z[1:-1, :-2]) / 2, ok[1:-1, 2:] & ok[1:-1, :-2] & ok[1:-1, 1:-1])
        y = Pixels((z[2:, 1:-1] - z[:-2, 1:-1]) / 2, ok[2:, 1:-1] & ok[:-2, 1:-1] & ok[1:-1, 1:-1])
        return [x, y]

    made = []
    for band in image.bands:
        whole = Around(apply, (band.plan,), lambda grid: (1, 1))
        made += [replace(band, name=f"{band.name}_{n}", type=DOUBLE, plan=Part(whole, i)) for i, n in enumerate("xy")]
    return image.with_bands(made)


def zero_crossing(image: Image) -> Image:
    """1 where a value is 0, or where a 4-neighbour has the other sign and is not nearer to 0; else 0."""

    def apply(grid: GeoBox, padded: Pixels) -> Pixels:
        z = zeroed(padded)
        centre = z[1:-1, 1:-1]
        found = centre == 0
        for near in (z[1:-1, 2:], z[1:-1, :-2], z[2:, 1:-1], z[:-2, 1:-1]):
            found |= (np.sign(near) * np.sign(centre) < 0) & (np.abs(centre) <= np.abs(near))
        return Pixels(found.astype(np.uint8), inner(padded, grid).mask)

    return each(image, lambda b: Around(apply, (b.plan,), lambda grid: (1, 1)), lambda kind: BOOLEAN)


_FILTERS: tuple[Statistic, ...] = ("max", "mean", "median", "min", "mode")
TABLE: dict[str, Callable[..., Any]] = {
    **{f"Image.focal{s.capitalize()}": _focal(s, f"Image.focal{s.capitalize()}") for s in _FILTERS},
    **{f"Image.focal_{s}": _focal(s, f"Image.focal_{s}") for s in _FILTERS},
    **{f"Window.{s}": _focal(s, f"Window.{s}") for s in _FILTERS},
    "Image.convolve": convolve,
    "Image.derivative": derivative,
    "Image.entropy": entropy,
    "Image.neighborhoodToArray": neighborhood_to_array,
    "Image.neighborhoodToBands": neighborhood_to_bands,
    "Image.reduceNeighborhood": reduce_neighborhood,
    "Image.zeroCrossing": zero_crossing,
}

NOTES: dict[str, str] = {
    "Image.convolve": "Undocumented: masked where any pixel under a non-zero weight is masked.",
    "Image.derivative": "Central differences; masked where a neighbour is.",
    "Image.entropy": "Masked neighbours do not count; masked where the centre is.",
    "Image.focalMean": "Weighted by a custom kernel; masked neighbours do not count, and masked pixels are filled.",
    "Image.focalMode": "Of several most frequent values the smallest.",
    "Image.neighborhoodToBands": "x and y count from the kernel's upper left cell, rows first.",
    "Image.zeroCrossing": "Undocumented: the pixel nearer to zero of two 4-neighbours of different sign.",
}
