"""Aggregations of one property over a collection. Missing and null values are skipped."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pipeline.engine.collection import Collection
from pipeline.engine.language.selectors import identity, plain, value_of
from pipeline.errors import EngineError


def _values(collection: Collection, name: str) -> list[Any]:
    found = (value_of(e, name) for e in collection.elements)
    return [v for v in found if v is not None]


def _numbers(collection: Collection, name: str, who: str) -> list[float]:
    numbers = [plain(v) for v in _values(collection, name)]
    for value in numbers:
        if not isinstance(value, (int, float)):
            raise EngineError(
                f"AggregateFeatureCollection.{who}: The property '{name}' has the value {value!r}, not a number."
            )
    return numbers


def _numeric(who: str, compute: Callable[[list[float]], Any]) -> Callable[[Collection, str], Any]:
    return lambda collection, name: compute(_numbers(collection, name, who))


def _extreme(who: str, choose: Callable[..., Any]) -> Callable[[Collection, str], Any]:
    """The smallest or largest value, number or text; null of nothing."""

    def apply(collection: Collection, name: str) -> Any:
        values = _values(collection, name)
        try:
            return choose(values, key=plain, default=None)
        except TypeError:
            raise EngineError(
                f"AggregateFeatureCollection.{who}: The values of the property '{name}' cannot be compared with "
                "each other. All must be numbers, or all text."
            ) from None

    return apply


def _mean(values: list[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _variance(values: list[float], missing: int) -> float | None:
    """Population variance, or with `missing` 1 the sample's; null where there are too few values."""
    if len(values) <= missing:
        return None
    mean = math.fsum(values) / len(values)
    return math.fsum((v - mean) ** 2 for v in values) / (len(values) - missing)


def _deviation(values: list[float], missing: int) -> float | None:
    variance = _variance(values, missing)
    return None if variance is None else math.sqrt(variance)


def _sum(values: list[float]) -> float:
    return sum(values) if all(isinstance(v, int) for v in values) else math.fsum(values)


def _stats(collection: Collection, name: str) -> dict[str, Any]:
    """All statistics under the names that Earth Engine prints; weights are 1."""
    values = _numbers(collection, name, "stats")
    return {
        "max": max(values, default=None),
        "mean": _mean(values),
        "min": min(values, default=None),
        "sample_sd": _deviation(values, 1),
        "sample_var": _variance(values, 1),
        "sum": _sum(values),
        "sum_sq": _sum([v * v for v in values]),
        "total_count": len(collection.elements),
        "total_sd": _deviation(values, 0),
        "total_var": _variance(values, 0),
        "valid_count": len(values),
        "weight_sum": len(values),
    }


def _histogram(collection: Collection, name: str) -> dict[str, int]:
    """How often each value occurs, keyed by its text, in ascending order of the values."""
    counts: dict[Any, int] = {}
    for value in _values(collection, name):
        counts[identity(value)] = counts.get(identity(value), 0) + 1
    ordered = sorted(counts, key=lambda v: (isinstance(v, str), v if isinstance(v, (int, float, str)) else str(v)))
    return {_text(v): counts[v] for v in ordered}


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, (int, float)) and float(value).is_integer() else str(value)


def _first(collection: Collection, name: str) -> Any:
    first = next(iter(collection), None)
    return None if first is None else value_of(first, name)


_TABLE: dict[str, Callable[[Collection, str], Any]] = {
    "array": _values,
    "count": lambda collection, name: len(_values(collection, name)),
    "count_distinct": lambda collection, name: len({identity(v) for v in _values(collection, name)}),
    "first": _first,
    "histogram": _histogram,
    "max": _extreme("max", max),
    "min": _extreme("min", min),
    "mean": _numeric("mean", _mean),
    "product": _numeric("product", math.prod),
    "sum": _numeric("sum", _sum),
    "sample_sd": _numeric("sample_sd", lambda values: _deviation(values, 1)),
    "sample_var": _numeric("sample_var", lambda values: _variance(values, 1)),
    "total_sd": _numeric("total_sd", lambda values: _deviation(values, 0)),
    "total_var": _numeric("total_var", lambda values: _variance(values, 0)),
    "stats": _stats,
}

TABLE: dict[str, Callable[[Collection, str], Any]] = {
    f"AggregateFeatureCollection.{name}": function for name, function in _TABLE.items()
}

NOTES = {
    "AggregateFeatureCollection.sample_sd": "Null for fewer than two values; undocumented.",
    "AggregateFeatureCollection.sample_var": "Null for fewer than two values; undocumented.",
    "AggregateFeatureCollection.histogram": "Whole numbers are keyed without decimals; undocumented.",
}
