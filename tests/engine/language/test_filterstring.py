import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.collection import Feature
from pipeline.engine.language.filterstring import parse
from pipeline.errors import EngineError


def passes(text: str, **properties: object) -> bool:
    return parse(text).test(Feature(None, properties))


@given(
    st.integers(-3, 3),
    st.integers(-3, 3),
    st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
)
def test_every_comparison_means_what_python_means(value: int, limit: int, symbol: str) -> None:
    test = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}[symbol]
    expected = getattr(operator, test)(value, limit)
    assert passes(f"a {symbol} {limit}", a=value) == expected
    assert passes(f"{value} {symbol} a", a=limit) == expected


@given(st.booleans(), st.booleans(), st.booleans())
def test_and_binds_tighter_than_or_and_not_tighter_still(a: bool, b: bool, c: bool) -> None:
    values = {"a": int(a), "b": int(b), "c": int(c)}
    assert passes("a == 1 or b == 1 and c == 1", **values) == (a or (b and c))
    assert passes("(a == 1 || b == 1) && c == 1", **values) == ((a or b) and c)
    assert passes("not a == 1 and b == 1 or !(c == 1)", **values) == ((not a and b) or not c)


@pytest.mark.parametrize(
    ("text", "properties", "expected"),
    [
        ('a > 3 and not b in ("x","y")', {"a": 4, "b": "z"}, True),
        ('a > 3 and not b in ("x","y")', {"a": 4, "b": "x"}, False),
        ("b not in ('x', 'y')", {"b": "z"}, True),
        ("b in [1, -2.5e0]", {"b": -2.5}, True),
        ("system:index == '00_1'", {"system:index": "00_1"}, True),
        ("'system:index' == '00_1'", {"system:index": "00_1"}, True),
        (r"""a == 'it\'s' && b == "\"q\"" """, {"a": "it's", "b": '"q"'}, True),
        ("a<b", {"a": 1, "b": 2}, True),
        ("a>-3", {"a": -2}, True),
        ("a == .5", {"a": 0.5}, True),
        ("a != 3", {}, False),
        ("android == 1", {"android": 1}, True),
        ("a == 1 AND b == 2", {"a": 1, "b": 2}, True),
    ],
)
def test_spellings(text: str, properties: dict[str, object], expected: bool) -> None:
    assert passes(text, **properties) == expected


@pytest.mark.parametrize(
    ("text", "position", "complaint"),
    [
        ("a = 3", 3, "use '=='"),
        ("a >", 4, "the end"),
        ("a > 3 b", 7, "'b'"),
        ("(a > 3", 7, "'\\)'"),
        ("a in ()", 7, "quoted text"),
        ("a in (x)", 7, "quoted text"),
        ("a # 3", 3, "unexpected '#'"),
        ("3 > 4", 1, "no property"),
        ("", 1, "the end"),
        ("a == 'open", 6, "unexpected"),
        ("5 in (1)", 1, "no property"),
    ],
)
def test_errors_name_the_position(text: str, position: int, complaint: str) -> None:
    with pytest.raises(EngineError, match=complaint) as caught:
        parse(text)
    assert f"position {position}" in str(caught.value)


def test_deep_nesting_is_refused_and_long_chains_are_not() -> None:
    with pytest.raises(EngineError, match="nested"):
        parse("(" * 5000 + "a == 1" + ")" * 5000)
    assert passes(" or ".join(f"a == {i}" for i in range(3000)), a=2999)


@given(st.text(max_size=30))
def test_any_text_parses_or_is_one_clear_error(text: str) -> None:
    try:
        parse(text)
    except EngineError as error:
        assert "Filter.expression" in str(error)
