import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasterio.transform import from_origin

from pipeline.engine.archive import FolderArchive
from pipeline.engine.archive.products import sentinel1
from tests.engine.archive.products.intake import bring_one, refusal, stored
from tests.engine.archive.rasters import write
from tests.engine.local import connected

ESA = "S1A_IW_GRDH_1SDV_20191202T163455_20191202T163520_030172_0372A4_67BA"  # as Earth Engine describes it
HYP3 = "S1A_IW_20210601T055018_DVP_RTC30_G_g{}uned_5AB1"
PYROSAR = "S1A__IW___D_20210601T055018"
HERE = {"crs": "EPSG:32634", "transform": from_origin(500000, 5000000, 10, 10)}  # 21° east
POWER = np.random.default_rng(0).gamma(4.0, 0.02, (2, 40, 50)).astype(np.float32)


@pytest.fixture
def made(tmp_path: Path) -> FolderArchive:
    return FolderArchive.initialise(tmp_path / "archive")


def scene(folder: Path, name: str, data: Any, *bands: str, **more: Any) -> Path:
    import rasterio

    path = write(folder / f"{name}.tif", data, **{**HERE, **more})
    if bands:
        with rasterio.open(path, "r+") as file:
            file.descriptions = bands
    return path


def decibels(power: Any, factor: int = 10) -> Any:
    with np.errstate(all="ignore"):
        return np.ma.masked_invalid(factor * np.log10(power.astype(float)))


def close(found: Any, wanted: Any) -> bool:
    masks = np.array_equal(np.ma.getmaskarray(found), np.ma.getmaskarray(wanted))
    return masks and np.allclose(found.filled(0), wanted.filled(0), atol=1e-5)


def test_linear_power_becomes_decibels_as_earth_engine_has_them(tmp_path: Path, made: FolderArchive) -> None:
    power = POWER.copy()
    power[0, 0, :4] = 0, -0.1, np.nan, np.inf
    item = bring_one(made, scene(tmp_path, f"{ESA}_Orb_NR_Cal_TC", power, "Sigma0_VH", "Sigma0_VV"))
    assert item.id == f"COPERNICUS/S1_GRD/{ESA}"
    assert [b.name for b in item.bands] == ["VV", "VH"]
    assert close(stored(item, "VH"), decibels(power[0])) and close(stored(item, "VV"), decibels(power[1]))
    wanted = {
        "system:time_start": 1575304495000,
        "system:time_end": 1575304495000,
        "orbitProperties_pass": "ASCENDING",
        "orbitNumber_start": 30172,
        "relativeOrbitNumber_start": 175,
        "platform_number": "A",
        "instrumentMode": "IW",
        "instrumentSwath": "IW",
        "productType": "GRD",
        "resolution": "H",
        "resolution_meters": 10,
        "transmitterReceiverPolarisation": ["VV", "VH"],
    }
    assert {name: item.properties.get(name) for name in wanted} == wanted


def test_scripts_find_it(tmp_path: Path, made: FolderArchive) -> None:
    bring_one(made, scene(tmp_path, f"{ESA}_dB", decibels(POWER).data.astype(np.float32), "VV", "VH"))
    with connected(archive=made.root) as ee:
        found = (
            ee.ImageCollection("COPERNICUS/S1_GRD")
            .filter(ee.Filter.eq("instrumentMode", "IW"))
            .filter(ee.Filter.listContains("transmitterReceiverPolarisation", "VH"))
            .filter(ee.Filter.eq("orbitProperties_pass", "ASCENDING"))
        )
        mean = ee.Image(found.first()).select("VV").reduceRegion(ee.Reducer.mean(), scale=10).getInfo()
    assert mean["VV"] == pytest.approx(decibels(POWER)[0].mean(), abs=1e-4)


@pytest.mark.parametrize(
    ("unit", "absolute", "relative"),
    [("A", 30172, 175), ("A", 18302, 30), ("B", 7231, 30), ("A", 29739, 92), ("C", 172, 1), ("D", 42, 1)],
)
def test_relative_orbits(unit: str, absolute: int, relative: int) -> None:
    """Numbers that the mission's experts and Earth Engine give; a satellite's first ones by definition."""
    assert sentinel1.relative_orbit(unit, absolute, "20250601") == relative


def test_an_orbit_that_was_moved_is_not_guessed() -> None:
    assert sentinel1.relative_orbit("C", 9000, "20260801") is None


@pytest.mark.parametrize(
    ("time", "longitude", "latitude", "way"),
    [
        ("2021-06-01T10:46:00Z", 110, 39, "ASCENDING"),  # Ordos, 18:06 local
        ("2021-06-01T22:41:00Z", 110, 39, "DESCENDING"),
        ("2021-06-01T13:30:00Z", -110, 40, "DESCENDING"),
        ("2021-06-01T12:00:00Z", 0, 40, None),
        ("2021-06-01T06:00:00Z", 0, 75, None),
    ],
)
def test_the_pass_by_the_clock(time: str, longitude: float, latitude: float, way: str | None) -> None:
    from pipeline.engine.archive import document

    assert sentinel1.pass_by_clock(document.millis(time), longitude, latitude) == way


def test_polarisations_in_files_of_their_own(tmp_path: Path, made: FolderArchive) -> None:
    name = HYP3.format("p")
    paths = [scene(tmp_path, f"{name}_{p}", POWER[i : i + 1]) for i, p in enumerate(("VV", "VH"))]
    item = bring_one(made, *reversed(paths), properties={"relativeOrbitNumber_start": 110})
    assert item.index == name and [b.name for b in item.bands] == ["VV", "VH"]
    assert close(stored(item, "VH"), decibels(POWER[1]))
    assert item.properties["transmitterReceiverPolarisation"] == ["VV", "VH"]
    assert item.properties["relativeOrbitNumber_start"] == 110


@pytest.mark.parametrize(
    ("name", "data", "bands", "options", "factor"),
    [
        (HYP3.format("a") + "_VV", np.sqrt(POWER[:1]), (), {}, 20),
        (HYP3.format("d") + "_VV", POWER[:1], (), {}, 0),
        (f"{PYROSAR}_tnr_Cal_TF_TC_dB_VV", POWER[:1], (), {}, 0),
        (f"{PYROSAR}_VV", POWER[:1], ("Sigma0_VV_db",), {}, 0),
        (f"{PYROSAR}_VV", POWER[:1], (), {}, 10),
        (f"{PYROSAR}_VV", -POWER[:1] * 100, (), {}, 0),
        (f"{PYROSAR}_VV", POWER[:1] * 50, (), {"linear": True}, 10),
        (f"{PYROSAR}_VV", POWER[:1], (), {"linear": False}, 0),
        (ESA.replace("67BA", "DB12") + "_VV", POWER[:1], (), {}, 10),
    ],
)
def test_what_numbers_are(
    tmp_path: Path, made: FolderArchive, name: str, data: Any, bands: Any, options: Any, factor: int
) -> None:
    item = bring_one(made, scene(tmp_path, name, data, *bands), **options)
    wanted = decibels(data[0], factor) if factor else np.ma.masked_array(data[0])
    assert close(stored(item, "VV"), wanted)


def test_the_angle_is_kept(tmp_path: Path, made: FolderArchive) -> None:
    data = np.concatenate([POWER[:1], np.full((1, 40, 50), 38.5, np.float32)])
    item = bring_one(made, scene(tmp_path, ESA, data, "Sigma0_VV", "incidenceAngleFromEllipsoid"))
    assert [b.name for b in item.bands] == ["VV", "angle"] and (stored(item, "angle") == 38.5).all()


def test_other_names_need_what_names_would_say(tmp_path: Path, made: FolderArchive) -> None:
    path = scene(tmp_path, "ordos_VV", POWER[:1])
    missing = refusal(made, path, kind="sentinel1")
    assert "--property system:time_start=2021-06-01T10:05:12 --property instrumentMode=IW" in missing
    given = {"system:time_start": "2021-06-01T04:46", "instrumentMode": "IW"}
    item = bring_one(made, path, kind="sentinel1", properties=given)
    assert item.index == "ordos" and item.properties["orbitProperties_pass"] == "DESCENDING"
    assert item.properties["system:time_start"] == 1622522760000


NOON = ESA.replace("T163455", "T103455")


@pytest.mark.parametrize(
    ("name", "data", "bands", "message"),
    [
        (PYROSAR, POWER, (), "does not say which of its 2 bands is VV or VH"),
        (f"{PYROSAR}_VV", POWER[:1] * 20, (), "Say --linear or --db"),
        (f"{PYROSAR}_VV", (POWER[:1] * 1000).astype(np.uint16), (), "uint16, .* Say --linear or --db"),
        (f"{PYROSAR}_dB_VV", np.zeros((1, 40, 50), np.float32), (), "100% of it is exactly 0.*--nodata 0"),
        (f"{NOON}_VV", POWER[:1], (), "orbitProperties_pass=DESCENDING"),
        (f"{HYP3.format('p')}_inc_map", POWER[:1], (), "no backscatter"),
        ("s1a-iw-grd-vv-20210601t055018-20210601t055043-038", POWER[:1], (), "neither calibrated nor terrain"),
    ],
)
def test_what_is_doubtful_is_refused(
    tmp_path: Path, made: FolderArchive, name: str, data: Any, bands: Any, message: str
) -> None:
    assert re.search(message, refusal(made, scene(tmp_path, name, data, *bands)))


def test_a_truncated_file_is_refused_by_its_block(tmp_path: Path, made: FolderArchive) -> None:
    noise = np.random.default_rng(1).gamma(4.0, 0.02, (1, 300, 300)).astype(np.float32)
    for name in (f"{PYROSAR}_VV", f"{ESA}_Cal_TC_dB_VV"):
        path = scene(tmp_path, name, noise, tiled=True, blockxsize=64, blockysize=64, compress="deflate")
        os.truncate(path, path.stat().st_size // 2)
        assert re.search(r"VV.tif', band 1, block \(row \d, column \d\)", refusal(made, path))


def test_products_that_are_not_processed_are_refused(tmp_path: Path, made: FolderArchive) -> None:
    (tmp_path / f"{ESA}.SAFE").mkdir()
    assert "Calibrate and terrain-correct it" in refusal(made, tmp_path / f"{ESA}.SAFE")
