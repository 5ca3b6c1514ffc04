"""GeoTIFFs on their way into an archive: what their headers say, conversion to our own COG, and reading all of it back.

Conversion reads every block of the source, keeps nothing of it but pixels, masks and position, and makes overviews
anew. Knows nothing of assets or documents.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
import shapely
import shapely.affinity
import shapely.geometry
from affine import Affine
from pyproj import Transformer
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.errors import CRSError, RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from pipeline import durable
from pipeline.engine.archive.model import BandFile
from pipeline.engine.raster import NDArray, band_names, open_raster, read_failure, reading, shown
from pipeline.engine.values import PixelType, Projection
from pipeline.errors import ArchiveError

RESAMPLING = {"mean": Resampling.average, "sample": Resampling.nearest, "mode": Resampling.mode}
BLOCK = 256
SMALLEST = 256
CHUNK = 2048
EDGE_POINTS = 21
TOLERANCE = 1e-5
NUMBERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "float32", "float64")


@dataclass(frozen=True)
class Header:
    """What a raster says of itself. `alpha` is set where the last band only masks the others."""

    path: Path
    crs: str
    transform: tuple[float, float, float, float, float, float]
    width: int
    height: int
    dtype: str
    nodata: float | None
    names: tuple[str | None, ...]
    alpha: bool
    masked: bool

    @property
    def pixel_bytes(self) -> int:
        """Bytes of all pixels, uncompressed."""
        return self.width * self.height * (len(self.names) + self.masked) * np.dtype(self.dtype).itemsize

    def band(
        self, name: str, index: int, kind: PixelType, nodata: float | None, scale: float = 1.0, offset: float = 0.0
    ) -> BandFile:
        """A band of the raster, still without a place."""
        projection = Projection(self.crs, self.transform)
        return BandFile(name, "", index, kind, projection, self.width, self.height, nodata, scale, offset)


@dataclass(frozen=True)
class Change:
    """What becomes of stored numbers on their way in: others, of `dtype`, with `nodata` where there are none.

    `apply` gets (bands, rows, columns) as stored and gives as many; what it makes infinite or NaN is no data.
    `name` says all of it: two changes of one name do the same.
    """

    name: str
    dtype: str
    nodata: float
    apply: Callable[[NDArray], NDArray]


def header(path: str | Path, assume_crs: str | None = None) -> Header:
    """The header of a GeoTIFF that can be used; refuses one without CRS, without position, or rotated."""
    with open_raster(path) as dataset:
        _refuse_unplaced(path, dataset)
        alpha = dataset.count > 1 and dataset.colorinterp[-1] == ColorInterp.alpha
        if len(set(dataset.dtypes)) > 1 or dataset.dtypes[0] not in NUMBERS:
            raise ArchiveError(f"{shown(path)} holds {'/'.join(dataset.dtypes)}; use one of {', '.join(NUMBERS)}.")
        return Header(
            Path(path),
            _crs(path, dataset, assume_crs),
            tuple(dataset.transform)[:6],
            dataset.width,
            dataset.height,
            dataset.dtypes[0],
            dataset.nodata,
            band_names(path),
            alpha,
            alpha or any(MaskFlags.per_dataset in flags for flags in dataset.mask_flag_enums),
        )


def convert(
    source: Header,
    folder: Path,
    name: str,
    bands: dict[str, int],
    nodata: float | None,
    pyramiding: str,
    change: Change | None = None,
) -> Path:
    """A COG in the folder with the source's bands of these numbers by name, and overviews down to 256 pixels.

    `nodata` is a stored number of the source. A change takes away the source's nodata and mask and sets its own.
    """
    if pyramiding not in RESAMPLING:
        raise ArchiveError(f"Pyramiding '{pyramiding}' is not available. Use one of {', '.join(RESAMPLING)}.")
    dtype = change.dtype if change else source.dtype
    plain, target = folder / f"{name}.plain", folder / f"{name}.tif"
    options = {
        "TILED": True,
        "BLOCKXSIZE": BLOCK,
        "BLOCKYSIZE": BLOCK,
        "COMPRESS": "ZSTD",
        "PREDICTOR": 3 if np.dtype(dtype).kind == "f" else 2,
        "BIGTIFF": "IF_SAFER",
        "COPY_SRC_OVERVIEWS": True,
        # One band after the other, so that a wanted band does not cost the decoding of all: GDAL 3.10's own COG
        # driver cannot. The layout is the same otherwise: all headers first, then from coarse to fine.
        "INTERLEAVE": "BAND",
        "NUM_THREADS": "ALL_CPUS",
    }
    environment = {"GDAL_TIFF_INTERNAL_MASK": True, "GDAL_PAM_ENABLED": False, "GDAL_TIFF_OVR_BLOCKSIZE": BLOCK}
    try:
        with rasterio.Env(**environment):
            _copy_pixels(source, plain, bands, _nodata(source, nodata), change)
            with rasterio.open(plain, "r+") as made:
                made.build_overviews(_overviews(source.width, source.height), RESAMPLING[pyramiding])
            rasterio.shutil.copy(str(plain), str(target), driver="GTiff", **options)
    except (RasterioError, CPLE_BaseError, OSError) as error:  # GDAL's own error escapes from copy()
        raise ArchiveError(
            f"{shown(source.path)} could not be converted: {error}. Check the free space of the archive's disk; "
            f"nothing was changed."
        ) from error
    finally:
        plain.unlink(missing_ok=True)
    return target


def verified(path: str | Path) -> str:
    """The SHA-256 of a file of which every block could be read, once the disk holds it."""
    durable.sync(Path(path))
    read_all(path)
    return sha256(path)


def read_all(path: str | Path) -> None:
    """Decode every block of every band; an error names the first that cannot be read."""
    with open_raster(path) as dataset:
        bands = [1] if dataset.interleaving == "pixel" else range(1, dataset.count + 1)
        for band in bands:
            for block, window in dataset.block_windows(band):
                try:
                    with reading():
                        dataset.read(band, window=window)
                except (RasterioError, OSError) as error:
                    raise read_failure(path, dataset, band, block) from error


def sha256(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def footprint(source: Header) -> dict[str, Any] | None:
    """The outline as GeoJSON in longitude and latitude, cut at the antimeridian; None if it has none there."""
    steps = np.linspace(0, 1, EDGE_POINTS)[:-1]
    x = np.concatenate([steps, np.ones_like(steps), 1 - steps, np.zeros_like(steps)]) * source.width
    y = np.concatenate([np.zeros_like(steps), steps, np.ones_like(steps), 1 - steps]) * source.height
    a, _, c, _, e, f = source.transform
    lon, lat = Transformer.from_crs(source.crs, "EPSG:4326", always_xy=True).transform(a * x + c, e * y + f)
    inside = np.isfinite(lon) & np.isfinite(lat)
    if inside.sum() < 4:
        return None
    lon, lat = lon[inside], np.clip(lat[inside], -90, 90)
    if np.abs(np.diff(lon, append=lon[0])).max() > 180:
        lon = np.where(lon < 0, lon + 360, lon)
    return _cut(shapely.make_valid(shapely.Polygon(np.column_stack([lon, lat]))))


def _cut(outline: Any) -> dict[str, Any] | None:
    shifts = (-360.0, 0.0, 360.0)
    world = shapely.box(-180, -90, 180, 90)
    parts = [
        shapely.intersection(shapely.transform(outline, lambda p, s=s: p + np.array([s, 0])), world) for s in shifts
    ]
    polygons = [p for part in parts for p in shapely.get_parts(part) if p.geom_type == "Polygon" and p.area > 0]
    if not polygons:
        return None
    whole = polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
    found: dict[str, Any] = shapely.geometry.mapping(shapely.set_precision(shapely.simplify(whole, TOLERANCE), 1e-9))
    return found


def _refuse_unplaced(path: str | Path, dataset: DatasetReader) -> None:
    transform = dataset.transform
    if transform.is_identity:
        raise ArchiveError(
            f"{shown(path)} has no geotransform. Georeference it first, e.g. with gdal_translate -a_ullr."
        )
    if transform.b or transform.d or not transform.a or not transform.e:
        raise ArchiveError(f"{shown(path)} is rotated or has no pixel size. Warp it to a north-up grid first.")


def _crs(path: str | Path, dataset: DatasetReader, assumed: str | None) -> str:
    """The CRS as AUTHORITY:CODE where that says all of it, else as WKT."""
    crs = dataset.crs
    if not crs or not (crs.is_geographic or crs.is_projected):
        if not assumed:
            raise ArchiveError(
                f"{shown(path)} has no coordinate reference system. Give it with --assume-crs EPSG:CODE."
            )
        try:
            crs = CRS.from_user_input(assumed)
        except CRSError as error:
            raise ArchiveError(f"'{assumed}' is not a coordinate reference system. Use e.g. EPSG:32631.") from error
    authority = crs.to_authority(confidence_threshold=100)
    return ":".join(authority) if authority else str(crs.to_wkt())


def _nodata(source: Header, asked: float | None) -> float | None:
    """The nodata of the copy; NaN for floating-point numbers without any, so that overviews leave NaN out."""
    kind = np.dtype(source.dtype)
    value = source.nodata if asked is None else asked
    if value is None:
        return float("nan") if kind.kind == "f" and not source.masked else None
    if kind.kind != "f" and not (value == int(value) and np.iinfo(kind).min <= value <= np.iinfo(kind).max):
        raise ArchiveError(f"nodata {value} cannot be a {source.dtype} number in {shown(source.path)}.")
    return value


def _overviews(width: int, height: int) -> list[int]:
    """The halvings until the image fits one tile of Earth Engine's pyramid."""
    factors: list[int] = []
    while max(width, height) / 2 ** len(factors) > SMALLEST:
        factors.append(2 ** (len(factors) + 1))
    return factors


def _copy_pixels(
    source: Header, target: Path, bands: dict[str, int], nodata: float | None, change: Change | None
) -> None:
    profile = {
        "driver": "GTiff",
        "width": source.width,
        "height": source.height,
        "count": len(bands),
        "dtype": change.dtype if change else source.dtype,
        "crs": CRS.from_user_input(source.crs),
        "transform": Affine(*source.transform),
        "nodata": change.nodata if change else nodata,
        "tiled": True,
        "blockxsize": BLOCK,
        "blockysize": BLOCK,
        "interleave": "band",
        "bigtiff": "IF_SAFER",
        "photometric": "MINISBLACK",
        "alpha": "UNSPECIFIED",
    }
    indexes = list(bands.values())
    with open_raster(source.path) as given, rasterio.open(target, "w", **profile) as made:
        made.descriptions = tuple(bands)
        for window in _windows(given, len(bands)):
            data = read(given, indexes, window)
            if change:
                data = _changed(change, data, _valid(given, data, indexes, window, nodata))
            elif nodata is not None and data.dtype.kind == "f":
                data[~np.isfinite(data)] = nodata
            made.write(data, window=window)
            if source.masked and not change:
                made.write_mask(given.read_masks(1, window=window), window=window)


def read(dataset: DatasetReader, indexes: list[int], window: Window) -> NDArray:
    """Stored numbers (bands, rows, columns) of a window; an error names the file's first block that cannot be read."""
    try:
        with reading():
            data: NDArray = dataset.read(indexes, window=window)
    except (RasterioError, OSError):
        read_all(dataset.name)
        raise
    return data


def _valid(dataset: DatasetReader, data: NDArray, indexes: list[int], window: Window, nodata: float | None) -> NDArray:
    """What is neither nodata of any kind, nor masked by the file, nor NaN or infinite."""
    valid: NDArray = dataset.read_masks(indexes, window=window) > 0
    if nodata is not None and not np.isnan(nodata):
        valid &= data != data.dtype.type(nodata)
    return valid & np.isfinite(data) if data.dtype.kind == "f" else valid


def _changed(change: Change, data: NDArray, valid: NDArray) -> NDArray:
    with np.errstate(all="ignore"):
        made = change.apply(data)
        valid &= np.isfinite(made)
    return np.where(valid, made, change.nodata).astype(change.dtype)


def _windows(dataset: DatasetReader, bands: int) -> Iterator[Window]:
    """Windows of whole blocks that together cover the image: four million numbers at most, but no less than a block."""
    rows, columns = dataset.block_shapes[0]
    width = max(CHUNK // columns, 1) * columns
    height = max(CHUNK * CHUNK // (min(width, dataset.width) * bands) // rows, 1) * rows
    for row in range(0, dataset.height, height):
        for column in range(0, dataset.width, width):
            yield Window(column, row, min(width, dataset.width - column), min(height, dataset.height - row))
