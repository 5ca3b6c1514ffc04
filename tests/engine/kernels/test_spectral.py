import numpy as np
import pytest
from scipy.stats import entropy, wasserstein_distance

from pipeline.engine.kernels import spectral

ONE, OTHER = np.array([0.1, 0.4, 0.3, 0.2]), np.array([0.3, 0.2, 0.1, 0.4])


def test_angle_ignores_brightness():
    assert spectral.angle(ONE, 3 * ONE) == pytest.approx(0, abs=1e-7)
    assert spectral.angle(np.array([1.0, 0]), np.array([0, 2.0])) == pytest.approx(np.pi / 2)
    assert spectral.angle(np.zeros(2), np.ones(2)) == 0


def test_information_divergence_is_both_relative_entropies():
    assert spectral.information_divergence(5 * ONE, OTHER) == pytest.approx(entropy(ONE, OTHER) + entropy(OTHER, ONE))
    assert np.isfinite(spectral.information_divergence(np.array([0.0, 1]), np.array([1.0, 1])))


def test_earth_movers_equals_scipy_for_shares():
    places = np.arange(4)
    assert spectral.earth_movers(ONE, OTHER) == pytest.approx(wasserstein_distance(places, places, ONE, OTHER))


def test_squared_euclidean_keeps_the_shape():
    cube = np.ones((3, 4, 5))
    assert (spectral.squared_euclidean(cube, 3 * cube) == np.full((4, 5), 12)).all()
