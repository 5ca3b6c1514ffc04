"""The guard: constants and aliases, against pandas' pairwise correlation."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.selection import guard
from pipeline.selection.redundant import correlation


def test_copies_and_constants_go_and_the_first_stays() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 200))
    gaps = np.where(rng.random(200) < 0.3, np.nan, 3 * a + 7)
    X = np.column_stack([a, np.full(200, 4.0), b, a, -a, gaps, np.full(200, np.nan), a + 0.1 * b])
    found = guard(X.astype(np.float32), ["a", "four", "b", "copy", "flipped", "gaps", "none", "near"])
    assert found.kept == (0, 2, 7)
    assert (found.constants, found.empty) == (("four",), ("none",))
    assert [pair[:2] for pair in found.aliases] == [("a", "copy"), ("a", "flipped"), ("a", "gaps")]
    assert [pair[2] for pair in found.aliases] == pytest.approx([1, -1, 1], abs=1e-6)


def test_each_dropped_feature_is_like_one_that_stays() -> None:
    """a is like b and b like c, but c is not like a: so c stays."""
    rng = np.random.default_rng(1)
    a, b, c = rng.normal(size=(3, 5000))
    b = a + 0.043 * b
    c = b + 0.043 * c
    X = np.column_stack([a, b, c])
    r = np.corrcoef(X, rowvar=False)
    assert r[0, 1] > 0.999 > r[0, 2]
    assert r[1, 2] > 0.999
    assert guard(X, ["a", "b", "c"]).kept == (0, 2)


def test_agreement_of_a_few_samples_is_no_alias() -> None:
    a = np.random.default_rng(2).normal(size=(40, 2))
    a[9:, 1] = np.nan
    a[:9, 1] = a[:9, 0]
    assert guard(a, ["a", "b"]).kept == (0, 1)


@settings(max_examples=20)
@given(
    seed=st.integers(0, 10_000),
    gaps=st.sampled_from([0.0, 0.2, 0.9]),
    offset=st.sampled_from([0.0, 1e4]),
    scale=st.sampled_from([1e-3, 1, 1e3]),
)
def test_correlation_is_that_of_pandas(seed: int, gaps: float, offset: float, scale: float) -> None:
    rng = np.random.default_rng(seed)
    X = offset + scale * rng.normal(size=(60, 6)) @ rng.normal(size=(6, 6))
    X[:, 5] = np.round(X[:, 5] / 100 / scale)
    X[rng.random(X.shape) < gaps] = np.nan
    expected = pd.DataFrame(X).corr(min_periods=10).fillna(0).to_numpy()
    np.testing.assert_allclose(correlation(X), expected, atol=1e-7)
