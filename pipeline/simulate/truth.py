"""What is true on the ground, as files: land-use maps, points to learn from, points to estimate areas from, outline.

Each file appears whole or not at all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from pyproj import Transformer
from rasterio.io import MemoryFile
from rasterio.shutil import copy
from rasterio.transform import Affine

from pipeline import durable
from pipeline.artifacts.design import DESIGN, Design, DesignPoint, DesignStratum, write_design
from pipeline.region import Grid
from pipeline.simulate import samples
from pipeline.simulate.district import CLASSES, COLOURS, FINE, PIXEL, Land, NDArray, Place


def write(folder: Path, lands: Sequence[Land], seed: int, wrong: float = samples.WRONG) -> dict[str, object]:
    """What district.json says of the truth; writes region.geojson and, for each year, map, labels and reference.

    `wrong` is the chance of each label to be wrong.
    """
    place = lands[0].place
    told: dict[str, object] = {}
    drawn = samples.reference(lands, seed)
    with durable.reported(folder):
        durable.write_text(folder / "region.geojson", region(place))
        write_design(folder / DESIGN, design(drawn[0], place, seed))
        for land, reference in zip(lands, drawn, strict=True):
            points, mistakes = samples.labels(land, seed, wrong)
            write_map(folder / f"truth_{land.year}.tif", samples.majority(land.use), place)
            write_points(folder / f"labels_{land.year}.gpkg", points, place)
            write_points(folder / f"reference_{land.year}.gpkg", reference, place)
            told[str(land.year)] = _year(land, points, mistakes, wrong)
    return {"years": told, "reference": _design(place, seed)}


def areas(land: Land) -> dict[str, float]:
    """True area of each class in hectares, from the painting grid."""
    counts = np.bincount(land.use.ravel(), minlength=max(CLASSES) + 1)
    return {name: round(float(counts[code]) * FINE**2 / 1e4, 2) for code, name in CLASSES.items()}


def write_map(path: Path, classes: NDArray, place: Place) -> None:
    """A COG of class codes with a palette and the names of the classes, 0 where there is nothing."""
    rows, columns = classes.shape
    profile = {
        "width": columns, "height": rows, "count": 1, "dtype": "uint8", "nodata": 0, "crs": place.crs,
        "transform": Affine(PIXEL, 0, place.west, 0, -PIXEL, place.north),
    }  # fmt: skip
    palette = {code: (*bytes.fromhex(colour[1:]), 255) for code, colour in COLOURS.items()}
    with MemoryFile() as memory:
        with memory.open(driver="GTiff", **profile) as file:
            file.write(classes, 1)
            file.write_colormap(1, {0: (0, 0, 0, 0), **palette})
            file.set_band_description(1, "land use")
        with memory.open() as file, _whole(path) as temporary:
            copy(file, temporary, driver="COG", compress="DEFLATE", overview_resampling="MODE")
    durable.write_text(path.with_name(path.name + ".aux.xml"), _names())


def write_points(path: Path, points: samples.Points, place: Place) -> None:
    """A GeoPackage with id, class, code and geometry."""
    with _whole(path) as temporary:
        points.table(place.crs).to_file(temporary, driver="GPKG", layer=path.stem, engine="pyogrio")


def design(points: samples.Points, place: Place, seed: int) -> Design:
    """How the reference sample was drawn, as `minecover assess` wants it recorded."""
    rows, columns = place.shape()
    drawn = zip(points.ids, points.x.tolist(), points.y.tolist(), strict=True)
    return Design(
        grid=Grid(place.crs, PIXEL, place.west, place.north, columns, rows),
        seed=seed,
        strata=(DesignStratum(name="all pixels", pixels=rows * columns, points=len(points.ids)),),
        points=tuple(DesignPoint(id=str(i), x=x, y=y, stratum=0) for i, x, y in drawn),
    )


def region(place: Place) -> str:
    """The district's outline in longitude and latitude, as GeoJSON.

    Half a pixel is left out on every side: lines that are straight in degrees bulge a metre or two in metres, and would
    touch pixels that nobody has simulated.
    """
    near, far = PIXEL / 2, place.size_m - PIXEL / 2
    there = Transformer.from_crs(place.crs, "EPSG:4326", always_xy=True)
    corners = [(near, near), (near, far), (far, far), (far, near), (near, near)]
    ring = [there.transform(place.west + right, place.north - down) for right, down in corners]
    shape = {"type": "Polygon", "coordinates": [[[round(v, 7) for v in corner] for corner in ring]]}
    feature = {"type": "Feature", "properties": {"name": "simulated district"}, "geometry": shape}
    return json.dumps({"type": "FeatureCollection", "features": [feature]}) + "\n"


def _year(land: Land, points: samples.Points, mistakes: int, wrong: float) -> dict[str, object]:
    """What is told of one year: true areas, classes that are missing, labels and their errors."""
    area = areas(land)
    asked = {CLASSES[code]: count for code, count in samples.COUNTS.items()}
    given = {name: int((points.code == code).sum()) for code, name in CLASSES.items()}
    return {
        "true_area_ha": area,
        "classes_missing": [name for name, hectares in area.items() if hectares == 0],
        "labels": given,
        "labels_fewer_than_asked": {n: asked[n] for n in asked if given[n] < asked[n]},
        "labels_wrong_share_wanted": wrong,
        "labels_wrong": mistakes,
    }


def _design(place: Place, seed: int) -> dict[str, object]:
    """How the reference sample was drawn: enough to estimate from it."""
    rows, columns = place.shape()
    size = samples.reference_size(place)
    return {
        "design": "simple random sample of 10 m pixels without replacement, the same pixels in every year",
        "label": "class that covers most of the pixel, without error",
        "points": size,
        "population_pixels": rows * columns,
        "inclusion_probability": size / (rows * columns),
        "seed": seed,
    }


def _names() -> str:
    """GDAL's sidecar with the names of the classes: a GeoTIFF cannot hold them itself, and QGIS shows them."""
    listed = "".join(f"<Category>{escape(CLASSES.get(code, ''))}</Category>" for code in range(max(CLASSES) + 1))
    return f'<PAMDataset><PAMRasterBand band="1"><CategoryNames>{listed}</CategoryNames></PAMRasterBand></PAMDataset>\n'


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A temporary file beside `path`, put in its place once it is complete and on disk."""
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        durable.sync(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    durable.sync(path.parent)
