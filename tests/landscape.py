"""A simulated mining landscape: Sentinel-2-like scenes of fields, a pit, restored slopes, a pond, with clouds.

Plain NumPy values, the same for the same seed. It knows nothing of files or engines, and it is no model of nature:
the spectra are round numbers of a plausible size, good for demonstrations and tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from scipy import ndimage

NDArray = np.ndarray[Any, Any]

BANDS = ("B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12")
DATES = tuple(date(2021, month, day) for month, day in ((4, 14), (5, 9), (6, 18), (7, 23), (8, 12), (9, 21)))

# Reflectance x 10000 in the order of BANDS.
SPECTRA = {
    "soil": (900, 1150, 1450, 1700, 1850, 1950, 2100, 2250, 2900, 2500),
    "crop": (300, 550, 350, 900, 2700, 3400, 3600, 3800, 1700, 800),
    "forest": (250, 400, 280, 700, 1900, 2300, 2500, 2600, 1300, 600),
    "rock": (1300, 1500, 1650, 1750, 1800, 1850, 1900, 1950, 2300, 2200),
    "coal": (420, 430, 440, 460, 470, 480, 490, 500, 560, 540),
    "water": (650, 700, 520, 420, 320, 300, 260, 230, 110, 80),
}
CLOUD = np.array([6500, 6600, 6700, 6800, 6900, 6900, 7000, 7000, 4500, 3500], np.float32)

# Codes of Sentinel-2's scene classification.
SCL_SHADOW, SCL_VEGETATION, SCL_BARE, SCL_WATER, SCL_CLOUD = 3, 4, 5, 6, 9


@dataclass(frozen=True)
class Scene:
    """What a satellite sees on one day: `bands` (uint16, reflectance x 10000, and SCL) by name, and the cloudy part."""

    day: date
    bands: dict[str, NDArray]
    cloudy_percent: float


def scenes(size: int = 512, days: Iterable[date] = DATES, seed: int = 7) -> Iterable[Scene]:
    """One square scene of `size` pixels a side for each day, made when it is asked for."""
    cover = land_cover(size, np.random.default_rng(seed))
    for day in days:
        yield scene(cover, day, np.random.default_rng([seed, day.toordinal()]))


def scene(cover: dict[str, NDArray], day: date, rng: np.random.Generator) -> Scene:
    """The landscape on one day: greener in summer, with clouds, their shadows, and a little noise."""
    season = np.float32(np.exp(-(((day.timetuple().tm_yday - 205) / 55) ** 2)))
    crop = cover["field"] * (0.15 + 0.85 * season * cover["vigour"])
    shares = {**cover, "crop": crop, "soil": cover["field"] - crop}
    surface = sum(shares[name][..., None] * np.array(spectrum, np.float32) for name, spectrum in SPECTRA.items())
    surface = surface * (1 + 0.12 * cover["relief"][..., None])

    size = len(crop)
    opacity = np.clip((smooth(size, size / 14, rng) - rng.uniform(0.3, 1.1)) * 3, 0, 1)[..., None]
    shadow = np.roll(opacity, (size // 20, -size // 16), (0, 1)) * (1 - opacity)
    seen = surface * (1 - 0.65 * shadow) * (1 - opacity) + CLOUD * opacity
    seen = np.clip(np.rint(seen + rng.normal(0, 25, seen.shape)), 1, 10_000).astype(np.uint16)

    scl = classification(shares, opacity[..., 0], shadow[..., 0])
    named = {name: seen[..., i] for i, name in enumerate(BANDS)}
    return Scene(day, {**named, "SCL": scl}, round(float((scl == SCL_CLOUD).mean() * 100), 3))


def land_cover(size: int, rng: np.random.Generator) -> dict[str, NDArray]:
    """The share (0..1) of each cover in each pixel, the vigour of the crops, and the relief (about -1..1)."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    vigour, parcels = fields(size, rng)
    forest = (smooth(size, size / 25, rng) > 1).astype(np.float32)

    from_pit = np.hypot((x - 0.42) / 1.25, y - 0.45) + 0.012 * smooth(size, size / 20, rng)
    pit = from_pit < 0.2
    restored = (from_pit >= 0.2) & (from_pit < 0.27) & (x + 0.8 * y + 0.03 * smooth(size, size / 20, rng) > 0.78)
    waste = (from_pit >= 0.2) & (from_pit < 0.27) & ~restored
    seam = (np.sin(from_pit * 160) > 0.55) & (from_pit < 0.15)
    pond = np.hypot(x - 0.78, (y - 0.72) * 1.4) + 0.006 * smooth(size, size / 30, rng) < 0.075

    cover = {
        "water": pond,
        "coal": pit & seam,
        "rock": (pit & ~seam) | waste,
        "forest": (forest > 0) & ~pit & ~waste & ~restored | (restored & (parcels > 0.35)),
    }
    cover["forest"] &= ~pond
    shares = {name: where.astype(np.float32) for name, where in cover.items()}
    benches = np.where(pit | waste, np.sin(from_pit * 320), 0)
    relief = benches + 0.4 * smooth(size, max(size / 60, 1), rng)
    field = 1 - np.minimum(sum(shares.values()), 1)
    return {**shares, "field": field, "vigour": vigour, "relief": relief.astype(np.float32)}


def fields(size: int, rng: np.random.Generator, count: int = 160) -> tuple[NDArray, NDArray]:
    """Fields around random points: the vigour of each one's crop, and a second random number, both in 0..1."""
    points = rng.integers(0, size, (2, count))
    empty = np.ones((size, size), bool)
    empty[points[0], points[1]] = False
    nearest = ndimage.distance_transform_edt(empty, return_distances=False, return_indices=True)
    vigour, other = rng.uniform(0.1, 1, (2, size, size)).astype(np.float32)
    return vigour[tuple(nearest)], other[tuple(nearest)]


def smooth(size: int, width: float, rng: np.random.Generator) -> NDArray:
    """A random surface with mean 0 and deviation 1 that varies over `width` pixels."""
    surface = ndimage.gaussian_filter(rng.normal(size=(size, size)).astype(np.float32), width, mode="wrap")
    centred: NDArray = surface - surface.mean()
    return centred / max(float(centred.std()), 1e-9)


def classification(shares: dict[str, NDArray], opacity: NDArray, shadow: NDArray) -> NDArray:
    """Sentinel-2's scene classification codes, uint16 like the other bands."""
    scl = np.where(shares["crop"] + shares["forest"] > 0.4, SCL_VEGETATION, SCL_BARE)
    scl = np.where(shares["water"] > 0.5, SCL_WATER, scl)
    scl = np.where(shadow > 0.05, SCL_SHADOW, scl)
    return np.where(opacity > 0.02, SCL_CLOUD, scl).astype(np.uint16)
