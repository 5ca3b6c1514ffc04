"""Relief-F of 112 features, 6 classes, k = 100, against scikit-rebate on one core and on all; time and memory by size.

    python bench/relief.py [--large]

With --large scikit-rebate also runs at 10,000 rows, which takes about eight minutes. Scores are compared in one run on
the same data. Sizes run in processes of their own; memory is the peak of the whole process, interpreter and data
included. The floor is the time for rows² × features differences in single precision, each taken and added on data in
the first-level cache, on all threads.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

import numpy as np
import skrebate
from _timing import seconds
from numba import njit
from scipy.spatial.distance import pdist

from pipeline.relief import ReliefF
from pipeline.relief.estimator import scaled, threads

FEATURES, CLASSES, NEIGHBOURS = 112, 6, 100
SIZES = ((1200, None), (3000, None), (10_000, None), (30_000, None), (100_000, 2000))


def table(rows: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, CLASSES, rows)
    X = rng.normal(size=(rows, FEATURES))
    X[:, :10] += 0.3 * y[:, None]
    return X, y


def ours(X: np.ndarray, y: np.ndarray, instances: int | None = None) -> ReliefF:
    return ReliefF(NEIGHBOURS, weights="uniform", n_instances=instances).fit(X, y)


def theirs(X: np.ndarray, y: np.ndarray, jobs: int) -> np.ndarray:
    return np.asarray(skrebate.ReliefF(n_neighbors=NEIGHBOURS, n_jobs=jobs).fit(X.copy(), y).feature_importances_)


@njit(nogil=True, fastmath=True)
def differences(a: np.ndarray, rounds: int) -> float:
    total = np.zeros(len(a), np.float32)
    for i in range(0, rounds, 8):
        for j in range(len(a)):
            total[j] += (
                abs(a[j] - np.float32(i))
                + abs(a[j] - np.float32(i + 1))
                + abs(a[j] - np.float32(i + 2))
                + abs(a[j] - np.float32(i + 3))
                + abs(a[j] - np.float32(i + 4))
                + abs(a[j] - np.float32(i + 5))
                + abs(a[j] - np.float32(i + 6))
                + abs(a[j] - np.float32(i + 7))
            )
    return total.sum()


def rate() -> float:
    """Differences a second on all threads."""
    a, rounds = np.linspace(0, 1, 1024).astype(np.float32), 400_000

    def all_threads() -> None:
        with ThreadPoolExecutor(threads()) as pool:
            list(pool.map(lambda _: differences(a, rounds), range(threads())))

    differences(a, 8)
    return threads() * len(a) * rounds / seconds(all_threads)[0]


def compare(rows: int) -> None:
    X, y = table(rows)
    took, selector = seconds(ours, X, y, repeat=5)
    print(f"{rows} rows: {took:.3f} s")
    for jobs in (1, -1):
        start = perf_counter()
        expected = theirs(X, y, jobs)
        slow = perf_counter() - start
        off = np.abs(selector.feature_importances_ - expected).max()
        same = np.array_equal(selector.top_features_, np.argsort(-expected, kind="stable"))
        print(f"  scikit-rebate, n_jobs={jobs}: {slow:.1f} s; scores differ by {off:.1e} at most, same ranking: {same}")
        print(f"  ratio at {rows} rows, n_jobs={jobs}: {slow / took:.0f}")


def one_size(rows: int, instances: int | None) -> None:
    """Prints seconds, and the peak memory after and before."""
    X, y = table(rows)
    before = peak()
    took, _ = seconds(ours, X, y, instances, repeat=3)
    print(took, peak(), before)


def peak() -> float:
    """The most memory that this process has held, in GB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1e6


def sizes() -> None:
    fast = rate()
    print(f"floor: {fast / 1e9:.1f}e9 differences a second on {threads()} threads")
    for rows, instances in SIZES:
        command = [sys.executable, __file__, "--one", str(rows), str(instances or 0)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        took, memory, before = map(float, said.split())
        floor = (instances or rows) * rows * FEATURES / fast
        asked = f"{instances} of " if instances else ""
        print(f"{asked}{rows} rows: {took:.2f} s, {memory:.2f} GB ({before:.2f} before)")
        print(f"    the floor, {floor:.3f} s, is {floor / took:.0%} of it")
    values = scaled(table(10_000)[0])
    took, _ = seconds(pdist, values, "cityblock", repeat=1)
    print(f"scipy pdist, 10,000 rows, each pair once, one thread: {took:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="scikit-rebate at 10,000 rows too")
    parser.add_argument("--one", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one_size(options.one[0], options.one[1] or None)
        return
    ours(*table(1200))  # compile
    for rows in (2870, 10_000) if options.large else (2870,):
        compare(rows)
    sizes()


if __name__ == "__main__":
    main()
