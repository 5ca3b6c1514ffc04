"""Where pixels come from: bands of raster files, and plans computed on a grid of their own."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from pipeline.engine import raster
from pipeline.engine.archive.model import BandFile
from pipeline.engine.plan import NDArray, Pixels, Plan
from pipeline.engine.space import crs as crs_
from pipeline.engine.space import resample
from pipeline.engine.space.grids import geobox
from pipeline.engine.values import Projection
from pipeline.errors import EngineError

MAX_OWN_GRID = 100_000_000


@dataclass(frozen=True)
class FileBand:
    """A band of a file. Equal for the same file and band however often it is loaded, so it is read once a tile."""

    file: BandFile
    method: resample.Method = "nearest"

    @property
    def group(self) -> Hashable:
        """Bands of one file are read in one call."""
        return (self.file.href, self.method)

    @property
    def bytes_a_pixel(self) -> int:
        """What a pixel of it holds in memory, with its mask."""
        return self.file.type.dtype.itemsize + (self.file.nodata is not None)

    def needs(self, grid: GeoBox) -> Sequence[tuple[Plan, GeoBox]]:
        """Nothing but the file."""
        return ()

    def compute(self, grid: GeoBox, inputs: list[Any]) -> Pixels:
        """The band alone."""
        return self.read_group([self], grid)[0]

    def read_group(self, plans: Sequence[FileBand], grid: GeoBox) -> list[Pixels]:
        """All wanted bands of the file on the grid, by one window read."""
        files = [p.file for p in plans]
        transform = Affine(*self.file.projection.transform)
        offset = resample.aligned_offset(grid, self.file.projection.crs, transform)
        if offset is not None:
            return _read_aligned(files, offset, grid.shape)
        return _read_resampled(files, grid, transform, self.method)


def _read_aligned(files: list[BandFile], offset: tuple[int, int], shape: Any) -> list[Pixels]:
    height, width = shape
    found = _clipped(files, (*offset, width, height), 0, (files[0].width, files[0].height))
    if found is None:
        return [_nothing(f, (height, width)) for f in files]
    (x, y, w, h), pixels = found
    if (x, y, w, h) == (*offset, width, height):
        return pixels
    return [_placed(p, (height, width), x - offset[0], y - offset[1]) for p in pixels]


def _read_resampled(files: list[BandFile], grid: GeoBox, transform: Affine, method: resample.Method) -> list[Pixels]:
    file = files[0]
    coarser = resample.source_pixels_per_pixel(
        crs_.grid_name(grid), grid.transform, file.projection.crs, transform, (file.width / 2, file.height / 2)
    )
    level, (width, height) = _level(file, coarser)
    scaled = transform * Affine.scale(file.width / width, file.height / height)
    where = resample.positions(grid, file.projection.crs, scaled)
    found = None
    if where.finite:
        found = _clipped(files, where.window(resample.REACH[method]), level, (width, height))
    if found is None:
        return [_nothing(f, grid.shape) for f in files]
    (x, y, _, _), pixels = found
    return [resample.take(p, (x, y), where, method, grid.shape) for p in pixels]


def _level(file: BandFile, coarser: float) -> tuple[int, tuple[int, int]]:
    """The pyramid level with the largest pixels that are not larger than asked (Earth Engine's rule)."""
    best = (0, (file.width, file.height))
    if coarser < 2 - 1e-6:
        return best
    for level, (width, height) in enumerate(raster.levels(file.href)):
        if max(file.width / width, file.height / height) <= coarser * (1 + 1e-3):
            best = (level, (width, height))
    return best


def _clipped(
    files: list[BandFile], window: tuple[int, int, int, int], level: int, size: tuple[int, int]
) -> tuple[tuple[int, int, int, int], list[Pixels]] | None:
    """The part of the window inside the file, read; None where they do not meet."""
    x0, y0 = max(window[0], 0), max(window[1], 0)
    x1, y1 = min(window[0] + window[2], size[0]), min(window[1] + window[3], size[1])
    if x0 >= x1 or y0 >= y1:
        return None
    inside = (x0, y0, x1 - x0, y1 - y0)
    data, mask = raster.read_window(files[0].href, [f.index for f in files], inside, level, [f.nodata for f in files])
    return inside, [_scaled(f, data[i], mask[i]) for i, f in enumerate(files)]


def _scaled(file: BandFile, data: NDArray, mask: NDArray) -> Pixels:
    if file.scale != 1 or file.offset != 0:
        data = data * file.scale + file.offset
        if file.type.precision == "int":
            limits = np.iinfo(file.type.dtype)
            data = np.clip(np.rint(data), limits.min, limits.max)
    if data.dtype != file.type.dtype:
        data = data.astype(file.type.dtype)
    return Pixels(data, mask)


def _nothing(file: BandFile, shape: Any) -> Pixels:
    return Pixels(
        np.broadcast_to(np.zeros((), file.type.dtype), tuple(shape)), np.broadcast_to(np.False_, tuple(shape))
    )


def _placed(pixels: Pixels, shape: tuple[int, int], x: int, y: int) -> Pixels:
    """Pixels put into a larger, otherwise masked window at (x, y)."""
    height, width = pixels.mask.shape
    data = np.zeros((*shape, *pixels.data.shape[2:]), pixels.data.dtype)
    mask = np.zeros(shape, pixels.mask.dtype)
    data[y : y + height, x : x + width] = pixels.data
    mask[y : y + height, x : x + width] = pixels.mask
    return Pixels(data, mask)


@dataclass(frozen=True, eq=False)
class OwnGrid:
    """A plan computed on the pixels of one projection whatever grid is asked for, and then resampled to that."""

    child: Plan
    projection: Projection
    method: resample.Method = "nearest"
    group = None

    def needs(self, grid: GeoBox) -> Sequence[tuple[Plan, GeoBox]]:
        """The child on the window of its own grid that the request covers."""
        own = own_window(grid, self.projection, resample.REACH[self.method])
        return [] if own is None else [(self.child, own[1])]

    def compute(self, grid: GeoBox, inputs: list[Any]) -> Pixels:
        """The child's pixels, taken at the wanted centres."""
        if not inputs:
            return Pixels(np.broadcast_to(np.zeros(()), grid.shape), np.broadcast_to(np.False_, grid.shape))
        transform = Affine(*self.projection.transform)
        own = own_window(grid, self.projection, resample.REACH[self.method])
        assert own is not None
        if resample.aligned_offset(grid, self.projection.crs, transform) is not None and self.method == "nearest":
            pixels: Pixels = inputs[0]
            return pixels
        where = resample.positions(grid, self.projection.crs, transform)
        return resample.take(inputs[0], own[0], where, self.method, grid.shape)


@lru_cache(maxsize=256)
def own_window(grid: GeoBox, projection: Projection, reach: int = 0) -> tuple[tuple[int, int], GeoBox] | None:
    """The window of the projection's own pixels under the grid: its first pixel, and its GeoBox. None: no overlap."""
    transform = Affine(*projection.transform)
    offset = resample.aligned_offset(grid, projection.crs, transform)
    if offset is not None and reach == 0:
        window: tuple[int, int, int, int] = (*offset, grid.width, grid.height)
    else:
        where = resample.positions(grid, projection.crs, transform)
        if not where.finite:
            return None
        window = where.window(reach)
    x, y, width, height = window
    if width * height > MAX_OWN_GRID:
        raise EngineError(
            f"Reprojection output too large ({width} x {height} pixels). Ask for a smaller region, or a coarser scale "
            f"in reproject()."
        )
    return (x, y), geobox(projection, window)
