"""The examples of the user guide run, in order; its links and numbers are right."""

import re
import runpy
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import typer
from affine import Affine

from features import catalog
from pipeline import cli, engine
from pipeline.simulate.write import Wanted, simulate

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "engine.md").read_text("utf-8")


def scene(path: Path) -> None:
    """Three bands of 64 × 64 pixels, as the guide's example names them."""
    rng = np.random.default_rng(0)
    data = rng.integers(500, 4000, (3, 64, 64)).astype(np.uint16)
    data[2] = 4
    home = Affine(10, 0, 614_000, 0, -10, 4_376_000)
    options: Any = {"width": 64, "height": 64, "count": 3, "dtype": "uint16", "crs": "EPSG:32649", "transform": home}
    with rasterio.open(path, "w", driver="GTiff", **options) as target:
        target.write(data)


def test_the_examples_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    scene(tmp_path / "20210723.tif")
    names: dict[str, Any] = {}
    try:
        for block in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL):
            exec(block, names)
    finally:
        engine.disconnect()
    said = capsys.readouterr().out
    assert "NDVI_p50" in said and "COMPLETED" in said and "/tiles/{z}/{x}/{y}" in said
    assert (tmp_path / "my-archive" / "exports" / "results" / "ndvi.tif").is_file()


def test_the_examples_of_the_features_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    list(simulate(tmp_path / "district", Wanted(2, 2021, years=1, scenes=4)))
    [block] = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "features.md").read_text("utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    try:
        exec(block, names)
        bands = names["image"].bandNames().getInfo()
    finally:
        engine.disconnect()
    assert bands == list(catalog.names())
    assert "'spring_optical': 1" in capsys.readouterr().out


PAGES = ["README.md", "bench/README.md", *sorted(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text("utf-8")):
        if not link.startswith("http"):
            assert ((ROOT / page).parent / link).exists(), link


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_options_that_pages_name_are_there(page: str) -> None:
    text = (ROOT / page).read_text("utf-8").replace("\\\n", " ")
    for line in re.findall(r"^ {4}(minecover .*)", text, re.MULTILINE):
        words = shlex.split(line, comments=True)[1:]
        command: Any = typer.main.get_command(cli.app())
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        command = getattr(command, "commands", {}).get("run", command)
        known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
        assert {w for w in words if w.startswith("--")} <= known | {"--help"}, line
        assert not hasattr(command, "commands"), line


def test_the_site_has_every_page() -> None:
    text = (ROOT / "mkdocs.yml").read_text("utf-8")
    listed = re.findall(r"^ +- (?:\w+: )?(\S+\.md)$", text.split("\nnav:")[1], re.MULTILINE)
    assert sorted(listed) == sorted(p.name for p in (ROOT / "docs").glob("*.md"))


def test_the_site_names_files_outside_docs_instead_of_linking_them() -> None:
    names = runpy.run_path(str(ROOT / "docs" / "outside.py"))["on_page_markdown"]
    assert names("[b.md](../b.md), [x](../y/b.md), [a](a.md) ![p](../p.jpg)", page=None) == (
        "`b.md`, x (`y/b.md`), [a](a.md) ![p](../p.jpg)"
    )
    for page in (ROOT / "docs").glob("*.md"):
        assert "](../" not in names(page.read_text("utf-8")), page.name


def test_the_method_names_code_that_is_there() -> None:
    for name in re.findall(r"`((?:pipeline|features)/[^`]*)`", (ROOT / "docs" / "method.md").read_text("utf-8")):
        assert (ROOT / name).exists(), name


def test_the_guide_counts_the_deviations_right() -> None:
    tested = (ROOT / "tests" / "engine" / "test_conformance.py").read_text("utf-8")
    listed = re.search(r"^DEVIATIONS.*?^\}", tested, re.MULTILINE | re.DOTALL)
    assert listed, "the table of deviations has another name now"
    count = len(re.findall(r'^    "', listed[0], re.MULTILINE))
    assert f"of 515 expression graphs whose answers Earth Engine's documentation prints, {515 - count} are" in GUIDE
