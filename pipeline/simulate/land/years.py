"""The district as it is in one summer or several: the same land, with mines, dumps, a town and lakes a year further on.

Land use grows by rules from the ground up: relief, water, mines where the ground is flat, settlements where it is
gentle, roads between them, and what nature makes of the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.errors import MinecoverError
from pipeline.simulate.district import PIXEL, Land, NDArray, Place
from pipeline.simulate.land import cover, digging, haulage, mining, roads, streets
from pipeline.simulate.land.cover import Nature
from pipeline.simulate.land.digging import GREEN, HAUL, NONE, SEAM, YARD, Site
from pipeline.simulate.land.frame import Window
from pipeline.simulate.land.materials import M, Painted, among, lay
from pipeline.simulate.land.mines import FIRST, LAST, Mine, footprint, lay_out
from pipeline.simulate.land.quarries import Quarry, quarries
from pipeline.simulate.land.roads import HIGHWAY, Road
from pipeline.simulate.land.settlements import Settlement, settle, turned
from pipeline.simulate.land.terrain import Terrain, terrain
from pipeline.simulate.land.water import FREEBOARD, Reservoir, reservoirs
from pipeline.simulate.noise import coarser, distance, finer, grains, named

LARGEST = 20_000
"""Side of the largest district, in metres."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What lies where in the district, whatever the year."""

    place: Place
    ground: Terrain
    lakes: tuple[Reservoir, ...]
    mines: tuple[Mine, ...]
    quarries: tuple[Quarry, ...]
    settlements: tuple[Settlement, ...]
    roads: tuple[Road, ...]


def lands(place: Place, seed: int, years: Sequence[int]) -> tuple[Land, ...]:
    """The district in the summers of the given years, the same for the same place and seed."""
    _check(place, years)
    laid_out = plan(place, seed)
    land = cover.nature(place, seed, laid_out.ground, _from_homes(laid_out.settlements, place.shape()[0]))
    wild = cover.painted(place, seed, laid_out.ground, land)
    grain = grains(wild[0].shape, named(seed, "grain"))
    _belts(*wild, laid_out.roads, grain)
    painted = tuple(_wild(laid_out, land, *wild, year) for year in years)
    _build(painted, laid_out, grain)
    _mine(painted, laid_out, seed, grain)
    return painted


def plan(place: Place, seed: int) -> Plan:
    """The district laid out from the ground up: each thing finds its place on what those before it have left."""
    ground, pixels = terrain(place, seed), place.shape()[0]
    lakes = reservoirs(place, seed, ground)
    wet = ground.river < 25
    for lake in lakes:
        wet |= lake.basin | lake.dam
    mines = lay_out(place, seed, ground, wet)
    shut = wet.copy()
    for mine in mines:
        shut |= footprint(mine, pixels)
    pits = quarries(place, seed, ground, shut)
    full = shut.copy()
    for pit in pits:
        full[pit.window.pixels] = True
    settled = settle(place, seed, ground, full)
    ways = tuple(roads.network(seed, ground, shut, settled, mines, pits))
    settled = tuple(turned(s, roads.direction(ways, s.frame.x, s.frame.y)) for s in settled)
    return Plan(place, ground, lakes, mines, pits, settled, ways)


def _check(place: Place, years: Sequence[int]) -> None:
    wrong = [year for year in years if not FIRST <= year <= LAST]
    if wrong:
        raise MinecoverError(f"A district can be simulated for {FIRST} to {LAST}, not for {wrong[0]}.")
    if not PIXEL * 100 <= place.size_m <= LARGEST or place.size_m % PIXEL:
        raise MinecoverError(
            f"A district is 1 to {LARGEST // 1000} km wide, in whole pixels of {PIXEL:g} m; {place.size_m} m is not."
        )


def _from_homes(settled: Sequence[Settlement], pixels: int) -> NDArray:
    """Distance (m) of each pixel to the middle of the nearest town or village."""
    homes = np.zeros((pixels, pixels), bool)
    for settlement in settled:
        if settlement.kind != "plant":
            row, column = (int(np.clip(p // PIXEL, 0, pixels - 1)) for p in (settlement.frame.y, settlement.frame.x))
            homes[row, column] = True
    return distance(homes)


def _belts(use: NDArray, material: NDArray, ways: Sequence[Road], grain: NDArray) -> None:
    """Rows of poplars along the through road."""
    main = [road for road in ways if road.width == HIGHWAY]
    belt = roads.painted(main, len(use), 19) & ~roads.painted(main, len(use), 9) & (use == 1)
    material[belt & (grain < 0.75)] = M["broadleaf"]


def _wild(laid_out: Plan, land: Nature, use: NDArray, material: NDArray, year: int) -> Land:
    """The land before anything is built or dug on it, with its lakes: arrays of its own, to be painted on."""
    ground = laid_out.ground.elevation
    fields = (use, material, ground, ground, land.vigour, land.moisture)
    canvas = Land(year, laid_out.place, *(field.copy() for field in fields))
    for lake in laid_out.lakes:
        _lake(canvas, lake)
    return canvas


def _lake(canvas: Land, lake: Reservoir) -> None:
    """A reservoir at this year's level, the shore that it has left bare, and its dam."""
    rows, columns = (np.flatnonzero((lake.basin | lake.dam).any(axis)) for axis in (1, 0))
    window = Window(int(rows[0]), int(columns[0]), int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1)
    part, height = window.pixels, lake.height(canvas.year)
    basin, dam = finer(lake.basin[part]) > 0.5, finer(lake.dam[part]) > 0.5
    wet = basin & (finer(canvas.elevation[part]) < height)
    for where, code, kind in ((basin & ~wet, 4, "soil"), (wet, 2, "water"), (dam & ~basin, 3, "concrete")):
        lay(canvas.use, canvas.material, window.fine, Painted(where * np.uint8(code), np.full_like(wet, M[kind], "u1")))
    for field, level in ((canvas.before, lake.level), (canvas.elevation, height)):
        field[lake.basin] = np.maximum(field[lake.basin], level)
        field[lake.dam] = np.maximum(field[lake.dam], lake.level + FREEBOARD)


def _build(canvases: Sequence[Land], laid_out: Plan, grain: NDArray) -> None:
    """Paint settlements as they are in each year, then the roads, then the quarries."""
    for settlement in laid_out.settlements:
        town = streets.town(settlement, laid_out.place.shape()[0])
        for canvas in canvases:
            lay(canvas.use, canvas.material, town.window.fine, streets.painted(town, canvas.year))
    paved = roads.painted(laid_out.roads, len(grain))
    surface = np.where(grain[paved] < 0.9, M["asphalt"], M["dust"])
    for canvas in canvases:
        canvas.use[paved], canvas.material[paved] = 3, surface
        for pit in laid_out.quarries:
            lay(canvas.use, canvas.material, pit.window.fine, pit.painted)
            canvas.elevation[pit.window.pixels] += coarser(pit.elevation - pit.before)


def _mine(canvases: Sequence[Land], laid_out: Plan, seed: int, grain: NDArray) -> None:
    """Paint the mines as they are in each year, and the dust that they spread."""
    sooty = [np.zeros(canvas.elevation.shape, bool) for canvas in canvases]
    for mine in laid_out.mines:
        site = digging.site(mine, laid_out.ground.elevation, seed)
        for canvas, soot in zip(canvases, sooty, strict=True):
            soot[site.window.pixels] |= _works(canvas, site)
    for canvas, soot in zip(canvases, sooty, strict=True):
        _dust(canvas, soot, grain)


def _works(canvas: Land, site: Site) -> NDArray:
    """Paint one mine; which pixels of its window spread dust."""
    works = haulage.with_haulage(site, digging.works(site, canvas.year), canvas.year)
    lay(canvas.use, canvas.material, site.window.fine, mining.painted(site, works))
    pixels = site.window.pixels
    canvas.elevation[pixels] += coarser(works.elevation - site.before)
    green = coarser(works.zone == GREEN)
    canvas.vigour[pixels] += green * (mining.grass_vigour(coarser(works.age)) - canvas.vigour[pixels])
    # What is heaped up or dug out holds less water than the soil it was.
    canvas.moisture[pixels] *= 1 - 0.3 * coarser(works.zone != NONE)
    return coarser(among(works.zone, (YARD, HAUL, SEAM))) > 0.3


def _dust(canvas: Land, sooty: NDArray, grain: NDArray) -> None:
    """Coal dust on open ground around yards, haul roads and the bared seam, thinner with distance."""
    film = 0.55 * np.exp(-distance(sooty) / 45)
    ground = among(canvas.material, [M[name] for name in ("soil", "grass", "track", "young_grass")])
    dusty = ground & (canvas.use != 3) & (grain < finer(np.where(film > 0.01, film, 0)))
    canvas.material[dusty] = M["dust"]
