"""geemap, Xee and geedim against the local engine: what they read equals what the files hold."""

import csv
import io
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import rasterio
import requests
from PIL import Image as Picture

from tests.engine.local import connected
from tests.scenes import small_archive

S2 = "COPERNICUS/S2_SR_HARMONIZED"
SIDE = 64

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    root = tmp_path_factory.mktemp("thirdparty")
    archive = small_archive(root / "archive")
    with connected(archive=archive, exports=root / "exports") as ee:
        scenes = ee.ImageCollection(S2).select(["B4", "B3"])
        band = scenes.first().getInfo()["bands"][0]
        west, north = band["crs_transform"][2], band["crs_transform"][5]
        box = [west, north - 10 * SIDE, west + 10 * SIDE, north]
        region = ee.Geometry.Rectangle(box, proj=band["crs"], geodesic=False, evenOdd=True)
        yield SimpleNamespace(
            ee=ee, scenes=scenes, scene=scenes.first(), archive=archive, region=region, band=band, crs=band["crs"]
        )


def stored(local: Any, name: str, scene: int = 0) -> np.ndarray:
    item = list(local.archive.search(S2))[scene]
    band = next(b for b in item.bands if b.name == name)
    with rasterio.open(band.href) as file:
        return file.read(band.index)


def features(local: Any) -> Any:
    return local.ee.FeatureCollection([local.ee.Feature(local.region, {"n": 1})])


def test_xee_reads_what_the_files_hold(local):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("xee")
    grid = {"crs": local.crs, "crs_transform": tuple(local.band["crs_transform"]), "shape_2d": (SIDE, SIDE)}
    opened = xarray.open_dataset(local.scenes, engine="ee", **grid)
    assert opened["B4"].dims == ("time", "y", "x")
    for i in range(2):
        np.testing.assert_array_equal(opened["B4"].values[i], stored(local, "B4", i))
    assert opened["x"].values[0] == local.band["crs_transform"][2] + 5
    part = opened["B3"].isel(time=1, y=slice(7, 20), x=slice(30, 41)).values
    np.testing.assert_array_equal(part, stored(local, "B3", 1)[7:20, 30:41])


def test_xee_masks_what_is_masked(local):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("xee")
    grid = {"crs": local.crs, "crs_transform": tuple(local.band["crs_transform"]), "shape_2d": (SIDE, SIDE)}
    masked = local.scenes.map(lambda i: i.updateMask(i.select("B4").gt(1300)))
    found = xarray.open_dataset(masked, engine="ee", **grid)["B4"].values[0]
    value = stored(local, "B4")
    np.testing.assert_array_equal(found, np.where(value > 1300, value, np.nan))


@pytest.fixture(scope="module")
def geemap() -> Any:
    return pytest.importorskip("geemap")


def test_geemap_reads_pixels(local, geemap):
    found = geemap.ee_to_numpy(local.scene, region=local.region, scale=10)
    np.testing.assert_array_equal(found[..., 0], stored(local, "B4"))


def test_geemap_downloads_an_image(local, geemap, tmp_path):
    to = {"scale": 10, "region": local.region, "crs": local.crs, "verbose": False}
    geemap.ee_export_image(local.scene, str(tmp_path / "one.tif"), **to)
    with rasterio.open(tmp_path / "one.tif") as file:
        np.testing.assert_array_equal(file.read(2), stored(local, "B3"))
    geemap.ee_export_image(local.scene, str(tmp_path / "per.tif"), file_per_band=True, **to)
    with rasterio.open(tmp_path / "per.B3.tif") as file:
        np.testing.assert_array_equal(file.read(1), stored(local, "B3"))


def test_geemap_zonal_statistics(local, geemap, tmp_path):
    path = tmp_path / "zonal.csv"
    geemap.zonal_stats(local.scene, features(local), str(path), stat_type="MEAN", scale=10)
    [row] = csv.DictReader(path.open())
    assert float(row["B4"]) == pytest.approx(stored(local, "B4").mean())
    assert row["n"] == "1"


def test_geemap_extracts_values_at_points(local, geemap, tmp_path):
    x, y = local.band["crs_transform"][2] + 105, local.band["crs_transform"][5] - 205
    lon, lat = local.ee.Geometry.Point([x, y], local.crs).transform("EPSG:4326", 0.01).coordinates().getInfo()
    points = local.ee.FeatureCollection([local.ee.Feature(local.ee.Geometry.Point([lon, lat]), {"n": 1})])
    path = tmp_path / "points.csv"
    geemap.extract_values_to_points(points, local.scene, str(path), scale=10)
    [row] = csv.DictReader(path.open())
    assert float(row["B4"]) == stored(local, "B4")[20, 10]


def test_geemap_exports_vectors(local, geemap, tmp_path):
    geemap.ee_export_vector(features(local), str(tmp_path / "v.geojson"))
    [feature] = json.loads((tmp_path / "v.geojson").read_text())["features"]
    assert feature["properties"] == {"n": 1}
    geemap.ee_export_vector(features(local), str(tmp_path / "v.shp"))
    assert (tmp_path / "v.dbf").exists()


def test_geemap_statistics(local, geemap):
    found = geemap.image_stats(local.scene, local.region, 10).getInfo()
    assert found["min"]["B4"] == stored(local, "B4").min()
    assert found["max"]["B4"] == stored(local, "B4").max()


def test_geemap_maps(local, geemap):
    shown = geemap.Map(center=[39.5, 112.3], zoom=10)
    shown.addLayer(local.scene, {"bands": ["B4", "B3", "B4"], "min": 0, "max": 3000}, "scene")
    shown.addLayer(features(local), {"color": "red"}, "features")
    shown.addLayer(local.scenes, {"bands": ["B4"], "min": 0, "max": 3000}, "all")
    assert [layer.name for layer in shown.layers][-3:] == ["scene", "features", "all"]


def test_geemap_shows_points_as_large_as_asked(local, geemap):
    middle = local.region.centroid(1)
    points = local.ee.FeatureCollection([local.ee.Feature(middle)]).style(pointSize=20, pointShape="star5")
    options = {"region": local.region, "dimensions": SIDE, "crs": local.crs, "format": "png"}
    shown = Picture.open(io.BytesIO(requests.get(points.getThumbURL(options), timeout=20).content)).convert("RGBA")
    assert (np.asarray(shown)[..., 3] > 0).sum() > 50


def test_geemap_drops_months_without_scenes(local, geemap):
    """Frames without a scene are images without bands until they are filtered out."""
    scenes = local.ee.ImageCollection(S2)
    options = {"region": local.region, "bands": ["B4", "B3"], "frequency": "month", "reducer": "median"}
    frames = geemap.create_timeseries(scenes, "2021-03-01", "2021-09-01", **options)
    assert frames.aggregate_array("system:date").getInfo() == ["2021-04", "2021-07"]
    assert frames.first().bandNames().getInfo() == ["B4", "B3"]


def test_geemap_pictures(local, geemap, tmp_path):
    look = {"bands": ["B4", "B3", "B4"], "min": 0, "max": 3000}
    geemap.get_image_thumbnail(local.scene, str(tmp_path / "t.png"), dict(look), region=local.region, dimensions=50)
    assert (tmp_path / "t.png").stat().st_size > 100
    frames = local.scenes.map(lambda i: i.visualize(**look))
    options = {"region": local.region, "dimensions": 32, "framesPerSecond": 2, "crs": local.crs}
    geemap.download_ee_video(frames, options, str(tmp_path / "v.gif"))
    assert (tmp_path / "v.gif").read_bytes().startswith(b"GIF89a")


@pytest.fixture(scope="module")
def geedim() -> Any:
    return pytest.importorskip("geedim")


def test_geedim_writes_what_the_files_hold(local, geedim, tmp_path):
    prepared = local.scene.gd.prepareForExport(region=local.region, scale=10, crs=local.crs, dtype="uint16")
    prepared.gd.toGeoTIFF(str(tmp_path / "g.tif"))
    with rasterio.open(tmp_path / "g.tif") as file:
        np.testing.assert_array_equal(file.read(1), stored(local, "B4"))
        assert file.nodata == 0
    np.testing.assert_array_equal(prepared.gd.toNumPy()[..., 1], stored(local, "B3"))


def test_geedim_masks_clouds_in_composites(local, geedim):
    """It finds its cloud masks by the ids of images and collections, also of those it has changed."""
    scenes = local.ee.ImageCollection(S2)
    assert scenes.gd.cloudSupport and scenes.first().gd.cloudSupport
    assert scenes.first().addBands(local.ee.Image(1)).clip(local.region).gd.cloudSupport


def test_geedim_knows_the_images(local, geedim):
    assert local.scene.gd.shape == (SIDE, SIDE)
    assert local.scene.gd.crs == local.crs
    assert len(local.scenes.gd.properties) == 2
