"""Where the open pits of the district lie and how large they are; not what they look like.

A mine is a strip that moves over the land. From its first cut on there follow one another: restored fill, fresh fill,
the open pit, and ground that is still to be dug. Beside the strip, across a corridor for haul roads, lie its outer
dump, of which the oldest part is restored, and its coal yard.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from pipeline.simulate.district import PIXEL, NDArray, Place
from pipeline.simulate.land.frame import Frame, Window, around
from pipeline.simulate.land.terrain import Terrain
from pipeline.simulate.noise import distance, named, slope

START = 2021
FIRST, LAST = 2016, 2026
"""The years that a district can be shown in; sizes of mines are those of START."""

MINE_SHARE, RESTORED_SHARE = 0.125, 0.085
"""Shares of the district that mines (with dumps and yards) and restored land are laid out for."""
WALL = 0.5
"""Rise of a pit wall, benches and all, for each metre across (some 27°)."""
BENCH = 12.0
LIFT = 18.0
"""Heights of the steps of a pit wall and of a dump, in metres."""
TRIES = 4000
"""Places that are tried for a mine."""
POINTS = 20
"""Points along each side of a mine's ground that a place is judged by."""
LEAN = 0.2
"""How far a face may be ahead on one side, for each metre across."""
EDGE = 60.0
"""Width of the ground around a mine that nothing else is built on, in metres."""


@dataclass(frozen=True)
class Mine:
    """An open-pit mine; its frame starts at the middle of its first cut, with `u` along the advance. Metres.

    What is left to chance is drawn from `seed`. `width` is that of the strip, `pit`, `fresh` and `restored` the lengths
    along it of the open pit, of the fill that is still being tipped and of the fill already restored, all in START;
    `advance` is metres a year. `lean` is how far the face is ahead on one side, for each metre across.
    """

    number: int
    seed: int
    frame: Frame
    width: float
    pit: float
    fresh: float
    restored: float
    depth: float
    advance: float
    lean: float
    corridor: float
    dump_width: float
    dump_length: float

    @property
    def face(self) -> float:
        """`u` of the advancing face in START."""
        return self.restored + self.fresh + self.pit

    @property
    def reserve(self) -> float:
        """How far beyond the face of START digging may come."""
        return (LAST - START) * self.advance

    @property
    def dump_from(self) -> float:
        """`v` of the near edge of the outer dump and of the yard."""
        return self.width / 2 + self.corridor

    @property
    def yard(self) -> tuple[float, float, float, float]:
        """Least and largest `u`, least and largest `v` of the coal yard."""
        length, width = 0.38 * self.pit, 0.26 * self.width
        start = max(self.face - 0.62 * self.pit, self.dump_length + 0.15 * self.pit)
        return start, start + length, self.dump_from, self.dump_from + width

    def bounds(self) -> tuple[float, float, float, float]:
        """Least and largest `u`, least and largest `v` of all its ground, the reserve included."""
        far = max(self.face + self.reserve, self.yard[1])
        skew = abs(self.lean) * self.width / 2
        return -EDGE - skew, far + EDGE + skew, -self.width / 2 - EDGE, self.dump_from + self.dump_width + EDGE

    def window(self, pixels: int) -> Window:
        """The part of the district around it."""
        west, east, north, south = self.bounds()
        x, y = self.frame.ground(np.array([west, east, east, west]), np.array([north, north, south, south]))
        return around(x, y, pixels)


def lay_out(place: Place, seed: int, ground: Terrain, water: NDArray) -> tuple[Mine, ...]:
    """The mines of the district, the largest first, on the flattest ground that they find away from water."""
    rng = named(seed, "mines")
    area = (place.size_m / 1000) ** 2
    count = max(1, round(area**0.75 / 7))
    weights = np.sort(np.exp(rng.normal(0, 0.3, count)))[::-1]
    cost = _cost(ground, water)
    taken = np.zeros_like(water)
    mines: list[Mine] = []
    for number, weight in enumerate(weights / weights.sum()):
        mine = _sited(number, area * 1e6 * weight, cost, taken, seed)
        if mine is not None:
            mines.append(mine)
            taken |= footprint(mine, len(water))
    return tuple(mines)


def footprint(mine: Mine, pixels: int) -> NDArray:
    """The pixels of the district that the mine may ever use, with its edge."""
    window = mine.window(pixels)
    u, v = mine.frame.local(*window.centres(PIXEL))
    west, east, north, south = mine.bounds()
    inside = np.zeros((pixels, pixels), bool)
    inside[window.pixels] = (u > west) & (u < east) & (v > north) & (v < south)
    return inside


def _sized(number: int, frame: Frame, area: float, rng: np.random.Generator) -> Mine:
    """A mine for a district (or the part of one) of so many m²."""
    mined, restored = area * MINE_SHARE, area * RESTORED_SHARE
    pit_area = mined * rng.uniform(0.48, 0.54)
    width = np.sqrt(pit_area * rng.uniform(1.0, 1.5))
    pit = pit_area / width
    inner = rng.uniform(0.45, 0.6)
    dump = 0.26 * mined + (1 - inner) * restored
    dump_width = np.sqrt(dump * rng.uniform(0.6, 0.8))
    return Mine(
        number,
        int(rng.integers(2**31)),
        frame,
        width=width,
        pit=pit,
        fresh=0.16 * mined / width,
        restored=inner * restored / width,
        depth=float(np.clip(15 + 0.09 * np.sqrt(pit_area), 30, 140)),
        advance=pit * rng.uniform(0.11, 0.15),
        lean=rng.uniform(-LEAN, LEAN),
        corridor=float(np.clip(0.07 * width, 45, 100)),
        dump_width=dump_width,
        dump_length=dump / dump_width,
    )


def _cost(ground: Terrain, water: NDArray) -> NDArray:
    """How unfit each pixel is for mining: rough ground, the river plain; infinite on and beside water."""
    steep = ndimage.gaussian_filter(slope(ndimage.gaussian_filter(ground.elevation, 3)), 6)
    low = np.clip(1 - (ground.elevation - ground.level) / 35, 0, 1)
    cost = steep / 4 + 2 * low
    cost[(distance(water) < 2 * EDGE) | (ground.river < 3 * EDGE)] = np.inf
    return np.asarray(cost, np.float32)


def _sited(number: int, area: float, cost: NDArray, taken: NDArray, seed: int) -> Mine | None:
    """A mine at the best of many places; a smaller one where it fits nowhere, and none where that does not either."""
    near = distance(taken)
    for shrink in 0.92 ** np.arange(30):
        sized = _sized(number, Frame(0, 0, 0), area * shrink, named(seed, "mine", number))
        west, east, north, south = sized.bounds()
        # A corner of another mine may lie between the points that a place is judged by: keep their spacing away.
        gap = 0.75 * max(east - west, south - north) / (POINTS - 1)
        found = _best_frame(sized, np.where(near < gap, np.float32(np.inf), cost), named(seed, "site of mine", number))
        if found is not None:
            return replace(sized, frame=found)
    return None


def _best_frame(mine: Mine, cost: NDArray, rng: np.random.Generator) -> Frame | None:
    """The frame, of many drawn, whose ground costs least; none if every one meets what is forbidden."""
    side = len(cost) * PIXEL
    west, east, north, south = mine.bounds()
    u, v = (g.ravel() for g in np.meshgrid(np.linspace(west, east, POINTS), np.linspace(north, south, POINTS)))
    # Middles of the mine's ground are drawn, so that all places are tried equally often.
    angle, (x, y) = rng.uniform(0, 2 * np.pi, TRIES), rng.uniform(0, side, (2, TRIES))
    flip = 1 - 2 * rng.integers(2, size=TRIES)
    cos, sin = np.abs(np.cos(angle)), np.abs(np.sin(angle))
    wide, high = ((east - west) * a + (south - north) * b for a, b in ((cos, sin), (sin, cos)))
    fits = (np.minimum(x, side - x) > wide / 2) & (np.minimum(y, side - y) > high / 2)
    best, least = None, np.inf
    for k in np.flatnonzero(fits):
        turned = Frame(0, 0, float(angle[k]), int(flip[k]))
        middle = turned.ground(np.array((west + east) / 2), np.array((north + south) / 2))
        frame = replace(turned, x=float(x[k] - middle[0]), y=float(y[k] - middle[1]))
        px, py = frame.ground(u, v)
        spent = float(cost[(py / PIXEL).astype(int), (px / PIXEL).astype(int)].mean())
        if spent < least:
            best, least = frame, spent
    return best
