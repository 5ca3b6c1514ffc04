"""Values as networks want them: standardised as in training, gaps as 0, and beside them what is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from pipeline.errors import MinecoverError

Floats = NDArray[np.floating[Any]]

FARTHEST = 10.0
"""Standard deviations from the mean that a value may lie at most: a single bad pixel must not drown its neighbours."""


@dataclass(frozen=True)
class Scaling:
    """Mean and standard deviation of each band over the training samples."""

    mean: tuple[float, ...]
    sd: tuple[float, ...]

    def apply(self, windows: Floats, kept: Floats | None = None, turn: NDArray[np.int64] | None = None) -> Floats:
        """Windows (n, bands, s, s) as (n, s, s, bands + 1) float32; the last channel is the share of bands known.

        Masked values become 0, the mean. `kept` (n, bands) is 0 for bands to be hidden; `turn` one of eight ways of
        turning and mirroring each window.
        """
        n, bands = windows.shape[:2]
        if bands != len(self.mean) or bands != len(self.sd):
            raise MinecoverError(
                f"The network scales {len(self.mean)} bands and was given {bands}. Give it what it was trained on."
            )
        kept = np.ones((n, bands), np.float32) if kept is None else np.asarray(kept, np.float32)
        turn = np.zeros(n, np.int64) if turn is None else turn
        # A band that was constant in training says nothing: it stays 0 wherever it is known.
        scale = np.array([1 / s if s > 0 else 0 for s in self.sd], np.float32)
        windows = np.ascontiguousarray(windows, np.float32)
        return np.asarray(_applied(windows, np.array(self.mean, np.float32), scale, kept, turn))


def fitted(X: Floats) -> Scaling:
    """The scaling that pixel values (n, bands) give; a band that is never known scales to 0."""
    known = np.isfinite(X)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, X, 0).sum(axis=0, dtype=np.float64) / count
    variance = np.where(known, (X - mean) ** 2, 0).sum(axis=0, dtype=np.float64) / count
    tiny = 1e-6 * np.abs(mean)
    sd = np.where(np.sqrt(variance) > tiny, np.sqrt(variance), 0)
    return Scaling(tuple(mean.tolist()), tuple(sd.tolist()))


def turned(squares: NDArray[Any], turn: NDArray[np.int64]) -> NDArray[Any]:
    """Squares (n, s, s) turned and mirrored like the windows that they belong to."""
    made = np.empty_like(squares)
    s = squares.shape[1]
    y, x = np.mgrid[:s, :s]
    for way in range(8):
        here = turn == way
        v, u = (x, y) if way & 4 else (y, x)
        v, u = (s - 1 - v if way & 1 else v), (s - 1 - u if way & 2 else u)
        made[here] = squares[here][:, v, u]
    return made


@njit(cache=True, nogil=True, parallel=True)
def _applied(windows, mean, scale, kept, turn):  # type: ignore[no-untyped-def]
    n, bands, s, _ = windows.shape
    made = np.zeros((n, s, s, bands + 1), np.float32)
    for i in prange(n):
        for y in range(s):
            for x in range(s):
                v, u = (x, y) if turn[i] & 4 else (y, x)
                if turn[i] & 1:
                    v = s - 1 - v
                if turn[i] & 2:
                    u = s - 1 - u
                known = 0
                for b in range(bands):
                    value = windows[i, b, v, u]
                    if np.isfinite(value):
                        known += 1
                        value = (value - mean[b]) * scale[b] * kept[i, b]
                        made[i, y, x, b] = min(max(value, np.float32(-FARTHEST)), np.float32(FARTHEST))
                made[i, y, x, bands] = np.float32(known) / np.float32(bands)
    return made
