"""One model learnt from the material: a network or a baseline, with what is to be told of how it went."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.artifacts.ledger import sha256
from pipeline.artifacts.predictions import Predictions
from pipeline.config import TrainConfig
from pipeline.errors import MinecoverError
from pipeline.models import NETWORKS, Fitted, answers, hushed
from pipeline.train.material import Material

NDArray = np.ndarray[Any, Any]
Progress = Callable[[str, int, int], None]

BEHIND = 1.3
"""By how much more loss than its patch form the dense form of a network is told to be unfinished."""


@dataclass(frozen=True, eq=False)
class Task:
    """One model to learn: from what, which bands, by which settings, patches of how many pixels, which seed."""

    name: str
    material: Material
    bands: Sequence[str]
    config: TrainConfig
    patch: int
    seed: int


@dataclass(frozen=True, eq=False)
class Learnt:
    """A fitted model, its epochs (networks) and its settings as they were chosen (baselines)."""

    model: Fitted
    history: tuple[dict[str, float], ...]
    settings: dict[str, Any]


def settings(name: str, config: TrainConfig, patch: int) -> dict[str, Any]:
    """The settings that this model depends on."""
    networks = ("form", "epochs", "patience", "batch", "rate", "decay", "precision", "deterministic")
    baselines = ("tune_minutes", "baselines_see")
    found = config.model_dump(mode="json", include=set(networks if name in NETWORKS else baselines))
    if name in NETWORKS or config.baselines_see == "patch":
        found["patch_px"] = patch
    if name in NETWORKS:
        used = config.weights if pretrainable(name) else None
        found |= {"weights": used.name, "weights_sha256": _digest(used)} if used else {"weights": None}
    return found


def _digest(weights: Path) -> str:
    try:
        return sha256(weights)
    except OSError as error:
        raise MinecoverError(f"'{weights}' cannot be read: {error.strerror}. Correct `train.weights`.") from error


def learnt(task: Task, keep: Path | None, progress: Progress) -> Learnt:
    """The model of a task, fitted to the training samples. In the folder `keep` networks leave their checkpoints."""
    return _network(task, keep, progress) if task.name in NETWORKS else _baseline(task, progress)


def graphics_cards() -> list[str]:
    """Those that networks can learn on."""
    with hushed():
        from pipeline.models import backend
    return backend.devices()


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


def _baseline(task: Task, progress: Progress) -> Learnt:
    from pipeline.models import pixels

    material, config = task.material, task.config
    train = material.split.train
    place = np.full(len(material.y), -1)
    place[train] = np.arange(len(train))
    if config.baselines_see == "patch":
        half = task.patch // 2
        windows = material.windows(task.bands)
        X = pixels.seen(windows.cut(material.rows[train] - half, material.columns[train] - half, task.patch), "patch")
    else:
        X = material.values(task.bands)[train]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", UserWarning)
        model, tuning = pixels.fitted(
            task.name,
            X,
            material.y[train],
            material.legend.names,
            folds=[(place[a], place[b]) for a, b in material.split.folds],
            seconds=60 * config.tune_minutes,
            seed=task.seed,
            see=config.baselines_see,
            patch=task.patch,
            progress=progress,
        )
    notes = list(dict.fromkeys(str(w.message) for w in said if w.category is UserWarning))
    return Learnt(model, (), {"tuning": asdict(tuning), "notes": notes})


def _network(task: Task, keep: Path | None, progress: Progress) -> Learnt:
    with hushed():
        from pipeline.models import imagenet, training
        from pipeline.models.batches import Labelled
        from pipeline.models.resnet import Shape
        from pipeline.models.scaling import fitted

    material, config = task.material, task.config
    fit, held = stopping(material)
    windows = material.windows(task.bands)
    labelled = Labelled(material.rows, material.columns, material.y)
    lesson = training.Lesson(windows.cut, windows.grouped, labelled.take(fit), labelled.take(held))
    own = {
        f: getattr(config, f) for f in ("epochs", "patience", "batch", "rate", "decay", "precision", "deterministic")
    }
    found = training.trained(
        Shape(task.name, config.form, task.patch, len(task.bands), len(material.legend)),
        fitted(material.values(task.bands)[fit]),
        lesson,
        training.Settings(seed=task.seed, **own),
        keep,
        imagenet.starter(config.weights) if config.weights and pretrainable(task.name) else None,
        progress,
    )
    told = {"fit": len(fit), "held": len(held), "best_epoch": found.best, "epochs": len(found.history)}
    notes = unfinished(found.history)
    if config.weights and not pretrainable(task.name):
        notes.append(f"`train.weights` are of a ResNet: {task.name} began at random")
    return Learnt(found.network, found.history, {**told, "notes": notes})


def pretrainable(name: str) -> bool:
    """Whether ImageNet's weights are for this network: they are for ResNets."""
    return name.startswith("ResNet")


def unfinished(history: Sequence[dict[str, float]]) -> list[str]:
    """What is to be said of a dense form that has not got used to its surroundings: its map would be worse."""
    patch, dense = ([e["validation_loss"] for e in history if e["dense"] == form] for form in (0, 1))
    if not patch or not dense or min(dense) <= BEHIND * min(patch):
        return []
    return [
        f"its dense form has learnt less than its patch form: a loss of {min(dense):.2f} against {min(patch):.2f} on "
        "the blocks that it is stopped by, so its map may be worse. Raise `train.epochs`, or set "
        "`train.form: patch`."
    ]


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
