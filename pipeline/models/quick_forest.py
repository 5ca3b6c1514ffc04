"""A random forest's answers for many pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numba import njit
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from pipeline.models.quick import Doubles, Singles, finite, require

ABREAST = 8  # pixels that walk down a tree together: their steps do not wait for each other
QUIET = 0x7FC00000  # the bits of a float32 that is no number; the lower 22 may hold anything


@dataclass(frozen=True)
class Forest:
    """All trees, one after another. A node is eight bytes, so that a tree stays in the nearest cache."""

    starts: NDArray[np.int64]
    """Where each tree begins, and where the last ends."""
    steps: NDArray[np.uint32]
    """Of each node its left child's place in the tree, times 2 ** bits, plus twice its feature, odd where a gap goes
    right. The right child lies behind the left one. A leaf leads to itself."""
    thresholds: NDArray[np.uint32]
    """Of each node the bits of a float32; at a leaf those of a NaN, which nothing is above, and its row of shares."""
    shares: Singles
    """Shares of the classes at the leaves, tree by tree; or, where every leaf is of one class, a row for each class."""
    features: int
    bits: int
    pixels: ClassVar[int] = 1024

    def __post_init__(self) -> None:
        require(self.steps.ndim == 1 and self.steps.shape == self.thresholds.shape, "its nodes are no table")
        require(self.shares.ndim == 2, "its leaves are no table")
        finite(self.shares)
        sizes = np.diff(self.starts)
        require(len(sizes) > 0 and self.starts[0] == 0 and bool((sizes > 0).all()), "a tree is empty")
        require(self.starts[-1] == len(self.steps) and 0 < self.bits < 32, "its nodes are not as many as it says")
        own = np.arange(len(self.steps)) - np.repeat(self.starts[:-1], sizes)
        child, leaf = self.steps >> self.bits, (self.thresholds >= QUIET) & (self.thresholds < 2**31)
        require(bool(((self.steps & (2**self.bits - 1)) < 2 * self.features).all()), "a feature is unknown")
        inner = (child > own) & (child + 1 < np.repeat(sizes, sizes))
        require(bool(np.where(leaf, child == own, inner).all()), "a child is unknown")
        require(self.pure or 2 * len(self.shares) == len(self.steps) + len(sizes), "its leaves are not all there")
        rows = len(self.shares) if self.pure else np.repeat((sizes + 1) // 2, sizes)[leaf]
        require(bool((self.thresholds[leaf] - QUIET < rows).all()), "a leaf is unknown")

    @property
    def shape(self) -> tuple[int, int]:
        """Features and classes."""
        return self.features, self.shares.shape[1]

    @property
    def pure(self) -> bool:
        """Whether every leaf is of one class: then its row is its class."""
        return np.array_equal(self.shares, np.eye(self.shares.shape[1]))

    def answer(self, columns: Singles) -> Doubles:
        """Probabilities (n, K): the mean of the trees' shares."""
        whole = np.isfinite(columns).all(axis=0)
        sums = np.empty((columns.shape[1], self.shares.shape[1]))
        sums[whole] = self._sums(columns[:, whole].T, False)
        # Each value twice, a gap as what goes left and as what goes right.
        broken = columns[:, ~whole].T
        known = np.isfinite(broken)
        twice = np.stack([np.where(known, broken, -np.inf), np.where(known, broken, np.inf)], axis=2)
        sums[~whole] = self._sums(twice.reshape(len(broken), 2 * len(columns)), True)
        return sums / (len(self.starts) - 1)

    def _sums(self, rows: Singles, twice: bool) -> Doubles:
        groups = np.zeros((-(-len(rows) // ABREAST) * ABREAST, rows.shape[1]), np.float32)  # whole, so loops unroll
        groups[: len(rows)] = rows
        thresholds = self.thresholds.view(np.float32)
        sums = _walk(
            groups, self.starts, self.steps, self.thresholds, thresholds, self.shares, self.bits, not twice, self.pure
        )
        return np.asarray(sums[: len(rows)])


def forest(learner: RandomForestClassifier) -> Forest:
    """The forest of a fitted learner."""
    trees = [e.tree_ for e in learner.estimators_]
    sizes = np.array([t.node_count for t in trees])
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    left, right, feature, threshold, gap_left = (
        np.concatenate([getattr(t, field) for t in trees])
        for field in ("children_left", "children_right", "feature", "threshold", "missing_go_to_left")
    )
    start, inner = np.repeat(starts[:-1], sizes), left >= 0
    before = np.concatenate([[0], np.cumsum(inner)])
    pair = 1 + 2 * (before[:-1] - before[start])  # the places of the children of the r-th inner node: 1 + 2r, 2 + 2r
    place = np.zeros(len(left), np.int64)
    place[(left + start)[inner]] = pair[inner]
    place[(right + start)[inner]] = pair[inner] + 1
    shares = np.concatenate([t.value[:, 0, :] for t in trees])[~inner]
    row = np.arange(len(shares)) - (start - before[start])[~inner]
    if (shares.max(axis=1) == 1).all():
        row, shares = shares.argmax(axis=1), np.eye(shares.shape[1])
    bits = int(2 * learner.n_features_in_ - 1).bit_length()
    steps, thresholds = np.empty(len(left), np.uint32), np.empty(len(left), np.uint32)
    steps[start + place] = np.where(inner, (pair << bits) + 2 * feature + (gap_left == 0), place << bits)
    thresholds[(start + place)[inner]] = _below(threshold[inner]).view(np.uint32)
    thresholds[(start + place)[~inner]] = QUIET + row
    return Forest(starts, steps, thresholds, shares.astype(np.float32), int(learner.n_features_in_), bits)


def _below(threshold: Doubles) -> Singles:
    """The largest finite float32 that is not above: a finite float32 is above both or neither."""
    single = np.minimum(threshold, np.finfo(np.float32).max).astype(np.float32)
    return np.where(single > threshold, np.nextafter(single, np.float32(-np.inf)), single).astype(np.float32)


@njit(cache=True, nogil=True)
def _walk(rows, starts, steps, bits_of_thresholds, thresholds, shares, bits, skip, pure):  # type: ignore[no-untyped-def]
    """Sums of the trees' shares (n, K). Unsigned numbers throughout: they need no look at what is below zero."""
    n, classes = rows.shape[0], shares.shape[1]
    sums = np.zeros((n, classes))
    at = np.zeros(ABREAST, np.uint64)
    bits, skip, mask, none = np.uint64(bits), np.uint64(skip), np.uint64(2**bits - 1), np.uint64(0)
    for tree in range(starts.size - 1):
        root, leaves = np.uint64(starts[tree]), np.uint64((starts[tree] + tree) // 2)
        for start in range(0, n, ABREAST):
            at[:] = none
            moved = np.uint64(1)
            while moved != none:
                moved = none
                for i in range(ABREAST):
                    was = at[i]
                    step = np.uint64(steps[root + was])
                    x = rows[np.uint64(start + i), (step & mask) >> skip]
                    after = (step >> bits) + np.uint64(x > thresholds[root + was])
                    moved |= after ^ was
                    at[i] = after
            for i in range(ABREAST):
                row = np.uint64(bits_of_thresholds[root + at[i]] & np.uint32(0x3FFFFF))
                if pure:
                    sums[np.uint64(start + i), row] += 1
                else:
                    for c in range(classes):
                        sums[np.uint64(start + i), np.uint64(c)] += shares[leaves + row, np.uint64(c)]
    return sums
