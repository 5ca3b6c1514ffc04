"""A finished map as codes at places and counts of pixels, read strip by strip. 0 is no data, and the outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from pyproj import CRS
from rasterio.errors import RasterioError
from rasterio.windows import Window

from pipeline.artifacts.design import DESIGN
from pipeline.artifacts.ledger import sha256
from pipeline.console import progress
from pipeline.errors import MinecoverError
from pipeline.region import Grid

NDArray = np.ndarray[Any, Any]

MAPS, FILE = "maps", "map.tif"
ROWS = 512
CODES = 256


@dataclass(frozen=True)
class Mapped:
    """The map that a model made: its file, the SHA-256 of it, and its grid."""

    model: str
    path: Path
    sha256: str
    grid: Grid

    def strips(self) -> Iterator[tuple[int, NDArray]]:
        """First row and codes (rows, columns) of each strip, from the top."""
        with rasterio.open(self.path, driver="GTiff") as file:
            for row in progress(range(0, self.grid.height, ROWS), f"Reading {self.path.name}"):
                height = min(ROWS, self.grid.height - row)
                yield row, file.read(1, window=Window(0, row, self.grid.width, height))

    def counts(self, within: Grid) -> NDArray:
        """Pixels of each code 0 to 255 in the part of the map that lies on another grid of the same pixels."""
        columns, rows = self._offset(within)
        left, right = max(columns, 0), min(columns + within.width, self.grid.width)
        found = np.zeros(CODES, np.int64)
        for row, strip in self.strips():
            top, bottom = max(rows - row, 0), max(rows + within.height - row, 0)
            found += np.bincount(strip[top:bottom, left : max(right, left)].ravel(), minlength=CODES)
        return found

    def at(self, xy: NDArray) -> NDArray:
        """The code at each place (n, 2)."""
        column = np.floor((xy[:, 0] - self.grid.left) / self.grid.pixel).astype(np.int64)
        row = np.floor((self.grid.top - xy[:, 1]) / self.grid.pixel).astype(np.int64)
        inside = (column >= 0) & (column < self.grid.width) & (row >= 0) & (row < self.grid.height)
        found = np.zeros(len(xy), np.int64)
        for first, strip in self.strips():
            here = inside & (row >= first) & (row < first + len(strip))
            found[here] = strip[row[here] - first, column[here]]
        return found

    def _offset(self, other: Grid) -> tuple[int, int]:
        """Column and row of the map at the other grid's corner; refused where they have no pixel in common."""
        columns = (other.left - self.grid.left) / self.grid.pixel
        rows = (self.grid.top - other.top) / self.grid.pixel
        aligned = abs(columns - round(columns)) < 1e-3 and abs(rows - round(rows)) < 1e-3
        meets = -other.width < round(columns) < self.grid.width and -other.height < round(rows) < self.grid.height
        same = self.grid.pixel == other.pixel and CRS.from_user_input(self.grid.crs) == other.crs
        if not (same and aligned and meets):
            raise MinecoverError(
                f"The grid in {DESIGN}, {other.extent}, is not the grid of the map '{self.path}', {self.grid.extent}. "
                f"Assess a map on the grid that the points were drawn from, or correct the grid in {DESIGN}."
            )
        return round(columns), round(rows)


def find_map(run: Path, model: str) -> Mapped | None:
    """The map of a model in a run's folder; None where there is none yet. Refuses one that is no map of ours."""
    path = run / MAPS / model / FILE
    if not path.exists():
        return None
    try:
        with rasterio.open(path, driver="GTiff") as file:
            t = file.transform
            sound = file.count == 1 and file.dtypes[0] == "uint8" and t.b == t.d == 0 and t.a == -t.e and file.crs
            grid = Grid(_named(file.crs), t.a, t.c, t.f, file.width, file.height) if sound else None
    except RasterioError as error:
        raise MinecoverError(f"'{path}' cannot be read: {error}. Make the map again.") from error
    if grid is None:
        raise MinecoverError(f"'{path}' is not a map of class codes with square pixels. Make the map again.")
    return Mapped(model, path, sha256(path), grid)


def _named(crs: Any) -> str:
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else str(crs.to_wkt())
