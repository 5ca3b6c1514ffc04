"""Weighted means of the source pixels around each wanted one. Arrays in, arrays out; it knows nothing of grids."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.engine.kernels.stack import compiled

NDArray = np.ndarray[Any, Any]

LEAST_SHARE = 0.5


@compiled
def interpolate(  # pragma: no cover - runs compiled
    values: NDArray,
    valid: NDArray,
    all_valid: bool,
    columns: NDArray,
    across: NDArray,
    rows: NDArray,
    down: NDArray,
    whole: bool,
    data: NDArray,
    mask: NDArray,
) -> None:
    """Fills `data` and `mask`: the weighted mean of valid source pixels, where at least half of the weight is valid.

    `columns` and `rows` are places in the source, (taps, height or 1, width or 1), -1 outside of it; `across` and
    `down` are their weights. Whole numbers are rounded to the nearest, halves to the even one.
    """
    height, width = mask.shape
    taps = len(columns)
    # Steps of 0 where one row or column of places serves all.
    row_dy, row_dx = int(rows.shape[1] > 1), int(rows.shape[2] > 1)
    column_dy, column_dx = int(columns.shape[1] > 1), int(columns.shape[2] > 1)
    for y in range(height):
        row_y, column_y = y * row_dy, y * column_dy
        for x in range(width):
            row_x, column_x = x * row_dx, x * column_dx
            total = 0.0
            share = 0.0
            for j in range(taps):
                row = rows[j, row_y, row_x]
                if row < 0:
                    continue
                for i in range(taps):
                    column = columns[i, column_y, column_x]
                    if column < 0 or not (all_valid or valid[row, column]):
                        continue
                    weight = across[i, column_y, column_x] * down[j, row_y, row_x]
                    total += weight * values[row, column]
                    share += weight
            mask[y, x] = share >= LEAST_SHARE
            if share >= LEAST_SHARE:
                value = total / share
                data[y, x] = np.rint(value) if whole else value
