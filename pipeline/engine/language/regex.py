"""Regular expressions as Earth Engine writes them (RE2), compiled to Python's."""

from __future__ import annotations

import re

from pipeline.errors import EngineError

_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7F",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1F\x7F",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}


def compiled(pattern: str, who: str, flags: str = "") -> re.Pattern[str]:
    """The pattern for Python's `re`; of the flags only `i` matters here. `who` names the function in errors."""
    unknown = set(flags) - {"g", "i"}
    if unknown:
        raise EngineError(f"{who}: Unknown regular expression flags '{flags}'. Use 'g' and 'i'.")
    translated = re.sub(r"\[:(\w+):\]", lambda m: _POSIX.get(m[1], m[0]), pattern).replace(r"\z", r"\Z")
    try:
        return re.compile(translated, re.IGNORECASE if "i" in flags else 0)
    except re.error as error:
        raise EngineError(f"{who}: '{pattern}' is not a regular expression: {error}.") from None
