"""From a request's grid, bands and format to the bytes of a picture or raster: computePixels, thumbnails, tiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from pipeline.engine.doors import encode
from pipeline.engine.doors.rest import integer, member, number
from pipeline.engine.image import Image
from pipeline.engine.session import Session
from pipeline.engine.space import crs as crs_
from pipeline.errors import EngineError

MAX_BYTES = 48 << 20
MAX_SIDE = 32768
MAX_BANDS = 1024


@dataclass(frozen=True)
class Form:
    """What a request wants made of an image: the bands (all where empty), the format and how to show values.

    `stretch`: without visualization options, values are shown over their type's range, floats from 0 to 1.
    """

    file_format: str
    bands: tuple[str, ...] = ()
    visualization: dict[str, Any] | None = None
    prefix: str = ""
    stretch: bool = False


def form(body: dict[str, Any], default: str, allowed: Sequence[str] = encode.FORMATS, stretch: bool = False) -> Form:
    """The wish of a request body; formats that are not there are refused by name."""
    file_format = member(body, "fileFormat", str, default)
    if file_format == "IMAGE_FILE_FORMAT_UNSPECIFIED":
        file_format = default
    if file_format not in allowed:
        raise EngineError(
            f"The file format '{file_format[:60]}' is not available in the local engine. "
            f"Use one of {', '.join(allowed)}."
        )
    bands = member(body, "bandIds", list, [])
    if not all(isinstance(b, str) for b in bands):
        raise EngineError("Invalid value at 'bandIds': it must be a list of band names.")
    options = member(body, "visualizationOptions", dict)
    return Form(file_format, tuple(bands), options, member(body, "filenamePrefix", str, ""), stretch)


def parse_grid(value: dict[str, Any]) -> GeoBox:
    """The GeoBox of a PixelGrid; members that are absent are 0, and a grid must have pixels."""
    dimensions = member(value, "dimensions", dict, {})
    width = integer(dimensions.get("width"), "grid.dimensions.width") or 0
    height = integer(dimensions.get("height"), "grid.dimensions.height") or 0
    if width <= 0 or height <= 0:
        raise EngineError(f"Pixel grid dimensions ({width}x{height}) must be positive.")
    affine = member(value, "affineTransform", dict, {})
    names = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")
    transform = Affine(*(number(affine.get(n), f"grid.affineTransform.{n}") or 0.0 for n in names))
    if not all(map(math.isfinite, transform)) or transform.is_degenerate:
        raise EngineError(f"The grid's affineTransform {tuple(transform)[:6]} cannot be inverted.")
    name = member(value, "crsCode", str) or member(value, "crsWkt", str)
    if not name:
        raise EngineError("The grid has no crsCode. Give a code such as 'EPSG:4326'.")
    return GeoBox((height, width), transform, crs_.crs(name))


def chosen(image: Image, names: Sequence[str]) -> Image:
    """The image with the named bands only, in that order; all bands without names."""
    if not image.bands:
        raise EngineError("The image has no bands.")
    if not names:
        return image
    known = {b.name: b for b in image.bands}
    missing = [n for n in names if n not in known]
    if missing:
        raise EngineError(
            f"Image.select: Band pattern '{missing[0]}' did not match any bands. "
            f"Available bands: [{', '.join(image.names)}]"
        )
    return image.with_bands([known[n] for n in names])


def shown(session: Session, image: Image, options: dict[str, Any] | None, stretch: bool) -> Image:
    """The image as 8-bit bands to look at, by `Image.visualize`; as it is where it is that already."""
    image = image if len(image.bands) < 3 else image.with_bands(image.bands[:3])
    if len(image.bands) == 2:
        image = image.with_bands(image.bands[:1])
    given = _visualize_arguments(options) if options else {}
    is_bytes = all(b.type.dtype == np.uint8 for b in image.bands)
    if not given and (is_bytes or not stretch):
        return image
    visualized: Image = session.call("Image.visualize", {"image": image, **given})
    return visualized


def _visualize_arguments(options: dict[str, Any]) -> dict[str, Any]:
    ranges = member(options, "ranges", list, [])
    given: dict[str, Any] = {}
    if ranges:
        if not all(isinstance(r, dict) for r in ranges):
            raise EngineError("Invalid value at 'visualizationOptions.ranges': give a list of {min, max}.")
        given["min"] = [number(r.get("min"), "ranges.min") or 0.0 for r in ranges]
        given["max"] = [number(r.get("max"), "ranges.max") or 0.0 for r in ranges]
    palette = member(options, "paletteColors", list, [])
    if palette:
        given["palette"] = palette
    for name in ("gamma", "opacity"):
        value = number(options.get(name), name)
        if value is not None:
            given[name] = value
    if given.get("gamma", 1.0) <= 0:
        raise EngineError(f"visualizationOptions.gamma must be positive, not {given['gamma']}.")
    return given


def check_size(grid: GeoBox, image: Image) -> None:
    """Refuse what Earth Engine refuses: more than 48 MB uncompressed, 32K pixels a side, or 1024 bands."""
    height, width = grid.shape
    if max(width, height) > MAX_SIDE:
        raise EngineError(f"Pixel grid dimensions ({width}x{height}) must be less than or equal to {MAX_SIDE}.")
    if len(image.bands) > MAX_BANDS:
        raise EngineError(f"Total number of bands ({len(image.bands)}) must be less than or equal to {MAX_BANDS}.")
    size = width * height * sum(b.type.dtype.itemsize for b in image.bands)
    if size > MAX_BYTES:
        raise EngineError(
            f"Total request size ({size} bytes) must be less than or equal to {MAX_BYTES} bytes. "
            f"Ask for a smaller region or a coarser scale, or use Export."
        )


def layers(session: Session, image: Image, grid: GeoBox) -> list[encode.Layer]:
    """All bands of the image computed on the grid."""
    check_size(grid, image)
    found = session.pixels(image, grid)
    size = sum(p.data.nbytes for p in found)
    if size > MAX_BYTES and any(b.type.dimensions for b in image.bands):
        raise EngineError(f"Total request size ({size} bytes, arrays counted) must be at most {MAX_BYTES} bytes.")
    return [encode.Layer(b, p) for b, p in zip(image.bands, found, strict=True)]


def render(session: Session, image: Image, wish: Form, grid: GeoBox | None) -> encode.File:
    """The image as the request wants it; without a grid on the image's own."""
    image = chosen(image, wish.bands)
    if wish.file_format in encode.PICTURES:
        image = shown(session, image, wish.visualization, wish.stretch)
        box = grid if grid is not None else session.default_grid(image)
        return encode.picture(encode.rgba(layers(session, image, box)), wish.file_format)
    if wish.file_format == "ZIPPED_GEO_TIFF_PER_BAND" and grid is None:
        return encode.zipped(_one_by_one(session, image, wish))
    box = grid if grid is not None else session.default_grid(image)
    computed = layers(session, image, box)
    if wish.file_format == "NPY":
        return encode.npy(computed)
    prefix = wish.prefix or _default_prefix(image)
    if wish.file_format == "ZIPPED_GEO_TIFF_PER_BAND":
        return encode.zipped([(f"{prefix}.{c.band.name}", encode.geo_tiff([c], box)) for c in computed])
    tiff = encode.geo_tiff(computed, box)
    return tiff if wish.file_format == "GEO_TIFF" else encode.zipped([(prefix, tiff)])


def _one_by_one(session: Session, image: Image, wish: Form) -> list[tuple[str, encode.File]]:
    """Each band on its own grid: a download may give every band another projection."""
    prefix = wish.prefix or _default_prefix(image)
    files = []
    for band in image.bands:
        alone = image.with_bands([band])
        grid = session.default_grid(alone)
        files.append((f"{prefix}.{band.name}", encode.geo_tiff(layers(session, alone, grid), grid)))
    return files


def _default_prefix(image: Image) -> str:
    return str(image.asset or image.id or "download").replace("/", "_")
