"""Number.*: arithmetic on single numbers, casts, text to number and back."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pipeline.engine.language import elementwise, infix, javafmt
from pipeline.engine.values import INT_RANGES
from pipeline.errors import EngineError

Number = int | float


def _number(data: Any) -> Number:
    """A Python number; logical results as 0 and 1."""
    value: Number = np.asarray(data).item()
    return int(value) if isinstance(value, bool) else value


def _unary(rule: elementwise.Unary) -> Callable[[Number], Number]:
    def apply(value: Number) -> Number:
        with np.errstate(all="ignore"):
            return _number(rule(elementwise.operand(value)))

    return apply


def _binary(rule: elementwise.Binary) -> Callable[[Number, Number], Number]:
    def apply(left: Number, right: Number) -> Number:
        with np.errstate(all="ignore"):
            return _number(rule(elementwise.operand(left), elementwise.operand(right)))

    return apply


def _cast(name: str) -> Callable[[Number], Number]:
    """Truncation toward zero, clamped to the type's range; `float` keeps 32 bits of precision."""
    if name == "double":
        return float
    if name == "float":
        return _unary(lambda value: value.astype(np.float32))
    low, high = INT_RANGES[name]
    return lambda value: _number(elementwise.cast(elementwise.operand(value), low, high, rounds=False))


def _parse(text: str, radix: int) -> Number:
    """The number that a string spells; other radices than 10 take integers only."""
    if not 2 <= radix <= 36:
        raise EngineError(f"Number.parse: radix must be between 2 and 36, not {radix}.")
    try:
        if "_" in text:
            raise ValueError
        if radix != 10:
            return int(text, radix)
        value = float(text)
    except ValueError:
        raise EngineError(f"Number.parse: Cannot parse '{text}' as a number of radix {radix}.") from None
    return int(text) if text.strip().lstrip("+-").isdigit() else value


def _clamp(value: Number, low: Number, high: Number) -> Number:
    """The value limited to [low, high]."""
    if low > high:
        raise EngineError(f"Number.clamp: min ({low}) must not be greater than max ({high}).")
    return min(max(value, low), high)


def _unit_scale(value: Number, low: Number, high: Number) -> Number:
    """(value − min) / (max − min), not clamped; 0 if min equals max."""
    return 0 if low == high else (value - low) / (high - low)


class _OnNumbers:
    """What a formula comes to: a number. There are no bands; `.` takes an entry of a dictionary."""

    def __init__(self, variables: dict[str, Any]) -> None:
        constants = {"PI": math.pi, "E": math.e}
        self.variables = {"Math": constants, **constants, **variables}

    def variable(self, name: str) -> Any:
        if name not in self.variables:
            raise EngineError(f"Number.expression: unknown variable '{name}'. There are: {', '.join(self.variables)}.")
        return self.variables[name]

    def bands(self, selectors: list[Any]) -> Any:
        raise EngineError("Number.expression: a number has no bands; b() is for images.")

    def member(self, value: Any, selectors: list[Any]) -> Any:
        if len(selectors) != 1 or not isinstance(value, dict) or selectors[0] not in value:
            raise EngineError(f"Number.expression: there is no member {selectors} of {str(value)[:80]}.")
        return value[selectors[0]]

    def operator(self, name: str, values: list[Any]) -> Any:
        return self.function(name, values)

    def function(self, name: str, values: list[Any]) -> Any:
        rule = FUNCTIONS.get(name)
        if rule is None:
            raise EngineError(f"Number.expression: there is no function '{name}'.")
        try:
            return rule(*values)
        except TypeError:
            raise EngineError(
                f"Number.expression: '{name}' does not take {len(values)} arguments like these."
            ) from None

    def choice(self, test: Any, yes: Any, no: Any) -> Any:
        return yes if test else no


def _expression(text: str, variables: dict[str, Any] | None) -> Number:
    """The value of a formula of numbers and named variables."""
    _, formula = infix.parse(text, "Number.expression")
    value = infix.evaluate(formula, _OnNumbers(variables or {}))
    if not isinstance(value, (int, float)):
        raise EngineError(f"Number.expression: '{text}' is not a number but {str(value)[:80]}.")
    return value


CASTS = {name: _cast(name) for name in (*INT_RANGES, "float", "double")}
FUNCTIONS: dict[str, Callable[..., Number]] = {
    **{name: _unary(rule) for name, rule in elementwise.UNARY.items()},
    **{name: _binary(rule) for name, rule in elementwise.BINARY.items()},
    **CASTS,
    **{f"to{name[0].upper()}{name[1:]}": rule for name, rule in CASTS.items()},
}

TABLE: dict[str, Callable[..., Any]] = {
    **{f"Number.{name}": rule for name, rule in FUNCTIONS.items()},
    "Number.clamp": _clamp,
    "Number.expression": _expression,
    "Number.format": javafmt.formatted,
    "Number.parse": _parse,
    "Number.unitScale": _unit_scale,
}

NOTES = {
    "Number.add": "Integer results beyond 64 bits go on as doubles; so do subtract and multiply.",
    "Number.mod": "The remainder of a division by zero is 0, like the quotient.",
    "Number.int": "Casts of numbers cut toward zero and clamp to the range, those of arrays round and clamp.",
    "Number.format": "Without a pattern, integral values print without decimals whatever they were computed from.",
    "Number.leftShift": "A negative count shifts the other way.",
}
