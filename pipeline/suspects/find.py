"""Samples in the order in which their labels deserve a second look.

Two witnesses are heard, and neither has learnt from the sample's own surroundings: each sample is judged by the
training part of the fold that holds it out. A forest tells how probable it finds the label, and the samples that look
most alike tell theirs. Nothing is changed here.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import NearestNeighbors

from pipeline.errors import MinecoverError

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Folds = Iterable[tuple[Indices, Indices]]

TREES = 300
NEIGHBORS = 20
FEWEST = 10
"""A class with fewer samples to learn from is not judged: all of its samples would look wrong."""


@dataclass(frozen=True)
class Suspect:
    """A sample, what it is labelled, and what speaks against that."""

    rank: int
    """1 deserves the first look."""
    id: str
    given: str
    likely: str
    """The other class that the forest finds most probable."""
    confidence: float
    """Probability of the given class less that of the likely one: -1 speaks against the label, 1 for it."""
    neighbours: float
    """Share of the most similar samples that have other labels."""
    x: float
    y: float


def suspects(
    X: ArrayLike,
    y: ArrayLike,
    xy: ArrayLike,
    ids: Sequence[str],
    names: Mapping[int, str],
    folds: Folds,
    seed: int,
) -> tuple[Suspect, ...]:
    """All samples that some fold holds out, the most doubtful label first.

    `names` are those of the classes by code, `folds` pairs of training and held-out rows, best of spatial blocks.
    Masked features (NaN) are allowed. Samples of classes too small to judge, and samples without a single feature, are
    not in the list: a warning tells them. The order of rows makes no difference.
    """
    values, labels, places = np.asarray(X, np.float64), np.asarray(y), np.asarray(xy, np.float64)
    order = np.argsort(np.array([str(i) for i in ids]))
    _check(values, labels, places, ids, names)
    classes, label = np.unique(labels[order], return_inverse=True)
    chance, others, heard = _witnesses(values[order], label, _reordered(folds, order), seed)
    own = np.arange(len(label)), label
    rivals = chance.copy()
    rivals[own] = -1
    confidence = chance[own] - rivals.max(axis=1)
    judged = np.flatnonzero(heard)
    ranked = judged[np.argsort((confidence - others)[judged], kind="stable")]
    return tuple(
        Suspect(
            rank=rank,
            id=str(ids[order[row]]),
            given=names[int(classes[label[row]])],
            likely=names[int(classes[rivals[row].argmax()])],
            confidence=float(confidence[row]),
            neighbours=float(others[row]),
            x=float(places[order[row], 0]),
            y=float(places[order[row], 1]),
        )
        for rank, row in enumerate(ranked, 1)
    )


def _witnesses(
    X: Floats, label: Indices, folds: list[tuple[Indices, Indices]], seed: int
) -> tuple[Floats, Floats, Indices]:
    """Per sample: the forest's probabilities, the share of neighbours of other classes, and by how many folds."""
    chance, others = np.zeros((len(X), label.max() + 1)), np.zeros(len(X))
    heard, spared = np.zeros(len(X), np.int64), np.zeros(len(X), bool)
    seen = np.asarray(np.isfinite(X).any(axis=1), np.bool_)
    ranks = _ranks(X)
    for train, held in folds:
        learnt = train[seen[train]]
        count = np.bincount(label[learnt], minlength=chance.shape[1])
        fair = seen[held] & (count[label[held]] >= FEWEST)
        spared[held[~fair]] = True
        now = held[fair]
        if not len(now):
            continue
        chance[now] += _forest(X[learnt], label[learnt], X[now], chance.shape[1], seed)
        others[now] += _neighbours(ranks[learnt], label[learnt], ranks[now], label[now], count)
        heard[now] += 1
    _tell(spared & (heard == 0), seen, label)
    times = np.maximum(heard, 1)
    return chance / times[:, None], others / times, heard


def _forest(X: Floats, label: Indices, held: Floats, classes: int, seed: int) -> Floats:
    """Probability of each class for the samples held out."""
    forest = RandomForestClassifier(TREES, n_jobs=-1, random_state=seed).fit(X, label)
    forest.set_params(n_jobs=1)  # threads would add the trees up in another order each time
    chance = np.zeros((len(held), classes))
    chance[:, forest.classes_] = forest.predict_proba(held)
    return chance


def _neighbours(X: Floats, label: Indices, held: Floats, given: Indices, count: Indices) -> Floats:
    """Share of the nearest training samples that have another label than given.

    As many are asked as the given class has samples, and no more than `NEIGHBORS`: a small class is not outvoted by
    having few samples.
    """
    asked = min(NEIGHBORS, len(X))
    near = NearestNeighbors(n_neighbors=asked, algorithm="brute").fit(X).kneighbors(held, return_distance=False)
    counted = np.arange(asked) < np.minimum(count[given], asked)[:, None]
    other = label[near] != given[:, None]
    return np.asarray((other & counted).sum(axis=1) / counted.sum(axis=1))


def _ranks(X: Floats) -> Floats:
    """Each feature as ranks between 0 and 1, so that units and outliers do not weigh; masked values in the middle."""
    ranks = rankdata(X, axis=0, nan_policy="omit") / np.maximum((~np.isnan(X)).sum(axis=0), 1)
    return np.where(np.isnan(ranks), 0.5, ranks)


def _reordered(folds: Folds, order: Indices) -> list[tuple[Indices, Indices]]:
    """Folds whose rows are numbered in the sorted order, and sorted: forests depend on the order of rows."""
    rank = np.argsort(order)
    return [(np.sort(rank[np.asarray(a)]), np.sort(rank[np.asarray(b)])) for a, b in folds]


def _tell(spared: NDArray[np.bool_], seen: NDArray[np.bool_], label: Indices) -> None:
    blank, small = int((spared & ~seen).sum()), spared & seen
    if blank:
        warnings.warn(f"{blank} samples have no feature at all; their labels are not judged.", stacklevel=4)
    if small.any():
        warnings.warn(
            f"{int(small.sum())} samples of {len(np.unique(label[small]))} classes are not judged: where they are held "
            f"out, fewer than {FEWEST} samples of their class are left to learn from.",
            stacklevel=4,
        )


def _check(X: Floats, y: NDArray[np.int64], xy: Floats, ids: Sequence[str], names: Mapping[int, str]) -> None:
    if X.ndim != 2 or xy.shape != (len(ids), 2) or not len(X) == len(y) == len(ids):
        raise MinecoverError(
            f"Features {X.shape}, labels {y.shape}, places {xy.shape} and {len(ids)} ids do not belong together. Give "
            f"one row of each a sample."
        )
    if len({str(i) for i in ids}) < len(ids):
        raise MinecoverError("Some ids stand for more than one sample. Give each its own.")
    if np.isinf(X).any():
        row, column = np.argwhere(np.isinf(X))[0]
        raise MinecoverError(f"Feature {column} of sample '{ids[row]}' is infinite. Mask it (NaN) first.")
    if unknown := sorted({int(c) for c in y} - set(names)):
        raise MinecoverError(f"The codes {unknown} have no name. The classes are {dict(names)}.")
    if len(np.unique(y)) < 2:
        raise MinecoverError("All samples have one label, so none can be told from the others. Two classes are needed.")
