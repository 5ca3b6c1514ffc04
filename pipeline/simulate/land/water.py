"""The river, its sand banks, and the reservoirs behind dams in side valleys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pipeline.simulate.district import PIXEL, NDArray, Place
from pipeline.simulate.land.erosion import upstream_of
from pipeline.simulate.land.frame import Window, around
from pipeline.simulate.land.mines import START
from pipeline.simulate.land.terrain import Terrain
from pipeline.simulate.noise import distance, named

DRAWDOWN = 0.9
"""How far the reservoirs sink each year, in metres: dry years and pumping for the mines."""
HIGHEST = 18.0
"""The highest dam, in metres."""
DEAREST = 150.0
"""What a reservoir may cost, counted in metres of dam: a worse one is not built."""
FREEBOARD = 2.0
"""How far a dam stands above full water, in metres."""


@dataclass(frozen=True, eq=False)
class Reservoir:
    """A reservoir: its ground (pixels), its dam (pixels) and the height of its water in START, in metres."""

    basin: NDArray
    dam: NDArray
    level: float

    def height(self, year: int) -> float:
        """Level of the water in the summer of the year; in the years before START it was full."""
        return self.level - DRAWDOWN * max(year - START, 0)


def reservoirs(place: Place, seed: int, ground: Terrain) -> tuple[Reservoir, ...]:
    """Reservoirs in side valleys, some 0.3 % of the district each, as many as there is room for."""
    area = (place.size_m / 1000) ** 2
    rng = named(seed, "reservoirs")
    free = (ground.valley > 350) & (_from_edge(ground.river.shape) > 0.05 * place.size_m)
    found: list[Reservoir] = []
    for _ in range(max(1, round(area / 45))):
        made = _reservoir(ground, free, float(np.clip(0.0032 * area * 1e6, 8e3, 3.5e5)), area, rng)
        if made is None:
            break
        found.append(made)
        free &= distance(made.basin) > 0.12 * place.size_m
    return tuple(found)


def _reservoir(
    ground: Terrain, free: NDArray, wanted: float, area: float, rng: np.random.Generator
) -> Reservoir | None:
    """The best of some places along streams: a low dam, a lake of about the wanted m² in one piece."""
    low, high = 0.004 * area * 1e6, 0.09 * area * 1e6
    streams = np.flatnonzero(free & (ground.drained > low) & (ground.drained < high))
    if not len(streams):
        return None
    options = [_flooded(ground, int(s), wanted) for s in rng.choice(streams, min(30, len(streams)), replace=False)]
    best = min(options, key=lambda option: option.price)
    if best.price > DEAREST:
        return None
    basin, dam = (np.zeros(ground.elevation.shape, bool) for _ in range(2))
    basin[best.window.pixels], dam[best.window.pixels] = best.basin, best.dam
    return Reservoir(basin, dam, best.level - 0.3)


@dataclass(frozen=True, eq=False)
class _Flood:
    """What a dam would flood up to a level, the dam itself, both in a window, and how little we like it."""

    window: Window
    basin: NDArray
    dam: NDArray
    level: float
    price: float


def _flooded(ground: Terrain, outlet: int, wanted: float) -> _Flood:
    """The flood of about the wanted m² above an outlet; dear if the dam is high or the lake small, split or leaky."""
    shape, heights = ground.elevation.shape, ground.elevation.ravel()
    catchment = upstream_of(ground.flow, ground.order, outlet)
    count = min(round(wanted / PIXEL**2), int(catchment.sum()) - 1)
    level = min(float(np.partition(heights[catchment], count)[count]), float(heights[outlet]) + HIGHEST)
    rows, columns = np.divmod(np.flatnonzero(catchment & (heights < level)), shape[1])
    row, column = divmod(outlet, shape[1])
    margin = 4 * PIXEL * np.array([[-1], [1]])
    window = around(np.append(columns, column) * PIXEL + margin, np.append(rows, row) * PIXEL + margin, shape[0])
    low = np.zeros((window.rows, window.columns), bool)
    low[rows - window.top, columns - window.left] = True
    pieces, number = ndimage.label(low)
    sizes = np.bincount(pieces.ravel(), minlength=2)[1:]
    basin = pieces == 1 + sizes.argmax() if number else low
    beside = ndimage.binary_dilation(basin, np.ones((3, 3)), 2) & ~basin & (ground.elevation[window.pixels] < level + 1)
    near = _near(window, row, column, float(np.clip(0.5 * np.sqrt(sizes.max()) * PIXEL, 45, 170)))
    # Low ground beside the lake that no dam closes: the water would run out there.
    leak = float((beside & ~near & (ground.elevation[window.pixels] < level)).sum())
    lost = 1 - sizes.max() / max(sizes.sum(), 1)
    short = max(0.0, 1 - sizes.max() * PIXEL**2 / wanted)
    return _Flood(window, basin, beside & near, level, level - heights[outlet] + 100 * (short + lost) + 2 * leak)


def _near(window: Window, row: int, column: int, reach: float) -> NDArray:
    """The window's pixels within so many metres of a pixel of the district."""
    y, x = np.ogrid[: window.rows, : window.columns]
    return np.asarray(np.hypot(y + window.top - row, x + window.left - column) * PIXEL < reach)


def _from_edge(shape: tuple[int, int]) -> NDArray:
    """Distance of each pixel from the edge of the district, in metres."""
    rows, columns = (np.minimum(np.arange(n), np.arange(n)[::-1]) for n in shape)
    return np.minimum(rows[:, None], columns[None]) * PIXEL
