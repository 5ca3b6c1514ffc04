"""Small runs for tests: models with answers, a map, and a reference sample, without any training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import rasterio
import shapely
from affine import Affine

from pipeline.artifacts.design import Design, DesignPoint, DesignStratum, write_design
from pipeline.artifacts.models import BandStatistics, ModelManifest, write_model
from pipeline.artifacts.predictions import PREDICTIONS, Predictions, write_predictions
from pipeline.config import Config, Legend
from pipeline.region import Grid

NDArray = np.ndarray[Any, Any]

GRID = Grid("EPSG:32649", 10.0, 600_000.0, 4_400_000.0, 120, 100)
NAMES = {1: "forest/grass", 2: "=HYPERLINK(1)", 5: "<b>mine</b> $x$"}
CODES = tuple(NAMES)
LEGEND = [{"code": c, "name": n, "colour": f"#{c * 45:02x}8855"} for c, n in NAMES.items()]
SPLIT = "blocks of 1000 m, buffer 150 m: 700 to train, 300 to test, 40 left out; nearest 150 m, overlapping: 0"


def config(run: Path, legend: Sequence[dict[str, Any]] = LEGEND, **assess: Any) -> Config:
    return Config.model_validate(
        {
            "name": "Pit $a$",
            "region": "r",
            "year": 2021,
            "output": run,
            "legend": legend,
            "labels": {"file": "none"},
            "classify": {"model": "RF"},
            "assess": {"draws": 200, **assess},
        }
    )


def truth(n: int = 300, seed: int = 0) -> NDArray:
    return np.random.default_rng(seed).choice(CODES, n, p=[0.5, 0.3, 0.2])


def answers(right: float, seeds: Sequence[int] = (0,), n: int = 300, first: int = 0) -> tuple[Predictions, ...]:
    """What a model says that is right with this chance; the samples come in another order for every seed."""
    found, y = [], truth(n)
    for seed in seeds:
        rng = np.random.default_rng([seed, round(1000 * right)])
        said = np.where(rng.random(n) < right, y, rng.choice(CODES, n))
        order = rng.permutation(n)
        ids = tuple(f"p{first + i}" for i in order)
        blocks = np.arange(n)[order] // 10
        found.append(Predictions(ids, y[order], said[order], blocks, np.full((n, 3), 1 / 3), CODES, seed))
    return tuple(found)


def model(run: Path, name: str, runs: tuple[Predictions, ...], split: str = SPLIT, legend: Any = LEGEND) -> None:
    folder = run / "models" / name
    manifest = ModelManifest(
        name=name, spec={}, bands=(BandStatistics("a", "1", 0, 1, -2, 2),), legend=Legend.model_validate(legend),
        patch_px=15, pixel_m=10, features="all", split=split, split_sha256="", metrics={}, settings={}, history=(),
        fingerprint="", software={},
    )  # fmt: skip
    write_model(folder, manifest, {})
    write_predictions(folder / PREDICTIONS, runs)


def land(seed: int = 0, grid: Grid = GRID) -> NDArray:
    """Codes in stripes, class 5 in a corner."""
    rows, columns = np.indices((grid.height, grid.width))
    found = np.where((columns // 20 + rows // 25) % 3 == 0, 2, 1)
    found[: grid.height // 4, : grid.width // 3] = 5
    return found.astype(np.uint8)


def mapped(real: NDArray, right: float = 0.85, seed: int = 1) -> NDArray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random(real.shape) < right, real, rng.choice(CODES, real.shape)).astype(np.uint8)


def put_map(run: Path, codes: NDArray, name: str = "RF", grid: Grid = GRID) -> Path:
    path = run / "maps" / name / "map.tif"
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", width=grid.width, height=grid.height, count=1, dtype=codes.dtype, crs=grid.crs,
        transform=Affine(*grid.transform), nodata=0, compress="deflate",
    ) as file:  # fmt: skip
        file.write(codes, 1)
    return path


def at(real: NDArray, points: Sequence[DesignPoint], grid: Grid = GRID) -> list[str]:
    """Names of the classes that are really there."""
    return [NAMES[int(real[int((grid.top - p.y) // 10), int((p.x - grid.left) // 10)])] for p in points]


def fill(path: Path, classes: Sequence[str]) -> Path:
    """The sheet with a class for each point; an empty text is no answer."""
    frame = geopandas.read_file(path)
    frame["class"] = classes
    filled = path.with_name("filled.gpkg")
    frame.to_file(filled, driver="GPKG")
    return filled


def simple(folder: Path, real: NDArray, n: int, seed: int = 0) -> Path:
    """A simple random sample with its record, all answers right."""
    cells = np.random.default_rng(seed).choice(real.size, n, replace=False)
    row, column = np.divmod(cells, GRID.width)
    points = tuple(
        DesignPoint(id=str(i), x=GRID.left + 10 * (c + 0.5), y=GRID.top - 10 * (r + 0.5), stratum=0)
        for i, (r, c) in enumerate(zip(row.tolist(), column.tolist(), strict=True))
    )
    strata = (DesignStratum(name="all", pixels=real.size, points=n),)
    folder.mkdir(parents=True, exist_ok=True)
    write_design(folder / "design.json", Design(grid=GRID, seed=seed, strata=strata, points=points))
    frame = geopandas.GeoDataFrame(
        {"id": [p.id for p in points], "class": at(real, points)},
        geometry=shapely.points([(p.x, p.y) for p in points]), crs=GRID.crs,
    )  # fmt: skip
    frame.to_file(folder / "points.gpkg", driver="GPKG")
    return folder / "points.gpkg"
