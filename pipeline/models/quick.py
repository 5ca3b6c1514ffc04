"""Predicting many pixels: the answers of the fitted baselines of scikit-learn, several times faster.

A `Machine` holds the numbers of a fitted learner and no object of scikit-learn's. Pixels go through it a few hundred at
a time, so that all that is between stays in the processor's cache: gaps are filled and values standardised while they
are laid out in rows, then matrix products or compiled loops do the rest. Each part of the pixels is worked on by one
thread, with one thread for its products, so the number of threads changes no byte of the answers.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numba
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from pipeline.errors import MinecoverError

BLAS = ThreadpoolController().select(user_api="blas")
"""The libraries of matrix products. To look for them takes longer than to answer for a cell."""

Floats = NDArray[np.floating[Any]]
Doubles = NDArray[np.float64]
Singles = NDArray[np.float32]


class Machine(Protocol):
    """The numbers of a fitted learner, as arrays and plain numbers, and how they answer."""

    @property
    def shape(self) -> tuple[int, int]:
        """Features and classes."""

    pixels: ClassVar[int]
    """How many pixels to give at a time."""

    def answer(self, columns: Singles) -> Doubles:
        """Probabilities (n, K) of n pixels, given as (features, n)."""


@dataclass(frozen=True)
class Ready:
    """How values are made ready: gaps filled, then standardised."""

    fill: Doubles
    mean: Doubles
    scale: Doubles

    def __post_init__(self) -> None:
        require(self.fill.shape == self.mean.shape == self.scale.shape == (len(self.fill),), "its scales differ")
        finite(self.fill, self.mean, self.scale)
        require(bool((self.scale > 0).all()), "a scale is not positive")

    def rows(self, columns: Singles) -> Doubles:
        """The values (features, n) ready in rows (n, features)."""
        return np.asarray(_rows(columns, self.fill, self.mean, self.scale))


def answers(machine: Machine, columns: Singles, out: Singles | None = None) -> Singles:
    """Probabilities (K, n) of pixels (features, n); NaN and infinite values are gaps. On numba's number of threads."""
    features, classes = machine.shape
    n = columns.shape[1]
    if columns.shape[0] != features:
        raise MinecoverError(f"The model reads {features} features and was given {columns.shape[0]}. Give it its own.")
    found = np.empty((classes, n), np.float32) if out is None else out

    def part(start: int) -> None:
        few = slice(start, min(start + machine.pixels, n))
        found[:, few] = machine.answer(np.ascontiguousarray(columns[:, few], np.float32)).T

    starts = range(0, n, machine.pixels)
    with BLAS.limit(limits=1), ThreadPoolExecutor(numba.get_num_threads()) as pool:
        for _ in pool.map(part, starts):
            pass
    return found


def require(true: bool, why: str) -> None:
    """Refuse numbers that no learner was ever fitted to: compiled loops check no bounds."""
    if not true:
        raise MinecoverError(f"The model's numbers do not fit together: {why}. Train the model again.")


def finite(*arrays: NDArray[Any]) -> None:
    """Refuse arrays that are not of finite numbers."""
    for array in arrays:
        require(bool(np.isfinite(array).all()), "some are not finite")


@numba.njit(cache=True, nogil=True)
def _rows(columns, fill, mean, scale):  # type: ignore[no-untyped-def]
    features, n = columns.shape
    rows = np.empty((n, features))
    for start in range(0, n, 64):
        for f in range(features):
            for i in range(start, min(start + 64, n)):
                x = np.float64(columns[f, i])
                rows[i, f] = ((x if np.isfinite(x) else fill[f]) - mean[f]) / scale[f]
    return rows
