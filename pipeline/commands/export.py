"""`minecover export`: a region and a year become a stack of features on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.console import say


def export(
    region: Annotated[str, typer.Argument(help="File that outlines it: GeoJSON, GeoPackage, Shapefile, KML or WKT.")],
    year: Annotated[int, typer.Option(help="Year of the four seasons.", min=1970, max=2200)],
    output: Annotated[str, typer.Option(help="Folder of the run; the stack is made in its folder stack.")] = "run",
    archive: Annotated[str | None, typer.Option(help="Archive of scenes, for the local engine.")] = None,
    engine: Annotated[str, typer.Option(help="Who computes: local or earthengine.")] = "local",
    project: Annotated[str | None, typer.Option(help="Cloud project, for Earth Engine.")] = None,
    url: Annotated[str | None, typer.Option(help="Address of a local engine that is served.")] = None,
    token: Annotated[str | None, typer.Option(help="Its key.", envvar="MINECOVER_TOKEN")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Option of the features, NAME=VALUE.")] = None,
    crs: Annotated[str | None, typer.Option(help="Grid's coordinate system; UTM by default.")] = None,
    scale: Annotated[float, typer.Option(help="Side of a pixel in metres.")] = 10.0,
    assume_crs: Annotated[str | None, typer.Option(help="Of a region file that names none: EPSG:4326.")] = None,
    workers: Annotated[int, typer.Option(help="Requests at once; 0 takes 2 locally, 10 of Earth Engine.", min=0)] = 0,
    plan: Annotated[bool, typer.Option("--plan", help="Tell what would be done, and stop.")] = False,
    confirm: Annotated[bool, typer.Option("--confirm", help="A huge region is meant.")] = False,
) -> None:
    """Export all features of a region and year: tiles, requests and scenes first, then the stack.

    After an interruption the same command goes on where it was.
    """
    from pipeline import export as stage
    from pipeline.region import read_region

    source = stage.Source(engine, archive, project, url, token)
    wish = stage.Wish(
        read_region(region, assume_crs), year, Path(output), source, stage.options(settings or []), crs, scale
    )
    for line in stage.run(wish, workers or None, only_plan=plan, confirm=confirm):
        say(line)
