"""Stages run in their order and no further than asked; what is not wanted is left out."""

from pathlib import Path

import pytest

from pipeline import workflow
from pipeline.cli import main
from pipeline.errors import MinecoverError

TEXT = """
name: Pit
region: r.geojson
year: 2021
output: run
legend:
  - {code: 1, name: mine, colour: '#aa0000'}
  - {code: 2, name: water, colour: '#0000aa'}
labels: {file: none.gpkg}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    stages = {name: (lambda path, config, name=name: iter([f"did {name}"])) for name in workflow.STAGES}
    monkeypatch.setattr(workflow, "STAGES", stages)
    path = tmp_path / "pit.yaml"
    path.write_text(TEXT + "archive: archive\n")
    return path


def did(lines: list[str]) -> list[str]:
    return [line.split()[-1] for line in lines if line.startswith("  did")]


def test_all_stages_in_their_order(config: Path) -> None:
    lines = list(workflow.run(config))
    assert did(lines) == ["export", "sample", "select", "train", "classify", "assess", "report"]
    assert "[4/7] train" in lines and lines[-1].startswith("Done in")


def test_no_further_than_asked(config: Path) -> None:
    assert did(list(workflow.run(config, "select"))) == ["export", "sample", "select"]
    with pytest.raises(MinecoverError, match="There is no stage 'selection'"):
        list(workflow.run(config, "selection"))


def test_without_an_archive_nothing_is_exported_and_with_all_features_nothing_is_selected(config: Path) -> None:
    config.write_text(TEXT + "train: {features: all}\n")
    assert did(list(workflow.run(config))) == ["sample", "train", "classify", "assess", "report"]


def test_a_stage_that_fails_ends_the_run_in_one_line(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(path: Path, config: object) -> object:
        raise MinecoverError("The stack lacks a band. Export it.")

    monkeypatch.setitem(workflow.STAGES, "sample", fails)
    assert main(["run", str(config)]) == 2
    said = capsys.readouterr()
    assert "did export" in said.out and "did select" not in said.out
    assert said.err == "minecover: The stack lacks a band. Export it.\n"
