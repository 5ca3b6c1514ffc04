"""Grey-level co-occurrence texture (Haralick, Conners) in moving windows, without ever holding a matrix per window.

Most measures are functions of sums over the pairs of a window, because the matrix is symmetric: of s = a + b, s²,
d = |a − b|, d² and 1/(1 + d²). Those are plain window sums. Only the angular second moment and the entropies
need counts: a small table follows the window along a row, entering and leaving pairs updating two running sums.
The sums are integers (entropies in steps of 2⁻⁴⁰), so an answer does not depend on where a tile begins (shade and
prom: up to rounding).

Arrays in, arrays out; it knows nothing of bands or plans. A pair counts when both its pixels are valid and inside the
window. Logarithms are natural.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pipeline.engine.kernels.neighbourhood import window_sum
from pipeline.engine.kernels.stack import compiled

NDArray = np.ndarray[Any, Any]

# Measures computed together. A caller that wants one group does not pay for the others.
GROUPS: tuple[tuple[str, ...], ...] = (
    ("contrast", "corr", "var", "idm", "savg", "svar", "inertia"),
    ("asm", "ent"),
    ("diss", "dvar"),
    ("sent",),
    ("dent",),
    ("imcorr1", "imcorr2"),
    ("shade", "prom"),
)
_STEPS = float(2**40)
_LARGEST_TABLE = 2**22


class Pairs(NamedTuple):
    """The pairs of one direction: both ends (same shape), which are valid, how many of them each window has.

    A window is `tall` rows and `wide` columns of pairs.
    """

    first: NDArray
    second: NDArray
    ok: NDArray
    number: NDArray
    tall: int
    wide: int


def directions(inside: NDArray, x: int, y: int) -> list[tuple[int, int]]:
    """Offsets (dx, dy) of a kernel's cells around its centre, one of each opposite pair, in reading order."""
    found: list[tuple[int, int]] = []
    for row, column in zip(*np.nonzero(inside), strict=True):
        offset = (int(column) - x, int(row) - y)
        if offset != (0, 0) and (-offset[0], -offset[1]) not in found:
            found.append(offset)
    return found


def glcm(
    values: NDArray, valid: NDArray, size: int, offsets: Sequence[tuple[int, int]], group: int
) -> tuple[NDArray, NDArray]:
    """Measures of a group (measure, height, width), averaged over the directions that have a pair; and where any has.

    `values` are integers padded by `size` on each side; a window has 2·size + 1 cells a side.
    """
    values = _levels(values, valid)
    height, width = values.shape[0] - 2 * size, values.shape[1] - 2 * size
    total, seen = np.zeros((len(GROUPS[group]), height, width)), np.zeros((height, width), np.int32)
    for dx, dy in offsets:
        if max(abs(dx), abs(dy)) <= 2 * size and total.size:
            pairs = _pairs(values, valid, size, dx, dy)
            seen += pairs.number > 0
            _MEASURES[group](pairs, total)
    total /= np.maximum(seen, 1)
    return total, seen > 0


def _levels(values: NDArray, valid: NDArray) -> NDArray:
    """Grey levels in a type whose sums cannot overflow; masked pixels take the smallest valid level."""
    if not valid.all():
        values = np.where(valid, values, values[valid].min() if valid.any() else 0)
    small = values.size == 0 or (values.min() > -(2**30) and values.max() < 2**30)
    return values.astype(np.int32 if small else np.int64, copy=False)


def _pairs(values: NDArray, valid: NDArray, size: int, dx: int, dy: int) -> Pairs:
    tall, wide = 2 * size + 1 - abs(dy), 2 * size + 1 - abs(dx)
    ok = _ends(valid, dx, dy) & _ends(valid, -dx, -dy)
    shape = (ok.shape[0] - tall + 1, ok.shape[1] - wide + 1)
    number = np.broadcast_to(np.float64(tall * wide), shape) if ok.all() else window_sum(ok, tall, wide)
    return Pairs(_ends(values, dx, dy), _ends(values, -dx, -dy), ok, number, tall, wide)


def _ends(array: NDArray, dx: int, dy: int) -> NDArray:
    """The pixels that have a partner at (dx, dy); those of (−dx, −dy) are their partners, in the same order."""
    height, width = array.shape
    return np.ascontiguousarray(array[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)])


def _moments(pairs: Pairs, total: NDArray) -> None:
    level = int(pairs.first.min())
    _add_moments(*pairs, level, not pairs.ok.all(), total)


def _matrix(pairs: Pairs, total: NDArray) -> None:
    _add_entropy(pairs, [_pair_ids(pairs.first, pairs.second)], pairs.first == pairs.second, total[1], total[0])


def _differences(pairs: Pairs, total: NDArray) -> None:
    count = np.maximum(pairs.number, 1)
    difference = np.abs(pairs.first - pairs.second) * pairs.ok.astype(np.float64)
    mean = window_sum(difference, pairs.tall, pairs.wide) / count
    total[0] += mean
    total[1] += np.maximum(window_sum(difference * difference, pairs.tall, pairs.wide) / count - mean * mean, 0)


def _sum_entropy(pairs: Pairs, total: NDArray) -> None:
    _add_entropy(pairs, [_dense(pairs.first + pairs.second)], np.ones_like(pairs.ok), total[0])


def _difference_entropy(pairs: Pairs, total: NDArray) -> None:
    _add_entropy(pairs, [_dense(np.abs(pairs.first - pairs.second))], np.ones_like(pairs.ok), total[0])


def _information(pairs: Pairs, total: NDArray) -> None:
    """Haralick's f12 and f13. The marginals are equal, so HXY1 = HXY2 = 2 HX."""
    joint, single = np.zeros(total.shape[1:]), np.zeros(total.shape[1:])
    _add_entropy(pairs, [_pair_ids(pairs.first, pairs.second)], pairs.first == pairs.second, joint)
    codes, size = _dense(np.stack([pairs.first, pairs.second]))
    _add_entropy(pairs, [(codes[0], size), (codes[1], size)], np.zeros_like(pairs.ok), single)
    shared = 2 * single - joint
    total[0] += np.divide(-shared, single, out=np.zeros_like(single), where=single > 1e-9)
    total[1] += np.sqrt(np.maximum(0, 1 - np.exp(-2 * shared)))


def _clusters(pairs: Pairs, total: NDArray) -> None:
    s = (pairs.first.astype(np.float64) + pairs.second - 2 * int(pairs.first.min())) * pairs.ok
    count = np.maximum(pairs.number, 1)
    one, two, three, four = (window_sum(s**k, pairs.tall, pairs.wide) / count for k in (1, 2, 3, 4))
    total[0] += three - 3 * one * two + 2 * one**3
    total[1] += four - 4 * one * three + 6 * one * one * two - 3 * one**4


_MEASURES = (_moments, _matrix, _differences, _sum_entropy, _difference_entropy, _information, _clusters)


def _dense(values: NDArray) -> tuple[NDArray, int]:
    """Small identifiers for the values, and how many there may be: the values less their smallest, or their ranks."""
    low, high = int(values.min()), int(values.max())
    if high - low < _LARGEST_TABLE:
        return (values - values.dtype.type(low)).astype(np.int32), high - low + 1
    distinct, ids = np.unique(values, return_inverse=True)
    return ids.reshape(values.shape).astype(np.int32), distinct.size


def _pair_ids(first: NDArray, second: NDArray) -> tuple[NDArray, int]:
    """An identifier for each unordered pair, and how many there may be."""
    low = min(first.min(), second.min())
    count = int(max(first.max(), second.max())) - int(low) + 1
    direct = count * count <= _LARGEST_TABLE
    kind = np.int32 if direct else np.uint64
    small, large = (np.minimum(first, second) - low).astype(kind), (np.maximum(first, second) - low).astype(kind)
    small *= kind(count)
    small += large
    return (small, count * count) if direct else _dense(small)


def _add_entropy(
    pairs: Pairs, ids: list[tuple[NDArray, int]], twice: NDArray, entropy: NDArray, squares: NDArray | None = None
) -> None:
    """Adds the entropy over the distinct ids, and Σp² if asked; `twice` marks pairs that are one entry of 2c."""
    size = ids[0][1]
    most = len(ids) * pairs.tall * pairs.wide + 1
    grow_squares, grow_logs = _steps(most, 1 if len(ids) == 2 else 2)
    # 2n·ln 2n for n pairs, in the same steps as the entries', so that a single entry has an entropy of exactly 0.
    whole = np.concatenate([np.zeros(1, np.int64), np.cumsum(grow_logs[most : 2 * most])])
    codes = ids[0][0][None] if len(ids) == 1 else np.stack([i for i, _ in ids])
    table = np.zeros(size + 1, np.int32)
    _start(codes, pairs.ok, twice, table, most)
    _add_counted(codes, table, grow_squares, grow_logs, whole, pairs.number, pairs.tall, pairs.wide, entropy, squares)


def _steps(most: int, entries: int) -> tuple[NDArray, NDArray]:
    """What each count adds when it grows by one, to the sum of squares and to the sum of n·ln n.

    Three stretches, so that the inner loop has no branch: ids that stand for `entries` matrix cells of c, those that
    stand for one cell of 2c, and invalid pairs (nothing). A count starts at the beginning of its stretch.
    """
    count = np.arange(most + 1, dtype=np.float64)

    def grown(value: NDArray) -> NDArray:
        return np.diff(np.rint(value)).astype(np.int64)

    def logs(c: NDArray) -> NDArray:
        return c * np.log(np.maximum(c, 1)) * _STEPS

    nothing = np.zeros(most, np.int64)
    return (
        np.concatenate([grown(entries * count**2), grown(4 * count**2), nothing]),
        np.concatenate([grown(entries * logs(count)), grown(logs(2 * count)), nothing]),
    )


@compiled
def _start(ids: NDArray, ok: NDArray, twice: NDArray, table: NDArray, most: int) -> None:
    """Puts each id's count at the start of its stretch and gives invalid pairs the last id."""
    table[-1] = 2 * most
    for kind in range(ids.shape[0]):
        for y in range(ok.shape[0]):
            for x in range(ok.shape[1]):
                if not ok[y, x]:
                    ids[kind, y, x] = table.size - 1
                elif twice[y, x]:
                    table[ids[kind, y, x]] = most


@compiled
def _add_counted(
    ids: NDArray,
    table: NDArray,
    grow_squares: NDArray,
    grow_logs: NDArray,
    whole: NDArray,
    pairs: NDArray,
    tall: int,
    wide: int,
    entropy: NDArray,
    squares: NDArray | None,
) -> None:
    height, width = entropy.shape
    for y in range(height):
        square, log = np.int64(0), np.int64(0)
        # Starts before the first window and goes on past the last, so that each row finds and leaves the table empty.
        for x in range(1 - wide, width + wide):
            for kind in range(ids.shape[0]):
                if x > 0:
                    for row in range(y, y + tall):
                        key = ids[kind, row, x - 1]
                        count = table[key] - 1
                        table[key] = count
                        square -= grow_squares[count]
                        log -= grow_logs[count]
                if x < width:
                    for row in range(y, y + tall):
                        key = ids[kind, row, x + wide - 1]
                        count = table[key]
                        table[key] = count + 1
                        square += grow_squares[count]
                        log += grow_logs[count]
            if 0 <= x < width and pairs[y, x] > 0:
                n = 2.0 * pairs[y, x]
                entropy[y, x] += (whole[int(pairs[y, x])] - log) / (_STEPS * n)
                if squares is not None:
                    squares[y, x] += square / (n * n)


@compiled
def _add_moments(
    first: NDArray,
    second: NDArray,
    ok: NDArray,
    pairs: NDArray,
    tall: int,
    wide: int,
    level: int,
    masked: bool,
    total: NDArray,
) -> None:
    """Adds the first group's measures. Each row of pairs is summed across once and kept in a ring; then down the ring.

    `level` is subtracted from both ends, so that sums of squares stay exact.
    """
    width = pairs.shape[1]
    ring, line, sums = np.empty((tall, 4, width)), np.empty((4, first.shape[1])), np.empty((4, width))
    for y in range(first.shape[0]):
        _pair_row(first[y], second[y], level, line)
        if masked:
            for q in range(4):
                for x in range(first.shape[1]):
                    line[q, x] *= ok[y, x]
        for q in range(4):
            _window_row(line[q], ring[y % tall, q], wide)
        if y >= tall - 1:
            sums[:] = 0.0
            for k in range(y - tall + 1, y + 1):
                for q in range(4):
                    across, into = ring[k % tall, q], sums[q]
                    for x in range(width):
                        into[x] += across[x]
            _measures_row(sums, pairs[y - tall + 1], level, total[:, y - tall + 1])


@compiled
def _pair_row(first: NDArray, second: NDArray, level: int, line: NDArray) -> None:
    s, ss, dd, inverse = line
    for x in range(first.size):
        a, b = np.float64(first[x] - level), np.float64(second[x] - level)
        s[x] = a + b
        ss[x] = (a + b) * (a + b)
        dd[x] = (a - b) * (a - b)
        inverse[x] = 1.0 / (1.0 + dd[x])


@compiled
def _window_row(line: NDArray, out: NDArray, wide: int) -> None:
    for x in range(out.size):
        out[x] = line[x]
    for k in range(1, wide):
        for x in range(out.size):
            out[x] += line[x + k]


@compiled
def _measures_row(sums: NDArray, pairs: NDArray, level: int, total: NDArray) -> None:
    for x in range(pairs.size):
        n = pairs[x]
        if n > 0:
            s, ss, dd, inverse = sums[0, x], sums[1, x], sums[2, x], sums[3, x]
            contrast, spread = dd / n, (n * ss - s * s) / (n * n)
            both = spread + contrast
            total[0, x] += contrast
            # One grey level has no correlation: 0 by definition, where scikit-image says 1.
            if both > 0:
                total[1, x] += (spread - contrast) / both
            total[2, x] += both / 4.0
            total[3, x] += inverse / n
            total[4, x] += s / n + 2.0 * level
            total[5, x] += spread
            total[6, x] += contrast
