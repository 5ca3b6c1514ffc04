"""Compiled fits and rank statistics, one small problem a cell: regressions, trends, ranks, geometric medians.

Data come as (inputs, layers, cells) float64 with a mask or weights (layers, cells); rows with weight 0 take no part.
The same kernels serve one long series: a block of one cell. This module knows arrays only.
"""

from __future__ import annotations

import math

import numpy as np

from pipeline.engine.kernels.stack import compiled
from pipeline.engine.plan import NDArray

OLS, ROBUST, RIDGE = 0, 1, 2


@compiled
def _solve(rows: NDArray, p: int, coefficients: NDArray) -> bool:
    """Least squares by modified Gram-Schmidt on rows = [X | Y]; Y is left as residuals. False if X is deficient."""
    columns = rows.shape[1]
    r = np.zeros((p, columns))
    for j in range(p):
        before = math.sqrt((rows[:, j] ** 2).sum())
        for _ in range(2):  # orthogonalise against the earlier columns once more: the second pass keeps precision
            for i in range(j):
                dot = (rows[:, i] * rows[:, j]).sum()
                rows[:, j] -= dot * rows[:, i]
                r[i, j] += dot
        norm = math.sqrt((rows[:, j] ** 2).sum())
        if norm <= 1e-10 * before or norm == 0.0:
            return False
        rows[:, j] /= norm
        r[j, j] = norm
    for y in range(p, columns):
        for i in range(p):
            dot = (rows[:, i] * rows[:, y]).sum()
            rows[:, y] -= dot * rows[:, i]
            r[i, y] = dot
        for i in range(p - 1, -1, -1):
            value = r[i, y]
            for j in range(i + 1, p):
                value -= r[i, j] * coefficients[j, y - p]
            coefficients[i, y - p] = value / r[i, i]
    return True


@compiled
def _weighted_fit(rows: NDArray, weights: NDArray, p: int, coefficients: NDArray, rms: NDArray) -> bool:
    scaled = rows.copy()
    for k in range(rows.shape[0]):
        scaled[k] *= math.sqrt(weights[k])
    if not _solve(scaled, p, coefficients):
        return False
    for y in range(rms.size):
        rms[y] = math.sqrt((scaled[:, p + y] ** 2).sum() / weights.sum())
    return True


@compiled
def _robust_fit(rows: NDArray, base: NDArray, p: int, beta: float, coefficients: NDArray, rms: NDArray) -> bool:
    """Talwar: rows whose residual exceeds the margin get weight 0, until the set stays the same.

    A beta <= 0 stands for the usual 2.795 robust standard deviations (median absolute residual / 0.6745).
    """
    weights = base.copy()
    size = np.empty(rows.shape[0])
    for _ in range(50):
        if not _weighted_fit(rows, weights, p, coefficients, rms):
            return False
        for k in range(rows.shape[0]):
            total = 0.0
            for y in range(rms.size):
                residual = rows[k, p + y]
                for j in range(p):
                    residual -= rows[k, j] * coefficients[j, y]
                total += residual * residual
            size[k] = math.sqrt(total / rms.size)
        margin = beta if beta > 0 else 2.795 * np.median(size) / 0.6745
        changed = False
        for k in range(rows.shape[0]):
            weight = base[k] if size[k] <= margin + 1e-12 else 0.0
            changed = changed or weight != weights[k]
            weights[k] = weight
        if not changed:
            return True
        if (weights > 0).sum() < p:
            return False
    return True


@compiled
def _ridge_fit(rows: NDArray, p: int, penalty: float, coefficients: NDArray, rms: NDArray) -> bool:
    """Columns of X are centred and scaled, the penalty is added as p more rows, the intercept comes last."""
    n, columns = rows.shape
    centre, scale = np.empty(columns), np.ones(columns)
    work = np.zeros((n + p, columns))
    for j in range(columns):
        centre[j] = rows[:, j].mean()
        if j < p:
            scale[j] = math.sqrt(((rows[:, j] - centre[j]) ** 2).mean())
            if scale[j] == 0.0:
                return False
            work[n + j, j] = math.sqrt(penalty)
        work[:n, j] = (rows[:, j] - centre[j]) / scale[j]
    if not _solve(work, p, coefficients[:p]):
        return False
    for y in range(rms.size):
        coefficients[p, y] = centre[p + y]
        for j in range(p):
            coefficients[j, y] /= scale[j]
            coefficients[p, y] -= coefficients[j, y] * centre[j]
        total = 0.0
        for k in range(n):
            residual = rows[k, p + y] - coefficients[p, y]
            for j in range(p):
                residual -= rows[k, j] * coefficients[j, y]
            total += residual * residual
        rms[y] = math.sqrt(total / n)
    return True


@compiled
def _gather(data: NDArray, weights: NDArray, x: int, rows: NDArray, row_weights: NDArray) -> int:
    """How many rows of cell x count; they are copied to the front of `rows` and `row_weights`."""
    n = 0
    for k in range(data.shape[1]):
        if weights[k, x] > 0:
            for i in range(data.shape[0]):
                rows[n, i] = data[i, k, x]
            row_weights[n] = weights[k, x]
            n += 1
    return n


@compiled
def fit_cells(
    data: NDArray,
    weights: NDArray,
    method: int,
    p: int,
    parameter: float,
    least: int,
    coefficients: NDArray,
    rms: NDArray,
    ok: NDArray,
) -> None:
    """Fills coefficients (cell, p or p+1, y), rms (cell, y) and ok (cell); fewer than `least` rows is not ok."""
    rows = np.empty((data.shape[1], data.shape[0]))
    row_weights = np.empty(data.shape[1])
    for x in range(ok.size):
        n = _gather(data, weights, x, rows, row_weights)
        coefficients[x] = 0.0
        rms[x] = 0.0
        if n < least:
            ok[x] = False
        elif method == RIDGE:
            ok[x] = _ridge_fit(rows[:n], p, parameter, coefficients[x], rms[x])
        elif method == ROBUST:
            ok[x] = _robust_fit(rows[:n], row_weights[:n], p, parameter, coefficients[x], rms[x])
        else:
            ok[x] = _weighted_fit(rows[:n], np.ones(n), p, coefficients[x], rms[x])


@compiled
def sen_cells(data: NDArray, mask: NDArray, slope: NDArray, offset: NDArray, ok: NDArray) -> None:
    """Fills the median slope of all pairs of points and median(y) - slope * median(x)."""
    size = data.shape[1]
    rows, row_weights = np.empty((size, 2)), np.empty(size)
    slopes = np.empty(size * (size - 1) // 2)
    for x in range(ok.size):
        n = _gather(data, mask, x, rows, row_weights)
        pairs = 0
        for i in range(n):
            for j in range(i):
                if rows[i, 0] != rows[j, 0]:
                    slopes[pairs] = (rows[i, 1] - rows[j, 1]) / (rows[i, 0] - rows[j, 0])
                    pairs += 1
        ok[x] = pairs > 0
        slope[x] = np.median(slopes[:pairs]) if pairs > 0 else 0.0
        offset[x] = np.median(rows[:n, 1]) - slope[x] * np.median(rows[:n, 0]) if pairs > 0 else 0.0


@compiled
def _ties(values: NDArray) -> tuple[float, float, float]:
    """For groups of t equal values: sums of t(t-1)/2, t(t-1)(t-2) and t(t-1)(2t+5)."""
    pairs, triples, variance = 0.0, 0.0, 0.0
    for i in range(values.size):
        t = (values == values[i]).sum()
        pairs += (t - 1) / 2
        triples += (t - 1) * (t - 2)
        variance += (t - 1) * (2 * t + 5)
    return pairs, triples, variance


@compiled
def kendall_cells(data: NDArray, mask: NDArray, tau: NDArray, p_value: NDArray, ok: NDArray) -> None:
    """Fills tau-b and its two-sided p-value by the normal approximation with correction for ties."""
    size = data.shape[1]
    rows, row_weights = np.empty((size, 2)), np.empty(size)
    for x in range(ok.size):
        n = _gather(data, mask, x, rows, row_weights)
        score = 0.0
        for i in range(n):
            for j in range(i):
                score += np.sign(rows[i, 0] - rows[j, 0]) * np.sign(rows[i, 1] - rows[j, 1])
        (tx, x0, x1), (ty, y0, y1) = _ties(rows[:n, 0]), _ties(rows[:n, 1])
        m = n * (n - 1.0)
        ok[x] = n > 1 and m / 2 > tx and m / 2 > ty
        tau[x], p_value[x] = 0.0, 1.0
        if ok[x]:
            tau[x] = max(-1.0, min(1.0, score / math.sqrt(m / 2 - tx) / math.sqrt(m / 2 - ty)))
            variance = (m * (2 * n + 5) - x1 - y1) / 18 + 2 * tx * ty / m
            if n > 2:
                variance += x0 * y0 / (9 * m * (n - 2))
            p_value[x] = math.erfc(abs(score) / math.sqrt(variance) / math.sqrt(2.0))


@compiled
def rank_cells(data: NDArray, mask: NDArray, out: NDArray) -> None:
    """Fills out (layers, cells) with each valid value's rank in its cell from 1, ties averaged."""
    for x in range(data.shape[1]):
        for k in range(data.shape[0]):
            less, equal = 0, 0
            for j in range(data.shape[0]):
                if mask[j, x]:
                    less += data[j, x] < data[k, x]
                    equal += data[j, x] == data[k, x]
            out[k, x] = less + (equal + 1) / 2


@compiled
def _pull(rows: NDArray, point: NDArray, target: NDArray) -> tuple[float, float]:
    """Fills Weiszfeld's next point; returns the strength of the pull there and how many rows lie on `point`."""
    weight, here = 0.0, 0
    target[:] = 0.0
    for k in range(rows.shape[0]):
        square = 0.0
        for i in range(point.size):
            square += (rows[k, i] - point[i]) ** 2
        if square > 1e-24:
            inverse = 1 / math.sqrt(square)
            weight += inverse
            for i in range(point.size):
                target[i] += rows[k, i] * inverse
        else:
            here += 1
    strength = 0.0
    if weight > 0:
        for i in range(point.size):
            target[i] /= weight
            strength += (weight * (target[i] - point[i])) ** 2
    return math.sqrt(strength), here


@compiled
def geometric_median_cells(data: NDArray, mask: NDArray, eta: float, out: NDArray, ok: NDArray) -> None:
    """Fills out (cell, input) with the point of least total distance; steps shorter than `eta` end the search.

    Weiszfeld's iteration with Vardi and Zhang's step away from a data point.
    """
    dimensions, size = data.shape[0], data.shape[1]
    rows, row_weights = np.empty((size, dimensions)), np.empty(size)
    target = np.empty(dimensions)
    for x in range(ok.size):
        n = _gather(data, mask, x, rows, row_weights)
        ok[x] = n > 0
        point = out[x]
        point[:] = 0.0
        for k in range(n):
            for i in range(dimensions):
                point[i] += rows[k, i] / n
        for _ in range(1000 if n > 0 else 0):
            strength, here = _pull(rows[:n], point, target)
            if strength <= here:
                break
            step = 0.0
            for i in range(dimensions):
                move = (1 - here / strength) * (target[i] - point[i])
                point[i] += move
                step += move * move
            if step < eta * eta:
                break
