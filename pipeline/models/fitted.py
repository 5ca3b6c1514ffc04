"""What all fitted learners can do, and how one comes back from its files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

NETWORKS = ("ResNet50", "ResNet18", "CNN")
BASELINES = ("RF", "SVM", "KNN", "ANN", "Bayes", "ML")
NAMES = (*NETWORKS, *BASELINES)

Floats = NDArray[np.floating[Any]]


class Fitted(Protocol):
    """A fitted learner, ready to map. Classes are numbered 0 … K − 1 in the order of the model's legend."""

    @property
    def halo(self) -> int:
        """Pixels around a block that the answer for the block depends on."""

    def predict(self, block: Floats) -> NDArray[np.float32]:
        """Probabilities (K, H, W) of a block (bands, H + 2 halo, W + 2 halo) in the model's order of bands.

        NaN is a masked value; what lies outside the stack is NaN too. Answers are finite everywhere, even where
        nothing is known: which pixels become no data is the caller's affair. The same block always gives the same
        bytes; blocks of another size may round otherwise.
        """

    def at(self, patches: Floats) -> NDArray[np.float32]:
        """Probabilities (n, K) of the middle pixels of patches (n, bands, 2 halo + 1, 2 halo + 1)."""

    def spec(self) -> dict[str, Any]:
        """What is needed beside the files to build it again, as JSON: name, settings, shapes."""

    def files(self) -> dict[str, bytes]:
        """Its weights, as files by name."""


def restored(spec: Mapping[str, Any], files: Mapping[str, bytes]) -> Fitted:
    """The learner that `spec` and `files` of a fitted one describe. No code in them is ever run."""
    if spec["name"] in NETWORKS:
        from pipeline.models import network

        return network.restored(spec, files)
    from pipeline.models import pixels

    return pixels.restored(spec, files)
