"""Edges, lines and superpixels: CannyEdgeDetector, HoughTransform, Image.Segmentation.*.

Grids of seeds and blocks are counted from the origin of the requested grid's CRS: they are the same in all tiles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from pipeline.engine.image import Band, Image
from pipeline.engine.kernels import components, segments
from pipeline.engine.ops.components import first_cells, positions
from pipeline.engine.ops.focal import inner
from pipeline.engine.plan import Around, NDArray, OnGrid, Part, Pixels, both, everywhere, valid
from pipeline.engine.values import BOOLEAN, DOUBLE, PixelType
from pipeline.errors import EngineError

LABEL = PixelType("int", 0, 2**52)


def canny(image: Image, threshold: float, sigma: float) -> Image:
    """Each band's gradient magnitude on its edges, 0 elsewhere; masked where smoothing meets a masked pixel."""
    if sigma < 0 or sigma > 100:
        raise EngineError(f"CannyEdgeDetector: sigma must lie in 0 to 100 pixels, but is {sigma:g}.")
    pad = segments.canny_pad(sigma)

    def apply(grid: GeoBox, padded: Pixels) -> Pixels:
        return Pixels(*segments.canny(padded.data, valid(padded.mask), sigma, threshold))

    return image.with_bands(
        replace(b, type=DOUBLE, plan=Around(apply, (b.plan,), lambda grid: (pad, pad))) for b in image.bands
    )


def hough(image: Image, grid_size: int, input_threshold: float, line_threshold: float, smooth: bool) -> Image:
    """`B_lines`: 1 on lines that enough pixels of at least inputThreshold lie on, within blocks of gridSize pixels."""
    if not 2 <= grid_size <= 2048:
        raise EngineError(f"HoughTransform: gridSize must be between 2 and 2048, but is {grid_size}.")

    def apply(grid: GeoBox, padded: Pixels) -> Pixels:
        x, y = origin(grid.pad(grid_size, grid_size))
        active = valid(padded.mask) & (padded.data >= input_threshold)
        lines = segments.hough(active, grid_size, (-(y % grid_size), -(x % grid_size)), line_threshold, smooth)
        return inner(Pixels(lines.view(np.uint8), padded.mask), grid)

    return image.with_bands(
        replace(
            b,
            name=f"{b.name}_lines",
            type=BOOLEAN,
            plan=Around(apply, (b.plan,), lambda grid: (grid_size, grid_size)),
        )
        for b in image.bands
    )


def origin(grid: GeoBox) -> tuple[int, int]:
    """Column and row of the grid's first pixel, counted from the CRS's origin."""
    a, _, c, _, e, f = tuple(grid.affine)[:6]
    return round(c / a), round(f / e)


def _seeds(grid: GeoBox, size: int, hexagonal: bool) -> NDArray:
    """True at the middle of every square of `size` pixels; every other row of squares shifted by half for hexagons."""
    x, y = origin(grid)
    rows, columns = y + np.arange(grid.shape[0])[:, None], x + np.arange(grid.shape[1])[None, :]
    if hexagonal:
        columns = columns + np.where(rows // size % 2 == 1, size // 2, 0)
    return np.asarray((rows % size == size // 2) & (columns % size == size // 2))


def seed_grid(size: int, kind: str) -> Image:
    """`seeds`: 1 at seed pixels, 0 elsewhere, on whichever grid is asked for."""
    _check_size(size, "Image.Segmentation.seedGrid")
    if kind not in ("square", "hex"):
        raise EngineError(f"Image.Segmentation.seedGrid: gridType must be 'square' or 'hex', but is {kind!r}.")

    def apply(grid: GeoBox) -> Pixels:
        return Pixels(_seeds(grid, size, kind == "hex").view(np.uint8), everywhere(grid.shape))

    return Image((Band("seeds", BOOLEAN, OnGrid(apply)),))


def _check_size(size: int, who: str) -> None:
    if not 1 <= size <= 1024:
        raise EngineError(f"{who}: size must be between 1 and 1024 pixels, but is {size}.")


def snic(
    image: Image, size: int, compactness: float, connectivity: int, neighborhood: int | None, seeds: Image | None
) -> Image:
    """`clusters`, each band's mean over its cluster (`B_mean`), and `seeds` where none were given.

    Valid where all bands are and a seed is near. A cluster's number tells where its seed lies.
    """
    who = "Image.Segmentation.SNIC"
    _check_size(size, who)
    if connectivity not in (4, 8):
        raise EngineError(f"{who}: connectivity must be 4 or 8, but is {connectivity}.")
    if not image.bands:
        raise EngineError(f"{who}: the image has no bands.")
    pad = 2 * size if neighborhood is None else min(max(neighborhood, 0), 2048)
    given = () if seeds is None else (seeds.bands[0].plan,)
    count = len(image.bands)

    def apply(grid: GeoBox, *padded: Pixels) -> list[Pixels]:
        wide = grid.pad(pad, pad)
        bands, marks = padded[:count], padded[count:]
        ok = valid(both(*(p.mask for p in bands)))
        marked = valid(marks[0].mask) & (marks[0].data != 0) if marks else _seeds(wide, size, False)
        steps = components.EIGHT if connectivity == 8 else components.FOUR
        starts, clusters = components.components(marked, marked & ok, steps)
        values = np.stack([np.where(ok, p.data, 0) for p in bands]).astype(np.float64)
        labels = segments.snic(values, ok, starts, (compactness / size) ** 2, connectivity == 8)
        numbers = np.append(positions(first_cells(starts), wide), 0)
        here = inner(Pixels(labels, labels >= 0), grid)
        made = [Pixels(numbers[here.data], here.mask)]
        for band in values:
            made.append(Pixels(_means(labels, band, clusters)[here.data], here.mask))
        return [*made, Pixels(inner(Pixels(marked.view(np.uint8), ok), grid).data, everywhere(grid.shape))]

    whole = Around(apply, (*(b.plan for b in image.bands), *given), lambda grid: (pad, pad))
    names = ["clusters", *(f"{b.name}_mean" for b in image.bands), *([] if seeds else ["seeds"])]
    kinds = [LABEL, *([DOUBLE] * count), BOOLEAN]
    first = image.bands[0]
    return image.with_bands(
        Band(n, k, Part(whole, i), first.projection, first.window)
        for i, (n, k) in enumerate(zip(names, kinds, strict=False))
    )


def _means(labels: NDArray, values: NDArray, count: int) -> NDArray:
    """Mean of each cluster, and a last entry for cells without one."""
    some = labels >= 0
    total = np.bincount(labels[some], values[some], minlength=count + 1)
    return np.asarray(total / np.maximum(np.bincount(labels[some], minlength=count + 1), 1))


TABLE: dict[str, Callable[..., Any]] = {
    "CannyEdgeDetector": canny,
    "HoughTransform": hough,
    "Image.Segmentation.SNIC": snic,
    "Image.Segmentation.seedGrid": seed_grid,
}

NOTES: dict[str, str] = {
    "CannyEdgeDetector": "Central differences per pixel; one threshold, no hysteresis.",
    "HoughTransform": "180 angles, distances of one pixel; blocks are counted from the CRS's origin.",
    "Image.Segmentation.SNIC": "As the paper, with squared colour distance; clusters at a tile's edge may differ "
    "unless neighborhoodSize is larger than they are.",
    "Image.Segmentation.seedGrid": "Seeds lie in the middle of squares counted from the CRS's origin; 0 elsewhere.",
}
