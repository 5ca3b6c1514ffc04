"""Training a network: epochs over labelled pixels, stopped by pixels of other blocks, kept so that it can go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MinecoverError
from pipeline.models import backend
from pipeline.models.batches import Batches, Labelled, Order, balanced, squares
from pipeline.models.checkpoints import State, latest, put, save
from pipeline.models.fitted import Cut
from pipeline.models.network import AT_ONCE, Network
from pipeline.models.resnet import Shape, build
from pipeline.models.scaling import Scaling

Floats = NDArray[np.floating[Any]]
Arrays = Sequence[NDArray[Any]]
Epoch = dict[str, float]
Progress = Callable[[str, int, int], None]

HIDDEN = 0.1
"""Share of the bands hidden from each sample, so that none becomes indispensable."""
WARMUP = 0.05
"""Share of the steps in which the rate rises from a tenth to its full height."""
ADAPTING, SLOWER = 0.5, 0.3
"""Shares of the epochs and of the rate that a trained network gets at most, to get used to its dense form."""
PAUSE = 20.0
"""Seconds at least between two checkpoints."""


@dataclass(frozen=True)
class Settings:
    """How a network is trained."""

    epochs: int = 100
    patience: int = 15
    batch: int = 64
    rate: float = 1e-3
    decay: float = 1e-2
    seed: int = 0
    precision: str = "auto"
    deterministic: bool = True
    hidden: float = HIDDEN


@dataclass(frozen=True, eq=False)
class Lesson:
    """What there is to learn from: labelled pixels to fit and others, of other blocks, to stop by; how to see them."""

    cut: Cut
    order: Order
    fit: Labelled
    held: Labelled


@dataclass(frozen=True, eq=False)
class Trained:
    """The network of the best epoch, and what was seen in each."""

    network: Network
    history: tuple[Epoch, ...]
    """`epoch` (from 1), `loss` of fitting, `validation_loss` and `validation_accuracy` on the held pixels, `rate`, and
    `dense`: 1 in epochs of the dense form."""
    best: int


def trained(
    shape: Shape,
    scaling: Scaling,
    lesson: Lesson,
    settings: Settings,
    keep: Path | None = None,
    start: Callable[[keras.Model], None] | None = None,
    progress: Progress | None = None,
) -> Trained:
    """The network of this shape, by the cheapest way to it.

    The dense form costs several times more in a step, and its weights are those of the patch form: it begins with
    what that has learnt, and only gets used to its surroundings.
    """
    if shape.form == "patch":
        return train(shape, scaling, lesson, settings, keep and keep / "patch", start, progress)
    first = train(replace(shape, form="patch"), scaling, lesson, settings, keep and keep / "patch", start, progress)
    return adapted(first, lesson, settings, keep and keep / "dense", progress)


def adapted(
    first: Trained, lesson: Lesson, settings: Settings, keep: Path | None = None, progress: Progress | None = None
) -> Trained:
    """The dense form of a trained network of the patch form; its epochs are added to the history.

    What normalises stays as it was: the running means of so few steps would not be those of the map.
    """
    shape, scaling = replace(first.network.shape, form="dense"), first.network.scaling
    few = replace(settings, epochs=max(1, round(ADAPTING * settings.epochs)), rate=settings.rate * SLOWER)
    weights = first.network.model.get_weights()

    def start(model: keras.Model) -> None:
        model.set_weights(weights)
        for layer in model.layers:
            layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)

    found = train(shape, scaling, lesson, few, keep, start, progress)
    before = len(first.history)
    later = tuple({**e, "epoch": e["epoch"] + before} for e in found.history)
    return Trained(found.network, (*first.history, *later), before + found.best)


def train(
    shape: Shape,
    scaling: Scaling,
    lesson: Lesson,
    settings: Settings,
    keep: Path | None = None,
    start: Callable[[keras.Model], None] | None = None,
    progress: Progress | None = None,
) -> Trained:
    """The network that did best on the held pixels.

    With a folder `keep`, training goes on from its last checkpoint; the outcome is that of never having stopped.
    `start` gives a new network other weights than random ones.
    """
    _check(shape, lesson)
    model, batches = _prepared(shape, scaling, lesson, settings, start)
    history: list[Epoch] = []
    best: Arrays = model.get_weights()
    first = 0
    state = latest(keep) if keep else None
    if state:
        put(model, state.weights, "the checkpoint")
        _resume(model.optimizer, state.optimizer)
        history, best, first = list(state.told["history"]), state.best, state.epoch
    if progress:
        progress(_told(shape, history), first, settings.epochs)
    saved = monotonic()
    for epoch in range(first, settings.epochs):
        if history and len(history) - _best(history) >= settings.patience:
            break
        history.append(_epoch(model, batches, lesson, settings, epoch))
        if _best(history) == len(history):
            best = model.get_weights()
        if keep and (monotonic() - saved > PAUSE or epoch + 1 == settings.epochs):
            variables = [np.asarray(v) for v in model.optimizer.variables]
            save(keep, State(epoch + 1, {"history": history}, model.get_weights(), variables, best))
            saved = monotonic()
        if progress:
            progress(_told(shape, history), epoch + 1, settings.epochs)
    with backend.number_format("float32"):
        final = build(shape)
    final.set_weights(best)
    return Trained(Network(shape, scaling, final, settings.precision), tuple(history), _best(history))


def _prepared(
    shape: Shape, scaling: Scaling, lesson: Lesson, settings: Settings, start: Callable[[keras.Model], None] | None
) -> tuple[keras.Model, Batches]:
    backend.seeded(settings.seed, settings.deterministic)
    devices = backend.spread_over_gpus()
    with backend.number_format(backend.policy(settings.precision)):
        model = build(shape)
    if start:
        start(model)
    weights = balanced(lesson.fit.y, shape.classes)
    batches = Batches(
        lesson.cut, lesson.order, lesson.fit, shape, scaling, weights, settings.batch, settings.seed, settings.hidden,
        devices=devices,
    )  # fmt: skip
    steps = settings.epochs * len(batches)
    warmup = max(1, round(WARMUP * steps))
    rate = keras.optimizers.schedules.CosineDecay(
        settings.rate / 10, max(1, steps - warmup), warmup_target=settings.rate, warmup_steps=warmup
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=settings.decay)
    # What scales and shifts is not drawn to zero: without weights it would have nothing to hold against it.
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
    model.compile(optimizer, loss, jit_compile=bool(backend.devices()))
    optimizer.build(model.trainable_variables)
    return model, batches


def _epoch(model: keras.Model, batches: Batches, lesson: Lesson, settings: Settings, number: int) -> Epoch:
    """One pass over the samples, and how the held ones do after it."""
    batches.start(number)
    losses = []
    for x, y, weights in _ahead(batches):
        model.reset_metrics()
        loss = float(np.asarray(model.train_on_batch(x, y, sample_weight=weights)))
        losses.append(loss)
        _refuse_broken(loss, "loss", model.name, number, settings)
    held_loss, accuracy = _judged(model, batches, lesson)
    _refuse_broken(held_loss, "loss on other blocks", model.name, number, settings)
    rate = float(np.asarray(model.optimizer.learning_rate))
    return {
        "epoch": number + 1,
        "loss": float(np.mean(losses)),
        "validation_loss": held_loss,
        "validation_accuracy": accuracy,
        "rate": rate,
        "dense": float(batches.shape.form == "dense"),
    }


def _refuse_broken(loss: float, what: str, name: str, number: int, settings: Settings) -> None:
    if not np.isfinite(loss):
        raise MinecoverError(
            f"The {what} of {name} became {loss} in epoch {number + 1}. Lower `train.rate` (now {settings.rate:g}), or "
            f"set `train.precision: float32`; {name} then learns from the start."
        )


def _ahead(batches: Batches) -> Iterator[tuple[Floats, NDArray[np.int32], Floats]]:
    """The batches in order; while one is learnt from the next is cut."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(batches.__getitem__, 0)
        for number in range(1, len(batches) + 1):
            ready = coming.result()
            if number < len(batches):
                coming = pool.submit(batches.__getitem__, number)
            yield ready


def _judged(model: keras.Model, batches: Batches, lesson: Lesson) -> tuple[float, float]:
    """Mean loss, every class counting the same, and overall accuracy on the held pixels, seen as a map sees them."""
    shape = batches.shape
    found = squares(lesson.held, shape.core)
    size = AT_ONCE[shape.form]
    loss, right, total = 0.0, 0, 0.0
    weight_of = balanced(lesson.held.y, shape.classes)
    for first in range(0, len(found.tops), size):
        here = slice(first, first + size)
        windows = lesson.cut(found.tops[here] - shape.halo, found.lefts[here] - shape.halo, shape.side)
        logits = np.asarray(model.predict_on_batch(batches.scaling.apply(windows)), np.float64)
        y = found.y[here].ravel()
        labelled = y >= 0
        logits, y = logits.reshape(len(y), -1)[labelled], y[labelled]
        top = logits.max(axis=1, keepdims=True)
        logs = logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
        weights = weight_of[y]
        loss -= float((weights * logs[np.arange(len(y)), y]).sum())
        total += float(weights.sum())
        right += int((logits.argmax(axis=1) == y).sum())
    return loss / total, right / len(lesson.held.y)


def _best(history: Sequence[Epoch]) -> int:
    """The number of the epoch with the lowest validation loss, counted from 1."""
    return int(np.argmin([e["validation_loss"] for e in history])) + 1 if history else 0


def _resume(optimizer: Any, variables: Arrays) -> None:
    for variable, value in zip(optimizer.variables, variables, strict=True):
        variable.assign(value)


def _told(shape: Shape, history: Sequence[Epoch]) -> str:
    if not history:
        return f"{shape.name}, {shape.form} form, epochs"
    last = history[-1]
    losses = f"loss {last['loss']:.2f}, on other blocks {last['validation_loss']:.2f}"
    return f"{shape.name}, {shape.form} form ({losses}), epochs"


def _check(shape: Shape, lesson: Lesson) -> None:
    for what, labelled in (("fit", lesson.fit), ("stop by", lesson.held)):
        if len(labelled.y) < 2:
            raise MinecoverError(f"{len(labelled.y)} samples to {what} are too few for {shape.name}. Give it more.")
    classes = np.unique(lesson.fit.y)
    if len(classes) < 2:
        raise MinecoverError(f"The samples to fit {shape.name} are all of one class. It needs at least two.")
