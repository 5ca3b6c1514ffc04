"""What all fitted learners can do, and how one comes back from its files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MinecoverError
from pipeline.models.hush import hushed

NETWORKS = ("ResNet50", "ResNet18", "CNN")
BASELINES = ("RF", "SVM", "KNN", "ANN", "Bayes", "ML")
NAMES = (*NETWORKS, *BASELINES)

Floats = NDArray[np.floating[Any]]
Indices = NDArray[np.integer[Any]]

Cut = Callable[[Indices, Indices, int], Floats]
"""(tops, lefts, size) → windows (n, bands, size, size), NaN where masked and outside the stack."""

AT_ONCE = 256
SHOWN = 200


class Fitted(Protocol):
    """A fitted learner, ready to map. Classes are numbered 0 … K − 1 in the order of the model's legend."""

    @property
    def halo(self) -> int:
        """Pixels around a block that the answer for the block depends on."""

    @property
    def core(self) -> int:
        """Side of the squares that are answered for at once; 1 where each pixel is answered for by itself."""

    def predict(self, block: Floats) -> NDArray[np.float32]:
        """Probabilities (K, H, W) of a block (bands, H + 2 halo, W + 2 halo) in the model's order of bands.

        Blocks begin at multiples of `core` pixels from the stack's corner. NaN is a masked value; what lies outside the
        stack is NaN too. Answers are finite everywhere, even where nothing is known: which pixels become no data is
        the caller's affair. The same block always gives the same bytes; blocks of another size may round otherwise.
        """

    def at(self, patches: Floats) -> NDArray[np.float32]:
        """Probabilities (n, K, core, core) of the middles of patches (n, bands, core + 2 halo, core + 2 halo)."""

    def spec(self) -> dict[str, Any]:
        """What is needed beside the files to build it again, as JSON: name, settings, shapes."""

    def files(self) -> dict[str, bytes]:
        """Its weights, as files by name."""


def restored(spec: Mapping[str, Any], files: Mapping[str, bytes]) -> Fitted:
    """The learner that `spec` and `files` of a fitted one describe. No code in them is ever run."""
    try:
        if spec["name"] in NETWORKS:
            with hushed():
                from pipeline.models import network
            return network.restored(spec, files)
        from pipeline.models import pixels

        return pixels.restored(spec, files)
    except (KeyError, TypeError, ValueError) as error:
        why = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise MinecoverError(
            f"The model's manifest contradicts itself or its files: {why} (spec: {str(dict(spec))[:SHOWN]}). Train it "
            f"again."
        ) from error


def answers(model: Fitted, cut: Cut, rows: Indices, columns: Indices) -> NDArray[np.float32]:
    """Probabilities (n, K) at pixels of the stack, as a map of it would have them."""
    core = model.core
    many = AT_ONCE // core
    squares, which = np.unique(np.column_stack([rows // core, columns // core]), axis=0, return_inverse=True)
    which = which.ravel()
    made: NDArray[np.float32] | None = None
    for first in range(0, len(squares), many):
        here = np.flatnonzero((which >= first) & (which < first + many))
        corner = squares[first : first + many] * core - model.halo
        found = model.at(cut(corner[:, 0], corner[:, 1], core + 2 * model.halo))
        if made is None:
            made = np.empty((len(rows), found.shape[1]), np.float32)
        made[here] = found[which[here] - first, :, rows[here] % core, columns[here] % core]
    assert made is not None, "at least one pixel"
    return made
