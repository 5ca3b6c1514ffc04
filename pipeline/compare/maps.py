"""A part of the region as every model maps it, beside its natural colours: as the source study's Fig. 5."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from pipeline.models import Fitted
from pipeline.patches import Windows
from pipeline.region import Grid
from pipeline.train.material import Material

NDArray = np.ndarray[Any, Any]

SIDE = 256
"""Side of the part that is shown, in pixels; the patch form of a network takes a minute for it on two cores."""
COLOURS = ("red", "green", "blue")
GREY = "#bbbbbb"


@dataclass(frozen=True)
class Place:
    """A part of the stack: first row and column, height and width."""

    row: int
    column: int
    height: int
    width: int


def place(rows: NDArray, columns: NDArray, grid: Grid) -> Place:
    """The part with the most of these pixels, on the lattice of half its side; its corner is a multiple of 16."""
    height, width = min(SIDE, grid.height), min(SIDE, grid.width)
    half = SIDE // 2
    found = (
        (int(((rows >= y) & (rows < y + height) & (columns >= x) & (columns < x + width)).sum()), -y, -x)
        for y in range(0, max(1, grid.height - height + 1), half)
        for x in range(0, max(1, grid.width - width + 1), half)
    )
    _, y, x = max(found)
    return Place(-y, -x, height, width)


def mapped(model: Fitted, windows: Windows, place: Place) -> NDArray:
    """The likeliest class 0 … K − 1 of each pixel, −1 where the stack knows nothing."""
    halo = model.halo
    side = max(place.height, place.width) + 2 * halo
    corner = np.array([place.row - halo]), np.array([place.column - halo])
    block = windows.cut(*corner, side)[0, :, : place.height + 2 * halo, : place.width + 2 * halo]
    known = np.isfinite(block[:, halo : halo + place.height, halo : halo + place.width]).any(axis=0)
    return np.asarray(np.where(known, model.predict(block).argmax(axis=0), -1))


def picture(name: str, material: Material, features: str, place: Place, maps: Mapping[str, NDArray]) -> bytes:
    """Natural colours and all maps as panels of one size, with one legend; PNG."""
    panels = len(maps) + 1
    across = min(4, panels)
    down = -(-panels // across)
    figure = Figure(figsize=(3.1 * across, 3.35 * down + 1.1), layout="constrained")
    axes = np.atleast_1d(figure.subplots(down, across)).ravel()
    first, *others = axes
    first.imshow(natural(material, place))
    first.set_title("Natural colours (summer)", fontsize=10, loc="left")
    colours = ListedColormap([GREY, *(c.colour for c in material.legend)])
    for one, (model, classes) in zip(others, maps.items(), strict=False):
        one.imshow(classes, cmap=colours, vmin=-1.5, vmax=len(material.legend) - 0.5, interpolation="nearest")
        one.set_title(_plain(model), fontsize=10, loc="left")
    for one in axes:
        one.set_axis_off()
    shown = [Patch(color=c.colour, label=_plain(c.name)) for c in material.legend]
    figure.legend(handles=shown, loc="outside lower center", ncols=min(6, len(shown)), frameon=False, fontsize=10)
    km = place.width * material.grid.pixel / 1000
    figure.suptitle(_plain(f"{name}: {km:.1f} km across, mapped from {features} features"), fontsize=12)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=130)
    return data.getvalue()


def natural(material: Material, place: Place) -> NDArray:
    """Summer's red, green and blue (height, width, 3), stretched; grey where they are not known or not in the stack."""
    bands = [f"summer_{c}" for c in COLOURS]
    shape = (place.height, place.width, 3)
    if not set(bands) <= {r.name for r in material.records}:
        return np.full(shape, to_rgb(GREY))
    corner = np.array([place.row]), np.array([place.column])
    data = material.windows(bands).cut(*corner, max(place.height, place.width))[0, :, : place.height, : place.width]
    known = np.asarray(np.isfinite(data).all(axis=0))
    if not known.any():
        return np.full(shape, to_rgb(GREY))
    low, high = np.percentile(data[:, known], [1, 99])
    light = np.clip((data - low) / max(high - low, 1e-9), 0, 1) ** (1 / 1.3)
    return np.where(known[..., None], np.moveaxis(light, 0, -1), to_rgb(GREY))


def _plain(text: str) -> str:
    """Text in which a dollar sign is a dollar sign, not the start of a formula."""
    return text.replace("$", r"\$")
