"""Duels of two classes each, as a support vector machine fights them, made into probabilities of all classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit, log_softmax

Floats = NDArray[np.floating[Any]]


def votes(duels: Floats, classes: int) -> Floats:
    """Duels won by each class and, below a third of one, by what margins, as scikit-learn counts them: (n, K).

    `duels` (n, K (K − 1) / 2) are of classes 0 and 1, 0 and 2 …, positive for the first.
    """
    first, second = _sides(classes)
    margins = duels @ (first - second)
    return np.asarray((duels >= 0) @ first + (duels < 0) @ second + margins / (3 * (np.abs(margins) + 1)))


def log_shares(duels: Floats, classes: int, sharpness: float) -> Floats:
    """Logs of the probabilities of all classes (n, K); the most probable one is that with most votes.

    A duel is taken as odds, `sharpness` times its margin in logs, and a class is as probable as it is to win all of its
    duels. In the few cases where another class has more votes, the two exchange their probabilities.
    """
    first, second = _sides(classes)
    logs = log_expit(sharpness * duels) @ first + log_expit(-sharpness * duels) @ second
    rows, won, likeliest = np.arange(len(duels)), votes(duels, classes).argmax(axis=1), logs.argmax(axis=1)
    logs[rows, won], logs[rows, likeliest] = logs[rows, likeliest], logs[rows, won]
    return np.asarray(log_softmax(logs, axis=1))


def _sides(classes: int) -> tuple[Floats, Floats]:
    """Which class is the first of each duel, and which the second: (duels, K)."""
    pairs = np.array(np.triu_indices(classes, 1))
    one = np.eye(classes)
    return one[pairs[0]], one[pairs[1]]
