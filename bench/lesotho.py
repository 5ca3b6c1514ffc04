"""Choosing features at 3,581 real points of Lesotho: does it lose accuracy, and do seasons help?

    python bench/lesotho.py [POINTS]

POINTS is the table of Digital Earth Africa's notebook for Lesotho: eleven values of Sentinel-2 in each of six parts of
the year, and nine classes. Folds are blocks of 20 km with a buffer; features are ranked and chosen anew inside each
fold. Intervals are 95 %, from drawing blocks 2,000 times, the same draws for what is compared. Takes some minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.models import baselines
from pipeline.select.wording import interval, percent
from pipeline.select.work import relief, shuffled
from pipeline.selection import Selection, Settings, select
from pipeline.splits import SpatialBlocks, block_of

POINTS = Path(__file__).parents[2] / "shared/data/lesotho-s2-bimonthly-points/points_all.parquet"
MONTHS = ("January-February", "March-April", "May-June", "July-August", "September-October", "November-December")
BLOCK_M, BUFFER_M, TREES = 20_000, 150, 100
SIZES = (5, 10, 15, 20, 30, 40, 50, 66)


def found(path: Path = POINTS, trees: int = TREES, sizes: tuple[int, ...] = SIZES) -> Selection:
    points = pd.read_parquet(path)
    season = {name: MONTHS[int(name[-1])] for name in points.columns if name[-2:-1] == "_" and name[-1] in "012345"}
    xy, y = points[["x_coord", "y_coord"]].to_numpy(), points["LC_Class_I"].to_numpy().astype(int)
    return select(
        points[list(season)].to_numpy(np.float32),
        y,
        list(season),
        SpatialBlocks(xy, BLOCK_M, BUFFER_M, 5, 0).folds(y),
        scorers={"Relief-F": relief(100), "RF": shuffled(trees, 2)},
        quick={"Relief-F": relief(100), "RF": shuffled(trees, 1)},
        make=baselines.forest(trees),
        blocks=block_of(xy, BLOCK_M),
        learners={"RF": baselines.forest(trees)},
        groups={name: ("Sentinel-2", months) for name, months in season.items()},
        settings=Settings(sizes=sizes, resamples=0),
        progress=lambda what, done, total: print(f"{what}: {done} of {total}", file=sys.stderr),
    )


def told(selection: Selection) -> Iterator[str]:
    yield f"{selection.rows} points, {len(selection.names)} features, blocks of 20 km; random forest, accuracy in %"
    for e in selection.effects:
        change = "" if e.features == "all" else f"; less all: {interval(e.difference.oa)} points"
        yield f"  {e.features}, {e.count:.0f} features: {percent(e.quality.oa)}{change}"
    for c in selection.costs:
        less = f"; less all: {interval(c.difference.oa)} points"
        yield f"  {'' if c.how == 'alone' else 'without '}{c.name}, {c.count} features: {percent(c.quality.oa)}{less}"


def main(path: Path) -> None:
    if not path.is_file():
        print(f"{path.name} is not here; nothing is measured.")
        return
    print(*told(found(path)), sep="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else POINTS)
