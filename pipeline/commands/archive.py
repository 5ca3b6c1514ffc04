"""`minecover archive`: make an archive, add rasters to it, see what it holds, check that all of it can be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.console import progress, say

if TYPE_CHECKING:
    from pipeline.engine.archive import Added

app = typer.Typer(help="Scenes under Earth Engine's asset ids, in a folder or behind a STAC API.", no_args_is_help=True)

Place = Annotated[str, typer.Argument(help="Folder of the archive.")]


@app.command(epilog="Example: minecover archive create data/archive COPERNICUS/S2_SR_HARMONIZED --title 'Sentinel-2'")
def create(
    archive: Place,
    asset: Annotated[str, typer.Argument(help="Asset id of a collection to make in it.")] = "",
    title: Annotated[str, typer.Option(help="What people call the archive or collection.")] = "",
    mosaic: Annotated[bool, typer.Option("--mosaic", help="The images are tiles of one image, such as a DEM.")] = False,
    folder: Annotated[bool, typer.Option("--folder", help="Make a folder instead of a collection.")] = False,
) -> None:
    """Make an archive in a folder, or a collection in an archive."""
    from pipeline.engine.archive import FolderArchive

    known = Path(archive, "catalog.json").exists()
    made = FolderArchive.initialise(archive, title if title and not asset else "minecover archive")
    if asset:
        made.create(asset, "Folder" if folder else "ImageCollection", title=title, mosaic=mosaic)
    done = "is ready" if asset or not known else "is there already; nothing changed"
    say(f"{archive}: {asset or 'archive'} {done}.")


@app.command(
    epilog="Example: minecover archive add data/archive dem.tif --asset NASA/NASADEM_HGT/001 --band elevation "
    "--time 2000-02-11 --property units=m"
)
def add(
    archive: Place,
    files: Annotated[list[Path], typer.Argument(help="GeoTIFFs of one image.")],
    collection: Annotated[str | None, typer.Option(help="Collection that the image goes into.")] = None,
    index: Annotated[str | None, typer.Option(help="Its system:index; the first file's name by default.")] = None,
    asset: Annotated[str | None, typer.Option(help="Id of an image outside any collection.")] = None,
    band: Annotated[list[str] | None, typer.Option(help="Name of a band; once for each band of all files.")] = None,
    time: Annotated[str | None, typer.Option(help="system:time_start, ISO 8601 in UTC.")] = None,
    end_time: Annotated[str | None, typer.Option(help="system:time_end, ISO 8601 in UTC.")] = None,
    properties: Annotated[list[str] | None, typer.Option("--property", help="NAME=VALUE; may be repeated.")] = None,
    nodata: Annotated[float | None, typer.Option(help="Stored number that means no data.")] = None,
    scale: Annotated[float, typer.Option(help="Value = stored number x scale + offset.")] = 1.0,
    offset: Annotated[float, typer.Option(help="See --scale.")] = 0.0,
    pyramiding: Annotated[str, typer.Option(help="How overviews are made: mean, sample or mode.")] = "mean",
    in_place: Annotated[bool, typer.Option("--in-place", help="Keep files inside the archive as they are.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an image of the same id.")] = False,
    assume_crs: Annotated[str | None, typer.Option(help="CRS of files that name none, e.g. EPSG:32631.")] = None,
) -> None:
    """Add an image made from GeoTIFFs; the same command again changes nothing."""
    from pipeline.engine.archive import add as add_image
    from pipeline.engine.archive.products import doubts

    def adding() -> Iterator[Added]:
        yield add_image(
            archive, files, collection, index, asset=asset, bands=band, time=time, end_time=end_time,
            properties=named_values(properties or []), nodata=nodata, scale=scale, offset=offset,
            pyramiding=pyramiding, copy=not in_place, overwrite=overwrite, assume_crs=assume_crs,
        )  # fmt: skip

    [added] = progress(adding(), "Adding")
    say(f"{added.item.id} {'added' if added.changed else 'is there already; nothing changed'}.")
    if doubt := doubts.offset_left(added.item):
        say(f"{added.item.id}: {doubt}.")
    if collection and "system:time_start" not in added.item.properties:
        say(f"{added.item.id} has no time; filterDate will not find it: --time")


@app.command(epilog="Example: minecover archive ingest data/archive downloads/*.SAFE.zip")
def ingest(
    archive: Place,
    paths: Annotated[list[Path], typer.Argument(help="Products: files, SAFE folders, or folders of them.")],
    kind: Annotated[
        str,
        typer.Option(
            "--as",
            help="What they are if they do not say: sentinel2, cloudscore, sentinel1, nasadem, glo30, viirs, luojia.",
        ),
    ] = "",
    mapping: Annotated[Path | None, typer.Option(help="YAML file that describes any other GeoTIFFs.")] = None,
    asset: Annotated[str, typer.Option(help="Collection or image to put them in, instead of the usual one.")] = "",
    linear: Annotated[
        bool | None, typer.Option("--linear/--db", help="Sentinel-1 numbers are power, or decibels.")
    ] = None,
    nodata: Annotated[float | None, typer.Option(help="Stored number that means no data.")] = None,
    properties: Annotated[list[str] | None, typer.Option("--property", help="NAME=VALUE; may be repeated.")] = None,
    assume_crs: Annotated[str | None, typer.Option(help="CRS of files that name none, e.g. EPSG:32631.")] = None,
    all_bands: Annotated[
        bool, typer.Option("--all-bands", help="Sentinel-2: also AOT, WVP, TCI and cloud and snow probability.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace images that differ.")] = False,
) -> None:
    """Bring products in under Earth Engine's ids; the same again changes nothing. Ends with 2 if any is refused."""
    from pipeline.engine.archive import products

    given = named_values(properties or [])
    plan = products.plan(
        paths, products.Options(kind, mapping, asset, linear, nodata, given, assume_crs, all_bands, overwrite)
    )
    outcomes = [o for o in progress(products.bring_in(archive, plan), "Ingesting", plan.steps) if o is not None]
    for outcome in outcomes:
        say(outcome.line)
    say(products.summary(outcomes))
    found = {o.status for o in outcomes}
    raise typer.Exit(2 if "refused" in found or found == {"passed over"} else 0)


@app.command("list", epilog="Example: minecover archive list data/archive COPERNICUS/S1_GRD --start 2021-06-01")
def list_assets(
    archive: Annotated[str, typer.Argument(help="Folder or STAC address of the archive.")],
    asset: Annotated[str, typer.Argument(help="Folder or collection; the roots by default.")] = "",
    bbox: Annotated[str, typer.Option(help="WEST,SOUTH,EAST,NORTH in degrees.")] = "",
    start: Annotated[str, typer.Option(help="First time, ISO 8601 in UTC.")] = "",
    end: Annotated[str, typer.Option(help="Time before which images start.")] = "",
) -> None:
    """List what an archive, a folder or a collection holds."""
    from pipeline.engine.archive import open_archive
    from pipeline.engine.archive.summary import lines

    for line in lines(open_archive(archive), asset, bbox, start, end):
        say(line)


@app.command(epilog="Example: minecover archive check data/archive")
def check(
    archive: Place,
    quick: Annotated[bool, typer.Option("--quick", help="Headers and sizes only, without reading pixels.")] = False,
) -> None:
    """Check every image: item, headers, checksums, every block. Ends with 2 if anything is wrong."""
    from pipeline.engine.archive import check as check_archive

    findings = list(progress(check_archive(archive, pixels=not quick), "Checking"))
    for finding in findings:
        say(f"{'wrong' if finding.serious else 'note '}  {finding.asset}: {finding.problem}")
    wrong = sum(finding.serious for finding in findings)
    say(f"{wrong} problem(s) found." if wrong else "All images can be read.")
    raise typer.Exit(2 if wrong else 0)


def named_values(given: list[str]) -> dict[str, Any]:
    """Properties from NAME=VALUE; a value is JSON where it is valid JSON (numbers, lists), else text."""
    import json
    from contextlib import suppress

    from pipeline.errors import MinecoverError

    found: dict[str, Any] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not name or not sign:
            raise MinecoverError(f"--property {text!r} is not NAME=VALUE. Write, for example, --property units=m.")
        found[name] = value
        with suppress(ValueError):
            found[name] = json.loads(value)
    return found
