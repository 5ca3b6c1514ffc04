"""Regions from files: GeoJSON, GeoPackage, Shapefile, KML and WKT, each recognised by what is in it.

A name is only ever a local file, and GDAL is asked to open only what is a GeoPackage or a Shapefile: it would open much
else under such a name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from pipeline.errors import MinecoverError
from pipeline.region.shape import Region, region

MAX_BYTES = 64 << 20
WGS84 = "OGC:CRS84"
STEP_M = 1000.0
READABLE = "GeoJSON (.geojson, .json), GeoPackage (.gpkg), Shapefile (.shp), KML (.kml) and WKT (.wkt)"


@dataclass
class _Found:
    """What a file holds: polygons in its own coordinates, its CRS if it names one, and remarks for the user."""

    crs: str | None
    polygons: list[Any] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    others: set[str] = field(default_factory=set)


def read_region(path: str | Path, assume_crs: str | None = None) -> Region:
    """The region that a file outlines: all its polygons together, named after the file.

    `assume_crs` is for files that name no coordinate system. Raises MinecoverError for what is not a region.
    """
    place = _local_file(path)
    readers = {".geojson": _geojson, ".json": _geojson, ".kml": _kml, ".wkt": _wkt, ".gpkg": _ogr, ".shp": _ogr}
    reader = readers.get(place.suffix.lower())
    if reader is None:
        raise MinecoverError(f"'{place.name}' is not a region file. Regions are read from {READABLE}.")
    try:
        found = reader(place)
    except OSError as error:
        raise MinecoverError(f"'{place.name}' cannot be read: {error.strerror or error}. Check the file.") from error
    if not found.polygons:
        only = f"only {', '.join(sorted(found.others))}" if found.others else "nothing"
        raise MinecoverError(f"'{place.name}' outlines no area: it holds {only}. Draw a polygon.")
    if found.others:
        found.notes.append(f"left out what is no polygon: {', '.join(sorted(found.others))}")
    return region(place.stem, _in_degrees(place.name, found, assume_crs), found.notes)


def _local_file(path: str | Path) -> Path:
    text = str(path)
    if "\0" in text or text.startswith("/vsi") or "://" in text:
        raise MinecoverError(f"{text!r} is not a local file. Save the region as a file and give its path.")
    place = Path(text)
    if not place.is_file():
        what = "is a folder" if place.is_dir() else "is not there"
        raise MinecoverError(f"The region file '{text}' {what}. Give the path of one of {READABLE}.")
    if place.stat().st_size > MAX_BYTES:
        raise MinecoverError(f"'{place.name}' is larger than {MAX_BYTES >> 20} MiB. Simplify the region's outline.")
    return place


def _in_degrees(name: str, found: _Found, assumed: str | None) -> list[Any]:
    """The polygons in longitude and latitude; long straight edges of other systems stay on their line."""
    if found.crs is None and assumed is None:
        raise MinecoverError(f"'{name}' names no coordinate system. Give it with --assume-crs EPSG:CODE.")
    try:
        crs = CRS.from_user_input(found.crs or assumed)
    except CRSError as error:
        raise MinecoverError(f"'{found.crs or assumed}' is not a coordinate system. Use, say, EPSG:4326.") from error
    if crs.to_authority() in (("EPSG", "4326"), ("OGC", "CRS84")):
        return found.polygons
    change = Transformer.from_crs(crs, WGS84, always_xy=True)
    found.notes.append(f"reprojected from {crs.name}")
    dense = found.polygons if crs.is_geographic else [shapely.segmentize(p, STEP_M) for p in found.polygons]
    return [shapely.transform(p, lambda xy: np.column_stack(change.transform(*xy.T))) for p in dense]


def _geojson(path: Path) -> _Found:
    text = path.read_bytes()
    try:
        document = json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise MinecoverError(f"'{path.name}' is not valid GeoJSON: {error}. Export it again.") from error
    found = _Found(WGS84)
    try:
        if document.get("crs"):
            found.crs = document["crs"]["properties"]["name"]
        for shape in _geometries(document):
            _add_geojson(found, shape)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        raise MinecoverError(f"'{path.name}' is JSON, but not GeoJSON: {error!r}. Export it again.") from error
    return found


def _geometries(node: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    """All geometries of a GeoJSON object, those of collections one by one."""
    if node is None:
        return
    kind = node["type"]
    if kind == "FeatureCollection":
        for feature in node["features"]:
            yield from _geometries(feature)
    elif kind == "Feature":
        yield from _geometries(node["geometry"])
    elif kind == "GeometryCollection":
        for inner in node["geometries"]:
            yield from _geometries(inner)
    else:
        yield node


def _add_geojson(found: _Found, shape: dict[str, Any]) -> None:
    if shape["type"] == "Polygon":
        _add(found, shape["coordinates"])
    elif shape["type"] == "MultiPolygon":
        for rings in shape["coordinates"]:
            _add(found, rings)
    else:
        found.others.add(str(shape["type"]))


def _add(found: _Found, rings: Sequence[Any]) -> None:
    """A polygon of its rings; open ones are closed, and those of fewer than three corners enclose nothing."""
    closed = []
    for ring in rings:
        points = [[float(position[0]), float(position[1])] for position in ring]
        if not np.isfinite(points).all():
            raise ValueError("a coordinate is not a finite number")
        if points and points[0] != points[-1]:
            points.append(points[0])
            found.notes.append("closed an outline that was open")
        if len({tuple(p) for p in points}) >= 3:
            closed.append(points)
        elif not closed:
            return
    if closed:
        found.polygons.append(shapely.Polygon(closed[0], closed[1:]))


def _kml(path: Path) -> _Found:
    """KML is always longitude and latitude."""
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise MinecoverError(f"'{path.name}' is not valid KML: {error}. Export it again.") from error
    found = _Found(WGS84)
    for element in root.iter():
        kind = _local(element)
        if kind == "Polygon":
            rings = [_kml_ring(r) for side in ("outerBoundaryIs", "innerBoundaryIs") for r in _children(element, side)]
            try:
                _add(found, rings)
            except (ValueError, IndexError) as error:
                raise MinecoverError(f"'{path.name}' has a coordinate that is no number: {error}.") from error
        elif kind in ("Point", "LineString", "Track"):
            found.others.add(kind)
    return found


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _children(element: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    return (e for e in element.iter() if _local(e) == name)


def _kml_ring(side: ElementTree.Element) -> list[list[str]]:
    text = " ".join(e.text or "" for e in _children(side, "coordinates"))
    return [position.split(",") for position in text.split()]


def _wkt(path: Path) -> _Found:
    """Well-known text; only its extended form (SRID=4326;POLYGON …) names a coordinate system."""
    head, sign, body = path.read_text("utf-8-sig").strip().partition(";")
    code = head.upper().removeprefix("SRID=") if sign else ""
    try:
        shape = shapely.from_wkt(body if sign else head)
    except shapely.errors.ShapelyError as error:
        raise MinecoverError(f"'{path.name}' is not well-known text: {error}. Export it again.") from error
    found = _Found(f"EPSG:{code}" if code.isdigit() else None)
    _sort(found, [shape])
    return found


def _ogr(path: Path) -> _Found:
    frame = read_layer(path, "polygons")
    found = _Found(None if frame.crs is None else frame.crs.to_wkt())
    _sort(found, [g for g in frame.geometry if g is not None])
    return found


def read_layer(path: Path, holding: str, fields: Sequence[str] = ()) -> Any:
    """The one layer of a GeoPackage or Shapefile as a GeoDataFrame; GDAL is asked to open nothing else.

    With `fields` it is the one of several layers that has them all, and may be a table without geometry.
    """
    with open(path, "rb") as file:
        start = file.read(16)
    if start[:4] != b"\0\0\x27\x0a" and not start.startswith(b"SQLite format 3\0"):
        raise MinecoverError(f"'{path.name}' is neither a GeoPackage nor a Shapefile, whatever its name says.")
    import geopandas

    try:
        listed = geopandas.list_layers(path)
        names = [str(n) for n in (listed["name"] if fields else listed["name"][listed["geometry_type"].notna()])]
        layers = [n for n in names if _has(path, n, fields)] if len(names) > 1 else names
        if len(layers) != 1:
            held, wanted = ", ".join(names) or "none", " and ".join(map(repr, fields))
            raise MinecoverError(
                f"'{path.name}' must hold one layer of {holding}{' with the fields ' * bool(fields)}{wanted}; it holds "
                f"{held}. Save one alone."
            )
        return geopandas.read_file(path, layer=layers[0], engine="pyogrio")
    except (RuntimeError, UnicodeError, shapely.errors.ShapelyError) as error:  # what GDAL's errors are here
        raise MinecoverError(f"'{path.name}' cannot be read: {error}. Export it again.") from error


def _has(path: Path, layer: str, fields: Sequence[str]) -> bool:
    import pyogrio

    there = {str(f).casefold() for f in pyogrio.read_info(path, layer=layer)["fields"]}
    return {f.strip().casefold() for f in fields} <= there


def _sort(found: _Found, shapes: Sequence[Any]) -> None:
    """Polygons to the polygons, the kinds of all else to the others."""
    for part in shapely.get_parts(shapely.get_parts(shapely.force_2d(np.array(shapes, dtype=object)))):
        if part.geom_type == "Polygon":
            found.polygons.append(part)
        else:
            found.others.add(part.geom_type)
