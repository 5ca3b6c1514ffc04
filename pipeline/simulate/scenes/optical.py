"""A Sentinel-2 scene of the district: what the ground reflects that day, under that sun and sky, through the sensor.

`surface` is nature, `seen` the light that reaches the satellite as the product gives it, `recorded` the stored numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from scipy import ndimage

from pipeline.simulate.district import MATERIALS, PIXEL, NDArray
from pipeline.simulate.noise import coarser, finer, smooth_step
from pipeline.simulate.scenes.ground import Ground
from pipeline.simulate.scenes.sky import Sky, Sun
from pipeline.simulate.scenes.spectra import BANDS, PLANTS, TEN_METRES, TWENTY_METRES, foliage, spectrum
from pipeline.simulate.scenes.weather import EXPOSURES, Day

SKYLIGHT = np.array([0.24, 0.18, 0.13, 0.11, 0.10, 0.09, 0.08, 0.075, 0.035, 0.025], np.float32)
"""Part of the light on flat ground that comes from the blue sky, with the sun at the zenith."""
CLOUD = np.array([0.88, 0.87, 0.88, 0.89, 0.90, 0.90, 0.90, 0.90, 0.56, 0.44], np.float32)
CIRRUS = np.array([0.52, 0.50, 0.49, 0.49, 0.48, 0.48, 0.47, 0.47, 0.30, 0.24], np.float32)
"""What a bright water cloud, and ice cloud, reflect."""
HAZE = np.array([1.0, 0.62, 0.36, 0.28, 0.24, 0.20, 0.16, 0.15, 0.03, 0.01], np.float32)
"""How haze falls off from blue to infrared."""
SOFT = 0.13
"""Part of a pixel's light that comes from each neighbour: with the pixel's own square this gives the transfer of some
0.3 at the finest pattern that the instrument's specification allows."""
READOUT, PHOTONS = 8e-4, 8e-6
"""Deviation of the noise in the dark, and variance for each unit of reflectance: a ratio of some 100 to 170 at the
reference radiances."""


@dataclass(frozen=True, eq=False)
class Scene:
    """Stored numbers by band, uint16 reflectance × 10000, at 10 m and at 20 m as Sentinel-2 has them."""

    bands: dict[str, NDArray]


def surface(ground: Ground, day: Day) -> NDArray:
    """What the ground reflects on a day, flat and in even light: (band, row, column), float32, 0…1."""
    wet = wetness(ground, day)
    made = ground.dry - ground.darker * wet
    bare = np.zeros(wet.shape, np.float32)
    for name, plant in PLANTS.items():
        share = ground.shares[MATERIALS.index(name)]
        green, dry = foliage(plant, day.of_year, ground.land.vigour, day.growth)
        green, dry = green * share, dry * share
        bare += share - green - dry
        for band, (leaf, litter) in enumerate(zip(spectrum(plant.leaf), spectrum(plant.litter), strict=True)):
            made[band] += leaf * green
            made[band] += litter * dry
    made += (ground.below - ground.below_darker * wet) * bare
    _freeze(made, ground, day)
    return np.asarray(made)


def wetness(ground: Ground, day: Day) -> NDArray:
    """How wet the ground is on a day, 0 to 1: as the weather has it, more where water gathers, and patchy."""
    tends = 0.55 + 0.9 * ground.land.moisture + 0.08 * ground.rough
    damp = 0.25 * np.maximum(ground.land.moisture - 0.6, 0)
    return np.asarray(np.clip(day.wet * tends + damp, 0, 1), np.float32)


def snow_cover(ground: Ground, day: Day) -> NDArray:
    """The part of the ground that snow hides, 0 to 1."""
    if not day.snow.any():
        return np.zeros(ground.exposure.shape, np.float32)
    deep = np.interp(ground.exposure, EXPOSURES, day.snow) * (1 + 0.35 * ground.rough)
    water = ground.share("water", "pond")
    return np.asarray(smooth_step(deep, 0.2, 3.2) * (1 - water * (1 - day.ice)), np.float32)


def _freeze(made: NDArray, ground: Ground, day: Day) -> None:
    """Put ice on the water and snow on everything; tree crowns hide most of it."""
    frozen = ground.share("water", "pond") * day.ice
    covered = snow_cover(ground, day)
    covered *= 1 - 0.65 * ground.share("conifer") - 0.3 * ground.share("broadleaf", "shrub", "sapling")
    soiled = 1 - 0.45 * ground.share("dust", "coal", "asphalt", "track") - 0.02 * np.abs(ground.rough)
    for band, (ice, snow) in enumerate(zip(spectrum("ice"), spectrum("snow"), strict=True)):
        if day.ice:
            made[band] += frozen * (ice - made[band])
        if day.snow.any():
            made[band] += covered * (snow * soiled - made[band])


def light(ground: Ground, sky: Sky) -> tuple[NDArray, NDArray]:
    """Direct sunlight and skylight on each pixel, compared with flat open ground; slopes and shadows in them."""
    zenith, azimuth = np.radians(sky.sun.zenith), np.radians(sky.sun.azimuth)
    upright = 1 / np.sqrt(1 + ground.east**2 + ground.north**2)
    towards = ground.east * np.sin(azimuth) + ground.north * np.cos(azimuth)
    facing = np.maximum((np.cos(zenith) - towards * np.sin(zenith)) * upright, 0) / np.cos(zenith)
    direct = facing * sunlit(ground.land.elevation, sky.sun) * sky.sunlight
    return direct.astype(np.float32), ((1 + upright) / 2 * (0.75 + 0.25 * sky.sunlight)).astype(np.float32)


def sunlit(elevation: NDArray, sun: Sun) -> NDArray:
    """How much of the sun each pixel sees over the terrain, 0 to 1."""
    slant = np.radians(sun.azimuth)
    rise = float(PIXEL / np.tan(np.radians(max(sun.zenith, 0.1))))
    highest = float(elevation.max())
    seen: NDArray = _march(elevation.astype(np.float32), float(-np.cos(slant)), float(np.sin(slant)), rise, highest)
    return seen


@njit(cache=True, nogil=True)
def _march(elevation: NDArray, down: float, right: float, rise: float, highest: float) -> NDArray:
    rows, columns = elevation.shape
    seen = np.ones((rows, columns), np.float32)
    for row in range(rows):
        for column in range(columns):
            ground, step = elevation[row, column], 0
            while seen[row, column] > 0:
                step += 1
                ray = ground + step * rise
                y, x = row + down * step, column + right * step
                if ray > highest or y < 0 or x < 0 or y > rows - 1 or x > columns - 1:
                    break
                i, j = int(y), int(x)
                k, m = min(i + 1, rows - 1), min(j + 1, columns - 1)
                v, u = y - i, x - j
                upper = elevation[i, j] * (1 - u) + elevation[i, m] * u
                lower = elevation[k, j] * (1 - u) + elevation[k, m] * u
                clear = 0.5 + (ray - upper * (1 - v) - lower * v) / (0.6 * rise)
                seen[row, column] = min(seen[row, column], max(clear, 0.0))
    return seen


def seen(ground: Ground, day: Day, sky: Sky) -> NDArray:
    """Reflectance as the product would give it without noise, on 10 m pixels in all bands: (band, row, column)."""
    made = surface(ground, day)
    direct, diffuse = light(ground, sky)
    length = 1 / np.cos(np.radians(min(sky.sun.zenith, 75)))
    cloud, cirrus = sky.cloud, sky.cirrus * (1 - sky.cloud)
    for band in range(len(BANDS)):
        part = min(float(SKYLIGHT[band]) * (0.7 + 0.3 * length), 0.6)
        made[band] *= (1 - part) * direct + part * diffuse
        made[band] += sky.mixing * (_around(made[band]) - made[band]) + sky.haze * HAZE[band]
        made[band] += cloud * (CLOUD[band] * sky.white - made[band]) + cirrus * (CIRRUS[band] - made[band])
    return made


def _around(field: NDArray) -> NDArray:
    """Means over the neighbourhood, some 400 m across: light that air scatters into the view."""
    few = field[: field.shape[0] // 4 * 4, : field.shape[1] // 4 * 4]
    wide = finer(ndimage.gaussian_filter(coarser(few, 4), 5, mode="nearest"), 4)
    return np.pad(wide, [(0, n - m) for n, m in zip(field.shape, wide.shape, strict=True)], "edge")


def recorded(reflectance: NDArray, rng: np.random.Generator) -> Scene:
    """The scene that the instrument stores: bands at their own pixel size, slightly blurred, with noise."""
    found = {}
    for name in (*TEN_METRES, *TWENTY_METRES):
        field = reflectance[BANDS.index(name)]
        found[name] = stored(blurred(coarser(field, 2) if name in TWENTY_METRES else field), rng)
    return Scene(found)


def blurred(field: NDArray) -> NDArray:
    """The field as an instrument sees it that gets a little light from each pixel's neighbours."""
    kernel: Any = np.array([SOFT, 1 - 2 * SOFT, SOFT], np.float32)
    for axis in (0, 1):
        field = ndimage.correlate1d(field, kernel, axis, mode="nearest")
    return field


def stored(field: NDArray, rng: np.random.Generator) -> NDArray:
    """Reflectance with noise as uint16, × 10000, at least 1: 0 means no data."""
    noise = np.sqrt(READOUT**2 + PHOTONS * np.maximum(field, 0)) * rng.standard_normal(field.shape, np.float32)
    return np.asarray(np.clip(np.rint((field + noise) * 10_000), 1, 65_535), np.uint16)
