"""Images as the archive stores them: grids, bands, and the properties that Earth Engine gives each product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from affine import Affine

from pipeline.simulate.district import PIXEL, Land, NDArray, Place
from pipeline.simulate.scenes import ancillary
from pipeline.simulate.scenes.masks import CIRRUS, HIGH, MEDIUM
from pipeline.simulate.scenes.optical import Scene
from pipeline.simulate.scenes.passes import OpticalPass, RadarPass
from pipeline.simulate.scenes.radar import RadarScene
from pipeline.simulate.scenes.sky import Sun
from pipeline.simulate.scenes.spectra import TEN_METRES, TWENTY_METRES

OPTICAL = "COPERNICUS/S2_SR_HARMONIZED"
CLOUD_SCORE = "GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED"
PROBABILITY = "COPERNICUS/S2_CLOUD_PROBABILITY"
RADAR = "COPERNICUS/S1_GRD"
NASADEM = "NASA/NASADEM_HGT/001"
GLO30 = "COPERNICUS/DEM/GLO30"
LIGHTS_TO_2021 = "NOAA/VIIRS/DNB/ANNUAL_V21"
LIGHTS_FROM_2022 = "NOAA/VIIRS/DNB/ANNUAL_V22"
MONTHLY_LIGHTS = "NOAA/VIIRS/DNB/MONTHLY_V1/VCMSLCFG"
SCL_SHARES = {
    2: "DARK_FEATURES_PERCENTAGE",
    3: "CLOUD_SHADOW_PERCENTAGE",
    4: "VEGETATION_PERCENTAGE",
    5: "NOT_VEGETATED_PERCENTAGE",
    6: "WATER_PERCENTAGE",
    7: "UNCLASSIFIED_PERCENTAGE",
    8: "MEDIUM_PROBA_CLOUDS_PERCENTAGE",
    9: "HIGH_PROBA_CLOUDS_PERCENTAGE",
    10: "THIN_CIRRUS_PERCENTAGE",
    11: "SNOW_ICE_PERCENTAGE",
}
BASELINES = ((datetime(2022, 1, 25, tzinfo=UTC), "04.00"), (datetime(2021, 3, 30, tzinfo=UTC), "03.00"))
MADE = {"simulated": "minecover"}
"""What every image says of itself."""


@dataclass(frozen=True, eq=False)
class Layer:
    """Bands of one grid and one type: (band, row, column)."""

    names: tuple[str, ...]
    data: NDArray
    crs: str
    transform: Affine


@dataclass(frozen=True, eq=False)
class Image:
    """An image for the archive under its asset id. A band's value is the stored number × `scale`."""

    asset: str
    layers: tuple[Layer, ...]
    start: datetime
    end: datetime | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    scale: float = 1.0
    pyramiding: str = "mean"


def optical_image(place: Place, look: OpticalPass, sun: Sun, scene: Scene, scl: NDArray) -> Image:
    """A Sentinel-2 image: four bands at 10 m, six and the scene classification at 20 m."""
    layers = (
        _layer(place, TEN_METRES, [scene.bands[n] for n in TEN_METRES], PIXEL),
        _layer(place, TWENTY_METRES, [scene.bands[n] for n in TWENTY_METRES], 2 * PIXEL),
        _layer(place, ("SCL",), [scl], 2 * PIXEL),
    )
    said = _optical_properties(look, sun) | _shares(scl)
    return Image(f"{OPTICAL}/{look.index}", layers, look.seen, properties=said, pyramiding="sample")


def _optical_properties(look: OpticalPass, sun: Sun) -> dict[str, Any]:
    baseline = next((name for since, name in BASELINES if look.start >= since), "02.14")
    letter, day = look.satellite[-2:], f"{look.start:%Y%m%dT%H%M%S}"
    made = f"{look.start + timedelta(hours=5):%Y%m%dT%H%M%S}"
    number = baseline.replace(".", "")
    return MADE | {
        "PRODUCT_ID": f"S{letter}_MSIL2A_{day}_N{number}_R{look.relative:03d}_{look.tile}_{made}",
        "GRANULE_ID": f"L2A_{look.tile}_A{look.absolute:06d}_{look.start + timedelta(minutes=9):%Y%m%dT%H%M%S}",
        "DATATAKE_IDENTIFIER": f"GS{letter}_{day}_{look.absolute:06d}_N{baseline}",
        "SPACECRAFT_NAME": look.satellite,
        "MGRS_TILE": look.tile[1:],
        "SENSING_ORBIT_NUMBER": look.relative,
        "SENSING_ORBIT_DIRECTION": "DESCENDING",
        "PROCESSING_BASELINE": baseline,
        "MEAN_SOLAR_ZENITH_ANGLE": round(sun.zenith, 4),
        "MEAN_SOLAR_AZIMUTH_ANGLE": round(sun.azimuth, 4),
        "GENERAL_QUALITY": "PASSED",
        "NODATA_PIXEL_PERCENTAGE": 0.0,
    }


def _shares(scl: NDArray) -> dict[str, float]:
    """Percentages of the scene classification; a real product has them of its whole tile of 110 km."""
    counts = np.bincount(scl.ravel(), minlength=12) * 100 / scl.size
    cloudy = float(counts[[MEDIUM, HIGH, CIRRUS]].sum())
    return {"CLOUDY_PIXEL_PERCENTAGE": round(cloudy, 4)} | {
        name: round(float(counts[code]), 4) for code, name in SCL_SHARES.items()
    }


def score_image(place: Place, look: OpticalPass, cs: NDArray, cs_cdf: NDArray) -> Image:
    """The Cloud Score+ image of a Sentinel-2 image, stored in steps of 1/250."""
    bands = [np.rint(250 * score).astype(np.uint8) for score in (cs, cs_cdf)]
    layers = (_layer(place, ("cs", "cs_cdf"), bands, PIXEL),)
    said = MADE | {"MGRS_TILE": look.tile[1:], "SPACECRAFT_NAME": look.satellite}
    return Image(f"{CLOUD_SCORE}/{look.index}", layers, look.seen, properties=said, scale=0.004)


def probability_image(place: Place, look: OpticalPass, probability: NDArray) -> Image:
    """The s2cloudless image of a Sentinel-2 image."""
    layers = (_layer(place, ("probability",), [probability], PIXEL),)
    return Image(f"{PROBABILITY}/{look.index}", layers, look.seen, properties=MADE)


def radar_image(place: Place, look: RadarPass, scene: RadarScene) -> Image:
    """A Sentinel-1 image: VV and VH at 10 m, the incidence angle at 100 m."""
    layers = (
        _layer(place, ("VV", "VH"), [scene.vv, scene.vh], PIXEL),
        _layer(place, ("angle",), [scene.angle], 100.0),
    )
    said = MADE | {
        "instrumentMode": "IW",
        "instrument": "C-SAR",
        "familyName": "SENTINEL-1",
        "platform_number": "A",
        "platformHeading": look.heading,
        "productType": "GRD",
        "resolution": "H",
        "resolution_meters": 10,
        "transmitterReceiverPolarisation": ["VV", "VH"],
        "orbitProperties_pass": look.direction,
        "orbitNumber_start": look.absolute,
        "orbitNumber_stop": look.absolute,
        "relativeOrbitNumber_start": look.relative,
        "relativeOrbitNumber_stop": look.relative,
    }
    return Image(f"{RADAR}/{look.index}", layers, look.start, look.start + timedelta(seconds=25), said)


def glo30_id(place: Place) -> str:
    """Asset id of the tile of the Copernicus elevation model that the district lies in."""
    west, south, east, north = ancillary.outline(place)
    square = f"N{int((south + north) // 2):02d}_00_E{int((west + east) // 2):03d}_00"
    return f"{GLO30}/Copernicus_DSM_COG_10_{square}_DEM"


def lights_id(year: int) -> str:
    """Asset id of a year's night lights."""
    return f"{LIGHTS_FROM_2022 if year >= 2022 else LIGHTS_TO_2021}/{year}0101"


def monthly_id(year: int, month: int) -> str:
    """Asset id of a month's night lights."""
    return f"{MONTHLY_LIGHTS}/{year}{month:02d}01"


def nasadem_image(land: Land, seed: int) -> Image:
    """The elevation model of February 2000, three bands of three types."""
    grid, bands = ancillary.nasadem(land, seed)
    layers = tuple(_on(grid, (name,), [band]) for name, band in bands.items())
    start = datetime(2000, 2, 11, tzinfo=UTC)
    return Image(NASADEM, layers, start, datetime(2000, 2, 22, tzinfo=UTC), MADE)


def glo30_image(land: Land, seed: int) -> Image:
    """The tile of the Copernicus elevation model that the district lies in."""
    grid, surface = ancillary.glo30(land, seed)
    start, end = datetime(2010, 12, 1, tzinfo=UTC), datetime(2015, 1, 31, tzinfo=UTC)
    return Image(glo30_id(land.place), (_on(grid, ("DEM",), [surface]),), start, end, MADE)


def lights_image(land: Land, seed: int) -> Image:
    """The night lights of the land's year."""
    grid, bands = ancillary.lights_of_year(land, seed)
    start, end = (datetime(land.year + n, 1, 1, tzinfo=UTC) for n in (0, 1))
    return Image(lights_id(land.year), _by_type(grid, bands), start, end, MADE)


def monthly_image(land: Land, month: int, seed: int) -> Image:
    """The night lights of a month of the land's year."""
    grid, bands = ancillary.lights_of_month(land, month, seed)
    start = datetime(land.year, month, 1, tzinfo=UTC)
    end = datetime(land.year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return Image(monthly_id(land.year, month), _by_type(grid, bands), start, end, MADE)


def _by_type(grid: ancillary.Grid, bands: dict[str, NDArray]) -> tuple[Layer, ...]:
    types = dict.fromkeys(band.dtype for band in bands.values())
    alike = [tuple(name for name, band in bands.items() if band.dtype == kind) for kind in types]
    return tuple(_on(grid, names, [bands[n] for n in names]) for names in alike)


def _on(grid: ancillary.Grid, names: tuple[str, ...], bands: list[NDArray]) -> Layer:
    return Layer(names, np.stack(bands), "EPSG:4326", grid.transform)


def _layer(place: Place, names: tuple[str, ...], bands: list[NDArray], pixel: float) -> Layer:
    return Layer(names, np.stack(bands), place.crs, Affine(pixel, 0, place.west, 0, -pixel, place.north))
