"""What the engine has for a stack: assets that are missing, empty sources, and what exactly lies in a local archive."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import shapely
from shapely.geometry import shape

from features import catalog, clouds, nightlights, sentinel1, sentinel2, terrain
from features.options import Options
from features.seasons import Window
from pipeline.engine.archive import Archive
from pipeline.engine.archive.model import CollectionInfo, Item
from pipeline.errors import MinecoverError
from pipeline.export import requests, usable
from pipeline.export.settings import hint
from pipeline.region import Box, Region, box_around

LOADERS = ("Image.load", "ImageCollection.load")
SOURCES = {"optical": sentinel2.COLLECTION, "radar": sentinel1.COLLECTION}
OTHERS = ("dem", "lights")
MODELS = {"nasadem": terrain.NASADEM, "glo30": terrain.GLO30}
MASKS = {"cloud_score": clouds.CLOUD_SCORE, "s2cloudless": clouds.PROBABILITY}


def assets(graph: Mapping[str, Any]) -> list[str]:
    """The ids of all images and collections that a graph reads."""
    nodes = graph["values"]
    given = [call["arguments"]["id"] for call in _calls(nodes) if call.get("functionName") in LOADERS]
    return sorted({str(nodes.get(g.get("valueReference"), g)["constantValue"]) for g in given})


def refuse_missing(wanted: Sequence[str], where: str, options: Options) -> None:
    """Refuse to begin where an asset is not there that the features read; say which option does without it."""
    missing = [asset for asset in wanted if not requests.exists(asset)]
    if missing:
        ways = "; or ".join(dict.fromkeys(way for asset in missing if (way := _without(asset, missing, options))))
        raise MinecoverError(
            f"{where} has no {', no '.join(missing)}, which the features read. Add what is missing (`minecover archive "
            f"add`){f', or do without: {ways}' if ways else ''}."
        )


def refuse_empty(
    scenes: Mapping[str, Any], seasons: Mapping[str, Window], region: Region, year: int, options: Options
) -> None:
    """Refuse to begin where a source has no image in any season; say whether the region or the dates are to blame."""
    for kind in _read(options):
        collection = SOURCES[kind]
        if not any(scenes[f"{season}_{kind}"] for season in seasons):
            _refuse_outside(collection, region)
            start, end = min(w.start for w in seasons.values()), max(w.end for w in seasons.values())
            if kind == "radar":
                usable.refuse_unfit_radar(region, start, end, options)
            raise MinecoverError(
                f"{collection} has no image of the region from {start} to {end}. Choose another year, or add scenes."
            )
    for kind, asset in _others(year, options).items():
        if not scenes.get(kind, 1):
            raise MinecoverError(
                f"{asset} has nothing of the region{f' in {year}' if kind == 'lights' else ''}. Add it, or do without: "
                f"{_without(asset, [asset], options)}."
            )


def notes(
    scenes: Mapping[str, Any], filling: Mapping[str, int], seasons: Mapping[str, Window], options: Options
) -> Iterator[str]:
    """A sentence, without its full stop, for each season in which a source has nothing.

    `filling` is how many scenes the same season has in the years before and after together.
    """
    for kind in _read(options):
        for season, window in seasons.items():
            if scenes[f"{season}_{kind}"]:
                continue
            nothing = f"{season} has no {kind} scene from {window.start} to {window.end}"
            if found := filling.get(f"{season}_{kind}"):
                yield f"{nothing}; {found} of the same season of the years before and after fill it"
            else:
                others = ", nor in the years before and after" if options.fallback else ""
                yield f"{nothing}{others}: all its {len(_of(season, kind))} {kind} bands are empty"


def empty(scenes: Mapping[str, Any], filling: Mapping[str, int], options: Options) -> tuple[str, ...]:
    """The bands that no image can give a value, in the order of the stack."""
    gone = {"terrain": not options.dem, "night light": not options.lights}
    names = {b.name for b in catalog.bands(options.aspect) if gone.get(b.feature.group)}
    for kind in SOURCES:
        for season in catalog.SEASONS:
            if not (scenes[f"{season}_{kind}"] or filling.get(f"{season}_{kind}")):
                names.update(_of(season, kind))
    return tuple(name for name in catalog.names(options.aspect) if name in names)


def _read(options: Options) -> list[str]:
    """The sources with seasons that are read."""
    return [kind for kind in SOURCES if kind != "radar" or options.radar]


def _of(season: str, kind: str) -> list[str]:
    """The bands that a season has from a source."""
    return [b.name for b in catalog.BANDS if b.season == season and (b.feature.group == "radar") is (kind == "radar")]


def content(found: Sequence[Item]) -> dict[str, Any]:
    """How many images these are, and a checksum of which and in what version."""
    lines = [f"{image.id} {image.version}" for image in found]
    return {"images": len(found), "content": hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]}


def images(archive: Archive, wanted: Sequence[str], box: Box, year: int) -> list[Item]:
    """The images of the assets that a stack can draw on."""
    return [image for asset in wanted for image in _images(archive, asset, box, year)]


def _images(archive: Archive, asset: str, box: Box, year: int) -> list[Item]:
    known = archive.describe(asset)
    found = [known] if isinstance(known, Item) else []
    if isinstance(known, CollectionInfo):
        first, end = (
            round(datetime(y, m, 1, tzinfo=UTC).timestamp() * 1000) for y, m in ((year - 2, 12), (year + 2, 3))
        )
        found = list(archive.search(asset, bbox=box, start_ms=first, end_ms=end))
        found = found or list(archive.search(asset, bbox=box))
    return found


def _others(year: int, options: Options) -> dict[str, str]:
    """The assets of what has no season."""
    found = {"dem": MODELS[options.dem]} if options.dem else {}
    return found | ({"lights": options.luojia or nightlights.source(year, options)[0]} if options.lights else {})


def _without(asset: str, missing: Sequence[str], options: Options) -> str:
    """The option that does without a missing asset; nothing where there is none."""
    if asset == sentinel2.COLLECTION:
        return ""
    if asset == sentinel1.COLLECTION:
        return hint("radar", "no")
    if asset in MASKS.values():
        left = ",".join(mask for mask in options.clouds if MASKS.get(mask) not in missing)
        return hint("clouds", left or "scl", "none")
    if asset == sentinel2.TOP_OF_ATMOSPHERE:
        return hint("tasseled_cap", "six")
    if asset in MODELS.values():
        return hint("dem", *(name for name in MODELS if MODELS[name] not in missing), "none")
    return hint("lights", "none")


def _refuse_outside(collection: str, region: Region) -> None:
    """Refuse a region that lies elsewhere than all of a collection's images."""
    found = requests.extent(collection)
    if found is None:
        raise MinecoverError(f"{collection} holds no images. Add scenes first, with `minecover archive add`.")
    there = shape(found)
    if shapely.intersects(there, region.geometry):
        return
    swapped = ""
    if shapely.intersects(there, shapely.transform(region.geometry, lambda p: p[:, ::-1])):
        swapped = " Latitude and longitude of the region look swapped."
    raise MinecoverError(
        f"The region lies outside the data: {region.name} is at {region.box}; {collection} has images at "
        f"{box_around(there)}.{swapped} Check the region, or add scenes there."
    )


def _calls(node: Any) -> Iterator[dict[str, Any]]:
    """Every function call in a graph."""
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for value in inner:
        yield from _calls(value)
    if isinstance(node, dict) and "functionInvocationValue" in node:
        yield node["functionInvocationValue"]
