"""Relief-F against its definition in plain NumPy, against scikit-rebate, and as a scikit-learn selector."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skrebate
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import check_estimator

from pipeline.errors import MinecoverError
from pipeline.relief import ReliefF, estimator

Array = NDArray[Any]


@pytest.fixture(autouse=True)
def _small_classes_are_meant() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*neighbours are asked for")
        yield


def table(rows: int, features: int, classes: int, seed: int = 0) -> tuple[Array, Array]:
    """Continuous features of which the first two tell the classes, and classes of unequal size."""
    rng = np.random.default_rng(seed)
    y = rng.choice(classes, rows, p=np.arange(1, classes + 1) / np.arange(1, classes + 1).sum())
    y[: 2 * classes] = np.repeat(np.arange(classes), 2)
    X = rng.normal(size=(rows, features))
    X[:, :2] += y[:, None]
    return X, y


def fitted(X: Array, y: Array, k: int, **options: Any) -> Array:
    return np.asarray(ReliefF(k, **options).fit(X, y).feature_importances_)


def places(apart: Array, k: int) -> Array:
    """How much each row counts, NaN being no neighbour at all: 1 when nearer than the k-th, an even share as far."""
    there = apart[~np.isnan(apart)]
    if not len(there):
        return np.zeros(len(apart))
    m = min(k, len(there))
    kth = np.sort(there)[m - 1]
    nearer, level = apart < kth - 1e-13, np.abs(apart - kth) <= 1e-13
    return nearer + level * (m - nearer.sum()) / level.sum()


def defined(X: Array, y: Array, k: int) -> Array:
    """The contributions of all rows to the scores, written down as the formula stands."""
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        low, high = np.nanmin(X, axis=0), np.nanmax(X, axis=0)
        S = (X - low) / np.where(high > low, high - low, 1)
        found = np.zeros(X.shape)
        for i in range(len(X)):
            apart = np.nanmean(np.abs(S - S[i]), axis=1) * X.shape[1]
            apart[i] = np.nan
            for c in np.unique(y):
                counts = places(np.where(y == c, apart, np.nan), k)[:, None] * ~np.isnan(S - S[i])
                mean = np.nan_to_num(np.nansum(counts * np.abs(S - S[i]), axis=0) / counts.sum(axis=0))
                found[i] += -mean if c == y[i] else mean * (y == c).sum() / (y != y[i]).sum()
    return found


@given(
    seed=st.integers(0, 10**6),
    rows=st.integers(8, 45),
    features=st.integers(1, 6),
    classes=st.integers(2, 4),
    k=st.integers(1, 14),
    levels=st.integers(1, 6),
    gaps=st.sampled_from([0, 0, 0.1, 0.6]),
    jitter=st.sampled_from([0, 0, 1e-6, 1]),
)
def test_equals_the_definition(
    seed: int, rows: int, features: int, classes: int, k: int, levels: int, gaps: float, jitter: float
) -> None:
    """On grids full of ties, with constant columns, missing values, and distances that single precision confuses."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, levels, (rows, features)) + jitter * rng.normal(size=(rows, features))
    X[rng.random(X.shape) < gaps] = np.nan
    y = np.concatenate([np.arange(classes), rng.integers(0, classes, rows - classes)])
    expected = defined(X, y, k)
    found = ReliefF(k).fit(X, y)
    np.testing.assert_allclose(found.feature_importances_, expected.mean(axis=0), rtol=0, atol=1e-12)


def test_tells_rows_apart_that_single_precision_cannot() -> None:
    rng = np.random.default_rng(5)
    X = 0.5 + rng.choice([1e-6, 1e-7, 1e-8], (240, 4)) * rng.normal(size=(240, 4))
    X[:2] = [[0.0], [1.0]]
    y = np.arange(240) % 2
    np.testing.assert_allclose(fitted(X, y, 12), defined(X, y, 12).mean(axis=0), rtol=0, atol=1e-11)


@pytest.mark.parametrize("classes", [2, 6])
@pytest.mark.parametrize("gaps", [0, 0.15])
@pytest.mark.parametrize("k", [5, 30, 100])
def test_equals_scikit_rebate(classes: int, gaps: float, k: int) -> None:
    """Also where a class has fewer rows than k."""
    X, y = table(140, 12, classes)
    X[np.random.default_rng(1).random(X.shape) < gaps] = np.nan
    expected = skrebate.ReliefF(n_neighbors=k).fit(X.copy(), y).feature_importances_
    np.testing.assert_allclose(fitted(X, y, k, weights="uniform"), expected, rtol=0, atol=1e-9)


def test_the_priors_matter_only_where_classes_differ_in_size() -> None:
    X, y = table(300, 8, 3)
    even = np.concatenate([np.flatnonzero(y == c)[:40] for c in range(3)])
    prior, uniform = (fitted(X[even], y[even], 10, weights=w) for w in ("prior", "uniform"))
    np.testing.assert_allclose(prior, uniform, rtol=0, atol=1e-12)
    assert np.abs(fitted(X, y, 10) - fitted(X, y, 10, weights="uniform")).max() > 1e-3


def test_finds_two_features_that_tell_only_together() -> None:
    rng = np.random.default_rng(3)
    X = rng.uniform(-1, 1, (400, 12))
    y = (X[:, 4] > 0) ^ (X[:, 7] > 0)
    selector = ReliefF(10, n_features_to_select=2).fit(X, y)
    assert set(np.flatnonzero(selector.get_support())) == {4, 7} == set(selector.top_features_[:2])
    noise = np.delete(selector.feature_importances_, [4, 7])
    assert selector.feature_importances_[[4, 7]].min() > noise.max() + 5 * selector.standard_errors_.max()


@given(seed=st.integers(0, 10**6), gaps=st.sampled_from([0, 0.2]))
def test_order_and_units_do_not_matter(seed: int, gaps: float) -> None:
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 5, (60, 6)).astype(float)
    X[rng.random(X.shape) < gaps] = np.nan
    y = rng.permutation(np.repeat([0, 1, 2], 20))
    rows, columns = rng.permutation(60), rng.permutation(6)
    turned = X * rng.choice([-4.0, 0.5, 16.0], 6) + rng.integers(-100, 100, 6)
    expected = fitted(X, y, 7)
    for found in (fitted(X[rows], y[rows], 7), fitted(turned, y, 7)):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(fitted(X[:, columns], y, 7), expected[columns], rtol=0, atol=1e-12)


@pytest.mark.parametrize("gaps", [0, 0.1])
def test_threads_change_no_bit(gaps: float, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = table(1500, 9, 4)
    X[np.random.default_rng(1).random(X.shape) < gaps] = np.nan
    found = []
    for count in (1, 2, 5):
        monkeypatch.setattr(estimator, "threads", lambda count=count: count)
        found.append(fitted(X, y, 20))
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])


def test_a_sample_of_instances_misses_the_score_by_as_much_as_it_says() -> None:
    X, y = table(2500, 15, 4)
    full = ReliefF(20).fit(X, y)
    parts = [ReliefF(20, n_instances=200, random_state=seed).fit(X, y) for seed in range(40)]
    off = np.array([(p.feature_importances_ - full.feature_importances_) / p.standard_errors_ for p in parts])
    assert 0.92 < (np.abs(off) < 1.96).mean() < 0.98
    assert np.abs(off.mean(axis=0)).max() < 0.7
    taken = parts[0].instances_
    shares = np.bincount(y[taken]) / len(taken) - np.bincount(y) / len(y)
    assert len(set(taken)) == len(taken) and np.abs(shares).max() < 0.01
    assert np.array_equal(taken, ReliefF(20, n_instances=200).fit(X, y).instances_)


def test_as_many_instances_as_rows_are_all_rows() -> None:
    X, y = table(100, 4, 3)
    assert np.array_equal(fitted(X, y, 5), fitted(X, y, 5, n_instances=100))


def test_standard_errors_are_those_of_the_mean_class_by_class() -> None:
    X, y = table(120, 5, 3)
    found, share = defined(X, y, 6), np.bincount(y) / len(y)
    expected = sum(share[c] ** 2 * found[y == c].var(axis=0, ddof=1) / (y == c).sum() for c in range(3))
    np.testing.assert_allclose(ReliefF(6).fit(X, y).standard_errors_, np.sqrt(expected), rtol=1e-9)


def test_is_a_selector_of_scikit_learn() -> None:
    check_estimator(ReliefF(5))


def test_keeps_names_in_a_pipeline() -> None:
    X, y = table(120, 6, 3)
    frame = pd.DataFrame(X, columns=[f"band_{i}" for i in range(6)])
    frame.loc[3, "band_4"] = np.nan
    steps = make_pipeline(StandardScaler(), ReliefF(10, n_features_to_select=2), DecisionTreeClassifier())
    steps.set_output(transform="pandas").fit(frame, pd.Series(y).map({0: "mine", 1: "water", 2: "bare"}))
    assert list(steps[:2].get_feature_names_out()) == ["band_0", "band_1"]
    assert list(steps[1].feature_names_in_) == list(frame.columns) and steps[1].n_features_in_ == 6
    assert set(steps.predict(frame)) == {"mine", "water", "bare"}


X, Y = table(40, 5, 3)


@pytest.mark.parametrize(
    ("X", "y", "options", "said"),
    [
        (X, np.zeros(40, int), {}, "one class only: 0"),
        (X, Y, {"n_neighbors": 0}, "n_neighbors is 0"),
        (X, Y, {"n_neighbors": 2.5}, "n_neighbors is 2.5"),
        (X, Y, {"n_instances": 3}, "n_instances is 3; it must be a whole number of at least 6"),
        (X, Y, {"n_features_to_select": 6}, "is 6, but there are 5 features"),
        (X, Y, {"weights": "even"}, "'even'; it must be 'prior' or 'uniform'"),
        (np.where(X > 1, np.inf, X), Y, {}, "infinity"),
        (X[:0], Y[:0], {}, "0 sample"),
        (X, Y + 0.5, {}, "continuous"),
    ],
)
def test_what_cannot_be_scored_is_refused(X: Array, y: Array, options: dict[str, Any], said: str) -> None:
    with pytest.raises(MinecoverError, match=said):
        ReliefF(**{"n_neighbors": 5, **options}).fit(X, y)


def test_small_classes_are_named_once() -> None:
    with pytest.warns(UserWarning, match=r"class 0 \(3 rows\), 1 \(5 rows\)\.$") as caught:
        ReliefF(5).fit(np.arange(28.0).reshape(14, 2), [0] * 3 + [1] * 5 + [2] * 6)
    assert len(caught) == 1 and caught[0].filename == __file__
