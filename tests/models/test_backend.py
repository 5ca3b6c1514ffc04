"""A network gives the same on every way to compute it."""

import importlib.util
from typing import Any

import numpy as np
import pytest

from pipeline.models import backend
from pipeline.models.network import Network
from pipeline.models.resnet import Shape, build
from pipeline.models.scaling import Scaling

FAST = backend.fast_bfloat16()
SHAPE = Shape("ResNet18", "dense", 5, 4, 3)


@pytest.fixture(scope="module")
def given() -> tuple[Any, np.ndarray]:
    rng = np.random.default_rng(0)
    backend.seeded(0, False)
    return build(SHAPE), rng.normal(size=(4, 32 + 2 * 14, 32 + 2 * 14)).astype(np.float32)


def mapped(given: tuple[Any, np.ndarray], precision: str, fast: bool, openvino: bool) -> np.ndarray:
    """Probabilities of a block; on a machine that is fast with bfloat16 or not, with OpenVINO or without."""
    model, block = given
    network = Network(SHAPE, Scaling((0.0,) * 4, (1.0,) * 4), model, precision)
    halo = network.halo
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "fast_bfloat16", lambda: fast)
        if not openvino:
            patch.setattr(importlib.util, "find_spec", lambda name: None)
        return network.predict(block[:, : 32 + 2 * halo, : 32 + 2 * halo])


def test_openvino_and_keras_agree(given: tuple[Any, np.ndarray]) -> None:
    ours, keras = (mapped(given, "auto", False, openvino) for openvino in (True, False))
    assert ours.std() > 1e-3
    np.testing.assert_allclose(ours, keras, atol=2e-5)


@pytest.mark.parametrize("openvino", [True, False])
def test_bfloat16_is_used_where_it_is_fast_and_not_forbidden(given: tuple[Any, np.ndarray], openvino: bool) -> None:
    exact = mapped(given, "auto", False, openvino)
    np.testing.assert_array_equal(mapped(given, "float32", True, openvino), exact)
    if openvino and not FAST:
        return  # OpenVINO has its own mind on other processors
    rough = mapped(given, "auto", True, openvino)
    assert 0 < np.abs(rough - exact).mean() < 0.02
