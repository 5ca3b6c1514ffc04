"""What clients fetch later by URL: map tiles, thumbnails, downloads, tables. Each is evaluated once and kept by name.

Names hold 128 random bits: whoever has the URL may fetch, as with Earth Engine. The oldest are forgotten first.
"""

from __future__ import annotations

import math
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from affine import Affine
from odc.geo.geobox import GeoBox

from pipeline.engine.collection import Collection
from pipeline.engine.doors import encode, render, tables
from pipeline.engine.doors.rest import Handler, Request, Response, member, number
from pipeline.engine.image import Image
from pipeline.engine.session import Session
from pipeline.engine.space import crs as crs_
from pipeline.errors import EngineError

KEPT = 2000
TILE = 256
MAX_ZOOM = 30
THUMBNAIL_SIDE = 512
MAX_FRAMES = 500
_EARTH = 2 * math.pi * 6378137.0


@dataclass(frozen=True)
class Link:
    """An evaluated value, and how it is wanted."""

    value: Any
    wish: Any
    sized: bool = True


@dataclass(frozen=True)
class TableWish:
    """How a table is wanted."""

    file_format: str
    selectors: list[str] | None
    filename: str


class Links:
    """Keeps links and answers the verbs that make and fetch them. `announce` is called before a URL is given out."""

    def __init__(self, session: Session, announce: Callable[[], None]) -> None:
        self._session = session
        self._announce = announce
        self._kept: OrderedDict[str, Link] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def handlers(self) -> dict[str, Handler]:
        """The verbs answered here."""
        return {
            "maps.create": self.create_map,
            "maps.tiles.get": self.tile,
            "thumbnails.create": self.create_thumbnail,
            "thumbnails.getPixels": self.thumbnail,
            "videoThumbnails.create": self.create_frames,
            "videoThumbnails.getPixels": self.video,
            "filmstripThumbnails.create": self.create_frames,
            "filmstripThumbnails.getPixels": self.filmstrip,
            "tables.create": self.create_table,
            "tables.getFeatures": self.table,
        }

    def create_map(self, request: Request) -> dict[str, str]:
        """A map's name: tiles of it are computed when they are fetched."""
        wish = render.form(request.body, "AUTO_JPEG_PNG", encode.PICTURES[:3], stretch=True)
        image = _image(self._session.evaluate(request.body.get("expression") or {}))
        image = render.chosen(image, wish.bands)
        return self._keep(request, Link(render.shown(self._session, image, wish.visualization, True), wish))

    def create_thumbnail(self, request: Request) -> dict[str, str]:
        """A thumbnail's or download's name."""
        wish = render.form(request.body, "AUTO_JPEG_PNG", encode.FORMATS[:-1], stretch=True)
        expression = request.body.get("expression") or {}
        image = _image(self._session.evaluate(expression))
        render.chosen(image, wish.bands)
        return self._keep(request, Link(image, wish, _is_sized(expression)))

    def create_frames(self, request: Request) -> dict[str, str]:
        """The name of an animation or filmstrip of a collection."""
        expression = request.body.get("expression") or {}
        value = self._session.evaluate(expression)
        if not isinstance(value, Collection) or value.kind != "ImageCollection":
            raise EngineError(f"A video thumbnail needs an ImageCollection, not {type(value).__name__}.")
        file_format = member(request.body, "fileFormat", str, "GIF")
        if file_format not in encode.PICTURES:
            raise EngineError(f"The format '{file_format[:60]}' is not available. Use GIF, or PNG for filmstrips.")
        options = member(request.body, "videoOptions", dict, {})
        rate = number(options.get("framesPerSecond"), "framesPerSecond") or 5.0
        if not 0.1 <= rate <= 100:
            raise EngineError(f"framesPerSecond must be between 0.1 and 100, not {rate}.")
        wish = render.form({**request.body, "fileFormat": file_format}, "GIF", stretch=True)
        return self._keep(request, Link(value, (wish, rate), _is_sized(expression)))

    def create_table(self, request: Request) -> dict[str, str]:
        """A table download's name."""
        value = self._session.evaluate(request.body.get("expression") or {})
        selectors = member(request.body, "selectors", list)
        if selectors is not None and not all(isinstance(s, str) for s in selectors):
            raise EngineError("Invalid value at 'selectors': it must be a list of property names.")
        wish = TableWish(
            tables.table_format(member(request.body, "fileFormat", str)),
            selectors,
            _safe_name(member(request.body, "filename", str, "") or "table"),
        )
        if not isinstance(value, Collection):
            tables.as_features(value)
        return self._keep(request, Link(value, wish))

    def tile(self, request: Request) -> Response:
        """A 256 pixel tile in web mercator, XYZ; transparent where there is nothing."""
        link = self._find(request.path["parent"])
        zoom, x, y = (int(request.path[n][:12]) for n in ("zoom", "x", "y"))
        if not 0 <= zoom <= MAX_ZOOM or not (0 <= y < 2**zoom and 0 <= x < 2**zoom):
            raise EngineError(f"Tile {zoom}/{x}/{y} does not exist: 0 <= zoom <= {MAX_ZOOM}, 0 <= x, y < 2^zoom.")
        layers = render.layers(self._session, link.value, tile_grid(zoom, x, y))
        if not any(layer.pixels.mask.any() for layer in layers):
            return _file(encode.empty_tile(TILE))
        return _file(encode.picture(encode.rgba(layers), link.wish.file_format))

    def thumbnail(self, request: Request) -> Response:
        """The picture or raster; a picture of an image without a stated size is at most 512 pixels a side."""
        link = self._find(request.path["name"])
        grid = None
        if link.wish.file_format in encode.PICTURES and not link.sized:
            grid = _shrunk(self._session.default_grid(render.chosen(link.value, link.wish.bands)))
        file = render.render(self._session, link.value, link.wish, grid)
        name = _safe_name(link.wish.prefix or "download")
        return _file(file, f"{name}.{file.suffix}" if file.suffix in ("zip", "tif", "npy") else None)

    def video(self, request: Request) -> Response:
        """An animated GIF, one frame an image, all on the first one's grid."""
        link = self._find(request.path["name"])
        return _file(encode.animation(self._frames(link), link.wish[1]))

    def filmstrip(self, request: Request) -> Response:
        """All frames in one picture, from the top down."""
        import numpy as np

        link = self._find(request.path["name"])
        file_format = "PNG" if link.wish[0].file_format == "GIF" else link.wish[0].file_format
        return _file(encode.picture(np.concatenate(self._frames(link)), file_format))

    def _frames(self, link: Link) -> list[Any]:
        images = list(link.value)
        if not 0 < len(images) <= MAX_FRAMES:
            raise EngineError(f"A video thumbnail must have 1 to {MAX_FRAMES} frames, not {len(images)}.")
        wish = link.wish[0]
        first = render.chosen(_image(images[0]), wish.bands)
        grid = self._session.default_grid(first)
        grid = grid if link.sized else _shrunk(grid)
        frames = []
        for image in images:
            seen = render.shown(self._session, render.chosen(_image(image), wish.bands), wish.visualization, True)
            frames.append(encode.rgba(render.layers(self._session, seen, grid)))
        return frames

    def table(self, request: Request) -> Response:
        """The table's file."""
        link = self._find(request.path["name"])
        wish = link.wish
        media, suffix = tables.MEDIA[wish.file_format]
        body = tables.encode(link.value, wish.file_format, wish.selectors, wish.filename)
        return _file(encode.File(body, media, suffix), f"{wish.filename}.{suffix}")

    def _keep(self, request: Request, link: Link) -> dict[str, str]:
        kind = request.verb.name.split(".")[0]
        name = f"projects/{request.project}/{kind}/{secrets.token_hex(16)}"
        with self._lock:
            self._kept[name] = link
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._announce()
        return {"name": name}

    def _find(self, name: str) -> Link:
        with self._lock:
            link = self._kept.get(name)
            if link is None:
                raise EngineError(f"'{name}' does not exist or is forgotten. Ask for a new URL.", 404)
            self._kept.move_to_end(name)
            return link


def tile_grid(zoom: int, x: int, y: int) -> GeoBox:
    """The grid of a web mercator tile."""
    size = _EARTH / 2**zoom / TILE
    corner = (x * TILE * size - _EARTH / 2, _EARTH / 2 - y * TILE * size)
    return GeoBox((TILE, TILE), Affine(size, 0, corner[0], 0, -size, corner[1]), crs_.crs("EPSG:3857"))


def _image(value: Any) -> Image:
    if isinstance(value, Collection) and value.kind == "ImageCollection":
        raise EngineError("An image is needed, not an ImageCollection. Make one with mosaic() or a reducer.")
    if not isinstance(value, Image):
        raise EngineError(f"An image is needed, not {type(value).__name__}.")
    return value


def _shrunk(grid: GeoBox) -> GeoBox:
    """The grid with at most 512 pixels on its long side, covering the same ground."""
    height, width = grid.shape
    longest = max(height, width)
    if longest <= THUMBNAIL_SIDE:
        return grid
    rows, columns = (max(1, round(n * THUMBNAIL_SIDE / longest)) for n in (height, width))
    return GeoBox((rows, columns), grid.affine @ Affine.scale(width / columns, height / rows), grid.crs)


def _is_sized(expression: Any) -> bool:
    """Whether the client folded a size into the expression (dimensions or scale), which then holds."""
    values = expression.get("values") if isinstance(expression, dict) else None
    return isinstance(values, dict) and _sizes(list(values.values()))


def _sizes(node: Any) -> bool:
    stack = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, list):
            stack.extend(part)
        elif isinstance(part, dict):
            arguments = part.get("arguments")
            if part.get("functionName") == "Image.clipToBoundsAndScale" and isinstance(arguments, dict):
                return True
            stack.extend(part.values())
    return False


def _safe_name(name: str) -> str:
    return re.sub(r"[^\w.\- ]", "_", name)[:120].lstrip(".") or "download"


def _file(file: encode.File, name: str | None = None) -> Response:
    headers = {"content-type": file.media, "cache-control": "private, max-age=3600"}
    if name is not None:
        headers["content-disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    return Response(200, headers, file.body)
