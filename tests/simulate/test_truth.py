"""Files of the truth: readable by others, right in every number, whole or not there at all."""

import json
from pathlib import Path
from xml.etree import ElementTree

import geopandas
import numpy as np
import pytest
import rasterio
from shapely.geometry import shape

from pipeline.artifacts.design import read_design
from pipeline.simulate import samples, truth
from pipeline.simulate.district import CLASSES, COLOURS, Land, Place
from tests.simulate.test_samples import land

PLACE = Place(1000)


@pytest.fixture(scope="module")
def made() -> tuple[Land, ...]:
    return land(0, 2021, PLACE), land(3, 2022, PLACE)


@pytest.fixture(scope="module")
def folder(made: tuple[Land, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("district")
    (folder / "told.json").write_text(json.dumps(truth.write(folder, made, seed=0)))
    return folder


def test_all_files_are_there_and_nothing_else(folder: Path) -> None:
    expected = {"region.geojson", "told.json", "design.json"}
    for year in (2021, 2022):
        expected |= {f"truth_{year}.tif", f"truth_{year}.tif.aux.xml", f"labels_{year}.gpkg", f"reference_{year}.gpkg"}
    assert {path.name for path in folder.iterdir()} == expected


def test_the_map_holds_the_majority_with_palette_and_names(folder: Path, made: tuple[Land, ...]) -> None:
    with rasterio.open(folder / "truth_2021.tif") as file:
        assert np.array_equal(file.read(1), samples.majority(made[0].use))
        assert file.dtypes == ("uint8",)
        assert file.nodata == 0
        assert file.crs.to_string() == PLACE.crs
        assert file.bounds == (PLACE.west, PLACE.north - 1000, PLACE.west + 1000, PLACE.north)
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        palette = file.colormap(1)
    for code, colour in COLOURS.items():
        assert "#{:02x}{:02x}{:02x}".format(*palette[code]) == colour
    names = [node.text for node in ElementTree.parse(folder / "truth_2021.tif.aux.xml").iter("Category")]
    assert names == [None, *CLASSES.values()]


def test_points_are_read_back(folder: Path, made: tuple[Land, ...]) -> None:
    for kind in ("labels", "reference"):
        for year in (2021, 2022):
            table = geopandas.read_file(folder / f"{kind}_{year}.gpkg")
            assert list(table.columns) == ["id", "class", "code", "geometry"]
            assert table.crs.to_string() == PLACE.crs
            assert table.geometry.within(shape_of(PLACE)).all()
    expected = samples.labels(made[1], 0)[0]
    table = geopandas.read_file(folder / "labels_2022.gpkg")
    np.testing.assert_allclose(table.geometry.x, expected.x)
    assert table["code"].tolist() == expected.code.tolist()


def test_the_record_of_the_lot_is_of_the_points_of_both_years(folder: Path) -> None:
    record = read_design(folder / "design.json")
    assert record.simple and record.population == 100 * 100
    for year in (2021, 2022):
        table = geopandas.read_file(folder / f"reference_{year}.gpkg")
        assert [p.id for p in record.points] == table["id"].astype(str).tolist()
        assert [(p.x, p.y) for p in record.points] == list(zip(table.geometry.x, table.geometry.y, strict=True))


def shape_of(place: Place) -> object:
    west, north, side = place.west, place.north, place.size_m
    ring = [(west, north), (west, north - side), (west + side, north - side), (west + side, north)]
    return shape({"type": "Polygon", "coordinates": [ring]})


def test_the_region_is_the_district(folder: Path) -> None:
    found = geopandas.read_file(folder / "region.geojson")
    assert found.crs.to_epsg() == 4326
    there = found.to_crs(PLACE.crs).geometry[0]
    square = shape_of(PLACE)
    assert square.buffer(-4).contains(there) and there.contains(square.buffer(-6, join_style="mitre"))


def test_what_is_told_is_true(folder: Path, made: tuple[Land, ...]) -> None:
    told = json.loads((folder / "told.json").read_text())
    year = told["years"]["2021"]
    for code, name in CLASSES.items():
        assert year["true_area_ha"][name] == pytest.approx((made[0].use == code).mean() * 100, abs=0.01)
    assert year["classes_missing"] == []
    assert sum(year["labels"].values()) == len(geopandas.read_file(folder / "labels_2021.gpkg"))
    assert year["labels_wrong"] == samples.labels(made[0], 0)[1]
    assert set(year["labels_fewer_than_asked"]) == {n for n in CLASSES.values() if year["labels"][n] < asked(n)}
    design = told["reference"]
    assert design["population_pixels"] == 100 * 100
    assert design["inclusion_probability"] == pytest.approx(design["points"] / design["population_pixels"])


def asked(name: str) -> int:
    return samples.COUNTS[next(code for code, n in CLASSES.items() if n == name)]


def test_a_class_that_is_missing_is_named(tmp_path: Path) -> None:
    bare = land(0, 2021, PLACE)
    bare.use[bare.use == 6] = 1
    told = json.loads(json.dumps(truth.write(tmp_path, (bare,), seed=0)))["years"]["2021"]
    assert told["classes_missing"] == ["restored"]
    assert told["labels"]["restored"] == 0


def test_a_map_that_cannot_be_finished_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(source: object, target: Path, **options: object) -> None:
        target.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(truth, "copy", breaks)
    with pytest.raises(KeyboardInterrupt):
        truth.write_map(tmp_path / "truth_2021.tif", np.ones(PLACE.shape(), np.uint8), PLACE)
    assert not list(tmp_path.iterdir())
