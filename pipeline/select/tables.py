"""Tables of a selection as lines of text, in the layout of the source study's Tables 4 and 5. Knows no files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.console import aligned, clean, some
from pipeline.select.bands import SEASONS, WHOLE_YEAR, Band, described
from pipeline.select.wording import RULES, capital, counted, interval, losers, minus, percent, share, verdict
from pipeline.selection import Cost, Selection


def summary(selection: Selection, held_out: str) -> Iterator[str]:
    """All tables, one after the other. `held_out` says which samples accuracies are from."""
    yield from guarded(selection)
    yield from enough(selection, held_out)
    yield ""
    yield from chosen(selection)
    yield ""
    yield from effects(selection, held_out)
    yield ""
    yield from costs(selection, held_out)


def guarded(selection: Selection) -> Iterator[str]:
    """What was left out before ranking, and why."""
    if names := selection.guarded.empty:
        yield f"Left out, no values: {some(names)}"
    if names := selection.guarded.constants:
        yield f"Left out, one value only: {listed(names)}"
    for kept, dropped, r in selection.guarded.aliases:
        yield f"Left out, the same as {clean(kept)}: {clean(dropped)} (correlation {minus(f'{r:.4f}')})"


def enough(selection: Selection, held_out: str) -> Iterator[str]:
    """How many features each rule keeps, at what accuracy, and how stable that choice is."""
    rows = [("Choice", "kept", f"accuracy % ({held_out})", "same again (Jaccard; blind choice)")]
    for rule, names in selection.chosen.items():
        curve, stable = selection.curves.get(rule), selection.stability.get(rule)
        accuracy = ""
        if curve:
            at = curve.sizes.index(curve.chosen)
            accuracy = f"{100 * curve.mean[at]:.1f} ± {100 * curve.standard_error[at]:.1f}"
        again = f"{stable.jaccard:.2f} ({stable.low:.2f} … {stable.high:.2f}; {stable.chance:.2f})" if stable else ""
        mark = "  <- used" if rule == selection.settings.combine else ""
        rows.append((capital(RULES.get(rule, rule)), str(len(names)), accuracy, again + mark))
    yield from aligned(rows)


def chosen(selection: Selection) -> Iterator[str]:
    """Chosen features by group and season: numbers, then names (Table 4 of the source study)."""
    bands, kept = described(selection.names), set(selection.final)
    seasons = [s for s in (*SEASONS, WHOLE_YEAR) if any(b.season == s for b in bands)]
    groups = list(dict.fromkeys(b.group for b in bands))
    yield f"Chosen features by group and season: {len(kept)} of {len(bands)} ({RULES[selection.settings.combine]})"

    def cell(group: str | None, season: str | None) -> str:
        there = [b for b in bands if group in (None, b.group) and season in (None, b.season)]
        return f"{sum(b.name in kept for b in there)} of {len(there)}" if there else "–"

    rows = [("Group", *map(capital, seasons), "All")]
    rows += [(capital(g), *(cell(g, s) for s in seasons), cell(g, None)) for g in groups]
    yield from aligned([*rows, ("All", *(cell(None, s) for s in seasons), cell(None, None))])
    for group in groups:
        for season in seasons:
            there = [b for b in bands if (b.group, b.season) == (group, season)]
            if there:
                yield f"  {capital(group)}, {season}: {named(there, kept)}"


def named(bands: Sequence[Band], kept: set[str]) -> str:
    """The features kept of these, the shorter way: all, all but some, or their names."""
    taken, left = ([b.feature for b in bands if (b.name in kept) is wanted] for wanted in (True, False))
    if not taken:
        return "none"
    if not left:
        return f"all {len(taken)}" if len(taken) > 3 else listed(taken)
    return f"all but {listed(left)}" if 2 * len(left) < len(taken) else listed(taken)


def effects(selection: Selection, held_out: str) -> Iterator[str]:
    """What each learner gains by the choice (Table 5 and Fig. 7 of the source study)."""
    yield f"What choosing features changes, by classifier ({held_out}; in brackets 95 % intervals)"
    rows = [("Classifier", "features", "number", "accuracy %", "kappa", "accuracy less that of all, points")]
    for e in selection.effects:
        change = "" if e.features == "all" else interval(e.difference.oa)
        note = f"  {clean(e.note.split('; ')[0])}" if e.note else ""  # folds say the same with other numbers
        rows.append(
            (e.learner, e.features, f"{e.count:.0f}", percent(e.quality.oa), share(e.quality.kappa), change + note)
        )
    yield from aligned(rows)
    yield from losers(selection)


def costs(selection: Selection, held_out: str) -> Iterator[str]:
    """What each source and season is worth, in words."""
    reference = f", with all features {percent(selection.reference.oa)} %" if selection.reference else ""
    yield f"What could be left out of exports (random forest, {held_out}{reference})"
    for entry in sorted(selection.costs, key=lambda c: (c.how != "without", c.kind != "sensor")):
        yield f"  {worth(entry)}"


def worth(entry: Cost) -> str:
    """A part's worth in a sentence."""
    name = clean(entry.name)
    if entry.how == "without":
        return f"without {name}: accuracy {interval(entry.difference.oa)} points: {verdict(entry)}"
    return f"{name} alone ({counted(entry.count)}): accuracy {percent(entry.quality.oa)} %"


def listed(names: Sequence[str]) -> str:
    """Names with commas."""
    return ", ".join(map(clean, names))
