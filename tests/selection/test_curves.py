"""The one-standard-error rule and the rules that combine rankings, against tables worked by hand."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from pipeline.errors import MinecoverError
from pipeline.selection import Scores, borda, combine, curve
from pipeline.selection.curves import ordered, steps, summarised, without_fold

FIRST, SECOND = np.array([0, 1, 2, 3, 4]), np.array([3, 1, 0, 4, 2])
ORDERS = {"a": FIRST, "b": SECOND}


def test_the_smallest_size_within_one_standard_error_of_the_best() -> None:
    table = [
        [0.50, 0.52, 0.54],  # mean 0.52
        [0.68, 0.70, 0.72],  # mean 0.70
        [0.70, 0.70, 0.76],  # mean 0.72, sd 0.03464, standard error 0.02: so 0.70 just passes
        [0.70, 0.71, 0.72],  # mean 0.71
    ]
    found = summarised([5, 10, 20, 40], table)
    assert (found.best, found.chosen) == (20, 10)
    assert found.mean == pytest.approx([0.52, 0.70, 0.72, 0.71])
    assert found.standard_error == pytest.approx([0.0115470, 0.0115470, 0.02, 0.0057735], abs=1e-7)
    # Without the first fold: means 0.53, 0.71, 0.73, 0.715; the standard error of the best is 0.03.
    assert without_fold(found, 0) == 10
    # Without the last: means 0.51, 0.69, 0.70, 0.705; the standard error of the best is 0.005, and 0.70 just passes.
    assert without_fold(found, 2) == 20


def test_mean_rank_by_hand() -> None:
    # Ranks of features 0 … 4: first 0 1 2 3 4, second 2 1 4 0 3; sums 2 2 6 3 7; the first ranking puts 0 before 1.
    assert borda([FIRST, SECOND]).tolist() == [0, 1, 3, 2, 4]


@pytest.mark.parametrize(
    ("how", "chosen"), [("borda", [0, 1, 3]), ("intersection", [1]), ("union", [0, 1, 3]), ("nothing", None)]
)
def test_rules_by_hand(how: str, chosen: list[int] | None) -> None:
    sizes = {"a": 2, "b": 2, "borda": 3}
    if chosen is None:
        with pytest.raises(MinecoverError, match="no rule 'nothing'"):
            combine(ORDERS, sizes, how)  # type: ignore[arg-type]
    else:
        assert combine(ORDERS, sizes, how).tolist() == chosen  # type: ignore[arg-type]


def test_sets_may_be_disjoint_or_all() -> None:
    assert combine(ORDERS, {"a": 1, "b": 1, "borda": 1}, "intersection").tolist() == []
    assert combine(ORDERS, {"a": 5, "b": 1, "borda": 1}, "union").tolist() == [0, 1, 3, 2, 4]


def test_equal_scores_keep_their_order_and_missing_ones_come_last() -> None:
    assert ordered(Scores((1.0, float("nan"), 3.0, 1.0), (0,) * 4)).tolist() == [2, 0, 3, 1]


def test_sizes_end_with_all() -> None:
    assert steps(112) == (5, 10, 15, 20, 30, 40, 50, 60, 80, 100, 112)
    assert steps(30) == (5, 10, 15, 20, 30)
    assert steps(3) == (3,)


def test_a_curve_is_the_accuracy_of_the_first_features_of_each_folds_own_order() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 60)
    X = rng.normal(size=(60, 4))
    X[:, 2] += 4 * y
    half = np.arange(60) < 30
    folds = [(np.flatnonzero(half), np.flatnonzero(~half)), (np.flatnonzero(~half), np.flatnonzero(half))]
    orders = [np.array([2, 0, 1, 3]), np.array([3, 1, 0, 2])]
    found = curve(X, y, orders, folds, [1, 4, 9], lambda seed: KNeighborsClassifier(3))
    assert found.sizes == (1, 4)
    for fold, ((train, held), order) in enumerate(zip(folds, orders, strict=True)):
        for row, k in zip(found.by_fold, found.sizes, strict=True):
            learner = KNeighborsClassifier(3).fit(X[train][:, order[:k]], y[train])
            assert row[fold] == learner.score(X[held][:, order[:k]], y[held])
    assert found.by_fold[0][0] > 0.9 > 0.75 > found.by_fold[0][1]
    with pytest.raises(MinecoverError, match="1 or more"):
        curve(X, y, orders, folds, [0, 2], lambda seed: KNeighborsClassifier(3))
