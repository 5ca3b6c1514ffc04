"""`Image.parseExpression`: formulas like `2.5 * (b("B8") - r) / (nir + 1)`, turned into calls of the same functions.

Precedence is C's, `**` binds tighter and to the right; `/` of two integers floors (Earth Engine documents it).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from pipeline.engine.image import Band, Image
from pipeline.engine.pairing import arithmetic_properties
from pipeline.engine.plan import Local, Pixels, both
from pipeline.engine.values import Function, PixelType
from pipeline.errors import EngineError

TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|0[xX][0-9a-fA-F]+)|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<text>'[^']*'|\"[^\"]*\")|(?P<sign>\*\*|==|!=|<=|>=|&&|\|\||<<|>>|[-+*/%<>!^&|?:()\[\],.=~]))"
)

# From loosest to tightest; all bind to the left.
LEVELS: tuple[dict[str, str], ...] = (
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

FUNCTIONS = (
    *("abs", "acos", "asin", "atan", "atan2", "cbrt", "ceil", "cos", "cosh", "exp", "floor", "hypot", "log", "log10"),
    *("max", "min", "pow", "round", "sin", "sinh", "sqrt", "tan", "tanh", "byte", "short", "int", "long", "float"),
    *("double", "toByte", "toShort", "toInt", "toLong", "toFloat", "toDouble", "int8", "int16", "int32", "uint8"),
    *("uint16", "uint32"),
)

Env = dict[str, Any]
Step = Callable[[Any, Env], Any]


class _Parser:
    """Recursive descent over the tokens; each rule gives a step that makes an Image or a number."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            match = TOKEN.match(text, at)
            if match is None:
                raise self.error(f"unexpected character {text[at:].lstrip()[0]!r}")
            kind = str(match.lastgroup)
            self.tokens.append((kind, match.group(kind)))
            at = match.end()
        self.at = 0

    def error(self, what: str) -> EngineError:
        return EngineError(f"Image.parseExpression: Cannot parse '{self.text}': {what}.")

    def peek(self, ahead: int = 0) -> str:
        place = self.at + ahead
        return self.tokens[place][1] if place < len(self.tokens) else ""

    def accept(self, *signs: str) -> str | None:
        if self.at < len(self.tokens) and self.tokens[self.at][0] == "sign" and self.peek() in signs:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return None

    def expect(self, sign: str) -> None:
        if not self.accept(sign):
            raise self.error(f"expected '{sign}' but found '{self.peek() or 'the end'}'")

    def whole(self) -> tuple[str | None, Step]:
        name = None
        if len(self.tokens) > 1 and self.tokens[0][0] == "name" and self.peek(1) == "=":
            name = self.peek()
            self.at = 2
        step = self.choice()
        if self.at < len(self.tokens):
            raise self.error(f"unexpected '{self.peek()}'")
        return name, step

    def choice(self) -> Step:
        test = self.level(0)
        if not self.accept("?"):
            return test
        yes = self.choice()
        self.expect(":")
        no = self.choice()
        return lambda s, e: _choose(s, test(s, e), yes(s, e), no(s, e))

    def level(self, depth: int) -> Step:
        if depth == len(LEVELS):
            return self.prefix()
        left = self.level(depth + 1)
        while sign := self.accept(*LEVELS[depth]):
            left = _call(LEVELS[depth][sign], left, self.level(depth + 1), floors=sign == "/")
        return left

    def prefix(self) -> Step:
        if self.accept("-"):
            step = self.prefix()
            return _call("subtract", lambda s, e: 0, step)
        if self.accept("+"):
            return self.prefix()
        if self.accept("!"):
            return _call("not", self.prefix())
        if self.accept("~"):
            return _call("bitwiseNot", self.prefix())
        return self.power()

    def power(self) -> Step:
        base = self.postfix()
        if self.accept("**"):
            return _call("pow", base, self.prefix())
        return base

    def postfix(self) -> Step:
        step = self.atom()
        while True:
            if self.accept("."):
                kind, name = self.next()
                if kind != "name":
                    raise self.error(f"expected a band name after '.', found '{name}'")
                step = _band(step, name)
            elif self.accept("["):
                kind, item = self.next()
                self.expect("]")
                step = _band(step, _literal(kind, item))
            else:
                return step

    def next(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise self.error("it ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def atom(self) -> Step:
        if self.accept("("):
            step = self.choice()
            self.expect(")")
            return step
        kind, word = self.next()
        if kind == "number":
            value = _literal(kind, word)
            return lambda s, e: value
        if kind == "name":
            return self.function(word) if self.accept("(") else lambda s, e: _variable(e, word, self)
        raise self.error(f"unexpected '{word}'")

    def function(self, name: str) -> Step:
        if name == "b":
            return self.default_band()
        if name not in FUNCTIONS:
            raise self.error(f"there is no function '{name}'; available are {', '.join(FUNCTIONS)}")
        steps: list[Step] = []
        while not self.accept(")"):
            if steps:
                self.expect(",")
            steps.append(self.choice())
        if name in ("min", "max") and len(steps) > 2:
            step = steps[0]
            for other in steps[1:]:
                step = _call(name, step, other)
            return step
        return _call(name, *steps)

    def default_band(self) -> Step:
        if self.accept(")"):
            return lambda s, e: e[""]
        selectors = []
        while True:
            selectors.append(_literal(*self.next()))
            if self.accept(")"):
                return lambda s, e: s.call("Image.select", {"input": e[""], "bandSelectors": selectors})
            self.expect(",")


def _literal(kind: str, word: str) -> Any:
    if kind == "text":
        return word[1:-1]
    if kind == "number":
        if word[:2].lower() == "0x":
            return int(word, 16)
        return float(word) if any(c in word for c in ".eE") else int(word)
    return word


def _variable(env: Env, name: str, parser: _Parser) -> Any:
    if name in env:
        return env[name]
    if name in ("PI", "E"):
        return {"PI": 3.141592653589793, "E": 2.718281828459045}[name]
    raise parser.error(f"unknown variable '{name}'")


def _band(step: Step, selector: Any) -> Step:
    return lambda s, e: s.call("Image.select", {"input": step(s, e), "bandSelectors": [selector]})


def _call(name: str, *steps: Step, floors: bool = False) -> Step:
    def run(session: Any, env: Env) -> Any:
        values = [step(session, env) for step in steps]
        names = ["value"] if len(values) == 1 else ["image1", "image2"]
        result = session.call(f"Image.{name}", dict(zip(names, values, strict=False)))
        if floors and all(_is_integer(session, v) for v in values):
            return session.call("Image.int", {"value": session.call("Image.floor", {"value": result})})
        return result

    return run


def _is_integer(session: Any, value: Any) -> bool:
    if isinstance(value, Image):
        return all(b.type.precision == "int" for b in value.bands)
    return isinstance(value, int)


def _choose(session: Any, test: Any, yes: Any, no: Any) -> Any:
    """`test ? yes : no` by pixel: valid where the test and the chosen side are."""
    images = [v if isinstance(v, Image) else session.call("Image.constant", {"value": v}) for v in (test, yes, no)]
    count = max(len(image.bands) for image in images)
    if any(len(image.bands) not in (1, count) for image in images):
        raise EngineError("Image.parseExpression: The parts of '?:' must have 1 or the same number of bands.")
    bands = []
    for i in range(count):
        t, y, n = (image.bands[i if len(image.bands) > 1 else 0] for image in images)
        kind = y.type.union(n.type)
        bands.append(Band(y.name, kind, Local(_chooser(kind), (t.plan, y.plan, n.plan)), t.projection, t.window))
    return Image(tuple(bands), arithmetic_properties(images[0]))


def _chooser(kind: PixelType) -> Callable[..., Pixels]:
    def compute(test: Pixels, yes: Pixels, no: Pixels) -> Pixels:
        chosen = test.data != 0
        data = np.where(chosen, yes.data.astype(kind.dtype), no.data.astype(kind.dtype))
        return Pixels(data, both(test.mask, np.where(chosen, yes.mask, no.mask)))

    return compute


def _parse(session: Any, text: str, default: str, names: list[str], free: bool) -> Function:
    """A function of the default image and the variables, in the order of `names`."""
    band_name, step = _Parser(text).whole()

    def run(*values: Any) -> Image:
        env = dict(zip(names, values, strict=False))
        env[""] = env.get(default, values[0] if values else None)
        if free and isinstance(env[""], Image):
            for band in env[""].names:
                env.setdefault(band, session.call("Image.select", {"input": env[""], "bandSelectors": [band]}))
        result = step(session, env)
        image = result if isinstance(result, Image) else session.call("Image.constant", {"value": result})
        return image if band_name is None else session.call("Image.rename", {"input": image, "names": [band_name]})

    return Function(tuple(names), run)


SESSION_TABLE = {"Image.parseExpression": _parse}
