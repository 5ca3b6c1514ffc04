"""How water runs over a surface and shapes it, and the cheapest way across: compiled loops over plain arrays."""

from __future__ import annotations

import heapq

import numpy as np

from pipeline.engine.kernels.stack import compiled
from pipeline.simulate.district import NDArray


@compiled
def fill(elevation: NDArray, drain: NDArray, rise: NDArray) -> NDArray:
    """The surface with every hollow filled, so that each cell drains to a `drain` cell, `rise` above the next at least.

    Priority flood: cells are visited from the lowest drain upwards, over the lowest cell seen so far. Uneven rises
    make the ways across filled flats branch as streams do, where even ones would make them run side by side.
    """
    rows, columns = elevation.shape
    out = elevation.copy()
    seen = drain.copy()
    heap = [(np.float64(0.0), np.int64(0))]
    heap.pop()
    for r in range(rows):
        for c in range(columns):
            if drain[r, c]:
                heapq.heappush(heap, (np.float64(out[r, c]), np.int64(r * columns + c)))
    while len(heap) > 0:
        level, cell = heapq.heappop(heap)
        r, c = cell // columns, cell % columns
        for dr in range(-1, 2):
            for dc in range(-1, 2):
                y, x = r + dr, c + dc
                if 0 <= y < rows and 0 <= x < columns and not seen[y, x]:
                    seen[y, x] = True
                    out[y, x] = max(out[y, x], level + rise[y, x])
                    heapq.heappush(heap, (np.float64(out[y, x]), np.int64(y * columns + x)))
    return out


@compiled
def receivers(elevation: NDArray) -> NDArray:
    """For each cell, as a flat index, the neighbour down the steepest way, or itself where none is lower."""
    rows, columns = elevation.shape
    out = np.empty(rows * columns, np.int64)
    for r in range(rows):
        for c in range(columns):
            best, out[r * columns + c] = 0.0, r * columns + c
            for dr in range(-1, 2):
                for dc in range(-1, 2):
                    y, x = r + dr, c + dc
                    if 0 <= y < rows and 0 <= x < columns:
                        fall = elevation[r, c] - elevation[y, x]
                        if dr != 0 and dc != 0:
                            fall /= 1.4142135623730951
                        if fall > best:
                            best, out[r * columns + c] = fall, y * columns + x
    return out


@compiled
def downstream_first(receiver: NDArray) -> NDArray:
    """All cells in an order in which each one comes after its receiver (Braun and Willett's stack)."""
    count = receiver.size
    start = np.zeros(count + 1, np.int64)
    for cell in range(count):
        start[receiver[cell] + 1] += 1
    for cell in range(count):
        start[cell + 1] += start[cell]
    donors, used = np.empty(count, np.int64), start[:-1].copy()
    for cell in range(count):
        donors[used[receiver[cell]]] = cell
        used[receiver[cell]] += 1
    order, todo = np.empty(count, np.int64), np.empty(count, np.int64)
    done = 0
    for outlet in range(count):
        if receiver[outlet] != outlet:
            continue
        todo[0], waiting = outlet, 1
        while waiting > 0:
            waiting -= 1
            cell = todo[waiting]
            order[done] = cell
            done += 1
            for k in range(start[cell], start[cell + 1]):
                if donors[k] != cell:
                    todo[waiting] = donors[k]
                    waiting += 1
    return order


@compiled
def gathered(receiver: NDArray, order: NDArray, cell_area: float) -> NDArray:
    """Area that drains through each cell, itself included, flat, in the units of `cell_area`."""
    area = np.full(receiver.size, cell_area)
    for k in range(order.size - 1, -1, -1):
        cell = order[k]
        if receiver[cell] != cell:
            area[receiver[cell]] += area[cell]
    return area


@compiled
def upstream_of(receiver: NDArray, order: NDArray, outlet: int) -> NDArray:
    """Which cells drain through the outlet, flat booleans."""
    inside = np.zeros(receiver.size, np.bool_)
    inside[outlet] = True
    for k in range(order.size):
        cell = order[k]
        if receiver[cell] != cell and inside[receiver[cell]]:
            inside[cell] = True
    return inside


@compiled
def carve(elevation: NDArray, fixed: NDArray, spacing: float, strength: float, times: int) -> NDArray:
    """The surface after streams have cut into it `times` times; `fixed` cells stay (the river that all drain to).

    Stream power with exponent 0.45 of the area and 1 of the slope, solved implicitly from the outlets upwards, so
    that no step can dig a hollow. `strength` is what one step cuts for a unit of area and slope.
    """
    columns = elevation.shape[1]
    surface = elevation.astype(np.float64)
    flat = surface.reshape(-1)
    still = fixed.reshape(-1)
    for _ in range(times):
        receiver = receivers(surface)
        order = downstream_first(receiver)
        area = gathered(receiver, order, spacing * spacing)
        for k in range(order.size):
            cell = order[k]
            below = receiver[cell]
            if below == cell or still[cell]:
                continue
            diagonal = cell // columns != below // columns and cell % columns != below % columns
            length = spacing * 1.4142135623730951 if diagonal else spacing
            factor = strength * area[cell] ** 0.45 / length
            flat[cell] = (flat[cell] + factor * flat[below]) / (1 + factor)
    return surface.astype(np.float32)


def cheapest_path(cost: NDArray, sources: NDArray, target: int) -> NDArray:
    """The cheapest way from any source to the target as flat cells, source first.

    A step costs its length (1 or √2) times the mean cost of both cells.
    """
    before = _came_from(cost, sources, target)
    path = [target]
    while before[path[-1]] >= 0:
        path.append(int(before[path[-1]]))
    return np.array(path[::-1], np.int64)


@compiled
def _came_from(cost: NDArray, sources: NDArray, target: int) -> NDArray:
    """For each cell on a cheapest way from the sources the cell before it, −1 for others; up to the target."""
    rows, columns = cost.shape
    flat = cost.reshape(-1)
    total = np.full(flat.size, np.inf)
    before = np.full(flat.size, -1, np.int64)
    heap = [(np.float64(0.0), np.int64(0))]
    heap.pop()
    for source in sources:
        total[source] = 0.0
        heapq.heappush(heap, (np.float64(0.0), np.int64(source)))
    while len(heap) > 0:
        spent, cell = heapq.heappop(heap)
        if cell == target:
            break
        if spent > total[cell]:
            continue
        r, c = cell // columns, cell % columns
        for dr in range(-1, 2):
            for dc in range(-1, 2):
                y, x = r + dr, c + dc
                if (dr == 0 and dc == 0) or y < 0 or x < 0 or y >= rows or x >= columns:
                    continue
                length = 1.4142135623730951 if dr != 0 and dc != 0 else 1.0
                there = y * columns + x
                spend = spent + length * 0.5 * (flat[cell] + flat[there])
                if spend < total[there]:
                    total[there], before[there] = spend, cell
                    heapq.heappush(heap, (np.float64(spend), np.int64(there)))
    return before
