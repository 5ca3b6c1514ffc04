"""Pixels as files in memory: NumPy records, GeoTIFFs, zips of those, and 8-bit pictures.

Takes bands that are computed already; knows neither requests nor how pixels come about.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from pipeline.engine.image import Band
from pipeline.engine.plan import NDArray, Pixels, is_everywhere, valid
from pipeline.errors import EngineError

PICTURES = ("PNG", "JPEG", "AUTO_JPEG_PNG", "GIF")
ZIPS = ("ZIPPED_GEO_TIFF", "ZIPPED_GEO_TIFF_PER_BAND")
FORMATS = ("NPY", "GEO_TIFF", *ZIPS, *PICTURES)
JPEG_QUALITY = 90


@dataclass(frozen=True)
class Layer:
    """One computed band: its description and its pixels."""

    band: Band
    pixels: Pixels


@dataclass(frozen=True)
class File:
    """Encoded bytes, their media type, and how a file of them would end (`tif`)."""

    body: bytes
    media: str
    suffix: str


def npy(layers: Sequence[Layer]) -> File:
    """A structured array (height, width), one field a band of the band's declared type; masked pixels are 0.

    Array bands become sub-array fields; all pixels of one have the same shape here.
    """
    fields: list[Any] = [(c.band.name, c.band.type.dtype, c.pixels.data.shape[2:]) for c in layers]
    height, width = layers[0].pixels.mask.shape
    records = np.zeros((height, width), dtype=fields)
    for layer in layers:
        data, mask = layer.pixels
        where = True if is_everywhere(mask) else valid(mask).reshape(mask.shape + (1,) * (data.ndim - 2))
        np.copyto(records[layer.band.name], data, casting="unsafe", where=where)
    file = io.BytesIO()
    np.save(file, records, allow_pickle=False)
    return File(file.getvalue(), "application/octet-stream", "npy")


def sample_type(types: Sequence[np.dtype[Any]]) -> np.dtype[Any]:
    """The one sample type of a GeoTIFF that holds all bands; Earth Engine writes int64 as float64."""
    union = np.result_type(*types)
    return np.dtype(np.float64) if union.itemsize == 8 else union


def nodata_of(dtype: np.dtype[Any]) -> float:
    """What masked pixels hold in a GeoTIFF: 0 unsigned, the type's minimum signed, -inf in floats (seen in geedim)."""
    if dtype.kind == "f":
        return float("-inf")
    return 0.0 if dtype.kind == "u" else float(np.iinfo(dtype).min)


def filled(pixels: Pixels, dtype: np.dtype[Any], fill: float) -> NDArray:
    """The data as the type, with `fill` where masked."""
    data, mask = pixels
    if data.ndim > 2:
        raise EngineError("Array bands cannot be written to this format. Use arrayFlatten() or arrayGet() first.")
    if is_everywhere(mask):
        return data.astype(dtype)
    return np.where(valid(mask), data.astype(dtype), dtype.type(fill))


def geo_tiff(layers: Sequence[Layer], grid: GeoBox) -> File:
    """A tiled GeoTIFF of all bands with the nodata value declared."""
    import rasterio
    from rasterio.io import MemoryFile

    dtype = sample_type([c.band.type.dtype for c in layers])
    fill = nodata_of(dtype)
    profile = {
        "driver": "GTiff",
        "height": grid.shape[0],
        "width": grid.shape[1],
        "count": len(layers),
        "dtype": dtype.name,
        "nodata": fill,
        "crs": rasterio.crs.CRS.from_wkt(grid.crs.to_wkt()) if grid.crs else None,
        "transform": grid.affine,
        "compress": "deflate",
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
    }
    with MemoryFile() as memory:
        with memory.open(**profile) as file:
            for i, layer in enumerate(layers, 1):
                file.write(filled(layer.pixels, dtype, fill), i)
                file.set_band_description(i, layer.band.name)
        return File(bytes(memory.getbuffer()), "image/tiff", "tif")


def zipped(files: Sequence[tuple[str, File]]) -> File:
    """A zip of named files; separators in names, which bands may hold, lead nowhere."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, file in files:
            archive.writestr(re.sub(r"[/\\]", "_", f"{name}.{file.suffix}"), file.body)
    return File(packed.getvalue(), "application/zip", "zip")


def rgba(layers: Sequence[Layer]) -> NDArray:
    """Pixels for a screen (height, width, 4), uint8: one band as grey, else the first three; alpha from the masks."""
    chosen = layers[:3] if len(layers) >= 3 else layers[:1]
    height, width = chosen[0].pixels.mask.shape
    picture = np.empty((height, width, 4), np.uint8)
    alpha = np.full((height, width), 255, np.uint8)
    for channel in range(3):
        layer = chosen[channel if len(chosen) == 3 else 0]
        data = filled(layer.pixels, np.dtype(np.float32), 0.0)
        picture[..., channel] = np.clip(np.nan_to_num(data), 0, 255)
        np.minimum(alpha, _alpha(layer.pixels.mask), out=alpha)
    picture[..., 3] = alpha
    picture[alpha == 0] = 0
    return picture


def _alpha(mask: NDArray) -> NDArray:
    if mask.dtype == bool:
        return mask.astype(np.uint8) * np.uint8(255)
    partial: NDArray = np.rint(np.clip(mask, 0, 1) * 255).astype(np.uint8)
    return partial


def picture(pixels: NDArray, file_format: str) -> File:
    """PNG, JPEG or whichever AUTO_JPEG_PNG means (JPEG where nothing is transparent) of RGBA pixels."""
    from PIL import Image

    opaque = bool((pixels[..., 3] == 255).all())
    file = io.BytesIO()
    if file_format == "JPEG" or (file_format == "AUTO_JPEG_PNG" and opaque):
        weight = pixels[..., 3:].astype(np.float32) / 255
        flat = np.rint(pixels[..., :3] * weight).astype(np.uint8)
        Image.fromarray(flat).save(file, "JPEG", quality=JPEG_QUALITY)
        return File(file.getvalue(), "image/jpeg", "jpg")
    shown = pixels[..., :3] if opaque else pixels
    Image.fromarray(np.ascontiguousarray(shown)).save(file, "PNG", compress_level=3)
    return File(file.getvalue(), "image/png", "png")


@cache
def empty_tile(size: int) -> File:
    """A square PNG in which everything is transparent."""
    return picture(np.zeros((size, size, 4), np.uint8), "PNG")


def animation(frames: Sequence[NDArray], frames_per_second: float) -> File:
    """An endless GIF of RGBA frames of equal size; what is transparent is black."""
    from PIL import Image

    images = [Image.fromarray(np.ascontiguousarray(f[..., :3])) for f in frames]
    file = io.BytesIO()
    duration = max(20, round(1000 / frames_per_second))
    images[0].save(file, "GIF", save_all=True, append_images=images[1:], duration=duration, loop=0)
    return File(file.getvalue(), "image/gif", "gif")
