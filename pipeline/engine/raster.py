"""The one place that opens rasters for pixels: guarded opening, a cache of handles, window reads with masks.

What is opened here may be hostile. Only GeoTIFF and JPEG 2000 are opened, never by guessing; no file beside the named
one is looked at; files that refer to others, or that declare more than they can hold, are refused. Knows nothing of
archives, grids or Earth Engine.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from pipeline.errors import ArchiveError

NDArray = np.ndarray[Any, Any]

MAX_SIDE = 1 << 21
MAX_BANDS = 4096
MAX_BLOCK_BYTES = 1 << 28
FREE_BYTES = 1 << 30
MAX_EXPANSION = 20_000
MAX_LEVELS = 32
HANDLES_PER_THREAD = 128

PROCESS_ENVIRONMENT = {
    "GDAL_SKIP": "VRT",
    "GDAL_CACHEMAX": "128",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
}
# One thread: when several decode the tiles of a truncated JPEG 2000 file, GDAL 3.10 reports no error.
OPEN_OPTIONS = {
    "GDAL_NUM_THREADS": "1",
    **{k: v for k, v in PROCESS_ENVIRONMENT.items() if k not in ("GDAL_SKIP", "GDAL_CACHEMAX")},
}
REMOTE_OPTIONS = {
    "GDAL_HTTP_TIMEOUT": "60",
    "GDAL_HTTP_CONNECTTIMEOUT": "15",
    "GDAL_HTTP_MAX_RETRY": "3",
    "GDAL_HTTP_RETRY_DELAY": "1",
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "CPL_VSIL_CURL_USE_HEAD": "NO",
}
SIGNATURES = {
    b"II*\0": "GTiff",
    b"MM\0*": "GTiff",
    b"II+\0": "GTiff",
    b"MM\0+": "GTiff",
    b"\0\0\0\x0c": "JP2OpenJPEG",
    b"\xff\x4f\xff\x51": "JP2OpenJPEG",
}


class Remote(str):
    """A web address that an archive has vouched for. A plain string is only ever a local file."""

    __slots__ = ()


@dataclass
class _Handles(threading.local):
    """This thread's open files, the least recently used first: a GDAL handle must not be shared by threads."""

    open: OrderedDict[tuple[Any, ...], DatasetReader] = field(default_factory=OrderedDict)
    levels: dict[tuple[Any, ...], tuple[tuple[int, int], ...]] = field(default_factory=dict)


_HANDLES = _Handles()


def harden_process() -> None:
    """Take the VRT driver and the network away from GDAL in this whole process; call before anything is opened."""
    os.environ.update(PROCESS_ENVIRONMENT)


def open_raster(href: str | Path, level: int = 0) -> DatasetReader:
    """A new handle on a raster (its `level`-th internal overview), which the caller closes.

    Raises ArchiveError for anything that is not a self-contained raster of a reasonable size.
    """
    name = href if isinstance(href, Remote) else os.path.abspath(href)
    driver = _driver(name)
    options = {"OVERVIEW_LEVEL": "NONE" if level == 0 else level - 1}
    if driver == "GTiff":
        options["GEOREF_SOURCES"] = "INTERNAL"
    try:
        with _environment(name):
            dataset = rasterio.open(name, driver=driver, **options)
    except (RasterioError, OSError, ValueError) as error:
        raise ArchiveError(f"{shown(name)} cannot be opened as {driver}: {error}. Replace the file.") from error
    try:
        _refuse_hostile(name, dataset)
    except ArchiveError:
        dataset.close()
        raise
    return dataset


def read_window(
    href: str,
    indexes: Sequence[int],
    window: tuple[int, int, int, int],
    level: int = 0,
    nodata: Sequence[float | None] | None = None,
) -> tuple[NDArray, NDArray]:
    """Stored numbers (bands, height, width) of a window (x, y, width, height) inside the level, and what is valid.

    Valid (boolean, same shape) is what is neither the file's nodata, nor the given one, nor masked by the file's mask
    or alpha band, nor NaN or infinite. All bands are read in one call.
    """
    dataset = _handle(href, level)
    area = Window(*window)
    try:
        with _environment(href):
            data = dataset.read(list(indexes), window=area)
            masked = any(MaskFlags.per_dataset in dataset.mask_flag_enums[i - 1] for i in indexes)
            mask = dataset.read_masks(indexes[0], window=area) > 0 if masked else None
    except (RasterioError, OSError) as error:
        raise _read_failure(href, dataset, indexes, area, error) from error
    given = nodata or [None] * len(indexes)
    empty = [(dataset.nodatavals[i - 1], g) for i, g in zip(indexes, given, strict=True)]
    return data, _valid(data, mask, empty)


def levels(href: str) -> tuple[tuple[int, int], ...]:
    """(width, height) of the full image, then of each internal overview, coarser and coarser."""
    key = _identity(href)
    if key not in _HANDLES.levels:
        if len(_HANDLES.levels) > 10_000:
            _HANDLES.levels.clear()
        _HANDLES.levels[key] = tuple(_sizes(href))
    return _HANDLES.levels[key]


@contextmanager
def reading() -> Iterator[None]:
    """The settings under which a raster that was opened here is to be read."""
    with rasterio.Env(**OPEN_OPTIONS):
        yield


def band_names(href: str | Path) -> tuple[str | None, ...]:
    """The description of each band, where the file gives one."""
    with open_raster(href) as dataset, _unrestricted(href, dataset) as whole:
        return tuple(whole.descriptions)


def close_all() -> None:
    """Close the calling thread's cached handles."""
    while _HANDLES.open:
        _HANDLES.open.popitem()[1].close()
    _HANDLES.levels.clear()


def shown(href: str | Path) -> str:
    """A file's name for messages: enough to find it, without this machine's folders or a web address's query."""
    text = str(href).partition("?")[0] if isinstance(href, Remote) else str(href)
    return "'" + "/".join(text.replace(os.sep, "/").split("/")[-3:]) + "'"


def read_failure(href: str | Path, dataset: DatasetReader, band: int, block: tuple[int, int]) -> ArchiveError:
    """The error for a block that cannot be decoded."""
    return ArchiveError(
        f"{shown(href)}, band {band}, block (row {block[0]}, column {block[1]}) cannot be read: the file is truncated "
        f"or corrupt. Add it again from the original with --overwrite."
    )


def _handle(href: str, level: int) -> DatasetReader:
    key = (*_identity(href), level)
    opened = _HANDLES.open
    if key in opened:
        opened.move_to_end(key)
        return opened[key]
    if level and level >= len(levels(href)):
        raise ArchiveError(f"{shown(href)} has no overview {level}; it has {len(levels(href)) - 1}.")
    dataset = open_raster(href, level)
    opened[key] = dataset
    while len(opened) > HANDLES_PER_THREAD:
        opened.popitem(last=False)[1].close()
    return dataset


def _identity(href: str) -> tuple[Any, ...]:
    """What changes when a file is replaced, so that no handle outlives its file."""
    if isinstance(href, Remote):
        return (href,)
    try:
        status = os.stat(href)
    except (OSError, ValueError) as error:
        raise _missing(href, error) from error
    return (href, status.st_ino, status.st_mtime_ns, status.st_size)


def _sizes(href: str) -> Iterator[tuple[int, int]]:
    dataset = _handle(href, 0)
    yield dataset.width, dataset.height
    with _unrestricted(href, dataset) as whole:
        factors = whole.overviews(1)[:MAX_LEVELS]
    for level in range(1, len(factors) + 1):
        with open_raster(href, level) as overview:
            yield overview.width, overview.height


@contextmanager
def _unrestricted(href: str | Path, dataset: DatasetReader) -> Iterator[DatasetReader]:
    """A checked raster opened again with all that GDAL hides where overviews are off.

    Safe only after that check: it has refused the tag that would make GDAL look for overviews elsewhere.
    """
    with _environment(href), rasterio.open(dataset.name, driver=dataset.driver) as whole:
        yield whole


def _driver(name: str) -> str:
    if isinstance(name, Remote):
        return "JP2OpenJPEG" if name.partition("?")[0].lower().endswith(".jp2") else "GTiff"
    if name.startswith("/vsi") or "://" in name:
        raise ArchiveError(f"{name!r} is not a local file; rasters are opened by path only.")
    try:
        with open(name, "rb") as file:
            start = file.read(4)
    except (OSError, ValueError) as error:
        raise _missing(name, error) from error
    if start not in SIGNATURES:
        raise ArchiveError(
            f"{shown(name)} is neither a GeoTIFF nor JPEG 2000, whatever its name says. Convert it to GeoTIFF first."
        )
    return SIGNATURES[start]


def _missing(name: str, error: Exception) -> ArchiveError:
    reason = getattr(error, "strerror", None) or str(error)
    return ArchiveError(f"{shown(name)} cannot be opened: {reason}. Check the path and its permissions.")


def _environment(name: str | Path) -> ExitStack:
    options = dict(OPEN_OPTIONS)
    if isinstance(name, Remote):
        options |= REMOTE_OPTIONS | {"CPL_VSIL_CURL_ALLOWED_FILENAME": f"/vsicurl/{name}"}
    stack = ExitStack()
    stack.enter_context(rasterio.Env(**options))
    return stack


def _refuse_hostile(name: str, dataset: DatasetReader) -> None:
    """Refuse references to other files, and sizes that a small file can declare but no machine can read."""
    if any(key.upper() == "OVERVIEW_FILE" for key in dataset.tags(ns="OVERVIEWS")):
        raise ArchiveError(f"{shown(name)} takes its overviews from another file. Remove its OVERVIEW_FILE tag.")
    if max(dataset.width, dataset.height) > MAX_SIDE or not 0 < dataset.count <= MAX_BANDS:
        size = f"{dataset.width} x {dataset.height} x {dataset.count}"
        raise ArchiveError(f"{shown(name)} declares {size}; at most {MAX_SIDE} a side, {MAX_BANDS} bands are read.")
    if any(np.dtype(kind).kind not in "uif" for kind in _plain_types(dataset)):
        raise ArchiveError(f"{shown(name)} holds {dataset.dtypes[0]} numbers. Convert it to an integer or float type.")
    _refuse_bomb(name, dataset)


def _refuse_bomb(name: str, dataset: DatasetReader) -> None:
    sizes = [np.dtype(kind).itemsize for kind in dataset.dtypes]
    together = sum(sizes) if dataset.interleaving == "pixel" else max(sizes)
    block = max(height * width for height, width in dataset.block_shapes) * together
    if block > MAX_BLOCK_BYTES:
        raise ArchiveError(
            f"{shown(name)} is stored in blocks of {block >> 20} MiB; at most {MAX_BLOCK_BYTES >> 20} are read. "
            f"Rewrite it with tiles of 512 x 512 pixels."
        )
    declared = dataset.width * dataset.height * sum(sizes)
    stored = None if isinstance(name, Remote) else os.path.getsize(name)
    if stored is not None and declared > max(FREE_BYTES, stored * MAX_EXPANSION):
        raise ArchiveError(
            f"{shown(name)} declares {declared >> 20} MiB in a file of {stored} bytes. Crop it to the area with data."
        )


def _plain_types(dataset: DatasetReader) -> list[str]:
    return ["V1" if "complex" in kind else kind for kind in dataset.dtypes]


def _valid(data: NDArray, mask: NDArray | None, empty: list[tuple[float | None, float | None]]) -> NDArray:
    """Boolean (bands, height, width); a view that costs no memory where everything is valid."""
    wanted = [sorted({v for v in pair if v is not None and not np.isnan(v)}) for pair in empty]
    if mask is None and data.dtype.kind != "f" and not any(wanted):
        return np.broadcast_to(np.True_, data.shape)
    valid = np.isfinite(data) if data.dtype.kind == "f" else np.ones(data.shape, bool)
    for band, values in enumerate(wanted):
        for value in values:
            valid[band] &= data[band] != _as_stored(value, data.dtype)
    if mask is not None:
        valid &= mask
    return np.broadcast_to(np.True_, data.shape) if valid.all() else valid


def _as_stored(value: float, dtype: np.dtype[Any]) -> Any:
    """The nodata value as the pixels hold it: -3.4e38 is written with more digits than a float32 has."""
    return np.float32(value) if dtype == np.float32 else value


def _read_failure(
    href: str, dataset: DatasetReader, indexes: Sequence[int], area: Window, error: Exception
) -> ArchiveError:
    for band in indexes:
        rows, columns = dataset.block_shapes[band - 1]
        for row in range(int(area.row_off) // rows, -(-int(area.row_off + area.height) // rows)):
            for column in range(int(area.col_off) // columns, -(-int(area.col_off + area.width) // columns)):
                width = min(columns, dataset.width - column * columns)
                height = min(rows, dataset.height - row * rows)
                try:
                    dataset.read(band, window=Window(column * columns, row * rows, width, height))
                except (RasterioError, OSError):
                    return read_failure(href, dataset, band, (row, column))
    return ArchiveError(f"{shown(href)} cannot be read: {error}. Check the file with `minecover archive check`.")
