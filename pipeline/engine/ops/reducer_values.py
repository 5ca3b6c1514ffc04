"""Reducer.*: values as they are, of any type: first and last ones, counts, lists, collections."""

from __future__ import annotations

import operator
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from pipeline.engine.collection import Feature, features
from pipeline.engine.kernels import stack
from pipeline.engine.kernels.stack import Block, anywhere
from pipeline.engine.ops.reducer import always, doubles, elementwise, keep, plain, taken
from pipeline.engine.plan import NDArray, valid
from pipeline.engine.reducer import Reducer, leaf
from pipeline.engine.values import PixelType
from pipeline.errors import EngineError

COUNT = PixelType("int", 0, 2**32 - 1)


def _pick(name: str, nulls: bool) -> Callable[[], Reducer]:
    """A constructor for the first or last value; with `nulls` a null there is the answer."""
    end = 0 if name.startswith("first") else -1

    def block(data: list[NDArray], mask: NDArray) -> tuple[list[NDArray], NDArray]:
        ok = valid(mask)
        if nulls:
            return [data[0][end].copy()], ok[end].copy()
        index = ok.argmax(axis=0) if end == 0 else len(ok) - 1 - ok[::-1].argmax(axis=0)
        return taken(data, index), anywhere(ok)

    def fold(column: Any) -> list[Any]:
        return [plain(column[end])]

    required = 0 if nulls else 1
    return lambda: leaf(name, [name[:5].rstrip("N")], fold, keep, required=required, numeric=False, block=block)


def _count(name: str, required: int, block: Block) -> Callable[[], Reducer]:
    return lambda: leaf(
        name,
        ["count"],
        lambda c: [len(c)],
        always(COUNT),
        required=required,
        numeric=False,
        empty=0,
        block=block,
        joins=[operator.add],
    )


def _count_distinct(name: str, nulls: bool) -> Callable[[], Reducer]:
    def compute(data: list[NDArray], mask: NDArray) -> tuple[list[NDArray], NDArray]:
        counts = stack.sort_block(data[0], mask)
        out = np.zeros(counts.size, np.uint32)
        stack.distinct(data[0], counts, out)
        return [out + np.uint32(1) * (counts < len(mask)) if nulls else out], counts > 0

    def fold(column: Any) -> list[Any]:
        return [len({_hashable(v) for v in column})]

    required = 0 if nulls else 1
    return lambda: leaf(name, ["count"], fold, always(COUNT), required=required, numeric=False, empty=0, block=compute)


def _hashable(value: Any) -> Any:
    return value if value is None or isinstance(value, int | float | str) else repr(getattr(value, "data", value))


def _runs(column: Any) -> list[Any]:
    return [1 + sum(_hashable(a) != _hashable(b) for a, b in pairwise(column))]


def _count_block(data: NDArray, ok: NDArray) -> NDArray:
    return ok.sum(axis=0, dtype=np.uint32)  # type: ignore[no-any-return]


def _every_block(data: list[NDArray], mask: NDArray) -> tuple[list[NDArray], NDArray]:
    return [np.full(mask.shape[1], len(mask), np.uint32)], anywhere(mask)


def _rows(size: int | None, optional: int, name: str) -> int:
    inputs = 1 if size is None else size
    if inputs < 1 or not 0 <= optional <= inputs:
        raise EngineError(f"Reducer.{name}: needs at least one input and 0 <= numOptional <= {inputs}, got {optional}.")
    return inputs


def _to_list(size: int | None, optional: int) -> Reducer:
    inputs = _rows(size, optional, "toList")

    def fold(*columns: Any) -> list[Any]:
        values = [[plain(v) for v in column] for column in columns]
        return [values[0] if size is None else [list(row) for row in zip(*values, strict=True)]]

    def types(given: list[PixelType]) -> list[PixelType]:
        kind = given[0]
        for other in given[1:]:
            kind = kind.union(other)
        dimensions = kind.dimensions + (1 if size is None else 2)
        return [PixelType(kind.precision, kind.min, kind.max, dimensions)]

    required = inputs - optional
    made = leaf("toList", ["list"], fold, types, inputs=inputs, required=required, numeric=False)
    return _never_empty(made)


def _never_empty(reducer: Reducer) -> Reducer:
    """The same with an empty list, not null, where there are no rows."""

    def fold(columns: list[Any], weights: NDArray | None) -> list[Any]:
        return [[] if v is None else v for v in reducer.fold(columns, weights)]

    return Reducer(reducer.name, reducer.inputs, reducer.outputs, fold, reducer.types)


def _to_collection(names: list[str], optional: int) -> Reducer:
    inputs = _rows(len(names), optional, "toCollection")

    def fold(*columns: Any) -> list[Any]:
        rows = zip(*columns, strict=True)
        return [features(Feature(None, {n: plain(v) for n, v in zip(names, row, strict=True)}) for row in rows)]

    required = inputs - optional
    made = leaf("toCollection", ["features"], fold, doubles(1), inputs=inputs, required=required, numeric=False)

    def whole(columns: list[Any], weights: NDArray | None) -> list[Any]:
        return [features([]) if v is None else v for v in made.fold(columns, weights)]

    return Reducer(made.name, inputs, made.outputs, whole, made.types)


TABLE: dict[str, Callable[..., Reducer]] = {
    "Reducer.count": _count("count", 1, elementwise(_count_block)),
    "Reducer.countEvery": _count("countEvery", 0, _every_block),
    "Reducer.countDistinct": _count_distinct("countDistinct", nulls=True),
    "Reducer.countDistinctNonNull": _count_distinct("countDistinctNonNull", nulls=False),
    "Reducer.countRuns": lambda: leaf("countRuns", ["count"], _runs, always(COUNT), numeric=False, empty=0),
    "Reducer.first": _pick("first", nulls=True),
    "Reducer.firstNonNull": _pick("firstNonNull", nulls=False),
    "Reducer.last": _pick("last", nulls=True),
    "Reducer.lastNonNull": _pick("lastNonNull", nulls=False),
    "Reducer.toList": _to_list,
    "Reducer.toCollection": _to_collection,
}

NOTES: dict[str, str] = {
    "Reducer.count": "Counts of pixels are unsigned 32-bit integers, masked where no input is valid.",
    "Reducer.countDistinct": "Null counts as one more value.",
    "Reducer.toCollection": "The output is named features; their geometry is null.",
}
