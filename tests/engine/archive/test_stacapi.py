import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.engine import raster
from pipeline.engine.archive import StacApiArchive, document, open_archive
from pipeline.engine.archive.model import Archive, CollectionInfo, Item
from pipeline.engine.values import Projection
from pipeline.errors import ArchiveError
from tests.engine.archive.rasters import numbers, write
from tests.engine.archive.stacserver import Server, serving

S2 = "COPERNICUS/S2_SR_HARMONIZED"
PLACE = {"proj:code": "EPSG:32631", "proj:shape": [60, 80], "proj:transform": [10, 0, 500000, 0, -10, 5000000]}


def item(name: str, day: str, west: float = 3, **properties: Any) -> dict[str, Any]:
    """A Sentinel-2 item as Earth Search describes them."""
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": name, "collection": "sentinel-2-l2a", "links": [],
        "bbox": [west, 45, west + 1, 46],
        "geometry": {"type": "Point", "coordinates": [west, 45]},
        "properties": {
            "datetime": f"{day}T10:00:00.500Z", "eo:cloud_cover": 10, "grid:code": "MGRS-31UFS",
            "platform": "sentinel-2a",
            "s2:processing_baseline": "05.00", "earthsearch:boa_offset_applied": False, "view:sun_elevation": 50,
            **properties,
        },
        "assets": {
            "blue": {"href": f"/files/{name}.tif", **PLACE},
            "scl": {"href": f"/files/{name}.tif"},
            "thumbnail": {"href": "s3://x/y"},
        },
    }  # fmt: skip


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    items = [
        item("c", "2021-06-03", **{"eo:cloud_cover": 90}),
        item("a", "2021-06-01"),
        item("b", "2021-06-02", west=30, **{"earthsearch:boa_offset_applied": True}),
    ]
    for one in items:
        write(tmp_path / f"{one['id']}.tif", numbers(), nodata=7)
    with serving(items, tmp_path) as made:
        yield made
    raster.close_all()


@pytest.fixture
def api(server: Server) -> StacApiArchive:
    return StacApiArchive(server.url, "earth-search")


def found(api: Archive, **query: Any) -> list[str]:
    return [i.index for i in api.search(S2, **query)]


def test_all_pages_in_the_order_of_their_index(api: StacApiArchive) -> None:
    assert found(api) == ["a", "b", "c"]


def test_searches_are_narrowed_by_the_api(api: StacApiArchive, server: Server) -> None:
    assert found(api, bbox=(29, 44, 31, 46)) == ["b"]
    day = document.millis("2021-06-02")
    assert found(api, start_ms=day) == ["b", "c"] and found(api, end_ms=day) == ["a"]
    assert found(api, start_ms=day, end_ms=day + 86_400_000) == ["b"]
    assert found(api, properties=[("CLOUDY_PIXEL_PERCENTAGE", "lessThan", 50), ("MGRS_TILE", "equals", "no")]) == [
        "a",
        "b",
    ]
    assert server.searches[-1]["query"] == {"eo:cloud_cover": {"lt": 50}}


def test_items_speak_earth_engine(api: StacApiArchive) -> None:
    one = api.describe(f"{S2}/a")
    assert isinstance(one, Item) and one.id == f"{S2}/a"
    assert one.properties == {
        "system:index": "a", "system:time_start": document.millis("2021-06-01T10:00:00.500"),
        "CLOUDY_PIXEL_PERCENTAGE": 10, "MGRS_TILE": "31UFS", "SPACECRAFT_NAME": "Sentinel-2A",
        "PROCESSING_BASELINE": "05.00", "MEAN_SOLAR_ZENITH_ANGLE": 40,
    }  # fmt: skip
    assert [(b.name, b.offset, b.nodata) for b in one.bands] == [("B2", -1000, 0), ("SCL", 0, 0)]
    other = api.describe(f"projects/earthengine-public/assets/{S2}/b")
    assert isinstance(other, Item) and other.bands[0].offset == 0


def test_pixels_are_read_where_they_are(api: StacApiArchive) -> None:
    one = api.describe(f"{S2}/a")
    assert isinstance(one, Item)
    for band in one.bands:  # the second has no place in the item: it is taken from the file
        assert band.projection == Projection("EPSG:32631", (10, 0, 500000, 0, -10, 5000000))
        assert (band.width, band.height) == (80, 60)
    data, valid = raster.read_window(one.bands[0].href, [1], (5, 4, 3, 2), nodata=[326])
    np.testing.assert_array_equal(data, numbers()[:, 4:6, 5:8])
    assert not valid[0, 0, 0] and valid.sum() == 5
    assert raster.levels(one.bands[0].href) == ((80, 60),)


def test_the_same_address_as_a_plain_text_is_refused(api: StacApiArchive) -> None:
    one = api.describe(f"{S2}/a")
    assert isinstance(one, Item)
    with pytest.raises(ArchiveError, match="cannot be opened"):
        raster.read_window(one.bands[0].href[:], [1], (0, 0, 1, 1))
    with pytest.raises(ArchiveError, match="cannot be opened"):
        raster.open_raster(one.bands[0].href[:])


@pytest.mark.parametrize("href", ["s3://bucket/x.tif", "/vsicurl/http://x", "file:///etc/passwd", "ftp://h/x.tif"])
def test_only_web_addresses_are_followed(server: Server, href: str) -> None:
    server.items[0]["assets"]["blue"]["href"] = href
    api = StacApiArchive(server.url, "earth-search")
    if href.startswith("/"):
        one = next(i for i in api.search(S2) if i.index == "c")
        assert one.bands[0].href == server.url + href
    else:
        with pytest.raises(ArchiveError, match="only web addresses"):
            list(api.search(S2))


def test_a_missing_file_is_named_without_its_query(api: StacApiArchive, tmp_path: Path) -> None:
    (tmp_path / "a.tif").unlink()
    with pytest.raises(ArchiveError, match=r"files/a.tif' cannot be opened"):
        api.describe(f"{S2}/a")


def test_collections(api: StacApiArchive) -> None:
    info = api.describe(S2)
    assert isinstance(info, CollectionInfo) and info.bands[0] == "B1"
    assert S2 in [c.id for c in api.children("")]
    assert api.describe("NASA/NOTHING") is None and api.describe(f"{S2}/none") is None
    with pytest.raises(ArchiveError, match="neither calibrated nor terrain corrected"):
        api.search("COPERNICUS/S1_GRD")
    with pytest.raises(ArchiveError, match="has no collection 'X'"):
        api.search("X")
    with pytest.raises(ArchiveError, match="too many to list"):
        api.children(S2)


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'{"type": "Catalog"}', b"{}"])
def test_what_is_no_stac_api_is_named(server: Server, answer: bytes) -> None:
    server.broken = answer
    with pytest.raises(ArchiveError, match="did not answer as a STAC API"):
        list(StacApiArchive(server.url, "earth-search").search(S2))


def test_an_api_that_is_not_there() -> None:
    api = StacApiArchive("http://127.0.0.1:9", "earth-search")
    with pytest.raises(ArchiveError, match="did not answer"):
        list(api.search(S2))


def test_files_are_signed_once(server: Server, tmp_path: Path) -> None:
    text = (
        f"{{url: x, sign: '{server.url}/token/{{collection}}', collections: {{C: {{collection: sentinel-2-l2a, "
        "mosaic: true, where: {platform: sentinel-2a}, bands: {B2: {asset: blue, type: uint16}}}}}"
    )
    (tmp_path / "t.yaml").write_text(text)
    api = StacApiArchive(server.url, tmp_path / "t.yaml")
    items = list(api.search("C"))
    assert {i.bands[0].href.partition("?")[2] for i in items} == {"sig=abc"}
    assert raster.read_window(items[0].bands[0].href, [1], (0, 0, 2, 1))[0].tolist() == [[[1, 2]]]
    assert [p for p in server.paths if p.startswith("/token")] == ["/token/sentinel-2-l2a"]
    info = api.describe("C")
    assert isinstance(info, CollectionInfo) and info.mosaic


def test_too_many_images_are_refused(api: StacApiArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.engine.archive.stacapi.MAX_ITEMS", 2)
    with pytest.raises(ArchiveError, match=r"more than 2 images\. Filter"):
        api.search(S2)


def test_opening_by_address(server: Server) -> None:
    api = open_archive(f"stac+{server.url}#earth-search")
    assert isinstance(api, StacApiArchive) and found(api) == ["a", "b", "c"]
    known = open_archive("https://earth-search.aws.element84.com/v1")
    assert isinstance(known, StacApiArchive) and known.table.sign is None


def earth_search(name: str, part: str = "T39QTA") -> dict[str, Any]:
    """An item as Earth Search gives it, with the names of a real one."""
    return item(
        name, "2023-06-28",
        **{
            "s2:datatake_id": "GS2A_20230628T070631_041859_N05.09", "grid:code": "MGRS-39QTA",
            "s2:datastrip_id": "S2A_OPER_MSI_L2A_DS_2APS_20230628T113955_S20230628T071848_N05.09",
            "s2:product_uri": f"S2A_MSIL2A_20230628T070631_N0509_R106_{part}_20230628T113955.SAFE",
        },
    )  # fmt: skip


def test_the_index_is_earth_engines(server: Server, api: StacApiArchive) -> None:
    server.items = [earth_search("S2A_39QTA_20230628_0_L2A"), earth_search("S2A_39QTA_20230628_1_L2A")]
    for one in server.items:
        one["assets"] = {"blue": {"href": f"/files/{one['id']}.tif", **PLACE}}
    wanted = "20230628T070631_20230628T071848_T39QTA"
    assert found(api) == [wanted]
    one = api.describe(f"{S2}/{wanted}")
    assert isinstance(one, Item) and one.id == f"{S2}/{wanted}"
    assert one.bands[0].href.endswith("_1_L2A.tif")  # of two versions, the later
    assert one.properties["PRODUCT_ID"] == "S2A_MSIL2A_20230628T070631_N0509_R106_T39QTA_20230628T113955"
    assert server.searches[-1]["query"] == {"grid:code": {"eq": "MGRS-39QTA"}}
    assert api.describe(f"{S2}/20230628T070631_20230628T071848_T39QTB") is None


def test_a_landsat_scene_of_the_planetary_computer(server: Server, tmp_path: Path) -> None:
    properties = {
        "datetime": "2026-03-12T16:55:00Z", "platform": "landsat-9", "landsat:wrs_path": "026",
        "landsat:wrs_row": "042", "landsat:collection_category": "T1", "proj:code": "EPSG:32614",
        "proj:shape": [60, 80], "proj:transform": [30, 0, 300000, 0, -30, 2900000], "eo:cloud_cover": 12.0,
    }  # fmt: skip
    server.items = [item("LC09_L2SP_026042_20260312_02_T1", "2026-03-12")]
    bands = [{"scale": 2.75e-05, "offset": -0.2, "nodata": 0}]
    assets = {"red": {"href": "/files/x.tif", "raster:bands": bands}, "lwir11": {"href": "/files/y.tif"}}
    server.items[0] |= {"collection": "landsat-c2-l2", "properties": properties, "assets": assets}
    api = StacApiArchive(server.url, "planetary-computer")
    api.table = replace(api.table, sign=None)
    one = api.describe("LANDSAT/LC09/C02/T1_L2/LC09_026042_20260312")
    assert isinstance(one, Item) and one.index == "LC09_026042_20260312" and one.properties["WRS_ROW"] == 42
    assert [(b.name, b.scale, b.offset, b.nodata) for b in one.bands] == [("SR_B4", 1, 0, 0), ("ST_B10", 1, 0, 0)]
    assert list(api.search("LANDSAT/LC08/C02/T1_L2")) == []


def test_public_storage_is_read_by_its_web_address(server: Server) -> None:
    key = "Copernicus_DSM_COG_10_N47_00_E007_00_DEM"
    server.items = [item(key, "2021-04-22")]
    asset = {"href": f"s3://copernicus-dem-30m/{key}/{key}.tif", **PLACE}
    server.items[0] |= {"collection": "cop-dem-glo-30", "assets": {"data": asset}}
    one = next(StacApiArchive(server.url, "earth-search").search("COPERNICUS/DEM/GLO30"))
    assert one.bands[0].href == f"https://copernicus-dem-30m.s3.amazonaws.com/{key}/{key}.tif"


def test_a_box_over_the_date_line_is_asked_for_in_two(api: StacApiArchive, server: Server) -> None:
    server.items = [item("west", "2021-06-01", west=-180), item("east", "2021-06-01", west=179)]
    server.items.append(item("far", "2021-06-01", west=3))
    for one in server.items:
        del one["assets"]["scl"]
    assert found(api, bbox=(179.5, 44, -179.5, 46)) == ["east", "west"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_api_is_asked_again_soon_and_then_named(
    server: Server, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr("pipeline.engine.archive.stacapi.BACKOFF_S", 0)
    server.status = status
    with pytest.raises(ArchiveError, match=f"did not answer as a STAC API .*{status}"):
        StacApiArchive(server.url, "earth-search").search(S2)
    assert len(server.paths) == 4  # a wait of an hour, as asked for, would never end here


def test_a_silent_api_is_asked_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.engine.archive.stacapi.TIMEOUT_S", 0.1)
    server.delay_s = 0.5
    with pytest.raises(ArchiveError, match="did not answer"):
        StacApiArchive(server.url, "earth-search").search(S2)
    assert len(server.paths) == 1


def test_broken_and_missing_items(api: StacApiArchive, server: Server) -> None:
    server.items = []
    assert found(api) == []
    broken = item("x", "2021-06-01")
    del broken["assets"]["blue"]["href"]
    server.items = [broken]
    with pytest.raises(ArchiveError, match="KeyError"):
        found(api)
    del broken["properties"]["datetime"]
    del broken["assets"]
    with pytest.raises(ArchiveError, match="did not answer as a STAC API"):
        found(api)


def test_an_archive_travels_to_another_process(api: StacApiArchive) -> None:
    assert found(api) == ["a", "b", "c"]
    assert found(pickle.loads(pickle.dumps(api))) == ["a", "b", "c"]
