"""Stone quarries: small pits cut into hillsides. They mine no coal and look like the outcrops around them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pipeline.simulate.district import FINE, PIXEL, NDArray, Place
from pipeline.simulate.land.frame import Window, around, waver
from pipeline.simulate.land.materials import M, Painted, mixed
from pipeline.simulate.land.terrain import Terrain
from pipeline.simulate.noise import distance, finer, grains, named, slope, stairs

EACH = 22.0
"""One quarry for so many km²."""
STEP = 9.0
"""Height of the steps that they are cut in, in metres."""


@dataclass(frozen=True, eq=False)
class Quarry:
    """A quarry: its middle in metres from the district's upper left corner, its window, squares and ground."""

    x: float
    y: float
    window: Window
    painted: Painted
    elevation: NDArray
    before: NDArray


def quarries(place: Place, seed: int, ground: Terrain, shut: NDArray) -> tuple[Quarry, ...]:
    """Quarries on slopes away from water and mines."""
    rng = named(seed, "quarries")
    soft = ndimage.gaussian_filter(slope(ground.elevation), 4)
    free = (distance(shut) > 220) & (ground.valley > 350)
    free[:25] = free[-25:] = free[:, :25] = free[:, -25:] = False
    found: list[Quarry] = []
    for number in range(round((place.size_m / 1000) ** 2 / EACH)):
        cells = np.flatnonzero(free & (soft > np.quantile(soft, 0.75)))
        if not len(cells):
            break
        row, column = divmod(int(rng.choice(cells)), free.shape[1])
        found.append(_quarry(row, column, float(rng.uniform(55, 125)), ground, named(seed, "quarry", number)))
        free[max(row - 60, 0) : row + 60, max(column - 60, 0) : column + 60] = False
    return tuple(found)


def _quarry(row: int, column: int, radius: float, ground: Terrain, rng: np.random.Generator) -> Quarry:
    x, y = (column + 0.5) * PIXEL, (row + 0.5) * PIXEL
    reach = np.array([-1.5, 1.5]) * radius
    window = around(x + reach, y + reach, len(ground.elevation))
    across, down = window.centres(FINE)
    inside = radius * (1 + 0.16 * waver(window, 2 * radius, rng, 2.0)) - np.hypot((across - x) / 1.3, down - y)
    before = finer(ground.elevation[window.pixels])
    floor = float(np.percentile(before[inside > 0], 15))
    stepped, part = stairs(np.maximum(before - inside * 0.9 - floor, 0), STEP, 0.3)
    elevation = np.where(inside > 0, np.minimum(before, floor + stepped), before)
    grain = grains(inside.shape, rng)
    stone = mixed(grain, (0.55, "sandstone"), (0.25, "overburden"), (0.12, "track"), (0.08, "soil"))
    material = np.where((part > 0.7) & (grain < 0.9), M["sandstone"], stone)
    return Quarry(x, y, window, Painted(np.where(inside > 0, 5, 0).astype(np.uint8), material), elevation, before)
