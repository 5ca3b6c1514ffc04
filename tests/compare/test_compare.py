"""Comparisons: same samples only, pairs with the right signs, tables that say what can and cannot be told apart."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.artifacts.predictions import Predictions
from pipeline.compare import maps, tables
from pipeline.compare.results import FILE, compared, read
from pipeline.errors import MinecoverError
from pipeline.region import Grid

N = 400
rng = np.random.default_rng(0)
TRUTH = rng.integers(1, 4, N)
BLOCKS = np.repeat(np.arange(40), 10)
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
    found = compared(ANSWERS, "combined", "blocks of 500 m", NAMES)
    assert [(p.a, p.b) for p in found.models] == [("RF, combined", "SVM, combined")]
    assert [(p.a, p.b) for p in found.gains] == [("RF, combined", "RF, all"), ("SVM, combined", "SVM, all")]
    for pair in (*found.models, *found.gains):
        right = {f"{m}, {f}": (p[0].predicted == TRUTH) for (m, f), (_, p) in ANSWERS.items()}
        oa = pair.difference.oa
        assert oa.value == pytest.approx(right[pair.a].mean() - right[pair.b].mean())
        assert pair.only_a == (right[pair.a] & ~right[pair.b]).sum()
        assert oa.low is not None and oa.high is not None and oa.low <= oa.value <= oa.high


def test_tables_tell_differences_from_chance() -> None:
    told = list(tables.lines(compared(ANSWERS, "combined", "blocks of 500 m", NAMES)))
    models = next(line for line in told if line.startswith("  SVM") and "combined" not in line)
    assert " -1" in models or " -2" in models, "less the best, with its sign"
    gains = [line for line in told if "combined" in line and line.startswith("  ")]
    assert len(gains) == 2
    assert "cannot be told apart" not in gains[0] and "+" in gains[0]
    assert "cannot be told apart" in gains[1]
    assert any("blocks of 500 m" in line for line in told)


def test_a_comparison_comes_back_from_its_file(tmp_path: Path) -> None:
    found = compared(ANSWERS, "combined", "blocks", NAMES)
    (tmp_path / FILE).write_text(found.model_dump_json())
    assert read(tmp_path / FILE) == found
    (tmp_path / FILE).write_text("{}")
    with pytest.raises(MinecoverError, match="holds no comparison"):
        read(tmp_path / FILE)


def test_other_samples_are_refused() -> None:
    other = {**ANSWERS, ("KNN", "all"): (112, answer(0.1, 5, "t"))}
    with pytest.raises(MinecoverError, match="KNN on all was tested on other samples"):
        compared(other, "combined", "blocks", NAMES)


def test_the_part_shown_is_where_most_samples_are() -> None:
    grid = Grid("EPSG:32649", 10.0, 0.0, 0.0, 1000, 700)
    rows, columns = rng.integers(400, 500, 50), rng.integers(700, 800, 50)
    found = maps.place(np.append(rows, 3), np.append(columns, 3), grid)
    assert found.row <= 400 and found.row + found.height >= 500
    assert found.column <= 700 and found.column + found.width >= 800
    assert found.row % 16 == 0 and found.column % 16 == 0
    small = maps.place(rows, columns, Grid("EPSG:32649", 10.0, 0.0, 0.0, 90, 50))
    assert (small.row, small.column, small.height, small.width) == (0, 0, 50, 90)
