"""A Sentinel-1 scene of the district: backscatter of each material, slopes seen from the side, speckle.

Values are sigma nought in dB, terrain-corrected in position but not in brightness, as Earth Engine's S1_GRD is. The
position is corrected with a terrain from before mining, so pits and dumps lie a little off, and differently so from
either side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy import ndimage

from pipeline.simulate.district import MATERIALS, PIXEL, NDArray
from pipeline.simulate.noise import named
from pipeline.simulate.scenes.ground import Ground
from pipeline.simulate.scenes.optical import snow_cover, wetness
from pipeline.simulate.scenes.passes import RadarPass
from pipeline.simulate.scenes.spectra import PLANTS, foliage
from pipeline.simulate.scenes.weather import Day

REFERENCE = 38.0
"""Incidence angle of the table below, degrees."""
ACROSS = 0.062
"""How much the incidence angle grows for each kilometre away from the satellite, degrees."""
FLOOR = {"VV": -30.0, "VH": -32.0}
"""What noise is left after its removal, dB."""
LOOKS = np.array([0.42, 1.0, 1.0, 1.0, 0.42], np.float32)
"""Weights of the looks that are averaged: worth 4.4 equal ones, as the product is specified."""
RESPONSE = np.exp(-(np.arange(-3, 4) ** 2) / (2 * 1.1**2)).astype(np.float32)
"""Amplitude that a point leaves in pixels around it: resolution (20 m × 22 m) is coarser than the pixel."""


@dataclass(frozen=True)
class Scatter:
    """Backscatter of a material: `vv` at 38° and `cross` (VH − VV) in dB, dry and without leaves; loss for each degree
    of incidence (`tilt`); gain of VV when soaked (`damp`) and under full green leaves (`leaves`; VH gains that and
    `leaves_cross` more); deviation from place to place (`uneven`)."""

    vv: float
    cross: float
    tilt: float
    damp: float
    leaves: float = 0.0
    leaves_cross: float = 0.0
    uneven: float = 0.8


SCATTER = {
    "water": Scatter(-20.5, -7.0, 0.40, 0.0, uneven=0.5),
    "pond": Scatter(-19.5, -7.0, 0.38, 0.0, uneven=0.7),
    "grass": Scatter(-14.2, -8.0, 0.16, 4.0, 1.2, 1.8),
    "shrub": Scatter(-12.6, -6.6, 0.14, 2.6, 0.8, 0.8),
    "conifer": Scatter(-10.4, -5.6, 0.10, 1.0, 0.2, 0.2),
    "broadleaf": Scatter(-10.6, -5.8, 0.10, 1.2, 0.6, 0.5),
    "crop": Scatter(-13.4, -8.4, 0.18, 4.2, 1.8, 2.2),
    "soil": Scatter(-14.0, -8.6, 0.20, 5.0),
    "sandstone": Scatter(-12.4, -8.2, 0.16, 2.5, uneven=1.3),
    "shale": Scatter(-11.6, -8.0, 0.15, 2.5, uneven=1.4),
    "overburden": Scatter(-10.8, -7.8, 0.13, 3.0, uneven=1.5),
    "coal": Scatter(-11.4, -8.2, 0.14, 1.5, uneven=1.3),
    "dust": Scatter(-13.4, -8.6, 0.18, 3.0),
    "asphalt": Scatter(-17.0, -8.2, 0.28, 0.6),
    "concrete": Scatter(-11.5, -8.2, 0.12, 0.8, uneven=2.5),
    "roof_bright": Scatter(-4.0, -8.2, 0.06, 0.2, uneven=3.6),
    "roof_red": Scatter(-5.5, -7.8, 0.06, 0.4, uneven=3.6),
    "track": Scatter(-15.0, -8.4, 0.22, 3.5),
    "young_grass": Scatter(-12.8, -7.7, 0.15, 4.0, 1.2, 1.8, 1.0),
    "sapling": Scatter(-12.0, -6.9, 0.14, 2.8, 0.9, 1.0, 1.0),
}


@dataclass(frozen=True, eq=False)
class RadarScene:
    """`vv` and `vh` in dB on the pixel grid, `angle` in degrees on squares of 100 m, float32."""

    vv: NDArray
    vh: NDArray
    angle: NDArray


def scene(ground: Ground, day: Day, look: RadarPass, seed: int) -> RadarScene:
    """The district as the satellite has it on that pass."""
    rng = named(seed, "radar", look.index)
    shape = ground.shares.shape[1:]
    ellipsoid = incidence(shape, look, PIXEL)
    local = local_incidence(ground, look, ellipsoid)
    unevenness = named(seed, "unevenness", look.direction).standard_normal(shape, np.float32)
    powers = backscatter(ground, day, look, ellipsoid, local, unevenness)
    move = displacement(ground, look, ellipsoid)
    made = [
        in_decibels(blurred(displaced(power, *move)) * speckle(shape, rng) + 10 ** (floor / 10))
        for power, floor in zip(powers, FLOOR.values(), strict=True)
    ]
    coarse = (shape[0] * PIXEL // 100, shape[1] * PIXEL // 100)
    return RadarScene(made[0], made[1], incidence((int(coarse[0]), int(coarse[1])), look, 100.0))


def sideways(look: RadarPass) -> tuple[float, float]:
    """East and north parts of the direction that the antenna looks in."""
    azimuth = np.radians(look.heading + 90)
    return float(np.sin(azimuth)), float(np.cos(azimuth))


def incidence(shape: tuple[int, int], look: RadarPass, pixel: float) -> NDArray:
    """Incidence angle on a ground without relief, degrees: it grows away from the satellite."""
    east, north = sideways(look)
    y = ((shape[0] - 1) / 2 - np.arange(shape[0]))[:, None] * pixel / 1000
    x = (np.arange(shape[1]) - (shape[1] - 1) / 2)[None] * pixel / 1000
    return np.asarray(look.angle + ACROSS * (x * east + y * north), np.float32)


def local_incidence(ground: Ground, look: RadarPass, ellipsoid: NDArray) -> NDArray:
    """Angle between the beam and the upright of the real ground, degrees."""
    east, north = sideways(look)
    rise = ground.east * east + ground.north * north  # uphill away from the satellite: facing it
    down = np.radians(ellipsoid)
    cosine = (np.cos(down) + rise * np.sin(down)) / np.sqrt(1 + ground.east**2 + ground.north**2)
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1, 1))), np.float32)


def backscatter(
    ground: Ground, day: Day, look: RadarPass, ellipsoid: NDArray, local: NDArray, unevenness: NDArray
) -> tuple[NDArray, NDArray]:
    """Power (linear) of VV and VH without speckle, where the ground is."""
    wet = wetness(ground, day) * (0.0 if day.frozen else 1.0)
    vv, vh = np.zeros(wet.shape, np.float32), np.zeros(wet.shape, np.float32)
    facing = np.clip(local, 8, 85) - REFERENCE
    for name, kind in SCATTER.items():
        share = ground.shares[MATERIALS.index(name)]
        if not share.any():
            continue
        level = kind.vv - kind.tilt * facing + kind.damp * wet + kind.uneven * unevenness
        green: NDArray | float = 0.0
        if name in PLANTS:
            green = foliage(PLANTS[name], day.of_year, ground.land.vigour, day.growth)[0]
            level += kind.leaves * green
        level += _weather_shift(name, day, look)
        vv += share * _power(level)
        vh += share * _power(level + kind.cross + kind.leaves_cross * green - 0.3 * kind.damp * wet)
    thawing = snow_cover(ground, day) if day.temperature > 0.5 else np.zeros_like(wet)
    area = np.sin(np.radians(ellipsoid)) / np.sin(np.radians(np.clip(local, 10, 90)))
    area *= np.where(local > 88, 0.02, 1) * _power(-3.0 * thawing)
    return vv * area, vh * area


def _weather_shift(name: str, day: Day, look: RadarPass) -> float:
    """Water roughened by wind or covered by ice; frozen ground is a little darker, in dB."""
    if name in ("water", "pond"):
        wind = named(look.absolute, "wind").gamma(2.0, 1.3) - 2
        return float(min(wind, 6.0) * (1 - day.ice) + 4.5 * day.ice)
    return -2.2 if day.frozen and name not in ("asphalt", "concrete", "roof_bright", "roof_red") else 0.0


def displacement(ground: Ground, look: RadarPass, ellipsoid: NDArray) -> tuple[NDArray, NDArray]:
    """How far (pixels down, right) a place lands from where it is: what is heaped up lies nearer the satellite."""
    lift = ground.land.elevation - ndimage.gaussian_filter(ground.land.before, 2)
    nearer = lift / np.tan(np.radians(ellipsoid)) / PIXEL
    east, north = sideways(look)
    return (nearer * north).astype(np.float32), (-nearer * east).astype(np.float32)


def displaced(power: NDArray, down: NDArray, right: NDArray) -> NDArray:
    """The power where it lands; places that land together are averaged, gaps filled from around them."""
    total, weight = _scattered(power, down, right)
    if (weight < 0.3).any():
        thin = np.where(weight < 0.3, 1.0, 0.0).astype(np.float32)
        total += thin * 0.5 * ndimage.gaussian_filter(total, 1.5)
        weight += thin * 0.5 * ndimage.gaussian_filter(weight, 1.5)
    return np.asarray(total / np.maximum(weight, 1e-3), np.float32)


@njit(cache=True, nogil=True)
def _scattered(power: NDArray, down: NDArray, right: NDArray) -> tuple[NDArray, NDArray]:
    rows, columns = power.shape
    total, weight = np.zeros((rows, columns), np.float32), np.zeros((rows, columns), np.float32)
    for row in range(rows):
        for column in range(columns):
            y = min(max(row + down[row, column], 0.0), rows - 1.0)
            x = min(max(column + right[row, column], 0.0), columns - 1.0)
            i, j = min(int(y), rows - 2), min(int(x), columns - 2)
            v, u = y - i, x - j
            for k in range(2):
                for m in range(2):
                    part = (v if k else 1 - v) * (u if m else 1 - u)
                    total[i + k, j + m] += part * power[row, column]
                    weight[i + k, j + m] += part
    return total, weight


def blurred(power: NDArray) -> NDArray:
    """The power as the radar resolves it."""
    kernel = RESPONSE**2 / (RESPONSE**2).sum()
    for axis in (0, 1):
        power = ndimage.correlate1d(power, kernel, axis, mode="nearest")
    return power


def speckle(shape: tuple[int, int], rng: np.random.Generator) -> NDArray:
    """Random factors of mean 1 that follow a gamma distribution of 4.4 looks, alike between neighbours, float32."""
    total = np.zeros(shape, np.float32)
    for part in LOOKS:
        for _ in range(2):  # real and imaginary
            wave = rng.standard_normal(shape, np.float32)
            for axis in (0, 1):
                wave = ndimage.correlate1d(wave, RESPONSE, axis, mode="wrap")
            total += part * wave * wave
    return np.asarray(total / np.float32(2 * LOOKS.sum() * (RESPONSE**2).sum() ** 2))


def in_decibels(power: NDArray) -> NDArray:
    """The power in dB to the nearest 1/256: finer steps would only cost room."""
    return np.asarray(np.rint(10 * np.log10(power) * 256) / 256, np.float32)


def _power(level: NDArray | float) -> NDArray:
    return np.asarray(np.exp(np.float32(np.log(10) / 10) * level), np.float32)
