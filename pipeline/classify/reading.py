"""Reading a stack for a model: its bands in its order, with a halo, and which pixels are known well enough."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import xarray as xr

from pipeline.classify.layout import Layout, Piece
from pipeline.region import Grid, Tile, inside

NDArray = np.ndarray[Any, Any]
Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Block:
    """What was read for a piece: values (bands, height, width) with the halo, NaN where masked or beyond the grid.

    `known` and `within` (height and width without the halo) are the pixels that get a class, and those that lie in
    the region.
    """

    piece: Piece
    values: NDArray
    known: NDArray
    within: NDArray


@dataclass(frozen=True, eq=False)
class Source:
    """The bands that a model reads, in its order; the region's shape on the grid, or None where all of it counts."""

    bands: xr.DataArray
    layout: Layout
    shape: Any
    min_valid: float

    @property
    def least(self) -> int:
        """How many bands a pixel must have; one at least, or there would be classes where nothing is known."""
        return max(1, math.ceil(self.min_valid * self.bands.sizes["band"] - 1e-9))

    def read(self, piece: Piece) -> Block:
        """The block of a piece; what is infinite is masked, too."""
        cell, halo, grid = self.layout.cell, self.layout.halo, self.layout.grid
        height, width = piece.rows * cell, piece.columns * cell
        top, left = piece.y - halo, piece.x - halo
        bottom, right = piece.y + height + halo, piece.x + width + halo
        rows = slice(max(top, 0), min(bottom, grid.height))
        columns = slice(max(left, 0), min(right, grid.width))
        values = self.bands.isel(y=rows, x=columns).values
        beyond = ((rows.start - top, bottom - rows.stop), (columns.start - left, right - columns.stop))
        if any(n for pair in beyond for n in pair):
            values = np.pad(values, ((0, 0), *beyond), constant_values=np.nan)
        finite = np.zeros(values.shape[1:], np.int32)
        for band in values:  # one by one: a mask of all bands would take as much memory again
            known = np.isfinite(band)
            band[~known] = np.nan
            finite += known
        within = self._within(piece, height, width)
        return Block(piece, values, within & (_core(finite, halo) >= self.least), within)

    def _within(self, piece: Piece, height: int, width: int) -> NDArray:
        grid = self.layout.grid
        made = np.zeros((height, width), bool)
        clipped = min(height, grid.height - piece.y), min(width, grid.width - piece.x)
        part = grid.part(Tile(0, 0, piece.x, piece.y, clipped[1], clipped[0]))
        made[: clipped[0], : clipped[1]] = True if self.shape is None else inside(self.shape, part)
        return made


def cells(block: Block, layout: Layout) -> Iterator[tuple[int, int, NDArray, NDArray]]:
    """Row and column of each cell of a block, from its first pixel; what the model looks at; which pixels are known."""
    side, around = layout.cell, layout.cell + 2 * layout.halo
    for y in range(0, block.known.shape[0], side):
        for x in range(0, block.known.shape[1], side):
            values = np.ascontiguousarray(block.values[:, y : y + around, x : x + around])
            yield y, x, values, block.known[y : y + side, x : x + side]


def ahead(do: Callable[[Task], Result], tasks: Iterable[Task], workers: int, depth: int) -> Iterator[Result]:
    """Results in the order of the tasks; threads work at the next ones meanwhile, at most `depth` not yet taken."""
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for task in tasks:
            waiting.append(pool.submit(do, task))
            if len(waiting) >= depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def wanted(grid: Grid, own: int, stack: tuple[tuple[int, int], ...], side: int) -> tuple[Tile, ...]:
    """The tiles of `own` pixels in which the stack, whose tiles are `side` pixels wide, has any."""
    there = set(stack)

    def touches(tile: Tile) -> bool:
        rows = range(tile.y // side, (tile.y + tile.height - 1) // side + 1)
        columns = range(tile.x // side, (tile.x + tile.width - 1) // side + 1)
        return any((row, column) in there for row in rows for column in columns)

    return tuple(tile for tile in grid.tiles(own) if touches(tile))


def coarse(bands: xr.DataArray, grid: Grid, tiles: tuple[tuple[int, int], ...], side: int, most: int) -> NDArray:
    """Values (bands, n) at pixels spread over `most` tiles of a stack."""
    chosen = [tiles[i] for i in np.unique(np.linspace(0, len(tiles) - 1, most).round().astype(int))]
    found = []
    for row, column in chosen:
        y, x = _middle(row, side, grid.height), _middle(column, side, grid.width)
        found.append(bands.isel(y=y, x=x).values.reshape(bands.sizes["band"], -1))
    return np.concatenate(found, axis=1)


def _middle(number: int, side: int, end: int) -> slice:
    """Every fourth of at most 256 pixels in the middle of a tile's row or column."""
    first, last = number * side, min((number + 1) * side, end)
    half = min(last - first, 256) // 2
    middle = (first + last) // 2
    return slice(middle - half, max(middle + half, middle - half + 1), 4)


def _core(array: NDArray, halo: int) -> NDArray:
    return array[halo : array.shape[0] - halo, halo : array.shape[1] - halo]
