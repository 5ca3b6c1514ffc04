"""What a choice of features changes: for each learner, and without each sensor or season. On held-out folds."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.accuracy import Figure, Scores, scored
from pipeline.selection.curves import Order
from pipeline.selection.redundant import varying
from pipeline.selection.results import Cost, Effect, Estimate, Folds, Make, Progress, Quality

Values = NDArray[np.floating[Any]]
Codes = NDArray[np.integer[Any]]


class HeldOut:
    """Samples with their folds and blocks, on which any learner with any features can be judged in the same draws."""

    def __init__(self, X: Values, y: Codes, folds: Folds, blocks: Codes, draws: int, seed: int) -> None:
        self.X, self.folds, self.draws, self.seed = X, folds, draws, seed
        self.codes, self.y = np.unique(y, return_inverse=True)
        self.held = np.concatenate([held for _, held in folds])
        self.blocks = blocks[self.held]

    def judge(self, make: Make, columns: Sequence[Order]) -> tuple[Scores, str]:
        """How good a learner is with these features (one set a fold), and what it warned of."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            predicted = [self._predict(make, c, fold) for c, fold in zip(columns, self.folds, strict=True)]
        said = sorted({str(w.message) for w in caught if issubclass(w.category, UserWarning)})
        answers, codes = np.concatenate(predicted), np.arange(len(self.codes))
        return scored(self.y[self.held], answers, self.blocks, codes, self.draws, self.seed), "; ".join(said)

    def _predict(self, make: Make, columns: Order, fold: tuple[NDArray[np.intp], NDArray[np.intp]]) -> Codes:
        train, held = fold
        columns = np.sort(columns)
        learner = make(self.seed).fit(self.X[np.ix_(train, columns)], self.y[train])
        return np.asarray(learner.predict(self.X[np.ix_(held, columns)]))


def effect(
    samples: HeldOut,
    sets: Mapping[str, Sequence[Order]],
    learners: Mapping[str, Make],
    progress: Progress | None = None,
) -> tuple[Effect, ...]:
    """Each learner with each set of features (one a fold, from its training part), less the same learner with "all"."""
    effects = []
    total = len(learners) * len(sets)
    for learner, make in learners.items():
        base: Scores | None = None
        for features in sorted(sets, key=lambda s: s != "all"):
            columns = sets[features]
            scores, note = samples.judge(make, columns)
            base = scores if base is None else base
            count = float(np.mean([len(c) for c in columns]))
            effects.append(Effect(learner, features, count, quality(scores), quality(scores, base), note))
            if progress is not None:
                progress("learners", len(effects), total)
    return tuple(effects)


def cost(
    samples: HeldOut,
    names: Sequence[str],
    groups: Mapping[str, tuple[str, str | None]],
    make: Make,
    progress: Progress | None = None,
) -> tuple[tuple[Cost, ...], Quality]:
    """What is lost without each sensor and each season and kept with it alone, and the quality with all features.

    A season alone keeps what has no season: height is there whichever scenes are exported. Features without values, or
    with one only, count nowhere.
    """
    folds = len(samples.folds)
    known = np.flatnonzero(varying(samples.X))
    base, _ = samples.judge(make, [known] * folds)
    views = _views([names[i] for i in known.tolist()], groups)
    costs = []
    for (kind, name, how), left in views.items():
        scores, _ = samples.judge(make, [known[left]] * folds)
        costs.append(Cost(kind, name, how, int(left.sum()), quality(scores), quality(scores, base)))
        if progress is not None:
            progress("sensors and seasons", len(costs), len(views))
    return tuple(costs), quality(base)


def quality(scores: Scores, base: Scores | None = None) -> Quality:
    """The measures with their intervals, or what they are above those of `base` in the same draws."""
    found = scores.overall() if base is None else scores.less(base)
    return Quality(_estimate(found.oa), _estimate(found.kappa), _estimate(found.mean_f1))


def _estimate(figure: Figure) -> Estimate:
    """NaN for a value that is not defined; of a value without an interval both ends are the value."""
    value = np.nan if figure.value is None else figure.value
    return Estimate(value, *(value if end is None else end for end in (figure.low, figure.high)))


def _views(names: Sequence[str], groups: Mapping[str, tuple[str, str | None]]) -> dict[Any, NDArray[np.bool_]]:
    """The features left in each view, by (kind, name, how); views that leave none or all are not there."""
    sensors = np.array([groups[n][0] for n in names])
    seasons = np.array([groups[n][1] or "" for n in names])
    views: dict[Any, NDArray[np.bool_]] = {}
    for sensor in dict.fromkeys(sensors.tolist()):
        views["sensor", sensor, "without"] = sensors != sensor
        views["sensor", sensor, "alone"] = sensors == sensor
    for season in dict.fromkeys(s for s in seasons.tolist() if s):
        views["season", season, "without"] = seasons != season
        views["season", season, "alone"] = (seasons == season) | (seasons == "")
    return {key: left for key, left in views.items() if left.any() and not left.all()}
