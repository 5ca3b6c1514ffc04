"""Kernels, against the weights that the documentation prints."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.ops.kernel import TABLE
from pipeline.engine.values import Kernel
from pipeline.errors import EngineError


def make(name: str, *arguments: Any) -> Kernel:
    kernel: Kernel = TABLE[f"Kernel.{name}"](*arguments)
    return kernel


def weights(kernel: Kernel, metres: float = 1.0) -> list[list[float]]:
    listed: list[list[float]] = kernel.at(metres).weights.tolist()
    return listed


@pytest.mark.parametrize(
    ("name", "cells"),
    [("circle", 29), ("octagon", 37), ("diamond", 25), ("plus", 13), ("cross", 13), ("square", 49)],
)
def test_documented_shapes_of_radius_three(name: str, cells: int) -> None:
    made = make(name, 3, "pixels", True, 1.0).at(1.0)
    assert made.weights.shape == (7, 7) and (made.x, made.y) == (3, 3)
    assert np.count_nonzero(made.weights) == cells
    np.testing.assert_allclose(made.weights[made.weights > 0], 1 / cells)
    np.testing.assert_array_equal(made.weights, made.weights.T)


def test_the_documented_octagon_has_its_corners_cut() -> None:
    rows = (make("octagon", 3, "pixels", False, 1.0).at(1.0).weights > 0).sum(axis=1)
    assert rows.tolist() == [3, 5, 7, 7, 7, 5, 3]


def test_the_documented_gaussian_is_five_by_five() -> None:
    printed = [
        [0.002, 0.013, 0.021, 0.013, 0.002],
        [0.013, 0.059, 0.098, 0.059, 0.013],
        [0.021, 0.098, 0.162, 0.098, 0.021],
    ]
    made = np.array(weights(make("gaussian", 3, 1.0, "pixels", True, 1.0)))
    assert (np.floor(made * 1000) / 1000).tolist() == printed + printed[1::-1]
    with pytest.raises(EngineError, match="sigma"):
        make("gaussian", 3, 0.0, "pixels", True, 1.0)


def test_documented_distances() -> None:
    manhattan = weights(make("manhattan", 3, "pixels", False, 1.0))
    assert manhattan[0] == [6, 5, 4, 3, 4, 5, 6] and manhattan[3] == [3, 2, 1, 0, 1, 2, 3]
    assert weights(make("chebyshev", 3, "pixels", False, 1.0))[1] == [3, 2, 2, 2, 2, 2, 3]
    euclidean = weights(make("euclidean", 3, "pixels", False, 1.0))
    assert np.floor(np.array(euclidean[0]) * 1000).tolist() == [4242, 3605, 3162, 3000, 3162, 3605, 4242]


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("sobel", [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
        ("prewitt", [[1, 0, -1], [1, 0, -1], [1, 0, -1]]),
        ("compass", [[1, 1, -1], [1, -2, -1], [1, 1, -1]]),
        ("kirsch", [[5, -3, -3], [5, 0, -3], [5, -3, -3]]),
        ("laplacian8", [[1, 1, 1], [1, -8, 1], [1, 1, 1]]),
        ("roberts", [[1, 0], [0, -1]]),
    ],
)
def test_documented_edge_kernels(name: str, printed: list[list[int]]) -> None:
    kernel = make(name, 1.0, False)
    assert weights(kernel) == printed
    assert (kernel.at(1.0).x, kernel.at(1.0).y) == (1, 1)
    assert weights(make(name, 2.0, False)) == (2 * np.array(printed)).tolist()


def test_documented_sum_rotation_and_inverse() -> None:
    chebyshev, square = make("chebyshev", 3, "pixels", False, 1.0), make("square", 1, "pixels", False, 100.0)
    total = weights(make("add", chebyshev, square, False))
    assert total[2] == [3, 2, 101, 101, 101, 2, 3] and total[3] == [3, 2, 101, 100, 101, 2, 3]
    sobel = make("sobel", 1.0, False)
    assert weights(make("rotate", sobel, 1)) == [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]
    assert weights(make("rotate", sobel, -2)) == [[1, 0, -1], [2, 0, -2], [1, 0, -1]]
    assert weights(make("inverse", sobel)) == [[-1, 0, 1], [-0.5, 0, 0.5], [-1, 0, 1]]


def test_the_focus_turns_with_the_kernel() -> None:
    kernel = make("fixed", -1, -1, [[9, 0, 0], [0, 0, 0]], 0, 0, False)
    for turns in range(-5, 6):
        made = make("rotate", kernel, turns).at(1.0)
        assert made.weights[made.y, made.x] == 9


def test_sums_align_kernels_of_different_focus() -> None:
    left = make("fixed", -1, -1, [[1, 2, 3]], 0, 0, False)
    right = make("fixed", -1, -1, [[4], [5]], 0, 1, False)
    made = make("add", left, right, False).at(1.0)
    assert made.weights.tolist() == [[4, 0, 0], [6, 2, 3]] and (made.x, made.y) == (0, 1)


@given(st.lists(st.lists(st.integers(-5, 5), min_size=3, max_size=3), min_size=1, max_size=4))
def test_normalising_negative_weights_gives_zero_others_one(rows: list[list[int]]) -> None:
    made = np.array(weights(make("fixed", -1, -1, rows, -1, -1, True)))
    signs = {np.sign(v) for row in rows for v in row} - {0}
    expected = {frozenset(): 0, frozenset([1]): 1, frozenset([-1]): -1}.get(frozenset(signs), 0)
    assert made.sum() == pytest.approx(expected, abs=1e-12)


def test_magnitude_is_the_sum_of_a_normalised_kernel() -> None:
    assert np.sum(weights(make("circle", 2, "pixels", True, 5.0))) == pytest.approx(5)
    assert np.max(weights(make("circle", 2, "pixels", False, 5.0))) == 5


@pytest.mark.parametrize("name", ["square", "circle", "diamond", "octagon", "plus", "cross"])
def test_metres_are_divided_by_the_pixel_size(name: str) -> None:
    kernel = make(name, 30, "meters", False, 1.0)
    assert kernel.in_metres
    for size, radius in [(10.0, 3), (10.0000001, 3), (30.0, 1), (31.0, 0)]:
        assert kernel.at(size).x == radius
    assert weights(kernel, 10.0000001) == weights(make(name, 3, "pixels", False, 1.0))


def test_distances_and_gaussians_in_metres() -> None:
    assert weights(make("euclidean", 10, "meters", False, 1.0), 10.0)[1] == [10, 0, 10]
    metres, pixels = make("gaussian", 30, 10.0, "meters", True, 1.0), make("gaussian", 3, 1.0, "pixels", True, 1.0)
    np.testing.assert_allclose(weights(metres, 10.0), weights(pixels))
    assert np.shape(weights(make("rectangle", 30, 10, "meters", True, 1.0), 10.0)) == (3, 7)


def test_the_default_circle_of_focal_functions_is_three_by_three() -> None:
    assert (np.array(weights(make("circle", 1.5, "pixels", False, 1.0))) == 1).sum() == 9


def test_bad_kernels_are_refused() -> None:
    with pytest.raises(EngineError, match="'pixels' or 'meters'"):
        make("circle", 1, "feet", True, 1.0)
    with pytest.raises(EngineError, match="radius must be between"):
        make("circle", -1, "pixels", True, 1.0)
    with pytest.raises(EngineError, match="radius must be between"):
        make("square", 1e6, "meters", True, 1.0).at(1.0)
    with pytest.raises(EngineError, match="all of one length"):
        make("fixed", -1, -1, [[1, 2], [3]], -1, -1, False)
    with pytest.raises(EngineError, match="2 x 1"):
        make("fixed", 3, -1, [[1, 2]], -1, -1, False)
    with pytest.raises(EngineError, match="outside"):
        make("fixed", -1, -1, [[1, 2]], 2, 0, False)
