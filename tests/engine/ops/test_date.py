from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.ops.date import TABLE
from pipeline.engine.values import Date, DateRange
from pipeline.errors import EngineError

PACIFIC = "America/Los_Angeles"
UNITS = ["year", "month", "week", "day", "hour", "minute", "second"]
instants = st.integers(-(10**13), 10**13)


def call(name: str, *args: Any) -> Any:
    return TABLE[name](*args)


def date(text: str, zone: str | None = None) -> Date:
    made = call("Date", text, zone)
    assert isinstance(made, Date)
    return made


def iso(value: Date) -> str:
    text = call("Date.format", value, None, None)
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("1996", None, "1996-01-01T00:00:00"),
        ("1996-02", None, "1996-02-01T00:00:00"),
        ("1996-060", None, "1996-02-29T00:00:00"),
        ("1996-1-2", None, "1996-01-02T00:00:00"),
        ("1996-01-01T08:00", None, "1996-01-01T08:00:00"),
        ("1996-01-01T08:00:30.5Z", PACIFIC, "1996-01-01T08:00:30"),
        ("1996-01-01T08:00+02:00", None, "1996-01-01T06:00:00"),
        ("1996-07-01", PACIFIC, "1996-07-01T07:00:00"),
        ("1996-07-01", "+05:30", "1996-06-30T18:30:00"),
    ],
)
def test_iso_text(text: str, zone: str | None, expected: str) -> None:
    assert iso(date(text, zone)) == expected


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)))
def test_text_there_and_back(time: datetime) -> None:
    whole = time.replace(microsecond=0)
    assert iso(date(whole.isoformat())) == whole.isoformat()


@pytest.mark.parametrize(
    ("delta", "unit", "expected"),
    [
        (1, "month", "2020-02-29T12:00:00"),
        (-1, "months", "2019-12-31T12:00:00"),
        (13, "month", "2021-02-28T12:00:00"),
        (1, "year", "2021-01-31T12:00:00"),
        (2, "weeks", "2020-02-14T12:00:00"),
        (1.5, "day", "2020-02-02T00:00:00"),
        (0.5, "hour", "2020-01-31T12:30:00"),
    ],
)
def test_advancing_follows_the_calendar(delta: float, unit: str, expected: str) -> None:
    assert iso(call("Date.advance", date("2020-01-31T12:00"), delta, unit, None)) == expected


def test_days_keep_the_clock_across_a_time_change() -> None:
    before = date("2021-03-13T12:00", PACIFIC)
    assert call("Date.advance", before, 1, "day", PACIFIC).millis - before.millis == 23 * 3_600_000
    assert call("Date.advance", before, 24, "hour", PACIFIC).millis - before.millis == 24 * 3_600_000


@given(instants, st.sampled_from(UNITS), st.sampled_from([None, PACIFIC, "Asia/Kolkata"]))
def test_ranges_hold_their_date_and_join(millis: int, unit: str, zone: str | None) -> None:
    span = call("Date.getRange", Date(millis), unit, zone)
    assert span.start <= millis < span.end
    assert call("Date.getRange", Date(span.end), unit, zone).start == span.end
    assert 0 <= call("Date.getFraction", Date(millis), unit, zone) < 1


@given(instants)
def test_parts_are_those_of_datetime(millis: int) -> None:
    time = datetime.fromtimestamp(millis // 1000, UTC)
    parts = [call("Date.get", Date(millis), unit, None) for unit in UNITS]
    assert parts == [time.year, time.month, time.isocalendar().week, time.day, time.hour, time.minute, time.second]


@pytest.mark.parametrize(
    ("unit", "within", "expected"),
    [
        ("day", "year", 59),
        ("month", "year", 1),
        ("day", "month", 28),
        ("day", "week", 5),
        ("hour", "day", 13),
        ("minute", "day", 13 * 60 + 5),
        ("week", "year", 8),
    ],
)
def test_relative_parts_start_at_zero(unit: str, within: str, expected: int) -> None:
    assert call("Date.getRelative", date("2020-02-29T13:05"), unit, within, None) == expected


def test_lengths_of_units_are_means() -> None:
    assert call("Date.unitRatio", "day", "minute") == 1440
    assert call("Date.unitRatio", "year", "day") == 365.2425
    assert call("Date.difference", date("2020-01-15"), date("2020-01-01"), "days") == 14
    assert call("Date.difference", date("2020-01-01"), date("2020-01-15"), "weeks") == -2


def test_updating_replaces_parts() -> None:
    start = date("2020-03-31T10:20:30")
    assert iso(call("Date.update", start, 2021, 2, None, 5, None, None, None)) == "2021-02-28T05:20:30"
    assert call("Date.update", start, None, None, None, None, None, 1.5, None).millis % 60_000 == 1500
    assert iso(call("Date.update", start, None, None, None, 0, None, None, PACIFIC)) == "2020-03-31T07:20:30"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("yyyyMMdd", "19750703"),
        ("y-M-d", "1975-7-3"),
        ("YY MMM MMMM", "75 Jul July"),
        ("EEE EEEE e", "Thu Thursday 4"),
        ("D DDD w xxxx", "184 184 27 1975"),
        ("HH:mm:ss.SSS", "21:13:59.045"),
        ("h K k a", "9 9 21 PM"),
        ("CC GG", "19 AD"),
        ("'day' d 'o''clock'", "day 3 o'clock"),
        ("''yy''", "'75'"),
    ],
)
def test_patterns_write(pattern: str, expected: str) -> None:
    assert call("Date.format", date("1975-07-03T21:13:59.045"), pattern, None) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("z", "PDT"), ("zzzz", "Pacific Daylight Time"), ("Z", "-0700"), ("ZZ", "-07:00"), ("ZZZ", PACIFIC)],
)
def test_patterns_write_zones(pattern: str, expected: str) -> None:
    assert call("Date.format", date("1975-07-03"), pattern, PACIFIC) == expected


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("yyyyMMdd", "20200229", "2020-02-29T00:00:00"),
        ("yyyyDDD", "2020060", "2020-02-29T00:00:00"),
        ("d MMM yy", "3 Jul 75", "1975-07-03T00:00:00"),
        ("MM/dd/yy h:mm a", "01/02/20 9:05 pm", "2020-01-02T21:05:00"),
        ("yyyy-MM-dd'T'HH:mmZ", "2020-01-01T00:00-0500", "2020-01-01T05:00:00"),
        ("xxxx-ww", "2020-01", "2019-12-30T00:00:00"),
        ("HH:mm", "10:30", "1970-01-01T10:30:00"),
    ],
)
def test_patterns_read(pattern: str, text: str, expected: str) -> None:
    assert iso(call("Date.parse", pattern, text, None)) == expected


@given(st.integers(0, 10**13))
def test_patterns_read_what_they_write(millis: int) -> None:
    pattern = "EEEE, d MMMM yyyy HH:mm:ss.SSS ZZ"
    text = call("Date.format", Date(millis), pattern, "Asia/Kolkata")
    assert call("Date.parse", pattern, text, None) == Date(millis)


def span(start: int, end: int) -> DateRange:
    return DateRange(start, end)


def test_ranges() -> None:
    assert call("DateRange", 5, None, None) == span(5, 6)
    assert call("DateRange", "1970-01-01", Date(9), None) == span(0, 9)
    assert call("DateRange.contains", span(0, 10), Date(9))
    assert not call("DateRange.contains", span(0, 10), 10)
    assert call("DateRange.contains", span(0, 10), span(2, 10))
    assert call("DateRange.intersection", span(0, 10), span(5, 20)) == span(5, 10)
    assert call("DateRange.isEmpty", call("DateRange.intersection", span(0, 1), span(5, 6)))
    assert not call("DateRange.intersects", span(0, 5), span(5, 6))
    assert call("DateRange.union", span(0, 5), span(8, 9)) == span(0, 9)
    assert call("DateRange.union", span(3, 3), span(8, 9)) == span(8, 9)
    assert (call("DateRange.start", span(1, 2)), call("DateRange.end", span(1, 2))) == (Date(1), Date(2))


def test_unbounded_ranges_hold_everything() -> None:
    always = call("DateRange.unbounded")
    assert call("DateRange.isUnbounded", always)
    assert call("DateRange.contains", always, Date(-(10**15)))
    assert call("DateRange.intersection", always, span(1, 2)) == span(1, 2)
    assert call("DateRange.isUnbounded", call("DateRange.union", always, span(1, 2)))
    with pytest.raises(EngineError, match="unbounded"):
        call("DateRange.start", always)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("Date", ("yesterday", None)),
        ("Date", ("2021-02-30", None)),
        ("Date", (float("nan"), None)),
        ("Date", ({"a": 1}, None)),
        ("Date", ("2020-01-01", "Mars/Olympus")),
        ("Date", ("2020-01-01", "+99:00")),
        ("Date.fromYMD", (2020, 13, 1, None)),
        ("Date.get", (Date(0), "fortnight", None)),
        ("Date.get", (Date(10**18), "year", None)),
        ("Date.advance", (Date(0), 10**9, "year", None)),
        ("Date.advance", (Date(0), float("inf"), "day", None)),
        ("Date.getRelative", (Date(0), "year", "month", None)),
        ("Date.format", (Date(0), "yyyy b", None)),
        ("Date.format", (Date(0), "'open", None)),
        ("Date.parse", ("yyyy", "x", None)),
        ("Date.parse", ("yyyy-MM", "2020-13", None)),
        ("Date.update", (Date(0), None, 13, None, None, None, None, None)),
        ("Date.update", (Date(0), None, None, 32, None, None, None, None)),
    ],
)
def test_mistakes_are_refused(name: str, args: tuple[Any, ...]) -> None:
    with pytest.raises(EngineError):
        call(name, *args)
