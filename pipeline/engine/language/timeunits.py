"""Calendar units in a time zone: where a year, month, week … begins, how far to the next, and what a date's parts are.

Instants are milliseconds since 1970-01-01 UTC; local times are naive datetimes. Years run from 1 to 9999.
"""

from __future__ import annotations

import math
import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from pipeline.errors import EngineError

_EPOCH = datetime(1970, 1, 1)
_DAY = 86_400_000
_FIELDS = ("year", "month", "day", "hour", "minute", "second", "microsecond")

# Mean lengths in milliseconds; the year is the Gregorian calendar's 365.2425 days.
LENGTHS: dict[str, int] = {
    "year": 31_556_952_000,
    "month": 2_629_746_000,
    "week": 7 * _DAY,
    "day": _DAY,
    "hour": 3_600_000,
    "minute": 60_000,
    "second": 1_000,
}


def unit(name: str, who: str) -> str:
    """The unit's name in singular; plurals and capitals are taken too."""
    single = name.lower().removesuffix("s")
    if single not in LENGTHS:
        raise EngineError(f"{who}: Unknown time unit '{name}'. Units are {', '.join(LENGTHS)}.")
    return single


def zone(name: str | None) -> tzinfo:
    """The time zone of a name such as `America/Los_Angeles` or an offset such as `+02:00`; UTC for none."""
    if name is None or name in ("UTC", "Z"):
        return UTC
    offset = re.fullmatch(r"([+-])(\d{2}):?(\d{2})?", name)
    try:
        if offset is None:
            return ZoneInfo(name)
        delta = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return timezone(-delta if offset[1] == "-" else delta)
    except (KeyError, ValueError, OSError):
        raise EngineError(
            f"The time zone '{name}' is not recognised. Give a name such as 'America/Los_Angeles'."
        ) from None


def moment(millis: int, where: tzinfo) -> datetime:
    """The instant as an aware datetime in the zone."""
    try:
        return (_EPOCH + timedelta(milliseconds=millis)).replace(tzinfo=UTC).astimezone(where)
    except (OverflowError, ValueError):
        raise EngineError(f"The date {millis} ms is outside the years 1 to 9999.") from None


def local(millis: int, where: tzinfo) -> datetime:
    """The local time of an instant."""
    return moment(millis, where).replace(tzinfo=None)


def instant(time: datetime, where: tzinfo) -> int:
    """The instant of a local time, in milliseconds."""
    try:
        return (time.replace(tzinfo=where).astimezone(UTC).replace(tzinfo=None) - _EPOCH) // timedelta(milliseconds=1)
    except OverflowError:
        raise EngineError(f"The date {time} is outside the years 1 to 9999.") from None


def floor(time: datetime, name: str) -> datetime:
    """The start of the unit that a local time lies in; weeks start on Monday."""
    if name == "week":
        return floor(time, "day") - timedelta(days=time.weekday())
    smaller = _FIELDS[_FIELDS.index(name) + 1 :]
    starts: dict[str, Any] = {f: 1 if f in ("month", "day") else 0 for f in smaller}
    return time.replace(**starts)


def shifted(time: datetime, count: int, name: str) -> datetime:
    """A local time moved by whole units; a day past the month's end becomes its last day."""
    try:
        if name in ("year", "month"):
            months = time.year * 12 + time.month - 1 + count * (12 if name == "year" else 1)
            year, month = divmod(months, 12)
            return time.replace(year=year, month=month + 1, day=min(time.day, monthrange(year, month + 1)[1]))
        return time + timedelta(milliseconds=count * LENGTHS[name])
    except (OverflowError, ValueError):
        raise EngineError(f"The date {time} moved by {count} {name}s is outside the years 1 to 9999.") from None


def advanced(millis: int, count: float, name: str, where: tzinfo) -> int:
    """An instant moved by units of the local calendar; fractions by the unit's mean length."""
    if not math.isfinite(count):
        raise EngineError(f"A date cannot be moved by {count} {name}s.")
    if name in ("hour", "minute", "second"):
        return millis + round(count * LENGTHS[name])
    whole = int(count)
    moved = instant(shifted(local(millis, where), whole, name), where)
    return moved + round((count - whole) * LENGTHS[name])


def bounds(millis: int, name: str, where: tzinfo) -> tuple[int, int]:
    """Start (inclusive) and end (exclusive) of the unit that an instant lies in."""
    if name in ("minute", "second"):
        start = millis - millis % LENGTHS[name]
        return start, start + LENGTHS[name]
    begin = floor(local(millis, where), name)
    return instant(begin, where), instant(shifted(begin, 1, name), where)


def part(time: datetime, name: str) -> int:
    """The value of a unit in a local time: months and days from 1, ISO weeks, hours from 0."""
    return time.isocalendar().week if name == "week" else int(getattr(time, name))


def elapsed(time: datetime, name: str, since: datetime) -> int:
    """Whole units of a local time since another."""
    if name in ("year", "month"):
        months = (time.year - since.year) * 12 + time.month - since.month
        return months // 12 if name == "year" else months
    return int((time - since) / timedelta(milliseconds=1)) // LENGTHS[name]
