"""The whole of selection: planted signals, leakage, what it must not look at, and real points of Lesotho."""

import runpy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.feature_selection import f_classif
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from pipeline import importance
from pipeline.errors import MinecoverError
from pipeline.models import baselines
from pipeline.selection import Scores, Selection, Settings, curve, select
from pipeline.selection.curves import ordered
from pipeline.selection.results import Folds

LESOTHO = Path(__file__).parents[3] / "shared/data/lesotho-s2-bimonthly-points/points_all.parquet"
NAMES = (*(f"signal{i}" for i in range(4)), *(f"noise{i}" for i in range(12)), "copy", "constant")
GROUPS = {n: ("radar" if n[-1] in "01" else "optical", "spring" if "signal" in n else None) for n in NAMES}

Table = tuple[NDArray[Any], NDArray[Any], Folds, NDArray[Any]]


def planted(seed: int = 0, n: int = 240, outside: int = 30) -> Table:
    """Values, classes, folds of whole blocks and blocks; the last rows are in no fold."""
    rng = np.random.default_rng(seed)
    y = rng.integers(1, 4, n + outside)
    X = rng.normal(size=(n + outside, len(NAMES))).astype(np.float32)
    X[:, :4] += 1.5 * (y[:, None] == np.array([1, 2, 3, 1]))
    X[:, 16], X[:, 17] = -X[:, 1], 3
    X[rng.random(X.shape) < 0.02] = np.nan
    X[:, 17] = 3
    blocks = np.arange(n + outside) // 12
    parts = np.where(np.arange(n + outside) < n, blocks % 4, -1)
    folds = [(np.flatnonzero((parts != k) & (parts >= 0)), np.flatnonzero(parts == k)) for k in range(4)]
    return X, y, folds, blocks


def variance(X: NDArray[Any], y: NDArray[Any], folds: Folds) -> Scores:
    """A quick score in place of Relief-F: the F ratio."""
    scores, _ = f_classif(np.nan_to_num(X), y)
    return Scores(tuple(scores.tolist()), (0.0,) * len(scores))


def forest(X: NDArray[Any], y: NDArray[Any], folds: Folds) -> Scores:
    found = importance.forest(X, y, folds, trees=20, seeds=1)
    return Scores(found.mean, found.sd, found.impurity)


def tree(seed: int) -> DecisionTreeClassifier:
    return DecisionTreeClassifier(min_samples_leaf=5, random_state=seed)


def chosen(table: Table, names: Sequence[str] = NAMES, **more: Any) -> Selection:
    X, y, folds, blocks = table
    keywords: dict[str, Any] = {
        "scorers": {"F": variance, "RF": forest},
        "make": tree,
        "blocks": blocks,
        "learners": {"KNN": baselines.LEARNERS["KNN"], "ML": baselines.LEARNERS["ML"]},
        "groups": {n: GROUPS[n] for n in names} if set(names) <= set(GROUPS) else None,
        "settings": Settings(resamples=3, draws=100, sizes=(2, 4, 8, 16)),
    }
    return select(X, y, names, folds, **keywords | more)


@pytest.fixture(scope="module")
def found() -> Selection:
    return chosen(planted())


def test_planted_signals_are_chosen_and_noise_is_not(found: Selection) -> None:
    signals = set(NAMES[:4])
    for ranking in ("F", "RF", "borda"):
        assert set(found.ranked[ranking][:4]) == signals
        assert signals <= set(found.chosen[ranking])
        assert found.curves[ranking].chosen <= 8
    assert signals <= set(found.chosen["intersection"]) <= set(found.chosen["union"])
    assert found.guarded.constants == ("constant",)
    assert [a[:2] for a in found.guarded.aliases] == [("signal1", "copy")]
    assert found.rows == 240
    assert dict(found.stability["borda"].frequency).items() >= dict.fromkeys(signals, 1.0).items()
    assert found.stability["borda"].jaccard > 2 * found.stability["borda"].chance


def test_effects_and_costs_are_all_there(found: Selection) -> None:
    assert {(e.learner, e.features) for e in found.effects} == {
        (learner, features) for learner in ("KNN", "ML") for features in ("all", "F", "RF", "combined")
    }
    by_set = {e.features: e for e in found.effects if e.learner == "KNN"}
    assert by_set["combined"].difference.oa.high > 0
    assert by_set["combined"].count < by_set["all"].count == len(NAMES)
    costs = {(c.kind, c.name, c.how): c for c in found.costs}
    assert costs["season", "spring", "without"].difference.oa.high < -0.1
    assert found.reference is not None
    assert found.reference.oa.low < found.reference.oa.value < found.reference.oa.high


def test_json_brings_back_the_same(found: Selection) -> None:
    assert Selection.from_json(found.to_json()) == found
    with pytest.raises(MinecoverError, match="no selection"):
        Selection.from_json('{"names": 3}')


def test_rows_in_no_fold_are_never_looked_at(found: Selection) -> None:
    X, y, folds, blocks = planted()
    X[240:], y[240:], blocks[240:] = np.inf, 77, -5
    assert chosen((X, y, folds, blocks)) == found


def test_the_order_of_rows_says_nothing(found: Selection) -> None:
    X, y, folds, blocks = planted()
    order = np.random.default_rng(1).permutation(len(y))
    place = np.argsort(order)
    moved = [(place[train], place[held]) for train, held in folds]
    assert chosen((X[order], y[order], moved, blocks[order])) == found


def test_noise_stays_at_chance_though_ranking_on_all_rows_would_flatter() -> None:
    rng = np.random.default_rng(3)
    y = np.repeat([0, 1], 40)
    X = rng.normal(size=(80, 600))
    parts = np.arange(80) % 4
    folds = [(np.flatnonzero(parts != k), np.flatnonzero(parts == k)) for k in range(4)]
    table = X, y, folds, np.arange(80)

    def make(seed: int) -> Any:
        return KNeighborsClassifier(5)

    nested = chosen(
        table,
        [f"noise {i}" for i in range(600)],
        scorers={"F": variance},
        make=make,
        learners={"KNN": make},
        settings=Settings(sizes=(10, 20), resamples=1, draws=200),
    )
    peeking = curve(X, y, ordered(variance(X, y, folds)), folds, (10, 20), make)
    chance = 0.5 + 3 * np.sqrt(0.25 / 80)
    assert min(peeking.mean) > chance > max(nested.curves["F"].mean)
    assert {e.features: e for e in nested.effects}["combined"].quality.oa.value < chance


def test_what_cannot_be_done_is_said() -> None:
    X, y, folds, blocks = planted()
    with pytest.raises(MinecoverError, match="18 columns have 3 names"):
        chosen((X, y, folds, blocks), ["a", "b", "c"])
    with pytest.raises(MinecoverError, match="2 folds are too few"):
        chosen((X, y, folds[:2], blocks))
    with pytest.raises(MinecoverError, match="trains on rows that it holds out"):
        chosen((X, y, [*folds[:3], (folds[3][0], folds[3][0])], blocks))
    with pytest.raises(MinecoverError, match="All features are empty or constant"):
        chosen((np.ones_like(X), y, folds, blocks))
    endless = X.copy()
    endless[0, 5] = np.inf
    with pytest.raises(MinecoverError, match="noise1 has infinite values"):
        chosen((endless, y, folds, blocks))
    with pytest.raises(MinecoverError, match="no feature in common"):
        backwards = {"F": variance, "worst": lambda *a: Scores(tuple(-s for s in variance(*a).mean), (0,) * 16)}
        settings = Settings(combine="intersection", sizes=(2,), resamples=0)
        chosen((X, y, folds, blocks), scorers=backwards, settings=settings)


@pytest.mark.slow
@pytest.mark.skipif(not LESOTHO.is_file(), reason="the shared data are not here")
def test_lesotho_selection_does_not_lose_and_seasons_help() -> None:
    bench = runpy.run_path(str(Path(__file__).parents[2] / "bench" / "lesotho.py"))
    found = bench["found"](LESOTHO, trees=40, sizes=(10, 20, 40, 66))
    print(*bench["told"](found), sep="\n")
    effects = {e.features: e for e in found.effects}
    assert effects["all"].count == 66 > effects["combined"].count
    assert effects["combined"].difference.oa.high >= 0
    assert effects["combined"].difference.oa.low > -0.03
    january = {(c.name, c.how): c for c in found.costs}["January-February", "alone"]
    assert january.count == 11
    assert january.difference.oa.high < -0.08
