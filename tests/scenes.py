"""A small archive of simulated scenes for tests of whatever reads one."""

import tempfile
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

from pipeline.engine import archive
from tests import landscape

TWO_DAYS = (date(2021, 4, 14), date(2021, 7, 23))
COLLECTION = "COPERNICUS/S2_SR_HARMONIZED"
CRS = "EPSG:32649"
WEST, NORTH, PIXEL = 614_000, 4_376_000, 10


def small_archive(path: Path, dates: Iterable[date] = TWO_DAYS, size: int = 64) -> archive.FolderArchive:
    """`COPERNICUS/S2_SR_HARMONIZED` with one cloudy 11-band uint16 scene (B2 … B12, SCL) a date in EPSG:32649."""
    made = archive.FolderArchive.initialise(path)
    with tempfile.TemporaryDirectory() as temporary:
        for scene in landscape.scenes(size, tuple(dates)):
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
