"""The official client against the local engine, by all verbs that it uses."""

import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
import rasterio
import requests
from PIL import Image as Picture

from pipeline.errors import EngineError
from tests.engine.local import connected
from tests.scenes import small_archive

S2 = "COPERNICUS/S2_SR_HARMONIZED"
SIDE = 64


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A connected client, the archive that it may write to, and where exports land."""
    root = tmp_path_factory.mktemp("clients")
    archive = small_archive(root / "archive")
    with connected(archive=archive, exports=root / "exports") as ee:
        scene = ee.ImageCollection(S2).first()
        band = scene.select("B4").getInfo()["bands"][0]
        yield SimpleNamespace(ee=ee, scene=scene, archive=archive, exports=root / "exports", band=band)


def grid_of(band: dict[str, Any]) -> dict[str, Any]:
    names = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")
    width, height = band["dimensions"]
    return {
        "dimensions": {"width": width, "height": height},
        "affineTransform": dict(zip(names, band["crs_transform"], strict=True)),
        "crsCode": band["crs"],
    }


def stored(local: Any, name: str) -> np.ndarray:
    """What the first scene's file holds."""
    item = next(local.archive.search(S2))
    band = next(b for b in item.bands if b.name == name)
    with rasterio.open(band.href) as file:
        return file.read(band.index)


def region(local: Any) -> Any:
    west, north, side = local.band["crs_transform"][2], local.band["crs_transform"][5], SIDE * 10
    box = [west, north - side, west + side, north]
    return local.ee.Geometry.Rectangle(box, proj=local.band["crs"], geodesic=False, evenOdd=True)


def finished(task: Any) -> dict[str, Any]:
    task.start()
    until = time.monotonic() + 30
    while task.active() and time.monotonic() < until:
        time.sleep(0.02)
    status: dict[str, Any] = task.status()
    return status


def paths(status: dict[str, Any]) -> list[Path]:
    assert status["state"] == "COMPLETED", status.get("error_message")
    return [Path(unquote(urlsplit(uri).path)) for uri in status["destination_uris"]]


@pytest.mark.parametrize("with_grid", [True, False])
def test_pixels_equal_the_file(local, with_grid):
    request = {"expression": local.scene.select("B4", "B3"), "fileFormat": "NUMPY_NDARRAY"}
    found = local.ee.data.computePixels(request | ({"grid": grid_of(local.band)} if with_grid else {}))
    for name in ("B4", "B3"):
        np.testing.assert_array_equal(found[name], stored(local, name))


def test_geotiff_pixels_equal_the_file(local):
    request = {"expression": local.scene.select("B4"), "fileFormat": "GEO_TIFF", "grid": grid_of(local.band)}
    with rasterio.MemoryFile(local.ee.data.computePixels(request)) as memory, memory.open() as file:
        np.testing.assert_array_equal(file.read(1), stored(local, "B4"))
        assert file.crs.to_epsg() == 32649


def test_a_map_tile(local):
    lon, lat = local.ee.ImageCollection(S2).geometry().centroid(1).coordinates().getInfo()
    made = local.scene.getMapId({"bands": "B4,B3,B2", "min": 0, "max": 3000})
    zoom = 14
    x = int((lon + 180) / 360 * 2**zoom)
    y = int((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * 2**zoom)
    response = requests.get(made["tile_fetcher"].format_tile_url(x, y, zoom), timeout=20)
    picture = Picture.open(io.BytesIO(response.content))
    assert picture.size == (256, 256)
    assert np.ptp(np.asarray(picture.convert("L"))) > 5
    assert made["tile_fetcher"].fetch_tile(x, y, zoom) == response.content
    empty = Picture.open(io.BytesIO(made["tile_fetcher"].fetch_tile(0, 0, zoom)))
    assert empty.convert("RGBA").getextrema()[3] == (0, 0)


def test_a_map_of_a_missing_band_is_refused_at_once(local):
    with pytest.raises(local.ee.EEException, match="Band pattern 'x' did not match any bands"):
        local.scene.select("x").getMapId()


def test_requests_may_name_their_workload(local):
    ee, scenes = local.ee, local.ee.ImageCollection(S2).select("B4")
    with ee.data.workloadTagContext("mine"):
        urls = [
            scenes.first().getMapId()["tile_fetcher"].format_tile_url(0, 0, 0),
            scenes.first().getThumbURL({"dimensions": 8}),
            scenes.getVideoThumbURL({"dimensions": 8}),
            scenes.getFilmstripThumbURL({"dimensions": 8}),
            scenes.first().getDownloadURL({"format": "NPY"}),
            some_features(ee).getDownloadURL("CSV"),
        ]
        assert ee.Number(1).getInfo() == 1
        assert ee.data.computeFeatures({"expression": some_features(ee)})["features"]
        assert ee.data.listImages(S2)["images"]
    assert [requests.get(url, timeout=20).status_code for url in urls] == [200] * len(urls)


def test_thumbnails(local):
    url = local.scene.getThumbURL({"bands": ["B4", "B3", "B2"], "min": 0, "max": 3000, "dimensions": 40})
    assert max(Picture.open(io.BytesIO(requests.get(url, timeout=20).content)).size) == 40
    url = local.scene.select("B4").getThumbURL({"min": 0, "max": 3000, "format": "png"})
    assert Picture.open(io.BytesIO(requests.get(url, timeout=20).content)).format == "PNG"


def test_thumbnails_without_a_size_are_at_most_512_pixels(local):
    crs, transform = local.band["crs"], list(local.band["crs_transform"])
    transform[0], transform[4] = 0.5, -0.5
    large = local.scene.select("B4").reproject(crs, transform).clip(region(local))
    url = large.getThumbURL({"min": 0, "max": 3000})
    assert max(Picture.open(io.BytesIO(requests.get(url, timeout=20).content)).size) == 512


@pytest.mark.parametrize(
    ("file_format", "names"),
    [
        ("ZIPPED_GEO_TIFF_PER_BAND", ["n.B4.tif", "n.B3.tif"]),
        ("ZIPPED_GEO_TIFF", ["n.tif"]),
        ("GEO_TIFF", []),
        ("NPY", []),
    ],
)
def test_downloads(local, file_format, names):
    url = local.scene.select("B4", "B3").getDownloadURL({"name": "n", "format": file_format})
    content = requests.get(url, timeout=20).content
    if file_format == "NPY":
        np.testing.assert_array_equal(np.load(io.BytesIO(content))["B4"], stored(local, "B4"))
        return
    if names:
        packed = zipfile.ZipFile(io.BytesIO(content))
        assert packed.namelist() == names
        content = packed.read(names[0])
    with rasterio.MemoryFile(content) as memory, memory.open() as file:
        np.testing.assert_array_equal(file.read(1), stored(local, "B4"))


def test_a_failing_download_says_why(local):
    response = requests.get(local.ee.Image(1).getDownloadURL({}), timeout=20)
    assert response.status_code == 400
    assert "unbounded" in response.json()["error"]["message"]


def some_features(ee: Any) -> Any:
    point = ee.Feature(ee.Geometry.Point(1, 2), {"a": 1, "name": 'x,"y'})
    return ee.FeatureCollection([point, ee.Feature(None, {"a": 2.5})])


def test_table_downloads(local):
    table = some_features(local.ee)
    rows = requests.get(table.getDownloadURL("CSV"), timeout=20).text.splitlines()
    assert rows[0] == "system:index,a,name,.geo"
    assert rows[1].startswith('0,1,"x,""y","{""type"":""Point""')
    only = requests.get(table.getDownloadURL("CSV", selectors=["a"]), timeout=20).text
    assert only.splitlines() == ["a", "1", "2.5"]
    found = requests.get(table.getDownloadURL("GEO_JSON"), timeout=20).json()
    assert [f["geometry"] for f in found["features"]] == [{"type": "Point", "coordinates": [1, 2]}, None]
    assert "<coordinates>1.0,2.0</coordinates>" in requests.get(table.getDownloadURL("KML"), timeout=20).text


def test_features_as_a_frame(local):
    found = local.ee.data.computeFeatures({"expression": some_features(local.ee), "fileFormat": "PANDAS_DATAFRAME"})
    assert found["a"].tolist() == [1, 2.5]


def test_animations_and_filmstrips(local):
    shown = local.ee.ImageCollection(S2).map(lambda i: i.visualize(bands=["B4", "B3", "B2"], min=0, max=3000))
    content = requests.get(shown.getVideoThumbURL({"dimensions": 32, "framesPerSecond": 5}), timeout=20).content
    assert Picture.open(io.BytesIO(content)).n_frames == 2
    content = requests.get(shown.getFilmstripThumbURL({"dimensions": 32}), timeout=20).content
    assert Picture.open(io.BytesIO(content)).size == (32, 64)


def exported(local: Any, image: Any, **options: Any) -> list[Path]:
    to = {"description": "export", "region": region(local), "crs": local.band["crs"], "scale": 10, **options}
    return paths(finished(local.ee.batch.Export.image.toDrive(image, **to)))


def test_an_export_equals_the_file(local):
    [path] = exported(local, local.scene.select("B4", "B3"), folder="My folder", fileNamePrefix="two")
    assert path == local.exports / "My folder" / "two.tif"
    with rasterio.open(path) as file:
        assert file.descriptions == ("B4", "B3")
        np.testing.assert_array_equal(file.read(1), stored(local, "B4"))
        assert list(file.transform)[:6] == local.band["crs_transform"]
    assert not list(local.exports.rglob("*.draft"))


def test_an_export_with_its_own_transform(local):
    transform = local.band["crs_transform"]
    [path] = exported(local, local.scene.select("B4"), scale=None, crsTransform=transform)
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(1), stored(local, "B4"))


def test_masked_pixels_of_exports(local):
    bright = local.scene.select("B4").gt(1300)
    value = stored(local, "B4")
    masked = local.scene.select("B4").updateMask(bright)
    [path] = exported(local, masked, fileNamePrefix="plain")
    with rasterio.open(path) as file:
        assert file.nodata is None
        np.testing.assert_array_equal(file.read(1), np.where(value > 1300, value, 0))
    [path] = exported(local, masked, fileNamePrefix="nodata", formatOptions={"noData": 9, "cloudOptimized": True})
    with rasterio.open(path) as file:
        assert file.nodata == 9
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        np.testing.assert_array_equal(file.read(1), np.where(value > 1300, value, 9))
    [path] = exported(local, masked.toFloat(), fileNamePrefix="float")
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(1), np.where(value > 1300, value, np.nan).astype("f4"))


def test_large_exports_are_split(local):
    made = exported(local, local.scene.select("B4"), fileNamePrefix="s", fileDimensions=32, shardSize=32)
    assert [p.name for p in made] == [f"s-{y:010d}-{x:010d}.tif" for y in (0, 32) for x in (0, 32)]
    with rasterio.open(made[2]) as file:
        np.testing.assert_array_equal(file.read(1), stored(local, "B4")[32:, :32])


def test_empty_files_are_skipped(local):
    nothing = local.scene.select("B4").updateMask(0)
    assert exported(local, nothing, skipEmptyTiles=True) == []


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda ee, i: i, {"maxPixels": 100}, "Export too large: specified 4096 pixels (max: 100)"),
        (
            lambda ee, i: i.addBands(ee.Image(1).toFloat()),
            {},
            "Exported bands must have compatible data types; found inconsistent types: UInt16 and Float32.",
        ),
        (lambda ee, i: i.select("nothing"), {}, "did not match any bands"),
        (lambda ee, i: i, {"formatOptions": {"noData": -5}}, "noData -5"),
    ],
)
def test_exports_fail_with_earth_engines_words(local, change, options, message):
    image = change(local.ee, local.scene.select("B4"))
    to = {"description": "bad", "region": region(local), "crs": local.band["crs"], "scale": 10, **options}
    status = finished(local.ee.batch.Export.image.toDrive(image, **to))
    assert status["state"] == "FAILED"
    assert message in status["error_message"]


def test_a_failing_export_leaves_nothing_behind(local, monkeypatch):
    from pipeline.engine.doors import geotiff

    def full_disk(*_):
        raise EngineError("The disk is full")

    monkeypatch.setattr(geotiff, "_verify", full_disk)
    to = {"region": region(local), "crs": local.band["crs"], "scale": 10}
    status = finished(local.ee.batch.Export.image.toDrive(local.scene.select("B4"), "failing", **to))
    assert status["state"] == "FAILED"
    assert not [p for p in local.exports.rglob("*") if p.is_file() and "failing" in p.name]


def test_exports_to_a_read_only_folder_are_refused_before_they_start(local, monkeypatch):
    ee = local.ee
    to = {"region": region(local), "crs": local.band["crs"], "scale": 10}
    image = local.scene.select("B4")
    monkeypatch.setattr("os.access", lambda *_, **__: False)
    for task in (
        ee.batch.Export.image.toDrive(image, "unwritten", **to),
        ee.batch.Export.image.toAsset(image, "unwritten", "projects/minecover-local/assets/unwritten", **to),
    ):
        with pytest.raises(ee.EEException, match="is read-only for this user"):
            task.start()


def test_a_running_export_can_be_cancelled(local):
    crs, transform = local.band["crs"], list(local.band["crs_transform"])
    transform[0], transform[4] = 0.1, -0.1
    fine = local.scene.select("B4").resample("bilinear")
    to = {"region": region(local), "crs": crs, "crsTransform": transform}
    task = local.ee.batch.Export.image.toDrive(fine, "cancelled", **to)
    task.start()
    task.cancel()
    until = time.monotonic() + 30
    while task.active() and time.monotonic() < until:
        time.sleep(0.02)
    assert task.status()["state"] == "CANCELLED"
    assert not [p for p in local.exports.rglob("cancelled*") if p.is_file()]


def test_unbounded_exports_fail(local):
    status = finished(local.ee.batch.Export.image.toDrive(local.ee.Image(1), "unbounded"))
    assert status["error_message"] == "Unable to export unbounded image."


def test_formats_that_are_missing_are_refused_when_started(local):
    task = local.ee.batch.Export.image.toDrive(local.scene, "x", fileFormat="TFRecord")
    with pytest.raises(local.ee.EEException, match="TF_RECORD_IMAGE"):
        task.start()


def test_cloud_storage_is_a_folder(local):
    to = {"region": region(local), "crs": local.band["crs"], "scale": 20}
    task = local.ee.batch.Export.image.toCloudStorage(local.scene.select("B4"), "d", "bucket", "a/b/c", **to)
    assert paths(finished(task)) == [local.exports / "bucket" / "a" / "b" / "c.tif"]


def test_an_asset_keeps_masks_types_and_properties(local):
    ee = local.ee
    image = local.scene.select("B4").updateMask(local.scene.select("B4").gt(1300))
    image = image.addBands(local.scene.select("B3").divide(7).toFloat().rename("f")).set("note", "hello")
    name = "projects/minecover-local/assets/made"
    to = {"assetId": name, "region": region(local), "crs": local.band["crs"], "scale": 10}
    assert finished(ee.batch.Export.image.toAsset(image, "asset", **to))["state"] == "COMPLETED"
    info = ee.Image(name).getInfo()
    assert [b["data_type"]["precision"] for b in info["bands"]] == ["int", "float"]
    assert info["properties"]["note"] == "hello"
    request = {"fileFormat": "NUMPY_NDARRAY", "grid": grid_of(local.band)}
    got = ee.data.computePixels(request | {"expression": ee.Image(name)})
    want = ee.data.computePixels(request | {"expression": image})
    np.testing.assert_array_equal(got["B4"], want["B4"])
    np.testing.assert_allclose(got["f"], want["f"])
    again = finished_or_error(ee, ee.batch.Export.image.toAsset(image, "asset", **to))
    assert "Cannot overwrite asset" in again
    ee.data.renameAsset(name, name + "2")
    assert ee.data.getInfo(name) is None
    ee.data.deleteAsset(name + "2")
    assert ee.data.getInfo(name + "2") is None


def finished_or_error(ee: Any, task: Any) -> str:
    try:
        return str(finished(task).get("error_message"))
    except ee.EEException as error:
        return str(error)


@pytest.mark.parametrize(
    ("file_format", "suffixes"),
    [("CSV", ["csv"]), ("GeoJSON", ["geojson"]), ("KMZ", ["kmz"]), ("SHP", ["cpg", "dbf", "prj", "shp", "shx"])],
)
def test_table_exports(local, file_format, suffixes):
    table = some_features(local.ee).limit(1)
    task = local.ee.batch.Export.table.toDrive(table, f"t{file_format}", fileFormat=file_format)
    assert sorted(p.suffix[1:] for p in paths(finished(task))) == suffixes


def test_a_table_asset(local):
    name = "projects/minecover-local/assets/table"
    assert finished(local.ee.batch.Export.table.toAsset(some_features(local.ee), "t", name))["state"] == "COMPLETED"
    assert local.ee.FeatureCollection(name).aggregate_array("a").getInfo() == [1, 2.5]
    assert len(local.ee.data.listFeatures({"assetId": name})["features"]) == 2


def test_tasks_are_listed_and_unknown_ones_are_unknown(local):
    finished(local.ee.batch.Export.table.toDrive(some_features(local.ee), "listed"))
    assert "listed" in [t.config["description"] for t in local.ee.batch.Task.list()]
    assert local.ee.data.getTaskStatus("NOTHING")[0]["state"] == "UNKNOWN"


def test_assets_are_listed_and_described(local):
    ee = local.ee
    found = ee.data.listAssets(S2)["assets"]
    assert len(found) == 2
    assert found[0]["name"].startswith(f"projects/earthengine-public/assets/{S2}/")
    assert ee.data.getAsset(found[0]["id"])["bands"][0]["dataType"]["precision"] == "INT"
    assert ee.data.getAsset(S2)["type"] == "IMAGE_COLLECTION"
    later = ee.data.listImages({"parent": S2, "startTime": "2021-06-01T00:00:00Z"})["images"]
    assert [i["id"] for i in later] == [found[1]["id"]]
    early = ee.data.listImages({"parent": S2, "endTime": "2021-06-01T00:00:00Z"})["images"]
    assert [i["id"] for i in early] == [found[0]["id"]]
    cloudy = ee.data.listImages({"parent": S2, "properties": ["CLOUDY_PIXEL_PERCENTAGE < 0"]})
    assert cloudy["images"] == []
    page = ee.data.listAssets({"parent": S2, "pageSize": 1, "view": "BASIC"})
    assert set(page["assets"][0]) == {"type", "name", "id"}
    assert page["nextPageToken"]
    far = ee.data.listImages({"parent": S2, "region": {"type": "Point", "coordinates": [0, 0]}})
    assert far["images"] == []


def test_properties_of_an_asset_are_changed_and_deleted(local):
    ee = local.ee
    name = "projects/minecover-local/assets/labels"
    assert finished(ee.batch.Export.table.toAsset(some_features(ee), "labels", name))["state"] == "COMPLETED"
    ee.data.setAssetProperties(name, {"a": 1, "b": "x"})
    ee.data.setAssetProperties(name, {"a": None})
    ee.data.updateAsset(name, {"start_time": "2020-01-01T00:00:00Z"}, ["start_time"])
    found = ee.data.getAsset(name)
    assert found["properties"] == {"b": "x"}
    assert found["startTime"].startswith("2020-01-01")
    ee.data.deleteAsset(name)


def test_folders(local):
    root = "projects/minecover-local/assets"
    local.ee.data.createFolder(f"{root}/new")
    assert f"{root}/new" in [a["id"] for a in local.ee.data.listAssets(root)["assets"]]
    local.ee.data.deleteAsset(f"{root}/new")
    assert local.ee.data.getAssetAcl(S2)["owners"]
    assert local.ee.data.getProjectConfig()["maxConcurrentExports"] == 2


def test_pixels_of_an_asset(local):
    name = local.ee.data.listAssets(S2)["assets"][0]["id"]
    request = {"assetId": name, "bandIds": ["B4"], "fileFormat": "NUMPY_NDARRAY", "grid": grid_of(local.band)}
    np.testing.assert_array_equal(local.ee.data.getPixels(request)["B4"], stored(local, "B4"))
