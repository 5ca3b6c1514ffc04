import numpy as np
import pytest

from pipeline.engine.collection import Collection, Feature
from pipeline.engine.image import Band, Image
from pipeline.engine.ops.element import TABLE
from pipeline.engine.plan import Constant
from pipeline.engine.values import BOOLEAN
from pipeline.errors import EngineError

FEATURE = Feature(None, {"system:index": "3", "system:time_start": 5, "b": "x", "a": 1.5})
BAND = Band("B1", BOOLEAN, Constant(1, np.dtype("u1")))
IMAGE = Image((BAND,), {"system:index": "i", "CLOUD": 7}, asset="C/i", version=12)


def call(name, *args):
    return TABLE[f"Element.{name}"](*args)


def test_get():
    assert call("get", FEATURE, "a") == 1.5 and call("get", FEATURE, "missing") is None
    assert call("get", IMAGE, "system:id") == "C/i" and call("get", IMAGE, "system:version") == 12
    assert call("get", IMAGE, "system:band_names") == ["B1"]
    assert call("get", Image((BAND,)), "system:id") is None


def test_ids_of_assets_stay_with_what_is_made_of_them():
    assert call("get", IMAGE.with_bands(()), "system:id") == "C/i"
    assert call("get", Collection("ImageCollection", list, id="C"), "system:id") == "C"
    assert call("get", Collection("ImageCollection", list), "system:id") is None


def test_typed_getters():
    assert call("getNumber", FEATURE, "a") == 1.5 and call("getString", FEATURE, "b") == "x"
    assert call("getNumber", FEATURE, "missing") is None
    with pytest.raises(EngineError, match="'b' must be a number, not 'x'"):
        call("getNumber", FEATURE, "b")
    with pytest.raises(EngineError, match="'a' must be a string"):
        call("getString", FEATURE, "a")
    with pytest.raises(EngineError, match="'a' must be an array"):
        call("getArray", FEATURE, "a")


def test_set_leaves_the_original_alone():
    assert call("set", IMAGE, "n", 1).properties["n"] == 1 and "n" not in IMAGE.properties
    many = call("setMulti", FEATURE, {"a": 2, "c": 3})
    assert many.properties["a"] == 2 and many.properties["c"] == 3 and many.properties["b"] == "x"


def test_names_and_dictionaries():
    assert call("propertyNames", FEATURE) == ["system:index", "system:time_start", "b", "a"]
    assert {"system:id", "CLOUD"} <= set(call("propertyNames", IMAGE))
    assert call("toDictionary", FEATURE, None) == {"b": "x", "a": 1.5}
    assert call("toDictionary", FEATURE, ["system:time_start", "a", "missing"]) == {"system:time_start": 5, "a": 1.5}


def test_copying_skips_the_systems_properties_unless_listed():
    assert call("copyProperties", IMAGE, FEATURE, None, None).properties == {**IMAGE.properties, "b": "x", "a": 1.5}
    listed = call("copyProperties", IMAGE, FEATURE, ["system:time_start"], None)
    assert listed.properties == {**IMAGE.properties, "system:time_start": 5}
    assert "a" not in call("copyProperties", IMAGE, FEATURE, None, ["a"]).properties
    assert call("copyProperties", IMAGE, None, None, None) is IMAGE
    with pytest.raises(EngineError, match="not both"):
        call("copyProperties", IMAGE, FEATURE, ["a"], ["b"])
    with pytest.raises(EngineError, match="'destination' is required"):
        call("copyProperties", None, FEATURE, None, None)


def test_replacing_keeps_the_index():
    assert call("replaceProperties", IMAGE, FEATURE).properties == {
        "system:index": "i",
        "system:time_start": 5,
        "b": "x",
        "a": 1.5,
    }
    assert call("replaceProperties", FEATURE, None).properties == {"system:index": "3"}


def test_an_image_without_bounds_lies_everywhere():
    assert TABLE["Image.geometry"](IMAGE, None, None, None).unbounded
