"""The record of a lot: written and read back, and refused where it cannot be right."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.artifacts.design import Design, DesignPoint, DesignStratum, read_design, write_design
from pipeline.errors import MinecoverError
from pipeline.region import Grid

GRID = Grid("EPSG:32649", 10.0, 0.0, 100.0, 10, 10)
POINTS = tuple(DesignPoint(id=str(i), x=5.0 + 10 * i, y=95.0, stratum=i % 2) for i in range(4))
STRATA = (DesignStratum(name="mine", pixels=30, points=2, code=5), DesignStratum(name="'\"=", pixels=70, points=2))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    made = Design(grid=GRID, seed=3, strata=STRATA, points=POINTS, wanted={"margin": 0.05})
    write_design(tmp_path / "design.json", made)
    assert read_design(tmp_path / "design.json") == made
    assert made.population == 100 and not made.simple


@pytest.mark.parametrize(
    ("strata", "points", "says"),
    [
        (STRATA[:1], POINTS, "of stratum 1"),
        (STRATA, POINTS[:3], "listed are 1"),
        (STRATA, (*POINTS[:3], POINTS[1]), "listed twice"),
        ((STRATA[0], STRATA[1].model_copy(update={"pixels": 700})), POINTS, "more than the grid has"),
        (STRATA, (*POINTS[:3], POINTS[3].model_copy(update={"x": 100.0})), "point '3' at 100.0, 95.0 is not on the gr"),
        (
            STRATA,
            (*POINTS[:3], POINTS[3].model_copy(update={"y": 1e6})),
            "'3' .* grid, 0.0 … 100.0 by 0.0 … 100.0 in EPSG",
        ),
        (STRATA, (*POINTS[:3], POINTS[3].model_copy(update={"x": 19.0})), "points '1' and '3' are the same pixel"),
    ],
)
def test_what_cannot_be_is_refused(
    strata: tuple[DesignStratum, ...], points: tuple[DesignPoint, ...], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        Design(grid=GRID, seed=0, strata=strata, points=points)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"pixel": 0.0}, "no pixels"),
        ({"width": 0}, "no pixels"),
        ({"left": np.nan}, "no pixels"),
        ({"crs": "x"}, "'x'"),
    ],
)
def test_grids_that_cannot_be_are_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Design(grid=replace(GRID, **change), seed=0, strata=STRATA, points=POINTS)


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "design.json").write_text('{"grid": 5')
    with pytest.raises(MinecoverError, match="does not record how points were drawn"):
        read_design(tmp_path / "design.json")
    with pytest.raises(MinecoverError, match="cannot be read"):
        read_design(tmp_path / "none.json")
    write_design(tmp_path / "moved.json", Design(grid=GRID, seed=0, strata=STRATA, points=POINTS))
    moved = (tmp_path / "moved.json").read_text("utf-8").replace('"left": 0.0', '"left": 2e5')
    (tmp_path / "moved.json").write_text(moved, "utf-8")
    with pytest.raises(MinecoverError, match=r"drawn: the point '0' at 5\.0, 95\.0 is not on the grid, 200000"):
        read_design(tmp_path / "moved.json")
