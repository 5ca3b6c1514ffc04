"""Water finds its way down, nothing is lost on the way, and paths are as cheap as another method finds them."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from pipeline.simulate.land import erosion

SEEDS = st.integers(0, 2**31)
ROWS, COLUMNS = 12, 15


def ground(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Bumpy ground, float64, and where it drains: along the upper edge."""
    drain = np.zeros((ROWS, COLUMNS), bool)
    drain[0] = True
    return np.random.default_rng(seed).normal(size=(ROWS, COLUMNS)), drain


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_filled_ground_drains_everywhere(seed: int) -> None:
    bumpy, drain = ground(seed)
    rise = np.random.default_rng(seed).random(bumpy.shape) * 0.1 + 1e-3
    filled = erosion.fill(bumpy, drain, rise)
    assert (filled >= bumpy).all()
    assert np.array_equal(filled[drain], bumpy[drain])
    receiver = erosion.receivers(filled)
    stuck = np.flatnonzero(receiver == np.arange(receiver.size))
    assert set(stuck // COLUMNS) <= {0}


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_streams_gather_what_lies_above_them(seed: int) -> None:
    bumpy, drain = ground(seed)
    receiver = erosion.receivers(erosion.fill(bumpy, drain, np.full(bumpy.shape, 1e-3)))
    order = erosion.downstream_first(receiver)
    area = erosion.gathered(receiver, order, 2.0)
    above = np.zeros((receiver.size, receiver.size), bool)  # above[a, b]: water from b runs through a
    for cell in range(receiver.size):
        above[cell, cell], at = True, cell
        while receiver[at] != at:
            at = receiver[at]
            above[at, cell] = True
    np.testing.assert_allclose(area, 2 * above.sum(1))
    for outlet in (0, 40, 100):
        assert np.array_equal(erosion.upstream_of(receiver, order, outlet), above[outlet])


def test_streams_cut_down_but_never_below_their_outlet() -> None:
    bumpy, drain = ground(5)
    start = erosion.fill(100 + bumpy, drain, np.full(bumpy.shape, 1e-3))
    start[drain] = 0
    carved = erosion.carve(start, drain, 20.0, 0.2, 10)
    assert (carved <= start + 1e-4).all()
    assert np.array_equal(carved[drain], start[drain])
    assert carved.min() >= 0
    receiver = erosion.receivers(carved.astype(np.float64))
    assert set(np.flatnonzero(receiver == np.arange(receiver.size)) // COLUMNS) == {0}


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_paths_are_as_cheap_as_they_get(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cost = rng.random((ROWS, COLUMNS)) + 0.1
    sources, target = rng.choice(cost.size, 3, replace=False), int(rng.integers(cost.size))
    path = erosion.cheapest_path(cost, sources, target)
    assert path[0] in sources
    assert path[-1] == target
    graph = steps(cost)
    spent = sum(graph[a, b] for a, b in pairwise(path))
    assert abs(spent - dijkstra(graph, indices=sources).min(0)[target]) < 1e-9


def steps(cost: np.ndarray) -> np.ndarray:
    """What each step between neighbours costs, as a sparse matrix."""
    row, column = np.divmod(np.arange(cost.size), COLUMNS)
    a, b = np.nonzero(np.maximum(abs(row[:, None] - row), abs(column[:, None] - column)) == 1)
    length = np.hypot(row[a] - row[b], column[a] - column[b])
    spend = length * (cost.ravel()[a] + cost.ravel()[b]) / 2
    return coo_array((spend, (a, b)), shape=(cost.size, cost.size)).tocsr()
