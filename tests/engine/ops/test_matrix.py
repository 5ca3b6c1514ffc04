from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.engine.language.arrays import array, from_values
from pipeline.engine.language.eigen import eigenpairs
from pipeline.engine.ops.matrix import TABLE
from pipeline.engine.values import Array
from pipeline.errors import EngineError

squares = st.integers(1, 6).flatmap(lambda n: hnp.arrays(np.float64, (n, n), elements=st.integers(-9, 9)))


def call(name: str, *args: Any) -> Any:
    result = TABLE[f"Array.{name}"](*(array(np.asarray(a)) for a in args))
    if isinstance(result, dict):
        return {k: v.data for k, v in result.items()}
    return result.data if isinstance(result, Array) else result


@given(squares)
def test_factors_multiply_to_the_matrix(matrix: Any) -> None:
    lu = call("matrixLUDecomposition", matrix)
    assert np.allclose(lu["P"] @ matrix, lu["L"] @ lu["U"])
    qr = call("matrixQRDecomposition", matrix)
    assert np.allclose(qr["Q"] @ qr["R"], matrix)
    svd = call("matrixSingularValueDecomposition", matrix)
    assert np.allclose(svd["U"] @ svd["S"] @ svd["V"].T, matrix)
    positive = matrix @ matrix.T + np.eye(len(matrix))
    lower = call("matrixCholeskyDecomposition", positive)["L"]
    assert np.allclose(lower @ lower.T, positive)


@given(squares)
def test_symmetric_matrices_have_orthogonal_eigenvectors(matrix: Any) -> None:
    symmetric = matrix + matrix.T
    pairs = call("eigen", symmetric)
    values, vectors = pairs[:, 0], pairs[:, 1:]
    assert np.allclose(vectors @ vectors.T, np.eye(len(matrix)), atol=1e-9)
    assert np.allclose(symmetric @ vectors.T, vectors.T * values, atol=1e-6)
    assert (np.diff(values) <= 1e-12).all()


@given(st.integers(2, 6), st.integers(0, 1000))
def test_real_eigenvalues_of_unsymmetric_matrices(size: int, seed: int) -> None:
    basis = np.random.default_rng(seed).normal(size=(size, size)) + 3 * np.eye(size)
    matrix = basis @ np.diag(np.arange(1.0, size + 1)) @ np.linalg.inv(basis)
    pairs = eigenpairs(matrix)
    scale = np.abs(matrix).max()
    assert np.allclose(matrix @ pairs[:, 1:].T, pairs[:, 1:].T * pairs[:, 0], atol=1e-6 * scale)


def test_eigenvectors_of_a_rank_deficient_matrix() -> None:
    tall = np.random.default_rng(0).normal(size=(8, 2))
    pairs = eigenpairs(tall @ tall.T)
    assert np.allclose(tall @ tall.T @ pairs[:, 1:].T, pairs[:, 1:].T * pairs[:, 0], atol=1e-9)


@pytest.mark.parametrize(
    ("matrix", "vectors"),
    [
        ([[1, 1], [1, 1]], [[1, 1], [1, -1]]),
        ([[0, 1], [1, 0]], [[1, 1], [1, -1]]),
        ([[1, 1], [1, 1]], [[1, 1], [1, -1]]),
        ([[1, 1], [0, 0]], [[1, 0], [-1, 1]]),
        ([[0, 0], [1, 1]], [[0, -1], [-1, 1]]),
        ([[1, 0], [1, 1]], [[-1, 0], [0, -1]]),
        ([[0, 0], [0, 0]], [[0, 1], [1, 0]]),
    ],
)
def test_signs_and_order_are_the_documented_ones(matrix: list[list[int]], vectors: list[list[float]]) -> None:
    expected = np.array(vectors) / np.linalg.norm(vectors, axis=1)[:, None]
    assert np.allclose(call("eigen", matrix)[:, 1:], expected)


def test_solving() -> None:
    assert call("matrixSolve", [[2, 0], [0, 4]], [[2], [4]]).tolist() == [[1], [1]]
    least = call("matrixSolve", [[1], [1]], [[1], [3]])
    assert least == pytest.approx(np.array([[2]]))
    assert call("matrixInverse", [[2, 0], [0, 4]]).tolist() == [[0.5, 0], [0, 0.25]]
    assert call("matrixPseudoInverse", [[1, 0], [0, 0]]) == pytest.approx(np.array([[1, 0], [0, 0]]))


def test_small_ones() -> None:
    assert call("matrixMultiply", [[1, 2]], [[3], [4]]).tolist() == [[11]]
    assert call("matrixDiagonal", [[1, 2], [3, 4]]).tolist() == [[1], [4]]
    assert call("matrixToDiag", [[1], [4]]).tolist() == [[1, 0], [0, 4]]
    assert call("matrixTrace", [[1, 2], [3, 4]]) == 5
    assert call("matrixDeterminant", [[1, 2], [3, 4]]) == pytest.approx(-2)
    assert call("matrixFnorm", [[3, 4]]) == 5


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("matrixInverse", ([[1, 1], [1, 1]],)),
        ("matrixInverse", ([[1, 2]],)),
        ("matrixSolve", ([[1, 1], [1, 1]], [[1], [1]])),
        ("matrixSolve", ([[1]], [[1], [1]])),
        ("matrixMultiply", ([[1, 2]], [[1, 2]])),
        ("matrixMultiply", ([1], [1])),
        ("matrixToDiag", ([[1, 2]],)),
        ("matrixCholeskyDecomposition", ([[-1]],)),
        ("eigen", ([[0, 1], [-1, 0]],)),
    ],
)
def test_mistakes_are_refused(name: str, args: tuple[Any, ...]) -> None:
    with pytest.raises(EngineError, match=rf"Array\.{name}"):
        call(name, *args)


def test_types_are_kept_where_values_are() -> None:
    assert TABLE["Array.matrixDiagonal"](from_values([[1]])).type.precision == "int"
