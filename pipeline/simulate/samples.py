"""Points with a class: those an interpreter would set to learn from, and a probability sample to estimate areas from.

The first are set where a person looks and is sure: in the middle of patches, in groups around places visited, oftener
near roads and mines; a known share of them is wrong. The second is drawn by lot from all pixels and has no errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas
import numpy as np
from scipy import ndimage
from shapely import points

from pipeline.simulate.district import CLASSES, PIXEL, Land, NDArray, Place
from pipeline.simulate.noise import FACTOR, distance, named

COUNTS = {1: 600, 2: 200, 3: 670, 4: 200, 5: 600, 6: 600}
"""Points of each class in the source study, 2870 in all."""
PIXELS_A_POINT = 12
"""A class with less ground than this for each point gets fewer points."""
WRONG = 0.03
"""Share of points with a wrong label."""
SLIPS = 0.5
"""The part of wrong labels that comes from a point set beside the edge of its patch, and not from a misread picture."""
SURE = 0.92
"""Share of points that are set at least a pixel from any edge."""
REFERENCE = 1500
"""Points of the probability sample, and no more than every twentieth pixel."""

# Which class a point with this label may really lie in when the picture was misread, and how likely that is.
MISREAD = {
    1: {6: 0.5, 4: 0.4, 3: 0.1},
    2: {5: 0.5, 4: 0.3, 1: 0.2},
    3: {4: 0.45, 5: 0.35, 1: 0.2},
    4: {5: 0.45, 1: 0.35, 6: 0.2},
    5: {4: 0.5, 3: 0.25, 6: 0.25},
    6: {1: 0.55, 5: 0.3, 4: 0.15},
}


@dataclass(frozen=True, eq=False)
class Points:
    """Points of one year: row and column of the pixel of each, place in metres of the district's CRS, class code."""

    row: NDArray
    column: NDArray
    x: NDArray
    y: NDArray
    code: NDArray

    @property
    def ids(self) -> list[int]:
        """Numbers from 1 in the order of the points."""
        return list(range(1, len(self.code) + 1))

    def table(self, crs: str) -> geopandas.GeoDataFrame:
        """As a table with id, class, code and geometry."""
        names = [CLASSES[int(code)] for code in self.code]
        columns = {"id": self.ids, "class": names, "code": self.code.astype(np.int16)}
        return geopandas.GeoDataFrame(columns, geometry=points(self.x, self.y), crs=crs)


def majority(use: NDArray) -> NDArray:
    """The class that covers most of each pixel, from the painting grid; of two that cover the same, the lower code."""
    rows, columns = (n // FACTOR for n in use.shape)
    squares = use.reshape(rows, FACTOR, columns, FACTOR)
    counts = [(squares == code).sum((1, 3), dtype=np.uint8) for code in CLASSES]
    return np.asarray(np.argmax(counts, axis=0) + min(CLASSES), np.uint8)


def reference_size(place: Place) -> int:
    """How many pixels the probability sample has."""
    rows, columns = place.shape()
    return min(REFERENCE, rows * columns // 20)


def reference(lands: Sequence[Land], seed: int) -> tuple[Points, ...]:
    """The same pixels in every year, drawn by simple random sampling without replacement, each with its true class."""
    place = lands[0].place
    rows, columns = place.shape()
    drawn = named(seed, "reference").choice(rows * columns, reference_size(place), replace=False)
    row, column = np.divmod(drawn, columns)
    x, y = place.west + (column + 0.5) * PIXEL, place.north - (row + 0.5) * PIXEL
    return tuple(Points(row, column, x, y, majority(land.use)[row, column]) for land in lands)


def label_counts(truth: NDArray) -> dict[int, int]:
    """Points of each class that there is room for on a map of the truth (pixels): those of COUNTS, or fewer."""
    found = np.bincount(truth.ravel(), minlength=max(CLASSES) + 1)
    return {code: int(min(count, found[code] // PIXELS_A_POINT)) for code, count in COUNTS.items()}


def labels(land: Land, seed: int, wrong: float = WRONG) -> tuple[Points, int]:
    """Points with labels as an interpreter would set them, and how many of them are wrong: each with this chance."""
    truth = majority(land.use)
    rng = named(seed, "labels", land.year)
    liking = _liking(truth)
    free = np.ones(truth.shape, bool)
    rows, columns, codes = [], [], []
    for code, count in label_counts(truth).items():
        for cells in _placed(truth, code, count, wrong, liking, free, rng):
            rows.append(cells // truth.shape[1])
            columns.append(cells % truth.shape[1])
            codes.append(np.full(len(cells), code, np.uint8))
    order = rng.permutation(sum(len(r) for r in rows))
    row, column, label = (np.concatenate(parts)[order] for parts in (rows, columns, codes))
    aside = rng.uniform(-0.4, 0.4, (2, len(row)))
    x = land.place.west + (column + 0.5 + aside[0]) * PIXEL
    y = land.place.north - (row + 0.5 + aside[1]) * PIXEL
    return Points(row, column, x, y, label), int((truth[row, column] != label).sum())


def _liking(truth: NDArray) -> NDArray:
    """How readily an interpreter looks at each pixel: roads, towns and mines draw the eye."""
    return (0.12 + np.exp(-distance(truth == 3) / 500) + np.exp(-distance(truth == 5) / 400)).astype(np.float32)


def _placed(
    truth: NDArray, code: int, count: int, wrong: float, liking: NDArray, free: NDArray, rng: np.random.Generator
) -> list[NDArray]:
    """Flat cells for all points with this label: the wrong ones first, then the right ones."""
    cells = []
    slips, misread = rng.multinomial(count, [wrong * SLIPS, wrong * (1 - SLIPS), 1 - wrong])[:2]
    own = truth == code
    beside = ndimage.binary_dilation(own, np.ones((3, 3)), 2) & ~own & (truth > 0)
    cells.append(_visited(beside, slips, liking, free, rng))
    others, chances = zip(*MISREAD[code].items(), strict=True)
    for other, number in zip(others, rng.multinomial(misread, chances), strict=True):
        cells.append(_visited(_inner(truth == other), number, liking, free, rng))
    done = sum(len(c) for c in cells)
    sure = rng.binomial(count - done, SURE)
    cells.append(_visited(_inner(own), sure, liking, free, rng))
    done = sum(len(c) for c in cells)
    cells.append(_visited(own, count - done, liking, free, rng))
    return cells


def _inner(own: NDArray) -> NDArray:
    """The pixels of an area that lie at least one pixel from its edge."""
    return np.asarray(ndimage.binary_erosion(own, np.ones((3, 3))))


def _visited(where: NDArray, count: int, liking: NDArray, free: NDArray, rng: np.random.Generator) -> NDArray:
    """So many of the marked free cells, flat, in groups around places visited; taken from `free`. Fewer if it is full.

    Every patch is as likely to be visited as the root of its size says, so that large ones do not get all.
    """
    patch, _ = ndimage.label(where, np.ones((3, 3)))
    chosen: list[int] = []
    while len(chosen) < count:
        cells = np.flatnonzero(where & free)
        if not len(cells):
            break
        sizes = np.bincount(patch.ravel()[cells])
        weight = liking.ravel()[cells] / np.sqrt(sizes[patch.ravel()[cells]])
        wanted = count - len(chosen)
        visits = rng.choice(cells, min(len(cells), -(-wanted // 3)), replace=False, p=weight / weight.sum())
        for visit in visits[: max(1, wanted)]:
            chosen += _around(int(visit), where, free, min(int(rng.integers(1, 7)), count - len(chosen)), rng)
    return np.array(chosen, np.int64)


def _around(visit: int, where: NDArray, free: NDArray, count: int, rng: np.random.Generator) -> list[int]:
    """Up to so many marked free cells within some 250 m of a place, no two next to each other; taken from `free`."""
    row, column = divmod(visit, where.shape[1])
    top, left = max(row - 25, 0), max(column - 25, 0)
    part = (slice(top, row + 26), slice(left, column + 26))
    chosen: list[int] = []
    while len(chosen) < count:
        there = np.argwhere(where[part] & free[part])
        if not len(there):
            break
        r, c = there[rng.integers(len(there))] + (top, left)
        free[max(r - 1, 0) : r + 2, max(c - 1, 0) : c + 2] = False
        chosen.append(int(r * where.shape[1] + c))
    return chosen
