"""Small runs for tests: a stack, a legend, and label files in every format."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
from pyproj import Transformer

from pipeline.config import Config
from tests.artifacts import stacks

NDArray = np.ndarray[Any, Any]

GRID = stacks.GRID
NAMES = {1: "forest/grass", 2: "water", 5: "mine"}
LEGEND = [{"code": code, "name": name, "colour": f"#{code * 40:02x}8899"} for code, name in NAMES.items()]
WGS84 = "OGC:CRS84"


def config(run: Path, labels: Path, split: dict[str, Any] | None = None, **others: Any) -> Config:
    own = {"block_m": 50, "patch_px": 1, "folds": 2, **(split or {})}
    return Config.model_validate(
        {
            "name": "Pit",
            "region": "r",
            "year": 2021,
            "output": run,
            "legend": LEGEND,
            "labels": {"file": labels, **others},
            "split": own,
            "train": {"models": ["RF"]},
        }
    )


def stack(run: Path) -> NDArray:
    """The bands of the stack that is now in the run's folder."""
    return stacks.stack(run / "stack")[0]


def metres(rows: Sequence[int], cols: Sequence[int]) -> NDArray:
    """Centres of pixels."""
    return np.column_stack([GRID.left + 10 * (np.array(cols) + 0.5), GRID.top - 10 * (np.array(rows) + 0.5)])


def degrees(xy: NDArray) -> NDArray:
    return np.column_stack(Transformer.from_crs(GRID.crs, WGS84, always_xy=True).transform(*xy.T))


def table(path: Path, xy: NDArray, classes: Sequence[Any], header: str = "id,x,y,class") -> Path:
    """A CSV of points."""
    lines = [f"{n},{x!r},{y!r},{c}" for n, ((x, y), c) in enumerate(zip(xy.tolist(), classes, strict=True), 1)]
    path.write_text("\n".join([header, *lines]) + "\n", "utf-8")
    return path


def frame(shapes: Any, classes: Sequence[Any], crs: str = GRID.crs) -> geopandas.GeoDataFrame:
    ids = range(1, len(classes) + 1)
    return geopandas.GeoDataFrame({"id": ids, "class": list(classes)}, geometry=list(shapes), crs=crs)


def kml(path: Path, shapes: Sequence[str], classes: Sequence[str]) -> Path:
    marks = "".join(
        f'<Placemark><name>p{n}</name><ExtendedData><Data name="class"><value>{c}</value></Data></ExtendedData>{s}'
        f"</Placemark>"
        for n, (s, c) in enumerate(zip(shapes, classes, strict=True))
    )
    path.write_text(f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{marks}</Document></kml>', "utf-8")
    return path
