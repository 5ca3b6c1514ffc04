"""Where the work lies: cells that are computed one by one, pieces that are read at once, tiles that are finished.

A cell is a square of the grid, always at the same place and of the same size whatever the tiles and the memory, so that
a model sees the same block for it every time and gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.region import TILE, Grid, Tile

STEP = 128
"""Sides of cells are multiples of it, and tiles hold whole cells."""


@dataclass(frozen=True)
class Piece:
    """Cells of one tile that are read at once: rows and columns of cells, from the pixel `y`, `x` on."""

    tile: Tile
    y: int
    x: int
    rows: int
    columns: int


@dataclass(frozen=True)
class Layout:
    """How a grid is worked on by a model that looks `halo` pixels beyond the cells, which are `cell` pixels wide."""

    grid: Grid
    cell: int
    halo: int
    side: int = TILE

    @property
    def most(self) -> tuple[int, int]:
        """Rows and columns of cells in a whole tile."""
        return self.side // self.cell, self.side // self.cell

    def count(self, tile: Tile) -> int:
        """Cells of a tile."""
        return -(-tile.height // self.cell) * -(-tile.width // self.cell)

    def pieces(self, tile: Tile, rows: int, columns: int) -> Iterator[Piece]:
        """All cells of a tile, in pieces of at most so many rows and columns of cells."""
        down, across = -(-tile.height // self.cell), -(-tile.width // self.cell)
        for row in range(0, down, rows):
            for column in range(0, across, columns):
                y, x = tile.y + row * self.cell, tile.x + column * self.cell
                yield Piece(tile, y, x, min(rows, down - row), min(columns, across - column))

    def pixels(self, rows: int, columns: int) -> int:
        """Pixels of a piece with all that the model looks at around it."""
        return (rows * self.cell + 2 * self.halo) * (columns * self.cell + 2 * self.halo)


def cell_side(halo: int) -> int:
    """The side of a cell: large enough that the halo, which is computed again for each, does not cost too much."""
    return STEP * next(n for n in (1, 2, 4) if n == 4 or STEP * n >= 4 * halo)
