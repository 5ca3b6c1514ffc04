"""The one declared grid: square pixels of a projected coordinate system, and the tiles that it is worked on in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import shapely
from affine import Affine
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError
from rasterio.features import geometry_mask

from pipeline.errors import MinecoverError
from pipeline.region.shape import Region, split

NDArray = np.ndarray[Any, Any]

TILE = 512
MAX_SIDE = 1 << 21
STEP_DEGREES = 0.01
TOLERANCE_DEGREES = 1e-5
SLIVER = 0.1  # of a pixel: rounded coordinates and bent edges reach beyond the pixels that they were drawn around
UTM_SOUTH, UTM_NORTH = -80.0, 84.0


@dataclass(frozen=True)
class Tile:
    """A part of a grid: its place among the tiles, and its first column and row, width and height in pixels."""

    row: int
    column: int
    x: int
    y: int
    width: int
    height: int

    @property
    def name(self) -> str:
        """What files of the tile are called."""
        return f"tile_{self.row}_{self.column}"


@dataclass(frozen=True)
class Grid:
    """North-up square pixels; `left` and `top` are the outer corner of the first one, all in metres of `crs`."""

    crs: str
    pixel: float
    left: float
    top: float
    width: int
    height: int

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """From column and row to the corner of a pixel: a, b, c, d, e, f."""
        return self.pixel, 0.0, self.left, 0.0, -self.pixel, self.top

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top."""
        right, bottom = self.left + self.width * self.pixel, self.top - self.height * self.pixel
        return self.left, bottom, right, self.top

    @property
    def extent(self) -> str:
        """What it covers, in words: pixel, sides and coordinate system."""
        left, bottom, right, top = self.bounds
        return f"{left:.1f} … {right:.1f} by {bottom:.1f} … {top:.1f} in {self.crs}, in pixels of {self.pixel:g} m"

    @property
    def area_km2(self) -> float:
        """Square kilometres of the map."""
        return self.width * self.height * self.pixel**2 / 1e6

    def part(self, tile: Tile) -> Grid:
        """The tile as a grid of its own."""
        left, top = self.left + tile.x * self.pixel, self.top - tile.y * self.pixel
        return Grid(self.crs, self.pixel, left, top, tile.width, tile.height)

    def tiles(self, side: int = TILE) -> tuple[Tile, ...]:
        """All tiles, row by row from the top; those at the right and lower edge are cut off there."""
        return tuple(
            Tile(y // side, x // side, x, y, min(side, self.width - x), min(side, self.height - y))
            for y in range(0, self.height, side)
            for x in range(0, self.width, side)
        )


def covering(region: Region, crs: str | None = None, pixel: float = 10.0) -> Grid:
    """The grid whose pixels cover the region, corners on multiples of the pixel; UTM of the region's centre by default.

    What reaches a tenth of a pixel beyond it, or less, is not counted: no centre of a pixel lies there. Raises
    MinecoverError where the coordinate system cannot hold the region or is not measured in metres.
    """
    if not (math.isfinite(pixel) and pixel > 0):
        raise MinecoverError(f"A pixel of {pixel:g} m cannot be. Use, say, --scale 10.")
    code = checked(crs) if crs else utm(region)
    left, bottom, right, top = shapely.bounds(placed(region, code))
    first, last = math.floor(left / pixel + SLIVER), math.ceil(right / pixel - SLIVER)
    lower, upper = math.floor(bottom / pixel + SLIVER), math.ceil(top / pixel - SLIVER)
    width, height = max(last - first, 1), max(upper - lower, 1)
    if max(width, height) > MAX_SIDE:
        raise MinecoverError(
            f"The region {region.name} is {width} × {height} pixels of {pixel:g} m in {code}. Cut it into parts, or "
            f"choose a larger --scale."
        )
    return Grid(code, pixel, first * pixel, upper * pixel, width, height)


def utm(region: Region) -> str:
    """The code of the UTM zone of the region's centre."""
    box = region.box
    if box.south < UTM_SOUTH or box.north > UTM_NORTH:
        raise MinecoverError(
            f"The region {region.name} reaches {max(box.north, box.south, key=abs):.2f}° latitude, where UTM ends "
            f"(80° south, 84° north). Choose a polar coordinate system, such as --crs EPSG:3413 or EPSG:3031."
        )
    longitude, latitude = region.centre
    zone = min(int((longitude + 180) // 6) + 1, 60)
    return f"EPSG:{(32600 if latitude >= 0 else 32700) + zone}"


def checked(crs: str) -> str:
    """The code of a coordinate system that a grid can have."""
    try:
        known = CRS.from_user_input(crs)
    except CRSError as error:
        raise MinecoverError(f"'{crs}' is not a coordinate system. Use, say, --crs EPSG:32649.") from error
    authority = known.to_authority(min_confidence=100)
    if not known.is_projected or known.axis_info[0].unit_name != "metre" or authority is None:
        raise MinecoverError(f"'{crs}' has no EPSG code or is not in metres. Use, say, a UTM zone: --crs EPSG:32649.")
    return ":".join(authority)


def placed(region: Region, crs: str) -> Any:
    """The region's shape in the coordinates of a projected system."""
    change = _transformer("OGC:CRS84", crs)
    dense = shapely.segmentize(region.geometry, STEP_DEGREES)
    made = shapely.transform(dense, lambda xy: np.column_stack(change.transform(*xy.T)))
    if not np.isfinite(shapely.get_coordinates(made)).all():
        raise MinecoverError(f"{crs} cannot hold the region {region.name} ({region.box}). Choose another --crs.")
    return made


def touched(shape: Any, grid: Grid, side: int = TILE) -> tuple[Tile, ...]:
    """The tiles that a shape in the grid's coordinates touches."""
    tiles = grid.tiles(side)
    shapely.prepare(shape)
    boxes = shapely.box(*np.array([grid.part(t).bounds for t in tiles]).T)
    return tuple(t for t, wanted in zip(tiles, np.atleast_1d(shapely.intersects(shape, boxes)), strict=True) if wanted)


def inside(shape: Any, grid: Grid) -> NDArray:
    """Boolean (height, width): the pixels whose centre lies in a shape in the grid's coordinates."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    polygons = [p for p in parts if p.geom_type == "Polygon" and not p.is_empty]
    size = grid.height, grid.width
    if not polygons:
        return np.zeros(size, bool)
    return np.asarray(geometry_mask(polygons, size, Affine(*grid.transform), invert=True))


def outline(grids: tuple[Grid, ...]) -> Any:
    """The MultiPolygon in longitude and latitude around the pixels of grids of one system, to within a metre."""
    joined = shapely.union_all([shapely.box(*g.bounds) for g in grids])
    dense = shapely.segmentize(joined, max(joined.length / 64, grids[0].pixel))
    change = _transformer(grids[0].crs, "OGC:CRS84")
    around = shapely.transform(dense, lambda xy: _run_on(np.column_stack(change.transform(*xy.T))))
    return split(shapely.simplify(around, TOLERANCE_DEGREES))


def _run_on(points: NDArray) -> NDArray:
    """Longitudes that do not jump at the antimeridian."""
    if np.ptp(points[:, 0]) > 180:
        points[:, 0] %= 360
    return points


@cache
def _transformer(source: str, target: str) -> Any:
    return Transformer.from_crs(source, target, always_xy=True)
