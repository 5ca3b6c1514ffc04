"""Weights of ImageNet's ResNets for our networks: from a safetensors file with the names that torchvision gave them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MinecoverError

TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8"}
BATCH_NORM = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
RGB = 3
LARGE_STEM = 7
"""Side of its kernels."""


def starter(path: Path) -> Callable[[keras.Model], None]:
    """A function that gives a new network these weights; it refuses those of another network.

    A large stem takes the three colours' kernels in turn for all channels, scaled so that sums stay as they were; the
    small stem and the last layer stay random.
    """
    arrays = read(path)

    def start(model: keras.Model) -> None:
        large = model.get_layer("stem").kernel.shape[0] == LARGE_STEM
        ours = [v for v in model.layers if v.weights and v.name.startswith(("stage", "stem") if large else "stage")]
        lacking = [layer for layer in ours if _layer(layer, arrays) < len(layer.weights)]
        known = {_name(layer.name, v.name) for layer in ours for v in layer.weights}
        foreign = {n for n in arrays if n.startswith("layer") and n.endswith(".weight")} - known
        if lacking or foreign:
            raise MinecoverError(
                f"The weights in '{path}' are not those of a {model.name}: {len(lacking)} of its {len(ours)} layers "
                f"are not in it, and {len(foreign)} of its arrays belong to none. Name a file of a {model.name} in "
                f"`train.weights`, or set it to null."
            )

    return start


def read(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a safetensors file by name; nothing in it is run."""
    try:
        data = path.read_bytes()
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + size])
        header.pop("__metadata__", None)
        found = {}
        for name, told in header.items():
            first, last = told["data_offsets"]
            part = data[8 + size + first : 8 + size + last]
            found[name] = np.frombuffer(part, TYPES[told["dtype"]]).reshape(told["shape"])
        return found
    except OSError as error:
        raise MinecoverError(f"'{path}' cannot be read: {error.strerror}. Correct `train.weights`.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MinecoverError(f"'{path}' is not a safetensors file ({error!r}). Correct `train.weights`.") from error


def _layer(layer: Any, arrays: Mapping[str, NDArray[Any]]) -> int:
    """How many arrays of the layer were taken over."""
    taken = 0
    for variable in layer.weights:
        name = _name(layer.name, variable.name)
        if name not in arrays:
            continue
        value = np.asarray(arrays[name], np.float32)
        value = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value
        if name == "conv1.weight" and value.shape[2] == RGB:
            channels = variable.shape[2]
            value = value[:, :, np.arange(channels) % RGB] * (RGB / channels)
        if value.shape == tuple(variable.shape):
            variable.assign(value)
            taken += 1
    return taken


def _name(layer: str, variable: str) -> str:
    """What torchvision calls a variable of ours: `stage2_1_conv3_bn` gamma is `layer2.0.bn3.weight`."""
    normal = layer.endswith("_bn")
    base = layer.removesuffix("_bn")
    what = BATCH_NORM.get(variable, "") if normal else "weight"
    if base == "stem":
        return f"{'bn1' if normal else 'conv1'}.{what}"
    found = re.fullmatch(r"stage(\d)_(\d+)_(conv(\d)|short)", base)
    if not found:
        return ""
    place = f"layer{found[1]}.{int(found[2]) - 1}"
    if found[3] == "short":
        return f"{place}.downsample.{1 if normal else 0}.{what}"
    return f"{place}.{'bn' if normal else 'conv'}{found[4]}.{what}"
