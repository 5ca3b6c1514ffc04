"""The map as polygons in a GeoPackage: class, name and area of each patch."""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import rasterio
import shapely
from rasterio.features import shapes

from pipeline.classify.answers import NOTHING
from pipeline.config import Legend
from pipeline.engine.raster import open_raster, reading
from pipeline.errors import MinecoverError

LAYER = "map"
AT_ONCE = 20_000
BYTES_EACH = 2000
"""Memory that a polygon takes while all of them are gathered."""
SETTINGS = {
    # The file tells when it was made; without this the same map would make other bytes every time.
    "OGR_CURRENT_DATE": "2000-01-01T00:00:00.000Z",
    "OGR_SQLITE_JOURNAL": "OFF",
    "OGR_SQLITE_SYNCHRONOUS": "OFF",
}


def refuse_too_many(count: int, memory: float) -> None:
    """Refuse more polygons than memory holds."""
    if count * BYTES_EACH > memory:
        raise MinecoverError(
            f"The map has {count:,} patches; as polygons they take about {count * BYTES_EACH / 1e9:.1f} GB of memory, "
            f"more than classify.memory_gb. Set classify.min_area_m2 or majority_px, which leave fewer, or raise it."
        )


def write(path: Path, source: Path, legend: Legend) -> None:
    """Nothing; the file holds a polygon for each patch of the map `source`, patches touching along edges."""
    names = {c.code: c.name for c in legend}
    with open_raster(source) as file, _settings(), reading():
        crs = file.crs.to_string()
        found = shapes(rasterio.band(file, 1), connectivity=4, transform=file.transform)
        patches = ((shape, int(code)) for shape, code in found if int(code) != NOTHING)
        more = False
        while batch := list(islice(patches, AT_ONCE)):
            _append(path, crs, batch, names, more)
            more = True
        if not more:
            _append(path, crs, [], names, False)


def check(path: Path, pixels: int, pixel_m2: float) -> None:
    """Nothing; raises unless the file is sound and its areas are those of so many pixels."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            [(state,)] = connection.execute("PRAGMA integrity_check").fetchall()
            [(area,)] = connection.execute(f"SELECT coalesce(sum(area_m2), 0) FROM {LAYER}").fetchall()
    except sqlite3.Error as error:
        raise OSError(f"what was written cannot be read back: {error}") from error
    if state != "ok" or abs(area / pixel_m2 - pixels) > 0.5:
        raise OSError("what was written reads back as something else")


def _append(path: Path, crs: str, batch: list[tuple[Any, int]], names: dict[int, str], more: bool) -> None:
    outlines = np.array([shapely.geometry.shape(shape) for shape, _ in batch], dtype=object)
    outlines = np.where(shapely.is_valid(outlines), outlines, shapely.make_valid(outlines)) if batch else outlines
    codes = [code for _, code in batch]
    fields = [np.array(codes, np.int32), np.array([names[c] for c in codes], object), shapely.area(outlines)]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*extension should be.*")
        try:
            pyogrio.raw.write(
                path, shapely.to_wkb(outlines), fields, ["class", "name", "area_m2"], driver="GPKG", layer=LAYER,
                geometry_type="MultiPolygon", promote_to_multi=True, crs=pyproj.CRS(crs).to_wkt(), append=more,
            )  # fmt: skip
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pyogrio.errors.FeatureError) as error:
            raise OSError(f"{error}") from error


@contextmanager
def _settings() -> Iterator[None]:
    before = {name: pyogrio.get_gdal_config_option(name) for name in SETTINGS}
    pyogrio.set_gdal_config_options(SETTINGS)
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options(before)
