"""Images made from coordinates alone: areas, longitudes and latitudes, places, noise."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from pipeline.engine.image import Band, Image
from pipeline.engine.plan import NDArray, OnGrid, Pixels, everywhere
from pipeline.engine.space import crs as crs_
from pipeline.engine.space import resample
from pipeline.engine.space.grids import centres
from pipeline.engine.values import DOUBLE, PixelType, Projection
from pipeline.errors import EngineError


def _from_grid(name: str, kind: PixelType, function: Callable[[GeoBox], NDArray]) -> Band:
    def compute(grid: GeoBox) -> Pixels:
        return Pixels(np.broadcast_to(function(grid), tuple(grid.shape)), everywhere(grid.shape))

    return Band(name, kind, OnGrid(compute))


def _pixel_area() -> Image:
    """Band `area`: square metres of each pixel on the ellipsoid."""
    return Image((_from_grid("area", DOUBLE, _areas),))


def _areas(grid: GeoBox) -> NDArray:
    """Ellipsoidal area of each pixel: from latitude bands in lon-lat, from the local scale elsewhere."""
    name = crs_.grid_name(grid)
    if crs_.is_geographic(name) and grid.transform.b == 0 and grid.transform.d == 0:
        edges = grid.transform.f + grid.transform.e * np.arange(grid.height + 1)
        authalic = _authalic(np.radians(np.clip(edges, -90, 90)))
        return (np.abs(np.diff(authalic)) * abs(math.radians(grid.transform.a)))[:, None]
    half = Affine.translation(-0.5, -0.5)
    corners = GeoBox((grid.height + 1, grid.width + 1), grid.transform * half, grid.crs)
    lon, lat = _lon_lat(corners)
    place, level = np.radians(lon), _authalic(np.radians(lat))
    ring = ((slice(None, -1), slice(None, -1)), (slice(None, -1), slice(1, None)), (slice(1, None), slice(1, None)),
            (slice(1, None), slice(None, -1)))  # fmt: skip
    total = np.zeros(tuple(grid.shape))
    for here, there in zip(ring, (*ring[1:], ring[0]), strict=True):
        turn = np.mod(place[there] - place[here] + math.pi, 2 * math.pi) - math.pi
        total += turn * (level[here] + level[there]) / 2
    return np.abs(total)


def _authalic(latitude: NDArray) -> NDArray:
    """Area between the equator and a latitude, per radian of longitude, on the WGS84 ellipsoid (m²)."""
    e2 = crs_.GEOD.es
    e = math.sqrt(e2)
    s = np.sin(latitude)
    area: NDArray = crs_.GEOD.b**2 / 2 * (s / (1 - e2 * s * s) + np.arctanh(e * s) / e)
    return area


def _lon_lat(grid: GeoBox) -> tuple[NDArray, NDArray]:
    x, y = centres(grid)
    name = crs_.grid_name(grid)
    if crs_.same(name, crs_.LONLAT):
        return x, y
    lon, lat = crs_.transformer(name, crs_.LONLAT).transform(x, y)
    return lon, lat


def _pixel_lon_lat() -> Image:
    """Bands `longitude` and `latitude` of pixel centres, in degrees."""
    return Image(
        tuple(
            _from_grid(n, DOUBLE, lambda grid, i=i: _lon_lat(grid)[i])  # type: ignore[misc]
            for i, n in enumerate(("longitude", "latitude"))
        )
    )


def _pixel_coordinates(projection: Projection) -> Image:
    """Bands `x` and `y`: pixel centres in the pixels of the projection."""

    def place(grid: GeoBox, i: int) -> NDArray:
        where = resample.positions(grid, projection.crs, Affine(*projection.transform))
        return where.x if i == 0 else where.y

    return Image(
        tuple(
            replace(_from_grid(n, DOUBLE, lambda grid, i=i: place(grid, i)), projection=projection)  # type: ignore[misc]
            for i, n in enumerate("xy")
        )
    )


def _random(seed: int, distribution: str) -> Image:
    """Band `random`: noise that depends on the seed and the pixel's place alone, uniform [0, 1) or normal."""
    if distribution not in ("uniform", "normal"):
        raise EngineError(f"Image.random: Unknown distribution '{distribution}'. Choose 'uniform' or 'normal'.")
    kind = PixelType("double", 0, 1) if distribution == "uniform" else DOUBLE
    return Image((_from_grid("random", kind, lambda grid: _noise(grid, seed, distribution)),))


def _noise(grid: GeoBox, seed: int, distribution: str) -> NDArray:
    x, y = centres(grid)
    size = math.sqrt(abs(grid.transform.determinant))
    cell = np.stack([np.floor(x / size + 1e-6), np.floor(y / size + 1e-6)]).astype(np.int64).view(np.uint64)
    first = _hash(cell[0], cell[1], np.uint64(seed % 2**64))
    if distribution == "uniform":
        return first
    second = _hash(cell[1], cell[0], np.uint64((seed + 1) % 2**64))
    return np.asarray(np.sqrt(-2 * np.log(np.maximum(first, 2**-53))) * np.cos(2 * np.pi * second))


def _hash(a: NDArray, b: NDArray, seed: Any) -> NDArray:
    """Uniform numbers from integers: the splitmix64 finaliser over both."""
    with np.errstate(over="ignore"):
        z = a * np.uint64(0x9E3779B97F4A7C15) + b * np.uint64(0xC2B2AE3D27D4EB4F) + seed * np.uint64(0x165667B19E3779F9)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
        z = z ^ (z >> np.uint64(31))
    return np.asarray((z >> np.uint64(11)).astype(np.float64) * 2.0**-53)


TABLE = {
    "Image.pixelArea": _pixel_area,
    "Image.pixelLonLat": _pixel_lon_lat,
    "Image.pixelCoordinates": _pixel_coordinates,
    "Image.random": _random,
}

NOTES = {
    "Image.random": "Numbers depend on seed and place as in Earth Engine, but are not Earth Engine's numbers.",
}
