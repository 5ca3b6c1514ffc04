"""Formulas on numbers: C's operators and precedence, `**` for powers, `?:`, and functions by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.errors import EngineError

_TOKEN = re.compile(
    r"\s*((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[A-Za-z_]\w*|\*\*|<<|>>|[<>=!]=|&&|\|\||[-+*/%<>!~&|^?:(),])"
)

# From loosest to tightest; all bind to the left.
_LEVELS: tuple[dict[str, str], ...] = (
    {"||": "or"},
    {"&&": "and"},
    {"|": "bitwiseOr"},
    {"^": "bitwiseXor"},
    {"&": "bitwiseAnd"},
    {"==": "eq", "!=": "neq"},
    {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"},
    {"<<": "leftShift", ">>": "rightShift"},
    {"+": "add", "-": "subtract"},
    {"*": "multiply", "/": "divide", "%": "mod"},
)


def evaluate(text: str, variables: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]], who: str) -> Any:
    """The value of a formula; operators are calls of `functions` by their official names. `who` is for errors."""
    try:
        return _Reader(text, variables, functions, who).whole()
    except RecursionError:
        raise EngineError(f"{who}: The formula is nested too deeply.") from None


class _Reader:
    """Recursive descent that computes as it reads."""

    def __init__(
        self, text: str, variables: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]], who: str
    ) -> None:
        self.text, self.variables, self.functions, self.who = text, variables, functions, who
        self.tokens: list[str] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise self.error(f"unexpected '{text[at:].strip()[0]}'")
            self.tokens.append(match[1])
            at = match.end()
        self.tokens.reverse()

    def error(self, what: str) -> EngineError:
        return EngineError(f"{self.who}: Cannot evaluate '{self.text}': {what}.")

    def accept(self, *signs: str) -> str | None:
        return self.tokens.pop() if self.tokens and self.tokens[-1] in signs else None

    def expect(self, sign: str) -> None:
        if not self.accept(sign):
            raise self.error(f"expected '{sign}' but found '{self.tokens[-1] if self.tokens else 'the end'}'")

    def whole(self) -> Any:
        value = self.choice()
        if self.tokens:
            raise self.error(f"unexpected '{self.tokens[-1]}'")
        return value

    def choice(self) -> Any:
        test = self.level(0)
        if not self.accept("?"):
            return test
        yes = self.choice()
        self.expect(":")
        no = self.choice()
        return yes if test else no

    def level(self, depth: int) -> Any:
        if depth == len(_LEVELS):
            return self.prefix()
        value = self.level(depth + 1)
        while sign := self.accept(*_LEVELS[depth]):
            value = self.functions[_LEVELS[depth][sign]](value, self.level(depth + 1))
        return value

    def prefix(self) -> Any:
        if sign := self.accept("-", "+", "!", "~"):
            value = self.prefix()
            if sign in "!~":
                return self.functions["not" if sign == "!" else "bitwiseNot"](value)
            return value if sign == "+" else self.functions["subtract"](0, value)
        base = self.atom()
        return self.functions["pow"](base, self.prefix()) if self.accept("**") else base

    def atom(self) -> Any:
        if self.accept("("):
            value = self.choice()
            self.expect(")")
            return value
        if not self.tokens:
            raise self.error("it ends too early")
        word = self.tokens.pop()
        if word[0].isdigit() or word[0] == ".":
            return float(word) if any(c in word for c in ".eE") else int(word)
        if not (word[0].isalpha() or word[0] == "_"):
            raise self.error(f"unexpected '{word}'")
        if self.accept("("):
            return self.call(word)
        if word not in self.variables:
            raise self.error(f"unknown variable '{word}'")
        return self.variables[word]

    def call(self, name: str) -> Any:
        if name not in self.functions:
            raise self.error(f"there is no function '{name}'")
        values: list[Any] = []
        while not self.accept(")"):
            if values:
                self.expect(",")
            values.append(self.choice())
        try:
            return self.functions[name](*values)
        except TypeError:
            raise self.error(f"'{name}' does not take {len(values)} arguments like these") from None
