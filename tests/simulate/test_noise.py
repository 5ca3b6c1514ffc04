"""Changes of grid keep what they should keep, and noise is what it says it is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.simulate import noise

SEEDS = st.integers(0, 2**31)


def test_names_make_generators_of_their_own() -> None:
    draws = {noise.named(0, *names).random() for names in (("a",), ("b",), ("a", 1), ("a", 2), ("a", "1", "x"))}
    assert len(draws) == 5
    assert noise.named(3, "a", 1).random() == noise.named(3, "a", 1).random()


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(2, 40), st.integers(2, 40), st.floats(2, 60))
def test_a_fractal_surface_is_centred_and_scaled(seed: int, rows: int, columns: int, longest: float) -> None:
    surface = noise.fractal((rows, columns), longest, np.random.default_rng(seed))
    assert surface.shape == (rows, columns)
    assert surface.dtype == np.float32
    assert abs(float(surface.mean())) < 1e-3
    assert float(surface.std()) == pytest.approx(1, abs=1e-3)


def test_a_smooth_surface_changes_less_from_cell_to_cell() -> None:
    rough, smooth = (noise.fractal((200, 200), 50, np.random.default_rng(1), r) for r in (1.0, 2.2))
    assert np.abs(np.diff(smooth)).mean() < 0.3 * np.abs(np.diff(rough)).mean()


@settings(max_examples=20, deadline=None)
@given(st.floats(-5, 5), st.floats(-5, 5), st.integers(3, 9), st.integers(3, 9))
def test_finer_keeps_a_plane_and_means(down: float, right: float, rows: int, columns: int) -> None:
    y, x = np.mgrid[:rows, :columns] + 0.5
    fine_y, fine_x = (np.mgrid[: 4 * rows, : 4 * columns] + 0.5) / 4
    fine = noise.finer(down * y + right * x)
    inner = (slice(2, -2), slice(2, -2))  # beyond the outermost centres the edge value goes on
    np.testing.assert_allclose(fine[inner], (down * fine_y + right * fine_x)[inner], atol=1e-4)
    np.testing.assert_allclose(noise.coarser(fine)[1:-1, 1:-1], (down * y + right * x)[1:-1, 1:-1], atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-500, 500), min_size=2, max_size=50), st.floats(1, 30), st.floats(0.1, 0.9))
def test_stairs_follow_the_slope(heights: list[float], lift: float, face: float) -> None:
    slope = np.sort(np.array(heights))
    stepped, part = noise.stairs(slope, lift, face)
    assert (np.diff(stepped) >= -1e-3).all()
    assert (stepped <= slope + 1e-2).all()
    assert (stepped > slope - lift - 1e-2).all()
    assert ((part >= 0) & (part <= 1)).all()
    flat = part < 1 - face - 1e-4
    np.testing.assert_allclose(np.mod(stepped[flat] / lift + 0.5, 1), 0.5, atol=1e-3)


def test_slope_and_northness_of_a_plane() -> None:
    y, _ = np.mgrid[:5, :5] * 10.0
    falling_north = y * np.tan(np.radians(20))
    np.testing.assert_allclose(noise.slope(falling_north), 20, atol=1e-3)
    np.testing.assert_allclose(noise.northness(falling_north), np.sin(np.radians(20)), atol=1e-5)


def test_distance_where_nothing_is_marked_is_beyond_everything() -> None:
    assert noise.distance(np.zeros((3, 3), bool)).min() > 1e5
    assert noise.distance(np.eye(3, dtype=bool))[0, 2] == pytest.approx(10 * 2**0.5)
