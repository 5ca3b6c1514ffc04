"""Images, collections and tables out of an archive."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from pipeline.engine import archive
from pipeline.engine.archive import FolderArchive
from pipeline.engine.ops.assets import _box
from pipeline.engine.plan import evaluate
from pipeline.engine.session import Session
from pipeline.errors import EngineError

S2 = "COPERNICUS/S2_SR_HARMONIZED"


def test_a_collection_is_narrowed_by_the_index_and_filtered_exactly(scenes: FolderArchive) -> None:
    session = Session(scenes)
    whole = session.call("ImageCollection.load", {"id": S2})
    assert whole.id == S2 and len(list(whole)) == 2
    first = next(iter(whole))
    assert first.names[:2] == ["B2", "B3"] and first.asset == f"{S2}/{first.id}"
    dates = session.call("DateRange", {"start": "2021-07-01", "end": "2021-08-01"})
    arguments = {"leftValue": dates, "rightField": "system:time_start"}
    july = session.call(
        "Collection.filter", {"collection": whole, "filter": session.call("Filter.dateRangeContains", arguments)}
    )
    assert [image.id[:6] for image in july] == ["202107"]
    none = session.call("Collection.filter", {"collection": july, "filter": "CLOUDY_PIXEL_PERCENTAGE > 200"})
    assert list(none) == []


@pytest.mark.parametrize(
    ("call", "arguments", "says"),
    [
        ("Image.load", {"id": "NO/SUCH"}, "Image asset 'NO/SUCH' not found"),
        ("Image.load", {"id": S2}, "is not an Image"),
        ("ImageCollection.load", {"id": "NO/SUCH"}, "ImageCollection asset 'NO/SUCH' not found"),
        ("Collection.loadTable", {"tableId": "NO/SUCH"}, "'NO/SUCH' not found"),
    ],
)
def test_what_is_not_there_is_said(scenes: FolderArchive, call: str, arguments: Any, says: str) -> None:
    with pytest.raises(EngineError, match=says):
        Session(scenes).call(call, arguments)


def test_without_an_archive_the_error_says_so() -> None:
    with pytest.raises(EngineError, match="No archive is connected"):
        Session().call("Image.load", {"id": "NO/SUCH"})


def test_a_table_comes_back_as_features(tmp_path: Path) -> None:
    made = FolderArchive.initialise(tmp_path)
    point = {"type": "Point", "coordinates": [15.0, 45.0]}
    rows = [
        {"type": "Feature", "geometry": point, "properties": {"class": 3}},
        {"type": "Feature", "geometry": None, "properties": {}},
    ]
    made.write_table("projects/minecover-local/assets/points", {"type": "FeatureCollection", "features": rows})
    found = list(Session(made).call("Collection.loadTable", {"tableId": "projects/minecover-local/assets/points"}))
    assert found[0].properties["class"] == 3 and found[0].geometry.shape.x == 15 and found[1].geometry is None


def test_a_large_image_is_read_from_the_tiles_under_the_grid(tmp_path: Path) -> None:
    made = FolderArchive.initialise(tmp_path / "archive")
    data = np.arange(20 * 40, dtype=np.int16).reshape(20, 40)
    for number, part in enumerate((data[:, :20], data[:, 20:])):
        path = tmp_path / f"t{number}.tif"
        corner = Affine(0.001, 0, 15 + number * 0.02, 0, -0.001, 45)
        with rasterio.open(
            path, "w", driver="GTiff", width=20, height=20, count=1, dtype="int16", crs="EPSG:4326", transform=corner
        ) as target:
            target.write(part, 1)
        archive.add(made, path, "USGS/TILED", bands=["elevation"], time="2000-02-11")
    info = made.describe("USGS/TILED")
    session = Session(made)
    from pipeline.engine.ops.assets import Tiled

    kind = next(made.search("USGS/TILED")).bands[0].type
    plan = Tiled(made, info.id, "elevation", kind)  # type: ignore[union-attr]
    grid = GeoBox((20, 40), Affine(0.001, 0, 15, 0, -0.001, 45), "EPSG:4326")
    assert np.array_equal(evaluate([plan], grid)[0].data, data)
    assert len(plan.needs(grid[2:8, 2:8])) == 1
    outside = GeoBox((4, 4), Affine(0.001, 0, 20, 0, -0.001, 45), "EPSG:4326")
    assert not evaluate([plan], outside)[0].mask.any()
    travelled = pickle.loads(pickle.dumps(plan))
    assert np.array_equal(evaluate([travelled], grid)[0].data, data)
    session.close()


@pytest.mark.parametrize(
    ("crs", "corner", "size", "wanted"),
    [
        ("EPSG:4326", (15, 45), 1, (15, 44, 16, 45)),
        ("EPSG:4326", (179.5, 45), 1, (179.5, 44, -179.5, 45)),
        ("EPSG:4326", (190, 45), 1, (-170, 44, -169, 45)),
        ("EPSG:4326", (-180, 90), 360, (-180, -270, 180, 90)),
        ("EPSG:3857", (20_000_000, 0), 1e5, (179.6630568, -0.8982785, -179.4386279, 0)),
        ("EPSG:3413", (-1e5, 1e5), 2e5, (-180, 88.6945538, 180, 90)),
        ("EPSG:3031", (-1e5, 1e5), 2e5, (-180, -90, 180, -88.6984598)),
    ],
)  # fmt: skip
def test_the_box_that_tiles_are_looked_up_in(crs: str, corner: Any, size: float, wanted: Any) -> None:
    west, north = corner
    grid = GeoBox((4, 4), Affine(size / 4, 0, west, 0, -size / 4, north), crs)
    assert _box(grid) == pytest.approx(wanted)
