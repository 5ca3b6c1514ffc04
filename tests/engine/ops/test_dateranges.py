from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from pipeline.engine.ops.dateranges import SESSION_TABLE
from pipeline.engine.session import Session
from pipeline.engine.values import Date
from pipeline.errors import EngineError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Calendar:
    """Days and years by datetime: what the session's date functions answer."""

    def call(self, name: str, given: dict[str, Any]) -> Any:
        if name == "Date.fromYMD":
            return day(given["year"])
        instant = EPOCH + timedelta(milliseconds=given["date"].millis)
        if name == "Date.get":
            return instant.year
        if name == "Date.format":
            return instant.strftime("%Y%m%d") if given["format"] == "YYYYMMdd" else given["format"]
        assert name == "Date.advance"
        later = instant.replace(year=instant.year + given["delta"]) if given["unit"] == "year" else None
        return stamp(later or instant + timedelta(days=given["delta"]))


def stamp(instant: datetime) -> Date:
    return Date((instant - EPOCH) // timedelta(milliseconds=1))


def day(year: int, month: int = 1, date: int = 1) -> Date:
    return stamp(datetime(year, month, date, tzinfo=UTC))


def ranges(*args: Any) -> list[tuple[str, int, int]]:
    made = SESSION_TABLE["BetterDateRangeCollection"](cast(Session, Calendar()), *args)
    spans = [(e.id, e.properties["date_range"]) for e in made]
    return [(i, s.start, s.end) for i, s in spans]


def test_ranges_follow_each_other_and_the_last_is_whole() -> None:
    found = ranges(day(2020), day(2020, 1, 6), 2, "day", False, None)
    assert [i for i, _, _ in found] == ["20200101", "20200103", "20200105"]
    assert all(end - start == 2 * 86_400_000 for _, start, end in found)
    assert [end for _, _, end in found][:-1] == [start for _, start, _ in found][1:]


def test_ranges_may_start_anew_each_year() -> None:
    found = ranges(day(2020, 12, 20), day(2021, 1, 20), 10, "days", True, None)
    assert [i for i, _, _ in found] == ["20201220", "20201230", "20210101", "20210111"]


def test_ranges_run_backwards_too() -> None:
    found = ranges(day(2020, 1, 5), day(2020, 1, 1), -2, "day", False, "p")
    assert [(i, s) for i, s, _ in found] == [("p", day(2020, 1, 3).millis), ("p", day(2020, 1, 1).millis)]


def test_impossible_ranges() -> None:
    for delta, unit in ((0, "day"), (1, "fortnight")):
        with pytest.raises(EngineError, match="BetterDateRangeCollection"):
            ranges(day(2020), day(2021), delta, unit, False, None)
    with pytest.raises(EngineError, match="'months'"):
        SESSION_TABLE["DateRangeCollection"](cast(Session, Calendar()), 0, 1, 1, "months", False)


def test_years() -> None:
    start, end = day(2020).millis, day(2023).millis
    made = SESSION_TABLE["DateRangeCollection"](cast(Session, Calendar()), start, end, 1, "years", False)
    assert len(made.elements) == 3
