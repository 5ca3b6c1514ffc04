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
    """A network with its scaling. The dense form answers for whole squares on a lattice through the stack's corner."""

    def __init__(self, shape: Shape, scaling: Scaling, model: keras.Model, precision: str = "auto") -> None:
        self.shape, self.scaling, self.model, self.precision = shape, scaling, model, precision
        self._forward: Callable[[Floats], Floats] | None = None

    @property
    def halo(self) -> int:
        """Pixels around a square that its answer depends on."""
        return self.shape.halo

    @property
    def core(self) -> int:
        """Side of the squares that are answered for at once."""
        return self.shape.core

    def predict(self, block: Floats) -> NDArray[np.float32]:
        """Probabilities (K, H, W) of a block (bands, H + 2 halo, W + 2 halo) that begins on the lattice of squares."""
        core, halo, side = self.core, self.halo, self.shape.side
        height, width = block.shape[1] - 2 * halo, block.shape[2] - 2 * halo
        more = [(0, -n % core) for n in (height, width)]
        whole = np.pad(block, [(0, 0), *more], constant_values=np.nan)
        windows = sliding_window_view(whole, (side, side), axis=(1, 2))[:, ::core, ::core]
        down, across = windows.shape[1:3]
        at = np.stack(np.divmod(np.arange(down * across), across), axis=1)
        made = np.empty((down * across, self.shape.classes, core, core), np.float32)
        for first in range(0, len(at), AT_ONCE[self.shape.form]):
            here = slice(first, first + AT_ONCE[self.shape.form])
            made[here] = self.at(windows[:, at[here, 0], at[here, 1]].swapaxes(0, 1))
        tiled = made.reshape(down, across, -1, core, core).transpose(2, 0, 3, 1, 4)
        return np.ascontiguousarray(tiled.reshape(-1, down * core, across * core)[:, :height, :width])

    def at(self, patches: Floats) -> NDArray[np.float32]:
        """Probabilities (n, K, core, core) of the middles of patches (n, bands, core + 2 halo, core + 2 halo)."""
        if self._forward is None:
            bfloat16 = self.precision != "float32" and backend.fast_bfloat16()
            self._forward = backend.quick(self.model, bfloat16)
        logits = self._forward(self.scaling.apply(patches))
        shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        return np.ascontiguousarray(np.moveaxis(shares.reshape(len(shares), self.core, self.core, -1), -1, 1))

    def spec(self) -> dict[str, Any]:
        """Shape and scaling, as JSON."""
        return {**asdict(self.shape), "scaling": asdict(self.scaling), "precision": self.precision}

    def files(self) -> dict[str, bytes]:
        """The weights."""
        return {WEIGHTS: packed(weights=[np.asarray(w) for w in self.model.get_weights()])}


def restored(spec: Mapping[str, Any], files: Mapping[str, bytes]) -> Network:
    """The network of this description; its layers are built here, only numbers are read."""
    shape = Shape(**{key: spec[key] for key in ("name", "form", "patch", "bands", "classes")})
    scaling = Scaling(tuple(spec["scaling"]["mean"]), tuple(spec["scaling"]["sd"]))
    with backend.number_format("float32"):
        model = build(shape)
    put(model, unpacked(files[WEIGHTS], "weights"), WEIGHTS)
    return Network(shape, scaling, model, spec["precision"])
