"""Reducer.*: reducers made of other reducers: side by side, repeated, grouped, reweighted, renamed.

Each part keeps its own way with nulls and weights; a stack goes to the parts' compiled paths.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from pipeline.engine.image import Image
from pipeline.engine.plan import NDArray, Pixels, both, valid
from pipeline.engine.reducer import Fold, Reducer, Running, by_pixels, several
from pipeline.engine.values import Array, PixelType, named_type
from pipeline.errors import EngineError


def _part(weights: NDArray | None, start: int, stop: int) -> NDArray | None:
    """The weights of inputs start..stop; one weight a row serves all inputs, unweighted inputs have none."""
    if weights is None or weights.ndim == 1:
        return weights
    return weights[start:stop] if start < len(weights) else None


def _side_by_side(name: str, parts: Sequence[Reducer], outputs: Sequence[str], shared: bool) -> Reducer:
    """The parts run together, on the same inputs if `shared`, else each on its own, in order."""
    starts = [0] * len(parts) if shared else np.cumsum([0, *(p.inputs for p in parts)]).tolist()
    inputs = parts[0].inputs if shared else sum(p.inputs for p in parts)
    spans = [(part, start, start + part.inputs) for part, start in zip(parts, starts, strict=False)]

    def fold(columns: list[Any], weights: NDArray | None) -> list[Any]:
        return [v for part, a, b in spans for v in part.fold(columns[a:b], _part(weights, a, b))]

    def types(given: list[PixelType]) -> list[PixelType]:
        return [t for part, a, b in spans for t in part.types(given[a:b])]

    def layers(given: list[list[Pixels]]) -> list[Pixels]:
        return [p for part, a, b in spans for p in part.stack(given[a:b])]

    leading = max(p.weights for p in parts) if shared else sum(p.weights for p in parts)
    return Reducer(name, inputs, tuple(outputs), fold, types, leading, layers, _running_together(spans))


def _running_together(spans: Sequence[tuple[Reducer, int, int]]) -> Running | None:
    """The parts' states in a list; None if one of the parts needs all its rows at once."""
    runs = [(part.running, a, b) for part, a, b in spans if part.running is not None]
    if len(runs) < len(spans):
        return None

    def part(columns: list[Any], weights: NDArray | None) -> list[Any]:
        return [run.part(columns[a:b], _part(weights, a, b)) for run, a, b in runs]

    def join(first: list[Any], second: list[Any]) -> list[Any]:
        return [run.join(x, y) for (run, _, _), x, y in zip(runs, first, second, strict=True)]

    def end(state: list[Any]) -> list[Any]:
        return [v for (run, _, _), x in zip(runs, state, strict=True) for v in run.end(x)]

    return Running(part, join, end)


def _ending(running: Running | None, change: Callable[[list[Any]], list[Any]]) -> Running | None:
    return None if running is None else replace(running, end=lambda state: change(running.end(state)))


def _combine(first: Reducer, second: Reducer, prefix: str | None, shared: bool) -> Reducer:
    if shared and first.inputs != second.inputs:
        raise EngineError(
            f"Reducer.combine: with sharedInputs both reducers need the same number of inputs, but {first.name} has "
            f"{first.inputs} and {second.name} {second.inputs}. Leave sharedInputs out."
        )
    if not shared and second.weighted and first.weights < first.inputs:
        raise EngineError(
            f"Reducer.combine: weighted inputs must come before unweighted ones, but {first.name} is unweighted and "
            f"{second.name} weighted. Exchange them, use sharedInputs, or call unweighted() on the second."
        )
    outputs = list(first.outputs)
    for name in second.outputs:
        outputs.append(_unused(f"{prefix or ''}{name}", outputs))
    return _side_by_side("combine", [first, second], outputs, shared)


def _unused(name: str, taken: Sequence[str]) -> str:
    number, result = 0, name
    while result in taken:
        number += 1
        result = f"{name}_{number}"
    return result


def _listed(values: list[Any]) -> Any:
    return None if all(v is None for v in values) else values


def _repeat(reducer: Reducer, count: int) -> Reducer:
    size = len(reducer.outputs)
    several("repeat", "count", count * size)
    copies = _side_by_side("repeat", [reducer] * count, [f"{i}" for i in range(size * count)], False)

    def lists(values: list[Any]) -> list[Any]:
        return [_listed(values[i::size]) for i in range(size)]

    def fold(columns: list[Any], weights: NDArray | None) -> list[Any]:
        return lists(copies.fold(columns, weights))

    def types(given: list[PixelType]) -> list[PixelType]:
        kinds = copies.types(given)
        return [_more_dimensions(kinds[i::size]) for i in range(size)]

    def layers(given: list[list[Pixels]]) -> list[Pixels]:
        made = copies.stack(given)
        return [_stacked(made[i::size]) for i in range(size)]

    running = _ending(copies.running, lists)
    return replace(copies, outputs=reducer.outputs, fold=fold, types=types, layers=layers, running=running)


def _more_dimensions(kinds: list[PixelType]) -> PixelType:
    kind = kinds[0]
    for other in kinds[1:]:
        kind = kind.union(other)
    return replace(kind, dimensions=kind.dimensions + 1)


def _stacked(parts: list[Pixels]) -> Pixels:
    """Array pixels of one value a part; masked where any part is. Ragged parts stay lists."""
    mask = both(*(p.mask for p in parts))
    if any(p.data.dtype == object or p.data.shape != parts[0].data.shape for p in parts):
        data = np.empty(mask.shape, object)
        for cell in np.ndindex(mask.shape):
            data[cell] = [p.data[cell] for p in parts]
        return Pixels(data, mask)
    return Pixels(np.stack([p.data for p in parts], axis=2), mask)


def _for_each(name: str, reducer: Reducer, names: Sequence[str]) -> Reducer:
    if not names:
        raise EngineError(f"Reducer.{name}: there are no output names. Give at least one.")
    single = len(reducer.outputs) == 1
    outputs = [n if single else f"{n}_{output}" for n in names for output in reducer.outputs]
    return _side_by_side(name, [reducer] * len(names), outputs, False)


def _for_each_band(reducer: Reducer, image: Image) -> Reducer:
    return _for_each("forEachBand", reducer, image.names)


def _set_outputs(reducer: Reducer, names: list[str | None]) -> Reducer:
    if len(names) != len(reducer.outputs):
        raise EngineError(
            f"Reducer.setOutputs: {len(names)} names for the {len(reducer.outputs)} outputs {list(reducer.outputs)}. "
            "Give one for each, null to drop it."
        )
    kept = [i for i, name in enumerate(names) if name]

    def only(values: list[Any]) -> list[Any]:
        return [values[i] for i in kept]

    return replace(
        reducer,
        outputs=tuple(str(names[i]) for i in kept),
        fold=lambda columns, weights: only(reducer.fold(columns, weights)),
        types=lambda given: only(reducer.types(given)),
        layers=lambda given: only(reducer.stack(given)),
        running=_ending(reducer.running, only),
    )


def _unweighted(reducer: Reducer) -> Reducer:
    def alike(rule: Fold) -> Fold:
        return lambda columns, weights: rule(columns, None if weights is None else (weights > 0).astype(np.float64))

    def layers(given: list[list[Pixels]]) -> list[Pixels]:
        return reducer.stack([[Pixels(p.data, valid(p.mask)) for p in pixels] for pixels in given])

    running = None if reducer.running is None else replace(reducer.running, part=alike(reducer.running.part))
    return replace(reducer, weights=0, fold=alike(reducer.fold), layers=layers, running=running)


def _split_weights(reducer: Reducer) -> Reducer:
    """The weighted inputs' weights become inputs of their own, after all others; a null weight excludes the row."""
    count, own = reducer.weights, reducer.inputs

    def fold(columns: list[Any], weights: NDArray | None) -> list[Any]:
        given = np.array([[0.0 if w is None else w for w in column] for column in columns[own:]], np.float64)
        if weights is not None:
            given = given * (weights > 0)
        return reducer.fold(columns[:own], given)

    def layers(given: list[list[Pixels]]) -> list[Pixels]:
        weighted = [
            [Pixels(p.data, np.where(valid(p.mask) & valid(w.mask), w.data, 0).astype(np.float32)) for p, w in pairs]
            for pairs in (zip(given[i], given[own + i], strict=True) for i in range(count))
        ]
        return reducer.stack([*weighted, *given[count:own]])

    if count == 0:
        return reducer
    return replace(
        reducer,
        inputs=own + count,
        weights=0,
        fold=fold,
        types=lambda given: reducer.types(given[:own]),
        layers=layers,
        running=None,
    )


def _group(reducer: Reducer, position: int, name: str) -> Reducer:
    """`groups`: a list with one dictionary a group, in the order of the group's value; null results are left out."""
    inputs = reducer.inputs + 1
    if not 0 <= position < inputs:
        raise EngineError(f"Reducer.group: groupField must be from 0 to {inputs - 1}, but is {position}.")

    def each(rule: Fold, columns: list[Any], weights: NDArray | None) -> dict[Any, Any]:
        """What the rule gives for each group."""
        rest = [_objects(c) for i, c in enumerate(columns) if i != position]
        if weights is not None and weights.ndim == 2 and position < len(weights):
            weights = np.delete(weights, position, axis=0)
        return {
            key: rule([c[rows] for c in rest], None if weights is None else weights[..., rows])
            for key, rows in _rows_by_key(columns[position])
        }

    def listed(groups: dict[Any, list[Any]]) -> list[Any]:
        found = {
            key: {o: v for o, v in zip(reducer.outputs, results, strict=True) if v is not None}
            for key, results in groups.items()
        }
        return [[{name: key, **found[key]} for key in sorted(found, key=lambda k: (isinstance(k, str), k))]]

    def join(first: dict[Any, Any], second: dict[Any, Any]) -> dict[Any, Any]:
        assert run is not None
        both = first.keys() & second.keys()
        return {**first, **second, **{key: run.join(first[key], second[key]) for key in both}}

    run = reducer.running
    running = None
    if run is not None:
        end = run.end
        running = Running(
            partial(each, run.part), join, lambda state: listed({key: end(part) for key, part in state.items()})
        )
    kind = PixelType("double", None, None, 1)
    return Reducer(
        "group",
        inputs,
        ("groups",),
        lambda columns, weights: listed(each(reducer.fold, columns, weights)),
        lambda given: [kind],
        reducer.weights,
        running=running,
    )


def _group_key(key: Any) -> Any:
    return int(key) if isinstance(key, float | np.number) and float(key).is_integer() else key


def _objects(column: Any) -> NDArray:
    """The column as an array that can be indexed by rows; nulls and other objects stay what they are."""
    if isinstance(column, np.ndarray):
        return column
    array = np.empty(len(column), object)
    array[:] = column
    return array


def _rows_by_key(keys: Any) -> list[tuple[Any, NDArray]]:
    """Each value with its rows; null is no group."""
    if isinstance(keys, np.ndarray) and keys.dtype != object:
        found, starts = np.unique(np.sort(keys), return_index=True)
        parts = np.split(np.argsort(keys, kind="stable"), starts[1:])
        return list(zip(map(_group_key, found.tolist()), parts, strict=True)) if len(keys) else []
    rows: dict[Any, list[int]] = {}
    for row, key in enumerate(keys):
        if key is not None:
            rows.setdefault(_group_key(key), []).append(row)
    return [(key, np.array(found)) for key, found in rows.items()]


def _disaggregate(reducer: Reducer, axis: int | None) -> Reducer:
    def fold(columns: list[Any], weights: NDArray | None) -> list[Any]:
        parts = [[_items(v, axis) for v in column] for column in columns]
        sizes = np.array([len(items) for items in parts[0]], np.int64)
        if any([len(items) for items in column] != sizes.tolist() for column in parts):
            raise EngineError("Reducer.disaggregate: the inputs of a row must have the same number of items.")
        share = None if weights is None else np.repeat(weights, sizes, axis=-1)
        return reducer.fold([[v for items in column for v in items] for column in parts], share)

    def types(given: list[PixelType]) -> list[PixelType]:
        return reducer.types([replace(t, dimensions=t.dimensions if axis is not None else 0) for t in given])

    return replace(reducer, name="disaggregate", fold=fold, types=types, layers=None, running=None)


def _items(value: Any, axis: int | None) -> list[Any]:
    """The items of an array, list or dictionary; anything else is its own only item."""
    if isinstance(value, Array):
        if axis is None:
            return list(value.data.ravel().tolist())
        if not 0 <= axis < value.data.ndim:
            raise EngineError(f"Reducer.disaggregate: there is no axis {axis} in an array of {value.data.ndim} axes.")
        moved = np.moveaxis(value.data, axis, 0)
        return [Array(np.expand_dims(part, axis), value.type) for part in moved]
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else [value]


def _for_each_element(reducer: Reducer) -> Reducer:
    """Arrays of one shape in, arrays of that shape out: each position is reduced by itself."""

    def fold(columns: list[Any], weights: NDArray | None) -> list[Any]:
        rows = [[None if v is None else _data(v) for v in column] for column in columns]
        shapes = {d.shape for column in rows for d in column if d is not None}
        if len(shapes) > 1:
            raise EngineError(f"Reducer.forEachElement: arrays must have one shape, but have {sorted(shapes)}.")
        if not shapes:
            return reducer.fold([[] for _ in columns], None)
        shape = shapes.pop()
        cells = [
            reducer.fold([[None if d is None else d[cell].item() for d in column] for column in rows], weights)
            for cell in np.ndindex(shape)
        ]
        return [_element_array([c[i] for c in cells], shape) for i in range(len(reducer.outputs))]

    def types(given: list[PixelType]) -> list[PixelType]:
        flat = reducer.types([replace(t, dimensions=0) for t in given])
        return [replace(t, dimensions=given[0].dimensions) for t in flat]

    def layers(given: list[list[Pixels]]) -> list[Pixels]:
        shapes = {p.data.shape[2:] for pixels in given for p in pixels}
        if len(shapes) > 1 or any(p.data.dtype == object for pixels in given for p in pixels):
            return by_pixels(made, given)
        return _element_layers(reducer, given, *shapes)

    made = replace(reducer, name="forEachElement", fold=fold, types=types, layers=layers, running=None)
    return made


def _data(value: Any) -> NDArray:
    return value.data if isinstance(value, Array) else np.asarray(value)


def _element_array(values: list[Any], shape: tuple[int, ...]) -> Array | None:
    if any(v is None for v in values):
        return None
    data = np.array(values).reshape(shape)
    kind = named_type("long" if data.dtype.kind in "iu" else "double", len(shape))
    return Array(data.astype(kind.dtype), kind)


def _element_layers(reducer: Reducer, given: list[list[Pixels]], shape: tuple[int, ...]) -> list[Pixels]:
    """The arrays' positions laid side by side as pixels, reduced, and folded up again."""
    size = int(np.prod(shape))
    height, width = given[0][0].mask.shape
    flat = [
        [Pixels(p.data.reshape(height, width * size), np.repeat(p.mask, size, axis=1)) for p in pixels]
        for pixels in given
    ]
    return [
        Pixels(p.data.reshape(height, width, *shape), np.asarray(p.mask.reshape(height, width, size).all(axis=2)))
        for p in reducer.stack(flat)
    ]


TABLE: dict[str, Callable[..., Any]] = {
    "Reducer.combine": _combine,
    "Reducer.repeat": _repeat,
    "Reducer.forEach": lambda reducer, names: _for_each("forEach", reducer, names),
    "Reducer.forEachBand": _for_each_band,
    "Reducer.forEachElement": _for_each_element,
    "Reducer.group": _group,
    "Reducer.unweighted": _unweighted,
    "Reducer.splitWeights": _split_weights,
    "Reducer.setOutputs": _set_outputs,
    "Reducer.getOutputs": lambda reducer: list(reducer.outputs),
    "Reducer.disaggregate": _disaggregate,
}

NOTES: dict[str, str] = {
    "Reducer.combine": "An output name that is taken gets the suffix _1, _2 …",
    "Reducer.group": "Groups are in the order of their values; outputs that are null are left out of a group.",
    "Reducer.forEach": "Several outputs are named name_output.",
    "Reducer.forEachBand": "Several outputs are named band_output.",
    "Reducer.splitWeights": "The weights follow all other inputs, in the order of the weighted inputs.",
}
