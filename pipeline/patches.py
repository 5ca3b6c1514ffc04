"""Square windows of a stack, cut when they are asked for: what is kept in memory are blocks of the stack, not windows.

It knows nothing of networks, and of the stack only how to read a rectangle of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Indices = NDArray[np.integer[Any]]

Read = Callable[[int, int, int, int], Floats]
"""(top, left, height, width) → (bands, height, width), float32, NaN where masked; never asked beyond the stack."""

SIDE = 128
BUDGET = 1 << 30


class Windows:
    """Cuts windows out of a stack of any size; blocks that were read are kept within a budget of bytes."""

    def __init__(self, read: Read, shape: tuple[int, int, int], budget: int = BUDGET, side: int = SIDE) -> None:
        self.read, self.shape, self.side = read, shape, side
        self.kept = max(4, budget // (shape[0] * side * side * 4))
        self._blocks: OrderedDict[tuple[int, int], Floats] = OrderedDict()

    def cut(self, tops: Indices, lefts: Indices, size: int) -> NDArray[np.float32]:
        """Windows (n, bands, size, size) with these upper left corners; NaN where masked, and outside the stack."""
        made = np.full((len(tops), self.shape[0], size, size), np.nan, np.float32)
        for window, top, left in zip(made, tops.tolist(), lefts.tolist(), strict=True):
            for row in range(max(top, 0) // self.side, (min(top + size, self.shape[1]) - 1) // self.side + 1):
                for column in range(max(left, 0) // self.side, (min(left + size, self.shape[2]) - 1) // self.side + 1):
                    self._copy(window, top, left, row, column)
        return made

    def grouped(self, rows: Indices, columns: Indices, rng: np.random.Generator) -> NDArray[np.intp]:
        """A random order of places in which those that share blocks stand together where not all blocks can be kept."""
        across = -(-self.shape[2] // self.side)
        block = rows // self.side * across + columns // self.side
        numbers, which = np.unique(block, return_inverse=True)
        most = max(1, self.kept // 2)  # a window reaches into blocks beside its own
        group = rng.permutation(len(numbers))[which] // most
        shuffled = rng.permutation(len(rows))
        return shuffled[np.argsort(group[shuffled], kind="stable")]

    def _copy(self, window: Floats, top: int, left: int, row: int, column: int) -> None:
        block = self._block(row, column)
        y, x, size = row * self.side - top, column * self.side - left, window.shape[1]
        above, before = max(0, y), max(0, x)
        below, after = min(size, y + block.shape[1]), min(size, x + block.shape[2])
        window[:, above:below, before:after] = block[:, above - y : below - y, before - x : after - x]

    def _block(self, row: int, column: int) -> Floats:
        key = row, column
        if key in self._blocks:
            self._blocks.move_to_end(key)
            return self._blocks[key]
        y, x = row * self.side, column * self.side
        block = self.read(y, x, min(self.side, self.shape[1] - y), min(self.side, self.shape[2] - x))
        self._blocks[key] = np.asarray(block, np.float32)
        if len(self._blocks) > self.kept:
            self._blocks.popitem(last=False)
        return self._blocks[key]
