"""Comparisons: same samples only, pairs with the right signs, tables that say what can and cannot be told apart."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.accuracy import model_accuracy
from pipeline.artifacts.predictions import Predictions
from pipeline.compare import maps, tables
from pipeline.compare.results import FILE, compared, read
from pipeline.errors import MinecoverError
from pipeline.region import Grid

N = 400
rng = np.random.default_rng(0)
TRUTH = rng.integers(1, 4, N)
BLOCKS = np.repeat(np.arange(40), 10)
DRAWN = 500, 3
NAMES = {1: "mine", 2: "water", 3: "<b>grass</b>"}


def answer(wrong: float, seed: int, ids: str = "s") -> tuple[Predictions, ...]:
    draw = np.random.default_rng(seed)
    predicted = np.where(draw.random(N) < wrong, draw.integers(1, 4, N), TRUTH)
    shares = np.eye(3, dtype=np.float32)[predicted - 1]
    names = tuple(f"{ids}{i}" for i in range(N))
    return (Predictions(names, TRUTH, predicted, BLOCKS, shares, (1, 2, 3), 0),)


ANSWERS = {
    ("RF", "all"): (112, answer(0.30, 1)),
    ("RF", "combined"): (40, answer(0.05, 2)),
    ("SVM", "all"): (112, answer(0.31, 3)),
    ("SVM", "combined"): (40, answer(0.30, 4)),
}


def test_models_are_paired_on_one_choice_and_choices_with_all() -> None:
    found = compared(ANSWERS, "combined", "blocks of 500 m", NAMES, *DRAWN)
    assert [(p.a, p.b) for p in found.models] == [("RF, combined", "SVM, combined")]
    assert [(p.a, p.b) for p in found.gains] == [("RF, combined", "RF, all"), ("SVM, combined", "SVM, all")]
    for pair in (*found.models, *found.gains):
        right = {f"{m}, {f}": (p[0].predicted == TRUTH) for (m, f), (_, p) in ANSWERS.items()}
        oa = pair.difference.oa
        assert oa.value == pytest.approx(right[pair.a].mean() - right[pair.b].mean())
        assert pair.only_a == (right[pair.a] & ~right[pair.b]).sum()
        assert oa.low is not None and oa.high is not None and oa.low <= oa.value <= oa.high


def test_tables_tell_differences_from_chance() -> None:
    told = list(tables.lines(compared(ANSWERS, "combined", "blocks of 500 m", NAMES, *DRAWN)))
    models = next(line for line in told if line.startswith("  SVM") and "combined" not in line)
    assert " -1" in models or " -2" in models, "less the best, with its sign"
    gains = [line for line in told if "combined" in line and line.startswith("  ")]
    assert len(gains) == 2
    assert "cannot be told apart" not in gains[0] and "+" in gains[0]
    assert "cannot be told apart" in gains[1]
    assert any("blocks of 500 m" in line for line in told)


def test_intervals_are_of_the_draws_that_are_asked_for() -> None:
    found = compared(ANSWERS, "combined", "blocks", NAMES, *DRAWN)
    [one] = ANSWERS["RF", "all"][1]
    own, _ = model_accuracy("RF", "blocks", TRUTH, {0: one.predicted}, BLOCKS, NAMES, *DRAWN)
    assert found.entries[0].accuracy.overall == own.overall


def test_footers_explain_and_note_once() -> None:
    told = list(tables.lines(compared(ANSWERS, "combined", "blocks", NAMES, *DRAWN)))
    assert any("cannot be told apart unless p is below 0.05 and the interval" in line for line in told)
    assert not any("over seeds" in line.casefold() or line.startswith("Note:") for line in told)
    few = {k: (n, tuple(replace(p, blocks=BLOCKS // 20) for p in runs)) for k, (n, runs) in ANSWERS.items()}
    told = list(tables.lines(compared(few, "combined", "blocks", NAMES, *DRAWN)))
    notes = [line for line in told if line.startswith("Note:")]
    assert len(notes) == 2 and "only 2 blocks" in notes[0] and "fewer than 5 blocks: mine, water" in notes[1]


def test_the_spread_over_seeds_is_shown() -> None:
    pairs = {k: (n, (*runs, replace(answer(0.1, 9)[0], seed=1))) for k, (n, runs) in ANSWERS.items()}
    found = compared(pairs, "combined", "blocks", NAMES, *DRAWN)
    told = list(tables.lines(found))
    for entry in found.entries:
        both = [100 * np.mean(p.predicted == TRUTH) for p in pairs[entry.model, entry.features][1]]
        spread = f"{np.mean(both):.1f} ± {np.std(both, ddof=1):.1f}"
        rows = [t for t in told if t.startswith(f"  {entry.model}") and spread in t]
        assert len(rows) == (2 if entry.features == "combined" else 1)
    assert any("standard deviation of 2" in line for line in told)


def test_a_comparison_comes_back_from_its_file(tmp_path: Path) -> None:
    found = compared(ANSWERS, "combined", "blocks", NAMES, *DRAWN)
    (tmp_path / FILE).write_text(found.model_dump_json())
    assert read(tmp_path / FILE) == found
    (tmp_path / FILE).write_text("{}")
    with pytest.raises(MinecoverError, match="holds no comparison"):
        read(tmp_path / FILE)


def test_other_samples_are_refused() -> None:
    other = {**ANSWERS, ("KNN", "all"): (112, answer(0.1, 5, "t"))}
    with pytest.raises(MinecoverError, match="KNN on all was tested on other samples"):
        compared(other, "combined", "blocks", NAMES, *DRAWN)


def test_the_part_shown_is_where_most_samples_are() -> None:
    grid = Grid("EPSG:32649", 10.0, 0.0, 0.0, 1000, 700)
    rows, columns = rng.integers(400, 500, 50), rng.integers(700, 800, 50)
    found = maps.place(np.append(rows, 3), np.append(columns, 3), grid)
    assert found.row <= 400 and found.row + found.height >= 500
    assert found.column <= 700 and found.column + found.width >= 800
    assert found.row % 16 == 0 and found.column % 16 == 0
    small = maps.place(rows, columns, Grid("EPSG:32649", 10.0, 0.0, 0.0, 90, 50))
    assert (small.row, small.column, small.height, small.width) == (0, 0, 50, 90)
