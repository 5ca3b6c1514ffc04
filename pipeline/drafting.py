"""A configuration for one's own region, drafted from four answers: the classes are those that the labels have."""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline import durable
from pipeline.config import Labels, read_config
from pipeline.errors import MinecoverError
from pipeline.region import read_region
from pipeline.sample.labels import WGS84, Labelled, placed, plain, read_labels

FIELDS = ("class", "label", "landuse", "land_use", "lulc", "type", "category", "code")
"""Names of fields that usually hold the class, the likeliest first."""
MOST_CLASSES = 40
# Paul Tol's muted and light palettes: told apart by colour-blind readers too.
COLOURS = (
    "#117733", "#88CCEE", "#CC6677", "#DDCC77", "#332288", "#44AA99", "#999933", "#882255", "#AA4499", "#BBBBBB",
    "#77AADD", "#EE8866", "#EEDD88", "#FFAABB", "#44BB99", "#AAAA00",
)  # fmt: skip
SHADES = (1.0, 0.7, 0.45)
"""How bright the palette is: darker ones are for more classes than it has colours."""
USUAL = {
    "tailing": "#AA4499",
    "restor reclaim rehab reveget": "#a5cc4b",
    "dump spoil waste overburden": "#8c6d62",
    "wetland marsh swamp bog mangrove": "#44AA99",
    "water river lake reservoir pond ocean": "#3b78c2",
    "snow ice glacier": "#dff1fa",
    "mine mining pit open quarry coal extract": "#4a4453",
    "built building urban town city village settle resident industr artificial impervious": "#c8352f",
    "road street rail transport": "#7f7f7f",
    "crop field farm arable agri cultivat orchard": "#e6c229",
    "forest wood tree": "#3f8f3f",
    "shrub bush scrub": "#8a8a2a",
    "grass meadow pasture steppe": "#bfe3a0",
    "veget green": "#3f8f3f",
    "bare barren rock sand soil desert": "#d9b77a",
}
"""Colours by what words of a class's name begin with, the one first that decides: a restored mine is restored."""


def drafted(
    path: Path, name: str, outline: Path, year: int, labels: Path, crs: str | None, archive: Path | None
) -> str:
    """The text of the configuration, which is in the file; it was read back, so that the next command can use it."""
    if path.exists():
        raise MinecoverError(f"'{path}' is there already. Choose another name, or delete it.")
    read_region(outline)
    asked = Labels(file=labels.absolute(), crs=crs)
    found = read_labels(asked)
    placed(found, asked, WGS84)  # refuses a coordinate system that cannot be theirs
    asked = asked.model_copy(update={"field": _field(found)})
    text = "\n".join(_lines(path, name, outline, year, asked, _classes(found, asked.field), archive)) + "\n"
    durable.write_text(path, text)
    try:
        read_config(path)
    except MinecoverError:
        path.unlink()
        raise
    return text


def _lines(
    path: Path, name: str, outline: Path, year: int, labels: Labels, classes: list[str], archive: Path | None
) -> list[str]:
    def text(value: str) -> str:
        return json.dumps(value, ensure_ascii=False)

    def near(place: Path) -> str:
        return text(os.path.relpath(place, path.parent))

    legend = [
        f'  - {{code: {_code(c, n)}, name: {text(c)}, colour: "{colour}"}}'
        for n, (c, colour) in enumerate(zip(classes, colours(classes), strict=True), 1)
    ]
    crs = f", crs: {text(labels.crs)}" if labels.crs else ""
    return [
        "# Every key and its default: configs/base.yaml",
        f"name: {text(name)}",
        f"region: {near(outline)}",
        f"year: {year}",
        f"output: {near(path.with_suffix(''))}",
        f"archive: {near(archive)}" if archive else "# archive: path/to/archive   # scenes; without it export first",
        "legend:",
        *legend,
        f"labels: {{file: {near(labels.file)}, field: {text(labels.field)}{crs}}}",
        "# Quick ones. With a graphics card, or hours: add ResNet50 to the models, and let it make the map.",
        "train: {models: [RF, SVM, KNN]}",
        "classify: {model: RF}",
    ]


def _field(found: Labelled) -> str:
    """The field that holds the class: one of the usual names, or the only one whose few texts repeat."""
    known = {n.casefold(): n for n in reversed(found.names)}
    for usual in FIELDS:
        if usual in known:
            return known[usual]
    counts = {n: len({plain(v) for v in found.column(n)}) for n in found.names}
    fits = [n for n, count in counts.items() if 2 <= count <= min(MOST_CLASSES, len(found.fields) - 1)]
    if len(fits) != 1:
        raise MinecoverError(
            f"'{found.name}' has the fields {', '.join(found.names) or 'none'}, and none of them is clearly the class. "
            f"Call the field of the class `class`."
        )
    return fits[0]


def _classes(found: Labelled, field: str) -> list[str]:
    """The classes, the most frequent first."""
    counts = Counter(text for v in found.column(field) if (text := plain(v)))
    if not 2 <= len(counts) <= MOST_CLASSES:
        raise MinecoverError(
            f"The field {field!r} of '{found.name}' has {len(counts)} different values; a map has 2 to {MOST_CLASSES} "
            f"classes. Call the field of the class `class`."
        )
    return [text for text, _ in counts.most_common()]


def _code(name: str, number: int) -> int:
    """A class that is a number keeps it."""
    return int(name) if name.isdecimal() and 1 <= int(name) <= 255 else number


def colours(classes: Sequence[str]) -> list[str]:
    """A colour for each class, none twice: the one that its name suggests, or else one unlike those taken."""
    found: dict[str, str] = {}
    for name in classes:
        usual = next(_suggested(name), None)
        if usual and usual not in found.values():
            found[name] = usual
    for name in classes:
        if name not in found:
            found[name] = _unlike(list(found.values()))
    return [found[name] for name in classes]


def _suggested(name: str) -> Iterator[str]:
    words = re.split(r"[\W\d_]+", name.casefold())
    for starts, colour in USUAL.items():
        if any(word.startswith(tuple(starts.split())) for word in words):
            yield colour


def _unlike(taken: Sequence[str]) -> str:
    """The colour of the palette that is farthest from all that are taken."""
    shaded = ([_hex([round(v * shade) for v in _rgb(c)]) for c in COLOURS] for shade in SHADES)
    free = next(left for colours in shaded if (left := [c for c in colours if c not in taken]))
    return max(free, key=lambda c: min((math.dist(_rgb(c), _rgb(t)) for t in taken), default=0.0))


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def _hex(rgb: Sequence[int]) -> str:
    return f"#{bytes(rgb).hex()}"
