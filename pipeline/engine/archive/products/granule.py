"""What a Sentinel-2 product's two metadata files say, as plain values under Earth Engine's property names.

`MTD_MSIL2A.xml` (or L1C) describes the product, `MTD_TL.xml` its one tile. Values that contradict each other are
refused. Opens no file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from rasterio.crs import CRS

from pipeline.engine.archive import document
from pipeline.errors import ArchiveError

BANDS = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12")
"""By the number that metadata gives them, from 0."""
NAME = re.compile(r"S2[A-D]_MSIL(?:1C|2A)_\d{8}T\d{6}_N(\d{2})(\d{2})_R\d{3}_T\w{5}_\d{8}T\d{6}")
OFFSET_SINCE = 4.0
QUANTIFICATION = 10_000
OFFSETS = {"Level-2A": "BOA_ADD_OFFSET", "Level-1C": "RADIO_ADD_OFFSET"}
QUANTIFIED = {"Level-2A": "BOA_QUANTIFICATION_VALUE", "Level-1C": "QUANTIFICATION_VALUE"}


@dataclass(frozen=True)
class Grid:
    """Where the pixels of one resolution lie."""

    crs: str
    transform: tuple[float, float, float, float, float, float]
    width: int
    height: int

    def is_at(self, other: Grid) -> bool:
        """Whether it has the same pixels, however its coordinate system is written."""
        near = all(abs(a - b) < 1e-3 for a, b in zip(self.transform, other.transform, strict=True))
        sizes = (self.width, self.height) == (other.width, other.height)
        return (
            near
            and sizes
            and (self.crs == other.crs or CRS.from_user_input(self.crs) == CRS.from_user_input(other.crs))
        )


@dataclass(frozen=True)
class Granule:
    """One tile of one acquisition. `images` are the image files' names without their endings."""

    product: str
    level: str
    folder: str
    index: str
    baseline: str
    offset: int
    images: tuple[str, ...]
    grids: dict[int, Grid]
    properties: dict[str, Any]


def read_product(root: Element, folder_name: str) -> tuple[str, str, tuple[str, ...]]:
    """(product name, level, image files) of the product's metadata; refuses what is not one tile of L1C or L2A."""
    if root.find(".//PRODUCT_URI_2A") is not None:
        raise ArchiveError(
            f"'{folder_name}' is of a form that was given up in 2018. Get its reprocessed version (baseline 05.00)."
        )
    uri = _text(root, "PRODUCT_URI").removesuffix(".SAFE")
    level = _text(root, "PROCESSING_LEVEL")
    if level not in OFFSETS or f"MSIL{level[-2:]}" not in uri:
        raise ArchiveError(
            f"'{uri}' is {level}. Give Level-2A products (surface reflectance), or Level-1C for the tasseled cap."
        )
    named = NAME.match(folder_name)
    if named and named[0] != uri:
        raise ArchiveError(f"'{folder_name}' holds the product '{uri}': it was renamed or mixed. Download it again.")
    images = tuple(e.text.strip() for e in root.iter("IMAGE_FILE") if e.text)
    if len({image.split("/")[1] for image in images if image.startswith("GRANULE/")}) != 1:
        raise ArchiveError(f"'{uri}' is of the old form with several tiles, or lists no images. Get it reprocessed.")
    return uri, level, images


def read(root: Element, tile: Element, folder_name: str) -> Granule:
    """All that is needed of the two metadata files."""
    uri, level, images = read_product(root, folder_name)
    folder = images[0].split("/")[1]
    baseline = _baseline(root, uri)
    offset = _offset(root, uri, level, baseline)
    take = re.search(r"_(\d{8}T\d{6})_", _attribute(root, "Datatake", "datatakeIdentifier"))
    place = re.fullmatch(r"L\w\w_T(\w{5})_A\d{6}_(\d{8}T\d{6})", folder)
    if take is None or place is None:
        raise ArchiveError(f"'{uri}' names its tile '{folder}', which is not of the known form. Get it reprocessed.")
    properties = {
        **_product_properties(root, uri, level),
        **_tile_properties(tile),
        "GRANULE_ID": folder,
        "MGRS_TILE": place[1],
        "PROCESSING_BASELINE": baseline,
    }
    return Granule(
        uri,
        level,
        folder,
        f"{take[1]}_{place[2]}_T{place[1]}",
        baseline,
        offset,
        images,
        _grids(tile),
        properties,
    )


def _baseline(root: Element, uri: str) -> str:
    found = _text(root, "PROCESSING_BASELINE")
    named = NAME.match(uri)
    if not re.fullmatch(r"\d\d\.\d\d", found):
        raise ArchiveError(f"'{uri}' says processing baseline {found!r}, which is no baseline. Download it again.")
    if named and f"{named[1]}.{named[2]}" != found:
        raise ArchiveError(
            f"'{uri}' is of baseline {named[1]}.{named[2]} by its name and {found} by its metadata, so it is not known "
            f"whether 1000 must be taken off. Download it again."
        )
    return found


def _offset(root: Element, uri: str, level: str, baseline: str) -> int:
    """What has to be added to all bands' numbers, by the metadata alone."""
    quantified = float(_text(root, QUANTIFIED[level]))
    if quantified != QUANTIFICATION:
        raise ArchiveError(
            f"'{uri}' stores reflectance x {quantified:g}, not x 10000. Use a mapping file with --mapping."
        )
    found = {e.get("band_id"): round(float(e.text or "nan")) for e in root.iter(OFFSETS[level])}
    if float(baseline) < OFFSET_SINCE and not any(found.values()):
        return 0
    if float(baseline) < OFFSET_SINCE:
        raise ArchiveError(f"'{uri}' has offsets, but baseline {baseline} has none. Download the product again.")
    missing = [band for number, band in enumerate(BANDS) if str(number) not in found]
    if missing:
        raise ArchiveError(
            f"'{uri}' is of baseline {baseline} and does not say the offset ({OFFSETS[level]}) of "
            f"{', '.join(missing)}. Numbers could be 1000 too high. Download the product again."
        )
    values = sorted(set(found.values()))
    if len(values) > 1 or values[0] > 0:
        raise ArchiveError(
            f"'{uri}' is a mixed-offset product: its bands have offsets {', '.join(map(str, values))}. One offset of "
            f"all bands, 0 or less, is expected. Download it again."
        )
    return values[0]


def _product_properties(root: Element, uri: str, level: str) -> dict[str, Any]:
    """Earth Engine's properties that describe the product."""
    found: dict[str, Any] = {
        "PRODUCT_ID": uri,
        "DATASTRIP_ID": _attribute(root, "Granule", "datastripIdentifier"),
        "DATATAKE_IDENTIFIER": _attribute(root, "Datatake", "datatakeIdentifier"),
        "DATATAKE_TYPE": _text(root, "DATATAKE_TYPE"),
        "SPACECRAFT_NAME": _text(root, "SPACECRAFT_NAME"),
        "SENSING_ORBIT_NUMBER": int(_text(root, "SENSING_ORBIT_NUMBER")),
        "SENSING_ORBIT_DIRECTION": _text(root, "SENSING_ORBIT_DIRECTION"),
        "GENERATION_TIME": document.millis(_text(root, "GENERATION_TIME")),
        "CLOUD_COVERAGE_ASSESSMENT": float(_text(root, "Cloud_Coverage_Assessment")),
        "REFLECTANCE_CONVERSION_CORRECTION": float(_text(root, "U")),
    }
    found |= {str(e.get("checkType")): (e.text or "").strip() for e in root.iter("quality_check")}
    found |= dict(_by_band(root, "SOLAR_IRRADIANCE", "bandId", "SOLAR_IRRADIANCE"))
    found |= dict(_by_band(root, OFFSETS[level], "band_id", OFFSETS[level]))
    return found


def _tile_properties(tile: Element) -> dict[str, Any]:
    """Earth Engine's properties that describe the tile: time, angles, and what share of it is what."""
    moment = document.millis(_text(tile, "SENSING_TIME"))
    found: dict[str, Any] = {"system:time_start": moment, "system:time_end": moment}
    for sun in tile.iter("Mean_Sun_Angle"):
        found["MEAN_SOLAR_ZENITH_ANGLE"] = float(_text(sun, "ZENITH_ANGLE"))
        found["MEAN_SOLAR_AZIMUTH_ANGLE"] = float(_text(sun, "AZIMUTH_ANGLE"))
    for way in ("ZENITH", "AZIMUTH"):
        name = f"MEAN_INCIDENCE_{way}_ANGLE"
        found |= dict(_by_band(tile, "Mean_Viewing_Incidence_Angle", "bandId", name, f"{way}_ANGLE"))
    for content in tile.iter("Image_Content_QI"):
        found |= {e.tag: value for e in content if (value := _value(e.text)) is not None}
    return found


def _by_band(root: Element, tag: str, attribute: str, name: str, inner: str = "") -> Iterator[tuple[str, Any]]:
    for element in root.iter(tag):
        value = _value(element.findtext(inner) if inner else element.text)
        number = element.get(attribute, "")
        if number.isdigit() and int(number) < len(BANDS) and value is not None:
            yield f"{name}_{BANDS[int(number)]}", value


def _value(text: str | None) -> float | str | None:
    """The number that a text is, else the text; None for what has no value."""
    given = (text or "").strip()
    try:
        number = float(given)
    except ValueError:
        return given or None
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else number


def _grids(tile: Element) -> dict[int, Grid]:
    crs = _text(tile, "HORIZONTAL_CS_CODE")
    sizes = {e.get("resolution"): e for e in tile.iter("Size")}
    found = {}
    for place in tile.iter("Geoposition"):
        size = sizes[place.get("resolution")]
        x, y, dx, dy = (float(_text(place, name)) for name in ("ULX", "ULY", "XDIM", "YDIM"))
        found[int(place.get("resolution", 0))] = Grid(
            crs, (dx, 0.0, x, 0.0, dy, y), int(_text(size, "NCOLS")), int(_text(size, "NROWS"))
        )
    return found


def _text(root: Element, tag: str) -> str:
    found = next(root.iter(tag), None)
    if found is None or not (found.text or "").strip():
        raise ArchiveError(f"The product's metadata has no {tag}. Download the product again.")
    return str(found.text).strip()


def _attribute(root: Element, tag: str, name: str) -> str:
    found = next(root.iter(tag), None)
    if found is None or not found.get(name):
        raise ArchiveError(f"The product's metadata has no {name} at {tag}. Download the product again.")
    return str(found.get(name))
