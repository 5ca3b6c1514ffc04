from collections.abc import Iterator
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
        "CLOUDY_PIXEL_PERCENTAGE": 10, "MGRS_TILE": "31UFS", "SPACECRAFT_NAME": "sentinel-2a",
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
