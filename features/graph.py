"""What a script sends: the size of its graph, and whether every function in it is one that Earth Engine has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import ee

MAX_BYTES = 10_000_000
"""Earth Engine's documented limit of an expression."""


@dataclass(frozen=True)
class Size:
    """Nodes and bytes of a graph as it is sent."""

    nodes: int
    bytes: int


def size(element: Any) -> Size:
    """How large the graph of an Earth Engine object is."""
    return _size(ee.serializer.encode(element, for_cloud_api=True))


def check(element: Any) -> Size:
    """The size of a graph that can be sent. One that is too large, or that calls what is not there, is an error."""
    expression = ee.serializer.encode(element, for_cloud_api=True)
    found = _size(expression)
    if found.bytes > MAX_BYTES:
        raise ValueError(
            f"The script is {found.bytes / 1e6:.1f} MB, and Earth Engine takes {MAX_BYTES / 1e6:.0f} MB. Simplify the "
            "region's outline or ask for fewer bands at a time."
        )
    wrong = sorted(set(_strangers(expression)))
    if wrong:
        raise ValueError(f"Earth Engine has no {'; no '.join(wrong)}.")
    return found


def _size(expression: dict[str, Any]) -> Size:
    return Size(sum(1 for _ in _nodes(expression)), len(json.dumps(expression, separators=(",", ":")).encode()))


def _strangers(expression: dict[str, Any]) -> Iterator[str]:
    """Calls that do not fit the signatures which the engine has announced."""
    known = ee.ApiFunction.allSignatures()
    for node in _nodes(expression):
        call = node.get("functionInvocationValue", {})
        name, given = call.get("functionName"), set(call.get("arguments", {}))
        if name is None:
            continue
        if name not in known:
            yield f"function {name}"
            continue
        arguments = known[name]["args"]
        yield from (f"argument '{a}' of {name}" for a in given - {a["name"] for a in arguments})
        needed = {a["name"] for a in arguments if not a.get("optional")}
        yield from (f"call of {name} without '{a}'" for a in needed - given)


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every node of an expression, those inside others included."""
    stack = [value]
    while stack:
        at = stack.pop()
        if isinstance(at, dict):
            if any(key.endswith(("Value", "Reference")) for key in at):
                yield at
            stack.extend(at.values())
        elif isinstance(at, list):
            stack.extend(at)
