"""Features drawn as pictures: areas, lines and point markers in a style. Sizes are in pixels of whatever grid asks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from pipeline.engine.collection import Collection
from pipeline.engine.image import Band, Image
from pipeline.engine.ops.visual import BYTE, RGB, colour
from pipeline.engine.plan import NDArray, OnGrid, Part, Pixels
from pipeline.engine.space import shapes
from pipeline.engine.space.geometry import Geometry, footprint
from pipeline.errors import EngineError

Colour = tuple[float, float, float, float]
Brush: TypeAlias = float | BaseGeometry | None
"""How a layer is painted: the width of its lines, the stamp for its points, or None for its area."""
Layer = tuple[Geometry, Colour, Brush]

# Corners, the direction of the first in degrees clockwise from the top, and the radius between corners.
MARKERS = {
    "square": (4, 45.0, 1.0),
    "diamond": (4, 0.0, 1.0),
    "triangle": (3, 0.0, 1.0),
    "triangle_right": (3, 90.0, 1.0),
    "triangle_down": (3, 180.0, 1.0),
    "triangle_left": (3, 270.0, 1.0),
    "pentagon": (5, 0.0, 1.0),
    "hexagon": (6, 0.0, 1.0),
    "star5": (5, 0.0, 0.382),
    "star6": (6, 0.0, 0.577),
}
CROSSES = {"plus": 0.0, "cross": 45.0}
ALIASES = {
    **{"o": "circle", "s": "square", "d": "diamond", "x": "cross", "+": "plus", "p": "star5", "h": "star6"},
    **{"^": "triangle", "v": "triangle_down", "<": "triangle_left", ">": "triangle_right"},
    **{"pentagram": "star5", "hexagram": "star6", "triangle_up": "triangle"},
}


@dataclass(frozen=True)
class Style:
    """How a feature is drawn."""

    color: Any = "black"
    pointSize: float = 3
    pointShape: str = "circle"
    width: float = 2
    fillColor: Any = None
    lineType: str = "solid"


def _layers(feature: Any, style: Style, who: str) -> Iterable[Layer]:
    """What to paint for one feature: its area, then its outline; the same for the marker of a point."""
    for name in ("pointSize", "width"):
        if not isinstance(getattr(style, name), (int, float)):
            raise EngineError(f"{who}: {name} must be a number, not {getattr(style, name)!r}.")
    geometry = footprint(feature)
    if geometry is None:
        return
    line = colour(style.color, who)
    fill = colour(style.fillColor, who) if style.fillColor is not None else (*line[:3], line[3] * 0.66)
    kind = geometry.shape.geom_type
    if "Point" in kind:
        yield from ((geometry, paint, stamp) for paint, stamp in _marker(style, line, fill, who))
        return
    if "Polygon" in kind or kind == "GeometryCollection":
        yield geometry, fill, None
    if style.width > 0:
        yield geometry, line, style.width


def _marker(style: Style, line: Colour, fill: Colour, who: str) -> Iterable[tuple[Colour, BaseGeometry]]:
    """The stamps of a point's marker: its area and its outline."""
    name = ALIASES.get(style.pointShape, style.pointShape)
    radius = style.pointSize / 2
    if name in CROSSES:
        yield line, _cross(radius, CROSSES[name]).buffer(max(style.width, 1) / 2)
        return
    if name != "circle" and name not in MARKERS:
        known = ", ".join(["circle", *MARKERS, *CROSSES])
        raise EngineError(f"{who}: Unknown pointShape '{style.pointShape}'. Use one of {known}.")
    area = shapely.Point(0, 0).buffer(radius) if name == "circle" else _star(radius, *MARKERS[name])
    yield fill, area
    if style.width > 0:
        yield line, area.boundary.buffer(style.width / 2)


def _star(radius: float, corners: int, first: float, between: float) -> BaseGeometry:
    """A polygon of corners at the radius, and of points between them at a share of it where the share is not 1."""
    # A square is as wide as its size, not as its diagonal.
    reach = radius * math.sqrt(2) if first == 45 else radius
    count = corners if between == 1 else 2 * corners
    angles = np.radians(first) + np.arange(count) * 2 * np.pi / count
    far = np.where(np.arange(count) % 2, reach * between, reach) if between != 1 else np.full(count, reach)
    return shapely.Polygon(np.column_stack([np.sin(angles), -np.cos(angles)]) * far[:, None])


def _cross(radius: float, turn: float) -> BaseGeometry:
    angles = np.radians(turn + np.array([0.0, 90.0]))
    ends = np.column_stack([np.sin(angles), -np.cos(angles)]) * radius
    return shapely.MultiLineString([[-end, end] for end in ends])


def _drawn(layers: list[Layer]) -> Image:
    """vis-red, vis-green, vis-blue of the layers painted over each other; the mask is the opacity."""
    whole = OnGrid(partial(_canvas, layers))
    return Image(tuple(Band(n, BYTE, Part(whole, i)) for i, n in enumerate(RGB)))


def _canvas(layers: list[Layer], grid: GeoBox) -> tuple[Pixels, ...]:
    rgb = np.zeros((3, *grid.shape))
    alpha = np.zeros(tuple(grid.shape))
    for geometry, (red, green, blue, opacity), brush in layers:
        painted = _painted(grid, geometry, brush)
        for band, value in zip(rgb, (red, green, blue), strict=True):
            band[painted] = _over(value * 255, opacity, band[painted], alpha[painted])
        alpha[painted] = opacity + alpha[painted] * (1 - opacity)
    mask = alpha.astype(np.float32)
    return tuple(Pixels((band + 0.5).astype(np.uint8), mask) for band in rgb)


def _painted(grid: GeoBox, geometry: Geometry, brush: Brush) -> NDArray:
    if isinstance(brush, BaseGeometry):
        return shapes.stamped(geometry, grid, brush)
    return shapes.burn(grid, [(geometry, 1)], brush)[1]


def _over(value: float, opacity: float, below: NDArray, alpha: NDArray) -> NDArray:
    total = opacity + alpha * (1 - opacity)
    mixed = value * opacity + below * alpha * (1 - opacity)
    return np.divide(mixed, total, out=np.zeros_like(mixed), where=total > 0)


def _draw(collection: Collection, color: str, radius: int, width: int) -> Image:
    """The features painted in one colour."""
    style = Style(color=color, pointSize=2 * radius, width=width)
    return _drawn([layer for f in collection for layer in _layers(f, style, "Collection.draw")])


def _style(
    collection: Collection,
    color: str,
    size: int,
    shape: str,
    width: float,
    fill: str | None,
    property_: str | None,
    neighborhood: int,
    line: str,
) -> Image:
    """The features painted in a style, or each in the style that a property of it holds."""
    who = "Collection.style"
    base = {"color": color, "pointSize": size, "pointShape": shape, "width": width, "fillColor": fill, "lineType": line}
    layers: list[Layer] = []
    for feature in collection:
        own = feature.properties.get(property_) if property_ is not None else None
        given = {**base, **(own if isinstance(own, dict) else {})}
        unknown = set(given) - set(base) - {"neighborhood"}
        if unknown:
            raise EngineError(f"{who}: Unknown style '{sorted(unknown)[0]}'. Known are {', '.join(base)}.")
        given.pop("neighborhood", None)
        layers.extend(_layers(feature, Style(**given), who))
    return _drawn(layers)


TABLE = {
    "Collection.draw": _draw,
    "Collection.style": _style,
}

NOTES = {
    "Collection.style": "Every lineType is drawn solid.",
}
