import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engine.space import geodesy
from pipeline.engine.space.crs import GEOD
from pipeline.engine.space.geometry import build, world

EARTH = 510_065_621_724_088.4  # square metres of the WGS84 ellipsoid


def test_published_areas_of_the_ellipsoid():
    # A 1° by 1° cell at the equator, edges being geodesics; and the whole earth.
    cell = build("Polygon", [[0, 0], [1, 0], [1, 1], [0, 1]])
    assert geodesy.area(cell) == pytest.approx(12_308_778_361.469, rel=1e-12)
    assert geodesy.area(world()) == pytest.approx(EARTH, rel=1e-9)


def test_half_the_earth():
    north = build("Polygon", [[-180, 0], [180, 0], [180, 90], [-180, 90]])
    assert geodesy.area(north) == pytest.approx(EARTH / 2, rel=1e-9)


def test_the_meridian_and_the_equator():
    quarter = build("LineString", [[0, 0], [0, 90]])
    assert geodesy.length(quarter) == pytest.approx(10_001_965.729, abs=1e-2)
    assert geodesy.length(build("LineString", [[0, 0], [90, 0]])) == pytest.approx(math.pi / 2 * 6378137, abs=1e-2)


def test_holes_are_left_out_and_walked_around():
    outer, inner = [[0, 0], [3, 0], [3, 3], [0, 3]], [[1, 1], [2, 1], [2, 2], [1, 2]]
    whole, hole, both = (build("Polygon", rings) for rings in ([outer], [inner], [outer, inner]))
    assert geodesy.area(both) == pytest.approx(geodesy.area(whole) - geodesy.area(hole))
    assert geodesy.perimeter(both) == pytest.approx(geodesy.perimeter(whole) + geodesy.perimeter(hole))
    assert geodesy.length(both) == 0


def test_straight_edges_of_a_projection_are_followed():
    # A parallel is longer than the great circle between its ends.
    points = [[0, 60], [40, 60]]
    radius = 6378137 / math.sqrt(1 - 0.0066943799901413165 * math.sin(math.radians(60)) ** 2)
    parallel = geodesy.length(build("LineString", points, geodesic=False))
    assert parallel == pytest.approx(math.radians(40) * radius * 0.5, rel=1e-6)
    assert geodesy.length(build("LineString", points)) < parallel * 0.99


@given(st.floats(-179, 179), st.floats(-80, 80), st.floats(-179, 179), st.floats(-80, 80))
@settings(max_examples=50, deadline=None)
def test_distance_of_points_is_the_geodesic(x0, y0, x1, y1):
    found = geodesy.distance(build("Point", [x0, y0]), build("Point", [x1, y1]))
    assert found == pytest.approx(GEOD.inv(x0, y0, x1, y1)[2], abs=1e-6)


@pytest.mark.parametrize("point", [[1, 5], [-3, 2], [0.001, 7.5], [12, 4]])
def test_distance_to_a_long_line_is_the_least_over_it(point):
    line = build("LineString", [[0, 0], [0, 10]])
    lats = np.linspace(0, 10, 20001)
    least = GEOD.inv(np.zeros_like(lats), lats, np.full_like(lats, point[0]), np.full_like(lats, point[1]))[2].min()
    assert geodesy.distance(build("Point", point), line) == pytest.approx(least, abs=0.5)
    assert geodesy.distance(line, build("Point", point)) == pytest.approx(least, abs=0.5)


def test_distance_across_the_antimeridian_and_of_what_meets():
    east, west = build("Point", [179.5, 0]), build("Point", [-179.5, 0])
    assert geodesy.distance(east, west) == pytest.approx(111319.49, abs=0.01)
    square = build("Polygon", [[0, 0], [1, 0], [1, 1], [0, 1]])
    assert geodesy.distance(square, build("Point", [0.5, 0.5])) == pytest.approx(0, abs=1e-6)
    assert geodesy.distance(square, build("Polygon", [])) is None


def test_spherical_distance():
    a, b = build("Point", [0, 0]), build("Point", [90, 0])
    assert geodesy.distance(a, b, spherical=True) == pytest.approx(math.pi / 2 * 6371010)


@given(st.floats(-180, 180), st.floats(-85, 85), st.floats(10, 50000))
@settings(max_examples=40, deadline=None)
def test_buffers_of_points_are_circles(lon, lat, metres):
    ring = np.array(geodesy.buffer(build("Point", [lon, lat]), metres).shape.exterior.coords)
    away = GEOD.inv(np.full(len(ring), lon), np.full(len(ring), lat), *ring.T)[2]
    np.testing.assert_allclose(away, metres, rtol=1e-6)


def test_buffers_grow_and_shrink_areas():
    square = geodesy.buffer(build("Point", [20, 50]), 5000)
    grown, shrunk = geodesy.buffer(square, 1000), geodesy.buffer(square, -1000)
    assert geodesy.area(grown) == pytest.approx(math.pi * 6000**2, rel=4e-3)
    assert geodesy.area(shrunk) == pytest.approx(math.pi * 4000**2, rel=4e-3)
    assert geodesy.buffer(square, -6000).shape.is_empty


def test_centroids():
    far = build("Polygon", [[179, -1], [-179, -1], [-179, 1], [179, 1]])
    assert geodesy.centroid(far).shape.coords[0] == pytest.approx((180, 0), abs=1e-9)
    # Only the parts of the highest dimension count.
    mixed = build("MultiPoint", [[10, 50], [12, 50]])
    assert geodesy.centroid(mixed).shape.coords[0] == pytest.approx((11, 50.0043), abs=1e-4)


def test_simplifying_keeps_within_the_margin():
    lons = np.linspace(0, 1, 200)
    wavy = build("LineString", np.column_stack([lons, 0.001 * np.sin(lons * 40)]).tolist())
    simple = geodesy.simplify(wavy, 500)
    assert 2 <= len(simple.shape.coords) < 20
    assert set(np.round(simple.shape.coords, 9).ravel()) <= set(np.round(wavy.shape.coords, 9).ravel())
