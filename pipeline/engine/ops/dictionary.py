"""Dictionary.*: values by name. Keys are listed in natural (code point) order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pipeline.engine.image import Band, Image
from pipeline.engine.language.arrays import array, from_values
from pipeline.engine.language.regex import compiled
from pipeline.engine.ops.array import concatenate
from pipeline.engine.ops.lists import as_array, is_geometry, is_number
from pipeline.engine.ops.string import text
from pipeline.engine.plan import Constant
from pipeline.engine.values import Array, Function, PixelType
from pipeline.errors import EngineError

Entries = dict[str, Any]


def _make(value: Any) -> Entries:
    """From a dictionary, or a list of alternating keys and values."""
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    if not isinstance(value, list) or len(value) % 2 or not all(isinstance(k, str) for k in value[::2]):
        raise EngineError(f"Dictionary: Cannot convert {text(value)[:80]}; give alternating keys and values.")
    return dict(zip(value[::2], value[1::2], strict=True))


def _combine(first: Entries, second: Entries, overwrite: bool) -> Entries:
    """All entries of both that are not null; on conflict the second's, or the first's without `overwrite`."""
    a = {k: v for k, v in first.items() if v is not None}
    b = {k: v for k, v in second.items() if v is not None}
    return {**a, **b} if overwrite else {**b, **a}


def _from_lists(keys: list[str], values: list[Any]) -> Entries:
    if len(keys) != len(values):
        raise EngineError(f"Dictionary.fromLists: {len(keys)} keys and {len(values)} values; there must be as many.")
    return dict(zip(keys, values, strict=True))


def _entry(entries: Entries, key: str, who: str) -> Any:
    if key not in entries:
        raise EngineError(f"{who}: Dictionary does not contain key: '{key}'. It has: {', '.join(sorted(entries))}.")
    return entries[key]


def _get(entries: Entries, key: str, default: Any) -> Any:
    if default is not None and key not in entries:
        return default
    return _entry(entries, key, "Dictionary.get")


def _getter(name: str, accepts: Callable[[Any], bool]) -> Callable[[Entries, str], Any]:
    def get(entries: Entries, key: str) -> Any:
        value = _entry(entries, key, f"Dictionary.get{name}")
        if not accepts(value):
            raise EngineError(f"Dictionary.get{name}: The value of '{key}' is not a {name}: {text(value)[:80]}.")
        return value

    return get


def _get_array(entries: Entries, key: str) -> Array:
    return as_array(_entry(entries, key, "Dictionary.getArray"), "Dictionary.getArray")


def _map(entries: Entries, function: Function) -> Entries:
    """The function of each key and value; null results drop the key."""
    results = {key: function(key, entries[key]) for key in sorted(entries)}
    return {k: v for k, v in results.items() if v is not None}


def _selected(entries: Entries, selectors: list[str], ignore_missing: bool, who: str) -> list[str]:
    """Keys that are named, or matched as a whole by a pattern, in order of the selectors."""
    found: list[str] = []
    for selector in selectors:
        if selector in entries:
            keys = [selector]
        else:
            pattern = compiled(selector, who)
            keys = [k for k in sorted(entries) if pattern.fullmatch(k)]
        if not keys and not ignore_missing:
            raise EngineError(f"{who}: '{selector}' matches no key. The dictionary has: {', '.join(sorted(entries))}.")
        found += [k for k in keys if k not in found]
    return found


def _remove(entries: Entries, selectors: list[str], ignore_missing: bool) -> Entries:
    gone = _selected(entries, selectors, ignore_missing, "Dictionary.remove")
    return {k: v for k, v in entries.items() if k not in gone}


def _rename(entries: Entries, old: list[str], new: list[str], overwrite: bool) -> Entries:
    """Entries under new names; an existing name is overwritten only where that is allowed."""
    if len(old) != len(new):
        raise EngineError(f"Dictionary.rename: 'from' has {len(old)} names and 'to' {len(new)}; there must be as many.")
    moved = {n: _entry(entries, o, "Dictionary.rename") for o, n in zip(old, new, strict=True)}
    kept = {k: v for k, v in entries.items() if k not in old}
    taken = [k for k in moved if k in kept]
    if taken and not overwrite:
        raise EngineError(f"Dictionary.rename: The key '{taken[0]}' exists already. Pass overwrite=True to replace it.")
    return {**kept, **moved}


def _select(entries: Entries, selectors: list[str], ignore_missing: bool) -> Entries:
    return {k: entries[k] for k in _selected(entries, selectors, ignore_missing, "Dictionary.select")}


def _values(entries: Entries, keys: list[str] | None) -> list[Any]:
    return [_entry(entries, k, "Dictionary.values") for k in (sorted(entries) if keys is None else keys)]


def _to_array(entries: Entries, keys: list[str] | None, axis: int) -> Array:
    """Numbers in a row along the axis; values that are arrays are joined."""
    parts = [from_values(v) for v in _values(entries, keys)]
    if not parts:
        raise EngineError("Dictionary.toArray: There are no values to make an array of.")
    return concatenate([array(p.data.reshape(1)) if p.data.ndim == 0 else p for p in parts], axis)


def _to_image(entries: Entries, names: list[str] | None) -> Image:
    """One constant band a key, everywhere valid; in the order of `names`, else sorted."""
    order = sorted(entries) if names is None else names
    return Image(tuple(_constant(n, _entry(entries, n, "Dictionary.toImage")) for n in order))


def _constant(name: str, value: Any) -> Band:
    if not is_number(value) and not isinstance(value, (Array, list, bool)):
        raise EngineError(f"Dictionary.toImage: The value of '{name}' is not a number: {text(value)[:80]}.")
    made = from_values(value)
    low, high = (made.data.min().item(), made.data.max().item()) if made.data.size else (None, None)
    kind = PixelType(made.type.precision, low, high, made.data.ndim)
    dtype: np.dtype[Any] = kind.dtype
    return Band(name, kind, Constant(made.data.astype(dtype), dtype))


TABLE: dict[str, Callable[..., Any]] = {
    "Dictionary": _make,
    "Dictionary.combine": _combine,
    "Dictionary.contains": lambda entries, key: key in entries,
    "Dictionary.fromLists": _from_lists,
    "Dictionary.get": _get,
    "Dictionary.getArray": _get_array,
    "Dictionary.getGeometry": _getter("Geometry", is_geometry),
    "Dictionary.getNumber": _getter("Number", is_number),
    "Dictionary.getString": _getter("String", lambda v: isinstance(v, str)),
    "Dictionary.keys": sorted,
    "Dictionary.map": _map,
    "Dictionary.remove": _remove,
    "Dictionary.rename": _rename,
    "Dictionary.select": _select,
    "Dictionary.set": lambda entries, key, value: {**entries, key: value},
    "Dictionary.size": len,
    "Dictionary.toArray": _to_array,
    "Dictionary.toImage": _to_image,
    "Dictionary.values": _values,
}
