"""Materials by name, and how they are mixed and laid on the painting grid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pipeline.simulate.district import MATERIALS, NDArray

M = {name: place for place, name in enumerate(MATERIALS)}
"""The code of each material."""


@dataclass(frozen=True, eq=False)
class Painted:
    """Class (0 where nothing is painted) and material of each square of a window of the painting grid."""

    use: NDArray
    material: NDArray


def mixed(grain: NDArray, *parts: tuple[float, str]) -> NDArray:
    """Materials mixed in these shares, as the noise `grain` (evenly 0…1) has it; the last takes what is left."""
    bounds = np.cumsum([share for share, _ in parts[:-1]]).astype(np.float32)
    return np.array([M[name] for _, name in parts], np.uint8)[np.searchsorted(bounds, grain, side="right")]


def among(codes: NDArray, wanted: Iterable[int]) -> NDArray:
    """Where an array of uint8 codes holds one of those wanted."""
    table = np.zeros(256, bool)
    table[list(wanted)] = True
    return np.asarray(table[codes])


def lay(use: NDArray, material: NDArray, window: tuple[slice, slice], painted: Painted) -> None:
    """Put what is painted over what lies there."""
    where = painted.use > 0
    use[window][where] = painted.use[where]
    material[window][where] = painted.material[where]
