"""A small landscape to learn from: squares of three kinds of land, told apart by two of five noisy bands."""

from typing import Any

import numpy as np

from pipeline.models.batches import Labelled
from pipeline.models.training import Lesson
from pipeline.patches import Windows

NDArray = np.ndarray[Any, Any]

BANDS, CLASSES, SIDE = 5, 3, 96


def stack(seed: int = 0) -> tuple[NDArray, NDArray]:
    """Bands (5, 96, 96) with a masked corner, and the true class of each pixel."""
    rng = np.random.default_rng(seed)
    truth = np.kron(rng.integers(0, CLASSES, (6, 6)), np.ones((16, 16), int))
    bands = rng.normal(size=(BANDS, SIDE, SIDE)).astype(np.float32)
    bands[0] += 1.5 * truth
    bands[1] += 3 * (truth == 1)
    bands[:, :4, :4] = np.nan
    return bands, truth


def windows(bands: NDArray) -> Windows:
    return Windows(lambda t, left, h, w: bands[:, t : t + h, left : left + w], bands.shape, side=32)


def lesson(bands: NDArray, truth: NDArray, n: int = 240, seed: int = 1) -> tuple[Lesson, NDArray]:
    """Labelled pixels of the upper part to fit and of the lower one to stop by; values of the first."""
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(0, SIDE, (2, n))
    labelled = Labelled(rows, columns, truth[rows, columns])
    upper = rows < 64
    cut = windows(bands)
    fit = labelled.take(np.flatnonzero(upper))
    return Lesson(cut.cut, cut.grouped, fit, labelled.take(np.flatnonzero(~upper))), bands[:, fit.rows, fit.columns].T
