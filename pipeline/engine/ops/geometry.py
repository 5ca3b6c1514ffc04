"""Geometries: constructors, measures, set operations and predicates.

Without a projection, measures are metres on the WGS84 ellipsoid and set operations happen in longitude and latitude;
with one, both happen in the plane of that projection and in its units, pixels where it has a transform. Nothing here
is approximated more coarsely than 0.1 m, so `maxError` is accepted and has no further effect.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
from affine import Affine
from shapely.geometry.base import BaseGeometry

from pipeline.engine.collection import Collection, Feature
from pipeline.engine.collection import features as numbered
from pipeline.engine.space import crs as crs_
from pipeline.engine.space import geodesy
from pipeline.engine.space.crs import LONLAT
from pipeline.engine.space.edges import placed
from pipeline.engine.space.geometry import Geometry, build, collected, parts, sound
from pipeline.engine.values import ErrorMargin, Projection
from pipeline.errors import EngineError

_MOST_CELLS = 1_000_000


# Constructors


def _made(kind: str) -> Callable[..., Geometry]:
    """A constructor of (coordinates, crs, geodesic, maxError, evenOdd); some have fewer arguments."""

    def construct(
        coordinates: list[Any],
        crs: Projection | None = None,
        geodesic: bool | None = None,
        max_error: ErrorMargin | None = None,
        even_odd: bool = True,
    ) -> Geometry:
        return _construct(kind, coordinates, crs, geodesic, even_odd)

    return construct


def _construct(kind: str, given: list[Any], crs: Projection | None, geodesic: bool | None, even_odd: bool) -> Geometry:
    """From numbers in pixels of the projection, or from geometries, whose CRS and edges are the default."""
    coordinates, found = _unpacked(given)
    if not found:
        place = crs_.affine(crs) if crs else None
        return build(kind, coordinates, crs.crs if crs else LONLAT, geodesic, even_odd, place)
    first = found[0]
    if any(not crs_.same(g.crs, first.crs) for g in found):
        raise EngineError(f"GeometryConstructors.{kind}: the geometries are in different projections; transform them.")
    made = build(kind, coordinates, first.crs, first.geodesic if first.type != "Point" else None, even_odd)
    if crs is None and geodesic is None:
        return made
    return made.to(crs.crs if crs else made.crs, made.geodesic if geodesic is None else geodesic)


def _unpacked(value: Any) -> tuple[Any, list[Geometry]]:
    """Coordinates with geometries among them replaced by theirs, and those geometries."""
    if isinstance(value, Geometry):
        return value.geojson()["coordinates"], [value]
    if not isinstance(value, (list, tuple)):
        return value, []
    pairs = [_unpacked(v) for v in value]
    return [c for c, _ in pairs], [g for _, found in pairs for g in found]


def _rectangle(given: list[Any], crs: Projection | None, geodesic: bool | None, even_odd: bool) -> Geometry:
    """The polygon between the low and the high corner."""
    coordinates, found = _unpacked(given)
    try:
        flat = np.asarray(coordinates, float).ravel()
    except (TypeError, ValueError):
        flat = np.zeros(0)
    if len(flat) != 4:
        raise EngineError(f"GeometryConstructors.Rectangle: give the low and the high corner, not {given!r}.")
    x0, y0, x1, y1 = flat
    base = found[0] if found else None
    projection = crs or (Projection(base.crs) if base else None)
    return _construct("Polygon", [[x0, y0], [x1, y0], [x1, y1], [x0, y1]], projection, geodesic, even_odd)


def _bbox(west: float, south: float, east: float, north: float) -> Geometry:
    """A planar WGS84 rectangle; `east` may be less than `west` across the antimeridian."""
    south, north = max(south, -90.0), min(north, 90.0)
    if south > north:
        raise EngineError(f"GeometryConstructors.BBox: south ({south}) must not be above north ({north}).")
    if east - west >= 360:
        west, east = -180.0, 180.0
    elif not np.isfinite([west, east]).all():
        raise EngineError(f"GeometryConstructors.BBox: west ({west}) and east ({east}) must be finite.")
    width = (east - west) % 360 if east < west else east - west
    west = west if -180 <= west <= 180 else (west + 180) % 360 - 180
    return Geometry(_rectangular((west, south, west + width, north)), geodesic=False)


def _multi(
    geometries: list[Geometry], crs: Projection | None, geodesic: bool | None, max_error: ErrorMargin | None
) -> Geometry:
    made = collected(geometries)
    if crs is None and geodesic is None:
        return made
    return made.to(crs.crs if crs else made.crs, made.geodesic if geodesic is None else geodesic)


# What a geometry is


def _coordinates(geometry: Geometry) -> list[Any]:
    form = geometry.geojson()
    if "coordinates" not in form:
        raise EngineError("Geometry.coordinates: a GeometryCollection has none. Use Geometry.geometries first.")
    found: list[Any] = form["coordinates"]
    return found


def _geometries(geometry: Geometry) -> list[Geometry]:
    if not isinstance(geometry.shape, shapely.GeometryCollection):
        return [geometry]
    return [Geometry(g, geometry.crs, geometry.geodesic, geometry.even_odd) for g in geometry.shape.geoms]


def transform(
    geometry: Geometry, proj: Projection, max_error: ErrorMargin | None = None, geodesic: bool | None = None
) -> Geometry:
    """The geometry in the projection's CRS; great-circle edges by default where that is geographic."""
    return geometry.to(proj.crs, geodesic)


# Measures


def area(geometry: Geometry, max_error: ErrorMargin | None, proj: Projection | None) -> float:
    """Square metres, or square units of the projection."""
    return geodesy.area(geometry) if proj is None else float(shapely.area(_flat(geometry, proj)))


def length(geometry: Geometry, max_error: ErrorMargin | None, proj: Projection | None) -> float:
    """Metres, or units of the projection, of the linear parts."""
    if proj is None:
        return geodesy.length(geometry)
    return float(sum(p.length for p in parts(_flat(geometry, proj)) if not isinstance(p, shapely.Polygon)))


def perimeter(geometry: Geometry, max_error: ErrorMargin | None, proj: Projection | None) -> float:
    """Metres, or units of the projection, around the areal parts."""
    if proj is None:
        return geodesy.perimeter(geometry)
    return float(sum(p.length for p in parts(_flat(geometry, proj)) if isinstance(p, shapely.Polygon)))


def distance(
    left: Geometry, right: Geometry, max_error: ErrorMargin | None, proj: Projection | None, spherical: bool
) -> float | None:
    """Least distance in metres, or in units of the projection; null if a geometry is empty."""
    if left.shape.is_empty or right.shape.is_empty:
        return None
    if proj is None:
        return geodesy.distance(left, right, spherical)
    return float(shapely.distance(_flat(left, proj), _flat(right, proj)))


def within_distance(
    left: Geometry, right: Geometry, reach: float, max_error: ErrorMargin | None, proj: Projection | None
) -> bool:
    """Whether the distance is at most `reach`."""
    metres = distance(left, right, max_error, proj, False)
    return metres is not None and metres <= reach


def closest_points(
    left: Geometry, right: Geometry, max_error: ErrorMargin | None, proj: Projection | None
) -> dict[str, Geometry]:
    """`left` and `right`: the points of each that are nearest to the other; empty if a geometry is."""
    if left.shape.is_empty or right.shape.is_empty:
        return {}
    if proj is None:
        pair = geodesy.nearest(left, right)
        return {} if pair is None else dict(zip(("left", "right"), pair, strict=True))
    line = shapely.shortest_line(_flat(left, proj), _flat(right, proj))
    ends = [_lifted(shapely.Point(xy), proj) for xy in line.coords]
    return dict(zip(("left", "right"), ends, strict=True))


def closest_point(
    left: Geometry, right: Geometry, max_error: ErrorMargin | None, proj: Projection | None
) -> Geometry | None:
    """The point of the right geometry that is nearest to the left one."""
    return closest_points(left, right, max_error, proj).get("right")


# Shapes from a shape


def bounds(geometry: Geometry, max_error: ErrorMargin | None, proj: Projection | None) -> Geometry:
    """The bounding rectangle, planar, in the projection's CRS or in WGS84."""
    crs = proj.crs if proj else LONLAT
    if geometry.shape.is_empty:
        return Geometry(shapely.Polygon(), crs, geodesic=False)
    return Geometry(_rectangular(geometry.bounds_in(crs)), crs, geodesic=False, unbounded=geometry.unbounded)


def buffer(geometry: Geometry, reach: float, max_error: ErrorMargin | None, proj: Projection | None) -> Geometry:
    """All within the distance, in metres or in units of the projection; less where it is negative."""
    if proj is None:
        return geodesy.buffer(geometry, reach)
    return _lifted(shapely.buffer(_flat(geometry, proj), reach), proj)


def centroid(geometry: Geometry, max_error: ErrorMargin | None, proj: Projection | None) -> Geometry:
    """The point in the middle of the parts of highest dimension."""
    if proj is None:
        return geodesy.centroid(geometry)
    return _lifted(shapely.centroid(_flat(geometry, proj)), proj)


def simplify(geometry: Geometry, max_error: ErrorMargin | None, proj: Projection | None) -> Geometry:
    """Fewer positions, off by at most `maxError` metres, or units of the projection where it says so."""
    if max_error is None or max_error.value is None:
        return geometry if proj is None else geometry.to(proj.crs)
    if max_error.unit == "projected":
        plane = proj or Projection(geometry.crs)
        return _lifted(shapely.simplify(_flat(geometry, plane), max_error.value), plane)
    target = proj.crs if proj else geometry.crs
    return geodesy.simplify(geometry, max_error.value).to(target, geometry.geodesic if proj is None else None)


def convex_hull(geometry: Geometry, max_error: ErrorMargin | None, proj: Projection | None) -> Geometry:
    """The convex hull in the projection, or in longitude and latitude."""
    shape = _planar(geometry, proj.crs if proj else LONLAT)
    return Geometry(shapely.convex_hull(shape), *((proj.crs, False) if proj else (LONLAT, geometry.geodesic)))


def dissolve(geometry: Geometry, max_error: ErrorMargin | None, proj: Projection | None) -> Geometry:
    """The union of the parts; a single part stays as it is."""
    if proj is None and not hasattr(geometry.shape, "geoms"):
        return geometry
    shape = shapely.unary_union(_planar(geometry, proj.crs if proj else LONLAT))
    return Geometry(shape, *((proj.crs, False) if proj else (LONLAT, geometry.geodesic)))


def _covering_grid(geometry: Geometry, proj: Projection, scale: float | None) -> Collection:
    """The cells of the projection's pixel grid that meet the geometry, named `x,y`."""
    cells = crs_.at_scale(proj, scale) if scale is not None else proj
    shape = _flat(geometry, cells)
    if shape.is_empty:
        return numbered([])
    x0, y0, x1, y1 = shape.bounds
    count = (np.ceil(x1) - np.floor(x0)) * (np.ceil(y1) - np.floor(y0))
    if count > _MOST_CELLS:
        raise EngineError(f"Geometry.coveringGrid: {count:.0f} cells are too many. Give a larger scale.")
    xs, ys = np.arange(np.floor(x0), np.ceil(x1)), np.arange(np.floor(y0), np.ceil(y1))
    x, y = (v.ravel() for v in np.meshgrid(xs, ys))
    boxes = shapely.box(x, y, x + 1, y + 1)
    met = shapely.intersects(shape, boxes)
    found = zip(x[met], y[met], boxes[met], strict=True)
    return numbered([Feature(_lifted(box, cells), {"system:index": f"{int(i)},{int(j)}"}) for i, j, box in found])


# Two geometries


def overlay(operation: Callable[..., BaseGeometry]) -> Callable[..., Geometry]:
    """A set operation on two geometries, in the projection or in longitude and latitude."""

    def combine(left: Geometry, right: Geometry, max_error: ErrorMargin | None, proj: Projection | None) -> Geometry:
        a, b = _together(left, right, proj)
        shape = operation(a, b)
        if shape.is_empty:
            shape = shapely.GeometryCollection()
        if proj is not None:
            return Geometry(shape, proj.crs, geodesic=False)
        return Geometry(shape, geodesic=left.geodesic and right.geodesic)

    return combine


def predicate(question: Callable[..., bool]) -> Callable[..., bool]:
    """A yes or no about two geometries, in the projection or in longitude and latitude."""

    def ask(left: Geometry, right: Geometry, max_error: ErrorMargin | None, proj: Projection | None) -> bool:
        return bool(question(*_together(left, right, proj)))

    return ask


def _together(left: Geometry, right: Geometry, proj: Projection | None) -> tuple[BaseGeometry, BaseGeometry]:
    """Both shapes in one plane; longitudes moved by whole turns so that the second lies near the first."""
    crs = proj.crs if proj else LONLAT
    a, b = _planar(left, crs), _planar(right, crs)
    if not crs_.is_geographic(crs) or a.is_empty or b.is_empty:
        return a, b
    apart = (a.bounds[0] + a.bounds[2] - b.bounds[0] - b.bounds[2]) / 2
    wide = max(a.bounds[2] - a.bounds[0], b.bounds[2] - b.bounds[0]) >= 360
    turns = 0 if wide else round(apart / 360)
    return a, (shapely.transform(b, lambda xy: xy + np.array([360.0 * turns, 0.0])) if turns else b)


def _planar(geometry: Geometry, crs: str) -> BaseGeometry:
    shape = geometry.planar(crs)
    if shape is None:
        raise EngineError(f"Geometry.transform: the geometry reaches beyond what '{crs[:60]}' can show.")
    return shape


def _flat(geometry: Geometry, proj: Projection) -> BaseGeometry:
    """The shape in units of the projection: those of the CRS, or pixels where it has a transform."""
    to_units = ~crs_.affine(proj)
    shape = _planar(geometry, proj.crs)
    return shape if to_units.is_identity else _placed(shape, to_units)


def _lifted(shape: BaseGeometry, proj: Projection) -> Geometry:
    """A shape in units of the projection as a planar geometry in its CRS."""
    place = crs_.affine(proj)
    return Geometry(sound(shape if place.is_identity else _placed(shape, place)), proj.crs, geodesic=False)


def _placed(shape: BaseGeometry, place: Affine) -> BaseGeometry:
    return shapely.transform(shape, lambda xy: placed(xy, place))


def _rectangular(box: tuple[float, float, float, float]) -> BaseGeometry:
    west, south, east, north = box
    return shapely.Polygon([(west, south), (east, south), (east, north), (west, north)])


union, intersection = overlay(shapely.union), overlay(shapely.intersection)
difference, symmetric_difference = overlay(shapely.difference), overlay(shapely.symmetric_difference)
intersects, disjoint = predicate(shapely.intersects), predicate(shapely.disjoint)
contains, contained_in = predicate(shapely.contains), predicate(shapely.within)

TABLE: dict[str, Callable[..., Any]] = {
    "GeometryConstructors.Point": _made("Point"),
    "GeometryConstructors.MultiPoint": _made("MultiPoint"),
    "GeometryConstructors.LineString": _made("LineString"),
    "GeometryConstructors.LinearRing": _made("LinearRing"),
    "GeometryConstructors.MultiLineString": _made("MultiLineString"),
    "GeometryConstructors.Polygon": _made("Polygon"),
    "GeometryConstructors.MultiPolygon": _made("MultiPolygon"),
    "GeometryConstructors.Rectangle": _rectangle,
    "GeometryConstructors.BBox": _bbox,
    "GeometryConstructors.MultiGeometry": _multi,
    "Geometry.type": lambda geometry: geometry.type,
    "Geometry.coordinates": _coordinates,
    "Geometry.geometries": _geometries,
    "Geometry.projection": lambda geometry: Projection(geometry.crs),
    "Geometry.geodesic": lambda geometry: geometry.geodesic,
    "Geometry.edgesAreGeodesics": lambda geometry: geometry.geodesic,
    "Geometry.isUnbounded": lambda geometry: geometry.unbounded,
    "Geometry.transform": transform,
    "Geometry.area": area,
    "Geometry.length": length,
    "Geometry.perimeter": perimeter,
    "Geometry.distance": distance,
    "Geometry.withinDistance": within_distance,
    "Geometry.closestPoint": closest_point,
    "Geometry.closestPoints": closest_points,
    "Geometry.bounds": bounds,
    "Geometry.buffer": buffer,
    "Geometry.centroid": centroid,
    "Geometry.simplify": simplify,
    "Geometry.convexHull": convex_hull,
    "Geometry.dissolve": dissolve,
    "Geometry.coveringGrid": _covering_grid,
    "Geometry.union": union,
    "Geometry.intersection": intersection,
    "Geometry.difference": difference,
    "Geometry.symmetricDifference": symmetric_difference,
    "Geometry.intersects": intersects,
    "Geometry.disjoint": disjoint,
    "Geometry.contains": contains,
    "Geometry.containedIn": contained_in,
}

_ON_LONLAT = "Without a projection computed in longitude and latitude, great-circle edges refined to 0.1 m."

NOTES: dict[str, str] = {
    "GeometryConstructors.Polygon": "A great-circle polygon that spans 360° of longitude is taken as planar; "
    "one around a pole is not closed over the pole.",
    "GeometryConstructors.Rectangle": "Comes as the Polygon it stands for.",
    "Geometry.area": "Of the WGS84 ellipsoid, edges being its geodesics.",
    "Geometry.distance": "`spherical` uses a radius of 6371010 m; Earth Engine does not document its own.",
    "Geometry.buffer": "Circles have 64 edges, inside the true one by 0.12 %; made in a plane about each part, so "
    "that distances drift by 0.1 % where a part reaches 500 km.",
    "Geometry.transform": "Coordinates are those of the projection's CRS, never its pixels.",
    "Geometry.simplify": "Keeps a subset of the positions (Douglas-Peucker); the choice differs from Earth Engine's.",
    "Geometry.convexHull": "Without a projection the hull is that of longitudes and latitudes, not of the sphere.",
    "Geometry.union": _ON_LONLAT,
    "Geometry.intersection": _ON_LONLAT + " Nothing in common is an empty GeometryCollection.",
    "Geometry.difference": _ON_LONLAT,
    "Geometry.symmetricDifference": _ON_LONLAT,
    "Geometry.dissolve": _ON_LONLAT,
}
