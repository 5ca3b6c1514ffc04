"""How reference points were drawn by lot: the record without which no area may be estimated from them. A JSON file.

It lies beside the points' own file, and says of each point which stratum it was drawn from: whoever interprets points
should not see that.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic import model_validator as checked
from pyproj import CRS
from pyproj.exceptions import CRSError

from pipeline import durable
from pipeline.errors import MinecoverError
from pipeline.region import Grid

DESIGN = "design.json"
SCHEMA = 1


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DesignStratum(_Frozen):
    """A part of the population: its name, its number of pixels, and how many of them were drawn.

    `code` is the class that the map had there; None where strata are no classes.
    """

    name: str
    pixels: int = Field(ge=1)
    points: int = Field(ge=0)
    code: int | None = None


class DesignPoint(_Frozen):
    """A pixel that was drawn: its centre in the grid's system, and the place of its stratum in the list of strata."""

    id: str = Field(min_length=1)
    x: float
    y: float
    stratum: int = Field(ge=0)


class Design(_Frozen):
    """Pixels of `grid` drawn without replacement, by lot within each stratum. One stratum is a simple random sample."""

    grid: Grid
    seed: int
    strata: tuple[DesignStratum, ...] = Field(min_length=1)
    points: tuple[DesignPoint, ...] = Field(min_length=1)
    map_sha256: str | None = None
    """Of the map whose classes the strata are."""
    wanted: dict[str, Any] = Field(default_factory=dict)
    """What was asked for when the points were drawn."""
    fingerprint: str = ""
    schema_version: Literal[1] = 1

    @property
    def simple(self) -> bool:
        """Whether every pixel had the same chance."""
        return len(self.strata) == 1

    @property
    def population(self) -> int:
        """Pixels that could have been drawn."""
        return sum(s.pixels for s in self.strata)

    @field_validator("grid")
    @classmethod
    def _sound(cls, grid: Grid) -> Grid:
        if not (grid.pixel > 0 and grid.width > 0 and grid.height > 0 and all(map(math.isfinite, grid.bounds))):
            raise ValueError(f"has no pixels: {grid.width} × {grid.height} of {grid.pixel:g} m")
        try:
            CRS.from_user_input(grid.crs)
        except CRSError as error:
            raise ValueError(f"is in {grid.crs!r}, which is no coordinate system; write, say, EPSG:32649") from error
        return grid

    @checked(mode="after")
    def _counted(self) -> Design:
        if twice := next((i for i, n in Counter(p.id for p in self.points).items() if n > 1), None):
            raise ValueError(f"the point {twice!r} is listed twice")
        drawn = Counter(p.stratum for p in self.points)
        if max(drawn) >= len(self.strata):
            raise ValueError(f"a point is of stratum {max(drawn)}, and strata are numbered 0 to {len(self.strata) - 1}")
        for number, one in enumerate(self.strata):
            if drawn[number] != one.points or one.points > one.pixels:
                raise ValueError(
                    f"stratum {one.name!r} has {one.pixels} pixels and {one.points} points; listed are {drawn[number]}"
                )
        if self.population > self.grid.width * self.grid.height:
            raise ValueError(f"{self.population} pixels are more than the grid has")
        return self

    @checked(mode="after")
    def _placed(self) -> Design:
        """Refuses points off the grid, and points of one pixel."""
        grid, pixels = self.grid, dict[tuple[int, int], str]()
        for p in self.points:
            column, row = math.floor((p.x - grid.left) / grid.pixel), math.floor((grid.top - p.y) / grid.pixel)
            if not (0 <= column < grid.width and 0 <= row < grid.height):
                raise ValueError(
                    f"the point {p.id!r} at {p.x:.1f}, {p.y:.1f} is not on the grid, {grid.extent}; the grid must be "
                    f"that of the map which the points were drawn from"
                )
            if (first := pixels.setdefault((column, row), p.id)) != p.id:
                raise ValueError(
                    f"the points {first!r} and {p.id!r} are the same pixel at {p.x:.1f}, {p.y:.1f}, and pixels are "
                    f"drawn without replacement"
                )
        return self


def write_design(path: Path, design: Design) -> None:
    """Put the record in its place at once; a line for each point."""
    told = design.model_dump(mode="json")
    points = ",\n".join(f"  {json.dumps(p)}" for p in told.pop("points"))
    head = json.dumps(told, indent=1, ensure_ascii=False).removesuffix("\n}")
    durable.write_text(path, f'{head},\n "points": [\n{points}\n ]\n}}\n')


def read_design(path: Path) -> Design:
    """The record in a file. Raises MinecoverError where there is none, or one that cannot be right."""
    try:
        return Design.model_validate_json(path.read_bytes())
    except OSError as error:
        raise MinecoverError(f"'{path}' cannot be read: {error.strerror or error}. Check the path.") from error
    except ValidationError as error:
        first = error.errors()[0]
        why = first.get("ctx", {}).get("error", first["msg"])
        where = ".".join(map(str, first["loc"]))
        raise MinecoverError(
            f"'{path}' does not record how points were drawn: {f'{where} {why}'.lstrip()}. docs/accuracy.md shows what "
            f"it must hold."
        ) from error
