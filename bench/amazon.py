"""A network and a random forest on 6,309 chips of gold-mine scars and what looks like them, folds by source.

    python bench/amazon.py [--model ResNet18] [--epochs 12]

The chips (48 × 48 pixels, red, green, blue) are in the shared data; without them nothing is done. A source is on one
side only, in the five folds and among the chips that stop the training. The forest sees means, deviations, percentiles
and gradients of each colour. Intervals draw sources again.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from pipeline.accuracy import model_accuracy, pairs
from pipeline.models import answers, hushed
from pipeline.patches import Windows

DATA = Path(__file__).parents[2] / "shared/data/amazon-gold-mine-chips"
SIDE, PATCH, ACROSS = 48, 47, 80
NAMES = {1: "other", 2: "mine"}


def read() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Chips (n, 48, 48, 3) in 0 … 1, whether each is a mine, and the number of its source."""
    with np.load(DATA / "chips.npz") as file:
        chips, y = file["chips"], file["label"].astype(int)
    with open(DATA / "index.csv", newline="") as file:
        sources = [row["source"] for row in csv.DictReader(file)]
    return chips, y, np.unique(sources, return_inverse=True)[1]


def statistics(chips: np.ndarray) -> np.ndarray:
    """33 numbers a chip: of each colour mean, deviation, seven percentiles, and mean and deviation of its gradient."""
    found = []
    for c in range(3):
        x = chips[..., c].reshape(len(chips), -1).astype(np.float32)
        across, down = (np.diff(chips[..., c].astype(np.float32), axis=a).reshape(len(chips), -1) for a in (1, 2))
        edges = np.abs(np.hstack([across, down]))
        found += [
            x.mean(1),
            x.std(1),
            *np.percentile(x, [2, 10, 25, 50, 75, 90, 98], axis=1),
            edges.mean(1),
            edges.std(1),
        ]
    return np.stack(found, axis=1)


def mosaic(chips: np.ndarray) -> tuple[Windows, np.ndarray, np.ndarray]:
    """All chips as one image, and the row and column of the middle of each."""
    n = len(chips)
    down = -(-n // ACROSS)
    image = np.full((3, down * SIDE, ACROSS * SIDE), np.nan, np.float32)
    rows, columns = (v * SIDE for v in np.divmod(np.arange(n), ACROSS))
    for chip, y, x in zip(chips, rows, columns, strict=True):
        image[:, y : y + SIDE, x : x + SIDE] = np.moveaxis(chip, -1, 0)
    windows = Windows(lambda t, x, h, w: image[:, t : t + h, x : x + w], image.shape)
    return windows, rows + PATCH // 2, columns + PATCH // 2


def network(name: str, epochs: int, data: Any, train: np.ndarray, test: np.ndarray, fold: int) -> np.ndarray:
    """The network's probability of a mine at the test chips."""
    with hushed():
        from pipeline.models import training
        from pipeline.models.batches import Labelled
        from pipeline.models.resnet import Shape
        from pipeline.models.scaling import Scaling
    chips, y, sources, windows, rows, columns = data
    inner = StratifiedGroupKFold(5, shuffle=True, random_state=fold).split(train, y[train], sources[train])
    fit, held = (train[part] for part in next(inner))
    labelled = Labelled(rows, columns, y)
    lesson = training.Lesson(windows.cut, windows.grouped, labelled.take(fit), labelled.take(held))
    pixels = chips[fit].reshape(-1, 3).astype(np.float64)
    scaling = Scaling(tuple(pixels.mean(axis=0).tolist()), tuple(pixels.std(axis=0).tolist()))
    settings = training.Settings(epochs=epochs, patience=max(3, epochs // 3), hidden=0.0)

    def progress(what: str, done: int, total: int) -> None:
        print(f"  {what}: epoch {done} of at most {total}", flush=True)

    found = training.train(Shape(name, "patch", PATCH, 3, 2), scaling, lesson, settings, None, None, progress)
    return answers(found.network, windows.cut, rows[test], columns[test])[:, 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="ResNet18")
    parser.add_argument("--epochs", type=int, default=12)
    options = parser.parse_args()
    if not DATA.is_dir():
        raise SystemExit("The shared data are not here: nothing to compare on.")
    chips, y, sources = read()
    data = (chips, y, sources, *mosaic(chips))
    table = statistics(chips)
    forest, ours = np.zeros(len(y), int), np.zeros(len(y), int)
    started = perf_counter()
    for fold, (train, test) in enumerate(GroupKFold(5).split(table, y, sources)):
        grown = RandomForestClassifier(300, random_state=0, n_jobs=-1).fit(table[train], y[train])
        forest[test] = grown.predict(table[test])
        ours[test] = network(options.model, options.epochs, data, train, test, fold) > 0.5
        print(f"fold {fold + 1}: {options.model} {np.mean(ours[test] == y[test]):.3f}, forest "
              f"{np.mean(forest[test] == y[test]):.3f}, {perf_counter() - started:.0f} s", flush=True)  # fmt: skip
    told = "5 folds of whole sources, of which another part stops the training"
    predicted = {options.model: ours + 1, "forest": forest + 1}
    scores = {}
    for name, codes in predicted.items():
        accuracy, scores[name] = model_accuracy(name, told, y + 1, {0: codes}, sources, NAMES)
        oa, kappa = accuracy.overall.oa, accuracy.overall.kappa
        print(f"{name}: OA {oa.value:.3f} ({oa.low:.3f} to {oa.high:.3f}), kappa {kappa.value:.3f} "
              f"({kappa.low:.3f} to {kappa.high:.3f})")  # fmt: skip
    [pair] = pairs(y + 1, predicted, scores)
    oa = pair.difference.oa
    print(f"{options.model} less forest: OA {oa.value:+.3f} ({oa.low:+.3f} to {oa.high:+.3f}), McNemar p {pair.p:.2g}")
    print(f"split: {told}; intervals: 36 sources drawn again")


if __name__ == "__main__":
    main()
