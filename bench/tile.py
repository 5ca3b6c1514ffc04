"""A warm map tile: 256 × 256 RGB of a median over six dates, as PNG over HTTP, against reading its pixels alone.

python bench/tile.py
"""

from __future__ import annotations

import tempfile
import urllib.request
from pathlib import Path
from statistics import median

import rasterio
from _scenes import COLLECTION, scenes
from _timing import seconds
from rasterio.windows import Window


def fetch(url: str) -> int:
    with urllib.request.urlopen(url) as answer:
        return len(answer.read())


def read(paths: list[Path]) -> None:
    for path in paths:
        with rasterio.open(path) as source:
            source.read([1, 2, 3, 11], window=Window(200, 200, 256, 256))


def main() -> None:
    import ee

    from pipeline import engine

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        scenes(folder, 6, 1024)
        engine.connect("local", archive=folder)

        def clear(image: ee.Image) -> ee.Image:
            return image.updateMask(image.select("SCL").lt(8))

        composite = ee.ImageCollection(COLLECTION).map(clear).select(["B4", "B3", "B2"]).median()
        tiles = composite.getMapId({"min": 0, "max": 4000})["tile_fetcher"].url_format
        # Zoom 14 shows 7 m at this latitude, the tile lies inside the scenes.
        near = [tiles.format(x=x, y=y, z=14) for x in (13247, 13248) for y in (6220, 6221)]
        sizes = [fetch(url) for url in near]
        warm = median(seconds(fetch, url, repeat=9)[0] for url in near)
        least, _ = seconds(read, sorted(folder.glob(f"{COLLECTION}/*/*.tif")), repeat=9)
        engine.disconnect()
    print(f"warm tile: {1000 * warm:.0f} ms, PNG of {min(sizes)} to {max(sizes)} bytes")
    print(f"reading its pixels: {1000 * least:.0f} ms")
    print(f"ratio to reading: {warm / least:.1f}")


if __name__ == "__main__":
    main()
