"""Estimates from probability samples: published examples, formulas written out anew, and coverage in simulation."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.accuracy.area import POOLED, Z, after_strata, estimate
from pipeline.errors import MinecoverError

# Olofsson et al. 2014 (doi:10.1016/j.rse.2014.02.015), table 8: the map in rows here, as printed there. Classes are
# deforestation, forest gain, stable forest, stable non-forest; pixels are of 30 m.
CHANGE = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
CHANGE_PIXELS = np.array([200_000, 150_000, 3_200_000, 6_450_000])

# Stehman 2014 (doi:10.1080/01431161.2014.930207), table 2: ten points in each of four strata.
STRATUM = np.repeat(range(4), 10)
MAPPED = "A" * 7 + "B" * 3 + "A" + "B" * 11 + "C" * 6 + "BB" + "D" * 10
REFERENCE = "AAAAA" + "CBABCA" + "BBBBB" + "AABB" + "CCCCC" + "DDBBA" + "DDDDDDD" + "CCB"
PIXELS = (40_000, 30_000, 20_000, 10_000)


def letters(text: str) -> np.ndarray:
    return np.array([ord(c) - ord("A") + 1 for c in text])


def points(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes of map and reference (from 1) of the points counted in a matrix with the map in rows."""
    mapped, reference = (np.repeat(place.ravel(), matrix.ravel()) + 1 for place in np.indices(matrix.shape))
    return mapped, reference


def test_the_example_of_olofsson_and_others() -> None:
    mapped, reference = points(CHANGE)
    e = estimate(reference, mapped, mapped - 1, CHANGE_PIXELS, range(1, 5))
    assert (e.oa.value, Z * e.oa.se) == pytest.approx((0.95, 0.02), abs=0.005)
    assert [x.value for x in e.ua] == pytest.approx([0.88, 0.73, 0.93, 0.96], abs=0.005)
    assert [Z * x.se for x in e.ua] == pytest.approx([0.07, 0.10, 0.04, 0.02], abs=0.005)
    assert [x.value for x in e.pa] == pytest.approx([0.75, 0.85, 0.93, 0.96], abs=0.005)
    assert (Z * e.pa[0].se, Z * e.pa[2].se) == pytest.approx((0.21, 0.03), abs=0.005)
    hectares = CHANGE_PIXELS.sum() * 0.09
    assert e.area[0].value * hectares == pytest.approx(21_158, abs=1)
    assert Z * e.area[0].se * hectares == pytest.approx(6_158, abs=2)
    assert [x.value * hectares for x in e.area[1:]] == pytest.approx([11_686, 285_770, 581_386], abs=2)
    assert [Z * x.se * hectares for x in e.area[1:]] == pytest.approx([3_756, 15_510, 16_282], abs=4)


def test_the_example_of_stehman() -> None:
    e = estimate(letters(REFERENCE), letters(MAPPED), STRATUM, PIXELS, range(1, 5))
    assert (e.area[0].value, e.area[2].value) == pytest.approx((0.35, 0.20))
    assert e.oa.value == pytest.approx(0.63)
    assert (e.ua[1].value, e.pa[1].value) == pytest.approx((0.574, 0.794), abs=0.0005)
    assert e.shares[2, 1] == pytest.approx(0.08)  # reference C, map B
    assert (e.area[0].se, e.area[2].se, e.oa.se, e.ua[1].se) == pytest.approx((0.082, 0.064, 0.085, 0.125), abs=0.0005)
    assert e.pa[1].se == pytest.approx(0.1165, abs=0.0005)


def olofsson(matrix: np.ndarray, sizes: np.ndarray) -> Iterator[np.ndarray]:
    """Standard errors of OA, UA, PA and areas as methods.md prints them: the map in rows, no finite correction."""
    n, k, sizes = matrix.sum(1), len(matrix), sizes.astype(float)
    w = sizes / sizes.sum()
    share = matrix / n[:, None]
    p = w[:, None] * share
    u = np.diag(share)
    yield np.sqrt(np.sum(w**2 * u * (1 - u) / (n - 1)))
    yield np.sqrt(u * (1 - u) / (n - 1))
    total = sizes @ share
    producer = np.diag(p) / p.sum(0)
    variance = np.empty(k)
    for j in range(k):
        own = sizes[j] ** 2 * (1 - producer[j]) ** 2 * u[j] * (1 - u[j]) / (n[j] - 1)
        rest = sum(sizes[i] ** 2 * share[i, j] * (1 - share[i, j]) / (n[i] - 1) for i in range(k) if i != j)
        variance[j] = (own + producer[j] ** 2 * rest) / total[j] ** 2
    yield np.sqrt(variance)
    yield np.sqrt(np.sum((w[:, None] * p - p**2) / (n - 1)[:, None], axis=0))


@given(st.integers(0, 10_000))
def test_with_the_map_as_strata_these_are_the_formulas_of_olofsson(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.integers(1, 40, (3, 3)) + 5
    sizes = rng.integers(10**9, 10**10, 3)  # so many that the finite correction is nothing
    mapped, reference = points(matrix)
    e = estimate(reference, mapped, mapped - 1, sizes, (1, 2, 3))
    found = (e.oa.se, *[[x.se for x in part] for part in (e.ua, e.pa, e.area)])
    for mine, theirs in zip(found, olofsson(matrix, sizes), strict=True):
        assert np.allclose(mine, theirs, rtol=1e-5)


def test_one_stratum_is_a_simple_random_sample() -> None:
    rng = np.random.default_rng(0)
    reference, mapped = rng.integers(1, 4, 300), rng.integers(1, 4, 300)
    e = estimate(reference, mapped, np.zeros(300, int), [3000], (1, 2, 3))
    p = (reference == 2).mean()
    assert e.area[1].value == pytest.approx(p)
    assert e.area[1].se == pytest.approx(np.sqrt((1 - 0.1) * p * (1 - p) / 299))
    assert e.oa.value == pytest.approx((reference == mapped).mean())
    assert np.allclose(e.shares.sum(), 1) and e.points.sum() == 300


def test_pixels_without_a_class_count_for_areas_but_not_for_accuracies() -> None:
    mapped, reference = np.array([1, 1, 2, 2, 0, 0]), np.array([1, 2, 2, 2, 1, 2])
    e = estimate(reference, mapped, np.zeros(6, int), [600], (1, 2))
    assert e.oa.value == pytest.approx(3 / 4)
    assert [x.value for x in e.area] == pytest.approx([1 / 3, 2 / 3])
    assert e.pa[0].value == 1 and e.points[:, 2].tolist() == [1, 1]


def test_a_sample_of_everything_has_no_error() -> None:
    e = estimate([1, 1, 2], [1, 2, 2], [0, 0, 0], [3], (1, 2))
    assert e.area[0].se == 0 and e.area[0].low == e.area[0].high == pytest.approx(2 / 3)


def test_what_was_always_right_is_not_certain() -> None:
    e = estimate([1] * 30 + [2] * 5, [1] * 30 + [2] * 5, [0] * 30 + [1] * 5, [10_000, 100], (1, 2, 3))
    assert e.ua[0].value == 1 and 0.85 < e.ua[0].low < 0.9 and e.ua[0].high == 1
    assert e.ua[1].low < e.ua[0].low
    assert e.area[2].value == 0 and e.area[2].high > 0.05  # nobody saw class 3; it may be there all the same
    assert e.ua[2].value is None and e.pa[2].value is None


@pytest.mark.parametrize(
    ("stratum", "sizes", "says"),
    [([0, 0, 0, 1], [50, 50], "1 points"), ([0, 0, 0, 0], [50, 50], "0 points"), ([0, 0, 0, 0], [3], "3 pixels")],
)
def test_too_few_points_are_refused(stratum: list[int], sizes: list[int], says: str) -> None:
    with pytest.raises(MinecoverError, match=says):
        estimate([1, 1, 2, 2], [1, 1, 2, 2], stratum, sizes, (1, 2))


def test_strata_made_afterwards_hold_everything_and_are_never_small() -> None:
    mapped = np.repeat([1, 2, 3, 4], [200, 60, 6, 3])
    number, sizes = after_strata(mapped, {1: 20_000, 2: 6_000, 3: 700, 4: 200, 0: 100, 9: 0})
    assert sizes.sum() == 27_000
    assert np.bincount(number).tolist() == [200, 69]  # 3, 4 and 0 are few even together, and go with 2
    assert sizes.tolist() == [20_000, 7_000]
    number, sizes = after_strata(np.repeat([1, 2], [200, POOLED]), {1: 10_000, 2: 500})
    assert sizes.tolist() == [10_000, 500]
    number, sizes = after_strata(np.repeat([1, 2], [4, 4]), {1: 10, 2: 90})
    assert sizes.tolist() == [100] and set(number) == {0}


@settings(max_examples=30)
@given(st.lists(st.integers(1, 5), min_size=20, max_size=120), st.integers(0, 99))
def test_afterwards_every_stratum_can_be_used(mapped: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    number, sizes = after_strata(mapped, {code: 200 + int(rng.integers(1000)) for code in range(6)})
    assert np.bincount(number, minlength=len(sizes)).min() >= POOLED
    estimate(rng.integers(1, 6, len(mapped)), mapped, number, sizes, range(1, 6))


def world(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Truth and map of 20 000 pixels with three classes."""
    truth = rng.choice([1, 2, 3], 20_000, p=[0.55, 0.3, 0.15])
    wrong = rng.random(20_000) < 0.25
    return truth, np.where(wrong, rng.choice([1, 2, 3], 20_000, p=[0.5, 0.3, 0.2]), truth)


@pytest.mark.parametrize("design", ["map", "old map", "simple"])
def test_intervals_hold_the_truth_as_often_as_they_say(design: str) -> None:
    rng = np.random.default_rng(5)
    truth, mapped = world(rng)
    strata = mapped if design == "map" else np.where(rng.random(20_000) < 0.2, rng.permutation(mapped), mapped)
    groups = [np.flatnonzero(strata == c) for c in (1, 2, 3)]
    real_ua = (truth == 2)[mapped == 2].mean()
    real_pa = (mapped == 3)[truth == 3].mean()
    real = [(truth == mapped).mean(), real_ua, real_pa, *((truth == c).mean() for c in (1, 2, 3))]
    hits = np.zeros(len(real))
    for _ in range(400):
        if design == "simple":
            drawn = rng.choice(20_000, 600, replace=False)
            counts = dict(zip(*map(np.ndarray.tolist, np.unique(mapped, return_counts=True)), strict=True))
            part, sizes = after_strata(mapped[drawn], counts)
        else:
            drawn = np.concatenate([rng.choice(g, 150, replace=False) for g in groups])
            part, sizes = np.repeat([0, 1, 2], 150), np.array([len(g) for g in groups])
        e = estimate(truth[drawn], mapped[drawn], part, sizes, (1, 2, 3))
        for place, found in enumerate((e.oa, e.ua[1], e.pa[2], *e.area)):
            hits[place] += found.low <= real[place] <= found.high
    assert (hits / 400 >= 0.92).all() and (hits / 400 <= 0.98).all(), hits / 400
