from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.engine.language.arrays import from_values
from pipeline.engine.ops.array import TABLE as SHAPES
from pipeline.engine.ops.arraymath import TABLE as MATH
from pipeline.engine.ops.reducer import TABLE as REDUCERS
from pipeline.engine.ops.reducer_fit import TABLE as FITS
from pipeline.engine.values import Array, PixelType, named_type
from pipeline.errors import EngineError

INT8 = named_type("int8")
grids = hnp.arrays(np.int64, hnp.array_shapes(min_dims=2, max_dims=3, max_side=4), elements=st.integers(-50, 50))


def made(values: Any, kind: PixelType | None = None) -> Array:
    return from_values(values, kind)


def call(name: str, *args: Any) -> Any:
    result = {**SHAPES, **MATH}[f"Array.{name}"](*args)
    if isinstance(result, Array):
        assert result.data.dtype == result.type.dtype
        assert result.data.ndim == result.type.dimensions
        return result.data.tolist()
    return result


def test_integers_make_integer_arrays() -> None:
    assert made([1, 2]).type == PixelType("int", -(2**63), 2**63 - 1, 1)
    assert made([1, 2.5]).type == PixelType("double", None, None, 1)
    assert made(3).data.shape == ()
    assert made([made([1, 2]), [3, 4]]).data.tolist() == [[1, 2], [3, 4]]


def test_types_round_and_clamp() -> None:
    assert made([-0.1, 0.5, 127.1, 300], named_type("byte")).data.tolist() == [0, 1, 127, 255]
    assert made(made([1e10]), INT8).data.tolist() == [127]
    assert call("toInt16", made([1.5, -1.5, 1e9])) == [2, -1, 32767]
    assert call("float", made([0.1])) == [float(np.float32(0.1))]


def test_empty_arrays_need_a_type() -> None:
    assert made([[], []], INT8).data.shape == (2, 0)
    with pytest.raises(EngineError, match="pixelType"):
        made([])


@pytest.mark.parametrize("values", [[1, [2]], [[1], [2, 3]], [None], ["a"], {"a": 1}])
def test_ragged_and_foreign_values_are_refused(values: Any) -> None:
    with pytest.raises(EngineError, match="Array"):
        made(values)


@given(grids, st.integers(-5, 5))
def test_a_number_meets_every_element(data: Any, number: int) -> None:
    assert call("add", made(data.tolist()), made(number)) == (data + number).tolist()
    assert call("gt", made(number), made(data.tolist())) == (number > data).astype(int).tolist()


def test_shapes_must_agree() -> None:
    with pytest.raises(EngineError, match="same shape"):
        call("add", made([1, 2]), made([1]))


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("add", (made([100], INT8), made([100], INT8)), [200]),
        ("multiply", (made([2**62]), made(4)), [float(2**64)]),
        ("divide", (made([1, 2]), made([0, 4])), [0, 0.5]),
        ("dotProduct", (made([1, 2]), made([3, 4])), 11),
        ("argmax", (made([[1, 5], [5, 2]]),), [0, 1]),
        ("bitsToArray", (6,), [0, 1, 1]),
        ("cat", ([made([1]), made([2.5])], 0), [1, 2.5]),
        ("cat", ([made([1, 2]), made([3, 4])], 1), [[1, 3], [2, 4]]),
        ("cut", (made([[1, 2], [3, 4]]), [1, -1]), [[3, 4]]),
        ("get", (made([[1, 2], [3, 4]]), [1, 0]), 3),
        ("identity", (2,), [[1, 0], [0, 1]]),
        ("length", (made([[1, 2, 3]]),), [1, 3]),
        ("mask", (made([[1, 2], [3, 4]]), made([[0, 1]])), [[2], [4]]),
        ("mask", (made([[1, 2], [3, 4]]), made([0, 1])), [[3, 4]]),
        ("mask", (made(5), made(0)), []),
        ("pad", (made([1, 2]), [4], 9.5), [1, 2, 9.5, 9.5]),
        ("pad", (made([1, 2]), [1], 0), [1, 2]),
        ("project", (made([[[1]], [[2]]]), [0]), [1, 2]),
        ("project", (made([[1, 2]]), [1]), [1, 2]),
        ("repeat", (made([1, 2]), 0, 2), [1, 2, 1, 2]),
        ("repeat", (made([1, 2]), 1, 3), [[1, 1, 1], [2, 2, 2]]),
        ("reshape", (made([1, 2, 3, 4]), made([2, -1])), [[1, 2], [3, 4]]),
        ("slice", (made([[1, 2, 3]]), 1, -2, None, 1), [[2, 3]]),
        ("slice", (made([1, 2]), 0, 5, None, 1), []),
        ("sort", (made([3, 1, 2]), None), [1, 2, 3]),
        ("sort", (made([[1, 2], [3, 4]]), made([[2, 1]])), [[2, 1], [4, 3]]),
        ("transpose", (made([1, 2]), 0, 1), [[1, 2]]),
        ("toList", (made([[1]]),), [[1]]),
    ],
)
def test_answers(name: str, args: tuple[Any, ...], expected: Any) -> None:
    assert call(name, *args) == expected


@given(grids, st.data())
def test_sums_are_numpys(data: Any, draw: st.DataObject) -> None:
    axes = draw.draw(st.lists(st.integers(0, data.ndim - 1), unique=True, min_size=1))
    total = call("reduce", made(data.tolist()), REDUCERS["Reducer.sum"](), axes, None)
    assert np.array_equal(total, data.sum(tuple(axes), keepdims=True))


@given(grids, st.data())
def test_accumulation_is_the_cumulative_sum(data: Any, draw: st.DataObject) -> None:
    axis = draw.draw(st.integers(0, data.ndim - 1))
    expected = data.cumsum(axis).tolist()
    assert call("accum", made(data.tolist()), axis, None) == expected
    assert call("accum", made(data.tolist()), axis, REDUCERS["Reducer.sum"]()) == expected


def test_fields_lie_along_their_axis() -> None:
    column = made([[3], [1], [2]])
    assert call("reduce", column, REDUCERS["Reducer.minMax"](), [0], 1) == [[1, 3]]
    pairs = made([[0, 1], [1, 3], [2, 5]])
    fit = np.array(call("reduce", pairs, FITS["Reducer.linearFit"](), [0], 1))
    assert fit == pytest.approx(np.array([[2, 1]]))
    with pytest.raises(EngineError, match="fieldAxis"):
        call("reduce", column, REDUCERS["Reducer.minMax"](), [0], None)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("get", (made([1]), [1])),
        ("get", (made([1]), [0, 0])),
        ("cut", (made([1]), [-2])),
        ("cat", ([made([[1]]), made([[1, 2]])], 0)),
        ("slice", (made([1]), 1, 0, None, 1)),
        ("slice", (made([1]), 0, 0, None, 0)),
        ("mask", (made([[1, 2], [3, 4]]), made([[1, 1], [0, 1]]))),
        ("mask", (made([1, 2]), made([1, 1, 1]))),
        ("pad", (made([1]), [1, 2], 0)),
        ("pad", (made([1]), [10**12], 0)),
        ("project", (made([[1, 2]]), [0])),
        ("reshape", (made([1, 2]), made([3]))),
        ("repeat", (made([1]), 0, 0)),
        ("repeat", (made([1]), 0, 10**12)),
        ("identity", (-1,)),
        ("identity", (10**6,)),
        ("sort", (made([[1, 2], [3, 4]]), None)),
        ("sort", (made([1, 2]), made([1, 2, 3]))),
        ("dotProduct", (made([1]), made([1, 2]))),
        ("transpose", (made([1]), 0, -1)),
    ],
)
def test_mistakes_are_refused(name: str, args: tuple[Any, ...]) -> None:
    with pytest.raises(EngineError, match=rf"Array\.{name}"):
        call(name, *args)


def test_powers_of_integers_have_single_precision() -> None:
    assert call("pow", made([10, 2, 0]), made([-1, 3, -2])) == [0.10000000149011612, 8, float("inf")]
    assert call("pow", made([10.0, 0.5]), made([-1, 2])) == [0.1, 0.25]
