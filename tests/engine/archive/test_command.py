from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipeline.commands.archive import app, named_values
from pipeline.errors import MinecoverError
from tests.engine.archive.rasters import numbers, write


def run(*words: str | Path, code: int = 0) -> Result:
    done = CliRunner().invoke(app, [str(w) for w in words])
    assert done.exit_code == code, done.output
    return done


def test_create_add_list_check(tmp_path: Path) -> None:
    place, tif = tmp_path / "archive", write(tmp_path / "x.tif", numbers(2))
    run("create", place, "C", "--title", "Scenes")
    words = ["add", place, tif, "--collection", "C", "--band", "B2", "--band", "B3", "--time", "2021-06-01"]
    assert "C/x added" in run(*words, "--property", "CLOUD=12.5", "--property", "who=me").output
    assert "nothing changed" in run(*words, "--property", "CLOUD=12.5", "--property", "who=me").output
    assert run("list", place).output == "collection  C  1 image, 2021-06-01  Scenes\n"
    assert run("list", place, "C").output == "image       C/x  2021-06-01T00:00:00Z  B2 B3\n"
    assert run("list", place, "C", "--start", "2022-01-01").output == "No images.\n"
    assert run("list", place, "C", "--bbox", "2,44,4,46").output != ""
    assert "All images can be read" in run("check", place).output
    (place / "C" / "x" / "x.tif").write_bytes(b"gone")
    assert "1 problem(s)" in run("check", place, code=2).output


def test_an_archive_is_made_once(tmp_path: Path) -> None:
    assert run("create", tmp_path / "a").output.endswith("archive is ready.\n")
    assert run("create", tmp_path / "a").output.endswith("archive is there already; nothing changed.\n")
    assert run("list", tmp_path / "a").output == "No assets.\n"


def test_collections_are_listed_through_all_folders(tmp_path: Path) -> None:
    place = tmp_path / "archive"
    run("create", place, "A/empty", "--folder")
    run("create", place, "A/none")
    for day in ("2021-07-01", "2021-06-01"):
        tif = write(tmp_path / f"{day}.tif", numbers())
        run("add", place, tif, "--collection", "A/B/C", "--band", "x", "--time", day)
    run("add", place, tif, "--asset", "A/dem", "--band", "x")
    assert run("list", place).output.splitlines() == [
        "collection  A/B/C  2 images, 2021-06-01 to 2021-07-01",
        "image       A/dem  no time  x",
        "folder      A/empty",
        "collection  A/none  0 images",
    ]


def test_an_image_without_time_is_told(tmp_path: Path) -> None:
    tif = write(tmp_path / "x.tif", numbers())
    words = ["add", tmp_path / "a", tif, "--band", "B2"]
    run("create", tmp_path / "a")
    told = "has no time; filterDate will not find it: --time"
    assert f"C/x {told}" in run(*words, "--collection", "C").output
    assert told not in run(*words, "--collection", "D", "--time", "2021-06-01").output
    assert told not in run(*words, "--asset", "dem").output


def test_properties_are_json_or_text() -> None:
    assert named_values(["a=1.5", "b=text", "c=[1,2]", "d=x=y", "e="]) == {
        "a": 1.5, "b": "text", "c": [1, 2], "d": "x=y", "e": ""
    }  # fmt: skip
    with pytest.raises(MinecoverError, match="NAME=VALUE"):
        named_values(["oops"])


@pytest.mark.parametrize(
    "words", [["--bbox", "1,2,3"], ["--bbox", "5,-91,6,0"], ["--bbox", "5,0,6,91"], ["--start", "June"]]
)
def test_wrong_filters_are_refused(tmp_path: Path, words: list[str]) -> None:
    run("create", tmp_path / "a", "C")
    done = CliRunner().invoke(app, ["list", str(tmp_path / "a"), "C", *words])
    assert isinstance(done.exception, MinecoverError)


def test_every_command_has_an_example() -> None:
    for command in app.registered_commands:
        assert command.epilog and command.epilog.startswith("Example: minecover archive ")
