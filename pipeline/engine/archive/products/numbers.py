"""What becomes of stored numbers on their way in, and what a sample of them says. Plain arrays, no files but one."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
from rasterio.windows import Window

from pipeline.engine.archive import cog
from pipeline.engine.archive.cog import Change
from pipeline.engine.raster import NDArray, open_raster
from pipeline.errors import ArchiveError

SATURATED = 65535
SAMPLES = 8
SAMPLE_SIZE = 128
MAX_FILL = 0.05


def without_offset(offset: int) -> Change:
    """Sentinel-2 numbers as Earth Engine's harmonised collections have them: the offset added, not below 0.

    What was 0 is no data. It becomes 65535, because 0 is now the value of very dark ground.
    """

    def apply(data: NDArray) -> NDArray:
        return np.maximum(data.astype(np.int32) + offset, 0)

    return Change(f"{offset:+} not below 0", "uint16", SATURATED, apply)


def decibels(factor: int) -> Change:
    """Decibels of power (factor 10) or of amplitude (factor 20); 0 and less are no data."""

    def apply(data: NDArray) -> NDArray:
        return factor * np.log10(data.astype(np.float64))

    return Change(f"{factor} log10", "float32", float("nan"), apply)


def as_float() -> Change:
    """The same numbers as float."""
    return Change("float", "float32", float("nan"), lambda data: data)


def fraction(whole: int) -> Change:
    """Numbers 0 to `whole` as 0 to 1."""

    def apply(data: NDArray) -> NDArray:
        return data / whole

    return Change(f"/ {whole}", "float32", float("nan"), apply)


def sample(path: Path, band: int, nodata: float | None = None) -> NDArray:
    """Valid numbers of up to 64 evenly spread windows of a band, as one row of float64."""
    found = []
    with open_raster(path) as dataset:
        size = min(SAMPLE_SIZE, dataset.width), min(SAMPLE_SIZE, dataset.height)
        places = [
            np.unique(np.linspace(0, n - s, SAMPLES).astype(int))
            for n, s in zip(dataset.shape[::-1], size, strict=True)
        ]
        for x, y in product(*places):
            window = Window(int(x), int(y), *size)
            data = cog.read(dataset, [band], window)[0].astype(float)
            valid = (dataset.read_masks(band, window=window) > 0) & np.isfinite(data)
            found.append(data[valid & (data != nodata) if nodata is not None else valid])
    return np.concatenate(found)


def refuse_untagged_fill(path: Path, band: int, fill: str = "--nodata 0", measured: str = "--nodata -1") -> None:
    """Refuse a file whose zeros may be fill: it names no nodata, and more than 5 % of it is exactly 0.

    `fill` and `measured` are how the user says which it is.
    """
    with open_raster(path) as dataset:
        if dataset.nodata is not None:
            return
    found = sample(path, band)
    share = np.count_nonzero(found == 0) / max(found.size, 1)
    if share > MAX_FILL:
        raise ArchiveError(
            f"'{path}' names no nodata value, and {share:.0%} of it is exactly 0. Say what that means: {fill} if 0 is "
            f"fill, {measured} if it was measured."
        )
