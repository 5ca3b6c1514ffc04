"""Patches of one class, found in strips of rows, and small ones given to what surrounds them.

A patch is what hangs together along edges of pixels. As long as there is a patch that is too small and has a
neighbour, the smallest (of several, the one whose first pixel comes first, row by row) takes the class with which it
shares the longest border (of several, the lowest code), and becomes one with its neighbours of that class.

The map itself is never in memory: strips are looked at twice, and for each patch some numbers are kept.
"""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.errors import MinecoverError

Array = NDArray[Any]

PER_LABEL, PER_BORDER = 26, 40
"""Bytes that a label and a border between two take in the end."""
MOST = 2**31 - 2


class Patches:
    """The patches of a map that is added strip by strip from the top, all strips of one width."""

    def __init__(self, memory: float) -> None:
        self._memory = memory
        self._parent = np.empty(0, np.int32)
        self._size = np.empty(0, np.int64)
        self._code = np.empty(0, np.uint8)
        self._labels = 0
        self._above: tuple[Array, Array] | None = None
        self._borders: list[tuple[Array, Array]] = []
        self._recoded = np.empty(0, np.uint8)

    def add(self, strip: Array) -> Array:
        """The label of each pixel of the next strip (0 … , −1 without a class); what belongs together may differ."""
        labels, pairs = self._scanned(strip)
        if len(pairs):
            self._borders.append(np.unique(pairs, return_counts=True))
        self._refuse_too_many()
        return labels

    def count(self) -> int:
        """How many patches there are."""
        return int((_roots(self._parent[: self._labels]) == np.arange(self._labels)).sum())

    def settle(self, least: int) -> None:
        """Nothing; the patches smaller than `least` pixels belong to others now, and the strips can come again."""
        root = _roots(self._parent[: self._labels].copy())
        roots, patch = np.unique(root, return_inverse=True)
        size = np.bincount(patch, self._size[: self._labels], len(roots)).astype(np.int64)
        code = self._code[roots].copy()
        first, second, length = self._between(patch)
        owner = _settled(size, code, first, second, length, least)
        self._recoded = np.append(code[owner][patch], np.uint8(0))
        self._labels, self._above, self._borders = 0, None, []

    def recoded(self, strip: Array) -> Array:
        """The next strip with the classes after `settle`."""
        labels, _ = self._scanned(strip)
        return self._recoded[labels]

    def _scanned(self, strip: Array) -> tuple[Array, Array]:
        """Labels, and a number for each pair of labels that meet along an edge."""
        width = strip.shape[1]
        above = self._above or (np.zeros(width, np.uint8), np.full(width, -1, np.int32))
        self._reserve(strip.size)
        labels = np.empty(strip.shape, np.int32)
        pairs = np.empty(2 * strip.size, np.int64)
        self._labels, met = _scan(strip, *above, self._parent, self._size, self._code, self._labels, labels, pairs)
        self._above = strip[-1].copy(), labels[-1].copy()
        return labels, pairs[:met]

    def _reserve(self, more: int) -> None:
        needed = self._labels + more
        if needed > MOST:
            raise MinecoverError("The map has more than 2^31 patches. Smooth it first: set classify.majority_px to 3.")
        if needed > len(self._parent):
            room = max(needed, min(2 * len(self._parent), MOST))
            self._parent, self._size, self._code = (
                np.concatenate([a, np.empty(room - len(a), a.dtype)]) for a in (self._parent, self._size, self._code)
            )

    def _between(self, patch: Array) -> tuple[Array, Array, Array]:
        """Pairs of patches that share a border, and how many edges of pixels it has."""
        keys = np.concatenate([k for k, _ in self._borders] or [np.empty(0, np.int64)])
        counts = np.concatenate([c for _, c in self._borders] or [np.empty(0, np.int64)])
        self._borders = []
        ends = patch[keys >> 32], patch[keys & 0xFFFFFFFF]
        joined, which = np.unique(np.minimum(*ends) << 32 | np.maximum(*ends), return_inverse=True)
        length = np.bincount(which, counts, len(joined)).astype(np.int64)
        return (joined >> 32).astype(np.int64), (joined & 0xFFFFFFFF).astype(np.int64), length

    def _refuse_too_many(self) -> None:
        borders = sum(len(k) for k, _ in self._borders)
        need = self._labels * PER_LABEL + borders * PER_BORDER
        if need > self._memory:
            raise MinecoverError(
                f"The map has so many small patches that finding them takes more than {self._memory / 1e9:.1f} GB. Set "
                f"classify.majority_px to 3 or more, which leaves fewer, or raise classify.memory_gb."
            )


@njit(cache=True, nogil=True)
def _find(parent: Array, label: int) -> int:
    while parent[label] != label:
        parent[label] = parent[parent[label]]
        label = parent[label]
    return label


@njit(cache=True, nogil=True)
def _roots(parent: Array) -> Array:
    """The parents, each now the first label of its patch."""
    for label in range(len(parent)):
        parent[label] = parent[parent[label]]  # which is known: parents come first
    return parent


@njit(cache=True, nogil=True)
def _scan(
    codes: Array, codes_above: Array, labels_above: Array, parent: Array, size: Array, code: Array, known: int,
    labels: Array, pairs: Array,
) -> tuple[int, int]:  # fmt: skip
    """How many labels are known afterwards, and how many pairs were met; fills `labels` and `pairs`."""
    met = 0
    for y in range(codes.shape[0]):
        for x in range(codes.shape[1]):
            own = codes[y, x]
            if own == 0:
                labels[y, x] = -1
                continue
            upper = codes_above[x] if y == 0 else codes[y - 1, x]
            above = labels_above[x] if y == 0 else labels[y - 1, x]
            left = codes[y, x - 1] if x else 0
            before = labels[y, x - 1] if x else -1
            label = -1
            if upper == own:
                label = _find(parent, above)
            if left == own:
                other = _find(parent, before)
                if label >= 0 and label != other:
                    first, last = min(label, other), max(label, other)
                    parent[last] = first
                    label = first
                else:
                    label = other
            if label < 0:
                label = known
                parent[label], size[label], code[label] = label, 0, own
                known += 1
            size[label] += 1
            labels[y, x] = label
            if upper and upper != own:
                pairs[met] = np.int64(min(label, above)) << 32 | max(label, above)
                met += 1
            if left and left != own:
                pairs[met] = np.int64(min(label, before)) << 32 | max(label, before)
                met += 1
    return known, met


@njit(cache=True, nogil=True)
def _linked(first: Array, second: Array, length: Array, count: int) -> tuple[Array, Array, Array, Array, Array]:
    """For each patch the list of its borders: `head` and `tail`; for each border the patch beyond, length, next one."""
    head, tail = np.full(count, -1, np.int64), np.full(count, -1, np.int64)
    many = 2 * len(first)
    beyond, edges, following = np.empty(many, np.int64), np.empty(many, np.int64), np.empty(many, np.int64)
    for i in range(many):
        own, other = (first[i // 2], second[i // 2]) if i % 2 == 0 else (second[i // 2], first[i // 2])
        beyond[i], edges[i], following[i] = other, length[i // 2], -1
        if head[own] < 0:
            head[own] = i
        else:
            following[tail[own]] = i
        tail[own] = i
    return head, tail, beyond, edges, following


@njit(cache=True, nogil=True)
def _settled(size: Array, code: Array, first: Array, second: Array, length: Array, least: int) -> Array:
    """The patch that each belongs to in the end; `code` holds the classes of those afterwards.

    Patches are numbered in the order of their first pixels. A list of borders is only walked through for patches that
    are small, so it is short.
    """
    count = len(size)
    head, tail, beyond, edges, following = _linked(first, second, length, count)
    owner = np.arange(count)
    small: list[Any] = [(np.int64(0), np.int64(0)) for _ in range(0)]
    for number in range(count):
        if size[number] < least:
            small.append((size[number], np.int64(number)))
    heapq.heapify(small)
    shared = np.zeros(256, np.int64)
    while len(small):
        pixels, patch = heapq.heappop(small)
        if owner[patch] != patch or size[patch] != pixels:
            continue
        shared[:] = 0
        i = head[patch]
        while i >= 0:
            other = _find(owner, beyond[i])
            if other != patch:
                shared[code[other]] += edges[i]
            i = following[i]
        best = int(np.argmax(shared))
        if shared[best] == 0:
            continue
        i, last, joined = head[patch], tail[patch], patch
        while i >= 0:
            other = _find(owner, beyond[i])
            if other != joined and code[other] == best:
                joined = _joined(owner, size, head, tail, following, joined, other)
            if i == last:
                break
            i = following[i]
        code[joined] = best
        if size[joined] < least:
            heapq.heappush(small, (size[joined], np.int64(joined)))
    for number in range(count):
        owner[number] = _find(owner, number)
    return owner


@njit(cache=True, nogil=True)
def _joined(owner: Array, size: Array, head: Array, tail: Array, following: Array, one: int, other: int) -> int:
    """The patch that both are now: the one whose first pixel comes first."""
    first, last = min(one, other), max(one, other)
    owner[last] = first
    size[first] += size[last]
    if head[first] < 0:
        head[first], tail[first] = head[last], tail[last]
    elif head[last] >= 0:
        following[tail[first]] = head[last]
        tail[first] = tail[last]
    return first
