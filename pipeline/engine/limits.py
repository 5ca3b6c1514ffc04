"""What one request may cost: seconds, and elements of a value. Checked where work repeats; exports have no deadline."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from pipeline.engine.image import Image
from pipeline.errors import EngineError

REQUEST_S = 300  # Earth Engine's own for interactive requests ("quotas")
MAX_LENGTH = 10_000_000
MAX_BANDS = 100_000
MEMORY = "User memory limit exceeded."

_ends: ContextVar[float] = ContextVar("ends", default=math.inf)


@contextmanager
def seconds(most: float) -> Iterator[None]:
    """What runs inside, in this thread, ends with an error once the time is over."""
    before = _ends.set(time.monotonic() + most)
    try:
        yield
    finally:
        _ends.reset(before)


def left() -> float | None:
    """Seconds until the deadline, an error where there are none; None without a deadline."""
    ends = _ends.get()
    if ends == math.inf:
        return None
    rest = ends - time.monotonic()
    if rest <= 0:
        raise EngineError("Computation timed out. Ask for less at once, or use Export.")
    return rest


def bounded(value: Any, who: str) -> Any:
    """The value; a text or list that has grown too long, or an image of too many bands, is refused."""
    if isinstance(value, Image) and len(value.bands) > MAX_BANDS:
        raise EngineError(f"{who}: {MEMORY} The image has {len(value.bands)} bands; at most {MAX_BANDS} are possible.")
    if isinstance(value, (str, list)) and len(value) > MAX_LENGTH:
        raise EngineError(f"{who}: {MEMORY} The result is {len(value)} long; at most {MAX_LENGTH} is possible.")
    return value


def unfolded(value: Any, who: str) -> Any:
    """The value; a list or dictionary of too many elements, those inside its elements counted, is refused."""
    if isinstance(value, (list, tuple, dict)):
        count = _count(value, {})
        if count > MAX_LENGTH:
            raise EngineError(f"{who}: {MEMORY} There are {count} elements; at most {MAX_LENGTH} are possible.")
    return value


def _count(value: Any, known: dict[int, int]) -> int:
    """Elements in a container and inside them, shared ones each time; the work is done once for each."""
    if id(value) not in known:
        inner = value.values() if isinstance(value, dict) else value
        known[id(value)] = len(value) + sum(_count(v, known) for v in inner if isinstance(v, (list, tuple, dict)))
    return known[id(value)]
