"""Pixel plans: a graph of single-band descriptions, evaluated on one grid at a time.

A plan says which inputs it needs, each on which grid, and computes its pixels from theirs. Nothing is read until
`evaluate` is called; it then visits only what reaches the answer, computes every (plan, grid) pair once, reads
sources that share a `group` together, and drops each result after its last use.

This module knows nothing of files, functions or geometries.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
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
    bytes_a_pixel = 0

    def needs(self, grid: GeoBox) -> Sequence[tuple[Plan, GeoBox]]:
        return ()

    def compute(self, grid: GeoBox, inputs: list[Any]) -> Pixels:
        value = np.asarray(self.value, dtype=self.dtype)
        return Pixels(np.broadcast_to(value, (*grid.shape, *value.shape)), everywhere(grid.shape))


@dataclass(frozen=True, eq=False)
class Local:
    """A function of the same pixel of its inputs. `fn(*inputs)` returns Pixels, or a tuple for `Part` to pick from.

    A pixel of its result holds `bytes_a_pixel` with its mask: a double and a byte, where nothing better is known.
    """

    fn: Callable[..., Any]
    inputs: tuple[Plan, ...]
    bytes_a_pixel: int = 9
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

    `fn(grid, *inputs)` gets the padded inputs and returns Pixels (or a tuple) of the unpadded size; meanwhile it
    holds `bytes_a_pixel` more than its inputs.
    """

    fn: Callable[..., Any]
    inputs: tuple[Plan, ...]
    pad: Callable[[GeoBox], tuple[int, int]]
    bytes_a_pixel: int = 0
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


def nowhere(shape: Sequence[int]) -> NDArray:
    """A mask without a valid pixel that costs no memory."""
    return np.broadcast_to(np.False_, tuple(shape[:2]))


def is_nowhere(mask: NDArray) -> bool:
    """Whether a mask is the free one without a valid pixel."""
    return mask.strides == (0, 0) and mask.dtype == bool and mask.size > 0 and not mask[0, 0]


def both(first: NDArray, *others: NDArray) -> NDArray:
    """Valid where all are: the intersection of boolean masks, the minimum of partial ones."""
    result = first
    for mask in others:
        if mask is result or is_everywhere(mask) or is_nowhere(result):
            continue
        if is_everywhere(result) or is_nowhere(mask):
            result = mask
        elif result.dtype == bool and mask.dtype == bool:
            result = result & mask
        else:
            result = np.minimum(result.astype(np.float32), mask.astype(np.float32))
    return result


def valid(mask: NDArray) -> NDArray:
    """The mask as boolean: valid at all."""
    return mask if mask.dtype == bool else mask > 0


Key = tuple[Plan, int]


class _Grids:
    """Grids by number. A GeoBox is dear to hash, and most plans hand the very same object on."""

    def __init__(self) -> None:
        self.boxes: list[GeoBox] = []
        self._by_id: dict[int, int] = {}
        self._by_value: dict[Hashable, int] = {}
        self._kept: list[GeoBox] = []  # an id means something only while its object lives
        self._places: dict[tuple[int, int], tuple[slice, slice] | None] = {}

    def number(self, grid: GeoBox) -> int:
        """The number of this grid, the same for equal ones."""
        known = self._by_id.get(id(grid))
        if known is None:
            value = (tuple(grid.affine), tuple(grid.shape), str(grid.crs))
            known = self._by_value.setdefault(value, len(self.boxes))
            if known == len(self.boxes):
                self.boxes.append(grid)
            self._by_id[id(grid)] = known
            self._kept.append(grid)
        return known

    def size(self, number: int) -> int:
        """How many pixels a grid has."""
        return int(self.boxes[number].width * self.boxes[number].height)

    def place(self, number: int, larger: int) -> tuple[slice, slice] | None:
        """Rows and columns of the larger grid that the other consists of, if it does."""
        if (number, larger) not in self._places:
            self._places[number, larger] = place_in(self.boxes[number], self.boxes[larger])
        return self._places[number, larger]


@dataclass(frozen=True, eq=False)
class Crop:
    """What a plan has on a part of a larger grid that it is computed on anyway."""

    plan: Plan
    larger: GeoBox
    rows: slice
    columns: slice
    group = None

    def needs(self, grid: GeoBox) -> Sequence[tuple[Plan, GeoBox]]:
        return [(self.plan, self.larger)]

    def compute(self, grid: GeoBox, inputs: list[Any]) -> Any:
        found = inputs[0]
        return self._of(found) if isinstance(found, Pixels) else tuple(self._of(p) for p in found)

    def _of(self, pixels: Pixels) -> Pixels:
        return Pixels(pixels.data[self.rows, self.columns], pixels.mask[self.rows, self.columns])


def place_in(grid: GeoBox, larger: GeoBox) -> tuple[slice, slice] | None:
    """Rows and columns of the larger grid that the grid consists of, if it does."""
    own, other = grid.affine, larger.affine
    if grid.crs != larger.crs or (own.a, own.b, own.d, own.e) != (other.a, other.b, other.d, other.e):
        return None
    x, y = ~other * (own.c, own.f)
    left, top = round(x), round(y)
    inside = left >= 0 and top >= 0 and left + grid.width <= larger.width and top + grid.height <= larger.height
    if not inside or max(abs(x - left), abs(y - top)) > 1e-6:
        return None
    return slice(top, top + grid.height), slice(left, left + grid.width)


def evaluate(plans: Sequence[Plan], grid: GeoBox) -> list[Pixels]:
    """Pixels of each plan on the grid, sharing everything that can be shared."""
    run = _Run(plans, grid)
    return [run.value(key) for key in run.roots]


class _Run:
    """One evaluation: what each (plan, grid) needs, how often it is still wanted, and what is done."""

    def __init__(self, plans: Sequence[Plan], grid: GeoBox) -> None:
        self.grids = _Grids()
        self.needs: dict[Key, list[Key]] = {}
        self.uses: dict[Key, int] = {}
        self.groups: dict[Hashable, list[Key]] = {}
        self.done: dict[Key, Any] = {}
        self.roots: list[Key] = [(plan, self.grids.number(grid)) for plan in plans]
        self._expand()
        self._share()
        self._count()

    def _expand(self) -> None:
        """Everything that the roots need, by an explicit stack: chains may be thousands deep."""
        number = self.grids.number
        stack = list(self.roots)
        while stack:
            key = stack.pop()
            if key in self.needs:
                continue
            plan, grid = key
            inputs = [(p, number(g)) for p, g in plan.needs(self.grids.boxes[grid])]
            self.needs[key] = inputs
            stack.extend(inputs)

    def _share(self) -> None:
        """Let a plan that is wanted on a grid and on a larger one around it be computed on the larger one only.

        The inputs of a neighbourhood are wanted on a padded grid, and often beside it on the plain one.
        """
        grids: dict[Plan, list[int]] = {}
        for plan, number in self.needs:
            grids.setdefault(plan, []).append(number)
        instead: dict[Key, Key] = {}
        for plan, numbers in grids.items():
            if len(numbers) > 1:
                instead.update(self._crops(plan, numbers))
        for key, inputs in list(self.needs.items()):
            self.needs[key] = [instead.get(k, k) for k in inputs]
        for crop in instead.values():
            self.needs[crop] = [(p, self.grids.number(g)) for p, g in crop[0].needs(self.grids.boxes[crop[1]])]
        self.roots = [instead.get(k, k) for k in self.roots]

    def _crops(self, plan: Plan, numbers: list[int]) -> Iterator[tuple[Key, Key]]:
        largest = max(numbers, key=self.grids.size)
        for number in numbers:
            place = None if number == largest else self.grids.place(number, largest)
            if place is not None:
                yield (plan, number), (Crop(plan, self.grids.boxes[largest], *place), number)

    def _count(self) -> None:
        """How often each result is used, and which sources are read together, of what the roots still reach."""
        reached: dict[Key, None] = {}
        stack = list(self.roots)
        while stack:
            key = stack.pop()
            if key not in reached:
                reached[key] = None
                stack.extend(self.needs[key])
        self.needs = {key: self.needs[key] for key in reached}
        for key in reached:
            plan, grid = key
            if plan.group is not None:
                self.groups.setdefault((plan.group, grid), []).append(key)
        for inputs in (*self.needs.values(), self.roots):
            for key in inputs:
                self.uses[key] = self.uses.get(key, 0) + 1

    def value(self, root: Key) -> Any:
        """The result of one root; everything it needs is computed first."""
        stack = [root]
        while stack:
            key = stack[-1]
            missing = [] if key in self.done else [k for k in self.needs[key] if k not in self.done]
            if missing:
                stack.extend(reversed(missing))
                continue
            if key not in self.done:
                self._compute(key)
            stack.pop()
        return self.done[root]

    def _compute(self, key: Key) -> None:
        plan, grid = key
        box = self.grids.boxes[grid]
        if plan.group is None:
            self.done[key] = plan.compute(box, [self.done[k] for k in self.needs[key]])
        else:
            together = self.groups[(plan.group, grid)]
            read = plan.read_group([k[0] for k in together], box)  # type: ignore[attr-defined]
            self.done.update(zip(together, read, strict=True))
        for used in self.needs[key]:
            self.uses[used] -= 1
            if self.uses[used] == 0:
                del self.done[used]
