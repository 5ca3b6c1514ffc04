import json

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engine.collection import Feature
from pipeline.engine.image import Band, Image
from pipeline.engine.plan import Constant
from pipeline.engine.space.edges import Edges, carry, move
from pipeline.engine.space.geometry import Geometry, build, footprint, from_geojson, sound, world
from pipeline.engine.values import BOOLEAN, Projection
from pipeline.errors import EngineError

SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1]]
UTM = "EPSG:32633"


def test_rings_are_closed_and_coordinates_kept():
    assert build("Polygon", [SQUARE]).geojson() == {
        "type": "Polygon",
        "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]],
        "evenOdd": True,
    }


@pytest.mark.parametrize(
    ("kind", "coordinates", "expected"),
    [
        ("Point", [1, 2], "POINT (1 2)"),
        ("MultiPoint", [1, 2, 3, 4], "MULTIPOINT ((1 2), (3 4))"),
        ("MultiPoint", [[1, 2], [3, 4]], "MULTIPOINT ((1 2), (3 4))"),
        ("LineString", [[1, 2, 99], [3, 4, 99]], "LINESTRING (1 2, 3 4)"),
        ("LinearRing", [[0, 0], [1, 0], [1, 1]], "LINEARRING (0 0, 1 0, 1 1, 0 0)"),
        ("MultiLineString", [[1, 2], [3, 4]], "MULTILINESTRING ((1 2, 3 4))"),
        ("Polygon", [0, 0, 1, 0, 1, 1], "POLYGON ((0 0, 1 0, 1 1, 0 0))"),
        ("MultiPolygon", [[0, 0], [1, 0], [1, 1]], "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)))"),
        ("Polygon", [], "POLYGON EMPTY"),
    ],
)
def test_missing_nesting_is_supplied(kind, coordinates, expected):
    assert build(kind, coordinates).shape.wkt == expected


@pytest.mark.parametrize(
    ("kind", "coordinates", "says"),
    [
        ("Point", [[[1, 2]]], "nested 3 deep"),
        ("Point", [1], "finite numbers"),
        ("LineString", [[0, 0]], "at least 2"),
        ("Polygon", [[0, 0], [1, 1]], "at least 3"),
        ("Polygon", [[0, 0], [1, float("nan")], [1, 1]], "finite"),
        ("LineString", [1, 2, 3], "pairs"),
        ("Polygon", "x", "must be a list"),
    ],
)
def test_wrong_coordinates_are_refused(kind, coordinates, says):
    with pytest.raises(EngineError, match=says):
        build(kind, coordinates)


def test_what_crosses_itself_is_inside_by_the_even_odd_rule():
    twice = [[0, 0], [4, 0], [4, 4], [0, 4], [0, 0], [1, 1], [3, 1], [3, 3], [1, 3], [1, 1]]
    assert build("Polygon", twice).shape.area == 12
    assert build("Polygon", [[0, 0], [1, 1], [1, 0], [0, 1]]).shape.area == 0.5
    overlapping = [[[[x, x], [x + 2, x], [x + 2, x + 2], [x, x + 2]]] for x in (0, 1)]
    assert build("MultiPolygon", overlapping).shape.area == 6


def test_left_inside_takes_the_other_side_of_a_clockwise_ring():
    clockwise = build("Polygon", SQUARE[::-1], even_odd=False)
    assert clockwise.shape.area == 360 * 180 - 1 and not clockwise.geodesic
    assert build("Polygon", SQUARE, even_odd=False).shape.area == 1
    assert "evenOdd" not in clockwise.geojson()


def test_only_what_was_constructed_even_odd_says_so():
    square = build("Polygon", SQUARE)
    assert square.geojson()["evenOdd"] and "evenOdd" not in Geometry(square.shape).geojson()


def test_geojson_says_what_is_not_default():
    planar = build("Polygon", SQUARE, UTM)
    assert planar.geojson()["geodesic"] is False
    assert planar.geojson()["crs"] == {"type": "name", "properties": {"name": UTM}}
    assert build("Point", [1, 2], geodesic=False).geojson() == {"type": "Point", "coordinates": [1, 2]}


@pytest.mark.parametrize(
    "form",
    [
        {"type": "Point", "coordinates": [1.0, 2.0]},
        {"type": "LinearRing", "coordinates": [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]},
        {"type": "LineString", "coordinates": [[0.0, 0.0], [1.0, 0.0]], "geodesic": False},
        {
            "type": "GeometryCollection",
            "geometries": [
                {"type": "Point", "coordinates": [1.0, 2.0]},
                {"type": "LineString", "coordinates": [[0.0, 0.0], [1.0, 0.0]]},
            ],
        },
        {
            "type": "MultiPolygon",
            "coordinates": [[[[0.0, 0.0], [9.0, 0.0], [9.0, 9.0], [0.0, 0.0]]]],
            "crs": {"type": "name", "properties": {"name": UTM}},
            "geodesic": False,
            "evenOdd": True,
        },
    ],
)
def test_geojson_comes_back_as_it_went(form):
    assert json.loads(json.dumps(from_geojson(form).geojson())) == form


def test_geojson_is_read_with_tolerance():
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    feature = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [SQUARE], "crs": named}}
    assert from_geojson(feature).crs == "EPSG:4326"
    with pytest.raises(EngineError, match="'Circle'"):
        from_geojson({"type": "Circle"})


def test_great_circles_bulge_towards_the_pole():
    edge = build("LineString", [[0, 40], [60, 40]])
    top = np.degrees(np.arctan(np.tan(np.radians(40)) / np.cos(np.radians(30))))
    assert edge.bounds_in("EPSG:4326") == pytest.approx((0, 40, 60, top), abs=1e-5)
    assert build("LineString", [[0, 40], [60, 40]], geodesic=False).bounds_in("EPSG:4326") == (0, 40, 60, 40)


lonlat = st.tuples(st.floats(-170, 170), st.floats(-75, 75)).map(list)


@given(st.lists(lonlat, min_size=2, max_size=4, unique_by=tuple))
@settings(max_examples=40, deadline=None)
def test_carried_edges_are_the_same_both_ways(line):
    ends = np.array(line)
    there = carry(ends, Edges("EPSG:4326", True), Edges("EPSG:3857", False))
    back = carry(ends[::-1], Edges("EPSG:4326", True), Edges("EPSG:3857", False))
    if np.abs(np.diff(ends[:, 0])).max() < 170:
        np.testing.assert_array_equal(there, back[::-1])
        assert shapely.LineString(there).is_valid


@given(st.floats(-3, 3), st.floats(40, 60), st.floats(0.01, 3))
@settings(max_examples=30, deadline=None)
def test_densified_edges_stay_within_the_tolerance(lon, lat, size):
    line = np.array([[15 + lon, lat], [15 + lon + size, lat]])
    carried = carry(line, Edges("EPSG:4326", False), Edges(UTM, False))
    places = np.column_stack([np.linspace(*line[:, 0], 999), np.full(999, lat)])
    exact = move(places, "EPSG:4326", UTM)
    assert shapely.distance(shapely.LineString(carried), shapely.points(exact)).max() < 0.12


def test_short_shapes_keep_their_coordinates():
    small = build("Polygon", [[10, 50], [10.001, 50], [10.001, 50.001]])
    assert small.planar("EPSG:4326").wkt == small.shape.wkt


def test_reprojection_there_and_back():
    square = build("Polygon", [[4e5, 5e6], [5e5, 5e6], [5e5, 5.1e6], [4e5, 5.1e6]], UTM)
    again = square.to("EPSG:4326").to(UTM)
    assert again.shape.symmetric_difference(square.shape).area < 0.2 * 4e5
    assert not square.geodesic and square.to("EPSG:4326").geodesic


def test_shapes_run_on_across_the_antimeridian():
    far = build("Polygon", [[179, -1], [-179, -1], [-179, 1], [179, 1]])
    assert far.shape.bounds == (179, -1, 181, 1)
    east, west = far.planar("EPSG:3857").geoms
    assert east.area == pytest.approx(west.area, rel=1e-6)
    utm = far.to("EPSG:32660")
    assert utm.type == "Polygon" and utm.to("EPSG:4326").shape.bounds == pytest.approx((179, -1, 181, 1), abs=1e-3)


def test_shapes_wider_than_the_earth_are_planar():
    whole = build("Polygon", [[-180, -60], [180, -60], [180, 60], [-180, 60]])
    assert not whole.geodesic and whole.planar("EPSG:4326").area == 360 * 120


def test_what_a_projection_cannot_show():
    assert world().planar(UTM) is None
    with pytest.raises(EngineError, match="beyond what 'EPSG:32633'"):
        world().to(UTM)


def test_place_takes_pixels_to_coordinates():
    made = build("Polygon", [[0, 0], [2, 0], [2, 1], [0, 1]], UTM, place=Affine(10, 0, 500, 0, -10, 900))
    assert made.shape.bounds == (500, 890, 520, 900)


def test_footprints():
    point = build("Point", [1, 2])
    band = Band("b", BOOLEAN, Constant(1, BOOLEAN.dtype), Projection(UTM, (10, 0, 500, 0, -10, 900)), (1, 2, 3, 4))
    assert footprint(Feature(point)) is point and footprint(Feature(None)) is None
    assert footprint(Image((band,))).shape.bounds == (510, 840, 540, 880)
    assert footprint(Image((Band("b", BOOLEAN, band.plan),))).unbounded
    assert footprint(Image(())) is None
    ring = build("LinearRing", [[0, 0], [1, 0], [1, 1]])
    assert footprint(Image((band,), {"system:footprint": ring})).type == "Polygon"


@given(st.integers(0, 10**6), st.integers(3, 9))
@settings(max_examples=30, deadline=None)
def test_sound_is_even_odd(seed, size):
    ring = np.random.default_rng(seed).uniform(0, 9, (size, 2)).tolist()
    raw = shapely.Polygon(ring)
    fixed = sound(raw)
    assert fixed.is_valid
    for x, y in ((i + 0.37, j + 0.41) for i in range(9) for j in range(9)):
        crossings = sum(
            (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0
            for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1], strict=True)
        )
        if shapely.distance(raw.exterior, shapely.Point(x, y)) > 1e-9:
            assert shapely.contains_xy(fixed, x, y) == bool(crossings % 2)


def test_geometry_of_another_crs_in_a_geodesic_state():
    utm = Geometry(shapely.LineString([(4e5, 5e6), (6e5, 5e6)]), UTM, geodesic=True)
    assert len(utm.planar(UTM).coords) > 2
