"""How the benches take time."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any


def seconds(function: Callable[..., Any], *arguments: Any, repeat: int = 3) -> tuple[float, Any]:
    """The best time of several, and the last answer."""
    times, answer = [], None
    for _ in range(repeat):
        start = perf_counter()
        answer = function(*arguments)
        times.append(perf_counter() - start)
    return min(times), answer
