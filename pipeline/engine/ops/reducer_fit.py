"""Reducer.*: several columns together: lines, regressions, trends, correlations, covariances, geometric medians.

Small fits go through the same compiled kernels for one series and for a stack of pixels; where a long series has a
faster way, SciPy does it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.special import betainc, fdtrc

from pipeline.engine.kernels import fits, stack
from pipeline.engine.kernels.stack import Block
from pipeline.engine.plan import NDArray, valid
from pipeline.engine.reducer import Reducer, leaf, several
from pipeline.engine.values import DOUBLE, Array, PixelType
from pipeline.errors import EngineError

MAX_SEN = 10_000
MAX_PAIRWISE = 1_000  # longer series go by SciPy's n log n
VECTOR = PixelType("double", None, None, 1)
MATRIX = PixelType("double", None, None, 2)


def _array(values: NDArray) -> Array:
    return Array(np.ascontiguousarray(values, np.float64), PixelType("double", None, None, values.ndim))


def _pair_moments(data: Sequence[NDArray], weights: NDArray) -> NDArray:
    out = np.empty((6, weights.shape[1]))
    x, y = (np.asarray(d, np.float64) for d in data)
    stack.pair_moments(x, y, weights, out)
    return out


def _single(block: Block) -> Callable[..., list[Any]]:
    """The rule for one series: the block rule on one cell. Weights, if any, come last."""

    def fold(*columns: NDArray) -> list[Any]:
        values, ok = block([np.asarray(c, np.float64)[:, None] for c in columns], np.ones((len(columns[0]), 1), bool))
        return [float(v[0]) if ok[0] else None for v in values]

    return fold


def _line_block(data: list[NDArray], mask: NDArray) -> tuple[list[NDArray], NDArray]:
    _, x, y, xx, _, xy = _pair_moments(data, mask)
    ok = xx > 0
    scale = np.divide(xy, xx, out=np.zeros_like(xy), where=ok)
    return [scale, y - scale * x], ok


def _linear_fit() -> Reducer:
    def fold(x: NDArray, y: NDArray, weights: NDArray) -> list[Any]:
        values, ok = _line_block([x[:, None], y[:, None]], weights[:, None])
        return [float(v[0]) if ok[0] else None for v in values]

    outputs = ["scale", "offset"]
    return leaf("linearFit", outputs, fold, lambda t: [DOUBLE] * 2, inputs=2, weighted=True, block=_line_block)


def _correlation(moments: NDArray) -> tuple[list[NDArray], NDArray]:
    """r and its two-sided p-value by Student's t; null where a series is constant or too short for a p-value."""
    n, _, _, xx, yy, xy = moments
    ok = (n > 2) & (xx > 0) & (yy > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.clip(np.where(ok, xy / np.sqrt(xx) / np.sqrt(yy), 0.0), -1.0, 1.0)
    freedom = np.where(ok, n - 2, 1.0)
    return [r, betainc(freedom / 2, 0.5, 1 - r**2)], ok


def _pearson_block(data: list[NDArray], mask: NDArray) -> tuple[list[NDArray], NDArray]:
    return _correlation(_pair_moments(data, valid(mask)))


def _spearman_block(data: list[NDArray], mask: NDArray) -> tuple[list[NDArray], NDArray]:
    ok = valid(mask)
    ranks = np.empty((2, *ok.shape))
    for column, out in zip(data, ranks, strict=True):
        fits.rank_cells(column, ok, out)
    return _correlation(_pair_moments(list(ranks), ok))


def _spearman(x: NDArray, y: NDArray) -> list[Any]:
    from scipy.stats import rankdata

    return _single(_pearson_block)(rankdata(x), rankdata(y))


def _kendall_block(data: list[NDArray], mask: NDArray) -> tuple[list[NDArray], NDArray]:
    """Of one input against its order, or of two."""
    if len(data) == 1:
        order = np.broadcast_to(np.arange(len(mask), dtype=np.float64)[:, None], mask.shape)
        data = [order, data[0]]
    tau, p_value = np.empty((2, mask.shape[1]))
    ok = np.empty(mask.shape[1], np.bool_)
    fits.kendall_cells(np.stack(data).astype(np.float64), valid(mask), tau, p_value, ok)
    return [tau, p_value], ok


def _kendall(*columns: NDArray) -> list[Any]:
    if len(columns[0]) <= MAX_PAIRWISE:
        return _single(_kendall_block)(*columns)
    from scipy.stats import kendalltau

    x, y = columns if len(columns) == 2 else (np.arange(len(columns[0])), columns[0])
    if (x == x[0]).all() or (y == y[0]).all():
        return [None, None]
    found = kendalltau(x, y, method="asymptotic")
    return [float(found.statistic), float(found.pvalue)]


def _kendalls(inputs: int) -> Reducer:
    if inputs not in (1, 2):
        raise EngineError(f"Reducer.kendallsCorrelation: numInputs must be 1 or 2, but is {inputs}.")
    outputs = ["tau", "p-value"]
    return leaf("kendallsCorrelation", outputs, _kendall, lambda t: [DOUBLE] * 2, inputs=inputs, block=_kendall_block)


def _two(name: str, outputs: list[str], fold: Callable[..., list[Any]], block: Block) -> Callable[[], Reducer]:
    return lambda: leaf(name, outputs, fold, lambda t: [DOUBLE] * 2, inputs=2, block=block)


def _sen_block(data: list[NDArray], mask: NDArray) -> tuple[list[NDArray], NDArray]:
    slope, offset = np.empty((2, mask.shape[1]))
    ok = np.empty(mask.shape[1], np.bool_)
    fits.sen_cells(np.stack(data).astype(np.float64), valid(mask), slope, offset, ok)
    return [slope, offset], ok


def _sen(x: NDArray, y: NDArray) -> list[Any]:
    if len(x) > MAX_SEN:
        raise EngineError(f"Reducer.sensSlope: {len(x)} inputs, at most {MAX_SEN} are possible. Use a coarser scale.")
    return _single(_sen_block)(x, y)


def _regression(name: str, method: int, x: int, y: int, parameter: float, least: int) -> Reducer:
    """One of the three regressions: `x` columns, then `y` columns; `least` rows are needed."""
    several(name, "numX", x)
    several(name, "numY", y)
    ridge, weighted = method == fits.RIDGE, method == fits.ROBUST

    def block(data: list[NDArray], mask: NDArray) -> tuple[list[NDArray], NDArray]:
        cells = mask.shape[1]
        coefficients, rms = np.zeros((cells, x + ridge, y)), np.zeros((cells, y))
        ok = np.zeros(cells, np.bool_)
        rows = np.stack(data).astype(np.float64)
        weights = mask.astype(np.float64) if weighted else valid(mask)
        fits.fit_cells(rows, weights, method, x, parameter, least, coefficients, rms, ok)
        values = [coefficients, rms]
        if ridge:
            values.append(_fit_p_values(rows[x:], valid(mask), rms, x))
        return values, ok

    def fold(*columns: NDArray) -> list[Any]:
        weights = columns[-1][:, None] if weighted else np.ones((len(columns[0]), 1), bool)
        values, ok = block([np.asarray(c, np.float64)[:, None] for c in columns[: x + y]], weights)
        return [_array(v[0]) if ok[0] else None for v in values]

    outputs = ["coefficients", "residuals", *(["pValue"] if ridge else [])]
    types = [MATRIX, VECTOR, VECTOR][: len(outputs)]
    return leaf(name, outputs, fold, lambda t: list(types), inputs=x + y, weighted=weighted, block=block)


def _fit_p_values(y: NDArray, ok: NDArray, rms: NDArray, x: int) -> NDArray:
    """The p-value (cell, y) of the F test of each fit against a constant."""
    n = np.maximum(ok.sum(axis=0), 1)[:, None]
    values = np.where(ok, y, 0.0)
    mean = values.sum(axis=1).T / n
    total = (np.where(ok, y - mean.T[:, None], 0.0) ** 2).sum(axis=1).T
    rest = rms**2 * n
    freedom = n - x - 1
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = (total - rest) / rest * freedom / x
    return np.where(freedom > 0, fdtrc(x, np.maximum(freedom, 1), np.maximum(np.nan_to_num(ratio), 0)), 1.0)


def _robust(x: int, y: int, beta: float | None) -> Reducer:
    return _regression("robustLinearRegression", fits.ROBUST, x, y, -1.0 if beta is None else beta, x)


def _geometric_median(inputs: int, eta: float, initial_step: float) -> Reducer:
    several("geometricMedian", "numX", inputs)

    def block(data: list[NDArray], mask: NDArray) -> tuple[list[NDArray], NDArray]:
        out, ok = np.empty((mask.shape[1], inputs)), np.empty(mask.shape[1], np.bool_)
        fits.geometric_median_cells(np.stack(data).astype(np.float64), valid(mask), eta, out, ok)
        return list(out.T), ok

    outputs = ["geometricMedian", *(f"geometricMedian{i}" for i in range(1, inputs))]
    types = [DOUBLE] * inputs
    return leaf("geometricMedian", outputs, _single(block), lambda t: list(types), inputs=inputs, block=block)


def _covariance(name: str, centre: bool) -> Callable[[], Reducer]:
    """A constructor for the population covariance matrix of 1-D arrays; `centre` subtracts their mean first."""

    def fold(column: Any) -> list[Any]:
        rows = [v.data if isinstance(v, Array) else v for v in column]
        if len({np.shape(r) for r in rows}) != 1 or np.ndim(rows[0]) != 1:
            raise EngineError(f"Reducer.{name}: inputs must be 1-D arrays, all of one length. Use Image.toArray.")
        values = np.array(rows, np.float64)
        if centre:
            values = values - values.mean(axis=0)
        return [_array(values.T @ values / len(values))]

    return lambda: leaf(name, [name], fold, lambda t: [MATRIX], numeric=False)


TABLE: dict[str, Callable[..., Reducer]] = {
    "Reducer.linearFit": _linear_fit,
    "Reducer.linearRegression": lambda x, y: _regression("linearRegression", fits.OLS, x, y, 0.0, x + 1),
    "Reducer.robustLinearRegression": _robust,
    "Reducer.ridgeRegression": lambda x, y, penalty: _regression("ridgeRegression", fits.RIDGE, x, y, penalty, x + 1),
    "Reducer.pearsonsCorrelation": _two(
        "pearsonsCorrelation", ["correlation", "p-value"], _single(_pearson_block), _pearson_block
    ),
    "Reducer.spearmansCorrelation": _two(
        "spearmansCorrelation", ["correlation", "p-value"], _spearman, _spearman_block
    ),
    "Reducer.kendallsCorrelation": _kendalls,
    "Reducer.sensSlope": _two("sensSlope", ["slope", "offset"], _sen, _sen_block),
    "Reducer.covariance": _covariance("covariance", centre=True),
    "Reducer.centeredCovariance": _covariance("centeredCovariance", centre=False),
    "Reducer.geometricMedian": _geometric_median,
}

NOTES: dict[str, str] = {
    "Reducer.linearFit": "Both outputs are null where all x are equal.",
    "Reducer.linearRegression": "Both outputs are null also where columns of X depend on each other.",
    "Reducer.robustLinearRegression": "Without beta the margin is 2.795 robust standard deviations of the residuals.",
    "Reducer.ridgeRegression": "X is standardised before it is penalised; pValue is that of the F test.",
    "Reducer.kendallsCorrelation": "The p-value is the normal approximation with correction for ties.",
    "Reducer.spearmansCorrelation": "The p-value is that of Student's t on the ranks.",
    "Reducer.sensSlope": f"The offset is median(y) - slope * median(x); at most {MAX_SEN} inputs.",
    "Reducer.covariance": "Divided by the number of inputs.",
    "Reducer.centeredCovariance": "Divided by the number of inputs.",
    "Reducer.geometricMedian": "Weiszfeld's iteration: initialStepSize has no effect; outputs are numbered.",
}
