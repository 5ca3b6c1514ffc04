"""Scaling against plain NumPy, gaps and constant bands included; turning against rot90."""

import numpy as np

from pipeline.models.scaling import FARTHEST, Scaling, fitted, turned

rng = np.random.default_rng(0)


def test_values_are_standardised_gaps_are_zero_and_told() -> None:
    windows = rng.normal(3, 2, (4, 3, 5, 5)).astype(np.float32)
    windows[rng.random(windows.shape) < 0.2] = np.nan
    windows[0, 0, 0, 0], windows[0, 1, 0, 0] = np.inf, 1e6
    scaling = Scaling((3.0, 2.0, 7.0), (2.0, 0.5, 0.0))
    found = scaling.apply(windows)
    known = np.isfinite(windows)
    plain = (windows - np.array([3, 2, 7])[:, None, None]) * np.array([0.5, 2, 0])[:, None, None]
    expected = np.clip(np.where(known, plain, 0), -FARTHEST, FARTHEST).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(found[..., :3], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found[..., 3], known.mean(axis=1), rtol=1e-6)
    assert np.isfinite(found).all()


def test_hidden_bands_are_zero_and_still_count_as_known() -> None:
    windows = rng.normal(size=(2, 3, 4, 4)).astype(np.float32)
    found = Scaling((0.0,) * 3, (1.0,) * 3).apply(windows, np.array([[1, 0, 1], [1, 1, 1]]))
    assert not found[0, ..., 1].any() and found[1, ..., 1].any()
    assert (found[..., 3] == 1).all()


def test_windows_and_labels_turn_alike_in_eight_ways() -> None:
    square = rng.normal(size=(1, 1, 6, 6)).astype(np.float32)
    ways = [Scaling((0.0,), (1.0,)).apply(square, None, np.array([way]))[0, ..., 0] for way in range(8)]
    labels = [turned(square[0], np.array([way]))[0] for way in range(8)]
    np.testing.assert_array_equal(ways, labels)
    expected = {np.rot90(s, k).tobytes() for s in (square[0, 0], square[0, 0].T) for k in range(4)}
    assert {np.ascontiguousarray(w).tobytes() for w in ways} == expected


def test_statistics_leave_gaps_out_and_mark_constant_bands() -> None:
    X = rng.normal(5, 2, (500, 3))
    X[:, 1] = 4.2
    X[::3, 0] = np.nan
    X[:, 2] = np.nan
    found = fitted(X)
    np.testing.assert_allclose(found.mean, [np.nanmean(X[:, 0]), 4.2, 0])
    np.testing.assert_allclose(found.sd, [np.nanstd(X[:, 0]), 0, 0])
