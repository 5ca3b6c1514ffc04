"""What all scenes of one year see: shares of materials in each pixel, how they vary from place to place, slopes.

Worked out once a year; a scene adds the day: leaves, wetness, snow, sun. Everything on the pixel grid, float32.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from pipeline.simulate.district import FINE, MATERIALS, PIXEL, Land, NDArray
from pipeline.simulate.noise import fractal, named
from pipeline.simulate.scenes.spectra import BANDS, MATTER, PLANTS, TILT, WET, spectrum

BLOCK = round(PIXEL / FINE)


@dataclass(frozen=True, eq=False)
class Ground:
    """A land as its scenes need it.

    `shares` (material, row, column) add up to 1. `dry` and `darker` (band, row, column) are what bare ground and
    buildings reflect in their shares when dry, and how much of that is lost when soaked; `below` and `below_darker` the
    same of the ground under plants, for a share of 1. `east` and `north` are the rise of the ground in those directions
    (m/m). `exposure` is how fast snow melts compared with flat open ground in full sun, `rough` a random surface of
    deviation 1 that makes snow and wetness patchy.
    """

    land: Land
    shares: NDArray
    dry: NDArray
    darker: NDArray
    below: NDArray
    below_darker: NDArray
    east: NDArray
    north: NDArray
    exposure: NDArray
    rough: NDArray

    def share(self, *materials: str) -> NDArray:
        """The share of these materials together."""
        return np.asarray(sum(self.shares[MATERIALS.index(m)] for m in materials))


def ground(land: Land, seed: int) -> Ground:
    """The ground of a land. Random fields are the same in every year: what does not change looks the same."""
    shares = shares_of(land.material)
    shape = shares.shape[1:]
    dry, darker = (np.zeros((len(BANDS), *shape), np.float32) for _ in range(2))
    below, below_darker = (np.zeros((len(BANDS), *shape), np.float32) for _ in range(2))
    dump = sum(shares[MATERIALS.index(name)] * plant.on_dump for name, plant in PLANTS.items())
    planted = sum(shares[MATERIALS.index(name)] for name in PLANTS)
    on_dump = dump / np.maximum(planted, 1e-6)
    for name in MATTER:
        share = shares[MATERIALS.index(name)]
        under = {"soil": 1 - on_dump, "overburden": on_dump}.get(name)
        if under is None and not share.any():
            continue
        bright, tilt = texture(name, shape, seed)
        for band, colour in enumerate(spectrum(name)):
            local = colour * np.maximum(bright + TILT[band] * tilt, 0.25)
            lost = MATTER[name].porous * (1 - WET[band])
            dry[band] += share * local
            darker[band] += share * local * lost
            if under is not None:
                below[band] += under * local
                below_darker[band] += under * local * lost
    east, north = slopes(land.elevation)
    rough = fractal(shape, 40, named(seed, "patches"), 1.0)
    return Ground(land, shares, dry, darker, below, below_darker, east, north, exposure(shares, east, north), rough)


@njit(cache=True, nogil=True)
def _counts(material: NDArray, block: int, kinds: int) -> NDArray:
    rows, columns = material.shape[0] // block, material.shape[1] // block
    found = np.zeros((kinds, rows, columns), np.float32)
    part = np.float32(1 / (block * block))
    for row in range(rows * block):
        for column in range(columns * block):
            found[material[row, column], row // block, column // block] += part
    return found


def shares_of(material: NDArray, block: int = BLOCK) -> NDArray:
    """The share of each material in squares of `block` × `block` cells: (material, row, column), float32."""
    counted: NDArray = _counts(material, block, len(MATERIALS))
    return counted


def texture(name: str, shape: tuple[int, int], seed: int) -> tuple[NDArray, NDArray]:
    """Brightness (around 1) and redness (around 0) of a material from place to place."""
    matter = MATTER[name]
    rng = named(seed, "texture", name)
    broad, fine = np.sqrt(1 - matter.grain), np.sqrt(matter.grain)
    made = []
    for amount in (matter.bright, matter.tilt):
        field = broad * fractal(shape, 60, rng, 1.4) + fine * rng.standard_normal(shape, np.float32)
        made.append((amount * np.clip(field, -2.5, 2.5)).astype(np.float32))
    return 1 + made[0], made[1]


def slopes(elevation: NDArray) -> tuple[NDArray, NDArray]:
    """Rise towards east and towards north, in metres a metre."""
    south, east = np.gradient(elevation.astype(np.float32), PIXEL)
    return np.asarray(east), np.asarray(-south)


def exposure(shares: NDArray, east: NDArray, north: NDArray) -> NDArray:
    """How fast snow melts: faster on slopes to the south, on dark and trodden ground, in towns; slower under trees."""
    sun = np.radians(60.0)
    facing = (np.cos(sun) + north * np.sin(sun)) / np.sqrt(1 + east**2 + north**2) / np.cos(sun)
    rate = np.clip(0.35 + 0.65 * facing, 0.25, 2.5)
    for names, more in (
        (("coal", "dust", "asphalt", "track"), 4.0),
        (("concrete", "roof_bright", "roof_red"), 1.5),
        (("overburden", "shale", "sandstone"), 0.6),
    ):
        rate *= 1 + more * sum(shares[MATERIALS.index(m)] for m in names)
    rate *= 1 - 0.35 * shares[MATERIALS.index("conifer")]
    return np.asarray(rate, np.float32)
