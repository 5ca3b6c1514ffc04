"""Reducer.*: statistics of one column of numbers, and the extremes that carry others along.

Each row of `TABLE` makes a `reducer.Reducer` of two rules for the same thing: a function of plain arrays without
nulls, and, for stacks of pixels, a function of blocks. Knows nothing of images and collections.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from pipeline.engine.kernels import stack
from pipeline.engine.kernels.stack import Block, anywhere
from pipeline.engine.language.elementwise import whole as truncated
from pipeline.engine.plan import NDArray, valid
from pipeline.engine.reducer import Reducer, Running, Types, leaf, several
from pipeline.engine.values import BOOLEAN, DOUBLE, PixelType
from pipeline.errors import EngineError


def keep(types: list[PixelType]) -> list[PixelType]:
    """The input types as they are."""
    return types


def doubles(count: int) -> Types:
    """`count` doubles."""
    return lambda types: [DOUBLE] * count


def real(count: int) -> Types:
    """`count` times the type of a mean: float from float, double from anything else."""
    return lambda types: [PixelType("float" if types[0].precision == "float" else "double")] * count


def always(*kinds: PixelType) -> Types:
    """The given types whatever comes in."""
    return lambda types: list(kinds)


def real_dtype(data: NDArray) -> np.dtype[Any]:
    """The NumPy type of a mean of `data`."""
    return np.dtype(np.float32 if data.dtype == np.float32 else np.float64)


def plain(value: Any) -> Any:
    """A NumPy number as Python's own."""
    return value.item() if isinstance(value, np.generic) else value


def _total(values: NDArray, weights: NDArray) -> Any:
    """The weighted sum: an exact integer of integers where all weights are 1."""
    if values.dtype.kind in "iu" and (weights == 1).all():
        return int(values.sum()) if np.abs(values.astype(np.float64)).sum() < 2**62 else sum(values.tolist())
    return float(values @ weights)


def _totals(data: NDArray, mask: NDArray) -> tuple[NDArray, NDArray]:
    total, weight = np.empty(data.shape[1]), np.empty(data.shape[1])
    stack.totals(data, mask, total, weight)
    return total, weight


def _sum_block(data: list[NDArray], mask: NDArray) -> tuple[list[NDArray], NDArray]:
    total, weight = _totals(data[0], mask)
    return [total], weight > 0


def _mean_block(data: list[NDArray], mask: NDArray) -> tuple[list[NDArray], NDArray]:
    total, weight = _totals(data[0], mask)
    ok = weight > 0
    return [np.divide(total, weight, out=total, where=ok).astype(real_dtype(data[0]), copy=False)], ok


def elementwise(compute: Callable[[NDArray, NDArray], NDArray]) -> Block:
    """A block rule from `compute(data, valid)` of one input, valid where any layer is."""
    return lambda data, mask: ([compute(data[0], valid(mask))], anywhere(mask))


def _limit(kind: np.dtype[Any], largest: bool) -> Any:
    if kind.kind == "f":
        return kind.type(np.inf if largest else -np.inf)
    return kind.type(np.iinfo(kind).max if largest else np.iinfo(kind).min)


def _best(data: NDArray, ok: NDArray, largest: bool) -> NDArray:
    out = np.full(data.shape[1], _limit(data.dtype, not largest))
    stack.extremes(data, ok, largest, out)
    return out


def taken(data: list[NDArray], index: NDArray) -> list[NDArray]:
    """The layer numbered `index` (cells) of each input."""
    return [np.take_along_axis(d, index[None], axis=0)[0] for d in data]


def _extreme(name: str) -> Callable[[int], Reducer]:
    """A constructor for min or max: the first row with the extreme value, with all its inputs."""

    def fold(*columns: NDArray) -> list[Any]:
        index = int(columns[0].argmin() if name == "min" else columns[0].argmax())
        return [plain(column[index]) for column in columns]

    def block(data: list[NDArray], mask: NDArray) -> tuple[list[NDArray], NDArray]:
        ok = valid(mask)
        extreme = _best(data[0], ok, name == "max")
        if len(data) == 1:
            return [extreme], anywhere(ok)
        return taken(data, (ok & (data[0] == extreme)).argmax(axis=0)), anywhere(ok)

    def construct(inputs: int) -> Reducer:
        several(name, "numInputs", inputs)
        outputs = [name, *(f"{name}{i}" for i in range(1, inputs))]
        joins = [min if name == "min" else max] if inputs == 1 else []
        return leaf(name, outputs, fold, keep, inputs=inputs, block=block, joins=joins)

    return construct


def _deviations(
    name: str, output: str, power: int, rule: Callable[[Any, Any], Any], least: int
) -> Callable[[], Reducer]:
    """A constructor for `rule(count, sums of squared to `power`-th deviations)`; `least` values are needed."""

    def fold(values: NDArray) -> list[Any]:
        deviations = values - values.mean(dtype=np.float64)
        powers = np.array([[(deviations**p).sum()] for p in range(2, power + 1)])
        if values.size < least or (power > 2 and powers[0, 0] == 0):
            return [None]
        return [float(rule(np.array([float(values.size)]), powers)[0])]

    def block(data: list[NDArray], mask: NDArray) -> tuple[list[NDArray], NDArray]:
        count, mean = np.empty((2, mask.shape[1]))
        powers = np.empty((power - 1, mask.shape[1]))
        stack.moments(data[0], valid(mask), count, mean, powers)
        ok = (count >= least) & ((powers[0] > 0) | (power == 2))
        with np.errstate(invalid="ignore", divide="ignore"):
            return [np.where(ok, rule(count, powers), 0.0)], ok

    def moments(values: NDArray) -> list[Any]:
        mean = values.mean(dtype=np.float64)
        return [values.size, mean, ((values - mean) ** 2).sum()]

    def end(state: list[Any]) -> list[Any]:
        return [float(rule(float(state[0]), [state[2]])) if state[0] >= least else None]

    def construct() -> Reducer:
        made = leaf(name, [output], fold, doubles(1), block=block)
        parts = leaf(name, ["count", "mean", "squares"], moments, doubles(3), empty=0)
        return replace(made, running=Running(parts.fold, _joined_moments, end)) if power == 2 else made

    return construct


def _joined_moments(first: list[Any], second: list[Any]) -> list[Any]:
    """Count, mean and squared deviations of two sets together (Chan's rule)."""
    count = first[0] + second[0]
    if count == 0:
        return first
    apart = second[1] - first[1]
    mean = first[1] + apart * second[0] / count
    return [count, mean, first[2] + second[2] + apart**2 * first[0] * second[0] / count]


def _circular(name: str, output: str, rule: Callable[[Any, Any], Any]) -> Callable[[], Reducer]:
    """A constructor for `rule(mean cosine, mean sine)` of weighted angles in radians."""

    def fold(angles: NDArray, weights: NDArray) -> list[Any]:
        total, angles = weights.sum(), angles.astype(np.float64)
        return [float(rule(np.cos(angles) @ weights / total, np.sin(angles) @ weights / total))]

    def block(data: list[NDArray], mask: NDArray) -> tuple[list[NDArray], NDArray]:
        cosine, weight = _totals(np.cos(data[0], dtype=np.float64), mask)
        sine, _ = _totals(np.sin(data[0], dtype=np.float64), mask)
        safe = np.where(weight > 0, weight, 1.0)
        return [rule(cosine / safe, sine / safe)], weight > 0

    return lambda: leaf(name, [output], fold, doubles(1), weighted=True, block=block)


def _length(cosine: Any, sine: Any) -> Any:
    return np.clip(np.hypot(cosine, sine), 1e-300, 1.0)


def _ranked(name: str, outputs: list[str], fractions: list[float]) -> Reducer:
    """Quantiles at fractions of 0..1, exact, interpolated linearly between ranks."""
    wanted = np.array(fractions, np.float64)

    def fold(values: NDArray) -> list[Any]:
        return [float(v) for v in np.quantile(values.astype(np.float64), wanted)]

    def block(data: list[NDArray], mask: NDArray) -> tuple[list[NDArray], NDArray]:
        counts = stack.sort_block(data[0], mask)
        out = np.zeros((wanted.size, counts.size), real_dtype(data[0]))
        stack.quantiles(data[0], counts, wanted, out)
        return list(out), counts > 0

    return leaf(name, outputs, fold, real(len(outputs)), block=block)


def _median(max_buckets: int | None, min_width: float | None, max_raw: int | None) -> Reducer:
    return _ranked("median", ["median"], [0.5])


def _percentile(
    percentiles: list[Any], names: list[str] | None, max_buckets: int | None, min_width: float | None, raw: int | None
) -> Reducer:
    wrong = [p for p in percentiles if isinstance(p, bool) or not isinstance(p, int | float) or not 0 <= p <= 100]
    if wrong:
        raise EngineError(f"Reducer.percentile: percentiles must be numbers from 0 to 100, but got {wrong[0]!r}.")
    outputs = [f"p{p:g}" for p in percentiles] if names is None else list(names)
    if len(outputs) != len(percentiles) or not percentiles:
        raise EngineError(
            f"Reducer.percentile: {len(percentiles)} percentiles but {len(outputs)} outputNames. Give one for each."
        )
    return _ranked("percentile", outputs, [p / 100 for p in percentiles])


def _sorted_rule(compute: Callable[[NDArray, NDArray], NDArray]) -> Block:
    """A block rule from `compute(sorted data, counts)` of one input."""

    def block(data: list[NDArray], mask: NDArray) -> tuple[list[NDArray], NDArray]:
        counts = stack.sort_block(data[0], mask)
        return [compute(data[0], counts)], counts > 0

    return block


def _mode(max_buckets: int | None, min_width: float | None, max_raw: int | None) -> Reducer:
    def fold(values: NDArray) -> list[Any]:
        found, counts = np.unique(values, return_counts=True)
        return [plain(found[counts.argmax()])]

    def compute(data: NDArray, counts: NDArray) -> NDArray:
        out = np.zeros(counts.size, data.dtype)
        stack.modes(data, counts, out)
        return out

    return leaf("mode", ["mode"], fold, keep, block=_sorted_rule(compute))


def _interval_mean(
    low: float, high: float, max_buckets: int | None, min_width: float | None, max_raw: int | None
) -> Reducer:
    if not 0 <= low <= high <= 100:
        raise EngineError(f"Reducer.intervalMean: needs 0 <= minPercentile <= maxPercentile <= 100, got {low}, {high}.")

    def compute(data: NDArray, counts: NDArray) -> NDArray:
        out = np.zeros(counts.size, real_dtype(data))
        stack.interval_means(data, counts, low / 100, high / 100, out)
        return out

    def fold(values: NDArray) -> list[Any]:
        return [float(compute(np.sort(values)[:, None].astype(np.float64), np.array([values.size], np.int32))[0])]

    return leaf("intervalMean", ["mean"], fold, real(1), block=_sorted_rule(compute))


def _truth(name: str, output: str, every: bool) -> Callable[[], Reducer]:
    def compute(data: NDArray, ok: NDArray) -> NDArray:
        found = ((data != 0) | ~ok).all(axis=0) if every else ((data != 0) & ok).any(axis=0)
        return found.astype(np.uint8)  # type: ignore[no-any-return]

    def fold(values: NDArray) -> list[Any]:
        return [int((values != 0).all() if every else (values != 0).any())]

    return lambda: leaf(
        name, [output], fold, always(BOOLEAN), block=elementwise(compute), joins=[min if every else max]
    )


def _bitwise(name: str, operation: np.ufunc, neutral: int) -> Callable[[], Reducer]:
    def whole(data: NDArray) -> NDArray:
        return data if data.dtype.kind in "iu" else truncated(data)

    def compute(data: NDArray, ok: NDArray) -> NDArray:
        data = whole(data)
        start = np.array(neutral, np.int64).astype(data.dtype)
        return operation.reduce(np.where(ok, data, start), axis=0)  # type: ignore[no-any-return]

    def join(first: int, second: int) -> int:
        return int(operation(first, second))

    return lambda: leaf(
        name, [name], lambda v: [int(operation.reduce(whole(v)))], keep, block=elementwise(compute), joins=[join]
    )


def _product_block(data: NDArray, ok: NDArray) -> NDArray:
    return np.where(ok, data, data.dtype.type(1)).prod(axis=0, dtype=np.float64)  # type: ignore[no-any-return]


def _product() -> Reducer:
    def fold(values: NDArray) -> list[Any]:
        result = float(values.prod(dtype=np.float64))
        return [int(result) if values.dtype.kind in "iu" and abs(result) < 2**53 else result]

    return leaf("product", ["product"], fold, doubles(1), block=elementwise(_product_block), joins=[operator.mul])


def _min_max() -> Reducer:
    def block(data: list[NDArray], mask: NDArray) -> tuple[list[NDArray], NDArray]:
        ok = valid(mask)
        return [_best(data[0], ok, False), _best(data[0], ok, True)], anywhere(ok)

    outputs = ["min", "max"]
    return leaf(
        "minMax",
        outputs,
        lambda v: [plain(v.min()), plain(v.max())],
        lambda t: [t[0], t[0]],
        block=block,
        joins=[min, max],
    )


def _sum() -> Reducer:
    def fold(values: NDArray, weights: NDArray) -> list[Any]:
        return [_total(values, weights)]

    return leaf("sum", ["sum"], fold, doubles(1), weighted=True, empty=0, block=_sum_block, joins=[operator.add])


def _mean() -> Reducer:
    def fold(values: NDArray, weights: NDArray) -> list[Any]:
        return [float(values @ weights / weights.sum())]

    made = leaf("mean", ["mean"], fold, real(1), weighted=True, block=_mean_block)
    parts = leaf(
        "mean",
        ["total", "weight"],
        lambda values, weights: [float(values @ weights), float(weights.sum())],
        doubles(2),
        weighted=True,
        empty=0,
        joins=[operator.add] * 2,
    ).running
    assert parts is not None
    return replace(made, running=replace(parts, end=lambda state: [state[0] / state[1] if state[1] > 0 else None]))


TABLE: dict[str, Callable[..., Reducer]] = {
    "Reducer.sum": _sum,
    "Reducer.mean": _mean,
    "Reducer.product": _product,
    "Reducer.min": _extreme("min"),
    "Reducer.max": _extreme("max"),
    "Reducer.minMax": _min_max,
    "Reducer.variance": _deviations("variance", "variance", 2, lambda n, m: m[0] / n, 1),
    "Reducer.stdDev": _deviations("stdDev", "stdDev", 2, lambda n, m: np.sqrt(m[0] / n), 1),
    "Reducer.sampleVariance": _deviations("sampleVariance", "variance", 2, lambda n, m: m[0] / (n - 1), 2),
    "Reducer.sampleStdDev": _deviations("sampleStdDev", "stdDev", 2, lambda n, m: np.sqrt(m[0] / (n - 1)), 2),
    "Reducer.skew": _deviations("skew", "skew", 3, lambda n, m: m[1] / n / (m[0] / n) ** 1.5, 1),
    "Reducer.kurtosis": _deviations("kurtosis", "kurtosis", 4, lambda n, m: m[2] / n / (m[0] / n) ** 2 - 3, 1),
    "Reducer.circularMean": _circular("circularMean", "circularMean", lambda c, s: np.arctan2(s, c)),
    "Reducer.circularVariance": _circular("circularVariance", "circularVariance", lambda c, s: 1 - _length(c, s)),
    "Reducer.circularStddev": _circular(
        "circularStddev", "circularStdDev", lambda c, s: np.sqrt(-2 * np.log(_length(c, s)))
    ),
    "Reducer.median": _median,
    "Reducer.percentile": _percentile,
    "Reducer.mode": _mode,
    "Reducer.intervalMean": _interval_mean,
    "Reducer.allNonZero": _truth("allNonZero", "all", every=True),
    "Reducer.and": _truth("and", "all", every=True),
    "Reducer.anyNonZero": _truth("anyNonZero", "any", every=False),
    "Reducer.or": _truth("or", "any", every=False),
    "Reducer.bitwiseAnd": _bitwise("bitwiseAnd", np.bitwise_and, -1),
    "Reducer.bitwiseOr": _bitwise("bitwiseOr", np.bitwise_or, 0),
}

_EXACT = "Always exact, however many values: maxBuckets, minBucketWidth and maxRaw have no effect."
NOTES: dict[str, str] = {
    "Reducer.median": _EXACT,
    "Reducer.percentile": f"{_EXACT} Between ranks the value is interpolated linearly.",
    "Reducer.mode": f"{_EXACT} Of several commonest values it is the smallest.",
    "Reducer.intervalMean": f"{_EXACT} It is the mean of the sorted values from rank floor(p*n) up to ceil(q*n).",
    "Reducer.sum": "Sums of pixels are doubles, also of integers, because masks may weight them.",
    "Reducer.product": "Products of pixels are doubles, also of integers.",
    "Reducer.kurtosis": "The excess over the normal distribution's (population, unweighted).",
    "Reducer.skew": "Population skewness, unweighted.",
    "Reducer.sampleVariance": "Null for a single value.",
    "Reducer.sampleStdDev": "Null for a single value.",
}
