"""Maps of 1000 × 1000 pixels with 90 bands by each learner: the stage `classify` against the obvious way.

    python bench/classify.py [--models RF,ResNet50] [--size 1000]

The obvious way reads the whole stack, and gives all pixels to scikit-learn's `predict`, or cuts a patch of 15 × 15 for
each pixel and gives all to Keras's `model.predict`. Of what would take hours it does a part; the time for all is
extrapolated, and marked so. The stage's time is everything, from reading to the last file; it answers with
probabilities, scikit-learn with classes only. Imports are not counted. Each measurement runs in a process of its own;
memory is the peak of the whole process. Learners have learnt from 2,000 pixels with plain settings; networks have
random weights, which take as long as others.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from pipeline.models import NAMES, NETWORKS

BANDS, CLASSES, SAMPLES, PATCH = 90, 6, 2000, 15
COLOURS = ("#3f8f3f", "#3b78c2", "#c8352f", "#d9b77a", "#4a4453", "#a5cc4b")
PIXEL = 10.0
PART = {"SVM": 20_000, "KNN": 50_000, "ResNet50": 4096, "ResNet18": 8192, "CNN": 32_768}
"""Pixels that the obvious way does, where all would take too long."""


def write_stack(folder: Path, size: int) -> None:
    """A stack whose bands tell six classes in smooth patches apart, in three parts, with some gaps."""
    from scipy.ndimage import gaussian_filter

    from pipeline.artifacts.manifest import BandRecord, Manifest
    from pipeline.export import tiles
    from pipeline.export.pixels import Part
    from pipeline.region import Grid

    rng = np.random.default_rng(0)
    grid = Grid("EPSG:32649", PIXEL, 420_000.0, 4_407_000.0, size, size)
    truth = gaussian_filter(rng.normal(size=(CLASSES, size, size)).astype(np.float32), (0, 12, 12)).argmax(0)
    parts = [Part(f"part{n}", tuple(f"part{n}_{i}" for i in range(BANDS // 3))) for n in range(3)]
    means = rng.normal(0, 0.6, (BANDS, CLASSES)).astype(np.float32)
    for number, part in enumerate(parts):
        (folder / "stack" / part.name).mkdir(parents=True)
        for tile in grid.tiles():
            here = truth[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
            first = number * len(part.bands)
            data = means[first : first + len(part.bands)][:, here]
            data += rng.normal(0, 1, data.shape).astype(np.float32)
            data[:, rng.random(here.shape) < 0.01] = np.nan
            tiles.write(folder / "stack" / part.name / f"{tile.name}.tif", data, part, grid.part(tile))
    Manifest(
        grid=grid, tile=512, tiles=tuple((t.row, t.column) for t in grid.tiles()),
        bands=tuple(BandRecord(b, "1", p.name, i) for p in parts for i, b in enumerate(p.bands, 1)), counts=(),
        region={"type": "MultiPolygon", "coordinates": []}, year=2021, seasons={}, options={}, engine={}, scenes={},
        fingerprint="bench", software={},
    ).write(folder / "stack")  # fmt: skip
    np.save(folder / "truth.npy", truth.astype(np.uint8))


def samples(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    import xarray as xr

    from pipeline.artifacts.stack import open_stack

    truth, rng = np.load(folder / "truth.npy"), np.random.default_rng(1)
    y, x = (rng.integers(0, n, SAMPLES) for n in truth.shape)
    values = open_stack(folder).isel(y=xr.DataArray(y, dims="p"), x=xr.DataArray(x, dims="p")).values
    return values.T, truth[y, x].astype(np.int64)


def fitted(name: str, X: np.ndarray, y: np.ndarray) -> Any:
    if name in NETWORKS:
        from pipeline.models.network import Network
        from pipeline.models.resnet import Shape, build
        from pipeline.models.scaling import fitted as scaled

        shape = Shape(name, "dense", PATCH, BANDS, CLASSES)
        return Network(shape, scaled(X), build(shape))
    from pipeline.models import pixels

    return pixels.fitted(name, X, y, [str(c) for c in range(CLASSES)], folds=_folds(len(X)), seconds=0, seed=0)[0]


def write_model(folder: Path, name: str) -> None:
    """The learner in the run's folder, as training leaves it."""
    from pipeline.artifacts.manifest import read_manifest
    from pipeline.artifacts.models import BandStatistics, ModelManifest
    from pipeline.artifacts.models import write_model as write
    from pipeline.config import Legend

    X, y = samples(folder)
    model = fitted(name, X, y)
    ends = np.nanpercentile(X, (2, 98), axis=0).T.tolist()
    records = read_manifest(folder / "stack").bands
    bands = [BandStatistics(r.name, r.unit, 0.0, 1.0, *e) for r, e in zip(records, ends, strict=True)]
    manifest = ModelManifest(
        name, model.spec(), tuple(bands), Legend.model_validate(_legend()), PATCH, PIXEL, "all", "", "", {}, {}, (),
        name, {},
    )  # fmt: skip
    write(folder / "models" / name, manifest, model.files())


def stage(folder: Path, name: str) -> tuple[np.ndarray, int]:
    """Seconds of the whole stage, by the clock and of processors, and the pixels that it did."""
    from pipeline.artifacts.models import read_files, read_manifest
    from pipeline.classify import Wish, run
    from pipeline.config import Config
    from pipeline.models import restored

    manifest = read_manifest(folder / "models" / name)
    restored(manifest.spec, read_files(folder / "models" / name, manifest))  # imports what it needs

    config = Config.model_validate(
        {"name": "Bench", "region": "r", "year": 2021, "output": folder, "legend": _legend(), "labels": {"file": "l"}}
    )
    with tempfile.TemporaryDirectory(dir=folder) as place:
        start = now()
        for line in run(Wish(config, name, Path(place))):
            print(line, file=sys.stderr)
        took = now() - start
    return took, np.load(folder / "truth.npy").size


def obvious(folder: Path, name: str) -> tuple[np.ndarray, int]:
    """Seconds to read all and predict, by the clock and of processors, and the pixels that were done of all."""
    from pipeline.artifacts.stack import open_stack

    X, y = samples(folder)
    learner = _keras(name) if name in NETWORKS else _sklearn(name, X, y)
    start = now()
    stack = open_stack(folder).values
    reading = now() - start
    whole = stack.shape[1] * stack.shape[2]
    count = min(PART.get(name, whole), whole)
    start = now()
    if name in NETWORKS:
        _predict_patches(learner, stack, count)
    else:
        learner.predict(stack.reshape(BANDS, -1)[:, :count].T)
    return reading + (now() - start) * whole / count, count


def _sklearn(name: str, X: np.ndarray, y: np.ndarray) -> Any:
    from pipeline.models import tuning

    return tuning.made(name, 0, {}).fit(X, y)


def _keras(name: str) -> Any:
    from pipeline.models.resnet import Shape, build

    model = build(Shape(name, "patch", PATCH, BANDS, CLASSES))
    model.predict(np.zeros((64, PATCH, PATCH, BANDS + 1), np.float32), batch_size=256, verbose=0)
    return model


def _predict_patches(model: Any, stack: np.ndarray, count: int) -> None:
    """A patch around each of the first pixels, gaps 0, and a band that says what is known."""
    reach = PATCH // 2
    known = np.isfinite(stack).mean(0, keepdims=True, dtype=np.float32)
    padded = np.pad(np.concatenate([np.nan_to_num(stack), known]), ((0, 0), (reach, reach), (reach, reach)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (PATCH, PATCH), axis=(1, 2))
    rows = -(-count // stack.shape[2])
    patches = windows[:, :rows].reshape(BANDS + 1, -1, PATCH, PATCH)[:, :count]
    model.predict(np.ascontiguousarray(patches.transpose(1, 2, 3, 0)), batch_size=256, verbose=0)


def _legend() -> list[dict[str, Any]]:
    return [{"code": n, "name": f"class {n}", "colour": c} for n, c in enumerate(COLOURS, 1)]


def _folds(count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    fold = np.arange(count) % 3
    return [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(3)]


def now() -> np.ndarray:
    """Seconds of the clock, and of all processors for this process; the second hardly depend on what else runs."""
    return np.array([perf_counter(), process_time()])


def peak() -> float:
    """The most memory that this process has held, in GB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1e6


def measure(what: str, folder: Path, name: str) -> dict[str, float]:
    """Seconds, pixels and memory, measured in a process of its own."""
    command = [sys.executable, __file__, "--one", what, str(folder), name]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(said.splitlines()[-1]))


def compare(folder: Path, name: str) -> None:
    measure("model", folder, name)
    if name not in NETWORKS:
        measure("stage", folder, name)  # compiles, and warms caches
    ours, theirs = measure("stage", folder, name), measure("obvious", folder, name)
    part = "" if theirs["pixels"] == ours["pixels"] else f" (extrapolated from {theirs['pixels']:,.0f} pixels)"
    print(
        f"{name}: classify {ours['seconds']:.1f} s ({ours['processor']:.1f} s of processors), "
        f"{ours['pixels'] / ours['seconds']:,.0f} pixels/s, {ours['memory']:.2f} GB; the obvious way "
        f"{theirs['seconds']:.1f} s ({theirs['processor']:.1f} s){part}, {theirs['memory']:.2f} GB"
    )
    ratios = [theirs[k] / ours[k] for k in ("processor", "seconds")]
    print(f"  ratio of {name}: {ratios[0]:.1f} in seconds of processors, {ratios[1]:.1f} by the clock", flush=True)


def one(what: str, folder: Path, name: str) -> None:
    seconds, pixels = np.zeros(2), 0
    if what == "model":
        write_model(folder, name)
    else:
        seconds, pixels = (stage if what == "stage" else obvious)(folder, name)
    print(json.dumps({"seconds": seconds[0], "processor": seconds[1], "pixels": pixels, "memory": peak()}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default=",".join(n for n in NAMES if n not in ("ResNet18", "CNN")))
    parser.add_argument("--size", type=int, default=1000, help="pixels along each side")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options.one[0], Path(options.one[1]), options.one[2])
        return
    with tempfile.TemporaryDirectory() as place:
        write_stack(Path(place), options.size)
        for name in options.models.split(","):
            compare(Path(place), name)


if __name__ == "__main__":
    main()
