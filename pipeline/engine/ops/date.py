"""Date.* and DateRange.*: instants, their calendar parts in a time zone, and half-open ranges."""

from __future__ import annotations

import math
from calendar import monthrange
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from pipeline.engine.language import joda
from pipeline.engine.language.timeunits import (
    LENGTHS,
    advanced,
    bounds,
    elapsed,
    floor,
    instant,
    local,
    part,
    unit,
    zone,
)
from pipeline.engine.values import Date, DateRange
from pipeline.errors import EngineError


def _millis(value: Any, time_zone: str | None, who: str) -> int:
    """An instant from a Date, milliseconds or an ISO string."""
    if isinstance(value, Date):
        return value.millis
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return int(value)
    if isinstance(value, str):
        return joda.iso_instant(value, time_zone, who)
    if isinstance(value, DateRange) and value.start is not None:
        return value.start
    if isinstance(value, dict) and value.get("type") == "Date":
        return int(value["value"])
    raise EngineError(f"{who}: Cannot make a date of {str(value)[:80]}. Give milliseconds, an ISO string or a Date.")


def _make(value: Any, time_zone: str | None) -> Date:
    return Date(_millis(value, time_zone, "Date"))


def _advance(date: Date, delta: float, name: str, time_zone: str | None) -> Date:
    """Calendar arithmetic for years, months, weeks and days in the zone; exact time for smaller units."""
    return Date(advanced(date.millis, delta, unit(name, "Date.advance"), zone(time_zone)))


def _difference(date: Date, start: Date, name: str) -> float:
    """How much later than `start`, in mean lengths of the unit."""
    return (date.millis - start.millis) / LENGTHS[unit(name, "Date.difference")]


def _from_ymd(year: int, month: int, day: int, time_zone: str | None) -> Date:
    return Date(instant(_local(year, month, day, "Date.fromYMD"), zone(time_zone)))


def _local(year: int, month: int, day: int, who: str) -> datetime:
    try:
        return datetime(year, month, day)
    except (ValueError, OverflowError) as error:
        raise EngineError(f"{who}: {year}-{month}-{day} is not a date: {error}.") from None


def _get(date: Date, name: str, time_zone: str | None) -> int:
    return part(local(date.millis, zone(time_zone)), unit(name, "Date.get"))


def _get_fraction(date: Date, name: str, time_zone: str | None) -> float:
    start, end = bounds(date.millis, unit(name, "Date.getFraction"), zone(time_zone))
    return (date.millis - start) / (end - start)


def _get_range(date: Date, name: str, time_zone: str | None) -> DateRange:
    return DateRange(*bounds(date.millis, unit(name, "Date.getRange"), zone(time_zone)))


def _get_relative(date: Date, name: str, within: str, time_zone: str | None) -> int:
    """Whole units since the start of the larger unit, from 0."""
    small, large = unit(name, "Date.getRelative"), unit(within, "Date.getRelative")
    if LENGTHS[small] >= LENGTHS[large]:
        raise EngineError(f"Date.getRelative: '{name}' must be a smaller unit than '{within}'.")
    time = local(date.millis, zone(time_zone))
    return elapsed(time, small, floor(time, large))


def _update(
    date: Date,
    year: int | None,
    month: int | None,
    day: int | None,
    hour: int | None,
    minute: int | None,
    second: float | None,
    time_zone: str | None,
) -> Date:
    """The date with some parts replaced; a day that the new month lacks becomes its last, unless it was given."""
    where = zone(time_zone)
    time = local(date.millis, where)
    given = {"year": year, "month": month, "day": day, "hour": hour, "minute": minute}
    fields: dict[str, Any] = {k: v for k, v in given.items() if v is not None}
    try:
        if day is None:
            in_month = monthrange(fields.get("year", time.year), fields.get("month", time.month))[1]
            fields["day"] = min(time.day, in_month)
        if second is not None:
            fields |= {"second": int(second), "microsecond": 0}
        time = time.replace(**fields)
    except (ValueError, OverflowError, KeyError) as error:
        raise EngineError(f"Date.update: {fields} does not make a date: {error}.") from None
    if second is not None:
        time += timedelta(seconds=second - int(second))
    return Date(instant(time, where))


def _range(start: Any, end: Any, time_zone: str | None) -> DateRange:
    """[start, end); one millisecond without an end."""
    if isinstance(start, DateRange) and end is None:
        return start
    first = _millis(start, time_zone, "DateRange")
    return DateRange(first, first + 1 if end is None else _millis(end, time_zone, "DateRange"))


def _unbounded(dates: DateRange) -> bool:
    return dates.start is None or dates.end is None


def _span(dates: DateRange) -> tuple[float, float]:
    """Start and end as numbers; infinite where there are none."""
    low = float("-inf") if dates.start is None else dates.start
    return low, float("inf") if dates.end is None else dates.end


def _ranged(low: float, high: float) -> DateRange:
    if low == float("-inf") or high == float("inf"):
        return DateRange(None, None)
    return DateRange(int(low), int(high))


def _empty(dates: DateRange) -> bool:
    low, high = _span(dates)
    return low >= high


def _contains(dates: DateRange, other: Any) -> bool:
    low, high = _span(dates)
    if isinstance(other, DateRange):
        first, last = _span(other)
        return low <= first and last <= high
    return low <= _millis(other, None, "DateRange.contains") < high


def _intersection(left: DateRange, right: DateRange) -> DateRange:
    """The common part; an empty range at the later start where there is none."""
    (a, b), (c, d) = _span(left), _span(right)
    low = max(a, c)
    return _ranged(low, max(low, min(b, d)))


def _intersects(left: DateRange, right: DateRange) -> bool:
    (a, b), (c, d) = _span(left), _span(right)
    return max(a, c) < min(b, d)


def _union(left: DateRange, right: DateRange) -> DateRange:
    """The smallest range that covers both."""
    if _empty(left) or _empty(right):
        return right if _empty(left) else left
    (a, b), (c, d) = _span(left), _span(right)
    return _ranged(min(a, c), max(b, d))


def _end_of(side: str) -> Callable[[DateRange], Date]:
    def get(dates: DateRange) -> Date:
        value: int | None = getattr(dates, side)
        if value is None:
            raise EngineError(f"DateRange.{side}: An unbounded range has no {side}.")
        return Date(value)

    return get


TABLE: dict[str, Callable[..., Any]] = {
    "Date": _make,
    "Date.advance": _advance,
    "Date.difference": _difference,
    "Date.format": lambda date, pattern, time_zone: joda.formatted(date.millis, pattern, time_zone),
    "Date.fromYMD": _from_ymd,
    "Date.get": _get,
    "Date.getFraction": _get_fraction,
    "Date.getRange": _get_range,
    "Date.getRelative": _get_relative,
    "Date.millis": lambda date: date.millis,
    "Date.parse": lambda pattern, text, time_zone: Date(joda.parsed(pattern, text, time_zone)),
    "Date.unitRatio": lambda a, b: LENGTHS[unit(a, "Date.unitRatio")] / LENGTHS[unit(b, "Date.unitRatio")],
    "Date.update": _update,
    "DateRange": _range,
    "DateRange.contains": _contains,
    "DateRange.end": _end_of("end"),
    "DateRange.intersection": _intersection,
    "DateRange.intersects": _intersects,
    "DateRange.isEmpty": _empty,
    "DateRange.isUnbounded": _unbounded,
    "DateRange.start": _end_of("start"),
    "DateRange.unbounded": lambda: DateRange(None, None),
    "DateRange.union": _union,
}

NOTES = {
    "Date": "Dates lie in the years 1 to 9999 of the proleptic Gregorian calendar.",
    "Date.advance": "A fraction of a unit is added by the unit's mean length.",
    "Date.parse": "Years of two digits lie between 1946 and 2045.",
    "Date.format": "Long names of time zones are known for the common ones; others print their offset.",
}
