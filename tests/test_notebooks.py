"""Notebooks run from top to bottom on what the demo makes; they hold no outputs and no definitions."""

import ast
import json
from pathlib import Path
from typing import Any

import matplotlib
import pytest

from pipeline import demo, engine
from pipeline.simulate.write import Wanted, simulate

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def code(notebook: Path) -> list[str]:
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    return ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notebooks")
    list(simulate(folder / "demo" / "district", Wanted(2, demo.YEAR, years=1, scenes=12)))
    (folder / "notebooks").mkdir()
    return folder


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs(notebook: Path, district: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(district / "notebooks")
    matplotlib.use("Agg")
    names: dict[str, Any] = {}
    try:
        for cell in code(notebook):
            exec(compile(cell, notebook.name, "exec"), names)
    finally:
        engine.disconnect()
    assert names["radar"].shape[2] == 1 and names["radar"].std() > 1


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_tells_a_story(notebook: Path) -> None:
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    assert not any(c.get("outputs") for c in cells)
    for cell in code(notebook):
        assert not [n for n in ast.walk(ast.parse(cell)) if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
