"""Windows against plain slices of a padded array, within a budget and beyond the edges."""

import numpy as np
import pytest

from pipeline.patches import Windows

rng = np.random.default_rng(0)
STACK = rng.normal(size=(3, 50, 70)).astype(np.float32)


@pytest.mark.parametrize("budget", [0, 1 << 30])
@pytest.mark.parametrize("size", [1, 9, 40])
def test_windows_are_slices_of_the_padded_stack(budget: int, size: int) -> None:
    read: list[tuple[int, int, int, int]] = []

    def reader(top: int, left: int, height: int, width: int) -> np.ndarray:
        read.append((top, left, height, width))
        assert top >= 0 and left >= 0 and top + height <= 50 and left + width <= 70
        return STACK[:, top : top + height, left : left + width]

    windows = Windows(reader, STACK.shape, budget, side=16)
    tops, lefts = rng.integers(-size, 50, 40), rng.integers(-size, 70, 40)
    padded = np.pad(STACK, [(0, 0), (size, size), (size, size)], constant_values=np.nan)
    expected = [padded[:, t + size : t + 2 * size, x + size : x + 2 * size] for t, x in zip(tops, lefts, strict=True)]
    np.testing.assert_array_equal(windows.cut(tops, lefts, size), expected)
    assert len(windows._blocks) <= windows.kept
    if budget:
        assert len(read) == len(set(read)), "nothing is read twice where everything can be kept"


def test_a_random_order_holds_everything_once_and_shares_blocks_where_memory_is_short() -> None:
    rows, columns = rng.integers(0, 50, 200), rng.integers(0, 70, 200)
    reads = {}
    for budget in (0, 1 << 30):
        read: list[int] = []

        def reader(top: int, left: int, height: int, width: int, read: list[int] = read) -> np.ndarray:
            read.append(top)
            return STACK[:, top : top + height, left : left + width]

        windows = Windows(reader, STACK.shape, budget, side=16)
        order = windows.grouped(rows, columns, np.random.default_rng(1))
        assert sorted(order) == list(range(200))
        assert not np.array_equal(order, np.arange(200))
        for i in order:
            windows.cut(rows[i : i + 1], columns[i : i + 1], 1)
        reads[budget] = len(read)
    assert reads[0] <= reads[1 << 30] == 20
