"""Compiled statistics over a stack of layers, pixel by pixel, masks beside the data.

A block is a piece of the stack as one contiguous array (layers, cells) with its mask (layers, cells), small enough
for the second-level cache. Layers are copied block by block, so a stack is never held twice. This module knows
arrays only: no reducers, no images, no types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

from pipeline.engine.plan import NDArray, Pixels, is_nowhere, nowhere, valid

BLOCK_BYTES = 1 << 20
CHUNK_BYTES = 1 << 15

F = TypeVar("F", bound=Callable[..., Any])
Block = Callable[[list[NDArray], NDArray], tuple[list[NDArray], NDArray]]


def compiled(function: F) -> F:
    """The function compiled on first use, kept on disk, free of the interpreter lock; its type stays."""
    return cast(F, njit(cache=True, nogil=True)(function))


def anywhere(mask: NDArray) -> NDArray:
    """Where any layer is valid: (cells,) from (layers, cells)."""
    return np.asarray(valid(mask).any(axis=0))


def reduce_blocks(inputs: Sequence[Sequence[Pixels]], weighted: bool, block: Block) -> list[Pixels]:
    """One Pixels per output of `block`, over `inputs[i][k]` = layer k of input i.

    `block(data, mask)` gets one (layers, cells) array per input, which it may overwrite, and the common mask
    (boolean, or float32 weights if `weighted` and some mask is partial). It returns one (cells, ...) array per output
    and where they are valid.
    """
    height, width = inputs[0][0].mask.shape
    kinds = [_common_dtype(layers) for layers in inputs]  # of all layers: types must not depend on the tile
    seen = [k for k in range(len(inputs[0])) if not any(is_nowhere(layers[k].mask) for layers in inputs)]
    if not seen:
        return _nothing(kinds, block, (height, width))
    inputs = [[layers[k] for k in seen] for layers in inputs]
    outputs: list[NDArray] = []
    mask = np.zeros((height, width), np.bool_)
    for rows, data, weights in _row_blocks(inputs, weighted, kinds):
        values, ok = block(data, weights)
        if not outputs:
            outputs = [np.empty((height, width, *v.shape[1:]), v.dtype) for v in values]
        for whole, part in zip(outputs, values, strict=True):
            whole[rows] = part.reshape(-1, width, *part.shape[1:])
        mask[rows] = ok.reshape(-1, width)
    return [Pixels(output, mask) for output in outputs]


def _nothing(kinds: list[np.dtype[Any]], block: Block, shape: tuple[int, int]) -> list[Pixels]:
    """The outputs where no layer has a valid pixel: of the types that they would have."""
    values, _ = block([np.zeros((1, 1), kind) for kind in kinds], np.zeros((1, 1), bool))
    return [Pixels(np.broadcast_to(np.zeros((), v.dtype), (*shape, *v.shape[1:])), nowhere(shape)) for v in values]


def _row_blocks(
    inputs: Sequence[Sequence[Pixels]], weighted: bool, kinds: list[np.dtype[Any]]
) -> Iterator[tuple[slice, list[NDArray], NDArray]]:
    height, width = inputs[0][0].mask.shape
    count = len(inputs[0])
    partial = weighted and any(p.mask.dtype != bool for layers in inputs for p in layers)
    weight = np.dtype(np.float32 if partial else np.bool_)
    bytes_a_row = count * width * (sum(k.itemsize for k in kinds) + weight.itemsize)
    step = min(height, max(1, BLOCK_BYTES // max(bytes_a_row, 1)))
    room = [np.empty(count * step * width, k) for k in [*kinds, weight]]
    for top in range(0, height, step):
        rows = slice(top, min(top + step, height))
        shape = (count, rows.stop - top, width)
        *data, mask = (flat[: shape[0] * shape[1] * shape[2]].reshape(shape) for flat in room)
        for k in range(count):
            for target, layers in zip(data, inputs, strict=True):
                target[k] = layers[k].data[rows]
            _common_mask([layers[k].mask[rows] for layers in inputs], partial, mask[k])
        yield rows, [d.reshape(count, -1) for d in data], mask.reshape(count, -1)


def _common_dtype(layers: Sequence[Pixels]) -> np.dtype[Any]:
    kind = np.result_type(*{p.data.dtype for p in layers})
    return np.dtype(np.uint8) if kind.kind == "b" else kind


def _common_mask(masks: list[NDArray], partial: bool, out: NDArray) -> None:
    out[...] = masks[0] if partial else valid(masks[0])
    for mask in masks[1:]:
        if partial:
            np.minimum(out, mask, out=out)
        else:
            out &= valid(mask)


def sort_block(data: NDArray, mask: NDArray) -> NDArray:
    """How many values are valid in each cell; `data` is sorted in place, each cell's valid values first.

    Masked values become the type's greatest value, so the first `count` values are the sorted valid ones even where
    a valid value equals it. A sorting network compares whole rows at once, which vectorises.
    """
    kind = data.dtype.type
    top = kind(np.inf) if data.dtype.kind == "f" else kind(np.iinfo(kind).max)
    counts = np.empty(data.shape[1], np.int32)
    chunk = max(64, CHUNK_BYTES // max(data.shape[0] * data.dtype.itemsize, 1))
    _sort_rows(data, valid(mask), sorting_network(data.shape[0]), top, counts, chunk)
    return counts


@lru_cache(maxsize=64)
def sorting_network(size: int) -> NDArray:
    """Pairs of rows to compare and exchange, in order, that sort `size` rows: Batcher's merge exchange."""
    pairs: list[tuple[int, int]] = []
    start = 1 << max(0, (size - 1).bit_length() - 1)
    p = start if size > 1 else 0
    while p > 0:
        q, r, d = start, 0, p
        while True:
            pairs.extend((i, i + d) for i in range(size - d) if i & p == r)
            if q == p:
                break
            d, q, r = q - p, q >> 1, p
        p >>= 1
    return np.array(pairs, np.int64).reshape(-1, 2)


@compiled
def _sort_rows(data: NDArray, ok: NDArray, network: NDArray, top: Any, counts: NDArray, chunk: int) -> None:
    layers, cells = data.shape
    for start in range(0, cells, chunk):
        stop = min(start + chunk, cells)
        counts[start:stop] = 0
        for k in range(layers):
            row, good = data[k, start:stop], ok[k, start:stop]
            total = counts[start:stop]
            for x in range(stop - start):
                total[x] += good[x]
                row[x] = row[x] if good[x] else top
        for i in range(network.shape[0]):
            low, high = data[network[i, 0], start:stop], data[network[i, 1], start:stop]
            for x in range(stop - start):
                a, b = low[x], high[x]
                less = a < b
                low[x] = a if less else b
                high[x] = b if less else a


@compiled
def quantiles(data: NDArray, counts: NDArray, fractions: NDArray, out: NDArray) -> None:
    """Fills out (fraction, cell) from a sorted block, interpolating linearly between ranks."""
    for q in range(fractions.size):
        for x in range(counts.size):  # without branches: which cells are full is random
            last = max(counts[x] - 1, 0)
            rank = fractions[q] * last
            k = np.int64(rank)
            low, high = 1.0 * data[k, x], 1.0 * data[min(k + 1, last), x]
            out[q, x] = low + (high - low) * (rank - k)


@compiled
def modes(data: NDArray, counts: NDArray, out: NDArray) -> None:
    """Fills out (cell) with the commonest value of a sorted block; the smallest of several."""
    for x in range(counts.size):
        longest, run = 0, 0
        for k in range(counts[x]):
            run = run + 1 if k > 0 and data[k, x] == data[k - 1, x] else 1
            if run > longest:
                longest = run
                out[x] = data[k, x]


@compiled
def distinct(data: NDArray, counts: NDArray, out: NDArray) -> None:
    """Fills out (cell) with the number of different values of a sorted block."""
    for x in range(counts.size):
        out[x] = 0
        for k in range(counts[x]):
            if k == 0 or data[k, x] != data[k - 1, x]:
                out[x] += 1


@compiled
def interval_means(data: NDArray, counts: NDArray, low: float, high: float, out: NDArray) -> None:
    """Fills out (cell) with the mean of the ranks from floor(low*n) up to ceil(high*n) of a sorted block."""
    for x in range(counts.size):
        if counts[x] > 0:
            first = min(int(np.floor(low * counts[x])), counts[x] - 1)
            last = max(int(np.ceil(high * counts[x])), first + 1)
            total = 0.0
            for k in range(first, last):
                total += data[k, x]
            out[x] = total / (last - first)


@compiled
def totals(data: NDArray, weights: NDArray, total: NDArray, weight: NDArray) -> None:
    """Fills the weighted sum and the sum of weights (cell, float64)."""
    total[:] = 0.0
    weight[:] = 0.0
    for start in range(0, total.size, 1024):
        stop = min(start + 1024, total.size)
        sums, sizes = total[start:stop], weight[start:stop]
        for k in range(data.shape[0]):
            row, ws = data[k, start:stop], weights[k, start:stop]
            for x in range(stop - start):
                w = 1.0 * ws[x]
                sums[x] += 1.0 * row[x] * w if w > 0 else 0.0
                sizes[x] += w if w > 0 else 0.0


@compiled
def moments(data: NDArray, ok: NDArray, count: NDArray, mean: NDArray, powers: NDArray) -> None:
    """Fills count, mean and the sums of powers 2 .. len(powers)+1 of the deviations (power, cell; float64)."""
    totals(data, ok, mean, count)
    powers[:] = 0.0
    for x in range(count.size):
        mean[x] = mean[x] / count[x] if count[x] > 0 else 0.0
    for k in range(data.shape[0]):
        row, good = data[k], ok[k]
        for x in range(count.size):
            deviation = 1.0 * row[x] - mean[x] if good[x] else 0.0
            powers[0, x] += deviation * deviation
        for p in range(1, powers.shape[0]):
            for x in range(count.size):
                deviation = 1.0 * row[x] - mean[x] if good[x] else 0.0
                powers[p, x] += deviation ** (p + 2)


@compiled
def extremes(data: NDArray, ok: NDArray, largest: bool, out: NDArray) -> None:
    """Turns out (cell) into the least or greatest of itself and the valid values."""
    for k in range(data.shape[0]):
        row, good = data[k], ok[k]
        if largest:
            for x in range(out.size):
                value, known = row[x], out[x]
                out[x] = value if good[x] & (value > known) else known
        else:
            for x in range(out.size):
                value, known = row[x], out[x]
                out[x] = value if good[x] & (value < known) else known


@compiled
def pair_moments(a: NDArray, b: NDArray, weights: NDArray, out: NDArray) -> None:
    """Fills out (6, cell): sum of weights, means of a and b, sums of squares aa, bb and products ab of deviations."""
    out[:] = 0.0
    totals(a, weights, out[1], out[0])
    totals(b, weights, out[2], out[0])
    for x in range(out.shape[1]):
        if out[0, x] > 0:
            out[1, x] /= out[0, x]
            out[2, x] /= out[0, x]
    for k in range(a.shape[0]):
        for x in range(out.shape[1]):
            if weights[k, x] > 0:
                w = 1.0 * weights[k, x]
                da, db = float(a[k, x]) - out[1, x], float(b[k, x]) - out[2, x]
                out[3, x] += w * da * da
                out[4, x] += w * db * db
                out[5, x] += w * da * db
