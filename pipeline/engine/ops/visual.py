"""Pictures: stretching bands to colours, colour spaces, and painting features into bands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.colors import hsv_to_rgb, rgb_to_hsv, to_rgba
from odc.geo.geobox import GeoBox

from pipeline.engine.collection import Collection
from pipeline.engine.image import Band, Image
from pipeline.engine.ops.bands import pick
from pipeline.engine.plan import Local, NDArray, OnGrid, Part, Pixels, both
from pipeline.engine.space import shapes
from pipeline.engine.space.geometry import Geometry, footprint
from pipeline.engine.values import PixelType
from pipeline.errors import EngineError

BYTE = PixelType("int", 0, 255)
RGB = ("vis-red", "vis-green", "vis-blue")


def colour(text: Any, who: str) -> tuple[float, float, float, float]:
    """Red, green, blue and opacity (0–1) of a CSS name or of hexadecimal digits with or without '#'."""
    word = str(text).strip()
    digits = all(c in "0123456789abcdefABCDEF" for c in word) and len(word) in (3, 4, 6, 8)
    try:
        red, green, blue, alpha = to_rgba(f"#{word}" if digits else word)
    except ValueError:
        raise EngineError(f"{who}: '{text}' is not a colour. Use a CSS name, or hexadecimal like 'FF8000'.") from None
    return red, green, blue, alpha


def _numbers(value: Any, count: int, who: str, what: str) -> list[float] | None:
    """One number for each band, from a number, a list, or a comma-separated string."""
    if value is None:
        return None
    items = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else [value]
    try:
        numbers = [float(v) for v in items]
    except (TypeError, ValueError):
        raise EngineError(f"{who}: {what} must be numbers, not {value!r}.") from None
    if len(numbers) not in (1, count):
        raise EngineError(f"{who}: {what} must have 1 or {count} values, not {len(numbers)}.")
    return numbers * count if len(numbers) == 1 else numbers


def _words(value: Any) -> list[Any] | None:
    if value is None:
        return None
    if not isinstance(value, (str, list)):
        raise EngineError(f"Image.visualize: {value!r} is not a list of names.")
    return [w.strip() for w in value.split(",")] if isinstance(value, str) else value


@dataclass(frozen=True)
class Stretch:
    """How one band becomes 0–255: (value · gain + bias), or [low, high] to the full range, then gamma."""

    gain: float
    bias: float
    gamma: float

    def apply(self, data: NDArray) -> NDArray:
        """Values as real numbers 0–255, not rounded."""
        scaled = np.clip(data.astype(np.float64) * self.gain + self.bias, 0, 255)
        return scaled if self.gamma == 1 else 255 * (scaled / 255) ** (1 / self.gamma)


def _stretches(image: Image, options: dict[str, Any], who: str) -> list[Stretch]:
    count = len(image.bands)
    gain, bias, low, high, gamma = (
        _numbers(options[n], count, who, n) for n in ("gain", "bias", "min", "max", "gamma")
    )
    if (gain or bias) and (low or high):
        raise EngineError(f"{who}: Specify either gain and bias, or min and max, not both.")
    if gamma and min(gamma) <= 0:
        raise EngineError(f"{who}: gamma must be positive, not {min(gamma)}.")
    made = []
    for i, band in enumerate(image.bands):
        power = gamma[i] if gamma else 1.0
        if gain or bias:
            made.append(Stretch(gain[i] if gain else 1.0, bias[i] if bias else 0.0, power))
            continue
        least, most = _default_range(band.type)
        least, most = low[i] if low else least, high[i] if high else most
        slope = 255 / (most - least) if most != least else 0.0
        made.append(Stretch(slope, -least * slope, power))
    return made


def _default_range(kind: PixelType) -> tuple[float, float]:
    """Floats 0–1, bytes as they are, other integers over their type's full range."""
    if kind.precision != "int":
        return 0.0, 1.0
    limits = np.iinfo(kind.dtype)
    return float(limits.min), float(limits.max)


def visualize(
    image: Image,
    bands: Any = None,
    gain: Any = None,
    bias: Any = None,
    low: Any = None,
    high: Any = None,
    gamma: Any = None,
    opacity: float | None = None,
    palette: Any = None,
    force_rgb: bool = False,
) -> Image:
    """Bands vis-red, vis-green, vis-blue (or vis-gray) of 0–255; the masks are the image's, times the opacity."""
    who = "Image.visualize"
    chosen = image.with_bands(
        pick(image, _words(bands) or [0] if bands is not None else list(range(min(len(image.bands), 3))), who)
    )
    if bands is None and len(image.bands) == 2:
        chosen = chosen.with_bands(chosen.bands[:1])
    if len(chosen.bands) not in (1, 3):
        raise EngineError(f"{who}: Must have one or three bands, got {len(chosen.bands)}.")
    options = {"gain": gain, "bias": bias, "min": low, "max": high, "gamma": gamma}
    stretches = _stretches(chosen, options, who)
    colours = _words(palette)
    if colours:
        if len(chosen.bands) != 1:
            raise EngineError(f"{who}: Cannot use a palette with {len(chosen.bands)} bands; select one.")
        return _picture(_with_palette(chosen.bands[0], stretches[0], colours, opacity, who), image)
    made = [
        Band(name, BYTE, Local(_stretched(s, opacity), (b.plan,)), b.projection, b.window)
        for name, b, s in zip(RGB if len(chosen.bands) == 3 else ("vis-gray",), chosen.bands, stretches, strict=True)
    ]
    if len(made) == 1 and force_rgb:
        made = [Band(n, BYTE, made[0].plan, made[0].projection, made[0].window) for n in RGB]
    return _picture(made, image)


def _picture(bands: Sequence[Band], image: Image) -> Image:
    kept = {k: v for k, v in image.properties.items() if k in ("system:index", "system:footprint")}
    return Image(tuple(bands), kept)


def _faded(mask: NDArray, opacity: float | None) -> NDArray:
    return mask if opacity is None or opacity >= 1 else mask * np.float32(max(opacity, 0))


def _stretched(stretch: Stretch, opacity: float | None) -> Callable[[Pixels], Pixels]:
    def compute(pixels: Pixels) -> Pixels:
        return Pixels(np.nan_to_num(stretch.apply(pixels.data)).astype(np.uint8), _faded(pixels.mask, opacity))

    return compute


def _with_palette(band: Band, stretch: Stretch, palette: list[Any], opacity: float | None, who: str) -> list[Band]:
    """Three bands of the palette's colours, interpolated between neighbours."""
    colours = np.array([colour(c, who) for c in palette])
    if len(colours) == 1:
        colours = np.vstack([[0, 0, 0, 1], colours])

    def compute(pixels: Pixels) -> tuple[Pixels, ...]:
        place = np.nan_to_num(stretch.apply(pixels.data)) / 255 * (len(colours) - 1)
        steps = np.arange(len(colours))
        mask = _faded(pixels.mask, opacity)
        alpha = np.interp(place, steps, colours[:, 3]) if (colours[:, 3] < 1).any() else None
        mask = mask if alpha is None else (mask * alpha).astype(np.float32)
        return tuple(
            Pixels((np.interp(place, steps, colours[:, i]) * 255 + 0.5).astype(np.uint8), mask) for i in range(3)
        )

    whole = Local(compute, (band.plan,))
    return [Band(n, BYTE, Part(whole, i), band.projection, band.window) for i, n in enumerate(RGB)]


def _colour_space(
    names: tuple[str, str, str], convert: Callable[[NDArray], NDArray], who: str
) -> Callable[[Image], Image]:
    def apply(image: Image) -> Image:
        if len(image.bands) != 3:
            raise EngineError(f"{who}: Image must have exactly 3 bands, got {len(image.bands)}.")

        def compute(*pixels: Pixels) -> tuple[Pixels, ...]:
            mask = both(pixels[0].mask, *(p.mask for p in pixels[1:]))
            result = convert(np.stack([np.clip(p.data.astype(np.float64), 0, 1) for p in pixels], axis=-1))
            return tuple(Pixels(result[..., i], mask) for i in range(3))

        whole = Local(compute, tuple(b.plan for b in image.bands))
        first = image.bands[0]
        kind = PixelType("double", 0, 1)
        return _picture(
            [Band(n, kind, Part(whole, i), first.projection, first.window) for i, n in enumerate(names)], image
        )

    return apply


def _paint(image: Image, collection: Collection, color: Any, width: Any) -> Image:
    """The image with the features' areas (or outlines of `width` pixels) set to a number or a property's number."""
    shapes_: list[tuple[Geometry, float, float | None]] = []
    for feature in collection:
        geometry = footprint(feature)
        if geometry is None:
            continue
        value = _own(feature, color, "Image.paint: color")
        line = None if width is None else _own(feature, width, "Image.paint: width")
        shapes_.append((geometry, value, line))

    def make(band: Band) -> Band:
        def compute(grid: GeoBox, pixels: Pixels) -> Pixels:
            data, mask = np.array(pixels.data), np.array(pixels.mask)
            for geometry, value, line in shapes_:
                _, painted = shapes.burn(grid, [(geometry, value)], line)
                data[painted] = np.asarray(value).astype(data.dtype)
                mask[painted] = 1
            return Pixels(data, mask)

        return Band(band.name, band.type, OnGrid(compute, (band.plan,)), band.projection, band.window)

    return image.with_bands(make(b) for b in image.bands)


def _own(feature: Any, value: Any, what: str) -> float:
    """A number, or the feature's property of that name."""
    found = feature.properties.get(value) if isinstance(value, str) else value
    if not isinstance(found, (int, float)):
        raise EngineError(f"{what} must be a number or the name of a numeric property; {value!r} gives {found!r}.")
    return float(found)


def _random_visualizer(image: Image) -> Image:
    """Each value of the first band in a colour of its own, always the same."""
    if not image.bands:
        raise EngineError("Image.randomVisualizer: the image has no bands.")
    band = image.bands[0]

    def compute(pixels: Pixels) -> tuple[Pixels, ...]:
        key = pixels.data.astype(np.int64).view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        return tuple(
            Pixels(((key >> np.uint64(s)) & np.uint64(255)).astype(np.uint8), pixels.mask) for s in (40, 48, 56)
        )

    whole = Local(compute, (band.plan,))
    return _picture([Band(n, BYTE, Part(whole, i), band.projection, band.window) for i, n in enumerate(RGB)], image)


TABLE = {
    "Image.visualize": visualize,
    "Image.rgbToHsv": _colour_space(("hue", "saturation", "value"), rgb_to_hsv, "Image.rgbToHsv"),
    "Image.hsvToRgb": _colour_space(("red", "green", "blue"), hsv_to_rgb, "Image.hsvToRgb"),
    "Image.paint": _paint,
    "Image.randomVisualizer": _random_visualizer,
}

NOTES = {
    "Image.randomVisualizer": "Colours are fixed for a value, but are not Earth Engine's.",
}
