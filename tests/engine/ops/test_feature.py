import numpy as np
import pytest

from pipeline.engine.collection import Feature
from pipeline.engine.image import Band, Image
from pipeline.engine.ops.feature import TABLE
from pipeline.engine.plan import Constant
from pipeline.engine.space.geometry import build
from pipeline.engine.values import BOOLEAN, Projection
from pipeline.errors import EngineError

SQUARE = build("Polygon", [[0, 0], [1, 0], [1, 1], [0, 1]])
FIELD = Feature(SQUARE, {"system:index": "7", "name": "a", "NDVI_1": 0.5, "NDVI_2": 0.25})
EMPTY = Feature(None, {"name": "b"})


def call(name, *args):
    return TABLE[f"Feature.{name}"](*args)


def test_a_feature_is_a_geometry_with_properties():
    made = TABLE["Feature"](SQUARE, {"a": 1}, None)
    assert made.geometry is SQUARE and made.properties == {"a": 1}
    assert call("setGeometry", made, None).geometry is None
    assert call("id", FIELD) == "7" and call("id", made) is None


@pytest.mark.parametrize("name", ["area", "length", "perimeter"])
def test_measures_are_those_of_the_geometry(name):
    from pipeline.engine.ops.geometry import TABLE as GEOMETRIES

    assert call(name, FIELD, None, None) == GEOMETRIES[f"Geometry.{name}"](SQUARE, None, None)


def test_new_shapes_keep_the_properties():
    for name, args in (("buffer", (10, None, None)), ("centroid", (None, None)), ("bounds", (None, None))):
        found = call(name, FIELD, *args)
        assert found.properties == FIELD.properties and found.geometry is not SQUARE
    assert TABLE["ProjectionTransform"](FIELD, Projection("EPSG:3857"), None, None).geometry.crs == "EPSG:3857"


def test_set_operations_keep_the_left_properties():
    found = call("intersection", FIELD, Feature(build("Point", [0.5, 0.5]), {"x": 1}), None, None)
    assert found.properties == FIELD.properties and found.geometry.type == "Point"
    assert call("contains", FIELD, found, None, None) is True
    assert call("distance", FIELD, found, None, None, False) == pytest.approx(0, abs=1e-6)


def test_a_missing_geometry_is_named():
    with pytest.raises(EngineError, match=r"Feature\.area: the feature 'None' has no geometry"):
        call("area", EMPTY, None, None)
    assert call("geometry", EMPTY, None, None, None) is None


def test_geometry_of_elements():
    grid = Projection("EPSG:32633", (10, 0, 5e5, 0, -10, 5e6))
    band = Band("b", BOOLEAN, Constant(1, np.dtype("u1")), grid, (0, 0, 9, 9))
    found = call("geometry", Image((band,)), None, None, None)
    assert found.crs == "EPSG:4326" and found.shape.bounds[0] == pytest.approx(15)
    planar = call("geometry", FIELD, None, Projection(), False)
    assert planar.geodesic is False
    assert call("geometry", FIELD, None, None, None) is SQUARE


def test_select_by_name_and_pattern():
    assert call("select", FIELD, ["NDVI_.*"], None, True).properties == {
        "NDVI_1": 0.5,
        "NDVI_2": 0.25,
        "system:index": "7",
    }
    renamed = call("select", FIELD, ["NDVI_.*", "name"], ["x", "y", "z"], False)
    assert renamed.properties == {"x": 0.5, "y": 0.25, "z": "a", "system:index": "7"} and renamed.geometry is None
    assert call("select", EMPTY, ["NDVI"], None, True).properties == {}
    with pytest.raises(EngineError, match="2 properties are selected, 1 new"):
        call("select", FIELD, ["NDVI_.*"], ["x"], True)
    with pytest.raises(EngineError, match=r"'\(' is not a regular expression"):
        call("select", FIELD, ["("], None, True)


def test_to_array():
    found = call("toArray", FIELD, ["NDVI_2", "NDVI_1"])
    assert found.data.tolist() == [0.25, 0.5] and found.type.dimensions == 1 and found.data.dtype == found.type.dtype
    with pytest.raises(EngineError, match="'name' must be a number"):
        call("toArray", FIELD, ["name"])
