"""What a person saw at points that were drawn by lot: the filled-in sheet, and the record of the lot beside it."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj.exceptions import ProjError

from pipeline.artifacts.design import DESIGN, Design, read_design
from pipeline.config import Legend
from pipeline.errors import MinecoverError
from pipeline.region import read_layer

NDArray = np.ndarray[Any, Any]

ID = "id"
SEPARATORS = (",", ";", "\t")
MAX_BYTES = 64 << 20
DIGITS = 9
"""What has more is no code, and may be too long to be read as a number."""


@dataclass(frozen=True, eq=False)
class Reference:
    """Points with a class: `codes` (n,), places `xy` (n, 2) in the design's system, `stratum` (n,) numbers from 0."""

    name: str
    design: Design
    codes: NDArray
    xy: NDArray
    stratum: NDArray

    @property
    def unanswered(self) -> int:
        """Points that were drawn and have no class."""
        return len(self.design.points) - len(self.codes)


def read_reference(path: Path, field: str, legend: Legend) -> Reference:
    """The points of a file that have a class. Refused without the record of how they were drawn, `design.json`."""
    if not path.is_file():
        raise MinecoverError(f"The reference sample '{path}' is not there. Correct assess.reference.")
    record = path.with_name(DESIGN)
    if not record.is_file():
        raise MinecoverError(
            f"Nothing records how the points of '{path}' were drawn: there is no {DESIGN} beside it. Accuracies and "
            f"areas of a map follow only from points drawn by lot, with known chances. Draw some with `minecover "
            f"assess design CONFIG`; if these were drawn by lot, docs/accuracy.md says how to record it."
        )
    design = read_design(record)
    rows = _rows(path, field, design)
    _refuse_strangers(path.name, design, [row[0] for row in rows])
    codes = {name: _code(path.name, name, cell, legend) for name, cell, _ in rows}
    _refuse_moved(path.name, design, {name: place for name, _, place in rows if place})
    answered = [p for p in design.points if codes.get(p.id) is not None]
    if not answered:
        raise MinecoverError(f"No point of '{path.name}' has a class yet. Fill in its field {field!r}.")
    return Reference(
        name=path.name,
        design=design,
        codes=np.array([codes[p.id] for p in answered], np.int64),
        xy=np.array([(p.x, p.y) for p in answered]),
        stratum=np.array([p.stratum for p in answered], np.int64),
    )


Place = tuple[float, float] | None
Row = tuple[str, str, Place]


def _rows(path: Path, field: str, design: Design) -> list[Row]:
    """Id, class as written, and place in the design's system where the file has one, of every point."""
    if path.stat().st_size > MAX_BYTES:
        raise MinecoverError(f"'{path.name}' is larger than {MAX_BYTES >> 20} MiB. Keep only the points in it.")
    if path.suffix.lower() not in (".gpkg", ".csv"):
        raise MinecoverError(
            f"'{path.name}' is neither a GeoPackage (.gpkg) nor a CSV. Save the filled-in sheet as one."
        )
    try:
        rows = _csv(path, field) if path.suffix.lower() == ".csv" else _geopackage(path, field, design.grid.crs)
    except OSError as error:
        raise MinecoverError(f"'{path.name}' cannot be read: {error.strerror or error}. Check the file.") from error
    known = {p.id for p in design.points}
    return [(i if i in known else _whole(i), cell, place) for i, cell, place in rows]


def _geopackage(path: Path, field: str, crs: str) -> list[Row]:
    frame = read_layer(path, "points", (ID, field))
    names = [str(c) for c in frame.columns]
    ids, cells = ([_plain(v) for v in frame[_column(path.name, names, wanted)]] for wanted in (ID, field))
    places = _places(path.name, frame.geometry, ids, crs) if "geometry" in names else [None] * len(frame)
    return list(zip(ids, cells, places, strict=True))


def _places(name: str, shapes: Any, ids: Sequence[str], crs: str) -> list[Place]:
    """Where points lie in another coordinate system; None where the file does not say. Refuses all but points."""
    try:
        moved = shapes if shapes.crs is None else shapes.to_crs(crs)
    except ProjError as error:
        raise MinecoverError(
            f"'{name}' is in {shapes.crs.name!r}, from which nothing leads to {crs}. Save it in {crs}."
        ) from error
    found: list[Place] = []
    for point, shape in zip(ids, moved, strict=True):
        parts = [] if shape is None or shape.is_empty else shapely.get_parts(shape).tolist()
        if len(parts) > 1 or any(p.geom_type != "Point" for p in parts):
            raise MinecoverError(
                f"'{name}', point {point} is a {shape.geom_type}. Keep the points that were drawn; the class is that "
                f"of the pixel around each."
            )
        found.append((parts[0].x, parts[0].y) if parts else None)
    return found


def _csv(path: Path, field: str) -> list[Row]:
    try:
        text = path.read_bytes().decode("utf-8-sig").lstrip("\r\n")
        separator = max(SEPARATORS, key=text.partition("\n")[0].count)
        header, *lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)) or [[]]
    except (UnicodeDecodeError, csv.Error) as error:
        raise MinecoverError(
            f"'{path.name}' cannot be read: {error}. Check its quotes; save it as CSV UTF-8."
        ) from error
    if not header:
        raise MinecoverError(f"'{path.name}' is empty. Name the filled-in sheet in assess.reference.")
    names = [_plain(h) for h in header]
    at = [names.index(_column(path.name, names, wanted)) for wanted in (ID, field)]
    filled = [line for line in lines if any(cell.strip() for cell in line)]
    for line in filled:
        if len(line) <= max(at) or any(cell.strip() for cell in line[len(names) :]):
            raise MinecoverError(
                f"'{path.name}' has a line with {len(line)} values for {len(names)} fields: {line!r:.80}. A comma "
                f"within a value must be quoted, or the values separated by semicolons."
            )
    return [(_plain(line[at[0]]), _plain(line[at[1]]), None) for line in filled]


def _column(name: str, names: Sequence[str], wanted: str) -> str:
    found = [n for n in names if n.strip().casefold() == wanted.strip().casefold()]
    if len(found) != 1:
        raise MinecoverError(
            f"'{name}' has no one field {wanted!r}; it has {', '.join(map(repr, names))}. The sheet needs {ID!r} and "
            f"the field that assess.field names."
        )
    return found[0]


def _plain(value: Any) -> str:
    """A cell as trimmed text, without the apostrophe that keeps spreadsheets from computing it."""
    if value is None or (isinstance(value, (float, np.floating)) and not np.isfinite(value)):
        return ""
    text = str(value).strip()
    return text[1:] if text[:1] == "'" and text[1:2] in "=+-@" else text


def _whole(text: str) -> str:
    """5 for 5.0 and 5,0, which is how numbers in a column with gaps are often saved; all else as it is."""
    return re.sub(r"^(\d+)[.,]0+$", r"\1", text)


def _code(name: str, point: str, cell: str, legend: Legend) -> int | None:
    """The code of the class that was written; None where nothing was."""
    if not cell:
        return None
    try:
        known = cell.casefold() in {n.casefold() for n in legend.names}
        number = "" if known else _whole(cell)
        numbered = number.isdecimal() and len(number) <= DIGITS
        return (legend.by_code(int(number)) if numbered else legend.by_name(cell)).code
    except MinecoverError as error:
        raise MinecoverError(f"'{name}', point {point}: {error}") from error


def _refuse_strangers(name: str, design: Design, ids: Sequence[str]) -> None:
    """Refuse points that were not drawn, or that stand there twice."""
    known = {p.id for p in design.points}
    for one, count in Counter(ids).items():
        if one not in known:
            raise MinecoverError(
                f"'{name}' has the point {one!r:.40}, which was not drawn: {DESIGN} does not list it. Points that are "
                f"added by hand make every estimate wrong; remove it."
            )
        if count > 1:
            raise MinecoverError(f"'{name}' has the point {one!r} {count} times. Keep one of them.")


def _refuse_moved(name: str, design: Design, places: dict[str, tuple[float, float]]) -> None:
    """Refuse points that no longer lie in the pixel that was drawn."""
    half = design.grid.pixel / 2
    for p in design.points:
        x, y = places.get(p.id, (p.x, p.y))
        if not max(abs(x - p.x), abs(y - p.y)) <= half:
            raise MinecoverError(
                f"'{name}', point {p.id} lies at {x:.1f}, {y:.1f}, and was drawn at {p.x:.1f}, {p.y:.1f} "
                f"({design.grid.crs}). Points must stay where the lot put them: move it back, or correct the file's "
                f"coordinate system if all lie elsewhere."
            )
