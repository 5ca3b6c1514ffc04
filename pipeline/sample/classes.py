"""Which class each label means, and what becomes of labels that contradict or repeat each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.config import Legend
from pipeline.errors import MinecoverError
from pipeline.sample.labels import Labelled, plain
from pipeline.sample.pixels import Pixels

NDArray = np.ndarray[Any, Any]

SHOWN = 5


@dataclass(frozen=True, eq=False)
class Sorted:
    """Which pixels to keep, which only repeat an earlier one, and which carry labels of different classes."""

    kept: NDArray
    repeated: NDArray
    contrary: NDArray


def codes(found: Labelled, field: str, legend: Legend) -> NDArray:
    """The class code of each feature, by name or by number. Raises MinecoverError at the first that is unknown."""
    values = [plain(v) for v in found.column(field)]
    known: dict[str, int] = {}
    for value, place in zip(values, found.places, strict=True):
        if value not in known:
            try:
                known[value] = _code(value, field, legend)
            except MinecoverError as error:
                more = values.count(value) - 1
                also = f" {more} more of its labels say the same." if more else ""
                raise MinecoverError(f"'{found.name}', {place}: {error}{also}") from error
    return np.array([known[v] for v in values], np.int64)


def _code(value: str, field: str, legend: Legend) -> int:
    if not value:
        raise MinecoverError(f"its field {field!r} is empty. Give it a class, or delete the feature.")
    named = value.casefold() in (n.casefold() for n in legend.names) or not value.lstrip("+-").isdecimal()
    if not named and int(value) == 0:
        raise MinecoverError("code 0 stands for no data and is no class. Give it a class, or delete the feature.")
    try:
        return (legend.by_name(value) if named else legend.by_code(int(value))).code
    except MinecoverError as error:
        raise MinecoverError(f"{error} Correct the label, or add its class to the legend.") from error


def compared(spots: Pixels, labels: NDArray, width: int) -> Sorted:
    """The pixels by what their labels say: the first of a class stays; all of a pixel with two classes go."""
    key = spots.row * width + spots.col
    pairs, first = np.unique(np.column_stack([key, labels]), axis=0, return_index=True)
    where, classes = np.unique(pairs[:, 0], return_counts=True)
    contrary = np.isin(key, where[classes > 1])
    kept = np.zeros(len(key), bool)
    kept[first] = True
    return Sorted(kept & ~contrary, ~kept & ~contrary, contrary)


def refuse_contrary(spots: Pixels, labels: NDArray, contrary: NDArray, found: Labelled, legend: Legend) -> None:
    """Refuse pixels that carry labels of different classes, and list them."""
    rows = np.flatnonzero(contrary)
    if not len(rows):
        return
    told: dict[tuple[int, int], list[str]] = {}
    ids = found.ids
    for n in rows.tolist():
        one = spots.feature[n]
        says = f"{legend.by_code(int(labels[n])).name!r} ({found.places[one]}, id {ids[one]})"
        told.setdefault((int(spots.row[n]), int(spots.col[n])), []).append(says)
    lines = [f"row {r}, column {c}: {' and '.join(s)}" for (r, c), s in told.items()]
    more = f"; and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    some = f"{len(lines)} pixel{'s' * (len(lines) > 1)}"
    raise MinecoverError(
        f"'{found.name}' gives {some} more than one class: {'; '.join(lines[:SHOWN])}{more}. "
        f"Correct the labels, or set labels.conflicts: drop to leave these pixels out."
    )


def refuse_few(labels: NDArray, legend: Legend, folds: int) -> None:
    """Refuse samples of a single class, and classes too small to be in every fold and in the test part."""
    counts = Counter(labels.tolist())
    sizes = {c.name: counts[c.code] for c in legend if counts[c.code]}
    listed = ", ".join(f"{name} {n}" for name, n in sizes.items())
    if len(sizes) == 1:
        raise MinecoverError(f"All samples are of one class: {listed}. A map needs labels of at least two.")
    small = [name for name, n in sizes.items() if n <= folds]
    if small:
        raise MinecoverError(
            f"Too few samples of {_joined(small)} for {folds} folds and a test part, which take {folds + 1}: {listed}. "
            f"Collect more, merge it with a class like it (give both the same name in the labels and drop one from the "
            f"legend), or lower split.folds."
        )


def _joined(names: Sequence[str]) -> str:
    return " and ".join(map(repr, names))
