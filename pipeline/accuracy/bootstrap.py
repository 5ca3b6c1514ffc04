"""Intervals by drawing blocks, not samples: neighbours are alike, and a block of them counts as one observation.

All measures of a draw come from one weighted sum of the blocks' matrices, so thousands of draws take milliseconds.
Classifiers on the same samples see the same draws: their differences are paired.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from pipeline.accuracy.matrix import OVERALL, Floats, Ints, Measures, block_confusions, measures
from pipeline.accuracy.results import Figure, Overall
from pipeline.errors import MinecoverError

SHARE = 0.95


@dataclass(frozen=True, eq=False)
class Scores:
    """One classifier: its matrix, the measures of it, and the measures in every draw of blocks (first axis)."""

    matrix: Ints
    measured: Measures
    drawn: Measures
    blocks: int
    blocks_of: Ints
    """Blocks that hold samples of each class."""

    def figure(self, name: str, k: int | None = None) -> Figure:
        """A measure with its interval: one of OVERALL, or one of EACH for the class at place `k`."""
        if k is None:
            least = -1.0 if name == "kappa" else 0.0
            return figure(float(self.measured.overall(name)), self.drawn.overall(name), self.blocks, least)
        return figure(float(getattr(self.measured, name)[k]), getattr(self.drawn, name)[:, k], int(self.blocks_of[k]))

    def overall(self) -> Overall[Figure]:
        """All of OVERALL with intervals."""
        return Overall[Figure](**{name: self.figure(name) for name in OVERALL})

    def less(self, other: Scores) -> Overall[Figure]:
        """What the measures are above those of another classifier on the same samples, in the same draws."""
        if self.drawn.oa.shape != other.drawn.oa.shape or self.blocks != other.blocks:
            raise MinecoverError("Only classifiers on the same samples, with the same draws, can be compared in pairs.")
        found = {}
        for name in OVERALL:
            value = float(self.measured.overall(name) - other.measured.overall(name))
            found[name] = figure(value, self.drawn.overall(name) - other.drawn.overall(name), self.blocks, -1.0)
        return Overall[Figure](**found)


def scored(
    truth: ArrayLike, predicted: ArrayLike, blocks: ArrayLike, codes: ArrayLike, draws: int = 2000, seed: int = 0
) -> Scores:
    """Measures of predicted codes, as they are and in `draws` draws of as many blocks as there are, with replacement.

    The same blocks and seed give the same draws.
    """
    matrices = block_confusions(truth, predicted, blocks, codes)
    count, size = matrices.shape[:2]
    weight = weights(count, draws, seed)
    drawn = (weight @ matrices.reshape(count, -1)).reshape(-1, size, size)
    total = matrices.sum(0)
    held = (matrices.sum(2) > 0).sum(0)
    return Scores(total, measures(total), measures(drawn), count, held)


def weights(blocks: int, draws: int, seed: int) -> Floats:
    """How often each block (columns) is in each draw (rows)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(blocks, np.full(blocks, 1 / blocks), size=draws).astype(np.float64)


def figure(value: float, drawn: Floats, blocks: int, least: float = 0.0) -> Figure:
    """A value with its interval, within `least` … 1; without one where one block is all there is.

    It is the middle 95 % of the draws, which is too narrow where there are few blocks, made wider about the value as
    far as Student's interval for so many is wider than that of a normal variable.
    """
    known = drawn[~np.isnan(drawn)]
    if np.isnan(value):
        return Figure(value=None, low=None, high=None)
    if blocks < 2 or not known.size:
        return Figure(value=value, low=None, high=None)
    tail = (1 - SHARE) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    more = stats.t.isf(tail, blocks - 1) * np.sqrt(blocks / (blocks - 1)) / stats.norm.isf(tail) - 1
    low, high = low - more * max(value - low, 0), high + more * max(high - value, 0)
    return Figure(value=value, low=max(low, least), high=min(high, 1.0), undefined=1 - known.size / drawn.size)
