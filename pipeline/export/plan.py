"""What will be done, before it is done: grid, tiles, parts, images, and everything that they are made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import features
from features import catalog, seasons
from features.graph import check
from features.options import Options
from features.seasons import Window
from pipeline.artifacts.ledger import Entry
from pipeline.console import duration, human
from pipeline.engine.archive import FolderArchive
from pipeline.errors import MinecoverError
from pipeline.export import requests, sources, usable
from pipeline.export.pixels import Part, prepared
from pipeline.export.requests import Source
from pipeline.export.retries import patiently
from pipeline.export.settings import plainly
from pipeline.region import TILE, Grid, Region, Tile, covering, inside, outline, placed, touched

FOLDER = "stack"
COUNTS = "counts"
HUGE_KM2 = 2500.0
GUESS_S = 10.0


@dataclass(frozen=True)
class Wish:
    """What somebody wants exported, from which engine, and into which run's folder."""

    region: Region
    year: int
    output: Path
    source: Source
    options: Options = field(default_factory=Options)
    crs: str | None = None
    scale: float = 10.0

    @property
    def folder(self) -> Path:
        """Where the stack lies in the run's folder."""
        return self.output / FOLDER


@dataclass(frozen=True, eq=False)
class Layout:
    """Where pixels are: the grid, the region's shape on it, and the tiles of `side` pixels that it touches."""

    grid: Grid
    shape: Any
    tiles: tuple[Tile, ...]
    side: int

    def of(self, tile: Tile) -> Grid:
        """The grid of one tile."""
        return self.grid.part(tile)


@dataclass(frozen=True)
class Unit:
    """The unit of work: one part of one tile, which is one file, and one request where the engine allows."""

    tile: Tile
    part: Part

    @property
    def name(self) -> str:
        """The file, without its suffix, in the stack's folder."""
        return f"{self.part.name}/{self.tile.name}"


@dataclass(frozen=True, eq=False)
class Plan:
    """All that is needed to work. `options` are decided to the last; `images` are the ee.Images of the parts.

    `notes` say what is missing, and `empty` are the bands that will have no value. Two plans with the same `parameters`
    make the same files.
    """

    wish: Wish
    layout: Layout
    options: Options
    parts: tuple[Part, ...]
    images: dict[str, Any]
    seasons: dict[str, Window]
    scenes: dict[str, Any]
    notes: tuple[str, ...]
    empty: tuple[str, ...]
    parameters: dict[str, Any]

    def units(self, finished: Mapping[str, Entry]) -> list[Unit]:
        """The work that is left, tile by tile."""
        every = (Unit(tile, part) for tile in self.layout.tiles for part in self.parts)
        return [unit for unit in every if unit.name not in finished]

    def bytes(self, units: Sequence[Unit]) -> int:
        """Bytes of the pixels of units, uncompressed."""
        return sum(u.part.bytes(self.layout.of(u.tile)) for u in units)


def parts(aspect: str) -> tuple[Part, ...]:
    """The seasons, what has no season, and the counts of observations."""
    bands = catalog.bands(aspect)
    seasonal = tuple(Part(s, tuple(b.name for b in bands if b.season == s)) for s in catalog.SEASONS)
    static = Part("static", tuple(b.name for b in bands if b.season is None))
    return (*seasonal, static, Part(COUNTS, catalog.COUNTS, "uint16"))


def laid_out(wish: Wish, confirm: bool = False) -> Layout:
    """The layout of a wish; a huge region is refused unless that is confirmed."""
    grid = covering(wish.region, wish.crs, wish.scale)
    shape = placed(wish.region, grid.crs)
    layout = Layout(grid, shape, touched(shape, grid, TILE), TILE)
    if not any(inside(shape, layout.of(tile)).any() for tile in layout.tiles):
        raise MinecoverError(
            f"The region {wish.region.name} holds the middle of no pixel of {grid.pixel:g} m. "
            "Draw it larger, or choose a smaller --scale."
        )
    area = sum(layout.of(t).area_km2 for t in layout.tiles)
    if area > HUGE_KM2 and not confirm:
        made = parts(wish.options.aspect)
        size = sum(part.bytes(layout.of(t)) for t in layout.tiles for part in made)
        count = len(layout.tiles) * len(made)
        raise MinecoverError(
            f"The region {wish.region.name} is huge: {area:,.0f} km² in {len(layout.tiles)} tiles, {count} requests, "
            f"{human(size)} of pixels, {duration(count * GUESS_S)} if each takes {GUESS_S:g} s. If you mean it, "
            f"add --confirm to `minecover export`."
        )
    return layout


def planned(wish: Wish, layout: Layout, archive: Any) -> Plan:
    """The plan, from what the connected engine has; refuses to begin where a source has nothing."""
    around = requests.geometry(outline(tuple(layout.of(t) for t in layout.tiles)))
    with plainly():
        half = wish.options.hemisphere or patiently(lambda: seasons.hemisphere(around), "where the region lies")
        chosen = replace(wish.options, hemisphere=half)
        windows = {s: seasons.window(s, wish.year, half) for s in catalog.SEASONS}
        images = _images(around, wish.year, chosen)
        wanted = sources.assets(requests.graph(list(images.values())))
        sources.refuse_missing(wanted, "The archive" if wish.source.engine == "local" else "Earth Engine", chosen)
        counted = features.scenes(around, wish.year, **asdict(chosen))
        scenes: dict[str, Any] = requests.value(counted, "the number of scenes")
        sources.refuse_empty(scenes, windows, wish.region, wish.year, chosen)
        if "orbit" in scenes and chosen.orbit is None:
            # Decided once for all tiles, and graphs without the question are smaller.
            chosen = replace(chosen, orbit=scenes["orbit"])
            images = _images(around, wish.year, chosen)
        for image in images.values():
            check(image)
        gaps = not all(scenes[name] for name in catalog.COUNTS)
        filling = _filling(around, wish.year, chosen) if gaps and chosen.fallback else {}
    told = {"name": wish.source.engine}
    if isinstance(archive, FolderArchive):
        found = sources.images(archive, wanted, wish.region.box, wish.year)
        usable.refuse_missing_bands(found, wish.year, chosen)
        told |= sources.content(found)
    made_from = {
        "year": wish.year,
        "region": {"area_km2": round(wish.region.area_km2, 6), "outline": _digest(wish.region.geojson)},
        "grid": {**asdict(layout.grid), "tile": layout.side},
        "options": asdict(chosen),
        "engine": told,
        "scenes": scenes,
        "features' script": _digest({name: requests.graph(image) for name, image in images.items()}),
        "minecover": version("minecover"),
    }
    notes, empty = sources.notes(scenes, filling, windows, chosen), sources.empty(scenes, filling, chosen)
    return Plan(wish, layout, chosen, parts(chosen.aspect), images, windows, scenes, tuple(notes), empty, made_from)


def _filling(around: Any, year: int, options: Options) -> dict[str, int]:
    """How many scenes each season has from each source in the years before and after together."""
    given = asdict(replace(options, dem=None, lights=None))
    found = [requests.value(features.scenes(around, y, **given), f"the scenes of {y}") for y in (year - 1, year + 1)]
    return {name: sum(year[name] for year in found) for name in catalog.COUNTS}


def _images(around: Any, year: int, chosen: Options) -> dict[str, Any]:
    """The ee.Image of each part by name, with something in every pixel."""
    given = asdict(chosen)
    stack, counts = features.stack(around, year, **given), features.observations(around, year, **given)
    return {p.name: prepared(counts if p.name == COUNTS else stack, p) for p in parts(chosen.aspect)}


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
