"""Accuracy measures of many confusion matrices at once, and their intervals by drawing blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.selection.results import Estimate, Quality

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Draws:
    """Overall accuracy, kappa and macro-F1 (rows): as measured first, then in each draw of blocks."""

    values: Floats


def weights(blocks: int, draws: int, seed: int) -> Floats:
    """How often each block is in each draw; the first row is the blocks as they are. What is compared shares them."""
    rng = np.random.default_rng(seed)
    return np.vstack([np.ones(blocks), rng.multinomial(blocks, np.full(blocks, 1 / blocks), size=draws)])


def drawn(
    truth: NDArray[np.integer[Any]],
    predicted: NDArray[np.integer[Any]],
    blocks: NDArray[np.integer[Any]],
    classes: int,
    weight: Floats,
) -> Draws:
    """The measures in every draw. Classes and blocks are numbered from 0."""
    matrices = np.zeros((weight.shape[1], classes, classes))
    np.add.at(matrices, (blocks, truth, predicted), 1)
    total = (weight @ matrices.reshape(weight.shape[1], -1)).reshape(-1, classes, classes)
    return Draws(measures(total))


def measures(matrices: Floats) -> Floats:
    """Overall accuracy, kappa, macro-F1 (rows) of matrices with the reference in rows.

    Macro-F1 is over the classes present in reference or prediction; what is undefined is NaN.
    """
    n = matrices.sum(axis=(1, 2))
    hits = np.diagonal(matrices, axis1=1, axis2=2)
    reference, predicted = matrices.sum(axis=2), matrices.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        oa = hits.sum(axis=1) / n
        expected = (reference * predicted).sum(axis=1) / n**2
        kappa = (oa - expected) / (1 - expected)
        f1 = 2 * hits / (reference + predicted)
        present = np.isfinite(f1).sum(axis=1)
        macro = np.nansum(f1, axis=1) / present
    return np.stack([oa, kappa, macro])


def quality(draws: Draws, base: Draws | None = None) -> Quality:
    """The measures with 95 % intervals, or what they are above those of `base` in the same draws."""
    values = draws.values if base is None else draws.values - base.values
    low, high = np.nanpercentile(values[:, 1:], [2.5, 97.5], axis=1) if values.shape[1] > 1 else (values[:, 0],) * 2
    return Quality(*(Estimate(*map(float, row)) for row in zip(values[:, 0], low, high, strict=True)))
