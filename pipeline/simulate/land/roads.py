"""Paved roads and the ways they take: cheap over level ground, dear up slopes and over the river, not through mines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rasterio.features import rasterize
from rasterio.transform import Affine
from scipy import ndimage
from shapely import LineString

from pipeline.simulate.district import FINE, NDArray
from pipeline.simulate.land.erosion import cheapest_path
from pipeline.simulate.land.mines import Mine
from pipeline.simulate.land.quarries import Quarry
from pipeline.simulate.land.settlements import EVERY, SITE, Settlement
from pipeline.simulate.land.terrain import Terrain
from pipeline.simulate.noise import fractal, named, slope

HIGHWAY, ROAD, LANE = 22.0, 11.0, 6.0
"""Widths of the through road, of the other roads and of village lanes, in metres."""


@dataclass(frozen=True, eq=False)
class Road:
    """A paved road: rows of x, y in metres from the district's upper left corner, and its width in metres."""

    points: NDArray
    width: float


def network(
    seed: int,
    ground: Terrain,
    forbidden: NDArray,
    settled: Sequence[Settlement],
    mines: Sequence[Mine],
    pits: Sequence[Quarry],
) -> list[Road]:
    """Roads that join all settlements, yards and quarries with each other and with two edges of the district.

    Each road after the first starts on an earlier one, so the network is one piece.
    """
    cost = _cost(ground, forbidden, named(seed, "roads"))
    main = (settled[0].frame.x, settled[0].frame.y)
    roads: list[Road] = []
    for goal in _ways_out(cost, main):
        _join(roads, cost, goal, HIGHWAY, main)
    for mine in mines:
        _, high, near, far = mine.yard
        x, y = mine.frame.ground(np.array(high - 5), np.array((near + far) / 2))
        _join(roads, cost, (float(x), float(y)), ROAD, main)
    for other in settled[1:]:
        _join(roads, cost, (other.frame.x, other.frame.y), LANE if other.kind == "village" else ROAD, main)
    for pit in pits:
        _join(roads, cost, (pit.x, pit.y), LANE, main)
    return roads


def painted(roads: Sequence[Road], size: int, widen: float = 0.0) -> NDArray:
    """Which squares of the painting grid (`size` a side) the roads cover, made wider by so many metres a side."""
    if not roads:
        return np.zeros((size, size), bool)
    shapes = [LineString(road.points).buffer(road.width / 2 + widen) for road in roads]
    grid = Affine(FINE, 0, 0, 0, FINE, 0)
    return np.asarray(rasterize(shapes, (size, size), transform=grid, dtype="uint8") > 0)


def direction(roads: Sequence[Road], x: float, y: float) -> float:
    """Direction (radians) of the nearest road at a point of the district."""
    nearest = min(roads, key=lambda road: float(np.hypot(*(road.points - (x, y)).T).min()))
    at = int(np.hypot(*(nearest.points - (x, y)).T).argmin())
    low, high = max(at - 4, 0), min(at + 4, len(nearest.points) - 1)
    return float(np.arctan2(*(nearest.points[high] - nearest.points[low])[::-1]))


def _cost(ground: Terrain, forbidden: NDArray, rng: np.random.Generator) -> NDArray:
    """What a metre of road costs on the siting grid; what land owners and soils ask for is left to chance."""
    every = (slice(EVERY // 2, None, EVERY),) * 2
    steep = ndimage.gaussian_filter(slope(ndimage.gaussian_filter(ground.elevation, 1.5)), 2)[every]
    cost = (1 + (steep / 5) ** 2) * np.exp(0.35 * fractal(steep.shape, 700 / SITE, rng, 1.8))
    cost += 12 * (ground.river[every] < 60)
    # Roads keep off the edge of the district, along which the cheapest way round everything would lead.
    cost += np.pad(np.zeros([n - 6 for n in cost.shape]), 3, constant_values=4)
    # Forbidden ground is only very dear: a yard lies inside it, and its road must come out.
    return np.asarray(cost + 400 * ndimage.maximum_filter(forbidden, EVERY)[every], np.float64)


def _ways_out(cost: NDArray, main: tuple[float, float]) -> list[tuple[float, float]]:
    """Where the through road leaves the district: the cheapest places on two opposite edges, nearest the main town."""
    last = len(cost) - 1
    row, column = int(main[1] // SITE), int(main[0] // SITE)
    places = np.arange(last + 1)
    down, across = cost[:, [0, last]], cost[[0, last]].T
    sideways = down + (np.abs(places - row) * 4 / last)[:, None]
    upright = across + (np.abs(places - column) * 4 / last)[:, None]
    if sideways.min(0).sum() <= upright.min(0).sum():
        rows = sideways.argmin(0)
        cells = [(float(rows[0]), -0.5), (float(rows[1]), last + 0.5)]
    else:
        columns = upright.argmin(0)
        cells = [(-0.5, float(columns[0])), (last + 0.5, float(columns[1]))]
    return [((c + 0.5) * SITE, (r + 0.5) * SITE) for r, c in cells]


def _join(roads: list[Road], cost: NDArray, goal: tuple[float, float], width: float, main: tuple[float, float]) -> None:
    """Add a road from the goal to the nearest point, by cost, of those there are; the first one goes to the town."""
    known = np.concatenate([road.points for road in roads]) if roads else np.array([main])
    size = len(cost)
    cells = np.clip(known // SITE, 0, size - 1).astype(np.int64)
    sources = np.unique(cells[:, 1] * size + cells[:, 0])
    column, row = (int(np.clip(g // SITE, 0, size - 1)) for g in goal)
    way = cheapest_path(cost, sources, row * size + column)
    points = np.stack([(way % size + 0.5) * SITE, (way // size + 0.5) * SITE], 1)
    start = known[np.hypot(*(known - points[0]).T).argmin()]
    points = np.vstack([start, points[1:-1], goal])
    roads.append(Road(_smooth(points), width))


def _smooth(points: NDArray) -> NDArray:
    """The way without the corners of the grid it was found on; its ends stay. A point every ten metres or so."""
    steps = np.linspace(0, len(points) - 1, 4 * len(points))
    dense = np.stack([np.interp(steps, np.arange(len(points)), p) for p in points.T], 1)
    ends = [2 * dense[0] - dense[1:25][::-1], dense, 2 * dense[-1] - dense[-25:-1][::-1]]
    soft = ndimage.gaussian_filter1d(np.vstack(ends), 7, axis=0)[len(ends[0]) : len(ends[0]) + len(dense)]
    soft[0], soft[-1] = dense[0], dense[-1]
    return np.asarray(soft)
