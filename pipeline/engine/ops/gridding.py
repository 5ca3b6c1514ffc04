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
from pipeline.engine.space.grids import at_scale, default_projection, grown, moved, projected
from pipeline.engine.space.shapes import inside_window, pixel_box
from pipeline.engine.values import Projection
from pipeline.errors import EngineError

PARTS = 4
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
    return Interpolated(band, mode)


@dataclass(frozen=True, eq=False)
class Interpolated:
    """A computed band, interpolated between the pixels of its pyramid: of the largest not larger than those asked."""

    band: Band
    method: resample.Method
    group = None

    @property
    def inputs(self) -> tuple[Plan, ...]:
        """The band's plan."""
        return (self.band.plan,)

    def _level(self, grid: GeoBox) -> OwnGrid:
        per = _per_pixel(self.band, grid)
        larger = 2 ** int(math.log2(per * (1 + 1e-3))) if 2 <= per * (1 + 1e-3) < math.inf else 1
        return OwnGrid(self.band.plan, crs_.scaled(self.band.projection, larger, larger), self.method)

    def needs(self, grid: GeoBox) -> Sequence[tuple[Plan, GeoBox]]:
        """The band on the level's pixels under the grid."""
        return self._level(grid).needs(grid)

    def compute(self, grid: GeoBox, inputs: list[Any]) -> Pixels:
        """The level's pixels, interpolated at the wanted centres."""
        return self._level(grid).compute(grid, inputs)


def _per_pixel(band: Band, grid: GeoBox) -> float:
    """How many of the band's own pixels a side of the grid's pixels is long."""
    x, y, width, height = band.window or (0, 0, 0, 0)
    own, middle = band.projection, (x + width / 2, y + height / 2)
    return resample.source_pixels_per_pixel(
        crs_.grid_name(grid), grid.transform, own.crs, Affine(*own.transform), middle
    )


def _reproject(image: Image, crs: Projection, transform: list[float] | None, scale: float | None) -> Image:
    """The image computed on the pixels of this projection, whatever grid is asked for later."""
    own = projected(crs, transform, scale, "Image.reproject")
    return image.with_bands(
        Band(b.name, b.type, OwnGrid(b.plan, own), own, moved(b.window, b.projection, own)) for b in image.bands
    )


def _set_default(image: Image, crs: Projection, transform: list[float] | None, scale: float | None) -> Image:
    """The same pixels under another declared projection: decides scale and grid only where none is given."""
    own = projected(crs, transform, scale, "Image.setDefaultProjection")
    return image.with_bands(replace(b, projection=own, window=moved(b.window, b.projection, own)) for b in image.bands)


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
    """Native pixels gathered into the pixels of whatever grid is asked for; one band an input of the reducer.

    The first band's pixels are the native ones of all. Where they are too many, best effort takes a pyramid's level.
    """

    bands: tuple[Band, ...]
    reducer: Reducer
    max_pixels: int
    best_effort: bool
    group = None

    @property
    def inputs(self) -> tuple[Plan, ...]:
        """The bands' plans."""
        return tuple(b.plan for b in self.bands)

    def _own(self, grid: GeoBox) -> tuple[float, GeoBox | None]:
        """How many pixels to gather lie along an asked pixel's side, and their grid around the asked one."""
        own, per = self.bands[0].projection, _per_pixel(self.bands[0], grid)
        over = per / math.sqrt(max(self.max_pixels, 1)) * (1 - 1e-9)
        if over > 1 and not self.best_effort:
            raise EngineError(
                f"Image.reduceResolution: Too many input pixels per output pixel: {per * per:.0f}, maxPixels is "
                f"{self.max_pixels}. Raise maxPixels, or set bestEffort."
            )
        if 1 < over < math.inf:
            larger = 2 ** math.ceil(math.log2(over))
            own, per = crs_.scaled(own, larger, larger), per / larger
        window = own_window(grid, own, reach=1 + math.ceil(per / 2))
        return per, None if window is None else window[1]

    def needs(self, grid: GeoBox) -> Sequence[tuple[Plan, GeoBox]]:
        """The bands' own pixels under the grid."""
        _, own = self._own(grid)
        return [] if own is None else [(plan, own) for plan in self.inputs]

    def compute(self, grid: GeoBox, inputs: list[Any]) -> tuple[Pixels, ...]:
        """Every output, each own pixel weighed by its mask and the share of it inside the coarse pixel."""
        per, own = self._own(grid)
        if own is None:
            blank = Pixels(np.zeros(grid.shape), np.zeros(grid.shape, bool))
            return tuple(blank for _ in self.reducer.outputs)
        parts = max(PARTS, math.ceil(PARTS / per))
        return tuple(self.reducer.stack([_gathered(p, own, grid, parts) for p in inputs]))


@lru_cache(maxsize=16)
def _shares(own: GeoBox, grid: GeoBox, parts: int) -> tuple[NDArray, NDArray, NDArray]:
    """For each own pixel cut parts × parts: (flat asked index, flat own index, weight), what is outside left out."""
    sub = GeoBox((own.height * parts, own.width * parts), own.transform * Affine.scale(1 / parts), own.crs)
    where = resample.positions(sub, crs_.grid_name(grid), grid.transform)
    x, y = np.broadcast_arrays(np.floor(where.x + resample.SNAP), np.floor(where.y + resample.SNAP))
    inside = (x >= 0) & (x < grid.width) & (y >= 0) & (y < grid.height)
    coarse = (y * grid.width + x)[inside].astype(np.int64)
    rows, columns = np.nonzero(inside)
    fine = (rows // parts) * own.width + columns // parts
    pairs, counts = np.unique(coarse * (own.width * own.height) + fine, return_counts=True)
    return pairs // (own.width * own.height), pairs % (own.width * own.height), counts / parts**2


def _gathered(pixels: Pixels, own: GeoBox, grid: GeoBox, parts: int) -> list[Pixels]:
    """Layers on the coarse grid, one own pixel each, with their weights as masks."""
    coarse, fine, share = _shares(own, grid, parts)
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
    sets: list[tuple[tuple[Band, ...], list[str]]]
    if reducer.inputs == 1:
        single = len(reducer.outputs) == 1
        sets = [((b,), [b.name if single else f"{b.name}_{o}" for o in reducer.outputs]) for b in image.bands]
    elif reducer.inputs == len(image.bands):
        sets = [(image.bands, list(reducer.outputs))]
    else:
        raise EngineError(
            f"Image.reduceResolution: The reducer {reducer.name} takes {reducer.inputs} bands, but the image has "
            f"{len(image.bands)}. Select as many."
        )
    made = []
    for bands, names in sets:
        whole = Coarsened(bands, reducer, max_pixels, best_effort)
        kinds = reducer.output_types([b.type for b in bands])
        for i, (name, kind) in enumerate(zip(names, kinds, strict=True)):
            made.append(Band(name, kind, Part(whole, i), bands[0].projection, bands[0].window))
    return image.with_bands(made)


def clip_to_bounds_and_scale(
    image: Image, region: Geometry | None, width: int | None, height: int | None, most: int | None, scale: float | None
) -> Image:
    """The image on the box of the region, its grid set by width and height, the longest side, or a scale."""
    if (width is None) != (height is None):
        raise EngineError("Image.clipToBoundsAndScale: Give width and height together, or maxDimension.")
    if sum(v is not None for v in (width, most, scale)) > 1:
        raise EngineError("Image.clipToBoundsAndScale: Give either width and height, or maxDimension, or scale.")
    own = default_projection(image)
    whole = image.bands[0].window if image.bands else None
    region = None if region is None or region.unbounded else region
    box = whole if region is None else pixel_box(region, own.crs, own.transform)
    if box is None:
        raise EngineError("Image.clipToBoundsAndScale: the image has no bounds. Give a geometry.")
    if scale is not None:
        target = at_scale(own, scale)
        window = grown(box, own, target) if region is None else pixel_box(region, target.crs, target.transform)
    elif most is not None or (width is not None and height is not None):
        target, window = _fitted(own, _exact_box(region, own, box), (width or 0, height or 0), most)
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


def _fitted(own: Projection, box: Any, size: tuple[int, int], most: int | None) -> tuple[Projection, Any]:
    """The projection whose pixels fill the box: `size` of them (width, height), or `most` on the longer side."""
    wide, high = box[2] - box[0], box[3] - box[1]
    width, height = size
    if most is not None:
        longer = max(wide, high)
        width, height = max(1, round(most * wide / longer)), max(1, round(most * high / longer))
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
    "Image.reduceResolution": "The share of a pixel inside the coarser one is measured on 4 × 4 points or more.",
}
