"""Four answers become a configuration that the next command can read; a command asks for what it was not told."""

from pathlib import Path

import pytest
import shapely
from typer.testing import CliRunner

from pipeline import cli
from pipeline.config import read_config
from pipeline.drafting import drafted
from pipeline.errors import MinecoverError

CLASSES = ["pit", "grass", "grass", 'say "<b>"', "pit", "grass"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pit.geojson").write_text(shapely.to_geojson(shapely.box(110.0, 39.7, 110.1, 39.8)))
    rows = [f"{i},110.0{i},39.7{i},'{c}'" for i, c in enumerate(CLASSES, 1)]
    (tmp_path / "points.csv").write_text("\n".join(["id,lon,lat,landuse", *rows]).replace("'", ""), "utf-8")
    return tmp_path


def test_the_draft_has_the_classes_of_the_labels(folder: Path) -> None:
    path = folder / "configs" / "pit.yaml"
    path.parent.mkdir()
    drafted(path, 'Pit: "north" #1', folder / "pit.geojson", 2021, folder / "points.csv", folder / "archive")
    found = read_config(path)
    assert found.name == 'Pit: "north" #1' and found.year == 2021
    assert found.legend.names[:2] == ("grass", "pit") and len(found.legend) == 3
    assert len({c.colour for c in found.legend}) == 3
    assert found.region == folder / "pit.geojson" and found.labels.file == folder / "points.csv"
    assert found.labels.field == "landuse" and found.archive == folder / "archive"
    assert found.train.models == ("RF", "SVM", "KNN") and found.classify.model == "RF"
    assert len(path.read_text().splitlines()) <= 15
    with pytest.raises(MinecoverError, match="is there already"):
        drafted(path, "x", folder / "pit.geojson", 2021, folder / "points.csv", None)


def test_classes_that_are_codes_keep_them(folder: Path) -> None:
    (folder / "codes.csv").write_text("lon,lat,what\n110.01,39.71,5\n110.02,39.72,20\n110.03,39.73,5\n")
    drafted(folder / "c.yaml", "Pit", folder / "pit.geojson", 2021, folder / "codes.csv", None)
    assert sorted(read_config(folder / "c.yaml").legend.codes) == [5, 20]


def test_labels_without_a_clear_class_are_refused(folder: Path) -> None:
    (folder / "two.csv").write_text("lon,lat,a,b\n110.01,39.71,x,p\n110.02,39.72,y,q\n")
    with pytest.raises(MinecoverError, match="none of them is clearly the class"):
        drafted(folder / "c.yaml", "Pit", folder / "pit.geojson", 2021, folder / "two.csv", None)
    assert not (folder / "c.yaml").exists()


def test_the_command_asks_four_questions(folder: Path) -> None:
    answers = f"Pit\n{folder / 'pit.geojson'}\n2021\n{folder / 'points.csv'}\n"
    found = CliRunner().invoke(cli.app(), ["init", str(folder / "pit.yaml")], input=answers)
    assert found.exit_code == 0, found.output
    assert found.output.count("?") == 4
    assert read_config(folder / "pit.yaml").name == "Pit"
