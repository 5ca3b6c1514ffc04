"""From finished tiles to one file: rows of the map, and cloud-optimised GeoTIFFs that are written strip by strip."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from affine import Affine
from rasterio._err import CPLE_BaseError
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window

from pipeline.classify.clean import STRIP
from pipeline.engine.raster import open_raster, read_window, reading
from pipeline.errors import ArchiveError
from pipeline.region import Grid, Tile

NDArray = np.ndarray[Any, Any]

SMALLEST = 256
BLOCK = 256
# DEFLATE, which every program reads; stacks, which only minecover reads, use ZSTD.
PACKING = {"TILED": True, "BLOCKXSIZE": BLOCK, "BLOCKYSIZE": BLOCK, "COMPRESS": "DEFLATE", "BIGTIFF": "IF_SAFER"}
LAYOUT = {
    **PACKING,
    "INTERLEAVE": "BAND",
    # Headers first, then from coarse to fine: with it a plain GeoTIFF has the layout of a COG.
    "COPY_SRC_OVERVIEWS": True,
    # With more threads GDAL does not report a full disk.
    "NUM_THREADS": 1,
}


@dataclass(frozen=True)
class Raster:
    """A file of unsigned bytes: its grid, the names of its bands, what stands for no data, how it is made coarser.

    `colours` are red, green, blue and opacity by value.
    """

    grid: Grid
    bands: tuple[str, ...]
    nodata: int
    coarser: Resampling
    colours: Mapping[int, tuple[int, int, int, int]] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Tiles:
    """Finished tiles of a grid; where there is none, `empty` stands in each layer."""

    folder: Path
    grid: Grid
    tiles: tuple[Tile, ...]
    side: int

    def rows(self, layers: list[int], empty: int) -> Callable[[int, int], NDArray]:
        """A function that gives the rows from one to another of some layers (counted from 1)."""
        places = {(t.row, t.column): t for t in self.tiles}

        def some(top: int, bottom: int) -> NDArray:
            made = np.full((len(layers), bottom - top, self.grid.width), empty, np.uint8)
            for row in range(top // self.side, (bottom - 1) // self.side + 1):
                for tile in (t for (r, _), t in places.items() if r == row):
                    first, last = max(top, tile.y), min(bottom, tile.y + tile.height)
                    window = (0, first - tile.y, tile.width, last - first)
                    data, _ = read_window(str(self.folder / f"{tile.name}.tif"), layers, window)
                    made[:, first - top : last - top, tile.x : tile.x + tile.width] = data
            return made

        return some


def write(path: Path, raster: Raster, strips: Iterable[NDArray]) -> list[int]:
    """The checksum of each strip; the file holds them one below the other. The same strips make the same bytes.

    Strips are (bands, rows, width). They pass through a plain file beside `path` first, since overviews must stand
    before the pixels.
    """
    plain = path.with_name(f".plain{path.name}")
    options = {"GDAL_PAM_ENABLED": False, "GDAL_TIFF_OVR_BLOCKSIZE": BLOCK, "GDAL_NUM_THREADS": "1"}
    try:
        with rasterio.Env(**options):
            sums = _plain(plain, raster, strips)
            with rasterio.open(plain, "r+", driver="GTiff") as made:
                made.build_overviews(overviews(raster.grid), raster.coarser)
            predictor = 1 if raster.colours else 2
            rasterio.shutil.copy(str(plain), str(path), driver="GTiff", PREDICTOR=predictor, **LAYOUT)
    except (RasterioError, CPLE_BaseError) as error:  # GDAL's own error escapes from copy()
        raise OSError(f"{error}") from error
    finally:
        plain.unlink(missing_ok=True)
    return sums


def check(path: Path, raster: Raster, sums: list[int]) -> None:
    """Nothing; raises unless every block can be read and gives back the strips."""
    try:
        found = [_sum(strip) for strip in read(path, STRIP)]
        with open_raster(path) as file:
            same = (file.width, file.height, file.count) == (raster.grid.width, raster.grid.height, len(raster.bands))
    except (RasterioError, ArchiveError) as error:
        raise OSError(f"what was written cannot be read back: {error}") from error
    if found != sums or not same:
        raise OSError("what was written reads back as something else")


def read(path: Path, rows: int) -> Iterator[NDArray]:
    """All bands of a file (bands, rows, width), so many rows at a time."""
    with open_raster(path) as file, reading():
        for top in range(0, file.height, rows):
            yield file.read(window=Window(0, top, file.width, min(rows, file.height - top)))


def overviews(grid: Grid) -> list[int]:
    """The halvings until the map fits one screen tile."""
    factors: list[int] = []
    while max(grid.width, grid.height) / 2 ** len(factors) > SMALLEST:
        factors.append(2 ** (len(factors) + 1))
    return factors


def _plain(path: Path, raster: Raster, strips: Iterable[NDArray]) -> list[int]:
    grid, sums, top = raster.grid, [], 0
    profile = {
        "driver": "GTiff", "width": grid.width, "height": grid.height, "count": len(raster.bands), "dtype": "uint8",
        "crs": grid.crs, "transform": Affine(*grid.transform), "nodata": raster.nodata, "interleave": "band",
        "photometric": "PALETTE" if raster.colours else "MINISBLACK",
        **({} if raster.colours else {"alpha": "UNSPECIFIED"}),
        **{k.lower(): v for k, v in PACKING.items()}, "compress": "zstd", "zstd_level": 1,  # gone when it is copied
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        file.descriptions = raster.bands
        file.update_tags(**raster.tags)
        if raster.colours:
            file.write_colormap(1, dict(raster.colours))
        for strip in strips:
            file.write(strip, window=Window(0, top, grid.width, strip.shape[1]))
            sums.append(_sum(strip))
            top += strip.shape[1]
    return sums


def _sum(strip: NDArray) -> int:
    return zlib.crc32(strip.tobytes())
