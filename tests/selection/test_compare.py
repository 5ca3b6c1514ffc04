"""Measures, their intervals and the views without sensors and seasons, against scikit-learn and plain loops."""

import warnings

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from pipeline.selection.compare import HeldOut, _views, cost, effect
from pipeline.selection.resample import agreement, jaccard, within


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
