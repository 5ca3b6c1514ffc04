"""Relief-F as a scikit-learn selector. The loops are in `kernel`; docs/relief.md holds the formulas."""

from __future__ import annotations

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from pipeline.errors import MinecoverError
from pipeline.relief import kernel

Array = NDArray[Any]
CHUNK = 64
"""Instances that a thread takes at a time."""


class ReliefError(MinecoverError, ValueError):
    """Relief-F cannot be computed as asked; a `ValueError` too, as scikit-learn expects of its estimators."""


class ReliefF(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Multi-class Relief-F (Kononenko 1994) over continuous features, missing values allowed.

    `weights="prior"` weights the misses of a class by how frequent it is; `"uniform"` gives scikit-rebate's scores.
    `n_instances` rows, drawn evenly from all classes, are asked for their neighbours among all rows; None: every row.
    `n_features_to_select` features of highest score are kept by `transform`, in the order of the input; None: all.

    After `fit`: `feature_importances_`, their `standard_errors_` over instances, `top_features_` (best first),
    `classes_` and `instances_` (which rows were asked).
    """

    def __init__(
        self,
        n_neighbors: int = 100,
        *,
        weights: Literal["prior", "uniform"] = "prior",
        n_instances: int | None = None,
        n_features_to_select: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.n_instances = n_instances
        self.n_features_to_select = n_features_to_select
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """The same selector with the scores of the features of `X` (rows × features, NaN = missing) for classes `y`."""
        try:
            values, y = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=2)
            check_classification_targets(y)
        except ValueError as error:
            raise ReliefError(f"Relief-F cannot be computed: {error}") from error
        self.classes_, codes = np.unique(y, return_inverse=True)
        self._check()
        order = np.argsort(codes, kind="stable")
        starts = np.searchsorted(codes[order], np.arange(len(self.classes_) + 1))
        self._warn(np.diff(starts))
        rng = np.random.default_rng(self.random_state)
        wanted = _drawn(starts, len(order) if self.n_instances is None else self.n_instances, rng)
        self.instances_ = order[wanted]
        shares = _shares(np.diff(starts)) if self.weights == "prior" else np.empty((0, 0))
        found = _contributions(scaled(values)[order], starts, wanted, self.n_neighbors, shares)
        self.feature_importances_, self.standard_errors_ = _mean(found, starts, wanted)
        self.top_features_ = np.argsort(-self.feature_importances_, kind="stable")
        return self

    def _check(self) -> None:
        """Refuses options that have no meaning for these data."""
        if len(self.classes_) < 2:
            raise ReliefError(f"Relief-F needs two classes or more; there is one class only: {self.classes_[0]}.")
        if self.weights not in ("prior", "uniform"):
            raise ReliefError(f"weights is {self.weights!r}; it must be 'prior' or 'uniform'.")
        for name, least in (("n_neighbors", 1), ("n_instances", 2 * len(self.classes_)), ("n_features_to_select", 1)):
            value = getattr(self, name)
            if value is None and name != "n_neighbors":
                continue
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
                raise ReliefError(f"{name} is {value!r}; it must be a whole number of at least {least}.")
        if self.n_features_to_select is not None and self.n_features_to_select > self.n_features_in_:
            raise ReliefError(
                f"n_features_to_select is {self.n_features_to_select}, but there are {self.n_features_in_} features."
            )

    def _warn(self, sizes: Array) -> None:
        """Says which classes have fewer rows than neighbours are asked for."""
        short = [f"{c} ({n} rows)" for c, n in zip(self.classes_, sizes, strict=True) if n <= self.n_neighbors]
        if short:
            warnings.warn(
                f"{self.n_neighbors} neighbours are asked for, but all there are is used of class {', '.join(short)}.",
                UserWarning,
                stacklevel=3,
            )

    def _get_support_mask(self) -> Array:
        check_is_fitted(self)
        mask = np.zeros(self.n_features_in_, bool)
        mask[self.top_features_[: self.n_features_to_select]] = True
        return mask

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        return tags


def scaled(X: Array) -> Array:
    """Each column from 0 to 1; a constant column is 0; NaN stays."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN", RuntimeWarning)
        low, high = np.nanmin(X, axis=0), np.nanmax(X, axis=0)
    return np.asarray((X - low) / np.where(high > low, high - low, 1))


def _shares(sizes: Array) -> Array:
    """The weight of misses of each class (columns) for instances of each class (rows): P(C) / (1 − P(c))."""
    return np.asarray(sizes[None, :] / (sizes.sum() - sizes)[:, None])


def _drawn(starts: Array, count: int, rng: np.random.Generator) -> Array:
    """About `count` rows, in order: of each class its proportion, but two at least where it has two."""
    sizes = np.diff(starts)
    if count >= sizes.sum():
        return np.arange(sizes.sum())
    parts = np.minimum(np.maximum(np.rint(sizes * count / sizes.sum()).astype(int), 2), sizes)
    drawn = [rng.choice(n, m, replace=False) + lo for lo, n, m in zip(starts[:-1], sizes, parts, strict=True)]
    return np.sort(np.concatenate(drawn))


def _contributions(rows: Array, starts: Array, wanted: Array, k: int, shares: Array) -> Array:
    """What each wanted row adds to each score, as (wanted, features); threads write rows of their own."""
    missing = bool(np.isnan(rows).any())
    tiles, made = kernel.tiled(rows), np.empty((len(wanted), rows.shape[1]))

    def fill(first: int) -> None:
        part = slice(first, first + CHUNK)
        kernel.contributions(rows, tiles, missing, starts, wanted[part], k, shares, made[part])

    with ThreadPoolExecutor(threads()) as pool:
        for _ in pool.map(fill, range(0, len(wanted), CHUNK)):
            pass
    return made


def threads() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _mean(found: Array, starts: Array, wanted: Array) -> tuple[Array, Array]:
    """Mean contribution of all rows as estimated from the wanted ones, class by class, and its standard error."""
    bounds, share = np.searchsorted(wanted, starts), np.diff(starts) / starts[-1]
    mean, variance = np.zeros(found.shape[1]), np.zeros(found.shape[1])
    for lo, hi, weight in zip(bounds[:-1], bounds[1:], share, strict=True):
        mean += weight * found[lo:hi].mean(axis=0)
        variance += weight**2 * found[lo:hi].var(axis=0) / max(hi - lo - 1, 1)
    return mean, np.sqrt(variance)
