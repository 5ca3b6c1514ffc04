"""The shape of one mine in one year: what has been dug, filled, tipped and restored, and how high the ground is now.

Walls go down in benches to a coal seam that dips gently; fill and dumps rise in lifts. Everything follows from the
mine's measures and the year, so that a later year shows the same mine further on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pipeline.simulate.district import FINE, NDArray
from pipeline.simulate.land.frame import MIDDLE, Window, inward, waver
from pipeline.simulate.land.mines import BENCH, LIFT, START, WALL, Mine
from pipeline.simulate.noise import finer, grains, named, stairs

NONE, WALLS, FLOOR, SEAM, FRESH, DUMP, GREEN, YARD, OFFICE, HAUL, SUMP, SLURRY, BEACH = range(13)
"""What a square of a mine is used for: the mine, but for GREEN (restored), SUMP and SLURRY (water), OFFICE (built-up).

SLURRY is what the coal washing plant sends to its pond, BEACH the mud that has settled there.
"""

SEAM_HEIGHT = 10.0
FILL, TIP, RESHAPED = 0.38, 0.36, 0.27
"""Rise for each metre across, steps and all, of the fill's front, of a dump and of a dump reshaped for planting."""
RISER = 0.45
"""The sloping share of each step of a dump."""
COARSE = (slice(1, None, round(MIDDLE / FINE)),) * 2
"""Every second square: outlines are worked out on these and painted on all."""
SECTORS = 10
"""Parts that an outer dump is restored in, one after another."""


@dataclass(frozen=True, eq=False)
class Site:
    """What one mine finds and keeps over the years, on the painting grid of its window; float32 metres.

    `u` and `v` are its frame's, a little warped, so that nothing runs quite straight. `before` is the ground, `broad`
    the same without gullies, `seam` the foot of the coal seam. `patch`, `blotch` and `grain` are noises that vary over
    some 120 m, 20 m and one square (0…1).
    """

    mine: Mine
    window: Window
    u: NDArray
    v: NDArray
    before: NDArray
    broad: NDArray
    seam: NDArray
    patch: NDArray
    blotch: NDArray
    grain: NDArray


@dataclass(frozen=True, eq=False)
class Works:
    """One mine in one year, on the painting grid of its window.

    `zone` is what each square is used for (above), `elevation` the ground (m), `face` where it is the riser of a step,
    `berm` the outer rim of a step's flat part, and `age` the years since restoration (0 elsewhere).
    """

    zone: NDArray
    elevation: NDArray
    face: NDArray
    berm: NDArray
    age: NDArray


def site(mine: Mine, elevation: NDArray, seed: int) -> Site:
    """The mine's surroundings from the district's ground before mining (pixel grid)."""
    rng = named(seed, "site", mine.number)
    window = mine.window(len(elevation))
    u, v = mine.frame.local(*window.centres(FINE))
    size = np.sqrt(mine.width * mine.pit)
    u += waver(window, 0.6 * size, rng, 2.5) * (0.03 * size) + waver(window, 150, rng, 2.0) * 1.5
    v += waver(window, 0.6 * size, rng, 2.5) * (0.03 * size) + waver(window, 150, rng, 2.0) * 1.5
    here = elevation[window.pixels]
    before, broad = finer(here), finer(ndimage.gaussian_filter(here, 6))
    strip = (np.abs(v) < mine.width / 2) & (u > 0) & (u < mine.face)
    lowest = float(np.percentile(broad[strip], 30)) - mine.depth
    seam = (lowest - 0.008 * (u - mine.face / 2) + 0.006 * v).astype(np.float32)
    patch, blotch = waver(window, 120, rng, 2.0), waver(window, 20, rng, 1.2)
    return Site(mine, window, u, v, before, broad, seam, patch, blotch, grains(u.shape, rng))


def works(place: Site, year: int) -> Works:
    """The mine in the summer of the year."""
    mine, u, v = place.mine, place.u, place.v
    now = mine.face + (year - START) * mine.advance
    inside = finer(inward(_dug(place, now)), round(MIDDLE / FINE))
    crest = now - mine.pit
    wall, wall_face, wall_berm = _walls(place, inside)
    fill, fill_face, fill_berm = _fill(place, inside, crest)
    dug, filled = inside > 0, fill > wall
    elevation = np.where(filled, fill, np.minimum(wall, place.before))
    zone = np.where(filled, FRESH, np.where(wall > place.seam + 0.5, WALLS, FLOOR)).astype(np.uint8)
    zone[(zone == FLOOR) & (u > now - 0.45 * mine.pit + 8 * place.patch) & (place.blotch > -2.2)] = SEAM
    elevation = np.where(zone == SEAM, np.maximum(elevation, place.seam + SEAM_HEIGHT), elevation)
    green = crest - mine.fresh + _panels(place, v, 0.2, 0.05, "green") - u
    zone[filled & (green > 0)] = GREEN
    age = np.where(zone == GREEN, green / mine.advance, 0)
    face, berm = np.where(filled, fill_face, wall_face), np.where(filled, fill_berm, wall_berm)
    shape = Works(np.where(dug, zone, NONE), np.where(dug, elevation, place.before), face & dug, berm & dug, age * dug)
    return _with_dump(place, shape, year)


def _panels(place: Site, along: NDArray, length: float, depth: float, name: str) -> NDArray:
    """Steps of an outline that is dug panel by panel: length and greatest depth as shares of the strip's width."""
    mine = place.mine
    table = named(mine.seed, name).uniform(-1, 1, 64).astype(np.float32) * depth * mine.width
    return np.asarray(table[np.floor(along / (length * mine.width)).astype(int) % 64])


def _dug(place: Site, face: float) -> NDArray:
    """All that has ever been dug, on COARSE squares, with panel by panel edges."""
    mine, u, v = place.mine, place.u[COARSE], place.v[COARSE]
    half = mine.width / 2 - np.abs(_panels(place, u, 0.22, 0.05, "side"))
    reach = face + _panels(place, v, 0.17, 0.045, "face") + mine.lean * v
    corner = 0.14 * mine.width
    return _rounded(u - mine.lean * v, reach - mine.lean * v, np.abs(v), half, corner)


def _rounded(u: NDArray, end: NDArray, out: NDArray, half: NDArray, corner: float) -> NDArray:
    """Whether a place is inside a strip from 0 to `end` and `half` wide either side, with corners of this radius."""
    beyond = np.maximum(np.maximum(corner - u, u - (end - corner)), 0)
    beside = np.maximum(out - (half - corner), 0)
    return np.asarray(beyond**2 + beside**2 < corner**2)


def _walls(place: Site, inside: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Height of walls and floor as if nothing had been filled in, its risers and its rims."""
    height = place.broad - (inside + 2 * place.patch) * WALL - place.seam
    stepped, part = stairs(height, BENCH, 0.3)
    wall = height > 0
    return place.seam + np.maximum(stepped, 0), wall & (part > 0.7), wall & (part < 0.22)


def _fill(place: Site, inside: NDArray, crest: float) -> tuple[NDArray, NDArray, NDArray]:
    """Height of the fill behind the pit, its risers and its rims; far below where there is none."""
    depth, low = place.mine.depth, LIFT / 3
    height = (crest - place.u + 3 * place.patch) * FILL + depth
    stepped, part = stairs(height, LIFT, RISER)
    highest = low * (np.round(0.22 * depth / low) + 0.1)
    crown, crown_part = stairs(np.minimum((inside + 2 * place.patch).clip(0) * 0.16, highest), low, RISER)
    cap = place.broad + crown - place.seam
    part = np.where(stepped > cap, crown_part, part)
    filled = np.where(height > 0, np.minimum(stepped, cap), -1e4)
    return place.seam + filled, part > 1 - RISER, _rim(part)


def _rim(part: NDArray) -> NDArray:
    """The inner edge of each step's flat part, where a road runs at the foot of the next riser."""
    return (part > 1 - RISER - 0.16) & (part <= 1 - RISER)


def _with_dump(place: Site, shape: Works, year: int) -> Works:
    """The works with the outer dump beside the strip."""
    inside = finer(inward(_dump_ground(place, year)), round(MIDDLE / FINE))
    age = _dump_age(place, year)
    green = age >= 0
    base, top = _dump_levels(place, year, green)
    height = place.broad + (inside + 2 * place.patch) * np.where(green, RESHAPED, TIP) - base
    stepped, part = stairs(height, np.where(green, LIFT / 2, LIFT).astype(np.float32), RISER)
    stepped = base + np.minimum(stepped, top + 0.8 * place.patch)
    tipped = (inside > 0) & (shape.zone == NONE) & (stepped > place.before + 0.5)
    slope = height < top
    return Works(
        np.where(tipped, np.where(green, GREEN, DUMP), shape.zone).astype(np.uint8),
        np.where(tipped, stepped, shape.elevation).astype(np.float32),
        np.where(tipped, slope & (part > 1 - RISER), shape.face),
        np.where(tipped, slope & _rim(part), shape.berm),
        np.where(tipped, np.maximum(age, 0), shape.age).astype(np.float32),
    )


def _dump_ground(place: Site, year: int) -> NDArray:
    """The ground of the outer dump on COARSE squares, which grows at its far end."""
    mine, u, v = place.mine, place.u[COARSE], place.v[COARSE]
    grown = 0.03 * mine.dump_length * (year - START)
    end = mine.dump_length + grown + _panels(place, v, 0.3, 0.05, "dump end")
    half = mine.dump_width / 2 - np.abs(_panels(place, u, 0.3, 0.06, "dump"))
    return _rounded(u, end, np.abs(v - mine.dump_from - mine.dump_width / 2), half, 0.3 * mine.dump_width)


def _dump_levels(place: Site, year: int, green: NDArray) -> tuple[float, NDArray]:
    """The level that lifts are counted from, and how far above it the top is."""
    mine = place.mine
    under = (place.u > 0) & (place.u < mine.dump_length) & (place.v > mine.dump_from)
    under &= place.v < mine.dump_from + mine.dump_width
    low, high = np.percentile(place.broad[under][::16], [5, 75])
    height = float(np.clip(0.055 * np.sqrt(mine.dump_width * mine.dump_length), 18, 75))
    risen = 0.06 * height * (year - START)
    return float(low), np.where(green, high - low + height - 4, high - low + height + risen)


def _dump_age(place: Site, year: int) -> NDArray:
    """Years since each sector of the outer dump was restored, negative where it is still in use."""
    mine = place.mine
    length = mine.dump_length / SECTORS
    sector = np.floor((place.u + _panels(place, place.v, 0.25, 0.04, "sector")) / length)
    last = np.floor(SECTORS * min(0.7, _restored_part(mine)))
    # Every other year one more sector is reshaped and sown, at some mines in even years and at others in odd ones.
    late = START + 1 + mine.number % 2
    return np.asarray(year - (late + 2 * (sector - last)), np.float32)


def _restored_part(mine: Mine) -> float:
    outer = mine.dump_width * mine.dump_length
    return max(0.2, 1 - 0.26 / 0.51 * mine.width * mine.pit / outer)
