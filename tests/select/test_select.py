"""The stage `select` on a small table of samples: what it writes, that it never sees the test part, what it refuses."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features import catalog
from pipeline import cli
from pipeline.artifacts.samples import Samples, read_samples, write_samples
from pipeline.config import Legend
from pipeline.select import tables
from pipeline.select.bands import OTHER, WHOLE_YEAR, described
from pipeline.select.kept import Kept, keeping
from pipeline.select.pictures import NAMES
from pipeline.select.ranking import cell, rows
from pipeline.select.wording import losers
from pipeline.selection import Estimate, Selection
from pipeline.splits import freeze, read_split

HOSTILE = "=1+1$\\frac{$\x1b[31m\n<b>"
SEASONAL = ("NDVI", "blue", "VV", "contrast", "EVI")
BANDS = (*(f"{s}_{f}" for s in ("spring", "summer") for f in SEASONAL), "slope", HOSTILE)
CONFIG = """
name: tiny
region: none.geojson
year: 2021
output: run
legend:
  - {code: 1, name: mine, colour: '#aa0000'}
  - {code: 2, name: '<b>water</b>', colour: '#0000aa'}
  - {code: 3, name: bare, colour: '#aaaa00'}
labels: {file: none.gpkg}
split: {block_m: 500, folds: 3, patch_px: 5}
select: {neighbors: 10, trees: 10, seeds: 2, resamples: 2, sizes: [2, 5, 8, 11]}
"""


def samples(seed: int = 0) -> Samples:
    """Three classes on a field of 4 × 3 km; greenness and radar of spring tell them apart, the other bands do not."""
    rng = np.random.default_rng(seed)
    y = np.repeat([1, 2, 3], 50)[rng.permutation(150)]
    X = rng.normal(size=(150, len(BANDS)))
    X[:, BANDS.index("spring_NDVI")] += 3 * (y == 1)
    X[:, BANDS.index("spring_VV")] += 3 * (y == 2)
    X[:, BANDS.index("summer_EVI")] = 2 * X[:, BANDS.index("summer_NDVI")]
    X[::17, BANDS.index("summer_VV")] = np.nan
    xy = np.floor(rng.uniform((500_000, 4_000_000), (504_000, 4_003_000), (150, 2)) / 10) * 10 + 5
    legend = Legend.model_validate(
        [{"code": c, "name": n, "colour": "#000000"} for c, n in ((1, "mine"), (2, "<b>water</b>"), (3, "bare"))]
    )
    return Samples(
        ids=tuple(f"p{i}" for i in range(150)),
        y=y,
        xy=xy,
        X=X.astype(np.float32),
        bands=BANDS,
        blocks=np.unique(xy // 500, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int32),
        groups=np.full(150, -1, np.int32),
        legend=legend,
        provenance={"crs": "EPSG:32649"},
    )


def put(folder: Path, made: Samples) -> Path:
    """The configuration of a run that has these samples and their split."""
    (folder / "run").mkdir(exist_ok=True)
    write_samples(folder / "run" / "samples.parquet", made, np.zeros((len(made.ids), 2)), ["test"] * len(made.ids))
    freeze("blocks", made.ids, made.xy, made.y, folds=3, block_m=500, buffer_m=50).write(folder / "run" / "split.json")
    path = folder / "tiny.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run whose features are selected; do not write to it."""
    folder = Path(tmp_path_factory.mktemp("select"))
    assert cli.main(["select", str(put(folder, samples()))]) == 0
    return folder


def found(folder: Path) -> Selection:
    return Selection.from_json((folder / "run" / "selection.json").read_text())


def test_the_planted_features_come_first(done: Path) -> None:
    selection = found(done)
    for method in ("Relief-F", "RF", "borda"):
        assert set(selection.ranked[method][:2]) == {"spring_NDVI", "spring_VV"}
    assert {"spring_NDVI", "spring_VV"} <= set(selection.final)
    assert selection.guarded.aliases[0][:2] == ("summer_NDVI", "summer_EVI")


def test_the_ranking_has_a_line_for_every_feature_and_no_formula(done: Path) -> None:
    with open(done / "run" / "ranking.csv", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert sorted(line["feature"] for line in lines) == sorted((*BANDS[:-1], "'=1+1$\\frac{$ [31m <b>"))
    assert not [c for line in lines for c in line.values() if re.match(r"[=+@]|-\D", c)]
    assert [int(line["borda_rank"]) for line in lines if line["borda_rank"]] == list(range(1, len(BANDS)))
    [alias] = [line for line in lines if line["left_out"]]
    assert alias["feature"] == "summer_EVI" and "summer_NDVI" in alias["left_out"]
    chosen = {line["feature"] for line in lines if "borda" in line["chosen_by"].split()}
    assert chosen == {cell(name) for name in found(done).final}


def test_what_is_left_out_is_said_with_its_reason(done: Path) -> None:
    selection = found(done)
    guarded = replace(selection.guarded, empty=("NTL",), constants=("slope",))
    selection = replace(selection, names=(*selection.names, "NTL", "slope"), guarded=guarded)
    lines = list(tables.guarded(selection))
    assert lines[:2] == ["Left out, no values: NTL", "Left out, one value only: slope"]
    assert [row.left_out for row in rows(selection)][-2:] == ["no values", "has one value only"]


def test_the_second_run_changes_nothing(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = sorted(p for p in (done / "run").rglob("*") if p.is_file())
    assert {p.name for p in files} >= {"selection.json", "ranking.csv", *NAMES}
    before = [(p.stat().st_mtime_ns, p.read_bytes()) for p in files]
    assert cli.main(["select", str(done / "tiny.yaml")]) == 0
    assert [(p.stat().st_mtime_ns, p.read_bytes()) for p in files] == before
    assert "unchanged" in capsys.readouterr().out


def test_what_the_command_says(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["select", str(done / "tiny.yaml")]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "without Sentinel-1" in said and "Chosen features by group and season" in said
    assert "held-out folds of the training samples" in said and "nearest" in said
    assert "Relief-F with 10 neighbours" in said
    for learner in ("RF", "SVM", "KNN", "ANN", "Bayes", "ML"):
        assert len(re.findall(rf"^  {learner} +(?:all|Relief-F|RF|combined) ", said, re.MULTILINE)) == 4


def test_only_missing_files_are_made_again(tmp_path: Path, done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = put(tmp_path, samples())
    (tmp_path / "run" / "selection.json").write_bytes((done / "run" / "selection.json").read_bytes())
    monkeypatch.setattr("pipeline.select.stage.selected", None)
    assert cli.main(["select", str(config)]) == 0
    for name in ("ranking.csv", *(f"pictures/{n}" for n in NAMES)):
        assert (tmp_path / "run" / name).read_bytes() == (done / "run" / name).read_bytes()


def test_the_test_part_does_not_matter(tmp_path: Path, done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.select.stage.pictures", lambda _: {})
    made = samples()
    split = read_split(done / "run" / "split.json", made.ids)
    unseen = np.setdiff1d(np.arange(150), split.train)
    X = made.X.copy()
    X[unseen] = X[unseen][::-1] * 50 - 7
    config = put(tmp_path, replace(made, X=X))
    assert cli.main(["select", str(config)]) == 0
    written, before = (f / "run" / "selection.json" for f in (tmp_path, done))
    assert written.read_bytes() == before.read_bytes()


def stopping(monkeypatch: pytest.MonkeyPatch, after: int) -> list[str]:
    """What is found from now on, until so many answers are; then it stops as with Ctrl-C."""
    found: list[str] = []

    def add(self: Kept, key: str, value: Any) -> None:
        if len(found) == after:
            raise KeyboardInterrupt
        found.append(key)
        kept(self, key, value)

    kept = Kept.add
    monkeypatch.setattr(Kept, "add", add)
    return found


def test_an_interrupted_selection_goes_on_to_the_same_end(
    tmp_path: Path, done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.select.stage.pictures", lambda _: {})
    config, part, found = put(tmp_path, samples()), tmp_path / "run" / "selection.part", list[str]()
    for after in (4, 20, 30):
        with monkeypatch.context() as stopped:
            now = stopping(stopped, after)
            assert cli.main(["select", str(config)]) == 130
        found += now
        assert not (tmp_path / "run" / "selection.json").exists()
        part.write_bytes(part.read_bytes()[:-5])  # the last line was not written to its end
    last = stopping(monkeypatch, 10**6)
    assert cli.main(["select", str(config)]) == 0
    assert (tmp_path / "run" / "selection.json").read_bytes() == (done / "run" / "selection.json").read_bytes()
    assert not part.exists()
    assert len(last) > 20
    assert len(found) + len(last) - len({*found, *last}) == 3  # only what was cut off is found twice


def test_what_other_inputs_left_behind_counts_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "selection.part"
    with pytest.raises(ZeroDivisionError), keeping(path, "a") as kept:
        kept.answer("who", [np.arange(3)], lambda: [1, 2])
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), keeping(path, "a") as kept:
        assert kept.answer("who", [np.arange(3)], lambda: 1 / 0) == [1, 2]
        for who, array in (("other", np.arange(3)), ("who", np.arange(3.0)), ("who", np.arange(3)[:, None])):
            assert kept.answer(who, [array], lambda: "new") == "new"
        raise ZeroDivisionError
    with keeping(path, "b") as kept:
        assert kept.answer("who", [np.arange(3)], lambda: "new") == "new"
    assert not path.exists()


def shuffled_classes(folder: Path) -> None:
    made = samples()
    X = made.X.copy()
    X[read_split(folder / "run" / "split.json", made.ids).train[0], 0] += 1
    put(folder, replace(made, X=X))


def fewer_trees(folder: Path) -> None:
    (folder / "tiny.yaml").write_text(CONFIG.replace("trees: 10", "trees: 9"))


def broken(folder: Path) -> None:
    path = folder / "run" / "selection.json"
    path.write_text(path.read_text()[:100])


@pytest.mark.parametrize("change", [shuffled_classes, fewer_trees, broken])
def test_other_inputs_are_computed_anew(
    tmp_path: Path, done: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    config = put(tmp_path, samples())
    for name in ("selection.json", "ranking.csv"):
        (tmp_path / "run" / name).write_bytes((done / "run" / name).read_bytes())
    change(tmp_path)
    asked = []
    monkeypatch.setattr("pipeline.select.stage.pictures", lambda _: {})
    monkeypatch.setattr("pipeline.select.stage.plan", lambda *_: "")
    monkeypatch.setattr("pipeline.select.stage.selected", lambda *_: asked.append(1) or found(done))
    assert cli.main(["select", str(config)]) == 0
    assert asked
    assert found(tmp_path) == found(done)


@pytest.mark.parametrize("name", ["samples.parquet", "split.json"])
def test_what_is_missing_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    config = put(tmp_path, samples())
    (tmp_path / "run" / name).unlink()
    assert cli.main(["select", str(config)]) == 2
    said = capsys.readouterr().err
    assert name in said and "minecover sample" in said and said.count("\n") == 1


def test_json_holds_what_it_is_from(done: Path) -> None:
    told = json.loads((done / "run" / "selection.json").read_text())
    assert re.fullmatch("[0-9a-f]{64}", told["fingerprint"])
    assert told["names"] == list(read_samples(done / "run").bands)
    assert set(BANDS[:-1]) <= set(catalog.names())


def test_the_numbers_by_group_and_season_add_up(done: Path) -> None:
    rows = [
        [int(n) for n in re.findall(r"(\d+) of \d+", line)] for line in tables.chosen(found(done)) if " of " in line
    ]
    title, *groups, seasons = rows
    assert title == [len(found(done).final)] == [seasons[-1]] == [sum(row[-1] for row in groups)]
    assert all(sum(row[:-1]) == row[-1] for row in (*groups, seasons))
    assert len(groups) == len({b.group for b in described(BANDS)}) == 6


def test_names_of_features_are_told_the_shorter_way() -> None:
    bands = described([f"spring_{n}" for n in ("blue", "green", "red", "NIR", "RE1")])
    for left, told in (([], "all 5"), ([2], "all but red"), ([0, 1, 2], "NIR, RE1"), ([0, 1, 2, 3, 4], "none")):
        assert tables.named(bands, {b.name for i, b in enumerate(bands) if i not in left}) == told


def test_bands_are_described_as_the_catalogue_has_them() -> None:
    for band, ours in zip(catalog.BANDS, described(catalog.names()), strict=True):
        assert (ours.feature, ours.group) == (band.feature.name, band.feature.group)
        assert ours.season == (band.season or WHOLE_YEAR)
    assert described(["spring_", "autumnal_x"])[1].group == OTHER


def test_a_choice_that_costs_accuracy_is_told(done: Path) -> None:
    selection = found(done)
    low, high = (Estimate(v, v - 0.01, v + 0.01) for v in (-0.05, 0.05))
    changed = []
    for e in selection.effects:
        change = low if e.learner == "RF" else high
        changed.append(replace(e, difference=replace(e.difference, oa=change)))
    [said] = losers(replace(selection, effects=tuple(changed)))
    assert "RF −5.0 (−6.0 … −4.0)." in said and "`train.features: all`" in said
    assert not list(losers(replace(selection, effects=tuple(e for e in changed if e.learner != "RF"))))
