import math
import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.collection import Collection, Feature, features
from pipeline.engine.ops.aggregate import TABLE
from pipeline.engine.values import Date
from pipeline.errors import EngineError

VALUES = st.lists(st.one_of(st.none(), st.integers(-100, 100)), min_size=1, max_size=12)


def made(values: list[Any]) -> Collection:
    return features(Feature(None, {"x": v} if v is not None else {}) for v in values)


def aggregate(name: str, values: list[Any]) -> Any:
    return TABLE[f"AggregateFeatureCollection.{name}"](made(values), "x")


@given(VALUES)
def test_nulls_are_skipped_by_all(values: list[int | None]) -> None:
    known = [v for v in values if v is not None]
    assert aggregate("array", values) == known
    assert aggregate("count", values) == len(known)
    assert aggregate("count_distinct", values) == len(set(known))
    assert aggregate("sum", values) == sum(known)
    assert aggregate("product", values) == math.prod(known)
    assert aggregate("min", values) == min(known, default=None)
    assert aggregate("max", values) == max(known, default=None)
    assert aggregate("first", values) == values[0]
    assert sum(aggregate("histogram", values).values()) == len(known)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12))
def test_moments(values: list[float]) -> None:
    assert aggregate("mean", values) == pytest.approx(statistics.fmean(values))
    for name, function in {
        "sample_sd": statistics.stdev,
        "sample_var": statistics.variance,
        "total_sd": statistics.pstdev,
        "total_var": statistics.pvariance,
    }.items():
        assert aggregate(name, values) == pytest.approx(function(values), abs=1e-6)


def test_stats_have_the_printed_names() -> None:
    assert aggregate("stats", [1, None, 3]) == {
        "max": 3,
        "mean": 2.0,
        "min": 1,
        "sample_sd": math.sqrt(2),
        "sample_var": 2.0,
        "sum": 4,
        "sum_sq": 10,
        "total_count": 3,
        "total_sd": 1.0,
        "total_var": 1.0,
        "valid_count": 2,
        "weight_sum": 2,
    }


def test_nothing_at_all() -> None:
    assert aggregate("sum", []) == 0
    assert [aggregate(n, []) for n in ("mean", "min", "first", "sample_sd", "total_var")] == [None] * 5
    assert aggregate("sample_var", [3]) is None
    assert aggregate("total_var", [3]) == 0


def test_text_and_dates() -> None:
    assert aggregate("min", ["b", "a"]) == "a"
    assert aggregate("max", [Date(1), Date(2)]) == Date(2)
    assert aggregate("histogram", ["b", 2, 1.5, 2.0, "b"]) == {"1.5": 1, "2": 2, "b": 2}
    with pytest.raises(EngineError, match=r"mean: The property 'x' has the value 'b', not a number"):
        aggregate("mean", ["b"])
    with pytest.raises(EngineError, match=r"min: .*cannot be compared"):
        aggregate("min", ["b", 1])
