import numpy as np
import pytest
from skimage.measure import label

from pipeline.engine.ops import components
from pipeline.engine.ops.kernel import TABLE as KERNELS
from pipeline.engine.ops.reducer import TABLE as REDUCERS
from pipeline.errors import EngineError
from tests.engine import arrays

HOME = arrays.grid(30, 32)
VALUES = np.random.default_rng(0).integers(0, 3, (30, 32)).astype(np.uint8)
MASK = VALUES > 0
PLUS = KERNELS["Kernel.plus"](1.0, "pixels", True, 1.0)
OBJECTS = label(VALUES, background=0, connectivity=1)
SIZES = np.bincount(OBJECTS.ravel())[OBJECTS]


def test_connected_pixel_count_is_capped():
    made = components.connected_pixel_count(arrays.image(a=(VALUES, MASK)), 7, False)
    found = arrays.masked(arrays.pixels(made, HOME)["a"])
    np.testing.assert_array_equal(found, np.ma.MaskedArray(np.minimum(SIZES, 7), ~MASK))


def test_labels_are_unique_to_objects_and_large_ones_masked():
    made = components.connected_components(arrays.image(a=(VALUES, MASK)), PLUS, 9)
    assert made.names == ["a", "labels"]
    found = arrays.masked(arrays.pixels(made, HOME)["labels"])
    np.testing.assert_array_equal(found.mask, ~MASK | (SIZES > 9))
    pairs = {(a, b) for a, b in zip(found.compressed(), OBJECTS[~found.mask], strict=True)}
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


@pytest.mark.parametrize("part", [np.s_[0:10, 0:12], np.s_[7:21, 5:25]])
def test_tiles_agree_with_the_whole(part):
    image = arrays.image(a=(VALUES, MASK))
    for made in (
        components.connected_components(image, PLUS, 9),
        components.connected_pixel_count(image, 9, True),
        components.reduce_connected_components(
            arrays.image(v=VALUES * 1.5, a=(VALUES, MASK)), REDUCERS["Reducer.sum"](), "a", 6
        ),
    ):
        name = made.names[-1]
        whole = arrays.masked(arrays.pixels(made, HOME)[name])[part]
        np.testing.assert_array_equal(arrays.masked(arrays.pixels(made, HOME[part])[name]), whole)


def test_reducing_over_objects():
    values = np.random.default_rng(1).random((30, 32))
    image = arrays.image(objects=(VALUES, MASK), v=values)
    made = components.reduce_connected_components(image, REDUCERS["Reducer.mean"](), "objects", 256)
    found = arrays.masked(arrays.pixels(made, HOME)["v"])
    eight = label(VALUES, background=0, connectivity=2)
    means = np.bincount(eight.ravel(), values.ravel()) / np.bincount(eight.ravel())
    np.testing.assert_allclose(found.compressed(), means[eight][MASK])
    np.testing.assert_array_equal(found.mask, ~MASK)


def test_objects_wider_than_the_limit_are_masked():
    objects = np.zeros((30, 32), np.uint8)
    objects[5, 2:12] = objects[20, 2:6] = 1
    image = arrays.image(o=(objects, objects > 0), v=np.ones((30, 32)))
    made = components.reduce_connected_components(image, REDUCERS["Reducer.minMax"](), "o", 5)
    assert made.names == ["v_min", "v_max"]
    found = arrays.pixels(made, HOME)["v_min"]
    assert found.mask.sum() == 4
    assert found.mask[20, 2:6].all()


def test_sizes_out_of_range_are_refused():
    with pytest.raises(EngineError, match="maxSize must be between"):
        components.connected_pixel_count(arrays.image(a=VALUES), 0, True)
