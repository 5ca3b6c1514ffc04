"""What the archive gives: images, image collections and tables by asset id."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from pipeline.engine.archive.model import Archive, Asset, BBox, CollectionInfo, Item, TableAsset
from pipeline.engine.collection import Collection, Feature
from pipeline.engine.image import Band, Image
from pipeline.engine.ops.composite import first_valid
from pipeline.engine.ops.filter import candidates
from pipeline.engine.plan import Pixels, Plan
from pipeline.engine.sources import FileBand
from pipeline.engine.space.geometry import from_geojson
from pipeline.engine.values import Filter, PixelType
from pipeline.errors import EngineError


def image_of(item: Item) -> Image:
    """The image that an archive's item describes; nothing is opened."""
    bands = tuple(Band(f.name, f.type, FileBand(f), f.projection, (0, 0, f.width, f.height)) for f in item.bands)
    properties = {**item.properties, "system:index": item.index}
    if item.geometry is not None:
        properties["system:footprint"] = from_geojson(item.geometry)
    return Image(bands, properties, item.id, item.version)


def _describe(session: Any, asset: str) -> Asset | None:
    return None if session.archive is None else session.archive.describe(asset)


def _missing(who: str, kind: str, asset: str, session: Any) -> EngineError:
    hint = "" if session.archive is not None else " No archive is connected: engine.connect('local', archive=PATH)."
    return EngineError(
        f"{who}: {kind} asset '{asset}' not found (does not exist or caller does not have access).{hint}"
    )


def _load_image(session: Any, asset: str, version: int) -> Image:
    """An image by id; a collection that Earth Engine knows as one image comes as its mosaic."""
    found = _describe(session, asset)
    if isinstance(found, Item):
        return image_of(found)
    if isinstance(found, CollectionInfo) and found.mosaic:
        return _whole(session, found)
    if found is not None:
        raise EngineError(f"Image.load: Asset '{asset}' is not an Image. Found: {type(found).__name__}.")
    raise _missing("Image.load", "Image", asset, session)


def _whole(session: Any, info: CollectionInfo) -> Image:
    """The tiles of one large image put together, on the projection of the first; tiles are looked up where asked."""
    first = next(iter(session.archive.search(info.id)), None)
    if first is None:
        raise EngineError(f"Image.load: The image '{info.id}' has no tiles in the archive.")
    bands = (Band(f.name, f.type, Tiled(session.archive, info.id, f.name, f.type), f.projection) for f in first.bands)
    return Image(tuple(bands), {"system:index": info.id.rpartition("/")[2], **info.properties}, info.id)


@dataclass(frozen=True, eq=False)
class Tiled:
    """A band of a collection of tiles: only those under the asked grid are looked up and read."""

    archive: Archive
    collection: str
    name: str
    type: PixelType
    group = None

    def needs(self, grid: GeoBox) -> Sequence[tuple[Plan, GeoBox]]:
        """The band of every tile whose box meets the grid's."""
        items = self.archive.search(self.collection, bbox=_box(grid))
        return [(FileBand(f), grid) for item in items for f in item.bands if f.name == self.name]

    def compute(self, grid: GeoBox, inputs: list[Any]) -> Pixels:
        """The last tile that is valid at each pixel."""
        if not inputs:
            return Pixels(np.zeros(grid.shape, self.type.dtype), np.zeros(grid.shape, bool))
        return first_valid(self.type)(*reversed(inputs))


def _box(grid: GeoBox) -> BBox | None:
    """West, south, east, north of a grid in degrees, west beyond east over the date line; None where unknown."""
    if grid.crs is None:
        return None
    place = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    west, south, east, north = place.transform_bounds(*grid.boundingbox.bbox)
    if not all(map(math.isfinite, (west, south, east, north))):
        return None
    if east - west >= 360:
        return -180, south, 180, north
    return (west + 180) % 360 - 180, south, 180 - (180 - east) % 360, north


def _load_collection(session: Any, asset: str, version: int | None) -> Collection:
    """A collection by id, searched by the archive's index when filters narrow it."""
    found = _describe(session, asset)
    if isinstance(found, CollectionInfo):
        return _query(session, found, ())
    if isinstance(found, Item):
        image = image_of(found)
        return Collection("ImageCollection", lambda: [image])
    if found is not None:
        raise EngineError(f"ImageCollection.load: Asset '{asset}' is not an ImageCollection.")
    raise _missing("ImageCollection.load", "ImageCollection", asset, session)


def _query(session: Any, info: CollectionInfo, filters: tuple[Filter, ...]) -> Collection:
    """The collection, restricted to candidates of the filters."""
    asked = candidates(Filter("Filter.and", {}, lambda left, right: True, parts=filters)) if filters else None

    def search() -> Iterator[Image]:
        if asked is None:
            items = session.archive.search(info.id)
        else:
            items = session.archive.search(
                info.id, bbox=asked.bbox, start_ms=asked.start_ms, end_ms=asked.end_ms, properties=asked.properties
            )
        return map(image_of, items)

    return Collection(
        "ImageCollection",
        search,
        dict(info.properties),
        info.id,
        narrow=lambda more: _query(session, info, (*filters, more)),
    )


def _load_table(session: Any, asset: str, geometry_column: str | None, version: int) -> Collection:
    """A table by id: features with their geometry and properties."""
    found = _describe(session, asset)
    if not isinstance(found, TableAsset):
        raise _missing("Collection.loadTable", "Collection", asset, session)

    def read() -> list[Any]:
        rows = _features(found.href)
        made = []
        for number, row in enumerate(rows):
            geometry = row.get("geometry")
            index = str(row.get("id", number))
            properties = {**(row.get("properties") or {}), "system:index": index}
            made.append(Feature(from_geojson(geometry) if geometry else None, properties))
        return made

    return Collection("FeatureCollection", read, dict(found.properties), found.id, found.version or None)


def _features(href: str) -> list[dict[str, Any]]:
    if href.endswith((".parquet", ".geoparquet")):
        import geopandas

        text = geopandas.read_parquet(href).to_crs(4326).to_json()
        listed: list[dict[str, Any]] = json.loads(text)["features"]
        return listed
    form = json.loads(Path(href).read_text("utf-8"))
    listed = form["features"]
    return listed


SESSION_TABLE = {
    "Image.load": _load_image,
    "ImageCollection.load": _load_collection,
    "Collection.loadTable": _load_table,
}
