"""The answers of the nearest neighbours for many pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numba import njit
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier

from pipeline.models.quick import Doubles, Ready, Singles, finite, require

SPARE = 3  # candidates beyond the neighbours wanted, at least
HUGE = 1e15  # where single precision would overflow; so far away that rounding decides anyway


@dataclass(frozen=True)
class Neighbours:
    """The samples themselves.

    A matrix product in single precision finds a few more candidates than are wanted, and their distances are taken
    again in double precision. Where rounding could have kept a neighbour from being a candidate, all distances are.
    """

    ready: Ready
    samples: Doubles
    """(n, features), standardised."""
    labels: NDArray[np.int64]
    classes: int
    wanted: int
    nearer_counts_more: bool
    pixels: ClassVar[int] = 512
    _singles: Singles = field(init=False, repr=False)
    _lengths: Singles = field(init=False, repr=False)

    def __post_init__(self) -> None:
        require(self.samples.ndim == 2 and self.samples.shape[1] == len(self.ready.fill), "its samples' features")
        require(self.labels.shape == (len(self.samples),), "its labels")
        require(bool(((self.labels >= 0) & (self.labels < self.classes)).all()), "a label is unknown")
        require(0 < self.wanted <= len(self.samples), "it has too few samples")
        finite(self.samples)
        near = np.clip(self.samples, -HUGE, HUGE)
        object.__setattr__(self, "_singles", np.ascontiguousarray(-2 * near.T, np.float32))
        object.__setattr__(self, "_lengths", (near**2).sum(axis=1).astype(np.float32))

    @property
    def shape(self) -> tuple[int, int]:
        """Features and classes."""
        return self.samples.shape[1], self.classes

    def answer(self, columns: Singles) -> Doubles:
        """Probabilities (n, K): the neighbours' shares, weighted by one over the distance where nearer counts more."""
        rows = self.ready.rows(columns)
        near = np.clip(rows, -HUGE, HUGE).astype(np.float32) @ self._singles
        return np.asarray(
            _shares(
                rows, near, self._lengths, self.samples, self.labels, self.classes, self.wanted, self.nearer_counts_more
            )
        )


def neighbours(ready: Ready, learner: KNeighborsClassifier) -> Neighbours:
    """The neighbours of a fitted learner."""
    samples, labels = np.asarray(learner._fit_X, np.float64), learner._y.astype(np.int64)
    nearer = learner.weights == "distance"
    return Neighbours(ready, samples, labels, len(learner.classes_), int(learner.n_neighbors), nearer)


@njit(cache=True, nogil=True)
def _insert(keys, values, key, value):  # type: ignore[no-untyped-def]
    """Put a pair where it belongs among sorted ones, the last of which falls out; equal keys stay in order."""
    at = keys.size - 1
    while at > 0 and keys[at - 1] > key:
        keys[at], values[at] = keys[at - 1], values[at - 1]
        at -= 1
    keys[at], values[at] = key, value


@njit(cache=True, nogil=True, fastmath=True)
def _squared(rows, i, samples, j):  # type: ignore[no-untyped-def]
    """The squared distance of a row and a sample; indices rather than slices, which cost as much as the sums."""
    row, sample, total = np.uint64(i), np.uint64(j), 0.0
    for f in range(rows.shape[1]):
        total += (rows[row, np.uint64(f)] - samples[sample, np.uint64(f)]) ** 2
    return total


@njit(cache=True, nogil=True)
def _candidates(row, lengths, wanted, least, places):  # type: ignore[no-untyped-def]
    """How many samples have row + lengths up to a limit, and the limit; `places` are theirs, `wanted` at least.

    Sample j is of group j % groups, and the limit is the least of as many groups as are wanted. Few branches are such
    that a processor could not foresee them, and unsigned numbers let the loops on groups be vectorised.
    """
    groups, count = least.size, row.size
    least[:] = np.float32(np.inf)
    whole = count - count % groups
    for start in range(0, whole, groups):
        for i in range(groups):
            at = np.uint64(start) + np.uint64(i)
            least[np.uint64(i)] = min(least[np.uint64(i)], row[at] + lengths[at])
    for j in range(whole, count):
        least[j - whole] = min(least[j - whole], row[j] + lengths[j])
    limit = np.float32(np.inf)
    for group in range(groups):
        nearer = 0
        for i in range(groups):
            nearer += least[i] <= least[group]
        limit = least[group] if nearer >= wanted and least[group] < limit else limit
    found = 0
    for group in range(min(groups, count)):
        if least[group] <= limit:
            for j in range(group, count, groups):
                places[found] = j
                found += row[j] + lengths[j] <= limit
    return found, limit


@njit(cache=True, nogil=True)
def _shares(rows, near, lengths, samples, labels, classes, wanted, weighted):  # type: ignore[no-untyped-def]
    n, count = rows.shape[0], samples.shape[0]
    groups = 64 * -(-(wanted + SPARE) // 16)
    least, places = np.empty(groups, np.float32), np.empty(count + 1, np.int64)
    distances, nearest = np.empty(wanted), np.empty(wanted, np.int64)
    shares = np.zeros((n, classes))
    longest, middle = np.float64(lengths.max()), np.zeros((1, rows.shape[1]))
    for i in range(n):
        found, limit = _candidates(near[i], lengths, wanted + SPARE, least, places)
        places[:found].sort()  # of equally distant samples the first are taken
        distances[:], nearest[:] = np.inf, 0
        for candidate in places[:found]:
            distance = _squared(rows, i, samples, candidate)
            if distance < distances[-1]:
                _insert(distances, nearest, distance, candidate)
        length = _squared(rows, i, middle, 0)
        if found < count and not distances[-1] + 2e-6 * (length + longest) < np.float64(limit) + length:
            distances[:] = np.inf
            for place in range(count):
                distance = _squared(rows, i, samples, place)
                if distance < distances[-1]:
                    _insert(distances, nearest, distance, place)
        total = 0.0
        for k in range(wanted):
            weight = 1.0
            if weighted and distances[0] == 0.0:
                weight = np.float64(distances[k] == 0.0)
            elif weighted:
                weight = np.sqrt(distances[0] / distances[k])  # to scale, since tiny distances would overflow
            shares[i, labels[nearest[k]]] += weight
            total += weight
        shares[i] /= total
    return shares
