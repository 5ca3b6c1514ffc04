"""Distances between spectra: arrays with the bands on the first axis in, one array out. Knows nothing of plans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

NDArray = np.ndarray[Any, Any]


def angle(first: NDArray, second: NDArray) -> NDArray:
    """Spectral angle (sam) in radians; 0 where a spectrum has no length."""
    norms = np.sqrt((first * first).sum(0) * (second * second).sum(0))
    cosine = np.divide((first * second).sum(0), norms, out=np.ones_like(norms), where=norms > 0)
    return np.asarray(np.arccos(np.clip(cosine, -1.0, 1.0)))


def information_divergence(first: NDArray, second: NDArray) -> NDArray:
    """Spectral information divergence (sid, Chang 2000): Σ (p − q)(ln p − ln q); bands that are not positive add 0."""
    p, q = _shares(first), _shares(second)
    both = (p > 0) & (q > 0)
    ratio = np.log(np.where(both, p, 1.0) / np.where(both, q, 1.0))
    return np.asarray(((p - q) * ratio).sum(0))


def squared_euclidean(first: NDArray, second: NDArray) -> NDArray:
    """Squared Euclidean distance (sed)."""
    return np.asarray(((first - second) ** 2).sum(0))


def earth_movers(first: NDArray, second: NDArray) -> NDArray:
    """Earth mover's distance (emd) along the band order: Σ |running sum of the differences|."""
    return np.asarray(np.abs(np.cumsum(first - second, axis=0)).sum(0))


METRICS: dict[str, Callable[[NDArray, NDArray], NDArray]] = {
    "sam": angle,
    "sid": information_divergence,
    "sed": squared_euclidean,
    "emd": earth_movers,
}


def _shares(spectra: NDArray) -> NDArray:
    total = spectra.sum(0)
    return np.asarray(np.divide(spectra, total, out=np.zeros_like(spectra), where=total != 0))
