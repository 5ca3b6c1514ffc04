"""A small archive of simulated scenes for tests of whatever reads one."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from pipeline.demo import make_archive
from pipeline.engine.archive import FolderArchive

TWO_DAYS = (date(2021, 4, 14), date(2021, 7, 23))


def small_archive(path: Path, dates: Iterable[date] = TWO_DAYS, size: int = 64) -> FolderArchive:
    """`COPERNICUS/S2_SR_HARMONIZED` with one cloudy 11-band uint16 scene (B2 … B12, SCL) a date in EPSG:32649."""
    return make_archive(path, size, dates)
