"""McNemar's test and Holm's correction against their definitions and published values."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.accuracy.paired import from_counts, holm, mcnemar
from pipeline.errors import MinecoverError


def test_the_exact_test_of_nine_to_nothing() -> None:
    assert from_counts(9, 0).p == pytest.approx(2 / 2**9)
    assert round(from_counts(9, 0).p, 4) == 0.0039
    assert [round(from_counts(n, 0).p, 2) for n in (2, 3)] == [0.5, 0.25]


@given(st.integers(0, 24), st.integers(0, 24))
def test_the_exact_test_is_the_binomial_one(b: int, c: int) -> None:
    if b + c >= 25:
        return
    n, least = b + c, min(b, c)
    tail = sum(comb(n, i) for i in range(least + 1)) / 2**n
    found = from_counts(b, c)
    assert found.statistic is None and found.p == pytest.approx(min(1, 2 * tail))
    assert from_counts(c, b).p == found.p


def test_chi_square_with_continuity_correction() -> None:
    """121 and 59 answers: chi-square 20.67 with the correction (McNemar 1947 as taught; 61² / 180)."""
    found = from_counts(121, 59)
    assert found.statistic == pytest.approx(61**2 / 180)
    assert found.p == pytest.approx(5.45e-6, rel=0.01)
    assert from_counts(40, 40).p == 1
    assert from_counts(13, 12).statistic == 0
    assert from_counts(12, 12).statistic is None


def test_right_answers_are_counted_in_pairs() -> None:
    found = mcnemar([True, True, False, False, True], [True, False, True, False, False])
    assert (found.only_a, found.only_b) == (2, 1)
    with pytest.raises(MinecoverError, match="cannot be paired"):
        mcnemar([True], [True, False])


def test_holm_as_published() -> None:
    """Four tests at 0.01, 0.04, 0.03, 0.005: 0.03, 0.06, 0.06, 0.02."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([]) == ()
    assert holm([0.9, 0.8]) == (1, 1)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_no_correction_and_bonferroni(p: list[float]) -> None:
    found = np.array(holm(p))
    assert (found >= np.array(p)).all() and (found <= np.minimum(np.array(p) * len(p), 1) + 1e-12).all()
    assert np.all(np.diff(found[np.argsort(p, kind="stable")]) >= 0)
