"""Progress is silent off the terminal; the log has one place."""

import logging

import pytest

from pipeline.console import complain, duration, human, progress, some, start_logging


def test_progress_passes_items_on_and_is_silent_off_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    assert list(progress(range(5), "Counting")) == [0, 1, 2, 3, 4]
    assert capfd.readouterr() == ("", "")


def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert list(progress([1, 2], "Counting")) == [1, 2]
    out, err = capsys.readouterr()
    assert out == ""
    assert "Counting" in err


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
