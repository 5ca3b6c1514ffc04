"""Features that add nothing: those with one value or none, and those that repeat another. Labels are not looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.selection.results import Guarded

LIMIT = 0.999
OVERLAP = 10  # two features seen together less often than this may agree by chance


def guard(X: NDArray[np.floating[Any]], names: Sequence[str]) -> Guarded:
    """The features to rank: empty ones and constants go, and of features with |r| > 0.999 the first is kept."""
    varies, seen = varying(X), np.isfinite(X).any(axis=0)
    r = correlation(np.where(np.isfinite(X), X, np.nan).astype(np.float64))
    kept: list[int] = []
    aliases = []
    for j in np.flatnonzero(varies).tolist():
        like = [i for i in kept if abs(r[i, j]) > LIMIT]
        if like:
            aliases.append((names[like[0]], names[j], float(r[like[0], j])))
        else:
            kept.append(j)
    constants, empty = (tuple(names[j] for j in np.flatnonzero(where).tolist()) for where in (seen & ~varies, ~seen))
    return Guarded(tuple(kept), constants, tuple(aliases), empty)


def varying(X: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Which columns have more than one value; what is not finite is no value."""
    there = np.isfinite(X)
    low, high = (f(np.where(there, X, end), axis=0) for f, end in ((np.min, np.inf), (np.max, -np.inf)))
    return np.asarray(high > low)


def correlation(X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson's r of all pairs of columns over the rows that have both; 0 where it is undefined or rests on few."""
    there = np.isfinite(X)
    full = there.astype(np.float64)
    counts = np.maximum(full.sum(axis=0), 1)
    centred = np.where(there, X - np.where(there, X, 0).sum(axis=0) / counts, 0)
    scale = np.sqrt((centred**2).sum(axis=0) / counts)
    centred /= np.where(scale > 0, scale, 1)
    n = full.T @ full
    sums = centred.T @ full  # sums[i, j]: of column i, where j is known too
    squares = (centred**2).T @ full
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = squares - sums**2 / n
        shared = centred.T @ centred - sums * sums.T / n
        r = shared / np.sqrt(spread * spread.T)
    # A spread this small is rounding: within the rows in common the column is constant.
    usable = (n >= OVERLAP) & (np.minimum(spread, spread.T) > 1e-12 * n)
    return np.where(usable, np.clip(np.nan_to_num(r), -1, 1), 0.0)
