"""Splits: partitions without leakage, against brute force; the frozen file; real points of Lesotho."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.tree import DecisionTreeClassifier

from pipeline.errors import MinecoverError
from pipeline.splits import (
    FrozenSplit,
    Grouped,
    LeaveRegionOut,
    Random,
    SpatialBlocks,
    audit,
    block_of,
    deal,
    freeze,
    lacking,
    read_split,
)

LESOTHO = Path(__file__).parents[2] / "shared" / "data" / "lesotho-s2-bimonthly-points" / "points_all.parquet"


def cloud(seed: int, n: int = 300, side: int = 6000, classes: int = 4) -> tuple[NDArray[Any], NDArray[Any], list[str]]:
    """Clumped pixel centres, some of them twice, with uneven classes."""
    rng = np.random.default_rng(seed)
    middles = rng.uniform(0, side, (20, 2))
    xy = middles[rng.integers(20, size=n)] + rng.normal(0, 300, (n, 2))
    xy = np.floor(xy / 10) * 10 + 5
    xy[:10] = xy[10:20]
    y = np.minimum(rng.geometric(0.5, n), classes)
    return xy, y, [f"p{i:05d}" for i in range(n)]


def apart(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Chebyshev distance of each of `a` to the nearest of `b`, the slow way."""
    return np.abs(a[:, None] - b[None]).max(axis=2).min(axis=1)


seeds = st.integers(0, 10_000)


@given(seed=seeds, block=st.sampled_from([200, 500, 1000]), buffer=st.sampled_from([0, 10, 150, 155]))
def test_blocks_split_without_leaking_and_leave_out_exactly_the_buffer(seed: int, block: int, buffer: int) -> None:
    xy, y, _ = cloud(seed)
    blocks = block_of(xy, block)
    tested = []
    for train, test in SpatialBlocks(xy, block, buffer, n_splits=3, seed=seed).folds(y):
        tested.append(test)
        others = np.setdiff1d(np.arange(len(y)), test)
        assert not np.isin(blocks[others], blocks[test]).any()
        assert np.array_equal(train, others[apart(xy[others], xy[test]) >= buffer])
    assert np.array_equal(np.sort(np.concatenate(tested)), np.arange(len(y)))


def test_a_block_keeps_its_border_and_owns_its_western_and_southern_sides() -> None:
    xy = [(0, 0), (999.9, 999.9), (1000, 0), (0, 1000), (-0.1, 0)]
    assert block_of(xy, 1000).tolist() == [1, 1, 3, 2, 0]


@given(seed=seeds)
def test_groups_and_places_stay_together(seed: int) -> None:
    xy, y, _ = cloud(seed)
    groups = np.random.default_rng(seed).integers(-1, 30, len(y))
    for train, test in Grouped(groups, 4, seed, xy).folds(y):
        assert not np.isin(groups[train], groups[test][groups[test] >= 0]).any()
        assert apart(xy[train], xy[test]).min() > 0
    for train, test in Random(4, seed, xy).folds(y):
        assert apart(xy[train], xy[test]).min() > 0
        assert len(train) + len(test) == len(y)


def test_samples_in_no_group_are_each_their_own() -> None:
    groups = np.array([7] * 10 + [-1] * 10)
    held = [set(test) for _, test in Grouped(groups, 2).folds(np.zeros(20))]
    assert any(set(range(10)) <= h for h in held)
    assert {len(h) for h in held} == {10}


def test_one_region_after_the_other_is_left_out() -> None:
    regions = np.array(["west", "east", "west", "north"])
    splitter = LeaveRegionOut(regions)
    assert splitter.get_n_splits() == 3
    assert [regions[test].tolist() for _, test in splitter.folds(np.zeros(4))] == [["east"], ["north"], ["west"] * 2]


def unevenness(y: NDArray[Any], part: NDArray[Any]) -> float:
    shares = [np.bincount(part[y == c], minlength=5) / (y == c).sum() for c in np.unique(y)]
    return float(np.square(np.array(shares) - 0.2).mean())


def test_dealing_is_more_even_than_lots() -> None:
    ours, lots = [], []
    for seed in range(30):
        xy, y, _ = cloud(seed, 600)
        blocks = block_of(xy, 500)
        ours.append(unevenness(y, deal(blocks, y, np.full(5, 0.2), seed)))
        lots.append(unevenness(y, np.random.default_rng(seed).integers(5, size=blocks.max() + 1)[blocks]))
    assert np.mean(ours) < 0.4 * np.mean(lots)
    assert np.mean(np.array(ours) < lots) > 0.9


def test_single_samples_are_dealt_as_evenly_as_can_be() -> None:
    y = np.repeat([0, 1, 2], [50, 13, 5])
    part = deal(np.arange(68), y, np.full(5, 0.2), 3)
    counts = np.array([np.bincount(part[y == c], minlength=5) for c in range(3)])
    assert (np.ptp(counts, axis=1) <= 1).all()


def test_the_seed_decides_and_nothing_else() -> None:
    xy, y, _ = cloud(5)

    def held(seed: int) -> list[list[int]]:
        return [test.tolist() for _, test in SpatialBlocks(xy, 500, seed=seed).folds(y)]

    assert held(1) == held(1)
    assert held(1) != held(2)


@pytest.mark.parametrize("kind", ["blocks", "polygons", "regions", "random"])
def test_the_order_of_rows_changes_nothing(kind: str, tmp_path: Path) -> None:
    xy, y, ids = cloud(6)
    groups = block_of(xy, 2000)
    split = freeze(kind, ids, xy, y, groups, folds=3, block_m=500, seed=4)
    split.write(tmp_path / "split.json")
    order = np.random.default_rng(0).permutation(len(y))
    again = freeze(kind, [ids[i] for i in order], xy[order], y[order], groups[order], folds=3, block_m=500, seed=4)
    read = read_split(tmp_path / "split.json", [ids[i] for i in order])
    for other in (again, read):
        assert (other.kind, other.seed, other.ids_sha256, other.counts, other.notes) == (
            split.kind,
            split.seed,
            split.ids_sha256,
            split.counts,
            split.notes,
        )
        for ours, theirs in zip(rows(split), rows(other), strict=True):
            assert np.array_equal(ours, np.sort(order[theirs]))


def rows(split: FrozenSplit) -> list[NDArray[Any]]:
    return [split.train, split.test, split.left_out, *(part for fold in split.folds for part in fold)]


@given(seed=seeds)
def test_frozen_parts_hold_each_sample_once_and_folds_stay_inside(seed: int) -> None:
    xy, y, ids = cloud(seed, 600)
    split = freeze("blocks", ids, xy, y, test=0.3, folds=4, block_m=500, buffer_m=150, seed=seed)
    assert np.array_equal(np.sort(np.concatenate(rows(split)[:3])), np.arange(len(y)))
    for train, held in split.folds:
        assert np.isin(train, split.train).all() and np.isin(held, split.train).all()
        assert apart(xy[train], xy[held]).min() >= 150
    assert np.array_equal(np.sort(np.concatenate([held for _, held in split.folds])), split.train)
    assert sum(c.train + c.test + c.left_out for c in split.counts) == len(y)
    found = audit(xy, split, 150)
    assert found.overlapping == found.fold_overlapping == 0
    assert found.nearest_m == apart(xy[split.test], xy[split.train]).min() >= 150


def test_the_test_part_has_its_share_of_each_class_where_blocks_are_many() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 5, 3000)
    split = freeze("blocks", [str(i) for i in range(3000)], rng.uniform(0, 20_000, (3000, 2)), y, test=0.25)
    for count in split.counts:
        assert abs(count.test / (count.train + count.test + count.left_out) - 0.25) < 0.03
    assert not split.notes


def test_the_audit_counts_what_lots_share() -> None:
    xy, y, ids = cloud(8, 400)
    split = freeze("random", ids, xy, y, seed=1)
    found = audit(xy, split, 150)
    assert found.overlapping == (apart(xy[split.test], xy[split.train]) < 150).sum() > 50
    folds = [(apart(xy[b], xy[a]) < 150).sum() for a, b in split.folds]
    assert found.fold_overlapping == max(folds)
    assert found.nearest_m > 0
    assert "random, for comparison only" in str(found) and "\n" not in str(found)
    assert "random, for comparison only" in repr(Random())
    blocks = audit(xy, freeze("blocks", ids, xy, y, block_m=500), 150)
    assert "overlapping patches of 150 m: 0" in str(blocks)


def test_scikit_learn_takes_the_splitters() -> None:
    xy, y, _ = cloud(9)
    X = np.random.default_rng(0).normal(size=(len(y), 3)) + y[:, None]
    tree = DecisionTreeClassifier(random_state=0)
    for cv in (SpatialBlocks(xy, 500, n_splits=3), Random(3), Grouped(block_of(xy, 1500), 3)):
        assert len(cross_val_score(tree, X, y, cv=cv)) == 3
    search = GridSearchCV(tree, {"max_depth": [1, 4]}, cv=SpatialBlocks(xy, 500, n_splits=3)).fit(X, y)
    assert search.best_params_["max_depth"] == 4


def test_a_class_in_one_block_is_told() -> None:
    xy, y, ids = cloud(10)
    y[:] = 1
    y[block_of(xy, 500) == block_of(xy, 500)[0]] = 2
    with pytest.warns(UserWarning, match=r"trains without class 2.*tests without class 2|tests without class 2"):
        list(SpatialBlocks(xy, 500, 0, n_splits=3).split(xy, y))
    notes = " ".join(freeze("blocks", ids, xy, y, block_m=500, folds=3).notes)
    assert "The hold-out" in notes and "class 2" in notes
    named = " ".join(freeze("blocks", ids, xy, y, block_m=500, folds=3, called=lambda code: f"<{code}>").notes)
    assert "class <2>" in named and "class 2" not in named


def test_blocks_smaller_than_the_buffer_are_told() -> None:
    xy, y, ids = cloud(10)
    notes = freeze("blocks", ids, xy, y, block_m=300, buffer_m=310, folds=2).notes
    assert any("Blocks of 300 m are smaller than the buffer of 310 m" in note for note in notes)
    assert not any("buffer" in note for note in freeze("blocks", ids, xy, y, block_m=300, buffer_m=300, folds=2).notes)


def test_a_test_part_far_from_its_share_is_told() -> None:
    xy = np.array([(0, 0)] * 80 + [(5000, 0)] * 10 + [(9000, 0)] * 5 + [(15_000, 0)] * 5)
    split = freeze("blocks", [str(i) for i in range(100)], xy, np.zeros(100), test=0.5, folds=2)
    assert any("where 50% was asked for" in note for note in split.notes)


REFUSED: list[tuple[Callable[[], object], str]] = [
    (
        lambda: SpatialBlocks([(0, 0), (5, 5)], n_splits=2).folds(np.zeros(2)),
        "2 parts need as many blocks of 1000 m.*split.block_m.*split.folds",
    ),
    (lambda: SpatialBlocks([(0, 0)] * 4, n_splits=2).folds(np.zeros(3)), "bound to the places of 4 samples"),
    (lambda: SpatialBlocks([(0, 0), (1, np.nan)]), "Sample 1 lies at"),
    (lambda: SpatialBlocks([(0, 0)], block_m=0), "Blocks of 0 m"),
    (lambda: SpatialBlocks([(0, 0)], buffer_m=-1), "A buffer of -1 m"),
    (lambda: SpatialBlocks([(0, 0)], n_splits=1), "1 folds do not split"),
    (lambda: SpatialBlocks([0, 1]), "their shape is"),
    (lambda: LeaveRegionOut(["a", "a"]), "1 region cannot be left out"),
    (lambda: Grouped([1, 2], 2, xy=[(0, 0)]), "2 samples have 1 places"),
    (lambda: lacking(np.zeros(2), [(np.array([], int), np.array([1]))]), "Fold 1 has 0 samples to train"),
    (lambda: freeze("circles", ["a"], [(0, 0)], [1]), "There is no split of kind 'circles'"),
    (lambda: freeze("polygons", ["a"], [(0, 0)], [1]), "Give `groups`"),
    (lambda: freeze("blocks", ["a"], [(0, 0)], [1], test=30), "A test part of 30"),
    (lambda: freeze("blocks", ["a", "a"], [(0, 0)] * 2, [1, 1]), "The id 'a' stands for more than one"),
    (lambda: freeze("blocks", ["a"], [(0, 0)] * 2, [1, 1]), "differ in number"),
    (
        lambda: freeze("blocks", list("abcd"), [(i * 100, 0) for i in range(4)], [1] * 4, block_m=100, buffer_m=900),
        "0 samples are left to train",
    ),
]


@pytest.mark.parametrize(("make", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_refused_in_words(make: Callable[[], object], message: str) -> None:
    with pytest.raises(MinecoverError, match=message):
        make()


def test_a_split_of_other_samples_and_a_broken_file_are_refused(tmp_path: Path) -> None:
    xy, y, ids = cloud(11)
    path = tmp_path / "split.json"
    freeze("blocks", ids, xy, y, block_m=500).write(path)
    with pytest.raises(MinecoverError, match="splits 300 other samples than these 299"):
        read_split(path, ids[:-1])
    whole = json.loads(path.read_text())
    for broken in (
        "{",
        "[]",
        json.dumps({**whole, "test": whole["train"]}),
        json.dumps({**whole, "format": "x"}),
        json.dumps({**whole, "folds": [{"train": whole["test"], "validation": whole["train"]}]}),
    ):
        path.write_text(broken)
        with pytest.raises(MinecoverError, match="is not a split that can be read"):
            read_split(path, ids)
    with pytest.raises(MinecoverError, match="could not be written"):
        freeze("blocks", ids, xy, y, block_m=500).write(tmp_path / "none" / "split.json")


@pytest.mark.slow
@pytest.mark.skipif(not LESOTHO.exists(), reason="the points of Lesotho are not here")
def test_blocks_take_away_what_lots_flatter_in_lesotho() -> None:
    """The data's README gives 0.724 for five random folds and 0.669 for blocks of 20 km."""
    import pandas as pd

    table = pd.read_parquet(LESOTHO)
    y, xy = table["LC_Class_I"].to_numpy(), table[["x_coord", "y_coord"]].to_numpy()
    X = table.drop(columns=["LC_Class_I", "class_name", "x_coord", "y_coord"]).to_numpy(np.float32)
    forest = RandomForestClassifier(300, n_jobs=2, random_state=0)
    right = [
        cross_val_predict(forest, X, y, cv=cv) == y
        for cv in (Random(5, 0, xy), SpatialBlocks(xy, block_m=20_000, buffer_m=150, seed=0))
    ]
    lots, blocks = (interval([r], xy) for r in right)
    fall = interval(right, xy)
    print(f"lots {right[0].mean():.3f} {lots}, blocks {right[1].mean():.3f} {blocks}, fall {fall}")
    assert lots[0] < 0.724 < lots[1]
    assert blocks[0] < 0.669 < blocks[1]
    assert fall[0] > 0


def interval(right: list[NDArray[Any]], xy: NDArray[Any]) -> tuple[float, float]:
    """95 % of resamples of blocks: an accuracy, or how far the second lies below the first."""
    value = right[0].astype(float) - (right[1] if len(right) > 1 else 0)
    block = block_of(xy, 20_000)
    sums, sizes = np.bincount(block, value), np.bincount(block)
    drawn = np.random.default_rng(0).integers(len(sums), size=(2000, len(sums)))
    low, high = np.percentile(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), [2.5, 97.5])
    return float(low), float(high)
