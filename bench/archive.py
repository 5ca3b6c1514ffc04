"""How fast an archive of 100,000 images answers place + time + property queries, against a plain scan of its items.

    python bench/archive.py [--items 100000] [--folder FOLDER]

Prints the median time of several queries through the index, the time of reading every item file for the same answer
(as a static STAC catalogue without an index needs), and their ratio. Both must find the same images.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from _timing import seconds

from pipeline.engine.archive import FolderArchive, document
from pipeline.engine.archive.model import BandFile
from pipeline.engine.values import Projection, named_type

COLLECTION = "COPERNICUS/S2_SR_HARMONIZED"
BANDS = ("B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12", "SCL")
START, DAY = 1_483_228_800_000, 86_400_000
QUERIES = 20
FILLER = {f"PROPERTY_{i}": i * 1.5 for i in range(60)}


def make(root: Path, count: int) -> FolderArchive:
    """An archive of item files alone, each with Sentinel-2's number of bands and properties."""
    archive = FolderArchive.initialise(root)
    archive.create(COLLECTION, "ImageCollection")
    rng = np.random.default_rng(0)
    bands = tuple(_band(name, i) for i, name in enumerate(BANDS, 1))
    files = [document.StoredFile("scene", "./scene.tif", 1, "0" * 64, bands)]
    for i in range(count):
        west, south = float(rng.uniform(-180, 179)), float(rng.uniform(-60, 70))
        box = [[west, south], [west + 1, south], [west + 1, south + 1], [west, south + 1], [west, south]]
        properties = {
            "system:time_start": START + int(rng.integers(0, 3000 * DAY)),
            "CLOUDY_PIXEL_PERCENTAGE": float(rng.uniform(0, 100)),
            **FILLER,
        }
        name = f"image{i:07}"
        geometry = {"type": "Polygon", "coordinates": [box]}
        made = document.item_document(f"{COLLECTION}/{name}", COLLECTION, properties, geometry, files, i)
        folder = root / COLLECTION / name
        folder.mkdir()
        (folder / f"{name}.json").write_text(json.dumps(made))
    return archive


def _band(name: str, index: int) -> BandFile:
    projection = Projection("EPSG:32631", (10, 0, 5e5, 0, -10, 5e6))
    return BandFile(name, "./scene.tif", index, named_type("uint16"), projection, 10980, 10980, 0)


def queries() -> list[dict[str, Any]]:
    """Boxes of 20 by 20 degrees, a year, less than 30 % cloud."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(QUERIES):
        west, south = float(rng.uniform(-180, 150)), float(rng.uniform(-60, 40))
        start = START + int(rng.integers(0, 2500)) * DAY
        conditions = [("CLOUDY_PIXEL_PERCENTAGE", "lessThan", 30)]
        box = (west, south, west + 20, south + 20)
        found.append({"bbox": box, "start_ms": start, "end_ms": start + 365 * DAY, "properties": conditions})
    return found


def scan(root: Path, query: dict[str, Any]) -> list[str]:
    """The same answer without an index: every item file is read."""
    west, south, east, north = query["bbox"]
    found = []
    for path in (root / COLLECTION).glob("*/*.json"):
        item = json.loads(path.read_bytes())
        w, s, e, n = item["bbox"]
        given = item["properties"]
        if (
            e >= west and w <= east and n >= south and s <= north
            and query["start_ms"] <= given["system:time_start"] < query["end_ms"]
            and given["CLOUDY_PIXEL_PERCENTAGE"] < 30
        ):  # fmt: skip
            found.append(item["id"])
    return sorted(found)


def main(count: int, root: Path) -> None:
    """Make the archive, measure, print."""
    made, archive = seconds(make, root, count, repeat=1)
    first, _ = seconds(lambda: list(archive.search(COLLECTION, bbox=(0, 0, 0, 0), end_ms=0)), repeat=1)
    asked = queries()
    timed = [
        seconds(lambda q=q: [i.index for i in FolderArchive(root).search(COLLECTION, **q)], repeat=1) for q in asked
    ]
    cloudy = [("CLOUDY_PIXEL_PERCENTAGE", "greaterThan", 99.9)]
    alone, few = seconds(lambda: list(archive.search(COLLECTION, properties=cloudy)), repeat=1)
    plain, wanted = seconds(scan, root, asked[0], repeat=1)
    assert timed[0][1] == wanted, "the index and the scan disagree"
    query = statistics.median(t for t, _ in timed)
    images = statistics.median(len(found) for _, found in timed)
    print(f"{count} items made in {made:.1f} s, indexed in {first:.1f} s")
    print(f"query: {query:.4f} s (median of {QUERIES}, {images:.0f} images; slowest {max(t for t, _ in timed):.4f} s)")
    print(f"query by a property alone: {alone:.4f} s ({len(few)} images)")
    print(f"plain scan: {plain:.2f} s")
    print(f"ratio scan / query: {plain / query:.0f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.folder:
        main(given.items, given.folder)
    else:
        with tempfile.TemporaryDirectory() as place:
            main(given.items, Path(place))
