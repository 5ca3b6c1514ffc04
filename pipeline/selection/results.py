"""What selection finds, as plain values that go to JSON and come back equal. Knows nothing of how they are found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, TypeAdapter, ValidationError

from pipeline.errors import MinecoverError

Folds = Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
"""(train, validation) row numbers, a pair a fold."""

Make = Callable[[int], Any]
"""An unfitted scikit-learn classifier, from a seed."""

Progress = Callable[[str, int, int], None]
"""Hears (what is being done, steps done, steps in all)."""

Rule = Literal["borda", "intersection", "union"]
RULES: tuple[Rule, ...] = ("borda", "intersection", "union")


@dataclass(frozen=True)
class Settings:
    """How selection goes about it."""

    combine: Rule = "borda"
    """The rule whose features are taken in the end; the others are reported beside it."""
    sizes: tuple[int, ...] | None = None
    """Numbers of features at which accuracy is measured; None for 5, 10, 15, 20, 30, 40 … all."""
    resamples: int = 10
    """How often selection is repeated on four fifths of the blocks, to see how stable it is."""
    draws: int = 2000
    """Bootstrap draws of blocks behind each interval."""
    seed: int = 0


@dataclass(frozen=True)
class Guarded:
    """Features that are worth ranking, and why the others are not."""

    kept: tuple[int, ...]
    """Column numbers, ascending."""
    constants: tuple[str, ...]
    """Features with one value only."""
    aliases: tuple[tuple[str, str, float], ...]
    """(the one kept, the one dropped, their correlation)."""
    empty: tuple[str, ...] = ()
    """Features without any value."""


@dataclass(frozen=True)
class Scores:
    """One score a feature, higher is better, in the order of the features that were scored."""

    mean: tuple[float, ...]
    sd: tuple[float, ...]
    """How much the score varies (between seeds and folds, or its standard error)."""
    impurity: tuple[float, ...] | None = None
    """A forest's own impurity importance, for comparison only: it favours features with many values."""


Scorer = Callable[[NDArray[np.floating[Any]], NDArray[np.integer[Any]], Folds], Scores]
"""Scores features from (X, y, folds of these rows); one that needs no folds ignores them."""


@dataclass(frozen=True)
class Curve:
    """Accuracy on held-out folds against the number of features."""

    sizes: tuple[int, ...]
    mean: tuple[float, ...]
    standard_error: tuple[float, ...]
    by_fold: tuple[tuple[float, ...], ...]
    """A row for each size, a column for each fold."""
    best: int
    """The size of the highest mean."""
    chosen: int
    """The smallest size whose mean is within one standard error of the best."""


@dataclass(frozen=True)
class Stability:
    """How alike the chosen sets are when blocks are left out: the Jaccard index of each pair of sets."""

    jaccard: float
    low: float
    """Between low and high lie 95 % of the pairs."""
    high: float
    chance: float
    """What sets of these sizes would reach if drawn blindly."""
    frequency: tuple[tuple[str, float], ...]
    """(feature, share of the resamples in which it was chosen), the most frequent first."""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval (block bootstrap)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Quality:
    """Overall accuracy, kappa and macro-F1: of a map, or the difference of two."""

    oa: Estimate
    kappa: Estimate
    f1: Estimate


@dataclass(frozen=True)
class Effect:
    """What one learner makes of one set of features, on held-out folds."""

    learner: str
    features: str
    """"all", the name of a ranking, or "combined"."""
    count: float
    """Features in the set, on average over folds."""
    quality: Quality
    difference: Quality
    """Less the same learner with all features; the same draws, so it is paired."""
    note: str = ""
    """What the learner warned of."""


@dataclass(frozen=True)
class Cost:
    """What is lost without a sensor or a season, or kept with it alone."""

    kind: Literal["sensor", "season"]
    name: str
    how: Literal["without", "alone"]
    count: int
    """Features that were left."""
    quality: Quality
    difference: Quality
    """Less all features."""


@dataclass(frozen=True)
class Selection:
    """All that selection found. Features are given by name; scores are in the order of `kept`."""

    __pydantic_config__ = ConfigDict(ser_json_inf_nan="strings")

    names: tuple[str, ...]
    """All features that came in."""
    rows: int
    """Samples that the folds use."""
    settings: Settings
    guarded: Guarded
    scores: dict[str, Scores]
    """For each ranking ("Relief-F", "RF")."""
    ranked: dict[str, tuple[str, ...]]
    """For each ranking and "borda": features, best first."""
    curves: dict[str, Curve]
    """For each ranking and "borda"."""
    chosen: dict[str, tuple[str, ...]]
    """For each ranking its best; for "borda", "intersection" and "union" what that rule makes of them."""
    stability: dict[str, Stability]
    """For each entry of `chosen`."""
    effects: tuple[Effect, ...]
    costs: tuple[Cost, ...]
    reference: Quality | None
    """With all features, by the learner of the curves: what costs are differences from."""

    @property
    def kept(self) -> tuple[str, ...]:
        """The features that were ranked, in the order of the scores."""
        return tuple(self.names[i] for i in self.guarded.kept)

    @property
    def final(self) -> tuple[str, ...]:
        """The features to go on with: those of the rule that the settings name, best first."""
        return self.chosen[self.settings.combine]

    def to_json(self) -> str:
        """All of it as JSON text."""
        return _adapter().dump_json(self, indent=1).decode()

    @staticmethod
    def from_json(text: str | bytes, file: str = "This") -> Selection:
        """The selection that `to_json` wrote; `file` is what an error calls it."""
        try:
            return _adapter().validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = " ".join(map(str, first["loc"]))
            raise MinecoverError(
                f"{file} is no selection: {f'{where}: ' if where else ''}{first['msg']}. Run `minecover select` again."
            ) from error


@cache
def _adapter() -> TypeAdapter[Selection]:
    return TypeAdapter(Selection)
