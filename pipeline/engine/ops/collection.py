"""Collections of features and images alike: filtering, mapping, sorting, merging and columns, all lazily."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from statistics import NormalDist
from typing import Any

import numpy as np
import shapely

from pipeline.engine.collection import Collection, Element, Feature, features
from pipeline.engine.image import Image
from pipeline.engine.language.selectors import as_geometry, by_property, identity, plain, value_of
from pipeline.engine.ops.filter import as_filter, conjunction
from pipeline.engine.reducer import Reducer
from pipeline.engine.space.geometry import Geometry, build, sound
from pipeline.engine.values import Array, ErrorMargin, Filter, Function, Opaque, PixelType, Projection
from pipeline.errors import EngineError

INDEX = "system:index"


def _with_index(element: Element, index: str) -> Element:
    return element.with_properties({**element.properties, INDEX: index})


def _index(element: Element, position: int) -> str:
    return str(element.properties.get(INDEX, position))


# Fewer elements


def filtered(collection: Collection, condition: Filter) -> Collection:
    """The elements that pass; the same asset still. An index behind the collection is asked for candidates first."""
    narrow = collection.narrow

    def passing() -> Iterator[Element]:
        source = collection if narrow is None else narrow(condition)
        return filter(condition.test, source)

    result = replace(collection, source=passing, narrow=None, _made=[], _rest=None)
    if narrow is not None:
        result.narrow = lambda more: replace(
            result, source=lambda: filter(condition.test, narrow(conjunction([condition, more]))), _made=[], _rest=None
        )
    return result


def _limit(collection: Collection, limit: int | None, key: str | None, ascending: bool) -> Collection:
    """The first elements in the order of a property; nulls last whatever the order."""
    if limit is not None and limit < 0:
        raise EngineError(f"Collection.limit: The limit must not be negative, but is {limit}.")

    def chosen() -> Iterator[Element]:
        ordered = collection if key is None else by_property(collection.elements, key, ascending)
        return islice(ordered, limit)

    result = replace(collection, source=chosen, narrow=None, _made=[], _rest=None)
    narrow = collection.narrow
    if limit is None and narrow is not None:
        result.narrow = lambda condition: _limit(narrow(condition), None, key, ascending)
    return result


def _distinct(collection: Collection, properties: Any) -> Collection:
    """The first of all elements that agree in the properties (`.geo` is the geometry)."""
    names = [properties] if isinstance(properties, str) else properties
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise EngineError(f"Collection.distinct: {properties!r} is not a property name or a list of them.")

    def firsts() -> Iterator[Element]:
        seen = set()
        for element in collection:
            key = tuple(identity(value_of(element, n)) for n in names)
            if key not in seen:
                seen.add(key)
                yield element

    return collection.derive(firsts)


def _to_list(collection: Collection, count: int, offset: int) -> list[Element]:
    if count < 0 or offset < 0:
        raise EngineError(f"Collection.toList: count and offset must not be negative, but are {count} and {offset}.")
    return list(islice(collection, min(offset, sys.maxsize), min(offset + count, sys.maxsize)))


# Other elements


def mapped(collection: Collection, function: Function, drop_nulls: bool) -> Collection:
    """What the function makes of each element; results without an index keep the element's."""

    def results() -> Iterator[Element]:
        for element in collection:
            made = _mapped_one(function, element, drop_nulls)
            if made is not None:
                yield made

    return collection.derive(results)


def _mapped_one(function: Function, element: Element, drop_nulls: bool) -> Element | None:
    index = element.properties.get(INDEX)
    try:
        made = function(element)
        if isinstance(made, Geometry):
            made = Feature(made)
        if not isinstance(made, (Feature, Image, Collection)) and not (made is None and drop_nulls):
            raise EngineError("Collection.map: A mapped algorithm must return a Feature or Image.")
    except EngineError as error:
        raise EngineError(f"Error in map(ID={index}):\n{error}", error.code) from error
    return made if made is None or index is None or INDEX in made.properties else _with_index(made, index)


def _iterate(collection: Collection, function: Function, first: Any) -> Any:
    state = first
    for element in collection:
        state = function(element, state)
    return state


def merge(first: Collection, second: Collection) -> Collection:
    """The elements of both, their ids prefixed with `1_` and `2_`."""

    def all_of_them() -> Iterator[Element]:
        for prefix, collection in (("1", first), ("2", second)):
            for position, element in enumerate(collection):
                yield _with_index(element, f"{prefix}_{_index(element, position)}")

    return first.derive(all_of_them)


def _flatten(collection: Collection) -> Collection:
    """The elements of the collections in the collection, ids joined as `outer_inner`."""

    def inner() -> Iterator[Element]:
        for i, outer in enumerate(collection):
            if not isinstance(outer, Collection):
                raise EngineError(
                    f"Collection.flatten: The element {_index(outer, i)!r} is not a collection. "
                    "Only a collection of collections can be flattened."
                )
            for j, element in enumerate(outer):
                yield _with_index(element, f"{_index(outer, i)}_{_index(element, j)}")

    return collection.derive(inner)


def _remap(collection: Collection, old: list[Any], new: list[int], column: str) -> Collection:
    """The elements with the property looked up in the lists; those with other values are dropped."""
    if len(old) != len(new):
        raise EngineError(f"Collection.remap: The lists must have the same length, not {len(old)} and {len(new)}.")
    table = {identity(k): v for k, v in zip(old, new, strict=True)}

    def known() -> Iterator[Element]:
        for element in collection:
            key = identity(value_of(element, column))
            if key in table:
                yield element.with_properties({**element.properties, column: table[key]})

    return collection.derive(known)


def _random_column(collection: Collection, name: str, seed: int, distribution: str, row_keys: list[str]) -> Collection:
    """A random number for each element, decided by the seed and the values of the row keys alone."""
    if distribution not in ("uniform", "normal"):
        raise EngineError(f"Collection.randomColumn: Unknown distribution '{distribution}'. Use 'uniform' or 'normal'.")

    def drawn() -> Iterator[Element]:
        for element in collection:
            text = repr((seed, [identity(value_of(element, k)) for k in row_keys]))
            bits = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 11
            value = bits / 2**53 if distribution == "uniform" else NormalDist().inv_cdf((bits + 0.5) / 2**53)
            yield element.with_properties({**element.properties, name: value})

    return collection.derive(drawn)


def _make_array(collection: Collection, properties: list[str], name: str) -> Collection:
    """The elements whose properties are all numbers, with these as one array of doubles."""

    def made() -> Iterator[Element]:
        for element in collection:
            row = [plain(value_of(element, p)) for p in properties]
            if all(isinstance(v, (int, float)) for v in row):
                array = Array(np.array(row, np.float64), PixelType("double", dimensions=1))
                yield element.with_properties({**element.properties, name: array})

    return collection.derive(made)


def _from_columns(columns: list[list[Any]], names: list[str], types: list[Any] | None) -> Collection:
    """Features without geometry, one a row; a column `.geo` holds the geometries."""
    if len(columns) != len(names) or (types is not None and len(types) != len(names)):
        raise EngineError(
            f"Collection.fromColumns: {len(names)} property names need as many columns and types, not {len(columns)}"
            + ("." if types is None else f" and {len(types)}.")
        )
    if len({len(c) for c in columns}) > 1:
        raise EngineError(f"Collection.fromColumns: The columns differ in length: {[len(c) for c in columns]}.")
    rows = (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))
    return features(Feature(as_geometry(row.pop(".geo", None)), row) for row in rows)


# Columns


def _reduce_columns(
    collection: Collection, reducer: Reducer, selectors: list[str], weight_selectors: list[str] | None
) -> dict[str, Any]:
    """What the reducer makes of the selected properties, by output name."""
    columns = _columns(collection, selectors)
    weights = _columns(collection, weight_selectors) if weight_selectors else None
    return dict(zip(reducer.outputs, reducer.aggregate(columns, weights), strict=True))


def _columns(collection: Collection, selectors: list[str]) -> list[list[Any]]:
    return [[value_of(e, s) for e in collection.elements] for s in selectors]


def _error_matrix(collection: Collection, actual: str, predicted: str, order: list[int] | None) -> Opaque:
    """How often each actual value (row) was predicted as each value (column); others than `order`'s are left out."""
    rows = zip(*_columns(collection, [actual, predicted]), strict=True)
    pairs = [(_class_value(a, actual), _class_value(p, predicted)) for a, p in rows if a is not None and p is not None]
    labels = list(range(max((max(p) for p in pairs), default=-1) + 1)) if order is None else order
    place = {label: i for i, label in enumerate(labels)}
    matrix = np.zeros((len(labels), len(labels)), np.int64)
    for a, p in pairs:
        if a in place and p in place:
            matrix[place[a], place[p]] += 1
    return Opaque("ConfusionMatrix", {"array": matrix, "order": labels})


def _class_value(value: Any, name: str) -> int:
    number = plain(value)
    if not isinstance(number, (int, float)) or not float(number).is_integer() or not 0 <= abs(number) < 2**31:
        raise EngineError(f"Collection.errorMatrix: The property '{name}' has the value {value!r}, not a class number.")
    return int(number)


# Geometry


def merged_geometry(collection: Collection) -> Geometry:
    """All geometries in one, in the CRS and with the edges of the first; areas are dissolved, points all kept."""
    found = [g for g in map(as_geometry, collection) if g is not None and not g.shape.is_empty]
    if not found:
        return Geometry(shapely.MultiPoint())
    first = found[0]
    shapes = [g.to(first.crs, first.geodesic).shape for g in found]
    if len(shapes) == 1:
        return first
    points = all(s.geom_type == "Point" for s in shapes)
    whole = shapely.MultiPoint(shapes) if points else shapely.union_all([sound(s) for s in shapes])
    return replace(first, shape=whole, unbounded=any(g.unbounded for g in found))


def _bounds(collection: Collection, max_error: ErrorMargin, projection: Projection) -> Geometry:
    """The rectangle around all geometries, its edges straight in the projection."""
    found = [g for g in map(as_geometry, collection) if g is not None and not g.shape.is_empty]
    if not found:
        return Geometry(shapely.MultiPoint(), geodesic=False)
    boxes = np.array([g.bounds_in(projection.crs) for g in found])
    (west, south), (east, north) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    ring = [[west, south], [east, south], [east, north], [west, north]]
    return build("Polygon", ring, projection.crs, geodesic=False)


def _union(collection: Collection, max_error: ErrorMargin | None) -> Collection:
    return collection.derive(
        lambda: [Feature(merged_geometry(collection), {INDEX: "union_result"})], "FeatureCollection"
    )


TABLE: dict[str, Callable[..., Any]] = {
    "Collection": features,
    "Collection.filter": lambda collection, condition: filtered(collection, as_filter(condition)),
    "Collection.limit": _limit,
    "Collection.distinct": _distinct,
    "Collection.first": lambda collection: next(iter(collection), None),
    "Collection.toList": _to_list,
    "Collection.size": lambda collection: len(collection.elements),
    "Collection.cache": lambda collection: collection,
    "Collection.map": mapped,
    "Collection.iterate": _iterate,
    "Collection.merge": merge,
    "Collection.flatten": _flatten,
    "Collection.remap": _remap,
    "Collection.randomColumn": _random_column,
    "Collection.fromColumns": _from_columns,
    "Collection.reduceColumns": _reduce_columns,
    "Collection.errorMatrix": _error_matrix,
    "Collection.geometry": lambda collection, max_error: merged_geometry(collection),
    "Collection.bounds": _bounds,
    "Collection.union": _union,
    "FeatureCollection.makeArray": _make_array,
}

NOTES = {
    "Collection.limit": "Elements without the property come last in both orders, in their old order; undocumented.",
    "Collection.randomColumn": "Numbers come from a BLAKE2b hash of seed and row keys: steady, but not Earth Engine's.",
    "Collection.geometry": "Overlapping areas are dissolved; points are kept even if equal. maxError is not used.",
    "Collection.fromColumns": "Values keep the types that they have; propertyTypes are only counted.",
    "Collection.map": "A result with an index of its own keeps it; undocumented.",
}
