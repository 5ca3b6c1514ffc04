"""What a report says in sentences: the findings on its first page, what tests can tell, and what it cannot tell.

Every number in them is one of accuracy.json, summary.json, selection.json or the stack's manifest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.accuracy.results import ClassArea, MapAccuracy, Pair
from pipeline.report.change import Change
from pipeline.report.sources import Run
from pipeline.report.words import (
    Interval,
    hectares,
    hectares_with,
    listed,
    of_hundred,
    p_value,
    percent,
    points_with,
    quoted,
    rivals,
    share,
)

NAMED = 6
"""Classes in the first sentence at most."""
WIDE = 0.3
"""An area whose interval reaches further than this share of it to either side is called uncertain."""
POOR = 0.7
"""A class of whose pixels fewer than this share are right is warned of."""
FEW = 50
"""Samples of a class below which its accuracy is called rough."""
EMPTY = 0.9995
"""The share of missing values from which on a season is called empty."""
BLOCKS = 20
"""Blocks below which bootstrap intervals are too narrow."""


def findings(run: Run, change: Change | None) -> Iterator[str]:
    """The sentences of the first page: how much there is, how right that is, and what has changed."""
    found = run.estimate
    if found:
        yield from _estimated(found)
    else:
        yield from _counted(run)
    if change:
        yield from changes(change)
    if run.tested and not found:
        yield _tested(run)
    if empty := _empty_seasons(run):
        yield f"There are no data at all of {listed(empty)}: this map tells nothing of what shows only then."
    if run.selection:
        kept, all_of = len(run.selection.final), len(run.selection.names)
        yield f"{kept} of {all_of} measurements from space were kept to tell the classes apart."


def _estimated(found: MapAccuracy) -> Iterator[str]:
    total = found.population_pixels * found.pixel_hectares
    classes = sorted(found.classes, key=lambda c: -(c.area.value or 0))
    parts = [f"{percent(c.area.value)} % {c.name}" for c in classes if c.area.value][:NAMED]
    yield f"Estimated for the region's {hectares(total)} ha: {listed(parts)}."
    if found.oa.value is not None:
        yield (
            f"The map is right at about {of_hundred(found.oa.value)} places ({share(found.oa)} %, from "
            f"{found.answered} points drawn by lot)."
        )
    if wrong := misleading(found):
        told = [
            f"it shows {hectares(c.mapped_hectares)} ha of “{c.name}” where {hectares_with(c.hectares)} are estimated"
            for c in wrong
        ]
        yield f"Counts of the map's pixels mislead: {listed(told)}."


def misleading(found: MapAccuracy, most: int = 2) -> tuple[ClassArea, ...]:
    """The classes whose counted area lies outside the interval of the estimate, the worst first."""
    outside = [
        c for c in found.classes
        if c.hectares.value and None not in (c.hectares.low, c.hectares.high)
        and not (c.hectares.low or 0) <= c.mapped_hectares <= (c.hectares.high or 0)
    ]  # fmt: skip
    outside.sort(key=lambda c: -abs(c.mapped_hectares / (c.hectares.value or 1) - 1))
    return tuple(outside[:most])


def _counted(run: Run) -> Iterator[str]:
    counted = run.map.hectares
    total = sum(counted.values()) or 1.0
    order = sorted((c for c in counted if counted[c]), key=lambda c: -counted[c])[:NAMED]
    parts = [f"{percent(counted[c] / total)} % {run.map.names[c]}" for c in order]
    yield (
        f"The map shows {listed(parts)}. These are counts of its pixels, with its errors in them, and no estimates of "
        f"areas: for those, `minecover assess` needs a reference sample drawn by lot."
    )


def _tested(run: Run) -> str:
    m = run.tested
    assert m is not None
    return (
        f"At labelled places that it had not learnt from, the model was right at {share(m.overall.oa)} % of "
        f"{m.samples}; how right the map is elsewhere is not known."
    )


def changes(found: Change) -> Iterator[str]:
    """What changed beyond doubt, in a sentence; or that nothing did."""
    span = f"From {found.before} to {found.now}"
    if not found.estimated:
        moved = sorted(found.lines, key=lambda n: -abs(n.counted_now - n.counted_before))[:2]
        yield f"{span} the counts of the maps changed most for {quoted([n.name for n in moved])}; no estimate is there."
        return
    sure = [(n.name, n.difference) for n in found.lines if n.difference and beyond_doubt(n.difference)]
    if sure:
        yield f"{span}: {listed([f'“{name}” {hectares_with(d, signed=True)} ha' for name, d in sure])}."
    unsure = [n.name for n in found.lines if n.name not in dict(sure)]
    if unsure:
        names = quoted(unsure, "or") if sure else "any class"
        yield f"{span} no change of {names} can be shown beyond the uncertainty of both years."


def beyond_doubt(of: Interval) -> bool:
    """Whether the interval leaves out zero."""
    return of.low is not None and of.high is not None and (of.low > 0 or of.high < 0)


def verdicts(pairs: Sequence[Pair], model: str) -> Iterator[str]:
    """What tests tell of the model that made the map, against each other one."""
    told: dict[str, list[str]] = {"Better": [], "Worse": []}
    alike = []
    for pair in (p for p in pairs if model in (p.a, p.b)):
        other, sign = (pair.a, 1) if pair.b == model else (pair.b, -1)
        if pair.better is None:
            alike.append(other)
        else:
            gain, p = points_with(pair.difference.oa, sign), p_value(pair.p_holm)
            told["Better" if pair.better == other else "Worse"].append(f"{other} by {gain} points, {p}")
    for word, others in told.items():
        if others:
            yield f"{word} than {model}, which made the map: {'; '.join(others)}."
    if alike:
        yield (
            f"Cannot be told apart from {model} on these samples: {listed(alike)}. "
            "One may be better; this does not show it."
        )


def caveats(run: Run, simulated: bool) -> Iterator[str]:
    """What a reader must not take from this report, in plain words."""
    if simulated:
        yield "The place does not exist: the satellite images were simulated. The figures show how the method works."
    yield from _about_areas(run)
    yield from _about_classes(run)
    yield from _about_test(run)
    yield from _about_data(run)
    pixel = run.stack.grid.pixel
    yield (
        f"A pixel is {pixel:g} × {pixel:g} m and gets one class, that of most of it: what is narrower or smaller than "
        f"that is missing or blurred, and edges are uncertain by about a pixel."
    )
    yield "It shows land use as seen from above in one year, and says nothing of ownership, permits or legality."


def _about_areas(run: Run) -> Iterator[str]:
    if run.estimate is None:
        if run.accuracy and run.accuracy.map:
            yield "The reference sample was used on another map than this; `minecover assess CONFIG` does it for this."
        yield "Areas are counts of the map's pixels. A map's errors do not cancel out, so the true areas may differ."
        return
    wide = [c.name for c in run.estimate.classes if _reach(c.hectares) > WIDE]
    if wide:
        yield f"Known only roughly, with wide intervals: the area of {quoted(wide)}. More points would help."
    yield from (f"{note[:1].upper()}{note[1:]}." for note in run.estimate.notes)
    yield "Intervals say how far chance in drawing the points reaches, not errors of those who interpreted them."


def _reach(of: Interval) -> float:
    """How far an interval reaches above its value, as a share of it."""
    return (of.high - of.value) / of.value if of.value and of.high is not None else 0.0


def _about_classes(run: Run) -> Iterator[str]:
    if run.estimate:
        classes: Sequence[tuple[str, float | None]] = [(c.name, c.ua.value) for c in run.estimate.classes]
    else:
        classes = [(c.name, c.ua.value) for c in run.tested.classes] if run.tested else []
    for name, right in classes:
        if right is not None and right < POOR:
            who = "the map shows as" if run.estimate else "the model called, on the test part,"
            yield f"Of the places that {who} “{name}”, only {of_hundred(right)} are: check patches of it before use."


def _about_test(run: Run) -> Iterator[str]:
    m = run.tested
    if m is None:
        return
    yield (
        "Accuracies on the test part are of places that somebody chose to label. They compare models; they are not the "
        "accuracy of the map."
    )
    if run.accuracy:
        yield from (f"{text[:1].upper()}{text[1:]}." for text in rivals(run.accuracy.pairs, m.name))
    if m.split.startswith("random"):
        yield "The split is random: test places lie beside training places, and the accuracies on it flatter."
    if m.blocks < BLOCKS:
        yield f"The test part has only {m.blocks} blocks of land; its intervals are too narrow."
    if few := [c.name for c in m.classes if c.reference < FEW]:
        yield f"Fewer than {FEW} test samples, so rough accuracies: {quoted(few)}."


def _empty_seasons(run: Run) -> list[str]:
    return [season for season in run.stack.seasons if run.stack.masked.get(season, 0) >= EMPTY]


def _about_data(run: Run) -> Iterator[str]:
    stack = run.stack
    told = _empty_seasons(run)
    gaps = [f"{part} {percent(v)} %" for part, v in stack.masked.items() if v >= 0.0005 and part not in told]
    if gaps:
        yield f"Values are missing, under clouds or where a source has none: {listed(gaps)} of the region's values."
    lost = run.map.summary.get("no_data_share")
    if lost:
        yield f"{percent(lost)} % of the region have no class in the map: too little was known there."
    if stack.options.get("dem") == "nasadem":
        yield "Heights and slopes are of February 2000; pits and dumps that were made since are not in them."
    if stack.engine.get("name") == "local":
        yield (
            "The measurements were computed by the local engine, which answers a few of Earth Engine's functions "
            "approximately; `minecover engine functions` lists them."
        )
    yield from (f"{note[:1].upper()}{note[1:]}." for note in stack.notes)
