"""Numbers from regions of images: reduceRegion(s) and the samplings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely
from odc.geo.geobox import GeoBox

from pipeline.engine import zonal
from pipeline.engine.collection import Collection, Feature, features
from pipeline.engine.image import Band, Image
from pipeline.engine.ops.composite import members
from pipeline.engine.plan import Constant, NDArray, valid
from pipeline.engine.reducer import Reducer
from pipeline.engine.space.geometry import Geometry
from pipeline.engine.space.grids import region_grid, requested
from pipeline.engine.values import Array, PixelType, Projection
from pipeline.errors import EngineError


def _reduce_region(
    session: Any,
    image: Image,
    reducer: Reducer,
    geometry: Geometry | None,
    scale: float | None,
    crs: Projection | None,
    transform: list[float] | None,
    best_effort: bool,
    most: int,
    tile_scale: float,
) -> dict[str, Any]:
    """{band: result} of the pixels in the region; {band_output: …} where the reducer has several outputs."""
    who = "Image.reduceRegion"
    if not image.bands:
        raise EngineError(f"{who}: the image has no bands.")
    region = zonal.region_of(image, geometry, who)
    grid = zonal.limited(region, requested(image, scale, crs, transform, who), most, best_effort, who)
    single = len(reducer.outputs) == 1
    return {
        band if band and single else f"{band}_{output}" if band else output: value
        for band, output, value in zonal.reduced(session.tiler, image.bands, region, grid, reducer)
    }


def _reduce_regions(
    session: Any,
    image: Image,
    collection: Collection,
    reducer: Reducer,
    scale: float | None,
    crs: Projection | None,
    transform: list[float] | None,
    tile_scale: float,
    most: int | None,
) -> Collection:
    """The features with the results as properties, named by band, by output where the image has one band."""
    projection = requested(image, scale, crs, transform, "Image.reduceRegions")
    one_band = len(image.bands) == 1
    single = len(reducer.outputs) == 1

    def name(band: str, output: str) -> str:
        if not band or one_band:
            return output
        return band if single else f"{band}_{output}"

    def each() -> Iterator[Feature]:
        for feature in collection:
            region = zonal.region_of(image, _geometry(feature), "Image.reduceRegions")
            grid = zonal.limited(region, projection, most or 1e13, False, "Image.reduceRegions")
            found = zonal.reduced(session.tiler, image.bands, region, grid, reducer)
            results = {name(band, output): value for band, output, value in found}
            yield feature.with_properties({**feature.properties, **results})

    return collection.derive(each, "FeatureCollection")


def _geometry(feature: Any) -> Geometry | None:
    from pipeline.engine.space.geometry import footprint

    return footprint(feature)


def _complete(found: zonal.Table, drop_nulls: bool) -> NDArray:
    """The indices of all pixels, or of those where no band is masked."""
    if not (drop_nulls and found.weights):
        return np.arange(len(found.cells))
    return np.flatnonzero(np.all([w > 0 for w in found.weights], axis=0))


def _rows(found: zonal.Table, image: Image, at: NDArray) -> list[list[Any]]:
    """The bands' values of the pixels at some indices; masked values are None."""
    columns = [
        [zonal.cell(v, b.type) if good else None for v, good in zip(c[at], w[at] > 0, strict=True)]
        for c, w, b in zip(found.columns, found.weights, image.bands, strict=True)
    ]
    return [[c[i] for c in columns] for i in range(len(at))]


def _point(found: zonal.Table, i: int, grid: GeoBox) -> Geometry:
    lon, lat = zonal.places(found.cells[i], grid)
    return Geometry(shapely.Point(lon, lat))


def _sample(
    session: Any,
    image: Image,
    region: Geometry | None,
    scale: float | None,
    projection: Projection | None,
    factor: float | None,
    count: int | None,
    seed: int,
    drop_nulls: bool,
    tile_scale: float,
    geometries: bool,
) -> Collection:
    """A feature for each pixel centre in the region, or for a random part of them."""
    who = "Image.sample"
    if factor is not None and count is not None:
        raise EngineError(f"{who}: Specify either a factor or numPixels, not both.")
    place = zonal.region_of(image, region, who)
    grid = region_grid(place, _sampling_projection(image, scale, projection, who))
    found = zonal.table(session.tiler, _with_places(image), place, grid, False)
    found = zonal.Table(found.columns[:-1], found.weights[:-1], found.cells)
    at = _thinned(_complete(found, drop_nulls), factor, count, seed)
    made = [
        Feature(_point(found, i, grid) if geometries else None, dict(zip(image.names, row, strict=True)))
        for i, row in zip(at, _rows(found, image, at), strict=True)
    ]
    return features(made)


def _with_places(image: Image) -> list[Band]:
    """The bands and one that is valid everywhere, so that fully masked pixels are rows too."""
    return [*image.bands, Band("", PixelType("int", 1, 1), Constant(1, np.dtype(np.uint8)))]


def _sampling_projection(image: Image, scale: float | None, projection: Projection | None, who: str) -> Projection:
    return requested(image, scale, projection, None, who)


def _thinned(at: NDArray, factor: float | None, count: int | None, seed: int) -> NDArray:
    """A random part of the indices, in their order: a share of them, or a number."""
    if factor is None and count is None:
        return at
    draw = np.random.default_rng(seed % 2**63).random(len(at))
    if factor is not None:
        chosen = np.flatnonzero(draw < factor)
    else:
        chosen = np.sort(np.argsort(draw, kind="stable")[: max(count or 0, 0)])
    picked: NDArray = at[chosen]
    return picked


def _sample_regions(
    session: Any,
    image: Image,
    collection: Collection,
    names: list[str] | None,
    scale: float | None,
    projection: Projection | None,
    tile_scale: float,
    geometries: bool,
) -> Collection:
    """A feature for each valid pixel of each region, with the region's properties; points take their own pixel."""
    own = _sampling_projection(image, scale, projection, "Image.sampleRegions")

    def each() -> Iterator[Feature]:
        for number, feature in enumerate(collection):
            region = _geometry(feature)
            if region is None:
                continue
            grid = region_grid(region, own)
            found = zonal.table(session.tiler, image.bands, region, grid, False)
            kept = _kept(feature, names)
            at = _complete(found, True)
            for i, row in zip(at, _rows(found, image, at), strict=True):
                index = f"{feature.id if feature.id is not None else number}_{i}"
                properties = {"system:index": index, **kept, **dict(zip(image.names, row, strict=True))}
                yield Feature(_point(found, i, grid) if geometries else None, properties)

    return collection.derive(each, "FeatureCollection")


def _kept(feature: Any, names: list[str] | None) -> dict[str, Any]:
    if names is None:
        return {k: v for k, v in feature.properties.items() if not k.startswith("system:")}
    return {n: feature.properties.get(n) for n in names}


def _sample_rectangle(
    session: Any,
    image: Image,
    region: Geometry | None,
    names: list[str] | None,
    default: float | None,
    array_default: Array | None,
) -> Feature:
    """One feature with each band as a rows × columns (× its own axes) array, in the band's own projection."""
    place = zonal.region_of(image, region, "Image.sampleRectangle")
    properties = _kept(image, names)
    for band in image.bands:
        fill = array_default if band.type.dimensions else default
        properties[band.name] = _rectangle(session, image.with_bands([band]), place, fill)
    return Feature(place, properties)


def _rectangle(session: Any, image: Image, place: Geometry, default: Any) -> Array:
    """The pixels of the only band in the place's box, `default` where they are masked."""
    who = "Image.sampleRectangle"
    (band,) = image.bands
    grid = region_grid(place, requested(image, None, None, None, who))
    if grid.width * grid.height > 262_144:
        raise EngineError(f"{who}: Too many pixels in sample; must be <= 262144. Got {grid.width * grid.height}.")
    (pixels,) = session.pixels(image, grid)
    good = valid(pixels.mask)
    if not good.all() and default is None:
        raise EngineError(
            f"{who}: Fully or partially masked pixels / pixels outside of the image footprint when sampling band "
            f"'{band.name}' with no default value set. Note that calling sampleRectangle() on an image after "
            f"ee.Image.clip() may result in a sampling bounding box outside the geometry passed to clip()."
        )
    fill = default.data if isinstance(default, Array) else default
    cells = [
        np.asarray(v if ok else fill, band.type.dtype) for v, ok in zip(_flat(pixels.data), good.flat, strict=True)
    ]
    if any(c.shape != cells[0].shape for c in cells):
        raise EngineError(f"{who}: All arrays of band '{band.name}' must have the same number of elements.")
    kind = PixelType(band.type.precision, band.type.min, band.type.max, 2 + cells[0].ndim)
    return Array(np.stack(cells).reshape(*grid.shape, *cells[0].shape), kind)


def _flat(data: Any) -> Any:
    """The pixels' values in one row."""
    return data.reshape(-1, *data.shape[2:])


def _stratified(
    session: Any,
    image: Image,
    points: int,
    class_band: str | None,
    region: Geometry | None,
    scale: float | None,
    projection: Projection | None,
    seed: int,
    values: list[int] | None,
    counts: list[int] | None,
    drop_nulls: bool,
    tile_scale: float,
    geometries: bool,
) -> Collection:
    """The asked number of random pixels of each class, fewer where the class has fewer."""
    who = "Image.stratifiedSample"
    name = class_band if class_band is not None else next(iter(image.names), "")
    if name not in image.names:
        raise EngineError(f"{who}: No class band '{name}'. Available bands: {image.names}.")
    if len(values or []) != len(counts or []):
        raise EngineError(f"{who}: classValues and classPoints must have the same length.")
    place = zonal.region_of(image, region, who)
    grid = region_grid(place, _sampling_projection(image, scale, projection, who))
    found = zonal.table(session.tiler, image.bands, place, grid, False)
    at = _complete(found, drop_nulls)
    column = image.names.index(name)
    at = at[found.weights[column][at] > 0]
    labels = found.columns[column][at]
    if (labels != np.floor(labels)).any():
        odd = labels[labels != np.floor(labels)][0]
        raise EngineError(f"{who}: The class band '{name}' must hold integers, but holds {odd}.")
    wanted = dict(zip(values or [], counts or [], strict=True))
    random = np.random.default_rng(seed % 2**63)
    made = []
    for label in np.unique(labels):
        members = at[labels == label]
        chosen = members[random.permutation(len(members))[: wanted.get(int(label), points)]]
        for i, row in zip(chosen, _rows(found, image, chosen), strict=True):
            geometry = _point(found, i, grid) if geometries else None
            made.append(Feature(geometry, dict(zip(image.names, row, strict=True))))
    return features(made)


def _get_region(
    session: Any,
    collection: Collection,
    geometry: Geometry,
    scale: float | None,
    crs: Projection,
    transform: list[float] | None,
) -> list[Any]:
    """[id, longitude, latitude, time, bands …] of every pixel of every image, a header row first."""
    images = list(members(collection, "ImageCollection.getRegion"))
    names: list[str] = list(dict.fromkeys(n for image in images for n in image.names))
    header: list[Any] = ["id", "longitude", "latitude", "time", *names]
    if not images:
        return [header]
    own = requested(images[0], scale, crs, transform, "ImageCollection.getRegion")
    grid = region_grid(geometry, own)
    if grid.width * grid.height * len(images) > 1_048_576:
        raise EngineError(
            f"ImageCollection.getRegion: Too many values: {len(images)} images x {grid.width * grid.height} pixels "
            f"> 1048576. Ask for fewer images, a smaller region or a coarser scale."
        )
    rows = [header]
    for image in images:
        found = zonal.table(session.tiler, _with_places(image), geometry, grid, False)
        at = np.arange(len(found.cells))
        lon, lat = zonal.places(found.cells, grid)
        by_name = {b.name: (c, w, b.type) for b, c, w in zip(image.bands, found.columns, found.weights, strict=False)}
        time = image.properties.get("system:time_start")
        for i in at:
            values = [
                zonal.cell(by_name[n][0][i], by_name[n][2]) if n in by_name and by_name[n][1][i] > 0 else None
                for n in names
            ]
            rows.append([image.id, float(lon[i]), float(lat[i]), time, *values])
    return rows


SESSION_TABLE = {
    "Image.reduceRegion": _reduce_region,
    "Image.reduceRegions": _reduce_regions,
    "Image.sample": _sample,
    "Image.sampleRegions": _sample_regions,
    "Image.sampleRectangle": _sample_rectangle,
    "Image.stratifiedSample": _stratified,
    "ImageCollection.getRegion": _get_region,
}

NOTES = {
    "Image.sample": "Random subsets are seeded but are not Earth Engine's.",
    "Image.stratifiedSample": "Random subsets are seeded but are not Earth Engine's.",
    "Image.reduceRegion": "A reducer combined of weighted and unweighted parts sees all covered pixels in both.",
}
