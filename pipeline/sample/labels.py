"""Labelled points and polygons from files: GeoPackage, Shapefile, GeoJSON, KML and CSV, each recognised by its content.

GDAL is asked to open only what is a GeoPackage or a Shapefile. What the labels mean, and where they lie in a stack, is
not known here.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from pipeline.config import Labels
from pipeline.errors import MinecoverError
from pipeline.region import read_layer
from pipeline.sample.kml import read_kml
from pipeline.sample.tables import read_table

NDArray = np.ndarray[Any, Any]

MAX_BYTES = 256 << 20
WGS84 = "OGC:CRS84"
READABLE = "GeoPackage (.gpkg), Shapefile (.shp), GeoJSON (.geojson, .json), KML (.kml) and CSV (.csv, .txt)"
GIVE_CRS = "Give it, such as EPSG:32649: labels.crs in the configuration, or `minecover init --labels-crs`."
NAMES_OF_IDS = ("id", "fid", "uid", "point_id", "name")


@dataclass(frozen=True, eq=False)
class Labelled:
    """What a label file holds, one entry a feature: its shape in `crs` (None if empty), its fields and its place there.

    Places are `line 7` or `feature 7`. `crs` is None where the file names none.
    """

    name: str
    crs: str | None
    shapes: tuple[Any, ...]
    fields: tuple[dict[str, Any], ...]
    places: tuple[str, ...]

    @cached_property
    def names(self) -> list[str]:
        """The names of all fields."""
        return list(dict.fromkeys(k for f in self.fields for k in f))

    def column(self, wanted: str) -> tuple[Any, ...]:
        """The values of a field; its name is taken regardless of case where that is clear."""
        same = [n for n in self.names if n == wanted] or [n for n in self.names if n.casefold() == wanted.casefold()]
        if len(same) != 1:
            raise MinecoverError(f"'{self.name}' has no field {wanted!r}. {_nearest(wanted, self.names)}")
        return tuple(f.get(same[0]) for f in self.fields)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """What each feature is called: by a field `id` and the like if that is unique, or else by its number."""
        known = {n.casefold(): n for n in reversed(self.names)}
        for name in (known[n] for n in NAMES_OF_IDS if n in known):
            texts = [plain(f.get(name)) for f in self.fields]
            if all(texts) and len(set(texts)) == len(texts):
                return tuple(texts)
        return tuple(str(n + 1) for n in range(len(self.fields)))


def read_labels(labels: Labels) -> Labelled:
    """The features of the label file. Raises MinecoverError with the line or the feature that is at fault."""
    path = labels.file
    reader = _reader(path)
    try:
        found = reader(path, labels)
    except OSError as error:
        raise MinecoverError(f"'{path.name}' cannot be read: {error.strerror or error}. Check the file.") from error
    if not found.fields:
        raise MinecoverError(f"'{path.name}' holds no label. Give it points or polygons with a class each.")
    return found


def placed(found: Labelled, labels: Labels, crs: str) -> NDArray:
    """The shapes in another coordinate system, flat; places that it cannot hold become infinite."""
    own = _system(found, labels.crs)
    change = Transformer.from_crs(own, CRS.from_user_input(crs), always_xy=True)
    shapes = shapely.force_2d(np.array(found.shapes, dtype=object))
    return np.asarray(shapely.transform(shapes, lambda xy: np.column_stack(change.transform(*xy.T))))


def swapped(found: Labelled) -> Labelled:
    """The same features with x and y exchanged: what was meant where latitude was written first."""
    shapes = shapely.force_2d(np.array(found.shapes, dtype=object))
    return Labelled(found.name, found.crs, tuple(shapely.transform(shapes, lambda xy: xy[:, ::-1])), found.fields, ())


def plain(value: Any) -> str:
    """A field's value as one trimmed line of text; nothing for what is missing, and 5 for 5.0."""
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return ""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def _system(found: Labelled, given: str | None) -> CRS:
    """The coordinate system of the features: the file's own, or else the one that the configuration names."""
    if found.crs is None and given is None:
        raise MinecoverError(f"'{found.name}' names no coordinate system. {GIVE_CRS}")
    try:
        named = CRS.from_user_input(given) if given else None
    except CRSError as error:
        raise MinecoverError(f"labels.crs '{given}' is not a coordinate system. Use, say, EPSG:4326.") from error
    own = CRS.from_user_input(found.crs) if found.crs else None
    if own and named and not own.equals(named, ignore_axis_order=True):
        raise MinecoverError(
            f"'{found.name}' is in {own.name}, but labels.crs is {given}. Leave out labels.crs, or correct the file."
        )
    return own or CRS.from_user_input(given)


def _reader(path: Path) -> Callable[[Path, Labels], Labelled]:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is not there"
        raise MinecoverError(f"The label file '{path}' {what}. Give the path of one: {READABLE}.")
    if path.stat().st_size > MAX_BYTES:
        raise MinecoverError(f"'{path.name}' is larger than {MAX_BYTES >> 20} MiB. Keep only the labels in it.")
    readers = {
        ".gpkg": _ogr, ".shp": _ogr, ".geojson": _geojson, ".json": _geojson, ".kml": _kml, ".csv": _csv, ".txt": _csv,
    }  # fmt: skip
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise MinecoverError(f"'{path.name}' is not a label file. Labels are read from {READABLE}.")
    return reader


def _csv(path: Path, labels: Labels) -> Labelled:
    table = read_table(path, labels.x, labels.y)
    crs = None if labels.crs else (WGS84 if table.degrees else None)
    if crs is None and labels.crs is None:
        raise MinecoverError(
            f"'{path.name}' has no degrees in its columns {table.columns[0]!r} and {table.columns[1]!r}, and names no "
            f"coordinate system. {GIVE_CRS}"
        )
    places = tuple(f"line {n}" for n in table.lines)
    return Labelled(path.name, crs, tuple(shapely.points(table.xy)), table.rows, places)


def _kml(path: Path, labels: Labels) -> Labelled:
    """KML is always longitude and latitude."""
    shapes, fields = read_kml(path)
    return Labelled(path.name, WGS84, shapes, fields, _numbered(fields))


def _geojson(path: Path, labels: Labels) -> Labelled:
    """GeoJSON is longitude and latitude unless the file, or the configuration, says otherwise."""
    try:
        document = json.loads(path.read_bytes().decode("utf-8-sig"))
        features = document["features"]
        named = (document.get("crs") or {}).get("properties", {}).get("name")
        fields = tuple({**({"id": f["id"]} if "id" in f else {}), **(f.get("properties") or {})} for f in features)
    except (ValueError, RecursionError) as error:
        raise MinecoverError(f"'{path.name}' is not valid GeoJSON: {error}. Export it again.") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise MinecoverError(f"'{path.name}' is no FeatureCollection: {error!r}. Export it again.") from error
    shapes = tuple(_shape(path.name, number, f.get("geometry")) for number, f in enumerate(features, 1))
    return Labelled(path.name, named or (None if labels.crs else WGS84), shapes, fields, _numbered(fields))


def _shape(name: str, number: int, geometry: Any) -> Any:
    try:
        return None if geometry is None else shapely.geometry.shape(geometry)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, shapely.errors.ShapelyError) as error:
        raise MinecoverError(f"'{name}', feature {number} has no valid geometry: {error}. Correct it.") from error


def _ogr(path: Path, labels: Labels) -> Labelled:
    frame = read_layer(path, "labels")
    fields = tuple(frame.drop(columns=frame.geometry.name).to_dict("records"))
    crs = None if frame.crs is None else frame.crs.to_wkt()
    return Labelled(path.name, crs, tuple(frame.geometry.to_numpy()), fields, _numbered(fields))


def _numbered(fields: Iterable[Any]) -> tuple[str, ...]:
    return tuple(f"feature {number}" for number, _ in enumerate(fields, 1))


def _nearest(wanted: str, names: list[str]) -> str:
    near = difflib.get_close_matches(wanted.casefold(), [n.casefold() for n in names], 1)
    meant = next((n for n in names if near and n.casefold() == near[0]), None)
    known = ", ".join(map(repr, names)) or "none"
    return f"Is {meant!r} meant? Set labels.field." if meant else f"Its fields are {known}; set labels.field."
