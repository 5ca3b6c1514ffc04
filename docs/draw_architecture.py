"""Draws docs/architecture.svg: what calls what, and where data lives. Run it with `make pictures`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path

WIDTH, HEIGHT = 1000, 640
COLOURS = {"user": "#dbeafe", "client": "#fef3c7", "engine": "#dcfce7", "data": "#ede9fe", "far": "#f3f4f6"}


@dataclass(frozen=True)
class Box:
    """A box with a title and lines of small text. `kind` gives its colour."""

    kind: str
    x: int
    y: int
    width: int
    height: int
    title: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Arrow:
    """An arrow along points, upright or level, with a word beside its last stretch."""

    points: tuple[tuple[int, int], ...]
    word: str = ""


BOXES = (
    Box("user", 20, 20, 290, 74, "Scripts and notebooks", ("plain ee code; geemap, Xee, geedim",)),
    Box("user", 355, 20, 290, 74, "minecover", ("demo, doctor, archive, engine",)),
    Box("user", 690, 20, 290, 74, "Browsers, other programs", ("map tiles, thumbnails, downloads, REST",)),
    Box("client", 20, 150, 290, 74, "ee, the official client", ("builds an expression graph, as JSON",)),
    Box("far", 20, 290, 290, 74, "Google's servers", ("connect('earthengine', project=…)",)),
    Box("engine", 355, 150, 290, 74, "doors: in process", ("connect('local', archive=…)",)),
    Box("engine", 690, 150, 290, 74, "doors: over HTTP", ("loopback; minecover engine serve",)),
    Box("engine", 355, 280, 625, 60, "doors/service: one behind both", ("values, pixels, maps, exports, assets",)),
    Box(
        "engine",
        355,
        390,
        190,
        94,
        "graph, signatures",
        ("decode the graph, check", "every argument against", "the official list"),
    ),
    Box(
        "engine", 572, 390, 190, 94, "ops/", ("the functions, a table", "a family; images stay", "descriptions (plans)")
    ),
    Box(
        "engine",
        790,
        390,
        190,
        94,
        "plan, tiles, kernels/",
        ("pixels on the asked grid,", "tile by tile, compiled", "reducers, threads"),
    ),
    Box("data", 355, 545, 290, 74, "Exports", ("COG, tables; written whole or not at all",)),
    Box("data", 690, 545, 290, 74, "Archive", ("GeoTIFFs with STAC items, or an API",)),
)
ARROWS = (
    Arrow(((165, 94), (165, 148))),
    Arrow(((95, 224), (95, 288)), "or"),
    Arrow(((310, 187), (353, 187))),
    Arrow(((500, 94), (500, 148))),
    Arrow(((835, 94), (835, 148))),
    Arrow(((500, 224), (500, 278))),
    Arrow(((835, 224), (835, 278))),
    Arrow(((450, 340), (450, 388)), "graph"),
    Arrow(((545, 437), (570, 437))),
    Arrow(((762, 437), (788, 437))),
    Arrow(((920, 543), (920, 486)), "windows"),
    Arrow(((810, 484), (810, 515), (500, 515), (500, 543)), "tiles"),
)


def draw() -> str:
    """The picture as SVG text."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n'
    )
    frame = (
        '<rect x="335" y="130" width="655" height="372" rx="10" fill="none" stroke="#16a34a" stroke-dasharray="5 4"/>\n'
        '<text x="345" y="498" font-size="13" fill="#15803d">pipeline/engine</text>\n'
    )
    return head + frame + "".join(map(drawn_box, BOXES)) + "".join(map(drawn_arrow, ARROWS)) + "</svg>\n"


def drawn_box(box: Box) -> str:
    """The SVG of a box."""
    parts = [
        f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="7" '
        f'fill="{COLOURS[box.kind]}" stroke="#4b5563"/>',
        f'<text x="{box.x + 12}" y="{box.y + 26}" font-size="15" font-weight="bold">{escape(box.title)}</text>',
    ]
    for i, line in enumerate(box.lines):
        parts.append(f'<text x="{box.x + 12}" y="{box.y + 48 + 17 * i}" font-size="13">{escape(line)}</text>')
    return "".join(parts) + "\n"


def drawn_arrow(arrow: Arrow) -> str:
    """The SVG of an arrow: its line, its tip, its word."""
    points = " ".join(f"{x},{y}" for x, y in arrow.points)
    (x0, y0), (x1, y1) = arrow.points[-2:]
    dx, dy = (x1 > x0) - (x1 < x0), (y1 > y0) - (y1 < y0)
    back, left, right = (x1 - 9 * dx, y1 - 9 * dy), (-4 * dy, 4 * dx), (4 * dy, -4 * dx)
    corners = [(x1, y1), (back[0] + left[0], back[1] + left[1]), (back[0] + right[0], back[1] + right[1])]
    parts = [
        f'<polyline points="{points}" fill="none" stroke="#374151" stroke-width="1.5"/>',
        f'<polygon points="{" ".join(f"{x},{y}" for x, y in corners)}" fill="#374151"/>',
    ]
    if arrow.word:
        x, y = (x0 + x1) // 2 + 8, (y0 + y1) // 2 + 4
        parts.append(f'<text x="{x}" y="{y}" font-size="12">{escape(arrow.word)}</text>')
    return "".join(parts) + "\n"


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("architecture.svg")
    target.write_text(draw(), "utf-8")
