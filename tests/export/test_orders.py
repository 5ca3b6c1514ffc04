"""An export told by a run's configuration: the same as told by options, and what contradicts it is refused."""

import json
from pathlib import Path

import pytest

from features.options import Options
from pipeline import cli
from pipeline.engine.archive import FolderArchive
from pipeline.errors import MinecoverError
from pipeline.export import order
from tests.export import double

CONFIG = """
name: Pit
region: pit.geojson
year: 2021
output: a run
archive: archive
features: {clouds: [scl, cloud_score], clear: 0.7, snow: false, speckle: lee, orbit: null}
legend:
  - {code: 1, name: mine, colour: '#aa0000'}
  - {code: 2, name: water, colour: '#0000aa'}
labels: {file: none.gpkg}
"""


def written(folder: Path, text: str = CONFIG, name: str = "pit.yaml") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


@pytest.mark.parametrize("name", ["pit.yaml", "pit.YML"])
def test_a_configuration_says_it_all(tmp_path: Path, name: str) -> None:
    found = order(written(tmp_path, name=name), None, None, None, (), remote=False)
    assert (found.region, found.year, found.output) == (tmp_path / "pit.geojson", 2021, tmp_path / "a run")
    assert found.archive == str(tmp_path / "archive")
    assert found.options == Options(clouds=("scl", "cloud_score"), clear=0.7, snow=False, speckle="lee")


def test_what_agrees_with_it_may_be_said_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    place = written(tmp_path)
    assert order(place, 2021, "./a run", "archive", (), False) == order(place, None, None, None, (), False)


def test_another_machine_needs_no_archive_of_ours(tmp_path: Path) -> None:
    assert order(written(tmp_path), None, None, None, (), remote=True).archive is None
    without = written(tmp_path, CONFIG.replace("archive: archive", "archive: null"))
    assert order(without, None, None, "elsewhere", (), remote=False).archive == "elsewhere"


def test_an_outline_needs_a_year_and_has_defaults() -> None:
    found = order("pit.geojson", 2020, None, "a", ["clouds=none"], remote=False)
    assert (found.year, found.output, found.archive) == (2020, Path("run"), "a")
    assert found.options == Options(clouds=())
    with pytest.raises(MinecoverError, match="Give --year"):
        order("pit.geojson", None, None, "a", (), remote=False)


@pytest.mark.parametrize(("config", "more", "said"), [
    (CONFIG, ["--year", "2020", "--output", "there"], "--year 2020, there 2021; --output there, there /"),
    (CONFIG, ["--archive", "other"], "--archive other"),
    (CONFIG, ["--set", "clouds=scl"], "below `features`"),
    (CONFIG.replace("clear: 0.7", "clear: high"), [], "features: clear=high: 'high' cannot be of type float"),
    (CONFIG.replace("clear: 0.7", "cleer: 0.7"), [], "Did you mean 'clear'?"),
    (CONFIG.replace("year: 2021", "yeer: 2021"), [], "Is 'year' meant?"),
])  # fmt: skip
def test_contradictions_are_one_plain_line(
    tmp_path: Path, config: str, more: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["export", written(tmp_path, config), *more]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err


def test_the_stack_is_the_one_that_options_ask_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    double.install(monkeypatch)
    archive = FolderArchive.initialise(tmp_path / "archive").root
    region = double.region(tmp_path)
    told = CONFIG.replace("pit.geojson", region.name).replace("clear: 0.7, ", "")
    assert cli.main(["export", written(tmp_path, told)]) == 0
    options = ["--set", "clouds=scl,cloud_score", "--set", "snow=no", "--set", "speckle=lee"]
    common = [str(region), "--year", "2021", "--archive", str(archive), "--output", str(tmp_path / "other")]
    assert cli.main(["export", *common, *options]) == 0
    ours, theirs = (json.loads((tmp_path / run / "stack" / "manifest.json").read_text()) for run in ("a run", "other"))
    assert ours == theirs
    assert ours["options"]["speckle"] == "lee"
