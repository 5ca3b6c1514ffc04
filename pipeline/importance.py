"""How much a random forest needs each feature, measured on blocks that it has not seen.

Shuffling a feature can change a tree's answer only where that feature stands on the sample's own path, so only those
few features are tried, tree by tree. The answer is that of predicting a shuffled copy of the table for each feature.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from pipeline.errors import MinecoverError

PARTS = 64  # of the samples, worked on side by side

Folds = Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]


@dataclass(frozen=True)
class ForestImportance:
    """Importances of features, one number each."""

    names: tuple[str, ...]
    mean: tuple[float, ...]
    """Overall accuracy lost on held-out folds when the feature is shuffled."""
    sd: tuple[float, ...]
    """Standard deviation of that loss over seeds and folds."""
    impurity: tuple[float, ...]
    """The forest's own mean decrease in impurity, for comparison: it is measured on the training samples."""


@dataclass(frozen=True)
class Trees:
    """All trees of a forest as flat arrays; node numbers count through the whole forest."""

    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    """-1 at a leaf."""
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    missing_left: NDArray[np.bool_]
    value: NDArray[np.float64]
    """Shares of the classes at each node."""


def forest(
    X: NDArray[np.floating[Any]],
    y: NDArray[np.integer[Any]],
    folds: Folds,
    trees: int = 500,
    seeds: int = 10,
    names: Sequence[str] | None = None,
    repeats: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> ForestImportance:
    """Permutation and impurity importance of each feature over all folds and seeds 0 … seeds − 1; NaN is allowed."""
    X = np.ascontiguousarray(X, np.float32)
    if not folds or trees < 1 or seeds < 1 or repeats < 1:
        raise MinecoverError(
            f"Importance needs folds, trees, seeds and repeats, and got {len(folds)}, {trees}, {seeds} and {repeats}. "
            f"Give at least one of each."
        )
    losses, impurities = [], []
    for seed in range(seeds):
        for fold, (train, held) in enumerate(folds):
            model = RandomForestClassifier(trees, random_state=seed, n_jobs=-1).fit(X[train], y[train])
            losses.append(permutation_loss(model, X[held], y[held], repeats, (seed, fold)))
            impurities.append(model.feature_importances_)
            if progress is not None:
                progress("forest importance", len(losses), seeds * len(folds))
    sd = np.std(losses, axis=0, ddof=1) if len(losses) > 1 else np.zeros(X.shape[1])
    return ForestImportance(
        tuple(names) if names is not None else tuple(str(i) for i in range(X.shape[1])),
        tuple(np.mean(losses, axis=0).tolist()),
        tuple(sd.tolist()),
        tuple(np.mean(impurities, axis=0).tolist()),
    )


def permutation_loss(
    model: RandomForestClassifier,
    X: NDArray[np.floating[Any]],
    y: NDArray[np.integer[Any]],
    repeats: int,
    seed: int | tuple[int, ...],
) -> NDArray[np.float64]:
    """Overall accuracy lost by shuffling each feature, averaged over the repeats."""
    X = np.ascontiguousarray(X, np.float32)
    flat = flattened(model)
    truth = np.searchsorted(model.classes_, y)
    truth[model.classes_[np.minimum(truth, len(model.classes_) - 1)] != y] = -1
    rng = np.random.default_rng(seed)
    right = np.zeros(X.shape[1])
    for _ in range(repeats):
        order = rng.permuted(np.tile(np.arange(len(X)), (X.shape[1], 1)), axis=1)
        plain, shuffled = _votes(
            X, order, flat.roots, flat.feature, flat.threshold, flat.left, flat.right, flat.missing_left, flat.value
        )
        right += (np.argmax(shuffled, axis=2) == truth[:, None]).mean(axis=0)
    base: float = np.mean(np.argmax(plain, axis=1) == truth)
    return np.asarray(base - right / repeats, np.float64)


def flattened(model: RandomForestClassifier) -> Trees:
    """The trees of a fitted forest, one after another."""
    parts = [e.tree_ for e in model.estimators_]
    counts = np.array([t.node_count for t in parts])
    roots = np.concatenate([[0], np.cumsum(counts)[:-1]])
    shift = np.repeat(roots, counts)
    left = np.concatenate([t.children_left for t in parts])
    leaf = left < 0
    right = np.concatenate([t.children_right for t in parts])
    return Trees(
        roots.astype(np.int32),
        np.where(leaf, -1, np.concatenate([t.feature for t in parts])).astype(np.int32),
        np.concatenate([t.threshold for t in parts]),
        np.where(leaf, -1, left + shift).astype(np.int32),
        np.where(leaf, -1, right + shift).astype(np.int32),
        np.concatenate([t.missing_go_to_left for t in parts]).astype(bool),
        np.ascontiguousarray(np.concatenate([t.value[:, 0, :] for t in parts])),
    )


@njit(cache=True, nogil=True)
def _next(x, node, threshold, left, right, missing_left):  # type: ignore[no-untyped-def]
    goes_left = missing_left[node] if np.isnan(x) else x <= threshold[node]
    return left[node] if goes_left else right[node]


@njit(cache=True, nogil=True, parallel=True)
def _votes(X, order, roots, feature, threshold, left, right, missing_left, value):  # type: ignore[no-untyped-def]
    """Sums of the trees' class shares: with samples as they are (n, classes), each feature shuffled (n, p, classes)."""
    n, p, classes = X.shape[0], X.shape[1], value.shape[1]
    plain = np.zeros((n, classes))
    shuffled = np.zeros((n, p, classes))
    parts = min(PARTS, n)
    for part in prange(parts):
        met = np.full(p, -1)
        features, nodes = np.empty(p, np.int64), np.empty(p, np.int64)
        # Tree by tree, not sample by sample: a tree fits into the cache, a forest does not.
        for tree in range(roots.size):
            for i in range(part * n // parts, (part + 1) * n // parts):
                node, count, stamp = roots[tree], 0, tree * n + i
                while feature[node] >= 0:
                    f = feature[node]
                    if met[f] != stamp:
                        met[f] = stamp
                        features[count], nodes[count] = f, node
                        count += 1
                    node = _next(X[i, f], node, threshold, left, right, missing_left)
                for c in range(classes):
                    plain[i, c] += value[node, c]
                for k in range(count):
                    f, end = features[k], nodes[k]
                    x = X[order[f, i], f]
                    while feature[end] >= 0:
                        g = feature[end]
                        end = _next(x if g == f else X[i, g], end, threshold, left, right, missing_left)
                    if end != node:
                        for c in range(classes):
                            shuffled[i, f, c] += value[end, c] - value[node, c]
        for i in range(part * n // parts, (part + 1) * n // parts):
            shuffled[i] += plain[i]
    return plain, shuffled
