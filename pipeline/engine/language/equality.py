"""When two values are equal, and which comes first: what lists search and sort by."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.engine.values import Array, Date


def equal(left: Any, right: Any) -> bool:
    """Whether two values are equal: numbers by value, booleans only to booleans, containers by their contents."""
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(v, right[k]) for k, v in left.items())
    if isinstance(left, Array) and isinstance(right, Array):
        return bool(np.array_equal(left.data, right.data))
    return bool(left == right)


def order(value: Any) -> tuple[Any, ...]:
    """A key that sorts any mixture: null, booleans, numbers, strings, dates, lists, then everything else in place."""
    if value is None:
        return (0,)
    if isinstance(value, bool):
        return (1, value)
    if isinstance(value, (int, float)):
        return (2, value)
    if isinstance(value, str):
        return (3, value)
    if isinstance(value, Date):
        return (4, value.millis)
    if isinstance(value, list):
        return (5, tuple(map(order, value)))
    return (6,)
