from typing import Any

import pytest

from pipeline.engine.ops.string import TABLE
from pipeline.engine.values import Date
from pipeline.errors import EngineError


def call(name: str, *args: Any) -> Any:
    return TABLE[f"String.{name}" if name else "String"](*args)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a", "a"), (2.0, "2"), (2.5, "2.5"), (True, "true"), ([1, "a"], '[1,"a"]'), (Date(0), "1970-01-01T00:00:00")],
)
def test_anything_as_text(value: Any, expected: str) -> None:
    assert call("", value) == expected


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("compareTo", ("a", "b"), -1),
        ("equals", ("a", 1), False),
        ("index", ("abc", "c"), 2),
        ("rindex", ("abab", "ab"), 2),
        ("rindex", ("abab", ""), 4),
        ("slice", ("abcdef", -3, None), "def"),
        ("slice", ("abcdef", 1, -1), "bcde"),
        ("slice", ("abc", 0, 99), "abc"),
        ("trim", (" \t a b\n",), "a b"),
        ("match", ("abcabc", "b.", ""), ["bc"]),
        ("match", ("abcabc", "b.", "g"), ["bc", "bc"]),
        ("match", ("2020-05", r"(\d+)-(\d+)", ""), ["2020-05", "2020", "05"]),
        ("match", ("abc", "x", ""), []),
        ("match", ("ABC", "b", "i"), ["B"]),
        ("replace", ("abc-abc", "abc", "X", ""), "X-abc"),
        ("replace", ("aBc-Abc", "abc", "Z", "ig"), "Z-Z"),
        ("replace", ("2020-05", r"(\d+)-(\d+)", "$2/$1", ""), "05/2020"),
        ("replace", ("a", "a", r"\$1", ""), "$1"),
        ("split", ("a,b,,", ",", ""), ["a", "b"]),
        ("split", (",a", ",", ""), ["", "a"]),
        ("split", ("", ",", ""), [""]),
        ("split", ("abc", "", ""), ["a", "b", "c"]),
        ("split", ("a1b22c", "[[:digit:]]+", ""), ["a", "b", "c"]),
        ("encodeJSON", ({"a": [1.0, None]},), '{"a":[1,null]}'),
        ("decodeJSON", ('{"a":[1,null]}',), {"a": [1, None]}),
    ],
)
def test_answers(name: str, args: tuple[Any, ...], expected: Any) -> None:
    assert call(name, *args) == expected


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("match", ("a", "(", "")),
        ("match", ("a", "a", "x")),
        ("replace", ("a", "a", "$1", "")),
        ("decodeJSON", ("{",)),
    ],
)
def test_mistakes_are_refused(name: str, args: tuple[Any, ...]) -> None:
    with pytest.raises(EngineError, match=rf"String\.{name}"):
        call(name, *args)
