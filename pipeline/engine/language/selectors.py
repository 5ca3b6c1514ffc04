"""What a selector reads from an element, and how values are compared, sorted and located.

A selector is a property's name, `.geo` or `.all` for the geometry, or `system:id` and `system:band_names`
for what an image is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from shapely import affinity

from pipeline.engine.collection import Collection, Element, Feature
from pipeline.engine.image import Image
from pipeline.engine.space.crs import LONLAT
from pipeline.engine.space.geometry import Geometry, footprint, from_geojson
from pipeline.engine.values import Array, Date

GEOMETRY = (".all", ".geo")


def value_of(element: Element, selector: str) -> Any:
    """The element's property, geometry (`.geo`, `.all`), asset id or band names; None where it has none."""
    if selector in GEOMETRY:
        return as_geometry(element)
    if selector == "system:id" and isinstance(element, Image) and element.asset is not None:
        return element.asset
    if selector == "system:band_names" and isinstance(element, Image):
        return element.names
    return element.properties.get(selector)


def plain(value: Any) -> Any:
    """The value as Python compares and sorts it: dates as milliseconds, arrays as nested lists."""
    if isinstance(value, Date):
        return value.millis
    if isinstance(value, Array):
        return value.data.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def identity(value: Any) -> Any:
    """What makes two values the same, hashable: for joins and distinct."""
    value = plain(value)
    if isinstance(value, list):
        return tuple(map(identity, value))
    if isinstance(value, dict):
        return tuple(sorted((k, identity(v)) for k, v in value.items()))
    if isinstance(value, Geometry):
        return value.crs, shapely.to_wkb(value.shape)
    return value


def by_property(elements: list[Element], key: str | None, ascending: bool = True) -> list[Element]:
    """The elements in stable order of a property: numbers, then text; others last in both orders. As is without key."""
    if key is None:
        return elements
    keyed = [(_rank(plain(value_of(e, key))), e) for e in elements]
    known = sorted((p for p in keyed if p[0] is not None), key=lambda p: p[0], reverse=not ascending)
    return [e for _, e in known] + [e for rank, e in keyed if rank is None]


def _rank(value: Any) -> Any:
    if isinstance(value, (int, float)) and value == value:
        return 0, value
    return (1, value) if isinstance(value, str) else None


def as_geometry(value: Any) -> Geometry | None:
    """The geometry that a filter's operand stands for: its own, an element's, or GeoJSON's; else None."""
    if isinstance(value, Geometry):
        return value
    if isinstance(value, (Feature, Image)):
        return footprint(value)
    if isinstance(value, Collection):
        shapes = [s for s in map(lonlat, value) if s is not None]
        return Geometry(shapely.union_all(shapes), geodesic=False) if shapes else None
    return from_geojson(value) if isinstance(value, dict) and "type" in value else None


def lonlat(value: Any) -> Any:
    """The operand's shape with straight edges, in longitudes of -180 to 180; None without geometry."""
    geometry = as_geometry(value)
    shape = None if geometry is None else geometry.planar(LONLAT)
    if shape is None or shape.is_empty or (shape.bounds[0] >= -180 and shape.bounds[2] <= 180):
        return shape
    turned = [affinity.translate(shape, xoff=turn) for turn in (-360, 0, 360)]
    return shapely.union_all(shapely.intersection(turned, shapely.box(-180, -90, 180, 90)))
