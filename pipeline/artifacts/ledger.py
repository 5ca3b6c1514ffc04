"""A folder of finished files that a crash cannot spoil: who may write to it, what it is made from, what is finished.

    with making(folder, parameters) as ledger:
        for unit in units:
            if unit not in ledger.finished:
                ledger.record(deliver(folder / name, unit, write, check))

A file has its final name only when it is whole; a unit is finished only when its row is in the ledger. The ledger may
hold times; files must not, so that an interrupted run ends with the same bytes.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline import durable
from pipeline.errors import MinecoverError

FILE = "ledger.sqlite"
LOCK = ".lock"
PARTIAL = ".part"
LEFT_BEHIND = (f".*{PARTIAL}", ".*.tmp")  # ours, and those of durable.write_text
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
ABSENT = "nothing"
SCHEMA = """
CREATE TABLE IF NOT EXISTS made_from (parameters TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS finished (
    unit TEXT PRIMARY KEY, file TEXT NOT NULL, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL,
    fingerprint TEXT NOT NULL, finished TEXT NOT NULL, facts TEXT NOT NULL
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Entry:
    """A finished unit of work: its file (relative to the folder), and what is known of it.

    `facts` are whatever the stage wants to know later without opening the file; JSON values.
    """

    unit: str
    file: str
    sha256: str
    bytes: int
    facts: dict[str, Any] = field(default_factory=dict)
    finished: str = ""


class Ledger:
    """What is finished in a folder, in SQLite. To be used by one thread."""

    def __init__(self, folder: Path, parameters: Mapping[str, Any]) -> None:
        self.folder = folder
        self.fingerprint = fingerprint(parameters)
        with _reported(folder), ExitStack() as opened:
            self._connection = opened.enter_context(closing(sqlite3.connect(folder / FILE, isolation_level=None)))
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.executescript(SCHEMA)
            self._claim(parameters)
            opened.pop_all()

    @property
    def finished(self) -> dict[str, Entry]:
        """Finished units by name."""
        with _reported(self.folder):
            return {e.unit: e for e in _entries(self._connection)}

    def record(self, entry: Entry) -> Entry:
        """Have the disk keep that a unit is finished, now."""
        moment = datetime.now(UTC).isoformat(timespec="seconds")
        values = (entry.unit, entry.file, entry.sha256, entry.bytes, self.fingerprint, moment, json.dumps(entry.facts))
        with _reported(self.folder):
            self._connection.execute("INSERT OR REPLACE INTO finished VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        return replace(entry, finished=moment)

    def drop_unsound(self) -> list[Entry]:
        """Finished units whose file is gone or has other bytes; they are not finished any more."""
        wrong = [e for e in self.finished.values() if not _is_sound(self.folder, e)]
        with _reported(self.folder):
            for entry in wrong:
                self._connection.execute("DELETE FROM finished WHERE unit = ?", [entry.unit])
        return wrong

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def _claim(self, parameters: Mapping[str, Any]) -> None:
        """Note what the folder is made from; refuse to go on with something else where anything is finished."""
        changed = _changes(self._connection, parameters)
        if changed and any(_entries(self._connection)):
            raise MinecoverError(
                f"'{self.folder}' was begun with other parameters: {'; '.join(changed)}. Choose another output folder, "
                f"or delete this one."
            )
        if changed:
            self._connection.execute("DELETE FROM made_from")
        first = "INSERT INTO made_from SELECT ? WHERE NOT EXISTS (SELECT * FROM made_from)"
        self._connection.execute(first, [json.dumps(parameters, sort_keys=True)])


@contextmanager
def making(folder: Path, parameters: Mapping[str, Any], anew: bool = False) -> Iterator[Ledger]:
    """The ledger of a folder that nobody else writes to meanwhile; what a killed run left half-written is removed.

    Raises MinecoverError where the folder cannot be written to, is in use, or holds what was finished with other
    parameters; with `anew` it is emptied in that last case.
    """
    _make_folder(folder)
    with _held(folder):
        for left in (p for pattern in LEFT_BEHIND for p in folder.rglob(pattern)):
            left.unlink(missing_ok=True)
        if anew and changes(folder, parameters):
            _empty(folder)
        ledger = Ledger(folder, parameters)
        with closing(ledger):
            yield ledger


def changes(folder: Path, parameters: Mapping[str, Any]) -> list[str]:
    """What differs in these parameters from those that the folder was begun with; nothing where it was not begun."""
    if not (folder / FILE).is_file():
        return []
    place = (folder / FILE).absolute().as_uri()
    with _reported(folder), closing(sqlite3.connect(f"{place}?mode=rw", uri=True)) as connection:
        connection.executescript(SCHEMA)
        return _changes(connection, parameters)


def peek(folder: Path) -> dict[str, Entry]:
    """Finished units of a folder by name, without claiming it; none where there is no ledger."""
    if not (folder / FILE).is_file():
        return {}
    # To be read only, but a transaction that a killed run left open has to be rolled back first.
    place = (folder / FILE).absolute().as_uri()
    with _reported(folder), closing(sqlite3.connect(f"{place}?mode=rw", uri=True)) as connection:
        return {e.unit: e for e in _entries(connection)}


def deliver(path: Path, folder: Path, unit: str, write: Callable[[Path], None], check: Callable[[Path], None]) -> Entry:
    """The entry of a file that is now whole, in place and on the disk; not in the ledger yet.

    `write` makes the file under another name in the same folder; `check` opens it anew and raises if not every block
    can be read. A failure leaves nothing behind.
    """
    temporary = path.with_name(f".{path.name}{PARTIAL}")
    try:
        write(temporary)
        check(temporary)
        durable.sync(temporary)
        digest, size = sha256(temporary), temporary.stat().st_size
        os.replace(temporary, path)
        durable.sync(path.parent)
    except OSError as error:
        why = str(error.strerror or error).rstrip(".")
        raise MinecoverError(
            f"'{path}' could not be written: {why}. Nothing half-written was kept. Check the free space and the rights "
            f"of its folder, and run the same command again: it goes on where it was."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return Entry(unit, path.relative_to(folder).as_posix(), digest, size)


def fingerprint(parameters: Mapping[str, Any]) -> str:
    """The SHA-256 of parameters, whatever the order of their names."""
    return hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def differences(before: Any, now: Any, name: str = "") -> Iterator[str]:
    """`name was A, now B` for every value that differs between two JSON objects."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted({*before, *now}):
            yield from differences(before.get(key, ABSENT), now.get(key, ABSENT), f"{name}.{key}" if name else key)
    elif before != now:
        yield f"{name} was {_short(before)}, now {_short(now)}"


def _changes(connection: sqlite3.Connection, parameters: Mapping[str, Any]) -> list[str]:
    row = connection.execute("SELECT parameters FROM made_from").fetchone()
    return list(differences(json.loads(row[0]), json.loads(json.dumps(parameters)))) if row else []


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:24]}…{text[-24:]}"


def _entries(connection: sqlite3.Connection) -> Iterator[Entry]:
    query = "SELECT unit, file, sha256, bytes, facts, finished FROM finished ORDER BY unit"
    for unit, file, digest, size, facts, finished in connection.execute(query):
        yield Entry(unit, file, digest, size, json.loads(facts), finished)


def _is_sound(folder: Path, entry: Entry) -> bool:
    path = folder / entry.file
    return path.is_file() and path.stat().st_size == entry.bytes and sha256(path) == entry.sha256


def refuse_busy(folder: Path) -> None:
    """Refuse early, without touching anything, a folder that cannot be written to or that somebody is writing to."""
    place = nearest(folder)
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        what = "is read-only for this user" if place.is_dir() else "is not a folder"
        raise MinecoverError(f"'{place}' {what}. Choose another output folder.")
    if os.path.exists(folder / LOCK):
        with _held(folder):
            pass


def nearest(path: Path) -> Path:
    """The path itself, or the closest folder above it that is there."""
    return next(p for p in (path.absolute(), *path.absolute().parents) if os.path.exists(p))


def _empty(folder: Path) -> None:
    """Remove all but the lock, the ledger first: after a crash on the way nothing counts as finished."""
    for path in (folder / FILE, *(p for p in folder.iterdir() if p.name not in (FILE, LOCK))):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    refuse_busy(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise MinecoverError(f"'{folder}' cannot be made: {why}. Choose another output folder.") from error


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """The folder's lock, which goes with this process however it ends. Its file says who holds it."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise MinecoverError(f"'{folder}' cannot be written to: {error.strerror}. Choose another folder.") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise MinecoverError(f"'{folder}' is being written by {_holder(folder)}. Wait until it is done.") from error
        try:
            os.truncate(descriptor, 0)
            os.write(descriptor, json.dumps(_self()).encode())
        except OSError as error:
            raise MinecoverError(
                f"'{folder / LOCK}' could not be written: {error.strerror}. Check the free space and the rights of its "
                f"folder."
            ) from error
        yield
        with suppress(OSError):
            os.truncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _self() -> dict[str, Any]:
    boot = BOOT_ID.read_text().strip() if BOOT_ID.exists() else ""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {"pid": os.getpid(), "host": os.uname().nodename, "boot_id": boot, "since": since}


def _holder(folder: Path) -> str:
    """Who holds the lock, as the lock's file says: a process here, or on another machine that shares the disk."""
    try:
        told = json.loads((folder / LOCK).read_text())
        here = told["boot_id"] == _self()["boot_id"]
        return f"process {told['pid']}{'' if here else ' on ' + told['host']} since {told['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


@contextmanager
def _reported(folder: Path) -> Iterator[None]:
    """Failures of the database as one plain message."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise MinecoverError(
            f"The ledger of '{folder}' could not be used: {error}. Check the free space and the rights of the folder."
        ) from error
    except (sqlite3.DatabaseError, json.JSONDecodeError) as error:
        raise MinecoverError(
            f"The ledger '{folder / FILE}' is damaged: {error}. Delete it and run again; all files are made anew."
        ) from error
