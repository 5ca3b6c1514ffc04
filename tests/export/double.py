"""Features that cost nothing, for tests of everything around them: 112 bands of plain arithmetic, small tiles.

Run as a program, it exports again and again and kills itself on the way: see `main`.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyproj import Transformer

import features
from features import catalog
from pipeline.export import plan, retries

NDArray = np.ndarray[Any, Any]

CRS, WEST, NORTH = "EPSG:32649", 614_040.0, 4_376_040.0
WIDTH, HEIGHT, SIDE = 28, 20, 16
NAMES = catalog.names()


def stack(region: Any, year: int, **options: Any) -> Any:
    """Band i is (x + 3 y + 10 i) / 10, with x and y counted in pixels; masked where (x + y) is a multiple of 7."""
    import ee

    place = ee.Image.pixelCoordinates(ee.Projection(CRS, [10, 0, WEST, 0, -10, NORTH])).floor()
    x, y = place.select("x"), place.select("y")
    numbers = ee.Image.constant([10 * i for i in range(len(NAMES))]).rename(list(NAMES))
    made = numbers.add(x.add(y.multiply(3))).divide(10).toFloat()
    return made.updateMask(x.add(y).mod(7).neq(0))


def observations(region: Any, year: int, **options: Any) -> Any:
    import ee

    place = ee.Image.pixelCoordinates(ee.Projection(CRS, [10, 0, WEST, 0, -10, NORTH])).floor()
    return ee.Image.cat([place.select("x").add(i) for i in range(8)]).rename(list(catalog.COUNTS)).toUint16()


def scenes(region: Any, year: int, **options: Any) -> Any:
    import ee

    return ee.Dictionary({**{name: 3 for name in catalog.COUNTS}, "dem": 1, "lights": 1, "orbit": "ASCENDING"})


def expected() -> tuple[NDArray, NDArray]:
    """The stack and the counts on the whole grid, by their definition."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    bands = np.stack([((x + 3 * y + 10 * i) / 10) for i in range(len(NAMES))]).astype(np.float32)
    bands[:, (x + y) % 7 == 0] = np.nan
    return bands, np.stack([x + i for i in range(8)]).astype(np.uint16)


def install(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(features, "stack", stack)
    patch.setattr(features, "observations", observations)
    patch.setattr(features, "scenes", scenes)
    patch.setattr(plan, "TILE", SIDE)
    patch.setattr(retries, "FIRST_DELAY_S", 0.002)
    patch.setattr(os, "fsync", lambda descriptor: None)  # what a killed process wrote is there all the same


def region(folder: Path) -> Path:
    """A file that outlines exactly the pixels of the grid."""
    there = Transformer.from_crs(CRS, "OGC:CRS84", always_xy=True)
    east, south = WIDTH * 10 - 1, HEIGHT * 10 - 1
    corners = [(1, 1), (east, 1), (east, south), (1, south), (1, 1)]
    ring = [list(there.transform(WEST + x, NORTH - y)) for x, y in corners]
    path = folder / "pit.geojson"
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    return path


def files(run: Path) -> dict[str, bytes]:
    """Every file of a stack but the ledger and the lock, which may differ from run to run."""
    stack = run / "stack"
    own = {"ledger.sqlite", "ledger.sqlite-journal", ".lock"}
    return {
        p.relative_to(stack).as_posix(): p.read_bytes() for p in stack.rglob("*") if p.is_file() and p.name not in own
    }


def main(arguments: list[str]) -> None:
    """Export `kills` times in a child that is killed after a random time, and print what it left each time."""
    from pipeline import cli

    kills, seed, output, *command = arguments
    install(pytest.MonkeyPatch())
    chance = random.Random(int(seed))
    for _ in range(int(kills)):
        child = os.fork()
        if child == 0:
            os._exit(cli.main(command))
        time.sleep(chance.uniform(0.2, 1.0))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        made = sorted(name for name in files(Path(output)) if name.endswith(".tif")) if Path(output).exists() else []
        print(json.dumps({"killed": os.WIFSIGNALED(status), "files": made}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
