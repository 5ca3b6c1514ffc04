"""A simulated district is an archive as Earth Engine has its collections; made once, it stays."""

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import cli
from pipeline.engine.archive import check
from pipeline.errors import MinecoverError
from pipeline.simulate import write
from pipeline.simulate.write import Wanted, simulate
from tests.engine.local import connected

SMALL = Wanted(size_km=1, year=2021, years=1, scenes=4, seed=3)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated") / "district"
    lines = list(simulate(folder, SMALL))
    assert lines[0].startswith("Plan: 1 × 1 km, 2021; 4 Sentinel-2 and 4 Sentinel-1 scenes")
    return folder


def pixels(folder: Path) -> dict[str, str]:
    """The stored rasters and what is in them; documents hold times of writing and are left out."""
    found = sorted(p for p in (folder / "archive").rglob("*.tif"))
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


def state(folder: Path) -> dict[str, tuple[int, int]]:
    files = (p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".index"))
    return {str(p.relative_to(folder)): (p.stat().st_mtime_ns, p.stat().st_size) for p in files}


def test_everything_is_there_and_can_be_read(made: Path) -> None:
    assert not [finding for finding in check(made / "archive") if finding.serious]
    names = {p.name for p in made.iterdir()}
    assert {"archive", "region.geojson", "truth_2021.tif", "labels_2021.gpkg"} <= names
    assert {"reference_2021.gpkg", "design.json"} <= names
    said = json.loads((made / "district.json").read_text())
    assert said["complete"] and said["simulated"]["seed"] == 3
    assert said["images"]["COPERNICUS/S2_SR_HARMONIZED"] == said["images"]["COPERNICUS/S1_GRD"] == 4
    assert sum(said["years"]["2021"]["true_area_ha"].values()) == pytest.approx(100, abs=0.1)


@pytest.fixture(scope="module")
def ee(made: Path) -> Iterator[Any]:
    with connected(archive=made / "archive") as module:
        yield module


def test_sentinel_2_is_as_earth_engine_has_it(ee: Any) -> None:
    images = ee.ImageCollection("COPERNICUS/S2_SR_HARMONIZED").filterDate("2020-12-01", "2021-12-01")
    assert images.size().getInfo() == 4
    first = images.first().getInfo()
    sizes = {b["id"]: (b["dimensions"][0], b["data_type"]["max"]) for b in first["bands"]}
    ten, twenty = ("B2", "B3", "B4", "B8"), ("B5", "B6", "B7", "B8A", "B11", "B12")
    assert sizes == {**dict.fromkeys(ten, (100, 65535)), **dict.fromkeys(twenty, (50, 65535)), "SCL": (50, 255)}
    said = first["properties"]
    assert said["MGRS_TILE"] == "49SDE" and said["SENSING_ORBIT_NUMBER"] in (18, 61) and said["simulated"]
    assert 0 <= said["CLOUDY_PIXEL_PERCENTAGE"] <= 100
    assert said["system:index"].endswith("_T49SDE")
    dates = images.aggregate_array("system:time_start").getInfo()
    assert len(set(dates)) == 4


def test_cloud_scores_are_linked_by_index(ee: Any) -> None:
    images = ee.ImageCollection("COPERNICUS/S2_SR_HARMONIZED")
    scored = images.linkCollection(ee.ImageCollection("GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED"), ["cs", "cs_cdf"])
    names = [b["id"] for b in scored.first().getInfo()["bands"]]
    assert names[-2:] == ["cs", "cs_cdf"]
    region = ee.Geometry.Point([110.07, 39.805]).buffer(150)
    found = scored.select(["cs", "cs_cdf"]).map(lambda i: i.set(i.reduceRegion(ee.Reducer.mean(), region, 10)))
    values = np.array([found.aggregate_array(n).getInfo() for n in ("cs", "cs_cdf")])
    assert values.min() >= 0 and values.max() <= 1 and values.max() > 0.5
    chances = ee.ImageCollection("COPERNICUS/S2_CLOUD_PROBABILITY").aggregate_array("system:index")
    assert chances.getInfo() == images.aggregate_array("system:index").getInfo()


def test_sentinel_1_is_as_earth_engine_has_it(ee: Any) -> None:
    images = (
        ee.ImageCollection("COPERNICUS/S1_GRD")
        .filter(ee.Filter.eq("instrumentMode", "IW"))
        .filter(ee.Filter.listContains("transmitterReceiverPolarisation", "VH"))
    )
    passes = images.aggregate_histogram("orbitProperties_pass").getInfo()
    assert passes == {"ASCENDING": 2, "DESCENDING": 2}
    first = images.first().getInfo()
    assert [b["id"] for b in first["bands"]] == ["VV", "VH", "angle"]
    assert {b["data_type"]["precision"] for b in first["bands"]} == {"float"}


def test_elevation_and_lights_are_there(ee: Any) -> None:
    region = ee.Geometry.Point([110.07, 39.805]).buffer(300)
    elevation = ee.Image("NASA/NASADEM_HGT/001").select("elevation")
    surface = ee.ImageCollection("COPERNICUS/DEM/GLO30").mosaic()
    heights = [i.reduceRegion(ee.Reducer.mean(), region, 30).values().getInfo()[0] for i in (elevation, surface)]
    assert all(1100 < h < 1600 for h in heights)
    year = ee.ImageCollection("NOAA/VIIRS/DNB/ANNUAL_V21").filterDate("2021-01-01", "2022-01-01").first()
    assert year.select("average").reduceRegion(ee.Reducer.min(), region, 464).getInfo()["average"] > 0
    assert ee.ImageCollection("NOAA/VIIRS/DNB/MONTHLY_V1/VCMSLCFG").size().getInfo() == 12


def test_the_same_again_changes_nothing(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = state(made)
    arguments = ["simulate", str(made), "--size-km", "1", "--years", "1", "--scenes", "4", "--seed", "3"]
    assert cli.main(arguments) == 0
    assert "complete; nothing changed" in capsys.readouterr().out
    assert state(made) == before


def test_another_district_is_refused_there(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["simulate", str(made), "--size-km", "2"]) == 2
    said = capsys.readouterr().err
    assert "--size-km 1" in said and "--seed 3" in said and "Traceback" not in said


def test_an_archive_of_real_scenes_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    with pytest.raises(MinecoverError, match="not simulated"):
        list(simulate(tmp_path, SMALL))
    assert not list((tmp_path / "archive").iterdir())


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"size_km": 0.5}, "1 to 20, not 0.5"),
        ({"size_km": 2.34}, "steps of 0.1, not 2.34"),
        ({"scenes": 500}, "as often as the satellites pass, not 500"),
        ({"year": 1999}, "not 1999"),
        ({"seed": -1}, "not -1"),
    ],
)
def test_what_cannot_be_is_said_plainly(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(MinecoverError, match=says):
        Wanted(**wrong)


def test_a_failed_run_is_continued_and_ends_the_same(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = write._add, iter(range(1000))

    def failing(*given: Any) -> None:
        if next(calls) == 7:
            raise OSError(28, "No space left on device")
        real(*given)

    monkeypatch.setattr(write, "_add", failing)
    with pytest.raises(OSError):
        list(simulate(tmp_path / "d", SMALL))
    assert 0 < len(pixels(tmp_path / "d")) < len(pixels(made))
    monkeypatch.setattr(write, "_add", real)
    list(simulate(tmp_path / "d", SMALL))
    assert pixels(tmp_path / "d") == pixels(made)


@pytest.mark.slow
def test_a_killed_run_is_continued_and_ends_the_same(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "d"
    arguments = ["simulate", str(folder), "--size-km", "1", "--years", "1", "--scenes", "4", "--seed", "3"]
    with subprocess.Popen([sys.executable, "-m", "pipeline", *arguments], stdout=subprocess.DEVNULL) as running:
        while running.poll() is None and len(pixels(folder)) < 5:
            time.sleep(0.02)
        running.send_signal(signal.SIGKILL)
    assert len(pixels(folder)) < len(pixels(made))
    assert cli.main(arguments) == 0
    assert pixels(folder) == pixels(made)
    assert not [f for f in check(folder / "archive") if f.serious or ".staging" in f.asset]
