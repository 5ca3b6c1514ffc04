"""The pictures of a report: the map and its natural colours at one scale, and each class by itself. PNG bytes."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import xarray as xr
from matplotlib.figure import Figure
from PIL import Image

from pipeline.artifacts.manifest import Manifest
from pipeline.artifacts.stack import open_counts, open_stack
from pipeline.cartography import INK, degrees, north_arrow, png, scale_bar
from pipeline.config import Legend
from pipeline.console import progress
from pipeline.engine.raster import levels, open_raster
from pipeline.region import Grid, Region, inside, placed
from pipeline.report.sources import COMPARE_MAPS, MAP, UNCERTAINTY, Run

NDArray = np.ndarray[Any, Any]

LONGEST, SMALL, SAMPLED = 1600, 360, 1000
"""Pixels of the long side: of the map's picture, of a class's, and of what is read of the stack."""
STRIP = 512
COLOURS = ("red", "green", "blue")
SPREAD = (1, 99)
GAMMA = 1 / 1.3
PAPER, NOTHING = (255, 255, 255), "#e4e0d8"
UNKNOWN = 255
WIDE = 1.5
"""A region this much wider than high has its pictures one above the other."""
PAGE_INCHES, TALLEST = 7.1, 7.4
LEFT, RIGHT, TOP, BOTTOM = 0.28, 0.12, 0.3, 0.5


@dataclass(frozen=True)
class Pictures:
    """PNG bytes: both large pictures in one; each class by its code; how sure the model was; a part of the region as
    all models map it.
    """

    beside: bytes
    classes: dict[int, bytes]
    sure: bytes | None
    models: bytes | None


@dataclass(frozen=True)
class Seen:
    """How often the pixels of the region were seen in a season, without clouds: the middle, and the share never."""

    median: float
    never: float


def pictures(run: Run, legend: Legend) -> Pictures:
    """All pictures of a run."""
    codes = coarse(run.map.folder / MAP, 1)
    shape = outline(run.stack)
    natural, season = composite(run)
    sure, models = run.map.folder / UNCERTAINTY, run.folder / COMPARE_MAPS
    return Pictures(
        beside=beside(codes, natural, season, run.stack.grid, shape, legend),
        classes={c.code: share(codes == c.code, c.colour) for c in legend if (codes == c.code).any()},
        sure=shade(coarse(sure, 2)) if sure.is_file() else None,
        models=models.read_bytes() if run.comparison and models.is_file() else None,
    )


def outline(stack: Manifest) -> Any:
    """The region's shape on the grid; None where the stack declares none."""
    geometry = shapely.geometry.shape(stack.region)
    return None if geometry.is_empty else placed(Region("region", geometry, 0.0), stack.grid.crs)


def coarse(path: Path, band: int) -> NDArray:
    """A band of a raster from the finest of its levels that a picture can show."""
    sizes = levels(str(path))
    level = next((i for i, size in enumerate(sizes) if max(size) <= LONGEST), len(sizes) - 1)
    with open_raster(path, level) as file:
        return np.asarray(file.read(band))


def composite(run: Run) -> tuple[NDArray | None, str]:
    """Natural colours (height, width, 3; 0…1, white where nothing is known) of summer or another season, and which."""
    stack = open_stack(run.folder)
    names = set(stack.band.values.tolist())
    seasons = sorted(run.stack.seasons, key=lambda s: s != "summer")
    season = next((s for s in seasons if {f"{s}_{c}" for c in COLOURS} <= names), None)
    if season is None:
        return None, ""
    data = every_nth(stack.sel(band=[f"{season}_{c}" for c in COLOURS]), "Reading natural colours")
    known = np.asarray(np.isfinite(data).all(axis=0))
    if not known.any():
        return None, ""
    low, high = np.percentile(data[:, known], SPREAD)
    light = np.clip((data - low) / max(high - low, 1e-9), 0, 1) ** GAMMA
    return np.where(known[..., None], np.moveaxis(light, 0, -1), 1.0), season


def every_nth(bands: xr.DataArray, what: str) -> NDArray:
    """The bands at evenly spaced pixels, strip by strip, so that memory does not grow with the region."""
    step = stride(bands.sizes["y"], bands.sizes["x"])
    rows = np.arange(step // 2, bands.sizes["y"], step)
    chosen = bands.isel(x=slice(step // 2, None, step))
    cuts = np.split(rows, np.flatnonzero(np.diff(rows // STRIP)) + 1)
    return np.concatenate([chosen.isel(y=cut).values for cut in progress(cuts, what, len(cuts))], axis=1)


def stride(height: int, width: int) -> int:
    """How many pixels lie between two that are read."""
    return max(1, math.ceil(max(height, width) / SAMPLED))


def seen(run: Run) -> dict[str, Seen]:
    """How often the region was seen, by the name of the counts' band (`summer_optical`)."""
    if not run.stack.counts:
        return {}
    counts = open_counts(run.folder)
    found = every_nth(counts, "Reading how often it was seen")
    grid, step, shape = run.stack.grid, stride(*counts.shape[1:]), outline(run.stack)
    near = Grid(
        grid.crs, grid.pixel * step, grid.left + (step // 2 - (step - 1) / 2) * grid.pixel,
        grid.top - (step // 2 - (step - 1) / 2) * grid.pixel, found.shape[2], found.shape[1],
    )  # fmt: skip
    within = inside(shape, near) if shape is not None else np.ones(found.shape[1:], bool)
    within = within if within.any() else np.ones_like(within)
    names = counts.band.values.tolist()
    return {
        n: Seen(float(np.median(c[within])), float((c[within] == 0).mean())) for n, c in zip(names, found, strict=True)
    }


def beside(codes: NDArray, natural: NDArray | None, season: str, grid: Grid, shape: Any, legend: Legend) -> bytes:
    """PNG: the map, and natural colours at the same scale beside or below it; the frame has degrees."""
    panels = 1 if natural is None else 2
    ratio = grid.width / grid.height
    across = 1 if ratio > WIDE else panels
    down = panels // across
    width = min(PAGE_INCHES / across - LEFT - RIGHT, (TALLEST / down - TOP - BOTTOM) * ratio)
    height = width / ratio
    whole = across * (LEFT + width + RIGHT), down * (TOP + height + BOTTOM)
    figure = Figure(figsize=whole)
    images: Sequence[tuple[NDArray, str]] = [(_coloured(codes, legend), "Land use")]
    if natural is not None:
        images = [*images, (natural, f"Natural colours, {season}")]
    for number, (image, title) in enumerate(images):
        row, column = divmod(number, across)
        left, top = column * (LEFT + width + RIGHT) + LEFT, row * (TOP + height + BOTTOM) + TOP
        box = left / whole[0], 1 - (top + height) / whole[1], width / whole[0], height / whole[1]
        _panel(figure.add_axes(box), image, title, grid, shape, (width, height))
    return png(figure)


def _panel(axes: Any, image: NDArray, title: str, grid: Grid, shape: Any, inches: tuple[float, float]) -> None:
    left, bottom, right, top = grid.bounds
    axes.imshow(image, extent=(left, right, bottom, top), interpolation="antialiased", aspect="auto")
    if shape is not None:
        for part in shapely.get_parts(shape):
            for ring in (part.exterior, *part.interiors):
                axes.plot(*np.transpose(ring.coords), color=INK, lw=0.7)
    axes.set(xlim=(left, right), ylim=(bottom, top))
    degrees(axes, grid.bounds, grid.crs, inches, 6.5)
    axes.tick_params(length=3, pad=2)
    axes.grid(color="white", lw=0.4, alpha=0.45)
    for edge in axes.spines.values():
        edge.set(color=INK, linewidth=0.9)
    axes.set_title(title, loc="left", fontsize=9, fontweight="bold", color=INK, pad=5)
    scale_bar(axes, right - left, 0.36)
    north_arrow(axes, 0.36)


def _coloured(codes: NDArray, legend: Legend) -> NDArray:
    table = np.full((256, 3), 255, np.uint8)
    for one in legend:
        table[one.code] = list(bytes.fromhex(one.colour[1:]))
    return np.asarray(table[codes])


def share(where: NDArray, colour: str) -> bytes:
    """PNG: where a class is. Its colour at full strength where all is of it, the paper's where nothing is.

    A colour too pale to be seen on paper is darkened.
    """
    ink = np.array(list(bytes.fromhex(colour[1:])), float)
    light = float(ink @ [0.299, 0.587, 0.114])
    ink *= min(1.0, 120 / max(light, 1))
    part = _blocks(where.astype(np.float32))[..., None]
    base = np.array(list(bytes.fromhex(NOTHING[1:])), float)
    return _png(base + (ink - base) * part)


def shade(margin: NDArray) -> bytes:
    """PNG: how far the likeliest class is ahead, in %; dark where two were close, white where nothing is known."""
    known = margin != UNKNOWN
    part = _blocks(np.where(known, margin, 100).astype(np.float32) / 100)[..., None]
    dark, base = np.array([40.0, 44, 60]), np.array(list(bytes.fromhex(NOTHING[1:])), float)
    image = dark + (base - dark) * part
    return _png(np.where(_blocks(known.astype(np.float32))[..., None] > 0.5, image, 255.0))


def _blocks(values: NDArray) -> NDArray:
    """Means of square blocks, so many that the long side fits."""
    step = max(1, math.ceil(max(values.shape) / SMALL))
    height, width = (max(1, n // step) for n in values.shape)
    cut = values[: height * step, : width * step]
    if cut.shape[0] < step or cut.shape[1] < step:
        return values
    return np.asarray(cut.reshape(height, step, width, step).mean(axis=(1, 3)))


def _png(image: NDArray) -> bytes:
    whole = io.BytesIO()
    Image.fromarray(np.clip(image, 0, 255).round().astype(np.uint8)).save(whole, "PNG", optimize=True)
    return whole.getvalue()
