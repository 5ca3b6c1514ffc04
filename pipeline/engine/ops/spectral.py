"""Bands as vectors: unmixing and piecewise interpolation."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from scipy.optimize import nnls

from pipeline.engine.image import Band, Image
from pipeline.engine.pairing import unary
from pipeline.engine.pixeltypes import real
from pipeline.engine.plan import Local, NDArray, Part, Pixels, both
from pipeline.engine.values import PixelType
from pipeline.errors import EngineError


def _unmix(image: Image, endmembers: list[list[float]], sum_to_one: bool, non_negative: bool) -> Image:
    """Bands band_0 … band_n-1: the share of each endmember in the pixel, by least squares."""
    try:
        ends = np.array(endmembers, float).T
    except (TypeError, ValueError):
        ends = np.zeros(0)
    if ends.ndim != 2 or ends.shape[0] != len(image.bands):
        raise EngineError(
            f"Image.unmix: Each endmember needs one value a band ({len(image.bands)}), got shape {ends.T.shape}."
        )

    def compute(*pixels: Pixels) -> tuple[Pixels, ...]:
        mask = both(pixels[0].mask, *(p.mask for p in pixels[1:]))
        values = np.stack([p.data.astype(float).ravel() for p in pixels])
        shares = _shares(ends, values, sum_to_one, non_negative)
        return tuple(Pixels(s.reshape(mask.shape), mask) for s in shares)

    whole = Local(compute, tuple(b.plan for b in image.bands))
    first = image.bands[0]
    kind = PixelType("double")
    return image.with_bands(
        Band(f"band_{i}", kind, Part(whole, i), first.projection, first.window) for i in range(ends.shape[1])
    )


def _shares(ends: NDArray, values: NDArray, sum_to_one: bool, non_negative: bool) -> Any:
    if non_negative:
        # A heavy extra row holds the sum at one; active sets differ from pixel to pixel, so each is solved alone.
        weight = 1e3 * max(np.abs(ends).max(), 1)
        left = np.vstack([ends, np.full(ends.shape[1], weight)]) if sum_to_one else ends
        right = np.vstack([values, np.full(values.shape[1], weight)]) if sum_to_one else values
        return np.stack([nnls(left, column)[0] for column in right.T], axis=1)
    if not sum_to_one:
        return np.linalg.lstsq(ends, values, rcond=None)[0]
    size = ends.shape[1]
    system = np.block([[ends.T @ ends, np.ones((size, 1))], [np.ones((1, size)), np.zeros((1, 1))]])
    return np.linalg.solve(system, np.vstack([ends.T @ values, np.ones(values.shape[1])]))[:size]


def _interpolate(image: Image, x: list[float], y: list[float], behavior: str) -> Image:
    """Values of every band sent through the line through the points (x, y)."""
    if len(x) != len(y) or len(x) < 2 or any(b <= a for a, b in pairwise(x)):
        raise EngineError("Image.interpolate: x and y need the same length of at least 2, and x must increase.")
    if behavior not in ("extrapolate", "clamp", "mask", "input"):
        raise EngineError(
            f"Image.interpolate: Unknown behavior '{behavior}'. Choose extrapolate, clamp, mask or input."
        )

    def through(data: NDArray) -> NDArray:
        value = data.astype(float)
        result = np.interp(value, x, y)
        if behavior == "extrapolate":
            low, high = (y[1] - y[0]) / (x[1] - x[0]), (y[-1] - y[-2]) / (x[-1] - x[-2])
            result = np.where(value < x[0], y[0] + low * (value - x[0]), result)
            result = np.where(value > x[-1], y[-1] + high * (value - x[-1]), result)
        return np.where((value < x[0]) | (value > x[-1]), value, result) if behavior == "input" else result

    made = unary(through, lambda kind: real(kind))(image)
    if behavior != "mask":
        return made

    def inside(pixels: Pixels, original: Pixels) -> Pixels:
        good = (original.data >= x[0]) & (original.data <= x[-1])
        return Pixels(pixels.data, both(pixels.mask, good))

    return made.with_bands(
        Band(b.name, b.type, Local(inside, (b.plan, o.plan)), b.projection, b.window)
        for b, o in zip(made.bands, image.bands, strict=True)
    )


TABLE = {
    "Image.unmix": _unmix,
    "Image.interpolate": _interpolate,
}
