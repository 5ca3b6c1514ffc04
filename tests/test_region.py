"""Regions: every fault of a drawn shape gets its error or its repair; the grid covers what was drawn."""

import json
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer
from shapely.geometry import mapping

from pipeline.errors import MinecoverError
from pipeline.region import Grid, Region, covering, inside, outline, placed, read_layer, read_region, touched

SQUARE = [[112.3, 39.4], [112.4, 39.4], [112.4, 39.5], [112.3, 39.5], [112.3, 39.4]]


def drawn(folder: Path, *rings: Any, name: str = "pit.geojson", **more: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps({"type": "Polygon", "coordinates": list(rings), **more}))
    return path


def box(west: float, south: float, east: float, north: float) -> Any:
    return [list(p) for p in shapely.box(west, south, east, north).exterior.coords]


def ellipsoidal_km2(west: float, south: float, east: float, north: float) -> float:
    """The area between two meridians and two parallels, from the closed formula."""
    a, e = 6378.137, 0.0818191908426215

    def zone(latitude: float) -> float:
        s = np.sin(np.radians(latitude))
        return s / (1 - (e * s) ** 2) + np.log((1 + e * s) / (1 - e * s)) / (2 * e)

    return a**2 * (1 - e**2) / 2 * np.radians(east - west) * (zone(north) - zone(south))


@pytest.mark.parametrize("suffix", ["geojson", "gpkg", "shp", "kml", "wkt"])
def test_all_formats_give_the_same_region(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"Grube 'Süd' 1.{suffix}"
    shape = shapely.Polygon(SQUARE, [[[112.34, 39.44], [112.36, 39.44], [112.36, 39.46], [112.34, 39.46]]])
    if suffix == "geojson":
        path.write_text("\ufeff" + json.dumps({"type": "Feature", "properties": {}, "geometry": mapping(shape)}))
    elif suffix == "kml":
        sides = [("outerBoundaryIs", shape.exterior), ("innerBoundaryIs", shape.interiors[0])]
        rings = "".join(
            f"<{side}><LinearRing><coordinates>{' '.join(f'{x},{y},0' for x, y in ring.coords)}</coordinates>"
            f"</LinearRing></{side}>"
            for side, ring in sides
        )
        path.write_text(
            f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><Polygon>{rings}</Polygon></Placemark>'
            "</Document></kml>"
        )
    elif suffix == "wkt":
        path.write_text(f"SRID=4326;{shape.wkt}")
    else:
        geopandas.GeoSeries([shape], crs=4326).to_file(path)
    region = read_region(path)
    assert region.name == "Grube 'Süd' 1"
    assert region.geometry.symmetric_difference(shape).area < 1e-12
    whole, hole = ellipsoidal_km2(112.3, 39.4, 112.4, 39.5), ellipsoidal_km2(112.34, 39.44, 112.36, 39.46)
    assert region.area_km2 == pytest.approx(whole - hole, rel=1e-4)


def test_metres_of_another_system_are_reprojected(tmp_path: Path) -> None:
    there = Transformer.from_crs("OGC:CRS84", "EPSG:32649", always_xy=True)
    ring = [list(there.transform(x, y)) for x, y in SQUARE]
    path = drawn(tmp_path, ring, crs={"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32649"}})
    region = read_region(path)
    assert region.area_km2 == pytest.approx(ellipsoidal_km2(112.3, 39.4, 112.4, 39.5), rel=1e-3)
    assert "reprojected" in region.notes[0]


@pytest.mark.filterwarnings("ignore:.crs. was not provided")
def test_fault_1_no_coordinate_system(tmp_path: Path) -> None:
    path = tmp_path / "pit.shp"
    geopandas.GeoSeries([shapely.Polygon(SQUARE)]).to_file(path)
    with pytest.raises(MinecoverError, match="--assume-crs"):
        read_region(path)
    assert read_region(path, "EPSG:4326").area_km2 > 90
    with pytest.raises(MinecoverError, match="'EPSG:x' is not a coordinate system"):
        read_region(path, "EPSG:x")


@pytest.mark.parametrize("ring", [
    box(179.9, 10, 180.3, 10.5), [[179.9, 10], [-179.7, 10], [-179.7, 10.5], [179.9, 10.5]],
    box(-180.1, 10, -179.7, 10.5),
])  # fmt: skip
def test_fault_5_the_antimeridian_is_crossed(tmp_path: Path, ring: Any) -> None:
    region = read_region(drawn(tmp_path, ring))
    assert region.area_km2 == pytest.approx(ellipsoidal_km2(179.9, 10, 180.3, 10.5), rel=1e-3)
    assert region.geometry.bounds == (-180, 10, 180, 10.5)
    assert region.box == pytest.approx((179.9, 10, -179.7, 10.5))
    grid = covering(region)
    assert grid.crs == "EPSG:32601"
    assert grid.area_km2 == pytest.approx(region.area_km2, rel=0.03)
    # Back in degrees, the grid's outline is cut where the region was.
    assert region.geometry.difference(outline((grid,))).area < 1e-9
    assert outline((grid,)).area < 0.25


def test_fault_6_latitude_first_looks_swapped(tmp_path: Path) -> None:
    with pytest.raises(MinecoverError, match="look swapped"):
        read_region(drawn(tmp_path, [[y, x] for x, y in SQUARE]))
    with pytest.raises(MinecoverError, match=r"no longitude and latitude.*--assume-crs"):
        read_region(drawn(tmp_path, box(6e5, 4.3e6, 6.1e5, 4.4e6)))


def test_fault_7_outlines_that_cross_themselves(tmp_path: Path) -> None:
    spike = [*SQUARE[:2], [112.4, 39.45], [112.4001, 39.4501], [112.3999, 39.4501], [112.4, 39.45], *SQUARE[2:]]
    region = read_region(drawn(tmp_path, spike))
    assert region.geometry.is_valid
    assert region.area_km2 == pytest.approx(ellipsoidal_km2(112.3, 39.4, 112.4, 39.5), rel=1e-3)
    with pytest.raises(MinecoverError, match="crosses itself"):
        read_region(drawn(tmp_path, [SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3], SQUARE[0]]))


def test_fault_7_an_open_outline_is_closed(tmp_path: Path) -> None:
    region = read_region(drawn(tmp_path, SQUARE[:-1]))
    assert region.notes == ("closed an outline that was open",)
    assert region.area_km2 == read_region(drawn(tmp_path, SQUARE)).area_km2


@pytest.mark.parametrize("shape", [
    {"type": "Point", "coordinates": [112, 39]},
    {"type": "Polygon", "coordinates": [[[112, 39], [113, 39], [112, 39]]]},
    {"type": "Polygon", "coordinates": [[[112, 39], [113, 39], [114, 39], [112, 39]]]},
    {"type": "Polygon", "coordinates": []},
    {"type": "FeatureCollection", "features": []},
    {"type": "Feature", "geometry": None},
])  # fmt: skip
def test_fault_8_no_area(tmp_path: Path, shape: Any) -> None:
    path = tmp_path / "x.geojson"
    path.write_text(json.dumps(shape))
    with pytest.raises(MinecoverError, match="area"):
        read_region(path)


def test_fault_11_holes_and_parts_are_kept(tmp_path: Path) -> None:
    parts = [[box(0, 0, 1, 1), box(0.2, 0.2, 0.4, 0.4)], [box(2, 0, 3, 1)]]
    path = tmp_path / "x.json"
    collection = [{"type": "MultiPolygon", "coordinates": parts}, {"type": "Point", "coordinates": [5, 5]}]
    path.write_text(json.dumps({"type": "GeometryCollection", "geometries": collection}))
    region = read_region(path)
    wanted = 2 * ellipsoidal_km2(0, 0, 1, 1) - ellipsoidal_km2(0.2, 0.2, 0.4, 0.4)
    assert region.area_km2 == pytest.approx(wanted, rel=1e-3)
    assert region.notes == ("left out what is no polygon: Point",)


def test_fault_12_beyond_utm(tmp_path: Path) -> None:
    region = read_region(drawn(tmp_path, box(20, 84.5, 21, 84.6)))
    with pytest.raises(MinecoverError, match=r"84\.60° latitude.*polar"):
        covering(region)
    assert covering(region, "EPSG:3413").area_km2 > region.area_km2
    around = [[x, 85] for x in range(0, 360, 30)]
    with pytest.raises(MinecoverError, match="pole"):
        read_region(drawn(tmp_path, around))


@pytest.mark.parametrize(("name", "said"), [
    ("no such.geojson", "is not there"), ("x\0.geojson", "is not a local file"), ("/vsizip/x.geojson", "not a local"),
    ("https://x.example/r.geojson", "not a local"), (".", "is a folder"),
])  # fmt: skip
def test_fault_55_paths(name: str, said: str) -> None:
    with pytest.raises(MinecoverError, match=said):
        read_region(name)


@pytest.mark.parametrize(("name", "content"), [
    ("a.geojson", b"{"), ("a.geojson", b"[1]"), ("a.geojson", b"\xff\xfe"), ("a.geojson", b'{"type": "Polygon"}'),
    ("a.geojson", b'{"type": "Polygon", "coordinates": [[["x", 1], [2, 3], [4, 5]]]}'),
    ("a.geojson", b'{"type": "Polygon", "coordinates": [[[NaN, 1], [2, 3], [4, 5]]]}'),
    ("a.geojson", b'{"type":"FeatureCollection","features":' * 5000), ("a.kml", b"<kml"), ("a.wkt", b"POLYGON (("),
    ("a.kml", b"<k><Polygon><outerBoundaryIs><coordinates>1,x 2,3 4,5</coordinates></outerBoundaryIs></Polygon></k>"),
    ("a.gpkg", b"<OGRVRTDataSource/>"), ("a.shp", b"\0\0\x27\x0a"), ("a.gpkg", b"SQLite format 3\0"), ("a.txt", b""),
])  # fmt: skip
def test_what_is_no_region_file_is_one_plain_error(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(MinecoverError, match=r"\.$"):
        read_region(path)


def test_layers_are_not_guessed(tmp_path: Path) -> None:
    for layer in ("a", "b"):
        geopandas.GeoSeries([shapely.Polygon(SQUARE)], crs=4326).to_file(tmp_path / "x.gpkg", layer=layer)
    with pytest.raises(MinecoverError, match="it holds a, b"):
        read_region(tmp_path / "x.gpkg")
    named = geopandas.GeoDataFrame({"Class": ["mine"]}, geometry=[shapely.Point(0, 0)], crs=4326)
    named.to_file(tmp_path / "x.gpkg", layer="c")
    assert list(read_layer(tmp_path / "x.gpkg", "points", ["class"])["Class"]) == ["mine"]
    with pytest.raises(MinecoverError, match="of points with the fields 'id' and 'class'; it holds a, b, c"):
        read_layer(tmp_path / "x.gpkg", "points", ["id", "class"])


small = st.floats(0.0001, 0.2)


@given(
    west=st.floats(-179.9, 179.7),
    south=st.floats(-75, 79),
    width=small,
    height=small,
    pixel=st.sampled_from([10, 20, 7.5]),
)
def test_the_grid_covers_the_region_on_whole_pixels(
    west: float, south: float, width: float, height: float, pixel: float
) -> None:
    shape = shapely.box(west, south, west + width, south + height)
    region = Region("x", shapely.MultiPolygon([shape]), 1)
    grid = covering(region, pixel=pixel)
    assert (grid.left / pixel).is_integer() and (grid.top / pixel).is_integer()
    there = placed(region, grid.crs)
    left, bottom, right, top = grid.bounds
    assert shapely.box(left, bottom, right, top).buffer(0.1 * pixel, join_style="mitre").covers(there)
    inner = shapely.box(left + pixel, bottom + pixel, right - pixel, top - pixel)
    assert grid.width <= 2 or grid.height <= 2 or not inner.covers(there)
    tiles = grid.tiles(64)
    assert sum(t.width * t.height for t in tiles) == grid.width * grid.height
    assert [grid.part(t).bounds[0] for t in tiles] == [left + 64 * t.column * pixel for t in tiles]


def test_coordinates_that_are_rounded_do_not_add_pixels() -> None:
    there = Transformer.from_crs("EPSG:32649", "OGC:CRS84", always_xy=True)
    corners = [(420_000, 4_407_000), (426_000, 4_407_000), (426_000, 4_401_000), (420_000, 4_401_000)]
    ring = [[round(v, 6) for v in there.transform(*c)] for c in corners]
    grid = covering(Region("x", shapely.MultiPolygon([shapely.Polygon(ring)]), 36))
    assert (grid.left, grid.top) == (420_000, 4_407_000)
    assert (grid.width, grid.height) == (600, 600)


def test_a_region_smaller_than_a_pixel_has_a_pixel() -> None:
    region = Region("x", shapely.MultiPolygon([shapely.box(112.30001, 39.40001, 112.30002, 39.40002)]), 1e-6)
    grid = covering(region)
    assert (grid.width, grid.height) == (1, 1)
    assert touched(placed(region, grid.crs), grid) == grid.tiles()


def test_tiles_that_the_region_does_not_touch_are_left_out_and_pixels_are_inside_by_their_centre() -> None:
    grid = Grid("EPSG:32649", 10, 0, 1280, 128, 128)
    shape = shapely.MultiPolygon([shapely.box(14, 646, 106, 1266), shapely.Point(950, 250).buffer(240)])
    assert [t.name for t in touched(shape, grid, 64)] == ["tile_0_0", "tile_1_1"]
    for part in (grid, *(grid.part(t) for t in grid.tiles(64))):
        np.testing.assert_array_equal(inside(shape, part), shapely.contains_xy(shape, *np.meshgrid(*centres(part))))


def centres(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.arange(grid.width) + 0.5, np.arange(grid.height) + 0.5
    return grid.left + x * grid.pixel, grid.top - y * grid.pixel


@pytest.mark.parametrize("seed", range(50, 70))
def test_a_region_drawn_along_the_pixels_keeps_them_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    left, top = (int(v) * 10 for v in rng.integers((40_000, 440_000), (46_000, 441_000)))
    width, height = rng.integers(50, 200, 2)
    back = Transformer.from_crs("EPSG:32649", "OGC:CRS84", always_xy=True)
    corners = shapely.get_coordinates(shapely.box(left, top - 10 * height, left + 10 * width, top))
    region = Region("x", shapely.MultiPolygon([shapely.Polygon(np.column_stack(back.transform(*corners.T)))]), 1)
    grid = covering(region, "EPSG:32649")
    assert inside(placed(region, grid.crs), grid).mean() > 0.98


def test_lines_and_nothing_hold_no_pixels() -> None:
    grid = Grid("EPSG:32649", 10, 0, 100, 10, 10)
    for shape in (shapely.LineString([(0, 0), (100, 100)]), shapely.MultiPolygon()):
        assert not inside(shape, grid).any()
    both = shapely.GeometryCollection([shapely.box(0, 0, 50, 50), shapely.LineString([(0, 0), (100, 100)])])
    assert inside(both, grid).sum() == 25


def test_a_region_of_whole_pixels_has_them_all() -> None:
    """Its edges lie on the grid's, but for what rounding makes of them."""
    square = [(0, 1000), (0, 0), (499.9987, -1e-9), (1000, 0), (1000, 1000), (499.9987, 999.976), (0, 1000)]
    shape = shapely.MultiPolygon([shapely.Polygon([(664_000 + x, 5_611_120 + y) for x, y in square])])
    assert inside(shape, Grid("EPSG:32631", 10.0, 664_000.0, 5_612_120.0, 100, 100)).all()


@pytest.mark.parametrize(
    ("crs", "said"), [("EPSG:4326", "in metres"), ("EPSG:2272", "in metres"), ("nonsense", "is not")]
)
def test_grids_are_in_metres(crs: str, said: str) -> None:
    region = Region("x", shapely.MultiPolygon([shapely.box(10, 50, 10.1, 50.1)]), 1)
    with pytest.raises(MinecoverError, match=said):
        covering(region, crs)
    with pytest.raises(MinecoverError, match="--scale"):
        covering(region, pixel=0)
