"""Elevation models: NASADEM tiles into the image NASA/NASADEM_HGT/001, Copernicus ones into COPERNICUS/DEM/GLO30.

Metres as stored; voids are masked. A `.hgt` file is bare big-endian numbers: its name says where its lower left
pixel's centre lies, its size how many pixels it has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import rasterio
from affine import Affine

from pipeline.engine.archive import cog
from pipeline.engine.archive.ingest import Meaning, Source
from pipeline.engine.archive.products import unpack
from pipeline.engine.archive.products.model import Given, Image, Options, plain_image
from pipeline.engine.raster import shown
from pipeline.errors import ArchiveError

NASADEM = "NASA/NASADEM_HGT/001"
GLO30 = "COPERNICUS/DEM/GLO30"
CORNER = re.compile(r"([ns])(\d\d)([ew])(\d{3})", re.IGNORECASE)
OWN_CORNER = re.compile(r"[ns]\d\d[ew]\d{3}\.(hgt|zip)(\.zip)?")  # NASADEM writes it small, SRTM in capitals
COPERNICUS = re.compile(r"Copernicus_DSM_(?:COG_)?(\d\d)_[NS]\d\d_00_[EW]\d{3}_00(?:_DEM)?", re.IGNORECASE)
GLO30_SPACING = "10"
RAW = {"hgt": ("elevation", ">i2"), "num": ("num", "u1"), "swb": ("swb", "u1")}
SIDES = (3601, 1201)
VOID = -32768
COPERNICUS_VOID = -32767
TIFF = (".tif", ".tiff")


def is_nasadem(path: Path) -> bool:
    """Whether the name is one of a NASADEM tile."""
    return "nasadem" in path.name.lower() or bool(OWN_CORNER.fullmatch(path.name))


def is_glo30(path: Path) -> bool:
    """Whether the name is one of a Copernicus DEM tile."""
    return bool(COPERNICUS.match(path.name))


def read_nasadem(path: Path, options: Options) -> Image:
    """One tile of the image."""
    collection = options.asset or NASADEM
    if path.suffix.lower() in TIFF:
        bands = _named_bands(cog.header(path, options.assume_crs)) or {"elevation": 1}
        corner = CORNER.search(path.stem)
        index = corner[0].lower() if corner else path.stem
        meaning = Meaning(options.nodata)
        return plain_image(path, f"{collection}/{index}", bands, {}, options, [meaning], mosaic=True)
    members = _members(path)
    corner = CORNER.search(members["elevation"])
    if corner is None:
        raise ArchiveError(f"{shown(path)} does not say where it lies. Name it by its lower left corner: n39e109.hgt.")
    given = Given(path)
    return Image(
        f"{collection}/{corner[0].lower()}",
        tuple(members),
        dict(options.properties),
        (path,),
        lambda: [given.sha256, sorted(members)],
        lambda work: _raw_sources(path, members, _lower_left(corner), work),
        len(members),
        mosaic=True,
    )


def read_glo30(path: Path, options: Options) -> Image:
    """One tile of the collection."""
    found = COPERNICUS.match(path.name)
    if found and found[1] != GLO30_SPACING and not options.asset:
        raise ArchiveError(
            f"{shown(path)} is not GLO-30: its spacing is {int(found[1]) / 10:g} arc seconds, not 1. Get the GLO-30 "
            f"tile, or name another --asset."
        )
    nodata = COPERNICUS_VOID if options.nodata is None else options.nodata
    header = cog.header(path, options.assume_crs)
    meaning = Meaning(nodata if header.nodata is None else options.nodata)
    return plain_image(path, f"{options.asset or GLO30}/{path.stem}", {"DEM": 1}, {}, options, [meaning])


def _named_bands(header: cog.Header) -> dict[str, int]:
    known = [name for name, _ in RAW.values()]
    return {name: i for i, name in enumerate(header.names, 1) if name in known}


def _members(path: Path) -> dict[str, str]:
    """Band -> file of it: the file itself, or those in a zip file."""
    if path.suffix.lower() == ".hgt":
        return {"elevation": path.name}
    with unpack.opened_zip(path) as found:
        by_ending = {PurePosixPath(n).suffix.lower().lstrip("."): n for n in found.namelist()}
    members = {name: by_ending[ending] for ending, (name, _) in RAW.items() if ending in by_ending}
    if "elevation" not in members:
        raise ArchiveError(f"{shown(path)} holds no .hgt file. Give a NASADEM_HGT tile, or a GeoTIFF.")
    return members


def _lower_left(corner: re.Match[str]) -> tuple[int, int]:
    north, east = int(corner[2]), int(corner[4])
    return (-east if corner[3] in "wW" else east), (-north if corner[1] in "sS" else north)


def _raw_sources(path: Path, members: dict[str, str], corner: tuple[int, int], work: Path) -> Iterator[Source]:
    for band, name in members.items():
        dtype = next(d for n, d in RAW.values() if n == band)
        raw = path if path.suffix.lower() == ".hgt" else _unpacked(path, name, work)
        file = _georeferenced(raw, np.dtype(dtype), corner, work / f"{band}.raw.tif")
        meaning = Meaning(VOID if band == "elevation" else None, pyramiding="mean" if band == "elevation" else "mode")
        yield Source(cog.header(file), {band: 1}, cog.sha256(file), meaning)
        file.unlink()


def _unpacked(path: Path, name: str, work: Path) -> Path:
    target = work / PurePosixPath(name).name
    with unpack.opened_zip(path) as found, found.open(name) as source:
        unpack.take(source, target, 2 * SIDES[0] ** 2, f"{name} of {shown(path)}")
    return target


def _georeferenced(raw: Path, dtype: np.dtype[Any], corner: tuple[int, int], target: Path) -> Path:
    """A GeoTIFF of bare numbers; refuses what has not as many as a tile."""
    size = raw.stat().st_size
    side = next((n for n in SIDES if size == n * n * dtype.itemsize), None)
    if side is None:
        raise ArchiveError(
            f"{shown(raw)} has {size} bytes, which is no tile of {' or '.join(f'{n} x {n}' for n in SIDES)} numbers of "
            f"{dtype.itemsize} bytes: it is truncated or something else. Download it again."
        )
    step = 1 / (side - 1)
    place = Affine(step, 0, corner[0] - step / 2, 0, -step, corner[1] + 1 + step / 2)
    native = dtype.newbyteorder("=")
    profile = {"driver": "GTiff", "width": side, "height": side, "count": 1, "dtype": native.name, "crs": "EPSG:4326"}
    with rasterio.open(target, "w", transform=place, **profile) as made:
        made.write(np.memmap(raw, dtype, "r", shape=(side, side)).astype(native), 1)
    return target
