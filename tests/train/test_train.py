"""The stage `train` on a small run: what lies in a folder, what is done again and what is not, what is refused."""

import json
import re
import resource
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import pytest
from pystac.extensions.mlm import MLMExtension

from pipeline.accuracy.results import read_accuracy
from pipeline.artifacts.models import read_files, read_manifest, write_manifest
from pipeline.artifacts.predictions import read_predictions
from pipeline.artifacts.samples import read_samples
from pipeline.assess import run as assess
from pipeline.cli import main
from pipeline.compare import run as compare
from pipeline.compare.results import read as read_comparison
from pipeline.config import Config, TrainConfig
from pipeline.errors import MinecoverError
from pipeline.models import answers, restored, training
from pipeline.sample import run as sample
from pipeline.sample import work as sampling
from pipeline.splits import read_split
from pipeline.train import material as reading
from pipeline.train import run
from pipeline.train.item import item
from pipeline.train.learn import Task, graphics_cards, learnt, stopping, unfinished
from pipeline.train.learn import settings as model_settings
from pipeline.train.material import chosen, gathered
from pipeline.train.work import UNFINISHED
from tests.sample import runs

QUICK = {"features": "all", "models": ["CNN", "RF"], "form": "patch", "epochs": 3, "batch": 16, "tune_minutes": 0}
ROWS, COLUMNS = (v.ravel() for v in np.mgrid[1:50:2, 1:70:2])
NAMES = tuple(runs.NAMES.values())


def settings(folder: Path, **train: Any) -> Config:
    base = runs.config(folder / "run", folder / "labels.csv", {"block_m": 100, "patch_px": 3}, crs=runs.GRID.crs)
    return base.model_copy(update={"train": TrainConfig.model_validate({**QUICK, **train})})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with stack and samples, and both models trained."""
    folder = tmp_path_factory.mktemp("whole")
    runs.stack(folder / "run")
    classes = [NAMES[(r // 10 + c // 10) % 3] for r, c in zip(ROWS, COLUMNS, strict=True)]
    runs.table(folder / "labels.csv", runs.metres(ROWS.tolist(), COLUMNS.tolist()), classes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling.picture, "where", lambda *_: b"where")
        patch.setattr(sampling.picture, "gaps", lambda *_: b"gaps")
        list(sample(settings(folder)))
    (folder / "lines").write_text("\n".join(run(settings(folder))))
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def test_it_tells_what_it_does_with_intervals_and_the_split(whole: Path) -> None:
    told = (whole / "lines").read_text()
    assert len(re.findall("^CNN +learns without a graphics card", told, re.MULTILINE)) == (not graphics_cards())
    assert "blocks of 100 m" in told and "overlapping patches of 30 m: 0" in told
    for name in ("CNN", "RF"):
        assert re.search(rf"^{name} +OA [\d.]+ \([\d.]+ to [\d.]+\) %, kappa", told, re.MULTILINE)


@pytest.mark.parametrize("name", ["CNN", "RF"])
def test_the_folder_says_everything_and_the_model_comes_back(whole: Path, name: str) -> None:
    home = whole / "run" / "models" / name
    manifest = read_manifest(home)
    material = gathered(settings(whole))
    assert [b.name for b in manifest.bands] == list(material.samples.bands)
    train = material.samples.X[material.split.train]
    np.testing.assert_allclose([b.mean for b in manifest.bands], np.nanmean(train, axis=0), rtol=1e-4)
    assert manifest.legend.names == NAMES and manifest.pixel_m == 10
    assert set(manifest.software) >= {"minecover", "numpy", "keras"}
    model = restored(manifest.spec, read_files(home, manifest))
    [found] = read_predictions(home / "test.parquet")
    test = material.split.test
    windows = material.windows(material.samples.bands)
    shares = answers(model, windows.cut, material.rows[test], material.columns[test])
    np.testing.assert_allclose(found.probabilities, shares, atol=1e-6)
    assert found.ids == tuple(material.samples.ids[i] for i in test)
    assert manifest.metrics["overall"]["oa"]["value"] == pytest.approx(np.mean(found.predicted == found.y))
    assert not (home / UNFINISHED).exists()


def test_the_item_names_bands_classes_and_checksums(whole: Path) -> None:
    home = whole / "run" / "models" / "RF"
    found = json.loads((home / "item.json").read_text())
    own = found["properties"]
    assert own["mlm:input"][0]["bands"] == ["spring_a", "spring_b", "spring_c", "d"]
    assert [c["value"] for c in own["mlm:output"][0]["classification:classes"]] == [1, 2, 5]
    west, south, east, north = found["bbox"]
    assert 112 < west < east < 113 and 39 < south < north < 40
    digest = read_manifest(home).files["learner.skops"]
    assert found["assets"]["learner"]["file:checksum"].endswith(digest)


REQUIRED = ("mlm:name", "mlm:architecture", "mlm:framework", "mlm:tasks", "mlm:input", "mlm:output")


@pytest.mark.parametrize(("name", "form", "see"), [
    ("CNN", "patch", "pixel"), ("CNN", "dense", "pixel"), ("RF", "patch", "pixel"), ("RF", "patch", "patch"),
])  # fmt: skip
def test_the_item_is_true_and_has_what_its_extensions_require(whole: Path, name: str, form: str, see: str) -> None:
    manifest, bands = read_manifest(whole / "run" / "models" / name), 4
    spec = {**manifest.spec, **({"form": form} if name == "CNN" else {"see": see, "patch": 3 if see == "patch" else 1})}
    found = item(replace(manifest, spec=spec), runs.GRID, 2021)
    own = found["properties"]
    assert set(REQUIRED) <= set(own) and own["mlm:pretrained_source"] is None and own["mlm:hyperparameters"]
    prefixes = {key.split(":")[0] for part in (own, *found["assets"].values()) for key in part if ":" in key}
    declared = {url.split("/")[3] for url in found["stac_extensions"]}
    assert prefixes <= declared and "classification" in declared
    read = MLMExtension.ext(pystac.Item.from_dict(found))
    [given], [made] = read.input, read.output
    side = {"patch": 3, "dense": 20}[form] if name == "CNN" else {"pixel": 1, "patch": 3}[see]
    assert given.input.shape == [-1, bands, side, side]
    assert [b["name"] for b in own["bands"]] == given.bands == [b.name for b in manifest.bands]
    assert made.result.shape == [-1, 3, *([16, 16] if form == "dense" else [])]
    assert len(made.result.shape) == len(made.result.dim_order) and made.tasks == own["mlm:tasks"]
    scaling = own["mlm:input"][0].get("value_scaling", [])
    told = [(s["mean"], s["stddev"]) for s in scaling]
    assert told == (list(zip(*spec["scaling"].values(), strict=True)) if name == "CNN" else [])


def test_a_band_that_was_constant_is_scaled_to_nothing(whole: Path) -> None:
    manifest = read_manifest(whole / "run" / "models" / "CNN")
    scaling = {"mean": [0.5] * 4, "sd": [1.0, 0.0, 1.0, 1.0]}
    found = item(replace(manifest, spec={**manifest.spec, "scaling": scaling}), runs.GRID, 2021)
    kinds = [s["type"] for s in found["properties"]["mlm:input"][0]["value_scaling"]]
    assert kinds == ["z-score", "clip", "z-score", "z-score"]


def test_nothing_is_trained_twice_and_a_changed_setting_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {p: p.stat().st_mtime_ns for p in (folder / "run/models").rglob("*")}
    list(run(settings(folder)))
    assert {p: p.stat().st_mtime_ns for p in (folder / "run/models").rglob("*")} == before
    list(run(settings(folder, epochs=2)))
    assert len(read_manifest(folder / "run/models/CNN").history) == 2
    forest = folder / "run/models/RF/manifest.json"
    assert forest.stat().st_mtime_ns == before[forest], "a forest has no epochs"


@pytest.mark.parametrize("name", ["learner.skops", "test.parquet"])
@pytest.mark.parametrize("spoil", [lambda data: b"", lambda data: data[:50] + bytes([data[50] ^ 1]) + data[51:70]])
def test_a_damaged_model_is_trained_again(folder: Path, name: str, spoil: Callable[[bytes], bytes]) -> None:
    home = folder / "run/models/RF"
    before = read_predictions(home / "test.parquet")[0].predicted
    (home / name).write_bytes(spoil((home / name).read_bytes()))
    list(run(settings(folder), ["RF"]))
    assert read_files(home, read_manifest(home))
    np.testing.assert_array_equal(read_predictions(home / "test.parquet")[0].predicted, before)


def test_an_interrupted_training_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read_manifest(folder / "run/models/CNN")
    shutil.rmtree(folder / "run/models/CNN")
    monkeypatch.setattr(training, "PAUSE", 0)
    real, begun = training._epoch, []

    def once(model: Any, batches: Any, lesson: Any, wish: Any, number: int) -> Any:
        begun.append(number)
        if number == 2 and begun.count(2) == 1:
            raise KeyboardInterrupt
        return real(model, batches, lesson, wish, number)

    monkeypatch.setattr(training, "_epoch", once)
    with pytest.raises(KeyboardInterrupt):
        list(run(settings(folder), ["cnn"]))
    assert not (folder / "run/models/CNN/manifest.json").exists()
    list(run(settings(folder), ["cnn"]))
    assert begun == [0, 1, 2, 2]
    assert read_manifest(folder / "run/models/CNN").files == whole.files


def test_other_weights_under_the_same_name_are_other_settings(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    config = TrainConfig.model_validate(QUICK).model_copy(update={"weights": path})
    with pytest.raises(MinecoverError, match=r"w\.safetensors' cannot be read: No such file.*Correct `train.weights`"):
        model_settings("ResNet18", config, 9)
    found = []
    for data in (b"a", b"b"):
        path.write_bytes(data)
        found.append(model_settings("ResNet18", config, 9))
    assert found[0] != found[1] and found[0]["weights"] == "w.safetensors"
    assert model_settings("CNN", config, 9) == model_settings("CNN", TrainConfig.model_validate(QUICK), 9)


def test_a_network_without_weights_to_begin_with_begins_at_random(folder: Path) -> None:
    shutil.rmtree(folder / "run/models/CNN")
    told = "\n".join(run(settings(folder, weights=folder / "labels.csv", epochs=1), ["CNN"]))
    assert "note: `train.weights` are of a ResNet: CNN began at random" in told


@pytest.mark.parametrize(
    ("name", "most", "file"), [("RF", 1000, "test.parquet"), ("RF", 15_000, "learner.skops"), ("CNN", 15_000, "npz")]
)
def test_a_full_disk_is_told_and_leaves_no_model(folder: Path, name: str, most: int, file: str) -> None:
    home = folder / "run/models" / name
    before = read_manifest(home).fingerprint
    (home / "manifest.json").unlink()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
    try:
        with pytest.raises(MinecoverError, match=rf"models/{name}.*{file}' could not be written: File too large"):
            list(run(settings(folder), [name]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not (home / "manifest.json").exists() and not list(home.rglob("*.tmp"))
    list(run(settings(folder), [name]))
    assert read_manifest(home).fingerprint == before and read_files(home, read_manifest(home))


def test_several_seeds_are_told_apart(folder: Path) -> None:
    list(run(settings(folder, seeds=2, models=["RF"])))
    first, second = read_predictions(folder / "run/models/RF/test.parquet")
    assert (first.seed, second.seed) == (0, 1)
    assert not np.array_equal(first.probabilities, second.probabilities)
    assert read_manifest(folder / "run/models/RF").metrics["seeds"]["seeds"] == [0, 1]


def test_no_model_reads_the_test_part_before_it_is_trained(folder: Path) -> None:
    """Other values at all pixels of test samples change no weight."""
    material = gathered(settings(folder))
    assert not set(material.split.test) & {i for part in stopping(material) for i in part}
    swapped = gathered(settings(folder))
    swapped.samples.X[material.split.test] = 1e6
    for name in ("CNN", "RF"):
        found, again = (
            learnt(Task(name, m, m.samples.bands, settings(folder).train, 3, 0), None, lambda *_: None)
            for m in (swapped, material)
        )
        block = material.stack.values[:, :34, :34]
        assert found.model.predict(block).tobytes() == again.model.predict(block).tobytes()


def test_baselines_can_see_patches(folder: Path) -> None:
    list(run(settings(folder, models=["RF"], baselines_see="patch")))
    manifest = read_manifest(folder / "run/models/RF")
    assert manifest.patch_px == 3 and manifest.spec["see"] == "patch"


def test_what_is_missing_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(MinecoverError, match="There is no model 'resnet99'"):
        list(run(settings(folder), ["resnet99"]))
    with pytest.raises(MinecoverError, match=r"minecover select CONFIG`, or set `train.features: all"):
        list(run(settings(folder, features="combined")))
    assert chosen(folder / "run", "all", ("a", "b")) == ("a", "b")
    (folder / "run/split.json").unlink()
    with pytest.raises(MinecoverError, match=r"split\.json' is not there"):
        list(run(settings(folder)))
    assert main(["train", str(folder / "none.yaml")]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "said"), [(b"{}", "names: Field required"), (b"[", "Invalid JSON"), (b"\xff\xfe", "Invalid JSON")]
)
def test_a_broken_selection_is_told_in_one_line(folder: Path, data: bytes, said: str) -> None:
    (folder / "run/selection.json").write_bytes(data)
    with pytest.raises(MinecoverError, match=rf"selection\.json' is no selection: {said}.*`minecover select`") as found:
        list(run(settings(folder, features="combined")))
    assert "\n" not in str(found.value) and len(str(found.value)) < 400


def test_a_patch_wider_than_the_stack_is_refused(folder: Path) -> None:
    base = settings(folder)
    config = base.model_copy(update={"split": base.split.model_copy(update={"patch_px": 999})})
    with pytest.raises(MinecoverError, match=r"patch_px is 999, but the shorter side of the stack is 50 pixels"):
        list(run(config))


def test_a_band_without_any_value_is_left_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = read_samples(folder / "run")
    samples.X[:, 1] = np.nan
    monkeypatch.setattr(reading, "read_samples", lambda _: samples)
    told = "\n".join(run(settings(folder, models=["RF"])))
    assert "Features  3 of 4 (all); left out, no values: spring_b" in told
    assert [b.name for b in read_manifest(folder / "run/models/RF").bands] == ["spring_a", "spring_c", "d"]


def test_the_audit_is_of_what_the_models_of_the_run_see(folder: Path) -> None:
    """The dense form of a network for 3 × 3 pixels sees 35 × 35."""
    assert re.search("overlapping patches of 350 m: [1-9]", reading.gathered(settings(folder, form="dense")).audit)
    baselines = settings(folder, form="dense", models=["RF"])
    assert "overlapping patches of 30 m: 0" in reading.gathered(baselines).audit
    assert "350 m" in reading.gathered(baselines, ["CNN"]).audit
    before = read_manifest(folder / "run/models/RF")
    list(run(settings(folder, form="dense"), ["RF"]))
    after = read_manifest(folder / "run/models/RF")
    assert after.files == before.files and "350 m" in after.split == after.metrics["split"]


def test_samples_of_another_stack_are_refused(folder: Path) -> None:
    path = folder / "run/stack/manifest.json"
    path.write_text(path.read_text().replace('"fingerprint": "f"', '"fingerprint": "g"'))
    with pytest.raises(MinecoverError, match="read from another stack"):
        list(run(settings(folder)))


def test_train_compare_and_assess_tell_the_same_interval(folder: Path) -> None:
    base = settings(folder)
    config = base.model_copy(update={"assess": base.assess.model_copy(update={"draws": 150, "seed": 7})})
    weights = (folder / "run/models/RF/learner.skops").stat().st_mtime_ns
    before = read_manifest(folder / "run/models/RF").metrics["overall"]
    list(run(config))
    list(compare(config, ["all"]))
    list(assess(config))
    assessed = {m.name: m.overall for m in read_accuracy(folder / "run/accuracy.json").models}
    for entry in read_comparison(folder / "run/comparison.json").entries:
        trained = read_manifest(folder / "run/models" / entry.model).metrics["overall"]
        assert trained == entry.accuracy.overall.model_dump() == assessed[entry.model].model_dump()
    assert read_manifest(folder / "run/models/RF").metrics["overall"] != before
    assert (folder / "run/models/RF/learner.skops").stat().st_mtime_ns == weights, "not trained again for that"


def test_intervals_of_a_model_are_made_again_where_they_were_made_in_another_way(folder: Path) -> None:
    home = folder / "run/models/RF"
    manifest = read_manifest(home)
    overall = manifest.metrics["overall"]
    older = {**overall, "oa": {**overall["oa"], "low": 0.001}}
    write_manifest(home, replace(manifest, metrics={**manifest.metrics, "overall": older}))
    assert read_manifest(home) != manifest
    list(run(settings(folder), ["RF"]))
    assert read_manifest(home) == manifest


@pytest.mark.parametrize(
    ("section", "change", "said"),
    [
        ("split", {"block_m": 150.0}, r"split\.block_m was 100\.0, now 150\.0"),
        ("split", {"patch_px": 5}, r"split\.patch_px was 3, now 5"),
        ("split", {"kind": "random", "folds": 3}, r"split\.folds was 2, now 3; split\.kind was blocks, now random"),
        ("labels", {"file": "others.csv"}, r"file was labels\.csv, now others\.csv"),
    ],
)
def test_samples_that_a_configuration_no_longer_asks_for_are_refused(
    folder: Path, section: str, change: dict[str, Any], said: str
) -> None:
    shutil.copy(folder / "labels.csv", folder / "others.csv")
    config = settings(folder)
    changed = {k: folder / v if k == "file" else v for k, v in change.items()}
    other = config.model_copy(update={section: getattr(config, section).model_copy(update=changed)})
    for stage in (run, compare):
        with pytest.raises(MinecoverError, match=rf"{said}\. Run `minecover sample CONFIG` again"):
            list(stage(other))


def test_changed_labels_and_a_changed_split_are_refused(folder: Path) -> None:
    split, labels = folder / "run/split.json", folder / "labels.csv"
    split.write_text(split.read_text() + "\n")
    with pytest.raises(MinecoverError, match="files of theirs are missing or have changed"):
        list(run(settings(folder)))
    labels.write_text(labels.read_text() + "\n")
    with pytest.raises(MinecoverError, match="file_sha256 was"):
        list(run(settings(folder)))
    labels.unlink()
    with pytest.raises(MinecoverError, match=r"labels\.csv' cannot be read: No such file"):
        list(run(settings(folder)))


def test_a_comparison_of_what_is_there(folder: Path) -> None:
    told = "\n".join(compare(settings(folder), ["all"]))
    assert "Models on all features (4 bands)" in told
    found = read_comparison(folder / "run/comparison.json")
    assert {e.model for e in found.entries} == {"CNN", "RF"} and len(found.models) == 1
    assert (folder / "run/pictures/compare-maps.png").stat().st_size > 10_000
    with pytest.raises(MinecoverError, match="no choice of features 'some'"):
        list(compare(settings(folder), ["some"]))


def test_the_split_on_disk_is_the_split_that_is_used(whole: Path) -> None:
    material = gathered(settings(whole))
    samples = read_samples(whole / "run")
    split = read_split(whole / "run" / "split.json", samples.ids)
    np.testing.assert_array_equal(material.split.test, split.test)
    np.testing.assert_array_equal(samples.X, material.stack.values[:, material.rows, material.columns].T)


@pytest.mark.parametrize(("dense", "said"), [([7.2, 0.6], False), ([7.2], True), ([], False)])
def test_a_dense_form_that_learnt_too_little_is_told(dense: list[float], said: bool) -> None:
    losses = [(0, 0.9), (0, 0.5), (0, 0.8), *((1, loss) for loss in dense)]
    found = unfinished([{"dense": form, "validation_loss": loss} for form, loss in losses])
    assert bool(found) == said
    assert all("7.20 against 0.50" in note for note in found)
