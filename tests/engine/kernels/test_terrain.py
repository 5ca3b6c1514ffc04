import numpy as np
import pytest
from scipy import ndimage
from skimage.morphology import reconstruction

from pipeline.engine.kernels import terrain

ONES = np.ones


def plane(east: float, north: float, width=10.0, height=20.0, shape=(6, 7)):
    rows, columns = np.indices(shape)
    return 100 + east * columns * width - north * rows * height


def surface(z, product, width=10.0, height=20.0, **more):
    rows = z.shape[0] - 2
    return terrain.surface(z, np.full(rows, width), np.full(rows, height), product, **more)


@pytest.mark.parametrize(("east", "north"), [(0.3, 0.2), (-1.0, 0.0), (0.0, 0.5), (-0.2, -0.7)])
def test_exact_on_a_plane(east, north):
    z = plane(east, north)
    np.testing.assert_allclose(surface(z, "slope"), np.degrees(np.arctan(np.hypot(east, north))), rtol=1e-5)
    np.testing.assert_allclose(surface(z, "aspect"), np.degrees(np.arctan2(-east, -north)) % 360, rtol=1e-5)


def test_equals_the_four_neighbour_formula():
    z = np.random.default_rng(0).normal(0, 30, (30, 31)).astype(np.float32)
    p = (z[1:-1, 2:].astype(float) - z[1:-1, :-2]) / 20
    q = (z[:-2, 1:-1].astype(float) - z[2:, 1:-1]) / 40
    np.testing.assert_allclose(surface(z, "slope"), np.degrees(np.arctan(np.sqrt(p**2 + q**2))), rtol=1e-5)
    np.testing.assert_allclose(surface(z, "aspect"), np.degrees(np.arctan2(-p, -q)) % 360, rtol=1e-4)
    slope, aspect, sun = np.arctan(np.hypot(p, q)), np.arctan2(-p, -q), np.radians(315)
    light = np.cos(np.radians(60)) * np.cos(slope) + np.sin(np.radians(60)) * np.sin(slope) * np.cos(sun - aspect)
    np.testing.assert_allclose(surface(z, "hillshade", sun=(315, 30)), 255 * np.maximum(light, 0), atol=1e-3)


def test_horn_agrees_on_a_plane_only():
    """Horn's 8-neighbour slope smooths across the other axis: another formula, not a rounding of this one."""

    def horn(z):
        kernel = np.outer([1, 2, 1], [-1, 0, 1])
        p = ndimage.correlate(z, kernel)[1:-1, 1:-1] / 80
        q = ndimage.correlate(z, kernel.T[::-1])[1:-1, 1:-1] / 160
        return np.degrees(np.arctan(np.hypot(p, q)))

    z = plane(0.3, 0.2)
    np.testing.assert_allclose(surface(z, "slope"), horn(z), rtol=1e-5)
    rough = z + np.random.default_rng(1).normal(0, 5, z.shape)
    assert np.abs(surface(rough, "slope") - horn(rough)).max() > 1


def test_flat_has_aspect_zero():
    assert (surface(ONES((4, 4)), "aspect") == 0).all()


def test_integers_do_not_wrap():
    z = np.array([[0, 0, 0], [65535, 0, 0], [0, 0, 0]], np.uint16)
    east, _ = terrain.gradient(z, ONES(1), ONES(1))
    assert east[0, 0] == -65535 / 2
    assert surface(z, "aspect", 1.0, 1.0)[0, 0] == 90


def test_cross_valid_needs_the_four_neighbours_not_the_diagonals():
    valid = ONES((5, 5), bool)
    valid[0, 0] = False
    assert terrain.cross_valid(valid).all()
    valid[0, 2] = False
    assert terrain.cross_valid(valid).tolist() == [[True, False, True], [True] * 3, [True] * 3]


def test_a_wall_throws_its_shadow_as_far_as_the_sun_is_low():
    z = np.zeros((7, 20))
    z[:, 12] = 3.0
    lit = terrain.illuminated(z, ONES(z.shape, bool), 3, ONES(1), np.zeros(1), ONES(1))  # 45° from the east, 1 m cells
    assert lit[0].tolist() == [c not in (10, 11) for c in range(3, 17)]
    steep = terrain.illuminated(z, ONES(z.shape, bool), 3, ONES(1), np.zeros(1), np.full(1, 3.0))
    assert steep.all()


def test_filled_equals_reconstruction_by_erosion():
    z = np.random.default_rng(4).integers(0, 40, (25, 26)).astype(np.int16)
    seed = np.full(z.shape, z.max(), np.int16)
    seed[[0, -1]], seed[:, [0, -1]] = z[[0, -1]], z[:, [0, -1]]
    found = terrain.filled(z, np.zeros(z.shape, bool))
    assert found.dtype == z.dtype
    np.testing.assert_array_equal(found, reconstruction(seed, z, method="erosion", footprint=ONES((3, 3))))


def test_an_outlet_keeps_its_pit():
    z = np.full((5, 5), 9)
    z[2, 2] = 1
    outlets = z == 1
    assert terrain.filled(z, ~ONES(z.shape, bool))[2, 2] == 9
    assert terrain.filled(z, outlets)[2, 2] == 1
