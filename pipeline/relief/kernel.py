"""The loops of Relief-F: for each instance its nearest rows of every class, and how far off they are in each feature.

Distances to all rows are found in single precision, for a few instances at a time and a tile of rows at a time, so that
a tile is read once from the cache. They only tell the rows that are surely nearer than the k-th from those that are
surely farther; what lies too close to call is measured again in double precision. Scores are in double precision.

Rows are sorted by class. Values lie between 0 and 1; a missing value is NaN. Nothing here grows with the square of
the number of rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

TILE = 1024
"""Rows in a tile: with 112 features it takes 460 kB."""
TOGETHER = 4
"""Instances whose distances are found together."""
STEP = 2
"""Features that are added at a time; their number is filled up to a multiple of it."""
FAST = {"reassoc", "contract", "nsz", "arcp"}

Array = NDArray[Any]


def tiled(rows: Array) -> Array:
    """Rows in single precision as (tiles, features, TILE); what fills up tiles and features changes no distance."""
    n, p = rows.shape
    width = -(-p // STEP) * STEP
    made = np.full((-(-n // TILE), width, TILE), np.nan if np.isnan(rows).any() else 0, np.float32)
    for tile, first in zip(made, range(0, n, TILE), strict=True):
        part = rows[first : first + TILE]
        tile[:p, : len(part)] = part.T
    return made


@njit(cache=True, nogil=True)
def contributions(
    rows: Array, tiles: Array, missing: bool, starts: Array, wanted: Array, k: int, shares: Array, out: Array
) -> None:
    """Fills `out` with what each instance (a row of `wanted`) adds to the score of each feature.

    Class c is rows `starts[c]` to `starts[c + 1]`. `shares[r, c]` is the weight of misses of class c for an instance
    of class r; without any (0 × 0), they are weighted as scikit-rebate does.
    """
    n, p = rows.shape
    apart = np.empty((TOGETHER, tiles.shape[0] * TILE), np.float32)
    values = np.zeros((TOGETHER, tiles.shape[1]), np.float32)
    found, weight, sums = np.empty(n + 1, np.int64), np.empty(n), np.empty((5, p))
    for first in range(0, len(wanted), TOGETHER):
        for b in range(TOGETHER):
            values[b, :p] = rows[wanted[min(first + b, len(wanted) - 1)]]
        if missing:
            _distances_with_gaps(tiles, values, p, apart)
        else:
            _distances(tiles, values, apart)
        for b in range(min(TOGETHER, len(wanted) - first)):
            apart[b, wanted[first + b]] = np.inf
            _score(rows, missing, apart[b], starts, wanted[first + b], k, shares, found, weight, sums)
            out[first + b] = sums[4]


@njit(cache=True, nogil=True, fastmath=FAST)
def _distances(tiles: Array, values: Array, apart: Array) -> None:
    for t in range(tiles.shape[0]):
        lo, hi = t * TILE, (t + 1) * TILE
        d0, d1, d2, d3 = apart[0, lo:hi], apart[1, lo:hi], apart[2, lo:hi], apart[3, lo:hi]
        apart[:, lo:hi] = 0
        for a in range(0, tiles.shape[1], STEP):
            u, v = tiles[t, a], tiles[t, a + 1]
            u0, u1, u2, u3 = values[0, a], values[1, a], values[2, a], values[3, a]
            v0, v1, v2, v3 = values[0, a + 1], values[1, a + 1], values[2, a + 1], values[3, a + 1]
            for j in range(TILE):
                d0[j] += abs(u[j] - u0) + abs(v[j] - v0)
                d1[j] += abs(u[j] - u1) + abs(v[j] - v1)
                d2[j] += abs(u[j] - u2) + abs(v[j] - v2)
                d3[j] += abs(u[j] - u3) + abs(v[j] - v3)


@njit(cache=True, nogil=True, fastmath=FAST)
def _distances_with_gaps(tiles: Array, values: Array, p: int, apart: Array) -> None:
    """Mean over the features that both have, times p; infinite where there are none."""
    count = np.empty(TILE, np.float32)
    for t in range(tiles.shape[0]):
        for b in range(TOGETHER):
            d = apart[b, t * TILE : (t + 1) * TILE]
            d[:] = 0
            count[:] = 0
            for a in range(p):
                u, x = tiles[t, a], values[b, a]
                if not np.isnan(x):
                    for j in range(TILE):
                        has = not np.isnan(u[j])
                        d[j] += abs(u[j] - x) if has else np.float32(0)
                        count[j] += np.float32(1) if has else np.float32(0)
            for j in range(TILE):
                d[j] = d[j] * np.float32(p) / count[j] if count[j] > 0 else np.float32(np.inf)


@njit(cache=True, nogil=True)
def _score(
    rows: Array,
    missing: bool,
    apart: Array,
    starts: Array,
    i: int,
    k: int,
    shares: Array,
    found: Array,
    weight: Array,
    sums: Array,
) -> None:
    """Leaves what instance `i` adds in the last row of `sums`: misses minus hits."""
    near, count, total, misses, result = sums[0], sums[1], sums[2], sums[3], sums[4]
    total[:], misses[:], result[:] = 0, 0, 0
    own = np.searchsorted(starts, i, side="right") - 1
    for c in range(len(starts) - 1):
        taken = _nearest(rows, apart, starts[c], starts[c + 1], i, k, found, weight)
        near[:], count[:] = 0, 0
        _add_up(rows, missing, found[:taken], weight, i, near, count)
        if c == own and taken < k and shares.size == 0:
            count += 1  # scikit-rebate takes the instance itself for one more hit where it runs out of others
        for a in range(len(near)):
            if count[a] == 0:
                continue
            if c == own:
                result[a] -= near[a] / count[a]
            elif shares.size > 0:
                misses[a] += shares[own, c] * near[a] / count[a]
            else:
                misses[a] += near[a] * count[a]
                total[a] += count[a]
    for a in range(len(near)):
        if shares.size > 0:
            result[a] += misses[a]
        elif total[a] > 0:
            result[a] += misses[a] * (len(starts) - 2) / total[a] ** 2


@njit(cache=True, nogil=True, fastmath=FAST)
def _add_up(rows: Array, missing: bool, found: Array, weight: Array, i: int, near: Array, count: Array) -> None:
    """Adds weighted differences between instance and neighbours to `near`, and the weights to `count`."""
    x = rows[i]
    if not missing:
        count[:] = np.sum(weight[: len(found)])
        for s in range(0, len(found) - 1, 2):
            y, z, v, w = rows[found[s]], rows[found[s + 1]], weight[s], weight[s + 1]
            for a in range(len(x)):
                near[a] += v * abs(y[a] - x[a]) + w * abs(z[a] - x[a])
        if len(found) % 2 == 1:
            near += weight[len(found) - 1] * np.abs(rows[found[-1]] - x)
        return
    for s in range(len(found)):
        y, w = rows[found[s]], weight[s]
        for a in range(len(x)):
            d = abs(y[a] - x[a])
            near[a] += 0.0 if np.isnan(d) else w * d
            count[a] += 0.0 if np.isnan(d) else w


@njit(cache=True, nogil=True)
def _nearest(rows: Array, apart: Array, lo: int, hi: int, i: int, k: int, found: Array, weight: Array) -> int:
    """How many of the rows `lo` to `hi` are neighbours of `i`; they stand in `found`, how much each counts in `weight`.

    Rows farther than the k-th nearest count nothing; those as far as it share evenly what is left of k.
    """
    size, m = _shortlist(apart[lo:hi], k, rows.shape[1], found)
    if m == 0:
        return 0
    close = apart[lo:hi][found[:size]]
    kth = np.partition(close, m - 1)[m - 1]
    margin = 2 * _error(rows.shape[1], kth)
    level = np.empty(size, np.int64)
    taken, open_ = 0, 0
    for s in range(size):
        row = lo + found[s]
        if close[s] < kth - margin:
            found[taken] = row
            taken += 1
        elif close[s] <= kth + margin:
            level[open_] = row
            open_ += 1
    weight[:taken] = 1.0
    if open_ == m - taken:
        found[taken:m] = level[:open_]
        weight[taken:m] = 1.0
        return m
    return _decide(rows, i, level[:open_], taken, m - taken, found, weight)


@njit(cache=True, nogil=True)
def _error(p: int, distance: float) -> float:
    """How far a sum of p differences in single precision may be from the true one."""
    return (p + 2) * 2.0**-23 * (1 + distance)


@njit(cache=True, nogil=True)
def _shortlist(apart: Array, k: int, p: int, found: Array) -> tuple[int, int]:
    """How many rows may be among the k nearest, put into `found`, and k, or how many rows there are if fewer."""
    low, high = _range(apart)
    held = _count(apart, high)
    m = min(k, held)
    for _ in range(24):
        if held <= m + m // 2 + 4:
            break
        middle = np.float32(0.5) * (low + high)
        below = _count(apart, middle)
        if below >= m:
            high, held = middle, below
        else:
            low = middle
    limit, size = np.float32(high + 2 * _error(p, high)), 0
    for j in range(len(apart)):
        found[size] = j
        size += 1 if apart[j] <= limit else 0
    return size, m


@njit(cache=True, nogil=True)
def _range(apart: Array) -> tuple[Any, Any]:
    """Least and largest finite distance; both 0 if there is none."""
    bits = apart.view(np.int32)  # ordered as the distances are, since none is negative, and compared many at a time
    infinite = np.int32(0x7F800000)
    low, high = infinite, np.int32(0)
    for j in range(len(bits)):
        low = min(low, bits[j])
        high = max(high, bits[j] if bits[j] < infinite else np.int32(0))
    ends = np.array([min(low, high), high], np.int32).view(np.float32)
    return ends[0], ends[1]


@njit(cache=True, nogil=True)
def _count(apart: Array, limit: Any) -> Any:
    """How many distances are no larger than the limit."""
    count = np.int32(0)
    for j in range(len(apart)):
        count += np.int32(apart[j] <= limit)
    return count


@njit(cache=True, nogil=True)
def _decide(rows: Array, i: int, level: Array, taken: int, wanted: int, found: Array, weight: Array) -> int:
    """Adds to the `taken` rows in `found` the nearest `wanted` of `level`; those as far as the last share places."""
    exact = np.empty(len(level))
    for s in range(len(level)):
        exact[s] = _distance(rows[i], rows[level[s]])
    last = np.partition(exact, wanted - 1)[wanted - 1]
    same = 2.0**-26 * _error(rows.shape[1], last)
    nearer = np.sum(exact < last - same)
    share = (wanted - nearer) / np.sum(np.abs(exact - last) <= same)
    for s in range(len(level)):
        if exact[s] <= last + same:
            found[taken] = level[s]
            weight[taken] = 1.0 if exact[s] < last - same else share
            taken += 1
    return taken


@njit(cache=True, nogil=True, fastmath=FAST)
def _distance(x: Array, y: Array) -> float:
    """Sum of the differences; where some are missing, the mean of the others times the number of features."""
    total, count = 0.0, 0
    for a in range(len(x)):
        d = abs(x[a] - y[a])
        has = not np.isnan(d)
        total += d if has else 0.0
        count += 1 if has else 0
    return total * len(x) / count
