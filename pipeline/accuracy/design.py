"""How many points a map needs, how they are shared out among its classes, and which pixels they are: drawn by lot.

Expected variances are those of stratified random sampling (Olofsson et al. 2014, equation 13, from Cochran 1977).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pipeline.accuracy.area import Z
from pipeline.accuracy.matrix import Floats, Ints
from pipeline.errors import MinecoverError


def needed(sizes: Sequence[int], expected: Sequence[float], margin: float) -> int:
    """Points in all for a margin (half of the 95 % interval) of a share, if they were shared out in the best way.

    `sizes` are pixels of each stratum, `expected` the share of each that is expected to have the property.
    """
    if not 0 < margin < 1:
        raise MinecoverError(f"A margin of {margin:g} cannot be. Give a share between 0 and 1, 0.03 for instance.")
    size = np.asarray(sizes, float)
    weight, spread = size / size.sum(), np.sqrt(_variances(expected))
    n = float((weight @ spread) ** 2 / ((margin / Z) ** 2 + weight @ spread**2 / size.sum()))
    return max(math.ceil(n), 1)


def expected_margin(sizes: Sequence[int], expected: Sequence[float], points: Sequence[int]) -> float:
    """The margin to expect from so many points in each stratum."""
    size, n = np.asarray(sizes, float), np.asarray(points, float)
    variance = (size / size.sum()) ** 2 * (1 - n / size) * _variances(expected) / np.maximum(n, 1)
    return float(Z * np.sqrt(variance.sum()))


def allocated(sizes: Sequence[int], n: int, minimum: int) -> tuple[int, ...]:
    """Points of each stratum: by size, but at least `minimum`, and never more than pixels. More than `n` if need be."""
    size = np.asarray(sizes, np.int64)
    points = least = np.minimum(size, minimum)
    free = size > 0
    while free.any():
        left = max(n - int(least[~free].sum()), 0)
        share = left * size / size[free].sum()
        short = free & (share < least)
        if not short.any():
            points = least.copy()
            points[free] = _rounded(share[free], left)
            break
        free &= ~short
    return tuple(np.minimum(points, size).tolist())


def planned(sizes: Sequence[int], expected: Sequence[float], margin: float, minimum: int) -> tuple[int, ...]:
    """The fewest points of each stratum, shared out as `allocated` does, from which the margin can be expected."""
    low, high = needed(sizes, expected, margin), int(sum(sizes))
    low = min(low, high)
    while low < high:
        middle = (low + high) // 2
        if expected_margin(sizes, expected, allocated(sizes, middle, minimum)) <= margin:
            high = middle
        else:
            low = middle + 1
    return allocated(sizes, low, minimum)


def of_area(sizes: Sequence[int], k: int, accuracy: float) -> tuple[float, ...]:
    """The share of each stratum that is expected to be really of class `k`, where this share of each stratum is right.

    As much of the class is expected to be missed elsewhere as is wrongly called so.
    """
    size = np.asarray(sizes, float)
    others = size.sum() - size[k]
    share = np.full(len(size), min(size[k] * (1 - accuracy) / others, 1.0) if others else 0.0)
    share[k] = accuracy
    return tuple(share.tolist())


def ranks(sizes: Sequence[int], points: Sequence[int], seed: int) -> tuple[Ints, ...]:
    """Which pixels of each stratum are drawn, numbered from 0 in the stratum's own order; rising, none twice."""
    rng = np.random.default_rng(seed)
    return tuple(
        np.sort(rng.choice(size, count, replace=False, shuffle=False)).astype(np.int64)
        for size, count in zip(sizes, points, strict=True)
    )


def _variances(expected: Sequence[float]) -> Floats:
    share = np.asarray(expected, float)
    if ((share < 0) | (share > 1)).any():
        raise MinecoverError(f"An expected share of {share[(share < 0) | (share > 1)][0]:g} cannot be: 0 to 1.")
    return np.asarray(share * (1 - share))


def _rounded(wanted: Floats, total: int) -> Ints:
    """Whole numbers near the wanted ones that make up the total: the largest remainders are rounded up."""
    floor = np.floor(wanted + 1e-9).astype(np.int64)
    order = np.argsort(-(wanted - floor), kind="stable")
    floor[order[: max(total - int(floor.sum()), 0)]] += 1
    return floor
