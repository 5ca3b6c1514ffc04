import numpy as np
import pytest
import shapely

from pipeline.engine.ops.randompoints import TABLE
from pipeline.engine.space.geometry import Geometry, build
from pipeline.engine.values import ErrorMargin
from pipeline.errors import EngineError


def drawn(region: Geometry, count: int = 400, seed: int = 0) -> np.ndarray:
    made = TABLE["FeatureCollection.randomPoints"](region, count, seed, ErrorMargin(100.0))
    assert [e.id for e in made] == [str(i) for i in range(count)]
    return np.array([e.geometry.shape.coords[0] for e in made]).reshape(count, 2)


def box(west: float, south: float, east: float, north: float) -> Geometry:
    return build("Polygon", [[west, south], [east, south], [east, north], [west, north]], geodesic=False)


def test_points_lie_inside_and_repeat_for_a_seed() -> None:
    triangle = build("Polygon", [[0, 0], [10, 0], [0, 10]], geodesic=False)
    found = drawn(triangle)
    assert shapely.contains_xy(triangle.shape, found[:, 0], found[:, 1]).all()
    assert np.array_equal(found, drawn(triangle)) and not np.array_equal(found, drawn(triangle, seed=1))
    assert len(drawn(triangle, 0)) == 0


def test_points_are_even_on_the_sphere() -> None:
    found = drawn(box(0, 0, 90, 90), 4000)
    assert np.mean(found[:, 1] < 30) == pytest.approx(0.5, abs=0.04)


def test_points_across_the_date_line_come_home() -> None:
    found = drawn(box(179, 0, 181, 1))
    assert (found[:, 0] < -178.9).any() and (found[:, 0] > 178.9).any() and np.abs(found[:, 0]).max() <= 180


def test_lines_by_length_and_points_by_number() -> None:
    lines = build("MultiLineString", [[[0, 0], [9, 0]], [[20, 0], [21, 0]]], geodesic=False)
    found = drawn(lines, 2000)
    assert np.mean(found[:, 0] < 10) == pytest.approx(0.9, abs=0.03) and np.abs(found[:, 1]).max() < 1e-9
    chosen = drawn(build("MultiPoint", [[1, 1], [2, 2]]))
    assert set(map(tuple, chosen)) == {(1, 1), (2, 2)}


def test_only_parts_of_the_highest_dimension_count() -> None:
    mixed = Geometry(shapely.GeometryCollection([shapely.Point(50, 50), shapely.box(0, 0, 1, 1)]), geodesic=False)
    assert drawn(mixed).max() <= 1


def test_impossible_regions() -> None:
    with pytest.raises(EngineError, match="not empty"):
        drawn(Geometry(shapely.MultiPoint()))
    with pytest.raises(EngineError, match="too little of the box"):
        drawn(build("Polygon", [[0, 0], [80, 80], [80, 80.0000001]], geodesic=False))
