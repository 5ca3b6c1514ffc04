"""Reducers made of reducers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pipeline.engine.image import Band, Image
from pipeline.engine.ops import reducer, reducer_fit, reducer_values
from pipeline.engine.ops.reducer_combine import TABLE
from pipeline.engine.plan import Constant, Pixels
from pipeline.engine.reducer import Reducer, by_pixels
from pipeline.engine.values import DOUBLE, Array, PixelType
from pipeline.errors import EngineError

SIMPLE = {**reducer.TABLE, **reducer_fit.TABLE, **reducer_values.TABLE}


def make(name: str, *arguments: Any) -> Reducer:
    return SIMPLE[f"Reducer.{name}"](*arguments)


def build(name: str, *arguments: Any) -> Reducer:
    made: Reducer = TABLE[f"Reducer.{name}"](*arguments)
    return made


def stack(inputs: int, partial: bool = True) -> list[list[Pixels]]:
    rng = np.random.default_rng(5)
    return [
        [
            Pixels(rng.integers(0, 5, (3, 4)), rng.choice([0, 0.5, 1], (3, 4)).astype(np.float32 if partial else bool))
            for _ in range(4)
        ]
        for _ in range(inputs)
    ]


def agree(made: Reducer, inputs: list[list[Pixels]]) -> None:
    for compiled, plain in zip(made.stack(inputs), by_pixels(made, inputs), strict=True):
        np.testing.assert_array_equal(compiled.mask, plain.mask)
        np.testing.assert_allclose(compiled.data[plain.mask], plain.data[plain.mask])


def test_shared_inputs_run_side_by_side() -> None:
    made = build("combine", make("mean"), make("minMax"), "x_", True)
    assert made.outputs == ("mean", "x_min", "x_max") and made.weighted and made.inputs == 1
    assert made.aggregate([[1, None, 3]], [0.5, 1, 0.5]) == [2.0, 1, 3]
    agree(made, stack(1))


def test_own_inputs_keep_their_own_nulls_and_weights() -> None:
    made = build("combine", make("mean"), make("median", None, None, None), None, False)
    assert made.inputs == 2 and made.outputs == ("mean", "median")
    assert made.aggregate([[1, None, 3], [None, 5, 7]]) == [2.0, 6.0]
    agree(made, stack(2))


def test_a_taken_output_name_gets_a_number() -> None:
    mean = make("mean")
    twice = build("combine", build("combine", mean, mean, "", True), mean, "", True)
    assert twice.outputs == ("mean", "mean_1", "mean_2")


def test_weighted_inputs_come_first_unless_shared() -> None:
    with pytest.raises(EngineError, match="weighted inputs must come before"):
        build("combine", make("count"), make("mean"), "", False)
    assert build("combine", make("count"), make("mean"), "", True).weighted
    assert not build("combine", make("count"), build("unweighted", make("mean")), "", False).weighted
    with pytest.raises(EngineError, match="same number of inputs"):
        build("combine", make("mean"), make("linearFit"), "", True)


def test_repeat_lists_each_output() -> None:
    made = build("repeat", make("minMax"), 2)
    assert made.inputs == 2 and made.outputs == ("min", "max")
    assert made.aggregate([[1, 5], [3, None]]) == [[1, 3], [5, 3]]
    assert made.output_types([PixelType("int", 0, 9)] * 2)[0].dimensions == 1
    [low, _] = made.stack(stack(2, partial=False))
    assert low.data.shape == (3, 4, 2)
    with pytest.raises(EngineError, match="count must be between 1 and"):
        build("repeat", make("mean"), 0)


def test_two_lists_of_one_pass() -> None:
    lists = build("repeat", make("toList", None, 0), 2)
    assert lists.aggregate([["a", "b"], [1, 2]]) == [[["a", "b"], [1, 2]]]


def test_for_each_names_outputs() -> None:
    assert build("forEach", make("mean"), ["a", "b"]).outputs == ("a", "b")
    assert build("forEach", make("minMax"), ["a"]).outputs == ("a_min", "a_max")
    image = Image(tuple(Band(n, DOUBLE, Constant(0.0, np.dtype(float))) for n in ("B1", "B2")))
    made = build("forEachBand", make("sum"), image)
    assert made.outputs == ("B1", "B2") and made.aggregate([[1, 2], [3, None]]) == [3, 3]


def test_set_outputs_renames_and_drops() -> None:
    made = build("setOutputs", make("minMax"), [None, "top"])
    assert made.outputs == ("top",) and made.aggregate([[1, 4]]) == [4]
    assert len(made.stack(stack(1))) == 1 and len(made.output_types([DOUBLE])) == 1
    assert TABLE["Reducer.getOutputs"](made) == ["top"]
    with pytest.raises(EngineError, match="1 names for the 2 outputs"):
        build("setOutputs", make("minMax"), ["low"])


def test_unweighted_takes_partial_pixels_as_whole() -> None:
    made = build("unweighted", make("sum"))
    assert not made.weighted and made.aggregate([[1, 2, 3]], [0.5, 0, 0.1]) == [4]
    agree(made, stack(1))


def test_split_weights_come_after_all_values() -> None:
    made = build("splitWeights", make("mean"))
    assert made.inputs == 2 and not made.weighted
    assert made.aggregate([[1, 2, 3], [1, 0.5, None]]) == [pytest.approx(4 / 3)]
    twice = build("splitWeights", build("repeat", make("mean"), 2))
    assert twice.inputs == 4
    assert twice.aggregate([[1, 3], [5, 6], [1, 0], [1, 3]]) == [[1.0, 5.75]]
    both = build("splitWeights", build("combine", make("mean"), make("count"), "", True))
    assert both.inputs == 2 and both.aggregate([[1, 3], [1, 0.5]]) == [pytest.approx(5 / 3), 2]


def test_split_weights_of_pixels() -> None:
    values, weights = stack(1, partial=False)[0], stack(1)[0]
    made = build("splitWeights", make("mean"))
    [result] = made.stack([values, weights])
    w = np.stack([np.where(v.mask & (k.mask > 0), k.data, 0) for v, k in zip(values, weights, strict=True)])
    total = sum(v.data * k for v, k in zip(values, w, strict=True))
    np.testing.assert_array_equal(result.mask, w.sum(0) > 0)
    np.testing.assert_allclose(result.data[result.mask], (total / np.maximum(w.sum(0), 1))[result.mask])


def test_groups_are_in_order_and_skip_nulls() -> None:
    made = build("group", make("sum"), 1, "class")
    assert made.inputs == 2 and made.outputs == ("groups",) and made.weighted
    values, classes = [1, 2, 3, 4, 9], [7.0, 2, 7, 2, None]
    expected = [{"class": 2, "sum": 5.0}, {"class": 7, "sum": 4.0}]
    assert made.aggregate([values, classes], [1, 0.5, 1, 1, 1]) == [expected]
    arrays = [np.array(values[:4]), np.array(classes[:4], float)]
    assert made.aggregate(arrays, [1, 0.5, 1, 1]) == [expected]


def test_groups_leave_out_what_is_null_and_may_be_nested() -> None:
    line = build("group", make("linearFit"), 2, "group")
    assert line.aggregate([[1, 1], [2, 3], [0, 0]]) == [[{"group": 0}]]
    nested = build("group", build("group", make("count"), 1, "b"), 2, "a")
    assert nested.aggregate([[5, 6, 7], [1, 1, 2], ["x", "y", "x"]]) == [
        [
            {"a": "x", "groups": [{"b": 1, "count": 1}, {"b": 2, "count": 1}]},
            {"a": "y", "groups": [{"b": 1, "count": 1}]},
        ]
    ]
    with pytest.raises(EngineError, match="groupField must be from 0 to 1"):
        build("group", make("sum"), 2, "group")


def test_disaggregate_looks_inside_lists_arrays_and_dictionaries() -> None:
    made = build("disaggregate", make("sum"), None)
    assert made.aggregate([[[1, 2], Array(np.array([[3, 4]]), DOUBLE), {"k": 5}, 6]]) == [21]
    rows = build("disaggregate", make("toList", None, 0), 0)
    [parts] = rows.aggregate([[Array(np.array([[1, 2], [3, 4]]), DOUBLE)]])
    assert [p.data.tolist() for p in parts] == [[[1, 2]], [[3, 4]]]
    with pytest.raises(EngineError, match="no axis 3"):
        build("disaggregate", make("sum"), 3).aggregate([[Array(np.ones(2), DOUBLE)]])
    layers = [Pixels(np.array([[[1.0, 2.0]]]), np.ones((1, 1), bool))] * 2
    assert made.stack([layers])[0].data.tolist() == [[6.0]]


def test_for_each_element_keeps_the_shape() -> None:
    made = build("forEachElement", make("sum"))
    arrays = [Array(np.array([[1.0, 2.0], [3.0, 4.0]]), DOUBLE)] * 5
    [total] = made.aggregate([[*arrays, None]])
    assert total.data.tolist() == [[5, 10], [15, 20]]
    with pytest.raises(EngineError, match="one shape"):
        made.aggregate([[arrays[0], Array(np.ones(3), DOUBLE)]])
    layers = [Pixels(np.full((2, 3, 2, 2), k), np.full((2, 3), k != 1)) for k in range(4)]
    [result] = made.stack([layers])
    assert result.data.shape == (2, 3, 2, 2) and (result.data == 5).all() and result.mask.all()
