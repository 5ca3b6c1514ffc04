"""What joins the parts of a mine: the ramp into the pit, haul roads, the coal yard and the sump."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from rasterio.features import rasterize
from rasterio.transform import Affine
from scipy import ndimage
from shapely import LineString

from pipeline.simulate.district import FINE, PIXEL, NDArray
from pipeline.simulate.land.digging import (
    BEACH,
    FLOOR,
    GREEN,
    HAUL,
    NONE,
    OFFICE,
    SEAM,
    SLURRY,
    SUMP,
    WALLS,
    YARD,
    Site,
    Works,
)
from pipeline.simulate.land.frame import inward
from pipeline.simulate.land.materials import among
from pipeline.simulate.land.mines import START, WALL
from pipeline.simulate.noise import FACTOR, named

GRADE = 0.09
"""Rise of a haul road for each metre along it."""
ROAD = 22.0
"""Width of a haul road, in metres."""
STEP = 5.0
"""Length of the pieces that roads are made of, in metres."""
DYKE = 9.0
"""Width of the dyke around a slurry pond, in metres."""
PILE = 9.0
"""Height of a coal pile, in metres."""


def with_haulage(place: Site, works: Works, year: int) -> Works:
    """The works with all that carries and stores: later things lie on top."""
    works = _with_yard(place, works)
    works = _with_pond(place, works, year)
    works = _with_sump(place, works)
    down = ramp(place, works)
    for line in (down, *_roads(place, works, down)):
        works = _with_road(place, works, line)
    return works


def _with_yard(place: Site, works: Works) -> Works:
    """The yard, its last fifth with offices and a washing plant, on ground made level."""
    low, high, near, far = place.mine.yard
    inside = (place.u > low) & (place.u < high) & (place.v > near) & (place.v < far) & (works.zone == NONE)
    if not inside.any():
        return works
    zone, elevation = works.zone.copy(), works.elevation.copy()
    zone[inside] = np.where(place.u > high - 0.22 * (high - low), OFFICE, YARD)[inside]
    level = float(np.median(place.broad[inside]))
    elevation[inside] = level + 0.25 * (place.broad[inside] - level)
    elevation[inside] += pile(place, inside) * PILE * (zone[inside] == YARD)
    return replace(works, zone=zone, elevation=elevation)


def pile(place: Site, where: NDArray) -> NDArray:
    """How high a coal pile lies on each marked square of the yard, 0…1: rows of long heaps, some places empty."""
    low, _, near, _ = place.mine.yard
    across, along = place.u[where] - low - 8, place.v[where] - near - 8
    row, column = np.floor(across / 34).astype(int), np.floor(along / 72).astype(int)
    there = named(place.mine.seed, "piles").random((64, 64)) < 0.62
    x, y = np.abs(np.mod(across, 34) / 34 - 0.5) * 34 / 13, np.abs(np.mod(along, 72) / 72 - 0.5) * 72 / 31
    height = np.clip(1.3 * (1 - np.sqrt(x**2 + y**4)) + 0.08 * place.blotch[where], 0, 1)
    return np.asarray(np.where(there[row % 64, column % 64] & (x < 1) & (y < 1), height, 0), np.float32)


def pond(place: Site) -> NDArray:
    """Distance (m) of each square into the slurry pond, its dyke included, from its edge; negative outside."""
    low, high, _, far = place.mine.yard
    u, v, width = place.u - low, place.v - far - 18, 0.13 * place.mine.width
    return np.asarray(np.minimum(np.minimum(u, high - low - u), np.minimum(v, width - v)))


def _with_pond(place: Site, works: Works, year: int) -> Works:
    """The works with a slurry pond beside every other yard; it silts up from one end and shrinks year by year."""
    inside = pond(place)
    there = (inside > 0) & (works.zone == NONE) & (place.mine.number % 2 == 0)
    if not there.any():
        return works
    low, high, *_ = place.mine.yard
    silted = 0.22 + 0.07 * (year - START) + 0.03 * place.blotch
    wet = there & (inside > DYKE) & ((place.u - low) / (high - low) > silted)
    level = float(np.median(place.broad[there]))
    return replace(
        works,
        zone=np.where(there, np.where(wet, SLURRY, BEACH), works.zone).astype(np.uint8),
        elevation=np.where(there, level + np.where(inside < DYKE, 3, 0), works.elevation).astype(np.float32),
    )


def _with_sump(place: Site, works: Works) -> Works:
    """The works with water standing at the low end of the floor, before the fill."""
    mine = place.mine
    floor = works.zone == FLOOR
    if not floor.any():
        return works
    v = -0.22 * mine.width
    line = floor & (np.abs(place.v - v) < 20)
    u = float(place.u[line if line.any() else floor].min())
    size = np.clip(0.035 * mine.width, 14, 45)
    wet = floor & (np.hypot((place.u - u - size) * 1.3, place.v - v) + 5 * place.blotch < size * 1.5)
    return replace(works, zone=np.where(wet, SUMP, works.zone).astype(np.uint8))


def ramp(place: Site, works: Works) -> NDArray:
    """The ramp from the yard's side of the pit down to its floor: rows of x, y and height.

    It keeps to the wall and turns with it, going down at a haul road's grade.
    """
    mine = place.mine
    inside, slant = _pit_walls(works)
    low, high, *_ = mine.yard
    point = np.array(mine.frame.ground(np.array((low + high) / 2), np.array(mine.width / 2 + mine.corridor / 2)))
    heading = np.array([np.cos(mine.frame.angle), np.sin(mine.frame.angle)])
    height = _at(place, place.broad, point)
    bottom = _at(place, place.seam, point)
    points = [(*point, height)]
    while height > bottom and len(points) < 900:
        row, column = place.window.cell(float(point[0]), float(point[1]), PIXEL)
        if not (0 <= row < inside.shape[0] and 0 <= column < inside.shape[1]):
            break
        within = inside[row, column] > 0.5
        heading = _along_wall(slant[:, row, column], heading) if within else slant[:, row, column]
        point = point + STEP * heading
        height -= STEP * GRADE * within
        points.append((*point, height))
    return np.array(points)


def _pit_walls(works: Works) -> tuple[NDArray, NDArray]:
    """On the pixel grid: distance (pixels) into the open pit, and the direction (x, y) that leads further in."""
    part = slice(FACTOR // 2, None, FACTOR)
    pit = among(works.zone[part, part], (WALLS, FLOOR, SEAM, SUMP))
    inside = inward(pit, 1.0)
    inside = ndimage.gaussian_filter(inside, 2.5)
    slant = np.stack(np.gradient(inside)[::-1])
    return inside, slant / np.maximum(np.hypot(*slant), 1e-6)


def _along_wall(slant: NDArray, heading: NDArray) -> NDArray:
    """The direction that follows the wall the way it was heading, and down it as fast as the grade allows."""
    inwards = GRADE / WALL
    along = np.array([-slant[1], slant[0]])
    along *= np.sign(along @ heading) or 1.0
    return np.asarray(along * np.sqrt(1 - inwards**2) + slant * inwards)


def _at(place: Site, field: NDArray, point: NDArray) -> float:
    """The field's value at a point of the district, or at the window's edge."""
    row, column = place.window.cell(float(point[0]), float(point[1]), FINE)
    return float(field[min(max(row, 0), field.shape[0] - 1), min(max(column, 0), field.shape[1] - 1)])


def _roads(place: Site, works: Works, down: NDArray) -> list[NDArray]:
    """Haul roads on the level: from the yard along the corridor and up the dump, and across the pit's floor."""
    mine = place.mine
    _, high, near, _ = mine.yard
    corridor, top = near - mine.corridor / 2, near + 0.55 * mine.dump_width
    turn = 0.82 * mine.dump_length
    up = [(high, corridor), (turn, corridor), (turn - 60, near + 20), (0.72 * mine.dump_length, top)]
    now_v = np.array([-0.14, 0.0, 0.14]) * mine.width
    end = mine.frame.local(down[-1:, 0], down[-1:, 1])
    across = [(float(end[0][0]), float(end[1][0])), *((float(end[0][0]) - 20, float(v)) for v in now_v[::-1])]
    lines = [up, [up[2], (0.86 * mine.dump_length, near + 0.35 * mine.dump_width)], across]
    return [_levelled(place, works, np.array(line)) for line in lines]


def _levelled(place: Site, works: Works, corners: NDArray) -> NDArray:
    """The road through these corners (u, v): rows of x, y and height, that of the ground evened out along it."""
    lengths = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
    along = np.linspace(0, lengths[-1], max(int(lengths[-1] / STEP), 2))
    u, v = (ndimage.gaussian_filter1d(np.interp(along, lengths, c), 6, mode="nearest") for c in corners.T)
    points = np.stack(place.mine.frame.ground(u, v), 1)
    height = [_at(place, works.elevation, p) for p in points]
    return np.column_stack([points, ndimage.gaussian_filter1d(height, 10, mode="nearest")])


def _with_road(place: Site, works: Works, line: NDArray) -> Works:
    """The works with a haul road on this line, the ground under it cut or filled to its height."""
    transform = Affine(FINE, 0, place.window.left * PIXEL, 0, FINE, place.window.top * PIXEL)
    pieces = [(LineString(line[i : i + 2, :2]).buffer(ROAD / 2), float(line[i, 2])) for i in range(len(line) - 1)]
    height = rasterize(pieces, works.zone.shape, fill=np.nan, transform=transform, dtype="float32")
    road = np.isfinite(height) & ~among(works.zone, (GREEN, OFFICE, SUMP))
    return replace(
        works,
        zone=np.where(road, HAUL, works.zone).astype(np.uint8),
        elevation=np.where(road, height, works.elevation).astype(np.float32),
        face=works.face & ~road,
        berm=works.berm & ~road,
    )
