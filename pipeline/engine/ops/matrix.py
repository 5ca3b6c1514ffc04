"""Array.matrix*, Array.eigen: linear algebra on two-dimensional arrays, in double precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

from pipeline.engine.language.arrays import array, typed
from pipeline.engine.language.eigen import eigenpairs
from pipeline.engine.language.elementwise import operand
from pipeline.engine.values import Array
from pipeline.errors import EngineError

NDArray = np.ndarray[Any, Any]


def _matrix(source: Array, who: str) -> NDArray:
    if source.data.ndim != 2:
        raise EngineError(f"{who}: Needs a 2-D array, found {source.data.ndim} dimensions. Array.reshape can add some.")
    return source.data


def _square(source: Array, who: str) -> NDArray:
    data = _matrix(source, who)
    if data.shape[0] != data.shape[1]:
        raise EngineError(f"{who}: Needs a square matrix, found the shape {list(data.shape)}.")
    return _real(source, who)


def _real(source: Array, who: str) -> NDArray:
    """The matrix in double precision, if all its elements are finite."""
    data = _matrix(source, who).astype(np.float64)
    if not np.isfinite(data).all():
        raise EngineError(f"{who}: The matrix has elements that are NaN or infinite.")
    return data


def _named(**parts: NDArray) -> dict[str, Array]:
    return {name: array(data) for name, data in parts.items()}


def _cholesky(source: Array) -> dict[str, Array]:
    """The lower triangle L with L × L' = input."""
    data = _square(source, "Array.matrixCholeskyDecomposition")
    try:
        return _named(L=np.linalg.cholesky(data))
    except np.linalg.LinAlgError:
        raise EngineError("Array.matrixCholeskyDecomposition: The matrix is not positive definite.") from None


def _lu(source: Array) -> dict[str, Array]:
    """L, U and P with P × input = L × U."""
    permutation, lower, upper = scipy.linalg.lu(_square(source, "Array.matrixLUDecomposition"))
    return _named(L=lower, U=upper, P=permutation.T)


def _qr(source: Array) -> dict[str, Array]:
    """Q square and orthogonal, R upper triangular."""
    q, r = np.linalg.qr(_real(source, "Array.matrixQRDecomposition"), "complete")
    return _named(Q=q, R=r)


def _svd(source: Array) -> dict[str, Array]:
    """U and V square, S of the input's shape, with U × S × V' = input."""
    data = _real(source, "Array.matrixSingularValueDecomposition")
    u, s, vt = np.linalg.svd(data)
    diagonal = np.zeros(data.shape)
    np.fill_diagonal(diagonal, s)
    return _named(U=u, S=diagonal, V=vt.T)


def _inverse(source: Array) -> Array:
    try:
        return array(np.linalg.inv(_square(source, "Array.matrixInverse")))
    except np.linalg.LinAlgError:
        raise EngineError("Array.matrixInverse: The matrix is singular. Use Array.matrixPseudoInverse.") from None


def _solve(left: Array, right: Array) -> Array:
    """x in left × x = right; the least-squares one where there are more equations than unknowns."""
    a, b = (_real(m, "Array.matrixSolve") for m in (left, right))
    if a.shape[0] != b.shape[0]:
        raise EngineError(
            f"Array.matrixSolve: Shapes {list(a.shape)} and {list(b.shape)} differ in the number of rows."
        )
    if a.shape[0] != a.shape[1]:
        return array(np.linalg.lstsq(a, b)[0])
    try:
        return array(np.linalg.solve(a, b))
    except np.linalg.LinAlgError:
        raise EngineError("Array.matrixSolve: The matrix is singular.") from None


def _multiply(left: Array, right: Array) -> Array:
    a, b = _matrix(left, "Array.matrixMultiply"), _matrix(right, "Array.matrixMultiply")
    if a.shape[1] != b.shape[0]:
        raise EngineError(f"Array.matrixMultiply: Shapes {list(a.shape)} and {list(b.shape)} do not fit together.")
    return array(operand(a) @ operand(b))


def _diagonal(source: Array) -> Array:
    """The diagonal as a column."""
    return typed(np.diagonal(_matrix(source, "Array.matrixDiagonal"))[:, None], source.type)


def _to_diagonal(source: Array) -> Array:
    """The square matrix with a column as its diagonal."""
    data = _matrix(source, "Array.matrixToDiag")
    if data.shape[1] != 1:
        raise EngineError(f"Array.matrixToDiag: Needs a single column, found the shape {list(data.shape)}.")
    return typed(np.diagflat(data), source.type)


def _eigen(source: Array) -> Array:
    """Rows of eigenvalue and eigenvector, by descending eigenvalue."""
    return array(eigenpairs(_square(source, "Array.eigen")))


TABLE: dict[str, Callable[..., Any]] = {
    "Array.eigen": _eigen,
    "Array.matrixCholeskyDecomposition": _cholesky,
    "Array.matrixDeterminant": lambda m: float(np.linalg.det(_square(m, "Array.matrixDeterminant"))),
    "Array.matrixDiagonal": _diagonal,
    "Array.matrixFnorm": lambda m: float(np.linalg.norm(_matrix(m, "Array.matrixFnorm").astype(np.float64))),
    "Array.matrixInverse": _inverse,
    "Array.matrixLUDecomposition": _lu,
    "Array.matrixMultiply": _multiply,
    "Array.matrixPseudoInverse": lambda m: array(np.linalg.pinv(_real(m, "Array.matrixPseudoInverse"))),
    "Array.matrixQRDecomposition": _qr,
    "Array.matrixSingularValueDecomposition": _svd,
    "Array.matrixSolve": _solve,
    "Array.matrixToDiag": _to_diagonal,
    "Array.matrixTrace": lambda m: np.trace(_square(m, "Array.matrixTrace")).item(),
}

NOTES = {
    "Array.eigen": "Signs of eigenvectors follow the documented examples; those of unsymmetric matrices may differ.",
    "Array.matrixQRDecomposition": "Signs and the choice of full-size factors are NumPy's; so for singular values.",
}
