"""A configuration for one's own region, drafted from four answers: the classes are those that the labels have."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

from pipeline import durable
from pipeline.config import Labels, read_config
from pipeline.errors import MinecoverError
from pipeline.region import read_region
from pipeline.sample.labels import Labelled, plain, read_labels

FIELDS = ("class", "label", "landuse", "land_use", "lulc", "type", "category", "code")
"""Names of fields that usually hold the class, the likeliest first."""
MOST_CLASSES = 40
# Paul Tol's muted and light palettes: told apart by colour-blind readers too.
COLOURS = (
    "#117733", "#88CCEE", "#CC6677", "#DDCC77", "#332288", "#44AA99", "#999933", "#882255", "#AA4499", "#BBBBBB",
    "#77AADD", "#EE8866", "#EEDD88", "#FFAABB", "#44BB99", "#AAAA00",
)  # fmt: skip


def drafted(path: Path, name: str, outline: Path, year: int, labels: Path, archive: Path | None) -> str:
    """The text of the configuration, which is in the file; it was read back, so that the next command can use it."""
    if path.exists():
        raise MinecoverError(f"'{path}' is there already. Choose another name, or delete it.")
    read_region(outline)
    found = read_labels(Labels(file=labels))
    field = _field(found)
    text = "\n".join(_lines(path, name, outline, year, labels, field, _classes(found, field), archive)) + "\n"
    durable.write_text(path, text)
    try:
        read_config(path)
    except MinecoverError:
        path.unlink()
        raise
    return text


def _lines(
    path: Path, name: str, outline: Path, year: int, labels: Path, field: str, classes: list[str], archive: Path | None
) -> list[str]:
    def near(place: Path) -> str:
        return json.dumps(os.path.relpath(place, path.parent), ensure_ascii=False)

    legend = [
        f"  - {{code: {_code(c, n)}, name: {json.dumps(c, ensure_ascii=False)}, "
        f'colour: "{COLOURS[(n - 1) % len(COLOURS)]}"}}'
        for n, c in enumerate(classes, 1)
    ]
    return [
        "# Every key and its default: configs/base.yaml",
        f"name: {json.dumps(name, ensure_ascii=False)}",
        f"region: {near(outline)}",
        f"year: {year}",
        f"output: {near(path.with_suffix(''))}",
        f"archive: {near(archive)}" if archive else "# archive: path/to/archive   # scenes; without it export first",
        "legend:",
        *legend,
        f"labels: {{file: {near(labels)}, field: {json.dumps(field, ensure_ascii=False)}}}",
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
