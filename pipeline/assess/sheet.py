"""The sheet that a person fills in: points as a GeoPackage, as CSV, and as KML to fly to, without the map's class."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from pyproj import Transformer

from pipeline.artifacts.design import DesignPoint
from pipeline.region import Grid

NDArray = np.ndarray[Any, Any]

POINTS, TABLE, PLACES = SHEETS = ("points.gpkg", "points.csv", "points.kml")
COLUMNS = ("id", "longitude", "latitude", "class", "remark")
TAKEN = ("id", "fid", "longitude", "latitude", "remark", "geometry")


def sheets(points: Sequence[DesignPoint], grid: Grid, field: str) -> dict[str, bytes]:
    """The files by name; `field` is what the empty field for the class is called."""
    return {
        POINTS: _geopackage(points, grid, field),
        TABLE: _csv(points, grid, field),
        PLACES: _kml(points, grid),
    }


def _geopackage(points: Sequence[DesignPoint], grid: Grid, field: str) -> bytes:
    import geopandas
    import shapely

    columns = {"id": [p.id for p in points], field: [""] * len(points), "remark": [""] * len(points)}
    frame = geopandas.GeoDataFrame(columns, geometry=shapely.points([(p.x, p.y) for p in points]), crs=grid.crs)
    with TemporaryDirectory() as folder:
        path = Path(folder) / POINTS
        frame.to_file(path, driver="GPKG", layer="points", engine="pyogrio")
        return path.read_bytes()


def _csv(points: Sequence[DesignPoint], grid: Grid, field: str) -> bytes:
    """With a byte order mark, so that spreadsheets keep other letters than ours when they save it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    guarded = f"'{field}" if field[:1] in "=+-@" else field
    writer.writerow([guarded if c == "class" else c for c in COLUMNS])
    for p, (longitude, latitude) in zip(points, _degrees([(p.x, p.y) for p in points], grid), strict=True):
        writer.writerow([p.id, f"{longitude:.7f}", f"{latitude:.7f}", "", ""])
    return text.getvalue().encode("utf-8-sig")


def _kml(points: Sequence[DesignPoint], grid: Grid) -> bytes:
    """Each point with the outline of its pixel."""
    half = grid.pixel / 2
    corners = [(-half, -half), (half, -half), (half, half), (-half, half), (-half, -half)]
    marks = []
    for p in points:
        here, *ring = (
            f"{x:.7f},{y:.7f}" for x, y in _degrees([(p.x, p.y), *((p.x + a, p.y + b) for a, b in corners)], grid)
        )
        marks.append(
            f"<Placemark><name>{escape(p.id)}</name><MultiGeometry><Point><coordinates>{here}</coordinates></Point>"
            f"<LineString><tessellate>1</tessellate><coordinates>{' '.join(ring)}</coordinates></LineString>"
            f"</MultiGeometry></Placemark>"
        )
    body = "\n".join(marks)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
    return f"{head}\n{body}\n</Document></kml>\n".encode()


def _degrees(xy: Sequence[tuple[float, float]], grid: Grid) -> list[tuple[float, float]]:
    there = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    longitude, latitude = there.transform(*np.array(xy).T)
    return list(zip(longitude.tolist(), latitude.tolist(), strict=True))
