"""Seasons as half-open dates in UTC, by hemisphere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import ee

FIRST_MONTH = {
    "north": {"spring": 3, "summer": 6, "autumn": 9, "winter": 12},
    "south": {"spring": 9, "summer": 12, "autumn": 3, "winter": 6},
}


@dataclass(frozen=True)
class Window:
    """Dates from `start` to before `end`, ISO 8601."""

    start: str
    end: str


def window(season: str, year: int, hemisphere: str = "north") -> Window:
    """The three months of a season. The one that begins in December belongs to the year of its January."""
    month = FIRST_MONTH[hemisphere][season]
    first = year - 1 if month == 12 else year
    last = first + 1 if month > 9 else first
    return Window(date(first, month, 1).isoformat(), date(last, (month + 2) % 12 + 1, 1).isoformat())


def hemisphere(region: ee.Geometry) -> str:
    """`north` or `south`, from where the region lies; the engine is asked for its bounds."""
    ring: Any = region.bounds(ee.ErrorMargin(1)).coordinates().get(0).getInfo()
    latitudes = [point[1] for point in ring]
    if min(latitudes) < 0 < max(latitudes):
        raise ValueError(
            f"The region crosses the equator ({min(latitudes):.2f}° to {max(latitudes):.2f}°), where seasons change "
            "sides. Choose hemisphere='north' or hemisphere='south' for all of it."
        )
    return "north" if max(latitudes) > 0 else "south"


def whole_year(year: int) -> Window:
    """The four seasons of a year, in either hemisphere."""
    return Window(f"{year - 1}-12-01", f"{year}-12-01")
