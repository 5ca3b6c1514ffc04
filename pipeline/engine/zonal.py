"""Pixels of a region as columns of numbers: what reductions and samplings over regions are made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from pipeline.engine import limits
from pipeline.engine.image import Band, Image
from pipeline.engine.plan import NDArray, valid
from pipeline.engine.reducer import Reducer
from pipeline.engine.space import crs as crs_
from pipeline.engine.space import shapes
from pipeline.engine.space.geometry import Geometry, footprint
from pipeline.engine.space.grids import at_scale, centres, region_grid
from pipeline.engine.tiles import Tiler
from pipeline.engine.values import Array, PixelType, Projection
from pipeline.errors import EngineError

# A pixel counts for weighted reducers from half a percent of cover on (Earth Engine's figure).
LEAST_COVER = 0.005
BESIDE = 20  # bytes of weight and place that are kept with each value


@dataclass(frozen=True, eq=False)
class Table:
    """Pixels of a region, in rows from the top: one column of values and of weights (0 = masked) a band."""

    columns: list[Any]
    weights: list[NDArray]
    x: NDArray
    y: NDArray


def region_of(image: Image, geometry: Geometry | None, who: str) -> Geometry:
    """The given region, or the footprint of the first band."""
    found = geometry if geometry is not None else footprint(image)
    if found is None or found.unbounded:
        raise EngineError(
            f"{who}: Unable to perform this geometry operation: the region is unbounded. Give a geometry."
        )
    return found


def limited(region: Geometry, projection: Projection, most: float, best_effort: bool, who: str) -> GeoBox:
    """The grid of the region, within `most` pixels: coarser where best effort is allowed, else an error."""
    grid = region_grid(region, projection)
    count = grid.width * grid.height
    if count <= most:
        return grid
    planar = region.planar(projection.crs)
    pixel = abs(grid.transform.determinant)
    exact = count if planar is None else math.ceil(planar.area / pixel)
    if exact <= most:
        return grid
    if not best_effort:
        raise EngineError(
            f"{who}: Too many pixels in the region. Found {exact}, but maxPixels allows only {most:.0f}. Ensure that "
            f"you are not aggregating at a higher resolution than you intended; that is the most frequent cause of "
            f"this error. If not, then you may set the 'maxPixels' argument to a limit suitable for your computation; "
            f"set 'bestEffort' to true to aggregate at whatever scale results in 'maxPixels' total pixels; or both."
        )
    factor = math.sqrt(exact / most)
    while True:
        coarser = at_scale(projection, crs_.nominal_scale(projection) * factor)
        grid = region_grid(region, coarser)
        if grid.width * grid.height <= most or factor > 1e6:
            return grid
        factor *= 1.1


def table(tiler: Tiler, bands: Sequence[Band], region: Geometry, grid: GeoBox, weighted: bool) -> Table:
    """The valid pixels of the region; a pixel stays where any band is valid.

    Weighted: every pixel with some cover, weighing the lesser of its mask and its covered share. Unweighted: the
    pixels whose centres are inside, each weighing 1.
    """
    values: list[list[NDArray]] = [[] for _ in bands]
    weights: list[list[NDArray]] = [[] for _ in bands]
    xs, ys = [], []
    room = tiler.budget_bytes
    for window, pixels in tiler.stream([b.plan for b in bands], grid):
        tile = grid[window]
        share = shapes.coverage(region, tile) if weighted else shapes.inside(region, tile).astype(np.float32)
        shares = [np.minimum(share, p.mask) if weighted else share * valid(p.mask) for p in pixels]
        keep = np.any([s >= LEAST_COVER for s in shares], axis=0) if shares else np.zeros(share.shape, bool)
        rows, columns = np.nonzero(keep)
        if not len(rows):
            continue
        room -= len(rows) * sum(p.data[:1, :1].nbytes + BESIDE for p in pixels)
        if room < 0:
            raise EngineError(
                f"{limits.MEMORY} The region's pixels take more than {tiler.budget_bytes >> 20} MiB. Use a coarser "
                f"scale, split the region, or connect with a larger 'budget'."
            )
        for i, (p, s) in enumerate(zip(pixels, shares, strict=True)):
            values[i].append(p.data[rows, columns])
            weights[i].append(s[rows, columns])
        x, y = centres(tile)
        xs.append(x[rows, columns])
        ys.append(y[rows, columns])
    return _joined(bands, values, weights, xs, ys)


def _joined(bands: Sequence[Band], values: Any, weights: Any, xs: Any, ys: Any) -> Table:
    if not xs:
        none = np.zeros(0)
        return Table([none for _ in bands], [none for _ in bands], none, none)
    columns = [np.concatenate(v) for v in values]
    x, y = np.concatenate(xs), np.concatenate(ys)
    order = np.lexsort((x, -y))
    return Table([c[order] for c in columns], [np.concatenate(w)[order] for w in weights], x[order], y[order])


def cell(value: Any, kind: PixelType) -> Any:
    """One pixel's value as a plain value: a number, or an Array."""
    if kind.dimensions:
        return Array(np.asarray(value), kind)
    return value.item() if isinstance(value, np.generic) else value


def plain(column: Any, kind: PixelType) -> Any:
    """A column for a reducer: numbers as an array, arrays as a list of Arrays."""
    return [cell(v, kind) for v in column] if kind.dimensions else column


def reduced(found: Table, bands: Sequence[Band], reducer: Reducer) -> list[tuple[str, str, Any]]:
    """(band, output, result) of the reducer; one of several inputs takes the bands together, its band is ''."""
    columns = [plain(c, b.type) for c, b in zip(found.columns, bands, strict=True)]
    if reducer.inputs == 1:
        results = []
        for band, column, weight in zip(bands, columns, found.weights, strict=True):
            keep = weight > 0
            kept = (
                column[keep] if isinstance(column, np.ndarray) else [c for c, k in zip(column, keep, strict=True) if k]
            )
            for output, value in zip(reducer.outputs, reducer.aggregate([kept], weight[keep]), strict=True):
                results.append((band.name, output, value))
        return results
    if len(bands) != reducer.inputs:
        raise EngineError(
            f"Image.reduceRegion: Need {reducer.inputs} bands for the reducer {reducer.name}, but the image has "
            f"{len(bands)}."
        )
    weight = np.minimum.reduce(found.weights)
    keep = weight > 0
    kept_columns = [
        c[keep] if isinstance(c, np.ndarray) else [v for v, k in zip(c, keep, strict=True) if k] for c in columns
    ]
    return [("", o, v) for o, v in zip(reducer.outputs, reducer.aggregate(kept_columns, weight[keep]), strict=True)]
