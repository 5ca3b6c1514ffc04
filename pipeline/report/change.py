"""The change between two runs of one region: areas with intervals where both are estimated, and counts of pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from pyproj import CRS
from rasterio.windows import Window

from pipeline.accuracy.results import Estimated
from pipeline.console import progress
from pipeline.errors import MinecoverError
from pipeline.region import Grid
from pipeline.report.sources import MAP, Run, read_run

NDArray = np.ndarray[Any, Any]

STRIP, CODES = 512, 256
WIDTH = 1.96
"""Standard errors to either side of an estimate."""
ALIKE = 0.01
"""Regions whose sizes differ by more than this share are told to be different."""


@dataclass(frozen=True)
class Line:
    """A class in both years, in hectares: as estimated, the difference with its interval, and as counted in maps."""

    name: str
    before: Estimated | None
    now: Estimated | None
    difference: Estimated | None
    counted_before: float
    counted_now: float


@dataclass(frozen=True)
class Change:
    """What changed from one year to the other, whichever run is compared with which; `name` is the other run's.

    `crossed` counts pixels by class, the earlier year in rows and the later in columns.

    It is None where the maps do not lie on the same lattice of pixels; `why` says so.
    """

    before: int
    now: int
    name: str
    lines: tuple[Line, ...]
    names: tuple[str, ...]
    crossed: tuple[tuple[int, ...], ...] | None
    why: str
    notes: tuple[str, ...]

    @property
    def estimated(self) -> bool:
        """Whether both years have areas from a probability sample."""
        return any(line.difference for line in self.lines)


def change(run: Run, folder: Path) -> Change:
    """The change between a run and that in another folder. Classes are the same if their names are."""
    if folder.resolve() == run.folder.resolve():
        raise MinecoverError(f"report.compare names the run itself, '{folder}'. Name the folder of another year's run.")
    there = folder / "maps" / run.map.model
    other = read_run(folder, run.map.model if there.is_dir() else None)
    names = [n for n in run.map.names.values() if n.casefold() in {o.casefold() for o in other.map.names.values()}]
    if not names:
        raise MinecoverError(f"The map in '{folder}' has no class in common with this one. Use the same legend.")
    before, now = (other, run) if other.stack.year <= run.stack.year else (run, other)
    crossed, why = _crossed(before, now, names)
    return Change(
        before=before.stack.year,
        now=now.stack.year,
        name=str(other.map.summary.get("name", "")),
        lines=tuple(_line(name, before, now) for name in names),
        names=tuple(names),
        crossed=crossed,
        why=why,
        notes=tuple(_notes(before, now, names)),
    )


def difference(now: Estimated, before: Estimated) -> Estimated:
    """Now less before, of two samples drawn independently."""
    if now.value is None or before.value is None or now.se is None or before.se is None:
        return Estimated(value=None, se=None, low=None, high=None)
    value, se = now.value - before.value, math.hypot(now.se, before.se)
    return Estimated(value=value, se=se, low=value - WIDTH * se, high=value + WIDTH * se)


def code_of(run: Run, name: str) -> int:
    """The code that a run's map has for a class."""
    return next(c for c, n in run.map.names.items() if n.casefold() == name.casefold())


def _line(name: str, earlier: Run, later: Run) -> Line:
    before, now = (_hectares(r, name) for r in (earlier, later))
    counted = [r.map.hectares[code_of(r, name)] for r in (earlier, later)]
    return Line(name, before, now, difference(now, before) if now and before else None, counted[0], counted[1])


def _hectares(run: Run, name: str) -> Estimated | None:
    classes = run.estimate.classes if run.estimate else ()
    return next((c.hectares for c in classes if c.name.casefold() == name.casefold()), None)


def _notes(earlier: Run, later: Run, names: list[str]) -> list[str]:
    found = []
    sizes = [sum(r.map.hectares.values()) for r in (earlier, later)]
    if abs(sizes[0] - sizes[1]) > ALIKE * max(*sizes, 1e-9):
        found.append(
            f"the two maps do not cover the same ground ({sizes[0]:,.0f} ha in {earlier.stack.year}, {sizes[1]:,.0f} "
            f"ha in {later.stack.year}), so that part of each difference is no change"
        )
    if earlier.map.model != later.map.model:
        found.append(f"the maps were made by different models ({earlier.map.model}, {later.map.model})")
    if left := [
        n
        for n in (*earlier.map.names.values(), *later.map.names.values())
        if n.casefold() not in {k.casefold() for k in names}
    ]:
        found.append(f"classes that only one of the years has are left out: {', '.join(dict.fromkeys(left))}")
    return found


def _crossed(earlier: Run, later: Run, names: list[str]) -> tuple[tuple[tuple[int, ...], ...] | None, str]:
    """Pixels by class before and now, where both maps have one; or why they cannot be counted."""
    old, new = earlier.stack.grid, later.stack.grid
    columns, rows = (new.left - old.left) / new.pixel, (old.top - new.top) / new.pixel
    aligned = old.pixel == new.pixel and CRS.from_user_input(old.crs) == new.crs
    if not aligned or abs(columns - round(columns)) > 1e-3 or abs(rows - round(rows)) > 1e-3:
        return None, "The two maps have different pixels, so that single pixels cannot be followed."
    counts = _pairs(earlier.map.folder / MAP, later.map.folder / MAP, old, new, round(columns), round(rows))
    codes = [(code_of(earlier, n), code_of(later, n)) for n in names]
    return tuple(tuple(int(counts[a, b]) for _, b in codes) for a, _ in codes), ""


def _pairs(before: Path, now: Path, old: Grid, new: Grid, columns: int, rows: int) -> NDArray:
    """Counts (256, 256) of codes before and now, of the pixels that both maps hold."""
    left, right = max(columns, 0), min(columns + new.width, old.width)
    top, bottom = max(rows, 0), min(rows + new.height, old.height)
    counts = np.zeros(CODES * CODES, np.int64)
    if right <= left:
        return counts.reshape(CODES, CODES)
    with rasterio.open(before, driver="GTiff") as a, rasterio.open(now, driver="GTiff") as b:
        for row in progress(range(top, bottom, STRIP), "Comparing years"):
            height = min(STRIP, bottom - row)
            old_codes = a.read(1, window=Window(left, row, right - left, height))
            new_codes = b.read(1, window=Window(left - columns, row - rows, right - left, height))
            counts += np.bincount(old_codes.ravel().astype(int) * CODES + new_codes.ravel(), minlength=CODES * CODES)
    return counts.reshape(CODES, CODES)
