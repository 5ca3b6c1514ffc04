"""Scenes for the benches: an archive of simulated acquisitions on one grid, made once in a temporary folder."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

from pipeline.engine import archive

BANDS = ("B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12")
COLLECTION = "COPERNICUS/S2_SR_HARMONIZED"


def scenes(folder: Path, dates: int, size: int, seed: int = 0) -> archive.FolderArchive:
    """`dates` acquisitions of ten uint16 bands and a scene classification, size × size pixels of 10 m, in UTM 49N.

    Values are smooth relief times reflectance with noise, which compresses about as real scenes do; a third of each
    scene lies under clouds.
    """
    made = archive.FolderArchive.initialise(folder)
    rng = np.random.default_rng(seed)
    base = _smooth(rng, size)
    for number in range(dates):
        day = dt.datetime(2021, 1, 1, 3, 25, tzinfo=dt.UTC) + dt.timedelta(days=number * 365 / dates)
        cloud = _smooth(rng, size) > 0.6
        data = np.empty((len(BANDS) + 1, size, size), np.uint16)
        for i in range(len(BANDS)):
            season = 1 + 0.3 * np.sin(2 * np.pi * number / dates + i)
            data[i] = np.clip(600 + 2500 * base * season + 40 * rng.standard_normal((size, size)), 1, 10000)
        data[:, cloud] = 8000
        data[-1] = np.where(cloud, 9, 4)
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / f"{day:%Y%m%d}T032500_bench.tif"
            _write(path, data)
            archive.add(made, path, COLLECTION, bands=[*BANDS, "SCL"], time=day)
    return made


def _smooth(rng: np.random.Generator, size: int) -> np.ndarray:
    coarse = rng.random((size // 64 + 2, size // 64 + 2))
    fine = np.kron(coarse, np.ones((64, 64)))[:size, :size]
    for axis in (0, 1):
        fine = np.apply_along_axis(lambda v: np.convolve(v, np.ones(33) / 33, "same"), axis, fine)
    return fine


def _write(path: Path, data: np.ndarray) -> None:
    size = data.shape[-1]
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=size,
        height=size,
        count=len(data),
        dtype="uint16",
        crs="EPSG:32649",
        transform=Affine(10, 0, 500_000, 0, -10, 4_400_000),
        tiled=True,
    ) as target:
        target.write(data)
