"""Batches for training: windows around labelled pixels, cut when their turn comes, turned and with bands hidden by lot.

An epoch depends on nothing but the seed and its number, so training goes on after an interruption as if there was none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.models.fitted import Cut
from pipeline.models.resnet import Shape
from pipeline.models.scaling import Scaling, turned

Floats = NDArray[np.floating[Any]]
Indices = NDArray[np.integer[Any]]


Order = Callable[[Indices, Indices, np.random.Generator], Indices]
"""A random order of places (rows, columns) in which those near each other may stand together."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """Labelled pixels: their rows and columns in the stack, and their classes 0 … K − 1."""

    rows: Indices
    columns: Indices
    y: Indices

    def take(self, which: Indices) -> Labelled:
        """Some of them."""
        return Labelled(self.rows[which], self.columns[which], self.y[which])


@dataclass(frozen=True, eq=False)
class Squares:
    """Squares of `core` pixels that hold labels: upper left corners, and the class of each pixel or −1."""

    tops: Indices
    lefts: Indices
    y: NDArray[np.int32]


def squares(labelled: Labelled, core: int, shift: tuple[int, int] = (0, 0)) -> Squares:
    """All squares of a lattice through the pixel `shift` that hold labels, row by row."""
    rows, columns = labelled.rows - shift[0], labelled.columns - shift[1]
    corner = np.column_stack([rows // core, columns // core])
    corners, which = np.unique(corner, axis=0, return_inverse=True)
    y = np.full((len(corners), core, core), -1, np.int32)
    y[which.ravel(), rows % core, columns % core] = labelled.y
    return Squares(corners[:, 0] * core + shift[0], corners[:, 1] * core + shift[1], y)


class Batches:
    """The batches of one epoch after another: inputs, classes, and weights that add up to one in a batch.

    Several devices get as many samples each: where a batch cannot be shared out evenly, its first ones come twice.
    """

    def __init__(
        self,
        cut: Cut,
        order: Order,
        labelled: Labelled,
        shape: Shape,
        scaling: Scaling,
        weights: Floats,
        batch: int,
        seed: int,
        hidden: float,
        devices: int = 1,
    ) -> None:
        self.devices = devices
        self.cut, self.order, self.labelled, self.shape, self.scaling = cut, order, labelled, shape, scaling
        self.weights, self.batch, self.seed, self.hidden = np.asarray(weights, np.float32), batch, seed, hidden
        self.start(0)

    def start(self, epoch: int) -> None:
        """Begin an epoch: deal the samples anew; the dense form also shifts its lattice."""
        self.epoch = epoch
        rng = np.random.default_rng((self.seed, epoch))
        core = self.shape.core
        shift = (0, 0) if core == 1 else tuple((-rng.integers(0, core, 2)).tolist())
        found = squares(self.labelled, core, shift)
        order = self.order(found.tops, found.lefts, rng)
        self.dealt = Squares(found.tops[order], found.lefts[order], found.y[order])
        bands, n = self.shape.bands, len(order)
        self.kept = (rng.random((n, bands)) >= self.hidden).astype(np.float32)
        self.turn = rng.integers(0, 8, n)

    def __len__(self) -> int:
        # A last batch of one sample has no spread to normalise by: it goes to the batch before.
        n = len(self.dealt.tops)
        return max(1, n // self.batch + (n % self.batch > 1))

    def __getitem__(self, number: int) -> tuple[Floats, NDArray[np.int32], Floats]:
        last = len(self.dealt.tops) if number == len(self) - 1 else (number + 1) * self.batch
        here = np.arange(number * self.batch, last)
        here = np.resize(here, -(-len(here) // self.devices) * self.devices)
        halo, turn = self.shape.halo, self.turn[here]
        windows = self.cut(self.dealt.tops[here] - halo, self.dealt.lefts[here] - halo, self.shape.side)
        x = self.scaling.apply(windows, self.kept[here], turn)
        y = turned(self.dealt.y[here], turn)
        weights = np.where(y >= 0, self.weights[np.maximum(y, 0)], 0)
        weights = (weights / max(float(weights.sum()), 1e-12)).astype(np.float32)
        y = np.maximum(y, 0)
        return (x, y[:, 0, 0], weights[:, 0, 0]) if self.shape.core == 1 else (x, y, weights)


def balanced(y: Indices, classes: int) -> Floats:
    """A weight for each class, so that all classes that there are count the same and the mean over samples is one."""
    counts = np.bincount(y, minlength=classes)
    there = np.maximum((counts > 0).sum(), 1)
    return np.asarray(np.where(counts > 0, len(y) / (there * np.maximum(counts, 1)), 0), np.float32)
