"""Placemarks of KML files, with their names and extended data as fields."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import shapely

from pipeline.errors import MinecoverError

Element = ElementTree.Element


def read_kml(path: Path) -> tuple[tuple[Any, ...], tuple[dict[str, Any], ...]]:
    """Shapes in longitude and latitude, and fields, of all placemarks."""
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise MinecoverError(f"'{path.name}' is not valid KML: {error}. Export it again.") from error
    marks = list(_within(root, "Placemark"))
    shapes = tuple(_shape(path.name, number, mark) for number, mark in enumerate(marks, 1))
    return shapes, tuple(_fields(mark) for mark in marks)


def _fields(mark: Element) -> dict[str, str]:
    """The placemark's name, and what it says as `Data` or `SimpleData`."""
    fields = {"name": next((e.text or "" for e in mark if _local(e) == "name"), "")}
    fields |= {e.get("name", ""): "".join(v.text or "" for v in _within(e, "value")) for e in _within(mark, "Data")}
    return fields | {e.get("name", ""): e.text or "" for e in _within(mark, "SimpleData")}


def _shape(name: str, number: int, mark: Element) -> Any:
    """The placemark's point, polygon, or several of them; None where there is neither."""
    try:
        points = [shapely.Point(_ring(e)[0]) for e in _within(mark, "Point")]
        polygons = [_polygon(e) for e in _within(mark, "Polygon")]
    except (ValueError, IndexError) as error:
        raise MinecoverError(f"'{name}', feature {number} has a coordinate that is no number. Correct it.") from error
    if points and polygons:
        raise MinecoverError(f"'{name}', feature {number} is points and polygons at once. Make two of it.")
    if polygons:
        return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
    return (points[0] if len(points) == 1 else shapely.MultiPoint(points)) if points else None


def _polygon(element: Element) -> Any:
    outer, *_ = [_ring(e) for e in _within(element, "outerBoundaryIs")]
    return shapely.Polygon(outer, [_ring(e) for e in _within(element, "innerBoundaryIs")])


def _ring(element: Element) -> list[tuple[float, float]]:
    text = " ".join(e.text or "" for e in _within(element, "coordinates"))
    numbers = [position.split(",") for position in text.split()]
    return [(float(x), float(y)) for x, y, *_ in numbers]


def _within(element: Element, name: str) -> Iterator[Element]:
    return (e for e in element.iter() if _local(e) == name)


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]
