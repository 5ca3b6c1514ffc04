"""What the products say about clouds in a scene: Sentinel-2's scene classification, Cloud Score+, s2cloudless.

None of them is told where the clouds are painted. The scene classification sees the stored bands and the cirrus band
only and follows the published tests of Sen2Cor, so it errs where that errs: white roofs, coal, deep shade, thin edges.
The two learnt scores see the truth through blur, patchy noise and the same bright surfaces.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from pipeline.simulate.district import NDArray
from pipeline.simulate.noise import coarser, finer, fractal, smooth_step
from pipeline.simulate.scenes.optical import Scene
from pipeline.simulate.scenes.sky import CELL, Sky

DARK, SHADOW, PLANTS, BARE, WATER, UNCLASSIFIED, MEDIUM, HIGH, CIRRUS, SNOW = range(2, 12)
AIR = {"B2": 0.065, "B3": 0.035, "B4": 0.018, "B8": 0.006, "B8A": 0.004, "B11": 0.0, "B12": 0.0}
"""What clear air adds at the top of the atmosphere, where Sen2Cor's thresholds hold."""
HEIGHTS = np.arange(800, 4001, 400)
"""Heights of clouds that a shadow is looked for at, in metres."""

Ramp = tuple[str, float, float]
CLOUD_TESTS: tuple[Ramp, ...] = (
    ("B4", 0.06, 0.25),
    ("ndsi", -0.24, -0.16),
    ("ndvi", 0.42, 0.36),
    ("B8A/B3", 2.50, 1.50),
    ("B2/B11", 0.70, 1.00),
    ("B2/B11", 4.00, 2.00),
    ("B8A/B11", 0.90, 1.10),
)
SNOW_TESTS: tuple[Ramp, ...] = (
    ("ndsi", 0.35, 0.50),
    ("B8A", 0.15, 0.35),
    ("B2", 0.18, 0.22),
    ("B2/B4", 0.85, 0.95),
)
"""Quantity, where the test says no, where it says yes; straight between. From Sen2Cor's default parameters."""


def classification(scene: Scene, sky: Sky) -> NDArray:
    """The scene classification (codes 2 to 11) on 20 m pixels, uint8."""
    found = quantities(scene)
    cloud, snow = passed(found, CLOUD_TESTS), passed(found, SNOW_TESTS)
    ndvi, blue, red, infrared = found["ndvi"], found["B2/B11"], found["B4"], found["B8A"]
    scl = np.full(cloud.shape, UNCLASSIFIED, np.uint8)
    scl[(blue < 0.85) & (ndvi < 0.4)] = BARE
    scl[ndvi >= 0.4] = PLANTS
    scl[(red < 0.085) & (infrared < 0.12) & (ndvi < 0.4)] = DARK
    scl[(blue > 2.0) & (found["B8A/B3"] < 0.45) & (found["B12"] < 0.06) & (ndvi < 0.15)] = WATER
    scl[snow > 0.12] = SNOW
    icy = coarser(sky.cirrus, 2) * 0.4
    scl[(icy > 0.012) & (scl != SNOW)] = CIRRUS
    cloudy = (cloud > 0.2) & (scl != SNOW)
    scl[cloudy] = MEDIUM
    scl[cloudy & (cloud > 0.8)] = HIGH
    wide = ndimage.binary_dilation(cloudy) & ~cloudy & (scl != SNOW)
    scl[wide] = np.where(scl[wide] == CIRRUS, CIRRUS, MEDIUM)
    below = thrown(ndimage.binary_opening(cloudy), sky) & (scl < MEDIUM)
    scl[below & (infrared < 0.15) & (found["B11"] < 0.20)] = SHADOW
    return scl


def quantities(scene: Scene) -> dict[str, NDArray]:
    """Reflectance at the top of the atmosphere and its ratios on 20 m pixels, by the names the tests use."""
    at = {}
    for name, air in AIR.items():
        field = scene.bands[name].astype(np.float32) / 10_000
        at[name] = (coarser(field, 2) if name in ("B2", "B3", "B4", "B8") else field) + np.float32(air)
    found = {"ndsi": _normalised(at["B3"], at["B11"]), "ndvi": _normalised(at["B8A"], at["B4"])}
    for name in {test[0] for test in (*CLOUD_TESTS, *SNOW_TESTS) if "/" in test[0]}:
        above, beneath = name.split("/")
        found[name] = at[above] / np.maximum(at[beneath], 1e-3)
    return found | at


def passed(found: dict[str, NDArray], tests: tuple[Ramp, ...]) -> NDArray:
    """The product of the tests, each 0 to 1."""
    together: NDArray = np.ones(found["ndsi"].shape, np.float32)
    for name, no, yes in tests:
        together *= np.clip((found[name] - no) / (yes - no), 0, 1)
    return together


def thrown(cloudy: NDArray, sky: Sky) -> NDArray:
    """Where clouds of any of HEIGHTS would throw shadows."""
    slant, length = np.radians(sky.sun.azimuth), np.tan(np.radians(min(sky.sun.zenith, 70)))
    reach = np.zeros_like(cloudy)
    for height in HEIGHTS:
        down, right = (round(height * length * part / CELL) for part in (np.cos(slant), -np.sin(slant)))
        reach |= _moved(cloudy, down, right)
    return np.asarray(ndimage.binary_dilation(reach, iterations=2))


def _moved(field: NDArray, down: int, right: int) -> NDArray:
    rows, columns = field.shape
    moved: NDArray = np.zeros_like(field)
    if abs(down) < rows and abs(right) < columns:
        moved[max(down, 0) : rows + min(down, 0), max(right, 0) : columns + min(right, 0)] = field[
            max(-down, 0) : rows + min(-down, 0), max(-right, 0) : columns + min(-right, 0)
        ]
    return moved


def cloud_score(scene: Scene, sky: Sky, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """`cs` and `cs_cdf` of Cloud Score+ on 10 m pixels, float32, 1 = clear."""
    hidden, shade = _learnt(sky, rng)
    patchy = finer(fractal(_halved(sky), 12, rng, 1.2), 2)
    false = 0.30 * bright(scene) + 0.03 * np.abs(patchy)
    cs = np.clip(0.97 - 1.15 * hidden - 0.55 * shade - false, 0, 1)
    other = finer(fractal(_halved(sky), 12, rng, 1.2), 2)
    cdf = 1 / (1 + np.exp((0.52 - cs - 0.05 * other) / 0.11))
    return cs.astype(np.float32), np.clip(cdf * 1.01, 0, 1).astype(np.float32)


def cloud_probability(scene: Scene, sky: Sky, rng: np.random.Generator) -> NDArray:
    """`probability` of s2cloudless on 10 m pixels, uint8 per cent; shadows are no clouds to it."""
    hidden, _ = _learnt(sky, rng)
    patchy = finer(fractal(_halved(sky), 12, rng, 1.2), 2)
    odds = 1 / (1 + np.exp((0.33 - hidden - 0.30 * bright(scene) - 0.05 * patchy) / 0.08))
    return np.rint(100 * odds).astype(np.uint8)


def bright(scene: Scene) -> NDArray:
    """How far a pixel's brightness in the blue could be that of a cloud, 0 to 1: white roofs, snow, sunlit concrete."""
    return smooth_step(scene.bands["B2"].astype(np.float32) / 10_000, 0.22, 0.60)


def _learnt(sky: Sky, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """Cloud and shade as a network sees them: blurred, and here and there overlooked."""
    overlooked = smooth_step(finer(fractal(_halved(sky), 40, rng, 1.5), 2), 1.6, 2.4)
    hidden = ndimage.gaussian_filter(sky.cloud + 1.4 * sky.cirrus * (1 - sky.cloud), 2.5, mode="nearest")
    shade = ndimage.gaussian_filter(1 - sky.sunlight, 2.5, mode="nearest")
    return hidden * (1 - 0.5 * overlooked), shade * (1 - 0.6 * overlooked)


def _halved(sky: Sky) -> tuple[int, int]:
    return sky.cloud.shape[0] // 2, sky.cloud.shape[1] // 2


def _normalised(a: NDArray, b: NDArray) -> NDArray:
    return np.asarray((a - b) / np.maximum(a + b, 1e-3))
