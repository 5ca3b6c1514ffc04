"""Four seasonal medians of ten bands and seven indices, from 24 masked dates of 1024² pixels: time and memory.

Ours runs a plain Earth Engine script; the peer is odc-stac with dask doing the same; the floor is reading the same
pixels with rasterio on two threads. Each runs in a process of its own, on two threads, over the same archive; a
first round warms caches and compiled code and is not counted.

    python bench/composite.py
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

from _scenes import BANDS, COLLECTION, scenes
from _timing import seconds

SIZE, DATES, ROUNDS = 1024, 24, 3
INDICES = [("B8", "B4"), ("B3", "B11"), ("B8A", "B11"), ("B11", "B8"), ("B12", "B8"), ("B3", "B8"), ("B5", "B4")]
SEASONS = [
    ("2021-01-01", "2021-04-01"),
    ("2021-04-01", "2021-07-01"),
    ("2021-07-01", "2021-10-01"),
    ("2021-10-01", "2022-01-01"),
]
CLOUDY = (3, 8, 9, 10)


def script() -> Any:
    """The composite as an Earth Engine script: 68 float bands."""
    import ee

    def clear(image: Any) -> Any:
        scl = image.select("SCL")
        good = scl.neq(CLOUDY[0])
        for code in CLOUDY[1:]:
            good = good.And(scl.neq(code))
        return image.select(list(BANDS)).updateMask(good)

    stack = []
    for number, (start, end) in enumerate(SEASONS):
        median = ee.ImageCollection(COLLECTION).filterDate(start, end).map(clear).median()
        parts = [median, *(median.normalizedDifference(list(pair)).rename("_".join(pair)) for pair in INDICES)]
        stack.append(ee.Image.cat(parts).toFloat().regexpRename("^", f"s{number}_"))
    return ee.Image.cat(stack)


def ours(folder: Path) -> Any:
    import ee

    from pipeline import engine
    from pipeline.engine.archive import open_archive
    from pipeline.engine.session import Session

    engine.connect("local", archive=folder)
    expression = ee.serializer.encode(script(), for_cloud_api=True)
    session = Session(open_archive(folder), workers=2)
    image = session.evaluate(expression)
    grid = session.default_grid(next(iter(session.call("ImageCollection.load", {"id": COLLECTION}))))
    return lambda: session.pixels(image, grid)[0].data


def peer(folder: Path) -> Any:
    import dask
    import numpy as np
    import odc.stac
    import pystac
    import xarray as xr

    items = [pystac.Item.from_file(str(p)) for p in sorted(folder.glob(f"{COLLECTION}/*/*.json"))]

    def run() -> Any:
        cube = odc.stac.load(items, chunks={"x": 512, "y": 512}, bands=[*BANDS, "SCL"])
        good = ~cube["SCL"].isin(CLOUDY)
        cube = cube[list(BANDS)].where(good)
        stack = []
        for start, end in SEASONS:
            season = cube.sel(time=slice(start, np.datetime64(end) - np.timedelta64(1, "s")))
            median = season.chunk(time=-1).median("time", skipna=True)
            for a, b in INDICES:
                median[f"{a}_{b}"] = (median[a] - median[b]) / (median[a] + median[b])
            stack.append(median.astype("float32"))
        with dask.config.set(scheduler="threads", num_workers=2):
            return xr.concat(stack, "season").compute()

    return run


def floor(folder: Path) -> Any:
    import rasterio

    def read(path: Path) -> Any:
        with rasterio.open(path) as source:
            return source.read()[0, 0, 0]

    def run() -> Any:
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(read, sorted(folder.glob(f"{COLLECTION}/*/*.tif"))))

    return run


def measured(name: str, folder: Path) -> dict[str, float]:
    """Seconds (best of several) and peak memory in GB, in a fresh process."""
    done = subprocess.run([sys.executable, __file__, name, str(folder)], capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(name: str, folder: Path) -> None:
    run = {"ours": ours, "peer": peer, "floor": floor}[name](folder)
    run()
    best, _ = seconds(run, repeat=ROUNDS)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({"seconds": best, "gigabytes": peak}))


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        scenes(folder, DATES, SIZE)
        results = {name: measured(name, folder) for name in ("floor", "ours", "peer")}
    for name, title in (("floor", "reading alone"), ("ours", "minecover"), ("peer", "odc-stac + dask")):
        print(f"{title:16} {results[name]['seconds']:6.2f} s  {results[name]['gigabytes']:5.2f} GB")
    fast, slow = results["ours"]["seconds"], results["peer"]["seconds"]
    print(f"ratio to reading: {fast / results['floor']['seconds']:.2f}")
    print(f"ratio of odc-stac to ours: {slow / fast:.1f}")


if __name__ == "__main__":
    measure(sys.argv[1], Path(sys.argv[2])) if len(sys.argv) > 1 else main()
