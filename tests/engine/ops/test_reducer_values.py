"""Reducers that take values as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pipeline.engine.ops.reducer_values import TABLE
from pipeline.engine.plan import Pixels
from pipeline.engine.values import DOUBLE, Array
from pipeline.errors import EngineError


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("first", [None, 2, 3], None),
        ("firstNonNull", [None, 2, 3], 2),
        ("last", [1, 2, None], None),
        ("lastNonNull", [1, 2, None], 2),
        ("first", ["a", "b"], "a"),
        ("count", [1, "", None], 2),
        ("countEvery", [1, "", None], 3),
        ("countDistinct", [1, 1.0, None, "a", None], 3),
        ("countDistinctNonNull", [1, 1.0, None, "a", None], 2),
        ("countRuns", [1, 1, None, 1, 2, 1], 3),
        ("countRuns", [], 0),
        ("countEvery", [], 0),
    ],
)
def test_any_values(name: str, values: list[Any], expected: Any) -> None:
    assert TABLE[f"Reducer.{name}"]().aggregate([values]) == [expected]


def test_output_names() -> None:
    names = {k.removeprefix("Reducer."): TABLE[k]().outputs[0] for k in TABLE if "to" not in k}
    assert {n for k, n in names.items() if k.startswith("count")} == {"count"}
    assert [names[k] for k in ("first", "firstNonNull", "last", "lastNonNull")] == ["first", "first", "last", "last"]


def test_equal_arrays_are_one_value() -> None:
    arrays = [Array(np.array([1.0, 2.0]), DOUBLE), Array(np.array([1.0, 2.0]), DOUBLE), Array(np.array([3.0]), DOUBLE)]
    assert TABLE["Reducer.countDistinct"]().aggregate([arrays]) == [2]


def test_lists_and_tuples() -> None:
    make = TABLE["Reducer.toList"]
    assert make(None, 0).aggregate([[1, None, 3]]) == [[1, 3]]
    assert make(None, 1).aggregate([[1, None, 3]]) == [[1, None, 3]]
    assert make(2, 0).aggregate([[1, None, 3], ["a", "b", "c"]]) == [[[1, "a"], [3, "c"]]]
    assert make(2, 1).aggregate([[1, 2], ["a", None]]) == [[[1, "a"], [2, None]]]
    assert make(None, 0).aggregate([[]]) == [[]]
    assert make(None, 0).aggregate([np.array([1, 2], np.uint8)]) == [[1, 2]]
    with pytest.raises(EngineError, match="numOptional"):
        make(2, 3)


def test_list_types_have_more_dimensions() -> None:
    assert [TABLE["Reducer.toList"](n, 0).output_types([DOUBLE] * (n or 1))[0].dimensions for n in (None, 2)] == [1, 2]


def test_collections() -> None:
    [found] = TABLE["Reducer.toCollection"](["a", "b"], 1).aggregate([[1, None, 3], [4, 5, None]])
    assert [f.properties["a"] for f in found] == [1, 3] and [f.properties["b"] for f in found] == [4, None]
    assert found.elements[1].id == "1"
    assert TABLE["Reducer.toCollection"](["a"], 0).aggregate([[]])[0].elements == []


def test_first_of_a_stack_is_masked_where_the_first_layer_is() -> None:
    layers = [Pixels(np.array([[k, k]]), np.array([[k > 0, True]])) for k in range(3)]
    [first] = TABLE["Reducer.first"]().stack([layers])
    assert first.mask.tolist() == [[False, True]]
    [known] = TABLE["Reducer.firstNonNull"]().stack([layers])
    assert known.data.tolist() == [[1, 0]] and known.mask.all()
    [last] = TABLE["Reducer.last"]().stack([layers])
    assert last.data.tolist() == [[2, 2]]
