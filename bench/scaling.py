"""How a masked median scales: time over four areas, memory under a budget, one thread against two.

Streams the composite of bench/composite.py tile by tile and throws each tile away, as an export does.

    python bench/scaling.py
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from _scenes import COLLECTION, scenes
from _timing import seconds
from composite import script

SIDES = (768, 1024, 1536, 2048)
BUDGET = 1 << 30  # the default: tiles of 512 pixels, which are the files' own blocks
DATES = 12


def measure(folder: Path, side: int, workers: int) -> None:
    """Prints seconds (best of two) and peak memory of streaming side × side pixels."""
    import ee

    from pipeline import engine
    from pipeline.engine.archive import open_archive
    from pipeline.engine.session import Session

    engine.connect("local", archive=folder)
    session = Session(open_archive(folder), workers=workers, budget_bytes=BUDGET)
    image = session.evaluate(ee.serializer.encode(script(), for_cloud_api=True))
    grid = session.default_grid(next(iter(session.call("ImageCollection.load", {"id": COLLECTION}))))
    for _ in session.tiles(image, grid[:256, :256]):
        pass

    def through() -> None:
        for _ in session.tiles(image, grid[:side, :side]):
            pass

    best, _ = seconds(through, repeat=2)
    print(json.dumps([best, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6]))


def measured(folder: Path, side: int, workers: int) -> tuple[float, float]:
    command = [sys.executable, __file__, str(folder), str(side), str(workers)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    took, gigabytes = json.loads(done.stdout.splitlines()[-1])
    return took, gigabytes


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        scenes(folder, DATES, SIDES[-1])
        two = {side: measured(folder, side, 2) for side in SIDES}
        one = measured(folder, SIDES[-1], 1)
    for side, (took, gigabytes) in two.items():
        print(f"{side:5} px: {took:5.2f} s, {1e6 * took / side**2:.2f} s per million pixels, {gigabytes:.2f} GB")
    rate = [took / side**2 for side, (took, _) in two.items()]
    memory = [gigabytes for _, gigabytes in two.values()]
    print(f"ratio of slowest to fastest rate: {max(rate) / min(rate):.2f}")
    print(f"ratio of largest to smallest peak memory: {max(memory) / min(memory):.2f}")
    print(f"ratio of one thread to two: {one[0] / two[SIDES[-1]][0]:.2f}")


if __name__ == "__main__":
    measure(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])) if len(sys.argv) > 1 else main()
