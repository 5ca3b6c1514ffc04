"""Masks, and everything that decides by a condition: mask, where, remap, blend, clip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from pipeline.engine.collection import Collection, Feature
from pipeline.engine.image import Band, Image
from pipeline.engine.ops.bands import constant_band
from pipeline.engine.pairing import matched, paired
from pipeline.engine.plan import (
    Local,
    NDArray,
    OnGrid,
    Pixels,
    both,
    everywhere,
    is_everywhere,
    is_nowhere,
    nowhere,
    valid,
)
from pipeline.engine.space import shapes
from pipeline.engine.space.geometry import Geometry
from pipeline.engine.space.grids import hull, intersect, overlap
from pipeline.engine.values import PixelType
from pipeline.errors import EngineError


def _as_weight(pixels: Pixels) -> Any:
    """What a mask band says of each pixel: 0 invalid, 1 valid, between partly; masked means invalid."""
    data, own = pixels
    if data.strides == (0, 0) and data.size and data[0, 0] == 0:  # masked by a constant
        return nowhere(data.shape)
    if data.dtype.kind == "f":
        weight = np.clip(np.nan_to_num(data), 0, 1).astype(np.float32)
        whole = (weight == 0) | (weight == 1)
        return both(own, weight > 0 if whole.all() else weight)
    return both(own, data > 0)


def _update_mask(image: Image, mask: Image) -> Image:
    """The image, valid only where it was and the mask is not zero."""

    def restrict(pixels: Pixels, by: Pixels) -> Pixels:
        return Pixels(pixels.data, both(pixels.mask, _as_weight(by)))

    bands = []
    for band, by in _mask_pairs(image, mask, "Image.updateMask"):
        bands.append(Band(band.name, band.type, Local(restrict, (band.plan, by.plan)), *intersect(band, by)))
    return image.with_bands(bands)


def _mask_pairs(image: Image, mask: Image, who: str) -> list[tuple[Band, Band]]:
    if len(mask.bands) == 1:
        return [(b, mask.bands[0]) for b in image.bands]
    if len(mask.bands) != len(image.bands):
        raise EngineError(
            f"{who}: {len(mask.bands)} bands do not fit an image of {len(image.bands)}. Give 1 or as many."
        )
    return [(a, b) for _, a, b in paired(image, mask, who)]


def _scalar(image: Image, who: str) -> Image:
    """The image, if a pixel of it can be true or false."""
    for band in image.bands:
        if band.type.dimensions:
            raise EngineError(f"{who}: Band '{band.name}' holds arrays; a number a pixel is needed. Use arrayGet.")
    return image


def _mask(image: Image, mask: Image | None) -> Image:
    """Without `mask`: each band's mask as an image. With it: the image with its mask replaced.

    New pixels are 0, or what is nearest to it in the band's declared range.
    """
    if mask is None:
        return image.with_bands(_mask_band(b) for b in image.bands)
    bands = []
    for band, by in _mask_pairs(image, mask, "Image.mask"):
        low, high = (0 if v is None else v for v in (band.type.min, band.type.max))
        plan = Local(_replaced(max(low, min(0, high))), (band.plan, by.plan))
        bands.append(Band(band.name, band.type, plan, *intersect(band, by)))
    return image.with_bands(bands)


def _replaced(fill: float) -> Callable[[Pixels, Pixels], Pixels]:
    def replace(pixels: Pixels, by: Pixels) -> Pixels:
        data = pixels.data
        if not is_everywhere(pixels.mask):
            shown = valid(pixels.mask).reshape(pixels.mask.shape + (1,) * (data.ndim - 2))
            data = np.where(shown, data, data.dtype.type(fill))
        return Pixels(data, _as_weight(by))

    return replace


def _mask_band(band: Band) -> Band:
    def compute(pixels: Pixels) -> Pixels:
        mask = pixels.mask
        return Pixels(mask.view(np.uint8) if mask.dtype == bool else mask, everywhere(mask.shape))

    def steady(pixels: Pixels) -> Pixels:
        result = compute(pixels)
        return Pixels(result.data.astype(np.float32), result.mask)

    # A band that may be partly valid has a fractional mask; its type cannot be known before the pixels are.
    return Band(band.name, PixelType("float", 0, 1), Local(steady, (band.plan,)), band.projection, band.window)


def _self_mask(image: Image) -> Image:
    """Valid only where the band itself is not zero."""

    def restrict(pixels: Pixels) -> Pixels:
        return Pixels(pixels.data, both(pixels.mask, _as_weight(Pixels(pixels.data, everywhere(pixels.mask.shape)))))

    return image.with_bands(
        Band(b.name, b.type, Local(restrict, (b.plan,)), b.projection, b.window) for b in image.bands
    )


def _unmask(image: Image, value: Image | None, same_footprint: bool) -> Image:
    """Masked pixels take the value (0) and its mask; the footprint stays unless told otherwise."""
    value = value if value is not None else Image((constant_band("constant", 0),))
    bands = []
    for band, by in _mask_pairs(image, value, "Image.unmask"):
        kind = band.type.union(by.type)
        plan: Any = Local(_fill(kind), (band.plan, by.plan))
        window = band.window if same_footprint else hull(band, by)
        if same_footprint and band.window is not None:
            plan = OnGrid(_keep_outside(band), (plan, band.plan))
        bands.append(Band(band.name, kind, plan, band.projection, window))
    if same_footprint:
        return image.with_bands(bands)
    # The footprint is that of the bands' new bounds.
    return Image(tuple(bands), {k: v for k, v in image.properties.items() if k != "system:footprint"})


def _fill(kind: PixelType) -> Any:
    def compute(pixels: Pixels, by: Pixels) -> Pixels:
        if is_everywhere(pixels.mask) or is_nowhere(by.mask):
            return Pixels(pixels.data.astype(kind.dtype, copy=False), pixels.mask)
        good = valid(pixels.mask)
        a, b = matched(pixels.data, by.data)
        shown = good.reshape(good.shape + (1,) * (max(a.ndim, b.ndim) - 2))
        data = np.where(shown, a.astype(kind.dtype, copy=False), b.astype(kind.dtype, copy=False))
        mask = (
            everywhere(good.shape)
            if is_everywhere(by.mask) and pixels.mask.dtype == bool
            else np.where(good, pixels.mask, by.mask)
        )
        return Pixels(data, mask)

    return compute


def _keep_outside(band: Band) -> Any:
    """Outside the band's own bounds the mask stays as it was."""

    def compute(grid: GeoBox, filled: Pixels, original: Pixels) -> Pixels:
        inside = shapes.inside_window(grid, band.projection, band.window)
        if inside.all():
            return filled
        return Pixels(filled.data, np.where(inside, filled.mask, original.mask))

    return compute


def _where(image: Image, test: Image, value: Image) -> Image:
    """The value where the test is not zero; nothing changes where test, value or image is masked."""
    bands = []
    tests = [t for _, t in _mask_pairs(image, _scalar(test, "Image.where"), "Image.where")]
    values = [v for _, v in _mask_pairs(image, value, "Image.where")]
    for band, t, v in zip(image.bands, tests, values, strict=True):
        kind = band.type.union(v.type)

        def choose(a: Pixels, t: Pixels, v: Pixels, kind: PixelType = kind) -> Pixels:
            change = (t.data != 0) & valid(t.mask) & valid(v.mask) & valid(a.mask)
            old, new = matched(a.data, v.data)
            change = change.reshape(change.shape + (1,) * (max(old.ndim, new.ndim) - 2))
            return Pixels(np.where(change, new.astype(kind.dtype), old.astype(kind.dtype)), a.mask)

        bands.append(Band(band.name, kind, Local(choose, (band.plan, t.plan, v.plan)), band.projection, band.window))
    return image.with_bands(bands)


def _remap(image: Image, old: list[Any], new: list[Any], default: Any, band_name: str | None) -> Image:
    """Values of one band replaced by table, as band `remapped`; unlisted ones masked, or the default."""
    if len(old) != len(new):
        raise EngineError(f"Image.remap: The lists must have the same length, not {len(old)} and {len(new)}.")
    odd = [v for v in (*old, *new) if not isinstance(v, (int, float))]
    if odd:
        raise EngineError(f"Image.remap: 'from' and 'to' must be lists of numbers, but hold {odd[0]!r}.")
    if not image.bands:
        raise EngineError("Image.remap: the image has no bands.")
    band = image.bands[0]
    if band_name is not None:
        found = [b for b in image.bands if b.name == band_name]
        if not found:
            raise EngineError(f"Image.remap: No band named '{band_name}'. Available bands: {image.names}.")
        band = found[0]
    order = np.argsort(np.asarray(old, float), kind="stable")
    keys, results = np.asarray(old, float)[order], np.asarray(new, float)[order]
    kind = _hull([*new, *([] if default is None or isinstance(default, Image) else [default])])
    fallback = (
        None if default is None else (default if isinstance(default, Image) else Image((constant_band("d", default),)))
    )
    inputs = (band.plan,) if fallback is None else (band.plan, fallback.bands[0].plan)
    if fallback is not None:
        kind = kind.union(fallback.bands[0].type)

    def find(values: NDArray) -> tuple[NDArray, NDArray]:
        if not len(keys):
            return np.zeros(values.shape, kind.dtype), np.zeros(values.shape, bool)
        at = np.clip(np.searchsorted(keys, values), 0, len(keys) - 1)
        return results[at].astype(kind.dtype), keys[at] == values

    def look_up(pixels: Pixels, other: Pixels | None = None) -> Pixels:
        if pixels.data.dtype == np.uint8:  # class codes: a table of all 256 is faster than looking each pixel up
            data, found = (table[pixels.data] for table in find(np.arange(256)))
        else:
            data, found = find(pixels.data)
        if other is None:
            return Pixels(data, both(pixels.mask, found))
        return Pixels(
            np.where(found, data, other.data.astype(kind.dtype)), both(pixels.mask, found | valid(other.mask))
        )

    return image.with_bands([Band("remapped", kind, Local(look_up, inputs), band.projection, band.window)])


def _hull(values: list[Any]) -> PixelType:
    if not values:
        return PixelType("int", 0, 0)
    whole = all(float(v).is_integer() for v in values)
    low, high = min(values), max(values)
    return PixelType("int", int(low), int(high)) if whole else PixelType("double", float(low), float(high))


def _blend(bottom: Image, top: Image) -> Image:
    """The top image laid over the bottom one by the top's mask (a partial mask mixes the two)."""
    bands = []
    for name, a, b in paired(_scalar(bottom, "Image.blend"), _scalar(top, "Image.blend"), "Image.blend"):
        kind = a.type.union(b.type)

        def over(low: Pixels, high: Pixels, kind: PixelType = kind) -> Pixels:
            weight = np.asarray(high.mask, np.float32)
            under = np.asarray(low.mask, np.float32)
            total = weight + under * (1 - weight)
            with np.errstate(invalid="ignore", divide="ignore"):
                mixed = (high.data * weight + low.data * under * (1 - weight)) / total
            mixed = np.where(total > 0, mixed, 0)
            data = np.rint(mixed) if kind.precision == "int" else mixed
            whole = low.mask.dtype == bool and high.mask.dtype == bool
            return Pixels(data.astype(kind.dtype), total > 0 if whole else total)

        bands.append(
            Band(name, kind, Local(over, (a.plan, b.plan)), a.projection, None if b.window is None else a.window)
        )
    return bottom.with_bands(bands)


def clip_to(image: Image, geometry: Geometry) -> Image:
    """The image, masked where a pixel's centre lies outside the geometry; its bounds shrink to the geometry's."""
    if geometry.unbounded:
        return image

    def cut(grid: GeoBox, pixels: Pixels) -> Pixels:
        return Pixels(pixels.data, both(pixels.mask, shapes.inside(geometry, grid)))

    bands = []
    for band in image.bands:
        box = shapes.pixel_box(geometry, band.projection.crs, band.projection.transform)
        window = box if band.window is None else overlap(band.window, box)
        bands.append(Band(band.name, band.type, OnGrid(cut, (band.plan,)), band.projection, window))
    if "system:footprint" in image.properties:
        image = image.with_properties({**image.properties, "system:footprint": geometry})
    return image.with_bands(bands)


def _clip(session: Any, image: Image, region: Any) -> Image:
    """The image inside a Geometry, Feature or FeatureCollection."""
    from pipeline.engine.coerce import coerce

    if isinstance(region, (Feature, Geometry, Collection, dict, Image)):
        geometry = coerce(region, "Geometry", "Image.clip, argument 'geometry'", session)
        if geometry is not None:
            return clip_to(image, geometry)
    raise EngineError(f"Image.clip: The geometry must be a Geometry, a Feature or a FeatureCollection, not {region!r}.")


TABLE = {
    "Image.updateMask": _update_mask,
    "Image.mask": _mask,
    "Image.selfMask": _self_mask,
    "Image.unmask": _unmask,
    "Image.where": _where,
    "Image.remap": _remap,
    "Image.blend": _blend,
}

SESSION_TABLE = {
    "Image.clip": _clip,
    "Image.clipToCollection": _clip,
}

NOTES = {
    "Image.clip": "Decided by pixel centres; Earth Engine may give edge pixels a partial mask.",
    "Image.clipToCollection": "Decided by pixel centres; Earth Engine may give edge pixels a partial mask.",
    "Image.mask": "The mask image is declared float [0, 1].",
}
