"""Notebooks hold no outputs and no definitions; their links lead somewhere. `test_front_door` runs them."""

import ast
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def code(notebook: Path, server: bool = False) -> list[str]:
    """Its cells of code; those that ask Google's servers only if wanted."""
    cells = [c for c in json.loads(notebook.read_text("utf-8"))["cells"] if c["cell_type"] == "code"]
    return ["".join(c["source"]) for c in cells if server or "server" not in c["metadata"].get("tags", ())]


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
