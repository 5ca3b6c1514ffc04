"""The map as a plate of an atlas: colours, frame with degrees, legend with areas, scale bar and north arrow."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from pipeline.cartography import degrees, north_arrow, plain, png, scale_bar, shown
from pipeline.classify.answers import NOTHING
from pipeline.classify.style import NO_DATA, rgb
from pipeline.config import LandClass, Legend
from pipeline.engine.raster import levels, open_raster
from pipeline.region import Grid

NDArray = np.ndarray[Any, Any]

LONGEST = 1800
"""Pixels of the map in the picture."""
LONG_INCHES = 8.0
COLUMN_INCHES = 2.9
LEFT, RIGHT, TOP, BOTTOM = 0.75, 0.3, 0.95, 0.75
INK, GREY = "#222222", "#666666"
NAME_LENGTH = 20
ROW, LINE, FOOT = 0.27, 0.18, 0.47


@dataclass(frozen=True)
class Plate:
    """What is written on the picture beside the map itself. `hectares` are by code, 0 for no data."""

    title: str
    subtitle: str
    legend: Legend
    hectares: Mapping[int, float]
    notes: Sequence[str] = ()


def draw(codes: NDArray, grid: Grid, shape: Any, plate: Plate) -> bytes:
    """PNG. `codes` may be coarser than the grid; `shape` is the region's outline on the grid, or None."""
    width, height = _inches(grid)
    rows = len(plate.legend) + (plate.hectares.get(NOTHING, 0) > 0)
    more = sum(len(_wrapped(c)) - 1 for c in plate.legend)
    inner = max(height, 0.4 + ROW * rows + LINE * (more + len(plate.notes)))
    whole = LEFT + width + 0.35 + COLUMN_INCHES + RIGHT, TOP + inner + BOTTOM
    figure = Figure(figsize=whole)
    box = (LEFT / whole[0], (whole[1] - TOP - height) / whole[1], width / whole[0], height / whole[1])
    _map(figure.add_axes(box), codes, grid, shape, plate.legend)
    side = ((LEFT + width + 0.35) / whole[0], (whole[1] - TOP - inner) / whole[1])
    _column(figure.add_axes((*side, COLUMN_INCHES / whole[0], inner / whole[1])), inner, plate)
    at = LEFT / whole[0]
    figure.text(at, 1 - 0.33 / whole[1], plain(plate.title), fontsize=17, fontweight="bold", color=INK, va="center")
    figure.text(at, 1 - 0.66 / whole[1], plain(plate.subtitle), fontsize=10, color=GREY, va="center")
    return png(figure)


def coarse(path: Path) -> NDArray:
    """The codes of a map, as fine as a picture shows them."""
    sizes = levels(str(path))
    level = next((i for i, size in enumerate(sizes) if max(size) <= LONGEST), len(sizes) - 1)
    with open_raster(path, level) as file:
        return np.asarray(file.read(1))


def _inches(grid: Grid) -> tuple[float, float]:
    """Width and height of the map on paper."""
    ratio = float(np.clip(grid.width / grid.height, 1 / 8, 8))
    width, height = (LONG_INCHES, LONG_INCHES / ratio) if ratio > 1 else (LONG_INCHES * ratio, LONG_INCHES)
    return max(width, 2.2), height


def _map(axes: Any, codes: NDArray, grid: Grid, shape: Any, legend: Legend) -> None:
    colours = np.full((256, 3), 255, np.uint8)
    for one in legend:
        colours[one.code] = rgb(one.colour)
    left, bottom, right, top = grid.bounds
    axes.imshow(colours[codes], extent=(left, right, bottom, top), interpolation="none", aspect="auto")
    if shape is not None:
        for part in shapely.get_parts(shape):
            for ring in (part.exterior, *part.interiors):
                axes.plot(*np.transpose(ring.coords), color=INK, lw=0.8)
    axes.set(xlim=(left, right), ylim=(bottom, top))
    degrees(axes, grid.bounds, grid.crs, _inches(grid))
    for edge in axes.spines.values():
        edge.set(color=INK, linewidth=1.1)
    scale_bar(axes, right - left, FOOT)
    north_arrow(axes, FOOT)


def _column(axes: Any, inches: float, plate: Plate) -> None:
    """The legend with areas, then the notes at the bottom."""
    axes.set(xlim=(0, COLUMN_INCHES), ylim=(0, inches))
    axes.axis("off")
    y = inches - 0.1
    known = sum(h for code, h in plate.hectares.items() if code != NOTHING) or 1.0
    axes.text(0, y, "Classes", fontsize=11, fontweight="bold", color=INK, va="center")
    axes.text(COLUMN_INCHES, y, "share of the map", fontsize=8, color=GREY, va="center", ha="right")
    for one in plate.legend:
        y -= ROW
        lines = _wrapped(one)
        _entry(axes, y, one.colour, lines, f"{100 * plate.hectares.get(one.code, 0) / known:.1f} %")
        y -= LINE * (len(lines) - 1)
    if plate.hectares.get(NOTHING, 0) > 0:
        _entry(axes, y - ROW, "#ffffff", [NO_DATA], "")
    for number, note in enumerate(reversed(plate.notes)):
        axes.text(0, 0.08 + LINE * number, plain(note), fontsize=8, color=GREY, va="center")


def _entry(axes: Any, y: float, colour: str, lines: Sequence[str], share: str) -> None:
    axes.add_patch(Rectangle((0, y - 0.075), 0.3, 0.15, facecolor=colour, edgecolor=INK, linewidth=0.6))
    for number, line in enumerate(lines):
        axes.text(0.42, y - LINE * number, plain(line), fontsize=10, color=INK, va="center")
    axes.text(COLUMN_INCHES, y, share, fontsize=10, color=INK, va="center", ha="right")


def _wrapped(one: LandClass) -> list[str]:
    """The name of a class in lines that fit beside its share."""
    return textwrap.wrap(shown(one.name, one.code), NAME_LENGTH)
