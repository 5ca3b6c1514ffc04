"""SAFE products, in a folder or a zip file: which files they say they hold, and those files, checked, one by one.

A product's `manifest.safe` names each of its files with size and checksum (MD5 until 2021, SHA3-256 since).
Knows nothing of what the files mean.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol

from pipeline.engine.archive.products import unpack
from pipeline.engine.raster import shown
from pipeline.errors import ArchiveError

MANIFEST = "manifest.safe"
MAX_MEMBER_BYTES = 1 << 31
ALGORITHMS: dict[str, Callable[[], Any]] = {
    "MD5": hashlib.md5,
    "SHA256": hashlib.sha256,
    "SHA3256": hashlib.sha3_256,
}


class Store(Protocol):
    """The files of a product by their names relative to its manifest."""

    @property
    def path(self) -> Path:
        """What the user named."""

    def open(self, name: str) -> IO[bytes]:
        """A file to read; KeyError where there is none."""

    def place(self, name: str, work: Path) -> Path | None:
        """Where the file lies already; None if it has to be unpacked."""


@dataclass(frozen=True)
class FolderStore:
    """A product in a folder."""

    path: Path

    def open(self, name: str) -> IO[bytes]:
        """A file to read; links that lead out of the product are refused."""
        return open(self.place(name, self.path), "rb")

    def place(self, name: str, work: Path) -> Path:
        """Where the file lies."""
        found = self.path / name
        if not found.is_file():
            raise KeyError(name)
        if not found.resolve().is_relative_to(self.path.resolve()):
            raise ArchiveError(f"{shown(found)} is a link that leads out of the product. Copy the file into it.")
        return found


@dataclass(frozen=True)
class ZipStore:
    """A product in an open zip file, under a folder of it."""

    path: Path
    found: zipfile.ZipFile
    prefix: str

    def open(self, name: str) -> IO[bytes]:
        """A file to read."""
        return self.found.open(self.prefix + name)

    def place(self, name: str, work: Path) -> None:
        """Nowhere yet."""
        self.found.getinfo(self.prefix + name)


@dataclass(frozen=True)
class Entry:
    """A file as the manifest names it. `size` is None where it does not say."""

    size: int | None
    algorithm: str
    digest: str


@dataclass(frozen=True, eq=False)
class Product:
    """A product whose manifest has been read."""

    store: Store
    entries: Mapping[str, Entry]
    digest: str

    @property
    def name(self) -> str:
        """What the user calls it."""
        return shown(self.store.path)

    def content(self, name: str) -> bytes:
        """The checked content of a small file."""
        entry = self._entry(name)
        with self._reported(name), self.store.open(name) as file:
            found = file.read(unpack.MAX_XML_BYTES + 1)
        self._compare(name, len(found), _digest(entry, found))
        return found

    def file(self, name: str, work: Path) -> Path:
        """A checked file: where it lies, or unpacked into the folder."""
        entry = self._entry(name)
        hashing = _hashing(entry)
        with self._reported(name):
            place = self.store.place(name, work)
            if place is None:
                place = work / PurePosixPath(name).name
                with self.store.open(name) as source:
                    limit = min(entry.size or MAX_MEMBER_BYTES, MAX_MEMBER_BYTES)
                    size = unpack.take(source, place, limit, place.name, hashing.update)
            else:
                size = _hash_file(place, hashing)
        self._compare(name, size, hashing.hexdigest())
        return place

    def _entry(self, name: str) -> Entry:
        if name not in self.entries:
            raise ArchiveError(f"{self.name} does not list {name} in its manifest. Download the product again.")
        return self.entries[name]

    @contextmanager
    def _reported(self, name: str) -> Iterator[None]:
        try:
            yield
        except KeyError as error:
            raise ArchiveError(f"{self.name} lacks {name}, which its manifest lists. Download it again.") from error
        except unpack.BROKEN as error:
            raise ArchiveError(f"{name} of {self.name} cannot be read: {error}. Download it again.") from error

    def _compare(self, name: str, size: int, digest: str) -> None:
        entry = self.entries[name]
        if entry.size is not None and size != entry.size:
            problem = f"has {size} bytes instead of {entry.size}"
        elif digest.lower() != entry.digest.lower():
            problem = f"differs from its {entry.algorithm} checksum"
        else:
            return
        raise ArchiveError(
            f"{PurePosixPath(name).name} {problem}: it is truncated or was changed. Download the product again."
        )


def is_product(path: Path, inside: str) -> bool:
    """Whether a folder or zip file holds a manifest and the file `inside` beside it."""
    if path.is_dir():
        return (path / MANIFEST).is_file() and (path / inside).is_file()
    if path.suffix.lower() != ".zip":
        return False
    names = set(unpack.zip_names(path))
    return any(n.endswith(MANIFEST) and n.removesuffix(MANIFEST) + inside in names for n in names)


@contextmanager
def opened(path: Path) -> Iterator[Product]:
    """The product in a folder or a zip file, for as long as it is needed."""
    if path.is_dir():
        yield _product(FolderStore(path))
        return
    with unpack.opened_zip(path) as found:
        manifests = [n for n in found.namelist() if PurePosixPath(n).name == MANIFEST]
        if len(manifests) != 1:
            raise ArchiveError(f"{shown(path)} holds {len(manifests)} products. Unpack it and give each of them.")
        yield _product(ZipStore(path, found, manifests[0].removesuffix(MANIFEST)))


def _product(store: Store) -> Product:
    what = f"{MANIFEST} of {shown(store.path)}"
    try:
        with store.open(MANIFEST) as file:
            content = file.read(unpack.MAX_XML_BYTES + 1)
    except (KeyError, *unpack.BROKEN) as error:
        raise ArchiveError(f"{what} cannot be read. Download the product again, whole.") from error
    entries = {}
    for stream in unpack.parsed(content, what).iter("byteStream"):
        place, check = stream.find("fileLocation"), stream.find("checksum")
        if place is None or check is None:
            continue
        name = os.path.normpath(place.get("href", "")).replace(os.sep, "/")
        if not unpack.safe_name(name):
            raise ArchiveError(f"{what} names {place.get('href')!r}, which lies outside the product. Leave it out.")
        size = stream.get("size", "")
        entries[name] = Entry(
            int(size) if size.isdigit() else None, check.get("checksumName", ""), (check.text or "").strip()
        )
    return Product(store, entries, hashlib.sha256(content).hexdigest())


def _hashing(entry: Entry) -> Any:
    known = ALGORITHMS.get(entry.algorithm.upper().replace("-", ""))
    if known is None:
        raise ArchiveError(f"A checksum is of the kind {entry.algorithm!r}; known are MD5, SHA-256 and SHA3-256.")
    return known()


def _digest(entry: Entry, content: bytes) -> str:
    hashing = _hashing(entry)
    hashing.update(content)
    return str(hashing.hexdigest())


def _hash_file(path: Path, hashing: Any) -> int:
    with open(path, "rb") as file:
        while chunk := file.read(unpack.CHUNK):
            hashing.update(chunk)
        return file.tell()
