"""Weighted means of the source pixels around each wanted one. Arrays in, arrays out; it knows nothing of grids."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.engine.kernels.stack import compiled

NDArray = np.ndarray[Any, Any]

LEAST_SHARE = 0.5


def interpolate(
    values: NDArray, valid: NDArray | None, columns: NDArray, across: NDArray, rows: NDArray, down: NDArray, shape: Any
) -> tuple[NDArray, NDArray]:
    """The weighted mean of valid source pixels (all without `valid`), and where at least half of the weight is valid.

    `columns` and `rows` are places in the source, (taps, height or 1, width or 1), -1 outside of it; `across` and
    `down` are their weights. Whole numbers are rounded to the nearest, halves to the even one.
    """
    data, mask = np.zeros(shape, values.dtype), np.empty(shape, bool)
    ok, whole = np.ones((1, 1), bool) if valid is None else valid, values.dtype.kind in "iu"
    if columns.shape[1] == 1 and rows.shape[2] == 1:
        a, b, c, d = columns[:, 0], across[:, 0], rows[:, :, 0], down[:, :, 0]
        _straight(values, ok, valid is None, a, b, c, d, whole, data, mask)
    else:
        a, b, c, d = (np.broadcast_to(each, (len(each), *shape)) for each in (columns, across, rows, down))
        _turned(values, ok, valid is None, a, b, c, d, whole, data, mask)
    return data, mask


@compiled
def _straight(  # pragma: no cover - runs compiled
    values: NDArray, valid: NDArray, all_valid: bool, columns: NDArray, across: NDArray, rows: NDArray, down: NDArray,
    whole: bool, data: NDArray, mask: NDArray,
) -> None:  # fmt: skip
    """Grids whose rows are rows of the source: first down its columns, then across."""
    height, width = mask.shape
    taps, wide = len(columns), values.shape[1]
    sums, shares = np.empty(wide), np.empty(wide)
    for y in range(height):
        sums[:] = 0.0
        shares[:] = 0.0
        for j in range(taps):
            row, weight = rows[j, y], down[j, y]
            if row < 0:
                continue
            for x in range(wide):
                if all_valid or valid[row, x]:
                    sums[x] += weight * values[row, x]
                    shares[x] += weight
        for x in range(width):
            a, b = 0.0, 0.0
            for i in range(taps):
                column = columns[i, x]
                if column >= 0:
                    a += across[i, x] * sums[column]
                    b += across[i, x] * shares[column]
            mask[y, x] = b >= LEAST_SHARE
            if b >= LEAST_SHARE:
                data[y, x] = np.rint(a / b) if whole else a / b


@compiled
def _turned(  # pragma: no cover - runs compiled
    values: NDArray, valid: NDArray, all_valid: bool, columns: NDArray, across: NDArray, rows: NDArray, down: NDArray,
    whole: bool, data: NDArray, mask: NDArray,
) -> None:  # fmt: skip
    """Any grids: each pixel has places of its own."""
    height, width = mask.shape
    taps = len(columns)
    for y in range(height):
        for x in range(width):
            a, b = 0.0, 0.0
            for j in range(taps):
                for i in range(taps):
                    row, column = rows[j, y, x], columns[i, y, x]
                    if row >= 0 and column >= 0 and (all_valid or valid[row, column]):
                        weight = across[i, y, x] * down[j, y, x]
                        a += weight * values[row, column]
                        b += weight
            mask[y, x] = b >= LEAST_SHARE
            if b >= LEAST_SHARE:
                data[y, x] = np.rint(a / b) if whole else a / b
