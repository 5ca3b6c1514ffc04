from typing import Any

import pytest

from pipeline.engine.image import Image
from pipeline.engine.ops.dictionary import TABLE
from pipeline.engine.values import Function, PixelType
from pipeline.errors import EngineError

ABC = {"b": 2, "a": 1, "c": 3}


def call(name: str, *args: Any) -> Any:
    return TABLE[f"Dictionary.{name}" if name else "Dictionary"](*args)


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("", (["a", 1, "b", 2],), {"a": 1, "b": 2}),
        ("", (None,), {}),
        ("combine", ({"a": 1, "n": None}, {"a": 2}, True), {"a": 2}),
        ("combine", ({"a": 1}, {"a": 2, "b": 3}, False), {"a": 1, "b": 3}),
        ("contains", (ABC, "a"), True),
        ("fromLists", (["x", "y"], [1, 2]), {"x": 1, "y": 2}),
        ("get", (ABC, "z", 9), 9),
        ("get", (ABC, "a", 9), 1),
        ("keys", (ABC,), ["a", "b", "c"]),
        ("remove", (ABC, ["[ab]"], False), {"c": 3}),
        ("remove", (ABC, ["z"], True), ABC),
        ("rename", (ABC, ["a"], ["x"], False), {"b": 2, "c": 3, "x": 1}),
        ("rename", (ABC, ["a"], ["b"], True), {"b": 1, "c": 3}),
        ("rename", (ABC, ["a", "b"], ["b", "a"], False), {"b": 1, "c": 3, "a": 2}),
        ("select", (ABC, ["c", "[ab]"], False), {"c": 3, "a": 1, "b": 2}),
        ("set", (ABC, "a", None), {**ABC, "a": None}),
        ("size", (ABC,), 3),
        ("values", (ABC, None), [1, 2, 3]),
        ("values", (ABC, ["c", "a"]), [3, 1]),
    ],
)
def test_answers(name: str, args: tuple[Any, ...], expected: Any) -> None:
    assert call(name, *args) == expected


def test_mapping_goes_by_key_and_drops_nulls() -> None:
    seen = []

    def function(key: str, value: int) -> int | None:
        seen.append(key)
        return value * 10 if value > 1 else None

    assert call("map", ABC, Function(("key", "value"), function)) == {"b": 20, "c": 30}
    assert seen == ["a", "b", "c"]


def test_arrays_lie_along_the_axis() -> None:
    assert call("toArray", ABC, None, 0).data.tolist() == [1, 2, 3]
    assert call("toArray", ABC, ["c", "a"], 1).data.tolist() == [[3, 1]]
    assert call("getArray", {"a": [1, 2]}, "a").data.tolist() == [1, 2]


def test_images_have_a_constant_band_a_key() -> None:
    image = call("toImage", {"b": 2.5, "a": 1}, None)
    assert isinstance(image, Image)
    assert image.names == ["a", "b"]
    assert [b.type for b in image.bands] == [PixelType("int", 1, 1), PixelType("double", 2.5, 2.5)]
    assert call("toImage", ABC, ["c", "a"]).names == ["c", "a"]


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("", (["a"],)),
        ("", ([1, 2],)),
        ("get", (ABC, "z", None)),
        ("getNumber", ({"a": "x"}, "a")),
        ("getString", (ABC, "a")),
        ("getGeometry", (ABC, "a")),
        ("fromLists", (["a"], [])),
        ("remove", (ABC, ["z"], False)),
        ("rename", (ABC, ["a"], ["b"], False)),
        ("rename", (ABC, ["z"], ["y"], False)),
        ("select", (ABC, ["("], False)),
        ("toArray", ({}, None, 0)),
        ("toImage", ({"a": "x"}, None)),
    ],
)
def test_mistakes_are_refused(name: str, args: tuple[Any, ...]) -> None:
    with pytest.raises(EngineError, match=rf"Dictionary(\.{name})?"):
        call(name, *args)
