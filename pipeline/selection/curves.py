"""Orders of features, accuracy against their number, and rules that make one set of several orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MinecoverError
from pipeline.selection.results import RULES, Curve, Folds, Make, Rule, Scores

Order = NDArray[np.intp]
"""Feature numbers, best first."""


def ordered(scores: Scores) -> Order:
    """The order that scores give; equal ones stay as they were."""
    return np.argsort(-np.nan_to_num(np.asarray(scores.mean), nan=-np.inf), kind="stable")


def borda(orders: Sequence[Order]) -> Order:
    """The order by mean rank over several orders of the same features; the first order breaks ties."""
    ranks = np.array([np.argsort(o) for o in orders])
    return np.lexsort((ranks[0], ranks.sum(axis=0)))


def combine(orders: Mapping[str, Order], sizes: Mapping[str, int], how: Rule) -> Order:
    """The features that a rule chooses, in Borda's order.

    `intersection` and `union` are of the first sizes[name] features of each order; `borda` takes sizes["borda"].
    """
    if how not in RULES:
        raise MinecoverError(f"There is no rule '{how}'. Use one of {', '.join(RULES)}.")
    mean = borda(list(orders.values()))
    if how == "borda":
        return mean[: sizes["borda"]]
    tops = [np.isin(mean, order[: sizes[name]]) for name, order in orders.items()]
    return mean[np.all(tops, axis=0) if how == "intersection" else np.any(tops, axis=0)]


def steps(p: int) -> tuple[int, ...]:
    """The numbers of features to try: 5, 10, 15, 20, by tens to 60, by twenties, and all."""
    return (*(k for k in (5, 10, 15, *range(20, 60, 10), *range(60, p, 20)) if k < p), p)


def curve(
    X: NDArray[np.floating[Any]],
    y: NDArray[np.integer[Any]],
    order: Order | Sequence[Order],
    folds: Folds,
    sizes: Sequence[int] | None,
    make: Make,
    seed: int = 0,
) -> Curve:
    """Overall accuracy with the first k features, held-out fold by held-out fold.

    Give an order for each fold, made from its training part alone; a single one must come from other rows than these.
    """
    orders = [order] * len(folds) if isinstance(order, np.ndarray) else list(order)
    tried = _sizes(sizes, len(orders[0]))
    pairs = list(zip(orders, folds, strict=True))
    accuracy = [[_accuracy(X, y, order[:k], fold, make(seed)) for order, fold in pairs] for k in tried]
    return summarised(tried, accuracy)


def summarised(sizes: Sequence[int], accuracy: Sequence[Sequence[float]]) -> Curve:
    """The curve of these accuracies (a row a size, a column a fold), its best size and the one to choose."""
    table = np.asarray(accuracy, np.float64)
    mean = table.mean(axis=1)
    error = table.std(axis=1, ddof=1) / np.sqrt(table.shape[1]) if table.shape[1] > 1 else np.zeros(len(table))
    best = int(np.argmax(mean))
    # Sums of equal accuracies may differ in their last digit.
    good = mean >= mean[best] - error[best] - 1e-12
    return Curve(
        tuple(int(k) for k in sizes),
        tuple(mean.tolist()),
        tuple(error.tolist()),
        tuple(tuple(row) for row in table.tolist()),
        int(sizes[best]),
        min(int(k) for k, g in zip(sizes, good, strict=True) if g),
    )


def without_fold(found: Curve, fold: int) -> int:
    """The size that the other folds choose: so that a fold has no say in what it is then used to judge."""
    if len(found.by_fold[0]) < 2:
        return found.chosen
    return summarised(found.sizes, np.delete(np.asarray(found.by_fold), fold, axis=1).tolist()).chosen


def _sizes(sizes: Sequence[int] | None, p: int) -> tuple[int, ...]:
    if sizes is None:
        return steps(p)
    tried = tuple(sorted({min(int(k), p) for k in sizes}))
    if not tried or tried[0] < 1:
        raise MinecoverError(f"Numbers of features to try must be 1 or more, and are {list(sizes)}. Correct `sizes`.")
    return tried


def _accuracy(
    X: NDArray[np.floating[Any]],
    y: NDArray[np.integer[Any]],
    columns: Order,
    fold: tuple[NDArray[np.intp], NDArray[np.intp]],
    learner: Any,
) -> float:
    train, held = fold
    columns = np.sort(columns)  # the same features are one set, whatever their order
    predicted = learner.fit(X[np.ix_(train, columns)], y[train]).predict(X[np.ix_(held, columns)])
    return float(np.mean(predicted == y[held]))
