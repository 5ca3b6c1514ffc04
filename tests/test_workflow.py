"""Stages run in their order and no further than asked; what is not wanted is left out."""

from collections.abc import Iterator
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
labels: {file: labels.csv}
"""
LABELS = "lon,lat,class\n110.01,39.71,mine\n110.02,39.72,water\n"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    stages = {name: (lambda path, config, name=name: iter([f"did {name}"])) for name in workflow.STAGES}
    monkeypatch.setattr(workflow, "STAGES", stages)
    path = tmp_path / "pit.yaml"
    path.write_text(TEXT + "archive: archive\n")
    path.with_name("labels.csv").write_text(LABELS)
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


def test_of_a_stage_that_is_unchanged_nothing_is_told_again(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def again(path: Path, config: object) -> Iterator[str]:
        yield "read"
        yield "Unchanged: all is there"
        drawn.append("a picture that was missing")
        yield "did select, a hundred lines"

    monkeypatch.setitem(workflow.STAGES, "select", again)
    lines = list(workflow.run(config, "train"))
    at = lines.index("[3/4] select")
    assert lines[at:] == [
        "[3/4] select",
        "  read",
        "  Unchanged: all is there",
        "",
        "[4/4] train",
        "  did train",
        *lines[-2:],
    ]
    assert drawn


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


@pytest.mark.parametrize(
    ("labels", "more", "told"),
    [
        (None, "", "The label file '.*labels.csv' is not there"),
        ("x,y\nbroken", "", "labels.csv"),
        (LABELS.replace("class", "klass"), "", "has no field 'class'"),
        (LABELS.replace("water", "watr"), "", "line 3: The legend has no class 'watr'"),
        (LABELS, "split: {kind: regions, region_field: county}\n", "has no field 'county'"),
        (LABELS, "train: {models: [RF, SVM]}\n", r"classify.model is ResNet50, .* train.models \(RF, SVM\). Add it"),
        (LABELS, "assess: {reference: none.gpkg}\n", "The reference sample '.*none.gpkg' is not there"),
    ],
)
def test_mistakes_are_told_before_the_first_stage(config: Path, labels: str | None, more: str, told: str) -> None:
    config.write_text(config.read_text() + more)
    place = config.with_name("labels.csv")
    place.unlink() if labels is None else place.write_text(labels)
    lines = workflow.run(config)
    with pytest.raises(MinecoverError, match=told):
        next(lines)


def test_corrections_are_read_before_the_first_stage(config: Path) -> None:
    config.write_text(config.read_text().replace("labels.csv", "labels.csv, corrections: none.csv"))
    with pytest.raises(MinecoverError, match=r"none\.csv"):
        next(workflow.run(config))


def test_what_later_stages_read_is_not_asked_for_before(config: Path) -> None:
    config.write_text(config.read_text() + "train: {models: [RF]}\n")
    assert did(list(workflow.run(config, "train")))[-1] == "train"
    config.with_name("labels.csv").unlink()
    assert did(list(workflow.run(config, "export"))) == ["export"]
