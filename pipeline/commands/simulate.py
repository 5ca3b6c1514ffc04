"""`minecover simulate`: an open-pit district to practise on, as raw scenes in an archive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.console import say

EPILOG = "Example: minecover simulate data/district --size-km 5 --year 2021"


def simulate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the district.")],
    size_km: Annotated[float, typer.Option(help="Side of the district in km.", min=1, max=20)] = 10.0,
    year: Annotated[int, typer.Option(help="First year; its winter begins in December of the year before.")] = 2021,
    years: Annotated[int, typer.Option(help="Two years show change.", min=1, max=2)] = 2,
    scenes: Annotated[int, typer.Option(help="Dates a year of each of Sentinel-2 and Sentinel-1.", min=1)] = 24,
    seed: Annotated[int, typer.Option(help="Another number makes another district.", min=0)] = 0,
) -> None:
    """Simulate a mining district: raw scenes, elevation and night lights in an archive, truth and labels beside it."""
    from pipeline.simulate.write import Wanted
    from pipeline.simulate.write import simulate as lines

    for line in lines(folder, Wanted(size_km, year, years, scenes, seed)):
        say(line)
