"""Coordinate reference systems: names to CRS objects, transformers, scales, and how projections and grids relate.

Knows nothing of geometries or images. Coordinates are always x, y: longitude before latitude.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache

import odc.geo.crs
import pyproj
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj.exceptions import CRSError

from pipeline.engine.values import Projection
from pipeline.errors import EngineError

LONLAT = "EPSG:4326"
GEOD = pyproj.Geod(ellps="WGS84")

_SINUSOIDAL = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs"
# Codes that Earth Engine knows and PROJ does not: spherical web mercator, the MODIS sinusoidal grid, plain lon-lat.
_ALIASES = {
    "SR-ORG:6627": "EPSG:3857",
    "SR-ORG:6974": _SINUSOIDAL,
    "SR-ORG:6842": _SINUSOIDAL,
    "EPSG:900913": "EPSG:3857",
    "CRS:84": LONLAT,
    "OGC:CRS84": LONLAT,
    "URN:OGC:DEF:CRS:OGC:1.3:CRS84": LONLAT,
}
_CODE = re.compile(r"[A-Za-z][A-Za-z-]*:\d+")


@lru_cache(maxsize=256)
def resolve(name: str) -> pyproj.CRS:
    """The CRS that an authority code or WKT stands for."""
    try:
        return pyproj.CRS.from_user_input(_ALIASES.get(name.strip().upper(), name))
    except CRSError:
        raise EngineError(
            f"Projection: the CRS '{name[:80]}' is not known. Give a code such as 'EPSG:32633', or WKT."
        ) from None


@lru_cache(maxsize=256)
def crs(name: str) -> odc.geo.crs.CRS:
    """The CRS as a GeoBox wants it."""
    return odc.geo.crs.CRS(resolve(name))


@lru_cache(maxsize=256)
def transformer(source: str, target: str) -> pyproj.Transformer:
    """Coordinates of one CRS to those of another, x before y."""
    return pyproj.Transformer.from_crs(resolve(source), resolve(target), always_xy=True)


@lru_cache(maxsize=1024)
def same(one: str, other: str) -> bool:
    """Whether two names stand for the same CRS, axis order aside."""
    return one == other or resolve(one).equals(resolve(other), ignore_axis_order=True)


@lru_cache(maxsize=256)
def is_geographic(name: str) -> bool:
    """Whether coordinates are longitudes and latitudes."""
    return bool(resolve(name).is_geographic)


@lru_cache(maxsize=256)
def is_regional(name: str) -> bool:
    """Whether a projection was made for a part of the earth, and tears or folds what spans much of it."""
    system = resolve(name)
    if system.is_geographic:
        return False
    operation, use = system.coordinate_operation, system.area_of_use
    if operation is not None and "transverse mercator" in operation.method_name.lower():
        return True
    return use is not None and (use.east - use.west) % 360 < 180 and use.east - use.west < 360


@lru_cache(maxsize=256)
def metres_per_unit(name: str) -> float:
    """Metres in one unit of the CRS at its point of true scale: 1 for metres, 111319.49… for degrees."""
    system = resolve(name)
    factor = float(system.axis_info[0].unit_conversion_factor) if system.axis_info else 1.0
    if not system.is_geographic:
        return factor
    return factor * (system.ellipsoid.semi_major_metre if system.ellipsoid else GEOD.a)


@lru_cache(maxsize=256)
def code(name: str) -> str | None:
    """The authority code, as given or found; None for a CRS that has none."""
    if _CODE.fullmatch(name.strip()):
        return name.strip().upper()
    authority = resolve(name).to_authority(min_confidence=100)
    return ":".join(authority) if authority else None


def canonical(name: str) -> str:
    """The authority code if there is one, else the name itself; an unknown CRS is refused."""
    resolve(name)
    return code(name) or name


def wkt(name: str) -> str:
    """Well-known text (version 1, as Earth Engine writes it)."""
    return str(resolve(name).to_wkt("WKT1_GDAL", pretty=True))


def affine(projection: Projection) -> Affine:
    """Pixels to coordinates of the CRS."""
    return Affine(*projection.transform)


def nominal_scale(projection: Projection) -> float:
    """Metres in one pixel at the point of true scale; the geometric mean where width and height differ."""
    return metres_per_unit(projection.crs) * math.sqrt(abs(affine(projection).determinant))


def scaled(projection: Projection, x: float, y: float) -> Projection:
    """The projection with pixels x times as wide and y times as high, the origin kept."""
    return _with(projection, affine(projection) @ Affine.scale(x, y))


def translated(projection: Projection, x: float, y: float) -> Projection:
    """The projection with its origin moved by x, y pixels."""
    return _with(projection, affine(projection) @ Affine.translation(x, y))


def at_scale(projection: Projection, metres: float) -> Projection:
    """The projection with its pixels scaled to the given nominal size, the origin kept."""
    factor = metres / nominal_scale(projection)
    return scaled(projection, factor, factor)


def grid_projection(geobox: GeoBox) -> Projection:
    """The projection whose pixel 0, 0 is the grid's first."""
    return Projection(grid_name(geobox), tuple(geobox.affine)[:6])


def grid_name(geobox: GeoBox) -> str:
    """The name of a grid's CRS: a code, or WKT."""
    if geobox.crs is None:
        raise EngineError("Projection: the grid has no CRS.")
    return str(geobox.crs)


def _with(projection: Projection, transform: Affine) -> Projection:
    if not 0 < abs(transform.determinant) < math.inf:
        raise EngineError(f"Projection: the transform {list(transform)[:6]} gives pixels without area.")
    return Projection(projection.crs, tuple(float(v) for v in tuple(transform)[:6]))  # type: ignore[arg-type]
