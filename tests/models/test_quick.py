"""Machines: against the learners of scikit-learn that they came from, with gaps, and whatever the threads."""

from typing import Any

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.errors import MinecoverError
from pipeline.models import machines, tuning
from pipeline.models.quick import answers

SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("RF", {"n_estimators": 30}),
    ("RF", {"n_estimators": 20, "min_samples_leaf": 3, "class_weight": "balanced_subsample"}),
    ("SVM", {}),
    ("SVM", {"C": 2.0**11, "gamma": 2.0**-9, "sharpness": 5.0}),
    ("KNN", {}),
    ("KNN", {"n_neighbors": 12, "weights": "distance"}),
    ("ANN", {"hidden_layer_sizes": [64]}),
    ("Bayes", {}),
    ("Bayes", {"equal": False, "var_smoothing": 1e-3}),
    ("ML", {}),
    ("ML", {"shrinkage": 1e-3}),
]
IDS = [f"{name} {'tuned' if settings else 'plain'}" for name, settings in SETTINGS]
GAPS = 0.04


def table(rows: int, seed: int, classes: int = 5, p: int = 9, gaps: float = GAPS) -> tuple[NDArray[Any], NDArray[Any]]:
    """Samples (rows, p + 2) as float32, with gaps, a constant and an empty column; the seed moves no class."""
    rng, same = np.random.default_rng(seed), np.random.default_rng(0)
    y = rng.integers(0, classes, rows)
    X = 300 + 40 * rng.normal(size=(rows, p)) * same.uniform(0.5, 2, (classes, p))[y] + 50 * same.normal(size=(9, p))[y]
    X[rng.random(X.shape) < gaps] = np.nan
    X[y == 0, 0] = np.nan  # so that a tree asks whether there is a value at all
    return np.column_stack([X, np.full(rows, 7.0), np.full(rows, np.nan)]).astype(np.float32), y


def learner(name: str, settings: dict[str, Any], classes: int = 5) -> Any:
    X, y = table(400, 1, classes)
    return tuning.made(name, 0, settings).fit(X.astype(float), y)


@pytest.mark.filterwarnings("ignore:a class has")
@pytest.mark.parametrize("classes", [5, 2])
@pytest.mark.parametrize(("name", "settings"), SETTINGS, ids=IDS)
def test_answers_are_those_of_scikit_learn(name: str, settings: dict[str, Any], classes: int) -> None:
    theirs = learner(name, settings, classes)
    for gaps in (0.0, GAPS):
        X, _ = table(1500, 2, classes, gaps=gaps)
        found = answers(machines.machine(name, theirs), X.T)
        expected = theirs.predict_proba(X.astype(float))
        np.testing.assert_allclose(found.T, expected, atol=1e-6)
        np.testing.assert_array_equal(found.argmax(axis=0), theirs.predict(X.astype(float)))


def test_forests_without_gaps_take_the_short_way_and_agree() -> None:
    X, y = table(400, 1, gaps=0)
    X, few = np.nan_to_num(X), np.nan_to_num(table(700, 2, gaps=0)[0])
    theirs = tuning.made("RF", 0, {"n_estimators": 30}).fit(X, y)
    np.testing.assert_allclose(answers(machines.machine("RF", theirs), few.T).T, theirs.predict_proba(few), atol=1e-6)


@pytest.mark.parametrize(("name", "settings"), SETTINGS, ids=IDS)
def test_threads_change_no_byte_and_parts_only_the_rounding(name: str, settings: dict[str, Any]) -> None:
    made, (X, _) = machines.machine(name, learner(name, settings)), table(1500, 3)
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        alone = answers(made, X.T)
        numba.set_num_threads(min(2, numba.config.NUMBA_NUM_THREADS))
        together = answers(made, X.T)
    finally:
        numba.set_num_threads(before)
    assert alone.tobytes() == together.tobytes()
    np.testing.assert_allclose(np.hstack([answers(made, X[:777].T), answers(made, X[777:].T)]), alone, atol=1e-6)


@pytest.mark.parametrize(("name", "settings"), SETTINGS, ids=IDS)
def test_answers_are_finite_whatever_comes(name: str, settings: dict[str, Any]) -> None:
    made = machines.machine(name, learner(name, settings))
    X = np.full((6, 11), np.nan, np.float32)
    X[1], X[2], X[3], X[4, 3] = np.inf, 3e38, -3e38, 1e30
    found = answers(made, X.T)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-6)


def test_neighbours_are_right_where_rounding_hides_them() -> None:
    """Two clumps, in each of which samples lie closer together than single precision can tell."""
    rng = np.random.default_rng(4)
    X = np.repeat([[-1.0, 1.0], [1.0, -1.0]], 150, axis=0) + 1e-7 * rng.normal(size=(300, 2))
    y = rng.integers(0, 3, 300)
    made: Any = machines.machine("KNN", tuning.made("KNN", 0, {"n_neighbors": 3}).fit(X, y))
    few = np.repeat([[-1.0, 1.0], [1.0, -1.0]], 2, axis=0).astype(np.float32)
    distances = ((made.ready.rows(np.ascontiguousarray(few.T))[:, None] - made.samples) ** 2).sum(axis=2)
    votes = np.array([np.bincount(y[np.argsort(d)[:3]], minlength=3) / 3 for d in distances])
    np.testing.assert_allclose(answers(made, few.T).T, votes, atol=1e-6)


def test_equally_near_samples_are_taken_in_their_order() -> None:
    X, y = np.repeat([[0.0, 0.0], [1.0, 1.0]], 40, axis=0), np.repeat([0, 1, 0], [5, 35, 40])
    made = machines.machine("KNN", tuning.made("KNN", 0, {}).fit(X, y))
    np.testing.assert_allclose(answers(made, np.zeros((2, 3), np.float32))[0], 1)


def test_another_number_of_features_is_refused() -> None:
    made = machines.machine("Bayes", learner("Bayes", {}))
    with pytest.raises(MinecoverError, match="reads 11 features and was given 4"):
        answers(made, np.zeros((4, 3), np.float32))
