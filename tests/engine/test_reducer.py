"""The reducer type: nulls, weights, stacks against lists of values."""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engine.ops import reducer, reducer_fit, reducer_histogram, reducer_values
from pipeline.engine.plan import Pixels, everywhere
from pipeline.engine.reducer import Reducer, by_pixels, leaf
from pipeline.engine.session import Session
from pipeline.engine.values import DOUBLE, Array, PixelType
from pipeline.errors import EngineError

TABLE: dict[str, Callable[..., Reducer]] = {
    k.removeprefix("Reducer."): v
    for module in (reducer, reducer_fit, reducer_histogram, reducer_values)
    for k, v in module.TABLE.items()
}
BUCKETS = (None, None, None)
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "median": BUCKETS,
    "mode": BUCKETS,
    "percentile": ([0, 10, 33.3, 100], None, *BUCKETS),
    "intervalMean": (10, 70, *BUCKETS),
    "min": (1,),
    "max": (2,),
    "kendallsCorrelation": (2,),
    "linearRegression": (2, 1),
    "robustLinearRegression": (1, 1, None),
    "ridgeRegression": (1, 2, 0.1),
    "geometricMedian": (2, 0.001, 10.0),
    "toList": (None, 0),
    "toCollection": (["a"], 0),
    "histogram": BUCKETS,
    "autoHistogram": (*BUCKETS, False),
    "fixedHistogram": (0.0, 10.0, 5, False),
    "fixed2DHistogram": (0.0, 10.0, 5, 0.0, 10.0, 2),
}


def make(name: str) -> Reducer:
    return TABLE[name](*ARGUMENTS.get(name, ()))


COMPILED = [name for name in TABLE if make(name).layers is not None]
DTYPES = st.sampled_from([np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
SHAPE = (2, 3)


@st.composite
def layers(draw: st.DrawFn, count: int, partial: bool) -> list[Pixels]:
    """Layers with many ties, and values at the type's limit, where sentinels would show."""
    kind = draw(DTYPES)
    top = np.finfo(kind).max if np.issubdtype(kind, np.floating) else np.iinfo(kind).max
    values = st.one_of(st.integers(0, 5), st.just(top if kind in (np.uint8, np.uint16) else 7))
    size = SHAPE[0] * SHAPE[1]
    made = []
    for _ in range(count):
        data = np.array(draw(st.lists(values, min_size=size, max_size=size))).astype(kind).reshape(SHAPE)
        weights = st.sampled_from([0.0, 0.25, 1.0]) if partial else st.booleans()
        mask = np.array(draw(st.lists(weights, min_size=size, max_size=size))).reshape(SHAPE)
        made.append(Pixels(data, mask.astype(np.float32 if partial else np.bool_)))
    return made


def same(compiled: Pixels, plain: Pixels, tolerance: float) -> None:
    np.testing.assert_array_equal(compiled.mask, plain.mask)
    ok = plain.mask
    if ok.any():
        np.testing.assert_allclose(
            compiled.data[ok].astype(float), plain.data[ok].astype(float), rtol=tolerance, atol=tolerance
        )


@pytest.mark.parametrize("name", COMPILED)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_a_stack_gives_what_each_pixel_gives_alone(name: str, data: st.DataObject) -> None:
    made = make(name)
    count = data.draw(st.integers(1, 7))
    partial = data.draw(st.booleans())
    inputs = [data.draw(layers(count, partial)) for _ in range(made.inputs)]
    tolerance = 1e-5 if any(p.data.dtype == np.float32 for ls in inputs for p in ls) else 1e-8
    for compiled, plain in zip(made.stack(inputs), by_pixels(made, inputs), strict=True):
        same(compiled, plain, max(tolerance, 1e-3 if name == "geometricMedian" else 0))


@pytest.mark.parametrize("name", ["mean", "median", "sum", "max", "count"])
def test_free_masks_and_large_grids_are_cut_into_blocks(name: str) -> None:
    rng = np.random.default_rng(1)
    made = TABLE[name](*(ARGUMENTS[name] if name != "max" else (1,)) if name in ARGUMENTS else ())
    stack = [Pixels(rng.integers(0, 9, (700, 611)).astype(np.uint16), everywhere((700, 611))) for _ in range(5)]
    whole = np.stack([p.data for p in stack])
    expected = {"mean": whole.mean(0), "median": np.median(whole, 0), "sum": whole.sum(0), "max": whole.max(0)}
    [result] = made.stack([stack])
    np.testing.assert_allclose(result.data, expected.get(name, np.full((700, 611), 5)))
    assert result.mask.all()


@pytest.mark.parametrize("name", ["sum", "mean", "count", "median", "minMax", "stdDev", "histogram", "linearFit"])
def test_rows_with_nulls_are_skipped(name: str) -> None:
    made = make(name)
    columns = [[1, None, 3, 4], [2, 2, None, 9]][: made.inputs]
    clean = [[1, 3, 4]] if made.inputs == 1 else [[1, 4], [2, 9]]
    assert made.aggregate(columns) == made.aggregate(clean)


@pytest.mark.parametrize("name", [n for n in TABLE if n not in ("toList", "toCollection")])
def test_nothing_gives_null_but_counts_and_sums_give_zero(name: str) -> None:
    made = make(name)
    results = made.aggregate([[] for _ in range(made.inputs)])
    assert results == [0 if name == "sum" or "count" in name else None] * len(made.outputs)


OBJECTS = ("covariance", "centeredCovariance", "toCollection")


@pytest.mark.parametrize(
    "name", [n for n in TABLE if not make(n).weighted and make(n).inputs == 1 and n not in OBJECTS]
)
def test_unweighted_reducers_see_only_whether_a_weight_is_positive(name: str) -> None:
    made = make(name)
    values = [3, 1, 4, 1]
    weighed = made.aggregate([values], [0.1, 0.2, 5, 0.3])
    assert weighed == made.aggregate([values])


def test_weights_of_zero_and_null_exclude() -> None:
    assert make("count").aggregate([[1, 2, 3]], [1, 0, None]) == [1]
    assert make("mean").aggregate([[1, 2, 3]], [1, 0, 1]) == [2.0]


def test_weights_may_come_per_input() -> None:
    fit = make("linearFit")
    per_input = [[1, 1, 0.5], [1, 0.25, 1]]
    assert fit.aggregate([[1, 2, 3], [1, 5, 2]], per_input) == fit.aggregate([[1, 2, 3], [1, 5, 2]], [1, 0.25, 0.5])


def test_booleans_count_as_numbers_and_strings_do_not() -> None:
    assert make("sum").aggregate([[True, True, False]]) == [2]
    with pytest.raises(EngineError, match=r"Reducer\.mean: inputs must be numbers, but got 'a'"):
        make("mean").aggregate([[1, "a"]])
    with pytest.raises(EngineError, match="Array"):
        make("mean").aggregate([[Array(np.ones(2), DOUBLE)]])
    assert make("count").aggregate([[1, "", 3]]) == [3]


def test_the_number_of_inputs_is_checked() -> None:
    with pytest.raises(EngineError, match="needs 2 inputs, but got 1"):
        make("linearFit").aggregate([[1]])
    with pytest.raises(EngineError, match="needs 1 inputs, but got 2"):
        make("mean").output_types([DOUBLE, DOUBLE])
    with pytest.raises(EngineError, match="no layers"):
        make("mean").stack([[]])


def pixels(*values: Any, kind: Any = np.uint8) -> list[Pixels]:
    return [Pixels(np.full((1, 1), 0 if v is None else v, kind), np.full((1, 1), v is not None)) for v in values]


def test_lists_of_one_length_are_dense_arrays_and_others_are_objects() -> None:
    to_list = make("toList")
    [dense] = to_list.stack([pixels(1, None, 3)])
    assert dense.data.shape == (1, 1, 2) and dense.data[0, 0].tolist() == [1, 3]
    ragged = [Pixels(np.array([[1, 2]]), np.array([[True, k == 0]])) for k in range(2)]
    [objects] = to_list.stack([ragged])
    assert objects.data.dtype == object and [len(v) for v in objects.data[0]] == [2, 1]


def test_ragged_pixels_can_be_picked_again() -> None:
    ragged = np.empty((1, 1), object)
    ragged[0, 0] = np.array([1, 2])
    [first] = make("firstNonNull").stack([[Pixels(ragged, np.ones((1, 1), bool))]])
    assert first.data[0, 0].tolist() == [1, 2]


def test_dictionaries_become_object_pixels() -> None:
    [result] = make("frequencyHistogram").stack([pixels(1, 1, 2)])
    assert result.data[0, 0] == {"1": 2, "2": 1}


def test_array_pixels_are_reduced_where_a_rule_takes_arrays() -> None:
    layers = [Pixels(np.array([[[k, 2.0]]]), np.array([[k != 1]])) for k in (1.0, 3.0, 5.0)]
    [first] = make("firstNonNull").stack([layers])
    assert first.data[0, 0].tolist() == [3.0, 2.0] and first.mask.all()
    [matrix] = make("covariance").stack([layers])
    assert matrix.data.shape == (1, 1, 2, 2) and matrix.data[0, 0].tolist() == [[1.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize(
    ("name", "precision"),
    [("median", "double"), ("mean", "double"), ("max", "int"), ("mode", "int"), ("count", "int"), ("stdDev", "double")],
)
def test_types_of_integers(name: str, precision: str) -> None:
    made = TABLE["max"](1) if name == "max" else make(name)
    [kind] = made.output_types([PixelType("int", 0, 255)])
    assert kind.precision == precision
    [result] = made.stack([pixels(1, 2)])
    assert result.data.dtype == kind.dtype


def test_floats_stay_floats() -> None:
    for name in ("mean", "median", "intervalMean"):
        assert make(name).output_types([PixelType("float")]) == [PixelType("float")]
        assert make(name).stack([pixels(1, 2, kind=np.float32)])[0].data.dtype == np.float32


def test_every_output_has_a_type() -> None:
    for name in TABLE:
        made = make(name)
        assert len(made.output_types([DOUBLE] * made.inputs)) == len(made.outputs), name


def test_a_leaf_without_a_block_is_folded_pixel_by_pixel() -> None:
    made = leaf("third", ["third"], lambda v: [float(v[2])] if len(v) > 2 else [None], lambda t: t)
    [result] = made.stack([pixels(1, 2, 3)])
    assert result.data.tolist() == [[3.0]]
    assert not made.stack([pixels(1, 2)])[0].mask.any()


WHOLE = Session(workers=1)
RUNNING = (
    *("sum", "mean", "count", "min", "max", "minMax", "product", "variance", "stdDev", "sampleVariance"),
    *("sampleStdDev", "allNonZero", "anyNonZero", "and", "or", "bitwiseAnd", "bitwiseOr", "frequencyHistogram"),
)


def in_parts(reducer: Reducer, columns: list[Any], weights: Any, cuts: list[int]) -> list[Any]:
    """The result of rows taken in parts."""
    run = reducer.running
    assert run is not None
    pieces = [slice(a, b) for a, b in pairwise([0, *sorted(cuts), len(columns[0])])]
    states = [run.part([c[p] for c in columns], weights[p]) for p in pieces]
    return run.end(functools.reduce(run.join, states))


@pytest.mark.parametrize("name", RUNNING)
@given(data=st.data())
def test_rows_in_parts_give_the_result_of_all(name: str, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 30))
    values = np.array(data.draw(st.lists(st.integers(-3, 5), min_size=count, max_size=count)))
    weights = np.array(data.draw(st.lists(st.sampled_from([0.25, 0.5, 1.0]), min_size=count, max_size=count)))
    cuts = data.draw(st.lists(st.integers(0, count), max_size=3))
    reducer = WHOLE.call(f"Reducer.{name}", {})
    expected, found = reducer.aggregate([values], weights), in_parts(reducer, [values], weights, cuts)
    assert [v if isinstance(v, dict) else pytest.approx(v) for v in expected] == found


@given(st.integers(0, 1000))
def test_combined_and_grouped_rows_in_parts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, keys, weights = rng.random(40), rng.integers(0, 4, 40), rng.random(40)
    call = WHOLE.call
    spread = {"reducer1": call("Reducer.mean", {}), "reducer2": call("Reducer.stdDev", {}), "sharedInputs": True}
    both = call("Reducer.combine", spread)
    grouped = call("Reducer.group", {"reducer": both, "groupField": 1, "groupName": "class"})
    columns = [values, keys]
    expected, found = grouped.aggregate(columns, weights), in_parts(grouped, columns, weights, [7, 20])
    assert [g["class"] for g in found[0]] == [g["class"] for g in expected[0]]
    for a, b in zip(expected[0], found[0], strict=True):
        assert a == pytest.approx(b)
    assert call("Reducer.combine", {**spread, "reducer2": call("Reducer.median", {})}).running is None
