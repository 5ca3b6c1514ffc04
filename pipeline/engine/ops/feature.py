"""Features: made of a geometry and properties; Geometry's functions applied to the geometries of elements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from pipeline.engine.collection import Element, Feature
from pipeline.engine.image import Image
from pipeline.engine.language.regex import compiled
from pipeline.engine.ops import geometry as geometries
from pipeline.engine.space.geometry import Geometry, footprint
from pipeline.engine.values import DOUBLE, Array, ErrorMargin, Projection
from pipeline.errors import EngineError


def geometry(
    feature: Element, max_error: ErrorMargin | None, proj: Projection | None, geodesics: bool | None
) -> Geometry | None:
    """An element's geometry, in the projection if one is given; an image's footprint comes in WGS84."""
    found = footprint(feature)
    if found is None:
        return None
    if proj is not None:
        return found.to(proj.crs, found.geodesic if geodesics is None else geodesics)
    return found.to("EPSG:4326") if isinstance(feature, Image) and not found.unbounded else found


def _located(name: str, element: Element) -> Geometry:
    found = footprint(element)
    if found is None:
        raise EngineError(f"{name}: the feature '{element.id}' has no geometry. Filter such features out first.")
    return found


def _measure(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of one geometry, of a feature's."""
    return lambda feature, *rest: function(_located(name, feature), *rest)


def _pair(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of two geometries, of two features'."""
    return lambda left, right, *rest: function(_located(name, left), _located(name, right), *rest)


def _reshape(name: str, function: Callable[..., Geometry]) -> Callable[..., Feature]:
    """A feature with its geometry passed through the function, properties kept."""
    return lambda feature, *rest: Feature(function(_located(name, feature), *rest), feature.properties)


def _overlay(name: str, function: Callable[..., Geometry]) -> Callable[..., Feature]:
    """A feature with the geometry made from two, and the left one's properties."""
    return lambda left, right, *rest: Feature(
        function(_located(name, left), _located(name, right), *rest), left.properties
    )


def _feature(shape: Geometry | None, metadata: dict[str, Any], geometry_key: str | None) -> Feature:
    return Feature(shape, dict(metadata))


def _set_geometry(feature: Element, shape: Geometry | None) -> Feature:
    return Feature(shape, feature.properties)


def _select(input: Element, selectors: list[str], new_names: list[str] | None, retain_geometry: bool) -> Element:
    """The properties that are named, or match as a whole; renamed in order. `system:index` always stays."""
    names = _selected(input.properties, selectors)
    if new_names is not None and len(new_names) != len(names):
        raise EngineError(f"Feature.select: {len(names)} properties are selected, {len(new_names)} new names given.")
    kept = {new: input.properties[old] for old, new in zip(names, new_names or names, strict=True)}
    if "system:index" in input.properties:
        kept["system:index"] = input.properties["system:index"]
    chosen = input.with_properties(kept)
    return chosen if retain_geometry or not isinstance(chosen, Feature) else replace(chosen, geometry=None)


def _selected(properties: dict[str, Any], selectors: list[str]) -> list[str]:
    names: list[str] = []
    for selector in selectors:
        if selector in properties:
            found = [selector]
        else:
            pattern = compiled(selector, "Feature.select")
            found = [name for name in properties if pattern.fullmatch(name)]
        names += [name for name in found if name not in names]
    return names


def _to_array(feature: Feature, properties: list[str]) -> Array:
    """A one-dimensional array of the properties, in order."""
    values = [feature.properties.get(name) for name in properties]
    for name, value in zip(properties, values, strict=True):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise EngineError(f"Feature.toArray: the property '{name}' must be a number, not {value!r}.")
    return Array(np.asarray(values, np.float64), replace(DOUBLE, dimensions=1))


_transform = _reshape("Feature.transform", geometries.transform)

TABLE: dict[str, Callable[..., Any]] = {
    "Feature": _feature,
    "Feature.geometry": geometry,
    "Feature.setGeometry": _set_geometry,
    "Feature.id": lambda element: element.id,
    "Feature.select": _select,
    "Feature.toArray": _to_array,
    "Feature.transform": _transform,
    "ProjectionTransform": _transform,
    "Feature.area": _measure("Feature.area", geometries.area),
    "Feature.length": _measure("Feature.length", geometries.length),
    "Feature.perimeter": _measure("Feature.perimeter", geometries.perimeter),
    "Feature.bounds": _reshape("Feature.bounds", geometries.bounds),
    "Feature.buffer": _reshape("Feature.buffer", geometries.buffer),
    "Feature.centroid": _reshape("Feature.centroid", geometries.centroid),
    "Feature.simplify": _reshape("Feature.simplify", geometries.simplify),
    "Feature.convexHull": _reshape("Feature.convexHull", geometries.convex_hull),
    "Feature.dissolve": _reshape("Feature.dissolve", geometries.dissolve),
    "Feature.distance": _pair("Feature.distance", geometries.distance),
    "Feature.withinDistance": _pair("Feature.withinDistance", geometries.within_distance),
    "Feature.closestPoint": _pair("Feature.closestPoint", geometries.closest_point),
    "Feature.closestPoints": _pair("Feature.closestPoints", geometries.closest_points),
    "Feature.intersects": _pair("Feature.intersects", geometries.intersects),
    "Feature.disjoint": _pair("Feature.disjoint", geometries.disjoint),
    "Feature.contains": _pair("Feature.contains", geometries.contains),
    "Feature.containedIn": _pair("Feature.containedIn", geometries.contained_in),
    "Feature.union": _overlay("Feature.union", geometries.union),
    "Feature.intersection": _overlay("Feature.intersection", geometries.intersection),
    "Feature.difference": _overlay("Feature.difference", geometries.difference),
    "Feature.symmetricDifference": _overlay("Feature.symmetricDifference", geometries.symmetric_difference),
}

NOTES: dict[str, str] = {
    "Feature.select": "A selector that matches nothing selects nothing; `system:index` stays in any case.",
    "Feature.toArray": "Always an array of doubles.",
}
