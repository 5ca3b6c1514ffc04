"""Joins: which elements of a second collection go with each element of a first, and how the pairs are kept.

Matches keep the order of the secondary collection. Where a part of the condition compares two fields for equality,
for a difference or for touching geometries, an index finds the pairs worth testing; otherwise all are tested.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import shapely

from pipeline.engine.collection import Collection, Element, Feature
from pipeline.engine.language.selectors import by_property, identity, lonlat, plain, value_of
from pipeline.engine.values import Filter, Join
from pipeline.errors import EngineError

Matches = Callable[[Element], Iterable[Element]]


def matches(condition: Filter, secondary: Collection) -> Matches:
    """A function from an element to the secondary elements that pass the condition with it."""
    elements = secondary.elements
    indexed = (p for p in _conjuncts(condition) if p.name in _INDEXES and {"leftField", "rightField"} <= p.args.keys())
    part = next(indexed, None)
    narrow: Matches | None = None if part is None else _INDEXES[part.name](part.args, elements)
    return lambda left: (
        right for right in (elements if narrow is None else narrow(left)) if condition.pair(left, right)
    )


def _conjuncts(condition: Filter) -> Iterator[Filter]:
    yield condition
    if condition.name == "Filter.and":
        for part in condition.parts:
            yield from _conjuncts(part)


def _by_equality(args: dict[str, Any], elements: list[Element]) -> Matches:
    table: dict[Any, list[Element]] = {}
    for element in elements:
        table.setdefault(identity(value_of(element, args["rightField"])), []).append(element)
    return lambda left: table.get(identity(value_of(left, args["leftField"])), [])


def _by_difference(args: dict[str, Any], elements: list[Element]) -> Matches:
    values = [plain(value_of(e, args["rightField"])) for e in elements]
    ranked = sorted((v, i) for i, v in enumerate(values) if isinstance(v, (int, float)))
    keys = [v for v, _ in ranked]

    def find(left: Element) -> list[Element]:
        at = plain(value_of(left, args["leftField"]))
        if not isinstance(at, (int, float)):
            return []
        # One more on either side: the exact test decides at the very edge, where rounding may differ.
        low = max(bisect_left(keys, at - args["difference"]) - 1, 0)
        high = bisect_right(keys, at + args["difference"]) + 1
        return [elements[i] for i in sorted(i for _, i in ranked[low:high])]

    return find


def _by_shape(args: dict[str, Any], elements: list[Element]) -> Matches:
    tree = shapely.STRtree([lonlat(value_of(e, args["rightField"])) for e in elements])

    def find(left: Element) -> list[Element]:
        shape = lonlat(value_of(left, args["leftField"]))
        return [] if shape is None else [elements[i] for i in sorted(tree.query(shape))]

    return find


_INDEXES: dict[str, Callable[[dict[str, Any], list[Element]], Matches]] = {
    "Filter.equals": _by_equality,
    "Filter.maxDifference": _by_difference,
    "Filter.intersects": _by_shape,
    "Filter.contains": _by_shape,
    "Filter.isContained": _by_shape,
}


def _with(element: Element, key: str, value: Any) -> Element:
    return element.with_properties({**element.properties, key: value})


def _measured(name: str, condition: Filter, key: str | None) -> Callable[[Element, Element], float]:
    """The measure that the join needs; without a key nothing is measured."""
    if key is not None and condition.measure is None:
        raise EngineError(
            f"{name}: The condition {condition.name} has no measure. Use one Filter.maxDifference or "
            "Filter.withinDistance (within an 'and', exactly one)."
        )
    return condition.measure or (lambda left, right: 0.0)


def _kept(wanted: bool) -> Callable[..., Collection]:
    """The rows of the primary collection that have a match, or that have none."""

    def apply(primary: Collection, secondary: Collection, condition: Filter) -> Collection:
        def rows() -> Iterator[Element]:
            find = matches(condition, secondary)
            return (e for e in primary if (next(iter(find(e)), None) is not None) == wanted)

        return primary.derive(rows)

    return apply


def _inner(primary_key: str, secondary_key: str, measure_key: str | None) -> Join:
    """One feature without geometry for each pair, holding both elements."""

    def apply(primary: Collection, secondary: Collection, condition: Filter) -> Collection:
        measure = _measured("Join.inner", condition, measure_key)

        def rows() -> Iterator[Element]:
            find = matches(condition, secondary)
            for left in primary:
                for right in find(left):
                    pair = {"system:index": f"{left.id}_{right.id}", primary_key: left, secondary_key: right}
                    yield Feature(None, pair if measure_key is None else {**pair, measure_key: measure(left, right)})

        return Collection("FeatureCollection", rows)

    args = {"primaryKey": primary_key, "secondaryKey": secondary_key, "measureKey": measure_key}
    return Join("Join.inner", args, apply)


def _saving(name: str, args: dict[str, Any], key: str, outer: bool, choose: Callable[[list[Element]], Any]) -> Join:
    """A join that keeps what `choose` makes of the matches as a property; rows without matches only if `outer`."""
    measure_key = args["measureKey"]

    def apply(primary: Collection, secondary: Collection, condition: Filter) -> Collection:
        measure = _measured(name, condition, measure_key)

        def rows() -> Iterator[Element]:
            find = matches(condition, secondary)
            for left in primary:
                found = list(find(left))
                if measure_key is not None:
                    found = [_with(right, measure_key, measure(left, right)) for right in found]
                if found or outer:
                    yield _with(left, key, choose(found))

        return primary.derive(rows)

    return Join(name, args, apply)


def _save_all(key: str, ordering: str | None, ascending: bool, measure_key: str | None, outer: bool) -> Join:
    args = {"matchesKey": key, "ordering": ordering, "ascending": ascending, "measureKey": measure_key, "outer": outer}
    return _saving("Join.saveAll", args, key, outer, lambda found: by_property(found, ordering, ascending))


def _save_first(key: str, ordering: str | None, ascending: bool, measure_key: str | None, outer: bool) -> Join:
    args = {"matchKey": key, "ordering": ordering, "ascending": ascending, "measureKey": measure_key, "outer": outer}
    return _saving(
        "Join.saveFirst", args, key, outer, lambda found: next(iter(by_property(found, ordering, ascending)), None)
    )


def _save_best(key: str, measure_key: str, outer: bool) -> Join:
    args = {"matchKey": key, "measureKey": measure_key, "outer": outer}
    return _saving(
        "Join.saveBest",
        args,
        key,
        outer,
        lambda found: min(found, key=lambda e: e.properties[measure_key], default=None),
    )


def _apply(join: Join, primary: Collection, secondary: Collection, condition: Filter) -> Collection:
    result: Collection = join.apply(primary, secondary, condition)
    return result


TABLE: dict[str, Callable[..., Any]] = {
    "Join.simple": lambda: Join("Join.simple", {}, _kept(True)),
    "Join.inverted": lambda: Join("Join.inverted", {}, _kept(False)),
    "Join.inner": _inner,
    "Join.saveAll": _save_all,
    "Join.saveFirst": _save_first,
    "Join.saveBest": _save_best,
    "Join.apply": _apply,
}

NOTES = {
    "Join.saveAll": "With outer, rows without matches get an empty list; undocumented.",
    "Join.saveFirst": "Unordered, the first match in the secondary's order; with outer, null; undocumented.",
    "Join.saveBest": "The smallest measure is best, the earlier match on ties; with outer, null; undocumented.",
    "Join.inner": "Pairs are called PRIMARY_SECONDARY after the indices of their elements; undocumented.",
}
