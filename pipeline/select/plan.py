"""What the work takes, told before it begins: how many forests, and about how long, by the time that one takes."""

from __future__ import annotations

import time

from pipeline.config import SelectConfig
from pipeline.models.baselines import LEARNERS, forest
from pipeline.select.work import Lesson, origins
from pipeline.selection.curves import steps

RANKINGS, SUBSETS = 3, 4
SHUFFLING = 1.3
"""Time of a forest with all that is asked of it, as a multiple of growing it; about."""


def plan(lesson: Lesson, settings: SelectConfig) -> str:
    """A line on what will be done; two forests are grown to see how long that takes, the first to warm up."""
    forests = fits(lesson, settings)
    train, _ = lesson.folds[0]
    for seed in range(2):
        started = time.monotonic()
        forest(settings.trees)(seed).fit(lesson.X[train], lesson.y[train])
    seconds = (time.monotonic() - started) * forests * SHUFFLING
    return (
        f"{len(lesson.y):,} training samples, {len(lesson.bands)} features, {len(lesson.folds)} folds: {forests} "
        f"forests of {settings.trees} trees and {len(LEARNERS) - 1} other classifiers; about {lasting(seconds)}"
    )


def fits(lesson: Lesson, settings: SelectConfig) -> int:
    """Number of forests at most; where rankings agree some are needed once only."""
    folds = len(lesson.folds)
    places = list(origins(lesson.bands).values())
    parts = {p[0] for p in places} | {p[1] for p in places if p[1]}
    smaller = len(settings.sizes or steps(len(lesson.bands))) - 1
    judged = RANKINGS * smaller + 2 * len(parts) + SUBSETS
    return folds * (settings.seeds + judged + folds - 1 + settings.resamples)


def lasting(seconds: float) -> str:
    """A duration in words, rounded."""
    return f"{max(5, round(seconds / 5) * 5)} s" if seconds < 90 else f"{round(seconds / 60)} min"
