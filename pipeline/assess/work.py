"""What models answered on the test part, gathered from their folders and scored; those on other samples stand apart."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.accuracy import Scores, model_accuracy, pairs
from pipeline.accuracy.results import ModelAccuracy, Pair
from pipeline.artifacts.models import FILE, MODELS, read_manifest
from pipeline.artifacts.predictions import PREDICTIONS, Predictions, read_predictions
from pipeline.config import Legend
from pipeline.console import progress
from pipeline.errors import MinecoverError

NDArray = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Answered:
    """What a model answered: codes by seed, truth and block of each sample, all in the order of the samples' ids."""

    name: str
    split: str
    ids: tuple[str, ...]
    truth: NDArray
    blocks: NDArray
    answers: dict[int, NDArray]
    digest: str
    """Changes with whatever the figures depend on."""

    @property
    def samples(self) -> str:
        """Equal for models that can be compared: they were asked the same."""
        told = json.dumps([self.ids, self.truth.tolist(), self.blocks.tolist()])
        return sha256(told.encode()).hexdigest()


def gathered(run: Path, legend: Legend) -> tuple[Answered, ...]:
    """What each finished model in the run's folder answered, by name. Refuses classes that the legend lacks."""
    folders = sorted(p.parent for p in (run / MODELS).glob(f"*/{FILE}"))
    return tuple(_answered(folder, legend) for folder in folders)


def _answered(folder: Path, legend: Legend) -> Answered:
    manifest, runs = read_manifest(folder), read_predictions(folder / PREDICTIONS)
    known = set(legend.codes)
    for codes in ({c.code for c in manifest.legend}, *(set(np.union1d(r.y, r.predicted).tolist()) for r in runs)):
        if codes - known:
            raise MinecoverError(
                f"The model in '{folder}' knows the class {min(codes - known)}, and the legend does not. Use the "
                "legend it was trained with, or run `minecover sample` and `minecover train` again."
            )
    rows = [np.argsort(np.array(r.ids), kind="stable") for r in runs]
    ids, truth, blocks = _asked(folder, runs, rows)
    return Answered(
        name=folder.name,
        split=manifest.split,
        ids=ids,
        truth=truth,
        blocks=blocks,
        answers={r.seed: r.predicted[order].astype(np.int64) for r, order in zip(runs, rows, strict=True)},
        digest=sha256((folder / PREDICTIONS).read_bytes() + manifest.split.encode()).hexdigest(),
    )


def _asked(
    folder: Path, runs: Sequence[Predictions], rows: Sequence[NDArray]
) -> tuple[tuple[str, ...], NDArray, NDArray]:
    """Ids, truth and blocks, which must be the same for all seeds."""
    asked = [
        (tuple(np.array(r.ids)[order].tolist()), r.y[order].astype(np.int64), r.blocks[order].astype(np.int64))
        for r, order in zip(runs, rows, strict=True)
    ]
    if not asked or not asked[0][0]:
        raise MinecoverError(f"'{folder / PREDICTIONS}' holds not one answer. Train the model again.")
    first = asked[0]
    for other in asked[1:]:
        if other[0] != first[0] or not all(np.array_equal(a, b) for a, b in zip(other[1:], first[1:], strict=True)):
            raise MinecoverError(
                f"The seeds in '{folder / PREDICTIONS}' were tested on different samples. Train again."
            )
    return first


@dataclass(frozen=True)
class Scored:
    """Figures of all models, and of all pairs on the same samples."""

    models: tuple[ModelAccuracy, ...]
    pairs: tuple[Pair, ...]
    notes: tuple[str, ...]


def scored(models: Sequence[Answered], legend: Legend, draws: int, seed: int) -> Scored:
    """The figures. Models that were asked other samples than the largest group of them are in no pair, and named."""
    names = dict(zip(legend.codes, legend.names, strict=True))
    figures: dict[str, ModelAccuracy] = {}
    drawn: dict[str, Scores] = {}
    for m in progress(models, "Scoring", len(models)):
        figures[m.name], drawn[m.name] = model_accuracy(
            m.name, m.split, m.truth, m.answers, m.blocks, names, draws, seed
        )
    groups: dict[str, list[Answered]] = {}
    for m in models:
        groups.setdefault(m.samples, []).append(m)
    first = max(groups.values(), key=len, default=[])
    kept = {m.name: next(iter(m.answers.values())) for m in first}
    tested = pairs(first[0].truth, kept, drawn) if len(first) > 1 else ()
    return Scored(tuple(figures.values()), tested, tuple(_apart(models, first)))


def _apart(models: Sequence[Answered], first: Sequence[Answered]) -> Iterator[str]:
    others = [m.name for m in models if m not in first]
    if others and first:
        yield (
            f"{', '.join(others)} was tested on other samples than {', '.join(m.name for m in first)}: no paired tests "
            f"between them. Train all on one split"
        )
