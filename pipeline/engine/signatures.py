"""The official signatures: what every Earth Engine function is called, takes and gives.

They come from the list that the installed client carries for its own tests; the client itself is not imported.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipeline.errors import EngineError


@dataclass(frozen=True)
class Argument:
    """One argument: its official name and type, and what it is when left out."""

    name: str
    type: str
    optional: bool
    default: Any


@dataclass(frozen=True)
class Signature:
    """One function: arguments in official order, and the type of the result."""

    name: str
    arguments: tuple[Argument, ...]
    returns: str
    hidden: bool

    def match(self, given: dict[str, Any]) -> list[Any]:
        """The given arguments in official order, defaults filled in; refuses unknown and missing ones."""
        known = {a.name for a in self.arguments}
        for name in given:
            if name not in known:
                raise EngineError(
                    f"{self.name}: Unrecognized argument '{name}'. It takes: {', '.join(sorted(known)) or 'nothing'}."
                )
        return [self._value(a, given) for a in self.arguments]

    def _value(self, argument: Argument, given: dict[str, Any]) -> Any:
        value = given.get(argument.name)
        if value is not None:
            return value
        if argument.optional:
            return argument.default
        if argument.type in ("Object", "<any>"):
            return None
        raise EngineError(f"{self.name}: Parameter '{argument.name}' is required and may not be null.")


@cache
def official_list() -> list[dict[str, Any]]:
    """The list as Earth Engine's algorithms.list prints it."""
    spec = find_spec("ee")
    if spec is None or not spec.submodule_search_locations:
        raise EngineError("The Earth Engine client is not installed. `pip install earthengine-api` brings it.")
    path = Path(spec.submodule_search_locations[0]) / "tests" / "algorithms.json"
    listed: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["algorithms"]
    return listed


@cache
def signatures() -> dict[str, Signature]:
    """Every official function by name."""
    return {s.name: s for s in map(_signature, official_list())}


def _signature(entry: dict[str, Any]) -> Signature:
    arguments = tuple(
        Argument(a["argumentName"], a["type"], a.get("optional", False), a.get("defaultValue"))
        for a in entry.get("arguments", [])
    )
    return Signature(
        entry["name"].removeprefix("algorithms/"), arguments, entry["returnType"], entry.get("hidden", False)
    )
