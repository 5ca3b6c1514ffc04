import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.engine.kernels import distance

seeds = st.integers(0, 2**32 - 1)


@settings(deadline=None, max_examples=30)
@given(seeds, st.integers(1, 9), st.floats(0.005, 0.3), st.sampled_from(sorted(distance.METRICS)))
def test_nearest_equals_scipy_within_the_radius(seed, radius, share, metric):
    marked = np.random.default_rng(seed).random((13 + 2 * radius, 12 + 2 * radius)) < share
    found = distance.nearest(marked, radius, metric)
    inner = np.s_[radius:-radius, radius:-radius]
    if not marked.any():
        assert np.isinf(found).all()
        return
    if metric == "squared_euclidean":
        expected, limit = np.rint(ndimage.distance_transform_edt(~marked)[inner] ** 2), radius**2
    else:
        name = {"manhattan": "taxicab", "chebyshev": "chessboard"}[metric]
        expected, limit = ndimage.distance_transform_cdt(~marked, name)[inner], radius
    np.testing.assert_array_equal(found, np.where(expected <= limit, expected, np.inf))


def test_along_finds_the_first_marked_cell():
    marked = np.zeros((9, 9), bool)
    marked[4, 7] = marked[2, 6] = True
    east, rows, columns = distance.along(marked, 1.0, 0.0, 3, (3, 3))
    assert east[1, 1] == 3
    assert (rows[1, 1], columns[1, 1]) == (4, 7)
    up_right, *_ = distance.along(marked, np.sqrt(0.5), -np.sqrt(0.5), 3, (3, 3))
    assert up_right[1, 1] == pytest.approx(2 * np.sqrt(2))
    short, *_ = distance.along(marked, 1.0, 0.0, 2, (3, 3))
    assert np.isinf(short[1, 1])


def test_a_marked_cell_is_its_own_first():
    marked = np.eye(5, dtype=bool)
    found, *_ = distance.along(marked, 0.0, 1.0, 1, (1, 1))
    assert (np.diag(found) == 0).all()


@settings(deadline=None, max_examples=15)
@given(seeds)
def test_cheapest_equals_relaxing_until_nothing_changes(seed):
    rng = np.random.default_rng(seed)
    costs, passable = rng.integers(1, 9, (7, 8)).astype(float), rng.random((7, 8)) < 0.8
    sources = rng.random((7, 8)) < 0.1
    found = distance.cheapest(costs[None], passable, sources, np.full(7, 2.0), np.full(7, 3.0), 1e9)[0]
    expected = np.where(sources & passable, 0.0, np.inf)
    for _ in range(60):
        for y, x in np.argwhere(passable):
            for dy, dx in [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)]:
                v, u = y + dy, x + dx
                if 0 <= v < 7 and 0 <= u < 8 and passable[v, u]:
                    step = np.hypot(2 * dx, 3 * dy) * (costs[y, x] + costs[v, u]) / 2
                    expected[y, x] = min(expected[y, x], expected[v, u] + step)
    np.testing.assert_allclose(found, expected)


def test_cheapest_stops_at_the_reach():
    costs = np.ones((1, 1, 6))
    sources = np.array([[True, False, False, False, False, False]])
    found = distance.cheapest(costs, np.ones((1, 6), bool), sources, np.ones(1), np.ones(1), 3.0)
    assert found[0, 0].tolist() == [0, 1, 2, 3, np.inf, np.inf]


def test_equal_paths_are_told_apart_by_the_next_band():
    first = np.ones((3, 3))
    second = np.ones((3, 3))
    second[0, 1] = 9.0
    passable = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], bool)
    sources = np.zeros((3, 3), bool)
    sources[1, 0] = True
    found = distance.cheapest(np.stack([first, second]), passable, sources, np.ones(3), np.ones(3), 1e9)
    assert found[1, 1, 2] == pytest.approx(2 * np.sqrt(2))


def test_parabolas_equal_a_plain_maximum():
    rng = np.random.default_rng(0)
    z = np.where(rng.random((20, 21)) < 0.1, rng.integers(1, 30, (20, 21)), 0)
    found = distance.parabolas(z, 4)
    for y, x in np.ndindex(12, 13):
        near = z[y : y + 9, x : x + 9] - np.add.outer(np.arange(-4, 5) ** 2, np.arange(-4, 5) ** 2)
        assert found[y, x] == max(near.max(), 0)
