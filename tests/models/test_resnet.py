"""Parameter counts, shapes, and the dense form against the definition that it is a short cut for."""

import keras
import numpy as np
import pytest

from pipeline.errors import MinecoverError
from pipeline.models.resnet import CORE, VARIANTS, Shape, build, moving_mean

# Trainable and fixed numbers with 90 bands and 6 classes, 15-pixel patches.
COUNTS = {"ResNet50": 23_616_454, "ResNet18": 11_232_198, "CNN": 129_382}


def test_every_variant_is_pinned() -> None:
    assert COUNTS.keys() == VARIANTS.keys()


@pytest.mark.parametrize("form", ["patch", "dense"])
@pytest.mark.parametrize("name", VARIANTS)
def test_parameters_are_as_many_in_both_forms(name: str, form: str) -> None:
    assert build(Shape(name, form, 15, 90, 6)).count_params() == COUNTS[name]


def test_a_resnet50_has_the_layers_of_the_paper() -> None:
    """Without its stem and head, the count of keras.applications' ResNet50, which has biases, less these."""
    ours = build(Shape("ResNet50", "patch", 63, 2, 10))
    theirs = keras.applications.ResNet50(weights=None, include_top=False, input_shape=(64, 64, 3))
    biases = sum(int(np.prod(w.shape)) for w in theirs.weights if w.path.endswith("/bias"))
    stem = sum(w.shape[-1] * int(np.prod(w.shape[:-1])) for w in theirs.get_layer("conv1_conv").weights if w.ndim == 4)
    head = 2048 * 10 + 10
    assert ours.count_params() - 7 * 7 * 3 * 64 - head == theirs.count_params() - biases - stem


@pytest.mark.parametrize("patch", [9, 15, 33, 49])
@pytest.mark.parametrize("form", ["patch", "dense"])
def test_any_patch_and_any_number_of_bands(patch: int, form: str) -> None:
    shape = Shape("CNN", form, patch, 3, 4)
    found = build(shape).predict_on_batch(np.zeros((2, shape.side, shape.side, 4), np.float32))
    assert found.shape == ((2, 4) if form == "patch" else (2, CORE, CORE, 4))


def test_strides_look_at_the_same_places_whatever_the_size() -> None:
    """A pixel that is moved by a whole stride moves the features by one cell: no shift at the edges."""
    shape = Shape("CNN", "dense", 9, 1, 2)
    whole = build(shape)
    model = keras.Model(whole.input, whole.get_layer("stage2_1_conv1").output)
    x = np.zeros((2, shape.side, shape.side, 2), np.float32)
    x[0, 12, 12], x[1, 14, 16] = 1, 1
    a, b = model.predict_on_batch(x)
    np.testing.assert_allclose(a[3:10, 3:10], b[4:11, 5:12], atol=1e-6)
    assert np.abs(a).max() > 0


def test_the_moving_mean_is_the_mean_of_interpolated_cells() -> None:
    shape = Shape("CNN", "dense", 9, 3, 4)
    cells = shape.side // 4 + (shape.side % 4 > 0)
    weights = moving_mean(cells, 4, shape)
    values = np.random.default_rng(0).normal(size=cells)
    pixels = np.interp(np.arange(shape.side), 4 * np.arange(cells), values)
    expected = [pixels[shape.halo + i - 1 : shape.halo + i + 2].mean() for i in range(shape.core)]
    np.testing.assert_allclose(weights @ values, expected, rtol=1e-5)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("VGG", "patch", 9, 3, 2), "no network 'VGG'"),
        (("CNN", "thin", 9, 3, 2), "of form 'thin'"),
        (("CNN", "patch", 8, 3, 2), "A patch of 8 pixels"),
        (("CNN", "patch", 9, 3, 1), "1 classes cannot be learnt"),
    ],
)
def test_what_cannot_be_built_is_said(given: tuple[str, str, int, int, int], said: str) -> None:
    with pytest.raises(MinecoverError, match=said):
        Shape(*given)
