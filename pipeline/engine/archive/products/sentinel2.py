"""Sentinel-2 SAFE products into COPERNICUS/S2_SR_HARMONIZED (Level-2A) and COPERNICUS/S2_HARMONIZED (Level-1C).

Numbers are those of Earth Engine's harmonised collections: the offset that products carry since baseline 04.00 is
taken off, as their metadata say it, and what was 0 stays masked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipeline.engine.archive import cog
from pipeline.engine.archive.ingest import Meaning, Source
from pipeline.engine.archive.products import granule, numbers, safe, unpack
from pipeline.engine.archive.products.granule import Granule
from pipeline.engine.archive.products.model import Image, Options
from pipeline.errors import ArchiveError

COLLECTIONS = {"Level-2A": "COPERNICUS/S2_SR_HARMONIZED", "Level-1C": "COPERNICUS/S2_HARMONIZED"}
METADATA = {"Level-2A": "MTD_MSIL2A.xml", "Level-1C": "MTD_MSIL1C.xml"}
PRODUCT = re.compile(r"S2[A-D]_(MSIL|OPER_PRD_MSIL)[\w.]+\.(SAFE|zip)", re.IGNORECASE)
INDEX = re.compile(r"(\d{8}T\d{6})_(\d{8}T\d{6})_(T\w{5})")
SAME_STRIP_S = 60
"""Reprocessing shifts a datastrip's start by seconds; another datastrip of the datatake starts minutes apart."""


@dataclass(frozen=True)
class Wanted:
    """An image file: its bands, the end of its name, its resolution in metres, and what its numbers are."""

    bands: tuple[str, ...]
    ending: str
    resolution: int
    dtype: str = "uint16"
    reflectance: bool = False
    pyramiding: str = "mean"
    folder: str = "IMG_DATA"


def _reflectances(coarse: str, level: str) -> tuple[Wanted, ...]:
    resolutions = {"B2": 10, "B3": 10, "B4": 10, "B8": 10} | dict.fromkeys(("B1", "B9", "B10"), 60)
    found = []
    for band in granule.BANDS:
        resolution = resolutions.get(band, 20)
        name = f"B{band[1:].zfill(2)}" if band != "B8A" else band
        ending = f"_{name}_{resolution}m" if level == "Level-2A" else f"_{name}"
        if band != coarse:
            found.append(Wanted((band,), ending, resolution, reflectance=True))
    return tuple(found)


SCENE_CLASSES = Wanted(("SCL",), "_SCL_20m", 20, "uint8", pyramiding="mode")
MORE = (
    Wanted(("AOT",), "_AOT_10m", 10),
    Wanted(("WVP",), "_WVP_10m", 10),
    Wanted(("TCI_R", "TCI_G", "TCI_B"), "_TCI_10m", 10, "uint8"),
    Wanted(("MSK_CLDPRB",), "MSK_CLDPRB_20m", 20, "uint8", folder="QI_DATA"),
    Wanted(("MSK_SNWPRB",), "MSK_SNWPRB_20m", 20, "uint8", folder="QI_DATA"),
)
WANTED = {
    "Level-2A": (*_reflectances("B10", "Level-2A"), SCENE_CLASSES),
    "Level-1C": _reflectances("", "Level-1C"),
}


def recognises(path: Path) -> bool:
    """Whether the path is, or calls itself, a Sentinel-2 product."""
    return bool(PRODUCT.fullmatch(path.name)) or any(safe.is_product(path, name) for name in METADATA.values())


def read(path: Path, options: Options) -> Image:
    """The product's one image."""
    with safe.opened(path) as product:
        found = _granule(product, path)
        files = {want: _file(product, found, want) for want in WANTED[found.level]}
        more = MORE if options.all_bands and found.level == "Level-2A" else ()
        extra = {want: name for want in more if (name := _file(product, found, want))}
    _refuse_incomplete(product, files)
    names = {want: str(name) for want, name in files.items()} | extra
    return Image(
        f"{options.asset or COLLECTIONS[found.level]}/{found.index}",
        tuple(band for want in names for band in want.bands),
        {**found.properties, **options.properties},
        (path,),
        lambda: [product.digest, found.offset, [(want.bands, want.ending) for want in names]],
        lambda work: _sources(path, found, names, work),
        len(names),
        rank=("PROCESSING_BASELINE", "GENERATION_TIME"),
        same=lambda index: same_acquisition(index, found.index),
        note=_note(found),
    )


def same_acquisition(one: str, other: str) -> bool:
    """Whether two indexes are of one tile in one pass, however often it was processed."""
    first, second = INDEX.fullmatch(one), INDEX.fullmatch(other)
    if first is None or second is None or (first[1], first[3]) != (second[1], second[3]):
        return False
    return abs((_moment(first[2]) - _moment(second[2])).total_seconds()) <= SAME_STRIP_S


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%dT%H%M%S")


def _granule(product: safe.Product, path: Path) -> Granule:
    names = [name for name in METADATA.values() if name in product.entries]
    if not names:
        raise ArchiveError(
            f"{product.name} lists neither {' nor '.join(METADATA.values())}: it is not Level-2A or Level-1C, or of "
            f"the form before December 2016. Get its reprocessed version."
        )
    root = unpack.parsed(product.content(names[0]), f"{names[0]} of {product.name}")
    try:
        _, _, images = granule.read_product(root, path.name)
        inner = f"GRANULE/{images[0].split('/')[1]}/MTD_TL.xml"
        tile = unpack.parsed(product.content(inner), f"{inner} of {product.name}")
        return granule.read(root, tile, path.name)
    except (ValueError, KeyError) as error:
        raise ArchiveError(f"The metadata of {product.name} cannot be read ({error!r}). Download it again.") from error


def _file(product: safe.Product, found: Granule, want: Wanted) -> str | None:
    """The name of a wanted image file; None where the product has none."""
    if want.folder == "QI_DATA":
        listed = [f"GRANULE/{found.folder}/QI_DATA/{want.ending}"]
    else:
        listed = [image for image in found.images if image.endswith(want.ending)]
    present = [f"{image}.jp2" for image in listed if f"{image}.jp2" in product.entries]
    return present[0] if present else None


def _refuse_incomplete(product: safe.Product, files: dict[Wanted, str | None]) -> None:
    missing = [band for want, name in files.items() if name is None for band in want.bands]
    if missing:
        there = [band for want, name in files.items() if name for band in want.bands]
        raise ArchiveError(
            f"{product.name} lacks {', '.join(missing)}; it has {', '.join(there) or 'no band'}. Download it whole."
        )


def _sources(path: Path, found: Granule, names: dict[Wanted, str], work: Path) -> Iterator[Source]:
    with safe.opened(path) as product:
        for want, name in names.items():
            file = product.file(name, work)
            header = cog.header(file)
            _refuse_misplaced(product, name, header, want, found)
            yield Source(
                header, {band: i for i, band in enumerate(want.bands, 1)}, cog.sha256(file), _meaning(want, found)
            )
            if file.parent == work:
                file.unlink()


def _refuse_misplaced(product: safe.Product, name: str, header: cog.Header, want: Wanted, found: Granule) -> None:
    grid = found.grids.get(want.resolution)
    there = granule.Grid(header.crs, header.transform, header.width, header.height)
    if grid is None or not there.is_at(grid):
        raise ArchiveError(
            f"{Path(name).name} of {product.name} does not lie where the product's metadata says: {there} instead of "
            f"{grid}. Download the product again."
        )
    if header.dtype != want.dtype or len(header.names) != len(want.bands):
        raise ArchiveError(
            f"{Path(name).name} of {product.name} holds {len(header.names)} bands of {header.dtype}, not "
            f"{len(want.bands)} of {want.dtype}. Download the product again."
        )


def _meaning(want: Wanted, found: Granule) -> Meaning:
    change = numbers.without_offset(found.offset) if want.reflectance and found.offset else None
    nodata = None if want.folder == "QI_DATA" else 0
    return Meaning(nodata, pyramiding=want.pyramiding, change=change)


def _note(found: Granule) -> str:
    taken = f"offset {found.offset} applied" if found.offset else "no offset"
    return f"baseline {found.baseline}, {taken}"
