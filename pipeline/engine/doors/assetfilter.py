"""The filter language of listAssets: terms joined by AND, such as `startTime >= "2020-01-01T00:00:00Z"`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from pipeline.engine.graph import parse_json
from pipeline.errors import EngineError

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    ":": operator.eq,
}
_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<compare>[<>!=]=|[<>=:])|(?P<paren>[()])"""
    r"""|(?P<word>[^\s"'()<>!=:]+))"""
)
_FIELDS = {"start_time": "startTime", "update_time": "updateTime"}
_ENDS = {"endTime", "end_time"}
_TIMES = {"startTime", "updateTime", *_FIELDS, *_ENDS}


@dataclass(frozen=True)
class Term:
    """One comparison of a field, or one region that is to be met (`compare` is "intersects")."""

    field: str
    compare: str
    value: Any


def parse(text: str) -> list[Term]:
    """The terms, all of which must hold; what the language does not have is refused."""
    tokens = _tokens(text)
    terms: list[Term] = []
    position = 0
    while position < len(tokens):
        if terms:
            if tokens[position][1].upper() != "AND":
                raise _invalid(text, f"expected AND, not {tokens[position][1]!r}")
            position += 1
        position = _term(tokens, position, terms, text)
    return terms


def holds(terms: Iterable[Term], asset: dict[str, Any]) -> bool:
    """Whether an asset (as the REST interface shows it) passes all terms; a missing field fails."""
    return all(_holds(term, asset) for term in terms)


def millis(timestamp: str) -> int:
    """Milliseconds of an ISO 8601 time; UTC where it has no zone."""
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:
        raise EngineError(f"Invalid time {timestamp[:60]!r}: use ISO 8601, as in 2020-01-31T00:00:00Z.") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, position = [], 0
    text = text.rstrip()
    while position < len(text):
        found = _TOKEN.match(text, position)
        if not found or found.lastgroup is None:
            raise _invalid(text, f"cannot read {text[position : position + 20]!r}")
        tokens.append((found.lastgroup, found[found.lastgroup]))
        position = found.end()
    return tokens


def _term(tokens: list[tuple[str, str]], position: int, terms: list[Term], text: str) -> int:
    kinds = [k for k, _ in tokens[position : position + 4]]
    values = [v for _, v in tokens[position : position + 4]]
    if values[:2] == ["intersects", "("] and kinds[2:] == ["string", "paren"] and values[3] == ")":
        terms.append(Term("geometry", "intersects", _region(values[2][1:-1])))
        return position + 4
    if kinds[:2] != ["word", "compare"] or len(kinds) < 3 or kinds[2] not in ("word", "string"):
        raise _invalid(text, 'a term must be FIELD OPERATOR VALUE or intersects("GEOMETRY")')
    value = values[2][1:-1] if kinds[2] == "string" else _number(values[2])
    if values[0] in _TIMES:
        value = millis(str(value))
    terms.append(Term(values[0], values[1], value))
    return position + 3


def _number(word: str) -> Any:
    try:
        return float(word)
    except ValueError:
        return {"true": True, "false": False}.get(word, word)


def _region(text: str) -> BaseGeometry:
    """The shape of GeoJSON (single quotes allowed, as the client writes it) or WKT."""
    try:
        if text.lstrip().startswith("{"):
            return shape(parse_json(text.replace("'", '"')))
        return shapely.from_wkt(text)
    except (shapely.errors.ShapelyError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        raise EngineError(f"intersects(): {text[:80]!r} is neither GeoJSON nor WKT.") from None


def _holds(term: Term, asset: dict[str, Any]) -> bool:
    if term.compare == "intersects":
        geometry = asset.get("geometry")
        return geometry is not None and bool(shape(geometry).intersects(term.value))
    if term.field.startswith("properties."):
        value = asset.get("properties", {}).get(term.field.removeprefix("properties.").strip('"'))
    elif term.field in _ENDS:
        # What is of an instant, as most images are, ends when it starts.
        value = asset.get("endTime", asset.get("startTime"))
    else:
        value = asset.get(_FIELDS.get(term.field, term.field))
    if value is None:
        return False
    if term.field in _TIMES:
        value = millis(value)
    elif isinstance(value, str) != isinstance(term.value, str):
        return False
    return _COMPARE[term.compare](value, term.value)


def _invalid(text: str, why: str) -> EngineError:
    return EngineError(f"Invalid filter {text[:120]!r}: {why}.")
