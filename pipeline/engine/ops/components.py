"""Connected components: labels, sizes and reductions over objects.

Each asks its input with a margin of maxSize pixels. An object that is small enough to count lies wholly inside the
margin of any of its pixels, so the answer does not depend on how the work is cut into tiles; larger ones are capped
(connectedPixelCount) or masked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from pipeline.engine.image import Band, Image
from pipeline.engine.kernels import components as kernels
from pipeline.engine.ops.focal import inner
from pipeline.engine.plan import Around, NDArray, Part, Pixels, both, valid
from pipeline.engine.reducer import Reducer
from pipeline.engine.values import Kernel, PixelType
from pipeline.errors import EngineError

MAX_SIZE = 1024
LABEL = PixelType("int", 0, 2**52)
_HALF = 2**25  # pixels that a label can count to each side of the origin


def _size(value: int, who: str) -> int:
    if not 1 <= value <= MAX_SIZE:
        raise EngineError(f"{who}: maxSize must be between 1 and {MAX_SIZE}, but is {value}.")
    return value


def connected_pixel_count(image: Image, max_size: int, eight: bool) -> Image:
    """For each band how many pixels of the same value are connected to each, itself included, at most maxSize."""
    size = _size(max_size, "Image.connectedPixelCount")
    steps = kernels.EIGHT if eight else kernels.FOUR

    def apply(grid: GeoBox, padded: Pixels) -> Pixels:
        labels, count = kernels.components(padded.data, valid(padded.mask), steps)
        sizes = np.append(np.minimum(kernels.sizes(labels, count), size), 0).astype(np.int32)
        return inner(Pixels(sizes[labels], padded.mask), grid)

    kind = PixelType("int", 0, size)
    return image.with_bands(
        replace(b, type=kind, plan=Around(_typed(apply, kind), (b.plan,), lambda grid: (size, size)))
        for b in image.bands
    )


def _typed(fn: Callable[[GeoBox, Pixels], Pixels], kind: PixelType) -> Callable[[GeoBox, Pixels], Pixels]:
    def apply(grid: GeoBox, padded: Pixels) -> Pixels:
        data, mask = fn(grid, padded)
        return Pixels(data.astype(kind.dtype), mask)

    return apply


def connected_components(image: Image, connectedness: Kernel, max_size: int) -> Image:
    """The input's bands and `labels`, one number an object of equal values in the first band.

    All are masked outside objects and where an object has more than maxSize pixels. A label is made of the position of
    the object's first pixel on the requested grid: the same in all tiles, and in no other object.
    """
    who = "Image.connectedComponents"
    size = _size(max_size, who)
    if not image.bands:
        raise EngineError(f"{who}: the image has no bands.")
    if connectedness.in_metres:
        raise EngineError(f"{who}: the kernel must be given in pixels.")
    made = connectedness.at(1.0)
    steps = kernels.half(made.weights, made.x, made.y)
    far = int(np.abs(steps).max(initial=1)) * size

    def apply(grid: GeoBox, padded: Pixels, *others: Pixels) -> list[Pixels]:
        labels, count = kernels.components(padded.data, valid(padded.mask), steps)
        small = np.append(kernels.sizes(labels, count) <= size, False)
        numbers = np.append(positions(first_cells(labels), grid.pad(far, far)), 0)
        here = inner(Pixels(labels, labels >= 0), grid)
        mask = here.mask & small[here.data]
        bands = [inner(p, grid) for p in (padded, *others)]
        return [*(Pixels(p.data, both(p.mask, mask)) for p in bands), Pixels(numbers[here.data], mask)]

    whole = Around(apply, tuple(b.plan for b in image.bands), lambda grid: (far, far))
    added = replace(image.bands[0], name="labels", type=LABEL)
    return image.with_bands(replace(b, plan=Part(whole, i)) for i, b in enumerate((*image.bands, added)))


def first_cells(labels: NDArray) -> NDArray:
    """(row, column) of the first cell of each component, in the order of their numbers."""
    _, first = np.unique(labels[labels >= 0], return_index=True)
    return np.argwhere(labels >= 0)[first]


def positions(cells: NDArray, grid: GeoBox) -> NDArray:
    """A number for each (row, column) of the grid that says where it lies, counted in pixels from the CRS's origin."""
    a, _, c, _, e, f = tuple(grid.affine)[:6]
    numbers: NDArray = (cells[:, 0] + round(f / e) + _HALF) * (2 * _HALF) + cells[:, 1] + round(c / a) + _HALF
    return numbers


def reduce_connected_components(image: Image, reducer: Reducer, label_band: str | None, max_size: int) -> Image:
    """The reducer over all pixels of each object (8-connected equal values of the label band), at each of its pixels.

    Objects wider or higher than maxSize are masked. Bands are named after the other bands, with the output's name if
    there are several.
    """
    who = "Image.reduceConnectedComponents"
    size = _size(max_size, who)
    labels = next((b for b in image.bands if label_band in (None, b.name)), None)
    if labels is None:
        raise EngineError(f"{who}: there is no band '{label_band}'. Available bands: {image.names}.")
    others = [b for b in image.bands if b is not labels]
    if not others or reducer.inputs not in (1, len(others)):
        raise EngineError(
            f"{who}: the reducer has {reducer.inputs} inputs, but there are {len(others)} bands besides the label band."
        )
    sets = [[b] for b in others] if reducer.inputs == 1 else [others]
    made: list[Band] = []
    for bands in sets:
        kinds = reducer.output_types([b.type for b in bands])
        inputs = (labels.plan, *(b.plan for b in bands))
        whole = Around(_reduced(reducer, kinds, size), inputs, lambda grid: (size, size))
        for i, (output, kind) in enumerate(zip(reducer.outputs, kinds, strict=True)):
            name = _name(bands, output, reducer)
            made.append(Band(name, kind, Part(whole, i), bands[0].projection, bands[0].window))
    return image.with_bands(made)


def _name(bands: list[Band], output: str, reducer: Reducer) -> str:
    if reducer.inputs > 1:
        return output
    return bands[0].name if len(reducer.outputs) == 1 else f"{bands[0].name}_{output}"


def _reduced(reducer: Reducer, kinds: list[PixelType], size: int) -> Callable[..., list[Pixels]]:
    def apply(grid: GeoBox, labels: Pixels, *padded: Pixels) -> list[Pixels]:
        numbers, count = kernels.components(labels.data, valid(labels.mask), kernels.EIGHT)
        fits = np.append(kernels.extents(numbers, count) <= size, False)
        here = inner(Pixels(numbers, numbers >= 0), grid)
        wanted = np.unique(here.data[here.mask & fits[here.data]])
        values = _per_object(reducer, numbers, wanted, padded)
        result = []
        for column, kind in zip(values, kinds, strict=True):
            table, known = np.zeros(count + 1, kind.dtype), np.zeros(count + 1, bool)
            for label, value in zip(wanted, column, strict=True):
                if value is not None:
                    table[label], known[label] = value, True
            result.append(Pixels(table[here.data], known[here.data]))
        return result

    return apply


def _per_object(reducer: Reducer, numbers: NDArray, wanted: NDArray, padded: tuple[Pixels, ...]) -> list[list[Any]]:
    """For each output the results of the wanted objects, in their order; None where an object has no valid pixel."""
    ok = np.isin(numbers, wanted) & valid(both(*(p.mask for p in padded)))
    order = np.argsort(numbers[ok], kind="stable")
    starts = np.searchsorted(numbers[ok][order], wanted)
    ends = np.searchsorted(numbers[ok][order], wanted, side="right")
    columns = [p.data[ok][order] for p in padded]
    shares = [p.mask[ok][order].astype(np.float64) for p in padded]
    results: list[list[Any]] = [[] for _ in reducer.outputs]
    for a, b in zip(starts, ends, strict=True):
        weights = np.minimum.reduce([s[a:b] for s in shares]) if reducer.weighted else None
        found = reducer.aggregate([c[a:b] for c in columns], weights) if b > a else [None] * len(results)
        for column, value in zip(results, found, strict=True):
            column.append(value)
    return results


TABLE: dict[str, Callable[..., Any]] = {
    "Image.connectedComponents": connected_components,
    "Image.connectedPixelCount": connected_pixel_count,
    "Image.reduceConnectedComponents": reduce_connected_components,
}

NOTES: dict[str, str] = {
    "Image.connectedComponents": "Labels tell the first pixel's position on the requested grid; maxSize counts pixels.",
    "Image.connectedPixelCount": f"maxSize is at most {MAX_SIZE}.",
    "Image.reduceConnectedComponents": "Undocumented names: the input bands', with the output's if there are several.",
}
