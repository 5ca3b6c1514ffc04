"""Moving pixels from one grid to another: where each wanted pixel lies in a source, and what it takes from there.

Positions are computed pixel by pixel from the grid's own numbers, never interpolated between tiles, so any tiling
gives the same answer. A pixel takes the source pixel that its centre falls into (nearest), or a weighted mean of the
2 × 2 (bilinear) or 4 × 4 (bicubic) around it; masked neighbours weigh nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from pipeline.engine.kernels.interpolate import interpolate
from pipeline.engine.plan import NDArray, Pixels, everywhere, is_everywhere, valid
from pipeline.engine.space import crs as crs_
from pipeline.engine.space.grids import centres

Weights = Callable[[NDArray], list[NDArray]]
Method = Literal["nearest", "bilinear", "bicubic"]

REACH: dict[Method, int] = {"nearest": 0, "bilinear": 1, "bicubic": 2}
# Centres that fall on a source pixel's edge up to rounding belong to the pixel right of (below) it.
SNAP = 1e-6


@dataclass(frozen=True, eq=False)
class Positions:
    """Source coordinates of the wanted pixel centres, in source pixels: `x` and `y` broadcast to (height, width)."""

    x: NDArray
    y: NDArray

    @property
    def finite(self) -> bool:
        """Whether any pixel has a place in the source at all."""
        return bool(np.isfinite(self.x).any() and np.isfinite(self.y).any())

    def window(self, reach: int) -> tuple[int, int, int, int]:
        """(x, y, width, height) in source pixels that holds everything the pixels take."""
        low_x, high_x = _extent(self.x, reach)
        low_y, high_y = _extent(self.y, reach)
        return low_x, low_y, high_x - low_x + 1, high_y - low_y + 1


def _extent(values: NDArray, reach: int) -> tuple[int, int]:
    finite = values[np.isfinite(values)]
    return int(np.floor(finite.min() + SNAP)) - reach, int(np.floor(finite.max() + SNAP)) + reach


@lru_cache(maxsize=64)
def positions(grid: GeoBox, crs: str, transform: Affine) -> Positions:
    """Where the pixel centres of the grid lie in a source with this CRS and pixel transform."""
    chain = ~transform * grid.transform
    if crs_.same(crs_.grid_name(grid), crs):
        if chain.b == 0 and chain.d == 0:
            columns, rows = np.arange(grid.width) + 0.5, np.arange(grid.height) + 0.5
            return Positions((chain.a * columns + chain.c)[None, :], (chain.e * rows + chain.f)[:, None])
        x, y = centres(grid)
    else:
        x, y = crs_.transformer(crs_.grid_name(grid), crs).transform(*centres(grid))
    inverse = ~transform
    return Positions(inverse.a * x + inverse.b * y + inverse.c, inverse.d * x + inverse.e * y + inverse.f)


def aligned_offset(grid: GeoBox, crs: str, transform: Affine) -> tuple[int, int] | None:
    """The grid's upper left corner in source pixels, if its pixels are the source's own; else None."""
    if not crs_.same(crs_.grid_name(grid), crs):
        return None
    chain = ~transform * grid.transform
    exact = abs(chain.b) < 1e-9 and abs(chain.d) < 1e-9 and abs(chain.a - 1) < 1e-9 and abs(chain.e - 1) < 1e-9
    x, y = round(chain.c), round(chain.f)
    return (x, y) if exact and abs(chain.c - x) < 1e-4 and abs(chain.f - y) < 1e-4 else None


def take(source: Pixels, origin: tuple[int, int], where: Positions, method: Method, shape: Any) -> Pixels:
    """Pixels at the positions from a source window whose upper left pixel is `origin`; outside it is masked."""
    x, y = where.x - origin[0], where.y - origin[1]
    shape = (int(shape[0]), int(shape[1]))
    if method == "nearest":
        return _nearest(source, x, y, shape)
    return _weighted(source, x - 0.5, y - 0.5, _linear if method == "bilinear" else _cubic, shape)


def _index(values: NDArray, size: int) -> tuple[NDArray, NDArray]:
    index = np.where(np.isfinite(values), np.floor(values + SNAP), -1).astype(np.int64)
    inside = (index >= 0) & (index < size)
    return np.where(inside, index, 0), inside


def _nearest(source: Pixels, x: NDArray, y: NDArray, shape: tuple[int, int]) -> Pixels:
    height, width = source.data.shape[:2]
    column, inside_x = _index(x, width)
    row, inside_y = _index(y, height)
    data = source.data[row, column]
    inside = np.broadcast_to(inside_x & inside_y, shape)
    if is_everywhere(source.mask):
        mask = everywhere(shape) if inside.all() else inside
    else:
        mask = source.mask[row, column]
        mask = mask & inside if mask.dtype == bool else mask * inside
    return Pixels(np.broadcast_to(data, (*shape, *data.shape[2:])), np.broadcast_to(mask, shape))


def _linear(t: NDArray) -> list[NDArray]:
    return [1 - t, t]


def _cubic(t: NDArray) -> list[NDArray]:
    a = -0.5  # Catmull-Rom, the kernel GDAL's cubic uses

    def near(d: NDArray) -> NDArray:
        return ((a + 2) * d - (a + 3)) * d * d + 1

    def far(d: NDArray) -> NDArray:
        return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a

    return [far(1 + t), near(t), near(1 - t), far(2 - t)]


def _weighted(
    source: Pixels, x: NDArray, y: NDArray, weights: Callable[[NDArray], list[NDArray]], shape: tuple[int, int]
) -> Pixels:
    """Interpolated value; a pixel with less than half of its weight valid is masked."""
    height, width = source.data.shape
    base_x, base_y = np.floor(x + SNAP), np.floor(y + SNAP)
    across = np.stack(weights(np.maximum(x - base_x, 0)))
    down = np.stack(weights(np.maximum(y - base_y, 0)))
    steps = np.arange(len(across)) + 1 - len(across) // 2
    columns = np.stack([_places(base_x + step, width) for step in steps])
    rows = np.stack([_places(base_y + step, height) for step in steps])
    ok = None if is_everywhere(source.mask) else np.ascontiguousarray(valid(source.mask))
    return Pixels(*interpolate(np.ascontiguousarray(source.data), ok, columns, across, rows, down, shape))


def _places(values: NDArray, size: int) -> NDArray:
    index, inside = _index(values, size)
    return np.where(inside, index, -1)


@lru_cache(maxsize=256)
def source_pixels_per_pixel(
    grid_crs: str, grid_transform: Affine, crs: str, transform: Affine, middle: tuple[float, float]
) -> float:
    """How many source pixels (along one side) a grid pixel covers, at the source pixel `middle`.

    Measured at a place of the source, not of the request, so that all tiles of one grid agree.
    """
    here = transform * middle
    alike = crs_.same(grid_crs, crs)
    if not alike:
        here = crs_.transformer(crs, grid_crs).transform(*here)
    start = ~grid_transform * here
    corners = [grid_transform * (start[0] + dx, start[1] + dy) for dx, dy in ((0, 0), (1, 0), (0, 1))]
    if not alike:
        corners = [crs_.transformer(grid_crs, crs).transform(*c) for c in corners]
    (x0, y0), (x1, y1), (x2, y2) = [~transform * c for c in corners]
    return float(abs((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)) ** 0.5)
