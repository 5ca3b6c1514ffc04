"""What other programs find in a map: palette, names, styles, overviews, polygons; and the picture."""

import ctypes
import io
import json
import sqlite3
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas
import matplotlib.image
import numpy as np
import pytest
import rasterio
import shapely
from scipy import ndimage

from pipeline.classify import Wish, plate, polygons, products, run, stage
from pipeline.classify.layout import Layout, cell_side
from pipeline.classify.mapping import block_bytes, piece
from pipeline.config import LandClass, Legend
from pipeline.errors import MinecoverError
from pipeline.region import Grid
from tests.artifacts import stacks
from tests.classify import fakes

NDArray = np.ndarray[Any, Any]

NAMES = {c["code"]: c["name"] for c in fakes.CLASSES}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a map with everything; do not write to it."""
    folder = tmp_path_factory.mktemp("run")
    fakes.made(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "restored", fakes.restored)
        patch.setattr(stage, "cell_side", lambda halo: 16)
        patch.setattr(products.mosaic, "SMALLEST", 16)
        list(run(Wish(fakes.config(folder, polygons=True, min_area_m2=300.0), side=32)))
        yield folder / "maps" / "RF"


def test_the_map_has_palette_names_and_overviews(place: Path) -> None:
    with rasterio.open(place / "map.tif") as file:
        colours, tags = file.colormap(1), file.tags()
        assert (file.nodata, file.dtypes, file.crs.to_string()) == (0, ("uint8",), stacks.GRID.crs)
        assert tuple(file.transform)[:6] == stacks.GRID.transform
        assert file.overviews(1) == [2, 4, 8]
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert set(np.unique(file.read(1, out_shape=(7, 9)))) <= {0, 3, 7, 200}
    assert {c: colours[c] for c in NAMES} == {3: (74, 68, 83, 255), 7: (59, 120, 194, 255), 200: (63, 143, 63, 255)}
    assert colours[0][3] == 0
    assert {code: tags[f"CLASS_{code}"] for code in NAMES} == NAMES
    with rasterio.open(place / "uncertainty.tif") as file:
        assert (file.count, file.nodata, file.descriptions) == (2, 255, ("entropy in %", "margin in %"))


def test_gdal_finds_the_names(place: Path) -> None:
    """Asked through GDAL's own C interface, as QGIS does; its category names are not in rasterio's."""
    [library] = (Path(rasterio.__file__).parents[1] / "rasterio.libs").glob("libgdal*")
    gdal, whole = ctypes.CDLL(str(library)), ctypes.c_void_p
    for name, answer, given in (
        ("GDALOpen", whole, [ctypes.c_char_p, ctypes.c_int]),
        ("GDALGetRasterBand", whole, [whole, ctypes.c_int]),
        ("GDALGetRasterCategoryNames", ctypes.POINTER(ctypes.c_char_p), [whole]),
        ("GDALGetDefaultRAT", whole, [whole]),
        ("GDALRATGetRowCount", ctypes.c_int, [whole]),
        ("GDALRATGetValueAsString", ctypes.c_char_p, [whole, ctypes.c_int, ctypes.c_int]),
        ("GDALClose", None, [whole]),
        ("CPLSetThreadLocalConfigOption", None, [ctypes.c_char_p, ctypes.c_char_p]),
    ):
        getattr(gdal, name).restype, getattr(gdal, name).argtypes = answer, given
    options = {b"GDAL_PAM_ENABLED": b"YES", b"GDAL_DISABLE_READDIR_ON_OPEN": b"NO"}  # as in a fresh process
    for key, value in options.items():
        gdal.CPLSetThreadLocalConfigOption(key, value)
    try:
        dataset = gdal.GDALOpen(str(place / "map.tif").encode(), 0)
        band = gdal.GDALGetRasterBand(dataset, 1)
        table = gdal.GDALGetDefaultRAT(band)
        rows = [[gdal.GDALRATGetValueAsString(table, row, column).decode() for column in range(5)]
                for row in range(gdal.GDALRATGetRowCount(table))]  # fmt: skip
        names = gdal.GDALGetRasterCategoryNames(band)
        assert {code: names[code].decode() for code in NAMES} == NAMES
        gdal.GDALClose(dataset)
    finally:
        for key in options:
            gdal.CPLSetThreadLocalConfigOption(key, None)
    assert rows == [["3", NAMES[3], "74", "68", "83"], ["7", NAMES[7], "59", "120", "194"],
                    ["200", NAMES[200], "63", "143", "63"]]  # fmt: skip


def test_the_style_for_qgis(place: Path) -> None:
    root = ET.parse(place / "map.qml").getroot()
    entries = [(int(e.attrib["value"]), e.attrib["label"], e.attrib["color"]) for e in root.iter("paletteEntry")]
    assert entries == [(c["code"], c["name"], c["colour"]) for c in fakes.CLASSES]


def test_names_that_xml_cannot_hold() -> None:
    legend = Legend(
        (LandClass(code=1, name="a\ufffeb", colour="#000000"), LandClass(code=2, name="]]>", colour="#ffffff"))
    )
    for data in (products.style.qgis(legend), products.style.side_file(legend)):
        assert b"ab" in data
        ET.fromstring(data.split(b"'SYSTEM'>")[-1])


def test_polygons_are_the_patches_of_the_map(place: Path) -> None:
    with rasterio.open(place / "map.tif") as file:
        codes = file.read(1)
    found = geopandas.read_file(place / "polygons.gpkg")
    assert found.crs.to_string() == stacks.GRID.crs
    assert list(found.columns) == ["class", "name", "area_m2", "geometry"]
    assert found.geometry.is_valid.all()
    np.testing.assert_allclose(found.area_m2, found.area)
    for code, name in NAMES.items():
        mine = found[found["class"] == code]
        assert set(mine.name) == {name}
        assert mine.area_m2.sum() == pytest.approx(100 * (codes == code).sum())
        assert len(mine) == ndimage.label(codes == code)[1]
    y, x = np.nonzero(codes)
    points = shapely.points(stacks.GRID.left + 10 * x + 5, stacks.GRID.top - 10 * y - 5)
    pairs = shapely.STRtree(found.geometry.values).query(points, predicate="within")
    assert (found["class"].values[pairs[1]] == codes[y, x][pairs[0]]).all() and len(pairs[0]) == len(points)
    with sqlite3.connect(place / "polygons.gpkg") as file:
        assert file.execute("SELECT last_change FROM gpkg_contents").fetchone()[0].startswith("2000")


def test_more_polygons_than_memory_are_refused() -> None:
    with pytest.raises(MinecoverError, match=r"1,000,000 patches.*min_area_m2"):
        polygons.refuse_too_many(1_000_000, 1e8)


def test_a_map_without_classes_has_no_polygons(tmp_path: Path) -> None:
    grid = Grid("EPSG:32649", 10.0, 0.0, 0.0, 3, 3)
    legend = Legend.model_validate(list(fakes.CLASSES))
    raster = products.Raster(grid, ("class",), 0, rasterio.enums.Resampling.mode, products.style.palette(legend))
    products.mosaic.write(tmp_path / "map.tif", raster, [np.zeros((1, 3, 3), np.uint8)])
    polygons.write(tmp_path / "p.gpkg", tmp_path / "map.tif", legend)
    polygons.check(tmp_path / "p.gpkg", 0, 100.0)
    with pytest.raises(OSError, match="something else"):
        polygons.check(tmp_path / "p.gpkg", 5, 100.0)
    assert len(geopandas.read_file(tmp_path / "p.gpkg")) == 0


def test_the_summary_counts_what_the_map_holds(place: Path) -> None:
    with rasterio.open(place / "map.tif") as file:
        codes = file.read(1)
    told = json.loads((place / "summary.json").read_text("utf-8"))
    assert [(c["code"], c["pixels"]) for c in told["classes"]] == [(c, int((codes == c).sum())) for c in NAMES]
    assert [c["hectares"] for c in told["classes"]] == [round((codes == c).sum() / 100, 6) for c in NAMES]
    assert told["no_data_share"] == pytest.approx(1 - (codes > 0).sum() / told["pixels_in_region"], abs=1e-6)
    assert told["made_from"]["model"]["fingerprint"] == "m"
    assert "assess" in told["areas_are"]


def test_the_picture(place: Path) -> None:
    picture = matplotlib.image.imread(io.BytesIO((place / "map.png").read_bytes()))
    share = {c["code"]: near(picture, c["colour"]) for c in fakes.CLASSES}
    assert min(share.values()) > 0.03


def near(picture: NDArray, colour: str) -> float:
    wanted = np.array(list(bytes.fromhex(colour[1:]))) / 255
    return float((np.abs(picture[..., :3] - wanted).max(-1) < 0.01).mean())


@pytest.mark.parametrize("size", [(900, 60), (60, 900), (1, 1)])
def test_pictures_of_strange_shapes_and_names(size: tuple[int, int]) -> None:
    grid = Grid("EPSG:32649", 10.0, 614_000.0, 4_376_000.0, *size)
    names = ("<b>pit</b>", r"$\frac{a$", "水", "n" * 80, *map(str, range(15)))
    classes = [LandClass(code=n, name=name, colour=f"#{n * 10:02x}8000") for n, name in enumerate(names, 1)]
    codes = (np.arange(size[0] * size[1]).reshape(size[1], size[0]) % 21).astype(np.uint8)
    told = plate.Plate("t $", "s", Legend(tuple(classes)), {0: 1.0, 1: 3.0}, ("a note", "another"))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        data = plate.draw(codes, grid, shapely.box(*grid.bounds), told)
    picture = matplotlib.image.imread(io.BytesIO(data))
    assert min(picture.shape[:2]) > 500 and max(picture.shape[:2]) < 3000
    assert plate.draw(codes, grid, shapely.box(*grid.bounds), told) == data


def test_a_large_map_is_drawn_from_an_overview(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert plate.coarse(place / "map.tif").shape == (50, 70)
    monkeypatch.setattr(plate, "LONGEST", 40)
    assert plate.coarse(place / "map.tif").shape == (25, 35)
    monkeypatch.setattr(plate, "LONGEST", 1)
    assert max(plate.coarse(place / "map.tif").shape) == 9


def test_cells_hold_the_halo_and_pieces_the_memory() -> None:
    assert [cell_side(h) for h in (0, 7, 32, 33, 64, 65, 300)] == [128, 128, 128, 256, 256, 512, 512]
    layout = Layout(Grid("EPSG:32649", 10.0, 0.0, 0.0, 3000, 3000), 128, 7)
    choices = [piece(layout, 90, memory) for memory in (1e12, 3e8, 1e8, 0)]
    assert choices == [(2, 4), (1, 4), (1, 1), (1, 1)]
    assert block_bytes(layout, 90, 1, 4) <= 3e8 < block_bytes(layout, 90, 2, 4)
    [tile] = [t for t in layout.grid.tiles(512) if (t.row, t.column) == (5, 5)]
    assert (tile.width, layout.count(tile)) == (440, 16)
    assert sum(p.rows * p.columns for p in layout.pieces(tile, 3, 2)) == 16
