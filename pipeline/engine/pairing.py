"""Band-wise functions of images: which bands meet, what the result is called, and what type it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pipeline.engine.image import Band, Image
from pipeline.engine.plan import Local, NDArray, Pixels, both
from pipeline.engine.space.grids import intersect
from pipeline.engine.values import PixelType
from pipeline.errors import EngineError

Unary = Callable[[NDArray], NDArray]
Binary = Callable[[NDArray, NDArray, np.dtype[Any]], NDArray]
UnaryType = Callable[[PixelType], PixelType]
BinaryType = Callable[[PixelType, PixelType], PixelType]

KEPT = ("system:index", "system:footprint")


def paired(left: Image, right: Image, who: str) -> list[tuple[str, Band, Band]]:
    """(result name, left band, right band): one band goes against all, equal sets by name, else by order."""
    if not left.bands or not right.bands:
        raise EngineError(
            f"{who}: If one image has no bands, the other must also have no bands. Got {_counts(left, right)}."
        )
    if len(left.bands) == len(right.bands):
        if set(left.names) == set(right.names):
            others = {b.name: b for b in right.bands}
            return [(b.name, b, others[b.name]) for b in left.bands]
        return [(a.name, a, b) for a, b in zip(left.bands, right.bands, strict=True)]
    if len(right.bands) == 1:
        return [(a.name, a, right.bands[0]) for a in left.bands]
    if len(left.bands) == 1:
        return [(b.name, left.bands[0], b) for b in right.bands]
    raise EngineError(f"{who}: Images must contain 1 or the same number of bands. Got {_counts(left, right)}.")


def _counts(left: Image, right: Image) -> str:
    return f"{len(left.bands)} and {len(right.bands)}"


def arithmetic_properties(image: Image) -> dict[str, Any]:
    """What arithmetic keeps of the first image's properties (Earth Engine drops the rest)."""
    return {k: image.properties[k] for k in KEPT if k in image.properties}


def binary(name: str, function: Binary, result: BinaryType) -> Callable[[Image, Image], Image]:
    """An image function of two bands; valid only where both are. `function(a, b, dtype)` computes in `dtype`."""

    def apply(left: Image, right: Image) -> Image:
        bands = []
        for band_name, a, b in paired(left, right, name):
            kind = result(a.type, b.type)
            projection, window = intersect(a, b)
            bands.append(Band(band_name, kind, Local(_combine(function, kind), (a.plan, b.plan)), projection, window))
        return Image(tuple(bands), arithmetic_properties(left))

    return apply


def _combine(function: Binary, kind: PixelType) -> Callable[[Pixels, Pixels], Pixels]:
    dtype = kind.dtype

    def compute(a: Pixels, b: Pixels) -> Pixels:
        left, right = matched(a.data, b.data)
        with np.errstate(all="ignore"):
            if left.dtype == object or right.dtype == object:
                return Pixels(each(lambda x, y: function(x, y, dtype), left, right), both(a.mask, b.mask))
            return Pixels(function(left, right, dtype), both(a.mask, b.mask))

    return compute


def matched(a: NDArray, b: NDArray) -> tuple[NDArray, NDArray]:
    """Two bands' data made to broadcast: a scalar band gets the axes of an array band."""
    if a.ndim < b.ndim and b.dtype != object:
        return a.reshape(a.shape + (1,) * (b.ndim - a.ndim)), b
    if b.ndim < a.ndim and a.dtype != object:
        return a, b.reshape(b.shape + (1,) * (a.ndim - b.ndim))
    return a, b


def each(function: Callable[..., Any], *data: NDArray) -> NDArray:
    """A function of each pixel's array, for bands whose arrays differ in length from pixel to pixel."""
    shape = data[0].shape[:2]
    result = np.empty(shape, object)
    for at in np.ndindex(*shape):
        result[at] = function(*(np.asarray(d[at]) for d in data))
    return result


def unary(function: Unary, result: UnaryType) -> Callable[[Image], Image]:
    """An image function of single bands; masks stay."""

    def apply(image: Image) -> Image:
        bands = []
        for b in image.bands:
            kind = result(b.type)
            bands.append(Band(b.name, kind, Local(_single(function, kind), (b.plan,)), b.projection, b.window))
        return Image(tuple(bands), arithmetic_properties(image))

    return apply


def _single(function: Unary, kind: PixelType) -> Callable[[Pixels], Pixels]:
    dtype = kind.dtype

    def compute(pixels: Pixels) -> Pixels:
        with np.errstate(all="ignore"):
            if pixels.data.dtype == object:
                return Pixels(each(lambda x: function(x).astype(dtype), pixels.data), pixels.mask)
            data = pixels.data
            if dtype.kind == "f" and data.dtype.kind != "f":
                data = data.astype(dtype)  # NumPy would take the root of bytes to 16-bit floats
            return Pixels(function(data).astype(dtype, copy=False), pixels.mask)

    return compute


def band_map(image: Image, make: Callable[[Band], Band]) -> Image:
    """The image with each band replaced; properties kept."""
    return image.with_bands(make(b) for b in image.bands)
