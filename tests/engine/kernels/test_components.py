import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import label

from pipeline.engine.kernels import components as kernels


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2]))
def test_equals_scikit_image(seed, connectivity):
    rng = np.random.default_rng(seed)
    values, valid = rng.integers(0, 3, (15, 17)), rng.random((15, 17)) < 0.85
    labels, count = kernels.components(values, valid, kernels.FOUR if connectivity == 1 else kernels.EIGHT)
    theirs = label(np.where(valid, values + 1, 0), background=0, connectivity=connectivity)
    assert count == theirs.max()
    np.testing.assert_array_equal(labels + 1, theirs)  # both count in reading order


def test_sizes_and_extents():
    values = np.array([[1, 1, 0, 2], [0, 1, 0, 2], [0, 0, 0, 2]])
    labels, count = kernels.components(values, values > 0, kernels.FOUR)
    assert kernels.sizes(labels, count).tolist() == [3, 3]
    assert kernels.extents(labels, count).tolist() == [2, 3]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (np.ones((3, 3)), kernels.EIGHT),
        (np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]]), kernels.FOUR),
        (np.array([[0, 0, 0], [0, 1, 1], [0, 1, 0]]), kernels.FOUR),
    ],
)
def test_half_keeps_one_of_each_opposite_pair(weights, expected):
    assert {tuple(s) for s in kernels.half(weights != 0, 1, 1)} == {tuple(s) for s in expected}
