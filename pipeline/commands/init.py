"""`minecover init`: four questions become the configuration of a run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.console import say
from pipeline.errors import MinecoverError

QUESTIONS = {
    "name": "What is the region called?",
    "region": "Which file outlines it (GeoJSON, GeoPackage, Shapefile, KML)?",
    "year": "Which year?",
    "labels": "Which file has labelled points or polygons?",
}


def init(
    path: Annotated[Path, typer.Argument(help="YAML file to write.")] = Path("minecover.yaml"),
    name: Annotated[str | None, typer.Option(help="Name for pictures and reports.")] = None,
    region: Annotated[str | None, typer.Option(help="File that outlines it.")] = None,
    year: Annotated[int | None, typer.Option(help="Year of the four seasons.", min=1970, max=2200)] = None,
    labels: Annotated[str | None, typer.Option(help="File of labelled points or polygons.")] = None,
    labels_crs: Annotated[
        str | None, typer.Option(help="Coordinate system of a label file that names none: EPSG:32649.")
    ] = None,
    archive: Annotated[Path | None, typer.Option(help="Archive of scenes, for the local engine.")] = None,
) -> None:
    """Write the configuration of a run for your own region, from four answers; the labels give the classes.

    It asks for what is not given as an option.
    """
    from pipeline.drafting import drafted

    told = answered({"name": name, "region": region, "year": year, "labels": labels})
    outline, points = Path(told["region"]), Path(told["labels"])
    say(drafted(path, told["name"], outline, told["year"], points, labels_crs or None, archive).rstrip())
    say(f"\nWritten: {path}. Change names and colours as you like; then `minecover run {path}`.")


def answered(given: dict[str, Any]) -> dict[str, Any]:
    """What was given as options, and answers for what was not; refused where nobody answers."""
    missing = [key for key, value in given.items() if not value]
    try:
        return given | {k: typer.prompt(QUESTIONS[k], type=int if k == "year" else str) for k in missing}
    except typer.Abort as error:
        if sys.stdin.isatty():
            raise
        say()  # ends the line of the question
        options = ", ".join(f"--{key}" for key in missing)
        raise MinecoverError(f"Nobody is there to answer. Give as options: {options}.") from error
