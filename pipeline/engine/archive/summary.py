"""What an archive holds, as lines of text for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pipeline.engine.archive import document
from pipeline.engine.archive.folder import FolderArchive
from pipeline.engine.archive.model import Archive, Asset, BBox, CollectionInfo, Folder, Item, TableAsset
from pipeline.errors import ArchiveError


def lines(archive: Archive, asset_id: str = "", bbox: str = "", start: str = "", end: str = "") -> Iterator[str]:
    """One line for each asset in a folder or below it, for each matching image of a collection, or for the asset."""
    asset = archive.describe(asset_id) if asset_id else Folder("")
    if asset is None:
        raise ArchiveError(f"Asset '{asset_id}' not found. List its parent, or nothing for the roots.")
    found: Iterable[Asset] = [asset]
    nothing = "No assets."
    if isinstance(asset, CollectionInfo):
        found = archive.search(asset.id, bbox=_box(bbox), start_ms=_moment(start), end_ms=_moment(end))
        nothing = "No images."
    elif isinstance(asset, Folder):
        found = _below(archive, asset)
    shown = (_line(archive, one) for one in found)
    yield next(shown, nothing)
    yield from shown


def _below(archive: Archive, folder: Folder) -> Iterator[Asset]:
    """What lies in a folder and in the folders in it; of those that hold nothing the folder itself."""
    for asset in archive.children(folder.id):
        inner = list(_below(archive, asset)) if isinstance(asset, Folder) else []
        yield from inner or [asset]


def _line(archive: Archive, asset: Asset) -> str:
    if isinstance(asset, Item):
        start = asset.properties.get("system:time_start")
        moment = "no time" if start is None else document.iso(start)
        return f"image       {asset.id}  {moment}  {' '.join(b.name for b in asset.bands)}"
    if isinstance(asset, CollectionInfo):
        # A STAC API does not say how many images it has.
        held = _held(list(archive.search(asset.id))) if isinstance(archive, FolderArchive) else ""
        return "  ".join(filter(None, ("collection", asset.id, held, asset.title if asset.title != asset.id else "")))
    return f"{'table ' if isinstance(asset, TableAsset) else 'folder'}      {asset.id}"


def _held(images: Sequence[Item]) -> str:
    """How many images these are, and from when to when."""
    times = [t for image in images if (t := image.properties.get("system:time_start")) is not None]
    days = dict.fromkeys(document.iso(time)[:10] for time in (min(times), max(times))) if times else {}
    count = f"{len(images)} image{'' if len(images) == 1 else 's'}"
    return ", ".join(filter(None, (count, " to ".join(days))))


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
