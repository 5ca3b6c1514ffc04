"""The work of the stage on plain values: which methods rank, which learners are compared, what it takes."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from threadpoolctl import threadpool_limits

from pipeline.config import SelectConfig
from pipeline.importance import forest as importance
from pipeline.models import baselines
from pipeline.relief import ReliefF
from pipeline.select.bands import SOURCES, WHOLE_YEAR, described
from pipeline.select.kept import Kept
from pipeline.select.ranking import FOREST, RELIEF
from pipeline.selection import Scores, Selection, Settings, select
from pipeline.selection.results import Folds, Progress, Scorer

Array = NDArray[Any]
SHUFFLES = 5
"""How often a forest's feature is shuffled: growing the forest takes longer, and one shuffle more says more."""
FEW = 10
"""Neighbours that Relief-F is tried with beside those of the settings."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """The training samples and nothing else: values, classes, names of bands, blocks, folds within them."""

    ids: tuple[str, ...]
    X: Array
    y: Array
    bands: tuple[str, ...]
    blocks: Array
    folds: tuple[tuple[Array, Array], ...]

    def fingerprint(self, settings: SelectConfig) -> str:
        """What a selection from this depends on, as a short text."""
        digest = hashlib.sha256(np.ascontiguousarray(self.X, np.float32).tobytes())
        for array in (self.y, self.blocks, *(part for fold in self.folds for part in fold)):
            digest.update(np.ascontiguousarray(array, np.int64).tobytes())
        told = [self.ids, self.bands, settings.model_dump(), [len(part) for fold in self.folds for part in fold]]
        digest.update(json.dumps([*told, version("minecover")]).encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class Sensitivity:
    """How much Relief-F's ranking depends on the number of neighbours."""

    neighbors: int
    few: int
    correlation: float
    """Rank correlation (Spearman) of both scores."""
    top: int
    overlap: float
    """Share of the `top` features of one that are among the `top` of the other."""

    def told(self) -> str:
        """The same in a sentence."""
        return (
            f"Relief-F with {self.few} neighbours in place of {self.neighbors}: rank correlation "
            f"{self.correlation:.2f}, {self.overlap:.0%} of the first {self.top} features are the same"
        )


def selected(lesson: Lesson, settings: SelectConfig, progress: Progress, kept: Kept) -> Selection:
    """What selection finds in the training samples, and had found already."""
    nearest = kept.scorer(RELIEF, relief(settings.neighbors))
    learners = {
        name: kept.learner(name, make)
        for name, make in (baselines.LEARNERS | {FOREST: baselines.forest(settings.trees)}).items()
    }
    # Matrices are small: threads of the linear algebra would only wait for one another.
    with threadpool_limits(1, "blas"):
        return select(
            lesson.X,
            lesson.y,
            lesson.bands,
            lesson.folds,
            scorers={
                RELIEF: nearest,
                FOREST: kept.scorer(FOREST, shuffled(settings.trees, settings.seeds, progress)),
            },
            quick={RELIEF: nearest, FOREST: kept.scorer(f"{FOREST} once", shuffled(settings.trees, 1))},
            make=learners[FOREST],
            blocks=lesson.blocks,
            learners=learners,
            groups=origins(lesson.bands),
            settings=Settings(combine=settings.combine, sizes=settings.sizes, resamples=settings.resamples),
            progress=progress,
        )


def origins(names: Sequence[str]) -> dict[str, tuple[str, str | None]]:
    """The source and the season of each band."""
    return {b.name: (SOURCES[b.group], None if b.season == WHOLE_YEAR else b.season) for b in described(names)}


def relief(neighbors: int) -> Scorer:
    """Scores by Relief-F; as many neighbours as the smallest class has, where that is fewer."""

    def score(X: Array, y: Array, folds: Folds) -> Scores:
        fewest = int(np.unique(y, return_counts=True)[1].min()) - 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a class with one sample, which has no neighbour
            fitted = ReliefF(max(1, min(neighbors, fewest))).fit(X, y)
        return Scores(tuple(fitted.feature_importances_.tolist()), tuple(fitted.standard_errors_.tolist()))

    return score


def shuffled(trees: int, seeds: int, progress: Progress | None = None) -> Scorer:
    """Scores by what a forest loses on held-out folds when a feature is shuffled."""

    def score(X: Array, y: Array, folds: Folds) -> Scores:
        found = importance(X, y, folds, trees=trees, seeds=seeds, repeats=SHUFFLES, progress=progress)
        return Scores(found.mean, found.sd, found.impurity)

    return score


def sensitivity(lesson: Lesson, settings: SelectConfig, selection: Selection) -> Sensitivity:
    """Relief-F's ranking with few neighbours beside the one with many."""
    kept = list(selection.guarded.kept)
    few = np.array(relief(min(FEW, settings.neighbors))(lesson.X[:, kept], lesson.y, lesson.folds).mean)
    many = np.array(selection.scores[RELIEF].mean)
    top = selection.curves[RELIEF].chosen
    both = np.intersect1d(np.argsort(-few)[:top], np.argsort(-many)[:top])
    correlation = float(spearmanr(few, many).statistic) if len(kept) > 1 else 1.0
    return Sensitivity(settings.neighbors, min(FEW, settings.neighbors), correlation, top, len(both) / top)
