"""The learners that networks are measured against: unfitted scikit-learn classifiers, made from a seed.

Settings are plain; `pipeline.models.tuning` finds better ones. Where a learner needs it, gaps are filled with medians
and values standardised, both by what it was fitted on. What a learner predicts is always the first of its most probable
classes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.covariance import empirical_covariance, ledoit_wolf, shrunk_covariance
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from pipeline.errors import MinecoverError
from pipeline.models.duels import log_shares

Floats = NDArray[np.floating[Any]]
Labels = NDArray[Any]


class EqualBayes(GaussianNB):  # type: ignore[misc]
    """Gaussian naive Bayes in which every class is as likely as any other, however many samples it has.

    With `equal` false the classes are as likely as they are frequent among the samples.
    """

    def __init__(self, equal: bool = True, var_smoothing: float = 1e-9) -> None:
        super().__init__(var_smoothing=var_smoothing)
        self.equal = equal

    def fit(self, X: Floats, y: Labels) -> Self:
        """The fitted classifier. Weights that are equal within a class change nothing but the priors."""
        X, y = validate_data(self, X, y)
        super().fit(X, y, compute_sample_weight("balanced", y) if self.equal else None)
        return self


class VotingSVC(SVC):  # type: ignore[misc]
    """A support vector machine with an RBF kernel whose probabilities agree with its answers.

    Platt's probabilities cost five more fits, and the largest is often not of the class predicted. These are made from
    the duels of two classes each: `sharpness` says how sure a margin makes, and is found on samples that the machine
    was not fitted on.
    """

    def __init__(
        self,
        C: float = 1.0,
        gamma: str | float = "scale",
        sharpness: float = 2.0,
        random_state: int | None = None,
    ) -> None:
        super().__init__(C=C, gamma=gamma, break_ties=True, random_state=random_state)
        self.sharpness = sharpness

    def duels(self, X: Floats) -> Floats:
        """Margins of classes 0 and 1, 0 and 2 …, a row a sample; positive where the first wins."""
        found = self._decision_function(X)
        # scikit-learn turns a single duel round.
        return np.asarray(-found[:, None] if found.ndim == 1 else found)

    def predict_proba(self, X: Floats) -> Floats:
        """Probabilities, a row a sample, a column a class."""
        check_is_fitted(self)
        return np.asarray(np.exp(log_shares(self.duels(X), len(self.classes_), self.sharpness)))


class MaximumLikelihood(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The classic classifier of remote sensing: a Gaussian with full covariance for each class, equal priors.

    Covariances are shrunk after Ledoit and Wolf, or by a fixed share towards equal variances without correlation, so
    few samples still give an answer; with no more samples than features it warns, since the answer then rests on the
    shrinkage. A class of one sample, which has no covariance, gets the mean of those of the others.
    """

    def __init__(self, shrinkage: float | None = None) -> None:
        self.shrinkage = shrinkage

    def fit(self, X: Floats, y: Labels) -> Self:
        """The fitted classifier."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, counts = np.unique(y, return_counts=True)
        if counts.max() < 2:
            raise MinecoverError(
                "Maximum likelihood needs two samples of a class, and there is none with more than one. Add samples."
            )
        if counts.min() <= X.shape[1]:
            few, p = counts.min(), X.shape[1]
            warnings.warn(f"a class has {few} samples for {p} features: mostly shrinkage", stacklevel=2)
        self.means_ = np.array([X[y == c].mean(axis=0) for c in self.classes_])
        own = {c: self._covariance(X[y == c]) for c in self.classes_[counts > 1]}
        mean: Floats = np.mean(list(own.values()), axis=0)
        covariances = [own.get(c, mean) for c in self.classes_]
        smallest = 1e-9 * max(np.trace(c) / len(c) for c in covariances) + 1e-300
        self.factors_ = np.array([np.linalg.cholesky(c + smallest * np.eye(len(c))) for c in covariances])
        return self

    def _covariance(self, X: Floats) -> Floats:
        if self.shrinkage is None:
            return np.asarray(ledoit_wolf(X)[0])
        return np.asarray(shrunk_covariance(empirical_covariance(X), self.shrinkage))

    def log_likelihoods(self, X: Floats) -> Floats:
        """Logs of the densities, less a constant: a row a sample, a column a class."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        columns = []
        for mean, factor in zip(self.means_, self.factors_, strict=True):
            whitened = solve_triangular(factor, (X - mean).T, lower=True)
            columns.append(-np.log(np.diag(factor)).sum() - 0.5 * (whitened**2).sum(axis=0))
        return np.column_stack(columns)

    def predict_proba(self, X: Floats) -> Floats:
        """How likely each class is, given that all were equally likely."""
        logs = self.log_likelihoods(X)
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def predict(self, X: Floats) -> Labels:
        """The likeliest class of each sample."""
        best = self.log_likelihoods(X).argmax(axis=1)
        return np.asarray(self.classes_[best])


def forest(trees: int) -> Callable[[int], RandomForestClassifier]:
    """What makes random forests of so many trees; they take NaN as it is."""
    return lambda seed: RandomForestClassifier(trees, max_features="sqrt", n_jobs=-1, random_state=seed)


def _prepared(classifier: Any) -> Pipeline:
    # A feature without a value in the training samples stays, as zeros: the columns must keep their places.
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler(), classifier)


def _svm(seed: int) -> Pipeline:
    return _prepared(VotingSVC(C=10, gamma="scale", random_state=seed))


def _knn(seed: int) -> Pipeline:
    return _prepared(KNeighborsClassifier(5, algorithm="brute"))


def _ann(seed: int) -> Pipeline:
    return _prepared(MLPClassifier((100,), early_stopping=True, n_iter_no_change=20, max_iter=500, random_state=seed))


def _bayes(seed: int) -> Pipeline:
    return _prepared(EqualBayes())


def _likelihood(seed: int) -> Pipeline:
    return _prepared(MaximumLikelihood())


LEARNERS: dict[str, Callable[[int], Any]] = {
    "RF": forest(500),
    "SVM": _svm,
    "KNN": _knn,
    "ANN": _ann,
    "Bayes": _bayes,
    "ML": _likelihood,
}
"""Learner by the short name that tables use."""
