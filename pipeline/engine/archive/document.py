"""Items as STAC documents: a JSON object on disk to an `Item` or `TableAsset`, and back.

Earth Engine's properties lie flat among STAC's own under their own names; the few whose names STAC has taken are
stored as `ee:NAME`. Knows nothing of indexes or of how files are written.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.engine.archive.model import BandFile, Item, TableAsset
from pipeline.engine.raster import shown
from pipeline.engine.values import PixelType, Projection, named_type
from pipeline.errors import ArchiveError

Document = dict[str, Any]

EXTENSIONS = [
    "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
]
COG_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"
TABLE_TYPES = {".geojson": "application/geo+json", ".parquet": "application/vnd.apache.parquet"}
OWN_NAMES = frozenset({"datetime", "start_datetime", "end_datetime", "created", "updated", "title", "description"})
OWN_PREFIXES = ("ee:", "eo:", "proj:", "raster:", "file:", "minecover:")
ALWAYS = ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z")
BROKEN = (KeyError, TypeError, ValueError, AttributeError, OverflowError)  # of JSON edited by hand
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class StoredFile:
    """A file of an image as it is recorded: its name for people, its place and checksum, and its bands."""

    key: str
    href: str
    size: int
    sha256: str
    bands: tuple[BandFile, ...]


def item_document(
    asset_id: str,
    collection: str | None,
    properties: Mapping[str, Any],
    geometry: dict[str, Any] | None,
    files: Sequence[StoredFile],
    version: int,
    recipe: str = "",
) -> Document:
    """The STAC item of an image. `recipe` says what it was made from, to recognise the same image again."""
    own = {"minecover:version": version, "minecover:recipe": recipe}
    return _feature(
        asset_id,
        collection,
        properties,
        geometry,
        {f.key: _raster_asset(f) for f in files},
        {**own, **_times(properties)},
    )


def table_document(
    asset_id: str, properties: Mapping[str, Any], geometry: dict[str, Any] | None, href: str, version: int
) -> Document:
    """The STAC item of a table."""
    asset = {"href": href, "type": TABLE_TYPES[os.path.splitext(href)[1]], "roles": ["data"]}
    own = {"minecover:version": version, **_times(properties)}
    return _feature(asset_id, None, properties, geometry, {"table": asset}, own)


def with_properties(document: Document, properties: Mapping[str, Any]) -> Document:
    """The STAC item with these Earth Engine properties instead of those it has."""
    own = {k: v for k, v in document["properties"].items() if k.startswith(OWN_PREFIXES) and not k.startswith("ee:")}
    return {**document, "properties": {**own, **_times(properties), **_escaped(properties)}}


def is_table(document: Document) -> bool:
    """Whether a STAC item stands for a table."""
    assets = document.get("assets")
    return isinstance(assets, dict) and "table" in assets


def read_item(asset_id: str, document: Document, folder: Path, root: Path) -> Item:
    """The image that a STAC item in `folder` describes; its files must lie inside `root`."""
    try:
        index = asset_id.rpartition("/")[2]
        properties = {**engine_properties(document), "system:index": index}
        bands = [b for asset in document["assets"].values() for b in _bands(asset, folder, root)]
        version = int(document["properties"].get("minecover:version", 0))
        return Item(asset_id, index, properties, document["geometry"], tuple(bands), version)
    except BROKEN as error:
        raise ArchiveError(f"The item file of '{asset_id}' is incomplete: {error!r}. Add the image again.") from error


def read_table(asset_id: str, document: Document, folder: Path, root: Path) -> TableAsset:
    """The table that a STAC item in `folder` describes."""
    try:
        href = inside(document["assets"]["table"]["href"], folder, root)
        version = int(document["properties"].get("minecover:version", 0))
        return TableAsset(asset_id, href, engine_properties(document), version)
    except BROKEN as error:
        raise ArchiveError(f"The item file of '{asset_id}' is incomplete: {error!r}. Add the table again.") from error


def stored_files(document: Document) -> list[tuple[str, str, int, str]]:
    """(asset key, href, size, SHA-256) of each file of an item, as recorded."""
    try:
        return [
            (key, a["href"], int(a.get("file:size", -1)), str(a.get("file:checksum", ""))[4:])
            for key, a in document.get("assets", {}).items()
        ]
    except BROKEN as error:
        raise ArchiveError(f"An item's list of files is broken: {error!r}. Add the image again.") from error


def engine_properties(document: Document) -> dict[str, Any]:
    """Earth Engine's properties of a STAC item, `system:index` and `system:time_start` among them."""
    given = document["properties"]
    found = {k: v for k, v in given.items() if k not in OWN_NAMES and not k.startswith(OWN_PREFIXES)}
    found |= {k[3:]: v for k, v in given.items() if k.startswith("ee:")}
    if "system:time_start" not in found and given.get("datetime"):
        found["system:time_start"] = millis(given["datetime"])
    return {"system:index": document["id"], **found}


def boxes(document: Document) -> list[tuple[float, float, float, float]]:
    """One bounding box, two if it crosses the antimeridian, the world for an image without bounds."""
    box = document.get("bbox")
    if not box:
        return [(-180.0, -90.0, 180.0, 90.0)]
    west, south, east, north = box if len(box) == 4 else (box[0], box[1], box[3], box[4])
    return split_box((west, south, east, north))


def split_box(box: tuple[float, float, float, float]) -> list[tuple[float, float, float, float]]:
    """A box as one or two that do not cross the antimeridian."""
    west, south, east, north = box
    return [box] if west <= east else [(west, south, 180.0, north), (-180.0, south, east, north)]


def inside(href: str, folder: Path, root: Path) -> str:
    """The real path of a relative href, or a refusal if it leads out of the archive."""
    if "://" in href or href.startswith("/vsi") or "\0" in href:
        raise ArchiveError(f"The href {href!r} is not a file of the archive. Use `minecover archive add`.")
    path = os.path.realpath(os.path.join(folder, href))
    if not path.startswith(str(root) + os.sep):
        raise ArchiveError(f"The href {href!r} in {shown(folder)} leads out of the archive. Copy the file into it.")
    return path


def millis(text: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 time, in UTC unless it says otherwise."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // timedelta(milliseconds=1)


def iso(moment: int) -> str:
    """An ISO 8601 time in UTC, from milliseconds since 1970."""
    return (EPOCH + timedelta(milliseconds=moment)).isoformat().replace("+00:00", "Z")


def stored_type(name: str) -> PixelType:
    """The PixelType of numbers stored under a NumPy type name."""
    return named_type({"float32": "float", "float64": "double"}.get(name, name))


def crs_of(properties: Mapping[str, Any]) -> str | None:
    """The CRS that the projection extension's fields name, in any of its versions."""
    if properties.get("proj:code"):
        return str(properties["proj:code"])
    if properties.get("proj:epsg"):
        return f"EPSG:{properties['proj:epsg']}"
    return properties.get("proj:wkt2")


def _feature(
    asset_id: str,
    collection: str | None,
    properties: Mapping[str, Any],
    geometry: dict[str, Any] | None,
    assets: Document,
    own: Document,
) -> Document:
    depth = asset_id.count("/") + 1
    links = [{"rel": "root", "href": "../" * depth + "catalog.json", "type": "application/json"}]
    if collection:
        links += [
            {"rel": r, "href": "../collection.json", "type": "application/json"} for r in ("parent", "collection")
        ]
    document: Document = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": EXTENSIONS,
        "id": asset_id.rpartition("/")[2],
        "geometry": geometry,
        "properties": {**own, **_escaped(properties)},
        "links": links,
        "assets": assets,
    }
    if collection:
        document["collection"] = collection
    if geometry:
        document["bbox"] = _bbox(geometry)
    return document


def _escaped(properties: Mapping[str, Any]) -> Document:
    def taken(name: str) -> bool:
        return name in OWN_NAMES or name.startswith(OWN_PREFIXES)

    return {f"ee:{k}" if taken(k) else k: v for k, v in properties.items() if k != "system:index" and v is not None}


def _times(properties: Mapping[str, Any]) -> Document:
    start, end = properties.get("system:time_start"), properties.get("system:time_end")
    if start is None:
        return {"datetime": None, "start_datetime": ALWAYS[0], "end_datetime": ALWAYS[1]}
    if end is None:
        return {"datetime": iso(int(start))}
    return {"datetime": iso(int(start)), "start_datetime": iso(int(start)), "end_datetime": iso(int(end))}


def _raster_asset(file: StoredFile) -> Document:
    first = file.bands[0]
    authority, _, code = first.projection.crs.partition(":")
    named = authority.isalpha() and code.isalnum()
    return {
        "href": file.href,
        "type": COG_TYPE,
        "roles": ["data"],
        "eo:bands": [{"name": b.name} for b in file.bands],
        "raster:bands": [_raster_band(b) for b in file.bands],
        "minecover:types": [[b.type.precision, b.type.min, b.type.max] for b in file.bands],
        "proj:code": first.projection.crs if named else None,
        **({} if named else {"proj:wkt2": first.projection.crs}),
        "proj:transform": list(first.projection.transform),
        "proj:shape": [first.height, first.width],
        "file:size": file.size,
        "file:checksum": "1220" + file.sha256,
    }


def _raster_band(band: BandFile) -> Document:
    found: Document = {"data_type": band.type.dtype.name, "scale": band.scale, "offset": band.offset}
    if band.nodata is not None:
        finite = band.nodata - band.nodata == 0
        found["nodata"] = band.nodata if finite else str(band.nodata)
    return found


def _bands(asset: Document, folder: Path, root: Path) -> Iterable[BandFile]:
    if "eo:bands" not in asset:
        return
    href = inside(asset["href"], folder, root)
    crs = crs_of(asset)
    if crs is None:
        raise ValueError("proj:code")
    projection = Projection(crs, tuple(float(v) for v in asset["proj:transform"][:6]))  # type: ignore[arg-type]
    height, width = asset["proj:shape"]
    details = asset.get("raster:bands") or [{}] * len(asset["eo:bands"])
    types = asset.get("minecover:types") or [None] * len(details)
    for index, (band, detail, kind) in enumerate(zip(asset["eo:bands"], details, types, strict=True), 1):
        nodata = detail.get("nodata")
        yield BandFile(
            band["name"],
            href,
            index,
            PixelType(*kind) if kind else stored_type(detail["data_type"]),
            projection,
            width,
            height,
            None if nodata is None else float(nodata),
            float(detail.get("scale", 1)),
            float(detail.get("offset", 0)),
        )


def _bbox(geometry: dict[str, Any]) -> list[float]:
    """West, south, east, north; west > east where the footprint was cut at the antimeridian."""
    parts = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    spans = [_span(part) for part in parts]
    south, north = min(s[1] for s in spans), max(s[3] for s in spans)
    eastern = [s for s in spans if s[2] == 180]
    western = [s for s in spans if s[0] == -180]
    if len(spans) > 1 and eastern and western and len(eastern) + len(western) == len(spans):
        return [min(s[0] for s in eastern), south, max(s[2] for s in western), north]
    return [min(s[0] for s in spans), south, max(s[2] for s in spans), north]


def _span(coordinates: Any) -> tuple[float, float, float, float]:
    points = list(_points(coordinates))
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return min(xs), min(ys), max(xs), max(ys)


def _points(coordinates: Any) -> Iterable[tuple[float, float]]:
    if coordinates and isinstance(coordinates[0], (int, float)):
        yield (float(coordinates[0]), float(coordinates[1]))
        return
    for part in coordinates:
        yield from _points(part)
