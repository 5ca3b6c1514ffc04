"""Edges, lines and superpixels: arrays and masks in, arrays and masks out. Knows nothing of bands or plans."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np

from pipeline.engine.kernels.neighbourhood import covered, weighted_sum
from pipeline.engine.kernels.stack import compiled

NDArray = np.ndarray[Any, Any]
ANGLES = 180


def canny_pad(sigma: float) -> int:
    """How many cells `canny` loses on each side."""
    return int(np.ceil(3 * sigma)) + 2


def canny(data: NDArray, valid: NDArray, sigma: float, threshold: float) -> tuple[NDArray, NDArray]:
    """Gradient magnitude (per cell) on edges one cell wide and above the threshold, else 0; and where it is known.

    The image is smoothed by a Gaussian (cut at 3 sigma) first, unless sigma is 0. Both results are `canny_pad` smaller.
    """
    half = int(np.ceil(3 * sigma))
    line = np.exp(-(np.arange(-half, half + 1) ** 2) / (2 * sigma**2)) if half else np.ones(1)
    smooth = weighted_sum(np.where(valid, data, 0), np.outer(line, line) / line.sum() ** 2)
    known = covered(valid, np.ones((2 * half + 3, 2 * half + 3), bool), all_of_it=True)
    magnitude = _thinned(smooth)
    return np.where(magnitude > threshold, magnitude, 0.0), known[1:-1, 1:-1]


def hough(active: NDArray, block: int, first: tuple[int, int], threshold: float, smooth: bool) -> NDArray:
    """Where a line runs that at least `threshold` active cells of the same block lie on.

    Blocks are `block` cells a side; `first` is the (row, column) of a block's corner nearest to the array's corner.
    """
    out = np.zeros(active.shape, np.bool_)
    for y in range(first[0], active.shape[0], block):
        for x in range(first[1], active.shape[1], block):
            part = np.s_[max(y, 0) : y + block, max(x, 0) : x + block]
            if active[part].any():
                out[part] = _lines(np.ascontiguousarray(active[part]), threshold, smooth)
    return out


def snic(values: NDArray, valid: NDArray, seeds: NDArray, spatial: float, eight: bool) -> NDArray:
    """Cluster of each cell (−1 for none) by Simple Non-Iterative Clustering.

    `values` is (band, row, column); `seeds` holds a cluster's number, from 0, where it starts and −1 elsewhere. A cell
    joins the cluster whose mean is nearest: squared colour distance + `spatial` × squared distance in cells.
    """
    count = int(seeds.max(initial=-1)) + 1
    return _snic(values.astype(np.float64), valid, seeds.astype(np.int64), count, spatial, eight)


@compiled
def _thinned(z: NDArray) -> NDArray:
    """Gradient magnitude where neither neighbour along the gradient is larger (nor the second equal), else 0."""
    height, width = z.shape[0] - 2, z.shape[1] - 2
    gx, gy, size = np.empty((height, width)), np.empty((height, width)), np.empty((height, width))
    for y in range(height):
        for x in range(width):
            gx[y, x] = (z[y + 1, x + 2] - z[y + 1, x]) / 2.0
            gy[y, x] = (z[y + 2, x + 1] - z[y, x + 1]) / 2.0
            size[y, x] = np.sqrt(gx[y, x] ** 2 + gy[y, x] ** 2)
    out = np.zeros((height - 2, width - 2))
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            here = size[y, x]
            if here == 0.0:
                continue
            # One step to the neighbour in whose eighth of the circle the gradient points.
            dx, dy = int(np.rint(gx[y, x] / here)), int(np.rint(gy[y, x] / here))
            if here >= size[y - dy, x - dx] and here > size[y + dy, x + dx]:
                out[y - 1, x - 1] = here
    return out


@compiled
def _lines(active: NDArray, threshold: float, smooth: bool) -> NDArray:
    height, width = active.shape
    reach = int(np.ceil(np.hypot(height, width)))
    votes = np.zeros((ANGLES, 2 * reach + 1))
    cosines = np.cos(np.arange(ANGLES) * np.pi / ANGLES)
    sines = np.sin(np.arange(ANGLES) * np.pi / ANGLES)
    for y in range(height):
        for x in range(width):
            if active[y, x]:
                for k in range(ANGLES):
                    votes[k, int(np.rint(x * cosines[k] + y * sines[k])) + reach] += 1.0
    if smooth:
        once = votes.copy()
        for k in range(1, ANGLES - 1):
            for r in range(1, 2 * reach):
                votes[k, r] = (once[k - 1, r] + once[k + 1, r] + once[k, r - 1] + once[k, r + 1] + 4 * once[k, r]) / 8.0
    out = np.zeros((height, width), np.bool_)
    for y in range(height):
        for x in range(width):
            for k in range(ANGLES):
                if votes[k, int(np.rint(x * cosines[k] + y * sines[k])) + reach] >= threshold:
                    out[y, x] = True
                    break
    return out


@compiled
def _snic(values: NDArray, valid: NDArray, seeds: NDArray, count: int, spatial: float, eight: bool) -> NDArray:
    """Cells come from the heap nearest first; ties in the order they were found."""
    bands, height, width = values.shape
    labels = np.full((height, width), -1, np.int64)
    sums, cells = np.zeros((count, bands + 2)), np.zeros(count)
    heap = [(0.0, np.int64(0), np.int64(0), np.int64(0)) for _ in range(0)]
    order = np.int64(0)
    for y in range(height):
        for x in range(width):
            if seeds[y, x] >= 0 and valid[y, x]:
                heapq.heappush(heap, (0.0, order, np.int64(y * width + x), seeds[y, x]))
                order += 1
    while heap:
        _, _, cell, label = heapq.heappop(heap)
        y, x = cell // width, cell % width
        if labels[y, x] >= 0:
            continue
        labels[y, x] = label
        cells[label] += 1.0
        sums[label, 0] += y
        sums[label, 1] += x
        for b in range(bands):
            sums[label, b + 2] += values[b, y, x]
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                v, u = y + dy, x + dx
                if (dx != 0 and dy != 0 and not eight) or v < 0 or u < 0 or v >= height or u >= width:
                    continue
                if valid[v, u] and labels[v, u] < 0:
                    n = cells[label]
                    far = spatial * ((v - sums[label, 0] / n) ** 2 + (u - sums[label, 1] / n) ** 2)
                    for b in range(bands):
                        far += (values[b, v, u] - sums[label, b + 2] / n) ** 2
                    heapq.heappush(heap, (far, order, np.int64(v * width + u), label))
                    order += 1
    return labels
