"""Splitters that work wherever scikit-learn takes `cv=`: their places are bound when they are made.

They know nothing of features, classifiers and files.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree

from pipeline.errors import MinecoverError

Indices = NDArray[np.int64]
Fold = tuple[Indices, Indices]


class Splitter:
    """What all splitters share: whole units are dealt to folds, then training points near test points are left out."""

    def __init__(self, units: NDArray[Any], what: str, n_splits: int, seed: int, xy: Any, buffer_m: float) -> None:
        self.units, self.what, self.n_splits, self.seed, self.buffer_m = units, what, n_splits, seed, buffer_m
        self.xy = None if xy is None else places_of(xy)
        if n_splits < 2:
            raise MinecoverError(f"{n_splits} folds do not split anything. Ask for 2 or more.")
        if not 0 <= buffer_m < np.inf:
            raise MinecoverError(f"A buffer of {buffer_m} m cannot be. Give the width of a patch in metres, or 0.")
        if self.xy is not None and len(self.xy) != len(units):
            raise MinecoverError(f"{len(units)} samples have {len(self.xy)} places. Give one place a sample.")

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Number of folds."""
        return self.n_splits

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Fold]:
        """Training and test rows of each fold; a class that a fold lacks is told in a warning."""
        rows = X.shape[0] if hasattr(X, "shape") else len(X)
        labels = np.zeros(rows, int) if y is None else np.asarray(y)
        folds = self.folds(labels)
        if told := lacking(labels, folds):
            warnings.warn(" ".join(told), stacklevel=2)
        yield from folds

    def folds(self, y: NDArray[Any]) -> tuple[Fold, ...]:
        """Training and test rows of each fold, without a word about classes that are missing."""
        if len(y) != len(self.units):
            raise MinecoverError(
                f"This splitter is bound to the places of {len(self.units)} samples, and {len(y)} were given. "
                f"Make one for these samples."
            )
        part = self._dealt(y)
        return tuple(self.fold(part == number) for number in range(self.n_splits))

    def _dealt(self, y: NDArray[Any]) -> Indices:
        return deal(self.units, y, np.full(self.n_splits, 1 / self.n_splits), self.seed, self.what)

    def fold(self, held: NDArray[np.bool_]) -> Fold:
        """Training and test rows where these are held out: training rows within the buffer are left out."""
        train, test = np.flatnonzero(~held), np.flatnonzero(held)
        return (train if self.xy is None else clear_of(self.xy, train, test, self.buffer_m)), test


class SpatialBlocks(Splitter):
    """Folds of whole square blocks, class by class as even as blocks allow, with a buffer around each test part.

    The same points in another order give the same folds.
    """

    def __init__(
        self, xy: ArrayLike, block_m: float = 1000, buffer_m: float = 150, n_splits: int = 5, seed: int = 0
    ) -> None:
        self.block_m = block_m
        super().__init__(block_of(xy, block_m), f"blocks of {block_m:g} m", n_splits, seed, xy, buffer_m)

    def __repr__(self) -> str:
        return (
            f"SpatialBlocks(block_m={self.block_m:g}, buffer_m={self.buffer_m:g}, n_splits={self.n_splits}, "
            f"seed={self.seed})"
        )


class Grouped(Splitter):
    """Folds of whole groups, as polygons are: a group's samples are on one side. Group -1 is a sample by itself."""

    def __init__(
        self, groups: ArrayLike, n_splits: int = 5, seed: int = 0, xy: ArrayLike | None = None, buffer_m: float = 0
    ) -> None:
        super().__init__(_with_loose(np.asarray(groups), xy), "polygons", n_splits, seed, xy, buffer_m)

    def __repr__(self) -> str:
        return f"Grouped(buffer_m={self.buffer_m:g}, n_splits={self.n_splits}, seed={self.seed})"


class LeaveRegionOut(Splitter):
    """One fold a region: train on all others, test on this one."""

    def __init__(self, regions: ArrayLike, xy: ArrayLike | None = None, buffer_m: float = 0) -> None:
        self.regions, number = np.unique(np.asarray(regions), return_inverse=True)
        if len(self.regions) < 2:
            raise MinecoverError(f"{len(self.regions)} region cannot be left out of itself. Use blocks instead.")
        super().__init__(number, "regions", len(self.regions), 0, xy, buffer_m)

    def _dealt(self, y: NDArray[Any]) -> Indices:
        return np.asarray(self.units, np.int64)

    def __repr__(self) -> str:
        return f"LeaveRegionOut({len(self.regions)} regions, buffer_m={self.buffer_m:g})"


class Random(Splitter):
    """Folds drawn by lot, class by class: they flatter, and stand here only to show by how much.

    Where places are given, samples of one place stay together.
    """

    def __init__(self, n_splits: int = 5, seed: int = 0, xy: ArrayLike | None = None) -> None:
        units = np.empty(0, int) if xy is None else _numbered(places_of(xy))
        super().__init__(units, "places", n_splits, seed, xy, 0)

    def folds(self, y: NDArray[Any]) -> tuple[Fold, ...]:
        """Training and test rows of each fold."""
        if self.xy is None:
            self.units = np.arange(len(y))
        return super().folds(y)

    def __repr__(self) -> str:
        return f"Random(n_splits={self.n_splits}, seed={self.seed}; random, for comparison only)"


def block_of(xy: ArrayLike, block_m: float) -> NDArray[np.int32]:
    """Number of the square block that each point lies in, counted from west to east, and south to north in between.

    Corners of blocks are multiples of `block_m`, so a block's border stays where it is when points are added; a point
    on a border belongs to the block east or north of it.
    """
    if not 0 < block_m < np.inf:
        raise MinecoverError(f"Blocks of {block_m} m cannot be. Give their side in metres, 1000 for instance.")
    return _numbered(np.floor(places_of(xy) / block_m)).astype(np.int32)


def deal(units: NDArray[Any], y: NDArray[Any], shares: NDArray[np.float64], seed: int, what: str = "units") -> Indices:
    """Number of the part that each sample is dealt to: whole units, so that parts hold `shares` of every class.

    Large units go first, each to the part where all classes, and all samples, then lie nearest to their shares.
    A unit is large that holds much of any class; ties are decided by the seed, and rows may come in any order.
    """
    names, unit = np.unique(units, return_inverse=True)
    if len(names) < len(shares):
        raise MinecoverError(
            f"{len(shares)} parts need as many {what}, and the samples lie in {len(names)}. Lower split.block_m (if "
            f"parts are of blocks) or split.folds, or label in more places; and check that coordinates are in metres."
        )
    weights = _shares_held(unit, y)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(names))
    order = order[np.argsort(-weights[order].sum(axis=1), kind="stable")]
    tries = rng.permuted(np.tile(np.arange(len(shares)), (len(names), 1)), axis=1)
    excess = np.repeat(-shares[:, None], weights.shape[1], axis=1)
    part = np.empty(len(names), np.int64)
    for u in order:
        grows = ((2 * excess + weights[u]) @ weights[u]) / shares
        part[u] = tries[u, np.argmin(grows[tries[u]])]
        excess[part[u]] += weights[u]
    return part[unit]


def clear_of(xy: NDArray[np.float64], train: Indices, test: Indices, buffer_m: float) -> Indices:
    """The training rows that lie at least `buffer_m` from all test rows, and never on the same place as one."""
    if not len(train) or not len(test):
        return train
    distance = nearest(xy[train], xy[test])
    return train[(distance >= buffer_m) & (distance > 0)]


def nearest(xy: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance in metres from each point to the nearest of the others."""
    return np.asarray(KDTree(others).query(xy, p=np.inf)[0], np.float64)


def lacking(y: NDArray[Any], folds: Iterable[Fold], called: Callable[[Any], str] = str) -> tuple[str, ...]:
    """A sentence for each fold that cannot learn, or cannot test, every class; a part without any sample is refused.

    `called` says what a class is called.
    """
    told = []
    for number, (train, test) in enumerate(folds, 1):
        if not len(train) or not len(test):
            raise MinecoverError(
                f"Fold {number} has {len(train)} samples to train and {len(test)} to test on. Lower split.folds "
                f"or split.patch_px (the buffer), or change split.block_m."
            )
        told += missing(f"Fold {number}", y[train], y[test], np.unique(y), called)
    return tuple(told)


def missing(
    name: str, train: NDArray[Any], test: NDArray[Any], classes: NDArray[Any], called: Callable[[Any], str] = str
) -> list[str]:
    """What a pair of parts cannot learn, and what it cannot test, in sentences."""
    untaught, untested = (", ".join(map(called, np.setdiff1d(classes, part))) for part in (train, test))
    told = [f"{name} trains without class {untaught}, which it cannot find."] if untaught else []
    return [*told, f"{name} tests without class {untested}, of which it says nothing."] if untested else told


def _with_loose(groups: NDArray[Any], xy: ArrayLike | None) -> NDArray[Any]:
    """Groups, with a number of its own for every place of samples that are in none."""
    if groups.dtype.kind not in "iu" or not (groups < 0).any():
        return groups
    places = np.arange(len(groups)) if xy is None else _numbered(places_of(xy))
    return np.where(groups < 0, places + groups.max() + 1, groups)


def _shares_held(unit: Indices, y: NDArray[Any]) -> NDArray[np.float64]:
    """Per unit, the share that it holds of each class, and last of all samples."""
    label = np.unique(y, return_inverse=True)[1]
    counts = np.zeros((unit.max() + 1, label.max() + 2))
    np.add.at(counts, (unit, label), 1)
    counts[:, -1] = counts.sum(axis=1)
    return np.asarray(counts / counts.sum(axis=0))


def places_of(xy: ArrayLike) -> NDArray[np.float64]:
    """Places as an array of x and y; one that is no number is refused."""
    places = np.asarray(xy, np.float64)
    if places.ndim != 2 or places.shape[1] != 2 or not len(places):
        raise MinecoverError(f"Places must be x and y of at least one sample; their shape is {places.shape}.")
    if not np.isfinite(places).all():
        row = int(np.flatnonzero(~np.isfinite(places).all(axis=1))[0])
        raise MinecoverError(f"Sample {row} lies at {places[row]}, which is no place. Remove it before splitting.")
    return places


def _numbered(rows: NDArray[np.float64]) -> Indices:
    """Numbers of distinct rows, in the rows' own order."""
    return np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
