"""Histograms and frequency tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engine.ops.reducer_histogram import TABLE
from pipeline.errors import EngineError


def reduce(name: str, *arguments: Any, values: Any, weights: Any = None) -> Any:
    return TABLE[f"Reducer.{name}"](*arguments).aggregate([values], weights)[0]


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=50),
    most=st.sampled_from([None, 1, 7, 64]),
    width=st.sampled_from([None, 0.5, 3.0]),
)
def test_buckets_hold_all_values_within_bounds(values: list[float], most: int | None, width: float | None) -> None:
    made = reduce("histogram", most, width, None, values=values)
    size, start = made["bucketWidth"], made["bucketMin"]
    counts = made["histogram"]
    assert sum(counts) == len(values)
    assert len(counts) <= {None: 256, 1: 2, 7: 8, 64: 64}[most]
    assert size >= (width or 0) and np.log2(size / (width or 1)) % 1 == 0
    assert start <= min(values) < start + size
    for i, count in enumerate(counts):
        inside = [v for v in values if start + i * size <= v < start + (i + 1) * size]
        assert len(inside) == count
        if inside:
            assert made["bucketMeans"][i] == pytest.approx(np.mean(inside), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("values", [[1e9, 1e9 + 1e-6], [0.0, 5e-324], [-1e300, 1e300]])
def test_extreme_ranges_have_buckets(values: list[float]) -> None:
    assert sum(reduce("histogram", None, None, None, values=values)["histogram"]) == 2


def test_infinite_values_are_refused() -> None:
    with pytest.raises(EngineError, match="finite"):
        reduce("autoHistogram", None, None, None, False, values=[1.0, float("inf")])


def test_histogram_counts_are_weighted() -> None:
    made = reduce("histogram", None, 1.0, None, values=[0, 0, 2], weights=[0.5, 0.25, 1])
    assert made == {"bucketMeans": [0.0, 1.5, 2.0], "bucketMin": 0.0, "bucketWidth": 1.0, "histogram": [0.75, 0.0, 1.0]}


def test_auto_histogram_is_a_table_of_lower_bounds() -> None:
    made = reduce("autoHistogram", 4, 1.0, None, False, values=[3, 4, 4, 6])
    assert made.data.tolist() == [[3, 1], [4, 2], [5, 0], [6, 1]]
    summed = reduce("autoHistogram", 4, 1.0, None, True, values=[3, 4, 4, 6])
    assert summed.data[:, 1].tolist() == [1, 3, 3, 4]


def test_fixed_histogram_excludes_its_upper_bound() -> None:
    made = reduce("fixedHistogram", 0.0, 4.0, 2, False, values=[-1, 0, 1.9, 2, 4, 5], weights=[1, 1, 0.5, 1, 1, 1])
    assert made.data.tolist() == [[0, 1.5], [2, 1]] and made.type.dimensions == 2
    with pytest.raises(EngineError, match="min < max"):
        reduce("fixedHistogram", 4.0, 4.0, 2, False, values=[])


def test_fixed_2d_histogram_has_axes_and_no_weights() -> None:
    made = TABLE["Reducer.fixed2DHistogram"](0.0, 2.0, 2, 0.0, 3.0, 3)
    counts, x, y = made.aggregate([[0, 1, 1, 2], [0, 2.5, 2, 0]], [0.5, 0.5, 0.5, 0.5])
    assert counts.data.tolist() == [[1, 0, 0], [0, 0, 2]]
    assert x.data.tolist() == [0, 1] and y.data.tolist() == [0, 1, 2]


def test_frequencies_have_string_keys() -> None:
    assert reduce("frequencyHistogram", values=[3, 1, 3.0, 2.5], weights=[1, 1, 0.5, 1]) == {"1": 1, "2.5": 1, "3": 1.5}
    assert reduce("frequencyHistogram", values=["a", "b", "a"]) == {"a": 2, "b": 1}
    assert reduce("frequencyHistogram", values=np.array([7, 7], np.uint8)) == {"7": 2}
