"""Pixels of a region as columns of numbers: what reductions and samplings over regions are made of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from pipeline.engine import limits
from pipeline.engine.image import Band, Image
from pipeline.engine.plan import NDArray, valid
from pipeline.engine.reducer import Reducer, Running
from pipeline.engine.space import crs as crs_
from pipeline.engine.space import shapes
from pipeline.engine.space.geometry import Geometry, footprint
from pipeline.engine.space.grids import at_scale, region_grid
from pipeline.engine.tiles import Tiler
from pipeline.engine.values import Array, PixelType, Projection
from pipeline.errors import EngineError

# A pixel counts for weighted reducers from half a percent of cover on (Earth Engine's figure).
LEAST_COVER = 0.005
# Pieces, the same put together and in order, and what a reducer makes of them are in memory at once.
COPIES = 4


@dataclass(frozen=True, eq=False)
class Table:
    """Pixels of a region: one column of values and of weights (0 = masked) a band.

    `cells` number them in the region's grid, row by row.
    """

    columns: list[Any]
    weights: list[NDArray]
    cells: NDArray

    @property
    def bytes(self) -> int:
        """What it takes in memory."""
        return int(sum(a.nbytes for a in (*self.columns, *self.weights, self.cells)))


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


def pieces(tiler: Tiler, bands: Sequence[Band], region: Geometry, grid: GeoBox, weighted: bool) -> Iterator[Table]:
    """The valid pixels of the region tile by tile; a pixel stays where any band is valid.

    Weighted: every pixel with some cover, weighing the lesser of its mask and its covered share. Unweighted: the
    pixels whose centres are inside, each weighing 1.
    """
    for window, pixels in tiler.stream([b.plan for b in bands], grid):
        tile = grid[window]
        share = shapes.coverage(region, tile) if weighted else shapes.inside(region, tile).astype(np.float32)
        shares = [np.minimum(share, p.mask) if weighted else share * valid(p.mask) for p in pixels]
        keep = np.any([s >= LEAST_COVER for s in shares], axis=0) if shares else np.zeros(share.shape, bool)
        rows, columns = np.nonzero(keep)
        if len(rows):
            cells = (rows + window[0].start) * grid.width + columns + window[1].start
            yield Table([p.data[rows, columns] for p in pixels], [s[rows, columns] for s in shares], cells)


def table(tiler: Tiler, bands: Sequence[Band], region: Geometry, grid: GeoBox, weighted: bool) -> Table:
    """All pieces together, in rows from the top; more than the memory budget holds is an error."""
    parts, room = [], tiler.budget_bytes // COPIES
    for piece in pieces(tiler, bands, region, grid, weighted):
        room -= piece.bytes
        if room < 0:
            raise _too_many(tiler)
        parts.append(piece)
    return joined(parts, len(bands))


def _too_many(tiler: Tiler) -> EngineError:
    return EngineError(
        f"{limits.MEMORY} The region's pixels take more than {tiler.budget_bytes >> 20} MiB. Use a coarser scale, "
        f"split the region, or connect with a larger 'budget'."
    )


def joined(parts: Sequence[Table], count: int) -> Table:
    """The pieces of `count` bands as one, in rows from the top."""
    if not parts:
        none = np.zeros(0)
        return Table([none] * count, [none] * count, none.astype(int))
    cells = np.concatenate([p.cells for p in parts])
    order = np.argsort(cells)
    columns = [np.concatenate([p.columns[i] for p in parts])[order] for i in range(count)]
    weights = [np.concatenate([p.weights[i] for p in parts])[order] for i in range(count)]
    return Table(columns, weights, cells[order])


def places(cells: NDArray, grid: GeoBox) -> tuple[NDArray, NDArray]:
    """Longitudes and latitudes of the cells' centres."""
    rows, columns = np.divmod(cells, grid.width)
    t = grid.transform
    x, y = columns + 0.5, rows + 0.5
    at = t.a * x + t.b * y + t.c, t.d * x + t.e * y + t.f
    lon, lat = crs_.transformer(crs_.grid_name(grid), crs_.LONLAT).transform(*at)
    return lon, lat


def cell(value: Any, kind: PixelType) -> Any:
    """One pixel's value as a plain value: a number, or an Array."""
    if kind.dimensions:
        return Array(np.asarray(value), kind)
    return value.item() if isinstance(value, np.generic) else value


def plain(column: Any, kind: PixelType) -> Any:
    """A column for a reducer: numbers as an array, arrays as a list of Arrays."""
    return [cell(v, kind) for v in column] if kind.dimensions else column


def reduced(
    tiler: Tiler, bands: Sequence[Band], region: Geometry, grid: GeoBox, reducer: Reducer
) -> list[tuple[str, str, Any]]:
    """(band, output, result) of the reducer; one of several inputs takes the bands together, its band is ''.

    Rows that fit into the budget are reduced at once and in order, so that tiles do not show in the last digit; of
    more, a reducer that can take its rows in parts keeps only its states.
    """
    if reducer.inputs > 1 and len(bands) != reducer.inputs:
        raise EngineError(
            f"Image.reduceRegion: Need {reducer.inputs} bands for the reducer {reducer.name}, but the image has "
            f"{len(bands)}."
        )
    run = reducer.running
    states: list[Any] = []
    parts: list[Table] = []
    room = tiler.budget_bytes // COPIES
    for piece in pieces(tiler, bands, region, grid, reducer.weighted):
        parts.append(piece)
        room -= piece.bytes
        if room < 0:
            if run is None:
                raise _too_many(tiler)
            states = _further(run, states, _rows(joined(parts, len(bands)), bands, reducer))
            parts, room = [], tiler.budget_bytes // COPIES
    rows = _rows(joined(parts, len(bands)), bands, reducer)
    if run is not None and states:
        results = [run.end(state) for state in _further(run, states, rows)]
    else:
        results = [reducer.aggregate(columns, weights) for columns, weights in rows]
    names = [b.name for b in bands] if reducer.inputs == 1 else [""]
    return [
        (n, o, v) for n, found in zip(names, results, strict=True) for o, v in zip(reducer.outputs, found, strict=True)
    ]


def _further(run: Running, states: list[Any], rows: list[tuple[list[Any], NDArray]]) -> list[Any]:
    more = [run.part(columns, weights.astype(np.float64)) for columns, weights in rows]
    return [run.join(a, b) for a, b in zip(states, more, strict=True)] if states else more


def _rows(found: Table, bands: Sequence[Band], reducer: Reducer) -> list[tuple[list[Any], NDArray]]:
    """The valid rows as the reducer takes them: of each band alone, or of all bands together."""
    if reducer.inputs == 1:
        return [
            ([plain(c[w > 0], b.type)], w[w > 0]) for c, w, b in zip(found.columns, found.weights, bands, strict=True)
        ]
    weight = np.minimum.reduce(found.weights)
    keep = weight > 0
    return [([plain(c[keep], b.type) for c, b in zip(found.columns, bands, strict=True)], weight[keep])]
