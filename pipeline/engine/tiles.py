"""Tiles: pixels of a large grid, computed piece by piece on a thread pool under a memory budget.

The answer does not depend on the tiles: every plan computes a pixel from its grid alone.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from pipeline.engine import limits
from pipeline.engine.plan import Around, NDArray, Pixels, Plan, evaluate, valid
from pipeline.errors import MinecoverError

Window = tuple[slice, slice]

SIDES = (1024, 512, 256, 128, 64, 32)
RESULT_BYTES = 9  # a double and its mask


class Tiler:
    """Runs tile tasks on any concurrent.futures executor: threads of this process, or a Dask cluster.

    What travels to a cluster is the plan: evaluated once, with every number the graph computed on the way in it.
    """

    def __init__(self, workers: int | None = None, budget_bytes: int = 1 << 30, scheduler: str | None = None) -> None:
        self.budget_bytes = budget_bytes
        self._client = None if scheduler is None else _client(scheduler)
        self.executor: Executor
        if self._client is None:
            self.workers = workers or os.cpu_count() or 1
            self.executor = ThreadPoolExecutor(self.workers, thread_name_prefix="tile")
        else:
            self.workers = max(sum(self._client.nthreads().values()), 1)
            self.executor = self._client.get_executor(pure=False)

    def close(self) -> None:
        """Let go of threads, or of the cluster."""
        self.executor.shutdown(wait=False)
        if self._client is not None:
            self._client.close()

    def whole(self, plans: Sequence[Plan], grid: GeoBox) -> list[Pixels]:
        """Pixels on the whole grid, assembled from tiles."""
        return assembled(grid, self.stream(plans, grid))

    def stream(self, plans: Sequence[Plan], grid: GeoBox) -> Iterator[tuple[Window, list[Pixels]]]:
        """Tiles row by row from the top, never more in flight than the workers can hold."""
        task = partial(evaluate, list(plans))
        side = self.side(plans)
        windows = split(grid.shape, side)
        if max(grid.shape) <= side and self._client is None:
            yield from ((window, task(grid)) for window in windows)
            return
        pending: deque[tuple[Window, Future[list[Pixels]]]] = deque()
        try:
            for window in windows:
                if len(pending) > self.workers:
                    yield _next(pending)
                pending.append((window, self.executor.submit(task, grid[window])))
            while pending:
                yield _next(pending)
        finally:
            for _, future in pending:
                future.cancel()

    def side(self, plans: Sequence[Plan]) -> int:
        """The largest tile side whose intermediate results fit the budget on all workers at once."""
        share = self.budget_bytes / (self.workers + 1)
        each = bytes_a_pixel(plans)
        return next((s for s in SIDES if s * s * each <= share), SIDES[-1])


def _next(pending: deque[tuple[Window, Future[list[Pixels]]]]) -> tuple[Window, list[Pixels]]:
    """The first tile once it is done; the request's deadline ends the wait."""
    window, future = pending[0]
    try:
        done = future.result(limits.left())
    except TimeoutError:
        limits.left()
        raise
    pending.popleft()
    return window, done


def _client(scheduler: str) -> Any:
    """A client of the Dask cluster at the address."""
    try:
        from distributed import Client
    except ImportError:
        raise MinecoverError(
            "A scheduler needs Dask, which is not installed. `pip install 'minecover[dask]'` brings it."
        ) from None
    try:
        return Client(scheduler, timeout=10, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise MinecoverError(f"No Dask scheduler answers at '{scheduler}': {error}. Start one there.") from None


def bytes_a_pixel(plans: Sequence[Plan]) -> int:
    """The most that waits in memory for each pixel while the plans are evaluated: each result until its last use."""
    order, uses = _order(plans)
    live = peak = 0
    for plan in order:
        live += _held(plan)
        peak = max(peak, live + (plan.bytes_a_pixel if isinstance(plan, Around) else 0))
        for used in _inputs(plan):
            uses[used] -= 1
            if uses[used] == 0:
                live -= _held(used)
    return peak


def _order(plans: Sequence[Plan]) -> tuple[list[Plan], Counter[Plan]]:
    """Every plan below these, each after its inputs as `evaluate` does it, and how often each is used."""
    uses = Counter(plans)
    order: dict[Plan, None] = {}
    stack: list[tuple[Plan, bool]] = [(p, False) for p in reversed(plans)]
    while stack:
        plan, ready = stack.pop()
        if plan in order:
            continue
        if ready:
            order[plan] = None
            uses.update(_inputs(plan))
            continue
        stack.append((plan, True))
        stack.extend((p, False) for p in reversed(_inputs(plan)) if p not in order)
    return list(order), uses


def _inputs(plan: Any) -> list[Plan]:
    """What the plan is computed from."""
    alone = [getattr(plan, name) for name in ("whole", "child") if hasattr(plan, name)]
    return alone or list(getattr(plan, "inputs", ()))


def _held(plan: Any) -> int:
    """Bytes of a pixel of the plan's result."""
    return RESULT_BYTES if isinstance(plan, Around) else int(getattr(plan, "bytes_a_pixel", RESULT_BYTES))


def split(shape: Any, side: int) -> Iterator[Window]:
    """Windows of at most side × side pixels, row by row."""
    height, width = shape
    for y in range(0, height, side):
        for x in range(0, width, side):
            yield slice(y, min(y + side, height)), slice(x, min(x + side, width))


def assembled(grid: GeoBox, tiles: Iterator[tuple[Window, list[Pixels]]]) -> list[Pixels]:
    """One set of arrays from all tiles."""
    shape = tuple(grid.shape)
    whole: list[Pixels] = []
    for window, parts in tiles:
        if parts and parts[0].mask.shape == shape:
            return parts
        if not whole:
            whole = [_empty(p, shape) for p in parts]
        whole = [_with_part(w, window, p) for w, p in zip(whole, parts, strict=True)]
    return whole


def _with_part(whole: Pixels, window: Window, part: Pixels) -> Pixels:
    """The whole with one tile put in. A tile without a valid pixel says nothing of the others' type or array shape."""
    data, mask = whole
    if mask.dtype == bool and part.mask.dtype != bool:
        mask = mask.astype(np.float32)
    alike = data.dtype == part.data.dtype and data.shape[2:] == part.data.shape[2:]
    if alike or valid(part.mask).any():
        data = data if alike else _fitting(whole, part)
        data[window] = part.data if data.dtype != object else _cells(part.data)
    mask[window] = part.mask
    return Pixels(data, mask)


def _fitting(whole: Pixels, part: Pixels) -> NDArray:
    """The whole's data in a form that takes the part's too; arrays of different shapes become one object a pixel."""
    if not valid(whole.mask).any():
        return _empty(part, whole.mask.shape).data
    if whole.data.shape[2:] == part.data.shape[2:] and object not in (whole.data.dtype, part.data.dtype):
        return whole.data.astype(np.result_type(whole.data, part.data))
    return _cells(whole.data)


def _cells(data: NDArray) -> NDArray:
    """Array pixels as objects, (height, width)."""
    if data.dtype == object:
        return data
    made = np.empty(data.shape[:2], object)
    for at in np.ndindex(*made.shape):
        made[at] = data[at]
    return made


def _empty(part: Pixels, shape: Any) -> Pixels:
    return Pixels(np.zeros((*shape, *part.data.shape[2:]), part.data.dtype), np.zeros(shape, part.mask.dtype))
