"""The asset verbs: what the archive holds, in the REST interface's words, and changes to it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import islice
from typing import Any

from pipeline.engine.archive.ids import canonical
from pipeline.engine.archive.model import Asset, BandFile, CollectionInfo, Folder, Item, TableAsset
from pipeline.engine.doors import assetfilter, assetpatch, operations
from pipeline.engine.doors.rest import Handler, Request, member, page
from pipeline.engine.session import Session
from pipeline.errors import EngineError

OWNER = "user:local@localhost"
PUBLIC = "projects/earthengine-public/assets/"
LEGACY = "projects/earthengine-legacy/assets/"


class Assets:
    """Answers about the archive of a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def handlers(self) -> dict[str, Handler]:
        """The verbs answered here."""
        return {
            "listAssets": self.list_roots,
            "getConfig": self.config,
            "updateConfig": self.config,
            "assets.get": self.get,
            "assets.listAssets": self.list_children,
            "assets.create": self.create,
            "assets.delete": self.delete,
            "assets.patch": self.patch,
            "assets.copy": self.copy,
            "assets.move": self.move,
            "assets.getIamPolicy": self.policy,
            "assets.setIamPolicy": self.policy,
            "assets.testIamPermissions": lambda request: {"permissions": request.body.get("permissions", [])},
        }

    def get(self, request: Request) -> dict[str, Any]:
        """One asset; a project's own root is a folder that is always there."""
        name = request.path["name"]
        if name.rstrip("/").endswith("/assets") and name.count("/") <= 3:
            return {"type": "FOLDER", "name": name, "id": name.rstrip("/"), "quota": {"assetCount": "0"}}
        return full(self._existing(name))

    def list_children(self, request: Request) -> dict[str, Any]:
        """A page of what lies directly under a folder or collection."""
        terms = assetfilter.parse(request.query.get("filter", ""))
        parent = canonical(request.path["parent"])
        asset = self._existing(parent)
        if isinstance(asset, CollectionInfo):
            found: Iterable[Asset] = self._images(asset.id, terms)
        else:
            found = self._archive().children(parent)
        return self._page(request, found, terms)

    def list_roots(self, request: Request) -> dict[str, Any]:
        """A page of the project's top-level assets; the catalogue's for a project that has none of its own."""
        terms = assetfilter.parse(request.query.get("filter", ""))
        archive = self._session.archive
        if archive is None:
            return {"assets": []}
        mine = archive.children(f"projects/{request.project}/assets")
        return self._page(request, mine or archive.children(""), terms)

    def create(self, request: Request) -> dict[str, Any]:
        """A new folder or collection."""
        kinds = {"FOLDER": "Folder", "IMAGE_COLLECTION": "ImageCollection"}
        kind = member(request.body, "type", str, "")
        if kind not in kinds:
            raise EngineError(f"assets.create: the type {kind[:40]!r} is not possible. Use FOLDER or IMAGE_COLLECTION.")
        wanted = request.query.get("assetId") or ""
        asset = canonical(f"{request.path['parent']}/assets/{wanted}")
        if self._archive().describe(asset) is not None:
            raise EngineError(f"Cannot overwrite asset '{asset}'.", 409)
        return full(self._writable("create").create(asset, kinds[kind]))

    def delete(self, request: Request) -> dict[str, Any]:
        """Removes an asset."""
        asset = self._existing(request.path["name"])
        self._writable("delete").delete(asset.id)
        return {}

    def patch(self, request: Request) -> dict[str, Any]:
        """The asset with new properties and times: those that the mask names, all of them without a mask."""
        asset = self._existing(request.path["name"])
        if isinstance(asset, Folder):
            raise EngineError(f"assets.patch: '{asset.id}' is a folder; folders have no properties.")
        mask = request.body.get("updateMask", request.query.get("updateMask"))
        given = member(request.body, "asset", dict, {})
        self._writable("patch").set_properties(asset.id, assetpatch.changed(asset.properties, given, mask))
        return full(self._existing(asset.id))

    def copy(self, request: Request) -> dict[str, Any]:
        """The copy of an image or a table."""
        source = self._existing(request.path["sourceName"])
        target = canonical(member(request.body, "destinationName", str, ""))
        overwrite = member(request.body, "overwrite", bool, False)
        archive = self._writable("copy")
        if archive.describe(target) is not None and not overwrite:
            raise EngineError(f"Cannot overwrite asset '{target}'.", 409)
        if isinstance(source, TableAsset):
            from pipeline.engine.doors import tables

            table = self._session.call("Collection.loadTable", {"tableId": source.id})
            forms = [tables.geojson(f) for f in tables.as_features(table)]
            collection = {"type": "FeatureCollection", "features": forms}
            return full(archive.write_table(target, collection, source.properties, overwrite))
        if not isinstance(source, Item):
            raise EngineError(f"'{source.id}' is not an image or a table; only those can be copied.")
        return full(self._copied(archive, source, target, overwrite))

    def move(self, request: Request) -> dict[str, Any]:
        """The asset under its new name."""
        moved = self.copy(request)
        self._writable("move").delete(canonical(request.path["sourceName"]))
        return moved

    def policy(self, request: Request) -> dict[str, Any]:
        """A fixed owner: a local archive has no access control of its own."""
        return {"bindings": [{"role": "roles/owner", "members": [OWNER]}], "etag": "local"}

    def config(self, request: Request) -> dict[str, Any]:
        """The project's configuration, which is fixed."""
        return {"name": request.path["name"], "maxConcurrentExports": operations.RUNNING_AT_ONCE}

    def _archive(self) -> Any:
        if self._session.archive is None:
            raise EngineError("There is no archive. Connect with engine.connect('local', archive=FOLDER).", 404)
        return self._session.archive

    def _writable(self, verb: str) -> Any:
        archive = self._archive()
        if not hasattr(archive, "write_image"):
            raise EngineError(f"assets.{verb}: this archive is read-only.")
        return archive

    def _existing(self, name: str) -> Asset:
        asset_id = canonical(name)
        archive = self._session.archive
        asset: Asset | None = None if archive is None else archive.describe(asset_id)
        if asset is None:
            raise EngineError(f"Asset '{asset_id}' not found (does not exist or caller does not have access).", 404)
        return asset

    def _copied(self, archive: Any, source: Item, target: str, overwrite: bool) -> Item:
        files = {b.href for b in source.bands}
        plain = all(b.index == i and (b.scale, b.offset) == (1.0, 0.0) for i, b in enumerate(source.bands, 1))
        if len(files) != 1 or not plain:
            raise EngineError(f"'{source.id}' is made of several files; export it to '{target}' instead of copying it.")
        bands = [(b.name, b.type) for b in source.bands]
        written: Item = archive.write_image(target, files.pop(), bands, source.properties, source.geometry, overwrite)
        return written

    def _images(self, collection: str, terms: list[assetfilter.Term]) -> Iterable[Item]:
        """Candidates from the archive's index."""
        times = [t for t in terms if t.field in ("startTime", "start_time")]
        lows = [t.value for t in times if t.compare in (">", ">=")]
        highs = [t.value + 1 for t in times if t.compare in ("<", "<=")]
        regions = [t.value for t in terms if t.compare == "intersects"]
        found: Iterable[Item] = self._archive().search(
            collection,
            bbox=regions[0].bounds if regions and not regions[0].is_empty else None,
            start_ms=max(lows, default=None),
            end_ms=min(highs, default=None),
        )
        return found

    def _page(self, request: Request, found: Iterable[Asset], terms: list[assetfilter.Term]) -> dict[str, Any]:
        start, size = page(request.query.get("pageSize"), request.query.get("pageToken"))
        forms = (form for form in map(full, found) if assetfilter.holds(terms, form))
        part = list(islice(forms, start, start + size + 1))
        if request.query.get("view") == "BASIC":
            part = [{k: f[k] for k in ("type", "name", "id") if k in f} for f in part]
        answer = {"assets": part[:size]}
        return answer | {"nextPageToken": str(start + size)} if len(part) > size else answer


def full(asset: Asset) -> dict[str, Any]:
    """The asset as the REST interface shows it."""
    kinds = {Folder: "FOLDER", CollectionInfo: "IMAGE_COLLECTION", TableAsset: "TABLE", Item: "IMAGE"}
    form: dict[str, Any] = {"type": kinds[type(asset)], "name": asset_name(asset.id), "id": asset.id}
    if isinstance(asset, CollectionInfo) and asset.mosaic:
        form["type"] = "IMAGE"
    if isinstance(asset, Folder):
        return form
    form["properties"] = {k: v for k, v in asset.properties.items() if k not in ("system:footprint", "system:index")}
    if isinstance(asset, (Item, TableAsset)) and asset.version:
        form["updateTime"] = operations.timestamp(asset.version / 1e6)
    for key, name in (("system:time_start", "startTime"), ("system:time_end", "endTime")):
        moment = form["properties"].pop(key, None)
        if isinstance(moment, (int, float)):
            form[name] = operations.timestamp(moment / 1000)
    if isinstance(asset, Item):
        form |= {"bands": [_band(b) for b in asset.bands], "sizeBytes": str(_size(b.href for b in asset.bands))}
        if asset.geometry is not None:
            form["geometry"] = asset.geometry
    if isinstance(asset, TableAsset):
        form["sizeBytes"] = str(_size([asset.href]))
    return form


def asset_name(asset_id: str) -> str:
    """The full resource name of an asset id."""
    if asset_id.startswith("projects/") and "/assets" in asset_id:
        return asset_id
    return (LEGACY if asset_id.split("/")[0] in ("users", "projects") else PUBLIC) + asset_id


def _band(band: BandFile) -> dict[str, Any]:
    t = band.projection.transform
    kind: dict[str, Any] = {"precision": band.type.precision.upper()}
    if band.type.min is not None and band.type.max is not None:
        kind["range"] = {"min": band.type.min, "max": band.type.max}
    crs = "crsWkt" if "[" in band.projection.crs else "crsCode"
    names = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")
    grid = {
        crs: band.projection.crs,
        "dimensions": {"width": band.width, "height": band.height},
        "affineTransform": {name: value for name, value in zip(names, t, strict=True) if value},
    }
    return {"id": band.name, "dataType": kind, "grid": grid, "pyramidingPolicy": "MEAN"}


def _size(hrefs: Iterable[str]) -> int:
    return sum(os.path.getsize(h) for h in set(hrefs) if os.path.isfile(h))
