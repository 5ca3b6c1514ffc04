"""Eigenvalues and eigenvectors of real matrices, with signs and order as Earth Engine prints them.

The documentation's examples show what its solver leaves behind: Householder reflections to a condensed form, then QR
steps shifted by the known eigenvalues. Doing the same steps gives the same signs; a library's solver gives others.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pipeline.errors import EngineError

NDArray = np.ndarray[Any, Any]
EPSILON = 2.0**-52
SYMMETRIC = 1e-8
MAX_STEPS = 400


def eigenpairs(matrix: NDArray) -> NDArray:
    """Rows (eigenvalue, eigenvector …) of a square matrix, by descending eigenvalue; complex ones are refused."""
    if not len(matrix):
        return np.zeros((0, 1))
    largest = float(np.abs(matrix).max())
    # The zero matrix counts as unsymmetric: the documentation prints its vectors in the general order.
    symmetric = largest > 0 and np.allclose(matrix, matrix.T, rtol=0, atol=SYMMETRIC * largest)
    values, vectors = _symmetric(matrix) if symmetric else _general(matrix)
    order = np.argsort(-values, kind="stable")
    return np.column_stack([values[order], vectors[order]])


def _reflected(matrix: NDArray, basis: NDArray, column: int, last: int) -> None:
    """Zeros the column below row `last` by a Householder reflection of both sides, in place; `basis` collects them.

    A tail of one element is reflected too, which turns its sign; a tail of rounding errors is left alone.
    """
    tail = matrix[last:, column].copy()
    size = float(np.linalg.norm(tail))
    if size <= EPSILON * np.abs(matrix).max():
        return
    tail[0] += math.copysign(size, tail[0])
    tail /= np.linalg.norm(tail)
    matrix[last:] -= 2 * np.outer(tail, tail @ matrix[last:])
    matrix[:, last:] -= 2 * np.outer(matrix[:, last:] @ tail, tail)
    basis[last:] -= 2 * np.outer(tail, tail @ basis[last:])


def _symmetric(matrix: NDArray) -> tuple[NDArray, NDArray]:
    """Eigenvalues and rows of eigenvectors: tridiagonal form, then rotations shifted by the smallest value left."""
    work, basis = matrix.copy(), np.eye(len(matrix))
    for column in range(len(matrix) - 1):
        _reflected(work, basis, column, column + 1)
    known = np.linalg.eigvalsh(work)
    floor = EPSILON * float(np.abs(work).max()) / 16
    first, last, steps = 0, len(matrix) - 1, 0
    splits: list[int] = []
    while True:
        if first == last:
            if not splits:
                break
            last, steps = splits.pop(), 0
            first = splits[-1] + 1 if splits else 0
            continue
        cut = _negligible(work, first, last, floor)
        if cut is not None:
            splits.append(cut)
            first = cut + 1
            continue
        steps += 1
        if steps > MAX_STEPS:
            raise EngineError("Array.eigen: The eigenvalues do not converge.")
        _rotate(work, basis, first, last, _shift(work, known, last, steps))
    return np.diag(work).copy(), basis


def _negligible(work: NDArray, first: int, last: int, floor: float) -> int | None:
    """The last place between two rows where the matrix falls apart; what is below `floor` is rounding."""
    for i in range(last - 1, first - 1, -1):
        if abs(work[i + 1, i]) <= max(EPSILON * (abs(work[i, i]) + abs(work[i + 1, i + 1])), floor):
            return i
    return None


def _shift(work: NDArray, known: NDArray, last: int, steps: int) -> float:
    """The known eigenvalue for this place; should that not converge, Wilkinson's."""
    if steps <= 10:
        return float(known[len(known) - 1 - last])
    block = np.linalg.eigvalsh(work[last - 1 : last + 1, last - 1 : last + 1])
    return float(block[np.argmin(np.abs(block - work[last, last]))])


def _rotate(work: NDArray, basis: NDArray, first: int, last: int, shift: float) -> None:
    """One implicit QR step: a rotation makes a bulge below the diagonal, others chase it out."""
    run, rise = work[first, first] - shift, work[first + 1, first]
    for i in range(first, last):
        cosine, sine = _rotation(run, rise)
        turn = np.array([[cosine, sine], [-sine, cosine]])
        rows = slice(i, i + 2)
        work[rows] = turn @ work[rows]
        work[:, rows] = work[:, rows] @ turn.T
        basis[rows] = turn @ basis[rows]
        if i + 2 > last or work[i + 2, i] == 0:
            return
        run, rise = work[i + 1, i], work[i + 2, i]


def _rotation(run: float, rise: float) -> tuple[float, float]:
    """Cosine and sine of the angle to (run, rise), up to half a turn: the larger of the two comes out positive."""
    length = math.hypot(run, rise)
    sign = math.copysign(1.0, rise if abs(rise) > abs(run) else run)
    return sign * run / length, sign * rise / length


def _general(matrix: NDArray) -> tuple[NDArray, NDArray]:
    """Eigenvalues and rows of eigenvectors of a matrix whose eigenvalues are all real, by its triangular form."""
    work, basis = matrix.copy(), np.eye(len(matrix))
    for column in range(len(matrix) - 2):
        _reflected(work, basis, column, column + 1)
    known = np.linalg.eigvals(work)
    if np.abs(known.imag).max() > 1e-8 * max(np.abs(known).max(), 1e-300):
        raise EngineError("Array.eigen: The matrix has complex eigenvalues; only real ones can be given.")
    _triangular(work, basis, sorted(known.real.tolist()))
    count = len(matrix)
    vectors = [_back_substituted(work, i) @ basis for i in reversed(range(count))]
    values = np.diag(work)[::-1]
    return values, np.array([v / np.linalg.norm(v) for v in vectors])


def _triangular(work: NDArray, basis: NDArray, known: list[float]) -> None:
    """QR steps, each shifted by the smallest eigenvalue left, until nothing is left below the diagonal."""
    floor = EPSILON * float(np.abs(work).max()) / 16
    last, steps = len(work) - 1, 0
    while last > 0:
        cut = _negligible(work, 0, last, floor)
        if cut == last - 1:
            work[last, last - 1] = 0
            last, steps = last - 1, 0
            continue
        steps += 1
        if steps > MAX_STEPS:
            raise EngineError("Array.eigen: The eigenvalues do not converge.")
        first = 0 if cut is None else cut + 1
        shift = known[len(known) - 1 - last] if steps <= 5 else float(work[last, last])
        tail = np.array([work[first, first] - shift, work[first + 1, first]])
        for i in range(first, last):
            _step(work, basis, i, tail)
            if i + 2 <= last:
                tail = work[i + 1 : i + 3, i].copy()


def _step(work: NDArray, basis: NDArray, at: int, tail: NDArray) -> None:
    """A reflection of two rows and columns that turns `tail` into the first axis."""
    size = float(np.linalg.norm(tail))
    if size == 0:
        return
    axis = tail + np.array([math.copysign(size, tail[0]), 0.0])
    mirror = np.eye(2) - 2 * np.outer(axis, axis) / (axis @ axis)
    rows = slice(at, at + 2)
    work[rows] = mirror @ work[rows]
    work[:, rows] = work[:, rows] @ mirror.T
    basis[rows] = mirror @ basis[rows]


def _back_substituted(work: NDArray, at: int) -> NDArray:
    """The eigenvector of the triangular form for one diagonal place; zero in places of the same eigenvalue."""
    value = work[at, at]
    vector = np.zeros(len(work))
    vector[at] = 1
    tolerance = 100 * EPSILON * max(abs(value), 1.0)
    for i in reversed(range(at)):
        gap = work[i, i] - value
        if abs(gap) > tolerance:
            vector[i] = -(work[i] @ vector) / gap
    return vector
