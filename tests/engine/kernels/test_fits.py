"""Compiled fits and rank statistics, against NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pipeline.engine.kernels import fits

RNG = np.random.default_rng(7)


def fit(rows: np.ndarray, weights: np.ndarray, method: int, p: int, parameter: float = 0.0, least: int = 1):  # type: ignore[no-untyped-def]
    y = rows.shape[1] - p
    coefficients, rms, ok = np.zeros((1, p + (method == fits.RIDGE), y)), np.zeros((1, y)), np.zeros(1, bool)
    fits.fit_cells(rows.T[:, :, None].copy(), weights[:, None], method, p, parameter, least, coefficients, rms, ok)
    return coefficients[0], rms[0], bool(ok[0])


def test_least_squares_like_numpy_with_two_dependents() -> None:
    x, y = RNG.normal(size=(30, 3)), RNG.normal(size=(30, 2))
    coefficients, rms, ok = fit(np.hstack([x, y]), np.ones(30), fits.OLS, 3)
    expected = np.linalg.lstsq(x, y)[0]
    np.testing.assert_allclose(coefficients, expected, rtol=1e-10)
    np.testing.assert_allclose(rms, np.sqrt(((y - x @ expected) ** 2).mean(axis=0)))
    assert ok


def test_least_squares_is_precise_with_a_time_in_milliseconds() -> None:
    time = 1.6e12 + np.arange(40) * 8.64e7
    y = 3.0 + 2e-9 * (time - 1.6e12)
    coefficients, rms, ok = fit(np.stack([np.ones(40), time, y], axis=1), np.ones(40), fits.OLS, 2)
    np.testing.assert_allclose(coefficients[1], 2e-9, rtol=1e-6)
    assert ok and rms[0] < 1e-6


def test_dependent_columns_have_no_fit() -> None:
    x = RNG.normal(size=10)
    assert not fit(np.stack([x, 2 * x, x], axis=1), np.ones(10), fits.OLS, 2)[2]


def test_a_robust_fit_forgets_outliers_and_a_small_beta_decides() -> None:
    x = np.arange(20.0)
    y = 2 * x + 1 + RNG.normal(scale=0.01, size=20)
    y[[3, 15]] += 100
    rows = np.stack([np.ones(20), x, y], axis=1)
    coefficients, rms, ok = fit(rows, np.ones(20), fits.ROBUST, 2, -1.0)
    clean = np.delete(np.arange(20), [3, 15])
    assert ok and abs(coefficients[1, 0] - 2) < 0.01 and rms[0] < 0.05
    loose = fit(rows, np.ones(20), fits.ROBUST, 2, 1e6)[0]
    np.testing.assert_allclose(loose, np.linalg.lstsq(rows[:, :2], y[:, None])[0])
    assert clean.size == 18


def test_robust_weights_are_those_of_weighted_least_squares() -> None:
    x, y, w = RNG.normal(size=(3, 15))
    w = np.abs(w) + 0.1
    coefficients, _, _ = fit(np.stack([np.ones(15), x, y], axis=1), w, fits.ROBUST, 2, 1e9)
    slope, offset = np.polyfit(x, y, 1, w=np.sqrt(w))
    np.testing.assert_allclose(coefficients[:, 0], [offset, slope])


def test_ridge_without_penalty_is_least_squares_with_intercept() -> None:
    x, y = RNG.normal(size=(25, 2)) * [1, 50] + [0, 1000], RNG.normal(size=(25, 1))
    coefficients, rms, _ = fit(np.hstack([x, y]), np.ones(25), fits.RIDGE, 2, 0.0)
    design = np.hstack([x, np.ones((25, 1))])
    expected = np.linalg.lstsq(design, y)[0]
    np.testing.assert_allclose(coefficients, expected, rtol=1e-8)
    np.testing.assert_allclose(rms[0], np.sqrt(((y - design @ expected) ** 2).mean()))
    strong = fit(np.hstack([x, y]), np.ones(25), fits.RIDGE, 2, 1e9)[0]
    assert np.abs(strong[:2]).max() < 1e-4 and strong[2, 0] == pytest.approx(y.mean(), abs=1e-3)


@pytest.mark.parametrize("ties", [4, 1000])
def test_kendall_like_scipy(ties: int) -> None:
    data = RNG.integers(0, ties, (2, 20, 30)).astype(float)
    mask = RNG.random((20, 30)) < 0.8
    tau, p, ok = np.empty(30), np.empty(30), np.empty(30, bool)
    fits.kendall_cells(data, mask, tau, p, ok)
    for x in range(30):
        expected = stats.kendalltau(*data[:, mask[:, x], x], method="asymptotic")
        np.testing.assert_allclose([tau[x], p[x]], [expected.statistic, expected.pvalue], rtol=1e-10)
    assert ok.all()


def test_sen_like_scipy() -> None:
    x, y = RNG.permutation(25).astype(float), RNG.normal(size=25)
    slope, offset, ok = np.empty(1), np.empty(1), np.empty(1, bool)
    fits.sen_cells(np.stack([x, y])[:, :, None], np.ones((25, 1), bool), slope, offset, ok)
    expected = stats.theilslopes(y, x)
    np.testing.assert_allclose([slope[0], offset[0]], [expected.slope, expected.intercept])


def test_ranks_like_scipy() -> None:
    values = RNG.integers(0, 5, (12, 3)).astype(float)
    mask = np.ones((12, 3), bool)
    mask[4, 0] = False
    out = np.empty((12, 3))
    fits.rank_cells(values, mask, out)
    np.testing.assert_array_equal(out[mask[:, 0], 0], stats.rankdata(values[mask[:, 0], 0]))
    np.testing.assert_array_equal(out[:, 1], stats.rankdata(values[:, 1]))


def test_the_geometric_median_has_the_least_total_distance() -> None:
    points = RNG.normal(size=(15, 3))
    out, ok = np.empty((1, 3)), np.empty(1, bool)
    fits.geometric_median_cells(points.T[:, :, None].copy(), np.ones((15, 1), bool), 1e-9, out, ok)
    cost = np.linalg.norm(points - out[0], axis=1).sum()
    for step in RNG.normal(scale=0.01, size=(50, 3)):
        assert cost <= np.linalg.norm(points - out[0] - step, axis=1).sum()


def test_the_geometric_median_may_be_a_data_point() -> None:
    points = np.array([[0.0, 0], [0, 0], [0, 0], [9, 1], [-3, 7]])
    out, ok = np.empty((1, 2)), np.empty(1, bool)
    fits.geometric_median_cells(points.T[:, :, None].copy(), np.ones((5, 1), bool), 1e-9, out, ok)
    np.testing.assert_allclose(out[0], [0, 0], atol=1e-6)
