"""Short work is silent off the terminal, long work is told in lines; the log has one place."""

import logging
import re
from time import sleep

import pytest

from pipeline import console
from pipeline.console import Steps, bar, complain, duration, human, progress, some, start_logging


def test_progress_passes_items_on_and_is_silent_off_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    assert list(progress(range(5), "Counting")) == [0, 1, 2, 3, 4]
    assert capfd.readouterr() == ("", "")


def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert list(progress([1, 2], "Counting")) == [1, 2]
    out, err = capsys.readouterr()
    assert out == ""
    assert "Counting" in err


def test_long_work_is_told_in_lines_off_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "FIRST", 0.05)
    monkeypatch.setattr(console, "EVERY", 0.1)
    for _ in progress(range(3), "Counting"):
        sleep(0.2)
    lines = capfd.readouterr().err.splitlines()
    assert lines[0] == "Counting: 0 of 3" and 3 <= len(lines) <= 7
    assert re.fullmatch(r"Counting: 2 of 3, about 1 s left", lines[-1])
    with bar("Selecting"):
        sleep(0.2)
    assert set(capfd.readouterr().err.splitlines()) == {"Selecting: 0 done"}
    for _ in progress((c for c in "ab"), "Reading"):
        sleep(0.15)
    assert set(capfd.readouterr().err.splitlines()) <= {"Reading: 0 done", "Reading: 1 done"}


def test_the_time_left_is_that_of_the_steps_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(console, "monotonic", lambda: now[0])
    steps = Steps("Training")
    assert str(steps) == "Training: 0 done"
    steps("Epochs", 60, 100)  # taken up where it was
    assert str(steps) == "Epochs: 60 of 100"
    now[0] = 240
    steps("Epochs", 62, 100)
    now[0] = 300  # within an epoch
    assert str(steps) == "Epochs: 62 of 100, about 1 h 16 min left"
    steps("Epochs", 100, 100)
    assert str(steps) == ""
    now[0] = 400
    steps("Others", 1, 3)  # other work: what was before does not count
    assert str(steps) == "Others: 1 of 3"
    now[0] = 500
    steps("Others", 2, 3)
    assert str(steps) == "Others: 2 of 3, about 2 min left"


def test_the_bar_tells_the_time_left_of_slow_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("rich.console.monotonic", lambda: now[0])
    shown = []
    monkeypatch.setattr("rich.progress.TimeRemainingColumn.render", lambda _, task: shown.append(task) or "")
    with bar("Training") as tell:
        tell("Epochs", 0, 10)
        for done in (1, 2):
            now[0] += 120
            tell("Epochs", done, 10)
    assert shown[-1].time_remaining == 8 * 120


def test_the_log_tells_ours_and_only_warnings_of_others(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(logging.INFO)
    logging.getLogger("pipeline.engine").info("ours")
    logging.getLogger("rasterio").info("theirs")
    start_logging()
    logging.getLogger("pipeline.engine").info("too much")
    assert capsys.readouterr().err == "INFO pipeline.engine: ours\n"


def test_warnings_of_gdal_are_for_those_who_ask(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging()
    logging.getLogger("rasterio._env").warning("CPLE_AppDefined")
    assert capsys.readouterr().err == ""
    start_logging(logging.DEBUG)
    logging.getLogger("rasterio._env").warning("CPLE_AppDefined")
    assert "CPLE_AppDefined" in capsys.readouterr().err


def test_complaints_bear_halves_of_characters(capsys: pytest.CaptureFixture[str]) -> None:
    complain("bad \ud83c name")
    assert capsys.readouterr().err == "minecover: bad ? name\n"


def test_sizes_and_times_for_people() -> None:
    assert [human(v) for v in (0, 1.26e6, 9.99e8, 3.14e9)] == ["0.0 MB", "1.3 MB", "999.0 MB", "3.1 GB"]
    assert [duration(v) for v in (0.2, 89, 100, 3570, 7320)] == ["1 s", "89 s", "2 min", "1 h 00 min", "2 h 02 min"]


def test_many_names_are_cut_short() -> None:
    assert some(["a", "b"], 2) == "a, b"
    assert some(["a", "b", "c", "d"], 2) == "a, b and 2 more"
