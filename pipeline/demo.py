"""`minecover demo`: a small archive of a simulated mine, and what a plain Earth Engine script makes of it.

After `engine.connect` this is `ee` code that would run unchanged on Google's servers.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any

from pipeline import landscape
from pipeline.console import progress
from pipeline.errors import MinecoverError

if TYPE_CHECKING:
    from pipeline.engine.archive import FolderArchive

COLLECTION = "COPERNICUS/S2_SR_HARMONIZED"
CRS = "EPSG:32649"
WEST, NORTH, PIXEL, SIZE = 614_000, 4_376_000, 10, 512
GRID = {
    "dimensions": {"width": SIZE, "height": SIZE},
    "affineTransform": {"scaleX": PIXEL, "translateX": WEST, "scaleY": -PIXEL, "translateY": NORTH},
    "crsCode": CRS,
}
TRUE_COLOUR = {"bands": ["B4", "B3", "B2"], "min": 0, "max": 2300, "gamma": 1.3}
GREENNESS = {"min": 0, "max": 0.8, "palette": ["8c6a4f", "d9c79c", "f3efc3", "9cc46b", "3f8f3f", "0b4d1e"]}


def run(output: Path) -> Iterator[str]:
    """Lines that tell what was made, as it is made: two pictures and a cloud-optimised GeoTIFF in `output`."""
    from pipeline import engine

    started = perf_counter()
    output.mkdir(parents=True, exist_ok=True)
    archive = output / "archive"
    make_archive(archive)
    yield f"{len(landscape.DATES)} simulated Sentinel-2 scenes of a mine are in {archive}"

    engine.connect("local", archive=archive, exports=output)
    composite, ndvi = script()
    write_whole(output / "composite.png", picture(composite, TRUE_COLOUR))
    write_whole(output / "ndvi.png", picture(ndvi, GREENNESS))
    export(composite.addBands(ndvi).toFloat(), "composite")
    engine.disconnect()

    yield f"Made in {perf_counter() - started:.0f} s:"
    yield f"  {output / 'composite.png'}  the median of what was not cloudy, in true colour"
    yield f"  {output / 'ndvi.png'}       its greenness"
    yield f"  {output / 'composite.tif'}  all bands and NDVI, a cloud-optimised GeoTIFF"
    yield "Next: look at the pictures, read pipeline/demo.py, and try"
    yield f"  minecover archive list {archive}"
    yield f"  minecover engine serve --archive {archive}"


def script() -> tuple[Any, Any]:
    """The cloud-free composite of a summer, and its NDVI."""
    import ee

    def clear(image: Any) -> Any:
        scl = image.select("SCL")
        return image.updateMask(scl.neq(landscape.SCL_SHADOW).And(scl.lt(8)))

    scenes = (
        ee.ImageCollection(COLLECTION)
        .filterDate("2021-04-01", "2021-10-01")
        .filter(ee.Filter.lt("CLOUDY_PIXEL_PERCENTAGE", 60))
    )
    composite = scenes.map(clear).select(list(landscape.BANDS)).median()
    return composite, composite.normalizedDifference(["B8", "B4"]).rename("NDVI")


def picture(image: Any, look: dict[str, Any]) -> bytes:
    """The image as a PNG; masked pixels are transparent."""
    import ee

    png: bytes = ee.data.computePixels({"expression": image.visualize(**look), "fileFormat": "PNG", "grid": GRID})
    return png


def export(image: Any, name: str) -> None:
    """Nothing; a cloud-optimised GeoTIFF of this name is where exports go, made as a task like any other."""
    import ee

    task = ee.batch.Export.image.toDrive(
        image,
        description=name,
        region=ee.Geometry.Rectangle([WEST, NORTH - SIZE * PIXEL, WEST + SIZE * PIXEL, NORTH], CRS, False),
        crs=CRS,
        crsTransform=[PIXEL, 0, WEST, 0, -PIXEL, NORTH],
        formatOptions={"cloudOptimized": True},
    )
    task.start()
    while task.active():
        sleep(0.1)
    status = task.status()
    if status["state"] != "COMPLETED":
        raise MinecoverError(f"The export ended as {status['state']}: {status.get('error_message', 'no reason given')}")


def make_archive(folder: Path, size: int = SIZE, days: Iterable[date] = landscape.DATES) -> FolderArchive:
    """The archive in the folder, with the simulated scenes added where they were not there before."""
    from pipeline.engine import archive

    made = archive.FolderArchive.initialise(folder)
    days = tuple(days)
    with tempfile.TemporaryDirectory() as temporary:
        for scene in progress(landscape.scenes(size, days), "Simulating scenes", len(days)):
            archive.add(
                made,
                write_scene(scene, Path(temporary)),
                COLLECTION,
                bands=list(scene.bands),
                time=f"{scene.day}T03:25:00",
                properties={"CLOUDY_PIXEL_PERCENTAGE": scene.cloudy_percent, "SPACECRAFT_NAME": "simulated"},
                pyramiding="sample",
            )
    return made


def write_scene(scene: landscape.Scene, folder: Path) -> Path:
    """The scene as a GeoTIFF of all its bands in order."""
    import numpy as np
    import rasterio
    from rasterio.transform import from_origin

    height, width = scene.bands["SCL"].shape
    path = folder / f"{scene.day:%Y%m%d}T032500_simulated.tif"
    profile = {
        "driver": "GTiff",
        "width": width,
        "height": height,
        "count": len(scene.bands),
        "dtype": "uint16",
        "crs": CRS,
        "transform": from_origin(WEST, NORTH, PIXEL, PIXEL),
    }
    with rasterio.open(path, "w", **profile) as file:
        file.write(np.stack(list(scene.bands.values())))
    return path


def write_whole(target: Path, data: bytes) -> None:
    """Nothing; `target` holds the data."""
    with whole(target) as temporary:
        temporary.write_bytes(data)


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """A path to write to; what is there in the end becomes `target` at once, or nothing does."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
