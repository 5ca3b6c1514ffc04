"""Reading ahead keeps the order and its limit; samples of a stack come from all over it."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from pipeline.artifacts.stack import open_stack
from pipeline.classify.layout import Layout, Piece
from pipeline.classify.reading import Source, ahead, cells, coarse, wanted
from tests.artifacts import stacks


def test_results_come_in_order_and_no_more_are_made_than_asked_for() -> None:
    begun: list[int] = []
    lock = threading.Lock()

    def slow(task: int) -> int:
        with lock:
            begun.append(task)
        time.sleep(0.002 * (task % 3))
        return task

    taken = 0
    for result in ahead(slow, range(20), 3, 4):
        assert result == taken
        taken += 1
        assert len(begun) <= taken + 4
    assert taken == 20


def test_a_failure_comes_through_and_ends_it() -> None:
    def failing(task: int) -> int:
        if task == 5:
            raise OSError("no")
        return task

    found = ahead(failing, range(1000), 2, 3)
    assert [next(found) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(OSError, match="no"):
        next(found)


def test_blocks_reach_beyond_the_grid_and_infinite_values_are_masked(tmp_path: Path) -> None:
    bands, _ = stacks.stack(tmp_path / "stack")
    stack = open_stack(tmp_path).copy(data=np.where(bands > 1.5, np.inf, bands))
    layout = Layout(stacks.GRID, 16, 3, 32)
    tile = stacks.GRID.tiles(32)[-1]
    block = Source(stack, layout, None, 0.5).read(Piece(tile, 32, 64, 2, 1))
    padded = np.pad(np.where(bands > 1.5, np.nan, bands), ((0, 0), (3, 40), (3, 40)), constant_values=np.nan)
    assert (block.above, block.left) == (0, 0)
    np.testing.assert_array_equal(block.values, padded[:, 32 : 50 + 3, 64 : 70 + 3])
    assert block.within.sum() == 18 * 6 and block.within[:18, :6].all()
    assert not (block.known & ~block.within).any()
    found = list(cells(block, layout))
    assert [(c.y, c.x) for c, _ in found] == [(32, 64), (48, 64)]
    np.testing.assert_array_equal(found[1][1], padded[:, 48 : 48 + 22, 64 : 64 + 22])


def test_only_tiles_that_the_stack_has_are_wanted() -> None:
    there = tuple((t.row, t.column) for t in stacks.GRID.tiles(32) if (t.row, t.column) != stacks.ABSENT)
    assert [(t.row, t.column) for t in wanted(stacks.GRID, 32, there, 32)] == list(there)
    assert len(wanted(stacks.GRID, 16, there, 32)) == 20 - 2  # the lower right is 6 pixels wide
    assert len(wanted(stacks.GRID, 64, ((0, 2),), 32)) == 1


def test_samples_are_from_all_over(tmp_path: Path) -> None:
    bands, _ = stacks.stack(tmp_path / "stack")
    there = tuple((t.row, t.column) for t in stacks.GRID.tiles(32) if (t.row, t.column) != stacks.ABSENT)
    values = coarse(open_stack(tmp_path), stacks.GRID, there, 32, 3)
    assert len(values) == 4 and values.shape[1] >= 3 * 8
    np.testing.assert_array_equal(values[:, :64], bands[:, :32:4, :32:4].reshape(4, -1))
