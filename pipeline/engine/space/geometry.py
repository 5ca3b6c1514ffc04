"""Geometries: a shape in a CRS with straight or great-circle edges; GeoJSON in and out; the same in another CRS.

Knows nothing of pixels; measures on the earth are in `geodesy`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import shapely
from affine import Affine
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from pipeline.engine.collection import Collection, Feature
from pipeline.engine.image import Image
from pipeline.engine.limits import unfolded
from pipeline.engine.space import crs as crs_
from pipeline.engine.space.crs import LONLAT
from pipeline.engine.space.edges import Coords, Edges, carry, placed, unwrapped
from pipeline.errors import EngineError

_DEPTHS = {
    "Point": 1,
    "MultiPoint": 2,
    "LineString": 2,
    "LinearRing": 2,
    "Polygon": 3,
    "MultiLineString": 3,
    "MultiPolygon": 4,
}
KINDS = (*_DEPTHS, "GeometryCollection")


@dataclass(frozen=True, eq=False)
class Geometry:
    """A shapely shape in the coordinates of `crs`.

    Edges are great circles where `geodesic`, else straight in the CRS. Longitudes may run beyond ±180 where a shape
    crosses the antimeridian. `even_odd`: constructed by the even-odd rule, and written so; what was computed, or is by
    the left-inside rule, is not. `unbounded` is everything there is: the footprint of an image without bounds.
    """

    shape: BaseGeometry
    crs: str = LONLAT
    geodesic: bool = True
    even_odd: bool = False
    unbounded: bool = False
    _planar: dict[str, BaseGeometry | None] = field(default_factory=dict, init=False, repr=False)

    @property
    def type(self) -> str:
        """The GeoJSON type (`LinearRing` among them)."""
        return str(self.shape.geom_type)

    def to(self, crs: str, geodesic: bool | None = None) -> Geometry:
        """The same places in another CRS, off by at most 0.1 m.

        By default edges become great circles if that CRS is geographic, else straight lines.
        """
        edges = Edges(crs, crs_.is_geographic(crs) if geodesic is None else geodesic)
        shape = self._carried(edges) if self._fits(crs) else None
        if shape is None or not _finite(shape):
            raise EngineError(f"Geometry.transform: the geometry reaches beyond what '{crs[:60]}' can show.")
        return replace(self, shape=shape, crs=crs, geodesic=edges.geodesic)

    def planar(self, crs: str) -> BaseGeometry | None:
        """A valid shape with straight edges in the CRS; None where the CRS cannot show all of it. Kept."""
        if crs not in self._planar:
            shape = self._carried(Edges(crs, False)) if self._fits(crs) else None
            self._planar[crs] = None if shape is None or not _finite(shape) else sound(shape)
        return self._planar[crs]

    def bounds_in(self, crs: str) -> tuple[float, float, float, float]:
        """Least x, least y, greatest x, greatest y in the CRS, the bulge of curved edges included."""
        west, south, east, north = self.to(crs, geodesic=False).shape.bounds
        return west, south, east, north

    def geojson(self) -> dict[str, Any]:
        """GeoJSON as Earth Engine writes it: `geodesic` where false, `crs` off WGS84, `evenOdd` for areas built so."""
        form = _member(self.shape)
        if not self.geodesic and self.type not in ("Point", "MultiPoint"):
            form["geodesic"] = False
        if not crs_.same(self.crs, LONLAT):
            form["crs"] = {"type": "name", "properties": {"name": self.crs}}
        if self.even_odd and self.type in ("Polygon", "MultiPolygon"):
            form["evenOdd"] = True
        return form

    def _fits(self, crs: str) -> bool:
        """Whether a projection made for one region is spared a shape that spans much of the earth."""
        if self.shape.is_empty or not crs_.is_geographic(self.crs) or not crs_.is_regional(crs):
            return True
        return bool(self.shape.bounds[2] - self.shape.bounds[0] <= 90)

    def _carried(self, target: Edges) -> BaseGeometry:
        source = Edges(self.crs, self.geodesic)
        if crs_.same(source.crs, target.crs) and (source.geodesic == target.geodesic or _is_points(self.shape)):
            return self.shape
        shape = self.shape
        if crs_.is_geographic(source.crs) and not crs_.is_geographic(target.crs) and _beyond(shape):
            source = Edges(source.crs, False)
            shape = _cut_at_antimeridian(self._carried(source))
        result = rebuilt(shape, lambda line: carry(line, source, target))
        return shapely.unary_union(result) if shape is not self.shape and _finite(result) else result


def world() -> Geometry:
    """Everything: the region of an image without bounds."""
    return Geometry(shapely.Polygon([(-180, -90), (180, -90), (180, 90), (-180, 90)]), geodesic=False, unbounded=True)


def footprint(element: Feature | Image) -> Geometry | None:
    """Where an element lies: a feature's geometry; an image's `system:footprint`, else the window of its first band.

    In the CRS that it is known in. An image without either is unbounded; without bands it has no footprint.
    """
    if isinstance(element, Collection):
        raise EngineError("Geometry: a collection is no element. Use Collection.geometry.")
    if isinstance(element, Feature):
        return element.geometry
    known = element.properties.get("system:footprint")
    if isinstance(known, Geometry):
        ring = known.shape
        return replace(known, shape=shapely.Polygon(ring)) if isinstance(ring, shapely.LinearRing) else known
    if not element.bands:
        return None
    band = element.bands[0]
    if band.window is None:
        return world()
    x, y, width, height = band.window
    corners = [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]
    return build("Polygon", corners, band.projection.crs, False, place=crs_.affine(band.projection))


def build(
    kind: str,
    coordinates: Any,
    crs: str = LONLAT,
    geodesic: bool | None = None,
    even_odd: bool = True,
    place: Affine | None = None,
) -> Geometry:
    """A geometry from GeoJSON-like coordinates, tolerant of missing nesting and open rings.

    `place` takes the coordinates to the CRS, where they are pixels. Edges default to great circles in a geographic
    CRS. A self-crossing area becomes a valid one by the even-odd rule; a great-circle shape that spans 360° or more
    is taken as straight, since its edges have no direction.
    """
    nested = _nested(coordinates, _DEPTHS[kind], kind)
    geographic = crs_.is_geographic(crs)
    curved = geographic if geodesic is None else geodesic
    shape = _shape(kind, nested)
    if place is not None and place != Affine.identity():
        shape = rebuilt(shape, lambda line: placed(line, place))
    curved = curved and not (geographic and _spans_earth(shape))
    if curved and geographic:
        shape = rebuilt(shape, lambda line: unwrapped(line, crs))
    shape = sound(shape) if even_odd else _left_inside(shape, geographic)
    curved = curved and not (geographic and _spans_earth(shape))
    return Geometry(shape, crs, curved, even_odd)


def from_geojson(form: dict[str, Any]) -> Geometry:
    """A geometry from GeoJSON with Earth Engine's extra members; a Feature gives its geometry."""
    if not isinstance(form, dict):
        raise EngineError(f"Geometry: {str(form)[:80]!r} is not a GeoJSON geometry.")
    if form.get("type") == "Feature" and isinstance(form.get("geometry"), dict):
        return from_geojson(form["geometry"])
    kind, even_odd = form.get("type"), bool(form.get("evenOdd", True))
    name = ((form.get("crs") or {}).get("properties") or {}).get("name", LONLAT)
    crs = LONLAT if crs_.same(name, LONLAT) else crs_.canonical(name)
    if kind == "GeometryCollection":
        outer = {k: form[k] for k in ("crs", "geodesic", "evenOdd") if k in form}
        return collected([from_geojson(outer | member) for member in form.get("geometries", ())], even_odd)
    if not isinstance(kind, str) or kind not in _DEPTHS:
        raise EngineError(f"Geometry: the type {kind!r} is not a GeoJSON geometry. Use one of {', '.join(KINDS)}.")
    return build(kind, form.get("coordinates", []), crs, form.get("geodesic"), even_odd)


def collected(members: Sequence[Geometry], even_odd: bool = True) -> Geometry:
    """A GeometryCollection of the members, in the CRS and with the edges of the first."""
    if not members:
        return Geometry(shapely.GeometryCollection())
    first = members[0]
    return replace(
        first,
        shape=shapely.GeometryCollection([m.to(first.crs, first.geodesic).shape for m in members]),
        even_odd=even_odd,
        unbounded=any(m.unbounded for m in members),
    )


def rebuilt(shape: BaseGeometry, line: Callable[[Coords], Coords]) -> BaseGeometry:
    """The shape with each of its lines, rings and points passed through `line`."""
    if shape.is_empty:
        return shape
    if isinstance(shape, shapely.Polygon):
        inner = [line(shapely.get_coordinates(ring)) for ring in shape.interiors]
        return shapely.Polygon(line(shapely.get_coordinates(shape.exterior)), inner)
    if isinstance(shape, (shapely.LinearRing, shapely.LineString)):
        return type(shape)(line(shapely.get_coordinates(shape)))
    if _is_points(shape):
        return shapely.transform(shape, lambda xy: np.vstack([line(position[None]) for position in xy]))
    return type(shape)([rebuilt(part, line) for part in shape.geoms])


def sound(shape: BaseGeometry) -> BaseGeometry:
    """The shape with valid areas: what crosses itself is inside by the even-odd rule."""
    if shapely.is_valid(shape):
        return shape
    if isinstance(shape, shapely.GeometryCollection):
        return shapely.GeometryCollection([sound(part) for part in shape.geoms])
    fixed = shapely.make_valid(shape, method="linework")
    return areas(fixed) if isinstance(shape, (shapely.Polygon, shapely.MultiPolygon)) else fixed


def areas(shape: BaseGeometry) -> BaseGeometry:
    """The areal parts of a shape, as a Polygon or a MultiPolygon."""
    polygons = [p for p in parts(shape) if isinstance(p, shapely.Polygon)]
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)


def parts(shape: BaseGeometry) -> list[BaseGeometry]:
    """The single points, lines, rings and polygons that a shape is made of."""
    if not hasattr(shape, "geoms"):
        return [] if shape.is_empty else [shape]
    return [p for member in shape.geoms for p in parts(member)]


def _shape(kind: str, nested: Any) -> BaseGeometry:
    if not nested:
        return shapely.from_wkt(f"{kind.upper()} EMPTY")
    if kind == "Point":
        return shapely.Point(nested)
    if kind == "MultiPoint":
        return shapely.MultiPoint(nested)
    if kind == "LineString":
        return _line(nested)
    if kind == "MultiLineString":
        return shapely.MultiLineString([_line(n) for n in nested])
    if kind == "LinearRing":
        return shapely.LinearRing(_ring(nested))
    polygons = [nested] if kind == "Polygon" else nested
    made = [shapely.Polygon(_ring(p[0]), [_ring(r) for r in p[1:]]) for p in polygons if p]
    return made[0] if kind == "Polygon" else shapely.MultiPolygon(made)


def _line(positions: list[list[float]]) -> BaseGeometry:
    if len(positions) < 2:
        raise EngineError(f"Geometry: a LineString needs at least 2 positions, not {positions}.")
    return shapely.LineString(positions)


def _ring(positions: list[list[float]]) -> list[list[float]]:
    closed = positions if positions[0] == positions[-1] else [*positions, positions[0]]
    if len(closed) < 4:
        raise EngineError(f"Geometry: a LinearRing needs at least 3 different positions, not {positions}.")
    return closed


def _nested(coordinates: Any, depth: int, kind: str) -> Any:
    """Coordinates in lists of the depth that the type wants; flat numbers are taken in pairs."""
    if not isinstance(coordinates, (list, tuple)):
        raise EngineError(f"Geometry: {kind} coordinates must be a list, not {coordinates!r}.")
    value: Any = list(coordinates)
    if not value:
        return []
    if depth > 1 and all(_is_number(v) for v in value):
        if len(value) % 2:
            raise EngineError(f"Geometry: {kind} got {len(value)} numbers: give pairs of x and y.")
        value = [value[i : i + 2] for i in range(0, len(value), 2)]
    found = _depth(value)
    for _ in range(depth - found):
        value = [value]
    if found > depth:
        raise EngineError(f"Geometry: {kind} coordinates are nested {found} deep; {depth} is right.")
    return _positions(unfolded(value, f"Geometry: {kind}"), depth, kind)


def _positions(value: Any, depth: int, kind: str) -> Any:
    if depth > 1 and isinstance(value, (list, tuple)):
        return [_positions(v, depth - 1, kind) for v in value]
    if not isinstance(value, (list, tuple)) or len(value) < 2 or not all(_is_number(v) for v in value):
        raise EngineError(f"Geometry: {kind} has {value!r} where a position [x, y] of finite numbers must be.")
    return [float(value[0]), float(value[1])]


def _depth(value: Any) -> int:
    if not isinstance(value, (list, tuple)):
        return 0
    return 1 + max((_depth(v) for v in value[:1]), default=0)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _left_inside(shape: BaseGeometry, geographic: bool) -> BaseGeometry:
    """Areas on the left of their shells: one that runs clockwise is everything but what it surrounds."""
    if isinstance(shape, shapely.MultiPolygon):
        return sound(shapely.unary_union([_left_inside(p, geographic) for p in shape.geoms]))
    if not isinstance(shape, shapely.Polygon) or shape.is_empty:
        return shape
    valid = sound(shape)
    if shape.exterior.is_ccw or not geographic:
        return valid
    return shapely.difference(shapely.box(-180, -90, 180, 90), valid)


def _member(shape: BaseGeometry) -> dict[str, Any]:
    if isinstance(shape, shapely.GeometryCollection):
        return {"type": "GeometryCollection", "geometries": [_member(part) for part in shape.geoms]}
    return {"type": shape.geom_type, "coordinates": _lists(mapping(shape)["coordinates"])}


def _lists(value: Any) -> Any:
    return [_lists(v) for v in value] if isinstance(value, tuple | list) else value


def _is_points(shape: BaseGeometry) -> bool:
    return isinstance(shape, (shapely.Point, shapely.MultiPoint))


def _finite(shape: BaseGeometry) -> bool:
    return bool(np.isfinite(shapely.get_coordinates(shape)).all())


def _spans_earth(shape: BaseGeometry) -> bool:
    return not shape.is_empty and bool(shape.bounds[2] - shape.bounds[0] >= 360)


def _beyond(shape: BaseGeometry) -> bool:
    return not shape.is_empty and (shape.bounds[0] < -180 or shape.bounds[2] > 180)


def _cut_at_antimeridian(shape: BaseGeometry) -> BaseGeometry:
    """The shape in longitudes of -180 to 180, in two or more pieces."""
    west, east = shape.bounds[0], shape.bounds[2]
    turns = range(math.floor((west + 180) / 360), math.ceil((east + 180) / 360))
    pieces = []
    for turn in turns:
        window = shapely.box(360 * turn - 180, -90, 360 * turn + 180, 90)
        piece = shapely.intersection(sound(shape), window)
        pieces += parts(shapely.transform(piece, lambda xy, shift=360 * turn: xy - [shift, 0]))
    return shapely.GeometryCollection(pieces)
