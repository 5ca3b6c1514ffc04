"""The list that a person edits, and what is done to the labels then: only what the person wrote.

In the column `accept` an empty cell keeps the label, `drop` takes the sample away, the name of a class gives it that
label. Cells that a spreadsheet would take for a formula stand behind an apostrophe in the file, and only there.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.durable import reported, write_bytes
from pipeline.errors import MinecoverError
from pipeline.suspects.find import Suspect

COLUMNS = ("id", "given", "likely", "confidence", "neighbours", "x", "y", "accept")
NEEDED = ("id", "given", "accept")
DROP = "drop"
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Decision:
    """What a person wrote beside a sample, and in which line."""

    id: str
    given: str
    accept: str
    line: int


@dataclass(frozen=True)
class Change:
    """A label that was changed; `now` is None where the sample was dropped."""

    id: str
    given: str
    now: str | None


@dataclass(frozen=True, eq=False)
class Applied:
    """Labels after a person's decisions, which samples are kept, and the record of all that changed."""

    y: NDArray[np.int64]
    kept: NDArray[np.bool_]
    changes: tuple[Change, ...]

    def __str__(self) -> str:
        dropped = sum(change.now is None for change in self.changes)
        return f"{len(self.changes) - dropped} labels changed, {dropped} samples dropped, by hand"


def write_list(path: Path | str, suspects: Iterable[Suspect]) -> None:
    """Put the list in a CSV file that spreadsheets open, with `accept` empty. One that holds decisions is kept."""
    path = Path(path)
    if path.exists() and (decided := accepted(path)):
        raise MinecoverError(
            f"'{path}' holds {len(decided)} decisions of a person and was not overwritten. Move it away first."
        )
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for s in suspects:
        words = (_quoted(s.id), _quoted(s.given), _quoted(s.likely))
        writer.writerow([*words, f"{s.confidence:.3f}", f"{s.neighbours:.2f}", f"{s.x:.2f}", f"{s.y:.2f}", ""])
    with reported(path.parent):
        write_bytes(path, text.getvalue().encode("utf-8-sig"))  # the mark tells spreadsheets the encoding


def accepted(path: Path | str) -> tuple[Decision, ...]:
    """What a person wrote in the column `accept`, line by line; lines without a word there are left away.

    Commas, semicolons and tabulators may separate the cells, as spreadsheets write them.
    """
    rows = list(_rows(Path(path)))
    header = [cell.strip().casefold() for cell in rows[0][1]] if rows else []
    if absent := [name for name in NEEDED if name not in header]:
        raise MinecoverError(
            f"'{path}' has no column {', '.join(absent)}. Its first line must name {', '.join(COLUMNS)}."
        )
    decisions = []
    for line, cells in rows[1:]:
        if len(cells) != len(header):
            raise MinecoverError(
                f"Line {line} of '{path}' has {len(cells)} cells, the first has {len(header)}. Mend it."
            )
        told = dict(zip(header, map(_unquoted, cells), strict=True))
        if accept := told["accept"].strip():
            decisions.append(Decision(told["id"], told["given"], accept, line))
    return tuple(decisions)


def apply(y: ArrayLike, ids: Sequence[str], names: Mapping[int, str], decisions: Iterable[Decision]) -> Applied:
    """The labels (codes) after the decisions; refused as a whole if one of them cannot be followed."""
    labels, decided = np.array(y, np.int64), tuple(decisions)
    kept = np.ones(len(labels), bool)
    row = {str(name): number for number, name in enumerate(ids)}
    if len(labels) != len(ids) or len(row) < len(ids):
        raise MinecoverError(f"{len(labels)} labels have {len(row)} different ids of {len(ids)}. Give each its own.")
    _check(decided, row, {i: names[int(labels[n])] for i, n in row.items()})
    changes = []
    for d in decided:
        code = _code(d, names)
        if code is None:
            kept[row[d.id]] = False
        elif code == labels[row[d.id]]:
            continue
        else:
            labels[row[d.id]] = code
        changes.append(Change(d.id, d.given, None if code is None else names[code]))
    return Applied(labels, kept, tuple(changes))


def _check(decisions: tuple[Decision, ...], row: Mapping[str, int], present: Mapping[str, str]) -> None:
    twice = [name for name, count in Counter(d.id for d in decisions).items() if count > 1]
    if twice:
        raise MinecoverError(f"The sample '{twice[0]}' is decided on more than once. Leave one line.")
    for d in decisions:
        if d.id not in row:
            raise MinecoverError(
                f"Line {d.line} decides on the sample '{d.id}', which is not here. Was the list made of other samples, "
                f"or did a spreadsheet change the id?"
            )
        if d.given != present[d.id]:
            raise MinecoverError(
                f"Line {d.line} says that '{d.id}' is labelled '{d.given}', and it is '{present[d.id]}'. The list was "
                f"made of other labels; make it again."
            )


def _code(decision: Decision, names: Mapping[int, str]) -> int | None:
    """The code that a person asked for, or None to drop the sample."""
    if decision.accept.casefold() == DROP:
        return None
    codes = {name.strip().casefold(): code for code, name in names.items()}
    exact = {name: code for code, name in names.items()}
    found = exact.get(decision.accept, codes.get(decision.accept.casefold()))
    if found is None:
        near = get_close_matches(decision.accept, [DROP, *names.values()], 1, 0)
        raise MinecoverError(
            f"Line {decision.line} accepts '{decision.accept}' for '{decision.id}', which is no class. Did you mean "
            f"'{near[0]}'? Write a class ({', '.join(names.values())}), '{DROP}', or nothing."
        )
    return found


def _rows(path: Path) -> Iterable[tuple[int, list[str]]]:
    """Cells of all lines that hold any, with the number of the line each ends on."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        first = text.split("\n", 1)[0]
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
        return [(reader.line_num, cells) for cells in reader if cells]
    except UnicodeDecodeError as error:
        raise MinecoverError(f"'{path}' is not in UTF-8. Save it as 'CSV UTF-8'.") from error
    except (OSError, csv.Error) as error:
        raise MinecoverError(f"'{path}' cannot be read as CSV: {error}.") from error


def _quoted(text: str) -> str:
    return f"'{text}" if text.lstrip("'").startswith(FORMULA) else text


def _unquoted(text: str) -> str:
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(FORMULA) else text
