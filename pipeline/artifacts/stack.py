"""Opening a finished stack: all its bands as one lazy array, read tile by tile as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from pyproj import CRS
from xarray.backends import BackendArray
from xarray.core import indexing

from pipeline.artifacts.manifest import FILE, BandRecord, Manifest, read_manifest
from pipeline.engine.raster import read_window
from pipeline.errors import ArchiveError, MinecoverError
from pipeline.region import Grid

NDArray = np.ndarray[Any, Any]

STACK = "stack"


def open_stack(path: str | Path) -> xr.DataArray:
    """The bands of a finished stack (band, y, x), float32, NaN where masked; nothing is read before it is asked for.

    `path` is a run's folder, its stack's folder or the manifest. `x` and `y` are pixel centres in metres of
    `attrs["crs"]`.
    """
    folder, manifest = _found(path)
    return _lazy(folder, manifest, manifest.bands, np.dtype(np.float32))


def open_counts(path: str | Path) -> xr.DataArray:
    """How often each pixel was seen (band, y, x), uint16, 0 where never; as lazy as `open_stack`."""
    folder, manifest = _found(path)
    return _lazy(folder, manifest, manifest.counts, np.dtype(np.uint16))


def _found(path: str | Path) -> tuple[Path, Manifest]:
    place = Path(path)
    if place.name == FILE:
        place = place.parent
    elif not (place / FILE).is_file() and (place / STACK).is_dir():
        place = place / STACK
    place = place.absolute()
    return place, read_manifest(place)


def _lazy(folder: Path, manifest: Manifest, bands: Sequence[BandRecord], dtype: np.dtype[Any]) -> xr.DataArray:
    grid = manifest.grid
    array = TiledArray(folder, grid, manifest.tile, frozenset(manifest.tiles), tuple(bands), dtype)
    x = grid.left + (np.arange(grid.width) + 0.5) * grid.pixel
    y = grid.top - (np.arange(grid.height) + 0.5) * grid.pixel
    attrs: dict[str, Any] = {"crs": grid.crs, "transform": grid.transform}
    if dtype.kind == "f":
        attrs["nodata"] = float("nan")
    mapping = {**CRS.from_user_input(grid.crs).to_cf(), "GeoTransform": _gdal_order(grid)}
    coords = {
        "band": [b.name for b in bands],
        "y": ("y", y, {"units": "metre"}),
        "x": ("x", x, {"units": "metre"}),
        "unit": ("band", [b.unit for b in bands]),
        "spatial_ref": ((), 0, mapping),
    }
    lazy = indexing.LazilyIndexedArray(array)
    return xr.DataArray(xr.Variable(("band", "y", "x"), lazy, attrs), coords, name="stack")


def _gdal_order(grid: Grid) -> str:
    a, b, c, d, e, f = grid.transform
    return f"{c!r} {a!r} {b!r} {f!r} {d!r} {e!r}"


@dataclass(frozen=True, eq=False)
class TiledArray(BackendArray):
    """Bands that lie in tiles of one grid, `part/tile_ROW_COLUMN.tif`; NaN or 0 where there is no tile."""

    folder: Path
    grid: Grid
    side: int
    tiles: frozenset[tuple[int, int]]
    bands: tuple[BandRecord, ...]
    dtype: np.dtype[Any]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Bands, rows, columns."""
        return len(self.bands), self.grid.height, self.grid.width

    def __getitem__(self, key: indexing.ExplicitIndexer) -> NDArray:
        if isinstance(key, indexing.VectorizedIndexer):
            return self._points(*(np.arange(n)[k] for k, n in zip(key.tuple, self.shape, strict=True)))
        chosen = [np.arange(n)[k] for k, n in zip(key.tuple, self.shape, strict=True)]
        block = self._block(*(np.atleast_1d(c) for c in chosen))
        return block.reshape([len(c) for c in chosen if c.ndim])

    def _block(self, bands: NDArray, rows: NDArray, columns: NDArray) -> NDArray:
        """The pixels where these bands, rows and columns meet; each window of a file is read once."""
        made = self._empty((len(bands), len(rows), len(columns)))
        for row, at_rows in _grouped(rows // self.side):
            for column, at_columns in _grouped(columns // self.side):
                for part, at_bands in self._parts(bands):
                    data = self._read(part, (row, column), bands[at_bands], rows[at_rows], columns[at_columns])
                    if data is not None:
                        made[_crossing(at_bands, at_rows, at_columns)] = data
        return made

    def _points(self, bands: NDArray, rows: NDArray, columns: NDArray) -> NDArray:
        """The pixels at each band, row and column of three arrays that broadcast; only tiles with points are read."""
        b, y, x = (v.ravel() for v in np.broadcast_arrays(bands, rows, columns))
        made = self._empty(b.shape)
        across = -(-self.grid.width // self.side)
        for tile, here in _grouped(y // self.side * across + x // self.side):
            for part, chosen in self._parts(b[here]):
                at = here[chosen]
                unique = [np.unique(v[at], return_inverse=True) for v in (b, y, x)]
                data = self._read(part, divmod(tile, across), *(u for u, _ in unique))
                if data is not None:
                    made[at] = data[tuple(inverse for _, inverse in unique)]
        return made.reshape(np.broadcast_shapes(bands.shape, rows.shape, columns.shape))

    def _empty(self, shape: tuple[int, ...]) -> NDArray:
        return np.full(shape, np.nan if self.dtype.kind == "f" else 0, self.dtype)

    def _parts(self, bands: NDArray) -> Iterator[tuple[str, NDArray]]:
        """The places in `bands` of each part's bands."""
        names = np.array([b.part for b in self.bands])[bands]
        for name in dict.fromkeys(names.tolist()):
            yield name, np.flatnonzero(names == name)

    def _read(
        self, part: str, tile: tuple[int, int], bands: NDArray, rows: NDArray, columns: NDArray
    ) -> NDArray | None:
        """The crossing of bands, rows and columns of one file, from the one window that holds it; None if no file."""
        if tile not in self.tiles or not rows.size or not columns.size:
            return None
        top, left = int(rows.min()), int(columns.min())
        window = (left % self.side, top % self.side, int(columns.max()) - left + 1, int(rows.max()) - top + 1)
        path = self.folder / part / f"tile_{tile[0]}_{tile[1]}.tif"
        wanted, order = np.unique([self.bands[b].index for b in bands], return_inverse=True)
        try:
            data, _ = read_window(str(path), wanted.tolist(), window)
        except ArchiveError as error:
            raise MinecoverError(
                f"'{path}' cannot be read, though the manifest lists it ({error}). Run the same export again: it makes "
                f"damaged tiles anew."
            ) from error
        return np.asarray(data[_crossing(order, rows - top, columns - left)])


def _crossing(*indices: NDArray) -> tuple[Any, ...]:
    """What picks the crossing of indices; slices where these follow one another, which is much faster."""
    picks = [slice(i[0], i[-1] + 1) if (np.diff(i) == 1).all() else i for i in indices]
    return tuple(picks) if sum(isinstance(p, np.ndarray) for p in picks) < 2 else np.ix_(*indices)


def _grouped(keys: NDArray) -> Iterator[tuple[int, NDArray]]:
    """Each distinct key, and where it stands."""
    if not keys.size:
        return
    order = np.argsort(keys, kind="stable")
    values, starts = np.unique(keys[order], return_index=True)
    for value, places in zip(values, np.split(order, starts[1:]), strict=True):
        yield int(value), places
