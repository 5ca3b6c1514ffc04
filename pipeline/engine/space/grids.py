"""Grids: from Earth Engine's projections, windows, scales and regions to a GeoBox that pixels are asked on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from pipeline.engine.image import Band, Image, Window
from pipeline.engine.plan import NDArray
from pipeline.engine.space import crs as crs_
from pipeline.engine.space.geometry import Geometry
from pipeline.engine.space.shapes import pixel_box
from pipeline.engine.values import WGS84, Projection
from pipeline.errors import EngineError

NO_SCALE = "The default WGS84 projection is invalid for aggregations. Specify a scale or crs & crs_transform."


def geobox(projection: Projection, window: Window) -> GeoBox:
    """The grid of a window (x, y, width, height) of a projection's pixels."""
    x, y, width, height = window
    return GeoBox((height, width), crs_.affine(projection) * Affine.translation(x, y), crs_.crs(projection.crs))


def centres(grid: GeoBox) -> tuple[NDArray, NDArray]:
    """Coordinates x and y of the pixel centres, each (height, width)."""
    t = grid.transform
    columns = np.arange(grid.width)[None, :] + 0.5
    rows = np.arange(grid.height)[:, None] + 0.5
    return t.a * columns + t.b * rows + t.c, t.d * columns + t.e * rows + t.f


def image_grid(image: Image) -> GeoBox:
    """The first band's own projection and bounds; an image without bounds has no grid."""
    if not image.bands:
        raise EngineError("The image has no bands.")
    band = image.bands[0]
    if band.window is None:
        raise EngineError("Unable to compute an unbounded image. Give a grid, or clip the image to a region first.")
    return geobox(band.projection, band.window)


def at_scale(projection: Projection, metres: float) -> Projection:
    """The projection with square pixels of `metres`, its origin a pixel corner and its axes' directions kept."""
    if not metres > 0:
        raise EngineError(f"Scale must be positive, not {metres}.")
    size = metres / crs_.metres_per_unit(projection.crs)
    t = projection.transform
    x, y = math.copysign(size, t[0] or 1), math.copysign(size, t[4] or 1)
    if projection == WGS84 or t[4] > 0:
        y = -abs(y)
    return Projection(projection.crs, (x, 0.0, 0.0, 0.0, y, 0.0))


def projected(base: Projection, transform: Sequence[float] | None, scale: float | None, who: str) -> Projection:
    """The projection with another transform, with a scale, or as it is."""
    if transform is not None:
        if scale is not None:
            raise EngineError(f"{who}: Specify either a scale or a crsTransform, not both.")
        if len(transform) != 6:
            raise EngineError(f"{who}: crsTransform must have 6 numbers, not {len(transform)}.")
        a, b, c, d, e, f = (float(v) for v in transform)
        return Projection(base.crs, (a, b, c, d, e, f))
    return base if scale is None else at_scale(base, scale)


def requested(
    image: Image, scale: float | None, crs: Projection | None, transform: Sequence[float] | None, who: str
) -> Projection:
    """The projection a reduction or sampling runs in: crs defaults to the first band's, scale rescales it."""
    made = projected(crs or default_projection(image), transform, scale, who)
    if made == WGS84 and transform is None:
        raise EngineError(f"{who}: {NO_SCALE}")
    return made


def default_projection(image: Image) -> Projection:
    """The first band's projection; WGS84 at one degree for an image without bands."""
    return image.bands[0].projection if image.bands else WGS84


def region_grid(region: Geometry, projection: Projection) -> GeoBox:
    """The smallest window of the projection's whole pixels that covers the region."""
    return geobox(projection, pixel_box(region, projection.crs, projection.transform))


def common_projection(image: Image, who: str) -> Projection:
    """The projection that all bands share; bands that differ are an error."""
    if not image.bands:
        raise EngineError(f"{who}: the image has no bands.")
    first = image.bands[0].projection
    for band in image.bands:
        if band.projection != first:
            raise EngineError(
                f"{who}: The bands of the specified image contains different projections. Use Image.select() to "
                f"choose bands of the same projection; '{image.bands[0].name}' and '{band.name}' differ."
            )
    return first


def intersect(first: Band, second: Band) -> tuple[Projection, Window | None]:
    """Projection and window of a band made from two: the bounded one's, or what both cover."""
    if second.window is None and (first.window is not None or first.projection != WGS84):
        return first.projection, first.window
    if first.window is None:
        return (second.projection, second.window) if first.projection == WGS84 else (first.projection, None)
    if first.projection != second.projection or second.window is None:
        return first.projection, first.window
    return first.projection, overlap(first.window, second.window)


def overlap(a: Window, b: Window) -> Window:
    """The part two windows share; zero-sized where they do not meet."""
    x0, y0 = max(a[0], b[0]), max(a[1], b[1])
    x1, y1 = min(a[0] + a[2], b[0] + b[2]), min(a[1] + a[3], b[1] + b[3])
    return x0, y0, max(x1 - x0, 0), max(y1 - y0, 0)


def hull(first: Band, second: Band) -> Window | None:
    """The window of the first band's pixels that holds both bands; None where one has no bounds."""
    a, b = first.window, moved(second.window, second.projection, first.projection)
    if a is None or b is None:
        return None
    x, y = min(a[0], b[0]), min(a[1], b[1])
    return x, y, max(a[0] + a[2], b[0] + b[2]) - x, max(a[1] + a[3], b[1] + b[3]) - y


def moved(window: Window | None, old: Projection, new: Projection) -> Window | None:
    """A window in whole pixels of another projection; None has no bounds in either."""
    return None if window is None else grown(window, old, new)


def grown(window: Window, old: Projection, new: Projection) -> Window:
    """The smallest window of another projection's pixels that holds this one."""
    if old == new:
        return window
    grid = geobox(old, window)
    edge = np.linspace(0, 1, 21)
    xs = np.concatenate([edge, edge, np.zeros(21), np.ones(21)]) * grid.width
    ys = np.concatenate([np.zeros(21), np.ones(21), edge, edge]) * grid.height
    t = grid.transform
    x, y = t.a * xs + t.b * ys + t.c, t.d * xs + t.e * ys + t.f
    if not crs_.same(old.crs, new.crs):
        x, y = crs_.transformer(old.crs, new.crs).transform(x, y)
    t = ~Affine(*new.transform)
    px, py = t.a * x + t.b * y + t.c, t.d * x + t.e * y + t.f
    x0, y0 = math.floor(px.min() + 1e-6), math.floor(py.min() + 1e-6)
    return x0, y0, math.ceil(px.max() - 1e-6) - x0, math.ceil(py.max() - 1e-6) - y0
