"""From labelled shapes to labelled pixels of a grid: the pixel under a point, pixels with their centre in a polygon."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from pipeline.region import Grid, inside

NDArray = np.ndarray[Any, Any]

OUTSIDE = "outside the stack"
NO_SHAPE = "neither a point nor a polygon"
NO_CENTRE = "a polygon without the centre of a pixel"


@dataclass(frozen=True, eq=False)
class Pixels:
    """Labelled pixels in the order of the features: which feature each is of, row, column, and polygon or -1.

    `number` counts the pixels of a feature from 1; 0 where it is a single point. `unused` are the features that give
    no pixel, with the reason.
    """

    feature: NDArray
    number: NDArray
    row: NDArray
    col: NDArray
    group: NDArray
    unused: dict[int, str]

    def take(self, chosen: NDArray) -> Pixels:
        """Some of the pixels."""
        feature, number, row, col, group = (
            v[chosen] for v in (self.feature, self.number, self.row, self.col, self.group)
        )
        return Pixels(feature, number, row, col, group, self.unused)


def pixels(shapes: NDArray, grid: Grid, per_polygon: int, seed: int) -> Pixels:
    """The pixels of shapes in the grid's coordinates, at most `per_polygon` of each polygon, drawn by lot.

    What is drawn from a polygon depends on its own place in the file and the seed only.
    """
    kinds = shapely.get_type_id(shapes)
    unused = {int(n): NO_SHAPE for n in np.flatnonzero(~np.isin(kinds, (0, 3, 4, 6)) | shapely.is_empty(shapes))}
    parts = [_points(shapes, np.flatnonzero(np.isin(kinds, (0, 4))), grid, unused)]
    of_polygons = [n for n in np.flatnonzero(np.isin(kinds, (3, 6))).tolist() if n not in unused]
    parts += _polygons(shapes, of_polygons, grid, per_polygon, seed, unused)
    table = np.concatenate(parts)
    feature, number, row, col, group = table[np.lexsort((table[:, 1], table[:, 0]))].T
    return Pixels(feature, number, row, col, group, dict(sorted(unused.items())))


def _points(shapes: NDArray, chosen: NDArray, grid: Grid, unused: dict[int, str]) -> NDArray:
    """Feature, number, row, column and group of each point that lies in the grid."""
    xy, owner = shapely.get_coordinates(shapes[chosen], return_index=True)
    feature = chosen[owner]
    with np.errstate(invalid="ignore"):
        col = np.floor((xy[:, 0] - grid.left) / grid.pixel)
        row = np.floor((grid.top - xy[:, 1]) / grid.pixel)
        within = (col >= 0) & (col < grid.width) & (row >= 0) & (row < grid.height)
    unused |= {int(n): OUTSIDE for n in np.setdiff1d(feature, feature[within])}
    several = np.isin(feature, chosen[shapely.get_num_geometries(shapes[chosen]) > 1])
    number = np.where(several, np.arange(len(feature)) - np.searchsorted(feature, feature) + 1, 0)
    table = np.column_stack([feature, number, row, col, np.full(len(feature), -1)])
    return np.asarray(table[within].astype(np.int64))


def _polygons(
    shapes: NDArray, chosen: Sequence[int], grid: Grid, most: int, seed: int, unused: dict[int, str]
) -> Iterator[NDArray]:
    """Feature, number, row, column and group of the pixels of each polygon."""
    for group, feature in enumerate(chosen):
        shape = shapes[feature]
        window = _window(shape, grid)
        if window is None:
            unused[feature] = OUTSIDE
            continue
        first_row, first_col, part = window
        rows, cols = np.nonzero(inside(shape if shape.is_valid else shapely.make_valid(shape), part))
        if not len(rows):
            unused[feature] = NO_CENTRE
            continue
        rng = np.random.default_rng([seed, feature])
        taken = np.sort(rng.choice(len(rows), min(most, len(rows)), replace=False))
        table = np.empty((len(taken), 5), np.int64)
        table[:, 0], table[:, 1], table[:, 4] = feature, np.arange(1, len(taken) + 1), group
        table[:, 2], table[:, 3] = rows[taken] + first_row, cols[taken] + first_col
        yield table


def _window(shape: Any, grid: Grid) -> tuple[int, int, Grid] | None:
    """First row and column of the part of the grid that a shape touches, and that part; None where it touches none."""
    bounds = shapely.bounds(shape)
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        return None
    left, right = ((v - grid.left) / grid.pixel for v in bounds[[0, 2]])
    upper, lower = ((grid.top - v) / grid.pixel for v in bounds[[3, 1]])
    first_col, first_row = max(math.floor(left), 0), max(math.floor(upper), 0)
    width = min(math.ceil(right), grid.width) - first_col
    height = min(math.ceil(lower), grid.height) - first_row
    if width <= 0 or height <= 0:
        return None
    corner = grid.left + first_col * grid.pixel, grid.top - first_row * grid.pixel
    return first_row, first_col, Grid(grid.crs, grid.pixel, *corner, width, height)
