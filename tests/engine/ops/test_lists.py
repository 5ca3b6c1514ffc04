from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.language.arrays import array
from pipeline.engine.ops.lists import TABLE
from pipeline.engine.ops.reducer import TABLE as REDUCERS
from pipeline.engine.values import Filter, Function
from pipeline.errors import EngineError

numbers = st.lists(st.integers(-5, 5))


def call(name: str, *args: Any) -> Any:
    return TABLE[f"List.{name}"](*args)


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("add", ([1], [2]), [1, [2]]),
        ("contains", ([1, True], 1.0), True),
        ("contains", ([True], 1), False),
        ("contains", ([[1, {"a": 2}]], [1, {"a": 2.0}]), True),
        ("containsAll", ([1, 2, 3], [3, 1]), True),
        ("distinct", ([1, "1", 1.0, True, [1], [1]],), [1, "1", True, [1]]),
        ("equals", ([1, 2], [1, 2, 3]), False),
        ("flatten", ([[1, [2, []]], 3],), [1, 2, 3]),
        ("frequency", ([1, 2, 1], 1), 2),
        ("get", ([1, 2, 3], -1), 3),
        ("indexOf", ([1, 2], 5), -1),
        ("indexOfSublist", ([1, 2, 1, 2], [1, 2]), 0),
        ("lastIndexOfSubList", ([1, 2, 1, 2], [1, 2]), 2),
        ("lastIndexOfSubList", ([1], [2]), -1),
        ("insert", ([1, 3], 1, 2), [1, 2, 3]),
        ("insert", ([1, 2], -1, 9), [1, 9, 2]),
        ("insert", ([1], 1, 2), [1, 2]),
        ("join", ([1, 2.5, "a"], "-"), "1-2.5-a"),
        ("remove", ([1, 2, 1], 1), [2, 1]),
        ("removeAll", ([1, 2, 1], [1]), [2]),
        ("repeat", ("a", 2), ["a", "a"]),
        ("replace", ([1, 1], 1, 2), [2, 1]),
        ("replaceAll", ([1, 1], 1, 2), [2, 2]),
        ("rotate", ([1, 2, 3], 1), [3, 1, 2]),
        ("rotate", ([1, 2, 3], -1), [2, 3, 1]),
        ("sequence", (0, 1, 0.1, None), pytest.approx([i / 10 for i in range(11)])),
        ("sequence", (5, 1, -2, None), [5, 3, 1]),
        ("sequence", (0, -1, 1, None), []),
        ("sequence", (0, 10, 1, 3), [0, 5, 10]),
        ("sequence", (1, None, 2, 3), [1, 3, 5]),
        ("set", ([1, 2], -1, 9), [1, 9]),
        ("slice", ([1, 2, 3, 4, 5], 0, -1, 2), [1, 3]),
        ("slice", ([1, 2], -9, 9, None), [1, 2]),
        ("sort", (["b", 2, None, "a", 1], None), [None, 1, 2, "a", "b"]),
        ("sort", (["x", "y", "z"], [3, 1, 2]), ["y", "z", "x"]),
        ("splice", ([1, 2, 3, 4], 1, 2, ["a"]), [1, "a", 4]),
        ("splice", ([1, 2, 3], -1, 1, None), [1, 2]),
        ("swap", ([1, 2, 3], 0, -1), [3, 2, 1]),
        ("unzip", ([[1, "a", 9], [2, "b"]],), [[1, 2], ["a", "b"]]),
        ("zip", ([1, 2, 3], ["a", "b"]), [[1, "a"], [2, "b"]]),
    ],
)
def test_answers(name: str, args: tuple[Any, ...], expected: Any) -> None:
    assert call(name, *args) == expected


@given(numbers, st.integers(-20, 20))
def test_rotation_can_be_undone(items: list[int], distance: int) -> None:
    assert call("rotate", call("rotate", items, distance), -distance) == items


@given(numbers, st.integers(0, 100))
def test_shuffling_is_a_permutation_that_the_seed_decides(items: list[int], seed: int) -> None:
    shuffled = call("shuffle", items, seed)
    assert sorted(shuffled) == sorted(items)
    assert shuffled == call("shuffle", items, seed)


@given(numbers)
def test_arguments_are_left_alone(items: list[int]) -> None:
    before = list(items)
    call("add", items, 1)
    call("sort", items, None)
    call("reverse", items)
    call("splice", items, 0, 1, [7])
    assert items == before


def test_iteration_passes_the_element_first() -> None:
    subtract = Function(("item", "sum"), lambda item, total: total - item)
    assert call("iterate", [1, 2], subtract, 10) == 7


def test_mapping_drops_or_refuses_nulls() -> None:
    odd = Function(("item",), lambda item: item if item % 2 else None)
    assert call("map", [1, 2, 3], odd, True) == [1, 3]
    with pytest.raises(EngineError, match="dropNulls"):
        call("map", [1, 2, 3], odd, False)


def test_filters_see_the_element_as_item() -> None:
    large = Filter("greaterThan", {}, lambda element, _: element.properties["item"] > 1)
    assert call("filter", [1, 2, 3], large) == [2, 3]


def test_reducing_gives_one_value_or_a_dictionary() -> None:
    assert call("reduce", [1, None, 3], REDUCERS["Reducer.sum"]()) == 4
    assert call("reduce", [1, 2, 3], REDUCERS["Reducer.minMax"]()) == {"min": 1, "max": 3}


def test_typed_access() -> None:
    items = [1, "a", [1, 2], array(np.array([3]))]
    assert call("getNumber", items, 0) == 1
    assert call("getString", items, 1) == "a"
    assert call("getArray", items, 2).data.tolist() == [1, 2]
    assert call("getArray", items, -1).data.tolist() == [3]
    with pytest.raises(EngineError, match="not a Number"):
        call("getNumber", items, 1)
    with pytest.raises(EngineError, match="not a Geometry"):
        call("getGeometry", items, 0)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("get", ([1], 1)),
        ("set", ([], 0, 1)),
        ("repeat", (1, -1)),
        ("repeat", (1, 10**12)),
        ("sequence", (0, None, 1, None)),
        ("sequence", (0, 1, 0, None)),
        ("sequence", (0, 1e300, 1e-300, None)),
        ("sort", ([1, 2], [1])),
        ("slice", ([1], 0, 1, 0)),
        ("shuffle", ([1], "x")),
    ],
)
def test_mistakes_are_refused(name: str, args: tuple[Any, ...]) -> None:
    with pytest.raises(EngineError, match=rf"List\.{name}"):
        call(name, *args)
