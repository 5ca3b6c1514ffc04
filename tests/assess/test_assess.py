"""The stage `assess` on small runs: what it finds, what it writes once, what it refuses, and the sheet out and in."""

import csv
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
from PIL import Image
from pyproj import Transformer
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score

from pipeline import cli
from pipeline.accuracy import read_accuracy
from pipeline.artifacts.design import read_design
from pipeline.assess import Wish, design, run
from pipeline.config import Config
from pipeline.errors import MinecoverError
from pipeline.region import Grid
from pipeline.simulate import samples, truth
from pipeline.simulate.district import CLASSES, COLOURS, Place
from tests.assess import runs
from tests.simulate.test_samples import land

MODELS = {"ResNet50": (0.93, (0, 1, 2)), "RF": (0.9, (0,)), "KNN": (0.7, (0,))}


def trained(folder: Path) -> Path:
    for name, (right, seeds) in MODELS.items():
        runs.model(folder, name, runs.answers(right, seeds))
    return folder


def said(config: Config) -> str:
    return "\n".join(run(config))


def found(folder: Path) -> Any:
    return read_accuracy(folder / "accuracy.json")


def test_figures_of_models_are_those_of_their_answers(tmp_path: Path) -> None:
    text = said(runs.config(trained(tmp_path)))
    assert runs.SPLIT in text and "300 samples in 30 blocks" in text and "nothing is said about areas" in text
    told = found(tmp_path)
    assert {m.name for m in told.models} == set(MODELS) and told.map is None
    for m in told.models:
        first = runs.answers(*MODELS[m.name])[0]
        assert m.overall.oa.value == pytest.approx(accuracy_score(first.y, first.predicted))
        assert m.overall.kappa.value == pytest.approx(cohen_kappa_score(first.y, first.predicted))
        assert m.overall.mean_f1.value == pytest.approx(f1_score(first.y, first.predicted, average="macro"))
        assert m.overall.oa.low < m.overall.oa.value < m.overall.oa.high
        assert [c.name for c in m.classes] == list(runs.NAMES.values())
        assert (m.samples, m.blocks, m.split) == (300, 30, runs.SPLIT)
    [repeated] = [m.seeds for m in told.models if m.seeds]
    each = [accuracy_score(r.y, r.predicted) for r in runs.answers(0.93, (0, 1, 2))]
    assert repeated.overall.oa.mean == pytest.approx(np.mean(each))
    assert repeated.overall.oa.sd == pytest.approx(np.std(each, ddof=1))


def test_pairs_are_tested_on_the_same_samples_whatever_their_order(tmp_path: Path) -> None:
    said(runs.config(trained(tmp_path)))
    pairs = {frozenset((p.a, p.b)): p for p in found(tmp_path).pairs}
    assert len(pairs) == 3
    right = {}
    for name in ("RF", "KNN"):
        r = runs.answers(*MODELS[name])[0]
        right[name] = dict(zip(r.ids, (r.y == r.predicted).tolist(), strict=True))
    p = pairs[frozenset(("RF", "KNN"))]
    alone = [sum(right[a][i] and not right[b][i] for i in right[a]) for a, b in ((p.a, p.b), (p.b, p.a))]
    assert [p.only_a, p.only_b] == alone
    assert p.p < 0.001 and p.p <= p.p_holm <= 3 * p.p
    assert p.difference.oa.value == pytest.approx((alone[0] - alone[1]) / 300)


def test_nothing_is_done_twice_and_pictures_come_back(tmp_path: Path) -> None:
    config = runs.config(trained(tmp_path))
    assert "Unchanged" not in said(config)
    pictures = sorted(p.name for p in (tmp_path / "pictures").iterdir())
    assert pictures == ["confusion_KNN.png", "confusion_RF.png", "confusion_ResNet50.png"]
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "accuracy.json", tmp_path / "pictures" / "confusion_RF.png")}
    (tmp_path / "pictures" / "confusion_KNN.png").unlink()
    assert "Unchanged" in said(config)
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert Image.open(tmp_path / "pictures" / "confusion_KNN.png").size[0] > 500
    runs.model(tmp_path, "KNN", runs.answers(0.75))
    assert "Unchanged" not in said(config)
    told = json.loads((tmp_path / "accuracy.json").read_text("utf-8"))
    told["models"][0]["overall"]["oa"]["value"] += 0.01
    (tmp_path / "accuracy.json").write_text(json.dumps(told))
    with pytest.raises(MinecoverError, match="oa does not follow from its matrix"):
        found(tmp_path)
    assert "Unchanged" not in said(config)
    told = json.loads((tmp_path / "accuracy.json").read_text("utf-8"))
    (tmp_path / "accuracy.json").write_text(json.dumps({**told, "schema_version": 1}))
    assert "Unchanged" not in said(config), "its intervals were made in another way"


def test_a_model_on_other_samples_is_in_no_pair(tmp_path: Path) -> None:
    trained(tmp_path)
    runs.model(tmp_path, "SVM", runs.answers(0.8, first=1000), split="random, for comparison only")
    text = said(runs.config(tmp_path))
    assert "SVM was tested on other samples" in text and "random, for comparison only" in text
    assert not [p for p in found(tmp_path).pairs if "SVM" in (p.a, p.b)]


@pytest.mark.parametrize("what", ["legend", "nothing", "seeds", "unfinished"])
def test_what_models_cannot_tell_is_refused(tmp_path: Path, what: str) -> None:
    config = runs.config(tmp_path)
    says = "neither a trained model nor a map"
    if what == "legend":
        runs.model(tmp_path, "RF", runs.answers(0.9))
        config, says = runs.config(tmp_path, runs.LEGEND[:2]), "knows the class 5"
    if what == "seeds":
        runs.model(tmp_path, "RF", runs.answers(0.9) + runs.answers(0.9, (1,), first=7))
        says = "tested on different samples"
    if what == "unfinished":
        runs.model(tmp_path, "RF", runs.answers(0.9))
        (tmp_path / "models" / "RF" / "test.parquet").unlink()
        says = "minecover train"
    with pytest.raises(MinecoverError, match=says):
        said(config)


def test_one_class_alone_is_told_and_drawn(tmp_path: Path) -> None:
    [only] = runs.answers(0.9)
    ones = np.full_like(only.y, 5)
    runs.model(tmp_path, "RF", (replace(only, y=ones, predicted=ones),))
    text = said(runs.config(tmp_path))
    assert "2 of 3 classes do not occur" in text
    [m] = found(tmp_path).models
    assert m.overall.oa.value == 1 and m.overall.kappa.value is None and m.left_out.f1 == 2


def drawn(folder: Path, **wish: Any) -> Path:
    list(design(runs.config(folder), Wish(**{"margin": 0.05, "minimum": 40, **wish})))
    return folder / "reference" / "points.gpkg"


def test_a_sample_drawn_from_the_map_gives_its_areas(tmp_path: Path) -> None:
    real = runs.land()
    runs.put_map(tmp_path, runs.mapped(real))
    points = read_design(drawn(tmp_path).with_name("design.json")).points
    reference = runs.fill(drawn(tmp_path), runs.at(real, points))
    text = said(runs.config(tmp_path, reference=reference))
    assert "Olofsson" in text and "Overall accuracy of the map" in text
    told = found(tmp_path).map
    assert told.answered == len(points) and told.unanswered == told.unmapped_pixels == 0
    for c in told.classes:
        hectares = float((real == c.code).sum()) / 100
        assert abs(c.hectares.value - hectares) < 3.5 * c.hectares.se
        assert c.hectares.se > 0 and c.mapped_hectares == pytest.approx(c.mapped_pixels / 100)
    truth = float((real == runs.mapped(real)).mean())
    assert abs(told.oa.value - truth) < 3.5 * told.oa.se
    assert sum(map(sum, told.points)) == len(points)
    assert (tmp_path / "pictures" / "areas.png").stat().st_size > 10_000


def test_a_newer_map_is_assessed_with_the_points_of_the_older(tmp_path: Path) -> None:
    real = runs.land()
    runs.put_map(tmp_path, runs.mapped(real, 0.7))
    sheet = drawn(tmp_path)
    points = read_design(sheet.with_name("design.json")).points
    reference = runs.fill(sheet, runs.at(real, points))
    newer = runs.mapped(real, 0.97, 9)
    newer[-10:] = 0
    runs.put_map(tmp_path, newer)
    text = said(runs.config(tmp_path, reference=reference))
    assert "Stehman" in text and "1,200 pixels have no class" in text
    told = found(tmp_path).map
    assert abs(told.oa.value - float((real == newer)[newer > 0].mean())) < 3.5 * max(told.oa.se, 0.005)
    assert sum(c.area.value for c in told.classes) == pytest.approx(1)
    with pytest.raises(MinecoverError, match="drawn from another map"):
        drawn(tmp_path)


def test_a_simple_random_sample_is_stratified_afterwards(tmp_path: Path) -> None:
    real = runs.land()
    runs.put_map(tmp_path, runs.mapped(real))
    reference = runs.simple(tmp_path / "own", real, 400)
    assert "post-stratified" in said(runs.config(tmp_path, reference=reference))
    told = found(tmp_path).map
    assert [s.name for s in told.strata] == list(runs.NAMES.values())
    assert sum(s.pixels for s in told.strata) == real.size == told.population_pixels
    plain = [((real == c.code).mean(), c.area) for c in told.classes]
    assert all(abs(p - a.value) < 3.5 * a.se for p, a in plain)
    # Knowing the map makes areas surer than the points alone.
    share = (real == 1).mean()
    assert told.classes[0].area.se < 0.8 * np.sqrt(share * (1 - share) / 400)


def test_a_point_where_the_map_lost_its_class_leaves_no_strata(tmp_path: Path) -> None:
    real = runs.land()
    reference = runs.simple(tmp_path / "own", real, 100)
    record = reference.with_name("design.json")
    told = json.loads(record.read_text("utf-8"))
    told["strata"][0]["pixels"] -= 1
    record.write_text(json.dumps(told))
    first = told["points"][0]
    real[int((runs.GRID.top - first["y"]) // 10), int((first["x"] - runs.GRID.left) // 10)] = 0
    runs.put_map(tmp_path, real)
    said(runs.config(tmp_path, reference=reference))
    assert found(tmp_path).map.estimator == "without strata"


def test_the_reference_sample_of_a_simulated_district_can_be_used(tmp_path: Path) -> None:
    lands = (land(0, 2021, Place(1000)),)
    truth.write(tmp_path, lands, 0)
    real = samples.majority(lands[0].use)
    wrong = np.random.default_rng(0).random(real.shape) < 0.2
    grid = read_design(tmp_path / "design.json").grid
    runs.put_map(tmp_path, np.where(wrong, real % 6 + 1, real).astype(np.uint8), grid=grid)
    legend = [{"code": code, "name": name, "colour": COLOURS[code]} for code, name in CLASSES.items()]
    said(runs.config(tmp_path, legend, reference=tmp_path / "reference_2021.gpkg"))
    told = found(tmp_path).map
    assert told.answered == 500 and abs(told.oa.value - (~wrong).mean()) < 3.5 * told.oa.se
    for c in told.classes:
        assert abs(c.area.value - (real == c.code).mean()) < 3.5 * c.area.se


def test_points_without_an_answer_are_counted(tmp_path: Path) -> None:
    real = runs.land()
    runs.put_map(tmp_path, runs.mapped(real))
    sheet = drawn(tmp_path)
    classes = runs.at(real, read_design(sheet.with_name("design.json")).points)
    for place in range(0, len(classes), 9):
        classes[place] = ""
    told = said(runs.config(tmp_path, reference=runs.fill(sheet, classes)))
    missing = classes.count("")
    assert f"{missing} of {len(classes)} points have no class" in told
    assert found(tmp_path).map.unanswered == missing


def test_the_sheet_tells_nothing_and_comes_back_as_csv(tmp_path: Path) -> None:
    real = runs.land()
    runs.put_map(tmp_path, runs.mapped(real))
    folder = drawn(tmp_path).parent
    record = read_design(folder / "design.json")
    frame = geopandas.read_file(folder / "points.gpkg")
    assert set(frame.columns) == {"id", "class", "remark", "geometry"} and set(frame["class"]) == {""}
    strata = np.array([p.stratum for p in record.points])
    assert abs(np.corrcoef(strata, np.arange(len(strata)))[0, 1]) < 0.25  # the order does not tell either
    with open(folder / "points.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "longitude", "latitude", "class", "remark"]
    there = Transformer.from_crs("EPSG:4326", runs.GRID.crs, always_xy=True)
    x, y = there.transform([float(r["longitude"]) for r in rows], [float(r["latitude"]) for r in rows])
    assert np.allclose(x, [p.x for p in record.points], atol=0.05)
    assert np.allclose(y, [p.y for p in record.points], atol=0.05)
    marks = ET.parse(folder / "points.kml").getroot().iter("{http://www.opengis.net/kml/2.2}Placemark")
    assert len(list(marks)) == len(rows)
    for row, name in zip(rows, runs.at(real, record.points), strict=True):
        row["class"] = f"'{name}" if name.startswith("=") else str(dict(map(reversed, runs.NAMES.items()))[name])
    with open(folder / "filled.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows[::-1])
    said(runs.config(tmp_path, reference=folder / "filled.csv"))
    by_csv = found(tmp_path).map
    said(runs.config(tmp_path, reference=runs.fill(folder / "points.gpkg", runs.at(real, record.points))))
    assert found(tmp_path).map.points == by_csv.points


def test_points_lie_where_the_map_has_the_class_of_their_stratum(tmp_path: Path) -> None:
    grid = Grid(runs.GRID.crs, 10.0, runs.GRID.left, runs.GRID.top, 30, 1100)  # three strips
    codes = runs.land(grid=grid)
    runs.put_map(tmp_path, codes, grid=grid)
    list(design(runs.config(tmp_path), Wish(margin=0.03, minimum=40)))
    record = read_design(tmp_path / "reference" / "design.json")
    for p in record.points:
        row, column = int((grid.top - p.y) // 10), int((p.x - grid.left) // 10)
        assert codes[row, column] == record.strata[p.stratum].code
    assert len({(p.x, p.y) for p in record.points}) == len(record.points)
    assert [s.pixels for s in record.strata] == [int((codes == c).sum()) for c in runs.CODES]
    assert max(p.y for p in record.points) - min(p.y for p in record.points) > 8000


def test_the_area_of_a_class_asks_for_points_of_its_own(tmp_path: Path) -> None:
    runs.put_map(tmp_path, runs.mapped(runs.land()))
    wish = Wish(margin=0.2, of=runs.NAMES[5].upper(), minimum=20)
    text = "\n".join(design(runs.config(tmp_path), wish))
    assert "The area of <b>mine</b> $x$ would be known to ± 20% of what is mapped" in text
    assert "Unchanged" in "\n".join(design(runs.config(tmp_path), wish))


def test_a_drawing_that_was_stopped_goes_on_and_no_answer_is_lost(tmp_path: Path) -> None:
    runs.put_map(tmp_path, runs.mapped(runs.land()))
    folder = drawn(tmp_path).parent
    whole = {p.name: p.read_bytes() for p in folder.iterdir()}
    (folder / "points.csv").unlink()
    (folder / "points.kml").write_text("mine")
    drawn(tmp_path)
    assert (folder / "points.csv").read_bytes() == whole["points.csv"]
    assert (folder / "points.kml").read_text() == "mine"
    with pytest.raises(MinecoverError, match="such a field already"):
        list(design(runs.config(tmp_path, field="Remark"), Wish()))


def refused(folder: Path, reference: Path, says: str) -> None:
    with pytest.raises(MinecoverError, match=says):
        said(runs.config(folder, reference=reference))


@pytest.fixture
def filled(tmp_path: Path) -> tuple[Path, Path, list[str]]:
    """A run with a map, the sheet, and right answers."""
    real = runs.land()
    runs.put_map(tmp_path, runs.mapped(real))
    sheet = drawn(tmp_path)
    return tmp_path, sheet, runs.at(real, read_design(sheet.with_name("design.json")).points)


def test_points_of_unknown_origin_say_nothing_about_areas(filled: tuple[Path, Path, list[str]], tmp_path: Path) -> None:
    folder, sheet, classes = filled
    elsewhere = tmp_path / "by hand.gpkg"
    elsewhere.write_bytes(runs.fill(sheet, classes).read_bytes())
    refused(folder, elsewhere, "drawn by lot")


def test_a_stratum_without_answers_is_refused(filled: tuple[Path, Path, list[str]]) -> None:
    folder, sheet, classes = filled
    points = read_design(sheet.with_name("design.json")).points
    lone = [c if p.stratum != 2 else "" for c, p in zip(classes, points, strict=True)]
    refused(folder, runs.fill(sheet, lone), "Only 0 of .* points in the stratum '<b>mine</b>.*Interpret them")
    record = sheet.with_name("design.json")
    told = json.loads(record.read_text("utf-8"))
    told["strata"].append({"name": "more", "pixels": 2, "points": 0})
    told["strata"][0]["pixels"] -= 2
    record.write_text(json.dumps(told))
    refused(folder, runs.fill(sheet, classes), "Only 0 of 0 points in the stratum 'more' .* Put it together")


def test_a_map_on_another_grid_or_with_strange_codes_is_refused(filled: tuple[Path, Path, list[str]]) -> None:
    folder, sheet, classes = filled
    reference = runs.fill(sheet, classes)
    runs.put_map(folder, runs.land(), grid=Grid(runs.GRID.crs, 20.0, runs.GRID.left, runs.GRID.top, 120, 100))
    refused(folder, reference, "in pixels of 10 m, is not the grid of the map .* in pixels of 20 m")
    runs.put_map(folder, runs.land(), grid=replace(runs.GRID, left=800_000.0))
    refused(folder, reference, "600000.0 … .* is not the grid of the map .* 800000.0 …")
    strange = runs.land()
    strange[0, 0] = 99
    runs.put_map(folder, strange)
    refused(folder, reference, "code 99")
    runs.put_map(folder, runs.land().astype(np.float32))
    refused(folder, reference, "not a map of class codes")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"points": []}, "at least 1"),
        ({"strata": [{"name": "a", "pixels": 10, "points": 3}]}, "a point is of stratum"),
        ({"schema_version": 9}, "schema_version"),
        ({"more": 1}, "more"),
    ],
)
def test_a_record_that_cannot_be_right_is_refused(
    filled: tuple[Path, Path, list[str]], change: dict[str, Any], says: str
) -> None:
    folder, sheet, classes = filled
    reference = runs.fill(sheet, classes)
    record = sheet.with_name("design.json")
    record.write_text(json.dumps({**json.loads(record.read_text("utf-8")), **change}))
    refused(folder, reference, says)


def test_the_command_line(filled: tuple[Path, Path, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    folder, sheet, classes = filled
    runs.model(folder, "RF", runs.answers(0.9))
    path = folder / "run.yaml"

    def write(reference: str) -> None:
        told = json.loads(runs.config(folder, reference=reference).model_dump_json(exclude_none=True))
        path.write_text(json.dumps(told), "utf-8")

    write(str(runs.fill(sheet, classes)))
    for command in (["assess", str(path)], ["assess", "run", str(path)]):
        assert cli.main(command) == 0
        assert "Overall accuracy of the map" in capsys.readouterr().out
    assert cli.main(["assess", "design", str(path), "--margin", "0.05", "--minimum", "40"]) == 0
    assert "Unchanged" in capsys.readouterr().out
    for options, says in (
        (["--margin", "2"], "another map or with other wishes"),
        (["--class", "mime"], "another map or with other wishes"),
    ):
        assert cli.main(["assess", "design", str(path), *options]) == 2
        assert says in capsys.readouterr().err
    sheet.with_name("design.json").unlink()
    for options, says in (
        (["--margin", "2"], "margin of 2"),
        (["--class", "mime"], "no class 'mime'"),
        (["--accuracy", "0.2"], "expected accuracy of 0.2"),
        ([], "is there already"),
    ):
        assert cli.main(["assess", "design", str(path), *options]) == 2
        err = capsys.readouterr().err
        assert says in err and "Traceback" not in err
    assert cli.main(["assess"]) == 2
