"""The one residual unit that all networks are built of, and its plain relative without a shortcut."""

from __future__ import annotations

from typing import Any

from keras import layers

EPSILON = 1e-5
MOMENTUM = 0.9
"""Of the running means: an epoch of a few thousand samples is too short for more."""


def conv(x: Any, filters: int, size: int, stride: int, dilation: int, name: str) -> Any:
    """Convolution without bias and its normalisation.

    With a stride the middle of the kernel lies on pixels 0, s, 2 s … whatever the size of the input, so that small and
    large inputs are sampled at the same places.
    """
    padding = "same"
    if stride > 1 and size > 1:
        x, padding = layers.ZeroPadding2D(size // 2)(x), "valid"
    x = layers.Conv2D(
        filters,
        size,
        stride,
        padding,
        dilation_rate=dilation,
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    return layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=f"{name}_bn")(x)


def unit(x: Any, kind: str, width: int, stride: int, dilation: int, name: str) -> Any:
    """One unit: `bottleneck` (1 × 1, 3 × 3, 1 × 1 to four times the width), `basic` (3 × 3 twice), `plain` (3 × 3)."""
    if kind == "plain":
        return layers.ReLU()(conv(x, width, 3, stride, dilation, f"{name}_conv1"))
    out = width * (4 if kind == "bottleneck" else 1)
    short = x
    if stride > 1 or x.shape[-1] != out:
        short = conv(x, out, 1, stride, 1, f"{name}_short")
    if kind == "bottleneck":
        y = layers.ReLU()(conv(x, width, 1, 1, 1, f"{name}_conv1"))
        y = layers.ReLU()(conv(y, width, 3, stride, dilation, f"{name}_conv2"))
        y = conv(y, out, 1, 1, 1, f"{name}_conv3")
    else:
        y = layers.ReLU()(conv(x, width, 3, stride, dilation, f"{name}_conv1"))
        y = conv(y, out, 3, 1, dilation, f"{name}_conv2")
    return layers.ReLU()(layers.add([y, short]))
