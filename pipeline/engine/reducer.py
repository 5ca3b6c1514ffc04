"""Reducers: many values in, a few out. The type, and how it meets lists of values and stacks of pixels.

What each reducer computes is said in `ops.reducer` and its neighbours; this module only drops nulls, hands weights
over and turns results into pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipeline.engine.kernels.stack import Block, reduce_blocks
from pipeline.engine.plan import NDArray, Pixels, valid
from pipeline.engine.values import Array, PixelType, named_type
from pipeline.errors import EngineError

MAX_INPUTS = 10_000

Fold = Callable[[list[Any], NDArray | None], list[Any]]
Layers = Callable[[list[list[Pixels]]], list[Pixels]]
Types = Callable[[list[PixelType]], list[PixelType]]


@dataclass(frozen=True, eq=False)
class Running:
    """How a reducer takes its rows in parts, for more rows than memory holds.

    `part(columns, weights)` makes a state of some rows, `join` one of two, `end` the results of a state.
    """

    part: Callable[[list[Any], NDArray | None], Any]
    join: Callable[[Any, Any], Any]
    end: Callable[[Any], list[Any]] = list


@dataclass(frozen=True, eq=False)
class Reducer:
    """A reducer: `inputs` columns of values in, one result per name of `outputs` out.

    `weights` is the number of leading inputs that are weighted. `fold` computes from columns and weights (None, one a
    row, or one row a weighted input), `layers` the same for a stack of pixels; without it pixels are folded singly.
    """

    name: str
    inputs: int
    outputs: tuple[str, ...]
    fold: Fold
    types: Types
    weights: int = 0
    layers: Layers | None = None
    running: Running | None = None

    @property
    def weighted(self) -> bool:
        """Whether weights matter to it."""
        return self.weights > 0

    def aggregate(self, columns: Sequence[Any], weights: Any = None) -> list[Any]:
        """One plain value per output, from one list (or array) of values per input.

        `weights` holds one number a row, or one list per weighted input; None weighs all alike, 0 excludes a row.
        Rows with a null are skipped, except where a reducer's documentation says otherwise.
        """
        self._check(len(columns))
        return self.fold(list(columns), None if weights is None else _weights(weights))

    def stack(self, inputs: Sequence[Sequence[Pixels]]) -> list[Pixels]:
        """One Pixels per output; `inputs[i][k]` is layer k of input i. Fractional masks are weights.

        Masked where nothing is valid in any layer, and where there is no result.
        """
        self._check(len(inputs))
        if not inputs[0]:
            raise EngineError(f"Reducer.{self.name}: there are no layers to reduce. Give at least one image.")
        given = [list(layers) for layers in inputs]
        return self.layers(given) if self.layers else by_pixels(self, given)

    def output_types(self, types: Sequence[PixelType]) -> list[PixelType]:
        """The pixel type of each output, from those of the inputs."""
        self._check(len(types))
        return self.types(list(types))

    def _check(self, given: int) -> None:
        if given != self.inputs:
            raise EngineError(f"Reducer.{self.name}: needs {self.inputs} inputs, but got {given}. Select that many.")


def several(name: str, what: str, count: int) -> int:
    """A number of inputs or copies, if a reducer can have so many."""
    if not 1 <= count <= MAX_INPUTS:
        raise EngineError(f"Reducer.{name}: {what} must be between 1 and {MAX_INPUTS}, but is {count}.")
    return count


def leaf(
    name: str,
    outputs: Sequence[str],
    function: Callable[..., list[Any]],
    types: Types,
    *,
    inputs: int = 1,
    weighted: bool = False,
    required: int | None = None,
    numeric: bool = True,
    empty: Any = None,
    block: Block | None = None,
    joins: Sequence[Callable[[Any, Any], Any]] = (),
) -> Reducer:
    """A reducer of its own, not made of others.

    `function(*columns)`, with the weights last if `weighted`, gets the rows whose first `required` inputs (default
    all) are not null, as arrays of numbers if `numeric`. Without rows every output is `empty`. `joins`, one an output,
    make the result of all rows from those of two parts, where that can be done.
    """
    needed = inputs if required is None else required

    def fold(columns: list[Any], weights: NDArray | None) -> list[Any]:
        columns, weights = present(columns, weights, needed)
        if len(columns[0]) == 0:
            return [empty] * len(outputs)
        if numeric:
            columns = [numbers(column, name) for column in columns]
        if weighted:
            columns.append(np.ones(len(columns[0])) if weights is None else weights)
        return function(*columns)

    def join(first: list[Any], second: list[Any]) -> list[Any]:
        return [
            b if a is None else a if b is None else rule(a, b) for rule, a, b in zip(joins, first, second, strict=True)
        ]

    running = Running(fold, join) if joins else None
    reducer = Reducer(name, inputs, tuple(outputs), fold, types, inputs if weighted else 0, running=running)
    if block is None:
        return reducer

    def layers(stacked: list[list[Pixels]]) -> list[Pixels]:
        if any(p.data.ndim > 2 or p.data.dtype == object for pixels in stacked for p in pixels):
            return by_pixels(reducer, stacked)
        return reduce_blocks(stacked, weighted, block)

    return replace(reducer, layers=layers)


def present(columns: list[Any], weights: NDArray | None, required: int) -> tuple[list[Any], NDArray | None]:
    """The rows without nulls in the first `required` columns and with positive weight; weights one a row."""
    if required == 0:
        return columns, None
    if weights is not None and weights.ndim == 2:
        weights = weights.min(axis=0)
    keep = np.ones(len(columns[0]), np.bool_) if weights is None else weights > 0
    for column in columns[:required]:
        if not (isinstance(column, np.ndarray) and column.dtype != object):
            keep &= np.fromiter((v is not None for v in column), np.bool_, len(column))
    if keep.all():
        return columns, weights
    return [_where(c, keep) for c in columns], None if weights is None else weights[keep]


def _where(column: Any, keep: NDArray) -> Any:
    if isinstance(column, np.ndarray):
        return column[keep]
    return [v for v, kept in zip(column, keep, strict=True) if kept]


def _weights(weights: Any) -> NDArray:
    if isinstance(weights, np.ndarray) and weights.dtype != object:
        return weights.astype(np.float64)
    return np.nan_to_num(np.array(weights, dtype=np.float64), nan=0.0)


def numbers(column: Any, name: str) -> NDArray:
    """The column as integers or floats; anything else is the user's mistake, told in `name`'s words."""
    if not (isinstance(column, np.ndarray) and column.dtype.kind in "biuf"):
        odd = [v for v in column if not isinstance(v, int | float | np.number | np.bool_)]
        if odd:
            what = _described(odd[0])
            raise EngineError(f"Reducer.{name}: inputs must be numbers, but got {what}. Filter or convert them.")
        column = np.array(list(column))
    if column.dtype.kind not in "iuf":  # booleans, and integers beyond 64 bits
        return np.asarray(column.astype(np.int64 if column.dtype.kind == "b" else np.float64))
    return np.asarray(column)


def _described(value: Any) -> str:
    return repr(value) if isinstance(value, str | list | dict) else type(value).__name__


def by_pixels(reducer: Reducer, inputs: list[list[Pixels]]) -> list[Pixels]:
    """The stack folded one pixel after the other: for reducers without a compiled path and for array pixels."""
    shape = inputs[0][0].mask.shape
    columns = [_pixel_columns(layers) for layers in inputs]
    weights = [np.stack([p.mask for p in layers]).reshape(len(layers), -1) for layers in inputs[: reducer.weights]]
    some = np.any([valid(p.mask) for layers in inputs for p in layers], axis=0).ravel()
    results: list[list[Any]] = [[None] * some.size for _ in reducer.outputs]
    for cell in np.flatnonzero(some):
        share = np.array([w[:, cell] for w in weights], np.float64) if weights else None
        for output, value in zip(results, reducer.fold([c[cell] for c in columns], share), strict=True):
            output[cell] = value
    return [_pixels(values, shape) for values in results]


def _pixel_columns(layers: list[Pixels]) -> list[list[Any]]:
    """For each cell the values of all layers, None where masked."""
    cells = [_cells(p) for p in layers]
    return [list(column) for column in zip(*cells, strict=True)]


def _cells(pixels: Pixels) -> list[Any]:
    ok = valid(pixels.mask).ravel()
    height, width = pixels.mask.shape
    values = pixels.data.reshape(height * width, *pixels.data.shape[2:])
    if values.ndim == 1:
        return [v if good else None for v, good in zip(values.tolist(), ok, strict=True)]
    kind = named_type("float" if values.dtype == np.float32 else "double" if values.dtype.kind == "f" else "long")
    return [
        Array(v.astype(kind.dtype), PixelType(kind.precision, kind.min, kind.max, v.ndim)) if good else None
        for v, good in zip(values, ok, strict=True)
    ]


def _pixels(values: list[Any], shape: tuple[int, ...]) -> Pixels:
    """Pixels of one value a cell; None is masked. Arrays of one shape are dense, others are object pixels."""
    ok = np.array([v is not None for v in values], np.bool_)
    arrays = [None if v is None else _pixel_value(v) for v in values]
    filled = [a for a in arrays if a is not None]
    if not filled:
        return Pixels(np.zeros(shape), ok.reshape(shape))
    if any(not isinstance(a, np.ndarray) or a.shape != filled[0].shape for a in filled):
        ragged = np.empty(len(arrays), object)
        ragged[:] = arrays
        return Pixels(ragged.reshape(shape), ok.reshape(shape))
    dense = np.zeros((len(arrays), *filled[0].shape), np.result_type(*{a.dtype for a in filled}))
    dense[ok] = np.stack(filled)
    return Pixels(dense.reshape(*shape, *filled[0].shape), ok.reshape(shape))


def _pixel_value(value: Any) -> Any:
    """An array for numbers, arrays and lists of them; other values as they are."""
    if isinstance(value, Array):
        return value.data
    if isinstance(value, list) and all(isinstance(v, Array) for v in value):
        value = [v.data for v in value]
    if isinstance(value, int | float | list | np.number | np.ndarray):
        try:
            array = np.array(value)
        except ValueError:  # lists of different lengths have no array
            return value
        return array if array.dtype.kind in "biuf" else value
    return value
