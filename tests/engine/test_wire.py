"""The JSON form of values, as the client expects it."""

import json
from typing import Any

import numpy as np
import pytest

from pipeline.engine.collection import Collection, Feature, features, images
from pipeline.engine.image import Band, Image
from pipeline.engine.ops.kernel import TABLE as KERNELS
from pipeline.engine.plan import Constant
from pipeline.engine.space.geometry import build
from pipeline.engine.values import Array, Date, DateRange, ErrorMargin, Function, PixelType, Projection
from pipeline.engine.wire import MAX_ELEMENTS, to_wire
from pipeline.errors import EngineError


def band(name: str, window: Any = None) -> Band:
    home = Projection("EPSG:32633", (10.0, 0.0, 500000.0, 0.0, -10.0, 5000000.5))
    return Band(name, PixelType("int", 0, 255), Constant(0, np.dtype(np.uint8)), home, window)


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (None, None),
        (True, True),
        (2.0, 2),
        (2.5, 2.5),
        (np.float32(0.5), 0.5),
        (np.int16(3), 3),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (-float("inf"), "-Infinity"),
        ([1.0, [2, "a"]], [1, [2, "a"]]),
        ({"a": Date(5)}, {"a": {"type": "Date", "value": 5}}),
        (DateRange(1, 2), {"type": "DateRange", "dates": [1, 2]}),
        (ErrorMargin(1.0), {"type": "ErrorMargin", "unit": "meters", "value": 1}),
        (Array(np.array([[1.0, 2.5]]), PixelType("double", None, None, 2)), [[1, 2.5]]),
        (
            PixelType("int", -128, 127, 1),
            {"type": "PixelType", "precision": "int", "min": -128, "max": 127, "dimensions": 1},
        ),
        (PixelType("float"), {"type": "PixelType", "precision": "float"}),
        (Projection(), {"type": "Projection", "crs": "EPSG:4326", "transform": [1, 0, 0, 0, 1, 0]}),
    ],
)
def test_plain_values(value: Any, form: Any) -> None:
    assert to_wire(value) == form


def test_an_image_says_what_its_bands_hold_and_where_they_lie() -> None:
    form = to_wire(Image((band("a"), band("b", (0, 0, 4, 3)), band("c", (2, 1, 4, 3))), {"x": 1.0}, "X/Y", 7))
    assert form["id"] == "X/Y" and form["version"] == 7 and form["properties"] == {"x": 1}
    first, second, third = form["bands"]
    assert first["data_type"] == {"type": "PixelType", "precision": "int", "min": 0, "max": 255}
    assert first["crs_transform"] == [10, 0, 500000, 0, -10, 5000000.5] and "dimensions" not in first
    assert second["dimensions"] == [4, 3] and "origin" not in second
    assert third["origin"] == [2, 1]


def test_collections_list_their_elements_and_have_a_limit() -> None:
    form = to_wire(features([Feature(None, {"n": 1, "f": 0.5, "l": 2**40, "t": "x"})]))
    assert form["type"] == "FeatureCollection" and form["columns"] == {
        "system:index": "String",
        "n": "Integer",
        "f": "Float",
        "l": "Long",
        "t": "String",
    }
    properties = {"n": 1, "f": 0.5, "l": 2**40, "t": "x"}
    assert form["features"][0] == {"type": "Feature", "geometry": None, "properties": properties, "id": "0"}
    many = Collection("FeatureCollection", lambda: (Feature(None) for _ in range(MAX_ELEMENTS + 1)))
    with pytest.raises(EngineError, match="accumulating over 5000 elements"):
        to_wire(many)


def test_a_collection_is_called_after_what_is_in_it() -> None:
    assert to_wire(images([]))["type"] == "ImageCollection"
    mapped = images([Image((band("a"),))]).derive(lambda: [Feature(None)])
    assert to_wire(mapped)["type"] == "FeatureCollection"


def test_what_cannot_be_sent_is_said() -> None:
    assert to_wire(Function(("x",), lambda x: x))["arguments"] == ["x"]
    with pytest.raises(EngineError, match="type object cannot be sent"):
        to_wire(object())


def test_whole_coordinates_print_without_decimals() -> None:
    assert json.dumps(to_wire(Feature(build("Point", [1, 2.5])))["geometry"]["coordinates"]) == "[1, 2.5]"
    assert json.dumps(to_wire(build("MultiPoint", [[0, 0]]))["coordinates"]) == "[[0, 0]]"


def test_kernels_print_focus_and_weights_unless_these_depend_on_the_pixel_size() -> None:
    assert to_wire(KERNELS["Kernel.roberts"](2.0, False)) == {
        "type": "Kernel.roberts",
        "center": [1, 1],
        "weights": "\n  [2.0, 0.0]\n  [0.0, -2.0]",
    }
    assert to_wire(KERNELS["Kernel.square"](30.0, "meters", True, 1.0)) == {"type": "Kernel.square"}
    assert "weights" not in to_wire(KERNELS["Kernel.square"](600.0, "pixels", True, 1.0))
