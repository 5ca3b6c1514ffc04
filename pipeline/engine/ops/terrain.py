"""Terrain.* and Image.gradient: slopes in the metres of the requested grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from pipeline.engine.image import Band, Image
from pipeline.engine.kernels import terrain
from pipeline.engine.ops.focal import inner
from pipeline.engine.plan import Around, NDArray, Part, Pixels, valid
from pipeline.engine.space import crs
from pipeline.engine.values import BOOLEAN, DOUBLE, PixelType
from pipeline.errors import EngineError

DEGREES = {"slope": PixelType("float", 0, 90), "aspect": PixelType("float", 0, 360)}
BYTE = PixelType("int", 0, 255)
_WINDOW = 256
_A, _E2 = crs.GEOD.a, crs.GEOD.es


def cell_metres(grid: GeoBox) -> tuple[NDArray, NDArray]:
    """Width and height of each row's cells in metres, positive towards the east and the north on a north-up grid.

    In degrees, by the ellipsoid at the row's latitude; in other units as they are, without the projection's distortion.
    """
    a, _, _, _, e, f = tuple(grid.affine)[:6]
    name = crs.grid_name(grid)
    rows = np.arange(grid.shape[0])
    if not crs.is_geographic(name):
        unit = crs.metres_per_unit(name)
        return np.full(rows.size, a * unit), np.full(rows.size, -e * unit)
    latitude = np.radians(f + e * (rows + 0.5))
    bend = 1 - _E2 * np.sin(latitude) ** 2
    across = _A / np.sqrt(bend) * np.cos(np.clip(latitude, -1.5707, 1.5707))
    along = _A * (1 - _E2) / bend**1.5
    return np.radians(a) * across, np.radians(-e) * along


def _elevation(image: Image, who: str) -> Band:
    """The only band, or the one named `elevation`."""
    if len(image.bands) == 1:
        return image.bands[0]
    for band in image.bands:
        if band.name == "elevation":
            return band
    raise EngineError(f"{who}: the image has {len(image.bands)} bands and none is named 'elevation'. Select one.")


def _product(band: Band, name: terrain.Product, kind: PixelType, sun: tuple[float, float] = (270.0, 45.0)) -> Band:
    def apply(grid: GeoBox, padded: Pixels) -> Pixels:
        data = terrain.surface(padded.data, *cell_metres(grid), name, sun)
        if kind is BYTE:
            data = np.rint(data).astype(np.uint8)
        return Pixels(data, terrain.cross_valid(valid(padded.mask)))

    return replace(band, name=name, type=kind, plan=Around(apply, (band.plan,), lambda grid: (1, 1)))


def slope(image: Image) -> Image:
    """Slope in degrees, from the 4 neighbours; masked where one of them is."""
    return image.with_bands([_product(_elevation(image, "Terrain.slope"), "slope", DEGREES["slope"])])


def aspect(image: Image) -> Image:
    """Aspect in degrees clockwise from north, 0 where flat; masked as slope is."""
    return image.with_bands([_product(_elevation(image, "Terrain.aspect"), "aspect", DEGREES["aspect"])])


def hillshade(image: Image, azimuth: float, elevation: float) -> Image:
    """Illumination 0 to 255 of a surface under a sun at azimuth and elevation, in degrees."""
    return image.with_bands([_product(_elevation(image, "Terrain.hillshade"), "hillshade", BYTE, (azimuth, elevation))])


def products(image: Image) -> Image:
    """The input's bands and `slope`, `aspect` and `hillshade`."""
    band = _elevation(image, "Terrain.products")
    added = [_product(band, "slope", DEGREES["slope"]), _product(band, "aspect", DEGREES["aspect"])]
    return image.with_bands([*image.bands, *added, _product(band, "hillshade", BYTE)])


def gradient(image: Image) -> Image:
    """Rise per metre towards the east (`x`) and towards the north (`y`) of the first band; masked as slope is."""
    if not image.bands:
        raise EngineError("Image.gradient: the image has no bands.")

    def apply(grid: GeoBox, padded: Pixels) -> list[Pixels]:
        mask = terrain.cross_valid(valid(padded.mask))
        return [Pixels(d, mask) for d in terrain.gradient(padded.data, *cell_metres(grid))]

    band = image.bands[0]
    whole = Around(apply, (band.plan,), lambda grid: (1, 1))
    return image.with_bands(replace(band, name=n, type=DOUBLE, plan=Part(whole, i)) for i, n in enumerate("xy"))


def hill_shadow(image: Image, azimuth: float, zenith: float, neighborhood: int, hysteresis: bool) -> Image:
    """`shadow`: 1 where the sun is seen, 0 where terrain within the neighbourhood (0: 256 pixels) hides it."""
    who = "Terrain.hillShadow"
    band = _elevation(image, who)
    if not 0 <= zenith <= 90 or neighborhood < 0:
        raise EngineError(
            f"{who}: zenith must lie in 0 to 90 and neighborhoodSize not be negative: {zenith}, {neighborhood}."
        )
    reach = neighborhood or _WINDOW
    east, north = np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))

    def apply(grid: GeoBox, padded: Pixels) -> Pixels:
        widths, heights = cell_metres(grid)
        # One step moves one cell along the longer axis; every row has its own, so that tiles do not matter.
        x, y = east / widths, -north / heights
        longer = np.maximum(np.abs(x), np.abs(y))
        x, y = x / longer, y / longer
        rise = np.hypot(x * widths, y * heights) * np.tan(np.radians(90 - zenith))
        lit = terrain.illuminated(padded.data, valid(padded.mask), reach, x, y, rise)
        return Pixels(lit.view(np.uint8), inner(padded, grid).mask)

    plan = Around(apply, (band.plan,), lambda grid: (reach, reach))
    return image.with_bands([replace(band, name="shadow", type=BOOLEAN, plan=plan)])


def fill_minima(image: Image, border: int | None, neighborhood: int) -> Image:
    """Each band with its depressions filled, as far as their way out lies within the neighbourhood."""
    for band in image.bands:
        if band.type.precision != "int":
            raise EngineError(
                f"Terrain.fillMinima: band '{band.name}' must be an integer type. Convert it, e.g. toInt()."
            )

    def apply(grid: GeoBox, padded: Pixels) -> Pixels:
        ok = valid(padded.mask)
        data = terrain.filled(padded.data, ~ok if border is None else ~ok | (padded.data == border))
        return inner(Pixels(data, padded.mask), grid)

    return image.with_bands(
        replace(b, plan=Around(apply, (b.plan,), lambda grid: (neighborhood, neighborhood))) for b in image.bands
    )


TABLE: dict[str, Callable[..., Any]] = {
    "HillShadow": hill_shadow,
    "Image.gradient": gradient,
    "Terrain": products,
    "Terrain.aspect": aspect,
    "Terrain.fillMinima": fill_minima,
    "Terrain.hillShadow": hill_shadow,
    "Terrain.hillshade": hillshade,
    "Terrain.products": products,
    "Terrain.slope": slope,
}

NOTES: dict[str, str] = {
    "Image.gradient": "Central differences of the first band, y towards the north; masked where a neighbour is.",
    "Terrain.aspect": "0 where the surface is flat.",
    "Terrain.fillMinima": "Priority flood in a window: a depression that leaves the neighbourhood is filled partly.",
    "Terrain.hillShadow": "Rays are straight lines of pixels; neighborhoodSize 0 means 256; hysteresis is ignored.",
    "Terrain.slope": "In the linear units of a projected grid, without its distortion; by the ellipsoid in degrees.",
}
