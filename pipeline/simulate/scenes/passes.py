"""When Sentinel-2 and Sentinel-1 pass over the district, and what Earth Engine says of each image they make.

Two neighbouring Sentinel-2 orbits, each seen every five days by 2A and 2B in turn; an ascending and a descending orbit
of Sentinel-1A, each every twelve days. Orbit numbers go on from real ones; the rest of an id is made up, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pyproj import Transformer

from pipeline.simulate.district import Place

DAY = timedelta(days=1)


@dataclass(frozen=True)
class OpticalPass:
    """One look of Sentinel-2 at the district. `start` is that of the data take, `seen` when the district was seen."""

    satellite: str
    relative: int
    absolute: int
    start: datetime
    seen: datetime
    tile: str

    @property
    def index(self) -> str:
        """`system:index` of the image."""
        return f"{self.start:%Y%m%dT%H%M%S}_{self.start + timedelta(seconds=9):%Y%m%dT%H%M%S}_{self.tile}"


@dataclass(frozen=True)
class RadarPass:
    """One look of Sentinel-1 at the district. `heading` is the flight's, degrees clockwise from north; the antenna
    looks to the right of it. `angle` is the incidence angle in the middle of the district."""

    direction: str
    relative: int
    absolute: int
    start: datetime
    heading: float
    angle: float

    @property
    def index(self) -> str:
        """`system:index` of the image."""
        end = self.start + timedelta(seconds=25)
        take = f"{(self.absolute * 7919) % 0xFFFFFF:06X}"
        return f"S1A_IW_GRDH_1SDV_{self.start:%Y%m%dT%H%M%S}_{end:%Y%m%dT%H%M%S}_{self.absolute:06d}_{take}_51AE"


@dataclass(frozen=True)
class _Track:
    """A repeating orbit: a pass that did take place, and after how many days and orbits it comes again."""

    name: str
    relative: int
    absolute: int
    first: datetime
    days: int
    orbits: int

    def passes(self, start: date, end: date) -> list[tuple[_Track, int, datetime]]:
        """Absolute orbit and time of each pass from the first day until before the last."""
        skipped = -((self.first.date() - start).days // self.days)
        found = []
        for n in range(skipped - 1, skipped + (end - start).days // self.days + 2):
            moment = self.first + n * self.days * DAY
            if start <= moment.date() < end:
                found.append((self, self.absolute + n * self.orbits, moment))
        return found


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


OPTICAL = (
    (
        _Track("Sentinel-2A", 18, 28901, _at("2021-01-03T03:25:41"), 10, 143),
        _Track("Sentinel-2B", 18, 20064, _at("2021-01-08T03:25:39"), 10, 143),
    ),
    (
        _Track("Sentinel-2A", 61, 28944, _at("2021-01-06T03:35:41"), 10, 143),
        _Track("Sentinel-2B", 61, 20107, _at("2021-01-11T03:35:39"), 10, 143),
    ),
)
RADAR = (
    (_Track("ASCENDING", 84, 36031, _at("2021-01-06T10:46:12"), 12, 175), 347.6, 38.9),
    (_Track("DESCENDING", 62, 36009, _at("2021-01-04T22:41:37"), 12, 175), 192.4, 35.2),
)


def span(year: int) -> tuple[date, date]:
    """The days of a year of seasons, from winter to autumn: first day, and the day after the last."""
    return date(year - 1, 12, 1), date(year, 12, 1)


def optical(place: Place, year: int, count: int) -> list[OpticalPass]:
    """`count` passes spread evenly over the year of seasons, in order, the two orbits in turn."""
    tile = f"T{mgrs(place)}"
    orbits = [sorted((p for t in pair for p in t.passes(*span(year))), key=lambda p: p[2]) for pair in OPTICAL]
    made = [
        OpticalPass(track.name, track.relative, absolute, start, start + timedelta(minutes=12, seconds=14), tile)
        for track, absolute, start in _spread(orbits, count)
    ]
    return sorted(made, key=lambda p: p.start)


def radar(year: int, count: int) -> list[RadarPass]:
    """`count` passes spread evenly over the year of seasons, in order, ascending and descending in turn."""
    orbits = [track.passes(*span(year)) for track, _, _ in RADAR]
    look = {track.name: (heading, angle) for track, heading, angle in RADAR}
    made = [
        RadarPass(track.name, track.relative, absolute, start, *look[track.name])
        for track, absolute, start in _spread(orbits, count)
    ]
    return sorted(made, key=lambda p: p.start)


def most() -> int:
    """How many dates a year both satellites have at least."""
    return 2 * min(365 // track.days for track, _, _ in RADAR)


def _spread(orbits: Sequence[list[Any]], count: int) -> list[Any]:
    """Evenly spaced members of each list in turn, `count` together."""
    chosen = []
    for turn, members in enumerate(orbits):
        part = len(range(turn, count, len(orbits)))
        step = len(members) / max(part, 1)
        first = (turn + 0.5) / len(orbits) * step
        other = [n % 2 if step >= 3 else 0 for n in range(part)]  # 2A and 2B in turn
        chosen += [members[min(int(first + n * step) + other[n], len(members) - 1)] for n in range(part)]
    return chosen


def mgrs(place: Place) -> str:
    """The name of the 100 km square of the military grid that the district's centre lies in, such as 49SDE."""
    zone = int(place.crs[-2:])
    east, north = place.west + place.size_m / 2, place.north - place.size_m / 2
    latitude = Transformer.from_crs(place.crs, "EPSG:4326", always_xy=True).transform(east, north)[1]
    column = ("ABCDEFGH", "JKLMNPQR", "STUVWXYZ")[(zone - 1) % 3][int(east // 100_000) - 1]
    row = "ABCDEFGHJKLMNPQRSTUV"[(int(north // 100_000) + 5 * (zone % 2 == 0)) % 20]
    return f"{zone:02d}{'CDEFGHJKLMNPQRSTUVWX'[int((latitude + 80) // 8)]}{column}{row}"
