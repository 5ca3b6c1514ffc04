"""Numbers as text the way Java prints them: `Number.format` patterns and plain string conversion."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal

from pipeline.errors import EngineError

Number = int | float
Body = Callable[[Number, int | None, bool], str]

_PATTERN = re.compile(
    r"(?P<before>[^%]*)%(?P<flags>[-#+ 0,(]*)(?P<width>[1-9]\d{0,2})?(?:\.(?P<precision>\d{1,3}))?(?P<kind>[a-zA-Z])"
    r"(?P<after>[^%]*)"
)
# Wide enough for all digits of any double.
_CONTEXT = Context(prec=1500)


def text(value: Number) -> str:
    """A number as a string: integral values without decimals, others as Java prints doubles."""
    if isinstance(value, int) or (math.isfinite(value) and value.is_integer() and abs(value) < 2**63):
        return str(int(value))
    if not math.isfinite(value):
        return _special(value)
    if 1e-3 <= abs(value) < 1e7:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    power = len(digits) - 1 + int(exponent)
    rest = "".join(map(str, digits[1:])) or "0"
    return f"{'-' if sign else ''}{digits[0]}.{rest}E{power}"


def _special(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def formatted(value: Number, pattern: str) -> str:
    """The number through one printf conversion with text around it, as java.util.Formatter does it."""
    match = _PATTERN.fullmatch(pattern)
    if match is None or match["kind"] not in "sdoxXeEfgGaA":
        raise EngineError(
            f"Number.format: '{pattern}' is not a format pattern. It needs exactly one '%' and a conversion such as "
            "'%d', '%.2f' or '%s'."
        )
    flags, kind = match["flags"], match["kind"]
    precision = None if match["precision"] is None else int(match["precision"])
    body = _body(value, kind, flags, precision)
    width = int(match["width"] or 0)
    if "-" in flags:
        body = body.ljust(width)
    elif "0" in flags and kind != "s" and math.isfinite(value):
        sign = re.match(r"[-+ (]?(?:0[xX])?", body)
        head = sign.group() if sign else ""
        body = head + body[len(head) :].rjust(width - len(head), "0")
    return match["before"] + body.rjust(width) + match["after"]


def _body(value: Number, kind: str, flags: str, precision: int | None) -> str:
    if kind == "s":
        return text(value)[:precision]
    if not math.isfinite(value):
        return _special(value)
    digits = _BODIES[kind](abs(value) if kind not in "oxX" else value, precision, "#" in flags)
    negative = value < 0 and kind not in "oxX"
    if "," in flags and kind in "dfgG" and "e" not in digits.lower():
        head, dot, tail = digits.partition(".")
        digits = f"{int(head):,}{dot}{tail}"
    if negative:
        return f"({digits})" if "(" in flags else f"-{digits}"
    return ("+" if "+" in flags else " " if " " in flags else "") + digits


def _integral(value: Number) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise EngineError(f"Number.format: {value} is not an integer; use '%f' or '%s', or round it first.")
    return int(value)


def _based(kind: str) -> str:
    return {"o": "0", "x": "0x", "X": "0X"}[kind]


def _unsigned(kind: str) -> Body:
    """Octal and hexadecimal digits of the 64-bit two's complement."""

    def digits(value: Number, precision: int | None, alternate: bool) -> str:
        return (_based(kind) if alternate else "") + format(_integral(value) & (2**64 - 1), kind)

    return digits


def _fixed(value: Number, precision: int | None, alternate: bool) -> str:
    places = 6 if precision is None else precision
    rounded = Decimal(repr(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _CONTEXT)
    return f"{rounded:f}" + ("." if alternate and not places else "")


def _scientific(value: Number, precision: int | None, alternate: bool) -> str:
    places = 6 if precision is None else precision
    number = Decimal(repr(value))
    power = number.adjusted() if number else 0
    mantissa = number.scaleb(-power).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _CONTEXT)
    if mantissa >= 10:
        power += 1
        mantissa = (mantissa / 10).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _CONTEXT)
    return f"{mantissa:f}e{'-' if power < 0 else '+'}{abs(power):02d}"


def _general(value: Number, precision: int | None, alternate: bool) -> str:
    """Java's %g: fixed notation between 1e-4 and 10**precision, trailing zeros kept."""
    places = 6 if precision is None else max(precision, 1)
    number = Decimal(repr(value))
    if number and not Decimal("1e-4") <= number < Decimal(10) ** places:
        return _scientific(value, places - 1, alternate)
    return _fixed(value, places - 1 - (number.adjusted() if number else 0), alternate)


def _hexadecimal(value: Number, precision: int | None, alternate: bool) -> str:
    mantissa, _, power = float(value).hex().partition("p")
    mantissa = mantissa.rstrip("0") if "." in mantissa else f"{mantissa}."
    return f"{mantissa}{'0' if mantissa.endswith('.') else ''}p{int(power)}"


_BODIES: dict[str, Body] = {
    "d": lambda v, p, a: str(_integral(v)),
    "o": _unsigned("o"),
    "x": _unsigned("x"),
    "X": _unsigned("X"),
    "f": _fixed,
    "e": _scientific,
    "E": lambda v, p, a: _scientific(v, p, a).upper(),
    "g": _general,
    "G": lambda v, p, a: _general(v, p, a).upper(),
    "a": _hexadecimal,
    "A": lambda v, p, a: _hexadecimal(v, p, a).upper(),
}
