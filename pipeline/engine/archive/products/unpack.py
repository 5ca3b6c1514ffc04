"""What lies in zip and gzip files, and XML: taken out with limits, since all of it may be hostile.

Nothing is written but under the name that the caller chooses, and never more than the caller allows.
"""

from __future__ import annotations

import gzip
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO
from xml.etree import ElementTree

from pipeline.engine.raster import shown
from pipeline.errors import ArchiveError

MAX_MEMBERS = 20_000
MAX_XML_BYTES = 1 << 26
MAX_RASTER_BYTES = 1 << 34
CHUNK = 1 << 20
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError)
"""What broken archives raise; RuntimeError stands for encryption and kinds of compression that are not known."""


@contextmanager
def opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """The zip file, if every name in it stays inside the folder that it would be unpacked to."""
    try:
        with zipfile.ZipFile(path) as found:
            _refuse_unsafe(path, found)
            yield found
    except BROKEN as error:
        raise ArchiveError(f"{shown(path)} is not a whole zip file: {error}. Download it again.") from error


def safe_name(name: str) -> bool:
    """Whether a relative name stays inside its folder on every system."""
    parts = PurePosixPath(name).parts
    return bool(parts) and ".." not in parts and not name.startswith("/") and not set(name) & set("\\:\0")


def zip_names(path: Path) -> list[str]:
    """The names in a zip file; none where it cannot be read as one. Nothing is checked."""
    try:
        with zipfile.ZipFile(path) as found:
            return found.namelist()
    except BROKEN:
        return []


def take(
    source: IO[bytes] | gzip.GzipFile,
    target: Path,
    limit: int,
    what: str,
    hashing: Callable[[bytes], None] | None = None,
) -> int:
    """The number of bytes copied to the target; refuses to copy more than the limit."""
    written = 0
    try:
        with open(target, "wb") as file:
            while chunk := source.read(CHUNK):
                written += len(chunk)
                if written > limit:
                    raise ArchiveError(
                        f"{what} unpacks to more than {limit} bytes, so it is not what it says. Leave it out."
                    )
                if hashing:
                    hashing(chunk)
                file.write(chunk)
    except BROKEN as error:
        raise ArchiveError(
            f"{what} cannot be unpacked: {error}. Download it again, and check the free space."
        ) from error
    return written


def gunzipped(path: Path, work: Path) -> Path:
    """The content of a gzip file under its own name in the folder; no more than the disk can hold."""
    limit = min(MAX_RASTER_BYTES, shutil.disk_usage(work).free // 2)
    target = work / path.name.removesuffix(".gz")
    try:
        with gzip.open(path) as source:
            take(source, target, limit, shown(path))
    except BROKEN as error:
        raise ArchiveError(f"{shown(path)} is not a whole gzip file: {error}. Download it again.") from error
    return target


def parsed(content: bytes, what: str) -> ElementTree.Element:
    """The root of an XML document. Entities are refused: a few lines of them can fill any memory."""
    if len(content) > MAX_XML_BYTES or b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise ArchiveError(
            f"{what} is no metadata file: it is too large or defines entities. Download the product again."
        )
    try:
        return ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise ArchiveError(f"{what} is not valid XML ({error}). Download the product again.") from error


def _refuse_unsafe(path: Path, found: zipfile.ZipFile) -> None:
    members = found.infolist()
    if len(members) > MAX_MEMBERS:
        raise ArchiveError(f"{shown(path)} holds {len(members)} files; at most {MAX_MEMBERS} are read. Leave it out.")
    for member in members:
        if not safe_name(member.filename) or stat.S_ISLNK(member.external_attr >> 16):
            raise ArchiveError(
                f"{shown(path)} holds {member.filename!r}, which would be unpacked outside its folder. Leave it out."
            )
        if member.flag_bits & 1:
            raise ArchiveError(f"{shown(path)} is encrypted. Unpack it first.")
