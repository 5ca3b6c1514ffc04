"""A sheet of small pictures, one around each doubtful sample, in natural colour and one common stretch."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.durable import reported, write_bytes
from pipeline.errors import MinecoverError
from pipeline.suspects.find import Suspect

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BANDS = ("summer_red", "summer_green", "summer_blue")
HALF = 20
"""Pixels on each side of the sample's own."""
COLUMNS = 6
MOST = 300
NOTHING = 0.6
"""Grey of pixels that are masked or outside the stack."""
DPI = 110


def sheet(stack: Any, suspects: Sequence[Suspect], path: Path | str) -> None:
    """Put a PNG of the suspects' surroundings in a file, in their order; the square frames the sample's pixel.

    `stack` is an xarray DataArray (band, y, x) with coordinates in the system of the suspects' places.
    """
    from matplotlib.figure import Figure

    if not 0 < len(suspects) <= MOST:
        raise MinecoverError(f"A sheet has room for 1 to {MOST} suspects, not {len(suspects)}. Give it the first ones.")
    if absent := [b for b in BANDS if b not in stack.band.values]:
        raise MinecoverError(f"The stack has no band {', '.join(absent)}, which the pictures are made of.")
    windows = _stretched(np.stack([_window(stack, s) for s in suspects]))
    rows = -(-len(suspects) // COLUMNS)
    metres = (2 * HALF + 1) * abs(float(stack.x[1] - stack.x[0]))
    figure = Figure(figsize=(1.8 * COLUMNS, 2.25 * rows + 0.5), layout="constrained")
    figure.suptitle(
        f"Labels that deserve a second look, the most doubtful first. Each picture is {metres:.0f} m wide.", fontsize=11
    )
    grid = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axes, suspect, window in zip(grid, suspects, windows, strict=False):
        _draw(axes, suspect, window)
    for axes in grid[len(suspects) :]:
        axes.set_axis_off()
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=DPI)
    with reported(Path(path).parent):
        write_bytes(Path(path), data.getvalue())


def _draw(axes: Axes, suspect: Suspect, window: NDArray[np.float64]) -> None:
    axes.imshow(window, interpolation="nearest")
    for colour, width in (("black", 2.6), ("white", 1.2)):  # one of them shows on any ground
        axes.plot(*_frame(), color=colour, linewidth=width)
    axes.set_xticks([])
    axes.set_yticks([])
    given, likely = (_short(name, 18) for name in (suspect.given, suspect.likely))
    title = f"{suspect.rank}. sample {_short(suspect.id, 14)}\nlabelled: {given}\nlooks like: {likely}"
    axes.set_title(title, fontsize=8, loc="left", parse_math=False)


def _frame() -> tuple[list[float], list[float]]:
    low, high = HALF - 1, HALF + 1
    return [low, high, high, low, low], [low, low, high, high, low]


def _short(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _window(stack: Any, suspect: Suspect) -> NDArray[np.float64]:
    """Red, green and blue around a place, NaN where there is nothing."""
    side = 2 * HALF + 1
    window = np.full((side, side, len(BANDS)), np.nan)
    (row, top, bottom), (column, left, right) = (
        _span(stack[axis].values, place) for axis, place in (("y", suspect.y), ("x", suspect.x))
    )
    if top < bottom and left < right:
        found = stack.sel(band=list(BANDS)).isel(y=slice(top, bottom), x=slice(left, right))
        pixels = np.moveaxis(found.to_numpy(), 0, -1)
        window[top - row + HALF : bottom - row + HALF, left - column + HALF : right - column + HALF] = pixels
    return window


def _span(coordinates: NDArray[np.float64], place: float) -> tuple[int, int, int]:
    """Position of the place on an axis, and from where to where a window around it lies on the axis."""
    step = float(coordinates[1] - coordinates[0])
    here = round((place - float(coordinates[0])) / step)
    size = len(coordinates)
    return here, min(max(here - HALF, 0), size), min(max(here + HALF + 1, 0), size)


def _stretched(windows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Reflectance between the lowest and highest 2 % of all windows as 0 to 1, and grey where masked."""
    seen = windows[np.isfinite(windows).all(axis=-1)]
    low, high = np.percentile(seen, [2, 98]) if len(seen) else (0.0, 1.0)
    bright = np.clip((windows - low) / max(high - low, 1e-6), 0, 1) ** 0.8
    return np.where(np.isfinite(windows).all(axis=-1, keepdims=True), bright, NOTHING)
