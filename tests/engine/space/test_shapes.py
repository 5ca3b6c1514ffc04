import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from pipeline.engine.space import crs, shapes
from pipeline.engine.space.geometry import Geometry, areas, build, sound, world
from pipeline.engine.values import Projection

UTM = "EPSG:32633"
GRID = GeoBox.from_bbox((0, 0, 200, 160), UTM, resolution=10)


def planar(shape, crs=UTM):
    return Geometry(shape, crs, geodesic=False)


def centres(grid):
    rows, columns = np.indices(grid.shape)
    return grid.affine @ (columns + 0.5, rows + 0.5)


def tiles(grid, size):
    height, width = grid.shape
    for y in range(0, height, size):
        for x in range(0, width, size):
            yield slice(y, min(y + size, height)), slice(x, min(x + size, width))


coordinate = st.floats(-50, 250).map(lambda v: round(v, 6))
polygons = (
    st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=8)
    .map(lambda ring: areas(sound(shapely.Polygon(ring))))
    .filter(lambda p: p.area > 1)
)


@given(polygons)
@settings(max_examples=80, deadline=None)
def test_inside_is_where_centres_are(polygon):
    x, y = centres(GRID)
    clear = shapely.distance(polygon.boundary, shapely.points(x, y)) > 1e-4
    found = shapes.inside(planar(polygon), GRID)
    np.testing.assert_array_equal(found[clear], shapely.contains_xy(polygon, x, y)[clear])


@given(polygons)
@settings(max_examples=30, deadline=None)
def test_coverage_is_the_area_of_overlap(polygon):
    found = shapes.coverage(planar(polygon), GRID)
    assert found.dtype == np.float32 and (found * 256 == np.round(found * 256)).all()
    rows, columns = np.indices(GRID.shape)
    x0, y1 = GRID.affine @ (columns, rows)
    exact = shapely.area(shapely.intersection(polygon, shapely.box(x0, y1 - 10, x0 + 10, y1))) / 100
    np.testing.assert_allclose(found, exact, atol=0.00196)


@given(polygons, st.integers(3, 13))
@settings(max_examples=15, deadline=None)
def test_tiles_do_not_change_the_answer(polygon, size):
    lines = Geometry(polygon.boundary, UTM, geodesic=False)
    for geometry in (planar(polygon), lines):
        whole, part = shapes.inside(geometry, GRID), shapes.coverage(geometry, GRID)
        burnt = shapes.burn(GRID, [(geometry, 1)], width=3)[1]
        for rows, columns in tiles(GRID, size):
            tile = GRID[rows, columns]
            np.testing.assert_array_equal(shapes.inside(geometry, tile), whole[rows, columns])
            np.testing.assert_array_equal(shapes.coverage(geometry, tile), part[rows, columns])
            np.testing.assert_array_equal(shapes.burn(tile, [(geometry, 1)], width=3)[1], burnt[rows, columns])


def test_coverage_sums_to_the_area():
    circle = shapely.Point(97, 83).buffer(60)
    assert shapes.coverage(planar(circle), GRID).sum() * 100 == pytest.approx(circle.area, rel=1e-3)


def test_neighbours_share_no_pixel_and_leave_none_out():
    # Edges run exactly through pixel centres.
    left, right = shapely.box(15, 15, 95, 145), shapely.box(95, 15, 165, 145)
    lower, upper = shapely.box(15, 15, 165, 75), shapely.box(15, 75, 165, 145)
    whole = shapes.inside(planar(shapely.box(15, 15, 165, 145)), GRID)
    for a, b in ((left, right), (lower, upper)):
        one, two = shapes.inside(planar(a), GRID), shapes.inside(planar(b), GRID)
        assert not (one & two).any()
        np.testing.assert_array_equal(one | two, whole)
    assert whole.sum() == 15 * 13


def test_whole_pixels_are_whole():
    box = planar(shapely.box(20, 30, 70, 60))
    expected = np.zeros(GRID.shape, bool)
    expected[10:13, 2:7] = True
    np.testing.assert_array_equal(shapes.inside(box, GRID), expected)
    np.testing.assert_array_equal(shapes.coverage(box, GRID), expected.astype(np.float32))


def test_holes_stay_empty():
    ring = shapely.box(20, 20, 180, 140).difference(shapely.box(60, 60, 120, 100))
    found = shapes.coverage(planar(ring), GRID)
    assert found[8, 8] == 0 and found.sum() == (16 * 12) - (6 * 4)


def test_points_take_their_pixel():
    found = shapes.inside(planar(shapely.MultiPoint([(5, 155), (10, 150), (199, 1), (500, 500)])), GRID)
    assert sorted(zip(*np.nonzero(found), strict=True)) == [(0, 0), (1, 1), (15, 19)]
    assert shapes.coverage(planar(shapely.Point(5, 155)), GRID).sum() == 1


def test_lines_take_one_pixel_a_column_or_row():
    flat = shapes.inside(planar(shapely.LineString([(0, 42), (200, 78)])), GRID)
    steep = shapes.inside(planar(shapely.LineString([(42, 0), (78, 160)])), GRID)
    assert (flat.sum(axis=0) == 1).all() and (steep.sum(axis=1) == 1).all()
    short = shapes.inside(planar(shapely.LineString([(41, 41), (43, 44)])), GRID)
    assert np.argwhere(short).tolist() == [[11, 4]]


def test_collections_do_not_count_twice():
    both = shapely.GeometryCollection([shapely.box(20, 20, 55, 60), shapely.box(40, 20, 80, 60), shapely.Point(195, 5)])
    found = shapes.coverage(planar(both), GRID)
    assert found.max() == 1 and found.sum() == 6 * 4 + 1


def test_unbounded_is_everywhere_and_too_large_goes_by_centres():
    assert shapes.inside(world(), GRID).all() and shapes.coverage(world(), GRID).all()
    east = Geometry(shapely.box(11.5, -90, 179, 90), geodesic=False)
    grid = GeoBox.from_bbox((1e5, 5e6, 3e5, 5.2e6), UTM, resolution=1e4)
    x, _ = crs.transformer("EPSG:4326", UTM).transform(11.5, 46.05)
    found = shapes.inside(east, grid)
    columns = grid.affine.c + 1e4 * (np.arange(20) + 0.5)
    middle = found[found.shape[0] // 2]
    assert abs(columns[middle].min() - x) < 1e4 and not middle[0] and middle[-1]


def test_geographic_grids_see_shapes_beyond_the_antimeridian():
    far = build("Polygon", [[179, -1], [-179, -1], [-179, 1], [179, 1]])
    west = GeoBox.from_bbox((-180, -2, -176, 2), "EPSG:4326", resolution=0.5)
    east = GeoBox.from_bbox((176, -2, 180, 2), "EPSG:4326", resolution=0.5)
    assert shapes.inside(far, west).sum() == shapes.inside(far, east).sum() == 8
    np.testing.assert_array_equal(shapes.inside(far, west), shapes.inside(far, east)[:, ::-1])


def test_great_circle_edges_are_followed():
    top = build("Polygon", [[0, 40], [60, 40], [60, 30], [0, 30]])
    grid = GeoBox.from_bbox((0, 20, 60, 50), "EPSG:4326", resolution=1)
    assert shapes.inside(top, grid)[6, 30] and not shapes.inside(top, grid)[6, 1]


def test_rotated_grids():
    turned = GeoBox((30, 30), Affine.translation(100, 0) @ Affine.rotation(30) @ Affine.scale(5, 5), UTM)
    circle = shapely.Point(100, 80).buffer(40)
    x, y = centres(turned)
    np.testing.assert_array_equal(shapes.inside(planar(circle), turned), shapely.contains_xy(circle, x, y))
    assert shapes.coverage(planar(circle), turned).sum() * 25 == pytest.approx(circle.area, rel=2e-3)


def test_pixel_boxes():
    transform = (10.0, 0.0, 0.0, 0.0, -10.0, 160.0)
    assert shapes.pixel_box(planar(shapely.box(20, 30, 70, 60)), UTM, transform) == (2, 10, 5, 3)
    assert shapes.pixel_box(planar(shapely.box(19, 30, 71, 61)), UTM, transform) == (1, 9, 7, 4)
    assert shapes.pixel_box(planar(shapely.Point(25, 155)), UTM, transform) == (2, 0, 1, 1)
    assert shapes.pixel_box(planar(shapely.Point(20, 160)), UTM, transform) == (2, 0, 1, 1)
    assert shapes.pixel_box(planar(shapely.box(-15, 30, 5, 60)), UTM, transform)[0] == -2
    x, y, width, height = shapes.pixel_box(world(), UTM, transform)
    assert x < -1e6 and y < -1e6 and min(x + width, y + height) > 1e6


def test_noise_does_not_add_a_pixel():
    box = planar(shapely.box(0.1 + 0.2, 0, 0.9, 0.6), "EPSG:4326")
    assert shapes.pixel_box(box, "EPSG:4326", (0.1, 0, 0, 0, -0.1, 0.6)) == (3, 0, 6, 6)


def test_windows_of_pixels():
    projection = Projection(UTM, (10, 0, 0, 0, -10, 160))
    found = shapes.inside_window(GRID, projection, (2, 3, 4, 5))
    assert found.sum() == 20 and found[3:8, 2:6].all()
    fine = GRID.zoom_out(0.5)
    assert shapes.inside_window(fine, projection, (2, 3, 4, 5)).sum() == 80
    assert shapes.inside_window(GRID, projection, None).all()
    lonlat = GeoBox.from_bbox((10.5112, 0.0005, 10.5122, 0.0014), "EPSG:4326", resolution=0.00002)
    assert shapes.inside_window(lonlat, projection, (2, 3, 4, 5)).mean() == pytest.approx(0.18, abs=0.02)


def test_later_paint_covers_earlier():
    one, two = planar(shapely.box(0, 0, 100, 160)), planar(shapely.box(50, 0, 150, 160))
    data, painted = shapes.burn(GRID, [(one, 3.5), (two, -1)])
    assert data.dtype == np.float64 and painted.sum() == 15 * 16
    assert data[0].tolist() == [3.5] * 5 + [-1] * 10 + [0] * 5


def test_outlines_are_as_wide_as_asked():
    box = planar(shapely.box(40, 40, 160, 120))
    one, three = (shapes.burn(GRID, [(box, 1)], width=w)[1] for w in (1, 3))
    assert not one[8, 10] and not three[8, 10]
    assert one[8].sum() == 2 and three[8].sum() == 6
    line = planar(shapely.LineString([(0, 85), (200, 85)]))
    assert shapes.burn(GRID, [(line, 1)], width=5)[1][:, 10].sum() == 5
