"""Collection and catalogue files: what they say, as JSON objects. Nothing here touches the disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.engine.archive import document
from pipeline.engine.archive.index import Row
from pipeline.engine.archive.model import BBox, CollectionInfo
from pipeline.errors import ArchiveError

LINKED = ("item", "child")


def new_catalog(name: str, title: str) -> dict[str, Any]:
    """The file at an archive's root."""
    return {
        "type": "Catalog",
        "stac_version": "1.0.0",
        "id": name,
        "title": title,
        "description": "Scenes under Earth Engine's asset ids.",
        "links": [{"rel": "root", "href": "./catalog.json", "type": "application/json"}],
    }


def linked(catalog: dict[str, Any], asset_id: str, href: str, relation: str) -> dict[str, Any]:
    """The catalogue with a link to an asset."""
    link = {"rel": relation, "href": href, "type": "application/json", "title": asset_id}
    return {**unlinked(catalog, asset_id), "links": [*unlinked(catalog, asset_id)["links"], link]}


def unlinked(catalog: dict[str, Any], asset_id: str) -> dict[str, Any]:
    """The catalogue without links to an asset."""
    kept = [k for k in catalog["links"] if k["rel"] not in LINKED or k.get("title") != asset_id]
    return {**catalog, "links": kept}


def read_collection(asset_id: str, found: dict[str, Any]) -> CollectionInfo:
    """The collection that a collection file describes."""
    bands = tuple(b["name"] for b in found.get("summaries", {}).get("eo:bands", []))
    properties, mosaic = found.get("minecover:properties", {}), bool(found.get("minecover:mosaic", False))
    return CollectionInfo(asset_id, properties, found.get("title", ""), bands, mosaic)


def new_collection(asset_id: str, title: str, properties: dict[str, Any], mosaic: bool) -> dict[str, Any]:
    """The file of an empty collection."""
    up = "../" * (asset_id.count("/") + 1) + "catalog.json"
    return {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": asset_id,
        "title": title or asset_id,
        "description": title or asset_id,
        "license": "proprietary",
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[None, None]]}},
        "minecover:properties": properties,
        "minecover:mosaic": mosaic,
        "links": [{"rel": rel, "href": up, "type": "application/json"} for rel in ("root", "parent")],
    }


def with_properties(found: dict[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """A collection file with these Earth Engine properties instead of those it has."""
    return {**found, "minecover:properties": {k: v for k, v in properties.items() if v is not None}}


def refreshed(
    found: dict[str, Any],
    rows: list[Row],
    box: BBox | None,
    first: int | None,
    last: int | None,
    bands: Sequence[str],
) -> dict[str, Any]:
    """A collection file with links, extent and bands as its items are now."""
    names = [b["name"] for b in found.get("summaries", {}).get("eo:bands", [])]
    names += [b for b in bands if b not in names]
    links = [k for k in found["links"] if k["rel"] != "item"]
    links += [{"rel": "item", "href": f"./{r.path}", "type": "application/geo+json"} for r in rows]
    times = [None if t is None else document.iso(t) for t in (first, last)]
    extent = {
        "spatial": {"bbox": [list(box) if box else [-180, -90, 180, 90]]},
        "temporal": {"interval": [times]},
    }
    return {**found, "extent": extent, "summaries": {"eo:bands": [{"name": n} for n in names]}, "links": links}


def text(value: dict[str, Any]) -> str:
    """A STAC document as JSON."""
    try:
        return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ArchiveError(
            f"The properties of '{value.get('id')}' cannot be stored: {error}. Use finite numbers, texts and lists."
        ) from error
