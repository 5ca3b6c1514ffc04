"""Every feature once more in plain NumPy, from its written definition: obvious and slow, to compare the scripts with.

Scenes in, arrays of the 10 m grid out: float64, NaN where there is nothing. Nothing here knows the `features` package
or the engine. Two rules are the engine's and said in its guide: what lies on another grid is interpolated between the
valid neighbours where those have at least half of the weight, and texture counts only pairs that are valid.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from affine import Affine
from pyproj import Geod, Transformer

from tests.features.scenes import (
    ANNUAL,
    CLOUD_SCORE,
    CRS,
    GLO30,
    GRID,
    L1C,
    L2A,
    LATER_ANNUAL,
    LUOJIA,
    MONTHLY,
    NASADEM,
    PROBABILITY,
    RADAR,
    SIDE,
    Layer,
    NDArray,
    Scene,
)

SEASONS = ("spring", "summer", "autumn", "winter")
FIRST_MONTH = {"north": dict(zip(SEASONS, (3, 6, 9, 12), strict=True)),
               "south": dict(zip(SEASONS, (9, 12, 3, 6), strict=True))}  # fmt: skip
BANDS = {
    "blue": "B2", "green": "B3", "red": "B4", "NIR": "B8", "RE1": "B5", "RE2": "B6", "RE3": "B7", "RE4": "B8A",
    "SWIR1": "B11", "SWIR2": "B12",
}  # fmt: skip
SIX = ("blue", "green", "red", "NIR", "SWIR1", "SWIR2")
TASSELED_CAP = {
    "brightness": (0.3510, 0.3813, 0.3437, 0.7196, 0.2396, 0.1949),
    "greenness": (-0.3599, -0.3533, -0.4734, 0.6633, 0.0087, -0.2856),
    "wetness": (0.2578, 0.2305, 0.0883, 0.1071, -0.7611, -0.5308),
}
THIRTEEN = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12")
TASSELED_CAP_1C = {
    "brightness": (
        *(0.2381, 0.2569, 0.2934, 0.3020, 0.3099, 0.3740, 0.4180, 0.3580, 0.3834),
        *(0.0103, 0.0020, 0.0896, 0.0780),
    ),
    "greenness": (
        *(-0.2266, -0.2818, -0.3020, -0.4283, -0.2959, 0.1602, 0.3127, 0.3138, 0.4261),
        *(0.1454, -0.0017, -0.1341, -0.2538),
    ),
    "wetness": (
        *(0.1825, 0.1763, 0.1615, 0.0486, 0.0170, 0.0223, 0.0219, -0.0755, -0.0910),
        *(-0.1369, 0.0003, -0.7701, -0.5293),
    ),
}
TEXTURE = ("asm", "ent", "contrast", "idm", "corr")
LOOKS = 5.0


@dataclass(frozen=True)
class Sky:
    """How a pixel is found clear: the masks that must all call it so. Shadows of s2cloudless are left out."""

    clouds: tuple[str, ...] = ("cloud_score", "scl")
    clear: float = 0.60
    snow: bool = True


# Time -----------------------------------------------------------------------------------------------------------------


def period(season: str, year: int, hemisphere: str = "north") -> tuple[int, int]:
    """Milliseconds [first, last) of three months; a season that crosses the year's end began the year before."""
    month = FIRST_MONTH[hemisphere][season]
    first = datetime(year - (month == 12), month, 1, tzinfo=UTC)
    last = datetime(year, month % 12 + 3, 1, tzinfo=UTC)
    return round(first.timestamp() * 1000), round(last.timestamp() * 1000)


def during(scenes: Iterable[Scene], collection: str, season: str, year: int, hemisphere: str = "north") -> list[Scene]:
    """The collection's scenes of one season."""
    first, end = period(season, year, hemisphere)
    return [s for s in scenes if s.collection == collection and first <= s.time < end]


# Pixels ---------------------------------------------------------------------------------------------------------------


def centres(layer: Layer) -> tuple[NDArray, NDArray]:
    """Where the centres of the 10 m pixels lie in a layer, in its pixels (x, y)."""
    columns, rows = np.meshgrid(np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5)
    x, y = GRID * (columns, rows)
    if layer.crs != CRS:
        x, y = Transformer.from_crs(CRS, layer.crs, always_xy=True).transform(x, y)
    inside: tuple[NDArray, NDArray] = ~layer.transform * (x, y)
    return inside


def bilinear(data: NDArray, x: NDArray, y: NDArray) -> NDArray:
    """Values between the pixel centres of `data`; NaN where the valid neighbours have less than half of the weight."""
    left, top = np.floor(x - 0.5 + 1e-6).astype(int), np.floor(y - 0.5 + 1e-6).astype(int)
    total, weight = np.zeros(x.shape), np.zeros(x.shape)
    for column, across in ((left, left + 1.5 - x), (left + 1, x - 0.5 - left)):
        for row, down in ((top, top + 1.5 - y), (top + 1, y - 0.5 - top)):
            inside = (row >= 0) & (row < data.shape[0]) & (column >= 0) & (column < data.shape[1])
            value = np.where(inside, data[np.where(inside, row, 0), np.where(inside, column, 0)], np.nan)
            share = np.where(np.isnan(value), 0, across * down)
            total, weight = total + share * np.nan_to_num(value), weight + share
    return np.where(weight >= 0.5 - 1e-9, total / np.where(weight > 0, weight, 1), np.nan)


def on_grid(scene: Scene, band: str) -> NDArray:
    """A band on the 10 m grid: as it is, or interpolated."""
    layer = scene.layer(band)
    data = layer.masked(band)
    return data if layer.transform == GRID and layer.crs == CRS else bilinear(data, *centres(layer))


def nearest(scene: Scene, band: str) -> NDArray:
    """A band on the 10 m grid, each pixel that of the coarser one it lies in."""
    layer = scene.layer(band)
    step = round(layer.transform.a / 10)
    return np.kron(layer.masked(band), np.ones((step, step)))


def windows(data: NDArray, size: int) -> Iterable[tuple[tuple[int, int], NDArray]]:
    """Each pixel with its (2·size + 1)² window; NaN outside."""
    padded = np.pad(data, size, constant_values=np.nan)
    for y in range(data.shape[0]):
        for x in range(data.shape[1]):
            yield (y, x), padded[y : y + 2 * size + 1, x : x + 2 * size + 1]


def _quiet(reduce: Callable[..., NDArray], layers: Sequence[NDArray]) -> NDArray:
    """A reduction over layers; NaN, without a warning, where no layer has a value."""
    if not len(layers):
        return np.full((SIDE, SIDE), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return reduce(np.stack(layers), axis=0)


def median(layers: Sequence[NDArray]) -> NDArray:
    return _quiet(np.nanmedian, layers)


def mean(layers: Sequence[NDArray]) -> NDArray:
    return _quiet(np.nanmean, layers)


# Sentinel-2 -----------------------------------------------------------------------------------------------------------


def beside(scenes: Iterable[Scene], scene: Scene, collection: str) -> Scene | None:
    """The image of another collection that belongs to the scene."""
    return next((s for s in scenes if s.collection == collection and s.index == scene.index), None)


def clear(scenes: Sequence[Scene], scene: Scene, sky: Sky) -> NDArray:
    """True where all the wanted masks call the scene clear."""
    seen = np.ones((SIDE, SIDE), bool)
    if "scl" in sky.clouds:
        classes = nearest(scene, "SCL")
        seen &= np.isfinite(classes) & ~np.isin(classes, (1, 3, 8, 9, 10) if sky.snow else (1, 3, 8, 9, 10, 11))
    if "cloud_score" in sky.clouds:
        score = beside(scenes, scene, CLOUD_SCORE)
        seen &= score is not None and on_grid(score, "cs_cdf") >= sky.clear
    if "s2cloudless" in sky.clouds:
        chance = beside(scenes, scene, PROBABILITY)
        seen &= chance is not None and ~near(on_grid(chance, "probability") > 50, 5)
    return seen


def near(mask: NDArray, pixels: float) -> NDArray:
    """Where a pixel of the mask lies within so many pixels."""
    rows, columns = np.indices(mask.shape)
    found = [(rows - y) ** 2 + (columns - x) ** 2 <= pixels**2 for y, x in np.argwhere(mask)]
    return np.any(found, axis=0) if found else np.zeros(mask.shape, bool)


def reflectance(scenes: Sequence[Scene], season: str, year: int, band: str, sky: Sky = Sky()) -> list[NDArray]:
    """A band's reflectance in every scene of the season, NaN where it is not clear."""
    found = during(scenes, L2A, season, year)
    return [np.where(clear(scenes, s, sky), on_grid(s, band) * 1e-4, np.nan) for s in found]


def composite(
    scenes: Sequence[Scene], season: str, year: int, sky: Sky = Sky(), fallback: bool = True
) -> dict[str, NDArray]:
    """The ten bands' medians; empty pixels are medians of the same season of the years before and after, pooled."""
    made = {}
    for name, band in BANDS.items():
        made[name] = median(reflectance(scenes, season, year, band, sky))
        if fallback:
            near = [layer for y in (year - 1, year + 1) for layer in reflectance(scenes, season, y, band, sky)]
            made[name] = np.where(np.isnan(made[name]), median(near), made[name])
    return made


def ratio(above: NDArray, below: NDArray) -> NDArray:
    """A quotient, NaN where the denominator is nothing much."""
    small = np.abs(below) < 1e-6
    return np.where(small, np.nan, above / np.where(small, 1, below))


def difference(first: NDArray, second: NDArray) -> NDArray:
    """The normalised difference."""
    return ratio(first - second, first + second)


def indices(
    c: dict[str, NDArray], ndwi: str = "xu", lswi_nir: str = "B8A", ndri: str = "swir2_nir"
) -> dict[str, NDArray]:
    """The seven indices of a composite."""
    second = {"xu": "SWIR1", "mcfeeters": "NIR"}[ndwi]
    rock = {"swir2_nir": ("SWIR2", "NIR"), "swir1_nir": ("SWIR1", "NIR"), "swir1_green": ("SWIR1", "green")}[ndri]
    evi = ratio(2.5 * (c["NIR"] - c["red"]), c["NIR"] + 6 * c["red"] - 7.5 * c["blue"] + 1)
    return {
        "NDVI": difference(c["NIR"], c["red"]),
        "EVI": np.clip(evi, -1, 1),
        "NDWI": difference(c["green"], c[second]),
        "LSWI": difference(c["RE4" if lswi_nir == "B8A" else "NIR"], c["SWIR1"]),
        "NDBI": difference(c["SWIR1"], c["NIR"]),
        "RRI": np.clip(ratio(c["blue"], c["NIR"]), 0, 5),
        "NDRI": difference(c[rock[0]], c[rock[1]]),
    }


def tasseled_cap(bands: Sequence[NDArray], rows: dict[str, tuple[float, ...]] = TASSELED_CAP) -> dict[str, NDArray]:
    """Brightness, greenness and wetness: weighted sums."""
    return {name: sum(w * b for w, b in zip(row, bands, strict=True)) for name, row in rows.items()}


def tasseled_cap_1c(scenes: Sequence[Scene], season: str, year: int, sky: Sky = Sky()) -> dict[str, NDArray]:
    """The thirteen-band transform of the medians at the top of the atmosphere, where level 2A is clear."""
    pairs = [(s, beside(scenes, s, L1C)) for s in during(scenes, L2A, season, year)]
    bands = [
        median([np.where(clear(scenes, s, sky), on_grid(top, b) * 1e-4, np.nan) for s, top in pairs if top])
        for b in THIRTEEN
    ]
    return tasseled_cap(bands, TASSELED_CAP_1C)


def levels(nir: NDArray) -> NDArray:
    """Grey levels 0 to 63 of reflectances 0 to 0.6; -1 where there is none."""
    # Reflectances are whole numbers of 1e-4, or between two: a product of 0.6 and 1/64 must not come out below itself.
    scaled = np.floor(np.nan_to_num(nir) / 0.6 * 64 + 1e-9)
    return np.where(np.isnan(nir), -1, np.clip(scaled, 0, 63)).astype(int)


def measures(window: NDArray) -> NDArray:
    """The five measures of one window of levels (NaN: none), averaged over the directions that have a pair."""
    found = []
    for dx, dy in ((1, 0), (1, 1), (0, 1), (-1, 1)):
        counts = np.zeros((64, 64))
        height, width = window.shape
        for y in range(height - dy):
            for x in range(max(0, -dx), width - max(0, dx)):
                a, b = window[y, x], window[y + dy, x + dx]
                if a >= 0 and b >= 0:
                    counts[a, b] += 1
                    counts[b, a] += 1
        if counts.any():
            found.append(haralick(counts / counts.sum()))
    return np.mean(found, axis=0) if found else np.full(5, np.nan)


def haralick(p: NDArray) -> NDArray:
    """asm, ent, contrast, idm and corr of a normalised symmetric matrix; corr is 0 where there is one level."""
    i, j = np.indices(p.shape)
    mu = (i * p).sum()
    variance = ((i - mu) ** 2 * p).sum()
    some = p[p > 0]
    correlation = ((i * j * p).sum() - mu * mu) / variance if variance > 1e-12 else 0.0
    asm, entropy = (p**2).sum(), -(some * np.log(some)).sum()
    return np.array([asm, entropy, ((i - j) ** 2 * p).sum(), (p / (1 + (i - j) ** 2)).sum(), correlation])


def texture(nir: NDArray) -> dict[str, NDArray]:
    """The measures of the 7 × 7 window around every pixel that has a value."""
    grey = levels(nir)
    padded = np.pad(grey, 3, constant_values=-1)
    out = np.full((*nir.shape, 5), np.nan)
    for y, x in zip(*np.nonzero(grey >= 0), strict=True):
        out[y, x] = measures(padded[y : y + 7, x : x + 7])
    return dict(zip(TEXTURE, np.moveaxis(out, -1, 0), strict=True))


# Sentinel-1 -----------------------------------------------------------------------------------------------------------


def usable(scene: Scene) -> bool:
    """Whether a scene is of the mode and polarisations that are wanted."""
    p = scene.properties
    both = {"VV", "VH"} <= set(p["transmitterReceiverPolarisation"])
    return bool(both and p["instrumentMode"] == "IW")


def direction(scenes: Sequence[Scene], year: int) -> str:
    """The orbit direction with more scenes over the four seasons."""
    passes = [
        s.properties["orbitProperties_pass"] for t in SEASONS for s in during(scenes, RADAR, t, year) if usable(s)
    ]
    return max(("ASCENDING", "DESCENDING"), key=passes.count)


def power(scene: Scene, band: str) -> NDArray:
    """Linear power, NaN outside the border angles."""
    angle, decibels = on_grid(scene, "angle"), on_grid(scene, band)
    return np.where((angle > 30.63993) & (angle < 45.23993), 10 ** (decibels / 10), np.nan)


def powers(
    scenes: Sequence[Scene], season: str, year: int, band: str, orbit: str, track: int | None = None
) -> list[NDArray]:
    """Linear power in every scene of one direction (and relative orbit) in the season."""
    found = [s for s in during(scenes, RADAR, season, year) if usable(s)]
    found = [s for s in found if s.properties["orbitProperties_pass"] == orbit]
    return [power(s, band) for s in found if track in (None, s.properties["relativeOrbitNumber_start"])]


def backscatter(layers: Sequence[NDArray], near: Sequence[NDArray] = ()) -> NDArray:
    """Decibels of the mean power; of that of the neighbouring years where there is none."""
    own = mean(layers)
    return 10 * np.log10(np.where(np.isnan(own), mean(near), own))


def local(data: NDArray, statistic: Callable[[NDArray], float], size: int = 3) -> NDArray:
    """A statistic of the valid values around every valid pixel."""
    out = np.full(data.shape, np.nan)
    for place, window in windows(data, size):
        if np.isfinite(data[place]):
            out[place] = statistic(window[np.isfinite(window)])
    return out


def lee(z: NDArray) -> NDArray:
    """Lee's filter of linear power."""
    m, s2, eta2 = local(z, np.mean), local(z, np.var), 1 / LOOKS
    return lee_estimate(z, m, s2, eta2)


def lee_estimate(z: NDArray, m: NDArray, s2: NDArray, eta2: NDArray | float) -> NDArray:
    """A pixel drawn to the local mean, the more the less varies there besides the speckle."""
    signal = (s2 - m**2 * eta2) / (1 + eta2)
    b = np.maximum(0, ratio_or_zero(signal, s2))
    return (1 - b) * m + b * z


def ratio_or_zero(above: NDArray, below: NDArray) -> NDArray:
    return np.where(below > 0, above / np.where(below > 0, below, 1), np.where(np.isnan(below), np.nan, 0))


def gamma_map(z: NDArray) -> NDArray:
    """The gamma maximum-a-posteriori filter of linear power (Lopes 1990)."""
    m, s = local(z, np.mean), np.sqrt(local(z, np.var))
    ci, cu = s / m, 1 / np.sqrt(LOOKS)
    out = np.where(ci <= cu, m, z)
    between = (ci > cu) & (ci < np.sqrt(2) * cu)
    out[between] = gamma_root(z[between], m[between], ci[between])
    return out


def gamma_root(z: NDArray, m: NDArray, ci: NDArray) -> NDArray:
    """The most likely power where the local variation lies between that of speckle and that of a point target."""
    cu = 1 / np.sqrt(LOOKS)
    alpha = (1 + cu**2) / (ci**2 - cu**2)
    d = alpha - LOOKS - 1
    return (m * d + np.sqrt(m**2 * d**2 + 4 * alpha * LOOKS * z * m)) / (2 * alpha)


def refined_lee(z: NDArray) -> NDArray:
    """The refined Lee filter where the whole 7 × 7 window is valid, NaN elsewhere."""
    out = np.full(z.shape, np.nan)
    for place, window in windows(z, 3):
        if np.isfinite(window).all():
            out[place] = _refined(window)
    return out


def _refined(window: NDArray) -> float:
    """The Lee estimate from the half of the window that is on the centre's side of its steepest edge.

    The edge is the steepest of four between opposite ones of nine 3 × 3 parts; the speckle's share is the mean of the
    five least varied parts.
    """
    parts = [[window[2 * r : 2 * r + 3, 2 * c : 2 * c + 3] for c in range(3)] for r in range(3)]
    m = np.array([[p.mean() for p in row] for row in parts])
    noise = np.sort([p.var() / p.mean() ** 2 for row in parts for p in row])[:5].mean()
    y, x = np.mgrid[-3:4, -3:4]
    halves = {
        (1, 0): y <= 0,
        (1, 1): y + x <= 0,
        (0, 1): x <= 0,
        (-1, 1): x - y <= 0,
    }
    steepness = {(dy, dx): abs(m[1 - dy, 1 - dx] - m[1 + dy, 1 + dx]) for dy, dx in halves}
    dy, dx = max(steepness, key=lambda k: steepness[k])
    first = abs(m[1 - dy, 1 - dx] - m[1, 1]) < abs(m[1 + dy, 1 + dx] - m[1, 1])
    half = halves[dy, dx] if first else halves[dy, dx][::-1, ::-1]
    chosen = window[half]
    return float(lee_estimate(window[3, 3], chosen.mean(), chosen.var(), noise))


def multitemporal(layers: Sequence[NDArray]) -> list[NDArray]:
    """Quegan and Yu's filter over the scenes of a season."""
    expected = [local(z, np.mean) for z in layers]
    shared = mean([z / e for z, e in zip(layers, expected, strict=True)])
    return [e * shared for e in expected]


# Terrain and lights ---------------------------------------------------------------------------------------------------

WGS84 = Geod(ellps="WGS84")


def metres(transform: Affine, rows: int) -> tuple[NDArray, NDArray]:
    """Width and height in metres of the cells of each row, measured along the ellipsoid."""
    x = np.full(rows, transform.c)
    y = transform.f + transform.e * (np.arange(rows) + 0.5)
    wide = WGS84.inv(x, y, x + transform.a, y)[2]
    high = WGS84.inv(x, y + transform.e / 2, x, y - transform.e / 2)[2]
    return np.asarray(wide)[:, None], np.asarray(high)[:, None]


def gradient(z: NDArray, wide: NDArray, high: NDArray, method: str) -> tuple[NDArray, NDArray]:
    """Rise towards the east and the north; NaN at the rim and where a cell that is needed has no elevation."""
    p, q = np.full(z.shape, np.nan), np.full(z.shape, np.nan)
    weights = {"horn": (1, 2, 1), "ee4": (0, 1, 0)}[method]
    across, along = np.zeros_like(z[1:-1, 1:-1]), np.zeros_like(z[1:-1, 1:-1])
    rows, columns = z.shape
    for k, weight in zip((-1, 0, 1), weights, strict=True):
        if weight:
            line, column = slice(1 + k, rows - 1 + k), slice(1 + k, columns - 1 + k)
            across += weight * (z[line, 2:] - z[line, :-2])
            along += weight * (z[:-2, column] - z[2:, column])
    whole = 0 * z[1:-1, 1:-1]
    p[1:-1, 1:-1] = across / (2 * sum(weights) * wide[1:-1]) + whole
    q[1:-1, 1:-1] = along / (2 * sum(weights) * high[1:-1]) + whole
    return p, q


def slope_of(p: NDArray, q: NDArray) -> NDArray:
    """Degrees."""
    return np.degrees(np.arctan(np.hypot(p, q)))


def aspect_of(p: NDArray, q: NDArray) -> NDArray:
    """Degrees clockwise from north, downhill."""
    return np.degrees(np.arctan2(-p, -q)) % 360


def downhill(p: NDArray, q: NDArray) -> tuple[NDArray, NDArray]:
    """Sine and cosine of the aspect; a level cell has no direction and gives 0 to both."""
    aspect, level = np.radians(aspect_of(p, q)), np.hypot(p, q) < 1e-9
    return np.where(level, 0, np.sin(aspect)), np.where(level, 0, np.cos(aspect))


def dem(scenes: Sequence[Scene], which: str) -> Layer:
    """The elevations on their own grid; tiles are put side by side."""
    if which == "nasadem":
        return next(s for s in scenes if s.collection == NASADEM).layer("elevation")
    tiles = [s.layer("DEM") for s in scenes if s.collection == GLO30]
    return Layer({"elevation": np.hstack([t.bands["DEM"] for t in tiles])}, tiles[0].transform, tiles[0].crs)


def terrain(scenes: Sequence[Scene], which: str = "nasadem", method: str = "horn") -> dict[str, NDArray]:
    """Elevation in metres, slope and aspect in degrees, and the aspect's sine and cosine, on the 10 m grid."""
    layer = dem(scenes, which)
    z = layer.masked("elevation")
    p, q = gradient(z, *metres(layer.transform, len(z)), method)
    where = centres(layer)
    slope, sine, cosine = (bilinear(a, *where) for a in (slope_of(p, q), *downhill(p, q)))
    flat = slope < 1
    return {
        "elevation": bilinear(z, *where),
        "slope": slope,
        "aspect": np.degrees(np.arctan2(sine, cosine)) % 360,
        "aspect_sin": np.where(flat, 0, sine),
        "aspect_cos": np.where(flat, 0, cosine),
    }


def lights(scenes: Sequence[Scene], year: int, which: str = "annual") -> NDArray:
    """Night light on the 10 m grid: nW cm-2 sr-1, or of a Luojia-1 raster W m-2 sr-1 um-1."""
    if which == "annual":
        found = [s for s in scenes if s.collection in (ANNUAL, LATER_ANNUAL) and _year(s) == year]
        return mean([on_grid(s, "average") for s in found])
    if which == "monthly":
        return mean([on_grid(s, "avg_rad") for s in scenes if s.collection == MONTHLY and _year(s) == year])
    layer = next(s for s in scenes if s.collection == LUOJIA).layers[0]
    return bilinear(layer.masked("b1") ** 1.5 * 1e-10, *centres(layer))


def _year(scene: Scene) -> int:
    return datetime.fromtimestamp(scene.time / 1000, UTC).year


# All of it ------------------------------------------------------------------------------------------------------------


def season(scenes: Sequence[Scene], name: str, year: int) -> dict[str, NDArray]:
    """The 27 codes of one season, in order, with every option at its default."""
    c = composite(scenes, name, year)
    orbit = direction(scenes, year)
    radar = {}
    for band in ("VV", "VH"):
        near = [layer for y in (year - 1, year + 1) for layer in powers(scenes, name, y, band, orbit)]
        radar[band] = backscatter(powers(scenes, name, year, band, orbit), near)
    return {**c, **indices(c), **tasseled_cap([c[b] for b in SIX]), **texture(c["NIR"]), **radar}


def stack(scenes: Sequence[Scene], year: int) -> dict[str, NDArray]:
    """All 112 bands, in order, with every option at its default."""
    made = {f"{s}_{code}": band for s in SEASONS for code, band in season(scenes, s, year).items()}
    ground = terrain(scenes)
    made |= {code: ground[code] for code in ("elevation", "slope", "aspect")}
    return {**made, "NTL": lights(scenes, year)}


def observations(scenes: Sequence[Scene], name: str, year: int) -> tuple[NDArray, NDArray]:
    """How many valid pixels the year's own season has: optical, radar."""
    optical = reflectance(scenes, name, year, "B8")
    layers = powers(scenes, name, year, "VV", direction(scenes, year))
    counts = [np.sum([np.isfinite(a) for a in group], axis=0) for group in (optical, layers)]
    return counts[0], counts[1]
