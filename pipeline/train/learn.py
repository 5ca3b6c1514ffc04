"""One model learnt from the material: a network or a baseline, with what is to be told of how it went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.artifacts.predictions import Predictions
from pipeline.config import TrainConfig
from pipeline.errors import MinecoverError
from pipeline.models import NETWORKS, Fitted, answers, hushed
from pipeline.train.material import Material

NDArray = np.ndarray[Any, Any]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Learnt:
    """A fitted model, its epochs (networks) and its settings as they were chosen (baselines)."""

    model: Fitted
    history: tuple[dict[str, float], ...]
    settings: dict[str, Any]


def settings(name: str, config: TrainConfig, patch: int) -> dict[str, Any]:
    """The settings that this model depends on."""
    networks = ("form", "epochs", "patience", "batch", "rate", "decay", "precision", "deterministic", "weights")
    baselines = ("tune_minutes", "baselines_see")
    found = config.model_dump(mode="json", include=set(networks if name in NETWORKS else baselines))
    if name in NETWORKS or config.baselines_see == "patch":
        found["patch_px"] = patch
    return found


def learnt(
    name: str,
    material: Material,
    bands: Sequence[str],
    config: TrainConfig,
    patch: int,
    seed: int,
    keep: Path | None,
    progress: Progress,
) -> Learnt:
    """The model of this name, fitted to the training samples."""
    fit = _network if name in NETWORKS else _baseline
    return fit(name, material, bands, config, patch, seed, keep, progress)


def tested(model: Fitted, material: Material, bands: Sequence[str], seed: int) -> Predictions:
    """What the model answers at the samples of the test part."""
    test = material.split.test
    windows = material.windows(bands)
    shares = answers(model, windows.cut, material.rows[test], material.columns[test])
    codes = np.array(material.legend.codes)
    return Predictions(
        ids=tuple(material.samples.ids[i] for i in test),
        y=material.samples.y[test],
        predicted=codes[shares.argmax(axis=1)],
        blocks=material.samples.blocks[test],
        probabilities=shares,
        codes=material.legend.codes,
        seed=seed,
    )


def _baseline(
    name: str,
    material: Material,
    bands: Sequence[str],
    config: TrainConfig,
    patch: int,
    seed: int,
    keep: Path | None,
    progress: Progress,
) -> Learnt:
    from pipeline.models import pixels

    train = material.split.train
    place = np.full(len(material.y), -1)
    place[train] = np.arange(len(train))
    if config.baselines_see == "patch":
        half = patch // 2
        windows = material.windows(bands)
        X = pixels.seen(windows.cut(material.rows[train] - half, material.columns[train] - half, patch), "patch")
    else:
        X = material.values(bands)[train]
    model, tuning = pixels.fitted(
        name,
        X,
        material.y[train],
        material.legend.names,
        folds=[(place[a], place[b]) for a, b in material.split.folds],
        seconds=60 * config.tune_minutes,
        seed=seed,
        see=config.baselines_see,
        patch=patch,
        progress=progress,
    )
    return Learnt(model, (), {"tuning": asdict(tuning)})


def _network(
    name: str,
    material: Material,
    bands: Sequence[str],
    config: TrainConfig,
    patch: int,
    seed: int,
    keep: Path | None,
    progress: Progress,
) -> Learnt:
    with hushed():
        from pipeline.models import imagenet, training
        from pipeline.models.batches import Labelled
        from pipeline.models.resnet import Shape
        from pipeline.models.scaling import fitted

    fit, held = stopping(material)
    windows = material.windows(bands)
    labelled = Labelled(material.rows, material.columns, material.y)
    lesson = training.Lesson(windows.cut, windows.grouped, labelled.take(fit), labelled.take(held))
    own = {
        f: getattr(config, f) for f in ("epochs", "patience", "batch", "rate", "decay", "precision", "deterministic")
    }
    found = training.trained(
        Shape(name, config.form, patch, len(bands), len(material.legend)),
        fitted(material.values(bands)[fit]),
        lesson,
        training.Settings(seed=seed, **own),
        keep,
        imagenet.starter(config.weights) if config.weights else None,
        progress,
    )
    told = {"fit": len(fit), "held": len(held), "best_epoch": found.best, "epochs": len(found.history)}
    return Learnt(found.network, found.history, told)


def stopping(material: Material) -> tuple[NDArray, NDArray]:
    """Training samples to fit a network, and those of other blocks that tell when to stop: one of the split's folds.

    It is the fold that knows the most classes on both sides, and of those the one that leaves most to fit.
    """
    if not material.split.folds:
        raise MinecoverError("The split has no folds, so nothing tells a network when to stop. Set `split.folds` to 5.")

    def worth(fold: tuple[NDArray, NDArray]) -> tuple[int, int]:
        fit, held = fold
        return min(len(np.unique(material.y[fit])), len(np.unique(material.y[held]))), len(fit)

    return max(material.split.folds, key=worth)
