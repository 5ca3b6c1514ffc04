"""The filled-in sheet as people save it: what is taken, and what is refused with its point."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from pipeline.artifacts.design import read_design
from pipeline.assess.reference import read_reference
from pipeline.assess.sheet import POINTS, TABLE, sheets
from pipeline.config import Legend
from pipeline.errors import MinecoverError
from tests.assess import runs

LEGEND = Legend.model_validate(runs.LEGEND)
N = 40


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simple random sample with its record; its points are all answered."""
    return runs.simple(tmp_path_factory.mktemp("reference"), runs.land(), N)


@pytest.fixture
def frame(sample: Path) -> Any:
    """The sheet, with the code of each class as a number beside its name."""
    found = geopandas.read_file(sample)
    return found.assign(code=[LEGEND.by_name(name).code for name in found["class"]])


def table(frame: Any) -> str:
    return str(pd.DataFrame(frame[["id", "class", "code"]]).to_csv(index=False))


def codes(path: Path, field: str = "class") -> list[int]:
    return [int(code) for code in read_reference(path, field, LEGEND).codes]


def refused(path: Path, says: str, field: str = "class") -> None:
    with pytest.raises(MinecoverError, match=says):
        read_reference(path, field, LEGEND)


def saved(sample: Path, frame: Any, **how: Any) -> Path:
    path = sample.with_name("saved.gpkg")
    path.unlink(missing_ok=True)
    frame.to_file(path, driver="GPKG", **how)
    return path


def written(sample: Path, text: str | bytes) -> Path:
    path = sample.with_name("written.csv")
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_the_layer_with_the_fields_is_taken_or_none(sample: Path, frame: Any) -> None:
    path = saved(sample, frame[["id", "geometry"]], layer="a")
    frame.rename(columns={"class": "Class"}).to_file(path, driver="GPKG", layer="b")
    assert codes(path) == codes(sample)
    frame.iloc[:3].to_file(path, driver="GPKG", layer="c")
    refused(path, "one layer of points with the fields 'id' and 'class'; it holds a, b, c")
    refused(path, "fields 'id' and 'kind'; it holds a, b, c", "kind")


def test_a_table_and_the_styles_of_a_map_are_no_hindrance(sample: Path, frame: Any) -> None:
    path = sample.with_name("table.gpkg")
    pyogrio.write_dataframe(pd.DataFrame(frame[["id", "class"]]), path, layer="points")
    pyogrio.write_dataframe(pd.DataFrame({"styleQML": ["<qgis/>"]}), path, layer="layer_styles")
    assert codes(path) == codes(sample)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:32650"])
def test_points_may_be_saved_in_any_system(sample: Path, frame: Any, crs: str) -> None:
    assert codes(saved(sample, frame.to_crs(crs))) == codes(sample)
    moved = frame.copy()
    moved.loc[3, "geometry"] = shapely.transform(moved.geometry[3], lambda xy: xy + 6)
    refused(saved(sample, moved.to_crs(crs)), "point 3 lies at")


def test_systems_that_do_not_lead_to_the_grid_are_refused(sample: Path, frame: Any) -> None:
    refused(saved(sample, frame.set_crs(4326, allow_override=True)), "lies at inf, inf")
    local = frame.set_crs('LOCAL_CS["mine grid",UNIT["metre",1]]', allow_override=True)
    refused(saved(sample, local), "in 'mine grid', from which nothing leads to EPSG:32649")


def test_only_points_stand_for_pixels(sample: Path, frame: Any) -> None:
    single = frame.set_geometry([shapely.MultiPoint([p]) for p in frame.geometry])
    assert codes(saved(sample, single)) == codes(sample)
    refused(saved(sample, frame.set_geometry(frame.buffer(5))), "point 0 is a Polygon")


@pytest.mark.parametrize(
    "save",
    [
        lambda t: t.to_csv(index=False),
        lambda t: t.to_csv(),
        lambda t: "\n\n" + t.to_csv(index=False, sep=";", decimal=",", lineterminator="\r\n"),
        lambda t: "\ufeff" + t.assign(id=t["id"].astype(float)).to_csv(index=False, sep="\t"),
    ],
)
def test_whole_numbers_with_a_fraction_are_codes_and_ids(
    sample: Path, frame: Any, save: Callable[[pd.DataFrame], str]
) -> None:
    gaps = pd.DataFrame(frame.drop(columns="geometry")).assign(code=frame["code"].where(frame.index != 7, np.nan))
    text = save(gaps)
    assert "1.0" in text or "1,0" in text
    assert codes(written(sample, text), "code") == [c for i, c in enumerate(codes(sample)) if i != 7]


def test_classes_are_found_whatever_the_case(sample: Path, frame: Any) -> None:
    frame["class"] = "  " + frame["class"].str.upper() + " "
    assert codes(saved(sample, frame)) == codes(written(sample, table(frame))) == codes(sample)


@pytest.mark.parametrize("field", ["=class", "+1", "-mine", "@there", "class"])
def test_our_own_sheets_are_read_whatever_the_field_is_called(sample: Path, field: str) -> None:
    made = read_design(sample.with_name("design.json"))
    head, first, *_ = sheets(made.points, made.grid, field)[TABLE].decode().splitlines()
    assert codes(written(sample, f"{head}\n{first[:-1]}5,\n"), field) == [5]
    sample.with_name("sheet.gpkg").write_bytes(sheets(made.points, made.grid, field)[POINTS])
    refused(sample.with_name("sheet.gpkg"), "class yet", field)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("\ufeff\r\n\n", "is empty"),
        ("id,class\n", "class yet"),
        ("id,kind\n1,5\n", "no one field 'class'"),
        ("id,class,Class\n1,5,5\n", "no one field 'class'"),
        ("id,class\n1,5\n1.0,5\n", "point '1' 2 times"),
        ("id,class\n1,5\n9999,5\n", "'9999', which was not drawn"),
        ("id,class\n1,NaN\n", "point 1: The legend has no class 'NaN'"),
        ("id,class\n1,5.5\n", "point 1: The legend has no class '5.5'"),
        ("id,class\n1,0.0\n", "point 1: The legend has no code 0"),
        (f"id,class\n1,{'9' * 5000}\n", "point 1: The legend has no class '9{79}[.]"),
        ("id,class,remark\n1\n", "1 values for 3 fields"),
        ("id,longitude,latitude,class\n1,110,5,39,5,2\n", "6 values for 4 fields: .* separated by semicolons"),
        ('id,class\n1,"mine\n', "Check its quotes"),
        ("id,class\n1,mine\n".encode("utf-16"), "CSV UTF-8"),
    ],
)
def test_tables_that_are_wrong_are_refused(sample: Path, text: str | bytes, says: str) -> None:
    refused(written(sample, text), says)


def test_what_is_no_sheet_is_refused(sample: Path, frame: Any) -> None:
    frame.to_file(sample.with_name("points.shp"))
    refused(sample.with_name("points.shp"), "neither a GeoPackage .* nor a CSV")
    fake = sample.with_name("fake.gpkg")
    fake.write_text("id,class\n")
    refused(fake, "neither a GeoPackage nor a Shapefile")
    refused(sample.with_name("none.gpkg"), "is not there")


def test_answers_that_are_wrong_are_refused_with_the_point(sample: Path, frame: Any) -> None:
    for field, row, value, says in (
        ("class", 0, "fores/grass", "point 0: .*Is 'forest/grass' meant"),
        ("geometry", 3, shapely.Point(600_000, 4_399_000), "point 3 lies at"),
        ("id", 2, "9999", "'9999', which was not drawn"),
        ("id", 2, "3", "2 times"),
    ):
        wrong = frame.copy()
        wrong.loc[row, field] = value
        refused(saved(sample, wrong), says)
    refused(saved(sample, frame.assign(**{"class": ""})), "class yet")
