"""What the work takes, told before it begins: how many forests, and about how long, by the time that one takes."""

from __future__ import annotations

import time

from pipeline.config import SelectConfig
from pipeline.models.baselines import LEARNERS, forest
from pipeline.select.work import QUICK_TREES, Lesson, origins
from pipeline.selection.curves import steps

RANKINGS, SUBSETS = 3, 4
SHUFFLING = 1.3
"""Time of a forest with all that is asked of it, as a multiple of growing it; about."""


def plan(lesson: Lesson, settings: SelectConfig) -> str:
    """A line on what will be done; one forest is grown to see how long that takes."""
    whole, quick = fits(lesson, settings)
    started = time.monotonic()
    train, _ = lesson.folds[0]
    forest(settings.trees)(0).fit(lesson.X[train], lesson.y[train])
    small = min(1.0, QUICK_TREES / settings.trees)
    seconds = (time.monotonic() - started) * (whole + quick * small) * SHUFFLING
    return (
        f"{len(lesson.y):,} training samples, {len(lesson.bands)} features, {len(lesson.folds)} folds: {whole} forests "
        f"of {settings.trees} trees, {quick} of {min(settings.trees, QUICK_TREES)}, and {len(LEARNERS) - 1} other "
        f"classifiers; about {lasting(seconds)}"
    )


def fits(lesson: Lesson, settings: SelectConfig) -> tuple[int, int]:
    """Numbers of whole forests and of quick ones."""
    folds = len(lesson.folds)
    places = list(origins(lesson.bands).values())
    parts = {p[0] for p in places} | {p[1] for p in places if p[1]}
    sizes = len(settings.sizes or steps(len(lesson.bands)))
    whole = folds * (settings.seeds + SUBSETS)
    judged = RANKINGS * sizes + 2 * len(parts) + 1
    return whole, folds * (judged + folds - 1 + settings.resamples)


def lasting(seconds: float) -> str:
    """A duration in words, rounded."""
    return f"{max(5, round(seconds / 5) * 5)} s" if seconds < 90 else f"{round(seconds / 60)} min"
