"""Formulas: precedence, types, variables, errors."""

from typing import Any

import numpy as np
import pytest

from pipeline.engine.session import Session
from pipeline.errors import EngineError
from tests.engine.arrays import grid, image, masked, pixels

HERE = grid(2, 3)
NIR, RED = np.array([[5000, 3000, 10], [0, 1, 7]], np.int32), np.array([[1000, 3000, 20], [5, 2, 3]], np.int32)
SOURCE = image(HERE, B8=NIR, B4=RED)


def run(session: Session, text: str, **variables: Any) -> Any:
    names = ["DEFAULT", *variables]
    arguments = {"expression": text, "argName": "DEFAULT", "vars": names}
    function = session.call("Image.parseExpression", arguments)
    return function(SOURCE, *variables.values())


def values(session: Session, text: str, **variables: Any) -> Any:
    result = run(session, text, **variables)
    return masked(pixels(result, HERE)[result.names[0]])


N, R = NIR.astype(float), RED.astype(float)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("b('B8') + b('B4') * 2", N + R * 2),
        ("(b(0) + b(1)) * 2", (N + R) * 2),
        ("-b('B8') + 3", 3 - N),
        ("2 ** 3 ** 2 + 0 * b('B8')", np.full((2, 3), 512.0)),
        ("-2 ** 2 + 0 * b('B8')", np.full((2, 3), -4.0)),
        ("b('B8') > b('B4') && b('B8') != 7", (N > R) & (N != 7)),
        ("b('B8') > b('B4') || b('B8') == 1", (N > R) | (N == 1)),
        ("!(b('B8') >= b('B4'))", ~(N >= R)),
        ("b('B8') > b('B4') ? b('B8') : b('B4')", np.maximum(N, R)),
        ("b('B8') % 7", N % 7),
        ("max(b('B8'), b('B4'), 100)", np.maximum(np.maximum(N, R), 100)),
        ("sqrt(b('B8')) - 1.5e1", np.sqrt(N) - 15),
        ("1 + 2 == 3 ? b('B4') : 0", R),
        ("b('B8') / 2.0", N / 2),
        ("x.B4 + x['B8'] + k", N + R + 5),
        ("b('B8') * 1.0 / b('B4')", N / R),
        ("7 * 1.0 / 2 + 0 * b('B8')", np.full((2, 3), 3.5)),
        ("b('B8') / (b('B8') - b('B8'))", np.zeros((2, 3))),
    ],
)
def test_formulas(session: Session, text: str, expected: Any) -> None:
    assert np.allclose(values(session, text, x=SOURCE, k=5), expected)


def test_division_of_integers_floors(session: Session) -> None:
    assert np.array_equal(values(session, "b('B8') / 7"), NIR // 7)
    assert np.array_equal(values(session, "-7 / 2 + 0 * b('B8')"), np.full((2, 3), -4))


def test_assignment_names_the_band(session: Session) -> None:
    assert run(session, "evi = 2.5 * (b('B8') - b('B4'))").names == ["evi"]


def test_a_ternary_is_valid_where_test_and_chosen_side_are(session: Session) -> None:
    half = image(HERE, B8=(NIR, np.array([[True, False, True], [True, True, False]])))
    found = values(session, "b('B4') > 3 ? x : b('B4')", x=half)
    assert np.array_equal(~np.ma.getmaskarray(found), (RED <= 3) | pixels(half, HERE)["B8"].mask)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("b('B8') +", "ends too early"),
        ("b('B8') $ 2", "unexpected '\\$'"),
        ("foo(1)", "no function 'foo'"),
        ("y + 1", "unknown variable 'y'"),
        ("(1 + 2", "expected '\\)'"),
        ("1 2", "unexpected '2'"),
        ("b('B9')", "Band pattern 'B9' did not match"),
    ],
)
def test_errors_say_where(session: Session, text: str, says: str) -> None:
    with pytest.raises(EngineError, match=says):
        run(session, text)


def test_division_of_large_integers_is_exact(session: Session) -> None:
    large = image(HERE, a=np.full((2, 3), 2**60 + 1, np.int64))
    divided = run(session, "x / 1", x=large)
    assert (masked(pixels(divided, HERE)["a"]) == 2**60 + 1).all()
    assert run(session, "b('B8') / 7").bands[0].type.precision == "int"


def test_members_may_be_several(session: Session) -> None:
    assert run(session, "x[1, 'B8']", x=SOURCE).names == ["B4", "B8"]
    assert run(session, "b(1, 'B8') + 1").names == ["B4", "B8"]
