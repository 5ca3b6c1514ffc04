import json
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engine.archive.index import FILE, Index

Thing = dict[str, Any]


def put(root: Path, name: str, box: list[float] | None = None, **properties: Any) -> Path:
    """An item file, written without the archive's knowing."""
    folder = root / "C" / name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"id": name, "properties": {"datetime": None, **properties}, "bbox": box, "assets": {}}))
    return path


def names(index: Index, **query: Any) -> list[str]:
    return [row.name for row in index.find("C", **query)]


def test_items_that_come_and_go_are_noticed(tmp_path: Path) -> None:
    index = Index(tmp_path)
    put(tmp_path, "b")
    put(tmp_path, "a")
    assert names(index) == ["a", "b"]
    put(tmp_path, "c")
    (tmp_path / "C" / "a" / "a.json").unlink()
    (tmp_path / "C" / "a").rmdir()
    assert names(index) == ["b", "c"]


def test_flat_items_are_found(tmp_path: Path) -> None:
    put(tmp_path, "b")
    (tmp_path / "C" / "a.json").write_text(json.dumps({"id": "a", "properties": {}}))
    assert [(r.name, r.path) for r in Index(tmp_path).find("C")] == [("a", "a.json"), ("b", "b/b.json")]


def test_a_change_is_followed_at_once_and_by_others(tmp_path: Path) -> None:
    put(tmp_path, "a", x=1)
    mine, other = Index(tmp_path), Index(tmp_path)
    assert names(mine, properties=[("x", "==", 1)]) == ["a"]
    with mine.changing("C", "a"):
        put(tmp_path, "a", x=2)
    for index in (mine, other, Index(tmp_path)):
        assert names(index, properties=[("x", "==", 1)]) == []
        assert names(index, properties=[("x", "==", 2)]) == ["a"]


def test_a_change_that_is_cut_short_is_noticed(tmp_path: Path) -> None:
    put(tmp_path, "a", x=1)
    index = Index(tmp_path)
    names(index)
    with pytest.raises(KeyboardInterrupt), index.changing("C", "a"):
        put(tmp_path, "a", x=22)
        raise KeyboardInterrupt
    assert names(Index(tmp_path), properties=[("x", "==", 22)]) == ["a"]


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to be read as one" * 50, b""])
def test_a_damaged_index_is_made_anew(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, "a")
    names(Index(tmp_path))
    (tmp_path / FILE).write_bytes(content)
    assert names(Index(tmp_path)) == ["a"]


def test_every_damage_of_the_index_is_survived(tmp_path: Path) -> None:
    for i in range(30):
        put(tmp_path, f"a{i}", [i, 0, i + 1, 1], x=i)
    names(Index(tmp_path))
    good = (tmp_path / FILE).read_bytes()
    wanted = [f"a{i}" for i in sorted(range(3, 30), key=str)]
    for cut in range(0, len(good), len(good) // 12):
        (tmp_path / FILE).write_bytes(good[:cut])
        assert names(Index(tmp_path), properties=[("x", ">=", 3)]) == wanted


def test_an_older_index_is_replaced(tmp_path: Path) -> None:
    put(tmp_path, "a")
    old = sqlite3.connect(tmp_path / FILE)
    old.execute("CREATE TABLE items (something_else)")
    old.commit()
    old.close()
    assert names(Index(tmp_path)) == ["a"]


def test_an_archive_that_cannot_be_written_to_is_searched_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "a")
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert names(Index(tmp_path)) == ["a"]
    assert not (tmp_path / FILE).exists()


def test_broken_item_files_do_not_stop_a_query(tmp_path: Path) -> None:
    put(tmp_path, "a").write_text("{")
    put(tmp_path, "b").write_text("[1]")
    put(tmp_path, "c")
    assert names(Index(tmp_path)) == ["c"]


def test_boxes_meet_across_the_antimeridian(tmp_path: Path) -> None:
    put(tmp_path, "fiji", [177, -20, -178, -15])
    put(tmp_path, "unbounded")
    index = Index(tmp_path)
    assert names(index, bbox=(-179.5, -18, -179, -17)) == ["fiji", "unbounded"]
    assert names(index, bbox=(179, -18, -179, -17)) == ["fiji", "unbounded"]
    assert names(index, bbox=(0, -18, 10, -17)) == ["unbounded"]


THINGS = st.fixed_dictionaries(
    {
        "west": st.integers(-20, 20),
        "south": st.integers(-20, 20),
        "time": st.integers(0, 20),
        "cloud": st.one_of(st.none(), st.floats(0, 100)),
        "pass": st.sampled_from(["ASC", "DESC"]),
    }
)


@settings(max_examples=25, deadline=None)
@given(st.lists(THINGS, max_size=12), THINGS, THINGS)
def test_candidates_are_what_a_plain_scan_finds(
    tmp_path_factory: pytest.TempPathFactory, things: list[Thing], low: Thing, high: Thing
) -> None:
    root = tmp_path_factory.mktemp("i")
    (root / "C").mkdir()
    for i, t in enumerate(things):
        box = [t["west"], t["south"], t["west"] + 1, t["south"] + 1]
        put(root, f"{i:02}", box, cloud=t["cloud"], **{"system:time_start": t["time"], "pass": t["pass"]})
    limit = low["cloud"] or 0.0
    found = names(
        Index(root),
        bbox=(low["west"], low["south"], low["west"] + 9, low["south"] + 9),
        start=low["time"],
        end=high["time"],
        properties=[("cloud", "lessThan", limit), ("pass", "inList", ["ASC"]), ("cloud", "someday", 3)],
    )
    wanted = [
        f"{i:02}"
        for i, t in enumerate(things)
        if low["west"] - 1 <= t["west"] <= low["west"] + 9
        and low["south"] - 1 <= t["south"] <= low["south"] + 9
        and low["time"] <= t["time"] < high["time"]
        and t["cloud"] is not None
        and t["cloud"] < limit
        and t["pass"] == "ASC"
    ]
    assert found == wanted


def test_many_threads_and_a_writer(tmp_path: Path) -> None:
    put(tmp_path, "a")
    index = Index(tmp_path)
    wrong: list[list[str]] = []

    def read() -> None:
        own = Index(tmp_path)
        for _ in range(30):
            found = names(own)
            if found != sorted(found) or "a" not in found:
                wrong.append(found)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for i in range(20):
        with index.changing("C", f"n{i}"):
            put(tmp_path, f"n{i}")
    for thread in threads:
        thread.join()
    assert not wrong and len(names(Index(tmp_path))) == 21
