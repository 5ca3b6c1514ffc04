"""What depends on the machine and on Keras's backend: processors, number formats, repeatability, fast inference.

The only module that may speak to TensorFlow or OpenVINO themselves.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.models.hush import hushed

Floats = NDArray[np.floating[Any]]
CPUINFO = Path("/proc/cpuinfo")


def devices() -> list[str]:
    """The GPUs that Keras can use."""
    with hushed():
        return [d for d in keras.distribution.list_devices() if not d.startswith("cpu")]


def fast_bfloat16() -> bool:
    """Whether this machine multiplies bfloat16 faster than float32: a GPU, or a processor with AMX or AVX-512 BF16."""
    if devices():
        return True
    flags = CPUINFO.read_text().split() if CPUINFO.exists() else []
    return "amx_bf16" in flags or "avx512_bf16" in flags


def policy(precision: str) -> str:
    """Keras's name for the number format of `auto`, `float32` or `bfloat16`."""
    wanted = fast_bfloat16() if precision == "auto" else precision == "bfloat16"
    return "mixed_bfloat16" if wanted else "float32"


@contextmanager
def number_format(name: str) -> Iterator[None]:
    """Layers built meanwhile compute in this format."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def seeded(seed: int, deterministic: bool) -> None:
    """From here on the same steps give the same numbers on the same machine."""
    keras.utils.set_random_seed(seed)
    if deterministic and keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def spread_over_gpus() -> int:
    """How many GPUs take a part of each batch from here on: all that there are where the backend can; else 1."""
    if len(devices()) > 1 and keras.backend.backend() == "jax":
        keras.distribution.set_distribution(keras.distribution.DataParallel())
        return len(devices())
    return 1


def quick(model: keras.Model, again: Callable[[], keras.Model], bfloat16: bool) -> Callable[[Floats], Floats]:
    """A function from inputs to what a model of float32 gives for them, as fast as this machine allows.

    On a processor OpenVINO computes, the same numbers as Keras to about 1e-6, in bfloat16 only where asked for; on a
    GPU, or where OpenVINO is not there, what Keras compiles. `again` builds the model in the number format of the
    moment.
    """
    if not devices() and keras.backend.backend() == "tensorflow" and importlib.util.find_spec("openvino"):
        return _openvino(model, bfloat16)
    if bfloat16:
        with number_format("mixed_bfloat16"):
            model = again()
    model.compile(jit_compile=bool(devices()))

    def predicted(x: Floats) -> Floats:
        return np.asarray(model.predict_on_batch(x), np.float32)

    return predicted


def _openvino(model: keras.Model, bfloat16: bool) -> Callable[[Floats], Floats]:
    # Its converter reports each use to its maker. Where that module cannot be imported, it does not.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino as ov
    import tensorflow as tf

    shape = [None, *model.input_shape[1:]]
    traced = tf.function(lambda x: model(x, training=False)).get_concrete_function(tf.TensorSpec(shape, tf.float32))
    hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32"}
    compiled = ov.Core().compile_model(ov.convert_model(traced, verbose=False), "CPU", hints)

    def predicted(x: Floats) -> Floats:
        return np.asarray(next(iter(compiled(x).values())), np.float32)

    return predicted
