"""A million pixels of 90 features through each baseline: ours against scikit-learn's `predict`, time and memory.

    python bench/predict.py [--pixels N] [LEARNER ...]

Models are fitted on 2,870 samples of 6 classes with plain settings; one pixel in a hundred has gaps. Ours gives the
probabilities of a block in the order of bands that maps are read in, scikit-learn only the classes, of rows of float32.
Maximum likelihood stands against scikit-learn's quadratic discriminant analysis. The support vector machine of
scikit-learn takes a part of the pixels, and its time is extrapolated. Each side runs in a process of its own; memory is
the peak of the whole process, less what it held before. Classes are compared on the same part of the pixels.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import warnings
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

from pipeline.models import machines
from pipeline.models.baselines import LEARNERS
from pipeline.models.pixels import PixelModel

SAMPLES, FEATURES, CLASSES, PART = 2870, 90, 6, 20_000


def table(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples as float32, of which the first third of the features tell the classes."""
    rng, centres = np.random.default_rng(seed), np.random.default_rng(0)
    y = rng.integers(0, CLASSES, rows)
    X = rng.standard_normal((rows, FEATURES), np.float32)
    X[:, : FEATURES // 3] += 0.5 * centres.normal(size=(CLASSES, FEATURES // 3)).astype(np.float32)[y]
    X *= 40
    X += 300
    X[rng.random(rows) < 0.01, :5] = np.nan
    return X, y


def fitted(name: str, kind: type = float) -> Any:
    X, y = table(SAMPLES, 1)
    return LEARNERS[name](0).fit(X.astype(kind), y)


def ours(name: str, pixels: int) -> None:
    learner = fitted(name)
    model = PixelModel(name, "pixel", 1, machines.machine(name, learner), {})
    X, _ = table(pixels, 2)
    part = X[:PART].astype(float)
    block = np.ascontiguousarray(X.T).reshape(FEATURES, 1000, -1)
    del X
    model.predict(block[:, :1, :100])  # compile
    before = held()
    times = []
    for _ in range(2):
        start = perf_counter()
        found = model.predict(block)
        times.append(perf_counter() - start)
    same = np.mean(found.argmax(axis=0).ravel()[:PART] == learner.predict(part))
    print(min(times), peak() - before, same, pixels)


def theirs(name: str, pixels: int) -> None:
    learner = fitted(name, np.float32)  # as the pixels are: neighbours take five times as long where they differ
    if name == "ML":
        learner.steps[-1] = ("qda", QuadraticDiscriminantAnalysis(priors=np.full(CLASSES, 1 / CLASSES)))
        learner.fit(*table(SAMPLES, 1))
    X, _ = table(pixels, 2)
    if name == "SVM":
        X = X[:PART]
    learner.predict(X[:100])
    before = held()
    times = []
    for _ in range(1 if name in ("SVM", "RF") else 2):
        start = perf_counter()
        learner.predict(X)
        times.append(perf_counter() - start)
    print(min(times) * pixels / len(X), peak() - before, 1, len(X))


def held() -> float:
    """The memory that this process holds, in GB; the peak starts again from there."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> float:
    """The most memory that this process has held, in GB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1e6


def measured(side: str, name: str, pixels: int) -> list[float]:
    command = [sys.executable, "-W", "ignore", __file__, "--side", side, "--pixels", str(pixels), name]
    return [float(x) for x in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("learners", nargs="*", default=list(LEARNERS))
    parser.add_argument("--pixels", type=int, default=1_000_000)
    parser.add_argument("--side", choices=["ours", "theirs"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in options.learners:
        if options.side:
            {"ours": ours, "theirs": theirs}[options.side](name, options.pixels)
            continue
        fast, memory, same, _ = measured("ours", name, options.pixels)
        slow, more, _, taken = measured("theirs", name, options.pixels)
        part = f", extrapolated from {taken:.0f} pixels" if taken < options.pixels else ""
        print(f"{name}: {fast:.2f} s, {memory:.2f} GB, {same:.2%} the same classes; {slow:.2f} s, {more:.2f} GB{part}")
        print(f"  ratio of {name}: {slow / fast:.1f}", flush=True)


if __name__ == "__main__":
    main()
