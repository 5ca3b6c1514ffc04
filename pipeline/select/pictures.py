"""Pictures of a selection, to be read by a person who has not read the papers. Values in, PNG bytes out."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from pipeline.console import clean
from pipeline.select.bands import COLOURS, MEANING, SEASONS, WHOLE_YEAR, Band, described, glossed
from pipeline.select.ranking import BORDA, Row, Score, rows
from pipeline.select.wording import RULES, capital, counted, interval
from pipeline.selection import Cost, Curve, Selection

BLUE, ORANGE, INK, GREY, PALE = "#0072B2", "#D55E00", "#222222", "#777777", "#eeeeee"
NAMES = ("ranking.png", "curves.png", "heatmap.png", "stability.png", "cost.png")
SHOWN = 30
SMALL = 9.5


def pictures(selection: Selection) -> dict[str, bytes]:
    """All pictures, by the name of their file."""
    drawn = (ranking, curves, heatmap, stability, cost)
    return {name: _png(draw(selection)) for name, draw in zip(NAMES, drawn, strict=True)}


def ranking(selection: Selection) -> Figure:
    """Both rankings side by side: the first features in detail, all of them as a strip."""
    ranked = [r for r in rows(selection) if r.borda is not None]
    shown = min(SHOWN, len(ranked))
    figure = Figure(figsize=(12, 3.6 + 0.195 * max(shown, 8)))
    halves = figure.add_gridspec(1, 2, wspace=0.55, left=0.185, right=0.985)
    relief = _scores(ranked, lambda r: r.relief)
    forest = _scores(ranked, lambda r: r.forest, 100)
    kept = frozenset(selection.final)
    _bars(figure, halves[0], "Relief-F", "Relief-F score (no unit; more is better)", relief, kept)
    _bars(figure, halves[1], "Random forest", "accuracy lost when it is shuffled (percentage points)", forest, kept)
    both = len({b.name for b, _ in relief[:shown]} & {b.name for b, _ in forest[:shown]})
    titled(
        figure,
        f"What tells the kinds of land apart: {len(selection.final)} of {len(selection.names)} features are kept",
        "Relief-F asks how far a feature sets a place apart from its nearest neighbours of other classes. The random "
        "forest asks how much accuracy is lost, on land that it has not seen, when the feature is shuffled: little, "
        f"where others can stand for it. {both} features are among the first {shown} of both. Bold: kept in the end. "
        "Thin lines: how much the score varies.",
    )
    _legend(figure, [r.band for r in ranked])
    return figure


def _scores(ranked: Sequence[Row], of: Callable[[Row], Score | None], factor: float = 1) -> list[tuple[Band, Score]]:
    found = [(r.band, s) for r in ranked if (s := of(r))]
    scaled = [(band, Score(s.mean * factor, s.sd * factor, s.rank)) for band, s in found]
    return sorted(scaled, key=lambda pair: pair[1].rank)


def _bars(
    figure: Figure, place: Any, method: str, unit: str, ordered: Sequence[tuple[Band, Score]], kept: frozenset[str]
) -> None:
    """Nothing; the first features as bars with their names, below them all as a strip."""
    shown = min(SHOWN, len(ordered))
    halves = place.subgridspec(2, 1, height_ratios=[4.6, 1], hspace=0.25)
    top, strip = figure.add_subplot(halves[0]), figure.add_subplot(halves[1])
    colours = [COLOURS[band.group] for band, _ in ordered]
    values = np.array([s.mean for _, s in ordered])
    errors = np.nan_to_num([s.sd for _, s in ordered[:shown]])
    top.barh(range(shown), values[:shown], color=colours, height=0.75)
    if errors.any():
        top.errorbar(values[:shown], range(shown), xerr=errors, fmt="none", elinewidth=1, ecolor=INK, capsize=2)
    top.set_yticks(range(shown), [plain(band.label) for band, _ in ordered[:shown]])
    for label, (band, _) in zip(top.get_yticklabels(), ordered, strict=False):
        label.set_fontweight("bold" if band.name in kept else "normal")
    top.set(ylim=(shown - 0.4, -0.6))
    top.set_xlabel(unit, fontsize=SMALL)
    top.set_title(f"{method}: the first {shown} of {len(ordered)}", fontsize=12, loc="left")
    strip.bar(range(1, len(ordered) + 1), values, color=colours, width=1)
    strip.axhline(0, color=INK, lw=0.6)
    strip.set_xlim(0.3, len(ordered) + 0.7)
    strip.set_xlabel(f"rank of all {len(ordered)} (1 is best)", fontsize=SMALL)
    strip.set_ylabel("same unit", fontsize=SMALL)
    bare(top)
    bare(strip)


def heatmap(selection: Selection) -> Figure:
    """Rank of each feature in each season by both methods; a dot where it is kept."""
    table = rows(selection)
    seasonal = list(dict.fromkeys(r.band.feature for r in table if r.band.season != WHOLE_YEAR))
    lasting = [r.band.feature for r in table if r.band.season == WHOLE_YEAR]
    figure = Figure(figsize=(12.5, 2.6 + 0.25 * max(len(seasonal), len(lasting), 6)))
    grid = figure.add_gridspec(1, 7, width_ratios=[5, 2.3, 1, 2.7, 5, 2.3, 1], wspace=0, left=0.13, right=0.9)
    methods: tuple[tuple[str, Callable[[Row], Score | None]], ...] = (
        ("Relief-F", lambda r: r.relief),
        ("Random forest", lambda r: r.forest),
    )
    cells = {(r.band.feature, r.band.season): r for r in table}
    for column, (method, of) in zip((0, 4), methods, strict=True):
        for at, features, seasons in ((0, seasonal, SEASONS), (2, lasting, (WHOLE_YEAR,))):
            if features:
                axes = figure.add_subplot(grid[0, column + at])
                image = _ranks(axes, [[cells.get((f, s)) for s in seasons] for f in features], of, len(selection.kept))
                axes.set_xticks(range(len(seasons)), seasons)
                axes.set_yticks(range(len(features)), [plain(glossed(f)) for f in features])
                axes.set_ylim(max(len(seasonal), len(lasting)) - 0.5, -0.5)  # cells of one height in both
                axes.xaxis.tick_top()
                axes.set_title("" if at else method, loc="left", fontsize=12)
    bar = figure.colorbar(image, cax=figure.add_axes((0.93, 0.3, 0.014, 0.3)))
    bar.ax.invert_yaxis()
    bar.set_label(f"rank among {len(selection.kept)} (1 is best)", fontsize=SMALL)
    titled(
        figure,
        _season_sentence(table),
        "Dark is good: a dark line is a feature that helps all year, a dark column a season in which all help. "
        "Dots: kept by both methods together. Grey: left out beforehand: empty, constant, or the same as another.",
    )
    return figure


def _ranks(axes: Any, cells: Sequence[Sequence[Row | None]], of: Callable[[Row], Score | None], count: int) -> Any:
    """The image of a table of ranks, with dots on kept features."""
    scores = [[of(r) if r else None for r in line] for line in cells]
    ranks = np.array([[s.rank if s else np.nan for s in line] for line in scores], float)
    colours = colormaps["viridis"].with_extremes(bad="#c9c9c9")
    image = axes.imshow(ranks, cmap=colours, vmin=1, vmax=max(count, 2), aspect="auto")
    kept = [(x, y) for y, line in enumerate(cells) for x, r in enumerate(line) if r and r.kept]
    if kept:
        axes.scatter(*np.transpose(kept), s=16, color="white", edgecolors="black", linewidths=0.5)
    bare(axes)
    axes.spines[:].set_visible(False)
    return image


def _season_sentence(table: Sequence[Row]) -> str:
    """Which season's features rank best on average over both methods."""
    mean = {}
    for season in SEASONS:
        found = [s.rank for r in table if r.band.season == season for s in (r.relief, r.forest) if s]
        if found:
            mean[season] = float(np.mean(found))
    if not mean:
        return "Which feature tells most"
    return f"Which feature tells most in which season: {min(mean, key=lambda s: mean[s])} is the best on average"


def curves(selection: Selection) -> Figure:
    """Accuracy against the number of features, a panel a ranking, with the number that is chosen."""
    figure = Figure(figsize=(13, 5.6))
    panels = figure.subplots(1, len(selection.curves), sharey=True, squeeze=False)[0]
    figure.subplots_adjust(left=0.06, right=0.985, wspace=0.08)
    for axes, (name, curve) in zip(panels, selection.curves.items(), strict=True):
        _curve(axes, curve)
        axes.set_title(capital(RULES.get(name, name)), fontsize=12, loc="left")
    panels[0].set_ylabel("correct on land not seen in training (%)", fontsize=SMALL)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="lower center", ncols=4, frameon=False, fontsize=SMALL)
    rule, folds = selection.settings.combine, len(selection.curves[BORDA].by_fold[0])
    titled(
        figure,
        f"How many features are enough: {len(selection.final)} of {len(selection.names)}",
        "Each point: a random forest learns from the best-ranked features and is judged on blocks of land that it has "
        f"not seen ({folds} parts of the land in turn). Chosen is the smallest number whose accuracy lies within one "
        f"standard error of the best, which cannot be told from it. Used in the end: {RULES[rule]}.",
    )
    figure.subplots_adjust(bottom=0.95 / figure.get_figheight())
    return figure


def _curve(axes: Any, curve: Curve) -> None:
    sizes = np.asarray(curve.sizes)
    mean, error = 100 * np.asarray(curve.mean), 100 * np.asarray(curve.standard_error)
    best, at = int(np.flatnonzero(sizes == curve.best)[0]), int(np.flatnonzero(sizes == curve.chosen)[0])
    axes.fill_between(sizes, mean - error, mean + error, color=BLUE, alpha=0.2, lw=0, label="± one standard error")
    axes.plot(sizes, mean, "o-", color=BLUE, ms=4, label="mean over the parts")
    axes.axhline(mean[best] - error[best], color=GREY, lw=1, ls="--", label="best, less one standard error")
    axes.plot(sizes[at], mean[at], "D", color=ORANGE, ms=9, zorder=5, label="chosen: the fewest above the dashed line")
    axes.annotate(
        f"{curve.chosen} features: {mean[at]:.1f} %",
        (sizes[at], mean[at]),
        (0, -30),
        textcoords="offset points",
        color=ORANGE,
        fontweight="bold",
        ha="left" if sizes[at] < 0.6 * sizes[-1] else "right",
    )
    axes.set_xlabel("features used, best ranked first (number)", fontsize=SMALL)
    axes.set_xlim(0, sizes[-1] * 1.03)
    axes.grid(axis="y", color=PALE)
    bare(axes)


def stability(selection: Selection) -> Figure:
    """How often each feature is chosen when the choice is repeated on other blocks of the land."""
    rule = selection.settings.combine
    found = selection.stability[rule]
    share = dict(found.frequency)
    ordered = described(sorted(selection.kept, key=lambda name: -share.get(name, 0)))
    values = np.array([100 * share.get(b.name, 0) for b in ordered])
    figure = Figure(figsize=(12, 5.8))
    axes = figure.add_subplot()
    figure.subplots_adjust(left=0.06, right=0.985)
    axes.bar(range(1, len(ordered) + 1), values, color=[COLOURS[b.group] for b in ordered], width=0.9)
    axes.set(xlim=(0, len(ordered) + 1), ylim=(0, 104))
    axes.set_xlabel("features, most often kept first (number)", fontsize=SMALL)
    axes.set_ylabel(f"kept (% of {selection.settings.resamples} repetitions)", fontsize=SMALL)
    axes.grid(axis="y", color=PALE)
    axes.set_axisbelow(True)
    bare(axes)
    always = int((values > 99.9).sum())
    titled(
        figure,
        f"Would other land give the same choice? {always} features are kept every time (Jaccard {found.jaccard:.2f})",
        f"The choice was repeated {selection.settings.resamples} times, each time without a fifth of the blocks. "
        f"The Jaccard index is the share of features that two repetitions have in common: 1 is always the same, "
        f"{found.chance:.2f} would come of choosing blindly. A steep step is a firm choice; a long slope means that "
        f"many features can stand for one another.{_every_time(ordered[:always])}",
    )
    _legend(figure, ordered)
    return figure


def _every_time(bands: Sequence[Band]) -> str:
    """A sentence that names the features, if they are few."""
    return f" Every time: {'; '.join(plain(b.label) for b in bands)}." if 0 < len(bands) <= 6 else ""


def cost(selection: Selection) -> Figure:
    """What leaving out a sensor or a season costs, with intervals."""
    ordered = sorted(
        (c for c in selection.costs if c.how == "without"), key=lambda c: (c.kind != "sensor", c.difference.oa.value)
    )
    figure = Figure(figsize=(11, 2.7 + 0.45 * max(len(ordered), 2)))
    axes = figure.add_subplot()
    figure.subplots_adjust(left=0.3, right=0.97)
    for y, entry in enumerate(ordered):
        _loss(axes, y, entry)
    axes.axvline(0, color=INK, lw=0.8)
    labels = [f"without {plain(c.name)} ({counted(len(selection.names) - c.count)} fewer)" for c in ordered]
    axes.set_yticks(range(len(ordered)), labels)
    axes.set(ylim=(len(ordered) - 0.6, -0.6))
    axes.margins(x=0.15)
    axes.set_xlabel("change of accuracy (percentage points); line: 95 % interval", fontsize=SMALL)
    axes.grid(axis="x", color=PALE)
    bare(axes)
    spare = [c for c in ordered if c.difference.oa.high >= 0]
    reference = selection.reference.oa if selection.reference else None
    with_all = f" is right at {100 * reference.value:.1f} % of places on land not seen" if reference else ""
    titled(
        figure,
        f"What could be left out of the exports: {len(spare)} of {len(ordered)} parts without a loss that can be shown",
        f"A random forest with all features{with_all}. Each line: the same without one source or one season; several "
        "at once were not tried. Blue circles: the interval reaches no change, no loss can be shown. Orange squares: "
        "accuracy is lost.",
    )
    return figure


def _loss(axes: Any, y: int, entry: Cost) -> None:
    found = entry.difference.oa
    spare = found.high >= 0
    colour = BLUE if spare else ORANGE
    axes.plot([100 * found.low, 100 * found.high], [y, y], color=colour, lw=2.5, solid_capstyle="butt")
    axes.plot(100 * found.value, y, "o" if spare else "s", color=colour, ms=8)
    axes.annotate(
        interval(found),
        *((100 * found.value, y), (0, 8)),
        textcoords="offset points",
        ha="center",
        fontsize=9,
        bbox={"color": "white", "pad": 0.6},
    )


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def plain(text: str) -> str:
    """The text as it is, short enough for an axis; a `$` in it starts no formula."""
    text = clean(text)
    return (text if len(text) <= 40 else f"{text[:39]}…").replace("$", r"\$")


def titled(figure: Figure, title: str, below: str) -> None:
    """Nothing; a sentence that says what is seen, and smaller ones that say how to read it."""
    width, height = figure.get_size_inches()
    figure.text(0.02, 1 - 0.15 / height, title, fontsize=15, fontweight="bold", color=INK, va="top")
    lines = textwrap.wrap(below, int(width * 13))
    figure.text(0.02, 1 - 0.52 / height, "\n".join(lines), fontsize=10.5, color="#444444", va="top", linespacing=1.35)
    figure.subplots_adjust(top=1 - (1.02 + 0.2 * len(lines)) / height, bottom=0.62 / height)


def bare(axes: Any) -> None:
    """Nothing; the axes without what says nothing."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=0, labelsize=9)


def _legend(figure: Figure, bands: Sequence[Band]) -> None:
    """Nothing; below the picture the colours of the groups that there are."""
    there = {b.group for b in bands}
    patches = [Patch(color=colour, label=MEANING[group]) for group, colour in COLOURS.items() if group in there]
    height = figure.get_figheight()
    figure.legend(handles=patches, loc="lower center", ncols=4, frameon=False, fontsize=SMALL)
    figure.subplots_adjust(bottom=1.15 / height)
