"""What README and notebooks promise runs, in a folder as it is after `make demo`, only smaller and quicker."""

import re
import shlex
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot

from features import graph
from pipeline import cli, demo, engine
from tests.engine.archive.rasters import numbers, write
from tests.test_notebooks import NOTEBOOKS, code
from tests.test_readme import README, commands

ROOT = Path(__file__).parents[1]
SMALLER = {
    "split": "{block_m: 250, patch_px: 9, folds: 3}",
    "select": "{trees: 10, seeds: 1, resamples: 2, sizes: [5, 20]}",
    "train": "{models: [CNN, RF], form: patch, epochs: 2, tune_minutes: 0}",
    "classify": "{model: RF}",
}
DEMO, SERVE = "minecover demo", "minecover engine serve"
ORDER = {
    "minecover doctor": "",
    "minecover init": "pit.yaml --name Pit --region demo/district/region.geojson --year 2021 "
    "--labels demo/district/labels_2021.gpkg --archive demo/district/archive",
    "minecover run": "demo/demo.yaml",
    "minecover simulate": "other --size-km 1 --years 1 --scenes 1",
    "minecover export": "demo/demo.yaml",
    "minecover sample": "demo/demo.yaml",
    "minecover review": "demo/demo.yaml",
    "minecover select": "demo/demo.yaml",
    "minecover train": "demo/demo.yaml --model RF",
    "minecover compare": "demo/demo.yaml --features combined",
    "minecover classify": "demo/demo.yaml",
    "minecover assess run": "demo/demo.yaml",
    "minecover assess design": "demo/demo.yaml --margin 0.1",
    "minecover report": "demo/demo.yaml",
    "minecover archive create": "scenes",
    "minecover archive add": "scenes x.tif --asset mine/x --band a",
    "minecover archive ingest": "scenes n39e110.hgt",
    "minecover archive list": "scenes",
    "minecover archive check": "scenes",
    "minecover engine functions": "",
}
"""What a user types, one after the other; servers run until they are stopped, and are tested with the command line."""

CHECKS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "01": lambda n: n["radar"].shape[2] == 1 and bool(n["radar"].std() > 1),
    "02": lambda n: set(n["selection"].final) < set(n["samples"].bands) and len(n["split"].test) > 100,
    "03": lambda n: bool(n["right"].mean() > 0.4) and (n["config"].output / "comparison.json").is_file(),
    "04": lambda n: len(n["classes"]) == 6 and (n["config"].output / "report.html").is_file(),
    "05": lambda n: {type(graph.check(n[name])) for name in ("stack", "counts", "greenness")} == {graph.Size},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository as it is after `minecover demo`, which has been run in it."""
    folder = tmp_path_factory.mktemp("minecover")
    lines = demo.CONFIG.read_text("utf-8").splitlines()
    keys = [line.split(":")[0] for line in lines]
    assert set(SMALLER) <= set(keys)
    quick = [f"{k}: {SMALLER[k]}" if k in SMALLER else line for k, line in zip(keys, lines, strict=True)]
    (folder / demo.CONFIG.name).write_text("\n".join(quick), "utf-8")
    (folder / "notebooks").mkdir()
    (folder / "configs").symlink_to(ROOT / "configs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(demo, "SIZE_KM", 2.0)
        patch.setattr(demo, "SCENES", 8)
        patch.setattr(demo, "CONFIG", folder / demo.CONFIG.name)
        assert cli.main(["demo"]) == 0
    return folder


def test_the_demo_ends_with_a_report(folder: Path) -> None:
    assert "</html>" in (folder / "demo/run/report.html").read_text("utf-8")
    assert (folder / "demo/run/maps/RF/map.png").is_file()


def test_every_command_of_the_readme_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert {DEMO, SERVE, *ORDER} == set(commands()), "a command is tried nowhere"
    monkeypatch.chdir(folder)
    write(folder / "x.tif", numbers())
    (folder / "n39e110.hgt").write_bytes(np.full((1201, 1201), 1200, ">i2").tobytes())
    for command, more in ORDER.items():
        words = shlex.split(f"{command} {more}")[1:]
        assert cli.main(words) == 0, (command, capsys.readouterr().err)
        said = capsys.readouterr()
        assert said.out and "minecover: " not in said.err, command


def test_the_script_of_the_readme_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    [script] = re.findall(r"^(    import ee\n(?:    .*\n|\n)+)", README, re.MULTILINE)
    try:
        exec(textwrap.dedent(script), {})
    finally:
        engine.disconnect()
    answer = re.search(r"\{'spring_NDVI': (.+), 'summer_NDVI': (.+)\}", capsys.readouterr().out)
    assert answer
    assert -1 < float(answer[1]) < 1


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs(notebook: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells that ask Google's servers are tagged `server` and not run; the scripts they would send are checked."""
    monkeypatch.chdir(folder / "notebooks")
    matplotlib.use("Agg")
    if notebook.stem.startswith("05"):
        archive, connect = folder / "demo" / "district" / "archive", engine.connect
        monkeypatch.setattr(engine, "connect", lambda *_, **__: connect("local", archive=archive))
    names: dict[str, Any] = {}
    try:
        for cell in code(notebook):
            exec(compile(cell, notebook.name, "exec"), names)
        assert CHECKS[notebook.stem[:2]](names)
    finally:
        engine.disconnect()
        pyplot.close("all")
