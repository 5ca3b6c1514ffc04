"""Four answers become a configuration that the next command can read; a command asks for what it was not told."""

import io
from pathlib import Path

import pytest
import shapely
import typer
from typer.testing import CliRunner

from pipeline import cli
from pipeline.config import read_config
from pipeline.drafting import MOST_CLASSES, colours, drafted
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
    drafted(path, 'Pit: "north" #1', folder / "pit.geojson", 2021, folder / "points.csv", None, folder / "archive")
    found = read_config(path)
    assert found.name == 'Pit: "north" #1' and found.year == 2021
    assert found.legend.names[:2] == ("grass", "pit") and len(found.legend) == 3
    assert len({c.colour for c in found.legend}) == 3
    assert found.region == folder / "pit.geojson" and found.labels.file == folder / "points.csv"
    assert found.labels.field == "landuse" and found.archive == folder / "archive"
    assert found.train.models == ("RF", "SVM", "KNN") and found.classify.model == "RF"
    assert len(path.read_text().splitlines()) <= 15
    with pytest.raises(MinecoverError, match="is there already"):
        drafted(path, "x", folder / "pit.geojson", 2021, folder / "points.csv", None, None)


def test_classes_that_are_codes_keep_them(folder: Path) -> None:
    (folder / "codes.csv").write_text("lon,lat,what\n110.01,39.71,5\n110.02,39.72,20\n110.03,39.73,5\n")
    drafted(folder / "c.yaml", "Pit", folder / "pit.geojson", 2021, folder / "codes.csv", None, None)
    assert sorted(read_config(folder / "c.yaml").legend.codes) == [5, 20]


def test_labels_without_a_clear_class_are_refused(folder: Path) -> None:
    (folder / "two.csv").write_text("lon,lat,a,b\n110.01,39.71,x,p\n110.02,39.72,y,q\n")
    with pytest.raises(MinecoverError, match="none of them is clearly the class"):
        drafted(folder / "c.yaml", "Pit", folder / "pit.geojson", 2021, folder / "two.csv", None, None)
    assert not (folder / "c.yaml").exists()


def test_the_command_asks_four_questions(folder: Path) -> None:
    answers = f"Pit\n{folder / 'pit.geojson'}\n2021\n{folder / 'points.csv'}\n"
    found = CliRunner().invoke(cli.app(), ["init", str(folder / "pit.yaml")], input=answers)
    assert found.exit_code == 0, found.output
    assert found.output.count("?") == 4
    assert read_config(folder / "pit.yaml").name == "Pit"


def test_labels_in_metres_are_told_their_system(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "utm.csv").write_text("x,y,class\n414000,4395000,pit\n414500,4395500,grass\n415000,4395000,pit\n")
    asked = ["init", str(folder / "c.yaml"), "--name", "Pit", "--region", str(folder / "pit.geojson"), "--year", "2021"]
    asked += ["--labels", str(folder / "utm.csv")]
    assert cli.main(asked) == 2
    assert "or `minecover init --labels-crs`." in capsys.readouterr().err
    assert cli.main([*asked, "--labels-crs", "EPSG:99"]) == 2
    assert "EPSG:99" in capsys.readouterr().err and not (folder / "c.yaml").exists()
    assert cli.main([*asked, "--labels-crs", "EPSG:32649"]) == 0
    assert read_config(folder / "c.yaml").labels.crs == "EPSG:32649"


def test_where_nobody_answers_the_options_are_named(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert cli.main(["init", str(folder / "c.yaml"), "--name", "Pit", "--year", "2021"]) == 2
    assert capsys.readouterr().err == ("minecover: Nobody is there to answer. Give as options: --region, --labels.\n")


def test_ctrl_c_at_a_question_is_an_interruption(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise typer.Abort from KeyboardInterrupt()

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("typer.prompt", interrupted)
    assert cli.main(["init", str(folder / "c.yaml")]) == 130
    assert capsys.readouterr().err == "minecover: Interrupted.\n"


def test_help_shows_no_default_that_nobody_would_take(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["init", "--help"]) == 0
    assert "default: minecover.yaml" in (said := capsys.readouterr().out) and said.count("default") == 1


def test_colours_fit_the_names_and_none_comes_twice() -> None:
    house = {
        "forest/grass": "#3f8f3f", "water": "#3b78c2", "built-up": "#c8352f", "bare land": "#d9b77a",
        "mine": "#4a4453", "restored": "#a5cc4b",
    }  # fmt: skip
    assert colours(list(house)) == list(house.values())
    assert colours(["restored mine", "tailings pond"]) == [house["restored"], "#AA4499"]
    assert colours(["hospital"]) not in ([c] for c in house.values())
    twice = colours(["coniferous forest", "broadleaved forest", "water"])
    assert twice[0] == house["forest/grass"] and twice[2] == house["water"] and len(set(twice)) == 3
    many = colours([f"class {n}" for n in range(MOST_CLASSES)])
    assert len(set(many)) == MOST_CLASSES and all(len(c) == 7 for c in many)
