"""A disposable SQLite index over the item files: which images of a collection may answer a query.

The item files are the truth. A collection's rows are valid for one modification time of its folder; every writer
changes that time before it touches an item, so rows left behind by a crash are noticed and read again.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, NamedTuple

from pipeline import durable
from pipeline.engine.archive import document as stac
from pipeline.engine.archive.model import BBox, Condition
from pipeline.errors import ArchiveError

FILE = ".index.sqlite"
SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE collections (id TEXT PRIMARY KEY, stamp INTEGER) WITHOUT ROWID;
CREATE TABLE items (
    id INTEGER PRIMARY KEY, collection TEXT, name TEXT, path TEXT, start INTEGER, stop INTEGER, modified INTEGER,
    size INTEGER, properties TEXT, UNIQUE (collection, name)
);
CREATE INDEX items_start ON items (collection, start);
CREATE VIRTUAL TABLE boxes USING rtree (id, west, east, south, north);
"""
OPERATORS = {
    "equals": "=",
    "==": "=",
    "lessThan": "<",
    "<": "<",
    "lessThanOrEquals": "<=",
    "<=": "<=",
    "greaterThan": ">",
    ">": ">",
    "greaterThanOrEquals": ">=",
    ">=": ">=",
    "inList": "IN",
    "in": "IN",
}


class Row(NamedTuple):
    """A found item: its `system:index` and its file, relative to the collection's folder."""

    name: str
    path: str


class Entry(NamedTuple):
    """An item file as it was found: index, relative path, modification time (ns) and size."""

    name: str
    path: str
    modified: int
    size: int


class Index:
    """The index of one archive folder. Safe to use from several threads and several processes."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._in_memory = False
        self._writer: int | None = None

    def __reduce__(self) -> tuple[type[Index], tuple[Path]]:
        """Another process opens the index for itself: plans travel to it with their archive."""
        return Index, (self._root,)

    def find(
        self,
        collection: str,
        bbox: BBox | None = None,
        start: int | None = None,
        end: int | None = None,
        properties: Sequence[Condition] | None = None,
    ) -> list[Row]:
        """Candidates in the order of their `system:index`."""
        where, values = ["collection = ?"], [collection]
        for clause, given in _clauses(bbox, start, end, properties or ()):
            where.append(clause)
            values.extend(given)
        query = f"SELECT name, path FROM items WHERE {' AND '.join(where)} ORDER BY name"
        return [Row(*row) for row in self._run(lambda c: self._fresh(c, collection).execute(query, values).fetchall())]

    def extent(self, collection: str) -> tuple[BBox | None, int | None, int | None]:
        """The box around all items, and the first and last `system:time_start`."""
        area = (
            "SELECT min(west), min(south), max(east), max(north) FROM boxes "
            "WHERE id >> 1 IN (SELECT id FROM items WHERE collection = ?)"
        )
        span = "SELECT min(start), max(max(start, coalesce(stop, start))) FROM items WHERE collection = ?"

        def ask(connection: sqlite3.Connection) -> tuple[Any, Any]:
            self._fresh(connection, collection)
            box = connection.execute(area, [collection]).fetchone()
            return box, connection.execute(span, [collection]).fetchone()

        box, (first, last) = self._run(ask)
        return (None if box[0] is None else box), first, last

    @contextmanager
    def changing(self, collection: str, name: str) -> Iterator[None]:
        """Hold the archive's lock while one item's file is written or removed, and follow with its row."""
        folder = self._root / collection
        with durable.locked(self._root), self._writing():
            current = self._run(lambda c: _stamp(c, collection) == os.stat(folder).st_mtime_ns)
            moment = time.time_ns()
            os.utime(folder, ns=(moment, moment))
            yield
            if current:
                self._run(lambda c: self._follow(c, collection, name))

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._writer = threading.get_ident()
        try:
            yield
        finally:
            self._writer = None

    def _run(self, ask: Callable[[sqlite3.Connection], Any]) -> Any:
        """Ask the database; where its file cannot be written, use memory; where it is damaged, make it anew."""
        with self._lock:
            try:
                return ask(self._open())
            except sqlite3.OperationalError as error:
                if "locked" in str(error):
                    raise ArchiveError(f"The index of '{self._root}' is busy. Try again in a minute.") from error
                self._in_memory = True
            except sqlite3.DatabaseError:
                (self._root / FILE).unlink(missing_ok=True)
            self.close()
            return ask(self._open())

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._in_memory |= not os.access(self._root, os.W_OK)
            place = ":memory:" if self._in_memory else str(self._root / FILE)
            connection = sqlite3.connect(place, timeout=30, isolation_level=None, check_same_thread=False)
            if connection.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
                with _transaction(connection):
                    _make_schema(connection)
            self._connection = connection
        return self._connection

    def _fresh(self, connection: sqlite3.Connection, collection: str) -> sqlite3.Connection:
        folder = self._root / collection
        if _stamp(connection, collection) == os.stat(folder).st_mtime_ns:
            return connection
        alone = nullcontext() if self._writer == threading.get_ident() else durable.locked(self._root, shared=True)
        with alone, _transaction(connection):
            moment = os.stat(folder).st_mtime_ns
            if _stamp(connection, collection) != moment:
                _scan(connection, collection, folder)
                _set_stamp(connection, collection, moment)
        return connection

    def _follow(self, connection: sqlite3.Connection, collection: str, name: str) -> None:
        folder = self._root / collection
        with _transaction(connection):
            row = connection.execute("SELECT id FROM items WHERE collection = ? AND name = ?", [collection, name])
            for (old,) in row.fetchall():
                _forget(connection, old)
            with suppress(FileNotFoundError):
                path = f"{name}/{name}.json"
                status = os.stat(folder / path)
                _remember(connection, collection, Entry(name, path, status.st_mtime_ns, status.st_size), folder)
            _set_stamp(connection, collection, os.stat(folder).st_mtime_ns)


def item_files(folder: Path) -> Iterator[Entry]:
    """The item files of a collection: `NAME/NAME.json`, or `NAME.json` for flat layouts made elsewhere."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name in ("collection.json", "catalog.json"):
                continue
            name = entry.name.removesuffix(".json")
            path = entry.name if name != entry.name else f"{name}/{name}.json"
            with suppress(FileNotFoundError, NotADirectoryError):
                status = os.stat(folder / path)
                yield Entry(name, path, status.st_mtime_ns, status.st_size)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _stamp(connection: sqlite3.Connection, collection: str) -> int | None:
    found = connection.execute("SELECT stamp FROM collections WHERE id = ?", [collection]).fetchone()
    return found[0] if found else None


def _set_stamp(connection: sqlite3.Connection, collection: str, moment: int) -> None:
    connection.execute("INSERT OR REPLACE INTO collections VALUES (?, ?)", [collection, moment])


def _make_schema(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION:
        return
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        if not name.startswith(("boxes_", "sqlite_")):
            connection.execute(f"DROP TABLE {name}")
    for statement in SCHEMA.strip().split(";"):
        if statement.strip():
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _scan(connection: sqlite3.Connection, collection: str, folder: Path) -> None:
    """Make the rows agree with the files, reading only those that are new or changed."""
    query = "SELECT name, id, path, modified, size FROM items WHERE collection = ?"
    known = {row[0]: row[1:] for row in connection.execute(query, [collection])}
    seen = set()
    for entry in item_files(folder):
        seen.add(entry.name)
        old = known.get(entry.name)
        if old is None or old[1:] != entry[1:]:
            if old is not None:
                _forget(connection, old[0])
            _remember(connection, collection, entry, folder)
    for name in known.keys() - seen:
        _forget(connection, known[name][0])


def _remember(connection: sqlite3.Connection, collection: str, entry: Entry, folder: Path) -> None:
    try:
        document = json.loads((folder / entry.path).read_bytes())
        properties = stac.engine_properties(document)
        boxes = stac.boxes(document)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return  # `minecover archive check` names such files; a query goes on without them
    scalars = {k: v for k, v in properties.items() if isinstance(v, (str, int, float))}
    row = connection.execute(
        "INSERT INTO items (collection, name, path, start, stop, modified, size, properties) VALUES (?,?,?,?,?,?,?,?)",
        [
            collection,
            entry.name,
            entry.path,
            _integer(properties.get("system:time_start")),
            _integer(properties.get("system:time_end")),
            entry.modified,
            entry.size,
            json.dumps(scalars, separators=(",", ":")),
        ],
    ).lastrowid
    assert row is not None
    for part, (west, south, east, north) in enumerate(boxes):
        connection.execute("INSERT INTO boxes VALUES (?,?,?,?,?)", [2 * row + part, west, east, south, north])


def _forget(connection: sqlite3.Connection, row: int) -> None:
    connection.execute("DELETE FROM boxes WHERE id IN (?, ?)", [2 * row, 2 * row + 1])
    connection.execute("DELETE FROM items WHERE id = ?", [row])


def _integer(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, float)) else None


def _clauses(
    bbox: BBox | None, start: int | None, end: int | None, properties: Sequence[Condition]
) -> Iterator[tuple[str, list[Any]]]:
    if start is not None:
        yield "start >= ?", [start]
    if end is not None:
        yield "start < ?", [end]
    if bbox is not None:
        parts = stac.split_box(bbox)
        meets = " OR ".join(["(east >= ? AND west <= ? AND north >= ? AND south <= ?)"] * len(parts))
        values = [v for w, s, e, n in parts for v in (w, e, s, n)]
        yield f"id IN (SELECT id >> 1 FROM boxes WHERE {meets})", values
    for condition in properties:
        yield from _property_clause(*condition)


def _property_clause(name: str, operator: str, value: Any) -> Iterator[tuple[str, list[Any]]]:
    """A condition in SQL, or nothing where SQLite would not compare as Earth Engine does: candidates may be more."""
    sign = OPERATORS.get(operator)
    values = list(value) if sign == "IN" and isinstance(value, (list, tuple)) else [value]
    if sign is None or '"' in name or "\\" in name or len(values) > 500:
        return
    if not all(isinstance(v, (str, int, float)) for v in values):
        return
    columns = {"system:index": "name", "system:time_start": "start", "system:time_end": "stop"}
    column = columns.get(name, "json_extract(properties, ?)")
    path = [] if name in columns else [f'$."{name}"']
    marks = f"({','.join('?' * len(values))})" if sign == "IN" else "?"
    yield f"{column} {sign} {marks}", path + values
