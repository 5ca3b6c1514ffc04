"""String filters such as `a > 3 and not b in ("x", "y")`: what the server makes of them.

From loose to tight: `or` `||`, `and` `&&`, `not` `!`, one comparison or parentheses. A bare word is a property, and
so is a quoted one on the left; numbers and quoted text on the right are values. Knows the grammar only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from pipeline.engine.ops import filter as filters
from pipeline.engine.values import Filter
from pipeline.errors import EngineError

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w:]))
    | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<symbol>>=|<=|==|!=|&&|\|\||[><!()\[\],])
    | (?P<word>[A-Za-z_.][\w:.]*(?:-\w[\w:.]*)*)
    )""",
    re.VERBOSE,
)
_SPACE = re.compile(r"\s*")
_COMPARE: dict[str, Callable[..., Filter]] = {
    "==": filters.equals,
    "!=": filters.not_equals,
    "<": filters.less_than,
    "<=": filters.less_than_or_equals,
    ">": filters.greater_than,
    ">=": filters.greater_than_or_equals,
}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_KEYWORDS = {"and": "&&", "or": "||", "not": "!", "in": "in"}


@dataclass(frozen=True)
class _Token:
    kind: str
    value: Any
    position: int


def parse(text: str) -> Filter:
    """The filter that the string spells; errors name the position, counted from 1."""
    parser = _Parser(text)
    result = parser.disjunction()
    if parser.token.kind != "end":
        parser.fail("'and', 'or' or the end")
    return result


class _Parser:
    """Recursive descent, one token ahead."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.end = 0
        self.depth = 0
        self.token = self.scan()

    def scan(self) -> _Token:
        start = _SPACE.match(self.text, self.end).end()  # type: ignore[union-attr]
        if start == len(self.text):
            return _Token("end", "", start)
        match = _TOKEN.match(self.text, self.end)
        if match is None:
            hint = "; use '==' to compare" if self.text[start] == "=" else ""
            self.stop(f"unexpected {self.text[start]!r} at position {start + 1}{hint}")
        self.end = match.end()
        kind = match.lastgroup or ""
        return _token(kind, match[kind], start)

    def stop(self, why: str) -> NoReturn:
        raise EngineError(f"Filter.expression: {why} in the filter '{self.text}'.")

    def fail(self, expected: str) -> NoReturn:
        found = "the end" if self.token.kind == "end" else repr(self.text[self.token.position : self.end])
        self.stop(f"expected {expected} but found {found} at position {self.token.position + 1}")

    def take(self) -> _Token:
        token, self.token = self.token, self.scan()
        return token

    def accept(self, symbol: str) -> bool:
        if self.token.kind == "symbol" and self.token.value == symbol:
            self.take()
            return True
        return False

    def expect(self, symbol: str) -> None:
        if not self.accept(symbol):
            self.fail(f"'{symbol}'")

    def disjunction(self) -> Filter:
        parts = [self.conjunction()]
        while self.accept("||"):
            parts.append(self.conjunction())
        return parts[0] if len(parts) == 1 else filters.disjunction(parts)

    def conjunction(self) -> Filter:
        parts = [self.negation()]
        while self.accept("&&"):
            parts.append(self.negation())
        return parts[0] if len(parts) == 1 else filters.conjunction(parts)

    def negation(self) -> Filter:
        self.depth += 1
        if self.depth > 100:
            self.stop("more than 100 nested parentheses and negations")
        if self.accept("!"):
            result = filters.negation(self.negation())
        elif self.accept("("):
            result = self.disjunction()
            self.expect(")")
        else:
            result = self.comparison()
        self.depth -= 1
        return result

    def comparison(self) -> Filter:
        left = self.operand()
        if self.token.value in ("!", "in") and self.token.kind == "symbol":
            return self.membership(left)
        if self.token.kind != "symbol" or self.token.value not in _COMPARE:
            self.fail("one of == != < <= > >= in")
        symbol = self.take().value
        right = self.operand()
        if left.kind == "word" and right.kind == "word":
            return _COMPARE[symbol](left_field=left.value, right_field=right.value)
        if right.kind == "word":
            return _COMPARE[_MIRRORED[symbol]](left_field=right.value, right_value=left.value)
        if left.kind == "number":
            self.stop(f"no property is compared at position {left.position + 1}")
        return _COMPARE[symbol](left_field=left.value, right_value=right.value)

    def membership(self, left: _Token) -> Filter:
        refused = self.accept("!")
        self.expect("in")
        if left.kind == "number":
            self.stop(f"no property is compared at position {left.position + 1}")
        found = filters.in_list(left_field=left.value, right_value=self.values())
        return filters.negation(found) if refused else found

    def values(self) -> list[Any]:
        closing = "]" if self.token.value == "[" else ")"
        if not self.accept("["):
            self.expect("(")
        items = [self.literal()]
        while self.accept(","):
            items.append(self.literal())
        self.expect(closing)
        return items

    def literal(self) -> Any:
        if self.token.kind not in ("number", "text"):
            self.fail("a number or quoted text")
        return self.take().value

    def operand(self) -> _Token:
        if self.token.kind not in ("number", "text", "word"):
            self.fail("a property, a number or quoted text")
        return self.take()


def _token(kind: str, text: str, position: int) -> _Token:
    if kind == "number":
        return _Token(kind, float(text) if set(text) & set(".eE") else int(text), position)
    if kind == "text":
        return _Token(kind, re.sub(r"\\(.)", r"\1", text[1:-1]), position)
    if kind == "word" and text.lower() in _KEYWORDS:
        return _Token("symbol", _KEYWORDS[text.lower()], position)
    return _Token(kind, text, position)
