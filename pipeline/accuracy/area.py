"""Accuracies and areas of a map from a stratified probability sample, with standard errors (Stehman 2014).

Every figure is a ratio of two totals: of pixels with a property, among pixels of a kind. The strata may be anything
that was known when the points were drawn. Where they are the map's own classes these are the estimators of Olofsson et
al. 2014; one stratum is a simple random sample. Nothing here holds for points that were not drawn by lot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.accuracy.matrix import Floats, Ints, places
from pipeline.accuracy.results import Estimated
from pipeline.errors import MinecoverError

Z = 1.96
UNMAPPED = 0
"""The map's code for pixels without a class."""
POOLED = 10
"""A class of the map with fewer points than this is no stratum by itself after the sample was drawn."""


@dataclass(frozen=True, eq=False)
class Estimates:
    """`area` are shares of the population that are really of a class; UA, PA and OA are of the pixels with a class.

    `points` and `shares` (K, K + 1) have the reference in rows and the map in columns, last the pixels without a class.
    """

    oa: Estimated
    ua: tuple[Estimated, ...]
    pa: tuple[Estimated, ...]
    area: tuple[Estimated, ...]
    points: Ints
    shares: Floats


def estimate(
    reference: ArrayLike, mapped: ArrayLike, stratum: ArrayLike, sizes: ArrayLike, codes: ArrayLike
) -> Estimates:
    """What points tell: their class by `reference` and by the map, and the number of their stratum, from 0.

    `sizes` are pixels in each stratum, `codes` the legend's. At least two points are needed in a stratum.
    """
    known = np.asarray(codes)
    rows = places(reference, known, "reference")
    columns = places(mapped, np.append(known, UNMAPPED), "map's values")
    part, pixels = np.asarray(stratum, np.int64), np.asarray(sizes, np.float64)
    _refuse_few(np.bincount(part, minlength=len(pixels)), pixels)
    k = len(known)
    ref, on_map = rows[:, None] == np.arange(k), columns[:, None] == np.arange(k)
    has_class = columns < k
    hit = ref & on_map
    cell = (rows * (k + 1) + columns)[:, None] == np.arange(k * (k + 1))
    everything = np.ones(len(rows), bool)

    def ratios(y: NDArray[np.bool_], x: NDArray[np.bool_], plain: bool = False) -> tuple[Estimated, ...]:
        return tuple(_ratio(y[:, c], x[:, c], part, pixels, plain) for c in range(y.shape[1]))

    return Estimates(
        oa=_ratio(hit.any(1), has_class, part, pixels),
        ua=ratios(hit, on_map),
        pa=ratios(hit, ref & has_class[:, None]),
        area=ratios(ref, np.tile(everything[:, None], (1, k)), plain=True),
        points=cell.sum(0).reshape(k, k + 1).astype(np.int64),
        shares=(_totals(cell, part, pixels) / pixels.sum()).reshape(k, k + 1),
    )


def after_strata(mapped: ArrayLike, pixels: dict[int, int]) -> tuple[Ints, Floats]:
    """Strata made after a simple random sample was drawn: the number of each point's, and their sizes.

    They are the map's classes (`pixels` of each code, that of no class included); those with few points are put
    together, since a variance from few points is none. One stratum remains if nothing else is possible.
    """
    codes = np.array([c for c, n in pixels.items() if n > 0])
    points = np.array([(np.asarray(mapped) == c).sum() for c in codes])
    order = np.argsort(-points, kind="stable")
    own = int((points >= POOLED).sum())
    if own < len(codes) and points[order[own:]].sum() < POOLED:
        own = max(own - 1, 0)  # the rest is too small alone and takes the smallest of the others in
    number = np.empty(len(codes), np.int64)
    number[order] = np.minimum(np.arange(len(codes)), own)
    sizes = np.bincount(number, [pixels[int(c)] for c in codes])
    return number[places(mapped, codes, "map's values")], sizes.astype(np.float64)


def _ratio(y: NDArray[Any], x: NDArray[Any], part: Ints, sizes: Floats, plain: bool = False) -> Estimated:
    """The total of y over that of x, with the variance of a ratio; `plain` intervals are ± 1.96 standard errors.

    Others are Wilson's with the number of points that would give this standard error by simple random sampling: near 0
    and 1, and with few points, the plain ones do not hold what they promise.
    """
    total_y, total_x = (float(_totals(v[:, None], part, sizes)[0]) for v in (y, x))
    if total_x == 0:
        return Estimated(value=None, se=None, low=None, high=None)
    value = total_y / total_x
    n = np.bincount(part, minlength=len(sizes))
    rest = y - value * x
    means = np.bincount(part, rest, len(sizes)) / n
    squares = np.bincount(part, (rest - means[part]) ** 2, len(sizes))
    variance = np.sum(sizes**2 * (1 - n / sizes) * squares / np.maximum(n - 1, 1) / n) / total_x**2
    se = float(np.sqrt(variance))
    low, high = _interval(value, se, plain, int(x.sum()), n, sizes)
    return Estimated(value=value, se=se, low=low, high=high)


def _interval(value: float, se: float, plain: bool, points: int, n: Ints, sizes: Floats) -> tuple[float, float]:
    """Low and high end. With a standard error of 0, since no point differs, the number of points decides."""
    if np.array_equal(n, sizes):
        return value, value
    if plain and se > 0:
        return max(value - Z * se, 0.0), min(value + Z * se, 1.0)
    worth = value * (1 - value) / se**2 if se > 0 else float(np.min(n / sizes) * sizes.sum()) if plain else points
    middle = (value + Z**2 / (2 * worth)) / (1 + Z**2 / worth)
    half = Z / (1 + Z**2 / worth) * np.sqrt(value * (1 - value) / worth + Z**2 / (4 * worth**2))
    return max(float(middle - half), 0.0), min(float(middle + half), 1.0)


def _totals(y: NDArray[Any], part: Ints, sizes: Floats) -> Floats:
    """Estimated totals over the population of each column."""
    weight = sizes / np.bincount(part, minlength=len(sizes))
    return np.asarray(weight[part] @ y.astype(np.float64))


def _refuse_few(points: Ints, sizes: Floats) -> None:
    for number, (n, size) in enumerate(zip(points.tolist(), sizes.tolist(), strict=True), 1):
        if n > size:
            raise MinecoverError(f"Stratum {number} has {n} points and {size:.0f} pixels. Correct the recorded design.")
        if n < 2 and n < size:
            raise MinecoverError(
                f"Stratum {number} has {n} points with a class; a standard error needs two or more. Interpret more of "
                f"its points."
            )
