"""The files that people use, made from finished tiles: each is whole or not there, and says what it was made from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.enums import Resampling
from rasterio.windows import Window

from pipeline.artifacts.ledger import Entry, Ledger, deliver, fingerprint
from pipeline.artifacts.models import ModelManifest
from pipeline.classify import answers, mosaic, plate, polygons, style
from pipeline.classify.clean import STRIP, Cleaning, cleaned, patch_count, strips
from pipeline.classify.mosaic import Raster, Tiles
from pipeline.config import ClassifyConfig, Legend
from pipeline.engine.raster import open_raster

NDArray = np.ndarray[Any, Any]

MAP, SIDE, QML, PICTURE, SUMMARY = "map.tif", "map.tif.aux.xml", "map.qml", "map.png", "summary.json"
PROBABILITIES, UNCERTAINTY, POLYGONS = "probabilities.tif", "uncertainty.tif", "polygons.gpkg"
NAMES = (MAP, SIDE, QML, PROBABILITIES, UNCERTAINTY, POLYGONS, PICTURE, SUMMARY)


@dataclass(frozen=True, eq=False)
class Result:
    """All that the files are made from. `facts` are those of the tiles; `shape` is the region's on the grid, or None.

    `year` and `name` are the run's; `made_from` are the ledger's parameters.
    """

    tiles: Tiles
    shape: Any
    legend: Legend
    model: ModelManifest
    settings: ClassifyConfig
    name: str
    year: int
    made_from: dict[str, Any]
    facts: tuple[dict[str, Any], ...] = ()

    @property
    def cleaning(self) -> Cleaning:
        """How the map is cleaned."""
        least = int(np.ceil(self.settings.min_area_m2 / self.tiles.grid.pixel**2 - 1e-9))
        return Cleaning(self.settings.majority_px, least, self.settings.memory_gb * 1e9 / 2)

    def possible(self) -> dict[str, str]:
        """All files that there can be, in order, each with the fingerprint of what it is made from."""
        classes = {"legend": self.legend.model_dump()}
        look = {**classes, "majority_px": self.settings.majority_px, "min_area_m2": self.settings.min_area_m2}
        told = {**look, "name": self.name, "year": self.year}
        sources: dict[str, dict[str, Any]] = {
            MAP: look, SIDE: classes, QML: classes, UNCERTAINTY: {}, PROBABILITIES: classes, POLYGONS: look,
            PICTURE: told, SUMMARY: told,
        }  # fmt: skip
        return {name: fingerprint({"of": name, **source}) for name, source in sources.items()}

    @property
    def wanted(self) -> tuple[str, ...]:
        """The files that the settings ask for."""
        asked = {PROBABILITIES: self.settings.probabilities, POLYGONS: self.settings.polygons}
        return tuple(name for name in self.possible() if asked.get(name, True))


def missing(result: Result, ledger: Ledger) -> list[str]:
    """The wanted files that are not there as they should be."""
    outdated = _outdated(result, ledger)
    return [n for n in result.wanted if n not in ledger.finished or n in outdated]


def make(result: Result, ledger: Ledger) -> Iterator[str]:
    """Names of files as they are made. What is there and right stays; what shows something older goes first."""
    folder, left, possible = result.tiles.folder.parent, missing(result, ledger), result.possible()
    for name in (*left, *_outdated(result, ledger)):
        (folder / name).unlink(missing_ok=True)
    for name in left:
        yield name
        ledger.record(replace(_made(result, folder, name), facts={"made_from": possible[name]}))


def _outdated(result: Result, ledger: Ledger) -> list[str]:
    possible = result.possible()
    return [n for n, e in ledger.finished.items() if n in possible and e.facts["made_from"] != possible[n]]


def _made(result: Result, folder: Path, name: str) -> Entry:
    path = folder / name
    if name in (MAP, PROBABILITIES, UNCERTAINTY):
        raster, source = _raster(result, name)
        sums: list[int] = []
        return deliver(
            path,
            folder,
            name,
            lambda p: sums.extend(mosaic.write(p, raster, source)),
            lambda p: mosaic.check(p, raster, sums),
        )
    if name == POLYGONS:
        return _polygons(result, folder)
    data = _small(result, folder, name)
    return deliver(path, folder, name, lambda p: _put(p, data), lambda p: _same(p, data))


def _polygons(result: Result, folder: Path) -> Entry:
    source, grid, memory = folder / MAP, result.tiles.grid, result.cleaning.memory
    polygons.refuse_too_many(patch_count(partial(_rows, source), grid.height, memory), memory)
    pixels = int(counted(source)[1:].sum())
    return deliver(
        folder / POLYGONS,
        folder,
        POLYGONS,
        lambda p: polygons.write(p, source, result.legend),
        lambda p: polygons.check(p, pixels, grid.pixel**2),
    )


def _raster(result: Result, name: str) -> tuple[Raster, Iterator[NDArray]]:
    """What the file is to be, and its strips."""
    grid, tiles, legend = result.tiles.grid, result.tiles, result.legend
    learnt, names = result.model.legend, {f"CLASS_{c.code}": c.name for c in legend}
    if name == MAP:
        codes = tiles.rows([1], answers.NOTHING)
        found = cleaned(lambda top, bottom: codes(top, bottom)[0], grid.height, result.cleaning)
        raster = Raster(grid, ("class",), answers.NOTHING, Resampling.mode, style.palette(legend), names)
        return raster, (strip[np.newaxis] for strip in found)
    if name == UNCERTAINTY:
        raster = Raster(grid, ("entropy in %", "margin in %"), answers.UNKNOWN, Resampling.average)
        return raster, strips(tiles.rows([2, 3], answers.UNKNOWN), grid.height)
    raster = Raster(grid, learnt.names, answers.UNKNOWN, Resampling.average)
    layers = [answers.BESIDE + 1 + k for k in range(len(learnt))]
    return raster, strips(tiles.rows(layers, answers.UNKNOWN), grid.height)


def _small(result: Result, folder: Path, name: str) -> bytes:
    """The bytes of a file that fits in memory."""
    if name == SIDE:
        return style.side_file(result.legend)
    if name == QML:
        return style.qgis(result.legend)
    counts = counted(folder / MAP)
    if name == SUMMARY:
        return (json.dumps(summary(result, counts), indent=1, ensure_ascii=False) + "\n").encode()
    return plate.draw(plate.coarse(folder / MAP), result.tiles.grid, result.shape, _plate(result, counts))


def counted(path: Path) -> NDArray:
    """How many pixels of a map hold each value from 0 to 255."""
    return sum((np.bincount(s.ravel(), minlength=256) for s in mosaic.read(path, STRIP)), np.zeros(256, np.int64))


def hectares(result: Result, counts: NDArray) -> dict[int, float]:
    """Area by code; 0 is what lies in the region and has no class."""
    one = result.tiles.grid.pixel**2 / 10_000
    nothing = sum(f["within"] for f in result.facts) - int(counts[1:].sum())
    return {answers.NOTHING: nothing * one, **{c.code: int(counts[c.code]) * one for c in result.legend}}


def summary(result: Result, counts: NDArray) -> dict[str, Any]:
    """What there is of each class, and what the map was made from."""
    areas = hectares(result, counts)
    within = sum(f["within"] for f in result.facts)
    return {
        "name": result.name,
        "year": result.year,
        "areas_are": "counts of the map's pixels, with the map's errors in them; `minecover assess` estimates areas",
        "classes": [
            {"code": c.code, "name": c.name, "pixels": int(counts[c.code]), "hectares": round(areas[c.code], 6)}
            for c in result.legend
        ],
        "no_data_share": round(1 - int(counts[1:].sum()) / within, 6) if within else None,
        "pixels_in_region": within,
        "cleaning": {"majority_px": result.settings.majority_px, "min_area_m2": result.settings.min_area_m2},
        "seconds": round(sum(f["seconds"] for f in result.facts), 1),
        "made_from": result.made_from,
    }


def _plate(result: Result, counts: NDArray) -> plate.Plate:
    grid, how = result.tiles.grid, result.settings
    notes = [f"{grid.crs}, pixels of {grid.pixel:g} m", f"{result.model.name}, {len(result.model.bands)} features"]
    if how.majority_px > 1:
        notes.append(f"Majority filter {how.majority_px} × {how.majority_px} pixels")
    if how.min_area_m2:
        notes.append(f"Patches below {how.min_area_m2:g} m² joined")
    notes.append("Shares are counts of pixels, not estimates")
    return plate.Plate(result.name, f"Land use {result.year}", result.legend, hectares(result, counts), tuple(notes))


def _rows(path: Path, top: int, bottom: int) -> NDArray:
    with open_raster(path) as file:
        return np.asarray(file.read(1, window=Window(0, top, file.width, bottom - top)))


def _put(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _same(path: Path, data: bytes) -> None:
    if path.read_bytes() != data:
        raise OSError("what was written reads back as something else")
