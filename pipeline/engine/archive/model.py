"""What an archive holds, as plain values, and what the engine asks of one.

An archive may be a folder or a STAC API; nothing here knows which, and nothing here opens a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from pipeline.engine.values import PixelType, Projection

BBox = tuple[float, float, float, float]
"""West, south, east, north in degrees; west > east crosses the antimeridian."""

Condition = tuple[str, str, Any]
"""(property, operator, value). Operators: Earth Engine's filter names (`lessThan` …) or `< <= == >= > in`."""

Kind = Literal["Folder", "ImageCollection"]


@dataclass(frozen=True)
class BandFile:
    """One band: where its numbers are stored, and what they mean.

    `index` counts from 1. The band's value is stored number x `scale` + `offset`, then rounded and clamped into
    `type` where that is an integer type. `nodata` is a stored number; None leaves it to the file's own tag and mask.
    `width` and `height` count the pixels of `projection`, from its pixel (0, 0).
    """

    name: str
    href: str
    index: int
    type: PixelType
    projection: Projection
    width: int
    height: int
    nodata: float | None = None
    scale: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, eq=False)
class Item:
    """One image. `properties` are Earth Engine's, `system:index` and `system:time_start` (ms) among them.

    `geometry` is the footprint as GeoJSON in longitude and latitude; None is an image without bounds.
    `version` is the time of the last write in microseconds.
    """

    id: str
    index: str
    properties: dict[str, Any]
    geometry: dict[str, Any] | None
    bands: tuple[BandFile, ...]
    version: int = 0


@dataclass(frozen=True, eq=False)
class CollectionInfo:
    """A collection of images. With `mosaic`, Earth Engine knows it as one image that is stored here in tiles."""

    id: str
    properties: dict[str, Any] = field(default_factory=dict)
    title: str = ""
    bands: tuple[str, ...] = ()
    mosaic: bool = False


@dataclass(frozen=True, eq=False)
class TableAsset:
    """A feature collection: a GeoJSON or GeoParquet file."""

    id: str
    href: str
    properties: dict[str, Any] = field(default_factory=dict)
    version: int = 0


@dataclass(frozen=True)
class Folder:
    """A folder of assets."""

    id: str


Asset = Item | CollectionInfo | TableAsset | Folder


class Archive(Protocol):
    """Assets by id, and the images of a collection by place, time and properties."""

    def describe(self, asset_id: str) -> Asset | None:
        """The asset, or None where there is none."""

    def search(
        self,
        collection_id: str,
        *,
        bbox: BBox | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        properties: Sequence[Condition] | None = None,
    ) -> Iterator[Item]:
        """Candidates in the order of `system:index`: never fewer images than asked for, perhaps more.

        Times are half-open and compared with `system:time_start`.
        """

    def children(self, asset_id: str) -> list[Asset]:
        """What lies directly under a folder or collection; the roots for an empty id."""


class WritableArchive(Archive, Protocol):
    """An archive that exports and `minecover archive` can write to."""

    def check_writable(self) -> None:
        """Refuse, before any work is done, an archive that cannot be written to."""

    def create(self, asset_id: str, kind: Kind) -> Asset:
        """A new empty folder or collection."""

    def write_image(
        self,
        asset_id: str,
        cog_path: str | Path,
        bands: Sequence[tuple[str, PixelType]],
        properties: Mapping[str, Any],
        geometry: dict[str, Any] | None = None,
        overwrite: bool = False,
    ) -> Item:
        """The stored image, made from one GeoTIFF that holds all bands; the given file is left where it is."""

    def write_table(
        self,
        asset_id: str,
        features: Mapping[str, Any],
        properties: Mapping[str, Any] | None = None,
        overwrite: bool = False,
    ) -> TableAsset:
        """The stored table, made from a GeoJSON FeatureCollection."""

    def delete(self, asset_id: str) -> None:
        """Remove an image, a table, or an empty folder or collection."""
