"""Connected components of equal values, and their sizes and extents: arrays in, arrays out. Knows nothing of plans."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.engine.kernels.stack import compiled

NDArray = np.ndarray[Any, Any]


def components(values: NDArray, valid: NDArray, steps: NDArray) -> tuple[NDArray, int]:
    """Component number of each cell (−1 where masked), counted in reading order of first cells, and how many there are.

    Cells of equal value are joined along `steps`, an (n, 2) array of (row, column) offsets taken in both directions.
    """
    labels, count = _components(np.ascontiguousarray(values), np.ascontiguousarray(valid), steps.astype(np.int64))
    return np.asarray(labels), int(count)


def half(inside: NDArray, x: int, y: int) -> NDArray:
    """The offsets (row, column) of a kernel's cells around its centre that point back in reading order.

    A cell that points forward is turned round: being connected goes both ways.
    """
    steps = {(int(r) - y, int(c) - x) for r, c in zip(*np.nonzero(inside), strict=True)} - {(0, 0)}
    return np.array(sorted({s if s < (0, 0) else (-s[0], -s[1]) for s in steps}), dtype=np.int64).reshape(-1, 2)


FOUR = np.array([(-1, 0), (0, -1)])
EIGHT = np.array([(-1, -1), (-1, 0), (-1, 1), (0, -1)])


def sizes(labels: NDArray, count: int) -> NDArray:
    """Number of cells of each component."""
    return np.asarray(np.bincount(labels[labels >= 0], minlength=count))


def extents(labels: NDArray, count: int) -> NDArray:
    """Height or width of each component, whichever is larger."""
    rows, columns = np.nonzero(labels >= 0)
    which = labels[rows, columns]
    spans = []
    for place in (rows, columns):
        low, high = np.full(count, np.iinfo(np.int64).max), np.full(count, -1)
        np.minimum.at(low, which, place)
        np.maximum.at(high, which, place)
        spans.append(high - low + 1)
    return np.asarray(np.maximum(*spans))


@compiled
def _components(values: NDArray, valid: NDArray, steps: NDArray) -> tuple[NDArray, int]:
    """Union-find in one sweep; the root of a set is its first cell in reading order."""
    height, width = values.shape
    parent = np.arange(height * width)
    for y in range(height):
        for x in range(width):
            if not valid[y, x]:
                continue
            for k in range(steps.shape[0]):
                v, u = y + steps[k, 0], x + steps[k, 1]
                inside = 0 <= v < height and 0 <= u < width
                if inside and valid[v, u] and values[v, u] == values[y, x]:
                    a, b = _root(parent, v * width + u), _root(parent, y * width + x)
                    parent[max(a, b)] = min(a, b)
    labels = np.full((height, width), -1, np.int64)
    count = 0
    for y in range(height):
        for x in range(width):
            if valid[y, x]:
                first = _root(parent, y * width + x)
                if first == y * width + x:
                    labels[y, x] = count
                    count += 1
                else:
                    labels[y, x] = labels[first // width, first % width]
    return labels, count


@compiled
def _root(parent: NDArray, cell: int) -> int:
    while parent[cell] != cell:
        parent[cell] = parent[parent[cell]]
        cell = parent[cell]
    return cell
