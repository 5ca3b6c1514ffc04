"""List.*: lists of anything. Negative positions count from the end; every function gives a new list."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pipeline.engine.collection import Feature
from pipeline.engine.image import Image
from pipeline.engine.language.arrays import affordable, from_values
from pipeline.engine.language.equality import equal, order
from pipeline.engine.limits import unfolded
from pipeline.engine.ops.string import text
from pipeline.engine.space.geometry import Geometry
from pipeline.engine.values import Array, Filter, Function
from pipeline.errors import EngineError

if TYPE_CHECKING:
    from pipeline.engine.reducer import Reducer

Items = list[Any]


def _position(items: Items, index: int, who: str, past_end: bool = False) -> int:
    """The position that an index means, counted from the start."""
    last = len(items) if past_end else len(items) - 1
    at = index + len(items) if index < 0 else index
    if not 0 <= at <= last:
        raise EngineError(f"{who}: List index {index} is out of range for a list of {len(items)} elements.")
    return at


def _get(items: Items, index: int) -> Any:
    return items[_position(items, index, "List.get")]


def _getter(name: str, accepts: Callable[[Any], bool]) -> Callable[[Items, int], Any]:
    def get(items: Items, index: int) -> Any:
        value = items[_position(items, index, f"List.get{name}")]
        if not accepts(value):
            raise EngineError(f"List.get{name}: The element at {index} is not a {name}: {text(value)[:80]}.")
        return value

    return get


def is_number(value: Any) -> bool:
    """Whether a value is a number (booleans are not)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_geometry(value: Any) -> bool:
    """Whether a value is a geometry."""
    return isinstance(value, Geometry)


def as_array(value: Any, who: str) -> Array:
    """An array, made from a list of numbers where it is one."""
    if isinstance(value, (Array, list)):
        return from_values(value)
    raise EngineError(f"{who}: The value is not an array: {text(value)[:80]}.")


def _contains(items: Items, element: Any) -> bool:
    return any(equal(item, element) for item in items)


def _distinct(items: Items) -> Items:
    """Elements without repetitions, in order of first appearance."""
    seen: set[Any] = set()
    result: Items = []
    for item in items:
        if isinstance(item, str) or is_number(item):
            if item not in seen:
                seen.add(item)
                result.append(item)
        elif not _contains(result, item):
            result.append(item)
    return result


def _filter(items: Items, condition: Filter) -> Items:
    """Elements that pass; one that is no image or feature is tested as the property `item`."""
    return [v for v in items if condition.test(v if isinstance(v, (Feature, Image)) else Feature(None, {"item": v}))]


def _flatten(items: Items) -> Items:
    """All elements that are no lists, in order."""
    return list(_leaves(unfolded(items, "List.flatten")))


def _leaves(items: Items) -> Iterator[Any]:
    for item in items:
        if isinstance(item, list):
            yield from _leaves(item)
        else:
            yield item


def _index_of(items: Items, element: Any) -> int:
    return next((i for i, item in enumerate(items) if equal(item, element)), -1)


def _sublists(items: Items, target: Items) -> list[int]:
    return [i for i in range(len(items) - len(target) + 1) if equal(items[i : i + len(target)], target)]


def _insert(items: Items, index: int, element: Any) -> Items:
    at = _position(items, index, "List.insert", past_end=True)
    return [*items[:at], element, *items[at:]]


def _iterate(items: Items, function: Function, first: Any) -> Any:
    result = first
    for item in items:
        result = function(item, result)
    return result


def _map(items: Items, function: Function, drop_nulls: bool) -> Items:
    """The function of each element; null results are dropped or refused."""
    results = [function(item) for item in items]
    if drop_nulls:
        return [r for r in results if r is not None]
    if any(r is None for r in results):
        raise EngineError("List.map: The mapped function returned null. Pass dropNulls to leave such elements out.")
    return results


def _reduce(items: Items, reducer: Reducer) -> Any:
    """One output itself, several as a dictionary; with several inputs each element is a list of inputs."""
    if reducer.inputs == 1:
        columns = [items]
    else:
        for item in items:
            if not isinstance(item, list) or len(item) < reducer.inputs:
                raise EngineError(f"List.reduce: Each element must be a list of the reducer's {reducer.inputs} inputs.")
        columns = [[item[i] for item in items] for i in range(reducer.inputs)]
    results = reducer.aggregate(columns)
    return results[0] if len(results) == 1 else dict(zip(reducer.outputs, results, strict=True))


def _remove(items: Items, element: Any) -> Items:
    at = _index_of(items, element)
    return list(items) if at < 0 else items[:at] + items[at + 1 :]


def _remove_all(items: Items, other: Items) -> Items:
    return [item for item in items if not _contains(other, item)]


def _repeat(value: Any, count: int) -> Items:
    if count < 0:
        raise EngineError(f"List.repeat: count must not be negative, got {count}.")
    affordable(count, "List.repeat")
    return [value] * count


def _replace(items: Items, old: Any, new: Any) -> Items:
    at = _index_of(items, old)
    return list(items) if at < 0 else [*items[:at], new, *items[at + 1 :]]


def _replace_all(items: Items, old: Any, new: Any) -> Items:
    return [new if equal(item, old) else item for item in items]


def _rotate(items: Items, distance: int) -> Items:
    """Elements moved by `distance` positions toward the end, round and round."""
    if not items:
        return []
    cut = -distance % len(items)
    return items[cut:] + items[:cut]


def _sequence(start: float, end: float | None, step: float, count: int | None) -> Items:
    """From start to end inclusive by step, or `count` values: evenly to the end, or by step without one."""
    if count is not None:
        if count < 1:
            raise EngineError(f"List.sequence: count must be positive, got {count}.")
        affordable(count, "List.sequence")
        if end is not None:
            spans = max(count - 1, 1)
            values = [start + (end - start) * i / spans for i in range(count)]
            whole = isinstance(start, int) and all(float(v).is_integer() for v in values)
            return [int(v) for v in values] if whole else values
        return [start + step * i for i in range(count)]
    if end is None:
        raise EngineError("List.sequence: At least one of 'end' or 'count' must be specified.")
    if step == 0:
        raise EngineError("List.sequence: step must not be 0.")
    steps = (end - start) / step
    affordable(steps, "List.sequence")
    # Rounding must not lose an end that the steps reach, as in 0 … 1 by 0.1.
    return [start + step * i for i in range(math.floor(max(steps, -1) + 1e-9) + 1)]


def _set(items: Items, index: int, element: Any) -> Items:
    at = _position(items, index, "List.set")
    return [*items[:at], element, *items[at + 1 :]]


def _shuffle(items: Items, seed: Any) -> Items:
    """A permutation, the same for the same seed; `false` asks for a new one each time."""
    if seed is not None and not (isinstance(seed, (int, float)) and math.isfinite(seed)):
        raise EngineError(f"List.shuffle: seed must be a number or false, not {text(seed)[:80]}.")
    generator = random.Random() if seed is False else random.Random(int(seed or 0))
    return generator.sample(items, len(items))


def _slice(items: Items, start: int, end: int | None, step: int | None) -> Items:
    if step is not None and step <= 0:
        raise EngineError(f"List.slice: step must be positive, got {step}.")
    return items[start:end:step]


def _sort(items: Items, keys: Items | None) -> Items:
    """Ascending by the elements or by parallel keys; equal ones stay in order."""
    if keys is None:
        return sorted(items, key=order)
    if len(keys) != len(items):
        raise EngineError(f"List.sort: 'keys' has {len(keys)} elements, 'list' has {len(items)}; they must agree.")
    return [items[i] for i in sorted(range(len(items)), key=lambda i: order(keys[i]))]


def _splice(items: Items, start: int, count: int, other: Items | None) -> Items:
    at = _position(items, start, "List.splice", past_end=True)
    return items[:at] + (other or []) + items[at + max(count, 0) :]


def _swap(items: Items, first: int, second: int) -> Items:
    a, b = _position(items, first, "List.swap"), _position(items, second, "List.swap")
    result = list(items)
    result[a], result[b] = items[b], items[a]
    return result


def _unzip(items: Items) -> list[Items]:
    if not all(isinstance(item, list) for item in items):
        raise EngineError("List.unzip: Every element must be a list.")
    return [list(column) for column in zip(*items, strict=False)]


TABLE: dict[str, Callable[..., Any]] = {
    "List.add": lambda items, element: [*items, element],
    "List.cat": lambda items, other: items + other,
    "List.contains": _contains,
    "List.containsAll": lambda items, other: all(_contains(items, v) for v in other),
    "List.distinct": _distinct,
    "List.equals": equal,
    "List.filter": _filter,
    "List.flatten": _flatten,
    "List.frequency": lambda items, element: sum(equal(v, element) for v in items),
    "List.get": _get,
    "List.getArray": lambda items, index: as_array(_get(items, index), "List.getArray"),
    "List.getGeometry": _getter("Geometry", is_geometry),
    "List.getNumber": _getter("Number", is_number),
    "List.getString": _getter("String", lambda v: isinstance(v, str)),
    "List.indexOf": _index_of,
    "List.indexOfSublist": lambda items, target: next(iter(_sublists(items, target)), -1),
    "List.insert": _insert,
    "List.iterate": _iterate,
    "List.join": lambda items, separator: separator.join(map(text, items)),
    "List.lastIndexOfSubList": lambda items, target: next(reversed(_sublists(items, target)), -1),
    "List.length": len,
    "List.map": _map,
    "List.reduce": _reduce,
    "List.remove": _remove,
    "List.removeAll": _remove_all,
    "List.repeat": _repeat,
    "List.replace": _replace,
    "List.replaceAll": _replace_all,
    "List.reverse": lambda items: items[::-1],
    "List.rotate": _rotate,
    "List.sequence": _sequence,
    "List.set": _set,
    "List.shuffle": _shuffle,
    "List.size": len,
    "List.slice": _slice,
    "List.sort": _sort,
    "List.splice": _splice,
    "List.swap": _swap,
    "List.unzip": _unzip,
    "List.zip": lambda items, other: [[a, b] for a, b in zip(items, other, strict=False)],
}

NOTES = {
    "List.shuffle": "The permutation for a seed is not Earth Engine's.",
    "List.sort": "Mixed lists sort as null, booleans, numbers, strings, dates, lists; the order is undocumented.",
    "List.sequence": "An end that is missed only by rounding is included.",
}
