"""The functions of Earth Engine that the local engine has, one module a family.

A module's `TABLE` maps official names to functions of the coerced arguments; functions in `SESSION_TABLE` get the
running session before them; `NOTES` says what is approximate and why. Grep a name in quotes to find its rule.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, NamedTuple


class Op(NamedTuple):
    """A rule, and whether it wants the session as its first argument."""

    function: Callable[..., Any]
    wants_session: bool


@cache
def table() -> dict[str, Op]:
    """Every function by its official name."""
    ops: dict[str, Op] = {}
    for module in _families():
        for attribute, wants_session in (("TABLE", False), ("SESSION_TABLE", True)):
            for name, function in getattr(module, attribute, {}).items():
                if name in ops:
                    raise RuntimeError(f"{name} is defined twice, again in {module.__name__}")
                ops[name] = Op(function, wants_session)
    return ops


@cache
def notes() -> dict[str, str]:
    """What is approximate, by function."""
    return {name: text for module in _families() for name, text in getattr(module, "NOTES", {}).items()}


def available() -> set[str]:
    """Names of all functions that are there; `If` is the evaluator's own."""
    return {*table(), "If"}


def _families() -> list[Any]:
    return [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
