"""The whole of selection, on training samples and their folds only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MinecoverError
from pipeline.selection.compare import HeldOut, cost, effect
from pipeline.selection.curves import Order, borda, combine, curve, ordered, without_fold
from pipeline.selection.redundant import guard
from pipeline.selection.resample import stability, within
from pipeline.selection.results import (
    RULES,
    Cost,
    Curve,
    Folds,
    Guarded,
    Make,
    Progress,
    Quality,
    Scorer,
    Selection,
    Settings,
    Stability,
)

Values = NDArray[np.floating[Any]]
Codes = NDArray[np.integer[Any]]
Orders = dict[str, Order]


@dataclass(frozen=True)
class Samples:
    """The rows that folds use, in an order that depends on nothing but what they are."""

    X: Values
    y: Codes
    folds: Folds
    blocks: Codes


def select(
    X: Values,
    y: Codes,
    names: Sequence[str],
    folds: Folds,
    *,
    scorers: Mapping[str, Scorer],
    make: Make,
    blocks: Codes | None = None,
    quick: Mapping[str, Scorer] | None = None,
    learners: Mapping[str, Make] | None = None,
    groups: Mapping[str, tuple[str, str | None]] | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Selection:
    """The features to keep, with all that speaks for and against them.

    `scorers` rank all rows; `quick` (the same names, cheaper) rank inside folds and resamples. `make` gives the learner
    of curves and costs, `learners` those whose gain is measured, `groups` the (sensor, season) of each feature. Rows
    that no fold uses are never looked at. Without `blocks` each sample stands for itself.
    """
    settings = settings or Settings()
    tell = progress or (lambda what, done, total: None)
    _check(X, y, names, folds, scorers, quick, groups, blocks)
    samples = arranged(X, y, folds, np.arange(len(y)) if blocks is None else blocks)
    guarded = _guarded(samples.X, names)
    kept = np.array(guarded.kept)
    ranked = Samples(samples.X[:, kept], samples.y, samples.folds, samples.blocks)
    scores = {}
    for done, (name, scorer) in enumerate(scorers.items(), 1):
        scores[name] = scorer(ranked.X, ranked.y, ranked.folds)
        tell("ranking", done, len(scorers))
    final = {name: ordered(s) for name, s in scores.items()}
    by_fold = _nested_orders(ranked, quick or scorers, tell)
    curves = _curves(ranked, by_fold, make, settings, tell)
    sizes = {name: c.chosen for name, c in curves.items()}
    labels = np.array([names[i] for i in kept])
    chosen = {name: tuple(labels[columns].tolist()) for name, columns in _chosen(final, sizes).items()}
    if not chosen[settings.combine]:
        raise MinecoverError(
            f"The rankings have no feature in common within their first {sizes}. Use `combine: borda` or `union`."
        )
    judged = HeldOut(samples.X, samples.y, samples.folds, samples.blocks, settings.draws, settings.seed)
    sets = {s: [kept[c] for c in columns] for s, columns in _sets(by_fold, curves, settings).items()}
    sets["all"] = [np.arange(len(names))] * len(samples.folds)
    costs, reference = _costs(judged, names, groups, make, tell)
    return Selection(
        names=tuple(names),
        rows=len(samples.y),
        settings=settings,
        guarded=guarded,
        scores=scores,
        ranked={name: tuple(labels[order].tolist()) for name, order in _with_borda(final).items()},
        curves=curves,
        chosen=chosen,
        stability=_stability(ranked, labels, quick or scorers, sizes, settings, tell),
        effects=effect(judged, sets, learners or {}, tell),
        costs=costs,
        reference=reference,
    )


def arranged(X: Values, y: Codes, folds: Folds, blocks: Codes) -> Samples:
    """The rows that some fold uses, sorted by values, class, block and folds, so that their order says nothing."""
    marks = np.zeros((2 * len(folds), len(y)))
    for i, (train, held) in enumerate(folds):
        marks[2 * i, train], marks[2 * i + 1, held] = 1, 1
    used = np.flatnonzero(marks.any(axis=0))
    values = np.asarray(X)[used]
    rows = np.lexsort((*marks[:, used], blocks[used], y[used], *values.T))
    place = np.full(len(y), -1)
    place[used[rows]] = np.arange(len(rows))
    moved = [(np.sort(place[train]), np.sort(place[held])) for train, held in folds]
    return Samples(values[rows], y[used][rows], moved, blocks[used][rows])


def _guarded(X: Values, names: Sequence[str]) -> Guarded:
    endless = np.flatnonzero(np.isinf(X).any(axis=0))
    if endless.size:
        raise MinecoverError(f"{names[endless[0]]} has infinite values in the samples. Make them NaN: missing.")
    guarded = guard(X, names)
    if not guarded.kept:
        raise MinecoverError("All features are empty or constant in the training samples. Look at the stack's masks.")
    return guarded


def _nested_orders(samples: Samples, scorers: Mapping[str, Scorer], tell: Progress) -> list[Orders]:
    """The orders of features that each fold's training part gives."""
    found = []
    for done, (train, _) in enumerate(samples.folds, 1):
        # The other folds, within this training part, are what a ranking may itself hold out.
        inner = within([f for i, f in enumerate(samples.folds, 1) if i != done], train, len(samples.y))
        found.append(_orders(samples, train, inner, scorers))
        tell("ranking inside folds", done, len(samples.folds))
    return found


def _orders(samples: Samples, rows: NDArray[np.intp], folds: Folds, scorers: Mapping[str, Scorer]) -> Orders:
    return {name: ordered(scorer(samples.X[rows], samples.y[rows], folds)) for name, scorer in scorers.items()}


def _with_borda(orders: Orders) -> Orders:
    return {**orders, "borda": borda(list(orders.values()))}


def _curves(
    samples: Samples, by_fold: Sequence[Orders], make: Make, settings: Settings, tell: Progress
) -> dict[str, Curve]:
    curves = {}
    ranked = [_with_borda(orders) for orders in by_fold]
    for done, name in enumerate(ranked[0], 1):
        orders = [o[name] for o in ranked]
        curves[name] = curve(samples.X, samples.y, orders, samples.folds, settings.sizes, make, settings.seed)
        tell("accuracy against number of features", done, len(ranked[0]))
    return curves


def _chosen(orders: Orders, sizes: Mapping[str, int]) -> Orders:
    """What each ranking and each rule chooses."""
    alone = {name: order[: sizes[name]] for name, order in orders.items()}
    return alone | {rule: combine(orders, sizes, rule) for rule in RULES}


def _sets(by_fold: Sequence[Orders], curves: Mapping[str, Curve], settings: Settings) -> dict[str, list[Order]]:
    """For each ranking and the combination, the features that each fold is judged with: it had no say in them."""
    sets: dict[str, list[Order]] = {name: [] for name in (*by_fold[0], "combined")}
    for fold, orders in enumerate(by_fold):
        chosen = _chosen(orders, {name: without_fold(c, fold) for name, c in curves.items()})
        # Within a fold the rankings may have nothing in common even where they have in the end.
        combined = chosen[settings.combine] if len(chosen[settings.combine]) else chosen["borda"]
        for name in sets:
            sets[name].append(combined if name == "combined" else chosen[name])
    return sets


def _stability(
    samples: Samples,
    labels: NDArray[np.str_],
    scorers: Mapping[str, Scorer],
    sizes: Mapping[str, int],
    settings: Settings,
    tell: Progress,
) -> dict[str, Stability]:
    def choose(rows: NDArray[np.intp], folds: Folds) -> dict[str, list[str]]:
        chosen = _chosen(_orders(samples, rows, folds, scorers), sizes)
        return {name: labels[columns].tolist() for name, columns in chosen.items()}

    heard = settings.resamples
    return stability(
        samples.blocks,
        samples.folds,
        choose,
        len(labels),
        settings.resamples,
        settings.seed,
        lambda done: tell("choosing again without some blocks", done, heard),
    )


def _costs(
    judged: HeldOut,
    names: Sequence[str],
    groups: Mapping[str, tuple[str, str | None]] | None,
    make: Make,
    tell: Progress,
) -> tuple[tuple[Cost, ...], Quality | None]:
    return ((), None) if groups is None else cost(judged, names, groups, make, tell)


def _check(
    X: Values,
    y: Codes,
    names: Sequence[str],
    folds: Folds,
    scorers: Mapping[str, Scorer],
    quick: Mapping[str, Scorer] | None,
    groups: Mapping[str, tuple[str, str | None]] | None,
    blocks: Codes | None,
) -> None:
    faults = {
        f"{X.shape[1]} columns have {len(names)} names": X.shape[1] != len(names),
        f"{len(X)} rows have {len(y)} labels": len(X) != len(y),
        "blocks are not one a row": blocks is not None and len(blocks) != len(y),
        f"{len(folds)} folds are too few, three are needed": len(folds) < 3,
        "a fold has no training or no held-out rows": any(not len(t) or not len(h) for t, h in folds),
        "a fold trains on rows that it holds out": any(len(np.intersect1d(t, h)) for t, h in folds),
        "no ranking was given": not scorers,
        "quick rankings are not those of `scorers`": quick is not None and list(quick) != list(scorers),
        "some features have no sensor": groups is not None and not set(names) <= set(groups),
    }
    wrong = [what for what, is_wrong in faults.items() if is_wrong]
    if wrong:
        raise MinecoverError(f"Features cannot be selected: {'; '.join(wrong)}. Correct the samples or the split.")
