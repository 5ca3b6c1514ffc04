"""Pixels from the engine: whole parts of tiles, within its limits, in smaller pieces where it asks for that."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ee
import numpy as np
from google.auth.exceptions import GoogleAuthError

from pipeline.errors import MinecoverError
from pipeline.export.retries import TooLarge, patiently
from pipeline.region import Grid, Tile

NDArray = np.ndarray[Any, Any]
log = logging.getLogger(__name__)

# Earth Engine's documented limits of computePixels.
MAX_BYTES, MAX_SIDE, MAX_BANDS = 48 << 20, 32_768, 1024

SMALLEST = 32
BETWEEN_CUTS_S = 10.0

FILL = -(2.0**100)
"""What masked pixels are sent as, since nothing would arrive as 0. Exact in float32, and far outside every band."""


@dataclass(frozen=True)
class Part:
    """Bands that are asked for together and become one file a tile; float32 where NaN is masked, or uint16."""

    name: str
    bands: tuple[str, ...]
    dtype: str = "float32"

    def __post_init__(self) -> None:
        assert 0 < len(self.bands) <= MAX_BANDS

    def bytes(self, grid: Grid) -> int:
        """Bytes of the pixels of a grid."""
        return grid.width * grid.height * len(self.bands) * np.dtype(self.dtype).itemsize

    def fits(self, grid: Grid) -> bool:
        """Whether Earth Engine takes one request for these pixels."""
        return max(grid.width, grid.height) <= MAX_SIDE and self.bytes(grid) <= MAX_BYTES


def prepared(image: Any, part: Part) -> Any:
    """The part's bands of an ee.Image with something in every pixel: `FILL` or 0 where the image is masked."""
    chosen = image.select(list(part.bands))
    if part.dtype == "uint16":
        return chosen.unmask(0, False).toUint16()
    return chosen.unmask(FILL, False).toFloat()


class Reader:
    """Reads prepared images on any grid, in several threads at once."""

    def __init__(self, images: Mapping[str, Any], workers: int, stopped: threading.Event) -> None:
        self._images = images
        self._stopped = stopped
        self._largest: dict[str, int] = {}
        self._turns = threading.Semaphore(workers)
        self._spare = workers - 1
        self._cut = -BETWEEN_CUTS_S
        self._lock = threading.Lock()

    def read(self, part: Part, grid: Grid) -> NDArray:
        """The part's bands on the grid (band, row, column), NaN where masked, in as many requests as needed."""
        count = grid.width * grid.height
        if part.fits(grid) and count <= self._largest.get(part.name, count):
            try:
                return self._whole(part, grid)
            except TooLarge as error:
                if max(grid.width, grid.height) <= SMALLEST:
                    raise MinecoverError(f"The engine refuses even {count} pixels of {part.name}: {error}") from error
                self._largest[part.name] = count // 2
                log.info("%s: %s Asking for half as many pixels at once.", part.name, error)
        axis, halves = _halves(grid)
        return np.concatenate([self.read(part, half) for half in halves], axis)

    def _whole(self, part: Part, grid: Grid) -> NDArray:
        request = {"expression": self._images[part.name], "fileFormat": "NUMPY_NDARRAY", "grid": _wire(grid)}

        def ask() -> NDArray:
            try:
                with self._turns:
                    records: NDArray = ee.data.computePixels(request)
            except (ValueError, EOFError) as error:
                if isinstance(error, GoogleAuthError):
                    raise
                raise ConnectionError(f"The answer was cut off: {error}") from error
            return records

        what = f"{part.name} at {grid.left:.0f}, {grid.top:.0f}"
        return arranged(patiently(ask, what, self._stopped, self._one_fewer), part, grid)

    def _one_fewer(self) -> None:
        """Have one request less in flight from now on, but at least one; requests in flight fail together."""
        with self._lock:
            now = time.monotonic()
            if not self._spare or now - self._cut < BETWEEN_CUTS_S:
                return
            self._spare, self._cut = self._spare - 1, now
        self._turns.acquire()


def arranged(records: NDArray, part: Part, grid: Grid) -> NDArray:
    """An answer as (band, row, column), NaN where masked; refused unless it is what was asked for."""
    names = records.dtype.names or ()
    found = [f"{name}:{records.dtype[name]}" for name in names]
    wanted = [f"{name}:{np.dtype(part.dtype)}" for name in part.bands]
    if records.shape != (grid.height, grid.width) or found != wanted:
        odd = next((f for f, w in zip(found, wanted, strict=False) if f != w), f"{len(found)} bands")
        raise MinecoverError(
            f"The engine answered {records.shape[::-1]} pixels and {odd} where {grid.width} × {grid.height} pixels of "
            f"{wanted[0]} … {wanted[-1]} were asked for. Please report this."
        )
    pixels = np.stack([records[name] for name in names])
    if pixels.dtype.kind == "f":
        pixels[(pixels == FILL) | ~np.isfinite(pixels)] = np.nan
    return pixels


def _wire(grid: Grid) -> dict[str, Any]:
    a, b, c, d, e, f = grid.transform
    return {
        "dimensions": {"width": grid.width, "height": grid.height},
        "affineTransform": {"scaleX": a, "shearX": b, "translateX": c, "shearY": d, "scaleY": e, "translateY": f},
        "crsCode": grid.crs,
    }


def _halves(grid: Grid) -> tuple[int, tuple[Grid, Grid]]:
    """The array axis across which a grid is cut, and its halves: upper and lower, or left and right."""
    if grid.height >= grid.width:
        half = grid.height // 2
        rest = Tile(0, 0, 0, half, grid.width, grid.height - half)
        return 1, (grid.part(Tile(0, 0, 0, 0, grid.width, half)), grid.part(rest))
    half = grid.width // 2
    rest = Tile(0, 0, half, 0, grid.width - half, grid.height)
    return 2, (grid.part(Tile(0, 0, 0, 0, half, grid.height)), grid.part(rest))
