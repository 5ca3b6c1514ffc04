"""A simulated district as a folder: an archive of raw scenes, the region, and what is true on the ground.

    archive/                 scenes under Earth Engine's ids
    region.geojson           the district's outline
    truth_YEAR.tif           land use in the summer of the year, 10 m
    labels_YEAR.gpkg         points to learn from, some of them wrong
    reference_YEAR.gpkg      points to estimate areas from, all of them right
    design.json              how these were drawn by lot
    district.json            what was simulated, and from which numbers

The same call again changes nothing, and goes on where an earlier one was stopped: every image is made from the seed and
its own name alone.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import rasterio

from pipeline import durable
from pipeline.artifacts.design import DESIGN
from pipeline.console import progress
from pipeline.engine.archive import FolderArchive
from pipeline.engine.archive import add as add_image
from pipeline.errors import MinecoverError
from pipeline.simulate import truth
from pipeline.simulate.district import Place
from pipeline.simulate.land.mines import LAST
from pipeline.simulate.land.years import lands
from pipeline.simulate.scenes import products
from pipeline.simulate.scenes.ground import Ground, ground
from pipeline.simulate.scenes.jobs import Job, elevation_jobs, jobs
from pipeline.simulate.scenes.passes import most
from pipeline.simulate.scenes.products import Image

ABOUT = "district.json"
WHAT = "A simulated open-pit mining district; no satellite has seen it. docs/district.md says how it is made."
STEP_M = 100
"""The side of a district is a multiple of this, so that all its grids end where it ends."""
SMALLEST_KM, LARGEST_KM = 1, 20
FIRST_YEAR, LAST_YEAR = 2018, LAST
"""Years of seasons in which both satellites pass and mines are known; the first begins in December 2017."""
WORKERS = min(os.cpu_count() or 1, 4)

# For the plan: bytes on disk and seconds on one core for each scene of a million pixels of either satellite, and
# seconds for the painting of a district of a million pixels.
MEGABYTES, SECONDS, PAINTING = 7.8, 1.5, 18.0


@dataclass(frozen=True)
class Wanted:
    """What to simulate: side in km, first year, number of years, dates a year of each of Sentinel-2 and Sentinel-1."""

    size_km: float = 10.0
    year: int = 2021
    years: int = 2
    scenes: int = 24
    seed: int = 0

    def __post_init__(self) -> None:
        whole = abs(self.size_km * 1000 / STEP_M - round(self.size_km * 1000 / STEP_M)) < 1e-6
        last = LAST_YEAR - self.years + 1
        for right, said in (
            (SMALLEST_KM <= self.size_km <= LARGEST_KM, f"--size-km must be {SMALLEST_KM} to {LARGEST_KM}"),
            (whole, f"--size-km must be in steps of {STEP_M / 1000:g}"),
            (self.years in (1, 2), "--years must be 1 or 2"),
            (FIRST_YEAR <= self.year <= last, f"--year must be {FIRST_YEAR} to {last}"),
            (1 <= self.scenes <= most(), f"--scenes must be 1 to {most()}, as often as the satellites pass"),
            (self.seed >= 0, "--seed must be 0 or more"),
        ):
            if not right:
                raise MinecoverError(f"{said}, not {getattr(self, said.split()[0][2:].replace('-', '_'))}.")

    @property
    def place(self) -> Place:
        """Where the district lies."""
        return Place(round(self.size_km * 1000))

    @property
    def each_year(self) -> tuple[int, ...]:
        """The years in order."""
        return tuple(range(self.year, self.year + self.years))


def simulate(folder: Path, wanted: Wanted) -> Iterator[str]:
    """Lines that tell what is planned and what was made, as it is made."""
    about = folder / ABOUT
    done = _described(about, wanted)
    with durable.reported(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if not about.exists():
        durable.write_text(about, _text(_started(wanted)))
    archive = FolderArchive.initialise(folder / "archive", "Simulated district")
    missing = {year: [j for j in jobs if not _stored(archive, j)] for year, jobs in _all_jobs(wanted).items()}
    if done and not any(missing.values()) and all((folder / name).exists() for name in _files(wanted)):
        yield f"{folder} is complete; nothing changed."
        return
    yield plan(wanted)
    said = _make(folder, archive, wanted, missing)
    durable.write_text(about, _text(_started(wanted) | {"complete": True} | said))
    count = sum(len(job.assets) for part in missing.values() for job in part)
    yield f"{folder} holds a simulated district; {count} images were added to its archive."
    yield f"Next: minecover archive list {folder / 'archive'}"


def plan(wanted: Wanted) -> str:
    """How much there is to do: scenes, bytes on disk, and about how long it takes here."""
    pixels, scenes = (wanted.size_km / 10) ** 2, wanted.scenes * wanted.years
    seconds = 3 + pixels * (PAINTING + 2 * scenes * SECONDS / min(WORKERS, 2))
    time = f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"
    return (
        f"Plan: {wanted.size_km:g} × {wanted.size_km:g} km, {' and '.join(map(str, wanted.each_year))}; "
        f"{scenes} Sentinel-2 and {scenes} Sentinel-1 scenes, elevation, night lights, truth and labels; "
        f"about {2 * scenes * pixels * MEGABYTES:.0f} MB and {time}"
    )


def _started(wanted: Wanted) -> dict[str, Any]:
    """What district.json says from the beginning. Another version would paint another land."""
    return {"what": WHAT, "simulated": asdict(wanted), "version": version("minecover"), "complete": False}


def _described(about: Path, wanted: Wanted) -> bool:
    """Whether the folder holds this district already, complete; refuses one that holds anything else of ours."""
    if not about.exists():
        if (about.parent / "archive").exists():
            raise MinecoverError(f"'{about.parent}' holds an archive that is not simulated. Use another folder.")
        return False
    try:
        there = json.loads(about.read_text("utf-8"))
        given, made_by = dict(there["simulated"]), there["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise MinecoverError(f"'{about}' does not describe a simulated district. Use another folder.") from error
    if given != asdict(wanted):
        options = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in given.items())
        raise MinecoverError(f"'{about.parent}' holds a district made with {options}. Give these, or another folder.")
    if made_by != version("minecover"):
        raise MinecoverError(f"'{about.parent}' was made by minecover {made_by}. Use another folder, or that version.")
    return bool(there.get("complete"))


def _files(wanted: Wanted) -> Iterator[str]:
    yield from ("region.geojson", DESIGN)
    for year in wanted.each_year:
        yield from (f"truth_{year}.tif", f"labels_{year}.gpkg", f"reference_{year}.gpkg")


def _all_jobs(wanted: Wanted) -> dict[int, list[Job]]:
    """The images of each year; the elevation models come with the first."""
    found = {year: jobs(wanted.place, year, wanted.scenes, wanted.seed) for year in wanted.each_year}
    found[wanted.year] = elevation_jobs(wanted.place, wanted.seed) + found[wanted.year]
    return found


def _stored(archive: FolderArchive, job: Job) -> bool:
    return all(archive.describe(asset) is not None for asset in job.assets)


def _make(folder: Path, archive: FolderArchive, wanted: Wanted, missing: dict[int, list[Job]]) -> dict[str, Any]:
    """What district.json says of it; makes the truth, and what is missing in the archive, year by year."""
    for collection in {c for part in missing.values() for job in part for c in map(_collection, job.assets) if c}:
        if archive.describe(collection) is None:
            archive.create(collection, "ImageCollection")
    made = lands(wanted.place, wanted.seed, wanted.each_year)
    said = truth.write(folder, made, wanted.seed)
    for land in made:
        if missing[land.year]:
            _run(archive, missing[land.year], ground(land, wanted.seed))
    place = wanted.place
    images = [
        _collection(asset) or asset for part in _all_jobs(wanted).values() for job in part for asset in job.assets
    ]
    return {"crs": place.crs, "upper_left": [place.west, place.north], "images": Counter(images)} | said


def _collection(asset: str) -> str:
    """The collection that an image belongs to; nothing for one outside any."""
    return "" if asset == products.NASADEM else asset.rpartition("/")[0]


def _text(said: dict[str, Any]) -> str:
    return json.dumps(said, indent=2) + "\n"


def _run(archive: FolderArchive, todo: list[Job], shared: Ground) -> None:
    """Make the images of one year on all cores; the first error stops the rest."""
    with ThreadPoolExecutor(WORKERS) as pool:
        running = [pool.submit(_store, archive, job, shared) for job in todo]
        try:
            for done in progress(as_completed(running), f"Simulating {shared.land.year}", len(running)):
                done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _store(archive: FolderArchive, job: Job, shared: Ground) -> None:
    for image in job.make(shared):
        if archive.describe(image.asset) is None:
            _add(archive, image)


def _add(archive: FolderArchive, image: Image) -> None:
    with durable.staging(archive.root) as place:
        files = [_plain(place / f"{n}.tif", layer) for n, layer in enumerate(image.layers)]
        add_image(
            archive, files, asset=image.asset, bands=[name for layer in image.layers for name in layer.names],
            time=image.start, end_time=image.end, properties=image.properties,
            scale=image.scale, pyramiding=image.pyramiding,
        )  # fmt: skip


def _plain(path: Path, layer: products.Layer) -> Path:
    """A plain GeoTIFF of the layer, for the archive to take over."""
    count, height, width = layer.data.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=count,
        dtype=layer.data.dtype.name, crs=layer.crs, transform=layer.transform,
    ) as file:  # fmt: skip
        file.write(layer.data)
    return path
