import numpy as np
import pytest
from scipy import ndimage

from pipeline.engine.image import Image
from pipeline.engine.ops import distance
from pipeline.engine.ops.kernel import TABLE as KERNELS
from pipeline.errors import EngineError
from tests.engine import arrays

HOME = arrays.grid(20, 22)
POINTS = (np.random.default_rng(1).random((20, 22)) < 0.03).astype(np.uint8)


def only(image: Image, where=HOME):
    (found,) = arrays.pixels(image, where).values()
    return arrays.masked(found)


def test_fast_distance_transform_is_squared_and_valid_everywhere():
    mask = np.random.default_rng(2).random(POINTS.shape) < 0.5
    made = distance.fast_distance_transform(arrays.image(a=(POINTS, mask)), 4, "pixels", "squared_euclidean")
    found = only(made)
    expected = ndimage.distance_transform_edt((POINTS == 0) | ~mask) ** 2
    np.testing.assert_allclose(found, np.minimum(expected, 16))
    assert made.names == ["distance"]
    assert not np.ma.is_masked(found)


def test_distance_is_in_the_kernel_units_and_masked_beyond():
    kernel = KERNELS["Kernel.euclidean"](50.0, "meters", False, 1.0)
    found = only(distance.distance_to(arrays.image(a=POINTS), kernel, True))
    expected = ndimage.distance_transform_edt(POINTS == 0) * 10
    np.testing.assert_allclose(found.compressed(), expected[expected <= 50])
    np.testing.assert_array_equal(found.mask, expected > 50)


def test_distance_looks_at_skip_masked():
    mask = np.ones(POINTS.shape, bool)
    mask[::2] = False
    image = arrays.image(a=(np.ones_like(POINTS), mask))
    kernel = KERNELS["Kernel.chebyshev"](2.0, "pixels", False, 1.0)
    assert only(distance.distance_to(image, kernel, True)).mask[::2].all()
    assert (only(distance.distance_to(image, kernel, False))[::2] == 1).all()
    with pytest.raises(EngineError, match="chebyshev, euclidean or manhattan"):
        distance.distance_to(image, KERNELS["Kernel.square"](2.0, "pixels", True, 1.0), True)


@pytest.mark.parametrize(("angle", "step"), [(0, (0, 1)), (90, (-1, 0)), (180, (0, -1)), (270, (1, 0)), (45, (-1, 1))])
def test_directions_turn_anticlockwise_from_east(angle, step):
    data = np.zeros((20, 22), np.uint8)
    data[10 + 3 * step[0], 10 + 3 * step[1]] = 1
    found = only(distance.directional_distance_transform(arrays.image(a=data), angle, 10, None))
    assert found[10, 10] == pytest.approx(3 * np.hypot(*step))
    assert found.mask[10 - step[0] * 8, 10 - step[1] * 8]


def test_other_bands_bring_what_is_found():
    data = np.zeros((20, 22), np.uint8)
    data[:, 15] = 1
    image = arrays.image(value=np.arange(440.0).reshape(20, 22), label=data)
    made = distance.directional_distance_transform(image, 0, 6, "label")
    assert made.names == ["distance", "value"]
    found = arrays.pixels(made, HOME)
    assert arrays.masked(found["value"])[4, 9] == 4 * 22 + 15
    assert not found["value"].mask[4, 8]
    with pytest.raises(EngineError, match="no band 'x'"):
        distance.directional_distance_transform(image, 0, 6, "x")


def test_cumulative_cost_is_cost_times_metres():
    source = np.zeros((20, 22), np.uint8)
    source[10, 3] = 1
    cost = arrays.image(minutes=np.full((20, 22), 2.0))
    made = distance.cumulative_cost(cost, arrays.image(s=source), 60.0, True)
    found = only(made)
    assert made.names == ["minutes"]
    assert found[10, 3] == 0
    assert found[10, 9] == pytest.approx(120)
    assert found.mask[10, 10]
    assert found[11, 4] == pytest.approx(2 * np.hypot(10, 10))


def test_spectral_distance_of_bands():
    one, two = np.ones((20, 22)), np.full((20, 22), 3.0)
    made = distance.spectral_distance(arrays.image(a=one, b=two), arrays.image(c=two, d=two), "sed")
    assert (only(made) == 4).all()
    with pytest.raises(EngineError, match="2 and 1 bands"):
        distance.spectral_distance(arrays.image(a=one, b=two), arrays.image(c=two), "sam")
    with pytest.raises(EngineError, match="metric must be one of"):
        distance.spectral_distance(made, made, "cosine")


def test_spectral_gradient_is_dilation_less_erosion():
    rng = np.random.default_rng(3)
    image = arrays.image(a=rng.random((20, 22)), b=rng.random((20, 22)))
    for centroid in (False, True):
        erosion, dilation, gradient = (
            only(distance.TABLE[f"Image.spectral{n}"](image, "sed", None, centroid))
            for n in ("Erosion", "Dilation", "Gradient")
        )
        np.testing.assert_allclose(gradient, dilation - erosion)
        assert (erosion >= 0).all()
        assert (dilation > erosion).any()


def test_spectral_dilation_from_the_centre_by_a_plain_loop():
    data = np.random.default_rng(4).random((20, 22))
    found = only(distance.TABLE["Image.spectralDilation"](arrays.image(a=data), "sed", None, False))
    window = data[6:9, 11:14]
    assert found[7, 12] == pytest.approx(((window - data[7, 12]) ** 2).max())
