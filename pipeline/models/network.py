"""A trained network as a learner that maps: blocks in, probabilities out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import keras
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pipeline.models import backend
from pipeline.models.checkpoints import packed, put, unpacked
from pipeline.models.resnet import Shape, build
from pipeline.models.scaling import Scaling

Floats = NDArray[np.floating[Any]]

WEIGHTS = "weights.npz"
AT_ONCE = {"patch": 256, "dense": 16}
"""Windows in a call of the network: small enough for a processor's cache, always the same."""


class Network:
    """A network with its scaling.

    The dense form answers for whole squares, which overlap by half and lie on a lattice through the stack's corner.
    Each square sees only what lies around it, so neighbours may disagree: a pixel's answer is the mean of the four that
    it lies in, each counting less towards its edge, and passes smoothly from square to square.
    """

    def __init__(self, shape: Shape, scaling: Scaling, model: keras.Model, precision: str = "auto") -> None:
        self.shape, self.scaling, self.model, self.precision = shape, scaling, model, precision
        self._forward: Callable[[Floats], Floats] | None = None

    @property
    def halo(self) -> int:
        """Pixels around a square that its answer depends on."""
        return self.shape.halo + self.core - self.shape.step

    @property
    def core(self) -> int:
        """Side of the squares that are answered for at once."""
        return self.shape.core

    def predict(self, block: Floats) -> NDArray[np.float32]:
        """Probabilities (K, H, W) of a block (bands, H + 2 halo, W + 2 halo) that begins on the lattice of squares."""
        return np.asarray(self.at(block[None])[0])

    def at(self, patches: Floats) -> NDArray[np.float32]:
        """Probabilities (n, K, H, W) of the middles of patches (n, bands, H + 2 halo, W + 2 halo), each a block."""
        core, side, step = self.core, self.shape.side, self.shape.step
        height, width = (n - 2 * self.halo for n in patches.shape[2:])
        more = [(0, -n % core) for n in (height, width)]
        whole = np.pad(patches, [(0, 0), (0, 0), *more], constant_values=np.nan)
        windows = sliding_window_view(whole, (side, side), axis=(2, 3))[:, :, ::step, ::step]
        count, _, down, across = windows.shape[:4]
        which, rows, columns = np.unravel_index(np.arange(count * down * across), (count, down, across))
        made = np.empty((len(which), self.shape.classes, core, core), np.float32)
        for first in range(0, len(which), AT_ONCE[self.shape.form]):
            here = slice(first, first + AT_ONCE[self.shape.form])
            made[here] = self._squares(windows[which[here], :, rows[here], columns[here]])
        squares = made.reshape(count, down, across, -1, core, core)
        return np.stack([blended(s, step)[:, :height, :width] for s in squares])

    def _squares(self, windows: Floats) -> NDArray[np.float32]:
        """Probabilities (n, K, core, core) of squares from what the network sees of each."""
        if self._forward is None:
            bfloat16 = self.precision != "float32" and backend.fast_bfloat16()
            self._forward = backend.quick(self.model, self._again, bfloat16)
        logits = self._forward(self.scaling.apply(windows))
        shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        return np.ascontiguousarray(np.moveaxis(shares.reshape(len(shares), self.core, self.core, -1), -1, 1))

    def _again(self) -> keras.Model:
        made = build(self.shape)
        made.set_weights(self.model.get_weights())
        return made

    def spec(self) -> dict[str, Any]:
        """Shape and scaling, as JSON."""
        return {**asdict(self.shape), "scaling": asdict(self.scaling), "precision": self.precision}

    def files(self) -> dict[str, bytes]:
        """The weights."""
        return {WEIGHTS: packed(weights=[np.asarray(w) for w in self.model.get_weights()])}


def restored(spec: Mapping[str, Any], files: Mapping[str, bytes]) -> Network:
    """The network of this description; its layers are built here, only numbers are read."""
    shape = Shape(**{key: spec[key] for key in ("name", "form", "patch", "bands", "classes")})
    mean, sd = spec["scaling"]["mean"], spec["scaling"]["sd"]
    if not len(mean) == len(sd) == shape.bands or not np.isfinite([*mean, *sd]).all() or min(sd) < 0:
        raise ValueError(f"{shape.bands} bands need as many means and deviations, all finite: {len(mean)}, {len(sd)}")
    scaling = Scaling(tuple(mean), tuple(sd))
    with backend.number_format("float32"):
        model = build(shape)
    put(model, unpacked(files[WEIGHTS], "weights"), WEIGHTS)
    return Network(shape, scaling, model, spec["precision"])


def blended(squares: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """Probabilities (K, H, W) from those of squares (down, across, K, core, core) that begin every `step` pixels.

    With a step of half a square each pixel lies in four; half a square around all of them is left out.
    """
    down, across, classes, core = squares.shape[:4]
    overlaps = core // step
    edge = core - step
    made = np.zeros((classes, (down - 1) * step + core, (across - 1) * step + core), np.float32)
    rise = np.minimum(np.arange(core), np.arange(core)[::-1]) + 0.5
    counts = (rise / step if overlaps > 1 else np.ones(core)).astype(np.float32)
    # One after the other in an order that is the same wherever a block begins, so that sums are equal to the bit.
    for row, column in np.ndindex(overlaps, overlaps):
        tiles = squares[row::overlaps, column::overlaps] * counts[:, None] * counts
        rows, columns = tiles.shape[0] * core, tiles.shape[1] * core
        joined = tiles.transpose(2, 0, 3, 1, 4).reshape(classes, rows, columns)
        made[:, row * step : row * step + rows, column * step : column * step + columns] += joined
    return made[:, edge : made.shape[1] - edge, edge : made.shape[2] - edge]
