"""A test double: a plan that holds an array on a grid, and images made of such plans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from pipeline.engine.image import Band, Image
from pipeline.engine.plan import Pixels, Plan, evaluate, valid
from pipeline.engine.values import INT_RANGES, PixelType, Projection, named_type


@dataclass(frozen=True, eq=False)
class ArrayPlan:
    """Pixels of an array that lies on `home`; masked outside it. Asked on `home`'s pixels only, never warped."""

    data: Any
    mask: Any
    home: GeoBox
    group = None

    def needs(self, grid: GeoBox) -> Sequence[tuple[Plan, GeoBox]]:
        return ()

    def compute(self, grid: GeoBox, inputs: list[Any]) -> Pixels:
        offset = ~self.home.affine @ grid.affine
        x, y = round(offset.c), round(offset.f)
        assert offset.almost_equals(Affine.translation(x, y), 1e-6), "the grid's pixels are not the array's"
        rows, columns = np.arange(grid.shape[0]) + y, np.arange(grid.shape[1]) + x
        inside = ((rows >= 0) & (rows < self.data.shape[0]))[:, None] & (
            (columns >= 0) & (columns < self.data.shape[1])
        )
        cells = np.ix_(rows.clip(0, self.data.shape[0] - 1), columns.clip(0, self.data.shape[1] - 1))
        return Pixels(self.data[cells], np.where(inside, self.mask[cells], 0).astype(self.mask.dtype))


def grid(height: int, width: int, size: float = 10.0, crs: str = "EPSG:32633") -> GeoBox:
    """A north-up grid; coordinates are metres in UTM 33N unless said otherwise."""
    corner = (10.0, 50.0) if crs == "EPSG:4326" else (500_000.0, 5_000_000.0)
    return GeoBox((height, width), Affine(size, 0, corner[0], 0, -size, corner[1]), crs)


def band(name: str, data: Any, mask: Any = None, home: GeoBox | None = None) -> Band:
    """A band of an array, its type from the array's."""
    data = np.asarray(data)
    mask = np.ones(data.shape[:2], bool) if mask is None else np.asarray(mask)
    home = home or grid(*data.shape[:2])
    kind = str(data.dtype)
    dtype = named_type(kind) if kind in INT_RANGES else PixelType("float" if kind == "float32" else "double")
    projection = Projection(str(home.crs), tuple(home.affine)[:6])
    return Band(name, dtype, ArrayPlan(data, mask, home), projection, (0, 0, data.shape[1], data.shape[0]))


def image(home: GeoBox | None = None, /, **arrays: Any) -> Image:
    """An image of named arrays; a pair is (data, mask)."""
    pairs = {n: a if isinstance(a, tuple) else (a, None) for n, a in arrays.items()}
    return Image(tuple(band(n, data, mask, home) for n, (data, mask) in pairs.items()))


def pixels(result: Image, where: GeoBox) -> dict[str, Pixels]:
    """All bands on the grid, by name."""
    return dict(zip(result.names, evaluate([b.plan for b in result.bands], where), strict=True))


def masked(found: Pixels) -> Any:
    """One band as a NumPy masked array."""
    return np.ma.MaskedArray(found.data, ~valid(found.mask))
