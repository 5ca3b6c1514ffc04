"""Filters: tests on elements, pairs of elements for joins, and what an index may conclude from them.

A filter with two fields compares two elements in a join, and two properties of the same element outside of one.
This module knows nothing of collections and archives.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any, NamedTuple

from pipeline.engine.coerce import type_name
from pipeline.engine.collection import Collection, Element, Feature
from pipeline.engine.image import Image
from pipeline.engine.language.selectors import GEOMETRY, lonlat, plain, value_of
from pipeline.engine.space.geometry import Geometry
from pipeline.engine.values import DateRange, Filter
from pipeline.errors import EngineError

Box = tuple[float, float, float, float]
Side = Callable[[Element, Element], Any]

TIME = "system:time_start"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEAR_1, YEAR_10000 = -62_135_596_800_000, 253_402_300_800_000  # what datetime can hold, in milliseconds
METRES_PER_DEGREE = 110_000.0  # a little less than the shortest degree of latitude, so that boxes grow enough


# Operands


def sides(
    name: str, left: tuple[str | None, Any], right: tuple[str | None, Any], convert: Callable[[Any], Any] = plain
) -> tuple[Side, Side]:
    """Readers of both operands, each given as (field, value): functions of the two elements compared."""
    return _side(name, "left", *left, convert), _side(name, "right", *right, convert)


def _side(name: str, which: str, field: str | None, value: Any, convert: Callable[[Any], Any]) -> Side:
    if (field is None) == (value is None):
        raise EngineError(f"{name}: Exactly one of '{which}Field' and '{which}Value' must be given.")
    if field is None:
        constant = convert(value)
        return lambda left, right: constant
    if which == "left":
        return lambda left, right: convert(value_of(left, field))
    return lambda left, right: convert(value_of(left if right is None else right, field))


def given(**arguments: Any) -> dict[str, Any]:
    """The arguments that are not null."""
    return {k: v for k, v in arguments.items() if v is not None}


# Comparisons


def _comparison(name: str, test: Callable[[Any, Any], bool]) -> Callable[..., Filter]:
    """The builder of a filter that passes where both operands are there and the test holds."""

    def build(
        left_field: str | None = None, right_value: Any = None, right_field: str | None = None, left_value: Any = None
    ) -> Filter:
        left, right = sides(name, (left_field, left_value), (right_field, right_value))

        def pair(a: Element, b: Element) -> bool:
            x, y = left(a, b), right(a, b)
            return x is not None and y is not None and bool(test(x, y))

        args = given(leftField=left_field, rightValue=right_value, rightField=right_field, leftValue=left_value)
        return Filter(name, args, pair)

    return build


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda x, y: _comparable(x, y) and test(x, y)


def _comparable(x: Any, y: Any) -> bool:
    numbers = isinstance(x, (int, float)) and isinstance(y, (int, float))
    return numbers or (isinstance(x, str) and isinstance(y, str))


def _text(test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    return lambda x, y: isinstance(x, str) and isinstance(y, str) and test(x, y)


def _list_contains(values: Any, value: Any) -> bool:
    return isinstance(values, list) and value in values


def _in_range(span: Any, instant: Any) -> bool:
    if not isinstance(span, DateRange) or not isinstance(instant, (int, float)):
        return False
    return (span.start is None or span.start <= instant) and (span.end is None or instant < span.end)


def _has_type(value: Any, wanted: Any) -> bool:
    actual = type_name(value)
    return wanted in (actual, "Object") or isinstance(value, _SUPERTYPES.get(wanted, ()))


_SUPERTYPES: dict[str, tuple[type, ...]] = {
    "Number": (int, float),
    "Float": (int, float),
    "Geometry": (Geometry,),
    "Element": (Feature, Image, Collection),
    "Collection": (Collection,),
}

equals = _comparison("Filter.equals", operator.eq)
not_equals = _comparison("Filter.notEquals", operator.ne)
less_than = _comparison("Filter.lessThan", _ordered(operator.lt))
less_than_or_equals = _comparison("Filter.lessThanOrEquals", _ordered(operator.le))
greater_than = _comparison("Filter.greaterThan", _ordered(operator.gt))
greater_than_or_equals = _comparison("Filter.greaterThanOrEquals", _ordered(operator.ge))
in_list = _comparison("Filter.inList", lambda value, values: _list_contains(values, value))


def _max_difference(
    difference: float,
    left_field: str | None = None,
    right_value: Any = None,
    right_field: str | None = None,
    left_value: Any = None,
) -> Filter:
    left, right = sides("Filter.maxDifference", (left_field, left_value), (right_field, right_value))

    def measure(a: Element, b: Element) -> float:
        x, y = left(a, b), right(a, b)
        return abs(x - y) if isinstance(x, (int, float)) and isinstance(y, (int, float)) else math.nan

    args = given(
        difference=difference,
        leftField=left_field,
        rightValue=right_value,
        rightField=right_field,
        leftValue=left_value,
    )
    return Filter("Filter.maxDifference", args, lambda a, b: measure(a, b) <= difference, measure)


def _range_contains(field: str, low: Any, high: Any) -> Filter:
    parts = (greater_than_or_equals(field, low), less_than_or_equals(field, high))
    both_hold = conjunction(list(parts))
    return Filter("Filter.rangeContains", {"field": field, "minValue": low, "maxValue": high}, both_hold.pair)


def _not_null(properties: list[str]) -> Filter:
    def test(element: Element) -> bool:
        return all(value_of(element, p) is not None for p in properties)

    return unary("Filter.notNull", {"properties": properties}, test)


def unary(name: str, args: dict[str, Any], test: Callable[[Element], bool]) -> Filter:
    """A filter of one element; in a join it tests the primary one."""
    return Filter(name, args, lambda element, other: test(element))


# Calendar

_CALENDAR: dict[str, Callable[[datetime], int]] = {
    "year": lambda t: t.year,
    "month": lambda t: t.month,
    "hour": lambda t: t.hour,
    "minute": lambda t: t.minute,
    "day_of_year": lambda t: t.timetuple().tm_yday,
    "day_of_month": lambda t: t.day,
    "day_of_week": datetime.isoweekday,
}


def _calendar_range(start: int, end: int | None, field: str) -> Filter:
    """Inclusive, in UTC, Monday = 1; where end < start the range wraps around the year, week or day."""
    if field not in _CALENDAR:
        raise EngineError(f"Filter.calendarRange: Unknown field '{field}'. Use one of: {', '.join(_CALENDAR)}.")
    last = start if end is None else end
    read = _CALENDAR[field]

    def test(element: Element) -> bool:
        millis = plain(value_of(element, TIME))
        if not isinstance(millis, (int, float)) or not YEAR_1 <= millis < YEAR_10000:
            return False
        value = read(EPOCH + timedelta(milliseconds=millis))
        return start <= value <= last if start <= last else value >= start or value <= last

    return unary("Filter.calendarRange", {"start": start, "end": last, "field": field}, test)


# Logic


def conjunction(filters: list[Filter]) -> Filter:
    """Passes where all do; measures what the only measuring part measures."""
    parts = tuple(filters)
    measures = [f.measure for f in parts if f.measure is not None]
    return Filter(
        "Filter.and",
        {"filters": filters},
        lambda a, b: all(f.pair(a, b) for f in parts),
        measures[0] if len(measures) == 1 else None,
        parts,
    )


def disjunction(filters: list[Filter]) -> Filter:
    """Passes where any does."""
    parts = tuple(filters)
    return Filter("Filter.or", {"filters": filters}, lambda a, b: any(f.pair(a, b) for f in parts), None, parts)


def negation(part: Filter) -> Filter:
    """Passes where the part does not."""
    return Filter("Filter.not", {"filter": part}, lambda a, b: not part.pair(a, b), None, (part,))


def as_filter(value: Any) -> Filter:
    """The filter itself, or the one that a string spells."""
    from pipeline.engine.language.filterstring import parse

    if isinstance(value, Filter):
        return value
    if isinstance(value, str):
        return parse(value)
    raise EngineError(f"Collection.filter: {value!r} is not a filter. Give a Filter or a string such as 'a > 3'.")


# What an index may conclude


class Comparison(NamedTuple):
    """A property test that every passing element fulfils: `test` is the filter's name, such as "Filter.equals"."""

    field: str
    test: str
    value: Any


@dataclass(frozen=True)
class Query:
    """Conditions that every element passing a filter fulfils; others may fulfil them too.

    `bbox` is west, south, east, north in degrees: the footprint touches it. Times are [start_ms, end_ms) of
    `system:time_start`. None is no condition.
    """

    bbox: Box | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    properties: tuple[Comparison, ...] = ()

    def both(self, other: Query) -> Query:
        """The conditions of both. Of two boxes the smaller: a footprint may touch two disjoint ones."""
        boxes = [b for b in (self.bbox, other.bbox) if b is not None]
        starts = [s for s in (self.start_ms, other.start_ms) if s is not None]
        ends = [e for e in (self.end_ms, other.end_ms) if e is not None]
        return Query(
            min(boxes, key=lambda b: (b[2] - b[0]) * (b[3] - b[1]), default=None),
            max(starts, default=None),
            min(ends, default=None),
            self.properties + other.properties,
        )


def candidates(condition: Filter) -> Query:
    """What the filter implies: exact filtering of the candidates gives the same as filtering everything."""
    args = condition.args
    if condition.name == "Filter.and":
        return reduce(Query.both, map(candidates, condition.parts), Query())
    if condition.name == "Filter.rangeContains":
        low = greater_than_or_equals(args["field"], args["minValue"])
        return candidates(low).both(candidates(less_than_or_equals(args["field"], args["maxValue"])))
    if condition.name in _TOUCHING:
        return Query(bbox=_search_box(args))
    if condition.name == "Filter.dateRangeContains":
        span = args.get("leftValue")
        if args.get("rightField") == TIME and isinstance(span, DateRange):
            return Query(start_ms=span.start, end_ms=span.end)
    elif condition.name in _INDEXED and "leftField" in args and "rightValue" in args:
        return _property_query(args["leftField"], condition.name, plain(args["rightValue"]))
    return Query()


def _property_query(field: str, test: str, value: Any) -> Query:
    if field != TIME:
        return Query(properties=(Comparison(field, test, value),))
    if not isinstance(value, (int, float)) or not math.isfinite(value) or test in ("Filter.inList", "Filter.notEquals"):
        return Query()
    at, after = math.ceil(value), math.floor(value) + 1
    start = {"Filter.equals": at, "Filter.greaterThanOrEquals": at, "Filter.greaterThan": after}.get(test)
    end = {"Filter.equals": after, "Filter.lessThan": at, "Filter.lessThanOrEquals": after}.get(test)
    return Query(start_ms=start, end_ms=end)


def _search_box(args: dict[str, Any]) -> Box | None:
    """The box of the constant geometry, grown by the distance; None where it would cross the date line or a pole."""
    fields = {args.get("leftField"), args.get("rightField")} - {None}
    shape = lonlat(args.get("rightValue", args.get("leftValue")))
    if len(fields) != 1 or not fields <= set(GEOMETRY) or shape is None:
        return None
    west, south, east, north = shape.bounds
    margin = args.get("distance", 0.0) / METRES_PER_DEGREE + 1e-6
    south, north = south - margin, north + margin
    if math.isnan(west) or max(-south, north) >= 90:
        return None
    margin /= math.cos(math.radians(max(-south, north)))
    west, east = west - margin, east + margin
    return (west, south, east, north) if west >= -180 and east <= 180 else None


_TOUCHING = {"Filter.intersects", "Filter.contains", "Filter.isContained", "Filter.withinDistance"}
_INDEXED = {
    "Filter.equals",
    "Filter.notEquals",
    "Filter.lessThan",
    "Filter.lessThanOrEquals",
    "Filter.greaterThan",
    "Filter.greaterThanOrEquals",
    "Filter.inList",
}

TABLE: dict[str, Callable[..., Filter]] = {
    "Filter.always": lambda: unary("Filter.always", {}, lambda e: True),
    "Filter.never": lambda: unary("Filter.never", {}, lambda e: False),
    "Filter.and": conjunction,
    "Filter.or": disjunction,
    "Filter.not": negation,
    "Filter.equals": equals,
    "Filter.eq": equals,
    "Filter.notEquals": not_equals,
    "Filter.neq": not_equals,
    "Filter.lessThan": less_than,
    "Filter.lt": less_than,
    "Filter.lessThanOrEquals": less_than_or_equals,
    "Filter.lte": less_than_or_equals,
    "Filter.greaterThan": greater_than,
    "Filter.gt": greater_than,
    "Filter.greaterThanOrEquals": greater_than_or_equals,
    "Filter.gte": greater_than_or_equals,
    "Filter.inList": in_list,
    "Filter.listContains": _comparison("Filter.listContains", _list_contains),
    "Filter.stringContains": _comparison("Filter.stringContains", _text(operator.contains)),
    "Filter.stringStartsWith": _comparison("Filter.stringStartsWith", _text(str.startswith)),
    "Filter.stringEndsWith": _comparison("Filter.stringEndsWith", _text(str.endswith)),
    "Filter.dateRangeContains": _comparison("Filter.dateRangeContains", _in_range),
    "Filter.hasType": _comparison("Filter.hasType", _has_type),
    "Filter.maxDifference": _max_difference,
    "Filter.rangeContains": _range_contains,
    "Filter.notNull": _not_null,
    "Filter.calendarRange": _calendar_range,
    "Filter.dayOfYear": lambda start, end: _calendar_range(start, end, "day_of_year"),
    "Filter.expression": as_filter,
}

_NULLS = "A missing or null property fails every comparison, this one included; undocumented."

NOTES = {
    "Filter.notEquals": _NULLS,
    "Filter.equals": "Two fields outside of a join compare two properties of the element; undocumented.",
    "Filter.lessThan": "A number and a string are not comparable: the filter fails instead of raising; undocumented.",
    "Filter.hasType": "Integers count as Float and Number, every geometry as Geometry; otherwise names must match.",
}
