"""Collections of consecutive date ranges, to map over: features without geometry that hold a `date_range`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pipeline.engine.collection import Collection, Feature
from pipeline.engine.values import Date, DateRange
from pipeline.errors import EngineError

if TYPE_CHECKING:
    from pipeline.engine.session import Session

_FORMATS = {
    "year": "YYYY",
    "month": "YYYYMM",
    "week": "YYYYMMdd",
    "day": "YYYYMMdd",
    "hour": "YYYYMMddHH",
    "minute": "YYYYMMddHHmm",
    "second": "YYYYMMddHHmmss",
}


def _ranges(
    session: Session, start: Date, end: Date, delta: int, unit: str, reset: bool, pattern: str | None
) -> Collection:
    """Ranges of the given length from start until end, the last one whole; indexed by their formatted start."""
    singular = unit.removesuffix("s")
    if delta == 0 or singular not in _FORMATS:
        raise EngineError(
            f"BetterDateRangeCollection: A delta of {delta} '{unit}' makes no ranges. Give a delta other than 0 "
            f"and one of the units {', '.join(_FORMATS)}."
        )

    def made() -> Iterator[Feature]:
        for first, last in _spans(session, start, end, delta, singular, reset):
            index = session.call("Date.format", {"date": first, "format": pattern or _FORMATS[singular]})
            span = DateRange(min(first.millis, last.millis), max(first.millis, last.millis))
            yield Feature(None, {"system:index": index, "date_range": span})

    return Collection("FeatureCollection", made)


def _spans(session: Session, start: Date, end: Date, delta: int, unit: str, reset: bool) -> Iterator[tuple[Date, Date]]:
    """Starts and ends counted from the first start, or from each new year, so that ends of months do not drift."""
    origin, count, first = start, 0, start
    while (first.millis < end.millis) if delta > 0 else (first.millis > end.millis):
        count += 1
        last = _advance(session, origin, delta * count, unit)
        yield first, last
        if reset and _year(session, last) != _year(session, first):
            origin, count = session.call("Date.fromYMD", {"year": _year(session, last), "month": 1, "day": 1}), 0
            first = origin
        else:
            first = last


def _advance(session: Session, date: Date, delta: int, unit: str) -> Date:
    moved: Date = session.call("Date.advance", {"date": date, "delta": delta, "unit": unit})
    return moved


def _year(session: Session, date: Date) -> int:
    return int(session.call("Date.get", {"date": date, "unit": "year"}))


def _old_ranges(session: Session, start: int, end: int, interval: int, units: str, reset: bool) -> Collection:
    """The same with times in milliseconds, by days or years."""
    if units not in ("days", "years"):
        raise EngineError(f"DateRangeCollection: Unknown units '{units}'. Use 'days' or 'years'.")
    return _ranges(session, Date(start), Date(end), interval, units, reset, None)


SESSION_TABLE: dict[str, Callable[..., Collection]] = {
    "BetterDateRangeCollection": _ranges,
    "DateRangeCollection": _old_ranges,
}

NOTES = {
    "BetterDateRangeCollection": "With a negative delta each range still runs from its earlier to its later end.",
}
