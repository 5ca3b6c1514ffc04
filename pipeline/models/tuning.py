"""Settings of the baselines, found on held-out blocks of the training samples within a budget of time.

Candidates come in a fixed order, the plain settings first and extreme ones last, so that a budget that runs out only
cuts the tail. They are scored by balanced accuracy, the mean of the classes' recalls over all held-out samples
together: how many samples a class has is the sampler's choice and not the land's, and a fold may lack a class.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from pipeline.models.baselines import LEARNERS
from pipeline.models.duels import log_shares

Floats = NDArray[np.floating[Any]]
Codes = NDArray[np.integer[Any]]
Folds = Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
Settings = dict[str, Any]
Progress = Callable[[str, int, int], None]

QUICK_TREES = 100  # of the forests that are compared; the final one has all its trees
C_EXPONENTS, GAMMA_EXPONENTS = (-5, 15), (-15, 3)
PLAIN_SVM = (3, -6)  # the grid's point next to the plain settings of a standardised table


@dataclass(frozen=True)
class Tried:
    """A candidate and how it did."""

    settings: Settings
    """Beside the plain ones."""
    score: float
    """Balanced accuracy on held-out samples."""


@dataclass(frozen=True)
class Tuning:
    """What the search found."""

    best: Settings = field(default_factory=dict)
    """Beside the plain settings; empty for those themselves."""
    tried: tuple[Tried, ...] = ()
    """In their order."""
    possible: int = 0
    """How many would have been tried with time enough."""

    @property
    def score(self) -> float | None:
        """The best candidate's; none without a budget."""
        return max((t.score for t in self.tried), default=None)


def made(name: str, seed: int, settings: Settings) -> Any:
    """The learner of the table, unfitted, with such settings."""
    learner = LEARNERS[name](seed)
    (learner[-1] if isinstance(learner, Pipeline) else learner).set_params(**settings)
    return learner


def tuned(
    name: str, X: Floats, y: Codes, folds: Folds, seconds: float, seed: int, progress: Progress | None = None
) -> Tuning:
    """The best settings among those that the budget allows; of equal ones the first. Only rows in folds are read.

    The time is looked at between fits, so the last fit may end later. A candidate that was cut short does not count;
    one that so few samples cannot be fitted with scores 0.
    """
    tell = progress or (lambda what, done, total: None)
    deadline = monotonic() + seconds
    tried: list[Tried] = []
    possible = 0
    with warnings.catch_warnings(), threadpool_limits(1, "blas"):
        warnings.simplefilter("ignore")  # of candidates; the final fit warns
        for settings, possible in _candidates(name, tried):
            score = _score(name, settings, X, y, folds, seed, deadline)
            if score is None:
                break
            tried.append(Tried(settings, score))
            tell(f"{name}, settings ({seconds / 60:g} min at most)", len(tried), possible)
    best = max(tried, key=lambda t: t.score).settings if tried else {}
    return Tuning(best, tuple(tried), possible)


def sharpness(X: Floats, y: Codes, folds: Folds, seed: int, settings: Settings) -> float:
    """How sure a margin of the support vector machine makes: what makes held-out samples likeliest."""
    fights: list[tuple[Floats, Codes, int]] = []
    for train, held in map(lambda fold: _usable(y, *fold), folds):
        held = held[np.isin(y[held], y[train])]
        if len(held):
            learner = made("SVM", seed, settings).fit(X[train], y[train])
            duels = learner[-1].duels(learner[:-1].transform(X[held]))
            fights.append((duels, np.searchsorted(learner.classes_, y[held]), len(learner.classes_)))
    if not fights:
        return float(made("SVM", seed, {})[-1].sharpness)

    def loss(log: float) -> float:
        logs = [log_shares(d, k, np.exp(log))[np.arange(len(truth)), truth] for d, truth, k in fights]
        return -float(np.concatenate(logs).mean())

    return float(np.exp(minimize_scalar(loss, bounds=np.log([0.1, 30]), method="bounded").x))


def balanced_accuracy(truth: Codes, found: Codes) -> float:
    """The mean of the recalls of the classes that there are."""
    return float(np.mean([np.mean(found[truth == c] == c) for c in np.unique(truth)]))


def _score(
    name: str, settings: Settings, X: Floats, y: Codes, folds: Folds, seed: int, deadline: float
) -> float | None:
    truths, answers = [], []
    for train, held in map(lambda fold: _usable(y, *fold), folds):
        if monotonic() >= deadline:
            return None
        trees = {"n_estimators": QUICK_TREES} if name == "RF" else {}
        if not len(train):
            continue
        try:
            answers.append(made(name, seed, settings | trees).fit(X[train], y[train]).predict(X[held]))
        except ValueError:
            return 0.0
        truths.append(y[held])
    return balanced_accuracy(np.concatenate(truths), np.concatenate(answers)) if truths else None


def _usable(y: Codes, train: NDArray[np.intp], held: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The fold without training rows of classes of which it has one only; empty where fewer than two classes stay."""
    present, counts = np.unique(y[train], return_counts=True)
    known = present[counts > 1]
    train = train[np.isin(y[train], known)]
    return (train if len(known) > 1 else train[:0]), held


def _candidates(name: str, tried: list[Tried]) -> Iterator[tuple[Settings, int]]:
    """Settings in their order, with how many there are in all. The SVM's later ones depend on how others did."""
    grid = [{}, *GRIDS[name]]
    for settings in grid:
        yield settings, len(grid)
    if name != "SVM":
        return
    for step in (2, 1):
        best = max(tried, key=lambda t: t.score).settings
        at = tuple(round(np.log2(best[key])) for key in ("C", "gamma")) if best else PLAIN_SVM
        done = [t.settings for t in tried]
        nearer = [s for s in _around(at, step) if s not in done]
        for settings in nearer:
            yield settings, len(done) + len(nearer)


def _around(at: tuple[int, ...], step: int) -> list[Settings]:
    points = itertools.product(*([x - step, x, x + step] for x in at))
    return [
        _svm(c, g)
        for c, g in points
        if C_EXPONENTS[0] <= c <= C_EXPONENTS[1] and GAMMA_EXPONENTS[0] <= g <= GAMMA_EXPONENTS[1]
    ]


def _svm(c: int, gamma: int) -> Settings:
    return {"C": 2.0**c, "gamma": 2.0**gamma}


def _product(**choices: Sequence[Any]) -> list[Settings]:
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]


# The coarse grid of the SVM starts where plain settings lie; the extremes, whose fits take longest, come last.
_COARSE = sorted(
    itertools.product(range(-5, 16, 4), range(-15, 4, 3)),
    key=lambda point: (abs(point[0] - PLAIN_SVM[0]) + abs(point[1] - PLAIN_SVM[1]), point),
)

GRIDS: dict[str, list[Settings]] = {
    "RF": _product(
        class_weight=[None, "balanced_subsample"], min_samples_leaf=[1, 2, 5], max_features=["sqrt", "log2", 0.3]
    )[1:],
    "SVM": [_svm(c, gamma) for c, gamma in _COARSE],
    "KNN": _product(weights=["uniform", "distance"], n_neighbors=[*range(5, 16), *range(4, 0, -1)])[1:],
    "ANN": _product(hidden_layer_sizes=[[64], [128]], alpha=[1e-4, 1e-3, 1e-2]),
    "Bayes": _product(equal=[True, False], var_smoothing=[1e-9, 1e-6, 1e-4, 1e-3, 1e-2, 1e-1])[1:],
    "ML": _product(shrinkage=[1e-3, 1e-2, 1e-1, 0.3, 0.5]),
}
"""Candidates of each learner beside the plain settings, in the order in which they are tried."""
