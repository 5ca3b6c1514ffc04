"""`minecover init`: four questions become the configuration of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.console import say


def init(
    path: Annotated[Path, typer.Argument(help="YAML file to write.")] = Path("minecover.yaml"),
    name: Annotated[str, typer.Option(prompt="What is the region called?", help="Name for pictures and reports.")] = "",
    region: Annotated[
        Path, typer.Option(prompt="Which file outlines it (GeoJSON, GeoPackage, Shapefile, KML)?", help="Its outline.")
    ] = Path(),
    year: Annotated[int, typer.Option(prompt="Which year?", help="Year of the four seasons.", min=1970, max=2200)] = 0,
    labels: Annotated[
        Path, typer.Option(prompt="Which file has labelled points or polygons?", help="Labels with their class.")
    ] = Path(),
    archive: Annotated[Path | None, typer.Option(help="Archive of scenes, for the local engine.")] = None,
) -> None:
    """Write the configuration of a run for your own region, from four answers; the labels give the classes."""
    from pipeline.drafting import drafted

    say(drafted(path, name, region, year, labels, archive).rstrip())
    say(f"\nWritten: {path}. Change names and colours as you like; then `minecover run {path}`.")
