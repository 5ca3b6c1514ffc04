"""Positions: a thing's own pair of axes, and the part of the district's grids that it covers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pipeline.simulate.district import PIXEL, NDArray
from pipeline.simulate.noise import FACTOR, finer, fractal

MIDDLE = 5.0
"""Side of the squares that outlines are worked out on before they are painted, in metres."""


@dataclass(frozen=True)
class Frame:
    """Axes of its own: origin `x`, `y` in metres right of and below the district's upper left corner.

    `u` runs along `angle` (radians, clockwise from the right on a map) and `v` a quarter turn on from it, or the
    other way with `side` −1.
    """

    x: float
    y: float
    angle: float
    side: int = 1

    def local(self, x: NDArray, y: NDArray) -> tuple[NDArray, NDArray]:
        """`u` and `v` of points of the district."""
        across, down = x - self.x, y - self.y
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        u, v = across * cos + down * sin, (down * cos - across * sin) * self.side
        return u.astype(np.float32), v.astype(np.float32)

    def ground(self, u: NDArray, v: NDArray) -> tuple[NDArray, NDArray]:
        """`x` and `y` of points of this frame."""
        cos, sin, v = np.cos(self.angle), np.sin(self.angle), np.asarray(v) * self.side
        return self.x + np.asarray(u) * cos - v * sin, self.y + np.asarray(u) * sin + v * cos


@dataclass(frozen=True)
class Window:
    """A rectangle of whole pixels of the district: its first row and column and its size, in pixels."""

    top: int
    left: int
    rows: int
    columns: int

    @property
    def pixels(self) -> tuple[slice, slice]:
        """Its part of an array of the pixel grid."""
        return slice(self.top, self.top + self.rows), slice(self.left, self.left + self.columns)

    @property
    def fine(self) -> tuple[slice, slice]:
        """Its part of an array of the painting grid."""
        rows, columns = self.pixels
        return tuple(slice(s.start * FACTOR, s.stop * FACTOR) for s in (rows, columns))  # type: ignore[return-value]

    def shape(self, cell: float) -> tuple[int, int]:
        """Its rows and columns in cells of this side."""
        return round(self.rows * PIXEL / cell), round(self.columns * PIXEL / cell)

    def centres(self, cell: float) -> tuple[NDArray, NDArray]:
        """x (as a row) and y (as a column) of the centres of its cells of this side, in metres."""
        rows, columns = self.shape(cell)
        x = self.left * PIXEL + (np.arange(columns) + 0.5) * cell
        y = self.top * PIXEL + (np.arange(rows) + 0.5) * cell
        return x[None], y[:, None]

    def cell(self, x: float, y: float, cell: float) -> tuple[int, int]:
        """Row and column of the cell of this side that holds the point; it may lie outside."""
        return int((y - self.top * PIXEL) // cell), int((x - self.left * PIXEL) // cell)


def around(x: NDArray, y: NDArray, pixels: int) -> Window:
    """The smallest window on a district of this many pixels a side that holds all the points."""
    low = [int(np.clip(np.floor(np.min(p) / PIXEL), 0, pixels - 1)) for p in (y, x)]
    high = [int(np.clip(np.ceil(np.max(p) / PIXEL), 1, pixels)) for p in (y, x)]
    return Window(low[0], low[1], max(high[0] - low[0], 1), max(high[1] - low[1], 1))


def whole(pixels: int) -> Window:
    """All of a district."""
    return Window(0, 0, pixels, pixels)


def inward(inside: NDArray, cell: float = MIDDLE) -> NDArray:
    """Distance (m) into an area from its edge, negative outside, with corners a little rounded."""
    if inside.all() or not inside.any():
        return np.full(inside.shape, 1e6 if inside.all() else -1e6, np.float32)
    padded = np.pad(inside, 1, mode="edge")
    signed = ndimage.distance_transform_edt(padded) - ndimage.distance_transform_edt(~padded)
    return np.asarray(ndimage.gaussian_filter(signed[1:-1, 1:-1] * cell, 1.2), np.float32)


def waver(window: Window, longest: float, rng: np.random.Generator, roughness: float = 1.7) -> NDArray:
    """A random surface over the window on the painting grid, mean 0 and deviation 1, rough up to `longest` metres."""
    return finer(fractal(window.shape(PIXEL), longest / PIXEL, rng, roughness))
