"""Confusion matrices and the measures that follow from them. Rows are the reference, columns what was predicted.

0/0 is NaN: such a class is left out of means, and counted. Knows nothing of models, maps and files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.errors import MinecoverError

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

OVERALL = ("oa", "kappa", "mean_pa", "mean_ua", "mean_f1", "mean_iou")
EACH = ("pa", "ua", "f1", "iou")
CLOSE = 1e-9


@dataclass(frozen=True, eq=False)
class Measures:
    """Measures of one matrix or of many: `oa` and `kappa` have the shape of the stack, the others one entry a class.

    PA is the share of the reference that was found (recall), UA the share of the answers that hold (precision).
    """

    oa: Floats
    kappa: Floats
    pa: Floats
    ua: Floats
    f1: Floats
    iou: Floats

    def overall(self, name: str) -> Floats:
        """One of OVERALL. A mean is over the classes for which its measure is defined."""
        return _mean(getattr(self, name[5:])) if name.startswith("mean_") else np.asarray(getattr(self, name))

    def left_out(self, name: str) -> Ints:
        """How many classes a mean of one of EACH leaves out, because their value is 0/0."""
        return np.asarray(np.isnan(getattr(self, name)).sum(-1), np.int64)


def confusion(truth: ArrayLike, predicted: ArrayLike, codes: ArrayLike) -> Ints:
    """Counts (K, K) in the order of `codes`; a value that is none of them is refused."""
    whole: Ints = block_confusions(truth, predicted, np.zeros(np.shape(truth), np.int64), codes)[0]
    return whole


def block_confusions(truth: ArrayLike, predicted: ArrayLike, blocks: ArrayLike, codes: ArrayLike) -> Ints:
    """Counts (B, K, K), a matrix for each distinct number in `blocks`, by rising number."""
    known = np.asarray(codes)
    rows, columns = places(truth, known, "reference"), places(predicted, known, "answers")
    block = np.unique(np.asarray(blocks), return_inverse=True)[1]
    if not len(rows) == len(columns) == len(block):
        raise MinecoverError(
            f"{len(rows)} reference values, {len(columns)} answers and {len(block)} blocks differ in number."
        )
    if not len(rows):
        raise MinecoverError("There is not one sample to compare. Give at least one.")
    count, size = int(block.max()) + 1, len(known)
    flat = (block * size + rows) * size + columns
    counts: Ints = np.bincount(flat, minlength=count * size * size)
    return counts.reshape(count, size, size)


def places(values: ArrayLike, codes: NDArray[Any], what: str) -> Ints:
    """The place of each value among the codes."""
    given, order = np.asarray(values), np.argsort(codes)
    found = order[np.minimum(np.searchsorted(codes[order], given), len(codes) - 1)]
    if (wrong := codes[found] != given).any():
        listed = ", ".join(map(str, codes))
        raise MinecoverError(
            f"{given[wrong][0]} stands among the {what}, and is no code of the legend ({listed}). Correct the legend, "
            f"or the file."
        )
    return np.asarray(found, np.int64)


def measures(matrices: ArrayLike) -> Measures:
    """The measures of matrices (…, K, K), which may be weighted counts."""
    n = np.asarray(matrices, np.float64)
    hits = np.diagonal(n, axis1=-2, axis2=-1)
    reference, predicted, total = n.sum(-1), n.sum(-2), n.sum((-2, -1))
    chance = (reference * predicted).sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Measures(
            oa=np.asarray(hits.sum(-1) / total),
            kappa=np.asarray((total * hits.sum(-1) - chance) / (total**2 - chance)),
            pa=hits / reference,
            ua=hits / predicted,
            f1=2 * hits / (reference + predicted),
            iou=hits / (reference + predicted - hits),
        )


def contradiction(m: Measures) -> str | None:
    """What cannot be true of measures of one matrix, in words; None where all is well."""
    with np.errstate(invalid="ignore", divide="ignore"):
        rules = {
            "IoU = 1/(1/PA + 1/UA - 1)": np.abs(m.iou - 1 / (1 / m.pa + 1 / m.ua - 1))[(m.pa > 0) & (m.ua > 0)],
            "IoU <= PA": m.iou - m.pa,
            "IoU <= UA": m.iou - m.ua,
            "F1 = 2 IoU/(1 + IoU)": np.abs(m.f1 - 2 * m.iou / (1 + m.iou)),
            "mean IoU <= mean PA": m.overall("mean_iou") - m.overall("mean_pa"),
            "mean IoU <= mean F1": m.overall("mean_iou") - m.overall("mean_f1"),
            "kappa <= F1 of either of two classes": m.kappa - m.f1 if m.f1.size == 2 else np.empty(0),
            "shares between 0 and 1": np.abs(np.stack([m.pa, m.ua, m.f1, m.iou]) - 0.5) - 0.5,
        }
    return next((rule for rule, excess in rules.items() if np.any(excess > CLOSE)), None)


def _mean(values: Floats) -> Floats:
    """The mean over the last axis without NaN; NaN where there is nothing else."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0).sum(-1) / known.sum(-1))
