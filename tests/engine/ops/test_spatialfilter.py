from typing import Any

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.collection import Feature, features
from pipeline.engine.image import Image
from pipeline.engine.ops.bands import constant_band
from pipeline.engine.ops.spatialfilter import TABLE
from pipeline.engine.space.geometry import Geometry, build
from pipeline.errors import EngineError

NUMBERS = st.integers(0, 6)


def box(west: float, south: float, east: float, north: float) -> Geometry:
    return build("Polygon", [[west, south], [east, south], [east, north], [west, north]], geodesic=False)


def point(x: float, y: float) -> Feature:
    return Feature(build("Point", [x, y]))


@given(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS), st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS))
def test_predicates_are_shapelys_from_either_side(a: Any, b: Any) -> None:
    first, second = box(a[0], a[1], a[0] + a[2] + 1, a[1] + a[3] + 1), box(b[0], b[1], b[0] + b[2] + 1, b[1] + b[3] + 1)
    x, y = shapely.box(*first.shape.bounds), shapely.box(*second.shape.bounds)
    for name, expected in {
        "intersects": x.intersects(y),
        "disjoint": x.disjoint(y),
        "contains": x.contains(y),
        "isContained": x.within(y),
    }.items():
        make = TABLE[f"Filter.{name}"]
        assert make(".all", second).test(Feature(first)) == expected
        assert make(None, None, ".geo", first).test(Feature(second)) == expected
        assert make(".geo", None, ".geo").pair(Feature(first), Feature(second)) == expected


def test_footprints_not_boxes_decide() -> None:
    triangle = Feature(build("Polygon", [[0, 0], [10, 0], [0, 10]], geodesic=False))
    assert not TABLE["Filter.intersects"](".all", box(8, 8, 9, 9)).test(triangle)


def test_projected_and_lonlat_footprints_meet() -> None:
    utm = Feature(build("Polygon", [[500000, 0], [600000, 0], [600000, 90000], [500000, 90000]], "EPSG:32631"))
    assert TABLE["Filter.intersects"](".all", build("Point", [3.5, 0.5])).test(utm)
    assert not TABLE["Filter.intersects"](".all", build("Point", [4.5, 0.5])).test(utm)


def test_shapes_meet_across_the_date_line() -> None:
    across = build("Polygon", [[179, 0], [181, 0], [181, 2], [179, 2]], geodesic=False)
    touches = TABLE["Filter.intersects"](".all", across)
    assert touches.test(point(-179.5, 1)) and touches.test(point(179.5, 1)) and touches.test(point(180.5, 1))
    assert not touches.test(point(0, 1))
    assert TABLE["Filter.contains"](".geo", point(-179.5, 1)).test(Feature(across))


def test_values_may_be_features_collections_and_geojson() -> None:
    inside = point(0.5, 0.5)
    values: list[Any] = [Feature(box(0, 0, 1, 1)), features([point(9, 9), Feature(box(0, 0, 1, 1))])]
    values.append({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]})
    for value in values:
        assert TABLE["Filter.intersects"](".all", value).test(inside)
        assert not TABLE["Filter.intersects"](".all", value).test(point(5, 5))
    assert TABLE["Filter.intersects"]("place", box(0, 0, 1, 1)).test(Feature(None, {"place": inside.geometry}))
    with pytest.raises(EngineError, match=r"Filter.intersects: The value"):
        TABLE["Filter.intersects"](".all", 5)


def test_mixed_geometry_collections_are_compared() -> None:
    mixed = Geometry(shapely.GeometryCollection([shapely.Point(5, 5), shapely.box(0, 0, 2, 2)]), geodesic=False)
    assert TABLE["Filter.contains"](".geo", point(1, 1)).test(Feature(mixed))
    assert TABLE["Filter.isContained"](".geo", box(-1, -1, 6, 6)).test(Feature(mixed))


@pytest.mark.parametrize("name", ["intersects", "disjoint", "contains", "isContained"])
def test_elements_without_geometry_fail(name: str) -> None:
    assert not TABLE[f"Filter.{name}"](".geo", box(0, 0, 1, 1)).test(Feature(None))


def test_an_unbounded_image_is_everywhere() -> None:
    assert TABLE["Filter.intersects"](".all", box(0, 0, 1, 1)).test(Image((constant_band("b", 1),)))


def test_within_distance_measures_metres() -> None:
    near = TABLE["Filter.withinDistance"](112_000.0, ".geo", build("Point", [0, 0]))
    assert near.test(point(1, 0)) and not near.test(point(1.1, 0))
    assert near.measure is not None
    assert near.measure(point(1, 0), None) == pytest.approx(111_319.5, rel=1e-4)
    assert near.measure(Feature(box(-1, -1, 1, 1)), None) == 0
    assert not near.test(Feature(None))


def test_areas_and_presence() -> None:
    degree = Feature(box(0, 0, 1, 1))
    assert TABLE["Filter.area"](1.2e10, 1.24e10, None, None).test(degree)
    assert not TABLE["Filter.area"](0.0, 1e10, None, ".geo").test(degree)
    assert TABLE["Filter.hasGeometry"]().test(degree)
    assert not TABLE["Filter.hasGeometry"]().test(Feature(None))
