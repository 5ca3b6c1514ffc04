"""The state of a training as arrays in a file: no code in it, written so that a crash leaves one that is whole."""

from __future__ import annotations

import io
import json
import logging
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline import durable
from pipeline.errors import MinecoverError

log = logging.getLogger(__name__)
NAMES = ("even.npz", "odd.npz")


@dataclass(frozen=True, eq=False)
class State:
    """Everything that training needs to go on: `told` is JSON, the rest are the model's and the optimizer's arrays."""

    epoch: int
    told: Mapping[str, Any]
    weights: Sequence[NDArray[Any]]
    optimizer: Sequence[NDArray[Any]]
    best: Sequence[NDArray[Any]]


def packed(**groups: Sequence[NDArray[Any]]) -> bytes:
    """Arrays as an NPZ file; those of a group are numbered in their order."""
    whole = io.BytesIO()
    arrays = {f"{group}_{n:04d}": a for group, members in groups.items() for n, a in enumerate(members)}
    np.savez(whole, allow_pickle=False, **arrays)
    return whole.getvalue()


def unpacked(data: bytes, group: str) -> list[NDArray[Any]]:
    """The arrays of one group, in their order."""
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        return [found[name] for name in sorted(n for n in found.files if n.startswith(f"{group}_"))]


def save(folder: Path, state: State) -> None:
    """Keep the state. Of the two files only the older one is written over."""
    told = np.frombuffer(json.dumps({"epoch": state.epoch, **state.told}).encode(), np.uint8)
    data = packed(told=[told], weights=state.weights, optimizer=state.optimizer, best=state.best)
    with durable.reported(folder):
        durable.write_bytes(folder / NAMES[state.epoch % 2], data)


def latest(folder: Path) -> State | None:
    """The newest state that can be read; None where nothing was kept. Raises where nothing of it can be read."""
    paths = [folder / name for name in NAMES if (folder / name).exists()]
    found = [state for path in paths if (state := _read(path))]
    if paths and not found:
        raise MinecoverError(f"No checkpoint in '{folder}' can be read. Delete the folder; training begins anew.")
    return max(found, key=lambda s: s.epoch, default=None)


def put(model: keras.Model, weights: Sequence[NDArray[Any]], where: str) -> None:
    """Give the model these weights; refuse those of another network."""
    shapes = [tuple(w.shape) for w in model.weights]
    if shapes != [w.shape for w in weights]:
        raise MinecoverError(f"The weights in {where} are of another network than its manifest says. Train it again.")
    model.set_weights(list(weights))


def _read(path: Path) -> State | None:
    try:
        data = path.read_bytes()
        groups = {g: unpacked(data, g) for g in ("told", "weights", "optimizer", "best")}
        told = json.loads(groups["told"][0].tobytes())
        return State(told.pop("epoch"), told, groups["weights"], groups["optimizer"], groups["best"])
    except (OSError, EOFError, ValueError, TypeError, KeyError, IndexError, zipfile.BadZipFile) as error:
        log.warning("The checkpoint '%s' cannot be read (%s); the one before it is used.", path, error)
        return None
