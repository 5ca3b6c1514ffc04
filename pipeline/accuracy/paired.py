"""Whether one classifier is right oftener than another on the same samples: McNemar's test, many of them by Holm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binom, chi2

from pipeline.errors import MinecoverError

ENOUGH = 25
"""Samples that only one of both gets right, from which on chi-square is used."""


@dataclass(frozen=True)
class McNemar:
    """How many samples only the one and only the other gets right, and how likely so uneven a pair is by chance.

    `statistic` is chi-square with continuity correction; None where the p-value is the exact binomial one.
    """

    only_a: int
    only_b: int
    statistic: float | None
    p: float


def mcnemar(right_a: ArrayLike, right_b: ArrayLike) -> McNemar:
    """The test on which samples both classifiers get right. It takes samples for independent of each other."""
    a, b = np.asarray(right_a, bool), np.asarray(right_b, bool)
    if a.shape != b.shape:
        raise MinecoverError(f"{a.size} and {b.size} answers cannot be paired. Give answers at the same samples.")
    return from_counts(int((a & ~b).sum()), int((b & ~a).sum()))


def from_counts(only_a: int, only_b: int) -> McNemar:
    """The test on the numbers of samples that only one of both gets right."""
    n = only_a + only_b
    if n < ENOUGH:
        return McNemar(only_a, only_b, None, min(1.0, 2 * float(binom.cdf(min(only_a, only_b), n, 0.5))))
    statistic = max(abs(only_a - only_b) - 1, 0) ** 2 / n
    return McNemar(only_a, only_b, statistic, float(chi2.sf(statistic, 1)))


def holm(p: Sequence[float]) -> tuple[float, ...]:
    """The p-values corrected for their number (Holm 1979), in the order given."""
    values = np.asarray(p, float)
    order = np.argsort(values, kind="stable")
    steps = np.minimum(values[order] * (len(values) - np.arange(len(values))), 1)
    found = np.empty(len(values))
    found[order] = np.maximum.accumulate(steps) if len(values) else steps
    return tuple(found.tolist())
