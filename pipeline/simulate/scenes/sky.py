"""The sky over the district: where the sun stands, clouds and the shadows that they cast, thin cirrus, haze."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from scipy import ndimage, special

from pipeline.simulate.district import PIXEL, NDArray, Place
from pipeline.simulate.noise import finer, fractal

CELL = 2 * PIXEL
"""Clouds are worked out on squares of this side, in metres: their edges are soft."""


@dataclass(frozen=True)
class Sun:
    """Where the sun stands: degrees from the zenith, and clockwise from north."""

    zenith: float
    azimuth: float


@dataclass(frozen=True, eq=False)
class Sky:
    """What lies between the sun, the ground and the satellite on one date; fields on the pixel grid, float32, 0…1.

    `cloud` is the part of the view that clouds hide, `white` their brightness relative to a bright one, `cirrus` the
    part that thin ice clouds hide, `sunlight` what reaches the ground through the clouds. `haze` is brightness that is
    left in blue light after correction; `mixing` the part of the light that comes from neighbouring ground.
    """

    sun: Sun
    cloud: NDArray
    white: NDArray
    cirrus: NDArray
    sunlight: NDArray
    haze: float
    mixing: float


def sun_at(moment: datetime, longitude: float, latitude: float) -> Sun:
    """Where the sun stands (low-precision formulas of the Astronomical Almanac, good to 0.1°)."""
    days = moment.timestamp() / 86_400 - 10_957.5  # since noon of 1 January 2000, UTC
    anomaly = np.radians(357.528 + 0.9856003 * days)
    ecliptic = np.radians(280.460 + 0.9856474 * days + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    tilt = np.radians(23.439 - 4e-7 * days)
    declination = np.arcsin(np.sin(tilt) * np.sin(ecliptic))
    ascension = np.arctan2(np.cos(tilt) * np.sin(ecliptic), np.cos(ecliptic))
    sidereal = np.radians(280.4606 + 360.9856474 * days + longitude)
    hour, north = sidereal - ascension, np.radians(latitude)
    height = np.sin(north) * np.sin(declination) + np.cos(north) * np.cos(declination) * np.cos(hour)
    azimuth = np.arctan2(-np.sin(hour), np.tan(declination) * np.cos(north) - np.sin(north) * np.cos(hour))
    return Sun(float(np.degrees(np.arccos(height))), float(np.degrees(azimuth) % 360))


def sky(place: Place, sun: Sun, cover: float, month: int, rng: np.random.Generator) -> Sky:
    """A sky of which clouds cover about `cover`: heaps of fair weather in summer mostly, else layers."""
    heaps = bool(rng.random() < (0.7 if 5 <= month <= 9 else 0.2)) and cover < 0.8
    height = float(rng.uniform(1200, 2600) if heaps else rng.uniform(1800, 3200))
    shape, slant = place.shape(CELL), np.radians(sun.azimuth)
    throw = height * np.tan(np.radians(min(sun.zenith, 70))) / CELL
    down, right = throw * np.cos(slant), -throw * np.sin(slant)
    margin = int(max(abs(down), abs(right))) + 8
    thick = thickness((shape[0] + 2 * margin, shape[1] + 2 * margin), cover, heaps, rng)
    inner = (slice(margin, -margin), slice(margin, -margin))
    shadow = np.roll(ndimage.gaussian_filter(1 - np.exp(-0.9 * thick), 0.8), (round(down), round(right)), (0, 1))
    return Sky(
        sun,
        cloud=finer(1 - np.exp(-thick[inner]), 2),
        white=finer(_sunny_side(thick, sun)[inner], 2),
        cirrus=finer(_cirrus(shape, rng) if rng.random() < 0.3 else np.zeros(shape, np.float32), 2),
        sunlight=finer(1 - 0.93 * shadow[inner], 2),
        haze=float(rng.gamma(2.0, 0.0035)),
        mixing=float(rng.uniform(0.03, 0.09)),
    )


def clear_sky(place: Place, sun: Sun) -> Sky:
    """A sky without clouds, haze or anything else."""
    none = np.zeros(place.shape(), np.float32)
    return Sky(sun, none, none, none, none + 1, 0.0, 0.0)


def thickness(shape: tuple[int, int], cover: float, heaps: bool, rng: np.random.Generator) -> NDArray:
    """Optical thickness of clouds on squares of CELL metres, 0 where there are none."""
    longest = rng.uniform(1500, 4000) if heaps else rng.uniform(5000, 14_000)
    field = fractal(shape, longest / CELL, rng, 1.45 if heaps else 1.85)
    above = field - special.ndtri(1 - np.clip(cover, 1e-4, 1 - 1e-4))
    edge = (3.2 if heaps else 1.3) * np.maximum(above, 0)
    return np.asarray(edge * (0.4 + edge), np.float32)


def _sunny_side(thick: NDArray, sun: Sun) -> NDArray:
    """Brightness of the cloud tops: thicker is brighter, the side away from the sun greyer."""
    top = ndimage.gaussian_filter(np.log1p(thick), 2)
    south, east = np.gradient(top)
    slant = np.radians(sun.azimuth)
    relief = east * np.sin(slant) - south * np.cos(slant)
    return np.asarray(np.clip(0.62 + 0.14 * top - 1.2 * relief * np.tan(np.radians(min(sun.zenith, 65))), 0.35, 1.05))


def _cirrus(shape: tuple[int, int], rng: np.random.Generator) -> NDArray:
    """The part of the view that streaks of ice cloud hide."""
    streaks = fractal((shape[0], shape[1] // 3 + 1), 250, rng, 1.7)
    field = ndimage.zoom(streaks, (1, 3), order=1)[: shape[0], : shape[1]]
    return np.asarray(np.clip(0.10 * (field + rng.uniform(-1, 1)), 0, rng.uniform(0.08, 0.3)), np.float32)
