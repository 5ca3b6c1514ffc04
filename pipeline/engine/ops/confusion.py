"""ConfusionMatrix.*: accuracy from counts of actual (rows) against predicted (columns) classes.

The value is `Opaque("ConfusionMatrix", {"array": matrix, "order": classes})`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pipeline.engine.language.arrays import array, from_values
from pipeline.engine.values import Array, Opaque
from pipeline.errors import EngineError

NDArray = np.ndarray[Any, Any]


def confusion_matrix(counts: NDArray, order: list[int] | None = None) -> Opaque:
    """The value for a square matrix of counts; `order` names its rows and columns, 0, 1, 2 … without."""
    return Opaque("ConfusionMatrix", {"array": counts, "order": list(range(len(counts))) if order is None else order})


def _make(counts: Any, order: list[int] | None) -> Opaque:
    if not isinstance(counts, (Array, list)):
        raise EngineError("ConfusionMatrix: 'array' must be a square 2-D array.")
    data = from_values(counts).data
    if data.ndim != 2 or data.shape[0] != data.shape[1]:
        raise EngineError(f"ConfusionMatrix: 'array' must be a square 2-D array, found the shape {list(data.shape)}.")
    if order is not None and len(order) != len(data):
        raise EngineError(f"ConfusionMatrix: 'order' names {len(order)} classes, the matrix has {len(data)}.")
    return confusion_matrix(data, order)


def _counts(matrix: Opaque) -> NDArray:
    counts: NDArray = matrix.args["array"]
    return counts.astype(np.float64)


def _ratio(part: Any, whole: Any) -> NDArray:
    """The quotient; 0 where the whole is."""
    whole = np.asarray(whole, np.float64)
    result: NDArray = np.divide(part, whole, out=np.zeros(whole.shape), where=whole != 0)
    return result


def _accuracy(matrix: Opaque) -> float:
    """Correct over total."""
    counts = _counts(matrix)
    return float(_ratio(np.trace(counts), counts.sum()))


def _producers(matrix: Opaque) -> Array:
    """Correct over actual, a column."""
    counts = _counts(matrix)
    return array(_ratio(np.diag(counts), counts.sum(1))[:, None])


def _consumers(matrix: Opaque) -> Array:
    """Correct over predicted, a row."""
    counts = _counts(matrix)
    return array(_ratio(np.diag(counts), counts.sum(0))[None])


def _fscore(matrix: Opaque, beta: float) -> Array:
    """(1 + β²) · precision · recall / (β² · precision + recall) of each class."""
    recall, precision = _producers(matrix).data[:, 0], _consumers(matrix).data[0]
    weight = beta * beta
    if not weight < np.inf:
        raise EngineError(f"ConfusionMatrix.fscore: beta must be a finite number, but is {beta}.")
    return array(_ratio((1 + weight) * precision * recall, weight * precision + recall))


def _kappa(matrix: Opaque) -> float:
    """Agreement beyond chance, over the most that is possible."""
    counts = _counts(matrix)
    total = counts.sum()
    chance = float(_ratio(counts.sum(0) @ counts.sum(1), total * total))
    return float(_ratio(_accuracy(matrix) - chance, 1 - chance))


TABLE: dict[str, Callable[..., Any]] = {
    "ConfusionMatrix": _make,
    "ConfusionMatrix.accuracy": _accuracy,
    "ConfusionMatrix.array": lambda matrix: array(np.asarray(matrix.args["array"])),
    "ConfusionMatrix.consumersAccuracy": _consumers,
    "ConfusionMatrix.fscore": _fscore,
    "ConfusionMatrix.kappa": _kappa,
    "ConfusionMatrix.order": lambda matrix: matrix.args["order"],
    "ConfusionMatrix.producersAccuracy": _producers,
}

NOTES = {"ConfusionMatrix.accuracy": "Ratios with an empty denominator are 0."}
