"""Measures, their intervals and the views without sensors and seasons, against scikit-learn and plain loops."""

import warnings

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score
from sklearn.neighbors import KNeighborsClassifier

from pipeline.selection.compare import HeldOut, _views, cost, effect
from pipeline.selection.measures import drawn, quality, weights
from pipeline.selection.resample import agreement, jaccard, within


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), classes=st.integers(2, 5))
def test_measures_of_each_draw_are_those_of_the_drawn_samples(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    truth, guess, blocks = rng.integers(0, classes, 50), rng.integers(0, classes, 50), rng.integers(0, 6, 50)
    guess[:20] = truth[:20]
    weight = weights(6, 5, seed)
    found = drawn(truth, guess, blocks, classes, weight).values
    for column, row in zip(found.T, weight.astype(int), strict=True):
        rows = np.concatenate([np.flatnonzero(blocks == b).repeat(k) for b, k in enumerate(row)])
        t, g = truth[rows], guess[rows]
        expected = [accuracy_score(t, g), cohen_kappa_score(t, g), f1_score(t, g, average="macro", zero_division=0)]
        np.testing.assert_allclose(column, expected, atol=1e-12)


def test_intervals_hold_the_value_and_grow_with_the_blocks() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 600)
    blocks = np.repeat(np.arange(20), 30)
    # Whole blocks are right or wrong: samples within a block tell nothing new.
    guess = np.where(np.isin(blocks, np.arange(0, 20, 4)), (truth + 1) % 3, truth)
    by_block = quality(drawn(truth, guess, blocks, 3, weights(20, 2000, 0))).oa
    by_sample = quality(drawn(truth, guess, np.arange(600), 3, weights(600, 2000, 0))).oa
    assert by_block.value == by_sample.value == 0.75
    assert by_block.low < by_sample.low < 0.75 < by_sample.high < by_block.high
    # Binomial: 1.96 √(0.75 · 0.25 / n)
    assert 0.30 < by_block.high - by_block.low < 0.42
    assert 0.06 < by_sample.high - by_sample.low < 0.08


def held_out(seed: int) -> HeldOut:
    """Column 0 tells the classes apart, 1 and 2 are noise."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, 120)
    X = rng.normal(size=(120, 3))
    X[:, 0] += 4 * y
    parts = np.arange(120) % 3
    folds = [(np.flatnonzero(parts != k), np.flatnonzero(parts == k)) for k in range(3)]
    return HeldOut(X, y, folds, np.arange(120) // 6, 500, 0)


def test_effects_are_paired_with_all_and_carry_warnings() -> None:
    class Warns(KNeighborsClassifier):  # type: ignore[misc]
        def fit(self, X: np.ndarray, y: np.ndarray) -> KNeighborsClassifier:
            warnings.warn("few samples", UserWarning, stacklevel=1)
            return super().fit(X, y)

    sets = {"noise": [np.array([1, 2])] * 3, "all": [np.arange(3)] * 3, "same": [np.arange(3)] * 3}
    effects = effect(held_out(0), sets, {"KNN": lambda seed: Warns(5)})
    found = {e.features: e for e in effects}
    assert [e.features for e in effects] == ["all", "noise", "same"]
    assert found["same"].difference.oa == found["all"].difference.oa
    assert found["same"].difference.oa.low == found["same"].difference.oa.high == 0
    gap = found["noise"].difference
    assert gap.oa.high < -0.2
    assert gap.f1.high < 0
    assert gap.oa.value == found["noise"].quality.oa.value - found["all"].quality.oa.value
    assert found["noise"].note == "few samples"
    assert found["noise"].count == 2


def test_the_sensor_that_carries_the_signal_is_missed() -> None:
    groups = {"a": ("radar", "spring"), "b": ("optical", "spring"), "c": ("optical", None)}
    costs, reference = cost(held_out(1), ["a", "b", "c"], groups, lambda seed: KNeighborsClassifier(5))
    found = {(c.name, c.how): c for c in costs}
    assert found["radar", "without"].difference.oa.high < -0.2
    assert found["radar", "alone"].difference.oa.low > -0.05
    assert found["optical", "without"].count == 1
    assert reference.oa.value > 0.9


def test_sensors_and_seasons_without_any_value_cost_nothing() -> None:
    samples = held_out(1)
    samples.X = np.column_stack([samples.X, np.full((len(samples.X), 2), np.nan), np.ones(len(samples.X))])
    groups = {"a": ("radar", "spring"), "b": ("optical", "spring"), "c": ("optical", None)}
    more = {"d": ("lights", None), "e": ("optical", "winter"), "f": ("terrain", None)}
    found, reference = cost(samples, list("abcdef"), groups | more, lambda seed: KNeighborsClassifier(5))
    assert (found, reference) == cost(held_out(1), ["a", "b", "c"], groups, lambda seed: KNeighborsClassifier(5))


def test_views_without_and_alone() -> None:
    groups = {"a": ("S2", "spring"), "b": ("S1", "spring"), "c": ("S2", "winter"), "d": ("terrain", None)}
    left = {key: "".join(np.array(list("abcd"))[v]) for key, v in _views("abcd", groups).items()}
    assert left == {
        ("sensor", "S2", "without"): "bd",
        ("sensor", "S2", "alone"): "ac",
        ("sensor", "S1", "without"): "acd",
        ("sensor", "S1", "alone"): "b",
        ("sensor", "terrain", "without"): "abc",
        ("sensor", "terrain", "alone"): "d",
        ("season", "spring", "without"): "cd",
        ("season", "spring", "alone"): "abd",
        ("season", "winter", "without"): "abd",
        ("season", "winter", "alone"): "cd",
    }
    assert _views("a", {"a": ("S2", "spring")}) == {}


def test_agreement_of_sets_by_hand() -> None:
    sets = [frozenset("ab"), frozenset("ab"), frozenset("bc")]
    found = agreement(sets, 10)
    assert found.jaccard == (1 + 1 / 3 + 1 / 3) / 3
    assert (found.low, found.high) == tuple(np.percentile([1, 1 / 3, 1 / 3], [2.5, 97.5]))
    assert found.chance == 0.4 / 3.6
    assert dict(found.frequency) == {"b": 1, "a": 2 / 3, "c": 1 / 3}
    assert jaccard(frozenset(), frozenset()) == 1


def test_folds_are_numbered_within_the_rows_that_are_left() -> None:
    folds = [(np.array([0, 1, 4]), np.array([2, 3])), (np.array([2, 3]), np.array([0, 5]))]
    cut = within(folds, np.array([1, 2, 4]), 6)
    assert [(a.tolist(), b.tolist()) for a, b in cut] == [([0, 2], [1])]
