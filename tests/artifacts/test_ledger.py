"""The ledger: whatever happens in whatever order, what it calls finished is there and whole."""

import errno
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.artifacts import ledger as ledgers
from pipeline.artifacts.ledger import (
    FILE,
    LOCK,
    Entry,
    Ledger,
    changes,
    deliver,
    differences,
    making,
    peek,
    refuse_busy,
    sha256,
)
from pipeline.errors import MinecoverError

MADE_FROM = {"year": 2021, "options": {"clear": 0.6, "clouds": ["scl"]}}


def put(folder: Path, unit: str, content: bytes = b"content") -> Entry:
    return deliver(folder / f"{unit}.bin", folder, unit, lambda p: _write(p, content), lambda p: None)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()} - {FILE, LOCK}


units = st.sampled_from("abcd")
steps = st.one_of(
    st.tuples(st.just("finish"), units, st.binary(max_size=8)),
    st.tuples(st.just("crash before the row"), units, st.binary(max_size=8)),
    st.tuples(st.just("crash in the file"), units, st.binary(max_size=8)),
    st.tuples(st.just("damage"), units, st.binary(max_size=8)),
    st.tuples(st.just("delete"), units, st.just(b"")),
    st.tuples(st.just("reopen"), units, st.just(b"")),
)


@settings(max_examples=12)
@given(history=st.lists(steps, max_size=12))
def test_any_history(history: list[Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("run")
    truth: dict[str, bytes] = {}  # what was recorded last
    for what, unit, content in history:
        path = folder / f"{unit}.bin"
        with making(folder, MADE_FROM) as ledger:
            if what == "finish":
                ledger.record(put(folder, unit, content))
                truth[unit] = content
            elif what == "crash before the row":
                put(folder, unit, content)
            elif what == "crash in the file":
                (folder / f".{unit}.bin.part").write_bytes(content)
                (folder / f".{unit}.json.77.tmp").write_bytes(content)
            elif what == "damage" and path.exists():
                path.write_bytes(content)
            elif what == "delete":
                path.unlink(missing_ok=True)
    with making(folder, MADE_FROM) as ledger:
        assert set(ledger.finished) == set(truth)
        on_disk = {u: (folder / f"{u}.bin").read_bytes() for u in truth if (folder / f"{u}.bin").exists()}
        wrong = {entry.unit for entry in ledger.drop_unsound()}
        assert wrong == {u for u, content in truth.items() if on_disk.get(u) != content}
        assert set(ledger.finished) == set(truth) - wrong
    assert not [n for n in names(folder) if n.startswith(".")]
    assert set(peek(folder)) == set(truth) - wrong


def test_an_entry_comes_back_as_it_was_recorded(tmp_path: Path) -> None:
    with making(tmp_path, MADE_FROM) as ledger:
        entry = Entry("u", "a/b.bin", "0" * 64, 7, {"valid": [1, 2], "seconds": 0.5})
        recorded = ledger.record(entry)
        assert ledger.finished == {"u": recorded}
        assert (recorded.file, recorded.facts) == (entry.file, entry.facts)


@pytest.mark.parametrize("call", ["write", "check", "fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, error: BaseException
) -> None:
    def fail(*_: Any) -> None:
        raise error

    put(tmp_path, "old")
    if call in ("fsync", "replace"):
        monkeypatch.setattr(os, call, fail)

    def write(path: Path) -> None:
        path.write_bytes(b"half")
        if call == "write":
            fail()

    for name in ("old", "new"):
        with pytest.raises((MinecoverError, KeyboardInterrupt)) as caught:
            deliver(tmp_path / f"{name}.bin", tmp_path, name, write, fail if call == "check" else lambda p: None)
        if isinstance(error, OSError):
            assert "No space left on device" in str(caught.value)
    assert names(tmp_path) == {"old.bin"}
    assert (tmp_path / "old.bin").read_bytes() == b"content"


def test_other_parameters_are_refused_with_the_difference(tmp_path: Path) -> None:
    with making(tmp_path, MADE_FROM) as ledger:
        ledger.record(put(tmp_path, "u"))
    with making(tmp_path, {"options": {"clouds": ("scl",), "clear": 0.6}, "year": 2021}):
        pass
    other = {"year": 2022, "options": {"clear": 0.5, "clouds": ["scl"], "dem": "glo30"}}
    said = r"options\.clear was 0\.6, now 0\.5; options\.dem was nothing, now glo30; year was 2021, now 2022\. Choose"
    with pytest.raises(MinecoverError, match=said), making(tmp_path, other):
        pass


def test_a_folder_in_which_nothing_is_finished_is_begun_with_other_parameters(tmp_path: Path) -> None:
    with making(tmp_path, MADE_FROM):
        pass
    with making(tmp_path, {"year": 1}) as ledger:
        ledger.record(put(tmp_path, "u"))
    assert changes(tmp_path, {"year": 1}) == []
    assert changes(tmp_path, {"year": 2}) == ["year was 1, now 2"]


json_values = st.recursive(
    st.none() | st.integers() | st.text(max_size=4), lambda v: st.dictionaries(st.text(max_size=2), v)
)


@settings(max_examples=20)
@given(a=json_values, b=json_values)
def test_differences_are_empty_exactly_for_equal_values(a: Any, b: Any) -> None:
    assert not list(differences(a, json.loads(json.dumps(a))))
    assert bool(list(differences(a, b))) == (a != b) or "nothing" in json.dumps([a, b])


def test_a_second_writer_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        from pipeline.artifacts.ledger import making
        with making(Path(sys.argv[1]), {}):
            print("held", flush=True)
            time.sleep(60)
        """
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout and first.stdout.readline() == "held\n"
        for attempt in (lambda: refuse_busy(tmp_path), lambda: making(tmp_path, {}).__enter__()):
            with pytest.raises(MinecoverError, match=f"being written by process {first.pid} since "):
                attempt()
        first.kill()
        first.wait()
    with making(tmp_path, {}):  # a lock does not outlive its process
        pass


def test_a_holder_on_another_machine_is_named(tmp_path: Path) -> None:
    with making(tmp_path, {}):
        told = {**json.loads((tmp_path / LOCK).read_text()), "boot_id": "other", "host": "elsewhere"}
        (tmp_path / LOCK).write_text(json.dumps(told))
        with pytest.raises(MinecoverError, match="on elsewhere since"):
            refuse_busy(tmp_path)
        (tmp_path / LOCK).write_text("")
        with pytest.raises(MinecoverError, match="another process"):
            refuse_busy(tmp_path)


def test_targets_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(MinecoverError, match="is not a folder"), making(tmp_path / "file" / "run", {}):
        pass
    with pytest.raises(MinecoverError, match="cannot be made"), making(tmp_path / ("n" * 300), {}):
        pass
    with pytest.raises(MinecoverError, match=r"cannot be made.*null"), making(tmp_path / "a\0b", {}):
        pass
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(MinecoverError, match="read-only for this user"):
        refuse_busy(tmp_path / "new" / "run")
    assert names(tmp_path) == {"file"}


def test_a_damaged_ledger_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database" * 100)
    with pytest.raises(MinecoverError, match=r"is damaged.*Delete it"), making(tmp_path, {}):
        pass
    with pytest.raises(MinecoverError, match="is damaged"):
        peek(tmp_path)


def test_a_full_disk_under_the_ledger_is_one_plain_error(tmp_path: Path) -> None:
    with making(tmp_path, {}) as ledger:
        ledger._connection.execute("PRAGMA max_page_count = 1")
        with pytest.raises(MinecoverError, match="full"):
            for number in range(1000):
                ledger.record(Entry(str(number), "x" * 100, "0" * 64, 1))


def test_rows_are_on_the_disk_at_once(tmp_path: Path) -> None:
    with making(tmp_path, {}) as ledger:
        ledger.record(put(tmp_path, "u"))
        with sqlite3.connect(tmp_path / FILE) as other:
            assert other.execute("SELECT unit, sha256 FROM finished").fetchall() == [("u", sha256(tmp_path / "u.bin"))]
        other.close()


def test_a_transaction_that_was_cut_off_is_rolled_back(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with making(tmp_path / "run", {}) as ledger:
        ledger.record(put(tmp_path / "run", "u"))
        connection = ledger._connection
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        for number in range(200):  # more than is kept in memory: the file has been changed, and the journal says how
            connection.execute("INSERT INTO finished VALUES (?, '', '', 0, '', '', ?)", [f"x{number}", "y" * 1000])
        shutil.copytree(tmp_path / "run", tmp_path / "killed")
    assert (tmp_path / "killed" / f"{FILE}-journal").stat().st_size > 0
    assert set(peek(tmp_path / "killed")) == {"u"}
    with making(tmp_path / "killed", {}) as ledger:
        assert set(ledger.finished) == {"u"}


def test_names_with_marks_of_addresses(tmp_path: Path) -> None:
    folder = tmp_path / "run #1 50% ?mode=rw"
    with making(folder, {}) as ledger:
        ledger.record(put(folder, "u"))
    assert set(peek(folder)) == {"u"}
    assert isinstance(ledger, Ledger) and ledgers.PARTIAL == ".part"
