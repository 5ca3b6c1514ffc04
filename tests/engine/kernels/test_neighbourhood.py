import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.engine.kernels import neighbourhood as window

seeds = st.integers(0, 2**32 - 1)


def sample(seed: int, rows: int, columns: int):
    """Padded data with few distinct values, a mask, and a kernel's shape."""
    rng = np.random.default_rng(seed)
    data = rng.integers(-4, 5, (rows + 7, columns + 6)).astype(np.float64)
    inside = rng.random((rows, columns)) < 0.7
    inside[0, 0] = True
    return data, rng.random(data.shape) < 0.7, inside


def by_loop(data, valid, inside, function, empty=0.0):
    rows, columns = inside.shape
    out = np.empty((data.shape[0] - rows + 1, data.shape[1] - columns + 1))
    for y, x in np.ndindex(out.shape):
        seen = data[y : y + rows, x : x + columns][valid[y : y + rows, x : x + columns] & inside]
        out[y, x] = function(seen) if seen.size else empty
    return out


def mode(values):
    found, counts = np.unique(values, return_counts=True)
    return found[counts.argmax()]


def entropy(values):
    share = np.unique(values, return_counts=True)[1] / values.size
    return -(share * np.log2(share)).sum()


@settings(deadline=None, max_examples=25)
@given(seeds, st.integers(1, 5), st.integers(1, 5))
def test_statistics_equal_a_plain_loop(seed, rows, columns):
    data, valid, inside = sample(seed, rows, columns)
    np.testing.assert_allclose(window.ranked(data, valid, inside, "median"), by_loop(data, valid, inside, np.median))
    np.testing.assert_array_equal(window.ranked(data, valid, inside, "mode"), by_loop(data, valid, inside, mode))
    entropies = window.ranked(data, valid, inside, "entropy")
    np.testing.assert_allclose(entropies, by_loop(data, valid, inside, entropy), atol=1e-12)
    np.testing.assert_allclose(window.variance(data, valid, inside), by_loop(data, valid, inside, np.var), atol=1e-12)


@settings(deadline=None, max_examples=25)
@given(seeds, st.integers(1, 5), st.integers(1, 5), st.booleans(), st.sampled_from(["int16", "float32", "uint8"]))
def test_extremes_equal_a_plain_loop(seed, rows, columns, largest, kind):
    data, valid, inside = sample(seed, rows, columns)
    data = np.abs(data).astype(kind)
    found = window.extreme(data, valid, inside, largest)
    some = window.covered(valid, inside, all_of_it=False)
    expected = by_loop(data, valid, inside, np.max if largest else np.min)
    assert found.dtype == data.dtype
    np.testing.assert_array_equal(found[some], expected[some])
    np.testing.assert_array_equal(some, by_loop(valid, valid, inside, np.any) > 0)
    np.testing.assert_array_equal(
        window.covered(valid, inside, all_of_it=True), by_loop(valid, np.ones_like(valid), inside, np.all, 1) > 0
    )


@settings(deadline=None, max_examples=25)
@given(seeds, st.sampled_from(["any", "flat", "product"]), st.integers(1, 7), st.integers(1, 6))
def test_weighted_sums_equal_scipy(seed, kind, rows, columns):
    rng = np.random.default_rng(seed)
    weights = {
        "any": rng.normal(size=(rows, columns)),
        "flat": np.full((rows, columns), 0.25),
        "product": np.outer(rng.normal(size=rows), rng.normal(size=columns)),
    }[kind]
    data = rng.normal(size=(rows + 9, columns + 8))
    whole = ndimage.correlate(data, weights)
    top, left = rows // 2, columns // 2
    np.testing.assert_allclose(window.weighted_sum(data, weights), whole[top : top + 10, left : left + 9], atol=1e-10)


def test_an_outer_product_is_recognised():
    gauss = np.exp(-(np.arange(-3, 4) ** 2) / 2)
    assert window._factors(np.outer(gauss, gauss)) is not None
    assert window._factors(np.eye(7)) is None


@pytest.mark.parametrize("weights", [np.ones((5, 5)), np.outer(np.arange(1.0, 6), np.arange(1.0, 6)), np.eye(5)])
def test_a_part_gives_the_same_bits_as_the_whole(weights):
    data = np.random.default_rng(3).normal(size=(40, 50))
    whole = window.weighted_sum(data, weights)
    np.testing.assert_array_equal(whole[11:25, 7:30], window.weighted_sum(data[11:29, 7:34], weights))
    ok = np.ones(data.shape, bool)
    spread = window.variance(data, ok, weights != 0)
    np.testing.assert_array_equal(spread[11:, 7:], window.variance(data[11:, 7:], ok[11:, 7:], weights != 0))


def test_shifted_lists_neighbours_row_by_row():
    data = np.arange(12).reshape(3, 4)
    views = window.shifted(data, (2, 2), np.array([[True, False], [True, True]]))
    assert [v[0, 0] for v in views] == [0, 4, 5]
    assert all(v.shape == (2, 3) for v in views)
