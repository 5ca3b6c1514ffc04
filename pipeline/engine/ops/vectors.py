"""Between pixels and features: zones traced to polygons, features burnt to pixels, distances to features."""

from __future__ import annotations

from typing import Any

import numpy as np
import rasterio.features
import shapely
import shapely.geometry
from odc.geo.geobox import GeoBox

from pipeline.engine import zonal
from pipeline.engine.collection import Collection, Feature, features
from pipeline.engine.image import Band, Image
from pipeline.engine.plan import OnGrid, Part, Pixels, valid
from pipeline.engine.reducer import Reducer
from pipeline.engine.space import crs as crs_
from pipeline.engine.space import shapes
from pipeline.engine.space.geometry import Geometry, footprint
from pipeline.engine.space.grids import centres, requested
from pipeline.engine.values import PixelType, Projection
from pipeline.errors import EngineError


def _reduce_to_vectors(
    session: Any,
    image: Image,
    reducer: Reducer | None,
    geometry: Geometry | None,
    scale: float | None,
    kind: str,
    eight: bool,
    label: str,
    crs: Projection | None,
    transform: list[float] | None,
    best_effort: bool,
    most: int,
    tile_scale: float,
    native: bool,
    *rest: Any,
) -> Collection:
    """A feature for each connected zone of equal values of the first band; further bands are reduced over it."""
    who = "Image.reduceToVectors"
    region = zonal.region_of(image, geometry, who)
    grid = zonal.limited(region, requested(image, scale, crs, transform, who), most, best_effort, who)
    if image.bands[0].type.precision != "int":
        raise EngineError(f"{who}: The first band must be an integer type, '{image.bands[0].name}' is not.")
    if (
        reducer is not None
        and len(image.bands) - 1 != reducer.inputs
        and not (reducer.inputs == 1 and len(image.bands) == 1)
    ):
        raise EngineError(f"{who}: Need 1+{reducer.inputs} bands for this image and reducer, got {len(image.bands)}.")
    pixels = session.pixels(image, grid)
    inside = shapes.inside(region, grid) & valid(pixels[0].mask)
    zones, count = _zones(pixels[0].data, inside, eight)
    outlines = _outlines(zones, grid, eight)
    made = []
    for zone in range(1, count + 1):
        where = zones == zone
        properties: dict[str, Any] = {label: int(pixels[0].data[where][0])}
        if reducer is not None:
            columns = [p.data[where] for p in pixels[1:]] or [pixels[0].data[where]]
            properties |= dict(zip(reducer.outputs, reducer.aggregate(columns), strict=True))
        made.append(Feature(_formed(outlines[zone], grid, kind, native), properties))
    return features(made)


def _zones(data: Any, inside: Any, eight: bool) -> tuple[Any, int]:
    """Numbered connected areas of equal value; 0 outside. Numbers follow the first pixel in reading order."""
    from scipy import ndimage

    structure = np.ones((3, 3)) if eight else None
    zones = np.zeros(data.shape, np.int32)
    count = 0
    for value in np.unique(data[inside]):
        numbered, found = ndimage.label((data == value) & inside, structure)
        zones[numbered > 0] = numbered[numbered > 0] + count
        count += found
    return zones, count


def _outlines(zones: Any, grid: GeoBox, eight: bool) -> dict[int, Any]:
    traced: dict[int, list[Any]] = {}
    connectivity = 8 if eight else 4
    for form, zone in rasterio.features.shapes(zones, zones > 0, connectivity, grid.transform):
        traced.setdefault(int(zone), []).append(shapely.geometry.shape(form))
    return {zone: shapely.union_all(parts) for zone, parts in traced.items()}


def _formed(outline: Any, grid: GeoBox, kind: str, native: bool) -> Geometry:
    if kind == "bb":
        outline = shapely.box(*outline.bounds)
    elif kind == "centroid":
        outline = outline.centroid
    elif kind != "polygon":
        raise EngineError(f"Image.reduceToVectors: Unknown geometryType '{kind}'. Choose polygon, bb or centroid.")
    geometry = Geometry(outline, crs_.grid_name(grid), False)
    return geometry if native else geometry.to(crs_.LONLAT)


def _reduce_to_image(collection: Collection, names: list[str], reducer: Reducer) -> Image:
    """One band an output, of the property values of all features that cover the pixel."""
    if len(names) != reducer.inputs:
        raise EngineError(
            f"Collection.reduceToImage: The reducer {reducer.name} needs {reducer.inputs} properties, got {len(names)}."
        )
    rows = [(footprint(f), [f.properties.get(n) for n in names]) for f in collection]
    known = [(g, values) for g, values in rows if g is not None and all(isinstance(v, (int, float)) for v in values)]

    def compute(grid: GeoBox) -> tuple[Pixels, ...]:
        layers: list[list[Pixels]] = [[] for _ in names]
        for geometry, values in known:
            inside = shapes.inside(geometry, grid)
            if inside.any():
                for layer, value in zip(layers, values, strict=True):
                    layer.append(Pixels(np.broadcast_to(np.float64(value), inside.shape), inside))
        if not layers[0]:
            nothing = Pixels(np.zeros(tuple(grid.shape)), np.zeros(tuple(grid.shape), bool))
            return tuple(nothing for _ in reducer.outputs)
        return tuple(reducer.stack(layers))

    whole = OnGrid(compute)
    kinds = reducer.output_types([PixelType("double")] * reducer.inputs)
    return Image(tuple(Band(o, k, Part(whole, i)) for i, (o, k) in enumerate(zip(reducer.outputs, kinds, strict=True))))


def _distance(collection: Collection, radius: float, error: float) -> Image:
    """Band `distance`: metres to the nearest feature, masked beyond the radius."""
    found = [g for g in (footprint(f) for f in collection) if g is not None]

    def compute(grid: GeoBox) -> Pixels:
        x, y = centres(grid)
        name = crs_.grid_name(grid)
        metres = _metric(name, found)
        px, py = crs_.transformer(name, metres).transform(x, y)
        points = shapely.points(px, py)
        best = np.full(px.shape, np.inf)
        for geometry in found:
            shape = geometry.planar(metres)
            if shape is not None:
                best = np.minimum(best, shapely.distance(shape, points))
        return Pixels(np.where(np.isfinite(best), best, 0), best <= radius)

    return Image((Band("distance", PixelType("double", 0, radius), OnGrid(compute)),))


def _metric(name: str, found: list[Geometry]) -> str:
    """The grid's own CRS if it is in metres, else an equidistant one around the features."""
    if not crs_.is_geographic(name) or not found:
        return name
    west, south, east, north = found[0].bounds_in(crs_.LONLAT)
    return f"+proj=aeqd +lat_0={(south + north) / 2} +lon_0={(west + east) / 2} +units=m"


TABLE = {
    "Collection.reduceToImage": _reduce_to_image,
    "Collection.distance": _distance,
}

SESSION_TABLE = {"Image.reduceToVectors": _reduce_to_vectors}

NOTES = {
    "Collection.distance": "Measured in the grid's own projection where that is in metres, else in an equidistant one.",
    "Image.reduceToVectors": "Zones are traced on the region's grid in memory; the order of features is by value.",
}
