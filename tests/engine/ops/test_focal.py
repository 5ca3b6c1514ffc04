from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engine import ops
from pipeline.engine.ops import focal
from pipeline.engine.ops.kernel import TABLE as KERNELS
from pipeline.engine.values import PixelType
from pipeline.errors import EngineError
from tests.engine import arrays

HOME = arrays.grid(8, 9)
SQUARE = KERNELS["Kernel.square"](1.0, "pixels", True, 1.0)


def reducer(name, *args):
    return ops.table()[f"Reducer.{name}"].function(*args)


def scene(seed=0, kind="float64"):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 50, (8, 9)).astype(kind), rng.random((8, 9)) < 0.7


def result(image, name=None):
    found = arrays.pixels(image, HOME)
    return arrays.masked(found[name] if name else next(iter(found.values())))


def test_focal_filters_fill_gaps_and_keep_names():
    data, mask = scene(kind="uint8")
    image = arrays.image(B1=(data, mask))
    made = focal.TABLE["Image.focalMax"](image, 1.0, "square", "pixels", 1, None)
    found = result(made, "B1")
    padded = np.pad(np.where(mask, data, 0), 1)
    expected = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).max((2, 3))
    np.testing.assert_array_equal(found.filled(0), expected)
    assert found.dtype == np.uint8
    assert made.bands[0].type == image.bands[0].type
    assert not found.mask[~mask].all()


def test_focal_mean_of_equal_integers_is_exact():
    image = arrays.image(a=np.full((8, 9), 7, np.int16))
    made = focal.TABLE["Image.focal_mean"](image, 1.5, "circle", "pixels", 1, None)
    assert (result(made) == 7.0).all()
    assert made.bands[0].type.precision == "double"


def test_iterations_repeat_the_filter():
    data = np.zeros((8, 9))
    data[4, 4] = 1
    image = arrays.image(a=data)
    twice = focal.TABLE["Image.focalMax"](image, 1.0, "plus", "pixels", 2, None)
    dy, dx = np.abs(np.indices((8, 9)) - np.array([4, 4])[:, None, None])
    np.testing.assert_array_equal(result(twice) == 1, dx + dy <= 2)
    never = focal.TABLE["Image.focalMax"](image, 1.0, "plus", "pixels", 0, None)
    np.testing.assert_array_equal(result(never), data)


def test_a_radius_in_metres_follows_the_pixel_size():
    data = np.random.default_rng(0).random((8, 9))
    pixels = focal.TABLE["Image.focalMin"](arrays.image(a=data), 2.0, "square", "pixels", 1, None)
    metres = focal.TABLE["Image.focalMin"](arrays.image(a=data), 20.0, "square", "meters", 1, None)
    np.testing.assert_array_equal(result(pixels), result(metres))


@settings(deadline=None, max_examples=20)
@given(
    st.integers(0, 99),
    st.sampled_from(["mean", "sum", "count", "min", "max", "median", "mode", "variance", "stdDev"]),
    st.sampled_from(["kernel", "mask", "min"]),
    st.booleans(),
    st.booleans(),
)
def test_compiled_reducers_equal_the_stack_of_shifts(seed, name, weight, partial, skip):
    data, mask = scene(seed)
    if partial:
        mask = mask * np.random.default_rng(seed).integers(1, 9, mask.shape).astype(np.float32) / 8
    weights = np.array([[1, 0.5, 0.25], [0, 1, 1], [0.5, 0.5, 1]])
    kernel = KERNELS["Kernel.fixed"](-1, -1, weights.tolist(), -1, -1, False)
    image = arrays.image(a=(data, mask))
    fast = reducer(name, *{"min": [1], "max": [1], "mode": [None] * 3, "median": [None] * 3}.get(name, []))
    found = result(focal.reduce_neighborhood(image, fast, kernel, weight, skip, None))
    slow = replace(fast, name="not compiled")
    expected = result(focal.reduce_neighborhood(image, slow, kernel, weight, skip, None))
    np.testing.assert_array_equal(found.mask, expected.mask)
    np.testing.assert_allclose(found.filled(0), expected.filled(0), rtol=1e-6)


def test_names_and_skip_masked():
    data, mask = scene()
    image = arrays.image(a=(data, mask), b=data)
    both = reducer("combine", reducer("mean"), reducer("minMax"), "", True)
    made = focal.reduce_neighborhood(image, both, SQUARE, "kernel", True, "boxcar")
    assert made.names == ["a_mean", "a_min", "a_max", "b_mean", "b_min", "b_max"]
    np.testing.assert_array_equal(result(made, "a_mean").mask, ~mask)
    kept = focal.reduce_neighborhood(image, reducer("mean"), SQUARE, "kernel", False, None)
    assert result(kept, "a_mean").mask.sum() < (~mask).sum()


def test_a_reducer_of_two_inputs_takes_two_bands():
    data, _ = scene()
    image = arrays.image(x=data, y=3 * data + 2)
    made = focal.reduce_neighborhood(image, reducer("linearFit"), SQUARE, "kernel", True, None)
    assert made.names == ["scale", "offset"]
    np.testing.assert_allclose(result(made, "scale"), 3)
    with pytest.raises(EngineError, match="2 inputs and the image 1 bands"):
        focal.reduce_neighborhood(image.with_bands(image.bands[:1]), reducer("linearFit"), SQUARE, "kernel", True, None)


def test_sum_is_weighted_by_the_normalised_kernel():
    image = arrays.image(a=np.full((8, 9), 9.0))
    made = focal.reduce_neighborhood(image, reducer("sum"), SQUARE, "kernel", True, None)
    assert result(made)[4, 4] == pytest.approx(9)


def test_convolve_does_not_flip_and_needs_every_pixel():
    data = np.zeros((8, 9))
    data[4, 4] = 1
    mask = np.ones((8, 9), bool)
    mask[1, 1] = False
    kernel = KERNELS["Kernel.fixed"](-1, -1, [[0, 0, 0], [0, 0, 5], [0, 0, 0]], -1, -1, False)
    found = result(focal.convolve(arrays.image(a=(data, mask)), kernel))
    assert found[4, 3] == 5
    assert found[4, 5] == 0
    assert found.mask[1].tolist() == [True] + [False] * 7 + [True]
    assert not found.mask[0, :8].any()


def test_an_even_kernel_lies_right_of_and_below_its_focus():
    data = np.arange(72.0).reshape(8, 9)
    kernel = KERNELS["Kernel.fixed"](-1, -1, [[1, 0], [0, 0]], 0, 0, False)
    np.testing.assert_array_equal(result(focal.convolve(arrays.image(a=data), kernel))[:7, :8], data[:7, :8])
    before = KERNELS["Kernel.fixed"](-1, -1, [[1, 0], [0, 0]], 1, 1, False)
    np.testing.assert_array_equal(result(focal.convolve(arrays.image(a=data), before))[1:, 1:], data[:-1, :-1])


def test_neighborhood_to_array_fills_and_clamps():
    data, mask = scene(kind="uint8")
    made = focal.neighborhood_to_array(arrays.image(a=(data, mask)), SQUARE, 300.7)
    found = arrays.pixels(made, HOME)["a"]
    assert found.data.shape == (8, 9, 3, 3)
    assert made.bands[0].type == PixelType("int", 0, 255, 2)
    expected = np.pad(np.where(mask, data, 255), 1, constant_values=255)[3:6, 4:7]
    np.testing.assert_array_equal(found.data[3, 4], expected)
    np.testing.assert_array_equal(found.mask, mask)
    with pytest.raises(EngineError, match="only fixed, square and rectangle"):
        focal.neighborhood_to_array(made, KERNELS["Kernel.circle"](1.0, "pixels", True, 1.0), 0)


def test_neighborhood_to_bands_names_cells_by_position():
    data, _ = scene()
    kernel = KERNELS["Kernel.plus"](1.0, "pixels", True, 1.0)
    made = focal.neighborhood_to_bands(arrays.image(B=data), kernel)
    assert made.names == ["B_1_0", "B_0_1", "B_1_1", "B_2_1", "B_1_2"]
    np.testing.assert_array_equal(result(made, "B_2_1")[:, :-1], data[:, 1:])
    assert result(made, "B_2_1").mask[:, -1].all()


def test_entropy_counts_values_in_bits():
    data = np.zeros((8, 9), np.uint8)
    data[:, ::2] = 1
    found = result(focal.entropy(arrays.image(a=data), SQUARE))
    assert found[4, 4] == pytest.approx(-(1 / 3 * np.log2(1 / 3) + 2 / 3 * np.log2(2 / 3)))
    with pytest.raises(EngineError, match="32-bit or smaller"):
        focal.entropy(arrays.image(a=data.astype(float)), SQUARE)


def test_derivative_and_zero_crossing():
    columns = np.tile(np.arange(9.0), (8, 1))
    made = focal.derivative(arrays.image(a=3 * columns))
    assert made.names == ["a_x", "a_y"]
    assert (result(made, "a_x") == 3).all()
    assert (result(made, "a_y") == 0).all()
    crossing = result(focal.zero_crossing(arrays.image(a=columns - 3.4)))
    assert crossing[0].tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda i: focal.TABLE["Image.focalMax"](i, 1.5, "star", "pixels", 1, None), "kernelType must be one of"),
        (lambda i: focal.TABLE["Image.focalMax"](i, 1.5, "circle", "pixels", -1, None), "iterations"),
        (lambda i: focal.reduce_neighborhood(i, reducer("mean"), SQUARE, "both", True, None), "inputWeight"),
        (lambda i: focal.reduce_neighborhood(i, reducer("mean"), SQUARE, "mask", True, "fast"), "optimization"),
    ],
)
def test_mistakes_are_named(call, words):
    with pytest.raises(EngineError, match=words):
        call(arrays.image(a=np.zeros((8, 9))))
