"""From probabilities to what maps hold: codes of classes, and how sure they are, as whole numbers from 0 to 255."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError

from pipeline.engine.raster import open_raster
from pipeline.errors import ArchiveError
from pipeline.region import Grid

NDArray = np.ndarray[Any, Any]

NOTHING = 0
"""What a map of classes holds where there is no data."""
UNKNOWN = 255
"""What a map of percentages holds there."""
BESIDE = 3
"""Layers before the probabilities: codes, entropy, margin."""


def layers(probabilities: NDArray, known: NDArray, codes: Sequence[int]) -> NDArray:
    """Codes, entropy in % of the most there can be, margin in %, and the probability of each class in % (uint8).

    The margin is how far the likeliest class is ahead of the next. Of equally likely classes the first is taken.
    Pixels that are not known are 0 in the codes and 255 in the others.
    """
    made = np.full((BESIDE + len(codes), *known.shape), UNKNOWN, np.uint8)
    made[0] = NOTHING
    p = np.clip(probabilities[:, known], 0, 1)
    made[0, known] = np.array(codes, np.uint8)[p.argmax(0)]
    made[1, known] = percent(-(p * np.log(np.maximum(p, np.finfo(np.float32).tiny))).sum(0) / np.log(len(codes)))
    second, first = np.partition(p, -2, axis=0)[-2:]
    made[2, known] = percent(first - second)
    made[BESIDE:, known] = percent(p)
    return made


def percent(share: NDArray) -> NDArray:
    """Shares of 0…1 as whole percent."""
    return np.asarray(np.rint(100 * np.clip(share, 0, 1)), np.uint8)


def write(path: Path, data: NDArray, grid: Grid) -> None:
    """Nothing; the layers of one tile are in the file. The same layers make the same bytes."""
    profile = {
        "driver": "GTiff", "width": grid.width, "height": grid.height, "count": len(data), "dtype": "uint8",
        "crs": grid.crs, "transform": Affine(*grid.transform), "interleave": "band", "tiled": True,
        "blockxsize": 256, "blockysize": 256, "compress": "zstd", "zstd_level": 3, "photometric": "MINISBLACK",
        "alpha": "UNSPECIFIED",
    }  # fmt: skip
    try:
        with rasterio.Env(GDAL_PAM_ENABLED=False), rasterio.open(path, "w", **profile) as file:
            file.write(data)
    except (RasterioError, CPLE_BaseError) as error:
        raise OSError(f"{error}") from error


def check(path: Path, data: NDArray) -> None:
    """Nothing; raises unless every block gives back the layers."""
    try:
        with open_raster(path) as file:
            same = np.array_equal(file.read(), data)
    except (RasterioError, ArchiveError) as error:
        raise OSError(f"what was written cannot be read back: {error}") from error
    if not same:
        raise OSError("what was written reads back as something else")
