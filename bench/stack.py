"""The full stack of 112 bands from raw scenes: against reading its pixels, over four areas, with one and two threads.

A simulated district of one year: 24 dates of Sentinel-2 and 24 of Sentinel-1 (of which the stack uses one orbit
direction), Cloud Score+, elevation and lights. The floor reads every block of every file that the stack needs, with
rasterio on two threads. Each measurement runs in a process of its own; a first round warms caches and compiled code
and is not counted.

    python bench/stack.py [FOLDER of a district made before with `minecover simulate --size-km 15.4 --years 1`]
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from _timing import seconds

YEAR, SIZE_KM = 2021, 15.4
SHAPES = ((512, 1024), (1024, 1024), (1024, 1536), (1536, 1536))  # whole tiles of 512, an even number but once
MAIN = SHAPES[1]
UNUSED = ("B1", "B9", "cs", "SCL")
COLLECTIONS = ("COPERNICUS/S2_SR_HARMONIZED", "GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED", "COPERNICUS/S1_GRD")


def stack(folder: Path, shape: tuple[int, int], workers: int) -> Any:
    """Streams the stack of these rows and columns tile by tile and throws each tile away, as an export does."""
    import ee
    from affine import Affine
    from odc.geo.geobox import GeoBox

    import features
    from pipeline import engine
    from pipeline.engine.archive import open_archive
    from pipeline.engine.session import Session
    from pipeline.simulate.district import Place

    place = Place(round(SIZE_KM * 1000))
    engine.connect("local", archive=folder / "archive")
    outline = [place.west, place.north - place.size_m, place.west + place.size_m, place.north]
    image = features.stack(ee.Geometry.Rectangle(outline, place.crs, False), YEAR)
    session = Session(open_archive(folder / "archive"), workers=workers)
    evaluated = session.evaluate(ee.serializer.encode(image, for_cloud_api=True))
    grid = GeoBox(shape, Affine(10, 0, place.west, 0, -10, place.north), place.crs)

    def run() -> None:
        for _, pixels in session.tiles(evaluated, grid):
            assert len(pixels) == 112

    return run


def floor(folder: Path, shape: tuple[int, int], workers: int) -> Any:
    """Reads the bands that the stack needs, of the scenes that it uses."""
    import rasterio
    from rasterio.windows import Window

    used = [p for c in COLLECTIONS for p in sorted(folder.glob(f"archive/{c}/*/*.tif")) if needed(p)]

    def read(path: Path) -> None:
        with rasterio.open(path) as source:
            rows, columns = (round(n * 10 / source.transform.a) for n in shape)
            wanted = [n for n, name in enumerate(source.descriptions, 1) if name not in UNUSED]
            source.read(wanted, window=Window(0, 0, columns, rows))

    def run() -> None:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(read, used))

    return run


def needed(path: Path) -> bool:
    """Whether the stack reads the file: of Sentinel-1 the commoner direction only."""
    if path.stem in UNUSED:
        return False
    if "S1_GRD" not in path.as_posix():
        return True
    item = next(path.parent.glob("*.json"))
    return json.loads(item.read_text())["properties"].get("orbitProperties_pass") == "DESCENDING"


def measured(kind: str, folder: Path, shape: tuple[int, int], workers: int) -> tuple[float, float]:
    """Seconds (best of several) and peak memory in GB, in a fresh process."""
    command = [sys.executable, __file__, kind, str(folder), *map(str, shape), str(workers)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    took, gigabytes = json.loads(done.stdout.splitlines()[-1])
    return took, gigabytes


def measure(kind: str, folder: Path, shape: tuple[int, int], workers: int) -> None:
    run = {"stack": stack, "floor": floor}[kind](folder, shape, workers)
    run()
    best, _ = seconds(run, repeat=3)
    print(json.dumps([best, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6]))


def report(folder: Path) -> None:
    read, _ = measured("floor", folder, MAIN, 2)
    two = {shape: measured("stack", folder, shape, 2) for shape in SHAPES}
    one, _ = measured("stack", folder, MAIN, 1)
    for (rows, columns), (each, memory) in two.items():
        rate = 1e6 * each / rows / columns
        print(f"{rows:5} x {columns:4} px: {each:5.2f} s, {rate:.2f} s per million pixels, {memory:.2f} GB")
    rates = [each / rows / columns for (rows, columns), (each, _) in two.items()]
    took, gigabytes = two[MAIN]
    print(f"reading alone {read:.2f} s; the stack of {MAIN[0]} x {MAIN[1]} {took:.2f} s, {gigabytes:.2f} GB")
    print(f"ratio to reading: {took / read:.2f}")
    print(f"ratio of slowest to fastest rate: {max(rates) / min(rates):.2f}")
    print(f"ratio of one thread to two: {one / took:.2f}")


def main() -> None:
    if len(sys.argv) > 2:
        rows, columns, workers = map(int, sys.argv[3:])
        measure(sys.argv[1], Path(sys.argv[2]), (rows, columns), workers)
    elif len(sys.argv) == 2:
        report(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            # In a process of its own: a child counts its parent's memory at the start as its own peak.
            options = ["--size-km", str(SIZE_KM), "--year", str(YEAR), "--years", "1"]
            subprocess.run([sys.executable, "-m", "pipeline", "simulate", folder, *options], check=True)
            report(Path(folder))


if __name__ == "__main__":
    main()
