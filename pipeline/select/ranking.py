"""One row a feature: what both methods make of it, its ranks, and which rules choose it."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from pipeline.console import clean
from pipeline.select.bands import Band, described
from pipeline.selection import Scores, Selection

RELIEF, FOREST, BORDA = "Relief-F", "RF", "borda"
COLUMNS = (
    "feature",
    "group",
    "season",
    "relief_score",
    "relief_standard_error",
    "relief_rank",
    "rf_permutation_mean",
    "rf_permutation_sd",
    "rf_rank",
    "rf_impurity",
    "borda_rank",
    "chosen_by",
    "left_out",
)


@dataclass(frozen=True)
class Score:
    """What one method makes of a feature: its score, how much that varies, and its rank; 1 is best."""

    mean: float
    sd: float
    rank: int


@dataclass(frozen=True)
class Row:
    """A feature's line in the ranking. Without scores where the guard left it out; `left_out` says why."""

    band: Band
    relief: Score | None
    forest: Score | None
    impurity: float | None
    borda: int | None
    chosen: tuple[str, ...]
    kept: bool
    """Chosen by the rule of the settings."""
    left_out: str = ""


def rows(selection: Selection) -> tuple[Row, ...]:
    """A row for each feature that came in, in its order."""
    relief, forest = _scored(selection, RELIEF), _scored(selection, FOREST)
    impurity = dict(zip(selection.kept, selection.scores[FOREST].impurity or (), strict=False))
    borda = {name: rank for rank, name in enumerate(selection.ranked[BORDA], 1)}
    why = _left_out(selection)
    return tuple(
        Row(
            band,
            relief.get(band.name),
            forest.get(band.name),
            impurity.get(band.name),
            borda.get(band.name),
            tuple(rule for rule, names in selection.chosen.items() if band.name in names),
            band.name in selection.final,
            why.get(band.name, ""),
        )
        for band in described(selection.names)
    )


def _scored(selection: Selection, method: str) -> dict[str, Score]:
    scores: Scores = selection.scores[method]
    rank = {name: place for place, name in enumerate(selection.ranked[method], 1)}
    return {
        name: Score(mean, sd, rank[name]) for name, mean, sd in zip(selection.kept, scores.mean, scores.sd, strict=True)
    }


def _left_out(selection: Selection) -> dict[str, str]:
    empty = dict.fromkeys(selection.guarded.empty, "no values")
    constants = dict.fromkeys(selection.guarded.constants, "has one value only")
    return (
        empty
        | constants
        | {dropped: f"same as {kept} (correlation {r:.4f})" for kept, dropped, r in selection.guarded.aliases}
    )


def as_csv(table: tuple[Row, ...]) -> str:
    """The table as CSV, best feature first; no cell is taken for a formula by a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in sorted(table, key=lambda r: (r.borda is None, r.borda or 0)):
        writer.writerow([cell(value) for value in _values(row)])
    return text.getvalue()


def _values(row: Row) -> tuple[str | float | int | None, ...]:
    relief = (row.relief.mean, row.relief.sd, row.relief.rank) if row.relief else (None,) * 3
    forest = (row.forest.mean, row.forest.sd, row.forest.rank) if row.forest else (None,) * 3
    chosen = " ".join(row.chosen)
    return (
        *(row.band.name, row.band.group, row.band.season),
        *(*relief, *forest, row.impurity, row.borda, chosen, row.left_out),
    )


def cell(value: str | float | int | None) -> str:
    """A value as a cell; text that a spreadsheet would compute gets an apostrophe before it."""
    if value is None:
        return ""
    if isinstance(value, str):
        text = clean(value)
        return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
    return str(value) if isinstance(value, int) else f"{value:.6g}"
