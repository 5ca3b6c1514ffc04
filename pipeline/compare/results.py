"""What a comparison finds, as frozen values that a JSON file holds and gives back."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.accuracy import ModelAccuracy, Pair, Scores, model_accuracy, pairs
from pipeline.artifacts.predictions import Predictions
from pipeline.errors import MinecoverError

FILE = "comparison.json"
SETS = ("all", "Relief-F", "RF", "combined")


class Entry(BaseModel):
    """A model that learnt from one choice of features."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    features: str
    bands: int
    accuracy: ModelAccuracy


class Comparison(BaseModel):
    """All entries; models in pairs on the features that the run uses; each choice of features beside all of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: str
    """The choice of features on which models are compared."""
    split: str
    entries: tuple[Entry, ...]
    models: tuple[Pair, ...]
    """Every two models on those features, corrected together."""
    gains: tuple[Pair, ...]
    """Each model with chosen features less the same with all, corrected together; `a` and `b` are `model, features`."""

    def entry(self, model: str, features: str) -> Entry | None:
        """The entry of a model and a choice of features, if it is there."""
        return next((e for e in self.entries if (e.model, e.features) == (model, features)), None)


def compared(
    answers: dict[tuple[str, str], tuple[int, tuple[Predictions, ...]]],
    features: str,
    split: str,
    names: dict[int, str],
    draws: int,
    seed: int,
) -> Comparison:
    """The comparison of answers on the same samples, by (model, features); with each the number of its bands."""
    entries, scores = [], {}
    first = next(iter(answers.values()))[1][0]
    for (model, chosen), (bands, runs) in answers.items():
        _refuse_other(first, runs, model, chosen)
        by_seed = {p.seed: p.predicted for p in runs}
        accuracy, found = model_accuracy(
            f"{model}, {chosen}", split, first.y, by_seed, first.blocks, names, draws, seed
        )
        entries.append(Entry(model=model, features=chosen, bands=bands, accuracy=accuracy))
        scores[model, chosen] = found
    predicted = {key: runs[0].predicted for key, (_, runs) in answers.items()}
    same = [key for key in answers if key[1] == features]
    beside = [(key, (key[0], "all")) for key in answers if key[1] != "all" and (key[0], "all") in answers]
    return Comparison(
        features=features,
        split=split,
        entries=tuple(entries),
        models=_tested(first, predicted, scores, list(combinations(same, 2))),
        gains=_tested(first, predicted, scores, beside),
    )


def read(path: Path) -> Comparison:
    """The comparison in a file."""
    try:
        return Comparison.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise MinecoverError(f"'{path}' holds no comparison. `minecover compare CONFIG` makes one.") from error


def _tested(
    first: Predictions,
    predicted: dict[tuple[str, str], np.ndarray],
    scores: dict[tuple[str, str], Scores],
    both: Sequence[tuple[tuple[str, str], tuple[str, str]]],
) -> tuple[Pair, ...]:
    """These pairs with paired differences and McNemar's tests, corrected for the number of pairs."""
    title = {key: ", ".join(key) for key in predicted}
    return pairs(
        first.y,
        {title[k]: p for k, p in predicted.items()},
        {title[k]: s for k, s in scores.items()},
        [(title[a], title[b]) for a, b in both],
    )


def _refuse_other(first: Predictions, runs: Sequence[Predictions], model: str, features: str) -> None:
    if any(p.ids != first.ids or not np.array_equal(p.y, first.y) for p in runs):
        raise MinecoverError(f"{model} on {features} was tested on other samples than the rest. Compare again.")
