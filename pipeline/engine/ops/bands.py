"""Images as lists of named bands: constants, selection, names, and what is known without pixels."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from pipeline.engine.image import Band, Image
from pipeline.engine.language.regex import compiled
from pipeline.engine.ops.string import replaced
from pipeline.engine.plan import Constant, OnGrid, Pixels
from pipeline.engine.space.grids import common_projection
from pipeline.engine.values import DOUBLE, Array, Date, PixelType, Projection
from pipeline.errors import EngineError


def constant_band(name: str, value: Any) -> Band:
    """A band of one value everywhere, of a degenerate type: int where the number is integral."""
    if isinstance(value, bool):
        value = int(value)
    if isinstance(value, Array):
        kind = PixelType(value.type.precision, value.type.min, value.type.max, max(value.data.ndim, 1))
        return Band(name, kind, Constant(value.data, value.data.dtype))
    if not isinstance(value, (int, float)):
        raise EngineError(f"Image.constant: {value!r} is not a number, a list of numbers or an array.")
    if float(value).is_integer() and abs(value) < 2**63:
        kind = PixelType("int", int(value), int(value))
        return Band(name, kind, Constant(int(value), kind.dtype))
    real = float(value)
    return Band(name, PixelType("double", real, real), Constant(real, np.dtype(np.float64)))


def _constant(value: Any) -> Image:
    """One band `constant`, or `constant_0`, `constant_1` … from a list; a dictionary names its bands."""
    if isinstance(value, Image):
        return value
    if isinstance(value, dict):
        return Image(tuple(constant_band(n, v) for n, v in value.items()))
    if isinstance(value, list):
        return Image(tuple(constant_band(f"constant_{i}", v) for i, v in enumerate(value)))
    return Image((constant_band("constant", value),))


def pick(image: Image, selectors: list[Any], who: str = "Image.select") -> list[Band]:
    """The bands that names, regular expressions (matching the whole name) or indices choose, in their order."""
    chosen: list[Band] = []
    for selector in selectors:
        if isinstance(selector, (int, float)):
            if not -len(image.bands) <= selector < len(image.bands):
                raise EngineError(
                    f"{who}: Band index {selector:g} out of range. The image has {len(image.bands)} bands."
                )
            chosen.append(image.bands[int(selector)])
        else:
            chosen.extend(_matching(image, selector, who))
    return chosen


def _matching(image: Image, selector: Any, who: str) -> list[Band]:
    if not isinstance(selector, str):
        raise EngineError(f"{who}: A band selector must be a name, a pattern or an index, not {selector!r}.")
    exact = [b for b in image.bands if b.name == selector]
    if exact:
        return exact
    if not image.bands:
        raise EngineError(f"{who}: Band pattern '{selector}' was applied to an Image with no bands.")
    pattern = compiled(selector, who)
    matches = [b for b in image.bands if pattern.fullmatch(b.name)]
    if not matches:
        raise EngineError(
            f"{who}: Band pattern '{selector}' did not match any bands. Available bands: [{', '.join(image.names)}]"
        )
    return matches


def renamed(bands: list[Band], names: list[str], who: str) -> list[Band]:
    """The bands under new names; counts must agree and names be unique."""
    if len(bands) != len(names):
        raise EngineError(f"{who}: The number of names ({len(names)}) must match the number of bands ({len(bands)}).")
    return unique([Band(n, b.type, b.plan, b.projection, b.window) for n, b in zip(names, bands, strict=True)], who)


def unique(bands: list[Band], who: str) -> list[Band]:
    """The bands, if no name occurs twice."""
    for name, times in Counter(b.name for b in bands).items():
        if times > 1:
            raise EngineError(f"{who}: Duplicate band name '{name}'. Band names must be unique.")
    return bands


def _select(image: Image, selectors: list[Any], names: list[str] | None) -> Image:
    """The chosen bands, renamed where new names are given."""
    flat = [s for item in selectors for s in (item if isinstance(item, list) else [item])]
    bands = pick(image, flat)
    chosen = unique(bands, "Image.select") if names is None else renamed(bands, names, "Image.select")
    return replace(image, bands=tuple(chosen))  # still the asset, with fewer bands


def _rename(image: Image, names: list[str]) -> Image:
    """All bands under new names; an image without bands stays one, so that mapped collections can be filtered first."""
    if not image.bands:
        return image
    return image.with_bands(renamed(list(image.bands), names, "Image.rename"))


def _regexp_rename(image: Image, regex: str, replacement: str, everywhere: bool) -> Image:
    """Names with every (or the first) match of the pattern replaced; `$1` stands for a group."""
    names = [replaced(n, regex, replacement, "g" if everywhere else "", "Image.regexpRename") for n in image.names]
    return image.with_bands(renamed(list(image.bands), names, "Image.regexpRename"))


def add_bands(target: Image, source: Image, names: list[str] | None, overwrite: bool) -> Image:
    """The first image's bands and properties with the second's bands after (or, overwriting, in place of) them."""
    added = list(source.bands) if names is None else pick(source, names, "Image.addBands")
    if overwrite:
        incoming = {b.name: b for b in added}
        kept = [incoming.pop(b.name, b) for b in target.bands]
        return target.with_bands([*kept, *(b for b in added if b.name in incoming)])
    bands = list(target.bands)
    taken = set(target.names)
    for band in added:
        name = _free_name(band.name, taken)
        taken.add(name)
        bands.append(band if name == band.name else renamed([band], [name], "Image.addBands")[0])
    return target.with_bands(bands)


def _free_name(name: str, taken: set[str]) -> str:
    """`foo`, else `foo_1`, `foo_2` … as Earth Engine renames conflicts."""
    if name not in taken:
        return name
    return next(f"{name}_{i}" for i in range(1, len(taken) + 2) if f"{name}_{i}" not in taken)


def _cat(images: list[Any]) -> Image:
    """All bands of the images in one."""
    result = Image(())
    for i, image in enumerate(images):
        image = image if isinstance(image, Image) else _constant(image)
        result = image if i == 0 else add_bands(result, image, None, False)
    return result


def _slice(image: Image, start: int, end: int | None) -> Image:
    """Bands start (inclusive) to end (exclusive); negative positions count from the end."""
    return image.with_bands(image.bands[start:end])


def _projection(image: Image) -> Projection:
    """The projection of all bands; an error where they differ."""
    return common_projection(image, "Image.projection")


def _date(image: Image) -> Date:
    """The acquisition start, from `system:time_start`."""
    millis = image.properties.get("system:time_start")
    if millis is None:
        raise EngineError("Image.date: The image has no property 'system:time_start'.")
    return Date(int(millis))


def _metadata(image: Image, name: str, band: str | None) -> Image:
    """A constant image of a numeric property, of type double and named after it."""
    value = image.properties.get(name)
    if isinstance(value, Date):
        value = value.millis
    if not isinstance(value, (int, float)):
        raise EngineError(f"Image.metadata: The image has no numeric property '{name}' (found {value!r}).")
    plan = Constant(float(value), DOUBLE.dtype)
    like = image.bands[0] if image.bands else Band(name, DOUBLE, plan)
    return Image((Band(band or name, DOUBLE, plan, like.projection, like.window),))


def masked_band(name: str, kind: PixelType) -> Band:
    """A band without a valid pixel."""

    def nothing(grid: GeoBox) -> Pixels:
        empty = np.zeros((*grid.shape, *(0 for _ in range(kind.dimensions))), kind.dtype)
        return Pixels(empty, np.broadcast_to(np.False_, tuple(grid.shape)))

    return Band(name, kind, OnGrid(nothing))


TABLE = {
    "Image.constant": _constant,
    "Image.select": _select,
    "Image.rename": _rename,
    "Image.regexpRename": _regexp_rename,
    "Image.addBands": add_bands,
    "Image.cat": _cat,
    "Image.slice": _slice,
    "Image.bandNames": lambda image: image.names,
    "Image.bandTypes": lambda image: {b.name: b.type for b in image.bands},
    "Image.projection": _projection,
    "Image.date": _date,
    "Image.metadata": _metadata,
    "Image.id": lambda element: element.id,
}
