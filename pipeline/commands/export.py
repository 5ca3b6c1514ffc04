"""`minecover export`: a region and a year become a stack of features on disk."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.console import say


def export(
    region: Annotated[
        str, typer.Argument(help="Its outline (GeoJSON, GeoPackage, Shapefile, KML, WKT), or a run's YAML.")
    ],
    year: Annotated[int | None, typer.Option(help="Year of the four seasons.", min=1970, max=2200)] = None,
    output: Annotated[
        str | None, typer.Option(help="Folder of the run, for its folder stack; `run` by default.")
    ] = None,
    archive: Annotated[str | None, typer.Option(help="Archive of scenes, for the local engine.")] = None,
    engine: Annotated[str, typer.Option(help="Who computes: local or earthengine.")] = "local",
    project: Annotated[str | None, typer.Option(help="Cloud project, for Earth Engine.")] = None,
    url: Annotated[str | None, typer.Option(help="Address of a local engine that is served.")] = None,
    token: Annotated[str | None, typer.Option(help="Its key.", envvar="MINECOVER_TOKEN")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Option of the features, NAME=VALUE; none for None.")
    ] = None,
    crs: Annotated[str | None, typer.Option(help="Grid's coordinate system; UTM by default.")] = None,
    scale: Annotated[float, typer.Option(help="Side of a pixel in metres.")] = 10.0,
    assume_crs: Annotated[str | None, typer.Option(help="Of a region file that names none: EPSG:4326.")] = None,
    workers: Annotated[int, typer.Option(help="Requests at once; 0 takes 2 locally, 10 of Earth Engine.", min=0)] = 0,
    plan: Annotated[bool, typer.Option("--plan", help="Tell what would be done, and stop.")] = False,
    confirm: Annotated[bool, typer.Option("--confirm", help="A huge region is meant.")] = False,
) -> None:
    """Export all features of a region and year: tiles, requests and scenes first, then the stack.

    A run's configuration says region, year, output, archive and options of the features itself. After an interruption
    the same command goes on where it was.
    """
    from pipeline import export as stage
    from pipeline.region import read_region

    remote = engine != "local" or url is not None
    order = stage.order(region, year, output, archive, settings or [], remote)
    source = stage.Source(engine, order.archive, project, url, token)
    area = read_region(order.region, assume_crs)
    wish = stage.Wish(area, order.year, order.output, source, order.options, crs, scale)
    for line in stage.run(wish, workers or None, only_plan=plan, confirm=confirm):
        say(line)
