"""Mean and spread around each pixel, in windows that leave gaps out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

FLAT = 1e-13  # of the mean square: a smaller variance is rounding

Floats = NDArray[np.floating[Any]]


def moments(images: Floats, size: int) -> NDArray[np.float32]:
    """Means, then standard deviations, of the size × size windows of each image (n, H, W): (2, n, H − size + 1, …).

    NaN and infinite values are left out; a window without values has NaN. A window's answer depends on its values
    alone, to the last bit, wherever it lies in whatever image.
    """
    n, height, width = images.shape
    out = np.empty((2, n, height - size + 1, width - size + 1), np.float32)
    images = np.ascontiguousarray(images, np.float32)
    parts = np.array_split(np.arange(n), numba.get_num_threads())
    with ThreadPoolExecutor(len(parts)) as pool:
        for _ in pool.map(lambda part: _moments(images, part, size, out), parts):
            pass
    return out


@numba.njit(cache=True, nogil=True)
def _moments(images, which, size, out):  # type: ignore[no-untyped-def]
    height, width = images.shape[1], images.shape[2]
    across = width - size + 1
    # Sums along each row are kept for the last rows; each sum is taken anew, since running ones would drift.
    sums = np.empty((size, 3, across))
    values, total = np.zeros((3, width)), np.empty((3, across))
    for image in which:
        for y in range(height):
            for x in range(width):
                value = np.float64(images[image, y, x])
                known = np.isfinite(value)
                values[0, x] = known
                values[1, x] = value if known else 0.0
                values[2, x] = value * value if known else 0.0
            for k in range(3):
                row = sums[y % size, k]
                row[:] = 0.0
                for shift in range(size):
                    for x in range(across):
                        row[x] += values[k, x + shift]
            if y < size - 1:
                continue
            total[:] = 0.0
            for shift in range(size):
                for k in range(3):
                    row = sums[(y + 1 + shift) % size, k]
                    for x in range(across):
                        total[k, x] += row[x]
            for x in range(across):
                if total[0, x] == 0.0:
                    out[0, image, y - size + 1, x] = np.nan
                    out[1, image, y - size + 1, x] = np.nan
                    continue
                mean, square = total[1, x] / total[0, x], total[2, x] / total[0, x]
                variance = square - mean * mean
                out[0, image, y - size + 1, x] = mean
                out[1, image, y - size + 1, x] = np.sqrt(variance) if variance > FLAT * square else 0.0
