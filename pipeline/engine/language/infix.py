"""Formulas: C's operators and precedence, `**` for powers to the right, `?:`, functions, and bands of images.

The reader turns text into terms; a `Meaning` says what they come to, for numbers or for images.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pipeline.errors import EngineError

_TOKEN = re.compile(
    r"\s*(?:(?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<text>'[^']*'|\"[^\"]*\")|(?P<sign>\*\*|==|!=|<=|>=|&&|\|\||<<|>>|[-+*/%<>!^&|?:()\[\],.=~]))"
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

_PREFIXES = {"!": "not", "~": "bitwiseNot"}


@dataclass(frozen=True)
class Term:
    """A part of a formula. `value`: a number, a name, or the selectors of `b(…)` and of members."""

    kind: Literal["number", "variable", "bands", "member", "operator", "function", "choice"]
    value: Any
    parts: tuple[Term, ...] = ()


class Meaning(Protocol):
    """What the parts of a formula come to. `operator` and `function` get official names (`add`, `sqrt`)."""

    def variable(self, name: str) -> Any:
        """The value of a name."""

    def bands(self, selectors: list[Any]) -> Any:
        """Bands of the default image; all of them for no selectors."""

    def member(self, value: Any, selectors: list[Any]) -> Any:
        """Bands of a value, by names or indices."""

    def operator(self, name: str, values: list[Any]) -> Any:
        """An operator's result."""

    def function(self, name: str, values: list[Any]) -> Any:
        """A function's result."""

    def choice(self, test: Any, yes: Any, no: Any) -> Any:
        """`test ? yes : no`."""


def parse(text: str, who: str) -> tuple[str | None, Term]:
    """The name that the formula assigns to (or None), and the formula. `who` is for errors."""
    try:
        return _Reader(text, who).whole()
    except RecursionError:
        raise EngineError(f"{who}: The formula is nested too deeply.") from None


def evaluate(term: Term, meaning: Meaning) -> Any:
    """What the formula comes to."""
    if term.kind == "number":
        return term.value
    if term.kind == "variable":
        return meaning.variable(term.value)
    if term.kind == "bands":
        return meaning.bands(term.value)
    values = [evaluate(part, meaning) for part in term.parts]
    if term.kind == "member":
        return meaning.member(values[0], term.value)
    if term.kind == "choice":
        return meaning.choice(*values)
    return (meaning.operator if term.kind == "operator" else meaning.function)(term.value, values)


class _Reader:
    """Recursive descent over the tokens."""

    def __init__(self, text: str, who: str) -> None:
        self.text, self.who = text, who
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise self.error(f"unexpected '{text[at:].lstrip()[0]}'")
            self.tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            at = match.end()
        self.tokens.reverse()

    def error(self, what: str) -> EngineError:
        return EngineError(f"{self.who}: Cannot read '{self.text}': {what}.")

    def accept(self, *signs: str) -> str | None:
        if self.tokens and self.tokens[-1][0] == "sign" and self.tokens[-1][1] in signs:
            return self.tokens.pop()[1]
        return None

    def expect(self, sign: str) -> None:
        if not self.accept(sign):
            raise self.error(f"expected '{sign}' but found '{self.tokens[-1][1] if self.tokens else 'the end'}'")

    def next(self) -> tuple[str, str]:
        if not self.tokens:
            raise self.error("it ends too early")
        return self.tokens.pop()

    def whole(self) -> tuple[str | None, Term]:
        name = None
        if len(self.tokens) > 1 and self.tokens[-1][0] == "name" and self.tokens[-2] == ("sign", "="):
            name = self.tokens.pop()[1]
            self.tokens.pop()
        term = self.choice()
        if self.tokens:
            raise self.error(f"unexpected '{self.tokens[-1][1]}'")
        return name, term

    def choice(self) -> Term:
        test = self.level(0)
        if not self.accept("?"):
            return test
        yes = self.choice()
        self.expect(":")
        return Term("choice", None, (test, yes, self.choice()))

    def level(self, depth: int) -> Term:
        if depth == len(_LEVELS):
            return self.prefix()
        term = self.level(depth + 1)
        while sign := self.accept(*_LEVELS[depth]):
            term = Term("operator", _LEVELS[depth][sign], (term, self.level(depth + 1)))
        return term

    def prefix(self) -> Term:
        sign = self.accept("-", "+", "!", "~")
        if sign is None:
            base = self.postfix()
            return Term("operator", "pow", (base, self.prefix())) if self.accept("**") else base
        term = self.prefix()
        if sign in _PREFIXES:
            return Term("operator", _PREFIXES[sign], (term,))
        return term if sign == "+" else Term("operator", "subtract", (Term("number", 0), term))

    def postfix(self) -> Term:
        term = self.atom()
        while sign := self.accept(".", "["):
            selectors = self.listed(self.selector, "]") if sign == "[" else [self.selector()]
            term = Term("member", selectors, (term,))
        return term

    def selector(self) -> Any:
        kind, word = self.next()
        if kind == "sign":
            raise self.error(f"expected a band, found '{word}'")
        return word[1:-1] if kind == "text" else _number(word) if kind == "number" else word

    def atom(self) -> Term:
        if self.accept("("):
            term = self.choice()
            self.expect(")")
            return term
        kind, word = self.next()
        if kind == "number":
            return Term("number", _number(word))
        if kind != "name":
            raise self.error(f"unexpected '{word}'")
        if not self.accept("("):
            return Term("variable", word)
        if word == "b":
            return Term("bands", self.listed(self.selector))
        return Term("function", word, tuple(self.listed(self.choice)))

    def listed(self, item: Any, end: str = ")") -> list[Any]:
        items: list[Any] = []
        while not self.accept(end):
            if items:
                self.expect(",")
            items.append(item())
        return items


def _number(word: str) -> float:
    if word[:2].lower() == "0x":
        return int(word, 16)
    return float(word) if any(c in word for c in ".eE") else int(word)
