"""Vector to raster: which pixels of a grid a geometry covers, wholly, partly or by their centres.

A pixel is inside where its centre is; a centre on the edge belongs to the shape on its right and below, so shapes
that share an edge share no pixel. Positions are rounded to 2^-20 of a pixel first: the answer for a pixel is the same
in whatever tile it is asked for. Knows nothing of images.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import shapely
from affine import Affine
from numba import njit
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from pipeline.engine.image import Window
from pipeline.engine.space import crs as crs_
from pipeline.engine.space.edges import Coords, move, placed
from pipeline.engine.space.geometry import Geometry, parts
from pipeline.engine.values import Projection

Bools = np.ndarray[Any, np.dtype[np.bool_]]
Floats = np.ndarray[Any, np.dtype[np.float32]]

_FINE = 2.0**20
# A row of pixels that is covered by less than half a percent counts for nothing, and a footprint that went through
# longitude and latitude grazes its neighbours by as much.
_GRAZE = 0.004
_EVERYWHERE = 2**30


def inside(geometry: Geometry, geobox: GeoBox) -> Bools:
    """True where a pixel belongs to the geometry: areas by pixel centres, points by the pixel they lie in.

    A line takes, in each row or column (whichever it crosses more of), the pixel where it passes the middle.
    """
    if geometry.unbounded:
        return np.ones(geobox.shape, bool)
    shape = geometry.planar(crs_.grid_name(geobox))
    if shape is None:
        return _centres_inside(geometry, geobox)
    painted = np.zeros(geobox.shape, bool)
    for part in _shown(shape, geobox):
        window = _window(part, painted.shape)
        painted[window] |= _part_inside(part, window)
    return painted


def coverage(geometry: Geometry, geobox: GeoBox) -> Floats:
    """The fraction of each pixel's area that lies in the geometry, in steps of 1/256; 1 on points and lines.

    A shape too large for the grid's CRS counts whole pixels, by their centres.
    """
    shape = None if geometry.unbounded else geometry.planar(crs_.grid_name(geobox))
    if shape is None:
        return inside(geometry, geobox).astype(np.float32)
    covered = np.zeros(geobox.shape)
    for part in _shown(_united(shape), geobox):
        window = _window(part, covered.shape)
        if isinstance(part, shapely.Polygon):
            covered[window] += _part_coverage(part, window)
        else:
            covered[window] = np.where(_part_inside(part, window), 1.0, covered[window])
    # Rounded twice: the first drops summation noise, so that the steps of 1/256 fall alike in every tile.
    exact = np.minimum(np.round(covered * 2.0**24) / 2.0**24, 1)
    return (np.floor(exact * 256 + 0.5) / 256).astype(np.float32)


def burn(
    geobox: GeoBox, shapes: Iterable[tuple[Geometry, float]], width: float | None = None
) -> tuple[np.ndarray[Any, np.dtype[np.float64]], Bools]:
    """The values painted in turn, later over earlier, and where anything was painted; 0 elsewhere.

    Areas are filled; with a `width` their outlines are drawn instead, and lines, that many pixels wide.
    """
    data = np.zeros(geobox.shape)
    painted = np.zeros(geobox.shape, bool)
    for geometry, value in shapes:
        where = inside(geometry, geobox) if width is None else _outline(geometry, geobox, width)
        data[where] = value
        painted |= where
    return data, painted


def stamped(geometry: Geometry, geobox: GeoBox, stamp: BaseGeometry) -> Bools:
    """Pixels whose centres are inside the stamp, an area in pixels around (0, 0), laid on each point."""
    painted = np.zeros(geobox.shape, bool)
    shape = geometry.planar(crs_.grid_name(geobox))
    if geometry.unbounded or shape is None:
        return painted
    margin = int(np.ceil(np.abs(stamp.bounds).max()))
    # As steps that add exactly to positions, so that a stamp on a tile's edge goes on in the next.
    steps = shapely.transform(stamp, _rounded)
    for point in _shown(shape, geobox.pad(margin)):
        place = shapely.get_coordinates(point)[0] - margin
        for part in parts(shapely.transform(steps, lambda xy, place=place: xy + place)):
            window = _window(part, painted.shape)
            painted[window] |= _part_inside(part, window)
    return painted


def pixel_box(geometry: Geometry, crs: str, transform: tuple[float, ...]) -> Window:
    """The smallest window (x, y, width, height) of whole pixels that covers the geometry.

    `transform` takes pixels to the CRS, in Earth Engine's order. What is too large for the CRS gets a window of 2^31
    pixels a side.
    """
    shape = None if geometry.unbounded else geometry.planar(crs)
    if shape is None:
        return -_EVERYWHERE, -_EVERYWHERE, 2 * _EVERYWHERE, 2 * _EVERYWHERE
    if shape.is_empty:
        return 0, 0, 0, 0
    x0, y0, x1, y1 = _in_pixels(shape, Affine(*transform)).bounds
    left, top = int(np.floor(x0 + _GRAZE)), int(np.floor(y0 + _GRAZE))
    return left, top, max(int(np.ceil(x1 - _GRAZE)) - left, 1), max(int(np.ceil(y1 - _GRAZE)) - top, 1)


def inside_window(geobox: GeoBox, projection: Projection, window: Window | None) -> Bools:
    """True where a pixel's centre lies in a window of the projection's pixels; everywhere for no window."""
    if window is None:
        return np.ones(geobox.shape, bool)
    x, y, width, height = window
    to_pixels = ~crs_.affine(projection)
    if crs_.same(crs_.grid_name(geobox), projection.crs):
        pixels = placed(_centres(geobox), to_pixels @ geobox.affine)
    else:
        places = placed(_centres(geobox), geobox.affine)
        pixels = placed(move(places, crs_.grid_name(geobox), projection.crs), to_pixels)
    px, py = _rounded(pixels).T
    result: Bools = (px >= x) & (px < x + width) & (py >= y) & (py < y + height)
    return result.reshape(geobox.shape)


def _centres(geobox: GeoBox) -> Coords:
    rows, columns = np.indices(geobox.shape)
    return np.column_stack([columns.ravel() + 0.5, rows.ravel() + 0.5])


def _rounded(pixels: Coords) -> Coords:
    result: Coords = np.round(pixels * _FINE) / _FINE
    return result


def _in_pixels(shape: BaseGeometry, affine: Affine) -> BaseGeometry:
    to_pixels = ~affine

    return shapely.transform(shape, lambda xy: _rounded(placed(xy, to_pixels)))


def _shown(shape: BaseGeometry, geobox: GeoBox) -> list[BaseGeometry]:
    """The single parts, in pixels, that can touch the grid; in a geographic grid also one turn east and west."""
    turns = (-360.0, 0.0, 360.0) if crs_.is_geographic(crs_.grid_name(geobox)) else (0.0,)
    height, width = geobox.shape
    found = []
    for turn in turns:
        affine = Affine.translation(-turn, 0) @ geobox.affine
        corners = [affine @ c for c in ((0, 0), (width, 0), (0, height), (width, height))]
        (west, east), (south, north) = ((min(v), max(v)) for v in zip(*corners, strict=True))
        for part in parts(shape):
            x0, y0, x1, y1 = part.bounds
            if x0 <= east and x1 >= west and y0 <= north and y1 >= south:
                found.append(_in_pixels(part, affine))
    return found


def _window(part: BaseGeometry, size: tuple[int, int]) -> tuple[slice, slice]:
    """The rows and columns of the grid that a part in pixels can reach."""
    x0, y0, x1, y1 = part.bounds
    (top, bottom), (left, right) = (
        np.clip([np.floor(low), np.floor(high) + 1], 0, most).astype(int)
        for low, high, most in ((y0, y1, size[0]), (x0, x1, size[1]))
    )
    return slice(int(top), int(bottom)), slice(int(left), int(right))


def _part_inside(part: BaseGeometry, window: tuple[slice, slice]) -> Bools:
    size = window[0].stop - window[0].start, window[1].stop - window[1].start
    marked = np.zeros(size, np.uint8)
    if marked.size == 0:
        return marked.view(bool)
    offset = np.array([window[1].start, window[0].start], float)
    if isinstance(part, shapely.Polygon):
        _flip(_edges(part) - np.tile(offset, 2), marked)
        return np.bitwise_xor.accumulate(marked, axis=1).view(bool)
    edges = _edges(part) - np.tile(offset, 2) if not isinstance(part, shapely.Point) else np.empty((0, 4))
    steep = np.abs(edges[:, 3] - edges[:, 1]) >= np.abs(edges[:, 2] - edges[:, 0])
    _trace(edges[steep], marked)
    _trace(edges[~steep][:, [1, 0, 3, 2]], marked.T)
    ends = np.floor(shapely.get_coordinates(part)[[0, -1]] - offset).astype(int)
    ends = ends[((ends >= 0) & (ends < size[::-1])).all(axis=1)]
    marked[ends[:, 1], ends[:, 0]] = 1
    return marked.view(bool)


def _part_coverage(part: shapely.Polygon, window: tuple[slice, slice]) -> Coords:
    """Exact fractions of the window's pixels."""
    height, width = window[0].stop - window[0].start, window[1].stop - window[1].start
    change = np.zeros((height, width + 1))
    offset = np.array([window[1].start, window[0].start], float)
    _spill(_edges(shapely.orient_polygons(part)) - np.tile(offset, 2), change)
    fraction: Coords = np.abs(np.cumsum(change, axis=1)[:, :-1])
    return fraction


def _outline(geometry: Geometry, geobox: GeoBox, width: float) -> Bools:
    """Pixels whose centre is at most half the width from a line or an outline; at least one pixel wide."""
    drawn = np.zeros(geobox.shape, bool)
    shape = geometry.planar(crs_.grid_name(geobox))
    if geometry.unbounded or shape is None:
        return drawn
    margin = int(np.ceil(width)) + 1
    for part in _shown(shape, geobox.pad(margin)):
        part = shapely.transform(part, lambda xy: xy - margin)
        for line in parts(part.boundary if isinstance(part, shapely.Polygon) else part):
            thick = width > 1 and not isinstance(line, shapely.Point)
            for stroke in parts(shapely.buffer(line, width / 2, cap_style="flat") if thick else line):
                window = _window(stroke, drawn.shape)
                drawn[window] |= _part_inside(stroke, window)
    return drawn


def _united(shape: BaseGeometry) -> BaseGeometry:
    """Overlapping areas of a collection as one: their common pixels are not covered twice."""
    return shapely.unary_union(shape) if isinstance(shape, shapely.GeometryCollection) else shape


def _centres_inside(geometry: Geometry, geobox: GeoBox) -> Bools:
    """For what the grid's CRS cannot show: pixel centres looked up in longitude and latitude."""
    shape = geometry.planar(crs_.LONLAT)
    lon, lat = move(placed(_centres(geobox), geobox.affine), crs_.grid_name(geobox), crs_.LONLAT).T
    found = np.zeros(lon.shape, bool)
    for turn in (-360.0, 0.0, 360.0):
        found |= shapely.intersects_xy(shape, lon + turn, lat)
    return found.reshape(geobox.shape)


def _edges(part: BaseGeometry) -> Coords:
    """Rows of x0, y0, x1, y1."""
    lines = [part.exterior, *part.interiors] if isinstance(part, shapely.Polygon) else [part]
    coords = [shapely.get_coordinates(line) for line in lines]
    return np.vstack([np.hstack([c[:-1], c[1:]]) for c in coords])


@njit(cache=True, nogil=True)
def _column(x0: float, shift: float) -> int:  # pragma: no cover
    """floor(x0 + shift), the whole part of x0 kept aside: equal to the last bit wherever the grid begins."""
    whole = np.floor(x0)
    return int(whole + np.floor((x0 - whole) + shift))


@njit(cache=True, nogil=True)
def _flip(edges: Coords, marked: np.ndarray[Any, Any]) -> None:  # pragma: no cover
    """Marks, in each row, the columns from which one more edge lies to the left of the pixel's centre."""
    height, width = marked.shape
    for i in range(len(edges)):
        x0, y0, x1, y1 = edges[i]
        if y0 == y1:
            continue
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        for row in range(max(0, int(np.ceil(y0 - 0.5))), min(height, int(np.ceil(y1 - 0.5)))):
            across = (row + 0.5 - y0) * (x1 - x0) / (y1 - y0)
            column = max(0, -_column(-x0, 0.5 - across))
            if column < width:
                marked[row, column] ^= 1


@njit(cache=True, nogil=True)
def _trace(edges: Coords, marked: np.ndarray[Any, Any]) -> None:  # pragma: no cover
    """Marks the pixel in which a line crosses the middle of each row."""
    height, width = marked.shape
    for i in range(len(edges)):
        x0, y0, x1, y1 = edges[i]
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        for row in range(max(0, int(np.ceil(y0 - 0.5))), min(height, int(np.ceil(y1 - 0.5)))):
            column = _column(x0, (row + 0.5 - y0) * (x1 - x0) / (y1 - y0))
            if 0 <= column < width:
                marked[row, column] = 1


@njit(cache=True, nogil=True)
def _spill(edges: Coords, change: np.ndarray[Any, Any]) -> None:  # pragma: no cover
    """Adds to `change` what each edge adds to the covered area, as differences along the rows.

    An edge that falls by dy within a pixel covers dy of all pixels to its right, and of its own pixel the part to
    the right of the edge's middle.
    """
    height, width = change.shape[0], change.shape[1] - 1
    for i in range(len(edges)):
        x0, y0, x1, y1 = edges[i]
        if y0 == y1:
            continue
        sign = 1.0 if y0 < y1 else -1.0
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        slope = (x1 - x0) / (y1 - y0)
        for row in range(max(0, int(np.floor(y0))), min(height, int(np.ceil(y1)))):
            top, bottom = max(y0, float(row)), min(y1, row + 1.0)
            a, b = x0 + (top - y0) * slope, x0 + (bottom - y0) * slope
            a, b = min(a, b), max(a, b)
            fall = sign * (bottom - top)
            run = b - a
            if a < 0:
                part = 1.0 if run == 0 or b <= 0 else -a / run
                change[row, 0] += fall * part
            for column in range(max(0, int(np.floor(a))), min(width, int(np.floor(b)) + 1)):
                low, high = max(a, float(column)), min(b, column + 1.0)
                piece = fall if run == 0 else fall * (high - low) / run
                middle = (low + high) / 2 - column
                change[row, column] += piece * (1 - middle)
                change[row, column + 1] += piece * middle
