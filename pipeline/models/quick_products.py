"""Answers that are matrix products: support vectors, a network of one hidden layer, Gaussians."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numba import njit
from scipy.linalg import solve_triangular
from scipy.special import softmax
from sklearn.neural_network import MLPClassifier

from pipeline.models.baselines import EqualBayes, MaximumLikelihood, VotingSVC
from pipeline.models.duels import log_shares
from pipeline.models.quick import Doubles, Ready, Singles, finite, require


@dataclass(frozen=True)
class Vectors:
    """A support vector machine: the kernel of all its vectors at once, then all duels of two classes at once."""

    ready: Ready
    vectors: Doubles
    """(features + 2, vectors): times a pixel's values, its squared length and one they give the kernel's exponents."""
    weights: Doubles
    """(vectors, duels), of classes 0 and 1, 0 and 2 … as libsvm counts them; positive is for the first."""
    offsets: Doubles
    sharpness: float
    classes: int
    pixels: ClassVar[int] = 256

    def __post_init__(self) -> None:
        features, duels = len(self.ready.fill), self.classes * (self.classes - 1) // 2
        require(self.classes > 1 and self.offsets.shape == (duels,), "its classes are not its duels'")
        require(self.vectors.ndim == 2 and len(self.vectors) == features + 2, "its vectors are of other features")
        require(self.weights.shape == (self.vectors.shape[1], duels), "its weights are not its vectors'")
        finite(self.vectors, self.weights, self.offsets, np.array(self.sharpness))

    @property
    def shape(self) -> tuple[int, int]:
        """Features and classes."""
        return len(self.ready.fill), self.classes

    def answer(self, columns: Singles) -> Doubles:
        """Probabilities (n, K), as `VotingSVC` makes them."""
        rows = self.ready.rows(columns)
        kernel = np.column_stack([rows, (rows**2).sum(axis=1), np.ones(len(rows))]) @ self.vectors
        _exponential(kernel)
        return np.exp(log_shares(kernel @ self.weights + self.offsets, self.classes, self.sharpness))


@dataclass(frozen=True)
class Layers:
    """A network of one hidden layer of rectified units."""

    ready: Ready
    first: Doubles
    first_offsets: Doubles
    last: Doubles
    last_offsets: Doubles
    """For two classes one output, for the second."""
    pixels: ClassVar[int] = 1024

    def __post_init__(self) -> None:
        hidden, outputs = self.last.shape if self.last.ndim == 2 else (0, 0)
        require(self.first.shape == (len(self.ready.fill), hidden), "its first layer has other features")
        require(self.first_offsets.shape == (hidden,) and self.last_offsets.shape == (outputs,), "its offsets")
        require(outputs > 0 and outputs != 2, "its outputs")
        finite(self.first, self.first_offsets, self.last, self.last_offsets)

    @property
    def shape(self) -> tuple[int, int]:
        """Features and classes."""
        return len(self.ready.fill), max(2, len(self.last_offsets))

    def answer(self, columns: Singles) -> Doubles:
        """Probabilities (n, K): softmax of the outputs."""
        hidden = self.ready.rows(columns) @ self.first
        hidden += self.first_offsets
        outputs = np.maximum(hidden, 0, out=hidden) @ self.last + self.last_offsets
        if outputs.shape[1] == 1:
            outputs = np.column_stack([np.zeros(len(outputs)), outputs])
        return np.asarray(softmax(outputs, axis=1))


@dataclass(frozen=True)
class Ellipsoids:
    """A Gaussian with full covariance for each class: values made white by a matrix product, then squared."""

    ready: Ready
    means: Doubles
    whiten: Doubles
    """(K, features, features), of which the product with the whitened covariance is one."""
    heights: Doubles
    """Log density at each mean, less a constant."""
    pixels: ClassVar[int] = 512

    def __post_init__(self) -> None:
        classes, features = len(self.heights), len(self.ready.fill)
        require(self.heights.shape == (classes,) and classes > 1, "its classes")
        require(self.means.shape == (classes, features), "its means are of other features")
        require(self.whiten.shape == (classes, features, features), "its covariances are of other features")
        finite(self.means, self.whiten, self.heights)

    @property
    def shape(self) -> tuple[int, int]:
        """Features and classes."""
        return self.means.shape[1], self.means.shape[0]

    def answer(self, columns: Singles) -> Doubles:
        """Probabilities (n, K), the classes being equally likely beforehand."""
        rows = self.ready.rows(columns)
        logs = np.empty((len(rows), len(self.means)))
        for k, (mean, whiten) in enumerate(zip(self.means, self.whiten, strict=True)):
            white = (rows - mean) @ whiten
            logs[:, k] = self.heights[k] - 0.5 * np.einsum("ij,ij->i", white, white)
        return np.asarray(softmax(logs, axis=1))


@dataclass(frozen=True)
class Bells:
    """Naive Bayes: a Gaussian for each class and feature."""

    ready: Ready
    means: Doubles
    weights: Doubles
    """Minus half of one by the variance, (K, features) as the means."""
    heights: Doubles
    """Log of prior and density at the means, less a constant."""
    pixels: ClassVar[int] = 1024

    def __post_init__(self) -> None:
        classes = len(self.heights)
        require(self.heights.shape == (classes,) and classes > 1, "its classes")
        require(self.means.shape == self.weights.shape == (classes, len(self.ready.fill)), "its means")
        finite(self.means, self.weights, self.heights)

    @property
    def shape(self) -> tuple[int, int]:
        """Features and classes."""
        return self.means.shape[1], self.means.shape[0]

    def answer(self, columns: Singles) -> Doubles:
        """Probabilities (n, K)."""
        r = self.ready
        logs = _bells(columns, r.fill, r.mean, r.scale, self.means, self.weights, self.heights)
        return np.asarray(softmax(logs, axis=0).T)


def vectors(ready: Ready, learner: VotingSVC) -> Vectors:
    """The vectors of a fitted learner."""
    classes, gamma = len(learner.classes_), learner._gamma
    ends = np.cumsum(learner.n_support_)
    owned = [slice(end - count, end) for end, count in zip(ends, learner.n_support_, strict=True)]
    duels = [(i, j) for i in range(classes) for j in range(i + 1, classes)]
    weights = np.zeros((ends[-1], len(duels)))
    for duel, (i, j) in enumerate(duels):
        weights[owned[i], duel] = learner.dual_coef_[j - 1, owned[i]]
        weights[owned[j], duel] = learner.dual_coef_[i, owned[j]]
    sign = -1.0 if classes == 2 else 1.0  # scikit-learn turns a single duel round
    s = learner.support_vectors_
    exponents = np.vstack([2 * gamma * s.T, np.full(len(s), -gamma), -gamma * (s**2).sum(axis=1)])
    return Vectors(
        ready, exponents, sign * weights, sign * learner.intercept_.astype(float), float(learner.sharpness), classes
    )


def layers(ready: Ready, learner: MLPClassifier) -> Layers:
    """The layers of a fitted learner."""
    (first, last), (first_offsets, last_offsets) = learner.coefs_, learner.intercepts_
    return Layers(ready, first, first_offsets, last, last_offsets)


def ellipsoids(ready: Ready, learner: MaximumLikelihood) -> Ellipsoids:
    """The Gaussians of a fitted learner."""
    one = np.eye(learner.means_.shape[1])
    whiten = np.array([solve_triangular(f, one, lower=True).T for f in learner.factors_])
    heights = np.array([-np.log(np.diag(f)).sum() for f in learner.factors_])
    return Ellipsoids(ready, learner.means_, whiten, heights)


def bells(ready: Ready, learner: EqualBayes) -> Bells:
    """The Gaussians of a fitted learner."""
    heights = np.log(learner.class_prior_) - 0.5 * np.log(learner.var_).sum(axis=1)
    return Bells(ready, learner.theta_, -0.5 / learner.var_, heights)


@njit(cache=True, nogil=True)
def _bells(columns, fill, mean, scale, means, weights, heights):  # type: ignore[no-untyped-def]
    """Logs of the classes' densities (K, n)."""
    features, n = columns.shape
    logs = np.empty((len(means), n))
    for c in range(len(means)):
        logs[c] = heights[c]
    z = np.empty(n)
    for f in range(features):
        for i in range(n):
            x = np.float64(columns[f, i])
            z[i] = ((x if np.isfinite(x) else fill[f]) - mean[f]) / scale[f]
        for c in range(len(means)):
            m, w, row = means[c, f], weights[c, f], logs[c]
            for i in range(n):
                row[i] += w * (z[i] - m) ** 2
    return logs


@njit(cache=True, nogil=True)
def _exponential(table):  # type: ignore[no-untyped-def]
    """Each value's exponential in its place, within 2e-16 of it; below -708 it is taken as -708.

    The loops of the C library take one value at a time. This is its textbook method in steps that processors do on
    several values at once: 2 ** k exp(r) with |r| below 0.35, exp(r) by its series, and k added to the exponent's bits.
    """
    flat, shifts = table.reshape(-1), np.empty(256)
    for start in range(0, flat.size, 256):
        few = flat[start : start + 256]  # loops on slices are vectorised, those from one place to another are not
        _series(few, shifts)
        _shift(few.view(np.int64), shifts.view(np.int64))


@njit(cache=True, nogil=True, fastmath={"contract"})
def _series(values, shifts):  # type: ignore[no-untyped-def]
    whole = 6755399441055744.0  # 1.5 · 2⁵²: adding it leaves the nearest whole number in the last bits
    for i in range(values.size):
        x = max(values[i], -708.0)
        shifts[i] = x * 1.4426950408889634 + whole
        k = shifts[i] - whole
        r = (x - k * 0.693147180369123816490) - k * 1.90821492927058770002e-10
        p = 1.0 / 479001600
        p = p * r + 1.0 / 39916800
        p = p * r + 1.0 / 3628800
        p = p * r + 1.0 / 362880
        p = p * r + 1.0 / 40320
        p = p * r + 1.0 / 5040
        p = p * r + 1.0 / 720
        p = p * r + 1.0 / 120
        p = p * r + 1.0 / 24
        p = p * r + 1.0 / 6
        p = p * r + 0.5
        p = p * r + 1.0
        values[i] = p * r + 1.0


@njit(cache=True, nogil=True)
def _shift(values, shifts):  # type: ignore[no-untyped-def]
    for i in range(values.size):
        values[i] += shifts[i] << 52
