"""Measures on the earth, in metres: area, length, distance, buffer, centroid, simplification.

Lengths and areas are those of the WGS84 ellipsoid. What needs a plane (buffers, nearest points, centroids) happens
in an azimuthal equidistant plane about the place in question, exact in distance from its centre.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from pipeline.engine.space.crs import GEOD, LONLAT
from pipeline.engine.space.edges import Coords, chopped
from pipeline.engine.space.geometry import Geometry, parts, rebuilt, sound
from pipeline.errors import EngineError

# Earth Engine does not say which radius `spherical` means; this is the one of its spherical geometry library.
SPHERE = pyproj.Geod(a=6371010.0, b=6371010.0)
_EQUAL_AREA = "EPSG:6933"
_SHORT = 0.1  # degrees
_HALF_WAY_ROUND = 20_037_509
_QUARTER = 16  # edges in a quarter of a buffer's circle: off by 0.12 % of the distance


@dataclass(frozen=True)
class Plane:
    """A plane in metres about a place: true distances and directions from there."""

    lon: float
    lat: float

    def flat(self, shape: BaseGeometry) -> BaseGeometry:
        """A longitude-latitude shape in the plane."""
        return shapely.transform(shape, self._forward)

    def back(self, shape: BaseGeometry) -> BaseGeometry:
        """A shape of the plane in longitude and latitude."""
        return shapely.transform(shape, self._inverse)

    def _forward(self, lonlat: Coords) -> Coords:
        ones = np.ones(len(lonlat))
        azimuth, _, metres = GEOD.inv(self.lon * ones, self.lat * ones, lonlat[:, 0], lonlat[:, 1])
        angle = np.radians(azimuth)
        return np.column_stack([metres * np.sin(angle), metres * np.cos(angle)])

    def _inverse(self, xy: Coords) -> Coords:
        ones = np.ones(len(xy))
        azimuth = np.degrees(np.arctan2(xy[:, 0], xy[:, 1]))
        lon, lat, _ = GEOD.fwd(self.lon * ones, self.lat * ones, azimuth, np.hypot(xy[:, 0], xy[:, 1]))
        return np.column_stack([self.lon + (np.asarray(lon) - self.lon + 180) % 360 - 180, lat])


def area(geometry: Geometry) -> float:
    """Square metres of the areal parts; parts that overlap count each."""
    polygons = [p for p in parts(on_earth(geometry)) if isinstance(p, shapely.Polygon)]
    return sum((_polygon_area(p) for p in polygons), 0.0)


def length(geometry: Geometry) -> float:
    """Metres of the linear parts."""
    lines = [p for p in parts(on_earth(geometry)) if isinstance(p, (shapely.LineString, shapely.LinearRing))]
    return sum((_line_length(line) for line in lines), 0.0)


def perimeter(geometry: Geometry) -> float:
    """Metres around the areal parts, holes included."""
    polygons = [p for p in parts(on_earth(geometry)) if isinstance(p, shapely.Polygon)]
    return sum((_line_length(ring) for p in polygons for ring in (p.exterior, *p.interiors)), 0.0)


def distance(left: Geometry, right: Geometry, spherical: bool = False) -> float | None:
    """Least metres between two geometries, 0 where they meet; None if one is empty."""
    pair = nearest(left, right)
    if pair is None:
        return None
    (x0, y0), (x1, y1) = (p.shape.coords[0] for p in pair)
    return float((SPHERE if spherical else GEOD).inv(x0, y0, x1, y1)[2])


def nearest(left: Geometry, right: Geometry) -> tuple[Geometry, Geometry] | None:
    """The points of each, in longitude and latitude, that are nearest to the other; None if one is empty."""
    a, b = _fine(left), _fine(right)
    if a.is_empty or b.is_empty:
        return None
    here, there = a.representative_point(), b.representative_point()
    if a.geom_type == b.geom_type == "Point":
        return Geometry(a), Geometry(b)
    for _ in range(4):
        # Distances are true from the plane's centre only: move it to the point found, and look again.
        plane = Plane(here.x, here.y)
        line = shapely.shortest_line(plane.flat(a), plane.flat(b))
        here, there = (plane.back(shapely.Point(xy)) for xy in line.coords)
    return Geometry(here), Geometry(there)


def centroid(geometry: Geometry) -> Geometry:
    """The point in the middle of the parts of highest dimension, in longitude and latitude."""
    shape = _fine(geometry)
    if shape.is_empty:
        raise EngineError("Geometry.centroid: the geometry is empty.")
    centre = _middle(shape)
    for _ in range(2):
        plane = Plane(centre.x, centre.y)
        centre = plane.back(shapely.centroid(plane.flat(shape)))
    return Geometry(centre)


def buffer(geometry: Geometry, metres: float) -> Geometry:
    """All within the distance, in longitude and latitude; a negative distance takes a margin off areas."""
    if not abs(metres) <= _HALF_WAY_ROUND:
        raise EngineError(f"Geometry.buffer: distance must be a number of metres up to 20 million, but is {metres:g}.")
    grown = []
    for part in parts(_fine(geometry)):
        middle = _middle(part)
        plane = Plane(middle.x, middle.y)
        grown.append(plane.back(shapely.buffer(sound(plane.flat(part)), metres, quad_segs=_QUARTER)))
    return Geometry(grown[0] if len(grown) == 1 else shapely.unary_union(grown))


def simplify(geometry: Geometry, metres: float) -> Geometry:
    """Fewer positions, none further than the distance from the line kept; in longitude and latitude."""
    if not 0 <= metres < np.inf:
        raise EngineError(f"Geometry.simplify: maxError must be a number of metres, but is {metres:g}.")
    shape = on_earth(geometry)
    if shape.is_empty:
        return geometry
    middle = _middle(shape)
    plane = Plane(middle.x, middle.y)
    return Geometry(plane.back(shapely.simplify(plane.flat(shape), metres)), even_odd=geometry.even_odd)


def on_earth(geometry: Geometry) -> BaseGeometry:
    """The shape in longitude and latitude with great-circle edges."""
    return geometry.to(LONLAT, geodesic=True).shape


def _fine(geometry: Geometry) -> BaseGeometry:
    """The shape with edges so short that they are straight in any plane near by."""
    return sound(rebuilt(on_earth(geometry), lambda line: chopped(line, _SHORT)))


def _middle(shape: BaseGeometry) -> shapely.Point:
    west, south, east, north = shape.bounds
    return shapely.Point((west + east) / 2, (south + north) / 2)


def _polygon_area(polygon: shapely.Polygon) -> float:
    west, _, east, _ = polygon.bounds
    if east - west > 120:
        # A ring cannot tell its inside from the rest of the earth: measured on an equal-area map instead.
        return float(Geometry(polygon).to(_EQUAL_AREA).shape.area)
    rings = [abs(GEOD.polygon_area_perimeter(*np.array(r.coords).T)[0]) for r in (polygon.exterior, *polygon.interiors)]
    return float(rings[0] - sum(rings[1:]))


def _line_length(line: BaseGeometry) -> float:
    return float(GEOD.line_length(*shapely.get_coordinates(line).T))
