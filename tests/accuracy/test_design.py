"""How many points, of which classes, and which pixels: the published example, and what must hold of any design."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.accuracy.area import Z, estimate
from pipeline.accuracy.design import allocated, expected_margin, needed, of_area, planned, ranks
from pipeline.errors import MinecoverError

SIZES = (200_000, 150_000, 3_200_000, 6_450_000)
EXPECTED = (0.70, 0.60, 0.90, 0.95)


def test_the_example_of_olofsson_and_others() -> None:
    """Doi 10.1016/j.rse.2014.02.015, section 5.1: 641 points for a standard error of 0.01."""
    assert needed(SIZES, EXPECTED, Z * 0.01) == pytest.approx(641, abs=1)
    points = allocated(SIZES, 640, 75)
    assert points[:2] == (75, 75) and sum(points) == 640
    assert points[2:] == pytest.approx((165, 325), abs=3)


sizes = st.lists(st.integers(0, 10_000), min_size=1, max_size=7).filter(lambda s: sum(s) > 0)


@given(sizes, st.integers(1, 800), st.integers(0, 60))
def test_points_are_shared_out_by_size_with_a_minimum(sizes: list[int], n: int, minimum: int) -> None:
    points = allocated(sizes, n, minimum)
    least = [min(s, minimum) for s in sizes]
    assert all(a <= p <= s for a, p, s in zip(least, points, sizes, strict=True))
    assert sum(points) == max(min(n, sum(sizes)), sum(least))
    above = [(p, s) for p, s, a in zip(points, sizes, least, strict=True) if p > a]
    for (p, s), (q, t) in combinations(above, 2):  # those above the minimum have the same share, but for rounding
        assert abs(p / s - q / t) <= 1 / s + 1 / t


@given(st.lists(st.integers(2000, 100_000), min_size=2, max_size=6), st.floats(0.01, 0.08), st.floats(0.6, 0.95))
def test_a_plan_is_the_smallest_that_keeps_the_margin(sizes: list[int], margin: float, accuracy: float) -> None:
    expected = [accuracy] * len(sizes)
    points = planned(sizes, expected, margin, 10)
    assert expected_margin(sizes, expected, points) <= margin
    assert sum(points) >= needed(sizes, expected, margin)
    fewer = allocated(sizes, sum(points) - 2, 10)
    if sum(fewer) < sum(points):
        assert expected_margin(sizes, expected, fewer) > margin * 0.999


def test_the_margin_expected_is_the_one_that_comes() -> None:
    rng, sizes = np.random.default_rng(0), (30_000, 10_000, 2_000)
    points = planned(sizes, [0.85] * 3, 0.04, 50)
    found = []
    for _ in range(100):
        mapped = np.repeat([1, 2, 3], points)
        reference = np.where(rng.random(len(mapped)) < 0.85, mapped, mapped % 3 + 1)
        found.append(Z * estimate(reference, mapped, mapped - 1, sizes, (1, 2, 3)).oa.se)
    assert np.mean(found) == pytest.approx(expected_margin(sizes, [0.85] * 3, points), rel=0.03)


def test_an_area_that_is_right_on_average_is_expected() -> None:
    sizes = (8_000, 2_000)
    share = of_area(sizes, 1, 0.8)
    assert np.dot(sizes, share) == pytest.approx(2_000)
    assert of_area((500,), 0, 0.8) == (0.8,)


def test_pixels_are_drawn_by_lot() -> None:
    sizes, points = (50, 7, 100), (10, 7, 0)
    drawn = ranks(sizes, points, 3)
    assert [len(d) for d in drawn] == list(points)
    assert drawn[1].tolist() == list(range(7))
    assert all((np.diff(d) > 0).all() and d.min() >= 0 and d.max() < s for d, s in zip(drawn[:2], sizes, strict=False))
    assert np.array_equal(drawn[0], ranks(sizes, points, 3)[0])
    counts = np.bincount(np.concatenate([ranks((40,), (10,), seed)[0] for seed in range(800)]), minlength=40)
    assert abs(counts - 200).max() < 5 * np.sqrt(800 * 0.25 * 0.75)


@pytest.mark.parametrize("margin", [0, 1, -0.1])
def test_margins_that_cannot_be_are_refused(margin: float) -> None:
    with pytest.raises(MinecoverError, match="margin"):
        needed(SIZES, EXPECTED, margin)
    with pytest.raises(MinecoverError, match="expected share"):
        needed(SIZES, (2, 0, 0, 0), 0.05)
