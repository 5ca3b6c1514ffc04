"""What does not come scene by scene: elevation models older than the mines, and light at night.

Both lie on the products' own geographic grids, whose pixels are centred on whole steps of longitude and latitude.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from affine import Affine
from pyproj import Transformer
from scipy import ndimage

from pipeline.simulate.district import MATERIALS, PIXEL, Land, NDArray, Place
from pipeline.simulate.noise import coarser, fractal, named
from pipeline.simulate.scenes.ground import shares_of

ARC_SECOND, LIGHTS_STEP = 1 / 3600, 1 / 240
MARGIN = 3
"""Pixels around the district, so that slopes and resampling are whole at its edge."""
MINE, RESTORED = 5, 6

LIGHT = {
    "roof_bright": 20.0,
    "roof_red": 14.0,
    "concrete": 16.0,
    "asphalt": 10.0,
    "dust": 7.0,
    "coal": 5.0,
    "overburden": 0.5,
}
"""Radiance of ground wholly of a material in a lit place, nW cm⁻² sr⁻¹: streets and yards, haul roads and loading."""
DARKNESS = 0.28
"""Radiance of unlit land (air glow, starlight, snow): what composites have far from any lamp."""
BLUR = 380.0
"""Deviation of the night sensor's spot on the ground with a year's wandering of it, in metres."""


@dataclass(frozen=True)
class Grid:
    """Rows and columns of a geographic grid: upper left corner and pixel side in degrees."""

    west: float
    north: float
    step: float
    rows: int
    columns: int

    @property
    def transform(self) -> Affine:
        """From columns and rows to longitude and latitude."""
        return Affine(self.step, 0, self.west, 0, -self.step, self.north)

    def on(self, place: Place) -> tuple[NDArray, NDArray]:
        """Where the middles of its pixels lie in the district: fractional rows and columns of 10 m pixels."""
        longitude = self.west + (np.arange(self.columns) + 0.5) * self.step
        latitude = self.north - (np.arange(self.rows) + 0.5) * self.step
        back = Transformer.from_crs("EPSG:4326", place.crs, always_xy=True)
        x, y = back.transform(*np.meshgrid(longitude, latitude))
        return (place.north - y) / PIXEL - 0.5, (x - place.west) / PIXEL - 0.5


def grid(place: Place, step: float) -> Grid:
    """The pixels of the world-wide grid with this step that cover the district and a margin."""
    west, south, east, north = outline(place)
    first, last = (int(np.floor(v / step + 0.5)) for v in (west, east))
    low, high = (int(np.floor(v / step + 0.5)) for v in (south, north))
    return Grid(
        (first - MARGIN - 0.5) * step, (high + MARGIN + 0.5) * step, step,
        high - low + 1 + 2 * MARGIN, last - first + 1 + 2 * MARGIN,
    )  # fmt: skip


def outline(place: Place) -> tuple[float, float, float, float]:
    """West, south, east, north of the district in degrees."""
    there = Transformer.from_crs(place.crs, "EPSG:4326", always_xy=True)
    side = place.size_m
    found: tuple[float, float, float, float] = there.transform_bounds(
        place.west, place.north - side, place.west + side, place.north
    )
    return found


def resampled(field: NDArray, place: Place, onto: Grid) -> NDArray:
    """A field of the pixel grid at the middles of another grid's pixels; beyond the edge it goes on as it was."""
    pad = 8 + int(np.ceil((MARGIN + 1) * onto.step * 111_320 / PIXEL + 0.02 * place.size_m / PIXEL))
    pad = min(pad, min(field.shape) - 1)
    wide = np.pad(field.astype(np.float64), pad, "reflect", reflect_type="odd")
    rows, columns = onto.on(place)
    return np.asarray(ndimage.map_coordinates(wide, [rows + pad, columns + pad], order=1, mode="nearest"))


def nasadem(land: Land, seed: int) -> tuple[Grid, dict[str, NDArray]]:
    """The ground in February 2000: `elevation` int16 in m, `num` uint8 (scenes seen), `swb` uint8 (255 on water)."""
    onto = grid(land.place, ARC_SECOND)
    rng = named(seed, "nasadem")
    shape = (onto.rows, onto.columns)
    smooth = resampled(ndimage.gaussian_filter(land.before, 2.0, mode="nearest"), land.place, onto)
    noise = 1.5 * fractal(shape, 4, rng, 1.0) + 0.8 * fractal(shape, 60, rng, 1.5) + 0.6 * rng.standard_normal(shape)
    water = resampled(shares_of(land.material)[MATERIALS.index("water")], land.place, onto) > 0.5
    num = np.clip(np.rint(5 + 1.5 * fractal(shape, 80, rng)), 2, 10).astype(np.uint8)
    return onto, {
        "elevation": np.rint(smooth + noise).astype(np.int16),
        "num": num,
        "swb": np.where(water, 255, 0).astype(np.uint8),
    }


def glo30(land: Land, seed: int) -> tuple[Grid, NDArray]:
    """The surface between 2011 and 2015, with tree tops, roofs and the mining of that time: m, float32.

    Old dumps are there, the pits of today are dug to about two fifths.
    """
    onto = grid(land.place, ARC_SECOND)
    rng = named(seed, "glo30")
    shape = (onto.rows, onto.columns)
    use = land.use[::4, ::4]
    done = ndimage.gaussian_filter(np.where(use == RESTORED, 1.0, np.where(use == MINE, 0.4, 1.0)), 2)
    shares = shares_of(land.material)
    height = {"conifer": 5.0, "broadleaf": 6.0, "roof_bright": 7.0, "roof_red": 5.0}
    top = np.asarray(sum(metres * shares[MATERIALS.index(name)] for name, metres in height.items()))
    then = land.before + (land.elevation - land.before) * done + top
    made = resampled(ndimage.gaussian_filter(then, 1.0, mode="nearest"), land.place, onto)
    noise = 0.35 * rng.standard_normal(shape) + 0.3 * fractal(shape, 40, rng, 1.2)
    return onto, (made + noise).astype(np.float32)


def lights(land: Land) -> tuple[Grid, NDArray]:
    """Radiance at night without noise on the grid of 15″, nW cm⁻² sr⁻¹; around the district all is dark."""
    onto = grid(land.place, LIGHTS_STEP)
    shares = shares_of(land.material)
    lamps = coarser(np.asarray(sum(shares[MATERIALS.index(name)] * v for name, v in LIGHT.items())), 2)
    cell = 2 * PIXEL
    crowded = ndimage.gaussian_filter(lamps, 250 / cell, mode="constant")
    lit = lamps * np.clip(0.15 + crowded / 6, 0, 1.6)
    margin = int(4 * BLUR / cell)
    spot = ndimage.gaussian_filter(np.pad(lit, margin), BLUR / cell, mode="constant")
    rows, columns = ((n + 0.5) / 2 - 0.5 + margin for n in onto.on(land.place))
    return onto, np.asarray(DARKNESS + ndimage.map_coordinates(spot, [rows, columns], order=1))


def lights_of_year(land: Land, seed: int) -> tuple[Grid, dict[str, NDArray]]:
    """The bands of a year's composite: float32 radiances, and how often the ground was seen (uint16)."""
    onto, true = lights(land)
    rng = named(seed, "lights", land.year)
    mean = true * (1 + 0.02 * rng.standard_normal(true.shape)) + 0.02 * rng.standard_normal(true.shape)
    median = mean * 0.97
    seen = np.asarray(rng.poisson(190, true.shape))
    flicker = np.abs(rng.standard_normal(true.shape))
    lit = mean > DARKNESS + 0.25
    bands: dict[str, NDArray] = {
        "average": mean,
        "average_masked": np.where(lit, mean, 0),
        "maximum": mean * (1.4 + 0.3 * flicker) + 0.3,
        "median": median,
        "median_masked": np.where(lit, median, 0),
        "minimum": mean * 0.55,
    }
    counts = {"cf_cvg": seen.astype(np.uint16), "cvg": (seen * 1.9).astype(np.uint16)}
    return onto, {name: band.astype(np.float32) for name, band in bands.items()} | counts


def lights_of_month(land: Land, month: int, seed: int) -> tuple[Grid, dict[str, NDArray]]:
    """The bands of a month's composite: noisier than a year's, brighter over snow, fewer looks in summer."""
    onto, true = lights(land)
    rng = named(seed, "lights", land.year, month)
    winter = np.cos(2 * np.pi * (month - 1) / 12)
    noise = 0.06 * rng.standard_normal(true.shape)
    mean = true * (1 + 0.06 * winter + 0.06 * rng.standard_normal(true.shape)) + noise
    looks = np.asarray(rng.poisson(9 + 4 * winter, true.shape))
    return onto, {"avg_rad": mean.astype(np.float32), "cf_cvg": looks.astype(np.uint16)}
