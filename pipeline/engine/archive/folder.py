"""An archive in a folder: STAC documents under Earth Engine's asset ids, with the files beside them.

    catalog.json, COPERNICUS/S2_SR_HARMONIZED/collection.json
    COPERNICUS/S2_SR_HARMONIZED/INDEX/INDEX.json        the item: the truth about the image
    COPERNICUS/S2_SR_HARMONIZED/INDEX/B2.tif            its files
    NASA/NASADEM_HGT/001/001.json                       an image of its own

An image exists from the moment its item file does; a new version has files of other names. Links and extents in
collection files follow the items and are for other STAC clients only.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline import durable
from pipeline.engine.archive import cog, document, ids, listing
from pipeline.engine.archive.index import Index, Row
from pipeline.engine.archive.model import (
    Asset,
    BandFile,
    BBox,
    CollectionInfo,
    Condition,
    Folder,
    Item,
    Kind,
    TableAsset,
)
from pipeline.engine.raster import shown
from pipeline.engine.values import PixelType
from pipeline.errors import ArchiveError

ROOTS = re.compile(r"projects/[^/]+(/assets)?|users(/[^/]+)?|projects")


@dataclass(frozen=True)
class Staged:
    """A checked file on its way into the archive. `bands` say everything but their final place."""

    key: str
    path: Path
    sha256: str
    bands: tuple[BandFile, ...]
    in_place: bool = False


class FolderArchive:
    """The archive in a folder. Safe to use from several threads and processes at once."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(os.path.realpath(root))
        if not (self.root / "catalog.json").is_file():
            raise ArchiveError(f"'{root}' is not an archive. Make one with `minecover archive create {root}`.")
        self._index = Index(self.root)

    @staticmethod
    def initialise(root: str | Path, title: str = "minecover archive") -> FolderArchive:
        """The archive in a folder, made there if there is none yet."""
        place = Path(root)
        with durable.reported(place):
            place.mkdir(parents=True, exist_ok=True)
        durable.writable(place)
        if not (place / "catalog.json").exists():
            catalog = listing.new_catalog(place.resolve().name or "archive", title)
            durable.write_text(place / "catalog.json", listing.text(catalog))
        return FolderArchive(place)

    def describe(self, asset_id: str) -> Asset | None:
        """The asset, or None where there is none."""
        asset_id = ids.canonical(asset_id)
        folder = self.root / asset_id
        if (folder / "collection.json").is_file():
            return self._collection(asset_id)
        found = self.find_document(asset_id)
        if found is not None:
            return self._asset(asset_id, *found)
        parent = ids.split(asset_id)[0]
        is_folder = folder.is_dir() and not (self.root / parent / "collection.json").is_file()
        return Folder(asset_id) if is_folder or ROOTS.fullmatch(asset_id) else None

    def search(
        self,
        collection_id: str,
        *,
        bbox: BBox | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        properties: Sequence[Condition] | None = None,
    ) -> Iterator[Item]:
        """Candidates in the order of `system:index`."""
        collection_id = self._existing_collection(collection_id)
        return self._items(collection_id, self._index.find(collection_id, bbox, start_ms, end_ms, properties))

    def children(self, asset_id: str = "") -> list[Asset]:
        """What lies directly under a folder or collection; the roots for an empty id."""
        folder = self.root
        if asset_id:
            asset_id = ids.canonical(asset_id)
            folder = self.root / asset_id
            if (folder / "collection.json").is_file():
                return list(self.search(asset_id))
        if not folder.is_dir():
            return []
        names = sorted(e.name for e in os.scandir(folder) if not e.name.startswith(".") and e.is_dir())
        names = names if asset_id else [n for n in names if n != ids.EXPORTS]
        found = (self.describe(f"{asset_id}/{name}" if asset_id else name) for name in names)
        return [asset for asset in found if asset is not None]

    def check_writable(self) -> None:
        """Refuse, before any work is done, an archive that cannot be written to."""
        durable.writable(self.root)

    def create(
        self,
        asset_id: str,
        kind: Kind,
        *,
        title: str = "",
        properties: Mapping[str, Any] | None = None,
        mosaic: bool = False,
    ) -> Asset:
        """A new empty folder or collection; `mosaic` marks tiles that Earth Engine knows as one image."""
        durable.writable(self.root)
        asset_id = ids.canonical(asset_id)
        if self.describe(asset_id) is not None and not (kind == "Folder" and ROOTS.fullmatch(asset_id)):
            raise ArchiveError(f"Asset '{asset_id}' exists already. Take another id, or use ee.data.deleteAsset.")
        with durable.locked(self.root):
            self._make_parents(asset_id)
            durable.make_folders(self.root / asset_id, self.root)
            if kind == "ImageCollection":
                made = listing.new_collection(asset_id, title, dict(properties or {}), mosaic)
                durable.write_text(self.root / asset_id / "collection.json", listing.text(made))
                self._link(asset_id, f"./{asset_id}/collection.json", "child")
        made_asset = self.describe(asset_id)
        assert made_asset is not None
        return made_asset

    def write_image(
        self,
        asset_id: str,
        cog_path: str | Path,
        bands: Sequence[tuple[str, PixelType]],
        properties: Mapping[str, Any],
        geometry: dict[str, Any] | None = None,
        overwrite: bool = False,
    ) -> Item:
        """The stored image, made from a copy of one GeoTIFF that holds all bands; its outline by default."""
        durable.writable(self.root)
        asset_id = ids.canonical(asset_id)
        header = cog.header(cog_path)
        if len(header.names) - header.alpha not in (len(bands), len(bands) - header.alpha):
            raise ArchiveError(f"{shown(cog_path)} has {len(header.names)} bands, but {len(bands)} were named.")
        with durable.staging(self.root) as folder:
            copied = folder / "data.tif"
            shutil.copyfile(cog_path, copied)
            made = tuple(header.band(n, i, t, header.nodata) for i, (n, t) in enumerate(bands, 1))
            staged = Staged("data", copied, cog.verified(copied), made)
            return self.commit(asset_id, [staged], properties, geometry or cog.footprint(header), overwrite)

    def write_table(
        self,
        asset_id: str,
        features: Mapping[str, Any],
        properties: Mapping[str, Any] | None = None,
        overwrite: bool = False,
    ) -> TableAsset:
        """The stored table, made from a GeoJSON FeatureCollection."""
        durable.writable(self.root)
        asset_id, version = ids.canonical(asset_id), _now()
        if features.get("type") != "FeatureCollection" or not isinstance(features.get("features"), list):
            raise ArchiveError(f"Table '{asset_id}' needs a GeoJSON FeatureCollection, not {features.get('type')!r}.")
        href = f"./table-{version}.geojson"
        made = document.table_document(asset_id, properties or {}, None, href, version)
        with self._changing(asset_id):
            old = self._replaceable(asset_id, overwrite)
            folder = self._make_item_folder(asset_id)
            durable.write_text(folder / href, json.dumps(features))
            self._publish(asset_id, made, old)
        table = self.describe(asset_id)
        assert isinstance(table, TableAsset)
        return table

    def commit(
        self,
        asset_id: str,
        staged: Sequence[Staged],
        properties: Mapping[str, Any],
        geometry: dict[str, Any] | None,
        overwrite: bool = False,
        recipe: str = "",
    ) -> Item:
        """Move checked files into place and let the image exist, in this order."""
        collection = self._collection_of(asset_id)
        listing.text({"id": asset_id, "properties": dict(properties)})  # refused before anything is moved
        with self._changing(asset_id):
            known = self.find_document(asset_id)
            if recipe and known is not None and known[1].get("properties", {}).get("minecover:recipe") == recipe:
                overwrite = True  # added meanwhile by another process, from the same
            old = self._replaceable(asset_id, overwrite)
            folder, version = self._make_item_folder(asset_id), _now()
            stored = [_move(file, folder, old, version) for file in staged]
            durable.sync(folder)
            made = document.item_document(asset_id, collection, properties, geometry, stored, version, recipe)
            self._publish(asset_id, made, old)
        if collection:
            self._update_collection(collection, [b.name for f in staged for b in f.bands])
        item = self.describe(asset_id)
        assert isinstance(item, Item)
        return item

    def set_properties(self, asset_id: str, properties: Mapping[str, Any]) -> None:
        """An image, a table or a collection has these properties from now on, and no others."""
        durable.writable(self.root)
        asset_id = ids.canonical(asset_id)
        listed = self.root / asset_id / "collection.json"
        with self._changing(asset_id):
            found = self.find_document(asset_id)
            if found is not None:
                durable.write_text(found[0], listing.text(document.with_properties(found[1], properties)))
            elif listed.is_file():
                durable.write_text(listed, listing.text(listing.with_properties(self._read(listed), properties)))
            else:
                raise ArchiveError(f"'{asset_id}' is not an image, a table or a collection: it has no properties.")
        collection = self._collection_of(asset_id)
        if collection:
            self._update_collection(collection, [])

    def delete(self, asset_id: str) -> None:
        """Remove an image, a table, or an empty folder or collection."""
        durable.writable(self.root)
        asset_id = ids.canonical(asset_id)
        asset = self.describe(asset_id)
        if asset is None:
            raise ArchiveError(f"Asset '{asset_id}' not found. `minecover archive list` shows what there is.")
        if isinstance(asset, (Folder, CollectionInfo)):
            self._delete_container(asset_id)
            return
        with self._changing(asset_id):
            found = self.find_document(asset_id)
            if found is not None:
                _unlink(found[1], [found[0]], keep=())
            self._unlink(asset_id)
        collection = self._collection_of(asset_id)
        if collection:
            self._update_collection(collection, [])

    def find_document(self, asset_id: str) -> tuple[Path, dict[str, Any]] | None:
        """The item file of an image or table, and what it says."""
        name = ids.split(asset_id)[1]
        for path in (self.root / asset_id / f"{name}.json", self.root / f"{asset_id}.json"):
            if path.is_file():
                return path, self._read(path)
        return None

    def _read(self, path: Path) -> dict[str, Any]:
        if not os.path.realpath(path).startswith(str(self.root) + os.sep):
            raise ArchiveError(f"{shown(path)} leads out of the archive. Copy it into the archive's folder.")
        try:
            found = json.loads(path.read_bytes())
        except ValueError as error:
            raise ArchiveError(f"{shown(path)} is not valid JSON: {error}. Add the image again.") from error
        if not isinstance(found, dict):
            raise ArchiveError(f"{shown(path)} is not a STAC document. Add the image again.")
        return found

    def _asset(self, asset_id: str, path: Path, found: dict[str, Any]) -> Item | TableAsset:
        read = document.read_table if document.is_table(found) else document.read_item
        return read(asset_id, found, path.parent, self.root)

    def _items(self, collection_id: str, rows: list[Row]) -> Iterator[Item]:
        for row in rows:
            path = self.root / collection_id / row.path
            with suppress(FileNotFoundError):  # deleted since the query
                yield document.read_item(f"{collection_id}/{row.name}", self._read(path), path.parent, self.root)

    def _collection(self, asset_id: str) -> CollectionInfo:
        return listing.read_collection(asset_id, self._read(self.root / asset_id / "collection.json"))

    def _existing_collection(self, asset_id: str) -> str:
        asset_id = ids.canonical(asset_id)
        if not (self.root / asset_id / "collection.json").is_file():
            raise ArchiveError(
                f"ImageCollection.load: ImageCollection asset '{asset_id}' not found (does not exist or caller does "
                f"not have access)."
            )
        return asset_id

    def _collection_of(self, asset_id: str) -> str | None:
        parent = ids.split(asset_id)[0]
        return parent if parent and (self.root / parent / "collection.json").is_file() else None

    def _changing(self, asset_id: str) -> AbstractContextManager[None]:
        collection = self._collection_of(asset_id)
        if collection is None:
            return durable.locked(self.root)
        return self._index.changing(collection, ids.split(asset_id)[1])

    def _replaceable(self, asset_id: str, overwrite: bool) -> tuple[Path, dict[str, Any]] | None:
        """The item that is about to be replaced, if any; refuses what must not be replaced."""
        if (self.root / asset_id / "collection.json").is_file():
            raise ArchiveError(f"'{asset_id}' is a collection. Give an index for the image, as in {asset_id}/INDEX.")
        old = self.find_document(asset_id)
        if old is not None and not overwrite:
            raise ArchiveError(f"Asset '{asset_id}' exists already. Use --overwrite, or another index.")
        return old

    def _make_item_folder(self, asset_id: str) -> Path:
        self._make_parents(asset_id)
        folder = self.root / asset_id
        durable.make_folders(folder, self.root)
        return folder

    def _make_parents(self, asset_id: str) -> None:
        """Refuse to put anything below an image or a table."""
        parent = ids.split(asset_id)[0]
        while parent:
            if self.find_document(parent) is not None:
                raise ArchiveError(f"'{parent}' is an image or a table; nothing can be put under it.")
            parent = ids.split(parent)[0]

    def _publish(self, asset_id: str, made: dict[str, Any], old: tuple[Path, dict[str, Any]] | None) -> None:
        name = ids.split(asset_id)[1]
        durable.write_text(self.root / asset_id / f"{name}.json", listing.text(made))
        if old is not None:
            _unlink(old[1], [], keep={href for _, href, _, _ in document.stored_files(made)}, folder=old[0].parent)
        if self._collection_of(asset_id) is None:
            self._link(asset_id, f"./{asset_id}/{name}.json", "item")

    def _delete_container(self, asset_id: str) -> None:
        if self.children(asset_id):
            raise ArchiveError(f"'{asset_id}' is not empty. Delete what is in it first.")
        with durable.locked(self.root):
            (self.root / asset_id / "collection.json").unlink(missing_ok=True)
            with suppress(OSError):
                (self.root / asset_id).rmdir()
            self._unlink(asset_id)

    def _link(self, asset_id: str, href: str, relation: str) -> None:
        catalog = self._read(self.root / "catalog.json")
        durable.write_text(self.root / "catalog.json", listing.text(listing.linked(catalog, asset_id, href, relation)))

    def _unlink(self, asset_id: str) -> None:
        folder = self.root / asset_id
        with suppress(OSError):
            folder.rmdir()
        catalog = self._read(self.root / "catalog.json")
        changed = listing.unlinked(catalog, asset_id)
        if changed != catalog:
            durable.write_text(self.root / "catalog.json", listing.text(changed))

    def _update_collection(self, collection: str, bands: Sequence[str]) -> None:
        """Links, extent and bands of the collection file, as the items are now."""
        rows = self._index.find(collection)
        box, first, last = self._index.extent(collection)
        with durable.locked(self.root):
            path = self.root / collection / "collection.json"
            before = os.stat(path.parent).st_mtime_ns
            durable.write_text(path, listing.text(listing.refreshed(self._read(path), rows, box, first, last, bands)))
            os.utime(path.parent, ns=(before, before))  # no item has changed: the index stays valid


def _move(file: Staged, folder: Path, old: tuple[Path, dict[str, Any]] | None, version: int) -> document.StoredFile:
    size = file.path.stat().st_size
    if file.in_place:
        href = os.path.relpath(file.path, folder)
        return document.StoredFile(file.key, href, size, file.sha256, file.bands)
    taken = {h for _, h, _, _ in document.stored_files(old[1])} if old else set()
    stem = re.sub(r"[^\w.-]", "_", file.key)[:100]
    href = f"./{stem}.tif" if f"./{stem}.tif" not in taken else f"./{stem}-{version}.tif"
    os.replace(file.path, folder / href)
    bands = tuple(replace(b, href=href) for b in file.bands)
    return document.StoredFile(file.key, href, size, file.sha256, bands)


def _unlink(
    found: dict[str, Any], paths: list[Path], keep: set[str] | tuple[str, ...], folder: Path | None = None
) -> None:
    """Remove an item's file first and its own files after it; files elsewhere are somebody else's."""
    place = folder or paths[0].parent
    for path in paths:
        path.unlink(missing_ok=True)
        durable.sync(path.parent)
    for _, href, _, _ in document.stored_files(found):
        own = href.startswith("./") and "/" not in href[2:]
        if own and href not in keep:
            (place / href).unlink(missing_ok=True)


def _now() -> int:
    return time.time_ns() // 1000
