"""Projections of images: resampling, own grids, coarser grids, bounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from pipeline.engine.image import Band, Image
from pipeline.engine.plan import NDArray, OnGrid, Part, Pixels, Plan
from pipeline.engine.reducer import Reducer
from pipeline.engine.sources import FileBand, OwnGrid, own_window
from pipeline.engine.space import crs as crs_
from pipeline.engine.space import resample
from pipeline.engine.space.geometry import Geometry
from pipeline.engine.space.grids import at_scale, default_projection, geobox, projected
from pipeline.engine.space.shapes import inside_window, pixel_box
from pipeline.engine.values import Projection
from pipeline.errors import EngineError

METHODS = ("bilinear", "bicubic", "nearest")


def _resample(image: Image, mode: str) -> Image:
    """The same image, interpolated when it is next put on another grid."""
    if mode not in METHODS:
        raise EngineError(f"Image.resample: Unknown mode '{mode}'. Choose 'bilinear' or 'bicubic'.")
    return image.with_bands(replace(b, plan=_interpolated(b, mode)) for b in image.bands)


def _interpolated(band: Band, mode: Any) -> Plan:
    if isinstance(band.plan, FileBand):
        return replace(band.plan, method=mode)
    if isinstance(band.plan, OwnGrid):
        return replace(band.plan, method=mode)
    if band.window is None and band.projection == Projection():
        return band.plan  # a composite has no pixels of its own to interpolate between
    return OwnGrid(band.plan, band.projection, mode)


def _reproject(image: Image, crs: Projection, transform: list[float] | None, scale: float | None) -> Image:
    """The image computed on the pixels of this projection, whatever grid is asked for later."""
    own = projected(crs, transform, scale, "Image.reproject")
    return image.with_bands(
        Band(b.name, b.type, OwnGrid(b.plan, own), own, _moved(b.window, b.projection, own)) for b in image.bands
    )


def _moved(window: Any, old: Projection, new: Projection) -> Any:
    """A window's bounds as whole pixels of another projection."""
    if window is None or old == new:
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


def _set_default(image: Image, crs: Projection, transform: list[float] | None, scale: float | None) -> Image:
    """The same pixels under another declared projection: decides scale and grid only where none is given."""
    own = projected(crs, transform, scale, "Image.setDefaultProjection")
    return image.with_bands(replace(b, projection=own, window=_moved(b.window, b.projection, own)) for b in image.bands)


def _change_projection(image: Image, source: Projection, target: Projection) -> Image:
    """The pixels' place relabelled: what lay at a point of `source` lies at the same numbers of `target`."""

    @dataclass(frozen=True, eq=False)
    class Relabelled:
        child: Plan
        group = None

        def needs(self, grid: GeoBox) -> Sequence[tuple[Plan, GeoBox]]:
            chain = Affine(*source.transform) * ~Affine(*target.transform) * grid.transform
            return [(self.child, GeoBox(grid.shape, chain, crs_.crs(source.crs)))]

        def compute(self, grid: GeoBox, inputs: list[Any]) -> Pixels:
            pixels: Pixels = inputs[0]
            return pixels

    def relabel(band: Band) -> Band:
        on_target: Plan = OwnGrid(Relabelled(band.plan), target)
        return Band(band.name, band.type, on_target, target, band.window if band.projection == source else None)

    return image.with_bands(relabel(b) for b in image.bands)


def _translate(image: Image, x: float, y: float, units: str, projection: Projection | None) -> Image:
    """The image moved by x, y metres (or pixels of `proj`)."""
    if units not in ("meters", "pixels"):
        raise EngineError(f"Image.translate: Unknown units '{units}'. Choose 'meters' or 'pixels'.")
    own = projection or default_projection(image)
    shifted = own
    if units == "pixels":
        shifted = crs_.translated(own, x, y)
    else:
        per_unit = crs_.metres_per_unit(own.crs)
        a, b, c, d, e, f = own.transform
        shifted = Projection(own.crs, (a, b, c + x / per_unit, d, e, f + y / per_unit))
    return _change_projection(image, own, shifted)


@dataclass(frozen=True, eq=False)
class Coarsened:
    """Native pixels gathered into the larger pixels of whatever grid is asked for; several outputs."""

    child: Band
    reducer: Reducer
    max_pixels: int
    best_effort: bool
    group = None

    def _own(self, grid: GeoBox) -> tuple[tuple[int, int], GeoBox] | None:
        per = resample.source_pixels_per_pixel(
            crs_.grid_name(grid),
            grid.transform,
            self.child.projection.crs,
            Affine(*self.child.projection.transform),
            _middle(self.child),
        )
        if per * per > self.max_pixels * (1 + 1e-9) and not self.best_effort:
            raise EngineError(
                f"Image.reduceResolution: Too many input pixels per output pixel: {per * per:.0f}, maxPixels is "
                f"{self.max_pixels}. Raise maxPixels, or set bestEffort."
            )
        return own_window(grid, self.child.projection, reach=1 + math.ceil(per / 2))

    def needs(self, grid: GeoBox) -> Sequence[tuple[Plan, GeoBox]]:
        """The child's own pixels under the grid."""
        own = self._own(grid)
        return [] if own is None else [(self.child.plan, own[1])]

    def compute(self, grid: GeoBox, inputs: list[Any]) -> tuple[Pixels, ...]:
        """Every output, each own pixel weighed by its mask and the share of it inside the coarse pixel."""
        own = self._own(grid)
        if own is None:
            blank = Pixels(np.zeros(grid.shape), np.zeros(grid.shape, bool))
            return tuple(blank for _ in self.reducer.outputs)
        layers = _gathered(inputs[0], own[1], grid)
        return tuple(self.reducer.stack([layers]))


def _middle(band: Band) -> tuple[float, float]:
    if band.window is None:
        return 0.0, 0.0
    x, y, width, height = band.window
    return x + width / 2, y + height / 2


@lru_cache(maxsize=16)
def _shares(own: GeoBox, grid: GeoBox) -> tuple[NDArray, NDArray, NDArray]:
    """For each own pixel cut 4 × 4: flat coarse index of each part (−1 outside)… as (index, own index, weight)."""
    parts = 4
    sub = GeoBox((own.height * parts, own.width * parts), own.transform * Affine.scale(1 / parts), own.crs)
    where = resample.positions(sub, crs_.grid_name(grid), grid.transform)
    x, y = np.broadcast_arrays(np.floor(where.x + resample.SNAP), np.floor(where.y + resample.SNAP))
    inside = (x >= 0) & (x < grid.width) & (y >= 0) & (y < grid.height)
    coarse = (y * grid.width + x)[inside].astype(np.int64)
    rows, columns = np.nonzero(inside)
    fine = (rows // parts) * own.width + columns // parts
    pairs, counts = np.unique(coarse * (own.width * own.height) + fine, return_counts=True)
    return pairs // (own.width * own.height), pairs % (own.width * own.height), counts / parts**2


def _gathered(pixels: Pixels, own: GeoBox, grid: GeoBox) -> list[Pixels]:
    """Layers on the coarse grid, one own pixel each, with their weights as masks."""
    coarse, fine, share = _shares(own, grid)
    starts = np.searchsorted(coarse, np.arange(grid.width * grid.height + 1))
    rank = np.arange(len(coarse)) - starts[coarse]
    depth = int(np.diff(starts).max(initial=1))
    data = np.zeros((depth, grid.width * grid.height), pixels.data.dtype)
    weight = np.zeros((depth, grid.width * grid.height), np.float32)
    data[rank, coarse] = pixels.data.reshape(-1)[fine]
    weight[rank, coarse] = share * np.asarray(pixels.mask, np.float32).reshape(-1)[fine]
    shape = tuple(grid.shape)
    return [Pixels(data[i].reshape(shape), weight[i].reshape(shape)) for i in range(depth)]


def _reduce_resolution(image: Image, reducer: Reducer, best_effort: bool, max_pixels: int) -> Image:
    """Each output pixel reduced from the image's own pixels in it; masks become the share that was valid."""
    bands = []
    for band in image.bands:
        whole = Coarsened(band, reducer, max_pixels, best_effort)
        kinds = reducer.output_types([band.type])
        for i, (output, kind) in enumerate(zip(reducer.outputs, kinds, strict=True)):
            name = band.name if len(reducer.outputs) == 1 else f"{band.name}_{output}"
            bands.append(Band(name, kind, Part(whole, i), band.projection, band.window))
    return image.with_bands(bands)


def clip_to_bounds_and_scale(
    image: Image, region: Geometry | None, width: int | None, height: int | None, most: int | None, scale: float | None
) -> Image:
    """The image on the box of the region, its grid set by width and height, the longest side, or a scale."""
    own = default_projection(image)
    if region is None or region.unbounded:
        box = None if not image.bands else image.bands[0].window
    else:
        box = pixel_box(region, own.crs, own.transform)
    if box is None:
        raise EngineError("Image.clipToBoundsAndScale: the image has no bounds. Give a geometry.")
    if scale is not None:
        target = at_scale(own, scale)
        window = _moved(box, own, target) if region is None else pixel_box(region, target.crs, target.transform)
    elif width is not None or height is not None or most is not None:
        exact = _exact_box(region, own, box)
        target, window = _fitted(own, exact, width, height, most)
    else:
        target, window = own, box
    if window[2] <= 0 or window[3] <= 0:
        raise EngineError("Image.clipToBoundsAndScale: the region is empty.")
    plan = (lambda b: b.plan) if target == own else (lambda b: OwnGrid(b.plan, target))
    bands = []
    for band in image.bands:
        bands.append(Band(band.name, band.type, OnGrid(_bounded(target, window), (plan(band),)), target, window))
    return image.with_bands(bands)


def _exact_box(region: Geometry | None, own: Projection, box: Any) -> tuple[float, float, float, float]:
    """The region's box in fractional pixels of the projection."""
    if region is None:
        return box[0], box[1], box[0] + box[2], box[1] + box[3]
    fine = 4096
    a, b, c, d, e, f = own.transform
    x, y, w, h = pixel_box(region, own.crs, (a / fine, b / fine, c, d / fine, e / fine, f))
    return x / fine, y / fine, (x + w) / fine, (y + h) / fine


def _fitted(
    own: Projection, box: Any, width: int | None, height: int | None, most: int | None
) -> tuple[Projection, Any]:
    wide, high = box[2] - box[0], box[3] - box[1]
    if most is not None:
        width = most if wide >= high else max(1, round(most * wide / high))
        height = most if high >= wide else max(1, round(most * high / wide))
    width = width if width is not None else max(1, round((height or 1) * wide / high))
    height = height if height is not None else max(1, round(width * high / wide))
    fit = Affine(*own.transform) * Affine.translation(box[0], box[1]) * Affine.scale(wide / width, high / height)
    return Projection(own.crs, tuple(fit)[:6]), (0, 0, width, height)


def _bounded(projection: Projection, window: Any) -> Callable[[GeoBox, Pixels], Pixels]:
    def cut(grid: GeoBox, pixels: Pixels) -> Pixels:
        inside = inside_window(grid, projection, window)
        if inside.all():
            return pixels
        mask = pixels.mask & inside if pixels.mask.dtype == bool else pixels.mask * inside
        return Pixels(pixels.data, mask)

    return cut


TABLE = {
    "Image.resample": _resample,
    "Image.reproject": _reproject,
    "Image.setDefaultProjection": _set_default,
    "Image.changeProj": _change_projection,
    "Image.translate": _translate,
    "Image.reduceResolution": _reduce_resolution,
    "Image.clipToBoundsAndScale": clip_to_bounds_and_scale,
}

NOTES = {
    "Image.resample": "Interpolated where at least half of the weight is valid; integer bands stay integer (rounded).",
    "Image.reduceResolution": "The share of a pixel inside the coarser one is measured on 4 × 4 points.",
}
