"""Reducer.*: histograms and frequency tables. Counts are sums of weights, whole numbers where all weights are 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from pipeline.engine.language.arrays import affordable
from pipeline.engine.plan import NDArray
from pipeline.engine.reducer import Reducer, leaf
from pipeline.engine.values import DOUBLE, Array, PixelType
from pipeline.errors import EngineError

DEFAULT_BUCKETS = 256
MAX_STEPS = 1_000_000
TABLE_TYPE = PixelType("double", None, None, 2)
LIST_TYPE = PixelType("double", None, None, 1)


class Buckets(NamedTuple):
    """Buckets of equal width from `low` on, with the weight and the mean value in each."""

    low: float
    width: float
    counts: NDArray
    means: NDArray


def buckets(values: NDArray, weights: NDArray, max_buckets: int | None, min_width: float | None) -> Buckets:
    """The finest buckets of which at most `max_buckets` (rounded up to a power of 2) hold all values.

    Widths are powers of 2, times `min_width` if that is given; bounds are multiples of the width, so that values on
    both sides of 0 need two buckets.
    """
    if (max_buckets or 0) > MAX_STEPS or not 0 <= (min_width or 0) < np.inf:
        raise EngineError(f"Reducer.histogram: at most {MAX_STEPS} buckets, not {max_buckets} of width {min_width}.")
    most = 1 << (max(max_buckets or DEFAULT_BUCKETS, 2) - 1).bit_length()
    low, high = float(values.min()), float(values.max())
    width = min_width if min_width and min_width > 0 else _fine_width(low, high, most)
    while np.floor(high / width) - np.floor(low / width) + 1 > most:
        width *= 2
    first = np.floor(low / width)
    index = (np.floor(values / width) - first).astype(np.int64)
    counts = np.bincount(index, weights)
    middles = (first + np.arange(counts.size) + 0.5) * width
    sums = np.bincount(index, weights * values)
    means = np.divide(sums, counts, out=middles, where=counts > 0)
    return Buckets(float(first * width), float(width), counts, means)


def _fine_width(low: float, high: float, most: int) -> float:
    if low == high:
        return 1.0
    finest = max((high - low) / most, float(np.spacing(max(abs(low), abs(high)))))
    return float(2.0 ** np.floor(np.log2(finest)))


def finite(name: str, values: NDArray, weights: NDArray) -> tuple[NDArray, NDArray]:
    """Values and weights as given; infinite and undefined values have no bucket and are refused."""
    if not np.isfinite(values).all():
        raise EngineError(f"Reducer.{name}: inputs must be finite, but some are not. Mask or filter them first.")
    return values, weights


def numbers_of(values: NDArray) -> list[Any]:
    """A list of numbers, whole ones as integers if all are whole."""
    whole = np.isfinite(values).all() and (values == np.floor(values)).all()
    listed: list[Any] = values.astype(np.int64).tolist() if whole else values.tolist()
    return listed


def _histogram(max_buckets: int | None, min_width: float | None, max_raw: int | None) -> Reducer:
    def fold(values: NDArray, weights: NDArray) -> list[Any]:
        made = buckets(*finite("histogram", values, weights), max_buckets, min_width)
        return [
            {
                "bucketMeans": made.means.tolist(),
                "bucketMin": made.low,
                "bucketWidth": made.width,
                "histogram": numbers_of(made.counts),
            }
        ]

    return leaf("histogram", ["histogram"], fold, lambda t: [LIST_TYPE], weighted=True)


def _table(lows: NDArray, counts: NDArray, cumulative: bool) -> list[Any]:
    data = np.stack([lows, np.cumsum(counts) if cumulative else counts], axis=1)
    return [Array(data.astype(np.float64), TABLE_TYPE)]


def _auto_histogram(max_buckets: int | None, min_width: float | None, max_raw: int | None, cumulative: bool) -> Reducer:
    def fold(values: NDArray, weights: NDArray) -> list[Any]:
        made = buckets(*finite("autoHistogram", values, weights), max_buckets, min_width)
        return _table(made.low + np.arange(made.counts.size) * made.width, made.counts, cumulative)

    return leaf("autoHistogram", ["histogram"], fold, lambda t: [TABLE_TYPE], weighted=True)


def _edges(name: str, low: float, high: float, steps: int) -> NDArray:
    if not 1 <= steps <= MAX_STEPS or not -np.inf < low < high < np.inf:
        raise EngineError(f"Reducer.{name}: needs min < max, 1 to {MAX_STEPS} steps, but got {low}, {high}, {steps}.")
    return low + np.arange(steps + 1) * ((high - low) / steps)


def _fixed_histogram(low: float, high: float, steps: int, cumulative: bool) -> Reducer:
    edges = _edges("fixedHistogram", low, high, steps)

    def fold(values: NDArray, weights: NDArray) -> list[Any]:
        inside = (values >= low) & (values < high)
        counts, _ = np.histogram(values[inside], edges, weights=weights[inside])
        return _table(edges[:-1], counts, cumulative)

    return leaf("fixedHistogram", ["histogram"], fold, lambda t: [TABLE_TYPE], weighted=True)


def _fixed_2d_histogram(x_min: float, x_max: float, x_steps: int, y_min: float, y_max: float, y_steps: int) -> Reducer:
    x_edges = _edges("fixed2DHistogram", x_min, x_max, x_steps)
    y_edges = _edges("fixed2DHistogram", y_min, y_max, y_steps)
    affordable(x_steps * y_steps, "Reducer.fixed2DHistogram")
    count = PixelType("int", -(2**31), 2**31 - 1, 2)

    def fold(x: NDArray, y: NDArray) -> list[Any]:
        inside = (x >= x_min) & (x < x_max) & (y >= y_min) & (y < y_max)
        counts, _, _ = np.histogram2d(x[inside], y[inside], (x_edges, y_edges))
        return [
            Array(counts.astype(np.int32), count),
            Array(x_edges[:-1].astype(np.float64), LIST_TYPE),
            Array(y_edges[:-1].astype(np.float64), LIST_TYPE),
        ]

    outputs = ["histogram", "xAxis", "yAxis"]
    return leaf("fixed2DHistogram", outputs, fold, lambda t: [count, LIST_TYPE, LIST_TYPE], inputs=2)


def _frequency_histogram() -> Reducer:
    def fold(column: Any, weights: NDArray) -> list[Any]:
        if isinstance(column, np.ndarray) and column.dtype.kind in "iuf":
            found, index = np.unique(column, return_inverse=True)
            totals = np.bincount(index, weights)
            return [{_key(v): _whole(n) for v, n in zip(found.tolist(), totals.tolist(), strict=True)}]
        table: dict[str, float] = {}
        for value, weight in zip(column, weights.tolist(), strict=True):
            table[_key(value)] = table.get(_key(value), 0.0) + weight
        return [{key: _whole(total) for key, total in table.items()}]

    return leaf(
        "frequencyHistogram", ["histogram"], fold, lambda t: [DOUBLE], weighted=True, numeric=False, joins=[_both]
    )


def _both(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Two counts together."""
    return {key: first.get(key, 0) + second.get(key, 0) for key in (*first, *(k for k in second if k not in first))}


def _key(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value.item() if isinstance(value, np.generic) else value)


def _whole(value: float) -> int | float:
    return int(value) if value.is_integer() else value


TABLE: dict[str, Callable[..., Reducer]] = {
    "Reducer.histogram": _histogram,
    "Reducer.autoHistogram": _auto_histogram,
    "Reducer.fixedHistogram": _fixed_histogram,
    "Reducer.fixed2DHistogram": _fixed_2d_histogram,
    "Reducer.frequencyHistogram": _frequency_histogram,
}

_BUCKETS = f"Without maxBuckets at most {DEFAULT_BUCKETS} buckets; maxRaw has no effect, all values are kept."
NOTES: dict[str, str] = {
    "Reducer.histogram": f"{_BUCKETS} The mean of an empty bucket is its middle.",
    "Reducer.autoHistogram": _BUCKETS,
    "Reducer.fixedHistogram": "Counts are weighted.",
    "Reducer.fixed2DHistogram": "Unweighted, as its documentation says; rows of the histogram follow the x axis.",
    "Reducer.frequencyHistogram": "Keys of whole numbers have no decimals.",
}
