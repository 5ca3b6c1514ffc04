"""What an asset's properties are after an update: the fields that a mask names, taken from the request or deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.engine.doors.assetfilter import millis
from pipeline.engine.doors.rest import member
from pipeline.errors import EngineError

TIMES = {
    "start_time": "system:time_start",
    "startTime": "system:time_start",
    "end_time": "system:time_end",
    "endTime": "system:time_end",
}
KEPT = {*TIMES.values(), "system:footprint"}
EVERYTHING = ("properties", "start_time", "end_time")


def changed(properties: Mapping[str, Any], given: dict[str, Any], mask: Any) -> dict[str, Any]:
    """The properties as the update leaves them; what the mask names and the request lacks is deleted."""
    made = dict(properties)
    fresh = member(given, "properties", dict, {})
    for path in _paths(mask) or EVERYTHING:
        if path in TIMES:
            made[TIMES[path]] = _time(given, path)
        elif path == "properties":
            made = {k: v for k, v in made.items() if k in KEPT} | fresh
        elif path.startswith("properties."):
            name = path.removeprefix("properties.").strip('"')
            made[name] = fresh.get(name)
        else:
            raise EngineError(f"assets.patch: '{path[:60]}' cannot be changed here. Change properties and times.")
    return {k: v for k, v in made.items() if v is not None}


def _paths(mask: Any) -> Sequence[str]:
    """The mask's paths: the client sends {"paths": […]}, REST a comma-separated text."""
    if isinstance(mask, dict):
        mask = mask.get("paths")
    found = mask.split(",") if isinstance(mask, str) and mask else mask or []
    if not isinstance(found, list) or not all(isinstance(p, str) for p in found):
        raise EngineError("Invalid value at 'updateMask': it must be a list of paths.")
    return found


def _time(given: Mapping[str, Any], path: str) -> int | None:
    spellings = [name for name, stored in TIMES.items() if stored == TIMES[path]]
    value = next((given[name] for name in spellings if given.get(name) is not None), None)
    return None if value is None else millis(str(value))
