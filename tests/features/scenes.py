"""Small raw scenes for tests of the features: a few hundred metres of everything they read, with all that goes wrong.

`world()` gives the scenes as arrays, for the twins; `write` puts the same into an archive, for the engine. The area is
48 × 48 pixels of 10 m whose corner lies on multiples of 60 m. Some of it is special, at the places named below.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from pyproj import Transformer

from pipeline.engine.archive import FolderArchive, add

NDArray = np.ndarray[Any, Any]

CRS, WEST, NORTH, SIDE = "EPSG:32649", 614_040.0, 4_376_040.0, 48
GRID = Affine(10, 0, WEST, 0, -10, NORTH)

L2A, L1C = "COPERNICUS/S2_SR_HARMONIZED", "COPERNICUS/S2_HARMONIZED"
CLOUD_SCORE, PROBABILITY = "GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED", "COPERNICUS/S2_CLOUD_PROBABILITY"
RADAR, NASADEM, GLO30 = "COPERNICUS/S1_GRD", "NASA/NASADEM_HGT/001", "COPERNICUS/DEM/GLO30"
ANNUAL, LATER_ANNUAL = "NOAA/VIIRS/DNB/ANNUAL_V21", "NOAA/VIIRS/DNB/ANNUAL_V22"
MONTHLY, LUOJIA = "NOAA/VIIRS/DNB/MONTHLY_V1/VCMSLCFG", "projects/someone/assets/luojia"

# Places, in 10 m pixels.
CONSTANT = np.s_[0:12, 36:48]  # the same number in every scene: windows of one grey level
ZERO = np.s_[24:32, 8:16]  # stored 0 in every band, and valid: no ratio has a denominator
DARK = np.s_[20:22, 40:43]  # as dark as a shadow, on the sunny side of the cloud
PATCHES = (  # blue, red and near infrared x 1e4
    (np.s_[26:28, 20:22], (2000, 500, 2000)),  # the denominator of EVI is 0
    (np.s_[26:28, 22:24], (1900, 500, 2000)),  # EVI is above 1
    (np.s_[28:30, 20:22], (2900, 2000, 500)),  # EVI is below -1, RRI above 5
    (np.s_[28:30, 22:26], (6000, 6000, 7000)),  # beyond the grey levels
    (DARK, (400, 500, 500)),
)
GAP = np.s_[36:44, 6:16]  # never clear in 2021, clear in other years
NEVER = np.s_[36:44, 24:34]  # never clear at all
CLOUD = np.s_[34:47, 18:31]  # for s2cloudless; its shadow falls on ZERO

TEN, TWENTY, SIXTY = ("B2", "B3", "B4", "B8"), ("B5", "B6", "B7", "B8A", "B11", "B12"), ("B1", "B9", "B10")
NONE = 65535
LEVELS = {  # typical reflectance x 1e4 of two kinds of ground
    "B1": (500, 900), "B2": (600, 1100), "B3": (800, 1400), "B4": (700, 1800), "B5": (1200, 2000), "B6": (2300, 2200),
    "B7": (2800, 2400), "B8": (3000, 2500), "B8A": (3200, 2600), "B9": (900, 700), "B10": (30, 20),
    "B11": (1900, 3200), "B12": (1100, 2900),
}  # fmt: skip

SUMMER, WINTER = ("2021-06-09", "2021-07-19", "2021-08-28"), ("2020-12-21", "2021-01-15", "2021-02-24")
OPTICAL_DAYS = (
    *("2021-03-11", "2021-04-20", "2021-05-30", *SUMMER, "2021-09-02", "2021-10-12", "2021-11-29", *WINTER),
    *("2020-04-02", "2022-05-07", "2020-07-07", "2022-06-27", "2022-08-16", "2020-10-05", "2022-09-20"),
    *("2020-01-25", "2021-12-26", "2022-02-04"),
)
UNSCORED = "2021-04-25"  # a clear scene that Cloud Score+ does not know
RADAR_DAYS = {
    "ASCENDING": (
        *("2021-03-08", "2021-05-19", "2021-06-12", "2021-07-18", "2021-08-23", "2021-09-04", "2021-10-22"),
        *("2021-11-27", "2020-12-09", "2021-01-26", "2021-02-19", "2020-04-10", "2022-04-12", "2020-07-03"),
        *("2022-07-05", "2020-10-07", "2022-10-09", "2020-01-12", "2021-12-28"),
    ),
    "DESCENDING": (
        *("2021-03-15", "2021-04-14", "2021-05-26", "2021-07-25", "2021-10-29", "2021-01-21"),
        *("2020-03-20", "2020-05-19", "2020-06-24", "2020-08-11", "2020-09-16", "2020-11-03", "2020-01-07"),
        *("2022-03-10", "2022-05-21", "2022-06-14", "2022-08-01", "2022-09-18", "2022-11-05", "2022-01-09"),
    ),
}


@dataclass(frozen=True, eq=False)
class Layer:
    """Bands on one grid as they are stored; `nodata` says which number is none."""

    bands: Mapping[str, NDArray]
    transform: Affine
    crs: str = CRS
    nodata: float | None = None

    def masked(self, band: str) -> NDArray:
        """A band as float64, NaN where there is nothing."""
        data = self.bands[band].astype(np.float64)
        return data if self.nodata is None else np.where(self.bands[band] == self.nodata, np.nan, data)


@dataclass(frozen=True, eq=False)
class Scene:
    """One image: its layers, and what filters ask of it. `time` is in milliseconds."""

    collection: str
    index: str
    time: int
    layers: tuple[Layer, ...]
    properties: Mapping[str, Any] = field(default_factory=dict)

    def layer(self, band: str) -> Layer:
        return next(layer for layer in self.layers if band in layer.bands)

    def __contains__(self, band: str) -> bool:
        return any(band in layer.bands for layer in self.layers)


def millis(text: str) -> int:
    """Milliseconds of an ISO time in UTC."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def write(scenes: Iterable[Scene], folder: Path) -> FolderArchive:
    """An archive of the scenes."""
    made = FolderArchive.initialise(folder / "archive")
    for number, scene in enumerate(scenes):
        for nodata in {layer.nodata for layer in scene.layers}:
            assert nodata == scene.layers[0].nodata, "one number means nothing in all layers of a scene"
        files = [_file(layer, folder / f"{number}_{i}.tif") for i, layer in enumerate(scene.layers)]
        place: dict[str, Any] = {"collection": scene.collection, "index": scene.index}
        add(
            made,
            files,
            **(place if scene.index else {"asset": scene.collection}),
            bands=[band for layer in scene.layers for band in layer.bands],
            time=scene.time,
            properties=scene.properties,
        )
        for file in files:
            file.unlink()
    return made


def _file(layer: Layer, path: Path) -> Path:
    (height, width), dtype = next((a.shape, a.dtype) for a in layer.bands.values())
    profile = {"driver": "GTiff", "height": height, "width": width, "dtype": dtype, "count": len(layer.bands)}
    with rasterio.open(path, "w", **profile, crs=layer.crs, transform=layer.transform, nodata=layer.nodata) as raster:
        raster.write(np.stack(list(layer.bands.values())))
    return path


@lru_cache(maxsize=1)
def world() -> tuple[Scene, ...]:
    """All scenes. The same every time."""
    return (*optical(), *radar(), *terrain(), *lights())


# Sentinel-2 -----------------------------------------------------------------------------------------------------------


def optical() -> Iterator[Scene]:
    """Surface reflectance with a cloud score beside each, and for the summer cloud probabilities and level 1C too."""
    rng = np.random.default_rng(20)
    ground = _ground(rng)
    for number, day in enumerate(OPTICAL_DAYS):
        scene = reflectance(day, ground, rng, hidden=True)
        if number % 3 == 1:
            scene = _cut(scene, number)
        yield scene
        yield cloud_score(scene, rng)
        if day in SUMMER:
            yield cloud_probability(scene, rng)
            yield level_1c(scene, ground, rng)
    yield reflectance(UNSCORED, ground, rng, hidden=False)


def _ground(rng: np.random.Generator) -> NDArray:
    """0 to 1: which of two kinds of ground a pixel is, in blobs."""
    rough = rng.random((9, 9))
    return np.clip(np.kron(rough, np.ones((6, 6)))[:SIDE, :SIDE] + rng.normal(0, 0.05, (SIDE, SIDE)), 0, 1)


def product(day: str) -> str:
    return f"{day.replace('-', '')}T032541_{day.replace('-', '')}T033512_T49TCF"


def reflectance(day: str, ground: NDArray, rng: np.random.Generator, hidden: bool) -> Scene:
    """A scene whose scene classification hides the places that are never clear, in 2021 or at all."""
    season = np.cos((int(day[5:7]) - 7) / 6 * np.pi)
    bands = {name: _band(name, ground, season, rng) for name in (*TEN, *TWENTY)}
    classes = _classes(day, rng) if hidden else np.full((SIDE // 2, SIDE // 2), 5, np.uint16)
    fine, coarse = {b: bands[b] for b in TEN}, {**{b: bands[b] for b in TWENTY}, "SCL": classes}
    cloudy = 100 * float(np.isin(classes, (3, 8, 9, 10)).mean())
    properties = {
        "CLOUDY_PIXEL_PERCENTAGE": round(cloudy, 3), "MGRS_TILE": "49TCF", "SPACECRAFT_NAME": "Sentinel-2A",
        "SENSING_ORBIT_NUMBER": 18, "PROCESSING_BASELINE": "03.00", "MEAN_SOLAR_AZIMUTH_ANGLE": 135.0,
        "MEAN_SOLAR_ZENITH_ANGLE": 40.0, "PRODUCT_ID": f"S2A_MSIL2A_{product(day)}",
    }  # fmt: skip
    layers = (Layer(fine, GRID, CRS, NONE), Layer(coarse, GRID * Affine.scale(2), CRS, NONE))
    return Scene(L2A, product(day), millis(f"{day}T03:35:12.024"), layers, properties)


def _band(name: str, ground: NDArray, season: float, rng: np.random.Generator) -> NDArray:
    step = 2 if name in TWENTY else 6 if name in SIXTY else 1
    low, high = LEVELS[name]
    data = low + (high - low) * ground + 0.15 * low * season + rng.normal(0, 0.12 * low, ground.shape)
    data = np.clip(np.rint(data), 1, 10_000)
    data[CONSTANT] = low
    data[ZERO] = 0
    for place, values in PATCHES:
        data[place] = dict(zip(("B2", "B4", "B8"), values, strict=True)).get(name, low)
    return data[::step, ::step].astype(np.uint16)


def _classes(day: str, rng: np.random.Generator) -> NDArray:
    """Scene classification at 20 m: a cloud, and a sprinkle of every class."""
    classes = np.full((SIDE // 2, SIDE // 2), 5, np.uint16)
    sprinkled = rng.random(classes.shape) < 0.25
    classes[sprinkled] = rng.integers(1, 12, int(sprinkled.sum()))
    y, x = rng.integers(0, 16, 2)
    classes[y : y + 7, x : x + 7] = rng.choice([3, 8, 9, 10])
    if of_2021(day):
        classes[_halved(GAP)] = 9
    classes[_halved(NEVER)] = 9
    return classes


def of_2021(day: str) -> bool:
    """Whether the day lies in a season of 2021, whose winter begins in December 2020."""
    return "2020-12" <= day < "2021-12"


def _halved(place: tuple[slice, slice]) -> tuple[slice, slice]:
    rows, columns = (slice(part.start // 2, part.stop // 2) for part in place)
    return rows, columns


def _cut(scene: Scene, number: int) -> Scene:
    """The scene with nothing beyond a slanting edge, as at the end of a swath."""
    y, x = np.mgrid[: SIDE // 2, : SIDE // 2]
    beyond = x + 0.4 * y < 4 + number % 5
    layers = []
    for layer in scene.layers:
        wide = np.kron(beyond, np.ones((2, 2), bool)) if layer.transform.a == 10 else beyond
        layers.append(Layer({b: np.where(wide, NONE, a).astype(a.dtype) for b, a in layer.bands.items()},
                            layer.transform, layer.crs, layer.nodata))  # fmt: skip
    return Scene(scene.collection, scene.index, scene.time, tuple(layers), scene.properties)


def cloud_score(scene: Scene, rng: np.random.Generator) -> Scene:
    """Mostly clear; some scores are the threshold itself, and a strip has none."""
    score = np.clip(rng.normal(0.85, 0.15, (SIDE, SIDE)), 0, 1).astype(np.float32)
    score[rng.random(score.shape) < 0.02] = np.float32(0.6)
    y, x = rng.integers(0, 34, 2)
    score[y : y + 13, x : x + 13] *= np.float32(0.5)
    score[44:46, 40:46] = -1
    bands = {"cs": score, "cs_cdf": score}
    return Scene(CLOUD_SCORE, scene.index, scene.time, (Layer(bands, GRID, CRS, -1.0),))


def cloud_probability(scene: Scene, rng: np.random.Generator) -> Scene:
    """A cloud of 51 % and more, and elsewhere up to the threshold of 50 %, which is still clear."""
    chance = rng.integers(0, 51, (SIDE, SIDE)).astype(np.uint8)
    chance[CLOUD] = rng.integers(51, 101, chance[CLOUD].shape)
    return Scene(PROBABILITY, scene.index, scene.time, (Layer({"probability": chance}, GRID),))


def level_1c(scene: Scene, ground: NDArray, rng: np.random.Generator) -> Scene:
    """Top of the atmosphere: thirteen bands, three of them at 60 m."""
    layers = tuple(
        Layer({b: _band(b, ground, 1.0, rng) for b in names}, GRID * Affine.scale(step), CRS, NONE)
        for names, step in ((TEN, 1), (TWENTY, 2), (SIXTY, 6))
    )
    return Scene(L1C, scene.index, scene.time, layers, scene.properties)


# Sentinel-1 -----------------------------------------------------------------------------------------------------------


def radar() -> Iterator[Scene]:
    """Both directions; more ascending scenes in 2021, more descending ones in spring and over all years."""
    rng = np.random.default_rng(1)
    ground = _ground(rng)
    for direction, days in RADAR_DAYS.items():
        for number, day in enumerate(days):
            yield backscatter(day, direction, number, ground, rng)
    for number, wrong in enumerate(({"instrumentMode": "EW"}, {"transmitterReceiverPolarisation": ["VV"]})):
        scene = backscatter(f"2021-04-{12 + number}", "ASCENDING", number, ground + 30, rng)
        yield Scene(scene.collection, scene.index, scene.time, scene.layers, {**scene.properties, **wrong})


def backscatter(day: str, direction: str, number: int, ground: NDArray, rng: np.random.Generator) -> Scene:
    """Speckle of five looks in dB; incidence angles run across the border values; one side has no data."""
    bands = {}
    for name, level in (("VV", 0.08), ("VH", 0.02)):
        power = level * (0.4 + ground) * rng.gamma(5, 1 / 5, ground.shape)
        bands[name] = (10 * np.log10(power)).astype(np.float32)
    first = {0: 30.5, 1: 44.8, 2: 38.0}[number % 3]
    bands["angle"] = np.broadcast_to(np.linspace(first, first + 0.8, SIDE), (SIDE, SIDE)).astype(np.float32)
    nothing = np.zeros((SIDE, SIDE), bool)
    nothing[:, : number % 4] = True
    nothing[NEVER] = True
    nothing[GAP] = of_2021(day)
    layer = Layer({b: np.where(nothing, np.float32(-999), a) for b, a in bands.items()}, GRID, CRS, -999.0)
    up = direction == "ASCENDING"
    properties = {
        "instrumentMode": "IW", "transmitterReceiverPolarisation": ["VV", "VH"], "orbitProperties_pass": direction,
        "relativeOrbitNumber_start": (11 if number % 2 else 113) if up else 4, "resolution_meters": 10,
    }  # fmt: skip
    compact = day.replace("-", "")
    return Scene(RADAR, f"S1A_{direction[0]}_{compact}", millis(f"{day}T10:30:00"), (layer,), properties)


# Terrain and lights ---------------------------------------------------------------------------------------------------


def lattice(second: float, margin: int) -> tuple[Affine, int, int]:
    """Pixels of so many seconds of arc, on whole multiples of them, that hold the area and a margin: (place, h, w)."""
    corners = [GRID * corner for corner in ((0, 0), (SIDE, 0), (0, SIDE), (SIDE, SIDE))]
    lon, lat = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform(*zip(*corners, strict=True))
    size = second / 3600
    left, right = int(np.floor(min(lon) / size)) - margin, int(np.ceil(max(lon) / size)) + margin
    bottom, top = int(np.floor(min(lat) / size)) - margin, int(np.ceil(max(lat) / size)) + margin
    return Affine(size, 0, left * size, 0, -size, top * size), top - bottom, right - left


def terrain() -> Iterator[Scene]:
    """A flank with hills and a plain in whole metres; and, in two tiles, the same with a pit."""
    rng = np.random.default_rng(4)
    place, height, width = lattice(1, 6)
    y, x = np.mgrid[:height, :width].astype(float)
    hills = 1200 + 5.0 * y - 3.0 * x + 40 * np.sin(x / 3) * np.cos(y / 4) + rng.normal(0, 4, x.shape)
    plain = (y > 14) & (x > 16)
    hills[plain] = 1250 + 0.2 * (x + y)[plain]
    whole = np.rint(hills).astype(np.int16)
    bands = {"elevation": whole, "num": np.full_like(whole, 5), "swb": np.zeros_like(whole)}
    yield Scene(NASADEM, "", millis("2000-02-11"), (Layer(bands, place, "EPSG:4326", -32768),))
    later = (hills - 60 * np.exp(-((x - 18) ** 2 + (y - 9) ** 2) / 20)).astype(np.float32)
    seam = width // 2
    for number, part in enumerate((np.s_[:, :seam], np.s_[:, seam:])):
        here = Layer({"DEM": later[part]}, place * Affine.translation(number * seam, 0), "EPSG:4326")
        yield Scene(GLO30, f"tile_{number}", millis("2010-12-01"), (here,))


def lights() -> Iterator[Scene]:
    """Annual and monthly radiances in nW cm-2 sr-1, and a raster of counts."""
    rng = np.random.default_rng(9)
    place, height, width = lattice(15, 3)

    def radiance() -> NDArray:
        return rng.gamma(2, 4, (height, width)).astype(np.float32)

    for collection, years in ((ANNUAL, (2020, 2021)), (LATER_ANNUAL, (2022, 2023))):
        for year in years:
            bands = {"average": radiance(), "average_masked": radiance(), "median": radiance()}
            scene = Layer(bands, place, "EPSG:4326")
            yield Scene(collection, f"{year}0101", millis(f"{year}-01-01"), (scene,))
    for month in ("2020-12", *(f"2021-{m:02}" for m in range(1, 13)), "2022-01"):
        layer = Layer({"avg_rad": radiance(), "cf_cvg": radiance()}, place, "EPSG:4326")
        yield Scene(MONTHLY, month.replace("-", "") + "01", millis(f"{month}-01"), (layer,))
    place, height, width = lattice(4.2, 4)
    counts = rng.integers(0, 200_000, (height, width)).astype(np.int32)
    yield Scene(LUOJIA, "", millis("2018-10-01"), (Layer({"b1": counts}, place, "EPSG:4326"),))
