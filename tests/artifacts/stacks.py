"""Small stacks for tests, written with the stage's own tile writer but without an engine."""

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.artifacts.manifest import BandRecord, Manifest
from pipeline.export import tiles
from pipeline.export.pixels import Part
from pipeline.region import Grid

NDArray = np.ndarray[Any, Any]

GRID = Grid("EPSG:32649", 10.0, 614_000.0, 4_376_000.0, 70, 50)
SIDE = 32
PARTS = (Part("spring", ("spring_a", "spring_b", "spring_c")), Part("static", ("d",)))
COUNTS = Part("counts", ("spring_optical", "spring_radar"), "uint16")
ABSENT = (1, 2)


def stack(folder: Path) -> tuple[NDArray, NDArray]:
    """Bands and counts of a stack of 2 × 3 tiles, the last of which is absent; NaN and 0 there."""
    rng = np.random.default_rng(0)
    bands = rng.normal(size=(4, GRID.height, GRID.width)).astype(np.float32)
    bands[rng.random(bands.shape) < 0.1] = np.nan
    counts = rng.integers(0, 60_000, (2, GRID.height, GRID.width)).astype(np.uint16)
    there = [t for t in GRID.tiles(SIDE) if (t.row, t.column) != ABSENT]
    for data, parts in ((bands, PARTS), (counts, (COUNTS,))):
        first = 0
        for part in parts:
            (folder / part.name).mkdir(parents=True)
            for t in there:
                cut = data[first : first + len(part.bands), t.y : t.y + t.height, t.x : t.x + t.width]
                tiles.write(folder / part.name / f"{t.name}.tif", cut, part, GRID.part(t))
            first += len(part.bands)
    bands[:, ABSENT[0] * SIDE :, ABSENT[1] * SIDE :] = np.nan
    counts[:, ABSENT[0] * SIDE :, ABSENT[1] * SIDE :] = 0
    manifest(tuple((t.row, t.column) for t in there)).write(folder)
    return bands, counts


def manifest(there: tuple[tuple[int, int], ...]) -> Manifest:
    def records(*parts: Part) -> tuple[BandRecord, ...]:
        return tuple(BandRecord(name, "m", p.name, i) for p in parts for i, name in enumerate(p.bands, 1))

    return Manifest(
        grid=GRID, tile=SIDE, tiles=there, bands=records(*PARTS), counts=records(COUNTS),
        region={"type": "MultiPolygon", "coordinates": []}, year=2021, seasons={"spring": ("2021-03-01", "2021-06-01")},
        options={"clear": 0.6}, engine={"name": "local"}, scenes={"spring_optical": 3}, fingerprint="f",
        software={"minecover": "0"}, masked={"spring": 0.1}, notes=("a note",),
    )  # fmt: skip
