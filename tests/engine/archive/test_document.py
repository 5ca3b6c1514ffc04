import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pystac
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.archive import document
from pipeline.engine.archive.model import BandFile, Item
from pipeline.engine.values import PixelType, Projection
from pipeline.errors import ArchiveError

BAND = BandFile(
    "B2", "./B2.tif", 1, PixelType("int", 0, 100), Projection("EPSG:32631", (10, 0, 5, 0, -10, 5)), 80, 60, 0.0, 2, 1
)
SQUARE = {"type": "Polygon", "coordinates": [[[3, 45], [4, 45], [4, 46], [3, 46], [3, 45]]]}


def roundtrip(root: Path, properties: dict[str, Any], bands: tuple[BandFile, ...] = (BAND,)) -> Item:
    stored = document.StoredFile("B2", "./B2.tif", 3, "ab" * 32, bands)
    made = document.item_document("C/one", "C", properties, SQUARE, [stored], 7)
    made = json.loads(json.dumps(made))
    assert pystac.Item.from_dict(made).id == "one"
    return document.read_item("C/one", made, root / "C" / "one", root)


scalars = st.one_of(
    st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), st.text(), st.booleans()
)


@given(
    st.dictionaries(
        st.text(min_size=1).filter(lambda n: n not in ("system:index", "system:time_start", "system:time_end")), scalars
    )
)
def test_properties_come_back_under_their_own_names(properties: dict[str, Any]) -> None:
    assert roundtrip(Path("/archive"), properties).properties == {"system:index": "one", **properties}


@pytest.mark.parametrize("name", ["title", "datetime", "created", "proj:code", "ee:x", "minecover:version"])
def test_names_that_stac_has_taken_are_free_for_users(name: str) -> None:
    assert roundtrip(Path("/archive"), {name: "mine"}).properties[name] == "mine"


def test_everything_of_a_band_comes_back() -> None:
    bands = (BAND, replace(BAND, name="B3", index=2, nodata=float("-inf"), type=PixelType("float")))
    item = roundtrip(Path("/archive"), {"system:time_start": 1622541600000}, bands)
    wanted = tuple(replace(b, href="/archive/C/one/B2.tif") for b in bands)
    assert item.bands == wanted and item.version == 7 and item.geometry == SQUARE


def test_a_crs_without_code_is_kept_as_text() -> None:
    band = replace(BAND, projection=Projection('PROJCS["a",GEOGCS["b"]]', BAND.projection.transform))
    assert roundtrip(Path("/archive"), {}, (band,)).bands[0].projection == band.projection


def test_times_are_stac_times_too() -> None:
    stored = document.StoredFile("B2", "./B2.tif", 3, "ab" * 32, (BAND,))
    times = {"system:time_start": 1622541600123, "system:time_end": 1622541601000}
    made = document.item_document("C/one", "C", times, None, [stored], 7)
    assert made["properties"]["datetime"] == "2021-06-01T10:00:00.123000Z"
    assert made["properties"]["end_datetime"] == "2021-06-01T10:00:01Z"
    assert document.millis(made["properties"]["datetime"]) == 1622541600123


@pytest.mark.parametrize("text", ["2021-06-01T10:00:00Z", "2021-06-01T12:00:00+02:00", "2021-06-01T10:00"])
def test_times_without_zone_are_utc(text: str) -> None:
    assert document.millis(text) == 1622541600000


@pytest.mark.parametrize("href", ["../../../etc/passwd", "/etc/passwd", "https://h/x.tif", "/vsicurl/x", "a\0"])
def test_hrefs_stay_inside_the_archive(href: str) -> None:
    with pytest.raises(ArchiveError, match=r"href"):
        document.inside(href, Path("/archive/C/one"), Path("/archive"))


def test_an_href_to_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "C").mkdir()
    (tmp_path / "C" / "x.tif").symlink_to("/etc/passwd")
    with pytest.raises(ArchiveError, match="leads out"):
        document.inside("./x.tif", tmp_path / "C", tmp_path)


@pytest.mark.parametrize(
    "broken", [{}, {"assets": {}}, {"id": "x", "properties": {}, "assets": {"a": {"eo:bands": [{}]}}}]
)
def test_incomplete_items_are_named(broken: dict[str, Any]) -> None:
    with pytest.raises(ArchiveError, match="C/one"):
        document.read_item("C/one", broken, Path("/archive/C/one"), Path("/archive"))


def test_boxes_at_the_antimeridian() -> None:
    east = [[[170, 0], [180, 0], [180, 5], [170, 0]]]
    west = [[[-180, 0], [-170, 0], [-170, 5], [-180, 0]]]
    both = {"type": "MultiPolygon", "coordinates": [east, west]}
    made = document.item_document("C/one", "C", {}, both, [], 7)
    assert made["bbox"] == [170, 0, -170, 5]
    assert document.boxes(made) == [(170, 0, 180, 5), (-180, 0, -170, 5)]
    assert document.boxes({}) == [(-180, -90, 180, 90)]


@pytest.mark.parametrize("assets", [None, 7, {"a": 7}, {"a": {}}, {"a": {"href": "x", "file:size": float("inf")}}])
def test_files_of_an_item_edited_by_hand(assets):
    broken = {"properties": {}, "geometry": None, "assets": assets}
    assert not document.is_table(broken)
    with pytest.raises(ArchiveError, match=r"broken|incomplete"):
        document.stored_files(broken)
        document.read_item("C/x", broken, Path("/a"), Path("/a"))
