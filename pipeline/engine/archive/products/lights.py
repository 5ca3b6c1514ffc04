"""Light at night: VIIRS composites by the names of the Earth Observation Group, and Luojia-1 scenes.

VIIRS goes under Earth Engine's ids as radiance, nW cm⁻² sr⁻¹. Luojia-1 has none: it goes where the user says, as the
stored numbers (DN); radiance is DN^1.5 x 1e-10 W m⁻² sr⁻¹ µm⁻¹. Where a scene has nothing it is masked, never dark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.engine.archive import cog, ingest
from pipeline.engine.archive.ingest import Meaning, Source
from pipeline.engine.archive.products import numbers, unpack
from pipeline.engine.archive.products.model import Given, Image, Options, plain_image
from pipeline.engine.raster import shown
from pipeline.errors import ArchiveError

MONTHLY = "NOAA/VIIRS/DNB/MONTHLY_V1"
ANNUAL = "NOAA/VIIRS/DNB/ANNUAL_V"
LUOJIA = "users/local/luojia1"
MONTH_NAME = re.compile(
    r"SVDNB_(?:npp|j\d\d)_(?P<first>\d{8})-(?P<last>\d{8})_(?P<tile>global|\d\d[NS]\d{3}[EW])_(?P<kind>vcmcfg|vcmslcfg)_"
    r"v\w+\.(?P<band>\w+?)(?:\.dat)?\.tif{1,2}(?:\.gz)?"
)
YEAR_NAME = re.compile(
    r"VNL_(?:v(?P<version>2\d?)_)?[\w-]+?_(?P<first>\d{4,8})(?:-(?P<last>\d{6,8}))?_global_vcm(?:sl)?cfg_(?:v(?P<later>2\d?)_)?"
    r"c\d+\.(?P<band>\w+?)(?:\.dat)?\.tif{1,2}(?:\.gz)?"
)
MONTH_BANDS = {"avg_rade9h": "avg_rad", "avg_rade9": "avg_rad", "cf_cvg": "cf_cvg"}
YEAR_BANDS = {"min": "minimum", "max": "maximum"} | {
    name: name
    for name in ("average", "average_masked", "cf_cvg", "cvg", "maximum", "median", "median_masked", "minimum")
}
FIRST_OF_22 = 2022
SCENE_TIME = re.compile(r"_(20\d{12})_")
PACKED = (".tgz", ".tar", ".zip")


def is_viirs(path: Path) -> bool:
    """Whether the name is one of a VIIRS composite."""
    return path.name.startswith(("SVDNB_", "VNL_"))


def is_luojia(path: Path) -> bool:
    """Whether the name is one of a Luojia-1 scene."""
    return "luojia" in path.name.lower()


def read_viirs(path: Path, options: Options) -> Image:
    """The composite that the file is a band of."""
    if path.suffix.lower() in PACKED:
        raise ArchiveError(f"{shown(path)} is packed. Unpack it, and give the .tif or .tif.gz files.")
    if month := MONTH_NAME.fullmatch(path.name):
        first, last = _day(month["first"]), _day(month["last"]) + timedelta(days=1)
        collection = f"{MONTHLY}/{month['kind'].upper()}"
        index = f"{first:%Y%m%d}" + ("" if month["tile"] == "global" else f"_{month['tile']}")
        return _viirs(path, options, collection, index, (first, last), MONTH_BANDS, month["band"])
    if year := YEAR_NAME.fullmatch(path.name):
        first, last = _period(year["first"], year["last"])
        collection = f"{ANNUAL}{_version(path, year, first.year)}"
        return _viirs(path, options, collection, f"{first:%Y%m%d}", (first, last), YEAR_BANDS, year["band"])
    raise ArchiveError(
        f"{shown(path)} is not named as the Earth Observation Group names its monthly (SVDNB_…) and annual (VNL_…) "
        f"composites. Keep the name it was downloaded by, or use --mapping."
    )


def read_luojia(path: Path, options: Options) -> Image:
    """The scene as an image of its own; under an asset id that the user names, as one tile of that image."""
    header = cog.header(path, options.assume_crs)
    if len(header.names) - header.alpha != 1:
        raise ArchiveError(
            f"{shown(path)} has {len(header.names)} bands; a Luojia-1 scene has one. Give the _gec.tif file."
        )
    if options.nodata is None and not header.masked:
        numbers.refuse_untagged_fill(path, 1)
    taken = SCENE_TIME.search(path.name)
    properties: dict[str, Any] = {"units": "DN; radiance = DN^1.5 x 1e-10 W m-2 sr-1 um-1"}
    if taken:
        moment = datetime.strptime(taken[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        properties |= ingest.times(moment, None)
    asset = f"{options.asset or LUOJIA}/{path.stem}"
    meaning = Meaning(options.nodata)
    return plain_image(
        path, asset, {"DN": 1}, properties, options, [meaning], mosaic=bool(options.asset), whole=not options.asset
    )


def _viirs(
    path: Path,
    options: Options,
    collection: str,
    index: str,
    period: tuple[date, date],
    known: dict[str, str],
    band: str,
) -> Image:
    if band not in known:
        raise ArchiveError(f"{shown(path)} holds '{band}', which Earth Engine does not have. Leave it out.")
    properties = ingest.times(*period)
    asset = f"{options.asset or collection}/{index}"
    if path.suffix != ".gz":
        return plain_image(path, asset, {known[band]: 1}, properties, options, [Meaning(options.nodata)])
    given = Given(path)

    def sources(work: Path) -> Iterator[Source]:
        file = unpack.gunzipped(path, work)
        yield Source(cog.header(file, options.assume_crs), {known[band]: 1}, cog.sha256(file), Meaning(options.nodata))
        file.unlink()

    made = {**properties, **options.properties}
    return Image(asset, (known[band],), made, (path,), lambda: [given.sha256, options.nodata], sources)


def _version(path: Path, year: re.Match[str], first: int) -> str:
    """Earth Engine's collection: V21 to 2021, V22 since. The files of 2023 on call version 2.2 just 2."""
    said = year["version"] or year["later"] or ""
    if said in ("21", "22"):
        return said
    if first >= FIRST_OF_22:
        return "22"
    raise ArchiveError(
        f"{shown(path)} is of version 2.0, which version 2.1 has replaced. Get the file named VNL_v21_…."
    )


def _period(first: str, last: str | None) -> tuple[date, date]:
    """The first day of a composite and the day after its last; a year or a month stands for all of it."""
    start = _day((first + "0101")[:8])
    if last is None:
        return start, date(start.year + 1, 1, 1)
    if len(last) == 8:
        return start, _day(last) + timedelta(days=1)
    end = _day(f"{last}01")
    return start, date(end.year + end.month // 12, end.month % 12 + 1, 1)


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y%m%d").date()
    except ValueError as error:
        raise ArchiveError(f"'{text}' in the file's name is no date. Keep the name it was downloaded by.") from error
