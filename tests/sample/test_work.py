"""The stage: what stands in the run's folder afterwards, what is left out and told, and what is refused."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from pipeline import review
from pipeline.artifacts import read_samples
from pipeline.cli import main
from pipeline.errors import MinecoverError
from pipeline.sample import run, work
from pipeline.splits import read_split
from tests.sample import runs
from tests.sample.runs import GRID

NDArray = np.ndarray[Any, Any]

ROWS, COLS = (v.ravel() for v in np.mgrid[2:30:3, 2:60:3])
NAMES = tuple(runs.NAMES.values())
CLASSES = [NAMES[(r // 5 + c // 5) % 3] for r, c in zip(ROWS, COLS, strict=True)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, NDArray]:
    folder = tmp_path_factory.mktemp("stack")
    return folder, runs.stack(folder)


@pytest.fixture
def folder(stack: tuple[Path, NDArray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a run that has a stack; pictures are not drawn, since test_picture does."""
    monkeypatch.setattr(work.picture, "where", lambda *_: b"where")
    monkeypatch.setattr(work.picture, "gaps", lambda *_: b"gaps")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "stack").symlink_to(stack[0] / "stack")
    return tmp_path


def sampled(folder: Path, xy: NDArray, classes: list[Any], **others: Any) -> tuple[list[str], dict[str, Any]]:
    """The stage's lines and summary for points in a CSV."""
    path = runs.table(folder / "labels.csv", xy, classes)
    lines = list(run(runs.config(folder / "run", path, crs=GRID.crs, **others)))
    return lines, json.loads((folder / "run" / work.SUMMARY).read_text())


def plus(*more: tuple[float, float, Any]) -> tuple[NDArray, list[Any]]:
    """The usual points, and more at fractional rows and columns."""
    rows, cols, classes = zip(*more, strict=True)
    xy = np.concatenate([runs.metres(ROWS.tolist(), COLS.tolist()), runs.metres(rows, cols)])
    return xy, [*CLASSES, *classes]


def test_samples_are_the_pixels_of_the_stack(folder: Path, stack: tuple[Path, NDArray]) -> None:
    xy = runs.metres(ROWS.tolist(), COLS.tolist())
    lines, told = sampled(folder, xy + 3.0, CLASSES)
    samples = read_samples(folder / "run")
    wanted = stack[1][:, ROWS, COLS].T
    seen = np.isfinite(wanted).any(1)
    np.testing.assert_array_equal(samples.X, wanted[seen])
    np.testing.assert_array_equal(samples.xy, xy[seen])
    assert list(samples.classes) == [c for c, s in zip(CLASSES, seen, strict=True) if s]
    assert samples.bands == ("spring_a", "spring_b", "spring_c", "d")
    assert samples.provenance["counts"] == told["classes"] == dict(Counter(samples.classes))
    assert samples.provenance["stack"] == "f"
    split = read_split(folder / "run" / "split.json", samples.ids)
    assert split.buffer_m == 10
    assert any(str(told["split"]["audit"]) in line for line in lines)
    gone = np.isnan(samples.X[np.array(samples.classes) == "mine"])
    assert told["missing"]["mine"] == {"spring": round(gone[:, :3].mean(), 6), "all year": round(gone[:, 3].mean(), 6)}
    assert [(folder / "run" / name).read_bytes() for name in (work.WHERE, work.GAPS)] == [b"where", b"gaps"]


def test_polygons_and_points_from_one_file(folder: Path) -> None:
    shapes = [shapely.box(*GRID.bounds[:1], y, GRID.left + 150, y + 60) for y in GRID.top - 100.0 * np.arange(1, 4)]
    dots = shapely.points(runs.metres(ROWS.tolist(), COLS.tolist() + np.int64(3)))
    dots = [d for d in dots if d.x > GRID.left + 160]
    names = [NAMES[n % 3] for n in range(len(shapes) + len(dots))]
    runs.frame([*shapes, *dots], names).to_file(folder / "both.gpkg", driver="GPKG")
    list(run(runs.config(folder / "run", folder / "both.gpkg", {"kind": "polygons", "folds": 3}, per_polygon=20)))
    samples = read_samples(folder / "run")
    assert Counter(samples.groups.tolist()) == {0: 20, 1: 20, 2: 20, -1: len(dots) - _masked(folder)}
    split = read_split(folder / "run" / "split.json", samples.ids)
    for group in range(3):
        own = set(np.flatnonzero(samples.groups == group).tolist())
        assert not (own & set(split.train.tolist()) and own & set(split.test.tolist()))


def _masked(folder: Path) -> int:
    return int(json.loads((folder / "run" / work.SUMMARY).read_text())["left_out_by_reason"].get(MASKED, 0))


MASKED = "no band has a value there"


def test_what_is_left_out_is_counted_and_listed(folder: Path) -> None:
    twice = ROWS[0] + 0.2, COLS[0] - 0.3, CLASSES[0]
    _, told = sampled(folder, *plus(twice, (40, 68, "mine"), (60, 10, "water"), (10, -3, "water")))
    last = len(CLASSES)
    new = [one for one in told["left_out"] if int(one["id"]) > last]
    assert [(one["id"], one["place"], one["reason"]) for one in new] == [
        (str(last + 3), f"line {last + 4}", "outside the stack"),
        (str(last + 4), f"line {last + 5}", "outside the stack"),
        (str(last + 1), f"line {last + 2}", "same pixel and class as an earlier label"),
        (str(last + 2), f"line {last + 3}", MASKED),
    ]
    assert told["left_out_by_reason"] == dict(Counter(one["reason"] for one in told["left_out"]))
    assert told["samples"] + len(told["left_out"]) == last + 4


def test_a_pixel_of_two_classes_is_refused_or_dropped_whole(folder: Path) -> None:
    other = next(n for n in NAMES if n != CLASSES[4])
    xy, classes = plus((ROWS[4], COLS[4], other), (ROWS[4] + 0.1, COLS[4], CLASSES[4]))
    where = f"row {ROWS[4]}, column {COLS[4]}: '{CLASSES[4]}' (line 6, id 5) and '{other}' (line {len(CLASSES) + 2}"
    with pytest.raises(MinecoverError) as caught:
        sampled(folder, xy, classes)
    assert where in str(caught.value)
    assert not (folder / "run" / "samples.parquet").exists()
    _, told = sampled(folder, xy, classes, conflicts="drop")
    assert told["left_out_by_reason"]["same pixel as a label of another class"] == 3
    assert "5" not in read_samples(folder / "run").ids


FAULTS = [
    ([(5, 5, "watr")], {}, "line 202: The legend has no class 'watr'. Is 'water' meant\\? Correct the label, or add"),
    ([(5, 5, 7)], {}, r"line 202: The legend has no code 7. It has 1 \(.* 5 \(mine\)\. Correct the label, or add"),
    ([(5, 5, 0)], {}, "line 202: code 0 stands for no data"),
    ([(5, 5, "")], {}, "line 202: its field 'class' is empty"),
    ([(5, 5, "<b>"), (6, 6, "<b>")], {}, "line 202: .*'<b>'.* 1 more of its labels say the same"),
    ([(90, n, "mine") for n in range(20)], {}, r"20 of 220 labels .* line 202 \(id 201\).* and 15 more"),
    ([], {"split": {"region_field": "province"}}, "no field 'province'"),
    ([], {"field": "klass"}, "no field 'klass'. Is 'class' meant"),
]  # fmt: skip


@pytest.mark.parametrize(("more", "others", "told"), FAULTS, ids=[f[2][:30] for f in FAULTS])
def test_faults_that_a_person_must_correct(folder: Path, more: Any, others: Any, told: str) -> None:
    xy, classes = plus(*more) if more else (runs.metres(ROWS.tolist(), COLS.tolist()), CLASSES)
    with pytest.raises(MinecoverError, match=told):
        sampled(folder, xy, classes, **others)
    assert sorted(p.name for p in (folder / "run").iterdir() if not p.name.startswith(".")) == ["stack"]


def test_a_single_class_is_refused(folder: Path) -> None:
    with pytest.raises(MinecoverError, match="All samples are of one class: mine"):
        sampled(folder, runs.metres(ROWS.tolist(), COLS.tolist()), [5] * len(CLASSES))


def test_a_class_that_is_too_small_for_every_fold_is_refused(folder: Path) -> None:
    xy = runs.metres(ROWS.tolist(), COLS.tolist())
    classes = ["mine", "mine", *["water"] * 100, *["forest/grass"] * 98]
    with pytest.raises(MinecoverError, match=r"Too few samples of 'mine' for 2 folds .* take 3: .* mine 2.*merge it"):
        sampled(folder, xy, classes)


def test_swapped_coordinates_are_told(folder: Path) -> None:
    lonlat = runs.degrees(runs.metres(ROWS.tolist(), COLS.tolist()))
    path = runs.table(folder / "p.csv", lonlat, CLASSES, "id,lat,lon,class")
    with pytest.raises(MinecoverError, match="look swapped"):
        list(run(runs.config(folder / "run", path)))
    path = runs.table(folder / "p.csv", runs.metres(ROWS.tolist(), COLS.tolist())[:, ::-1], CLASSES)
    with pytest.raises(MinecoverError, match="look swapped"):
        list(run(runs.config(folder / "run", path, crs=GRID.crs)))


def test_regions_are_kept_apart(folder: Path) -> None:
    xy = runs.metres(ROWS.tolist(), COLS.tolist())
    lines = [f"{x};{y};{c};{'ABCDE'[n % 5]}" for n, ((x, y), c) in enumerate(zip(xy.tolist(), CLASSES, strict=True))]
    (folder / "p.csv").write_text("\n".join(["x;y;class;province", *lines]))
    split = {"kind": "regions", "region_field": "province", "patch_px": 1}
    list(run(runs.config(folder / "run", folder / "p.csv", split, crs=GRID.crs)))
    samples = read_samples(folder / "run")
    province = np.array([int(i) - 1 for i in samples.ids]) % 5
    found = read_split(folder / "run" / "split.json", samples.ids)
    assert not set(province[found.train].tolist()) & set(province[found.test].tolist())


def test_the_second_run_does_nothing_until_something_changes(folder: Path) -> None:
    xy = runs.metres(ROWS.tolist(), COLS.tolist())

    def files() -> dict[str, int]:
        return {n: (folder / "run" / n).stat().st_mtime_ns for n in (*work.FILES, work.SUMMARY)}

    first, _ = sampled(folder, xy, CLASSES)
    bytes_before = {n: (folder / "run" / n).read_bytes() for n in work.FILES}
    before = files()
    assert [line.split(":")[0] for line in sampled(folder, xy, CLASSES)[0]] == ["Unchanged"]
    assert files() == before
    (folder / "run" / work.WHERE).unlink()
    assert sampled(folder, xy, CLASSES)[0] == first
    assert {n: (folder / "run" / n).read_bytes() for n in work.FILES} == bytes_before
    assert len(sampled(folder, xy, CLASSES, seed=1)[0]) > 1
    assert len(sampled(folder, xy, [*CLASSES[:-1], "mine" if CLASSES[-1] != "mine" else "water"], seed=1)[0]) > 1


def test_a_run_that_was_killed_is_done_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    xy = runs.metres(ROWS.tolist(), COLS.tolist())
    sampled(folder, xy, CLASSES)
    whole = {n: (folder / "run" / n).read_bytes() for n in work.FILES}
    left = folder / "run" / ".samples.parquet.1.tmp"
    left.write_text("half")
    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(work.durable, "write_bytes", _killed)
        sampled(folder, xy, CLASSES, seed=1)
    assert not (folder / "run" / work.SUMMARY).exists()
    sampled(folder, xy, CLASSES)
    assert not left.exists()
    assert {n: (folder / "run" / n).read_bytes() for n in work.FILES} == whole


def _killed(*_: Any) -> None:
    raise KeyboardInterrupt


def test_a_persons_decisions_are_followed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the list of `review` to the next samples: one label changed, one sample dropped, the rest as it was."""
    monkeypatch.setattr("pipeline.review.sheet", lambda *_: None)  # the tiny stack has no bands to draw
    xy, path = runs.metres(ROWS.tolist(), COLS.tolist()), folder / "run" / "suspects.csv"
    sampled(folder, xy, CLASSES)
    before = read_samples(folder / "run")
    list(review.run(runs.config(folder / "run", folder / "labels.csv", crs=GRID.crs)))
    rows = path.read_text("utf-8-sig").splitlines()
    first, second = (row.split(",") for row in rows[1:3])
    changed, dropped = before.ids.index(first[0]), before.ids.index(second[0])
    was, other = before.classes[changed], next(n for n in NAMES if n != before.classes[changed])
    path.write_text("\n".join([rows[0], rows[1] + other.upper(), rows[2] + "drop", *rows[3:]]))
    lines, told = sampled(folder, xy, CLASSES, corrections=path)
    after = read_samples(folder / "run")
    left = [n for n in range(len(before.ids)) if n != dropped]
    assert after.ids == tuple(before.ids[n] for n in left)
    np.testing.assert_array_equal(after.X, before.X[left])
    assert after.classes == tuple(other if n == changed else before.classes[n] for n in left)
    assert told["corrections"] == [
        {"id": before.ids[changed], "given": was, "now": other},
        {"id": before.ids[dropped], "given": before.classes[dropped], "now": None},
    ]
    assert [one["id"] for one in told["left_out"] if one["reason"] == "dropped by hand"] == [before.ids[dropped]]
    assert "By hand   1 labels changed, 1 samples dropped" in lines
    assert sampled(folder, xy, CLASSES, corrections=path)[0][0].startswith("Unchanged")
    path.write_text("\n".join([rows[0], rows[1], rows[2] + "drop", *rows[3:]]))
    assert sampled(folder, xy, CLASSES, corrections=path)[1]["corrections"] == told["corrections"][1:]
    assert len(sampled(folder, xy, CLASSES)[0]) > 1
    assert read_samples(folder / "run").ids == before.ids


@pytest.mark.parametrize(
    ("line", "told"),
    [("9999,mine,drop", "'9999', which is not here"), ("1,x,drop", "is labelled 'x'"), (None, "cannot be read as CSV")],
)
def test_decisions_on_other_samples_are_refused(folder: Path, line: str | None, told: str) -> None:
    path = folder / "suspects.csv"
    if line:
        path.write_text(f"id,given,accept\n{line}\n")
    with pytest.raises(MinecoverError, match=told):
        sampled(folder, runs.metres(ROWS.tolist(), COLS.tolist()), CLASSES, corrections=path)
    assert not (folder / "run" / work.SUMMARY).exists()


def test_another_year_and_no_stack_are_refused(folder: Path) -> None:
    path = runs.table(folder / "p.csv", runs.metres([1], [1]), ["mine"])
    config = runs.config(folder / "run", path, crs=GRID.crs)
    with pytest.raises(MinecoverError, match="is of 2021, the configuration of 2019"):
        list(run(config.model_copy(update={"year": 2019})))
    with pytest.raises(MinecoverError, match="minecover export"):
        list(run(config.model_copy(update={"output": folder / "none"})))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_refused_before_work(folder: Path) -> None:
    (folder / "run").chmod(0o555)
    with pytest.raises(MinecoverError, match="read-only"):
        sampled(folder, runs.metres(ROWS.tolist(), COLS.tolist()), CLASSES)


def test_strange_names_of_classes_stay_text(folder: Path) -> None:
    """HTML, a formula of a spreadsheet, one of TeX with letters that no font here has."""
    strange = ["<script>alert(1)</script>", "=cmd|' /C calc'!A0", r"$\frac{a$ 🏔"]
    swap = dict(zip(NAMES, strange, strict=True))
    path = folder / "labels.csv"
    xy = runs.metres(ROWS.tolist(), COLS.tolist())
    lines = [f"{x}\t{y}\t{swap[c]}" for (x, y), c in zip(xy.tolist(), CLASSES, strict=True)]
    path.write_text("\n".join(["x\ty\tclass", *lines]), "utf-8")
    config = runs.config(folder / "run", path, crs=GRID.crs).model_dump(mode="json")
    for entry, name in zip(config["legend"], strange, strict=True):
        entry["name"] = name
    (folder / "pit.yaml").write_text(json.dumps(config, ensure_ascii=False), "utf-8")
    assert main(["sample", str(folder / "pit.yaml")]) == 0
    assert set(read_samples(folder / "run").classes) == set(strange)


def test_the_command_imports_nothing_heavy_before_it_runs() -> None:
    code = "import sys; import pipeline.commands.sample; sys.exit('numpy' in sys.modules or 'pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
