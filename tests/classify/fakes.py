"""A model that is quick and looks beyond its block, and runs that it can map.

Run as a program, it maps and kills itself on the way: see `killed_again_and_again`.
"""

import hashlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.artifacts.ledger import Ledger
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

    def __init__(self) -> None:
        self.answers = 0

    def predict(self, block: NDArray) -> NDArray:
        self.answers += 1
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
    return Fake()


def files(folder: Path) -> dict[str, bytes]:
    """What a map's folder holds beside its ledger, and beside the summary, which tells how long it took."""
    found = (p for p in folder.rglob("*") if p.is_file() and not p.name.startswith((".", "ledger")))
    return {str(p.relative_to(folder)): p.read_bytes() for p in found if p.name != "summary.json"}


def killed_again_and_again(output: Path) -> None:
    """Maps in children that are killed, each some files later than the one before, and tells what each left.

    The first dies while the model answers, the others in turn before a file gets its name, and before it is noted as
    finished.
    """
    kills: tuple[tuple[Any, str, int], ...] = ((os, "replace", 3), (Ledger, "record", 3))
    for turn in range(100):
        if (child := os.fork()) == 0:
            die_at(*(kills[turn % 2] if turn else (Fake, "predict", 7)))
            list(run(Wish(config(output, min_area_m2=300.0, polygons=True), side=32)))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        whole = {name: hashlib.sha256(data).hexdigest() for name, data in files(output / "maps" / "RF").items()}
        print(json.dumps({"killed": os.WIFSIGNALED(status), "files": whole}), flush=True)
        if not os.WIFSIGNALED(status):
            return


def die_at(owner: Any, name: str, call: int) -> None:
    """From now on the process kills itself when a function is called for so many times."""
    real, calls = getattr(owner, name), iter(range(1, call))

    def counted(*given: Any) -> Any:
        if next(calls, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given)

    setattr(owner, name, counted)


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "restored", lambda spec, files: Fake())
        patch.setattr(stage, "cell_side", lambda halo: 16)
        patch.setattr(products.plate, "draw", lambda *_: b"picture")
        killed_again_and_again(Path(sys.argv[1]))
