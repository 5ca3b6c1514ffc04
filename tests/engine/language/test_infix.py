"""Reading formulas: precedence, members, assignment, and what cannot be read."""

from typing import Any

import pytest

from pipeline.engine.language.infix import evaluate, parse
from pipeline.errors import EngineError


class Shown:
    """Writes a formula out with every operation in brackets."""

    def variable(self, name: str) -> Any:
        return name

    def bands(self, selectors: list[Any]) -> Any:
        return f"b{selectors}"

    def member(self, value: Any, selectors: list[Any]) -> Any:
        return f"{value}{selectors}"

    def operator(self, name: str, values: list[Any]) -> Any:
        return f"({name} {' '.join(map(str, values))})"

    function = operator

    def choice(self, test: Any, yes: Any, no: Any) -> Any:
        return f"({test} ? {yes} : {no})"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", "(add 1 (multiply 2 3))"),
        ("1 - 2 - 3", "(subtract (subtract 1 2) 3)"),
        ("2 ** 3 ** 2", "(pow 2 (pow 3 2))"),
        ("-2 ** 2", "(subtract 0 (pow 2 2))"),
        ("a && b || c == d", "(or (and a b) (eq c d))"),
        ("a & b ^ c | d", "(bitwiseOr (bitwiseXor (bitwiseAnd a b) c) d)"),
        ("1 << 2 + 3", "(leftShift 1 (add 2 3))"),
        ("a ? b : c ? d : e", "(a ? b : (c ? d : e))"),
        ("f(a, g(), 0x1F)", "(f a (g ) 31)"),
        ("x.B4 + x['B 5', 0][2]", "(add x['B4'] x['B 5', 0][2])"),
        ("b('B1', 2) + b()", "(add b['B1', 2] b[])"),
        ("!~+a", "(not (bitwiseNot a))"),
        (".5e1", "5.0"),
    ],
)
def test_precedence(text: str, expected: str) -> None:
    name, term = parse(text, "here")
    assert name is None and str(evaluate(term, Shown())) == expected


def test_an_assignment_names_the_result() -> None:
    assert parse("ndvi = a == b", "here")[0] == "ndvi"


@pytest.mark.parametrize("text", ["", "1 +", "(1", "1 2", "a.", "f(a b)", "@", "a ? b", "x.+", "(" * 100_000])
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(EngineError, match="here: "):
        parse(text, "here")
