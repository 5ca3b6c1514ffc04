"""Notebooks run from top to bottom on a tiny district; they hold no outputs and no definitions.

Cells that ask Google's servers are tagged `server`: they are not run, but the scripts that they would send are checked.
"""

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from matplotlib import pyplot

from features import graph
from pipeline import demo, engine, workflow
from pipeline.simulate.write import Wanted, simulate

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SMALLER = {
    "split": "{block_m: 250, patch_px: 9, folds: 3}",
    "select": "{trees: 10, seeds: 1, resamples: 2, sizes: [5, 20]}",
    "train": "{models: [CNN, RF], form: patch, epochs: 2, tune_minutes: 0}",
    "classify": "{model: RF}",
}
BEFORE = {"02": "export", "03": "select", "04": "train"}
"""What must have been done before a notebook."""

CHECKS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "01": lambda n: n["radar"].shape[2] == 1 and bool(n["radar"].std() > 1),
    "02": lambda n: set(n["selection"].final) < set(n["samples"].bands) and len(n["split"].test) > 100,
    "03": lambda n: bool(n["right"].mean() > 0.4) and (n["config"].output / "comparison.json").is_file(),
    "04": lambda n: len(n["classes"]) == 6 and (n["config"].output / "report.html").is_file(),
    "05": lambda n: {type(graph.check(n[name])) for name in ("stack", "counts", "greenness")} == {graph.Size},
}


def code(notebook: Path, server: bool = False) -> list[str]:
    cells = [c for c in json.loads(notebook.read_text("utf-8"))["cells"] if c["cell_type"] == "code"]
    return ["".join(c["source"]) for c in cells if server or "server" not in c["metadata"].get("tags", ())]


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as this repository is after `make demo`, but with a smaller and quicker demo."""
    folder = tmp_path_factory.mktemp("notebooks")
    list(simulate(folder / "demo" / "district", Wanted(2, demo.YEAR, years=1, scenes=8)))
    lines = demo.CONFIG.read_text("utf-8").splitlines()
    keys = [line.split(":")[0] for line in lines]
    assert set(SMALLER) <= set(keys)
    quick = [f"{k}: {SMALLER[k]}" if k in SMALLER else line for k, line in zip(keys, lines, strict=True)]
    (folder / "demo" / demo.CONFIG.name).write_text("\n".join(quick), "utf-8")
    (folder / "notebooks").mkdir()
    (folder / "configs").symlink_to(ROOT / "configs")
    return folder


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs(notebook: Path, district: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(district / "notebooks")
    matplotlib.use("Agg")
    number = notebook.stem[:2]
    if number in BEFORE:
        list(workflow.run(district / "demo" / demo.CONFIG.name, BEFORE[number]))
    if number == "05":
        archive, connect = district / "demo" / "district" / "archive", engine.connect
        monkeypatch.setattr(engine, "connect", lambda *_, **__: connect("local", archive=archive))
    names: dict[str, Any] = {}
    try:
        for cell in code(notebook):
            exec(compile(cell, notebook.name, "exec"), names)
        assert CHECKS[number](names)
    finally:
        engine.disconnect()
        pyplot.close("all")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_tells_a_story(notebook: Path) -> None:
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    assert not any(c.get("outputs") for c in cells)
    assert notebook.name in (ROOT / "notebooks" / "README.md").read_text("utf-8")
    for cell in code(notebook, server=True):
        assert not [n for n in ast.walk(ast.parse(cell)) if isinstance(n, (ast.FunctionDef, ast.ClassDef))]


def test_links_of_notebooks_lead_somewhere() -> None:
    for notebook in NOTEBOOKS:
        for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
            for link in "".join(cell["source"]).split("](")[1:] if cell["cell_type"] == "markdown" else ():
                assert (notebook.parent / link.split(")")[0]).is_file(), link
