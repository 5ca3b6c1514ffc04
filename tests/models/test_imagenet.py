"""Weights under torchvision's names find their layers; other files are refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import MinecoverError
from pipeline.models.imagenet import read, starter
from pipeline.models.resnet import Shape, build


def safetensors(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, a in arrays.items():
        raw = a.astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(a.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    told = json.dumps(header).encode()
    path.write_bytes(len(told).to_bytes(8, "little") + told + data)
    return path


def test_weights_find_their_layers_and_the_stem_keeps_its_sums(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "conv1.weight": rng.normal(size=(64, 3, 7, 7)),
        "layer2.0.conv1.weight": rng.normal(size=(128, 64, 3, 3)),
        "layer2.0.downsample.0.weight": rng.normal(size=(128, 64, 1, 1)),
        "layer4.1.bn2.running_var": rng.random(512),
        "fc.weight": rng.normal(size=(1000, 512)),
    }
    model = build(Shape("ResNet18", "patch", 49, 8, 4))
    starter(safetensors(tmp_path / "w.safetensors", arrays))(model)
    stem = model.get_layer("stem").get_weights()[0]
    np.testing.assert_allclose(stem[..., 3, :], arrays["conv1.weight"][:, 0].transpose(1, 2, 0) / 3, rtol=1e-5)
    np.testing.assert_allclose(
        stem.sum(axis=2), arrays["conv1.weight"].sum(axis=1).transpose(1, 2, 0), rtol=1e-4, atol=1e-5
    )
    kernel = model.get_layer("stage2_1_conv1").get_weights()[0]
    np.testing.assert_allclose(kernel[1, 2, 5, 7], arrays["layer2.0.conv1.weight"][7, 5, 1, 2], rtol=1e-6)
    short = model.get_layer("stage2_1_short").get_weights()[0]
    np.testing.assert_allclose(short[0, 0], arrays["layer2.0.downsample.0.weight"][:, :, 0, 0].T, rtol=1e-6)
    np.testing.assert_allclose(
        model.get_layer("stage4_2_conv2_bn").get_weights()[3], arrays["layer4.1.bn2.running_var"], rtol=1e-6
    )


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 not it", b"\xff" * 40])
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "w.safetensors").write_bytes(data)
    with pytest.raises(MinecoverError, match="not a safetensors file"):
        read(tmp_path / "w.safetensors")


def test_weights_of_something_else_are_refused(tmp_path: Path) -> None:
    path = safetensors(tmp_path / "w.safetensors", {"encoder.weight": np.zeros((2, 2))})
    with pytest.raises(MinecoverError, match=r"No weight in 'w\.safetensors' fits CNN"):
        starter(path)(build(Shape("CNN", "patch", 9, 3, 2)))
