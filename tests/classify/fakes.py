"""A model that is quick and looks beyond its block, and runs that it can map.

Run as a program, it maps and kills itself at a given answer: `python -m tests.classify.fakes RUN AT`.
"""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.artifacts.manifest import read_manifest
from pipeline.artifacts.models import BandStatistics, ModelManifest, write_model
from pipeline.classify import Wish, products, run, stage
from pipeline.config import Config, Legend
from tests.artifacts import stacks

NDArray = np.ndarray[Any, Any]

BANDS = ("d", "spring_c", "spring_a")
CLASSES = (
    {"code": 3, "name": '<b>"mine" & co</b> \'', "colour": "#4a4453"},
    {"code": 7, "name": "水 🏔 =1+1", "colour": "#3b78c2"},
    {"code": 200, "name": "forest/grass", "colour": "#3f8f3f"},
)
HALO = 2


class Fake:
    """Shares of three sums over a window of 5 × 5 pixels; what is masked counts as 0.

    It rounds differently for blocks of different shapes, as networks do.
    """

    halo = HALO

    def __init__(self, die_at: int = -1) -> None:
        self.answers = 0
        self.die_at = die_at

    def predict(self, block: NDArray) -> NDArray:
        self.answers += 1
        if self.answers == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return scores(block, HALO) * np.float32(1 - 1e-3 / block.shape[1])

    def at(self, patches: NDArray) -> NDArray:
        return np.stack([scores(p, HALO)[:, 0, 0] for p in patches])

    def spec(self) -> dict[str, Any]:
        return {"name": "RF"}

    def files(self) -> dict[str, bytes]:
        return {"nothing.bin": b"nothing"}


def scores(block: NDArray, halo: int) -> NDArray:
    known = np.nan_to_num(block)
    height, width = block.shape[1] - 2 * halo, block.shape[2] - 2 * halo
    shifts = [(dy, dx) for dy in range(2 * halo + 1) for dx in range(2 * halo + 1)]
    total = sum(known[:, dy : dy + height, dx : dx + width] * (1 + dy) for dy, dx in shifts)
    powers = np.exp(total[:3] / 10)
    return np.asarray(powers / powers.sum(0), np.float32)


def config(output: Path, **classify: Any) -> Config:
    return Config.model_validate(
        {
            "name": "Pit $x$",
            "region": "r",
            "year": 2021,
            "output": output,
            "legend": list(CLASSES),
            "labels": {"file": "l.csv"},
            "classify": {"model": "RF", **classify},
        }
    )


def model(output: Path, bands: NDArray, **others: Any) -> ModelManifest:
    """The manifest of a model in the run's folder that learnt from the stack itself."""
    records = {b.name: b for b in read_manifest(output / "stack").bands}
    order = [b.name for b in read_manifest(output / "stack").bands]
    found = [statistics(n, records[n].unit, bands[order.index(n)]) for n in BANDS]
    given: dict[str, Any] = {
        "name": "RF", "spec": {"name": "RF"}, "bands": tuple(found), "legend": Legend.model_validate(list(CLASSES)),
        "patch_px": 5, "pixel_m": 10.0, "features": "all", "split": "blocks", "split_sha256": "s", "metrics": {},
        "settings": {}, "history": (), "fingerprint": "m", "software": {}, **others,
    }  # fmt: skip
    return write_model(output / "models" / "RF", ModelManifest(**given), {"nothing.bin": b"nothing"})


def statistics(name: str, unit: str, values: NDArray) -> BandStatistics:
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, (2, 98)).tolist()
    return BandStatistics(name, unit, float(known.mean()), float(known.std()), low, high)


def made(output: Path) -> NDArray:
    """The bands of a stack, in the stack's order; stack and model are in the run's folder."""
    bands, _ = stacks.stack(output / "stack")
    model(output, bands)
    return bands


def restored(spec: Mapping[str, Any], files: Mapping[str, bytes]) -> Fake:
    return Fake(int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[0].endswith("fakes.py") else -1)


def files(folder: Path) -> dict[str, bytes]:
    """What a map's folder holds beside its ledger, and beside the summary, which tells how long it took."""
    found = (p for p in folder.rglob("*") if p.is_file() and not p.name.startswith((".", "ledger")))
    return {str(p.relative_to(folder)): p.read_bytes() for p in found if p.name != "summary.json"}


if __name__ == "__main__":
    stage.restored = restored  # type: ignore[attr-defined, assignment]
    stage.cell_side = lambda halo: 16  # type: ignore[attr-defined]
    products.plate.draw = lambda *_: b"picture"  # type: ignore[attr-defined]
    list(run(Wish(config(Path(sys.argv[1]), min_area_m2=300.0, polygons=True), side=32)))
