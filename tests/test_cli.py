"""The command line: help is quick, mistakes are plain, interruption is one line."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.engine.archive import FolderArchive
from pipeline.errors import ArchiveError, MinecoverError
from tests.engine.archive.rasters import numbers, write

HEAVY = {"ee", "numpy", "numba", "scipy", "rasterio", "pandas", "geopandas", "matplotlib", "xarray", "odc"}


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def doctor() -> None:
        """Raise."""
        raise error

    monkeypatch.setattr(cli, "doctor", doctor)


def test_help_lists_the_stages_and_loads_nothing_heavy() -> None:
    code = f"import sys; from pipeline.cli import main; main(['--help']); print({HEAVY!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
    for word in ("demo", "doctor", "archive", "engine", cli.START, cli.DATA):
        assert word in done.stdout


def test_without_arguments_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    assert "Usage" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("minecover ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--nonsense"], "--nonsense"),
        (["nonsense"], "nonsense"),
        (["doctor", "extra"], "extra"),
        (["demo", "--outptu", "x"], "--outptu"),
        (["engine", "serve", "extra"], "extra"),
        (["engine", "serve", "--archive", "x", "--port", "high"], "--port"),
        (["engine", "serve", "--port", "99999"], "--port must be 0 to 65535, not 99999. `"),
        (["engine", "serve", "--workers", "-1"], "--workers must be 0 or more, not -1. `"),
        (["archive", "add", "a", "x.tif", "--nodata", "foo"], "--nodata must be a number, not foo. `"),
        (["archive", "lis"], "Did you mean 'list'? `"),
        (["engine", "functions", "--family", "Imagine"], "Imagine"),
    ],
)
def test_a_mistake_is_one_plain_message(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("minecover: ")
    assert err.count("\n") == 1
    assert said in err


def test_a_group_alone_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["engine"])
    out, err = capsys.readouterr()
    assert "functions" in out + err
    assert "minecover: " not in err


@pytest.mark.parametrize("error", [MinecoverError("No. Do this."), ArchiveError("No. Do this.")])
def test_our_errors_are_exit_code_2(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, error)
    assert cli.main(["doctor"]) == 2
    assert capsys.readouterr().err == "minecover: No. Do this.\n"


def test_a_fault_of_ours_is_one_line_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, ZeroDivisionError("oops"))
    assert cli.main(["doctor"]) == 1
    err = capsys.readouterr().err
    assert "ZeroDivisionError: oops" in err
    assert "--debug" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--debug", "doctor"], ["doctor", "--debug"]])
def test_debug_shows_the_traceback(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, MinecoverError("No."))
    assert cli.main(arguments) == 2
    assert "Traceback" in capsys.readouterr().err


def test_interruption_is_one_line_and_exit_code_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, KeyboardInterrupt())
    assert cli.main(["doctor"]) == 130
    assert capsys.readouterr().err == "minecover: Interrupted.\n"


@pytest.mark.parametrize("command", cli.RESUMING)
def test_an_interrupted_command_that_goes_on_says_so(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(whatever: str = "") -> None:
        """Stop."""
        raise KeyboardInterrupt

    stopped.__name__ = command
    monkeypatch.setattr(cli, command, stopped)
    assert cli.main([command, "--verbose"]) == 130
    assert capsys.readouterr().err == "minecover: Interrupted. The same command goes on where it was.\n"


def test_options_that_hold_everywhere_stay_behind_a_double_dash() -> None:
    assert cli.hoisted(["demo", "--debug", "--", "--debug"]) == ["--debug", "demo", "--", "--debug"]


def test_a_closed_pipe_is_no_traceback() -> None:
    command = f"{sys.executable} -m pipeline engine functions | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True, env={**os.environ})
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_serve_answers_until_it_is_interrupted(scenes: FolderArchive) -> None:
    command = [sys.executable, "-m", "pipeline", "engine", "serve", "--archive", str(scenes.root), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as served:
        assert served.stdout
        served.stdout.readline()
        url = served.stdout.readline().split("url='")[1].split("'")[0]
        with urllib.request.urlopen(f"{url}/$discovery/rest?version=v1", timeout=30) as answer:
            assert answer.status == 200
        served.send_signal(signal.SIGINT)
        out, err = served.communicate(timeout=30)
    assert served.returncode == 0
    assert out.endswith("Stopped.\n")
    assert err == ""


def test_a_port_that_is_taken_is_one_plain_message(capsys: pytest.CaptureFixture[str], scenes: FolderArchive) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert cli.main(["engine", "serve", "--archive", str(scenes.root), "--port", port]) == 2
    assert f"Port {port} cannot be used" in capsys.readouterr().err


def test_functions_lists_what_is_there_and_what_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["engine", "functions", "--family", "number"]) == 0
    there = capsys.readouterr().out.splitlines()
    assert cli.main(["engine", "functions", "--family", "Number", "--missing"]) == 0
    missing = capsys.readouterr().out.splitlines()
    assert "Number.subtract" in [line.split("  ~ ")[0] for line in there]
    assert not {line.split("  ~ ")[0] for line in there[:-1]} & {line.split("  ~ ")[0] for line in missing[:-1]}
    assert there[-1] == missing[-1]
    assert len(there) + len(missing) - 2 == int(there[-1].split()[2])


def test_what_is_missing_is_pointed_to(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["engine", "functions", "--family", "Classifier"]) == 0
    assert capsys.readouterr().out.endswith(" `--missing` lists the others.\n")


def test_a_family_is_the_beginning_of_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["engine", "functions", "--family", "GREEN", "--missing"]) == 0
    assert capsys.readouterr().out.startswith("green_mosaic/")


def test_work_shows_a_bar_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    place, tif = str(tmp_path / "archive"), str(write(tmp_path / "x.tif", numbers()))
    assert cli.main(["archive", "create", place]) == 0
    assert cli.main(["archive", "add", place, tif, "--asset", "x", "--band", "a"]) == 0
    assert "Adding" in capsys.readouterr().err
    assert cli.main(["archive", "check", place]) == 0
    assert "Checking" in capsys.readouterr().err
