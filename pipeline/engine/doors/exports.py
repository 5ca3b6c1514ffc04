"""Exports: requests turned into jobs that write files or assets, and where results of each destination go."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from odc.geo.geobox import GeoBox

from pipeline import durable
from pipeline.engine.archive.ids import canonical
from pipeline.engine.collection import Collection, Feature
from pipeline.engine.doors import tables
from pipeline.engine.doors.geotiff import Options, save
from pipeline.engine.doors.operations import Job, Operation, Operations, Progress, new_id
from pipeline.engine.doors.render import parse_grid
from pipeline.engine.doors.rest import Handler, Request, integer, member, number
from pipeline.engine.image import Image
from pipeline.engine.session import Session
from pipeline.engine.space import crs as crs_
from pipeline.engine.space.geometry import footprint
from pipeline.engine.space.grids import image_grid
from pipeline.engine.values import PixelType
from pipeline.engine.wire import to_wire
from pipeline.errors import EngineError

MAX_PIXELS = 100_000_000

Shown = Callable[[Any], Image]
"""Gives the image to be exported, on its grid, or refuses."""


@dataclass(frozen=True)
class Destination:
    """Where files go: a folder, and what their names begin with."""

    folder: Path
    prefix: str


class Exports:
    """Answers the export verbs. `root` is the folder that stands for Drive and Cloud Storage."""

    def __init__(self, session: Session, operations: Operations, root: Path) -> None:
        self._session = session
        self._operations = operations
        self._root = root

    @property
    def handlers(self) -> dict[str, Handler]:
        """The verbs answered here."""
        return {"image.export": self.image, "table.export": self.table}

    def image(self, request: Request) -> dict[str, Any]:
        """The operation that writes an image to GeoTIFF files or into the archive."""
        body = request.body
        max_pixels = integer(body.get("maxPixels"), "maxPixels") or MAX_PIXELS
        grid = member(body, "grid", dict)
        shown = partial(exportable, grid=None if grid is None else parse_grid(grid), max_pixels=max_pixels)
        if body.get("assetExportOptions") is not None:
            options = member(body, "assetExportOptions", dict)
            asset, overwrite = self._asset(options)
            job = self._image_to_asset(_expression(body), shown, _overviews(options), asset, overwrite)
            return self._start(request, "EXPORT_IMAGE", job)
        options = member(body, "fileExportOptions", dict, {})
        file_format = member(options, "fileFormat", str, "GEO_TIFF")
        if file_format != "GEO_TIFF":
            raise EngineError(
                f"Image export: the format '{file_format[:60]}' is not available in the local engine. Use GEO_TIFF."
            )
        wish = geo_tiff_options(member(options, "geoTiffOptions", dict, {}))
        job = self._image_to_files(_expression(body), shown, self._destination(options, body), wish)
        return self._start(request, "EXPORT_IMAGE", job)

    def table(self, request: Request) -> dict[str, Any]:
        """The operation that writes a table to a file or into the archive."""
        body = request.body
        for name in ("featureViewExportOptions", "bigqueryExportOptions"):
            if name in body:
                raise EngineError(f"Table export: {name} is not available in the local engine.")
        selectors = member(body, "selectors", list)
        if body.get("assetExportOptions") is not None:
            asset = self._asset(member(body, "assetExportOptions", dict))
            return self._start(request, "EXPORT_FEATURES", self._table_to_asset(_expression(body), *asset))
        options = member(body, "fileExportOptions", dict, {})
        file_format = tables.table_format(member(options, "fileFormat", str))
        job = self._table_to_files(_expression(body), file_format, selectors, self._destination(options, body))
        return self._start(request, "EXPORT_FEATURES", job)

    def _start(self, request: Request, kind: str, job: Job) -> dict[str, Any]:
        body = request.body
        priority = integer(body.get("priority"), "priority")
        operation = Operation(
            id=new_id(),
            project=request.project,
            type=kind,
            description=member(body, "description", str, ""),
            request_id=member(body, "requestId", str, ""),
            priority=100 if priority is None else priority,
        )
        return self._operations.start(operation, job).wire()

    def _destination(self, options: dict[str, Any], body: dict[str, Any]) -> Destination:
        drive, cloud = (member(options, n, dict) for n in ("driveDestination", "cloudStorageDestination"))
        if (drive is None) == (cloud is None):
            raise EngineError("An export needs one destination: driveDestination or cloudStorageDestination.")
        with durable.reported(self._root):
            self._root.mkdir(parents=True, exist_ok=True)
        durable.writable(self._root)
        default = member(body, "description", str, "") or "export"
        if drive is not None:
            # A Drive folder's name is literal: separators in it do not nest.
            named = member(drive, "folder", str, "")
            folder = self._root / _part(named, "folder") if named else self._root
            return Destination(folder, _part(member(drive, "filenamePrefix", str, "") or default, "filenamePrefix"))
        assert cloud is not None
        bucket = _part(member(cloud, "bucket", str, ""), "bucket")
        path = PurePosixPath(member(cloud, "filenamePrefix", str, "") or default)
        parts = [_part(p, "filenamePrefix") for p in path.parts if p != "/"]
        return Destination(self._root.joinpath(bucket, *parts[:-1]), parts[-1] if parts else _part(default, "prefix"))

    def _asset(self, options: dict[str, Any]) -> tuple[str, bool]:
        wanted = member(options, "earthEngineDestination", dict, {})
        asset = canonical(member(wanted, "name", str, ""))
        overwrite = member(wanted, "overwrite", bool, False)
        archive: Any = self._session.archive
        if not hasattr(archive, "write_image"):
            raise EngineError("Exports to assets need an archive that can be written to. Connect with archive=FOLDER.")
        archive.check_writable()
        if not overwrite and archive.describe(asset) is not None:
            raise EngineError(f"Cannot overwrite asset '{asset}'. Give another assetId, or overwrite=True.")
        return asset, overwrite

    def _image_to_files(self, expression: Any, shown: Shown, to: Destination, wish: Options) -> Job:
        def job(progress: Progress) -> list[str]:
            image = one_type(shown(self._session.evaluate(expression)))
            with durable.staging(self._root) as folder:
                files = save(self._session, image, image_grid(image), folder / to.prefix, wish, progress.reached)
                return _published(files, to, self._root)

        return job

    def _image_to_asset(self, expression: Any, shown: Shown, overviews: str, asset: str, overwrite: bool) -> Job:
        def job(progress: Progress) -> list[str]:
            image = shown(self._session.evaluate(expression))
            archive: Any = self._session.archive
            with durable.staging(self._root) as folder:
                wish = Options(cloud_optimized=True, lossless=True, overviews=overviews)
                [file] = save(self._session, image, image_grid(image), folder / "asset", wish, progress.reached)
                bands = [(b.name, b.type) for b in image.bands]
                properties = {k: v for k, v in to_wire(image.properties).items() if k != "system:footprint"}
                place = footprint(image)
                form = None if place is None else place.to("EPSG:4326", geodesic=False).geojson()
                archive.write_image(asset, file, bands, properties, form, overwrite)
            return [asset]

        return job

    def _table_to_files(self, expression: Any, file_format: str, selectors: Any, to: Destination) -> Job:
        def job(progress: Progress) -> list[str]:
            value = self._session.evaluate(expression)
            progress.reached(0.1)
            with durable.staging(self._root) as folder:
                files = tables.write(value, file_format, selectors, folder / to.prefix)
                progress.reached(0.9)
                return _published(files, to, self._root)

        return job

    def _table_to_asset(self, expression: Any, asset: str, overwrite: bool) -> Job:
        def job(progress: Progress) -> list[str]:
            value = self._session.evaluate(expression)
            forms = [tables.geojson(f) for f in tables.as_features(value)]
            progress.reached(0.9)
            archive: Any = self._session.archive
            properties = to_wire(value.properties) if isinstance(value, (Collection, Feature)) else {}
            archive.write_table(asset, {"type": "FeatureCollection", "features": forms}, properties, overwrite)
            return [asset]

        return job


def exportable(value: Any, grid: GeoBox | None, max_pixels: int) -> Image:
    """The value as an image that may be exported, put on the grid if there is one, or Earth Engine's refusal."""
    if not isinstance(value, Image):
        raise EngineError(f"An image export needs an Image, not {type(value).__name__}.")
    if not value.bands:
        raise EngineError("Unable to export an image without bands.")
    if grid is not None:
        own, window = crs_.grid_projection(grid), (0, 0, grid.width, grid.height)
        value = value.with_bands(replace(b, projection=own, window=window) for b in value.bands)
    window = value.bands[0].window
    if window is None:
        raise EngineError("Unable to export unbounded image.")
    pixels = window[2] * window[3]
    if pixels == 0:
        raise EngineError("Unable to export an empty image: the region and the image do not meet.")
    if pixels > max_pixels:
        raise EngineError(
            f"Export too large: specified {pixels} pixels (max: {max_pixels}). "
            f"Specify higher maxPixels value if you intend to export a large area."
        )
    image: Image = value
    return image


def one_type(image: Image) -> Image:
    """The image, if all its bands have one sample type: a file holds no other."""
    kinds = list(dict.fromkeys(type_name(b.type) for b in image.bands))
    if len(kinds) > 1:
        raise EngineError(
            f"Exported bands must have compatible data types; found inconsistent types: {kinds[0]} and {kinds[1]}."
        )
    return image


def type_name(kind: PixelType) -> str:
    """What GDAL calls the sample type of a band."""
    dtype = kind.dtype
    names = {"uint8": "Byte", "int64": "Int64", "uint64": "UInt64"}
    return names.get(dtype.name, re.sub("^(ui|i|f)", lambda m: {"ui": "UI", "i": "I", "f": "F"}[m[0]], dtype.name))


def geo_tiff_options(given: dict[str, Any]) -> Options:
    """How a GeoTIFF is to be written."""
    file_size = member(given, "tileDimensions", dict)
    shard = integer(given.get("tileSize"), "tileSize") or 256
    dimensions = None
    if file_size is not None:
        dimensions = (
            integer(file_size.get("width"), "tileDimensions.width") or 0,
            integer(file_size.get("height"), "tileDimensions.height") or 0,
        )
        if min(dimensions) <= 0 or any(d % shard for d in dimensions):
            raise EngineError(f"fileDimensions {dimensions} must be positive multiples of shardSize ({shard}).")
    no_data = given.get("noData")
    no_data = no_data.get("floatValue", no_data.get("value")) if isinstance(no_data, dict) else no_data
    return Options(
        cloud_optimized=member(given, "cloudOptimized", bool, False),
        no_data=number(no_data, "noData"),
        skip_empty=member(given, "skipEmptyFiles", bool, False),
        file_size=dimensions,
        metadata_keys=tuple(str(k) for k in member(given, "metadataKeys", list, [])),
    )


def _overviews(options: dict[str, Any]) -> str:
    """How pyramids are made: the default policy, or the overrides' where they all agree; one policy for all bands."""
    overrides = set(member(options, "pyramidingPolicyOverrides", dict, {}).values())
    policy = overrides.pop() if len(overrides) == 1 else member(options, "pyramidingPolicy", str, "MEAN")
    return {"MODE": "mode", "SAMPLE": "nearest", "MIN": "nearest", "MAX": "nearest"}.get(str(policy), "average")


def _expression(body: dict[str, Any]) -> Any:
    expression = body.get("expression")
    if not isinstance(expression, dict):
        raise EngineError("The request has no 'expression'.")
    return expression


def _part(name: str, what: str) -> str:
    """One component of a path, made of a name that may hold anything."""
    part = re.sub(r"[\x00-\x1f/\\:*?\"<>|]", "_", name).strip()
    if not part or part.startswith(".") or len(part.encode()) > 200:
        raise EngineError(f"Invalid {what} {name[:60]!r}: give a plain name of at most 200 bytes.")
    return part


def _published(files: Sequence[Path], to: Destination, root: Path) -> list[str]:
    """The URIs of finished files, moved under their final names; each appears whole or not at all."""
    durable.make_folders(to.folder, root)
    for file in files:
        durable.sync(file)
    final = [file.replace(to.folder / file.name) for file in files]
    durable.sync(to.folder)
    return [path.absolute().as_uri() for path in final]
