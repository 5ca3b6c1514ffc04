from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from pipeline import cli
from pipeline.engine.archive import FolderArchive, products
from pipeline.engine.archive.products import Options
from pipeline.errors import ArchiveError
from tests.engine.archive.products.intake import bring, bring_one, refusal, stored
from tests.engine.archive.rasters import numbers, write
from tests.engine.local import connected

DATA = Path(__file__).parents[5] / "shared" / "data"
CHIPS = DATA / "terramesh-s1-s2-dem-lulc"
CUBE = DATA / "worldcereal-s1-s2-dem-monthly" / "cube_belgium_100x100x12.nc"
S2_BANDS = ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B11", "B12"]

RULES = r"""
collection: COPERNICUS/S1_GRD
file: 'S1_(?P<day>\d{8})_(?P<way>asc|desc)_(?P<orbit>\d+)\.tif'
index: '{day}_{way}'
time: '{day}'
end_time: '2021-07-01'
bands: [VV, VH]
properties:
  instrumentMode: IW
  transmitterReceiverPolarisation: [VV, VH]
  orbit: '{way}ending'
  relativeOrbitNumber_start: '{orbit}'
nodata: 9
units: dB
"""


@pytest.fixture
def made(tmp_path: Path) -> FolderArchive:
    return FolderArchive.initialise(tmp_path / "archive")


def rules(folder: Path, text: str) -> Path:
    path = folder / "mapping.yaml"
    path.write_text(text, "utf-8")
    return path


def test_a_mapping_file_says_all(tmp_path: Path, made: FolderArchive) -> None:
    path = write(tmp_path / "S1_20210601_asc_110.tif", numbers(2))
    item = bring_one(made, path, mapping=rules(tmp_path, RULES))
    assert item.id == "COPERNICUS/S1_GRD/20210601_asc"
    assert item.properties == {
        "system:index": "20210601_asc",
        "system:time_start": 1622505600000,
        "system:time_end": 1625097600000,
        "instrumentMode": "IW",
        "transmitterReceiverPolarisation": ["VV", "VH"],
        "orbit": "ascending",
        "relativeOrbitNumber_start": 110,
        "units": "dB",
    }
    assert np.array_equal(stored(item, "VV"), numbers(2)[0]) and stored(item, "VV").mask.sum() == 1
    assert [o.status for o in bring(made, path, mapping=tmp_path / "mapping.yaml")] == ["unchanged"]


def test_scale_offset_and_a_mosaic(tmp_path: Path, made: FolderArchive) -> None:
    text = "collection: MY/HEIGHTS\nbands: [height]\nscale: 0.1\noffset: -5\nmosaic: true\n"
    bring_one(made, write(tmp_path / "tile.tif", numbers()), mapping=rules(tmp_path, text))
    with connected(archive=made.root) as ee:
        tile = ee.Geometry.Rectangle([500000, 4999400, 500800, 5000000], "EPSG:32631", False)
        value = ee.Image("MY/HEIGHTS").reduceRegion(ee.Reducer.max(), tile, 10)
        assert value.getInfo()["height"] == pytest.approx(4800 * 0.1 - 5)


def test_zeros_must_be_explained(tmp_path: Path, made: FolderArchive) -> None:
    path = write(tmp_path / "classes.tif", np.arange(400).reshape(1, 20, 20).astype(np.uint8) % 4)
    text = "collection: MY/CLASSES\nbands: [class]\npyramiding: mode\n"
    assert "25% of it is exactly 0. Say what that means: `nodata: 0`" in refusal(
        made, path, mapping=rules(tmp_path, text)
    )
    assert stored(bring_one(made, path, mapping=rules(tmp_path, f"{text}nodata: none\n")), "class").count() == 400


def test_an_image_of_its_own(tmp_path: Path, made: FolderArchive) -> None:
    text = "asset: users/me/{name}\nfile: '(?P<name>.*)[.]tif'\nbands: [a]\npyramiding: mode\n"
    assert bring_one(made, write(tmp_path / "map.tif", numbers()), mapping=rules(tmp_path, text)).id == "users/me/map"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colection: X\n", "unknown key 'colection'. Did you mean 'collection'?"),
        ("collection: X\nzzz: 1\n", "unknown key 'zzz'. Known are collection, asset, file"),
        ("bands: [a]\n", "must say either `collection` or `asset`"),
        ("collection: X\nasset: Y\n", "must say either `collection` or `asset`"),
        ("collection: X\nbands: a\n", "'bands' in the mapping file .* must be a list, not 'a'"),
        ("collection: X\nnodata: zero\n", "'nodata' .* must be a number, not 'zero'"),
        ("collection: X\nscale: true\n", "'scale' .* must be a number, not True"),
        ("collection: X\ntime: 2021-06-01\n", "'time' .* must be text, not datetime.date.2021, 6, 1.. Quote texts"),
        ("- 1\n", "is not a list of keys and values"),
        ("a: [1\n", "is not YAML: "),
    ],
)
def test_a_wrong_mapping_file_is_one_message(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path / "x.tif", numbers())
    with pytest.raises(ArchiveError, match=message):
        products.plan([path], Options(mapping=rules(tmp_path, text)))
    with pytest.raises(ArchiveError, match=r"'gone.yaml' cannot be read: No such file"):
        products.plan([path], Options(mapping=Path("gone.yaml")))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("collection: X\nfile: '('\n", "is not a regular expression"),
        ("collection: X\nbands: [a]\nindex: '{day}'\n", "asks for 'day', but `file` names nothing"),
        ("collection: X\nbands: [a, b]\n", "has 1 band, but 2 names were given"),
        ("collection: X\n", "does not name its 1 band. Name them"),
        ("collection: X\nbands: [a]\nindex: ../b\n", "Invalid asset id"),
        ("collection: X\nbands: [a]\ntime: June\n", "'June' is not a time"),
        ("collection: X\nbands: [a]\nnodata: 0.5\n", "nodata 0.5 cannot be a uint16"),
        ("collection: X\nbands: [a]\npyramiding: median\n", "Pyramiding 'median' is not available"),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path: Path, made: FolderArchive, text: str, message: str) -> None:
    assert message in refusal(made, write(tmp_path / "x.tif", numbers()), mapping=rules(tmp_path, text))


def test_files_of_other_names_are_passed_over(tmp_path: Path, made: FolderArchive) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    for name in ("1.tif", "2.tif", "dem.tif"):
        write(folder / name, numbers())
    mapping = rules(tmp_path, "collection: X\nfile: '\\d.tif'\nbands: [a]\n")
    outcomes = {Path(o.what).name: o for o in bring(made, folder, mapping=mapping)}
    assert [o.status for o in outcomes.values()] == ["passed over", "added", "added"]
    assert "does not match `file` in" in outcomes["dem.tif"].detail
    words = ["archive", "ingest", str(made.root), "--mapping", str(mapping)]
    assert cli.main([*words, str(folder)]) == 0
    assert cli.main([*words, str(folder / "dem.tif")]) == 2
    write(folder / "3.tif", numbers(2))
    assert cli.main([*words, str(folder)]) == 2


def test_without_a_mapping_file_nothing_is_mapped(tmp_path: Path, made: FolderArchive) -> None:
    assert "--mapping FILE" in refusal(made, write(tmp_path / "x.tif", numbers()), kind="mapped")


TERRAMESH = {
    "S2L2A": f"collection: COPERNICUS/S2_SR_HARMONIZED\nbands: [{', '.join(S2_BANDS)}]\ntime: '2020-06-01'\n",
    "S1RTC": (
        "collection: COPERNICUS/S1_GRD\nbands: [VV, VH]\ntime: '2020-06-01'\nunits: dB\n"
        "properties: {instrumentMode: IW, orbitProperties_pass: ASCENDING}\n"
    ),
    "DEM": "collection: COPERNICUS/DEM/GLO30\nbands: [DEM]\nunits: m\n",
    "LULC": "collection: TERRAMESH/LULC\nbands: [label]\npyramiding: mode\n",
}


@pytest.mark.skipif(not CHIPS.exists(), reason="the TerraMesh chips are not there")
def test_terramesh_chips_come_out_equal(tmp_path: Path, made: FolderArchive) -> None:
    for source, text in TERRAMESH.items():
        paths = sorted((CHIPS / source).glob("*.tif"))[1:3]
        outcomes = bring(made, *paths, mapping=rules(tmp_path, text))
        assert len(paths) == 2 and {o.status for o in outcomes} == {"added"}
        for path, outcome in zip(paths, sorted(outcomes, key=lambda o: o.what), strict=True):
            item: Any = made.describe(outcome.what)
            with rasterio.open(path) as raster:
                wanted = raster.read(masked=True)
            for i, band in enumerate(item.bands):
                assert np.ma.allequal(stored(item, band.name), np.ma.masked_invalid(wanted[i]), fill_value=False)


@pytest.mark.skipif(not CUBE.exists(), reason="the WorldCereal cube is not there")
def test_a_worldcereal_cube_becomes_a_collection_by_date(tmp_path: Path, made: FolderArchive) -> None:
    import xarray as xr

    with xr.open_dataset(CUBE) as cube:
        months = cube["S2-L2A-B08"].transpose("t", "y", "x").values
        x, y, times = cube.x.values, cube.y.values, cube.t.values[:4]
    months = months[:4]
    place = Affine(10, 0, float(x[0]) - 5, 0, -10, float(y[0]) + 5)
    for time, month in zip(times, months, strict=True):
        write(tmp_path / f"b8_{str(time)[:10]}.tif", month[None].astype(np.uint16), transform=place)
    text = "collection: WORLDCEREAL/S2\nfile: 'b8_(?P<day>.*)[.]tif'\ntime: '{day}'\nbands: [B8]\nnodata: 65535\n"
    outcomes = bring(made, *tmp_path.glob("b8_*.tif"), mapping=rules(tmp_path, text))
    assert len(outcomes) == len(times) and {o.status for o in outcomes} == {"added"}
    with connected(archive=made.root) as ee:
        dates = ee.ImageCollection("WORLDCEREAL/S2").aggregate_array("system:time_start").getInfo()
        top = ee.ImageCollection("WORLDCEREAL/S2").max().reduceRegion(
            ee.Reducer.max(), ee.Geometry.Rectangle([x[0], y[-1], x[-1], y[0]], "EPSG:32631", False), 10
        )  # fmt: skip
        assert top.getInfo()["B8"] == np.ma.masked_equal(months, 65535).max()
    assert sorted(dates) == sorted(int(t.astype("datetime64[ms]").astype(int)) for t in times)
