"""A district simulated: 10 × 10 km, a year of 24 + 24 scenes, on all cores, against only writing the same images.

    python bench/simulate.py [--size-km 10] [--scenes 24]

Prints the time (goal: under 2 minutes on two cores), peak memory (goal: under 2 GB), millions of 10 m pixels a second
(those of all 10 m bands; a 20 m band counts a quarter), and the ratio to writing alone.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from _timing import seconds

from pipeline.engine import archive as archives
from pipeline.simulate.write import WORKERS, Wanted, simulate


def rewritten(made: archives.FolderArchive, target: Path, wanted: Wanted) -> None:
    """Nothing; the scenes of an archive are in another one too, written as they were the first time."""
    copy = archives.FolderArchive.initialise(target)

    def add(asset: str) -> None:
        item = made.describe(asset)
        names = [band.name for band in item.bands]
        files = list(dict.fromkeys(band.href for band in item.bands))
        archives.add(copy, files, asset=asset, bands=names, properties={"copy": 1}, pyramiding="sample")

    scenes = ("COPERNICUS/S2_SR_HARMONIZED", "COPERNICUS/S1_GRD", "GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED")
    for collection in scenes:
        copy.create(collection, "ImageCollection")
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(add, [item.id for collection in scenes for item in made.search(collection)]))


def main(wanted: Wanted, folder: Path) -> None:
    taken, _ = seconds(lambda: list(simulate(folder / "made", wanted)), repeat=1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    pixels = (wanted.size_km * 100) ** 2 * wanted.scenes * (4 + 6 / 4 + 1 / 4 + 3 + 2) / 1e6
    made = archives.FolderArchive(folder / "made" / "archive")
    writing, _ = seconds(rewritten, made, folder / "copy", wanted, repeat=1)
    print(f"{wanted.size_km:g} km, {wanted.scenes} + {wanted.scenes} scenes: {taken:.1f} s, {peak:.2f} GB")
    print(f"{pixels / taken:.1f} megapixels/s")
    print(f"writing the scenes alone: {writing:.1f} s")
    print(f"ratio to writing: {taken / writing:.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size-km", type=float, default=10.0)
    parser.add_argument("--scenes", type=int, default=24)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        main(Wanted(given.size_km, 2021, 1, given.scenes), Path(temporary))
