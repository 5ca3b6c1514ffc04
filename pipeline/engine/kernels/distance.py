"""Distances to the nearest marked cell, along one direction, and through a surface of costs: arrays in, arrays out.

Distances are in cells unless said otherwise. This module knows nothing of bands, plans or projections.
"""

from __future__ import annotations

import heapq
from typing import Any, Literal

import numpy as np

from pipeline.engine.kernels.stack import compiled

NDArray = np.ndarray[Any, Any]
Metric = Literal["squared_euclidean", "manhattan", "chebyshev"]
METRICS: dict[str, int] = {"squared_euclidean": 0, "manhattan": 1, "chebyshev": 2}


def nearest(marked: NDArray, radius: int, metric: str) -> NDArray:
    """Distance from each cell (padded by `radius`) to the nearest marked one; infinite where none is within `radius`.

    Exact. `radius` is a distance in the same metric, so that the answer cannot depend on what lies outside the padding.
    """
    found = np.asarray(_nearest(np.ascontiguousarray(marked), radius, METRICS[metric]))
    limit = radius**2 if metric == "squared_euclidean" else radius
    return np.where(found <= limit, found, np.inf)


def along(marked: NDArray, x: float, y: float, reach: float, pad: tuple[int, int]) -> tuple[NDArray, NDArray, NDArray]:
    """Distance to the first marked cell in direction (x, y), at most `reach`, and that cell's (row, column).

    The input is padded by `pad` = (columns, rows); distance is infinite where nothing is found. A cell that is marked
    is its own first.
    """
    longest = max(abs(x), abs(y))
    steps = int(np.floor(reach * longest + 1e-9))
    shape = (marked.shape[0] - 2 * pad[1], marked.shape[1] - 2 * pad[0])
    return _along(np.ascontiguousarray(marked), x / longest, y / longest, steps, *pad, *shape)


def cheapest(
    costs: NDArray, passable: NDArray, sources: NDArray, widths: NDArray, heights: NDArray, reach: float
) -> NDArray:
    """Accumulated cost (band, row, column) from the nearest source by the first band's costs; infinite if out of reach.

    A step to one of the 8 neighbours costs its length times the mean of both cells' costs; equal paths are told apart
    by the next band. Cells are `widths[row]` × `heights[row]`, in the units of `reach`; a path is no longer than that.
    """
    return _cheapest(
        costs.astype(np.float64), passable, sources, widths.astype(np.float64), heights.astype(np.float64), reach
    )


def parabolas(heights: NDArray, radius: int) -> NDArray:
    """Highest of the parabolas height − distance² over all cells within `radius` on both axes, and never below 0.

    Padded by `radius`; cells of no height make no parabola.
    """
    reach = min(radius, int(np.sqrt(max(heights.max(initial=0), 0))))
    cut = radius - reach
    z = heights[cut : heights.shape[0] - cut, cut : heights.shape[1] - cut].astype(np.float64)
    steps = range(-reach, reach + 1)
    width, height = z.shape[1] - 2 * reach, z.shape[0] - 2 * reach
    across = np.full((z.shape[0], width), -np.inf)
    for k in steps:
        np.maximum(across, z[:, reach + k : reach + k + width] - k * k, out=across)
    out = np.zeros((height, width))
    for k in steps:
        np.maximum(out, across[reach + k : reach + k + height] - k * k, out=out)
    return out


@compiled
def _nearest(marked: NDArray, radius: int, metric: int) -> NDArray:
    """Down and up each column, then along each row from the columns' answers (Meijster's two phases)."""
    height, width = marked.shape
    far = height + width + 1
    column = np.empty((height, width), np.int64)
    for x in range(width):
        column[0, x] = 0 if marked[0, x] else far
    for y in range(1, height):
        for x in range(width):
            column[y, x] = 0 if marked[y, x] else min(column[y - 1, x] + 1, far)
    for y in range(height - 2, -1, -1):
        for x in range(width):
            column[y, x] = min(column[y, x], column[y + 1, x] + 1)
    out = np.empty((height - 2 * radius, width - 2 * radius))
    for y in range(out.shape[0]):
        if metric == 0:
            _lower_parabolas(column[y + radius], far, radius, out[y])
        else:
            _spread(column[y + radius], far, radius, metric == 2, out[y])
    return out


@compiled
def _lower_parabolas(g: NDArray, far: int, radius: int, out: NDArray) -> None:
    """Lower envelope of (x − i)² + g(i)² over all columns i (Felzenszwalb and Huttenlocher), sampled inside the pad."""
    corner, start = np.empty(g.size, np.int64), np.empty(g.size + 1)
    last = -1
    for i in range(g.size):
        if g[i] >= far:
            continue
        where = -np.inf
        while last >= 0:
            j = corner[last]
            where = ((g[i] ** 2 + i**2) - (g[j] ** 2 + j**2)) / (2.0 * (i - j))
            if where > start[last]:
                break
            last -= 1
            where = -np.inf
        last += 1
        corner[last], start[last] = i, where
    k = 0
    for x in range(out.size):
        if last < 0:
            out[x] = np.inf
            continue
        while k < last and start[k + 1] < x + radius:
            k += 1
        i = corner[k]
        out[x] = (x + radius - i) ** 2 + g[i] ** 2


@compiled
def _spread(g: NDArray, far: int, radius: int, square: bool, out: NDArray) -> None:
    """Least |x − i| + g(i), or least max(|x − i|, g(i)), over the columns within the radius."""
    for x in range(out.size):
        best = far
        for step in range(radius + 1):
            if step >= best:
                break
            for i in (x + radius - step, x + radius + step):
                best = min(best, max(step, g[i]) if square else step + g[i])
        out[x] = best if best < far else np.inf


@compiled
def _along(
    marked: NDArray, x_step: float, y_step: float, steps: int, pad_x: int, pad_y: int, height: int, width: int
) -> tuple[NDArray, NDArray, NDArray]:
    distance = np.full((height, width), np.inf)
    rows, columns = np.zeros((height, width), np.int64), np.zeros((height, width), np.int64)
    length = np.sqrt(x_step * x_step + y_step * y_step)
    for y in range(height):
        for x in range(width):
            for k in range(steps + 1):
                row = y + pad_y + int(np.floor(k * y_step + 0.5))
                column = x + pad_x + int(np.floor(k * x_step + 0.5))
                if marked[row, column]:
                    distance[y, x] = k * length
                    rows[y, x], columns[y, x] = row, column
                    break
    return distance, rows, columns


@compiled
def _cheapest(
    costs: NDArray, passable: NDArray, sources: NDArray, widths: NDArray, heights: NDArray, reach: float
) -> NDArray:
    """Dijkstra from all sources at once; a cell taken from the heap is settled."""
    bands, height, width = costs.shape
    total = np.full((bands, height, width), np.inf)
    length = np.full((height, width), np.inf)
    settled = np.zeros((height, width), np.bool_)
    heap = [(0.0, np.int64(0)) for _ in range(0)]
    for y in range(height):
        for x in range(width):
            if sources[y, x] and passable[y, x]:
                total[:, y, x], length[y, x] = 0.0, 0.0
                heapq.heappush(heap, (0.0, np.int64(y * width + x)))
    while heap:
        _, cell = heapq.heappop(heap)
        y, x = cell // width, cell % width
        if settled[y, x]:
            continue
        settled[y, x] = True
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                v, u = y + dy, x + dx
                if v < 0 or u < 0 or v >= height or u >= width or not passable[v, u] or settled[v, u]:
                    continue
                step = np.hypot(dx * (widths[y] + widths[v]) / 2.0, dy * (heights[y] + heights[v]) / 2.0)
                if length[y, x] + step > reach or not _better(costs, total, y, x, v, u, step):
                    continue
                for b in range(bands):
                    total[b, v, u] = total[b, y, x] + step * (costs[b, y, x] + costs[b, v, u]) / 2.0
                length[v, u] = length[y, x] + step
                heapq.heappush(heap, (total[0, v, u], np.int64(v * width + u)))
    return total


@compiled
def _better(costs: NDArray, total: NDArray, y: int, x: int, v: int, u: int, step: float) -> bool:
    """Whether going through (y, x) is cheaper for (v, u), by the first band that tells."""
    for b in range(costs.shape[0]):
        new = total[b, y, x] + step * (costs[b, y, x] + costs[b, v, u]) / 2.0
        if new != total[b, v, u]:
            return bool(new < total[b, v, u])
    return False
