"""Array images against NumPy on each pixel's array."""

from typing import Any

import numpy as np
import pytest

from pipeline.engine.session import Session
from pipeline.errors import EngineError
from tests.engine.arrays import grid, image, pixels

HERE = grid(3, 4)
RNG = np.random.default_rng(0)
A, B, C = RNG.random((3, 3, 4))
MASK = RNG.random((3, 4)) < 0.7
SOURCE = image(HERE, a=(A, MASK), b=B, c=C)
STACK = np.stack([A, B, C], -1)


def call(session: Session, name: str, **given: Any) -> Any:
    return session.call(f"Image.{name}", given)


def cells(result: Any) -> Any:
    return next(iter(pixels(result, HERE).values()))


@pytest.fixture(scope="module")
def column(session: Session) -> Any:
    """3 × 1 matrices of the three bands."""
    return call(session, "toArray", image=call(session, "toArray", image=SOURCE), axis=1)


def test_to_array_masks_where_any_band_is(session: Session, column: Any) -> None:
    found = cells(column)
    assert column.names == ["array"] and column.bands[0].type.dimensions == 2
    assert np.array_equal(found.mask, MASK) and np.array_equal(found.data, STACK[..., None])


def test_get_project_flatten_come_back(session: Session, column: Any) -> None:
    position = session.call("Image.constant", {"value": [1, 0]})
    assert np.array_equal(cells(call(session, "arrayGet", image=column, position=position)).data, B)
    flat = call(session, "arrayProject", input=column, axes=[0])
    assert np.array_equal(cells(flat).data, STACK)
    bands = call(session, "arrayFlatten", image=column, coordinateLabels=[["x", "y", "z"], ["v"]])
    assert bands.names == ["x_v", "y_v", "z_v"] and np.array_equal(pixels(bands, HERE)["z_v"].data, C)


def test_matrix_products_and_inverses(session: Session, column: Any) -> None:
    row = call(session, "matrixTranspose", input=column)
    outer = call(session, "matrixMultiply", image1=column, image2=row)
    products = STACK[..., :, None] * STACK[..., None, :]
    assert np.allclose(cells(outer).data[MASK], products[MASK])
    regular = call(session, "add", image1=outer, image2=call(session, "matrixIdentity", size=3))
    inverse = cells(call(session, "matrixInverse", value=regular))
    expected = np.linalg.inv(STACK[..., :, None] * STACK[..., None, :] + np.eye(3))
    assert np.allclose(inverse.data[MASK], expected[MASK])
    solved = cells(call(session, "matrixSolve", image1=regular, image2=column))
    assert np.allclose(solved.data[MASK], (expected @ STACK[..., None])[MASK])
    determinant = cells(call(session, "matrixDeterminant", value=regular))
    assert np.allclose(determinant.data[MASK], 1 / np.linalg.det(expected)[MASK])


def test_slices_by_constants_and_by_pixels(session: Session, column: Any) -> None:
    one = call(session, "arraySlice", input=column, axis=0, start=1, end=3)
    assert np.array_equal(cells(one).data[..., 0], STACK[..., 1:3])
    last = call(session, "arraySlice", input=column, axis=0, start=-1)
    assert np.array_equal(cells(last).data[..., 0], STACK[..., 2:])
    ends = image(HERE, n=np.arange(12, dtype=np.uint8).reshape(3, 4) % 3 + 1)
    ragged = cells(call(session, "arraySlice", input=column, axis=0, start=0, end=ends))
    for at in zip(*np.nonzero(MASK), strict=True):
        assert np.array_equal(np.asarray(ragged.data[at])[:, 0], STACK[at][: (at[0] * 4 + at[1]) % 3 + 1])


def test_reductions_along_axes(session: Session, column: Any) -> None:
    for name, function in (("mean", np.mean), ("max", np.max), ("sum", np.sum)):
        reducer = session.call(f"Reducer.{name}", {})
        found = cells(call(session, "arrayReduce", input=column, reducer=reducer, axes=[0]))
        assert found.data.shape == (3, 4, 1, 1)
        assert np.allclose(found.data[MASK][:, 0, 0], function(STACK, axis=-1)[MASK])
    total = cells(call(session, "arrayAccum", input=column, axis=0))
    assert np.allclose(total.data[MASK][..., 0], np.cumsum(STACK, -1)[MASK])


def test_sort_argmax_cat_repeat_mask_length(session: Session, column: Any) -> None:
    assert np.allclose(cells(call(session, "arraySort", image=column)).data[MASK][..., 0], np.sort(STACK, -1)[MASK])
    best = cells(call(session, "arrayArgmax", image=column))
    assert np.array_equal(best.data[MASK][:, 0], STACK.argmax(-1)[MASK])
    twice = cells(call(session, "arrayCat", image1=column, image2=column, axis=1))
    assert twice.data.shape[2:] == (3, 2)
    assert cells(call(session, "arrayRepeat", input=column, axis=1, copies=4)).data.shape[2:] == (3, 4)
    keep = call(session, "gt", image1=column, image2=0.5)
    kept = cells(call(session, "arrayMask", input=column, mask=keep))
    for at in zip(*np.nonzero(MASK), strict=True):
        assert np.array_equal(np.asarray(kept.data[at])[:, 0], STACK[at][STACK[at] > 0.5])
    assert (cells(call(session, "arrayLength", input=column, axis=0)).data[MASK] == 3).all()


def test_elementwise_arithmetic_of_arrays(session: Session, column: Any) -> None:
    found = cells(call(session, "multiply", image1=column, image2=2))
    assert np.allclose(found.data[..., 0], 2 * STACK)
    mixed = cells(call(session, "add", image1=column, image2=image(HERE, k=A)))
    assert np.allclose(mixed.data[..., 0], STACK + A[..., None])


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("arrayFlatten", {"coordinateLabels": [["x", "y"], ["v"]]}, r"lengths \[2, 1\]"),
        ("arrayGet", {"position": 0}, "1 coordinates, but the array has 2 dimensions"),
        ("matrixInverse", {}, "does not work on arrays of shape"),
        ("arrayProject", {"axes": [1]}, "every other axis must have length 1"),
    ],
)
def test_shapes_that_do_not_fit_are_explained(session: Session, column: Any, name: str, given: Any, says: str) -> None:
    first = {"arrayProject": "input", "matrixInverse": "value"}.get(name, "image")
    with pytest.raises(EngineError, match=says):
        cells(call(session, name, **{first: column}, **given))
