"""String.*: text, regular expressions, JSON. Positions count characters."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from pipeline.engine.language import javafmt, joda
from pipeline.engine.language.regex import compiled
from pipeline.engine.limits import MAX_LENGTH, MEMORY
from pipeline.engine.values import Date
from pipeline.engine.wire import to_wire
from pipeline.errors import EngineError


def text(value: Any) -> str:
    """A value as a string: numbers as Number.format prints them, containers as JSON, dates in ISO form."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, list, dict)) or value is None:
        return _encode(value)
    if isinstance(value, (int, float)):
        return javafmt.text(value)
    if isinstance(value, Date):
        return joda.formatted(value.millis, None, None)
    return _encode(to_wire(value))


def _encode(value: Any) -> str:
    """JSON without spaces; integral numbers without decimals."""
    return json.dumps(to_wire(value), ensure_ascii=False, separators=(",", ":"))


def _decode(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise EngineError(f"String.decodeJSON: not valid JSON: {error}.") from None


def _compare(left: str, right: str) -> int:
    """-1, 0 or 1."""
    return (left > right) - (left < right)


def _match(value: str, regex: str, flags: str) -> list[str]:
    """Without the flag `g` the first match and its groups, with it all matches; an empty list if there is none."""
    pattern = compiled(regex, "String.match", flags)
    if "g" in flags:
        return [m.group() for m in pattern.finditer(value)]
    found = pattern.search(value)
    return [] if found is None else [found.group(), *(g or "" for g in found.groups())]


def replaced(value: str, regex: str, replacement: str, flags: str, who: str = "String.replace") -> str:
    """The first match replaced, or with the flag `g` all; `$1` and `${name}` stand for groups."""
    pattern = compiled(regex, who, flags)
    room = MAX_LENGTH

    def put(found: re.Match[str]) -> str:
        nonlocal room

        def group(reference: re.Match[str]) -> str:
            if reference[1]:
                return reference[1]
            name = reference[2] or reference[3]
            try:
                return found[int(name) if name.isdigit() else name] or ""
            except IndexError:
                raise EngineError(f"{who}: '{regex}' has no group '{name}'.") from None

        text = re.sub(r"\\(.)|\$(\d)|\$\{(\w+)\}", group, replacement)
        room -= len(text)
        if room < 0:
            raise EngineError(f"{who}: {MEMORY} The result would be longer than {MAX_LENGTH}.")
        return text

    result: str = pattern.sub(put, value, count=0 if "g" in flags else 1)
    return result


def _split(value: str, regex: str, flags: str) -> list[str]:
    """Java's split: trailing empty strings are dropped; an empty pattern gives the single characters."""
    if not regex:
        return list(value)
    parts, at = [], 0
    for found in compiled(regex, "String.split", flags).finditer(value):
        if found.end() == 0 or (not found.group() and found.start() == len(value)):
            continue
        parts.append(value[at : found.start()])
        at = found.end()
    parts.append(value[at:])
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return parts


TABLE: dict[str, Callable[..., Any]] = {
    "String": text,
    "String.cat": lambda a, b: a + b,
    "String.compareTo": _compare,
    "String.decodeJSON": _decode,
    "String.encodeJSON": _encode,
    "String.equals": lambda a, b: isinstance(b, str) and a == b,
    "String.index": lambda value, pattern: value.find(pattern),
    "String.length": len,
    "String.match": _match,
    "String.replace": replaced,
    "String.rindex": lambda value, pattern: value.rfind(pattern),
    "String.slice": lambda value, start, end: value[start:end],
    "String.split": _split,
    "String.toLowerCase": str.lower,
    "String.toUpperCase": str.upper,
    "String.trim": str.strip,
}

NOTES = {
    "String": "Integral numbers print without decimals; values other than numbers and text as JSON.",
    "String.match": "Without the flag g the groups of the first match follow it, as in JavaScript.",
    "String.replace": "Groups are written $1 or ${name}, as in Java.",
}
