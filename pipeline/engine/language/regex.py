"""Regular expressions as Earth Engine writes them (RE2), in time that grows only with the text's length."""

from __future__ import annotations

from typing import Any

import re2

from pipeline.errors import EngineError


def compiled(pattern: str, who: str, flags: str = "") -> Any:
    """The pattern, with the methods of Python's; of the flags only `i` matters here. `who` names the function."""
    unknown = set(flags) - {"g", "i"}
    if unknown:
        raise EngineError(f"{who}: Unknown regular expression flags '{flags}'. Use 'g' and 'i'.")
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = "i" not in flags
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace") if error.args else "unknown"
        raise EngineError(f"{who}: '{pattern[:80]}' is not a regular expression: {reason}.") from None
