"""Archives: scenes under Earth Engine's asset ids, in a folder or behind a STAC API."""

from __future__ import annotations

from pathlib import Path

from pipeline.engine.archive.check import Finding, check
from pipeline.engine.archive.folder import FolderArchive
from pipeline.engine.archive.ingest import Added, add
from pipeline.engine.archive.model import Archive
from pipeline.engine.archive.stacapi import StacApiArchive

__all__ = ["Added", "Archive", "Finding", "FolderArchive", "StacApiArchive", "add", "check", "open_archive"]


def open_archive(where: str | Path, table: str | Path | None = None) -> Archive:
    """The archive in a folder, or behind a STAC API given as https://HOST/PATH, http://… or stac+https://….

    `table` names the packaged mapping (`earth-search`, `planetary-computer`) or a file; it may also follow the
    address as `#earth-search`, and is known for those two addresses themselves.
    """
    address = str(where).removeprefix("stac+")
    if address.startswith(("http://", "https://")):
        address, _, named = address.partition("#")
        return StacApiArchive(address, table or named or None)
    return FolderArchive(where)
