"""Pixel plans: a graph of single-band descriptions, evaluated on one grid at a time.

A plan says which inputs it needs, each on which grid, and computes its pixels from theirs. Nothing is read until
`evaluate` is called; it then visits only what reaches the answer, computes every (plan, grid) pair once, reads
sources that share a `group` together, and drops each result after its last use.

This module knows nothing of files, functions or geometries.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from odc.geo.geobox import GeoBox

NDArray = np.ndarray[Any, Any]


class Pixels(NamedTuple):
    """One band on one grid: `data` (height, width[, array axes]) and `mask` (height, width), True or > 0 = valid.

    The mask is boolean, or float32 in 0..1 where validity is partial. Data under the mask has no meaning.
    """

    data: NDArray
    mask: NDArray


class Plan(Protocol):
    """A band that can be computed on any grid."""

    @property
    def group(self) -> Hashable | None:
        """Plans of one group are read together through the first one's `read_group`; None for computed plans."""

    def needs(self, grid: GeoBox) -> Sequence[tuple[Plan, GeoBox]]:
        """The inputs, each with the grid it is wanted on."""

    def compute(self, grid: GeoBox, inputs: list[Any]) -> Any:
        """Pixels on the grid, from the inputs' pixels in the order of `needs`."""


@dataclass(frozen=True, eq=False)
class Constant:
    """The same value everywhere, valid everywhere. Costs no memory: the arrays are broadcast views."""

    value: Any
    dtype: np.dtype[Any]
    group = None

    def needs(self, grid: GeoBox) -> Sequence[tuple[Plan, GeoBox]]:
        return ()

    def compute(self, grid: GeoBox, inputs: list[Any]) -> Pixels:
        value = np.asarray(self.value, dtype=self.dtype)
        return Pixels(np.broadcast_to(value, (*grid.shape, *value.shape)), everywhere(grid.shape))


@dataclass(frozen=True, eq=False)
class Local:
    """A function of the same pixel of its inputs. `fn(*inputs)` returns Pixels, or a tuple for `Part` to pick from."""

    fn: Callable[..., Any]
    inputs: tuple[Plan, ...]
    group = None

    def needs(self, grid: GeoBox) -> Sequence[tuple[Plan, GeoBox]]:
        return [(p, grid) for p in self.inputs]

    def compute(self, grid: GeoBox, inputs: list[Any]) -> Any:
        return self.fn(*inputs)


@dataclass(frozen=True, eq=False)
class Part:
    """One output of a plan that computes several at once."""

    whole: Plan
    index: int
    group = None

    def needs(self, grid: GeoBox) -> Sequence[tuple[Plan, GeoBox]]:
        return [(self.whole, grid)]

    def compute(self, grid: GeoBox, inputs: list[Any]) -> Pixels:
        part: Pixels = inputs[0][self.index]
        return part


@dataclass(frozen=True, eq=False)
class Around:
    """A function of a neighbourhood. Inputs come on the grid padded by `pad(grid)` = (x, y) pixels on each side.

    `fn(grid, *inputs)` gets the padded inputs and returns Pixels (or a tuple) of the unpadded size.
    """

    fn: Callable[..., Any]
    inputs: tuple[Plan, ...]
    pad: Callable[[GeoBox], tuple[int, int]]
    group = None

    def needs(self, grid: GeoBox) -> Sequence[tuple[Plan, GeoBox]]:
        x, y = self.pad(grid)
        padded = grid.pad(x, y)
        return [(p, padded) for p in self.inputs]

    def compute(self, grid: GeoBox, inputs: list[Any]) -> Any:
        return self.fn(grid, *inputs)


@dataclass(frozen=True, eq=False)
class OnGrid:
    """Pixels made from the grid (coordinates, areas, noise, painted shapes): `fn(grid, *inputs)`."""

    fn: Callable[..., Any]
    inputs: tuple[Plan, ...] = ()
    group = None

    def needs(self, grid: GeoBox) -> Sequence[tuple[Plan, GeoBox]]:
        return [(p, grid) for p in self.inputs]

    def compute(self, grid: GeoBox, inputs: list[Any]) -> Any:
        return self.fn(grid, *inputs)


def everywhere(shape: Sequence[int]) -> NDArray:
    """An all-valid mask that costs no memory."""
    return np.broadcast_to(np.True_, tuple(shape[:2]))


def is_everywhere(mask: NDArray) -> bool:
    """Whether a mask is the free all-valid one."""
    return mask.strides == (0, 0) and mask.dtype == bool and mask.size > 0 and bool(mask[0, 0])


def both(first: NDArray, *others: NDArray) -> NDArray:
    """Valid where all are: the intersection of boolean masks, the minimum of partial ones."""
    result = first
    for mask in others:
        if mask is result or is_everywhere(mask):
            continue
        if is_everywhere(result):
            result = mask
        elif result.dtype == bool and mask.dtype == bool:
            result = result & mask
        else:
            result = np.minimum(result.astype(np.float32), mask.astype(np.float32))
    return result


def valid(mask: NDArray) -> NDArray:
    """The mask as boolean: valid at all."""
    return mask if mask.dtype == bool else mask > 0


Key = tuple[Plan, GeoBox]


def evaluate(plans: Sequence[Plan], grid: GeoBox) -> list[Pixels]:
    """Pixels of each plan on the grid, sharing everything that can be shared."""
    needs = _expand(plans, grid)
    uses: dict[Key, int] = {}
    for inputs in needs.values():
        for key in inputs:
            uses[key] = uses.get(key, 0) + 1
    for plan in plans:
        uses[(plan, grid)] = uses.get((plan, grid), 0) + 1
    groups: dict[Hashable, list[Key]] = {}
    for key in needs:
        if key[0].group is not None:
            groups.setdefault((key[0].group, key[1]), []).append(key)
    done: dict[Key, Any] = {}
    for root in plans:
        _run((root, grid), needs, uses, groups, done)
    return [done[(plan, grid)] for plan in plans]


def _expand(plans: Sequence[Plan], grid: GeoBox) -> dict[Key, list[Key]]:
    """Everything that the plans need, by an explicit stack: chains may be thousands deep."""
    needs: dict[Key, list[Key]] = {}
    stack: list[Key] = [(plan, grid) for plan in plans]
    while stack:
        key = stack.pop()
        if key not in needs:
            needs[key] = list(key[0].needs(key[1]))
            stack.extend(needs[key])
    return needs


def _run(
    root: Key,
    needs: dict[Key, list[Key]],
    uses: dict[Key, int],
    groups: dict[Hashable, list[Key]],
    done: dict[Key, Any],
) -> None:
    stack = [root]
    while stack:
        key = stack[-1]
        if key in done:
            stack.pop()
            continue
        missing = [k for k in needs[key] if k not in done]
        if missing:
            stack.extend(reversed(missing))
            continue
        plan, grid = key
        if plan.group is not None:
            together = groups[(plan.group, grid)]
            for other, pixels in zip(together, plan.read_group([k[0] for k in together], grid), strict=True):  # type: ignore[attr-defined]
                done[other] = pixels
        else:
            done[key] = plan.compute(grid, [done[k] for k in needs[key]])
        for used in needs[key]:
            uses[used] -= 1
            if uses[used] == 0:
                del done[used]
        stack.pop()
