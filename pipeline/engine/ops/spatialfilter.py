"""Filters on where elements lie. Predicates compare true footprints; distances and areas are metres on the earth."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import shapely

from pipeline.engine.collection import Element
from pipeline.engine.language.selectors import as_geometry, lonlat, value_of
from pipeline.engine.ops.filter import Side, given, sides, unary
from pipeline.engine.space import geodesy
from pipeline.engine.values import ErrorMargin, Filter
from pipeline.errors import EngineError


def _geometric(
    name: str, test: Callable[[Any, Any], Any], mirrored: Callable[[Any, Any], Any]
) -> Callable[..., Filter]:
    """The builder of a geometry predicate; `mirrored(y, x)` is `test(x, y)`."""

    def build(
        left_field: str | None = None,
        right_value: Any = None,
        right_field: str | None = None,
        left_value: Any = None,
        max_error: ErrorMargin | None = None,
    ) -> Filter:
        left, right = sides(name, (left_field, left_value), (right_field, right_value), lonlat)
        for side, value in ((left, left_value), (right, right_value)):
            if value is not None:
                shapely.prepare(_constant_shape(name, side))

        def pair(a: Element, b: Element) -> bool:
            x, y = left(a, b), right(a, b)
            if x is None or y is None:
                return False
            # GEOS uses the preparation of the first geometry only; both orders compare bounding boxes first.
            return bool(test(x, y) if right_value is None else mirrored(y, x))

        args = given(leftField=left_field, rightValue=right_value, rightField=right_field, leftValue=left_value)
        return Filter(name, args, pair)

    return build


def _constant_shape(name: str, side: Side) -> Any:
    shape = side(None, None)
    if shape is None:
        raise EngineError(f"{name}: The value to compare with has no geometry. Give a Geometry or an element with one.")
    return shape


def _within_distance(
    distance: float,
    left_field: str | None = None,
    right_value: Any = None,
    right_field: str | None = None,
    left_value: Any = None,
    max_error: ErrorMargin | None = None,
) -> Filter:
    name = "Filter.withinDistance"
    left, right = sides(name, (left_field, left_value), (right_field, right_value), as_geometry)

    def measure(a: Element, b: Element) -> float:
        x, y = left(a, b), right(a, b)
        metres = None if x is None or y is None else geodesy.distance(x, y)
        return math.nan if metres is None else metres

    args = given(
        distance=distance, leftField=left_field, rightValue=right_value, rightField=right_field, leftValue=left_value
    )
    return Filter(name, args, lambda a, b: measure(a, b) <= distance, measure)


def _area(low: float, high: float, max_error: ErrorMargin | None, selector: str | None) -> Filter:
    def test(element: Element) -> bool:
        geometry = as_geometry(value_of(element, selector or ".geo"))
        return geometry is not None and low <= geodesy.area(geometry) <= high

    return unary("Filter.area", given(min=low, max=high, geometrySelector=selector), test)


def _has_geometry() -> Filter:
    def test(element: Element) -> bool:
        geometry = as_geometry(element)
        return geometry is not None and not geometry.shape.is_empty

    return unary("Filter.hasGeometry", {}, test)


TABLE: dict[str, Callable[..., Filter]] = {
    "Filter.intersects": _geometric("Filter.intersects", shapely.intersects, shapely.intersects),
    "Filter.disjoint": _geometric("Filter.disjoint", shapely.disjoint, shapely.disjoint),
    "Filter.contains": _geometric("Filter.contains", shapely.contains, shapely.within),
    "Filter.isContained": _geometric("Filter.isContained", shapely.within, shapely.contains),
    "Filter.withinDistance": _within_distance,
    "Filter.area": _area,
    "Filter.hasGeometry": _has_geometry,
}

NOTES = {
    "Filter.disjoint": "An element without geometry fails, as it fails every geometry filter; undocumented.",
    "Filter.intersects": "Geometries are compared in longitude-latitude without using maxError.",
}
