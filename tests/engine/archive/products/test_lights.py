import gzip
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.engine.archive import FolderArchive
from pipeline.engine.archive.document import iso
from pipeline.engine.archive.products import unpack
from tests.engine.archive.products.intake import bring, bring_one, refusal, stored
from tests.engine.archive.rasters import write
from tests.engine.local import connected

WGS = {"crs": "EPSG:4326", "transform": [15 / 3600, 0, 109, 0, -15 / 3600, 40]}
LIGHT = np.random.default_rng(0).gamma(0.4, 2.0, (1, 30, 40)).astype(np.float32)
YEAR = "VNL_v21_npp_2021_global_vcmslcfg_c202205302300"
FIRST = "VNL_v21_npp_201204-201212_global_vcmcfg_c202205302300"
BOTH = "VNL_v22_npp-j01_2022_global_vcmslcfg_c202303062300"
LATER = "VNL_npp_2023_global_vcmslcfg_v2_c202402081600"
JUNE = "2021-06-01 2021-07-01"
MONTH = "SVDNB_npp_20210601-20210630_{}_vcmslcfg_v10_c202107072300"
DARK = MONTH.replace("vcmslcfg", "vcmcfg")
SCENE = "LuoJia1-01_LR201806207826_20180619220046_HDR_0000_gec"


@pytest.fixture
def made(tmp_path: Path) -> FolderArchive:
    return FolderArchive.initialise(tmp_path / "archive")


@pytest.mark.parametrize(
    ("name", "asset", "band", "period"),
    [
        (f"{YEAR}.average.dat.tif", "ANNUAL_V21/20210101", "average", "2021-01-01 2022-01-01"),
        (f"{FIRST}.average_masked.dat.tif", "ANNUAL_V21/20120401", "average_masked", "2012-04-01 2013-01-01"),
        (f"{BOTH}.median_masked.dat.tif", "ANNUAL_V22/20220101", "median_masked", "2022-01-01 2023-01-01"),
        (f"{LATER}.max.dat.tif", "ANNUAL_V22/20230101", "maximum", "2023-01-01 2024-01-01"),
        (f"{MONTH.format('global')}.avg_rade9h.tif", "MONTHLY_V1/VCMSLCFG/20210601", "avg_rad", JUNE),
        (f"{DARK.format('75N060E')}.cf_cvg.tif", "MONTHLY_V1/VCMCFG/20210601_75N060E", "cf_cvg", JUNE),
    ],
)
def test_composites_go_where_earth_engine_has_them(
    tmp_path: Path, made: FolderArchive, name: str, asset: str, band: str, period: str
) -> None:
    item = bring_one(made, write(tmp_path / name, LIGHT, **WGS))
    assert item.id == f"NOAA/VIIRS/DNB/{asset}" and [b.name for b in item.bands] == [band]
    times = [iso(item.properties[f"system:time_{n}"])[:10] for n in ("start", "end")]
    assert times == period.split() and np.array_equal(stored(item, band), LIGHT[0])


def test_bands_of_a_year_come_in_files_some_of_them_packed(tmp_path: Path, made: FolderArchive) -> None:
    plain = write(tmp_path / f"{YEAR}.cf_cvg.dat.tif", (LIGHT * 9).astype(np.uint16), **WGS)
    packed = tmp_path / f"{YEAR}.average.dat.tif.gz"
    packed.write_bytes(gzip.compress(write(tmp_path / "x.tif", LIGHT, **WGS).read_bytes()))
    item = bring_one(made, plain, packed)
    assert [b.name for b in item.bands] == ["average", "cf_cvg"]
    assert [o.status for o in bring(made, packed, plain)] == ["unchanged"]
    with connected(archive=made.root) as ee:
        found = ee.ImageCollection("NOAA/VIIRS/DNB/ANNUAL_V21").filterDate("2021-01-01", "2022-01-01").first()
        total = ee.Image(found).select("average").reduceRegion(ee.Reducer.mean(), scale=464, crs="EPSG:4326")
        assert total.getInfo()["average"] == pytest.approx(LIGHT.mean(), rel=0.05)


def test_a_file_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, made: FolderArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "MAX_RASTER_BYTES", 100_000)
    packed = tmp_path / f"{YEAR}.average.dat.tif.gz"
    packed.write_bytes(gzip.compress(bytes(5_000_000)))
    assert "unpacks to more than 100000 bytes" in refusal(made, packed)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (f"{YEAR}.lit_mask.dat.tif", "'lit_mask', which Earth Engine does not have"),
        ("VNL_v2_npp_2021_global_vcmslcfg_c202203152300.average.tif", "version 2.0, which version 2.1 has replaced"),
        ("VNL_2021.tif", "not named as the Earth Observation Group names"),
        ("SVDNB_npp_20219901-20210630_global_vcmcfg_v10_c1.cf_cvg.tif", "'20219901' in the file's name is no date"),
        (f"{MONTH.format('75N060E')}.tgz", "is packed. Unpack it"),
    ],
)
def test_other_files_of_the_group_are_refused(tmp_path: Path, made: FolderArchive, name: str, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"x")
    assert message in refusal(made, path)


def test_half_a_gzip_file_is_refused(tmp_path: Path, made: FolderArchive) -> None:
    packed = tmp_path / f"{YEAR}.average.dat.tif.gz"
    packed.write_bytes(gzip.compress(write(tmp_path / "x.tif", LIGHT, **WGS).read_bytes())[:-500])
    assert re.search("cannot be unpacked|is not a whole gzip file", refusal(made, packed))


def luojia(path: Path, **more: Any) -> Path:
    counts = np.random.default_rng(1).integers(1, 40_000, (1, 30, 40)).astype(np.int32)
    counts[0, :, :8] = 0
    return write(path, counts, **{**WGS, **more})


def test_a_luojia_scene_is_stored_as_it_is_and_dark_only_where_it_was(tmp_path: Path, made: FolderArchive) -> None:
    item = bring_one(made, luojia(tmp_path / f"{SCENE}.tif", nodata=0))
    found = stored(item, "DN")
    assert item.id == f"users/local/luojia1/{SCENE}" and item.bands[0].type.min == -(2**31)
    assert found.mask[:, :8].all() and not found.mask[:, 8:].any()
    assert iso(item.properties["system:time_start"]) == "2018-06-19T22:00:46Z"
    with connected(archive=made.root) as ee:
        outside = ee.Image(item.id).reduceRegion(ee.Reducer.first(), ee.Geometry.Point(120, 30), scale=130).getInfo()
    assert outside == {"DN": None}


def test_zeros_of_a_luojia_scene_must_be_explained(tmp_path: Path, made: FolderArchive) -> None:
    path = luojia(tmp_path / f"{SCENE}.tif")
    assert "20% of it is exactly 0. Say what that means: --nodata 0" in refusal(made, path)
    assert stored(bring_one(made, path, nodata=-1), "DN").count() == 1200
    assert stored(bring_one(made, path, nodata=0, overwrite=True), "DN").count() == 960


def test_luojia_scenes_under_one_id_are_one_image(tmp_path: Path, made: FolderArchive) -> None:
    step = 15 / 3600
    east = [step, 0, 109 + 40 * step, 0, -step, 40]
    paths = [luojia(tmp_path / "LuoJia_a.tif", nodata=0), luojia(tmp_path / "LuoJia_b.tif", nodata=0, transform=east)]
    assert {o.status for o in bring(made, *paths, asset="users/me/lights")} == {"added"}
    place = {"crs": "EPSG:4326", "crsTransform": WGS["transform"]}
    with connected(archive=made.root) as ee:
        found = [
            ee.Image("users/me/lights")
            .reduceRegion(ee.Reducer.first(), ee.Geometry.Point(109 + (column + 0.5) * step, 39.95), **place)
            .getInfo()["DN"]
            for column in (2, 20, 60, 90)
        ]
    assert found[0] is None and found[3] is None and found[1] == found[2] > 0
