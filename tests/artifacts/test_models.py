"""A model's folder: whole or refused, and nothing outside it is ever read; answers on the test part come back."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.artifacts.ledger import fingerprint
from pipeline.artifacts.models import FILE, BandStatistics, ModelManifest, read_files, read_manifest, write_model
from pipeline.artifacts.predictions import Predictions, read_predictions, write_predictions
from pipeline.config import Legend
from pipeline.errors import MinecoverError

LEGEND = Legend.model_validate(
    [{"code": 1, "name": "<b>pit</b>", "colour": "#000000"}, {"code": 7, "name": "water", "colour": "#0000ff"}]
)
MANIFEST = ModelManifest(
    name="RF", spec={"name": "RF"}, bands=(BandStatistics("summer_NDVI", "1", 0.3, 0.1, 0.0, 0.8),), legend=LEGEND,
    patch_px=1, pixel_m=10.0, features="all", split="blocks", split_sha256="s", metrics={}, settings={},
    history=({"epoch": 1.0},), fingerprint="f", software={"minecover": "0"},
)  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_model(tmp_path / "RF", MANIFEST, {"learner.skops": b"numbers"})
    return tmp_path / "RF"


def test_what_was_written_comes_back(home: Path) -> None:
    found = read_manifest(home)
    assert found.legend == LEGEND and found.bands == MANIFEST.bands and found.history == MANIFEST.history
    assert read_files(home, found) == {"learner.skops": b"numbers"}


@pytest.mark.parametrize("damage", [b"", b"number", b"numbers!"])
def test_other_bytes_are_refused_unread(home: Path, damage: bytes) -> None:
    (home / "learner.skops").write_bytes(damage)
    with pytest.raises(MinecoverError, match="its checksum differs"):
        read_files(home, read_manifest(home))


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a\0b", ""])
def test_files_outside_the_folder_are_not_read(home: Path, name: str) -> None:
    with pytest.raises(MinecoverError, match="outside its folder"):
        read_files(home, replace(read_manifest(home), files={name: "0" * 64}))


@pytest.mark.parametrize(
    "change", [{"spec": {}}, {"pixel_m": 10.5}, {"files": {}}, {"bands": []}, {"digest": "0"}, {"more": 1}]
)
def test_a_changed_manifest_is_refused(home: Path, change: dict[str, Any]) -> None:
    told = json.loads((home / FILE).read_text())
    (home / FILE).write_text(json.dumps({**told, **change}))
    with pytest.raises(MinecoverError, match=r"checksum differs: it was changed.*Train the model again"):
        read_manifest(home)


def test_a_manifest_in_another_layout_is_the_same(home: Path) -> None:
    told = json.loads((home / FILE).read_text())
    (home / FILE).write_text(json.dumps(dict(reversed(told.items()))))
    assert read_manifest(home).bands == MANIFEST.bands


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"pixel_m": "ten"}, "pixel_m is 'ten'"),
        ({"pixel_m": float("nan")}, "pixel_m is nan"),
        ({"bands": [{**asdict(MANIFEST.bands[0]), "low": "x"}]}, r"bands\.0\.low is 'x'"),
        ({"bands": [{**asdict(MANIFEST.bands[0]), "low": float("nan")}]}, r"bands\.0\.low is nan"),
        ({"legend": []}, "at least two classes"),
        ({"patch_px": "9"}, "patch_px is '9'"),
        ({"more": 1}, "more is 1"),
    ],
)
def test_a_manifest_of_other_things_is_refused(home: Path, change: dict[str, Any], told: str) -> None:
    found = {**json.loads((home / FILE).read_text()), **change}
    rest = {name: value for name, value in found.items() if name != "digest"}
    (home / FILE).write_text(json.dumps({**rest, "digest": fingerprint(rest)}))
    with pytest.raises(MinecoverError, match=told):
        read_manifest(home)


def test_a_missing_or_spoilt_manifest_is_said(home: Path) -> None:
    text = (home / FILE).read_text()
    for spoilt in (text[: len(text) // 2], "[]", "{}", text.replace('"schema": 2', '"schema": 3')):
        (home / FILE).write_text(spoilt)
        with pytest.raises(MinecoverError, match="not a model's manifest"):
            read_manifest(home)
    (home / FILE).write_text(text.replace('"schema": 2', '"schema": 1'))
    with pytest.raises(MinecoverError, match=r"of an older version.*Train the model again"):
        read_manifest(home)
    (home / FILE).unlink()
    with pytest.raises(MinecoverError, match="holds no trained model"):
        read_manifest(home)


def test_answers_come_back_by_seed_and_spoilt_ones_are_refused(tmp_path: Path) -> None:
    ids, y = ("a", "b", "c"), np.array([1, 7, 1])
    shares = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]], np.float32)
    runs = tuple(Predictions(ids, y, np.array([1, 7, 7]), np.array([0, 0, 3]), shares, (1, 7), s) for s in (0, 1))
    path = tmp_path / "test.parquet"
    write_predictions(path, runs)
    found = read_predictions(path)
    assert [p.seed for p in found] == [0, 1] and found[1].ids == ids and found[1].codes == (1, 7)
    np.testing.assert_array_equal(found[0].probabilities, shares)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(MinecoverError, match="no table of predictions"):
        read_predictions(path)
    with pytest.raises(MinecoverError, match="cannot be read"):
        read_predictions(tmp_path / "none.parquet")
