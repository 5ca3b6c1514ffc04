"""How stable a choice is when some blocks are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.selection.results import Folds, Stability

SHARE = 0.8

Chooser = Callable[[NDArray[np.intp], Folds], Mapping[str, Sequence[str]]]
"""Features chosen by each rule from some rows; the folds are numbered within those rows."""


def stability(
    blocks: NDArray[np.integer[Any]],
    folds: Folds,
    choose: Chooser,
    features: int,
    resamples: int,
    seed: int = 0,
    heard: Callable[[int], None] | None = None,
) -> dict[str, Stability]:
    """For each rule, how alike its choices are from four fifths of the blocks, drawn again and again.

    Blocks are drawn without putting back: a sample twice would be its own nearest neighbour.
    """
    chosen: dict[str, list[frozenset[str]]] = {}
    for done, rows in enumerate(_draws(blocks, resamples, seed), 1):
        for rule, names in choose(rows, within(folds, rows, len(blocks))).items():
            chosen.setdefault(rule, []).append(frozenset(names))
        if heard is not None:
            heard(done)
    return {rule: agreement(sets, features) for rule, sets in chosen.items()}


def agreement(sets: Sequence[frozenset[str]], features: int) -> Stability:
    """How alike these sets are, taken from so many features."""
    pairs = [jaccard(a, b) for a, b in combinations(sets, 2)] or [1.0]
    low, high = np.percentile(pairs, [2.5, 97.5])
    counts = Counter(name for s in sets for name in s)
    frequency = tuple((n, c / len(sets)) for n, c in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return Stability(float(np.mean(pairs)), float(low), float(high), _by_chance(sets, features), frequency)


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """Shared features over all features of both; two empty sets are alike."""
    return len(a & b) / len(a | b) if a | b else 1.0


def within(folds: Folds, rows: NDArray[np.intp], total: int) -> Folds:
    """Folds cut down to some rows and numbered within them; a fold that loses either side is left out."""
    place = np.full(total, -1)
    place[rows] = np.arange(len(rows))
    cut = [tuple(p[p >= 0] for p in (place[train], place[held])) for train, held in folds]
    return [(train, held) for train, held in cut if len(train) and len(held)]


def _draws(blocks: NDArray[np.integer[Any]], resamples: int, seed: int) -> Iterator[NDArray[np.intp]]:
    rng = np.random.default_rng(seed)
    numbers = np.unique(blocks)
    size = max(1, min(len(numbers) - 1, round(SHARE * len(numbers))))
    for _ in range(resamples):
        yield np.flatnonzero(np.isin(blocks, rng.choice(numbers, size, replace=False)))


def _by_chance(sets: Sequence[frozenset[str]], features: int) -> float:
    """About what two blindly drawn sets of the mean size share: k²/p features of 2k − k²/p."""
    k = float(np.mean([len(s) for s in sets]))
    shared = k * k / features
    return float(shared / (2 * k - shared)) if k else 1.0
