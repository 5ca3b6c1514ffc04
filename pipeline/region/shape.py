"""Shapes in longitude and latitude: checked, repaired where that changes nothing that matters, cut at the antimeridian.

Knows nothing of files.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import shapely
from pyproj import Geod
from shapely.geometry import mapping
from shapely.geometry.polygon import orient

from pipeline.errors import MinecoverError

NDArray = np.ndarray[Any, Any]

SMALLEST_KM2 = 1e-6
REPAIR_SHARE = 0.01
WORLD = (-180.0, -90.0, 180.0, 90.0)


class Box(NamedTuple):
    """Degrees; west > east crosses the antimeridian."""

    west: float
    south: float
    east: float
    north: float

    def __str__(self) -> str:
        """The box for messages."""
        return f"{self.west:.4f} to {self.east:.4f}° east, {self.south:.4f} to {self.north:.4f}° north"


@dataclass(frozen=True, eq=False)
class Region:
    """A shape on the earth. `notes` say what was repaired or left out when it was read.

    `geometry` is a MultiPolygon in EPSG:4326 (longitude −180…180, cut at the antimeridian); `area_km2` is measured on
    the ellipsoid.
    """

    name: str
    geometry: Any
    area_km2: float
    notes: tuple[str, ...] = ()

    @property
    def box(self) -> Box:
        """The smallest box around the region, across the antimeridian where that is smaller."""
        return box_around(self.geometry)

    @property
    def centre(self) -> tuple[float, float]:
        """Longitude and latitude of the middle of the box."""
        west, south, east, north = self.box
        middle = (west + (east + 360 if west > east else east)) / 2
        return (middle + 180) % 360 - 180, (south + north) / 2

    @property
    def geojson(self) -> dict[str, Any]:
        """The geometry as GeoJSON."""
        return dict(mapping(self.geometry))


def region(name: str, polygons: Iterable[Any], notes: Sequence[str] = ()) -> Region:
    """The region made of polygons in EPSG:4326, as they come from a file."""
    remarks = list(notes)
    parts = []
    for polygon in polygons:
        refuse_what_are_not_degrees(name, shapely.get_coordinates(polygon))
        parts += _cut(_repaired(name, _unwrapped(polygon), remarks))
    whole = shapely.union_all(parts) if parts else shapely.MultiPolygon()
    area = area_km2(whole)
    if area < SMALLEST_KM2:
        raise MinecoverError(f"The region {name} has no area. Draw a polygon around what is to be mapped.")
    return Region(name, shapely.MultiPolygon(_polygons(whole)), area, tuple(dict.fromkeys(remarks)))


def area_km2(geometry: Any) -> float:
    """Square kilometres on the WGS84 ellipsoid."""
    geod = Geod(ellps="WGS84")
    return float(sum(abs(geod.geometry_area_perimeter(orient(p))[0]) for p in _polygons(geometry)) / 1e6)


def box_around(geometry: Any) -> Box:
    """The smallest box around a shape in longitude and latitude."""
    west, south, east, north = shapely.bounds(geometry)
    if east - west > 180:
        parts = shapely.get_parts(geometry)
        moved = [shapely.transform(p, _eastward) if shapely.bounds(p)[2] < 0 else p for p in parts]
        shifted = shapely.bounds(shapely.GeometryCollection(moved))
        if shifted[2] - shifted[0] < east - west:
            west, east = float(shifted[0]), float(shifted[2])
            east = east - 360 if east > 180 else east
    return Box(float(west), float(south), float(east), float(north))


def split(geometry: Any) -> Any:
    """A shape whose longitudes may run past ±180, cut there and moved into −180…180."""
    return shapely.MultiPolygon(_cut(geometry))


def refuse_what_are_not_degrees(name: str, points: NDArray) -> None:
    """Refuse coordinates that cannot be longitude and latitude."""
    if not len(points):
        return
    if not np.isfinite(points).all():
        raise MinecoverError(f"The region {name} has a coordinate that is not a number. Draw it again.")
    x, y = np.abs(points).max(axis=0)
    if y <= 90 and x <= 360:
        return
    at = tuple(float(v) for v in points[np.argmax(np.abs(points).max(axis=1))])
    if x <= 90 and y <= 180:
        raise MinecoverError(
            f"Latitude and longitude of the region {name} look swapped: {at} has {at[1]:g} as its latitude. "
            f"Write longitude first."
        )
    raise MinecoverError(
        f"The region {name} lies at {at}, which is no longitude and latitude. If these are metres, the file must name "
        f"their coordinate system; if it names none: --assume-crs EPSG:CODE."
    )


def _eastward(points: NDArray) -> NDArray:
    return np.asarray(points + np.array([360.0, 0.0]))


def _unwrapped(polygon: Any) -> Any:
    """The polygon with longitudes that run on where an edge jumps from one side of the antimeridian to the other."""
    shell = _run_on(shapely.get_coordinates(polygon.exterior))
    holes = [_run_on(shapely.get_coordinates(ring)) for ring in polygon.interiors]
    west, east = shell[:, 0].min(), shell[:, 0].max()
    for hole in holes:
        middle = hole[:, 0].mean()
        hole[:, 0] += 360 * ((middle < west) - int(middle > east))
    return shapely.Polygon(shell, holes)


def _run_on(points: NDArray) -> NDArray:
    steps = np.diff(points[:, 0])
    jumps = (np.abs(steps) > 180) & (np.abs(steps) < 360)
    points = points.copy()
    points[1:, 0] -= np.cumsum(np.where(jumps, np.sign(steps) * 360, 0))
    if points[0, 0] != points[-1, 0]:
        raise MinecoverError("The region goes around a pole. Regions beyond 84° latitude must leave the pole out.")
    return points


def _repaired(name: str, polygon: Any, remarks: list[str]) -> Any:
    """The polygon, valid; one that crosses itself is repaired if that changes its area by no more than 1 %."""
    if shapely.is_valid(polygon):
        return polygon
    why = shapely.is_valid_reason(polygon)
    made = shapely.make_valid(polygon, method="structure", keep_collapsed=False)
    before, after = _enclosed(polygon), sum(p.area for p in _polygons(made))
    change = abs(after - before) / max(after, before, 1e-30)
    if change > REPAIR_SHARE:
        raise MinecoverError(
            f"The outline of the region {name} crosses itself ({why}), and which side is inside is unclear: repairing "
            f"it would change its area by {change:.0%}. Draw it again."
        )
    if after:
        remarks.append(f"the outline crossed itself and was repaired; its area changed by {change:.2%}")
    return made


def _enclosed(polygon: Any) -> float:
    """What the rings enclose by their own direction: lobes that turn the other way count negative."""
    rings = [abs(_signed(shapely.get_coordinates(r))) for r in (polygon.exterior, *polygon.interiors)]
    return float(abs(rings[0] - math.fsum(rings[1:])))


def _signed(points: NDArray) -> float:
    x, y = (points - points[0]).T
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)


def _cut(geometry: Any) -> list[Any]:
    """The polygons of a shape, each inside −180…180."""
    west, _, east, _ = shapely.bounds(geometry)
    if west >= -180 and east <= 180:
        return _polygons(geometry)
    parts = []
    for turn in (-360.0, 0.0, 360.0):
        moved = shapely.transform(geometry, lambda p, t=turn: p + np.array([t, 0.0]))
        parts += _polygons(shapely.intersection(moved, shapely.box(*WORLD)))
    return parts


def _polygons(geometry: Any) -> list[Any]:
    """All polygons with an area, also those inside collections."""
    flat = shapely.get_parts(shapely.get_parts(geometry))
    return [p for p in flat if p.geom_type == "Polygon" and p.area > 0]
