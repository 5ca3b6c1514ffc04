"""What maps on paper have in common: letters that can be drawn, degrees, scale bar, arrow to the north, PNG bytes."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager, get_font
from matplotlib.transforms import ScaledTranslation
from pyproj import Transformer

NDArray = np.ndarray[Any, Any]

INK, GREY = "#222222", "#666666"
EDGE = 400
MARK_INCHES = 1.2
DEGREES = (10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
FONTS = ("DejaVu Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "Microsoft YaHei", "SimHei")


def shown(name: str, code: int) -> str:
    """The name of a class as far as there are letters to draw it, or else its code."""
    letters = {ord(c) for c in name if not c.isspace()}
    return name if letters <= _letters() else f"class {code}"


def plain(text: str) -> str:
    """Text that no drawing of formulas takes for one."""
    return text.replace("$", r"\$")


def scale_bar(axes: Any, width_m: float, below: float = 0.2) -> None:
    """Nothing; a bar of a round length stands `below` inches under the left corner of a map that is `width_m` wide."""
    metres = round_length(width_m / 4)
    end, place = metres / width_m, axes.transAxes + _shift(axes, 0, -below)
    bar = {"transform": place, "clip_on": False, "solid_capstyle": "butt"}
    axes.plot([0, end], [0, 0], color="black", lw=4, **bar)
    axes.plot([end / 2, end * 0.995], [0, 0], color="white", lw=2.4, **bar)
    text = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
    axes.text(end, 0, f"  {text}", transform=place, va="center", fontsize=9)


def north_arrow(axes: Any, below: float = 0.2) -> None:
    """Nothing; an arrow stands `below` inches under the right corner of a map."""
    inches = axes.get_figure().dpi_scale_trans + ScaledTranslation(1, 0, axes.transAxes)
    look = {"color": "black", "transform": inches, "clip_on": False}
    axes.plot([-0.1, -0.1], [-below - 0.15, -below + 0.1], lw=1.5, solid_capstyle="butt", **look)
    axes.plot([-0.1], [-below + 0.1], marker="^", markersize=7, **look)
    axes.text(-0.2, -below, "N", transform=inches, ha="right", va="center", fontsize=9, fontweight="bold")


def degrees(
    axes: Any, bounds: tuple[float, float, float, float], crs: str, inches: tuple[float, float], size: float = 8
) -> None:
    """Nothing; round longitudes are marked below and above a map, round latitudes on both sides.

    `bounds` are left, bottom, right and top in metres of `crs`, `inches` the map's width and height on paper.
    """
    left, bottom, right, top = bounds
    change = Transformer.from_crs(crs, "OGC:CRS84", always_xy=True)
    x, y = np.linspace(left, right, EDGE), np.linspace(bottom, top, EDGE)
    longitudes = change.transform(x, np.full(EDGE, bottom))[0]
    latitudes = change.transform(np.full(EDGE, left), y)[1]
    at_x, names_x = _marks(x, np.unwrap(longitudes, period=360), "EW", inches[0])
    at_y, names_y = _marks(y, latitudes, "NS", inches[1])
    axes.set_xticks(at_x, names_x)
    axes.set_yticks(at_y, names_y, rotation=90, va="center")
    axes.tick_params(top=True, right=True, length=4, color=INK, labelcolor=GREY, labelsize=size, width=0.8)


def _marks(along: NDArray, values: NDArray, letters: str, inches: float) -> tuple[NDArray, list[str]]:
    """Where along an edge round degrees lie, as close as their names allow, and what they are called."""
    order = np.argsort(values)
    low, high = values[order[0]], values[order[-1]]
    step = min((s for s in DEGREES if (high - low) / s <= max(inches / MARK_INCHES, 1)), default=DEGREES[0])
    round_ones = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    places = max(0, int(np.ceil(-np.log10(step) - 1e-9)))
    names = [f"{abs((v + 180) % 360 - 180):.{places}f}° {letters[int(v < 0)]}" for v in round_ones]
    return np.interp(round_ones, values[order], along[order]), names


def round_length(most: float) -> float:
    """The largest of 1, 2, 5, 10, 20, 50 … that is not above `most`."""
    ten = 10 ** math.floor(math.log10(most))
    return float(next(m * ten for m in (5, 2, 1) if m * ten <= most))


def png(figure: Figure) -> bytes:
    """The figure as a PNG file; the same figure makes the same bytes."""
    whole = io.BytesIO()
    with _fonts(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        FigureCanvasAgg(figure).print_figure(whole, dpi=150, metadata={"Software": None})
    return whole.getvalue()


def _shift(axes: Any, right: float, up: float) -> ScaledTranslation:
    return ScaledTranslation(right, up, axes.get_figure().dpi_scale_trans)


@contextmanager
def _fonts() -> Iterator[None]:
    with mpl.rc_context({"font.family": list(_installed())}):
        yield


@cache
def _installed() -> tuple[str, ...]:
    there = {f.name for f in fontManager.ttflist}
    return tuple(n for n in FONTS if n in there)


@cache
def _letters() -> frozenset[int]:
    fonts = [get_font(fontManager.findfont(FontProperties(family=n))) for n in _installed()]
    return frozenset().union(*(f.get_charmap() for f in fonts))
