"""Networks for patches: one builder, variants in a table, two forms with the same weights.

`patch` answers for the middle pixel of a patch. `dense` answers for every pixel of a square at once: later strides
become dilations, and the mean over the patch becomes a mean over the pixels around each pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from pipeline.errors import MinecoverError
from pipeline.models.units import conv, unit

CORE = 16
"""Side of the square that the dense form answers for at once."""
FINEST = 4
"""Pixels between the features of the dense form; strides beyond it become dilations."""
LARGE = 40
"""Patches of this width and more get the large stem of ImageNet's networks: 7 × 7 with stride 2, and pooling.

12 × 12 places are left of 48 × 48 pixels; under the small stem such a patch would cost sixteen times as much.
"""


@dataclass(frozen=True)
class Variant:
    """A kind of unit, how many of them each stage has, and how wide they are."""

    kind: str
    units: tuple[int, ...]
    widths: tuple[int, ...]
    stem: int


VARIANTS = {
    "ResNet50": Variant("bottleneck", (3, 4, 6, 3), (64, 128, 256, 512), 64),
    "ResNet18": Variant("basic", (2, 2, 2, 2), (64, 128, 256, 512), 64),
    "CNN": Variant("plain", (1, 1, 1), (32, 64, 128), 32),
}


@dataclass(frozen=True)
class Shape:
    """What decides a network's weights and how it is used."""

    name: str
    form: str
    patch: int
    bands: int
    classes: int

    def __post_init__(self) -> None:
        if self.name not in VARIANTS or self.form not in ("patch", "dense"):
            raise MinecoverError(f"There is no network {self.name!r} of form {self.form!r}. Use {', '.join(VARIANTS)}.")
        if any(type(n) is not int for n in (self.patch, self.bands, self.classes)):
            raise MinecoverError(f"Patch, bands and classes are whole numbers, and not all are in {self}. Correct it.")
        if self.patch < 3 or self.patch % 2 == 0:
            raise MinecoverError(f"A patch of {self.patch} pixels has no middle or no surroundings. Use 9, 15 or 33.")
        if self.classes < 2 or self.bands < 1:
            raise MinecoverError(f"{self.bands} bands and {self.classes} classes cannot be learnt from. Give more.")

    @property
    def core(self) -> int:
        """Side of the square of pixels that one input is the answer for."""
        return CORE if self.form == "dense" else 1

    @property
    def step(self) -> int:
        """Pixels from square to square of a map: half of one, so that squares overlap."""
        return max(1, self.core // 2)

    @property
    def halo(self) -> int:
        """Pixels around that square which the network sees."""
        return (self.patch + 1) // 2 if self.form == "dense" else self.patch // 2

    @property
    def sees(self) -> int:
        """Width in pixels of all that an answer for the pixel in the middle, and a lesson there, may depend on."""
        return 2 * (self.core - 1 + self.halo) + 1

    @property
    def around(self) -> int:
        """Width of the dense form's mean: a third of the patch, since over all of it a map blurs."""
        return self.patch // 3 | 1

    @property
    def side(self) -> int:
        """Side of an input."""
        return self.core + 2 * self.halo


def build(shape: Shape) -> keras.Model:
    """The untrained network: (side, side, bands + 1) to logits, (classes) or (core, core, classes)."""
    variant = VARIANTS[shape.name]
    dense = shape.form == "dense"
    x = given = keras.Input((shape.side, shape.side, shape.bands + 1), name="pixels")
    apart = 1
    if shape.patch >= LARGE:
        x = layers.ReLU()(conv(x, variant.stem, 7, 2, 1, "stem"))
        x = layers.MaxPooling2D(3, 2, "same")(x)
        apart = 4
    else:
        x = layers.ReLU()(conv(x, variant.stem, 3, 1, 1, "stem"))
    dilation = 1
    for stage, (count, width) in enumerate(zip(variant.units, variant.widths, strict=True), 1):
        stride = 1 if stage == 1 else 2
        if dense and apart * stride > FINEST:
            stride, dilation = 1, dilation * 2
        apart *= stride
        for number in range(count):
            x = unit(x, variant.kind, width, stride if number == 0 else 1, dilation, f"stage{stage}_{number + 1}")
    if not dense:
        x = layers.GlobalAveragePooling2D()(x)
    # A mean and a linear layer may change places: the dense form takes the mean of few logits, not of many features.
    x = layers.Dense(shape.classes, dtype="float32", name="logits")(x)
    if dense:
        x = MovingMean(moving_mean(x.shape[1], apart, shape), dtype="float32", name="moving_mean")(x)
    return keras.Model(given, x, name=shape.name)


def moving_mean(cells: int, apart: int, shape: Shape) -> NDArray[np.float32]:
    """What each cell (on pixels 0, `apart` …) counts in the mean around each pixel of the core, along one axis.

    Between cells values are interpolated; beyond the last one they stay as they are.
    """
    around = np.arange(shape.core)[:, None] + shape.halo + np.arange(shape.around) - shape.around // 2
    at = np.clip(around / apart, 0, cells - 1)
    weights = np.maximum(0, 1 - np.abs(at[:, :, None] - np.arange(cells)))
    return np.asarray(weights.mean(axis=1), np.float32)


class MovingMean(layers.Layer):  # type: ignore[misc]
    """Means of (n, cells, cells, k) around each pixel, by fixed weights (pixels, cells) along both axes."""

    def __init__(self, weights: NDArray[np.float32], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fixed = weights

    def call(self, x: Any) -> Any:
        """(n, pixels, pixels, k)."""
        ops = keras.ops
        fixed = ops.convert_to_tensor(self.fixed)
        return ops.einsum("yi,nijk,xj->nyxk", fixed, x, fixed)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """(n, pixels, pixels, k)."""
        return (input_shape[0], len(self.fixed), len(self.fixed), input_shape[-1])
