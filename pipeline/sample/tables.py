"""Labelled points from text tables: UTF-8 with or without a byte order mark, decimal point or comma."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import MinecoverError

NDArray = np.ndarray[Any, Any]

SEPARATORS = (";", "\t", ",")
DEGREES = (("lon", "lat"), ("lng", "lat"), ("long", "lat"), ("longitude", "latitude"))
METRES = (("x", "y"), ("x_coord", "y_coord"), ("point_x", "point_y"), ("easting", "northing"), ("utm_x", "utm_y"))


@dataclass(frozen=True, eq=False)
class Table:
    """Points of a text table. `xy` is (n, 2) in the order of `columns`; `degrees` says whether they look like degrees.

    `lines` are the numbers of the lines in the file, the header's being 1.
    """

    columns: tuple[str, str]
    xy: NDArray
    rows: tuple[dict[str, str], ...]
    lines: tuple[int, ...]

    @property
    def degrees(self) -> bool:
        """Whether all places could be longitude and latitude, or latitude and longitude."""
        size = np.sort(np.abs(self.xy), 1)
        return bool((size[:, 0] <= 90).all() and (size[:, 1] <= 180).all())


def read_table(path: Path, x: str | None = None, y: str | None = None) -> Table:
    """The points in a text table. `x` and `y` name its columns where their names do not tell."""
    separator, header, records = _records(path.name, _text(path))
    columns = (_named(path.name, header, x), _named(path.name, header, y)) if x and y else _guessed(path.name, header)
    at = [header.index(c) for c in columns]
    xy = [[_number(path.name, line, row[i], separator) for i in at] for line, row in records]
    rows = tuple(dict(zip(header, row, strict=True)) for _, row in records)
    return Table(columns, np.array(xy, float).reshape(-1, 2), rows, tuple(line for line, _ in records))


def _text(path: Path) -> str:
    data = path.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data:
        raise MinecoverError(f"'{path.name}' is not UTF-8 text. Save it as CSV UTF-8.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise MinecoverError(f"'{path.name}', line {line} is not UTF-8 text. Save the file as CSV UTF-8.") from error


def _records(name: str, text: str) -> tuple[str, list[str], list[tuple[int, list[str]]]]:
    """Separator, header, and (line, values) of each record; lines without any value are passed over."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        raise MinecoverError(f"'{name}' is empty. It needs a line of column names and a line for each point.")
    separator = max(SEPARATORS, key=lambda s: len(next(csv.reader([first], delimiter=s))))
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    found: list[tuple[int, list[str]]] = []
    begun = 1
    try:
        for row in lines:
            if any(v.strip() for v in row):
                found.append((begun, [v.strip() for v in row]))
            begun = lines.line_num + 1
    except csv.Error as error:
        raise MinecoverError(f"'{name}', line {lines.line_num} cannot be read: {error}. Check its quotes.") from error
    header = found.pop(0)[1]
    _refuse_uneven(name, header, found)
    return separator, header, found


def _refuse_uneven(name: str, header: Sequence[str], records: Sequence[tuple[int, list[str]]]) -> None:
    """Refuse columns of one name, and lines with more or fewer values than columns."""
    for twice in (c for i, c in enumerate(header) if c in header[:i]):
        raise MinecoverError(f"'{name}', line 1 has the column {twice!r} twice. Give every column its own name.")
    if not records:
        raise MinecoverError(f"'{name}' holds column names but no point. Add a line for each point.")
    for line, row in records:
        if len(row) != len(header):
            raise MinecoverError(
                f"'{name}', line {line} has {len(row)} values for {len(header)} columns. A comma within a value must "
                f"be quoted, or the values separated by semicolons."
            )


def _guessed(name: str, header: Sequence[str]) -> tuple[str, str]:
    """The columns of longitude and latitude, or of x and y, by their names; refused unless there is one such pair."""
    own = {c.casefold(): c for c in header}
    pairs = [(own[a], own[b]) for a, b in (*DEGREES, *METRES) if a in own and b in own]
    if len(pairs) == 1:
        return pairs[0]
    which = " or ".join(f"{a} and {b}" for a, b in pairs)
    why = f"could lie at {which}" if pairs else f"do not tell where points lie: {', '.join(map(repr, header))}"
    raise MinecoverError(f"The columns of '{name}' {why}. Name two of them: labels.x (or longitude) and labels.y.")


def _named(name: str, header: Sequence[str], wanted: str) -> str:
    if wanted in header:
        return wanted
    raise MinecoverError(f"'{name}' has no column {wanted!r}. Its columns are {', '.join(map(repr, header))}.")


def _number(name: str, line: int, text: str, separator: str) -> float:
    """A coordinate; with a decimal comma where commas do not separate values."""
    plain = text.replace(",", ".") if separator != "," and "." not in text else text
    try:
        value = float(plain)
    except ValueError as error:
        raise MinecoverError(f"'{name}', line {line}: {text!r} is no coordinate. Write a plain number.") from error
    if not np.isfinite(value) or "_" in text:
        raise MinecoverError(f"'{name}', line {line}: {text!r} is no coordinate. Write a plain number.")
    return value
