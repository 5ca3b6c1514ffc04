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

READERS = 2
BLOCK = 256
"""The side of the squares in which a stack's files are decoded."""


@dataclass(frozen=True, eq=False)
class Block:
    """What was read for a piece: values (bands, height, width) with the halo, NaN where masked.

    What lies beyond the grid is left out: `above` and `left` are such rows and columns before the first. `known` and
    `within` (height and width without the halo) are the pixels that get a class, and those that lie in the region.
    """

    piece: Piece
    values: NDArray
    above: int
    left: int
    known: NDArray
    within: NDArray


@dataclass(frozen=True, eq=False)
class Cell:
    """A cell of a tile, from the pixel `y`, `x` of the grid on; `known` and `within` are as in a block."""

    tile: Tile
    y: int
    x: int
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
        above, before = rows.start - top, columns.start - left
        finite = np.zeros((bottom - top, right - left), np.int32)
        count = finite[above : above + values.shape[1], before : before + values.shape[2]]
        for band in values:  # one by one: a mask of all bands would take as much memory again
            known = np.isfinite(band)
            band[~known] = np.nan
            count += known
        within = self._within(piece, height, width)
        return Block(piece, values, above, before, within & (_core(finite, halo) >= self.least), within)

    def _within(self, piece: Piece, height: int, width: int) -> NDArray:
        grid = self.layout.grid
        made = np.zeros((height, width), bool)
        clipped = min(height, grid.height - piece.y), min(width, grid.width - piece.x)
        part = grid.part(Tile(0, 0, piece.x, piece.y, clipped[1], clipped[0]))
        made[: clipped[0], : clipped[1]] = True if self.shape is None else inside(self.shape, part)
        return made


def cells(block: Block, layout: Layout) -> Iterator[tuple[Cell, NDArray]]:
    """The cells of a block, row by row, and what a model looks at for each: with the halo, NaN beyond the grid."""
    side, around = layout.cell, layout.cell + 2 * layout.halo
    bands, height, width = block.values.shape
    for y in range(0, block.known.shape[0], side):
        for x in range(0, block.known.shape[1], side):
            top, left = y - block.above, x - block.left
            rows = slice(max(top, 0), min(top + around, height))
            columns = slice(max(left, 0), min(left + around, width))
            values = np.full((bands, around, around), np.nan, np.float32)
            part = values[:, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
            part[:] = block.values[:, rows, columns]
            here = slice(y, y + side), slice(x, x + side)
            piece = block.piece
            yield Cell(piece.tile, piece.y + y, piece.x + x, block.known[here], block.within[here]), values


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

    def some(tile: tuple[int, int]) -> NDArray:
        y, x = _middle(tile[0], side, grid.height), _middle(tile[1], side, grid.width)
        return np.asarray(bands.isel(y=y, x=x).values.reshape(bands.sizes["band"], -1))

    return np.concatenate(list(ahead(some, chosen, READERS, READERS)), axis=1)


def _middle(number: int, side: int, end: int) -> slice:
    """Every fourth pixel of a tile's row or column, in the block of the file that holds its middle."""
    first, last = number * side, min((number + 1) * side, end)
    start = first + (last - first) // 2 // BLOCK * BLOCK
    return slice(start, min(start + BLOCK, last), 4)


def _core(array: NDArray, halo: int) -> NDArray:
    return array[halo : array.shape[0] - halo, halo : array.shape[1] - halo]
