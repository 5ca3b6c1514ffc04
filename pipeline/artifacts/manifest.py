"""What a stack says of itself: its grid, its bands in order, what it was made from. One JSON file, without times."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline import durable
from pipeline.errors import MinecoverError
from pipeline.region import Grid

FILE = "manifest.json"
SCHEMA = 1


@dataclass(frozen=True)
class BandRecord:
    """A band of the stack: its name and unit, and where it lies: `part` is a folder, `index` counts from 1."""

    name: str
    unit: str
    part: str
    index: int


@dataclass(frozen=True)
class Manifest:
    """Everything that must be known to read a stack, or to make it again.

    `tiles` are the rows and columns of the tiles that there are; others lie outside the region. `region` is GeoJSON in
    longitude and latitude. `masked` is the share of the region's pixels without a value, by part; `notes` say what was
    mended or is missing. `bands` are float32 with NaN where masked, `counts` uint16 without a mask.
    """

    grid: Grid
    tile: int
    tiles: tuple[tuple[int, int], ...]
    bands: tuple[BandRecord, ...]
    counts: tuple[BandRecord, ...]
    region: dict[str, Any]
    year: int
    seasons: dict[str, tuple[str, str]]
    options: dict[str, Any]
    engine: dict[str, Any]
    scenes: dict[str, Any]
    fingerprint: str
    software: dict[str, str]
    masked: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    schema: int = SCHEMA

    def write(self, folder: Path) -> None:
        """Put the manifest in its place at once."""
        durable.write_text(folder / FILE, json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a stack's folder."""
    path = folder / FILE
    try:
        found = json.loads(path.read_text("utf-8"))
        return _manifest(found)
    except FileNotFoundError as error:
        raise MinecoverError(f"'{folder}' holds no finished stack. `minecover export` makes one.") from error
    except OSError as error:
        raise MinecoverError(f"'{path}' cannot be read: {error.strerror}. Check the path and its rights.") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise MinecoverError(f"'{path}' is not a stack's manifest: {error!r}. Run the export again.") from error


def _manifest(found: Mapping[str, Any]) -> Manifest:
    if found["schema"] != SCHEMA:
        raise ValueError(f"schema {found['schema']}, not {SCHEMA}")
    own = {
        "grid": Grid(**found["grid"]),
        "tiles": tuple((row, column) for row, column in found["tiles"]),
        "bands": tuple(BandRecord(**b) for b in found["bands"]),
        "counts": tuple(BandRecord(**b) for b in found["counts"]),
        "notes": tuple(found["notes"]),
        "seasons": {name: (start, end) for name, (start, end) in found["seasons"].items()},
    }
    return Manifest(**{**found, **own})
