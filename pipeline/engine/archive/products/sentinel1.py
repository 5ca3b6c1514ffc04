"""Sentinel-1 backscatter that is calibrated and terrain corrected, as GeoTIFF, into COPERNICUS/S1_GRD: decibels.

Whether a file holds power, amplitude or decibels is said by the user, by the file's bands or name, or, where the
numbers leave no doubt, by them. Files named by SNAP, ASF (HyP3) and pyroSAR are understood.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline.engine.archive import cog, document
from pipeline.engine.archive.ingest import Meaning
from pipeline.engine.archive.products import numbers
from pipeline.engine.archive.products.model import Image, Options, plain_image
from pipeline.engine.raster import shown
from pipeline.errors import ArchiveError

Scale = Literal["power", "amplitude", "decibels"]

COLLECTION = "COPERNICUS/S1_GRD"
ESA = re.compile(
    r"(?P<id>S1(?P<unit>[A-D])_(?P<mode>IW|EW|S\d)_GRD(?P<resolution>[FHM])_1S(?P<polarisation>[SD][VH])_"
    r"(?P<start>\d{8}T\d{6})_\d{8}T\d{6}_(?P<orbit>\d{6})_[0-9A-F]{6}_[0-9A-F]{4})"
)
HYP3 = re.compile(
    r"(?P<id>S1(?P<unit>[A-D])_(?P<mode>IW|EW)_(?P<start>\d{8}T\d{6})_(?P<polarisation>[SD][VH])\w_RTC\d\d_\w_"
    r"\w(?P<scale>[pad])\w{4}_\w{4})"
)
PYROSAR = re.compile(r"(?P<id>S1(?P<unit>[A-D])__(?P<mode>IW|EW|S\d)___(?P<way>[AD])_(?P<start>\d{8}T\d{6}))")
BANDS = ("VV", "VH", "HH", "HV", "angle")
RAW = re.compile(r"s1[a-d]-(iw|ew|s\d)-(grd|slc)-", re.IGNORECASE)
BAND = re.compile(r"(?:^|[^A-Za-z])(VV|VH|HH|HV)(?![A-Za-z])", re.IGNORECASE)
ANGLE = re.compile(r"(incidenceAngleFromEllipsoid|^angle$)", re.IGNORECASE)
DECIBELS = re.compile(r"(?:^|[^A-Za-z0-9])dB(?![A-Za-z0-9])", re.IGNORECASE)
CALIBRATED = re.compile(r"(Sigma0|Gamma0|Beta0)_(VV|VH|HH|HV)$", re.IGNORECASE)
NO_BACKSCATTER = re.compile(r"_(inc_map(_ell)?|ls_map|area|dem|rgb|water_map)\.tiff?$", re.IGNORECASE)

FIRST_ORBITS = {"A": 73, "B": 27, "C": 172, "D": 42}
"""Absolute orbit number of a relative orbit 1, by satellite."""
C_MOVED = "20260609"
"""From about here on Sentinel-1C flies in another place of the cycle."""
ORBITS = 175
PASSES = {"A": "ASCENDING", "D": "DESCENDING"}
MAX_LATITUDE = 60
RESOLUTIONS_M = {"F": 9, "H": 10, "M": 40}
LARGEST_DECIBELS, SMALLEST_DECIBELS = 30.0, -80.0
LARGEST_MEDIAN_POWER = 0.25


@dataclass(frozen=True)
class Scene:
    """What a file's name says."""

    index: str
    properties: dict[str, Any] = field(default_factory=dict)
    scale: Scale | None = None


def recognises(path: Path) -> bool:
    """Whether the name is one of a Sentinel-1 product."""
    return any(pattern.search(path.name) for pattern in (ESA, HYP3, PYROSAR, RAW))


def read(path: Path, options: Options) -> Image:
    """The image that the file holds bands of."""
    _refuse_unprepared(path)
    scene = _scene(path)
    header = cog.header(path, options.assume_crs)
    bands = _bands(path, header, scene)
    properties = {**scene.properties, **options.properties}
    properties.setdefault("transmitterReceiverPolarisation", [b for b in bands if b != "angle"])
    note = _complete(path, header, properties)
    meanings, scale = _meanings(path, header, bands, scene, options)
    return plain_image(
        path,
        f"{options.asset or COLLECTION}/{scene.index}",
        bands,
        properties,
        options,
        meanings,
        order=BANDS.index(next(iter(bands))),
        note="; ".join(n for n in (f"from {scale}" if scale else "", note) if n),
    )


def relative_orbit(unit: str, absolute: int, day: str) -> int | None:
    """The relative orbit, 1 to 175, of a satellite's absolute orbit; None where it is not known."""
    if unit == "C" and day >= C_MOVED:
        return None
    return (absolute - FIRST_ORBITS[unit]) % ORBITS + 1


def pass_by_clock(time_ms: int, longitude: float, latitude: float) -> str | None:
    """The direction by local solar time: the orbit crosses the equator northwards at about 18, southwards at 6."""
    hour = (time_ms / 3_600_000 + longitude / 15) % 24
    if abs(latitude) > MAX_LATITUDE:
        return None
    if 4 <= hour <= 8:
        return "DESCENDING"
    return "ASCENDING" if 16 <= hour <= 20 else None


def _refuse_unprepared(path: Path) -> None:
    if path.is_dir() or path.suffix.lower() not in (".tif", ".tiff"):
        raise ArchiveError(
            f"{shown(path)} is no GeoTIFF. Calibrate and terrain-correct it (SNAP, pyroSAR, ASF), or unpack it, and "
            f"give the GeoTIFFs."
        )
    if RAW.match(path.name):
        raise ArchiveError(
            f"{shown(path)} is a product's own measurement file: neither calibrated nor terrain corrected. Process it "
            f"first (SNAP, pyroSAR, ASF), and give the result."
        )
    if NO_BACKSCATTER.search(path.name):
        raise ArchiveError(f"{shown(path)} holds no backscatter. Leave it out.")


def _scene(path: Path) -> Scene:
    name = path.stem
    found = ESA.search(name) or HYP3.search(name) or PYROSAR.search(name)
    if found is None:
        return Scene(BAND.sub("", name).strip("_-. "))
    said = found.groupdict()
    start = datetime.strptime(said["start"], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    moment = document.millis(start.isoformat())
    properties: dict[str, Any] = {
        "system:time_start": moment,
        "system:time_end": moment,
        "familyName": "SENTINEL-1",
        "platform_number": said["unit"],
        "instrumentMode": said["mode"],
        "instrumentSwath": said["mode"],
        "productType": "GRD",
    }
    if said.get("resolution"):
        properties |= {"resolution": said["resolution"], "resolution_meters": RESOLUTIONS_M[said["resolution"]]}
    if said.get("polarisation"):
        properties["transmitterReceiverPolarisation"] = _polarisations(said["polarisation"])
    if said.get("orbit"):
        properties["orbitNumber_start"] = int(said["orbit"])
        relative = relative_orbit(said["unit"], int(said["orbit"]), said["start"][:8])
        properties |= {} if relative is None else {"relativeOrbitNumber_start": relative}
    if said.get("way"):
        properties["orbitProperties_pass"] = PASSES[said["way"]]
    scales: dict[str | None, Scale] = {"p": "power", "a": "amplitude", "d": "decibels"}
    scale = scales.get(said.get("scale")) or ("decibels" if DECIBELS.search(name.replace(said["id"], "")) else None)
    return Scene(said["id"], properties, scale)


def _polarisations(code: str) -> list[str]:
    sent = code[1]
    return [sent + sent] if code[0] == "S" else [sent + sent, sent + ("H" if sent == "V" else "V")]


def _bands(path: Path, header: cog.Header, scene: Scene) -> dict[str, int]:
    """Earth Engine's names of the bands that are wanted, with their numbers."""
    found: dict[str, int] = {}
    for number, name in enumerate(header.names, 1):
        said = BAND.search(name or "")
        if said:
            found.setdefault(said[1].upper(), number)
        elif ANGLE.search(name or ""):
            found["angle"] = number
    if not found and len(header.names) == 1:
        named = BAND.findall(path.stem.replace(scene.index, ""))
        found = {named[-1].upper(): 1} if named else {}
    if not found:
        raise ArchiveError(
            f"{shown(path)} does not say which of its {len(header.names)} bands is VV or VH. Set band descriptions, or "
            f"end the name of a one-band file with _VV.tif or _VH.tif."
        )
    return dict(sorted(found.items(), key=lambda item: BANDS.index(item[0])))


def _complete(path: Path, header: cog.Header, properties: dict[str, Any]) -> str:
    """A note on what was concluded; refuses a scene that scripts could not find."""
    missing = [name for name in ("system:time_start", "instrumentMode") if name not in properties]
    note = []
    if "orbitProperties_pass" not in properties and not missing:
        way = _pass(header, properties["system:time_start"])
        missing += [] if way else ["orbitProperties_pass"]
        properties["orbitProperties_pass"] = way
        note.append(f"{way} by the time of day")
    if missing:
        raise ArchiveError(
            f"{shown(path)} does not say {', '.join(missing)} by its name. Give them: "
            f"{' '.join(f'--property {name}={EXAMPLES[name]}' for name in missing)}"
        )
    if "relativeOrbitNumber_start" not in properties:
        note.append("relative orbit not known: --property relativeOrbitNumber_start=NUMBER")
    return "; ".join(note)


EXAMPLES = {
    "system:time_start": "2021-06-01T10:05:12",
    "instrumentMode": "IW",
    "orbitProperties_pass": "DESCENDING",
}


def _pass(header: cog.Header, moment: Any) -> str | None:
    outline = cog.footprint(header)
    if outline is None or not isinstance(moment, int):
        return None
    points = np.array(outline["coordinates"][0] if outline["type"] == "Polygon" else outline["coordinates"][0][0])
    longitude, latitude = points[:, :2].mean(axis=0)
    return pass_by_clock(moment, float(longitude), float(latitude))


def _meanings(
    path: Path, header: cog.Header, bands: dict[str, int], scene: Scene, options: Options
) -> tuple[list[Meaning], str]:
    """What becomes of each band's numbers, and what they are."""
    scales: list[Scale] = []
    found = []
    for name, number in bands.items():
        if name == "angle":
            found.append(Meaning(options.nodata))
            continue
        scales.append(_scale(path, header, number, scene, options))
        if scales[-1] == "decibels" and options.nodata is None:
            numbers.refuse_untagged_fill(path, number)
        change = {"power": numbers.decibels(10), "amplitude": numbers.decibels(20), "decibels": numbers.as_float()}
        found.append(Meaning(options.nodata, change=change[scales[-1]]))
    return found, "" if not scales else scales[0]


def _scale(path: Path, header: cog.Header, number: int, scene: Scene, options: Options) -> Scale:
    """What the numbers are: as the user says, as the band or the file says, or as they must be."""
    if options.linear is not None:
        return "power" if options.linear else "decibels"
    name = header.names[number - 1] or ""
    if DECIBELS.search(name):
        return "decibels"
    if scene.scale:
        return scene.scale
    return (
        "power"
        if CALIBRATED.match(name) and header.dtype.startswith("float")
        else _scale_by_range(path, header, number, options)
    )


def _scale_by_range(path: Path, header: cog.Header, number: int, options: Options) -> Scale:
    """Decibels are negative nearly everywhere; power is positive and, over land and water, small."""
    found = numbers.sample(path, number, options.nodata)
    found = found[found != 0]
    if found.size and header.dtype.startswith("float"):
        negative = np.mean(found < 0)
        if negative > 0.9 and found.min() > SMALLEST_DECIBELS and found.max() < LARGEST_DECIBELS:
            return "decibels"
        if negative == 0 and np.median(found) <= LARGEST_MEDIAN_POWER:
            return "power"
    shown_range = f"{found.min():g} to {found.max():g}" if found.size else "no valid numbers"
    raise ArchiveError(
        f"Whether {shown(path)} holds power or decibels cannot be told from its name, its bands, or its numbers "
        f"({header.dtype}, {shown_range}). Say --linear or --db."
    )
