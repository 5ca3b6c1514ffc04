"""A selection of features for readers who have not read the papers: tables, a curve, and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.report.words import Axis, axis, listed, percent
from pipeline.select.bands import COLOURS, MEANING, SEASONS, SOURCES, WHOLE_YEAR, Band, described
from pipeline.select.ranking import Row, rows
from pipeline.select.wording import interval, losers
from pipeline.selection import Cost, Curve, Selection

BORDA = "borda"
FIRST = 15
"""Features that the table of the best shows."""
WIDTH, HEIGHT, LEFT, RIGHT, TOP, FOOT = 200.0, 150.0, 20.0, 6.0, 4.0, 28.0
"""Of the curve's drawing, in its own units."""


@dataclass(frozen=True)
class Group:
    """A kind of features: what it tells of, its colour, and how many are kept of how many by season; None if none."""

    name: str
    meaning: str
    colour: str
    cells: tuple[tuple[int, int] | None, ...]
    whole: tuple[int, int]


@dataclass(frozen=True)
class Best:
    """A feature among the first: its rank, what it is, and its scores as shares of the best score of each method."""

    rank: int
    label: str
    group: str
    colour: str
    kept: bool
    relief: float | None
    forest: float | None


@dataclass(frozen=True)
class Drawn:
    """A curve of accuracy against the number of features: points of its line, of the band of one standard error around
    it, the chosen size, and the marks of both axes with their texts.
    """

    line: str
    band: str
    chosen: tuple[float, float]
    across: tuple[tuple[float, str], ...]
    up: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Loss:
    """What is lost without a part: its name, the change of accuracy, the same in words, and what follows."""

    name: str
    cost: Cost
    told: str
    verdict: str


@dataclass(frozen=True)
class Chosen:
    """All that the report says of a selection."""

    sentences: tuple[str, ...]
    seasons: tuple[str, ...]
    groups: tuple[Group, ...]
    best: tuple[Best, ...]
    curve: Drawn | None
    losses: tuple[Loss, ...]
    loss_axis: Axis


def chosen(selection: Selection) -> Chosen:
    """A selection as tables, a curve and sentences."""
    table = rows(selection)
    bands = described(selection.names)
    seasons = tuple(s for s in (*SEASONS, WHOLE_YEAR) if any(b.season == s for b in bands))
    losses = tuple(
        Loss(c.name, c, interval(c.difference.oa), _verdict(c))
        for c in sorted(selection.costs, key=lambda c: (c.kind != "sensor", c.difference.oa.value))
        if c.how == "without"
    )
    ends = [v for loss in losses for v in (loss.cost.difference.oa.low, loss.cost.difference.oa.high)]
    curve = selection.curves.get(BORDA)
    return Chosen(
        sentences=tuple(_sentences(selection, bands)),
        seasons=seasons,
        groups=tuple(_groups(bands, set(selection.final), seasons)),
        best=_best(table),
        curve=_drawn(curve) if curve and len(curve.sizes) > 1 else None,
        losses=losses,
        loss_axis=axis(ends),
    )


def _sentences(selection: Selection, bands: Sequence[Band]) -> Iterator[str]:
    kept, curve = set(selection.final), selection.curves.get(BORDA)
    yield (
        f"{len(kept)} of {len(bands)} features are used. A feature is one measurement in one season, such as greenness "
        "in summer. Two methods ranked them, on training samples only: Relief-F asks how far a feature sets a place "
        "apart from its nearest neighbours of other classes, the random forest how much accuracy is lost when the "
        "feature is shuffled."
    )
    if curve:
        at = curve.sizes.index(curve.chosen)
        yield (
            f"With the first {curve.chosen} by both ranks a random forest is right at {percent(curve.mean[at])} % "
            f"(standard error {percent(curve.standard_error[at])}) of the samples of held-out folds; more features are "
            f"not better by more than a standard error."
        )
    yield from losers(selection)
    stable = selection.stability.get(selection.settings.combine)
    if stable:
        yield (
            f"Two choices on other parts of the land have {percent(stable.jaccard)} % of their features in common "
            f"({percent(stable.chance)} % by chance): take them as one good set, not as the truth about what matters."
        )
    spare = [c.name for c in selection.costs if c.how == "without" and c.difference.oa.high >= 0]
    if spare:
        yield (
            f"No loss can be shown without {listed(spare, 'or')}, each left out alone; several at once were not tried."
        )


def _verdict(cost: Cost) -> str:
    if cost.difference.oa.high < 0:
        return "needed"
    return "better without" if cost.difference.oa.low > 0 else "no loss can be shown"


def _groups(bands: Sequence[Band], kept: set[str], seasons: Sequence[str]) -> Iterator[Group]:
    for name in dict.fromkeys(b.group for b in bands):
        own = [b for b in bands if b.group == name]
        cells = [_of([b for b in own if b.season == s], kept) for s in seasons]
        meaning = SOURCES[name] if set(name.split()) <= set(MEANING[name].split()) else MEANING[name]
        yield Group(name, "" if meaning == name else meaning, COLOURS[name], tuple(cells), _of(own, kept) or (0, 0))


def _of(bands: Sequence[Band], kept: set[str]) -> tuple[int, int] | None:
    return (sum(b.name in kept for b in bands), len(bands)) if bands else None


def _best(table: Sequence[Row]) -> tuple[Best, ...]:
    """The first features by both ranks."""
    relief = max((r.relief.mean for r in table if r.relief), default=0.0)
    forest = max((r.forest.mean for r in table if r.forest), default=0.0)
    first = sorted((r for r in table if r.borda), key=lambda r: r.borda or 0)[:FIRST]
    return tuple(
        Best(
            r.borda or 0, r.band.label, r.band.group, COLOURS[r.band.group], r.kept,
            r.relief.mean / relief if r.relief and relief > 0 else None,
            r.forest.mean / forest if r.forest and forest > 0 else None,
        )
        for r in first
    )  # fmt: skip


def _drawn(curve: Curve) -> Drawn:
    lower = [m - s for m, s in zip(curve.mean, curve.standard_error, strict=True)]
    upper = [m + s for m, s in zip(curve.mean, curve.standard_error, strict=True)]
    low, high = min(lower), max(upper)
    pad = 0.06 * (high - low or 1)
    low, high = low - pad, high + pad
    marks = [t for t in axis([], low, high).ticks if low <= t <= high]

    def x(size: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * size / curve.sizes[-1], 1)

    def y(value: float) -> float:
        return round(TOP + (HEIGHT - FOOT - TOP) * (high - value) / (high - low), 1)

    def path(values: Sequence[float], backwards: bool = False) -> str:
        both = list(zip(curve.sizes, values, strict=True))
        return " ".join(f"{x(s)},{y(v)}" for s, v in (reversed(both) if backwards else both))

    at = curve.sizes.index(curve.chosen)
    return Drawn(
        line=path(curve.mean),
        band=f"{path(upper)} {path(lower, backwards=True)}",
        chosen=(x(curve.chosen), y(curve.mean[at])),
        across=tuple((x(t), f"{t:g}") for t in axis([curve.sizes[-1]]).ticks),
        up=tuple((y(t), f"{100 * t:g}") for t in marks),
    )
