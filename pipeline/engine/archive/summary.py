"""What an archive holds, as lines of text for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.engine.archive import document
from pipeline.engine.archive.model import Archive, Asset, BBox, CollectionInfo, Folder, Item, TableAsset
from pipeline.errors import ArchiveError


def lines(archive: Archive, asset_id: str = "", bbox: str = "", start: str = "", end: str = "") -> Iterator[str]:
    """One line for each asset under a folder, for each matching image of a collection, or for the asset itself."""
    asset = archive.describe(asset_id) if asset_id else Folder("")
    if asset is None:
        raise ArchiveError(f"Asset '{asset_id}' not found. List its parent, or nothing for the roots.")
    found: Iterable[Asset] = [asset]
    nothing = "No assets."
    if isinstance(asset, CollectionInfo):
        found = archive.search(asset.id, bbox=_box(bbox), start_ms=_moment(start), end_ms=_moment(end))
        nothing = "No images."
    elif isinstance(asset, Folder):
        found = archive.children(asset.id)
    shown = map(_line, found)
    yield next(shown, nothing)
    yield from shown


def _line(asset: Asset) -> str:
    if isinstance(asset, Item):
        start = asset.properties.get("system:time_start")
        moment = "no time" if start is None else document.iso(start)
        return f"image       {asset.id}  {moment}  {' '.join(b.name for b in asset.bands)}"
    if isinstance(asset, CollectionInfo):
        return f"collection  {asset.id}  {asset.title if asset.title != asset.id else ''}".rstrip()
    return f"{'table ' if isinstance(asset, TableAsset) else 'folder'}      {asset.id}"


def _moment(text: str) -> int | None:
    try:
        return document.millis(text) if text else None
    except ValueError as error:
        raise ArchiveError(f"'{text}' is not a time. Use ISO 8601 in UTC, such as 2021-06-01.") from error


def _box(text: str) -> BBox | None:
    if not text:
        return None
    try:
        west, south, east, north = (float(v) for v in text.split(","))
    except ValueError as error:
        raise ArchiveError(f"'{text}' is not WEST,SOUTH,EAST,NORTH. Use degrees, such as 5.9,46.1,6.4,46.6.") from error
    if not -90 <= south <= north <= 90:
        raise ArchiveError(f"'{text}' is not WEST,SOUTH,EAST,NORTH: latitudes go from -90 to 90, the southern first.")
    return (west, south, east, north)
