"""Images as GeoTIFF files on disk, written tile by tile so that memory stays bounded however large they are."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from odc.geo.geobox import GeoBox

from pipeline.engine.doors.encode import filled, sample_type
from pipeline.engine.image import Image
from pipeline.engine.plan import Pixels, is_everywhere, valid
from pipeline.engine.session import Session
from pipeline.engine.values import PixelType
from pipeline.engine.wire import to_wire
from pipeline.errors import EngineError

BLOCK = 256

Report = Callable[[float], None]


@dataclass(frozen=True)
class Options:
    """How files are written. `file_size` (width, height) splits the image.

    Masked pixels hold `no_data`; without one, 0 in integers and NaN in floats. `lossless` chooses a sample type that
    holds all bands' ranges and one value more for what is masked.
    """

    cloud_optimized: bool = False
    no_data: float | None = None
    skip_empty: bool = False
    file_size: tuple[int, int] | None = None
    metadata_keys: tuple[str, ...] = ()
    lossless: bool = False
    overviews: str = "average"


def save(session: Session, image: Image, grid: GeoBox, path: Path, options: Options, report: Report) -> list[Path]:
    """The files made at `path` (`.tif` is added): one, or `path-yMin-xMin` where they are split."""
    height, width = grid.shape
    columns, rows = options.file_size or (width, height)
    pieces = [(y, x) for y in range(0, height, rows) for x in range(0, width, columns)]
    made = []
    done = 0
    for y, x in pieces:
        part = grid[y : min(y + rows, height), x : min(x + columns, width)]
        name = f"{path.name}.tif" if len(pieces) == 1 else f"{path.name}-{y:010d}-{x:010d}.tif"
        target = path.with_name(name)
        pixels = part.shape[0] * part.shape[1]
        empty = _write(session, image, part, target, options, _within(report, done, pixels, height * width))
        done += pixels
        if empty and options.skip_empty:
            target.unlink()
        else:
            made.append(target)
    return made


def _within(report: Report, done: int, pixels: int, total: int) -> Report:
    """What reports a part's progress as progress of the whole."""
    return lambda fraction: report((done + fraction * pixels) / total)


def _write(session: Session, image: Image, grid: GeoBox, path: Path, options: Options, report: Report) -> bool:
    """Whether the file came out with no valid pixel in it."""
    import rasterio

    if options.lossless:
        dtype, fill = _lossless([b.type for b in image.bands])
        tag: float | None = fill
    else:
        dtype = sample_type([b.type.dtype for b in image.bands])
        fill, tag = _fill(dtype, options)
    draft = path.with_name(path.name + ".draft") if options.cloud_optimized else path
    profile = {
        "driver": "GTiff",
        "height": grid.shape[0],
        "width": grid.shape[1],
        "count": len(image.bands),
        "dtype": dtype.name,
        "nodata": tag,
        "crs": rasterio.crs.CRS.from_wkt(grid.crs.to_wkt()) if grid.crs else None,
        "transform": grid.affine,
        "tiled": True,
        "blockxsize": BLOCK,
        "blockysize": BLOCK,
        "bigtiff": "if_safer",
        "num_threads": "all_cpus",
        "compress": "deflate",
        "predictor": 3 if dtype.kind == "f" else 2,
        "zlevel": 1 if options.cloud_optimized else 6,
    }
    with rasterio.open(draft, "w", **profile) as file:
        for i, band in enumerate(image.bands, 1):
            file.set_band_description(i, band.name)
        tags = _tags(image.properties, options)
        if tags:
            file.update_tags(**tags)
        empty = _fill_tiles(file, session.tiles(image, grid), grid, dtype, fill, report)
    if options.cloud_optimized:
        _cloud_optimized(draft, path, options.overviews)
    _verify(path, grid, len(image.bands))
    return empty


def _fill_tiles(
    file: Any,
    tiles: Iterator[tuple[tuple[slice, slice], list[Pixels]]],
    grid: GeoBox,
    dtype: np.dtype[Any],
    fill: float,
    report: Report,
) -> bool:
    from rasterio.windows import Window

    report(0.0)
    empty, done, total = True, 0, grid.shape[0] * grid.shape[1]
    for (rows, columns), parts in tiles:
        window = Window(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
        file.write(np.stack([filled(p, dtype, fill) for p in parts]), window=window)
        found = [p for p in parts if is_everywhere(p.mask) or valid(p.mask).any()]
        empty = empty and not found
        done += int(window.width * window.height)
        report(0.95 * done / total)
    return empty


def _lossless(types: Sequence[PixelType]) -> tuple[np.dtype[Any], float]:
    """A sample type for bands of any types, and a value of it that no band can hold."""
    low, high = min(_limit(t, "min") for t in types), max(_limit(t, "max") for t in types)
    if all(t.precision == "int" for t in types):
        for name in ("uint8", "uint16", "int16", "uint32", "int32"):
            limits = np.iinfo(name)
            if limits.min <= low and high <= limits.max and (low, high) != (limits.min, limits.max):
                return np.dtype(name), float(limits.max if high < limits.max else limits.min)
        return np.dtype(np.float64), math.nan
    return sample_type([t.dtype for t in types]), math.nan


def _limit(kind: PixelType, side: Literal["min", "max"]) -> float:
    value = getattr(kind, side)
    if value is None:
        return -math.inf if side == "min" else math.inf
    return float(value)


def _fill(dtype: np.dtype[Any], options: Options) -> tuple[float, float | None]:
    """What masked pixels hold, and the nodata value that the file declares."""
    value = options.no_data
    if value is None:
        return (math.nan, math.nan) if dtype.kind == "f" else (0.0, None)
    if dtype.kind != "f":
        limits = np.iinfo(dtype)
        if not (math.isfinite(value) and value.is_integer() and limits.min <= value <= limits.max):
            raise EngineError(f"noData {value} does not fit the image's type {dtype.name}. Choose another, or cast.")
    return value, value


def _tags(properties: Mapping[str, Any], options: Options) -> dict[str, str]:
    tags = {}
    for key in options.metadata_keys:
        if key in properties:
            value = to_wire(properties[key])
            tags[key] = value if isinstance(value, str) else json.dumps(value)
    return tags


def _cloud_optimized(draft: Path, path: Path, overviews: str) -> None:
    import rasterio
    from rasterio.shutil import copy

    with rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS"):
        copy(
            str(draft),
            str(path),
            driver="COG",
            compress="deflate",
            predictor="yes",
            blocksize=512,
            bigtiff="if_safer",
            overview_resampling=overviews,
        )
    draft.unlink()


def _verify(path: Path, grid: GeoBox, bands: int) -> None:
    """Refuse a file that cannot be read back to its last block: a full disk does not always speak up."""
    import rasterio
    from rasterio.windows import Window

    with rasterio.open(path) as file:
        if file.shape != tuple(grid.shape) or file.count != bands:
            raise EngineError(f"The file '{path.name}' was not written completely. Is the disk full?")
        file.read(bands, window=Window(file.width - 1, file.height - 1, 1, 1))
