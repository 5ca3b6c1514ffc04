"""The doctor finds what is missing and says what to do."""

from pathlib import Path

import pytest
from packaging.requirements import Requirement

from pipeline import doctor


def test_everything_needed_is_here() -> None:
    findings = list(doctor.examine())
    assert [f for f in findings if f.state == "missing"] == []
    assert {"Python", "minecover", "local engine", "memory", "disk", "GPU"} <= {f.name for f in findings}


def test_the_local_engine_answers(capsys: pytest.CaptureFixture[str]) -> None:
    finding = doctor.local_engine()
    assert capsys.readouterr().err == ""
    assert finding.state == "good"
    assert "1 + 2 = 3" in finding.found


def test_an_engine_that_fails_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise ImportError(f"No module named '{name}'")

    monkeypatch.setattr(doctor, "import_module", broken)
    finding = doctor.local_engine()
    assert finding.state == "missing"
    assert "No module named 'ee'" in finding.found
    assert finding.advice


def test_versions_are_held_against_what_is_needed() -> None:
    assert doctor.unmet(Requirement("numpy>=2")) == ""
    assert doctor.unmet(Requirement("numpy<1")).startswith("numpy is ")
    assert doctor.unmet(Requirement("no-such-package")) == "no-such-package is not installed"


def test_a_missing_extra_is_a_note_with_the_command() -> None:
    finding = doctor.optional("moon", [Requirement("no-such-package")])
    assert finding.state == "note"
    assert "pip install -e '.[moon]'" in finding.advice


def test_a_missing_core_package_is_missing() -> None:
    assert doctor.core([Requirement("no-such-package")], "1.0").state == "missing"


def test_numbagg_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_spec", lambda name: object())
    [finding] = doctor.numbagg()
    assert "uninstall numbagg" in finding.advice
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    assert list(doctor.numbagg()) == []


def test_little_disk_and_memory_are_noted(tmp_path: Path) -> None:
    assert doctor.disk(tmp_path, needed=1 << 60).state == "note"
    assert doctor.memory(needed=1 << 60).state == "note"


@pytest.mark.parametrize(("text", "limit"), [("max\n", None), ("1048576\n", 1 << 20)])
def test_a_container_limits_memory(text: str, limit: int | None, tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text(text)
    assert doctor.container_limit(tmp_path / "memory.max") == limit


def test_no_container_no_limit(tmp_path: Path) -> None:
    assert doctor.container_limit(tmp_path / "none") is None


def test_advice_stands_below_what_was_found() -> None:
    shown = doctor.lines(doctor.Finding("moon", "missing", "not there", "look up"))
    assert shown == ["MISSING  moon: not there", "         -> look up"]
