"""The long part: every cell of the grid goes through the model, tile by tile. It may be interrupted at any moment."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.artifacts.ledger import Ledger, deliver
from pipeline.classify import answers
from pipeline.classify.layout import Layout
from pipeline.classify.reading import BLOCK, READERS, Cell, Source, ahead, cells
from pipeline.errors import MinecoverError
from pipeline.models import Fitted
from pipeline.region import Tile

NDArray = np.ndarray[Any, Any]

TILES = "tiles"
COPIES = 2
"""Arrays of a block's size that reading it takes at times."""
AHEAD = 2
"""Cells that are answered for, or wait for it, at once."""
STATUS = Path("/proc/self/status")


@dataclass(frozen=True, eq=False)
class Job:
    """What is to be mapped by whom. `rows` and `columns` of cells are read at once, by `workers` threads."""

    model: Fitted
    codes: tuple[int, ...]
    source: Source
    layout: Layout
    folder: Path
    rows: int
    columns: int
    workers: int = READERS

    def mapped(self, tiles: Sequence[Tile], ledger: Ledger) -> Iterator[None]:
        """Something for each cell that is done; tiles are in the ledger and on the disk as soon as they are whole.

        The next cells are read and answered for while those before them are put in their places and written.
        """
        pieces = [p for tile in tiles for p in self.layout.pieces(tile, self.rows, self.columns)]
        blocks = ahead(self.source.read, pieces, self.workers, self.workers + 1)
        work = (cell for block in blocks for cell in cells(block, self.layout))
        open_tile: _Tile | None = None
        for cell, found in ahead(self._answered, work, 1, AHEAD):
            if open_tile is None or open_tile.tile != cell.tile:
                open_tile = _Tile(cell.tile, len(self.codes))
            open_tile.put(cell, found, self.layout.cell)
            yield
            if open_tile.left == 0:
                open_tile.record(self, ledger)

    def warm(self) -> None:
        """Nothing; the model has answered once, and holds the memory that it needs."""
        side = self.layout.cell + 2 * self.layout.halo
        self.answer(np.full((self.source.bands.sizes["band"], side, side), np.nan, np.float32))

    def answer(self, values: NDArray) -> NDArray:
        """Probabilities of a cell, as many as there are classes."""
        found = self.model.predict(values)
        wanted = (len(self.codes), self.layout.cell, self.layout.cell)
        if found.shape != wanted:
            raise MinecoverError(
                f"The model answered with an array of {found.shape}, not {wanted}: its files do not fit its manifest. "
                f"Train it again."
            )
        if not np.isfinite(found).all():
            raise MinecoverError("The model answered with something that is no number. Train it again.")
        return found

    def _answered(self, work: tuple[Cell, NDArray]) -> tuple[Cell, NDArray | None]:
        """A cell, and its layers if anything is known there."""
        cell, values = work
        return cell, answers.layers(self.answer(values), cell.known, self.codes) if cell.known.any() else None


class _Tile:
    """A tile that is being made."""

    def __init__(self, tile: Tile, classes: int) -> None:
        self.tile = tile
        self.data = np.full((answers.BESIDE + classes, tile.height, tile.width), answers.UNKNOWN, np.uint8)
        self.data[0] = answers.NOTHING
        self.left = tile.height * tile.width
        self.within = 0
        self.began = time.monotonic()

    def put(self, cell: Cell, found: NDArray | None, side: int) -> None:
        """Nothing; the layers of a cell, if anything is known there, are in their place."""
        top, left = cell.y - self.tile.y, cell.x - self.tile.x
        height, width = min(side, self.tile.height - top), min(side, self.tile.width - left)
        if found is not None:
            self.data[:, top : top + height, left : left + width] = found[:, :height, :width]
        self.within += int(cell.within[:height, :width].sum())
        self.left -= height * width

    def record(self, job: Job, ledger: Ledger) -> None:
        """Nothing; the tile is on the disk and in the ledger."""
        folder, grid = job.folder, job.layout.grid.part(self.tile)
        entry = deliver(
            folder / TILES / f"{self.tile.name}.tif",
            folder,
            f"{TILES}/{self.tile.name}",
            lambda path: answers.write(path, self.data, grid),
            lambda path: answers.check(path, self.data),
        )
        seconds = round(time.monotonic() - self.began, 3)
        known = int((self.data[0] != answers.NOTHING).sum())
        ledger.record(replace(entry, facts={"within": self.within, "known": known, "seconds": seconds}))


def piece(layout: Layout, bands: int, memory: float, workers: int = READERS) -> tuple[int, int]:
    """Rows and columns of cells to read at once, so that what is in work fits into so many bytes; one cell at least.

    More rows than the files' blocks have would only make the first answers wait.
    """
    rows, columns = layout.most
    for choice in ((min(rows, max(1, BLOCK // layout.cell)), columns), (1, columns), (1, 1)):
        if block_bytes(layout, bands, *choice, workers) <= memory:
            return choice
    return 1, 1


def block_bytes(layout: Layout, bands: int, rows: int, columns: int, workers: int = READERS) -> int:
    """Bytes of all values in memory at once: blocks that wait, are computed and are read, and their cells."""
    pixels = layout.pixels(rows, columns) * (2 + COPIES * workers) + layout.pixels(1, 1) * AHEAD
    return pixels * bands * 4


def in_use() -> int:
    """Bytes that this process holds; 0 where the system does not tell."""
    if not STATUS.exists():
        return 0
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024
