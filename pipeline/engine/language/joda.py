"""Dates as text: Joda-Time's patterns for writing and reading, and ISO 8601 as Earth Engine reads it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from pipeline.engine.language.timeunits import instant, moment, zone
from pipeline.errors import EngineError

DEFAULT = "yyyy-MM-dd'T'HH:mm:ss"

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_ZONE_NAMES = {
    "UTC": "Coordinated Universal Time",
    "GMT": "Greenwich Mean Time",
    "BST": "British Summer Time",
    "WET": "Western European Time",
    "WEST": "Western European Summer Time",
    "CET": "Central European Time",
    "CEST": "Central European Summer Time",
    "EET": "Eastern European Time",
    "EEST": "Eastern European Summer Time",
    "MSK": "Moscow Standard Time",
    "EST": "Eastern Standard Time",
    "EDT": "Eastern Daylight Time",
    "CST": "Central Standard Time",
    "CDT": "Central Daylight Time",
    "MST": "Mountain Standard Time",
    "MDT": "Mountain Daylight Time",
    "PST": "Pacific Standard Time",
    "PDT": "Pacific Daylight Time",
    "AKST": "Alaska Standard Time",
    "AKDT": "Alaska Daylight Time",
    "HST": "Hawaii Standard Time",
    "JST": "Japan Standard Time",
    "KST": "Korean Standard Time",
    "SAST": "South Africa Standard Time",
    "WAT": "Western African Time",
    "CAT": "Central African Time",
    "EAT": "Eastern African Time",
    "AWST": "Australian Western Standard Time",
    "ACST": "Australian Central Standard Time",
    "ACDT": "Australian Central Daylight Time",
    "AEST": "Australian Eastern Standard Time",
    "AEDT": "Australian Eastern Daylight Time",
    "NZST": "New Zealand Standard Time",
    "NZDT": "New Zealand Daylight Time",
}


class _When(NamedTuple):
    """A local time, and what is known of its zone."""

    time: datetime
    zone_id: str
    abbreviation: str
    offset: timedelta


class _Token(NamedTuple):
    """A run of one pattern letter, or text to stand as it is (letter "")."""

    letter: str
    length: int
    text: str

    @property
    def is_number(self) -> bool:
        """Whether it stands for digits."""
        return self.letter in _NUMBERS and not (self.letter == "M" and self.length > 2)


def _tokens(pattern: str) -> Iterator[_Token]:
    for found in re.finditer(r"''|'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+|'", pattern):
        if found[0] == "'":
            raise EngineError(f"Date format '{pattern}' has an unterminated quote.")
        if found[2]:
            if found[2] not in _NUMBERS and found[2] not in "GEazZM":
                raise EngineError(f"Illegal pattern component '{found[0]}' in the date format '{pattern}'.")
            yield _Token(found[2], len(found[0]), "")
        else:
            quoted = "'" if found[0] == "''" else found[1]
            yield _Token("", 0, found[0] if quoted is None else quoted.replace("''", "'"))


_NUMBERS: dict[str, Callable[[datetime], int]] = {
    "C": lambda t: t.year // 100,
    "Y": lambda t: t.year,
    "y": lambda t: t.year,
    "x": lambda t: t.isocalendar().year,
    "w": lambda t: t.isocalendar().week,
    "e": lambda t: t.isoweekday(),
    "D": lambda t: t.timetuple().tm_yday,
    "M": lambda t: t.month,
    "d": lambda t: t.day,
    "K": lambda t: t.hour % 12,
    "h": lambda t: (t.hour - 1) % 12 + 1,
    "H": lambda t: t.hour,
    "k": lambda t: t.hour or 24,
    "m": lambda t: t.minute,
    "s": lambda t: t.second,
    "S": lambda t: t.microsecond,
}


def formatted(millis: int, pattern: str | None, zone_name: str | None) -> str:
    """The date in the zone (UTC without one), by the pattern or in ISO form."""
    aware = moment(millis, zone(zone_name))
    offset = aware.utcoffset() or timedelta()
    when = _When(aware.replace(tzinfo=None), zone_name or "UTC", aware.tzname() or "UTC", offset)
    return "".join(_written(token, when) for token in _tokens(DEFAULT if pattern is None else pattern))


def _written(token: _Token, when: _When) -> str:
    letter, count = token.letter, token.length
    if not letter:
        return token.text
    if letter == "G":
        return "AD"
    if letter == "a":
        return "PM" if when.time.hour >= 12 else "AM"
    if letter == "E":
        name = _DAYS[when.time.weekday()]
        return name if count >= 4 else name[:3]
    if letter == "M" and count >= 3:
        name = _MONTHS[when.time.month - 1]
        return name if count >= 4 else name[:3]
    if letter in "zZ":
        return _zone_text(letter, count, when)
    if letter == "S":
        return f"{when.time.microsecond // 1000:03d}".ljust(count, "0")[:count]
    value = _NUMBERS[letter](when.time)
    return f"{value % 100:02d}" if letter in "Yyx" and count == 2 else f"{value:0{count}d}"


def _zone_text(letter: str, count: int, when: _When) -> str:
    minutes = int(when.offset.total_seconds()) // 60
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    offset = f"{sign}{hours:02d}:{rest:02d}"
    if letter == "Z":
        return when.zone_id if count >= 3 else offset if count == 2 else offset.replace(":", "")
    if not when.abbreviation[0].isalpha() or ":" in when.abbreviation:
        return offset
    return _ZONE_NAMES.get(when.abbreviation, offset) if count >= 4 else when.abbreviation


def parsed(pattern: str, text: str, zone_name: str | None) -> int:
    """The instant that a text spells by a pattern; years without a century lie within 50 years of 1996."""
    tokens = list(_tokens(pattern))
    expression = "".join(_reading(t, tokens[i + 1 : i + 2], i) for i, t in enumerate(tokens))
    found = re.fullmatch(expression, text, re.IGNORECASE)
    if found is None:
        raise EngineError(f"Date.parse: '{text}' does not have the format '{pattern}'.")
    fields: dict[str, str] = {}
    two_digit_year = any(t.letter in "Yyx" and t.length == 2 for t in tokens)
    for i, token in enumerate(tokens):
        if token.letter:
            fields["y" if token.letter == "Y" else token.letter] = found[f"t{i}"]
    try:
        return _assembled(fields, two_digit_year, zone_name)
    except (ValueError, OverflowError) as error:
        raise EngineError(f"Date.parse: '{text}' is not a date in the format '{pattern}': {error}.") from None


_WORDS = {"G": "AD|BC|CE|BCE", "E": "[a-z]+", "a": "AM|PM", "z": "[A-Z ]+", "Z": r"[+-]\d\d:?\d\d|Z|[\w/+-]+"}


def _reading(token: _Token, following: list[_Token], index: int) -> str:
    """A regular expression for one token; digits right before other digits have a fixed count."""
    if not token.letter:
        return re.escape(token.text)
    letter = token.letter
    if letter == "M" and token.length >= 3:
        body = "|".join(m for name in _MONTHS for m in (name, name[:3]))
    elif letter in "GEazZ":
        body = _WORDS[letter]
    else:
        fixed = bool(following) and following[0].is_number
        body = rf"\d{{{token.length}}}" if fixed or letter == "S" else r"\d+"
    return f"(?P<t{index}>{body})"


def _assembled(fields: dict[str, str], two_digit_year: bool, zone_name: str | None) -> int:
    def number(letter: str, default: int) -> int:
        return int(fields.get(letter, default))

    dated = not fields.keys().isdisjoint("Mdw" + "D")
    year = number("y", number("x", 2000 if dated else 1970))
    if two_digit_year and len(fields.get("y", fields.get("x", ""))) == 2:
        year += 2000 if year < 46 else 1900
    if "D" in fields:
        date = datetime(year, 1, 1) + timedelta(days=number("D", 1) - 1)
    elif "w" in fields or "x" in fields:
        date = datetime.fromisocalendar(year, number("w", 1), number("e", 1))
    else:
        date = datetime(year, _month(fields.get("M", "1")), number("d", 1))
    hour = number("H", number("k", 0) % 24)
    if "h" in fields or "K" in fields:
        hour = number("h", number("K", 0)) % 12 + (12 if fields.get("a", "").upper() == "PM" else 0)
    fraction = int(fields.get("S", "0").ljust(3, "0")[:3])
    time = date.replace(hour=hour, minute=number("m", 0), second=number("s", 0), microsecond=fraction * 1000)
    named = fields.get("Z")
    return instant(time, zone(zone_name if named is None else named.upper() if named.upper() == "Z" else named))


def _month(text: str) -> int:
    if text.isdigit():
        return int(text)
    return next(i for i, name in enumerate(_MONTHS, 1) if name[:3].lower() == text[:3].lower())


_ISO = re.compile(
    r"(?P<year>\d{4})(?:-(?P<yday>\d{3})|-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2}))?)?"
    r"(?:T(?P<hour>\d{1,2})(?::(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:[.,](?P<fraction>\d+))?)?)?)?"
    r"(?P<zone>Z|[+-]\d{2}(?::?\d{2})?)?"
)


def iso_instant(text: str, zone_name: str | None, who: str) -> int:
    """The instant of `1996-01-01`, `1996-001`, `1996-01-01T08:00` …; in the given zone unless the text names one."""
    found = _ISO.fullmatch(text.strip())
    if found is None:
        raise EngineError(f"{who}: Invalid date string '{text}'. Give ISO 8601, such as '1996-01-01T08:00'.")
    part = {k: int(v) for k, v in found.groupdict().items() if v is not None and k not in ("zone", "fraction")}
    try:
        time = datetime(part["year"], part.get("month", 1), part.get("day", 1))
        time += timedelta(days=part.get("yday", 1) - 1)
        time = time.replace(hour=part.get("hour", 0), minute=part.get("minute", 0), second=part.get("second", 0))
    except (ValueError, OverflowError) as error:
        raise EngineError(f"{who}: Invalid date string '{text}': {error}.") from None
    fraction = int((found["fraction"] or "0").ljust(3, "0")[:3])
    return instant(time, zone(found["zone"] or zone_name)) + fraction
