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


def resnet(units: tuple[int, ...], bottleneck: bool) -> dict[str, np.ndarray]:
    """A file's arrays under torchvision's names: a ResNet of so many units in each stage."""
    rng = np.random.default_rng(0)
    sizes = {"conv1": (64, 3, 7)}
    before = 64
    for stage, count in enumerate(units):
        width = 64 << stage
        out = 4 * width if bottleneck else width
        for number in range(count):
            place = f"layer{stage + 1}.{number}"
            if bottleneck:
                sizes |= {f"{place}.conv1": (width, before, 1), f"{place}.conv2": (width, width, 3)}
                sizes[f"{place}.conv3"] = (out, width, 1)
            else:
                sizes |= {f"{place}.conv1": (width, before, 3), f"{place}.conv2": (width, width, 3)}
            if number == 0 and before != out:
                sizes[f"{place}.downsample.0"] = (out, before, 1)
            before = out
    found = {"fc.weight": rng.normal(size=(10, before))}
    for name, (out, given, side) in sizes.items():
        norm = name.replace("downsample.0", "downsample.1").replace("conv", "bn")
        found[f"{name}.weight"] = rng.normal(size=(out, given, side, side))
        found |= {f"{norm}.{w}": rng.random(out) for w in ("weight", "bias", "running_mean", "running_var")}
    return found


def test_weights_find_their_layers_and_the_stem_keeps_its_sums(tmp_path: Path) -> None:
    arrays = resnet((2, 2, 2, 2), bottleneck=False)
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


def test_a_small_stem_stays_random(tmp_path: Path) -> None:
    model = build(Shape("ResNet18", "patch", 9, 8, 4))
    before = [w for name in ("stem", "stem_bn") for w in model.get_layer(name).get_weights()]
    arrays = resnet((2, 2, 2, 2), bottleneck=False)
    starter(safetensors(tmp_path / "w.safetensors", arrays))(model)
    after = [w for name in ("stem", "stem_bn") for w in model.get_layer(name).get_weights()]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize(
    ("units", "bottleneck", "said"),
    [
        ((3, 4, 6, 3), True, "14 of its 38 layers are not in it"),
        ((3, 4, 6, 3), False, "0 of its 38 layers are not in it, and 32 of its arrays"),
        ((2, 2, 2, 1), False, "4 of its 38 layers are not in it, and 0 of its arrays"),
    ],
)
def test_weights_of_another_depth_are_refused(
    tmp_path: Path, units: tuple[int, ...], bottleneck: bool, said: str
) -> None:
    path = safetensors(tmp_path / "w.safetensors", resnet(units, bottleneck))
    with pytest.raises(MinecoverError, match=rf"not those of a ResNet18: {said}"):
        starter(path)(build(Shape("ResNet18", "patch", 9, 3, 2)))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 not it", b"\xff" * 40])
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "w.safetensors").write_bytes(data)
    with pytest.raises(MinecoverError, match="not a safetensors file"):
        read(tmp_path / "w.safetensors")


def test_weights_of_something_else_are_refused(tmp_path: Path) -> None:
    path = safetensors(tmp_path / "w.safetensors", {"encoder.weight": np.zeros((2, 2))})
    with pytest.raises(MinecoverError, match=r"w\.safetensors' are not those of a ResNet18: 40 of its 40 layers"):
        starter(path)(build(Shape("ResNet18", "patch", 49, 3, 2)))
