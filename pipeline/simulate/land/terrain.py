"""The ground before anybody dug in it: a loess plateau cut by branching valleys that all drain to one river.

The relief is that of the Ordos plateau in size (some 1250 to 1450 m above the sea). It is worked out with the river
flowing east in the southern part and then turned, so that every seed has its own lie of the land.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pipeline.simulate.district import PIXEL, NDArray, Place
from pipeline.simulate.land import erosion
from pipeline.simulate.noise import fractal, grains, named, smooth_step

CELL = 20.0
"""Side of the squares that streams are carved on, in metres."""
MARGIN = 1000.0
"""Land worked out beyond the district on each side, so that its edge shows nowhere, in metres."""
RIVER_AT = 1265.0
"""Where the river leaves, in metres above the sea."""
BED = 28.0
"""Half the width of the river's bed, with its banks, in metres."""
FALL = 0.0025
"""How much the river falls for each metre of its valley."""


@dataclass(frozen=True, eq=False)
class Terrain:
    """The ground before mining, on the pixel grid; metres, float32.

    `elevation` has lakes and pits in it nowhere. `drained` is the area in m² whose water runs through a pixel, `flow`
    the pixel that it runs to (a flat index; itself at an outlet) and `order` all pixels, each after the one it runs to.
    `valley` is the distance to the axis of the main valley, `river` the distance to the middle of its channel,
    `level` the height of the river where it is nearest.
    """

    elevation: NDArray
    drained: NDArray
    flow: NDArray
    order: NDArray
    valley: NDArray
    river: NDArray
    level: NDArray


def terrain(place: Place, seed: int) -> Terrain:
    """The district before mining, the same for the same place and seed."""
    rng = named(seed, "terrain")
    side = int(np.ceil((place.size_m + 2 * MARGIN) / CELL))
    axis, channel = _river_lines(side * CELL, place.size_m, named(seed, "river"))
    from_axis, level = _nearest(axis, side, CELL)
    carved = _carved(side, from_axis, level, rng)

    count, start = place.shape()[0], round(MARGIN / PIXEL)
    crop = (slice(start, start + count), slice(start, start + count))
    fine = ndimage.zoom(carved, 2, order=1, grid_mode=True, mode="nearest")
    valley, level = _nearest(axis, side * 2, PIXEL)
    river, water = _nearest(channel, side * 2, PIXEL)
    rough = fractal(fine.shape, 30, rng, 1.3) * 0.8 * smooth_step(valley, 150, 400)
    land = np.where(river < BED, water - 1, ndimage.gaussian_filter(fine, 1.0) + rough)
    return _with_streams(*(_turned(field[crop], seed) for field in (land, valley, river, level)))


def _with_streams(land: NDArray, valley: NDArray, river: NDArray, level: NDArray) -> Terrain:
    """The terrain of this land, and where its water runs: to the river."""
    elevation, drain = land.astype(np.float32), river < BED
    filled = erosion.fill(elevation.astype(np.float64), drain, np.full(elevation.shape, 1e-4, np.float32))
    flow = erosion.receivers(filled)
    order = erosion.downstream_first(flow)
    drained = erosion.gathered(flow, order, PIXEL**2).reshape(elevation.shape).astype(np.float32)
    return Terrain(elevation, drained, flow, order, valley, river, level)


def _carved(side: int, from_axis: NDArray, level: NDArray, rng: np.random.Generator) -> NDArray:
    """The plateau cut by streams, on the coarse grid."""
    broad = fractal((side, side), 4000 / CELL, rng, 1.9)
    small = fractal((side, side), 700 / CELL, rng, 1.7)
    plateau = level + 30 + 95 * smooth_step(from_axis, 0, 2600) + 14 * broad + 4 * small
    plateau = np.maximum(plateau, level + 2)
    bed = from_axis < CELL
    plateau = np.where(bed, level, plateau)
    filled = erosion.fill(plateau, bed, grains((side, side), rng) * 0.05)
    carved = erosion.carve(filled, bed, CELL, 0.16, 40)
    carved = ndimage.gaussian_filter(carved, 0.8)
    width = 170 + 70 * fractal((side, side), 2000 / CELL, rng)
    plain = level + 1.5 + from_axis * 0.006
    return np.asarray(plain + (carved - plain) * smooth_step(from_axis, width, width + 260), np.float32)


def _river_lines(length: float, size: float, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """The axis of the valley and the middle of its winding channel: rows of x, y and height in metres."""
    x = np.arange(-CELL, length + CELL, 10.0)
    bends = fractal((1, len(x)), 300, rng, 2.2)[0] * min(320.0, size * 0.045)
    y = MARGIN + size * rng.uniform(0.7, 0.82) + bends
    y = ndimage.gaussian_filter1d(y, 12)
    height = RIVER_AT + (length - x) * FALL
    axis = np.stack([x, y, height], 1)
    turn = (0.95 + 0.25 * fractal((1, len(x)), 200, rng, 2)[0].clip(-1.5, 1.5)) * np.sin(
        2 * np.pi * np.cumsum(10 / (620 + 160 * fractal((1, len(x)), 200, rng, 2)[0].clip(-1.5, 1.5)))
    )
    sideways = np.cumsum(np.sin(turn)) * 10
    sideways -= ndimage.gaussian_filter1d(sideways, 120)
    along = np.cumsum(np.cos(turn))
    along = x[0] + (along - along[0]) / (along[-1] - along[0]) * (x[-1] - x[0])
    centre = np.interp(along, x, y)
    slant = np.gradient(centre, 10.0)
    lean = np.hypot(1, slant)
    return axis, np.stack([along - sideways * slant / lean, centre + sideways / lean, height], 1)


def _nearest(line: NDArray, side: int, cell: float) -> tuple[NDArray, NDArray]:
    """For each cell of the canonical frame: distance (m) to the line, and the line's height there."""
    steps = np.linspace(0, len(line) - 1, len(line) * 4)
    dense = np.stack([np.interp(steps, np.arange(len(line)), column) for column in line.T], 1)
    column, row = (dense[:, 0] // cell).astype(int), (dense[:, 1] // cell).astype(int)
    inside = (column >= 0) & (column < side) & (row >= 0) & (row < side)
    marked = np.zeros((side, side), bool)
    height = np.zeros((side, side), np.float32)
    marked[row[inside], column[inside]] = True
    height[row[inside], column[inside]] = dense[inside, 2]
    away, where = ndimage.distance_transform_edt(~marked, return_indices=True)
    return (away * cell).astype(np.float32), height[tuple(where)]


def _turned(field: NDArray, seed: int) -> NDArray:
    """The field in the district's own frame: turned by quarters and perhaps mirrored, as the seed has it."""
    quarters, mirrored = named(seed, "turn").integers([4, 2])
    turned = np.rot90(field, int(quarters))
    return np.ascontiguousarray(turned[:, ::-1] if mirrored else turned)
