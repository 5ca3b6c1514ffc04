"""Whether the images that are there can be used: the properties that radar images need, and the bands of all images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from features import clouds, nightlights, sentinel1, sentinel2, terrain
from features.options import Options
from pipeline.engine.archive.model import Item
from pipeline.errors import MinecoverError
from pipeline.export import requests
from pipeline.export.settings import hint
from pipeline.region import Region

DIRECTIONS = ("ASCENDING", "DESCENDING")


def refuse_unfit_radar(region: Region, start: str, end: str, options: Options) -> None:
    """Refuse radar images of the region and time of which none can be used; say what they lack. None is no fault."""
    wanted = _wanted(options)
    count, found = requests.properties(sentinel1.COLLECTION, region.geometry, start, end, list(wanted))
    faults = {name: text for name in wanted if (text := "; ".join(_faults(name, wanted[name], found[name], count)))}
    if faults:
        raise MinecoverError(
            f"{sentinel1.COLLECTION} has images of the region from {start} to {end}, {count} in all, and none can be "
            f"used: {'; '.join(faults.values())}. If they are what is wanted, add them again with --overwrite and "
            f"{' '.join(_property(name, wanted[name]) for name in faults)}."
        )


def refuse_missing_bands(images: Sequence[Item], year: int, options: Options) -> None:
    """Refuse to begin where an image lacks a band that the features read."""
    needed = _bands(year, options)
    lacking = []
    for image in images:
        names = [band.name for band in image.bands]
        wanted = needed.get(image.id, needed.get(image.id.rpartition("/")[0], ()))
        if image.id.startswith(f"{sentinel1.COLLECTION}/") and not _has_both(image.properties):
            continue
        if gone := [name for name in wanted if name not in names]:
            lacking.append((image.id, gone, names))
    if lacking:
        first, gone, names = lacking[0]
        others = f", nor have {len(lacking) - 1} more images all that is needed" if len(lacking) > 1 else ""
        instead = f", or do without: {hint('clouds', 'none')}" if gone == ["SCL"] else ""
        raise MinecoverError(
            f"{first} has no band {' and no '.join(gone)}, which the features read; its bands are {', '.join(names)}"
            f"{others}. Add it again with all bands and --overwrite (`minecover archive add`){instead}."
        )


def _bands(year: int, options: Options) -> dict[str, tuple[str, ...]]:
    """The bands that are read of each collection or image."""
    masked = options.tasseled_cap == "toa" or not {"scl", "s2cloudless"}.isdisjoint(options.clouds)
    return {
        sentinel2.COLLECTION: (*sentinel2.BANDS, *(("SCL",) if masked else ())),
        sentinel2.TOP_OF_ATMOSPHERE: sentinel2.ALL_BANDS,
        clouds.CLOUD_SCORE: ("cs_cdf",),
        clouds.PROBABILITY: ("probability",),
        sentinel1.COLLECTION: sentinel1.BANDS,
        terrain.NASADEM: ("elevation",),
        terrain.GLO30: ("DEM",),
        nightlights.source(year, options)[0]: (nightlights.source(year, options)[1],),
    }


def _has_both(properties: Mapping[str, Any]) -> bool:
    """Whether a radar image says that it has both polarisations: others are left out."""
    return set(sentinel1.BANDS) <= set(properties.get("transmitterReceiverPolarisation") or ())


def _wanted(options: Options) -> dict[str, tuple[Any, ...]]:
    """The values that each property of a radar image may have."""
    found: dict[str, tuple[Any, ...]] = {
        "instrumentMode": ("IW",),
        "transmitterReceiverPolarisation": (list(sentinel1.BANDS),),
        "orbitProperties_pass": (options.orbit,) if options.orbit else DIRECTIONS,
    }
    if options.relative_orbit is not None:
        found["relativeOrbitNumber_start"] = (options.relative_orbit,)
    return found


def _faults(name: str, wanted: Sequence[Any], found: Sequence[Any], count: int) -> Iterator[str]:
    """What is wrong with a property of `count` images, of which those that have it have the values found."""
    if count > len(found):
        yield f"{count - len(found)} have no {name}"
    wrong = [value for value in found if not _fits(value, wanted)]
    if wrong:
        yield f"{len(wrong)} have {name} {wrong[0]!r}, not {' or '.join(map(repr, wanted))}"


def _fits(value: Any, wanted: Sequence[Any]) -> bool:
    if isinstance(value, list):
        return any(isinstance(w, list) and set(w) <= set(value) for w in wanted)
    return value in wanted


def _property(name: str, values: Sequence[Any]) -> str:
    """How a property is given at the command line."""
    if isinstance(values[0], list):
        inside = ",".join(f'"{value}"' for value in values[0])
        return f"--property '{name}=[{inside}]'"
    return f"--property {name}={' (or '.join(map(str, values))}{')' if len(values) > 1 else ''}"
