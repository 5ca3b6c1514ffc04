"""Compiled statistics over a stack."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.engine.kernels import stack


@pytest.mark.parametrize("size", range(1, 13))
def test_the_network_sorts_every_pattern_of_zeros_and_ones(size: int) -> None:
    # The 0-1 principle: a network that sorts all of these sorts everything.
    patterns = (np.arange(2**size)[None] >> np.arange(size)[:, None]) & 1
    rows = patterns.copy()
    for low, high in stack.sorting_network(size):
        rows[low], rows[high] = np.minimum(rows[low], rows[high]), np.maximum(rows[low], rows[high])
    np.testing.assert_array_equal(rows, np.sort(patterns, axis=0))


@pytest.mark.parametrize("size", [24, 37, 100])
def test_the_network_sorts_longer_columns(size: int) -> None:
    data = np.random.default_rng(size).integers(0, 50, (size, 500)).astype(np.float32)
    mask = np.ones(data.shape, bool)
    expected = np.sort(data, axis=0)
    stack.sort_block(data, mask)
    np.testing.assert_array_equal(data, expected)


@settings(max_examples=30, deadline=None)
@given(
    data=hnp.arrays(np.uint16, (5, 70), elements=st.sampled_from([0, 1, 2, 65535])),
    mask=hnp.arrays(np.bool_, (5, 70)),
)
def test_valid_values_come_first_even_beside_the_greatest(data: np.ndarray, mask: np.ndarray) -> None:
    before = data.copy()
    counts = stack.sort_block(data, mask)
    for x in range(70):
        assert data[: counts[x], x].tolist() == sorted(before[mask[:, x], x].tolist())


def test_garbage_under_the_mask_does_no_harm() -> None:
    data = np.array([[np.nan, 1.0], [np.inf, 2.0], [3.0, np.nan]])
    mask = np.array([[False, True], [False, True], [True, False]])
    total, weight = np.empty(2), np.empty(2)
    stack.totals(data, mask, total, weight)
    assert total.tolist() == [3.0, 3.0] and weight.tolist() == [1.0, 2.0]
    counts, out = stack.sort_block(data, mask), np.empty((1, 2))
    stack.quantiles(data, counts, np.array([0.5]), out)
    assert out.tolist() == [[3.0, 1.5]]


def test_variance_survives_a_large_offset() -> None:
    data = (1e9 + np.array([[0.0], [1.0], [2.0]])).astype(np.float64)
    count, mean, powers = np.empty(1), np.empty(1), np.empty((1, 1))
    stack.moments(data, np.ones((3, 1), bool), count, mean, powers)
    assert powers[0, 0] == 2.0
