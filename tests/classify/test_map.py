"""Mapping end to end: the same bytes whatever the tiles, workers and interruptions; no data; what is refused."""

import hashlib
import json
import os
import resource
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from pipeline import cli
from pipeline.artifacts.ledger import making
from pipeline.artifacts.manifest import read_manifest
from pipeline.classify import Wish, mapping, products, run, stage
from pipeline.errors import MinecoverError
from tests.artifacts import stacks
from tests.classify import fakes

NDArray = np.ndarray[Any, Any]

ROOT = Path(__file__).parents[2]
CELL = 16


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> fakes.Fake:
    """The model that every run gets, looking at cells of 16 pixels. Pictures are not drawn; test_plate does."""
    model = fakes.Fake()
    monkeypatch.setattr(stage, "restored", lambda spec, files: model)
    monkeypatch.setattr(stage, "cell_side", lambda halo: CELL)
    monkeypatch.setattr(products.plate, "draw", lambda *_: b"picture")
    return model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fakes.made(tmp_path)
    return tmp_path


def mapped(folder: Path, name: str = "maps/RF", **given: Any) -> tuple[Path, list[str]]:
    """Where the map is, and what was told."""
    own = {k: given.pop(k) for k in ("side", "workers", "accept_values") if k in given}
    wish = Wish(fakes.config(folder, **given), output=folder / name, **{"side": 32, **own})
    return folder / name, list(run(wish))


def read(path: Path) -> NDArray:
    with rasterio.open(path) as file:
        return np.asarray(file.read())


def expected(bands: NDArray) -> NDArray:
    """Probabilities of the whole map, in one go: (3, height, width)."""
    names = [b for p in stacks.PARTS for b in p.bands]
    chosen = bands[[names.index(n) for n in fakes.BANDS]]
    halo = ((0, 0), (fakes.HALO,) * 2, (fakes.HALO,) * 2)
    return fakes.scores(np.pad(chosen, halo, constant_values=np.nan), fakes.HALO)


def test_it_is_what_the_model_says_of_the_whole_stack(folder: Path, fake: fakes.Fake) -> None:
    bands, _ = stacks.stack(folder / "again")
    place, told = mapped(folder)
    p = expected(bands) * np.float32(1 - 1e-3 / (CELL + 2 * fakes.HALO))
    codes = np.array([c["code"] for c in fakes.CLASSES])
    names = [b for part in stacks.PARTS for b in part.bands]
    known = np.isfinite(bands[[names.index(n) for n in fakes.BANDS]]).mean(0) >= 0.5
    np.testing.assert_array_equal(read(place / "map.tif")[0], np.where(known, codes[p.argmax(0)], 0))
    percents = read(place / "probabilities.tif").astype(float)
    np.testing.assert_allclose(percents, np.where(known, 100 * p, 255), atol=0.5001)
    entropy, margin = read(place / "uncertainty.tif").astype(float)
    q = p.astype(float)
    np.testing.assert_allclose(entropy, np.where(known, -100 * (q * np.log(q)).sum(0) / np.log(3), 255), atol=0.51)
    ordered = np.sort(p, axis=0)
    np.testing.assert_allclose(margin, np.where(known, 100 * (ordered[-1] - ordered[-2]), 255), atol=0.51)
    assert any("3,392 pixels" in line for line in told)


@pytest.mark.parametrize(
    "given",
    [{"side": 16}, {"side": 64}, {"side": 128, "workers": 4}, {"memory_gb": 1e-3}, {"workers": 1, "side": 48}],
    ids=str,
)
def test_tiles_workers_and_memory_change_no_byte(folder: Path, fake: fakes.Fake, given: dict[str, Any]) -> None:
    usual, _ = mapped(folder, "usual", majority_px=3, min_area_m2=400.0)
    other, _ = mapped(folder, "other", majority_px=3, min_area_m2=400.0, **given)
    assert published(usual) == published(other)


def published(place: Path) -> dict[str, bytes]:
    return {name: data for name, data in fakes.files(place).items() if not name.startswith("tiles")}


def test_the_order_of_tiles_changes_no_byte(folder: Path, fake: fakes.Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    usual, _ = mapped(folder, "usual")
    straight = mapping.Job.mapped
    monkeypatch.setattr(mapping.Job, "mapped", lambda job, tiles, ledger: straight(job, tiles[::-1], ledger))
    other, _ = mapped(folder, "other")
    assert fakes.files(usual) == fakes.files(other)


def test_killed_at_any_moment_it_goes_on_and_ends_with_the_same_bytes(folder: Path, fake: fakes.Fake) -> None:
    place, _ = mapped(folder, "whole", min_area_m2=300.0, polygons=True)
    whole = {name: hashlib.sha256(data).hexdigest() for name, data in fakes.files(place).items()}
    line = [sys.executable, "-m", "tests.classify.fakes", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True)
    rounds = [json.loads(text) for text in done.stdout.splitlines()]
    assert done.returncode == 0 and len(rounds) > 6, done.stderr
    assert [r["killed"] for r in rounds] == [True] * (len(rounds) - 1) + [False]
    for found in rounds:  # no file has its name before it is whole
        assert found["files"].items() <= whole.items()
    assert all(before["files"].items() <= after["files"].items() for before, after in pairwise(rounds))
    assert rounds[-1]["files"] == whole
    assert not [p for p in (folder / "maps/RF").rglob(".*") if p.name != ".lock"]


def test_again_it_changes_nothing_and_needs_no_tiles(folder: Path, fake: fakes.Fake) -> None:
    place, _ = mapped(folder)
    before, answers = {name: (place / name).stat().st_mtime_ns for name in published(place)}, fake.answers
    for tile in (place / "tiles").iterdir():
        tile.unlink()
    _, told = mapped(folder)
    assert [line.split(":")[0] for line in told] == ["unchanged"]
    assert {name: (place / name).stat().st_mtime_ns for name in published(place)} == before
    assert fake.answers == answers


def test_other_cleaning_uses_what_is_mapped(folder: Path, fake: fakes.Fake) -> None:
    place, _ = mapped(folder, polygons=True)
    answers, plain = fake.answers, published(place)
    mapped(folder, majority_px=5)
    assert fake.answers == answers
    assert read(place / "map.tif").tolist() != []
    assert (place / "map.tif").read_bytes() != plain["map.tif"]
    assert (place / "probabilities.tif").read_bytes() == plain["probabilities.tif"]
    assert not (place / "polygons.gpkg").exists()  # it showed another map
    mapped(folder, polygons=True)
    assert published(place) == plain


def test_a_damaged_map_is_made_again(folder: Path, fake: fakes.Fake) -> None:
    place, _ = mapped(folder)
    whole = published(place)
    with open(place / "map.tif", "r+b") as file:
        file.seek(600)
        file.write(b"damage")
    _, told = mapped(folder)
    assert any(line.startswith("map.tif is damaged") for line in told)
    assert published(place) == whole


def test_pixels_outside_the_region_are_no_data(folder: Path, fake: fakes.Fake) -> None:
    import shapely
    from pyproj import Transformer

    grid = stacks.GRID
    circle = shapely.Point(grid.left + 250, grid.top - 200).buffer(140)
    change = Transformer.from_crs(grid.crs, "OGC:CRS84", always_xy=True)
    outline = shapely.transform(circle, lambda xy: np.column_stack(change.transform(*xy.T)))
    path = folder / "stack" / "manifest.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "region": dict(shapely.geometry.mapping(shapely.MultiPolygon([outline])))}))
    place, _ = mapped(folder)
    codes = read(place / "map.tif")[0]
    x, y = np.meshgrid(np.arange(grid.width) * 10 + 5 - 250, np.arange(grid.height) * 10 + 5 - 200)
    assert not codes[np.hypot(x, y) > 141].any()
    assert (codes[np.hypot(x, y) < 139] > 0).mean() > 0.8
    summary = json.loads((place / "summary.json").read_text())
    assert summary["pixels_in_region"] == (shapely.contains_xy(circle, x + grid.left + 250, grid.top - 200 - y)).sum()


@pytest.mark.parametrize(("share", "least"), [(0.0, 1), (0.34, 2), (1.0, 3)])
def test_pixels_with_too_few_bands_are_no_data(folder: Path, fake: fakes.Fake, share: float, least: int) -> None:
    bands, _ = stacks.stack(folder / "again")
    names = [b for p in stacks.PARTS for b in p.bands]
    known = np.isfinite(bands[[names.index(n) for n in fakes.BANDS]]).sum(0)
    place, _ = mapped(folder, min_valid=share)
    np.testing.assert_array_equal(read(place / "map.tif")[0] > 0, known >= least)


def test_bands_in_another_order_make_the_same_map(folder: Path, fake: fakes.Fake, tmp_path: Path) -> None:
    usual, _ = mapped(folder, "usual")
    path = folder / "stack" / "manifest.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "bands": told["bands"][::-1]}))
    other, _ = mapped(folder, "other")
    assert fakes.files(usual) == fakes.files(other)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"drop": "spring_c"}, "Wanted: spring_c. Found: spring_a, spring_b, d"),
        ({"unit": "dB"}, "wanted d in m, not dB"),
        ({"pixel": 20.0}, "pixels are 20 m wide; the model RF learnt from pixels of 10 m"),
    ],
)
def test_a_stack_that_does_not_fit_is_refused(folder: Path, fake: fakes.Fake, change: Any, said: str) -> None:
    path = folder / "stack" / "manifest.json"
    told = json.loads(path.read_text())
    told["bands"] = [b for b in told["bands"] if b["name"] != change.get("drop")]
    told["bands"][-1]["unit"] = change.get("unit", "m")
    told["grid"]["pixel"] = change.get("pixel", 10.0)
    path.write_text(json.dumps(told))
    with pytest.raises(MinecoverError, match=said):
        mapped(folder)
    assert not (folder / "maps").exists()


def test_another_legend_is_refused_and_other_colours_are_not(folder: Path, fake: fakes.Fake) -> None:
    config = fakes.config(folder)
    renamed = [{**c, "name": "lake" if c["code"] == 7 else c["name"]} for c in fakes.CLASSES]
    recoloured = [{**c, "colour": "#010203" if c["code"] == 7 else c["colour"]} for c in fakes.CLASSES]
    with pytest.raises(MinecoverError, match=r"wanted 7 水.*found .*7 lake.*`minecover sample` and `minecover train`"):
        list(run(Wish(config.model_validate({**config.model_dump(), "legend": renamed}))))
    list(run(Wish(config.model_validate({**config.model_dump(), "legend": recoloured[::-1]}), side=32)))
    with rasterio.open(folder / "maps/RF/map.tif") as file:
        assert file.colormap(1)[7][:3] == (1, 2, 3)
    with rasterio.open(folder / "maps/RF/probabilities.tif") as file:
        assert file.descriptions == tuple(c["name"] for c in fakes.CLASSES)


def test_a_class_that_the_model_never_saw_is_in_the_legend_with_no_area(folder: Path, fake: fakes.Fake) -> None:
    more = [{"code": 1, "name": "wetland", "colour": "#00ffff"}, *fakes.CLASSES]
    config = fakes.config(folder)
    told = list(run(Wish(config.model_validate({**config.model_dump(), "legend": more}), side=32)))
    assert any("RF learnt no wetland" in line for line in told)
    with rasterio.open(folder / "maps/RF/map.tif") as file:
        assert file.colormap(1)[1][:3] == (0, 255, 255)
    with rasterio.open(folder / "maps/RF/probabilities.tif") as file:
        assert file.descriptions == tuple(c["name"] for c in fakes.CLASSES)
    classes = json.loads((folder / "maps/RF/summary.json").read_text())["classes"]
    assert [c["pixels"] > 0 for c in classes] == [False, True, True, True]


def test_shifted_values_are_refused_unless_they_are_accepted(folder: Path, fake: fakes.Fake) -> None:
    bands, _ = stacks.stack(folder / "again")
    fakes.model(folder, bands * 10_000)
    with pytest.raises(MinecoverError, match=r"10,000 times too small.*--accept-values"):
        mapped(folder)
    place, told = mapped(folder, accept_values=True)
    assert any(line.startswith("Accepted") for line in told)
    assert (place / "map.tif").exists()


def test_a_second_run_on_the_same_output_is_refused(folder: Path, fake: fakes.Fake) -> None:
    place = folder / "maps/RF"
    with making(place, {}), pytest.raises(MinecoverError, match=f"is being written by process {os.getpid()}"):
        mapped(folder)


def test_another_model_does_not_go_on_with_the_map(folder: Path, fake: fakes.Fake) -> None:
    bands, _ = stacks.stack(folder / "again")
    mapped(folder)
    fakes.model(folder, bands, fingerprint="another")
    with pytest.raises(MinecoverError, match=r"begun with other parameters: model\.fingerprint was m, now another"):
        mapped(folder)


def test_the_runs_own_map_makes_way_for_that_of_a_new_model(folder: Path, fake: fakes.Fake) -> None:
    bands, _ = stacks.stack(folder / "again")
    wish = Wish(fakes.config(folder), model="RF", side=32)
    first = list(run(wish))
    (folder / "maps/RF/old.txt").write_text("of the old map")
    fakes.model(folder, bands, fingerprint="another")
    assert not any("anew" in line for line in first)
    assert any("is made anew" in line for line in list(run(wish)))
    assert not (folder / "maps/RF/old.txt").exists() and (folder / "maps/RF/map.tif").exists()
    assert any("unchanged" in line for line in list(run(wish)))


def test_answers_that_do_not_fit_are_refused(folder: Path, fake: fakes.Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    real = fakes.Fake.predict
    monkeypatch.setattr(fakes.Fake, "predict", lambda self, block: real(self, block)[:2])
    with pytest.raises(MinecoverError, match=r"\(2, 16, 16\), not \(3, 16, 16\)"):
        mapped(folder)
    monkeypatch.setattr(fakes.Fake, "predict", lambda self, block: real(self, block) * np.float32(np.nan))
    with pytest.raises(MinecoverError, match="no number"):
        mapped(folder)


@pytest.mark.parametrize("kind", ["tile", "map"])
def test_a_full_disk_is_told_and_leaves_nothing_half_written(
    folder: Path, fake: fakes.Fake, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """GDAL may write to a full disk without a word: what is there afterwards is cut short."""
    module, name = {"tile": (mapping.answers, "write"), "map": (stage.products.mosaic, "write")}[kind]
    real = getattr(module, name)

    def short(path: Path, *given: Any) -> Any:
        made = real(path, *given)
        os.truncate(path, path.stat().st_size // 2)
        return made

    with monkeypatch.context() as full:
        full.setattr(module, name, short)
        with pytest.raises(MinecoverError, match="could not be written"):
            mapped(folder)
    place = folder / "maps/RF"
    assert not (place / "map.tif").exists() and not list(place.rglob("*.part"))
    mapped(folder)
    assert (place / "map.tif").exists()


@pytest.mark.parametrize("most", [10, 5000, 9000, 100_000])
def test_files_that_the_system_cuts_short_are_told(folder: Path, fake: fakes.Fake, most: int) -> None:
    """No file may grow beyond a limit: the ledger, a GeoTIFF or the polygons cannot be written to the end."""
    place = folder / "maps/RF"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
    try:
        with pytest.raises(MinecoverError, match=r"maps/RF.* could not be (written|used)"):
            mapped(folder, polygons=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not (place / "polygons.gpkg").exists() and not list(place.rglob("*.part"))
    whole, _ = mapped(folder, "whole", polygons=True)
    mapped(folder, polygons=True)
    assert fakes.files(place) == fakes.files(whole)


def test_a_disk_that_is_too_small_is_refused_before_work(
    folder: Path, fake: fakes.Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10}))
    with pytest.raises(MinecoverError, match=r"may need 0\.1 MB, and its disk has 0\.0 MB free"):
        mapped(folder)
    assert fake.answers == 0


def test_a_window_without_a_middle_is_refused(folder: Path, fake: fakes.Fake) -> None:
    with pytest.raises(MinecoverError, match="Use 5"):
        mapped(folder, majority_px=4)


def test_a_read_only_folder_is_refused_before_work(folder: Path, fake: fakes.Fake) -> None:
    (folder / "maps").write_text("a file")
    with pytest.raises(MinecoverError, match="is not a folder"):
        mapped(folder)
    assert fake.answers == 0


def test_the_command(folder: Path, fake: fakes.Fake, capsys: pytest.CaptureFixture[str]) -> None:
    settings = json.loads(fakes.config(Path("here")).model_dump_json())
    (folder / "run.yaml").write_text(json.dumps(settings, ensure_ascii=False), "utf-8")
    (folder / "here").symlink_to(folder)
    assert cli.main(["classify", str(folder / "run.yaml"), "--model", "RF", "--output", str(folder / "m")]) == 0
    assert "Written: map.tif" in capsys.readouterr().out
    assert cli.main(["classify", str(folder / "run.yaml"), "--model", "SVM"]) == 2
    assert "holds no trained model" in capsys.readouterr().err
    assert read_manifest(folder / "stack").grid == stacks.GRID
