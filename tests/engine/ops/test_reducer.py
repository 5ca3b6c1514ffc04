"""Statistics of one column, against plain NumPy and SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pipeline.engine.ops.reducer import TABLE
from pipeline.errors import EngineError

numbers = st.lists(st.one_of(st.integers(-100, 100), st.floats(-1e3, 1e3, width=32)), min_size=1, max_size=30)
BUCKETS = (None, None, None)


def reduce(name: str, *arguments: Any, values: Any, weights: Any = None) -> list[Any]:
    return TABLE[f"Reducer.{name}"](*arguments).aggregate([values], weights)


@settings(max_examples=60, deadline=None)
@given(values=numbers)
def test_the_common_ones_like_numpy(values: list[float]) -> None:
    close = {"rel": 1e-9, "abs": 1e-6}
    assert reduce("sum", values=values) == [pytest.approx(np.sum(values), **close)]
    assert reduce("mean", values=values) == [pytest.approx(np.mean(values), **close)]
    assert reduce("median", *BUCKETS, values=values) == [pytest.approx(np.median(values), **close)]
    assert reduce("variance", values=values) == [pytest.approx(np.var(values), **close)]
    assert reduce("stdDev", values=values) == [pytest.approx(np.std(values), **close)]
    assert reduce("minMax", values=values) == [min(values), max(values)]
    assert reduce("max", 1, values=values) == [max(values)]
    if len(values) > 1:
        assert reduce("sampleVariance", values=values) == [pytest.approx(np.var(values, ddof=1), **close)]
        assert reduce("sampleStdDev", values=values) == [pytest.approx(np.std(values, ddof=1), **close)]


@settings(max_examples=40, deadline=None)
@given(values=numbers, percentiles=st.lists(st.floats(0, 100), min_size=1, max_size=4))
def test_percentiles_are_exact_and_linear(values: list[float], percentiles: list[float]) -> None:
    found = reduce("percentile", percentiles, None, *BUCKETS, values=values)
    np.testing.assert_allclose(found, np.percentile(values, percentiles), rtol=1e-9, atol=1e-9)


def test_percentile_names_and_bad_ones() -> None:
    make = TABLE["Reducer.percentile"]
    assert make([0, 50, 97.5, 100], None, *BUCKETS).outputs == ("p0", "p50", "p97.5", "p100")
    assert make([5, 95], ["low", "high"], *BUCKETS).outputs == ("low", "high")
    with pytest.raises(EngineError, match="got 101"):
        make([101], None, *BUCKETS)
    with pytest.raises(EngineError, match="Give one for each"):
        make([5], ["low", "high"], *BUCKETS)


def test_weights_weigh_sum_and_mean() -> None:
    assert reduce("sum", values=[1, 2, 3], weights=[0.5, 1, 0.25]) == [3.25]
    assert reduce("mean", values=[1, 2, 3], weights=[0.5, 1, 0.5]) == [2.0]


def test_sums_and_products_of_integers_are_exact_integers() -> None:
    assert reduce("sum", values=[2**62, 2**62, 2**62]) == [3 * 2**62]
    assert reduce("product", values=[2, -2, 3]) == [-12]
    assert isinstance(reduce("sum", values=[1, 2])[0], int) and isinstance(reduce("sum", values=[1.0])[0], float)


@pytest.mark.parametrize(("name", "function"), [("skew", stats.skew), ("kurtosis", stats.kurtosis)])
def test_higher_moments_like_scipy(name: str, function: Any) -> None:
    values = np.random.default_rng(3).gamma(2.0, size=40)
    assert reduce(name, values=values) == [pytest.approx(function(values))]
    assert reduce(name, values=[4, 4]) == [None]


def test_one_value_has_no_sample_variance() -> None:
    assert reduce("sampleVariance", values=[3]) == [None] and reduce("variance", values=[3]) == [0.0]


def test_circular_statistics_like_scipy_across_the_seam() -> None:
    angles = np.array([3.1, -3.1, 3.0, -2.9])
    expected = stats.circmean(angles, high=np.pi, low=-np.pi)
    assert reduce("circularMean", values=angles) == [pytest.approx(expected)]
    assert reduce("circularVariance", values=angles) == [pytest.approx(stats.circvar(angles, np.pi, -np.pi))]
    assert reduce("circularStddev", values=angles) == [pytest.approx(stats.circstd(angles, np.pi, -np.pi))]
    assert reduce("circularMean", values=[0.0, np.pi / 2], weights=[1, 1e-9]) == [pytest.approx(0, abs=1e-8)]


def test_the_smallest_of_several_modes() -> None:
    assert reduce("mode", *BUCKETS, values=[5, 3, 3, 5, 1]) == [3]


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0, 100, 4.5), (10, 90, 4.5), (0, 20, 0.5), (25, 50, 3), (50, 50, 5)]
)
def test_interval_means(low: float, high: float, expected: float) -> None:
    assert reduce("intervalMean", low, high, *BUCKETS, values=list(range(10))) == [expected]


def test_extremes_carry_other_inputs_of_the_first_best_row() -> None:
    made = TABLE["Reducer.max"](3)
    assert made.outputs == ("max", "max1", "max2")
    assert made.aggregate([[1, 9, 9], [10, 20, 30], [4, 5, 6]]) == [9, 20, 5]
    assert TABLE["Reducer.min"](2).aggregate([[None, 9, 7], [10, 20, None]]) == [9, 20]
    with pytest.raises(EngineError, match="numInputs"):
        TABLE["Reducer.min"](0)


@pytest.mark.parametrize(
    ("values", "every", "some"), [([1, 2], 1, 1), ([1, 0], 0, 1), ([0, 0], 0, 0), ([0.5, None], 1, 1)]
)
def test_truth(values: list[Any], every: int, some: int) -> None:
    assert reduce("allNonZero", values=values) == reduce("and", values=values) == [every]
    assert reduce("anyNonZero", values=values) == reduce("or", values=values) == [some]


def test_bits() -> None:
    assert reduce("bitwiseAnd", values=[14, 7]) == [6] and reduce("bitwiseOr", values=[8, 1]) == [9]
