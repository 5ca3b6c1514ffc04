import math

import numpy as np
import pytest

from pipeline.engine.ops.geometry import NOTES, TABLE
from pipeline.engine.space.geometry import Geometry, world
from pipeline.engine.values import ErrorMargin, Projection
from pipeline.errors import EngineError

UTM = Projection("EPSG:32633")
PIXELS = Projection("EPSG:32633", (10, 0, 500000, 0, -10, 5000000))


def make(kind, coordinates, crs=None, geodesic=None, **rest):
    return TABLE[f"GeometryConstructors.{kind}"](coordinates, crs, geodesic, **rest)


def call(name, *args):
    return TABLE[f"Geometry.{name}"](*args)


def square(x, y, size=1.0, crs=None, geodesic=None):
    return make("Polygon", [[[x, y], [x + size, y], [x + size, y + size], [x, y + size]]], crs, geodesic)


def test_a_rectangle_in_pixels_lies_where_the_pixels_lie():
    made = TABLE["GeometryConstructors.Rectangle"]([[2, 3], [5, 7]], PIXELS, None, True)
    assert made.type == "Polygon" and made.shape.bounds == (500020, 4999930, 500050, 4999970)
    assert made.crs == "EPSG:32633" and not made.geodesic
    flat = TABLE["GeometryConstructors.Rectangle"]([2, 3, 5, 7], PIXELS, None, True)
    assert flat.shape.equals(made.shape)


def test_edges_default_to_great_circles_only_in_longitude_and_latitude():
    assert make("LineString", [[0, 0], [1, 1]]).geodesic
    assert not make("LineString", [[0, 0], [1, 1]], UTM).geodesic
    assert not make("LineString", [[0, 0], [1, 1]], None, False).geodesic


def test_geometries_are_made_of_geometries():
    a, b, c = (make("Point", xy) for xy in ([0, 0], [1, 0], [1, 1]))
    assert make("LineString", [a, b]).shape.wkt == "LINESTRING (0 0, 1 0)"
    assert make("Polygon", [[a, b, c]]).shape.area == 0.5
    assert make("MultiPolygon", [square(0, 0), square(2, 0)]).shape.area == 2
    assert make("Point", [10, 50], UTM).crs == make("MultiPoint", [make("Point", [10, 50], UTM)]).crs
    moved = make("MultiPoint", [make("Point", [15, 0])], UTM)
    assert moved.shape.geoms[0].coords[0] == pytest.approx((500000, 0), abs=1e-6)
    with pytest.raises(EngineError, match="different projections"):
        make("LineString", [a, make("Point", [0, 0], UTM)])


@pytest.mark.parametrize(
    ("box", "bounds"),
    [
        ((-10, -20, 30, 40), (-10, -20, 30, 40)),
        ((170, -10, -170, 10), (170, -10, 190, 10)),
        ((-200, -100, 300, 100), (-180, -90, 180, 90)),
        ((-math.inf, 0, math.inf, 1), (-180, 0, 180, 1)),
        ((190, 0, 200, 1), (-170, 0, -160, 1)),
    ],
)
def test_bbox(box, bounds):
    made = TABLE["GeometryConstructors.BBox"](*box)
    assert made.shape.bounds == bounds and not made.geodesic


def test_bbox_upside_down():
    with pytest.raises(EngineError, match=r"south \(5"):
        TABLE["GeometryConstructors.BBox"](0, 5, 1, 4)


def test_collections_of_geometries():
    both = TABLE["GeometryConstructors.MultiGeometry"]([make("Point", [0, 0]), square(1, 1)], None, None, None)
    assert both.type == "GeometryCollection"
    assert [g.type for g in call("geometries", both)] == ["Point", "Polygon"]
    with pytest.raises(EngineError, match="GeometryCollection has none"):
        call("coordinates", both)
    assert call("coordinates", square(1, 1))[0][0] == [1, 1]


def test_what_a_geometry_says_of_itself():
    utm = square(5e5, 5e6, 10, UTM)
    assert call("projection", utm) == UTM and call("type", utm) == "Polygon"
    assert not call("geodesic", utm) and not call("edgesAreGeodesics", utm)
    assert call("isUnbounded", world()) and not call("isUnbounded", utm)


def test_measures_without_and_with_a_projection():
    field = square(5e5, 5e6, 1000, UTM)
    assert call("area", field, None, None) == pytest.approx(1e6 / 0.9996**2, rel=1e-6)
    assert call("area", field, ErrorMargin(1), UTM) == pytest.approx(1e6)
    assert call("area", field, None, PIXELS) == pytest.approx(1e4)
    assert call("perimeter", field, None, None) == pytest.approx(4000 / 0.9996, rel=1e-6)
    assert call("perimeter", field, None, PIXELS) == pytest.approx(400)
    assert call("length", field, None, UTM) == call("length", field, None, None) == 0


def test_distances():
    a, b = make("Point", [500000, 5000000], UTM), make("Point", [500300, 5000400], UTM)
    assert call("distance", a, b, None, UTM, False) == 500
    assert call("distance", a, b, None, PIXELS, False) == 50
    assert call("distance", a, b, None, None, False) == pytest.approx(500 / 0.9996, rel=1e-6)
    assert call("withinDistance", a, b, 501, None, None) and not call("withinDistance", a, b, 499, None, None)
    assert call("distance", a, make("MultiPoint", []), None, None, False) is None


def test_closest_points():
    field, point = square(5e5, 5e6, 100, UTM), make("Point", [500300, 5000050], UTM)
    found = call("closestPoints", point, field, None, UTM)
    assert found["left"].shape.coords[0] == (500300, 5000050) and found["right"].shape.coords[0] == (500100, 5000050)
    assert call("closestPoint", point, field, None, UTM).shape.equals(found["right"].shape)
    around = call("closestPoint", point, field, None, None).to("EPSG:32633").shape
    assert around.coords[0] == pytest.approx((500100, 5000050), abs=0.01)
    assert call("closestPoints", point, make("MultiPoint", []), None, None) == {}


def test_bounds_are_planar_rectangles():
    found = call("bounds", make("LineString", [[0, 40], [60, 42]]), None, None)
    assert not found.geodesic and len(found.shape.exterior.coords) == 5 and found.shape.bounds[3] > 44
    assert call("coordinates", found)[0][0] == list(found.shape.bounds[:2])
    assert call("bounds", square(15, 45), None, UTM).crs == "EPSG:32633"


def test_buffers_in_units_of_the_projection():
    found = call("buffer", make("Point", [500000, 5000000], UTM), 5, None, PIXELS)
    assert found.shape.bounds == pytest.approx((499950, 4999950, 500050, 5000050))
    assert call("buffer", make("Point", [15, 45]), 1000, None, None).crs == "EPSG:4326"


def test_centroids_and_transforms():
    found = call("centroid", square(5e5, 5e6, 100, UTM), None, UTM)
    assert found.shape.coords[0] == (500050, 5000050)
    assert call("transform", square(15, 45), UTM, None, None).crs == "EPSG:32633"
    assert call("transform", square(15, 45), Projection(), None, False).geodesic is False


def test_simplification_by_metres_and_by_units():
    zigzag = make("LineString", [[500000 + 10 * i, 5000000 + i % 2] for i in range(50)], UTM)
    assert len(call("simplify", zigzag, ErrorMargin(5), None).shape.coords) == 2
    assert call("simplify", zigzag, ErrorMargin(5), None).crs == "EPSG:32633"
    assert len(call("simplify", zigzag, ErrorMargin(0.05, "projected"), PIXELS).shape.coords) == 50
    assert len(call("simplify", zigzag, ErrorMargin(0.5, "projected"), PIXELS).shape.coords) == 2
    assert call("simplify", zigzag, None, None) is zigzag


@pytest.mark.parametrize(
    ("name", "area"), [("union", 1.75), ("intersection", 0.25), ("difference", 0.75), ("symmetricDifference", 1.5)]
)
def test_set_operations(name, area):
    planar = [square(x, y, 1, None, False) for x, y in ((0, 0), (0.5, 0.5))]
    assert call(name, *planar, None, None).shape.area == area
    utm = [square(x, y, 1, UTM) for x, y in ((5e5, 5e6), (5e5 + 0.5, 5e6 + 0.5))]
    found = call(name, *utm, None, UTM)
    assert found.shape.area == pytest.approx(area) and found.crs == "EPSG:32633"
    curved = call(name, square(0, 0), square(0.5, 0.5), None, None)
    assert curved.geodesic and curved.shape.area == pytest.approx(area, rel=1e-3)


def test_nothing_in_common():
    found = call("intersection", square(0, 0), square(5, 5), None, None)
    assert found.geojson() == {"type": "GeometryCollection", "geometries": []}


def test_neighbours_with_a_long_common_edge_leave_no_gap():
    # The common edge is a great circle, given in either direction.
    south = make("Polygon", [[0, 40], [30, 45], [30, 30], [0, 30]])
    north = make("Polygon", [[30, 45], [0, 40], [0, 60], [30, 60]])
    assert call("union", south, north, None, None).type == "Polygon"
    assert call("intersection", south, north, None, None).shape.area == 0


def test_predicates():
    big, small, far = square(0, 0, 3), square(1, 1), square(9, 9)
    assert call("contains", big, small, None, None) and call("containedIn", small, big, None, None)
    assert not call("contains", small, big, None, None)
    assert call("intersects", big, small, None, None) and call("disjoint", big, far, None, None)
    assert call("intersects", world(), far, None, None)


def test_predicates_across_the_antimeridian():
    east = make("Polygon", [[179, 0], [-179, 0], [-179, 1], [179, 1]])
    assert call("contains", east, make("Point", [-179.5, 0.5]), None, None)
    assert call("intersects", make("Point", [-179.5, 0.5]), east, None, None)


def test_dissolving_and_hulls():
    pair = TABLE["GeometryConstructors.MultiGeometry"]([square(0, 0), square(0.5, 0)], None, None, None)
    assert call("dissolve", pair, None, None).type == "Polygon"
    single = square(0, 0)
    assert call("dissolve", single, None, None) is single
    assert call("convexHull", make("MultiPoint", [[0, 0], [1, 0], [1, 1]]), None, None).shape.area == 0.5


def test_covering_grid():
    cells = call("coveringGrid", square(500005, 4999965, 20, UTM), PIXELS, None).elements
    assert [c.id for c in cells] == [f"{x},{y}" for y in (1, 2, 3) for x in (0, 1, 2)]
    assert cells[0].geometry.shape.bounds == (500000, 4999980, 500010, 4999990)
    assert len(call("coveringGrid", square(500005, 4999965, 20, UTM), PIXELS, 1000.0).elements) == 1
    with pytest.raises(EngineError, match="larger scale"):
        call("coveringGrid", square(5e5, 5e6, 1e5, UTM), PIXELS, None)


def test_a_shape_too_large_for_a_projection_is_an_error():
    with pytest.raises(EngineError, match="EPSG:32633"):
        call("area", world(), None, UTM)


def test_notes_are_about_functions_that_exist():
    assert set(NOTES) <= set(TABLE)
    assert np.isfinite(call("area", Geometry(world().shape, geodesic=False), None, None))
