"""From codes at samples to the figures of a model, and from several models to their pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from pipeline.accuracy.bootstrap import Scores, scored
from pipeline.accuracy.matrix import EACH, OVERALL, confusion, measures
from pipeline.accuracy.paired import holm, mcnemar
from pipeline.accuracy.results import ClassAccuracy, LeftOut, ModelAccuracy, Overall, Pair, Seeds, Spread

Codes = NDArray[np.int64]

FEW_BLOCKS = 10
"""With fewer blocks than this, intervals hold the truth less often than they say."""
FEW_OF_A_CLASS = 5
"""A class in fewer blocks than this is missing from draws now and then."""


def model_accuracy(
    name: str,
    split: str,
    truth: Codes,
    answers: Mapping[int, Codes],
    blocks: NDArray[np.int64],
    legend: Mapping[int, str],
    draws: int = 2000,
    seed: int = 0,
) -> tuple[ModelAccuracy, Scores]:
    """The figures of a model with intervals, and its draws. `answers` are by seed; the first is the model that is kept.

    `legend` gives the name of each code, `split` the line that says how the test part was kept apart.
    """
    codes = np.array(list(legend))
    first = next(iter(answers))
    scores = scored(truth, answers[first], blocks, codes, draws, seed)
    found = ModelAccuracy(
        name=name,
        split=split,
        samples=len(truth),
        blocks=scores.blocks,
        seed=first,
        matrix=tuple(map(tuple, scores.matrix.tolist())),
        overall=scores.overall(),
        classes=tuple(_class(scores, k, code, title) for k, (code, title) in enumerate(legend.items())),
        left_out=LeftOut(**{n: int(scores.measured.left_out(n)) for n in EACH}),
        seeds=_seeds(truth, answers, codes) if len(answers) > 1 else None,
        notes=tuple(_notes(scores, tuple(legend.values()))),
    )
    return found, scores


def pairs(
    truth: Codes,
    answers: Mapping[str, Codes],
    scores: Mapping[str, Scores],
    both: Sequence[tuple[str, str]] | None = None,
) -> tuple[Pair, ...]:
    """Models in pairs on the same samples, every two or `both`: differences and McNemar's corrected tests."""
    both = list(combinations(answers, 2)) if both is None else both
    tests = [mcnemar(answers[a] == truth, answers[b] == truth) for a, b in both]
    corrected = holm([t.p for t in tests])
    return tuple(
        Pair(
            a=a, b=b, difference=scores[a].less(scores[b]), only_a=t.only_a, only_b=t.only_b, statistic=t.statistic,
            p=t.p, p_holm=p,
        )
        for (a, b), t, p in zip(both, tests, corrected, strict=True)
    )  # fmt: skip


def _class(scores: Scores, k: int, code: int, name: str) -> ClassAccuracy:
    return ClassAccuracy(
        code=code,
        name=name,
        reference=int(scores.matrix[k].sum()),
        predicted=int(scores.matrix[:, k].sum()),
        **{n: scores.figure(n, k) for n in EACH},
    )


def _seeds(truth: Codes, answers: Mapping[int, Codes], codes: Codes) -> Seeds:
    each = [measures(confusion(truth, one, codes)) for one in answers.values()]
    spread = {n: _spread([float(m.overall(n)) for m in each]) for n in OVERALL}
    return Seeds(seeds=tuple(answers), overall=Overall[Spread](**spread))


def _spread(values: Sequence[float]) -> Spread:
    known = [v for v in values if not np.isnan(v)]
    sd = float(np.std(known, ddof=1)) if len(known) > 1 else None
    return Spread(mean=float(np.mean(known)) if known else None, sd=sd)


def _notes(scores: Scores, names: Sequence[str]) -> Iterator[str]:
    if scores.blocks == 1:
        yield "all samples lie in one block: no interval can be had"
    elif scores.blocks < FEW_BLOCKS:
        yield f"only {scores.blocks} blocks: intervals are narrower than they should be"
    few = [name for name, n in zip(names, scores.blocks_of.tolist(), strict=True) if 0 < n < FEW_OF_A_CLASS]
    if few and scores.blocks > 1:
        yield (
            f"samples in fewer than {FEW_OF_A_CLASS} blocks: {', '.join(few)}; their intervals, and those of means, "
            f"are rough"
        )
