"""One tile of one part as a cloud-optimised GeoTIFF: written, and read back in full before it counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from affine import Affine
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile

from pipeline.engine.raster import band_names, open_raster
from pipeline.errors import ArchiveError, MinecoverError
from pipeline.export.pixels import Part
from pipeline.region import Grid

NDArray = np.ndarray[Any, Any]

BLOCK = 256
# Of 27 real bands, 28.3 MB: ZSTD level 3 makes 14.4 MB in 0.16 s, level 9 14.3 MB in 0.27 s, DEFLATE 16.1 MB in 0.30 s.
PACKING = {"COMPRESS": "ZSTD", "ZSTD_LEVEL": 3}
LAYOUT = {
    "TILED": True,
    "BLOCKXSIZE": BLOCK,
    "BLOCKYSIZE": BLOCK,
    # One band after the other, so that a wanted band does not cost the decoding of all.
    "INTERLEAVE": "BAND",
    # Headers first, then pixels in order: with it a plain GeoTIFF has the layout of a COG.
    "COPY_SRC_OVERVIEWS": True,
    # With more threads GDAL does not report a full disk.
    "NUM_THREADS": 1,
}


def write(path: Path, pixels: NDArray, part: Part, grid: Grid) -> None:
    """Nothing; the file at `path` holds the pixels, its bands named. The same pixels make the same bytes."""
    profile = {
        "driver": "GTiff",
        "width": grid.width,
        "height": grid.height,
        "count": len(part.bands),
        "dtype": part.dtype,
        "nodata": nodata(part),
        "crs": grid.crs,
        "transform": Affine(*grid.transform),
        "interleave": "band",
    }
    predictor = 3 if np.dtype(part.dtype).kind == "f" else 2
    try:
        with rasterio.Env(GDAL_PAM_ENABLED=False), MemoryFile() as memory:
            with memory.open(**profile) as draft:
                draft.write(pixels)
                draft.descriptions = part.bands
            rasterio.shutil.copy(memory.name, str(path), driver="GTiff", PREDICTOR=predictor, **PACKING, **LAYOUT)
    except (RasterioError, CPLE_BaseError) as error:  # GDAL's own error escapes from copy()
        raise OSError(f"{error}") from error


def check(path: Path, pixels: NDArray, part: Part, grid: Grid) -> None:
    """Nothing; raises unless the file opens on the declared grid and every block gives back the pixels."""
    wanted = (grid.crs, grid.transform, (grid.height, grid.width), (part.dtype,) * len(part.bands), part.bands)
    try:
        with open_raster(path) as file:
            place = (file.crs.to_string(), tuple(file.transform)[:6], file.shape, file.dtypes)
            same = np.array_equal(file.read(), pixels, equal_nan=pixels.dtype.kind == "f")
    except (RasterioError, ArchiveError) as error:
        raise OSError(f"what was written cannot be read back: {error}") from error
    found = (*place, band_names(path))
    for what, was, is_ in zip(("CRS", "place", "size", "types", "bands"), wanted, found, strict=True):
        if was != is_:
            raise MinecoverError(f"The file of {part.name} came out with {what} {is_}, not {was}. Please report this.")
    if not same:
        raise OSError("what was written reads back as something else")


def nodata(part: Part) -> float | None:
    """What a file of the part declares as nothing: NaN, or none where 0 is a number like others."""
    return float("nan") if np.dtype(part.dtype).kind == "f" else None
