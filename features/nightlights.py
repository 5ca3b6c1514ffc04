"""Light at night: VIIRS composites of the year, or a Luojia-1 raster that the user has."""

from __future__ import annotations

import ee

from features.composite import blank, with_blank
from features.options import Options

ANNUAL_TO_2021 = "NOAA/VIIRS/DNB/ANNUAL_V21"
ANNUAL_FROM_2022 = "NOAA/VIIRS/DNB/ANNUAL_V22"
MONTHLY = "NOAA/VIIRS/DNB/MONTHLY_V1/VCMSLCFG"


def source(year: int, options: Options) -> tuple[str, str]:
    """The asset of VIIRS that is read and its band."""
    if options.lights == "monthly":
        return MONTHLY, "avg_rad"
    return (ANNUAL_FROM_2022 if year >= 2022 else ANNUAL_TO_2021), "average"


def images(year: int, options: Options) -> ee.ImageCollection:
    """What there is of the calendar year."""
    if options.luojia:
        return ee.ImageCollection([ee.Image(options.luojia)])
    asset, band = source(year, options)
    return ee.ImageCollection(asset).filterDate(f"{year}-01-01", f"{year + 1}-01-01").select([band])


def lights(year: int, options: Options) -> ee.Image:
    """Radiance, band `NTL`: VIIRS nW cm⁻² sr⁻¹, Luojia-1 W m⁻² sr⁻¹ µm⁻¹; masked where there is no raster, never 0."""
    if options.lights is None:
        return blank(["NTL"])
    if options.luojia:
        counts = ee.Image(options.luojia).select([0]).toDouble().max(0)
        return counts.pow(1.5).multiply(1e-10).resample("bilinear").rename("NTL")
    _, band = source(year, options)
    smooth = images(year, options).map(lambda image: image.toFloat().resample("bilinear"))
    return with_blank(smooth, [band]).mean().rename("NTL")
