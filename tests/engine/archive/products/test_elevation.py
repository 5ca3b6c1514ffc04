import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.engine.archive import FolderArchive
from pipeline.engine.values import Projection
from tests.engine.archive.products.intake import bring, bring_one, refusal, stored
from tests.engine.archive.rasters import write
from tests.engine.local import connected

SIDE = 1201
NASADEM, GLO30 = "NASA/NASADEM_HGT/001", "COPERNICUS/DEM/GLO30"
WGS = {"crs": "EPSG:4326", "transform": [1 / 3600, 0, 110 - 0.5 / 3600, 0, -1 / 3600, 40 + 0.5 / 3600]}


@pytest.fixture
def made(tmp_path: Path) -> FolderArchive:
    return FolderArchive.initialise(tmp_path / "archive")


def heights(level: int = 1200) -> np.ndarray[Any, Any]:
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    found = (level + rows // 10 - columns // 20).astype(np.int16)
    found[5, 7] = -32768
    return found


def zipped(folder: Path, name: str, **files: np.ndarray[Any, Any]) -> Path:
    path = folder / f"NASADEM_HGT_{name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for ending, data in files.items():
            made.writestr(f"{name}.{ending}", data.tobytes())
    return path


def test_a_bare_tile_lies_where_its_name_says(tmp_path: Path, made: FolderArchive) -> None:
    path = tmp_path / "n39e109.hgt"
    path.write_bytes(heights().astype(">i2").tobytes())
    item = bring_one(made, path)
    assert item.id == f"{NASADEM}/n39e109"
    found = stored(item, "elevation")
    assert np.array_equal(found.filled(-32768), heights()) and found.mask.sum() == 1
    step = 1 / 1200
    place = Projection("EPSG:4326", (step, 0, 109 - step / 2, 0, -step, 40 + step / 2))
    assert item.bands[0].projection.transform == pytest.approx(place.transform, abs=1e-12)


def test_tiles_are_one_image(tmp_path: Path, made: FolderArchive) -> None:
    swb, num = np.zeros((SIDE, SIDE), np.uint8), np.full((SIDE, SIDE), 4, np.uint8)
    tiles = [zipped(tmp_path, f"s01w{w:03}", hgt=heights(w).astype(">i2"), num=num, swb=swb) for w in (1, 2)]
    assert [o.status for o in bring(made, *tiles)] == ["added", "added"]
    with connected(archive=made.root) as ee:
        image = ee.Image(NASADEM)
        assert image.bandNames().getInfo() == ["elevation", "num", "swb"]
        kinds = {b["id"]: b["data_type"]["max"] for b in image.getInfo()["bands"]}
        assert kinds == {"elevation": 32767, "num": 255, "swb": 255}
        points = [ee.Geometry.Point(-0.9, -0.2), ee.Geometry.Point(-1.9, -0.2)]
        found = [image.reduceRegion(ee.Reducer.first(), p, scale=90).getInfo()["elevation"] for p in points]
    row, column = 240, 120  # 0.2° from the north edge, 0.1° from the west edge, 1200 pixels a degree
    assert found == [int(heights(w)[row, column]) for w in (1, 2)]


def test_a_geotiff_of_nasadem(tmp_path: Path, made: FolderArchive) -> None:
    data = np.full((1, 20, 30), 1300, np.int16)
    item = bring_one(made, write(tmp_path / "NASADEM_HGT_n39e110.tif", data, **WGS))
    assert item.id == f"{NASADEM}/n39e110" and (stored(item, "elevation") == 1300).all()


@pytest.mark.parametrize("name", ["Copernicus_DSM_COG_10_N39_00_E110_00_DEM", "Copernicus_DSM_10_N39_00_E110_00_DEM"])
def test_a_tile_of_the_copernicus_model(tmp_path: Path, made: FolderArchive, name: str) -> None:
    data = np.full((1, 20, 30), 1234.5, np.float32)
    data[0, 0, 0] = -32767
    item = bring_one(made, write(tmp_path / f"{name}.tif", data, **WGS))
    found = stored(item, "DEM")
    assert item.id == f"{GLO30}/{name}" and (found == 1234.5).all() and found.mask.sum() == 1
    with connected(archive=made.root) as ee:
        mosaic = ee.ImageCollection(GLO30).select("DEM").mosaic()
        at = mosaic.reduceRegion(ee.Reducer.first(), ee.Geometry.Point(110.002, 39.998), scale=30)
        assert at.getInfo() == {"DEM": 1234.5}


def broken(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("n39e109.hgt", b"x" * 2000, "has 2000 bytes, which is no tile of 3601 x 3601 or 1201 x 1201"),
        ("N39E109.hgt", b"x" * 2000, "Say what it is with --as"),
        ("nasadem.hgt", b"x" * 2000, "Name it by its lower left corner: n39e109.hgt"),
        ("NASADEM_HGT_n39e109.zip", b"PK\3\4", "is not a whole zip file"),
        ("Copernicus_DSM_COG_30_N39_00_E110_00_DEM.tif", b"II*\0", "is not GLO-30: its spacing is 3 arc seconds"),
        ("Copernicus_DSM_COG_10_N39_00_E110_00_DEM.tif", b"II*\0", "cannot be opened"),
    ],
)
def test_what_is_no_tile_is_refused(
    tmp_path: Path, made: FolderArchive, name: str, content: bytes, message: str
) -> None:
    assert re.search(message, refusal(made, broken(tmp_path, name, content)))


def test_a_zip_without_heights_is_refused(tmp_path: Path, made: FolderArchive) -> None:
    path = zipped(tmp_path, "n39e109", num=np.zeros(4, np.uint8))
    assert "holds no .hgt file" in refusal(made, path)


def test_a_tile_that_unpacks_to_too_much_is_refused(tmp_path: Path, made: FolderArchive) -> None:
    path = zipped(tmp_path, "n39e109", hgt=np.zeros(30_000_000, np.uint8))
    assert "unpacks to more than" in refusal(made, path)
