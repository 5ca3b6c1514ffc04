"""Adding rasters and tables to an archive in a folder: one call from plain GeoTIFFs to a checked, published image."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pipeline import durable
from pipeline.engine.archive import cog, document, ids
from pipeline.engine.archive.folder import FolderArchive, Staged
from pipeline.engine.archive.model import CollectionInfo, Item
from pipeline.engine.raster import shown
from pipeline.engine.values import FLOAT
from pipeline.errors import ArchiveError

Time = str | int | datetime | date
HEADROOM = 2.5


@dataclass(frozen=True, eq=False)
class Added:
    """The stored image, and whether anything had to be done for it."""

    item: Item
    changed: bool


@dataclass(frozen=True)
class Meaning:
    """How stored numbers are to be read, what becomes of them, and how they are averaged into overviews."""

    nodata: float | None = None
    scale: float = 1.0
    offset: float = 0.0
    pyramiding: str = "mean"
    change: cog.Change | None = None


@dataclass(frozen=True)
class Source:
    """A file to add: what it says of itself, the numbers of its bands by their names, its checksum and its meaning."""

    header: cog.Header
    bands: dict[str, int]
    sha256: str
    meaning: Meaning = Meaning()


def add(
    archive: FolderArchive | str | Path,
    paths: str | Path | Sequence[str | Path],
    collection: str | None = None,
    index: str | None = None,
    *,
    asset: str | None = None,
    bands: Sequence[str] | None = None,
    time: Time | None = None,
    end_time: Time | None = None,
    properties: Mapping[str, Any] | None = None,
    nodata: float | None = None,
    scale: float = 1.0,
    offset: float = 0.0,
    pyramiding: str = "mean",
    copy: bool = True,
    overwrite: bool = False,
    assume_crs: str | None = None,
) -> Added:
    """One image added from GeoTIFFs, as COLLECTION/INDEX (index: the first file's name) or as the asset alone.

    `bands` names the bands of all files in order; without it the files' own band descriptions are used. `time` is
    `system:time_start`: ISO 8601 in UTC, a date, or milliseconds. A band's value is stored number x scale + offset.
    With `copy` the pixels go into cloud-optimised GeoTIFFs with `mean`, `sample` or `mode` overviews; without, the
    files stay as they are and must lie inside the archive. The same call again changes nothing. An empty folder
    becomes an archive first.
    """
    folder = opened(archive)
    files = [Path(paths)] if isinstance(paths, (str, Path)) else [Path(p) for p in paths]
    asset_id = _asset_id(files, collection, index, asset)
    if not (math.isfinite(scale) and scale != 0 and math.isfinite(offset)):
        raise ArchiveError(f"Scale {scale} and offset {offset} must be finite numbers, and the scale not 0.")
    meaning = Meaning(nodata, scale, offset, pyramiding)
    described = {**(properties or {}), **times(time, end_time)}
    given = sources(files, bands, meaning, assume_crs)
    recipe = _recipe(given, meaning, described, copy)
    same = unchanged(folder, asset_id, recipe, overwrite)
    if same is not None:
        return Added(same, False)
    if collection is not None:
        make_collection(folder, collection)
    with durable.staging(folder.root) as place:
        staged = _stage(folder, given, place) if copy else _in_place(folder, given)
        outline = cog.footprint(given[0].header)
        return Added(folder.commit(asset_id, staged, described, outline, overwrite, recipe), True)


def opened(archive: FolderArchive | str | Path) -> FolderArchive:
    """The archive in a folder that can be written to; an empty folder becomes one."""
    place = archive.root if isinstance(archive, FolderArchive) else Path(archive)
    empty = place.is_dir() and not any(place.iterdir())
    folder = FolderArchive.initialise(place) if empty else FolderArchive(place)
    durable.writable(folder.root)
    return folder


def make_collection(folder: FolderArchive, collection: str, mosaic: bool = False) -> None:
    """Nothing; afterwards there is a collection of this id."""
    if not isinstance(folder.describe(collection), CollectionInfo):
        folder.create(collection, "ImageCollection", mosaic=mosaic)


def _asset_id(files: list[Path], collection: str | None, index: str | None, asset: str | None) -> str:
    if not files:
        raise ArchiveError("Give at least one file.")
    if asset is not None:
        if collection is not None:
            raise ArchiveError("Give --collection or --asset, not both.")
        return ids.canonical(asset)
    if collection is None:
        raise ArchiveError("Say where it goes: --collection ID or --asset ID.")
    return f"{ids.canonical(collection)}/{ids.component(index or files[0].name.split('.')[0])}"


def times(start: Time | None, end: Time | None) -> dict[str, int]:
    """Earth Engine's properties of the two moments, in milliseconds; those that are not None."""
    given = {"system:time_start": start, "system:time_end": end}
    found = {name: millis(value) for name, value in given.items() if value is not None}
    if "system:time_end" in found and found["system:time_end"] < found.get("system:time_start", math.inf):
        raise ArchiveError(f"The image ends ({end}) before it starts ({start}). Give both times in UTC, start first.")
    return found


def millis(value: Time) -> int:
    """A moment in milliseconds since 1970."""
    if isinstance(value, int):
        return value
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    try:
        return document.millis(value if isinstance(value, str) else value.isoformat())
    except ValueError as error:
        raise ArchiveError(f"'{value}' is not a time. Use ISO 8601 in UTC, such as 2021-06-01T10:00:00.") from error


def sources(
    files: list[Path], bands: Sequence[str] | None, meaning: Meaning, assume_crs: str | None = None
) -> list[Source]:
    """The files with the names of their bands, in order; without names, the files' own are used."""
    headers = [_header(file, assume_crs) for file in files]
    counts = _band_counts(headers, None if bands is None else len(bands))
    if bands is None:
        names = [n for h, c in zip(headers, counts, strict=True) for n in _own_names(h, c)]
    else:
        names = list(bands)
    odd = [n for n in names if not n or not n.isprintable() or "/" in n]
    if odd:
        raise ArchiveError(f"{odd[0]!r} cannot name a band. Use letters, digits, '_', '-' and '.'.")
    if len(set(names)) < len(names):
        raise ArchiveError(f"Band names must differ from each other: {', '.join(names)}.")
    ends = [sum(counts[: i + 1]) for i in range(len(counts))]
    return [
        Source(h, {n: i for i, n in enumerate(names[end - count : end], 1)}, cog.sha256(h.path), meaning)
        for h, count, end in zip(headers, counts, ends, strict=True)
    ]


def _header(file: Path, assume_crs: str | None) -> cog.Header:
    """The header; what is wrong with the file is said of its path as the user gave it."""
    try:
        return cog.header(file, assume_crs)
    except ArchiveError as error:
        text = str(error).replace(shown(os.path.abspath(file)), f"'{file}'").replace(shown(file), f"'{file}'")
        raise ArchiveError(text) from error


def _band_counts(headers: list[cog.Header], wanted: int | None) -> list[int]:
    """How many bands each file gives: an alpha band is a mask, unless the names say that it is data too."""
    without, every = [len(h.names) - h.alpha for h in headers], [len(h.names) for h in headers]
    if wanted is None or wanted == sum(without):
        return without
    if wanted == sum(every):
        return every
    found = " and ".join(f"'{h.path}' has {_many(n, 'band')}" for n, h in zip(every, headers, strict=True))
    were = "was" if wanted == 1 else "were"
    raise ArchiveError(f"{found}, but {_many(wanted, 'name')} {were} given. Name every band, in order.")


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _own_names(header: cog.Header, count: int) -> list[str]:
    names = [n for n in header.names[:count] if n]
    if len(names) < count:
        raise ArchiveError(
            f"{shown(header.path)} does not name its {_many(count, 'band')}. Name them in order with --band NAME, or "
            f"with `bands` in a mapping file."
        )
    return names


def _recipe(given: list[Source], meaning: Meaning, properties: dict[str, Any], copy: bool) -> str:
    """A fingerprint of all that the image is made from."""
    files = [(s.sha256, tuple(s.bands), s.header.crs) for s in given]
    read = [str(v) for v in (meaning.nodata, meaning.scale, meaning.offset, meaning.pyramiding)]
    return fingerprint([files, read, sorted(properties.items()), copy])


def fingerprint(parts: Sequence[Any]) -> str:
    """A SHA-256 of values that JSON can hold; others count by their text."""
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def unchanged(folder: FolderArchive, asset_id: str, recipe: str, overwrite: bool) -> Item | None:
    """The stored image if it was made from the same; an error if another one is in the way."""
    found = folder.find_document(asset_id)
    if found is None:
        return None
    path, stored = found
    files = document.stored_files(stored)
    whole = all((path.parent / href).is_file() and (path.parent / href).stat().st_size == n for _, href, n, _ in files)
    if stored.get("properties", {}).get("minecover:recipe") == recipe and whole:
        item = folder.describe(asset_id)
        return item if isinstance(item, Item) else None
    if not overwrite:
        raise ArchiveError(f"Asset '{asset_id}' exists already and differs. Use --overwrite, or another id.")
    return None


def _stage(folder: FolderArchive, given: list[Source], place: Path) -> list[Staged]:
    check_space(folder, given)
    return [stage(source, place, str(number)) for number, source in enumerate(given)]


def check_space(folder: FolderArchive, given: Sequence[Source]) -> None:
    """Refuse, before any work is done, what the archive's disk has no room for."""
    needed = HEADROOM * sum(s.header.pixel_bytes for s in given)
    free = shutil.disk_usage(folder.root).free
    if needed > free:
        raise ArchiveError(
            f"Adding needs about {needed / 1e6:.0f} MB, but the archive's disk has {free / 1e6:.0f} MB free. Free some."
        )


def stage(source: Source, place: Path, name: str) -> Staged:
    """The file converted and checked in a folder, ready to be moved into the archive."""
    meaning = source.meaning
    made = cog.convert(source.header, place, name, source.bands, meaning.nodata, meaning.pyramiding, meaning.change)
    if cog.sha256(source.header.path) != source.sha256:
        raise ArchiveError(f"{shown(source.header.path)} changed while it was read. Add it again once it is complete.")
    return _staged(cog.header(made), {n: i for i, n in enumerate(source.bands, 1)}, source, False)


def _in_place(folder: FolderArchive, given: list[Source]) -> list[Staged]:
    for source in given:
        if not source.header.path.resolve().is_relative_to(folder.root):
            raise ArchiveError(
                f"{shown(source.header.path)} lies outside the archive, so it must be copied. Leave out --in-place."
            )
    return [_staged(s.header, s.bands, s, True) for s in given]


def _staged(header: cog.Header, bands: dict[str, int], source: Source, in_place: bool) -> Staged:
    meaning = source.meaning
    plain = meaning.scale == 1 and meaning.offset == 0
    kind = document.stored_type(header.dtype) if plain else FLOAT
    nodata = header.nodata if meaning.nodata is None or meaning.change else meaning.nodata
    made = [header.band(name, i, kind, nodata, meaning.scale, meaning.offset) for name, i in bands.items()]
    key = made[0].name if len(made) == 1 else source.header.path.stem
    return Staged(key, header.path.resolve(), cog.verified(header.path), tuple(made), in_place)
