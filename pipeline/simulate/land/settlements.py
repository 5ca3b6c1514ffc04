"""Where people live and work: towns, villages and an industrial plant, laid out in blocks along streets."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from pipeline.simulate.district import NDArray, Place
from pipeline.simulate.land.frame import Frame, Window, around
from pipeline.simulate.land.mines import LAST, START
from pipeline.simulate.land.terrain import Terrain
from pipeline.simulate.noise import distance, fractal, named, slope

SITE = 40.0
"""Side of the squares that places for towns and ways for roads are sought on, in metres."""
EVERY = round(SITE / 10)
TOWN_SHARE, PLANT_SHARE = 0.034, 0.004
"""Shares of the district that towns and the industrial plant are laid out for."""
LONG = 1.25
"""How much longer a town is along its main road than across."""


@dataclass(frozen=True)
class Settlement:
    """A town, a village or a plant: middle, half width, metres that one side grows each year, size of its blocks."""

    kind: str
    seed: int
    frame: Frame
    radius: float
    growth: float
    block: tuple[float, float]

    def window(self, pixels: int) -> Window:
        """The part of the district around it, with the room that it may grow into."""
        reach = 1.45 * self.radius + self.growth * (LAST - START) + max(self.block)
        x, y = np.array([-reach, reach]) * LONG + self.frame.x, np.array([-reach, reach]) * LONG + self.frame.y
        return around(x, y, pixels)

    def joined(self, u: NDArray, v: NDArray) -> NDArray:
        """The year, as a real number, in which a place became part of it; far from START where nothing grows."""
        if self.kind == "plant":
            out = np.maximum(np.abs(u) / LONG, np.abs(v)) - self.radius
        else:
            angle, bumps = np.arctan2(v, u), named(self.seed, "bumps").uniform(0, 2 * np.pi, 3)
            bumpy = sum(0.09 * np.sin(k * angle + bump) for k, bump in zip((2, 3, 5), bumps, strict=True))
            out = np.hypot(u / LONG, v) - self.radius * (1 + bumpy)
        outwards = np.clip(np.cos(np.arctan2(v, u)), 0, 1) * self.growth
        return np.asarray(START + out / np.maximum(outwards, 1e-3), np.float32)


def settle(place: Place, seed: int, ground: Terrain, forbidden: NDArray) -> tuple[Settlement, ...]:
    """The settlements of the district, the main town first; `forbidden` (pixels) is water and mining ground."""
    rng = named(seed, "settlements")
    cost, shut, plain = _fitness(ground, forbidden, rng)
    settled: list[Settlement] = []
    for number, (kind, radius) in enumerate(_wanted((place.size_m / 1000) ** 2, rng)):
        away = distance(shut, SITE)
        fits = away > 1.15 * radius * LONG
        # A small district may have no room that large: then the widest there is.
        fits = fits if fits.any() else away >= away.max()
        liking = cost + (0.6 * plain if kind in ("town", "plant") and number < 2 else 0)
        liking = ndimage.uniform_filter(liking, max(1, round(radius / SITE)))
        row, column = np.unravel_index(np.argmin(np.where(fits, liking, np.inf)), liking.shape)
        radius = min(radius, max(float(away[row, column]) / LONG * 0.9, 40.0))
        frame = Frame((column + 0.5) * SITE, (row + 0.5) * SITE, float(rng.uniform(0, np.pi)))
        settled.append(_settlement(kind, frame, radius, rng))
        y, x = np.ogrid[: len(shut), : shut.shape[1]]
        gap = radius * LONG * (1.25 if kind != "village" else 3) + 2 * SITE
        shut |= np.hypot(x - column, y - row) * SITE < gap
    return tuple(settled)


def turned(settlement: Settlement, angle: float) -> Settlement:
    """The settlement with its streets along a road of this direction."""
    return replace(settlement, frame=replace(settlement.frame, angle=angle))


def _settlement(kind: str, frame: Frame, radius: float, rng: np.random.Generator) -> Settlement:
    seed = int(rng.integers(2**31))
    if kind == "plant":
        return Settlement(kind, seed, frame, radius, 0.0, (radius * 0.62, radius * 0.5))
    if kind == "village":
        return Settlement(kind, seed, frame, radius, 0.0, (66.0, 44.0))
    long = float(np.clip(radius / 2.4, 62, 125))
    return Settlement(kind, seed, frame, radius, radius * rng.uniform(0.05, 0.09), (long, 0.68 * long))


def _wanted(area: float, rng: np.random.Generator) -> list[tuple[str, float]]:
    """Kind and half width (m) of each settlement of a district of so many km²."""
    town, others = TOWN_SHARE * area * 1e6, round(area / 45)
    main = town * (0.6 if others else 1.0)
    sizes = [("town", main), ("plant", PLANT_SHARE * area * 1e6 * 1.25)]
    sizes += [("town", (town - main) / others * rng.uniform(0.7, 1.3)) for _ in range(others)]
    sizes = [(kind, float(np.sqrt(size / (4 if kind == "plant" else np.pi) / LONG))) for kind, size in sizes]
    return sizes + [("village", float(rng.uniform(65, 145))) for _ in range(round(area / 9))]


def _fitness(ground: Terrain, forbidden: NDArray, rng: np.random.Generator) -> tuple[NDArray, NDArray, NDArray]:
    """On the siting grid: how unfit the ground is, where nothing may stand, and how far the plain is (0…1)."""
    every = (slice(EVERY // 2, None, EVERY),) * 2
    steep = ndimage.gaussian_filter(slope(ndimage.gaussian_filter(ground.elevation, 2)), 5)[every]
    shut = ndimage.maximum_filter(forbidden | (ground.river < 70), EVERY)[every]
    shut[[0, -1]] = shut[:, [0, -1]] = True
    whim = fractal(shut.shape, 1500 / SITE, rng)
    plain = np.clip(np.abs(ground.valley[every] - 500) / 1500, 0, 1)
    return steep / 6 + 0.25 * whim, shut, plain
