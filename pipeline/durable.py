"""Writing to a folder so that a crash at any moment leaves the old state or the new one, and nothing between."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from pipeline.errors import ArchiveError

STAGING = ".staging"
LOCK = ".lock"


def write_text(path: Path, text: str) -> None:
    """Put a whole text file in place at once."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Put a whole file in place at once."""
    temporary = path.with_name(f".{path.name[:100]}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)


def sync(path: Path) -> None:
    """Have the disk keep a file, or a folder's names, now."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folders(path: Path, root: Path) -> None:
    """The folder and its parents below the root, each kept on disk."""
    missing = [p for p in (path, *path.parents) if p.is_relative_to(root) and not p.exists()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


@contextmanager
def locked(root: Path, shared: bool = False) -> Iterator[None]:
    """Only one process changes the archive at a time. The lock goes with its process, however that ends.

    Readers share it among themselves, and do without where they may not create it: then nobody here can write.
    """
    if shared and not os.access(root / LOCK, os.R_OK | os.W_OK):
        yield
        return
    with _opened(root / LOCK) as descriptor, reported(root):
        fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


@contextmanager
def staging(root: Path) -> Iterator[Path]:
    """A private folder on the archive's own disk, gone afterwards; those of killed processes are removed too."""
    parent = root / STAGING
    with ExitStack() as owned, reported(root):
        owned.callback(_remove_empty, parent)
        with _claimed(parent):
            for left in (p for p in parent.iterdir() if p.is_dir()):
                _remove_abandoned(left)
            folder = Path(tempfile.mkdtemp(dir=parent))
            owned.callback(shutil.rmtree, folder, ignore_errors=True)
            descriptor = owned.enter_context(_opened(folder / LOCK))
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder


@contextmanager
def reported(root: Path) -> Iterator[None]:
    """Failures of the disk as one plain message."""
    try:
        yield
    except OSError as error:
        raise ArchiveError(
            f"'{error.filename or root}' could not be written: {error.strerror or error}. Nothing half-written was "
            f"kept; check its free space and permissions, and do it again."
        ) from error


def writable(root: Path) -> None:
    """Refuse, before any work is done, an archive that cannot be written to."""
    if not root.is_dir():
        raise ArchiveError(f"There is no archive '{root}'. Make one with `minecover archive create {root}`.")
    if not os.access(root, os.W_OK | os.X_OK):
        raise ArchiveError(f"'{root}' is read-only for this user. Change its permissions or use another folder.")


@contextmanager
def _claimed(parent: Path) -> Iterator[None]:
    """The staging folder, made and locked. Whoever leaves it last removes it, lock and all: then it is made anew."""
    with ExitStack() as held:
        while True:
            parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                descriptor = os.open(parent / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
                held.callback(os.close, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.path.samestat(os.fstat(descriptor), os.stat(parent / LOCK)):
                    break
            held.close()
        yield


def _remove_empty(parent: Path) -> None:
    with suppress(OSError), _claimed(parent):
        if os.listdir(parent) == [LOCK]:
            (parent / LOCK).unlink()
            parent.rmdir()


def _remove_abandoned(folder: Path) -> None:
    try:
        with _opened(folder / LOCK) as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    except (OSError, ArchiveError):
        return


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise ArchiveError(
            f"'{path.parent}' cannot be written to: {error.strerror}. Change its permissions."
        ) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)
