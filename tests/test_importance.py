"""Importance of a forest: against predicting shuffled copies one by one, and against scikit-learn's own."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.inspection import permutation_importance

from pipeline import importance
from pipeline.errors import MinecoverError


def planted(seed: int, n: int = 240, p: int = 8, gaps: float = 0.0) -> tuple[NDArray[Any], NDArray[Any]]:
    """The first three columns tell the three classes apart, the rest is noise."""
    rng = np.random.default_rng(seed)
    y = rng.integers(1, 4, n)
    X = rng.normal(size=(n, p)).astype(np.float32)
    X[:, :3] += 2.0 * (y[:, None] == np.array([1, 2, 3]))
    X[rng.random(X.shape) < gaps] = np.nan
    return X, y


def dealt(n: int, folds: int = 4) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    held = np.arange(n) % folds
    return [(np.flatnonzero(held != k), np.flatnonzero(held == k)) for k in range(folds)]


@settings(max_examples=8)
@given(seed=st.integers(0, 10_000), gaps=st.sampled_from([0.0, 0.2]), depth=st.sampled_from([None, 4]))
def test_paths_give_what_predicting_shuffled_copies_gives(seed: int, gaps: float, depth: int | None) -> None:
    X, y = planted(seed, gaps=gaps)
    train, held = dealt(len(y))[0]
    model = RandomForestClassifier(15, random_state=seed, max_depth=depth).fit(X[train], y[train])
    flat = importance.flattened(model)
    order = np.random.default_rng(seed).permuted(np.tile(np.arange(len(held)), (X.shape[1], 1)), axis=1)
    plain, shuffled = importance._votes(X[held], order, *vars(flat).values())
    np.testing.assert_allclose(plain / 15, model.predict_proba(X[held]), atol=1e-12)
    for f in range(X.shape[1]):
        copy = X[held].copy()
        copy[:, f] = copy[order[f], f]
        np.testing.assert_allclose(shuffled[:, f] / 15, model.predict_proba(copy), atol=1e-12)


def test_losses_are_those_of_scikit_learn() -> None:
    X, y = planted(1)
    train, held = dealt(len(y), 2)[0]
    model = RandomForestClassifier(12, random_state=0).fit(X[train], y[train])
    ours = importance.permutation_loss(model, X[held], y[held], repeats=400, seed=0)
    theirs = permutation_importance(model, X[held], y[held], n_repeats=60, random_state=1)
    error = theirs.importances_std / np.sqrt(50)
    assert np.all(np.abs(ours - theirs.importances_mean) <= 5 * error + 1e-12)


def test_signal_stands_out_with_missing_values_and_a_class_that_a_fold_lacks() -> None:
    X, y = planted(2, n=300, gaps=0.1)
    y[:5] = 9
    folds = [(np.arange(100, 300), np.arange(100)), (np.arange(200), np.arange(200, 300))]
    found = importance.forest(X, y, folds, trees=40, seeds=3, names=list("abcdefgh"))
    assert min(found.mean[:3]) > 3 * max(np.abs(found.mean[3:]))
    assert min(found.impurity[:3]) > max(found.impurity[3:])
    assert min(found.sd[:3]) > 0
    assert found.names == tuple("abcdefgh")


def test_the_same_again_and_one_seed_more_is_another() -> None:
    X, y = planted(3)
    first, again = (importance.forest(X, y, dealt(len(y)), trees=10, seeds=2) for _ in range(2))
    assert first == again
    assert importance.forest(X, y, dealt(len(y)), trees=10, seeds=3).mean != first.mean


def test_no_folds_are_refused() -> None:
    X, y = planted(4)
    with pytest.raises(MinecoverError, match="got 0, 5, 1 and 1"):
        importance.forest(X, y, [], trees=5, seeds=1)
