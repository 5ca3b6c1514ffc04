"""Sums, extremes, ranks and variances over moving windows: arrays and masks in, arrays out.

Inputs are padded: an output pixel (y, x) sees the input cells [y : y + rows, x : x + columns] under the weights
(rows, columns), so that the output is smaller than the input by the weights' shape less one. Nothing is flipped.
Each output pixel depends on its window alone, to the last bit: cutting the work into tiles changes nothing.

This module knows nothing of kernels' units, bands or plans.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from pipeline.engine.kernels.stack import compiled
from pipeline.errors import EngineError

NDArray = np.ndarray[Any, Any]
Rank = Literal["median", "mode", "entropy"]
MAX_VISITS = 2e11  # some minutes
RANKING = 10  # times a sum
MAX_STACKED = 2.5e8
RANKS: dict[Rank, int] = {"median": 0, "mode": 1, "entropy": 2}


def cells(inside: NDArray, data: NDArray, most: float) -> tuple[NDArray, NDArray]:
    """Rows and columns of the window's cells, if all output pixels visit them at most `most` times together."""
    rows, columns = np.nonzero(inside)
    height, width = (size - reach + 1 for size, reach in zip(data.shape, inside.shape, strict=False))
    if len(rows) * height * width > most:
        raise EngineError(
            f"The kernel has {len(rows)} cells, too many for {width} x {height} pixels. Use a smaller "
            f"kernel, or a coarser scale by reproject()."
        )
    return rows, columns


def weighted_sum(data: NDArray, weights: NDArray) -> NDArray:
    """Sum of data times weights under the window, float64; in two passes where the weights are an outer product."""
    data = np.ascontiguousarray(data, dtype=np.float64)
    factors = _factors(weights)
    if factors is None:
        rows, columns = cells(weights, data, MAX_VISITS)
        tall, wide = weights.shape
        return _direct_sum(data, rows, columns, weights[rows, columns].astype(np.float64), tall, wide)
    return _separable_sum(data, *factors)


def window_sum(data: NDArray, rows: int, columns: int) -> NDArray:
    """Plain sum over a window of rows × columns cells, float64."""
    return _separable_sum(np.ascontiguousarray(data, np.float64), np.ones(rows), np.ones(columns))


def extreme(data: NDArray, valid: NDArray, inside: NDArray, largest: bool) -> NDArray:
    """Largest or smallest valid value under `inside`, in data's type; the opposite extreme where none is valid."""
    info: Any = (np.finfo if data.dtype.kind == "f" else np.iinfo)(data.dtype)
    filled = np.where(valid, data, info.min if largest else info.max).astype(data.dtype, copy=False)
    return _outermost(np.ascontiguousarray(filled), inside, largest)


def covered(valid: NDArray, inside: NDArray, all_of_it: bool) -> NDArray:
    """Where any cell under `inside` is valid, or all of them are."""
    return _outermost(np.ascontiguousarray(valid).view(np.uint8), inside, not all_of_it).view(np.bool_)


def _outermost(data: NDArray, inside: NDArray, largest: bool) -> NDArray:
    if not inside.any():
        return np.zeros((data.shape[0] - inside.shape[0] + 1, data.shape[1] - inside.shape[1] + 1), data.dtype)
    tall, wide = inside.shape
    if not inside.all():
        rows, columns = cells(inside, data, MAX_VISITS)
        return _extreme(data, rows, columns, tall, wide, largest)
    down = _extreme(data, np.arange(tall), np.zeros(tall, np.int64), tall, 1, largest)
    return _extreme(down, np.zeros(wide, np.int64), np.arange(wide), 1, wide, largest)


def ranked(data: NDArray, valid: NDArray, inside: NDArray, what: Rank) -> NDArray:
    """Median, mode (smallest of ties) or entropy (base 2) of the valid values under `inside`; 0 where none is."""
    data = np.ascontiguousarray(data, dtype=np.float64)
    rows, columns = cells(inside, data, MAX_VISITS / RANKING)
    tall, wide = inside.shape
    return _ranked(data, np.ascontiguousarray(valid), rows, columns, tall, wide, RANKS[what])


def variance(data: NDArray, valid: NDArray, inside: NDArray) -> NDArray:
    """Population variance of the valid values under `inside`, in two passes; 0 where none is."""
    data = np.ascontiguousarray(data, dtype=np.float64)
    rows, columns = cells(inside, data, MAX_VISITS)
    tall, wide = inside.shape
    return _variance(data, np.ascontiguousarray(valid), rows, columns, tall, wide)


def shifted(data: NDArray, shape: tuple[int, int], inside: NDArray) -> list[NDArray]:
    """One view a cell of `inside`, row by row: the neighbour at that cell for every output pixel."""
    height, width = data.shape[0] - shape[0] + 1, data.shape[1] - shape[1] + 1
    places = zip(*cells(inside, data, MAX_STACKED), strict=True)
    return [data[y : y + height, x : x + width] for y, x in places]


def _factors(weights: NDArray) -> tuple[NDArray, NDArray] | None:
    """Column and row whose outer product the weights are, or None; small kernels gain nothing from it."""
    w = weights.astype(np.float64)
    y, x = np.unravel_index(np.argmax(np.abs(w)), w.shape)
    if np.count_nonzero(w) <= sum(w.shape) or w[y, x] == 0:
        return None
    column, row = w[:, x].copy(), w[y] / w[y, x]
    same = np.allclose(np.outer(column, row), w, rtol=1e-14, atol=1e-15 * abs(w[y, x]))
    return (column, row) if same else None


@compiled
def _direct_sum(data: NDArray, rows: NDArray, columns: NDArray, weights: NDArray, tall: int, wide: int) -> NDArray:
    height, width = data.shape[0] - tall + 1, data.shape[1] - wide + 1
    out = np.zeros((height, width))
    for y in range(height):
        total = out[y]
        for k in range(rows.size):
            line, shift, weight = data[y + rows[k]], columns[k], weights[k]
            for x in range(width):
                total[x] += weight * line[x + shift]
    return out


@compiled
def _separable_sum(data: NDArray, column: NDArray, row: NDArray) -> NDArray:
    """Across each input row once, kept in a ring of as many rows as the window is tall; then down the ring."""
    tall, wide = column.size, row.size
    height, width = data.shape[0] - tall + 1, data.shape[1] - wide + 1
    out = np.zeros((height, width))
    ring = np.empty((tall, width))
    for y in range(data.shape[0]):
        line, across = data[y], ring[y % tall]
        across[:] = 0.0
        for k in range(wide):
            weight = row[k]
            for x in range(width):
                across[x] += weight * line[x + k]
        if y >= tall - 1:
            total = out[y - tall + 1]
            for k in range(tall):
                weight, across = column[k], ring[(y - tall + 1 + k) % tall]
                for x in range(width):
                    total[x] += weight * across[x]
    return out


@compiled
def _extreme(data: NDArray, rows: NDArray, columns: NDArray, tall: int, wide: int, largest: bool) -> NDArray:
    height, width = data.shape[0] - tall + 1, data.shape[1] - wide + 1
    out = np.empty((height, width), data.dtype)
    for y in range(height):
        best = out[y]
        best[:] = data[y + rows[0], columns[0] : columns[0] + width]
        for k in range(1, rows.size):
            line, shift = data[y + rows[k]], columns[k]
            if largest:
                for x in range(width):
                    best[x] = max(best[x], line[x + shift])
            else:
                for x in range(width):
                    best[x] = min(best[x], line[x + shift])
    return out


@compiled
def _variance(data: NDArray, valid: NDArray, rows: NDArray, columns: NDArray, tall: int, wide: int) -> NDArray:
    height, width = data.shape[0] - tall + 1, data.shape[1] - wide + 1
    out = np.zeros((height, width))
    mean, count = np.empty(width), np.empty(width)
    for y in range(height):
        mean[:] = 0.0
        count[:] = 0.0
        for k in range(rows.size):
            line, ok, shift = data[y + rows[k]], valid[y + rows[k]], columns[k]
            for x in range(width):
                if ok[x + shift]:
                    mean[x] += line[x + shift]
                    count[x] += 1.0
        for x in range(width):
            count[x] = max(count[x], 1.0)
            mean[x] /= count[x]
        for k in range(rows.size):
            line, ok, shift = data[y + rows[k]], valid[y + rows[k]], columns[k]
            for x in range(width):
                if ok[x + shift]:
                    out[y, x] += (line[x + shift] - mean[x]) ** 2
        out[y] /= count
    return out


@compiled
def _ranked(data: NDArray, valid: NDArray, rows: NDArray, columns: NDArray, tall: int, wide: int, what: int) -> NDArray:
    height, width = data.shape[0] - tall + 1, data.shape[1] - wide + 1
    out = np.zeros((height, width))
    seen = np.empty(rows.size)
    for y in range(height):
        for x in range(width):
            n = 0
            for k in range(rows.size):
                if valid[y + rows[k], x + columns[k]]:
                    seen[n] = data[y + rows[k], x + columns[k]]
                    n += 1
            if n == 0:
                continue
            if what == 0:
                out[y, x] = _median(seen, n)
            else:
                seen[:n].sort()
                out[y, x] = _mode(seen, n) if what == 1 else _entropy(seen, n)
    return out


@compiled
def _median(seen: NDArray, n: int) -> float:
    """The middle value, or the mean of the two middle ones; reorders `seen`."""
    upper: float = _select(seen, n, n // 2)
    if n % 2:
        return upper
    lower: float = seen[0]
    for k in range(1, n // 2):
        lower = max(lower, seen[k])
    return (lower + upper) / 2.0


@compiled
def _select(seen: NDArray, n: int, k: int) -> float:
    """The k-th smallest, with nothing larger before it (Hoare's selection)."""
    low, high = 0, n - 1
    while low < high:
        pivot = seen[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while seen[i] < pivot:
                i += 1
            while seen[j] > pivot:
                j -= 1
            if i <= j:
                seen[i], seen[j] = seen[j], seen[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    value: float = seen[k]
    return value


@compiled
def _mode(ordered: NDArray, n: int) -> float:
    best, most, run = ordered[0], 1, 1
    for k in range(1, n):
        run = run + 1 if ordered[k] == ordered[k - 1] else 1
        if run > most:
            best, most = ordered[k], run
    value: float = best
    return value


@compiled
def _entropy(ordered: NDArray, n: int) -> float:
    total, run = 0.0, 1
    for k in range(1, n + 1):
        if k < n and ordered[k] == ordered[k - 1]:
            run += 1
        else:
            total -= run / n * np.log2(run / n)
            run = 1
    return total
