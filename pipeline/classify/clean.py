"""Cleaning a map of classes, strip by strip: a majority filter, and small patches that become what surrounds them.

What has no class keeps none, and does not count as a neighbour. Only strips of rows are in memory, so maps may be of
any size; of patches, a few numbers each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.classify.sieve import Patches

NDArray = np.ndarray[Any, Any]
Rows = Callable[[int, int], NDArray]
"""Codes of the rows from one to another, uint8 (rows, width), 0 for no data."""

STRIP = 256
"""Rows that are worked on at once."""


@dataclass(frozen=True)
class Cleaning:
    """How a map is cleaned: the side of the majority's window in pixels, and the least pixels of a patch; 0 for not.

    `memory` is what the patches may take, in bytes.
    """

    majority: int = 0
    least: int = 0
    memory: float = 2e9


def cleaned(rows: Rows, height: int, how: Cleaning) -> Iterator[NDArray]:
    """The strips of a cleaned map, from the top. `rows` may be asked for any rows of the map, any number of times."""
    source = filtered(rows, height, how.majority) if how.majority > 1 else rows
    if how.least <= 1:
        yield from strips(source, height)
        return
    patches = Patches(how.memory)
    for strip in strips(source, height):
        patches.add(strip)
    patches.settle(how.least)
    for strip in strips(source, height):
        yield patches.recoded(strip)


def patch_count(rows: Rows, height: int, memory: float) -> int:
    """How many patches a map has: pixels of one class that touch along edges."""
    patches = Patches(memory)
    for strip in strips(rows, height):
        patches.add(strip)
    return patches.count()


def strips(rows: Rows, height: int) -> Iterator[NDArray]:
    """All rows, so many at once that all strips but the last are of one height."""
    for top in range(0, height, STRIP):
        yield rows(top, min(top + STRIP, height))


def filtered(rows: Rows, height: int, side: int) -> Rows:
    """The map's rows after a majority filter with a window of `side` × `side` pixels."""
    reach = side // 2

    def some(top: int, bottom: int) -> NDArray:
        first, last = max(top - reach, 0), min(bottom + reach, height)
        return majority(rows(first, last), side)[top - first : bottom - first]

    return some


def majority(codes: NDArray, side: int) -> NDArray:
    """Each pixel's most frequent class in the window around it; among equals its own, or else the lowest code.

    The window ends where the map does.
    """
    best = np.zeros(codes.shape, np.int32)
    own = np.zeros(codes.shape, np.int32)
    made = np.zeros_like(codes)
    for code in np.unique(codes[codes > 0]):
        here = codes == code
        count = _around(here, side)
        own[here] = count[here]
        better = count > best
        made[better], best[better] = code, count[better]
    made = np.where(own == best, codes, made)
    return np.where(codes > 0, made, 0).astype(codes.dtype)


def _around(here: NDArray, side: int) -> NDArray:
    """How many pixels of the window around each are set."""
    reach = side // 2
    sums = np.pad(here, ((reach + 1, reach), (reach + 1, reach))).astype(np.int32).cumsum(0).cumsum(1)
    found: NDArray = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return found
