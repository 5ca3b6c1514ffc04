"""The page itself: everything that was found, put into the template. Whatever comes from files is escaped by jinja2.

The page holds its pictures and its style sheet, no script, and a policy by which a browser loads nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import shapely.geometry
from jinja2 import DictLoader, Environment, StrictUndefined, UndefinedError
from markupsafe import Markup, escape

from pipeline.accuracy.results import ModelAccuracy
from pipeline.config import Config
from pipeline.console import clean
from pipeline.errors import MinecoverError
from pipeline.report import findings, words
from pipeline.report.change import Change
from pipeline.report.chosen import chosen
from pipeline.report.maps import Pictures, Seen
from pipeline.report.sources import Run

TEMPLATES = ("report.html.j2", "charts.html.j2")
STYLE = "report.css"
SHADES = 10
MANY = 8
"""From so many classes on, columns of a matrix are headed by numbers."""


@dataclass(frozen=True, eq=False)
class Content:
    """All that the page shows."""

    config: Config
    run: Run
    pictures: Pictures
    seen: dict[str, Seen]
    change: Change | None
    simulated: bool
    fingerprint: str


def parts() -> dict[str, str]:
    """The templates and the style sheet by name."""
    home = files("pipeline.report")
    return {name: home.joinpath(name).read_text("utf-8") for name in (*TEMPLATES, STYLE)}


def render(content: Content) -> str:
    """The page as HTML text; the same content makes the same text."""
    try:
        return _rendered(content)
    except UndefinedError as error:
        raise MinecoverError(
            f"A file in '{content.run.folder}' lacks what the report tells: {error}. Another version of minecover made "
            f"it; run the stages again."
        ) from error


def _rendered(content: Content) -> str:
    texts = parts()
    style = texts.pop(STYLE)
    run, legend = content.run, content.config.legend
    pages = Environment(
        loader=DictLoader(texts), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    own = (
        *("figures", "hectares", "hectares_range", "hectares_with", "model", "number"),
        *("p_value", "percent", "points", "points_with", "share"),
    )
    pages.filters.update({name: getattr(words, name) for name in own}, clean=clean, code=_code, data=_data)
    return pages.get_template(TEMPLATES[0]).render(
        style=Markup(style),  # our own file; a browser applies it only if the hash in the policy is its hash
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        c=content,
        run=run,
        colours={c.code: c.colour for c in legend},
        place=_place(run),
        findings=list(findings.findings(run, content.change)),
        caveats=list(findings.caveats(run, content.simulated)),
        verdicts=list(findings.verdicts(run.accuracy.pairs, run.map.model)) if run.accuracy else [],
        axes=_axes(content),
        shades=_shades(run.tested) if run.tested else (),
        chosen=chosen(run.selection) if run.selection else None,
        compared=list(_compared(run)),
        settings=list(flat(content.config.model_dump(exclude={"legend", "name"}))),
        options=list(flat(run.stack.options)),
        many=MANY,
    )


def _data(png: bytes) -> str:
    """A picture as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _code(text: str) -> Markup:
    """The text with what stands between backticks as code; everything in it is escaped."""
    pieces = enumerate(clean(text).split("`"))
    return Markup("").join(Markup("<code>{}</code>").format(p) if i % 2 else escape(p) for i, p in pieces)


def _place(run: Run) -> str:
    """Where the region is: its middle in degrees."""
    shape = shapely.geometry.shape(run.stack.region)
    if shape.is_empty:
        return run.stack.grid.crs
    x, y = shape.centroid.x, shape.centroid.y
    return f"{abs(y):.2f}° {'N' if y >= 0 else 'S'}, {abs(x):.2f}° {'E' if x >= 0 else 'W'}"


def _axes(content: Content) -> dict[str, words.Axis]:
    """The axes that charts share."""
    run = content.run
    areas = [v for c in run.estimate.classes for v in (c.hectares.high, c.mapped_hectares)] if run.estimate else []
    lines = content.change.lines if content.change else ()
    moved = [v for n in lines if n.difference for v in (n.difference.low, n.difference.high)]
    return {
        "areas": words.axis([*areas, *run.map.hectares.values()]),
        "share": words.Axis(0, 1, (0, 0.5, 1)),
        "change": words.axis(moved),
    }


def _shades(tested: ModelAccuracy) -> tuple[tuple[int, ...], ...]:
    """How dark each field of a matrix is, 0 to 10: its share of the row."""
    return tuple(tuple(round(SHADES * n / (sum(row) or 1)) for n in row) for row in tested.matrix)


@dataclass(frozen=True)
class Compared:
    """A model in the table of the comparison: for each choice of features its accuracy, and what choosing did to it."""

    model: str
    cells: tuple[tuple[str, str], ...]


def _compared(run: Run) -> Iterator[Compared]:
    found = run.comparison
    if found is None:
        return
    sets = tuple(dict.fromkeys(e.features for e in found.entries))
    gains = {p.a: (p, 1) for p in found.gains} | {p.b: (p, -1) for p in found.gains if p.a.endswith(", all")}
    for model in dict.fromkeys(e.model for e in found.entries):
        cells = []
        for name in sets:
            entry, gain = found.entry(model, name), gains.get(f"{model}, {name}")
            told = f"{words.points_with(gain[0].difference.oa, gain[1])}" if gain and name != "all" else ""
            cells.append((words.share(entry.accuracy.overall.oa) if entry else words.NONE, told))
        yield Compared(model, tuple(cells))


def flat(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every setting by its key, as text; of paths only the name, since others have other folders."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from flat(inner, f"{key}.{name}" if key else name)
    elif isinstance(value, Path):
        yield key, value.name
    elif isinstance(value, (list, tuple)):
        yield key, ", ".join(map(str, value))
    elif value is None or value == {}:
        yield key, "none"
    else:
        yield key, str(value).lower() if isinstance(value, bool) else str(value)
