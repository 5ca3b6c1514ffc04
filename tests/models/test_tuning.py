"""The search for settings: what it reads, its order, its budget, and what it finds."""

from itertools import count
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score

from pipeline.models import tuning
from pipeline.models.baselines import LEARNERS
from pipeline.models.tuning import GRIDS, Settings, balanced_accuracy, made, sharpness, tuned

Folds = list[tuple[NDArray[np.intp], NDArray[np.intp]]]


def samples(rows: int = 90) -> tuple[NDArray[Any], NDArray[Any], Folds]:
    """Three classes in rings, and three folds over all rows but the last fifth."""
    rng = np.random.default_rng(0)
    y = np.arange(rows) % 3
    angle = rng.uniform(0, 6.3, rows)
    X = (y + rng.normal(0, 0.2, rows))[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    used = np.arange(rows * 4 // 5)
    return X, y, [(used[used % 9 // 3 != k], used[used % 9 // 3 == k]) for k in range(3)]


def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is a second later each time it is looked at."""
    clock = count()
    monkeypatch.setattr(tuning, "monotonic", lambda: float(next(clock)))


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Learners small enough for tests; the settings remain the table's."""
    monkeypatch.setattr(tuning, "QUICK_TREES", 5)


@pytest.mark.parametrize("name", ["SVM", "Bayes", "ML"])
def test_rows_outside_folds_are_never_read(name: str) -> None:
    X, y, folds = samples()
    outside = np.ones(len(y), bool)
    outside[np.concatenate([np.concatenate(f) for f in folds])] = False
    poisoned, lies = X.copy(), y.copy()
    poisoned[outside], lies[outside] = np.inf, 77
    assert tuned(name, X, y, folds, 3600, 0) == tuned(name, poisoned, lies, folds, 3600, 0)
    if name == "SVM":
        assert sharpness(X, y, folds, 0, {}) == sharpness(poisoned, np.where(outside, 2, y), folds, 0, {})


@pytest.mark.parametrize("name", LEARNERS)
def test_a_budget_that_runs_out_cuts_the_tail(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)
    X, y, folds = samples()
    found = []
    for seconds in (0, 4, 6, 10):  # the clock is looked at once at first, and before each of three fits
        ticking(monkeypatch)
        found.append(tuned(name, X, y, folds, seconds, 0))
    none, one, also_one, three = found
    assert not none.tried and none.best == {} and none.score is None
    assert one == also_one and [t.settings for t in one.tried] == [{}]
    assert three.tried[:1] == one.tried and len(three.tried) == 3
    assert three.possible == 1 + len(GRIDS[name])


def test_the_best_is_the_first_of_equals() -> None:
    X, y, folds = samples()
    found = tuned("KNN", X, y, folds, 3600, 0)
    assert len(found.tried) == found.possible == 30
    assert found.score == max(t.score for t in found.tried)
    assert found.best == next(t.settings for t in found.tried if t.score == found.score)


def test_scores_are_those_of_all_held_out_samples_together() -> None:
    X, y, folds = samples()
    by_hand = {}
    for settings in [{}, *GRIDS["Bayes"]]:
        answers = [made("Bayes", 0, settings).fit(X[t], y[t]).predict(X[h]) for t, h in folds]
        by_hand[str(settings)] = balanced_accuracy_score(np.concatenate([y[h] for _, h in folds]), np.hstack(answers))
    assert {str(t.settings): t.score for t in tuned("Bayes", X, y, folds, 3600, 0).tried} == pytest.approx(by_hand)


def test_the_svm_looks_around_the_best_and_stays_on_its_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scored by how near they are to C = 2^14 and gamma = 2^3: the search must come there, and no further."""

    def score(name: str, settings: Settings, *rest: Any) -> float:
        at = np.log2([settings.get("C", 8), settings.get("gamma", 2**-6)])
        return float(-np.abs(at - [14, 3]).sum())

    monkeypatch.setattr(tuning, "_score", score)
    X, y, folds = samples()
    found = tuned("SVM", X, y, folds, 1, 0)
    assert found.best == {"C": 2.0**14, "gamma": 2.0**3}
    tried = [tuple(np.log2([s["C"], s["gamma"]])) for s in (t.settings for t in found.tried[1:])]
    assert len(tried) == len(set(tried)) and len(found.tried) == found.possible
    assert all(-5 <= c <= 15 and -15 <= g <= 3 for c, g in tried)
    assert {(c, g) for c in (-5, 15) for g in (-15, 3)} <= set(tried)


def test_a_class_that_a_fold_lacks_counts_as_missed() -> None:
    X, y, _ = samples()
    with_two, all_three = np.flatnonzero(y < 2), np.arange(len(y))
    found = tuned("Bayes", X, y, [(with_two[:40], all_three)], 3600, 0)
    assert found.score is not None and 0.3 < found.score <= 2 / 3


def test_classes_with_one_training_row_are_left_out_and_few_samples_score_nothing() -> None:
    X, y, _ = samples()
    rows = np.array([0, 1, 2, 3, 4])  # two of classes 0 and 1, one of class 2
    found = tuned("KNN", X, y, [(rows, np.arange(10, 40))], 3600, 0)
    scores = {t.settings.get("n_neighbors", 5): t.score for t in found.tried}
    assert scores[5] == scores[15] == 0 < scores[3]
    assert tuned("ML", X, y, [(rows[[0, 1, 3]], rows)], 3600, 0).tried == ()


def test_sharpness_makes_held_out_samples_likeliest() -> None:
    X, y, folds = samples()

    def loss(sharp: float) -> float:
        logs = []
        for train, held in folds:
            p = made("SVM", 0, {"sharpness": sharp}).fit(X[train], y[train]).predict_proba(X[held])
            logs.append(np.log(p[np.arange(len(held)), y[held]]))
        return -float(np.concatenate(logs).mean())

    best = sharpness(X, y, folds, 0, {})
    assert loss(best) <= min(loss(best * 1.1), loss(best / 1.1))


def test_balanced_accuracy() -> None:
    rng = np.random.default_rng(1)
    truth, found = rng.integers(0, 4, 200) ** 2, rng.integers(0, 4, 200) ** 2
    assert balanced_accuracy(truth, found) == pytest.approx(balanced_accuracy_score(truth, found))


@pytest.mark.parametrize("name", LEARNERS)
def test_plain_settings_come_first_and_no_candidate_twice(name: str) -> None:
    plain = made(name, 0, {})
    candidates = [{}, *GRIDS[name]]
    assert len({repr(made(name, 0, s)) for s in candidates}) == len(candidates)
    assert repr(made(name, 0, candidates[0])) == repr(plain)


def test_progress_tells_each_candidate() -> None:
    X, y, folds = samples()
    said: list[tuple[str, int, int]] = []
    tuned("ML", X, y, folds, 3600, 0, lambda *what: said.append(what))
    assert said == [("ML, settings (60 min at most)", k, 6) for k in range(1, 7)]
