"""Two pictures of the samples: where they lie, and how much of the bands is masked there."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from pipeline.cartography import north_arrow, plain, png, scale_bar, shown
from pipeline.config import Legend
from pipeline.console import progress
from pipeline.region import Grid
from pipeline.sample.missing import Missing

NDArray = np.ndarray[Any, Any]

MARKERS = "o^sDvPX*<>p8"
LONGEST_SIDE = 1000  # pixels of the background
ROWS_AT_ONCE = 512
COLOURS = ("red", "green", "blue")
HILLS = "elevation"
SPREAD = (2, 98)
PALE = 0.3  # of white in the background, so that samples stand out


def where(stack: xr.DataArray, grid: Grid, legend: Legend, labels: NDArray, xy: NDArray, title: str) -> bytes:
    """PNG: the samples over the stack, each class with its colour and a marker of its own."""
    seen, drawn = background(stack)
    shape = grid.width / grid.height
    figure = Figure(figsize=(8 * min(shape, 1) + 2.9, 8 / max(shape, 1) + 0.9), layout="constrained")
    axes = figure.add_subplot()
    extent = _kilometres(grid)
    axes.imshow(seen, extent=extent, interpolation="none", cmap="gray")
    for number, one in enumerate(legend):
        x, y = (xy[labels == one.code] - [grid.left, grid.bounds[1]]).T / 1000
        marker, told = MARKERS[number % len(MARKERS)], plain(f"{shown(one.name, one.code)}: {len(x)}")
        edge = _edge(one.colour)
        axes.scatter(x, y, _size(len(labels)), one.colour, marker=marker, edgecolors=edge, linewidths=0.5, label=told)
    axes.set(xlim=extent[:2], ylim=extent[2:], xticks=[], yticks=[])
    axes.set_title(plain(title), loc="left", fontsize=11)
    legend_box = axes.legend(
        loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, title="Samples", markerscale=1.8
    )
    legend_box.get_title().set_fontweight("bold")
    axes.text(1.02, 0.0, drawn, transform=axes.transAxes, fontsize=8, color="#444444", va="bottom")
    scale_bar(axes, grid.width * grid.pixel)
    north_arrow(axes)
    return png(figure)


def gaps(table: Missing, legend: Legend) -> bytes:
    """PNG: the share of masked values of each class in each season."""
    names = {c.name: plain(shown(c.name, c.code)) for c in legend}
    figure = Figure(figsize=(2.6 + 1.1 * len(table.seasons), 1.6 + 0.5 * len(table.classes)), layout="constrained")
    axes = figure.add_subplot()
    percent = 100 * table.share
    top = max(float(percent.max()), 10.0)
    axes.imshow(percent, cmap="Blues", vmin=0, vmax=top, aspect="auto")
    axes.set_xticks(range(len(table.seasons)), table.seasons)
    axes.set_yticks(range(len(table.classes)), [names[c] for c in table.classes])
    axes.set_title("Values that are missing at the samples, in %", loc="left", fontsize=11)
    for (row, column), value in np.ndenumerate(percent):
        colour = "white" if value > top / 2 else "black"
        axes.text(column, row, f"{value:.1f}", ha="center", va="center", color=colour, fontsize=9)
    axes.tick_params(length=0)
    return png(figure)


def background(stack: xr.DataArray) -> tuple[NDArray, str]:
    """The stack in natural colours (height, width, 3) or grey, coarse enough for a picture, and what it shows."""
    names = [str(n) for n in stack.band.values]
    seasons = [n.removesuffix("_red") for n in names if n.endswith("_red")]
    whole = [s for s in sorted(seasons, key=lambda s: s != "summer") if all(f"{s}_{c}" in names for c in COLOURS)]
    if whole:
        data = _coarse(stack, [f"{whole[0]}_{c}" for c in COLOURS])
        return PALE + (1 - PALE) * np.moveaxis(_stretched(data), 0, -1), f"Behind: natural colours,\n{whole[0]}"
    if HILLS in names:
        return _stretched(_shaded(_coarse(stack, [HILLS])[0])), "Behind: hills, lit from\nthe north-west"
    return _stretched(_coarse(stack, names[:1])[0]), f"Behind: {names[0]}"


def _coarse(stack: xr.DataArray, bands: list[str]) -> NDArray:
    step = max(1, math.ceil(max(stack.sizes["y"], stack.sizes["x"]) / LONGEST_SIDE))
    rows = np.arange(step // 2, stack.sizes["y"], step)
    chosen = stack.sel(band=bands).isel(x=slice(step // 2, None, step))
    cuts = np.split(rows, np.flatnonzero(np.diff(rows // ROWS_AT_ONCE)) + 1)
    return np.concatenate([chosen.isel(y=cut).values for cut in progress(cuts, "Reading the background")], axis=1)


def _stretched(data: NDArray) -> NDArray:
    """Values 0…1 between the 2nd and 98th percentile of all; light grey where there is nothing."""
    known = data[np.isfinite(data)]
    low, high = np.percentile(known, SPREAD) if known.size else (0.0, 1.0)
    made = np.clip((data - low) / max(high - low, 1e-9), 0, 1)
    return np.where(np.isfinite(data), made, 0.9)


def _shaded(heights: NDArray) -> NDArray:
    down, across = np.gradient(heights)
    return np.asarray(down - across)


def _kilometres(grid: Grid) -> tuple[float, float, float, float]:
    return 0, grid.width * grid.pixel / 1000, 0, grid.height * grid.pixel / 1000


def _size(samples: int) -> float:
    return float(np.clip(40_000 / max(samples, 1), 6, 40))


def _edge(colour: str) -> str:
    """Black around light colours, white around dark ones."""
    red, green, blue = bytes.fromhex(colour[1:])
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 110 else "white"
