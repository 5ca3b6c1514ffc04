"""Checking an archive in a folder: does every image hold what its item file says, down to the last block?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import durable
from pipeline.engine.archive import cog, document, ids
from pipeline.engine.archive.folder import FolderArchive
from pipeline.engine.archive.model import BandFile, Item, TableAsset
from pipeline.engine.raster import shown
from pipeline.errors import ArchiveError

OWN_FILES = ("catalog.json", "collection.json")


@dataclass(frozen=True)
class Finding:
    """Something wrong with an asset, and what to do about it. Not `serious`: untidy, but no answer is affected."""

    asset: str
    problem: str
    serious: bool = True


def check(archive: FolderArchive | str | Path, *, pixels: bool = True) -> Iterator[Finding]:
    """What is wrong, asset by asset. Without `pixels` checksums and blocks are not read, only headers and sizes."""
    folder = archive if isinstance(archive, FolderArchive) else FolderArchive(archive)
    used: set[str] = set()
    present: set[str] = set()
    for place, below, names in os.walk(folder.root):
        below[:] = sorted(d for d in below if not d.startswith(".") and Path(place, d) != folder.root / ids.EXPORTS)
        for name in sorted(n for n in names if not n.startswith(".") and n not in OWN_FILES):
            path = Path(place, name)
            if name.endswith(".json"):
                yield from _check_document(folder, path, pixels, used)
            else:
                present.add(os.path.realpath(path))
    for left in sorted(present - used):
        relative = os.path.relpath(left, folder.root)
        yield Finding(relative, "belongs to no image; a stopped run may have left it. Remove it.", serious=False)
    yield from _left_over(folder.root)


def _check_document(folder: FolderArchive, path: Path, pixels: bool, used: set[str]) -> Iterator[Finding]:
    asset_id = _asset_id(path.relative_to(folder.root))
    try:
        found = folder.find_document(asset_id)
        asset = folder.describe(asset_id)
    except ArchiveError as error:
        yield Finding(asset_id, str(error))
        return
    if isinstance(asset, TableAsset):
        used.add(asset.href)
        if not os.path.isfile(asset.href):
            yield Finding(asset_id, f"{shown(asset.href)} is missing. Write the table again with overwrite.")
    elif isinstance(asset, Item) and found is not None:
        yield from _check_item(folder, asset, found, pixels, used)
    else:
        yield Finding(asset_id, f"{shown(path)} is not the file of an asset. Remove it.", serious=False)


def _check_item(
    folder: FolderArchive, item: Item, found: tuple[Path, dict[str, Any]], pixels: bool, used: set[str]
) -> Iterator[Finding]:
    if not item.bands:
        yield Finding(item.id, "has no bands. Add the image again with --overwrite.")
    by_file: dict[str, list[BandFile]] = {}
    for band in item.bands:
        by_file.setdefault(band.href, []).append(band)
    recorded = {
        document.inside(href, found[0].parent, folder.root): (size, digest)
        for _, href, size, digest in document.stored_files(found[1])
    }
    for href, bands in by_file.items():
        used.add(href)
        try:
            problem = _wrong(href, bands, *recorded[href], pixels)
        except ArchiveError as error:
            problem = str(error)
        if problem:
            yield Finding(item.id, problem)


def _wrong(href: str, bands: list[BandFile], size: int, digest: str, pixels: bool) -> str | None:
    again = "Add it again from the original with --overwrite."
    header = cog.header(href, bands[0].projection.crs)
    band = bands[0]
    differs = [
        what
        for what, stored, said in (
            ("size", (header.width, header.height), (band.width, band.height)),
            ("CRS", header.crs, band.projection.crs),
            ("geotransform", header.transform, band.projection.transform),
        )
        if stored != said
    ]
    if differs:
        return f"{shown(href)} and the item file disagree on {', '.join(differs)}. {again}"
    if max(b.index for b in bands) > len(header.names):
        return f"{shown(href)} has {len(header.names)} bands, fewer than the item file says. {again}"
    if size >= 0 and os.path.getsize(href) != size:
        return f"{shown(href)} has {os.path.getsize(href)} bytes instead of {size}. {again}"
    if pixels:
        cog.read_all(href)
        if digest and cog.sha256(href) != digest:
            return f"{shown(href)} has changed since it was added: its checksum differs. {again}"
    return None


def _asset_id(relative: Path) -> str:
    """The asset that `A/B/B.json` or the flat `A/B.json` stands for."""
    nested = relative.parent.name == relative.stem
    return (relative.parent if nested else relative.with_suffix("")).as_posix()


def _left_over(root: Path) -> Iterator[Finding]:
    parent = root / durable.STAGING
    for left in sorted(p for p in parent.iterdir() if p.is_dir()) if parent.is_dir() else []:
        problem = "was left by a run that was stopped, or is still running. The next `archive add` removes it."
        yield Finding(f"{durable.STAGING}/{left.name}", problem, serious=False)
