import math
import operator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.collection import Feature
from pipeline.engine.image import Image
from pipeline.engine.ops import filter as filters
from pipeline.engine.ops.filter import Comparison, Query, candidates
from pipeline.engine.ops.spatialfilter import TABLE as SPATIAL
from pipeline.engine.space.geometry import build
from pipeline.engine.values import Array, Date, DateRange, Filter, PixelType
from pipeline.errors import EngineError
from tests.engine.arrays import image

TABLE = {**filters.TABLE, **SPATIAL}
VALUES = st.one_of(st.integers(-3, 3), st.floats(-3, 3), st.sampled_from(["", "a", "ab", "b"]))


def make(name: str, *args: Any, **fields: Any) -> Filter:
    order = ("leftField", "rightValue", "rightField", "leftValue")
    return TABLE[f"Filter.{name}"](*args, *(fields.get(n) for n in order)) if fields else TABLE[f"Filter.{name}"](*args)


def feature(**properties: Any) -> Feature:
    return Feature(None, properties)


def at(year: int, month: int = 1, day: int = 1, hour: int = 0, minute: int = 0) -> Feature:
    instant = datetime(year, month, day, hour, minute, tzinfo=UTC)
    return Feature(None, {"system:time_start": int(instant.timestamp() * 1000)})


@given(VALUES, VALUES, st.sampled_from(["lessThan", "lessThanOrEquals", "greaterThan", "greaterThanOrEquals"]))
def test_ordering_is_pythons_within_a_kind_and_false_across(x: Any, y: Any, name: str) -> None:
    test = {"lessThan": operator.lt, "lessThanOrEquals": operator.le}.get(name)
    test = test or {"greaterThan": operator.gt, "greaterThanOrEquals": operator.ge}[name]
    expected = isinstance(x, str) == isinstance(y, str) and test(x, y)
    assert make(name, leftField="x", rightValue=y).test(feature(x=x)) == expected
    assert make(name, leftValue=x, rightField="y").test(feature(y=y)) == expected
    assert make(name, leftField="x", rightField="y").pair(feature(x=x), feature(y=y)) == expected
    assert make(name, leftField="x", rightField="y").test(feature(x=x, y=y)) == expected


@given(VALUES, VALUES)
def test_equality(x: Any, y: Any) -> None:
    assert make("equals", leftField="x", rightValue=y).test(feature(x=x)) == (x == y)
    assert make("notEquals", leftField="x", rightValue=y).test(feature(x=x)) == (x != y)


@given(st.lists(st.booleans(), max_size=5))
def test_logic_is_pythons(values: list[bool]) -> None:
    parts = [make("always") if v else make("never") for v in values]
    assert make("and", parts).test(feature()) == all(values)
    assert make("or", parts).test(feature()) == any(values)
    assert [make("not", p).test(feature()) for p in parts] == [not v for v in values]


@pytest.mark.parametrize("name", ["equals", "notEquals", "lessThan", "greaterThanOrEquals", "stringContains", "inList"])
def test_missing_and_null_properties_fail_every_comparison(name: str) -> None:
    value: Any = [1] if name == "inList" else 1
    assert not make(name, leftField="x", rightValue=value).test(feature())
    assert not make(name, leftField="x", rightValue=value).test(feature(x=None))


def test_dates_and_arrays_compare_by_value() -> None:
    assert make("equals", leftField="t", rightValue=Date(5)).test(feature(t=5))
    assert make("lessThan", leftField="t", rightValue=6).test(feature(t=Date(5)))
    array = Array(np.array([1.0, 2.0]), PixelType("double", dimensions=1))
    assert make("equals", leftField="a", rightValue=[1, 2]).test(feature(a=array))


def test_each_operand_is_a_field_or_a_value() -> None:
    with pytest.raises(EngineError, match=r"Filter.equals: Exactly one of 'rightField' and 'rightValue'"):
        make("equals", leftField="x")
    with pytest.raises(EngineError, match="'leftField' and 'leftValue'"):
        make("lessThan", leftField="x", leftValue=1, rightValue=1)


def test_lists() -> None:
    assert make("inList", leftField="x", rightValue=[1, "a"]).test(feature(x="a"))
    assert not make("inList", leftField="x", rightValue=[1, "a"]).test(feature(x="b"))
    assert make("listContains", leftField="x", rightValue=2).test(feature(x=[1, 2]))
    assert not make("listContains", leftField="x", rightValue=2).test(feature(x=2))


def test_strings() -> None:
    element = feature(x="T32ULC")
    assert make("stringContains", leftField="x", rightValue="2U").test(element)
    assert make("stringStartsWith", leftField="x", rightValue="T32").test(element)
    assert make("stringEndsWith", leftField="x", rightValue="LC").test(element)
    assert not make("stringEndsWith", leftField="x", rightValue="T32").test(element)
    assert not make("stringContains", leftField="x", rightValue="3").test(feature(x=3))


def test_asset_ids_and_missing_ones() -> None:
    by_id = make("equals", leftField="system:id", rightValue="A/B")
    assert by_id.test(Image((), {}, "A/B"))
    assert not by_id.test(Image(()))


def test_band_names_can_be_filtered_by() -> None:
    has = make("listContains", leftField="system:band_names", rightValue="b")
    assert has.test(image(None, a=np.zeros((1, 1)), b=np.zeros((1, 1))))
    assert not has.test(image(None, a=np.zeros((1, 1))))


@pytest.mark.parametrize(("instant", "expected"), [(9, False), (10, True), (19, True), (20, False)])
def test_date_ranges_are_half_open(instant: int, expected: bool) -> None:
    inside = make("dateRangeContains", leftValue=DateRange(10, 20), rightField="system:time_start")
    assert inside.test(Feature(None, {"system:time_start": instant})) == expected
    span = make("dateRangeContains", leftField="span", rightValue=Date(instant))
    assert span.test(feature(span=DateRange(10, 20))) == expected


def test_unbounded_and_empty_date_ranges() -> None:
    element = Feature(None, {"system:time_start": 10})
    assert make("dateRangeContains", leftValue=DateRange(None, None), rightField="system:time_start").test(element)
    assert not make("dateRangeContains", leftValue=DateRange(10, 10), rightField="system:time_start").test(element)


@pytest.mark.parametrize(
    ("start", "end", "field", "element", "expected"),
    [
        (6, 8, "month", at(2020, 8, 31), True),
        (6, 8, "month", at(2020, 9), False),
        (11, 2, "month", at(2020, 1), True),
        (11, 2, "month", at(2020, 3), False),
        (2020, None, "year", at(2020, 12, 31, 23, 59), True),
        (60, 60, "day_of_year", at(2020, 2, 29), True),
        (31, 31, "day_of_month", at(2020, 1, 31), True),
        (1, 1, "day_of_week", at(2024, 1, 1), True),
        (7, 7, "day_of_week", at(2023, 12, 31), True),
        (22, 3, "hour", at(2020, 1, 1, 23), True),
        (30, 30, "minute", at(2020, 1, 1, 5, 30), True),
        (1, 12, "month", feature(), False),
    ],
)
def test_calendar_ranges(start: int, end: int | None, field: str, element: Feature, expected: bool) -> None:
    assert make("calendarRange", start, end, field).test(element) == expected


def test_unknown_calendar_fields_name_the_choices() -> None:
    with pytest.raises(EngineError, match=r"'weekday'.*day_of_week"):
        make("calendarRange", 1, 2, "weekday")


@given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), st.integers(1, 366), st.integers(1, 366))
def test_day_of_year_wraps(instant: datetime, start: int, end: int) -> None:
    day = instant.timetuple().tm_yday
    millis = (instant - datetime(1970, 1, 1)) // timedelta(milliseconds=1)
    expected = start <= day <= end if start <= end else day >= start or day <= end
    assert make("dayOfYear", start, end).test(Feature(None, {"system:time_start": millis})) == expected


@given(st.floats(-10, 10), st.floats(-10, 10), st.floats(0, 5))
def test_max_difference_measures(x: float, y: float, most: float) -> None:
    close = make("maxDifference", most, leftField="x", rightField="y")
    assert close.pair(feature(x=x), feature(y=y)) == (abs(x - y) <= most)
    assert close.measure is not None
    assert close.measure(feature(x=x), feature(y=y)) == abs(x - y)


def test_max_difference_of_text_fails() -> None:
    assert not make("maxDifference", 1e9, leftField="x", rightValue=1).test(feature(x="1"))


def test_ranges_nulls_and_types() -> None:
    assert make("rangeContains", "x", 1, 2).test(feature(x=2))
    assert not make("rangeContains", "x", 1, 2).test(feature(x=2.1))
    assert make("notNull", ["x", "y"]).test(feature(x=0, y=""))
    assert not make("notNull", ["x", "y"]).test(feature(x=0, y=None))
    assert make("hasType", leftField="x", rightValue="Number").test(feature(x=1.5))
    assert make("hasType", leftField="x", rightValue="String").test(feature(x="a"))
    assert not make("hasType", leftField="x", rightValue="String").test(feature(x=1))


def test_expression_is_the_string_filter() -> None:
    assert make("expression", "x > 1").test(feature(x=2))


@pytest.mark.parametrize("name", ["eq", "neq", "lt", "lte", "gt", "gte"])
def test_short_names_build_the_same_filters(name: str) -> None:
    full = {"eq": "equals", "neq": "notEquals", "lt": "lessThan", "lte": "lessThanOrEquals"}
    full |= {"gt": "greaterThan", "gte": "greaterThanOrEquals"}
    assert make(name, leftField="x", rightValue=1).name == f"Filter.{full[name]}"


# Candidates


def square(west: float, south: float, size: float) -> Any:
    ring = [[west, south], [west + size, south], [west + size, south + size], [west, south + size]]
    return build("Polygon", ring, geodesic=False)


def test_and_narrows_by_everything() -> None:
    query = candidates(
        make(
            "and",
            [
                make("dateRangeContains", leftValue=DateRange(10, 20), rightField="system:time_start"),
                SPATIAL["Filter.intersects"](".all", square(1, 2, 3)),
                make("lessThan", leftField="CLOUD", rightValue=20),
                make("greaterThan", leftField="system:time_start", rightValue=12),
            ],
        )
    )
    assert (query.start_ms, query.end_ms) == (13, 20)
    assert query.properties == (Comparison("CLOUD", "Filter.lessThan", 20),)
    assert query.bbox == pytest.approx((1, 2, 4, 5), abs=1e-5)


def test_or_not_and_two_fields_narrow_nothing() -> None:
    part = make("lessThan", leftField="x", rightValue=1)
    both = make("equals", leftField="x", rightField="y")
    for condition in (make("or", [part]), make("not", part), both, make("always"), make("dayOfYear", 1, 2)):
        assert candidates(condition) == Query()


def test_an_image_may_touch_two_disjoint_boxes() -> None:
    near, far = (SPATIAL["Filter.intersects"](".geo", square(w, 0, s)) for w, s in ((0, 1), (10, 2)))
    element = Feature(square(-1, -1, 20), {})
    both = make("and", [near, far])
    assert both.test(element)
    assert candidates(both).bbox == candidates(near).bbox


@given(
    st.integers(-50, 50), st.sampled_from(["equals", "lessThan", "lessThanOrEquals", "greaterThan", "rangeContains"])
)
def test_time_limits_hold_for_all_that_pass(limit: int, name: str) -> None:
    field = "system:time_start"
    args = {"leftField": field, "rightValue": limit / 10}
    condition = make(name, field, limit / 10, limit / 10 + 1) if name == "rangeContains" else make(name, **args)
    query = candidates(condition)
    for instant in range(-8, 9):
        inside = (query.start_ms is None or query.start_ms <= instant) and (
            query.end_ms is None or instant < query.end_ms
        )
        assert inside or not condition.test(Feature(None, {field: instant}))


def test_boxes_grow_by_the_distance_and_vanish_at_the_date_line() -> None:
    within = SPATIAL["Filter.withinDistance"]
    west, south, east, north = candidates(within(50_000.0, ".geo", square(10, 60, 0.1))).bbox or (0, 0, 0, 0)
    assert south < 60 - 50 / 111.5 and north > 60.1 + 50 / 111.5
    assert west < 10 - 50 / (111.3 * math.cos(math.radians(60.1))) and east > 10.1
    assert candidates(within(50_000.0, ".geo", square(179.8, 0, 0.1))).bbox is None
    assert candidates(within(50_000.0, ".geo", square(0, 89.8, 0.1))).bbox is None
    assert candidates(SPATIAL["Filter.disjoint"](".geo", square(0, 0, 1))).bbox is None
