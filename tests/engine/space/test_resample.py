"""Reading pixels on other grids than their own, against plain NumPy."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.warp import reproject

from pipeline.engine.archive.model import BandFile
from pipeline.engine.plan import Pixels, evaluate
from pipeline.engine.sources import FileBand, OwnGrid
from pipeline.engine.space.resample import positions, source_pixels_per_pixel, take
from pipeline.engine.values import Projection, named_type
from tests.engine.arrays import ArrayPlan

UTM = "EPSG:32633"
HOME = Affine(10, 0, 500_000, 0, -10, 5_000_000)


def box(transform: Affine, width: int, height: int, crs: str = UTM) -> GeoBox:
    return GeoBox((height, width), transform, crs)


def write(path: Path, data: Any, nodata: float | None = None, overviews: bool = False) -> list[FileBand]:
    count, height, width = data.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=count, dtype=data.dtype, crs=UTM, transform=HOME,
        nodata=nodata, tiled=True, blockxsize=16, blockysize=16,
    ) as target:  # fmt: skip
        target.write(data)
        if overviews:
            target.build_overviews([2, 4], Resampling.average)
    kind = named_type(str(data.dtype))
    home = Projection(UTM, tuple(HOME)[:6])
    return [FileBand(BandFile(f"b{i}", str(path), i + 1, kind, home, width, height, nodata)) for i in range(count)]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, list[FileBand]]:
    data = np.random.default_rng(0).integers(1, 60000, (2, 40, 48), np.uint16)
    data[:, 5:9, 7:20] = 0
    return data, write(tmp_path_factory.mktemp("raster") / "scene.tif", data, nodata=0)


@settings(max_examples=60, deadline=None)
@given(st.integers(-60, 60), st.integers(-60, 60), st.integers(1, 50), st.integers(1, 50))
def test_an_aligned_read_is_the_window_itself(scene: Any, x: int, y: int, width: int, height: int) -> None:
    data, bands = scene
    found = evaluate(bands, box(HOME @ Affine.translation(x, y), width, height))
    frame = np.zeros((2, 200, 200), np.uint16)
    frame[:, 80 : 80 + 40, 80 : 80 + 48] = data
    wanted = frame[:, 80 + y : 80 + y + height, 80 + x : 80 + x + width]
    for pixels, expected in zip(found, wanted, strict=True):
        assert np.array_equal(pixels.mask, expected != 0)
        assert np.array_equal(pixels.data[pixels.mask], expected[expected != 0])


@settings(max_examples=40, deadline=None)
@given(st.floats(1.5, 35), st.floats(-200, 500), st.floats(-200, 500))
def test_nearest_takes_the_pixel_that_the_centre_falls_into(scene: Any, size: float, x: float, y: float) -> None:
    data, bands = scene
    target = box(Affine(size, 0, 500_000 + x, 0, -size, 5_000_000 - y), 9, 7)
    (pixels,) = evaluate(bands[:1], target)
    for row in range(7):
        for column in range(9):
            px = (x + (column + 0.5) * size) / 10
            py = (y + (row + 0.5) * size) / 10
            if min(px % 1, py % 1, 1 - px % 1, 1 - py % 1) < 1e-5:
                continue  # on an edge either neighbour is right
            inside = 0 <= px < 48 and 0 <= py < 40
            expected = data[0, int(py), int(px)] if inside else 0
            assert pixels.mask[row, column] == (expected != 0)
            if expected:
                assert pixels.data[row, column] == expected


@pytest.mark.parametrize(("method", "gdal"), [("bilinear", Resampling.bilinear), ("bicubic", Resampling.cubic)])
def test_interpolation_equals_gdal_on_whole_data(method: Any, gdal: Resampling) -> None:
    data = np.random.default_rng(1).random((30, 30))
    target = box(Affine(7, 0, 500_060, 0, -7, 4_999_940), 20, 20)
    where = positions(target, UTM, HOME)
    x, y, width, height = where.window(2)
    window = Pixels(data[y : y + height, x : x + width], np.ones((height, width), bool))
    found = take(window, (x, y), where, method, (20, 20))
    expected = np.zeros((20, 20))
    reproject(
        data, expected, src_transform=HOME, src_crs=UTM, dst_transform=target.transform, dst_crs=UTM, resampling=gdal
    )
    assert found.mask.all()
    assert np.abs(found.data - expected).max() < 1e-6


def test_another_crs_agrees_with_gdal(scene: Any) -> None:
    data, bands = scene
    lon, lat = 15.0005, 45.1525
    target = box(Affine(0.0001, 0, lon, 0, -0.0001, lat), 50, 40, "EPSG:4326")
    (pixels,) = evaluate(bands[:1], target)
    expected = np.zeros((40, 50), np.uint16)
    reproject(
        data[0], expected, src_transform=HOME, src_crs=UTM, dst_transform=target.transform, dst_crs="EPSG:4326",
        resampling=Resampling.nearest, tolerance=0,
    )  # fmt: skip
    assert pixels.mask.any()
    same = np.where(pixels.mask, pixels.data, 0) == expected
    assert same.mean() > 0.99, "only centres on edges may differ"


def test_any_tiling_gives_the_same_pixels(scene: Any) -> None:
    _, bands = scene
    target = box(Affine(0.00013, 0, 15.0001, 0, -0.00011, 45.1530), 60, 44, "EPSG:4326")
    for method in ("nearest", "bilinear"):
        plan = FileBand(bands[0].file, method)
        (whole,) = evaluate([plan], target)
        for y in range(0, 44, 11):
            for x in range(0, 60, 20):
                (tile,) = evaluate([plan], target[y : y + 11, x : x + 20])
                assert np.array_equal(tile.mask, whole.mask[y : y + 11, x : x + 20])
                assert np.array_equal(tile.data[tile.mask], whole.data[y : y + 11, x : x + 20][tile.mask])


def test_a_coarser_request_reads_the_largest_overview_not_larger_than_asked(tmp_path: Path) -> None:
    data = np.arange(64 * 64, dtype=np.uint16).reshape(1, 64, 64)
    (plan,) = write(tmp_path / "p.tif", data, overviews=True)
    means = data[0].reshape(32, 2, 32, 2).mean((1, 3))
    (pixels,) = evaluate([plan], box(HOME @ Affine.scale(2), 32, 32))
    assert np.abs(pixels.data - means).max() <= 0.5
    (pixels,) = evaluate([plan], box(HOME @ Affine.scale(3), 10, 10))
    centres = ((np.arange(10) + 0.5) * 3 / 2).astype(int)
    assert np.abs(pixels.data - means[np.ix_(centres, centres)]).max() <= 0.5


def test_scale_of_a_request_does_not_depend_on_its_tile() -> None:
    per = {
        source_pixels_per_pixel("EPSG:3857", Affine(40, 0, x, 0, -40, 6_000_000), UTM, HOME, (20, 20))
        for x in (0.0, 9e5)
    }
    assert len({round(p, 6) for p in per}) == 1
    assert 2 < per.pop() < 4


@given(st.integers(2, 5), st.integers(0, 3), st.integers(0, 3))
def test_reproject_computes_on_its_own_pixels(factor: int, x: int, y: int) -> None:
    data = np.random.default_rng(factor).random((24, 24))
    source = ArrayPlan(data, np.ones((24, 24), bool), box(HOME, 24, 24))
    fine = box(HOME @ Affine.translation(x, y) @ Affine.scale(1 / factor), 12, 12)
    (pixels,) = evaluate([OwnGrid(source, Projection(UTM, tuple(HOME)[:6]))], fine)
    index = np.arange(12) // factor
    assert np.array_equal(pixels.data, data[np.ix_(index + y, index + x)])


def test_what_is_masked_does_not_leak_into_interpolation() -> None:
    data = np.ones((4, 4), np.float32)
    data[1, 1] = np.nan
    where = positions(box(HOME @ Affine.scale(0.5), 8, 8), UTM, HOME)
    for method in ("bilinear", "bicubic"):
        found = take(Pixels(data, np.isfinite(data)), (0, 0), where, method, (8, 8))  # type: ignore[arg-type]
        assert np.allclose(found.data[found.mask], 1) and found.mask.any()
