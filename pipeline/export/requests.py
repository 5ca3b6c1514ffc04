"""Asking the engine: the connection, and small questions about scenes and assets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import ee
from google.auth.exceptions import GoogleAuthError

from pipeline import engine
from pipeline.errors import MinecoverError
from pipeline.export.retries import patiently, status

NOT_FOUND = 404
DEADLINE_MS = 330_000  # Earth Engine gives up after 300 s


@dataclass(frozen=True)
class Source:
    """Which engine is asked: `local` with an archive or the address of one that is served, or `earthengine`."""

    engine: str = "local"
    archive: str | None = None
    project: str | None = None
    url: str | None = None
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.engine not in ("local", "earthengine"):
            raise MinecoverError(f"There is no engine '{self.engine}'. Use local or earthengine.")
        if self.engine == "earthengine" and (self.archive or self.url):
            raise MinecoverError("Earth Engine has its own archive. Leave out --archive and --url, or --engine.")
        if self.engine == "local" and (self.archive is None) is (self.url is None):
            raise MinecoverError(
                "The local engine needs scenes: --archive FOLDER, or --url ADDRESS of one that is served. `minecover "
                "demo` and `minecover archive create` make archives; --engine earthengine needs none."
            )


@contextmanager
def connected(source: Source, archive: Any = None) -> Iterator[None]:
    """Inside, `ee` code runs on the source's engine; `archive` is the source's, if it is open already."""
    try:
        if source.engine == "earthengine":
            engine.connect("earthengine", project=source.project)
        else:
            engine.connect("local", archive=archive or source.archive, url=source.url, token=source.token)
        ee.data.setMaxRetries(0)
        ee.data.setDeadline(DEADLINE_MS)
    except (ee.EEException, GoogleAuthError, OSError) as error:
        raise MinecoverError(
            f"Earth Engine cannot be reached: {error}. `earthengine authenticate` logs in; --project names the Cloud "
            f"project; --engine local works without either."
        ) from error
    try:
        yield
    finally:
        engine.disconnect()


def geometry(shape: Any) -> Any:
    """A MultiPolygon in longitude and latitude as an ee.Geometry with straight edges there."""
    polygons = [
        [[[round(x, 7), round(y, 7)] for x, y in ring.coords] for ring in (polygon.exterior, *polygon.interiors)]
        for polygon in shape.geoms
    ]
    return ee.Geometry.MultiPolygon(polygons, None, False)


def value(element: Any, what: str) -> Any:
    """What an Earth Engine object is worth."""
    return patiently(element.getInfo, what)


def properties(
    collection: str, shape: Any, start: str, end: str, names: Sequence[str]
) -> tuple[int, dict[str, list[Any]]]:
    """How many images of a collection touch a MultiPolygon in a time, and the values that they have of properties."""
    images = ee.ImageCollection(collection).filterBounds(geometry(shape)).filterDate(start, end)
    asked = ee.Dictionary({"": images.size(), **{name: images.aggregate_array(name) for name in names}})
    found = value(asked, f"the properties of {collection}")
    return found.pop(""), found


def exists(asset: str) -> bool:
    """Whether the engine has an asset."""

    def ask() -> bool:
        try:
            ee.data.getAsset(asset)
        except ee.EEException as error:
            if status(error) == NOT_FOUND:
                return False
            raise
        return True

    return patiently(ask, f"the asset {asset}")


def graph(element: Any) -> dict[str, Any]:
    """The graph of an Earth Engine object as it is sent."""
    encoded: dict[str, Any] = ee.serializer.encode(element, for_cloud_api=True)
    return encoded


def extent(collection: str) -> dict[str, Any] | None:
    """GeoJSON of the box around all images of a collection; None if it has none."""
    images = ee.ImageCollection(collection)
    if not value(images.size(), f"the size of {collection}"):
        return None
    box: dict[str, Any] = value(images.geometry().bounds(ee.ErrorMargin(1)), f"the extent of {collection}")
    return box
