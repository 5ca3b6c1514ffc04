"""Fits and correlations of whole series, against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pipeline.engine.ops.reducer_fit import TABLE
from pipeline.engine.reducer import Reducer
from pipeline.engine.values import DOUBLE, Array
from pipeline.errors import EngineError

RNG = np.random.default_rng(11)
X = RNG.normal(size=30).round(1)
Y = (2 * X + RNG.normal(size=30)).round(1)


def make(name: str, *arguments: object) -> Reducer:
    return TABLE[f"Reducer.{name}"](*arguments)


def test_a_line_like_scipy() -> None:
    expected = stats.linregress(X, Y)
    assert make("linearFit").aggregate([X, Y]) == pytest.approx([expected.slope, expected.intercept])


def test_a_weighted_line_like_repeated_points() -> None:
    times = RNG.integers(1, 4, 30)
    weighted = make("linearFit").aggregate([X, Y], times)
    assert weighted == pytest.approx(make("linearFit").aggregate([np.repeat(X, times), np.repeat(Y, times)]))


def test_no_line_through_one_x() -> None:
    assert make("linearFit").aggregate([[1, 1], [2, 3]]) == [None, None]


@pytest.mark.parametrize(
    ("name", "function"), [("pearsonsCorrelation", stats.pearsonr), ("spearmansCorrelation", stats.spearmanr)]
)
def test_correlations_like_scipy(name: str, function: object) -> None:
    expected = function(X, Y)  # type: ignore[operator]
    assert make(name).outputs == ("correlation", "p-value")
    assert make(name).aggregate([X, Y]) == pytest.approx([expected.statistic, expected.pvalue])
    assert make(name).aggregate([[1, 1, 1], [1, 2, 3]]) == [None, None]


@pytest.mark.parametrize("size", [30, 1500])
def test_kendall_like_scipy_short_and_long(size: int) -> None:
    x, y = RNG.integers(0, 50, (2, size))
    expected = stats.kendalltau(x, y, method="asymptotic")
    assert make("kendallsCorrelation", 2).outputs == ("tau", "p-value")
    assert make("kendallsCorrelation", 2).aggregate([x, y]) == pytest.approx([expected.statistic, expected.pvalue])


def test_kendall_of_one_input_goes_against_its_order() -> None:
    assert make("kendallsCorrelation", 1).aggregate([[1, 5, 7, 8]])[0] == pytest.approx(1)
    assert make("kendallsCorrelation", 1).aggregate([[8, None, 5, 1]])[0] == pytest.approx(-1)
    with pytest.raises(EngineError, match="numInputs"):
        make("kendallsCorrelation", 3)


def test_sens_slope_like_scipy_and_its_limit() -> None:
    expected = stats.theilslopes(Y, X)
    assert make("sensSlope").aggregate([X, Y]) == pytest.approx([expected.slope, expected.intercept])
    with pytest.raises(EngineError, match="at most 10000"):
        make("sensSlope").aggregate([np.arange(10_001), np.arange(10_001)])


def test_regression_gives_arrays_and_null_when_underdetermined() -> None:
    made = make("linearRegression", 2, 1)
    ones = np.ones(30)
    coefficients, residuals = made.aggregate([ones, X, Y])
    slope, offset = np.polyfit(X, Y, 1)
    np.testing.assert_allclose(coefficients.data, [[offset], [slope]])
    assert residuals.data == pytest.approx([np.sqrt(((Y - slope * X - offset) ** 2).mean())])
    assert coefficients.type.dimensions == 2 and residuals.type.dimensions == 1
    assert made.aggregate([[1, 1], [1, 2], [5, 6]]) == [None, None]


def test_robust_regression_is_weighted_and_takes_as_few_rows_as_coefficients() -> None:
    made = make("robustLinearRegression", 2, 1, None)
    assert made.weighted
    coefficients, _ = made.aggregate([[1, 1], [1, 2], [5, 6]])
    np.testing.assert_allclose(coefficients.data, [[4], [1]])


def test_ridge_regression_has_an_intercept_and_a_p_value() -> None:
    coefficients, _, p_value = make("ridgeRegression", 1, 1, 0.0).aggregate([X, Y])
    expected = stats.linregress(X, Y)
    np.testing.assert_allclose(coefficients.data, [[expected.slope], [expected.intercept]])
    assert p_value.data == pytest.approx([expected.pvalue])


def test_covariance_of_arrays() -> None:
    rows = RNG.normal(size=(12, 3)) + 5
    arrays = [Array(r, DOUBLE) for r in rows]
    [matrix] = make("covariance").aggregate([[*arrays, None]])
    np.testing.assert_allclose(matrix.data, np.cov(rows.T, bias=True))
    [centred] = make("centeredCovariance").aggregate([arrays])
    np.testing.assert_allclose(centred.data, rows.T @ rows / 12)
    with pytest.raises(EngineError, match="1-D arrays"):
        make("covariance").aggregate([[arrays[0], Array(np.ones(2), DOUBLE)]])


def test_the_geometric_median_of_a_triangle_is_its_fermat_point() -> None:
    side = np.sqrt(3)
    found = make("geometricMedian", 2, 1e-6, 10.0).aggregate([[0, 1, 0.5], [0, 0, side / 2]])
    assert found == pytest.approx([0.5, side / 6], abs=1e-4)
    assert make("geometricMedian", 3, 0.001, 10.0).outputs[1:] == ("geometricMedian1", "geometricMedian2")
