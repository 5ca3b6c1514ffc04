"""What looks wrong about an image that was added, though it can be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.engine.archive.model import Item
from pipeline.engine.archive.products.numbers import sample
from pipeline.engine.archive.products.sentinel2 import COLLECTIONS

VISIBLE = ("B2", "B3", "B4")
LOWEST = 950
"""Reflectance x 10,000. Some ground is darker in nearly every scene; with the offset of 1000 in it hardly any is."""


def offset_left(item: Item) -> str:
    """A line where an image's surface reflectance seems to have its offset of 1000 still; empty without a doubt."""
    if item.id.rpartition("/")[0] != COLLECTIONS["Level-2A"]:
        return ""
    bands = [b for b in item.bands if b.name in VISIBLE]
    stored = [(b, sample(Path(b.href), b.index, b.nodata)) for b in bands]
    darkest = [float(np.min(x[x != 0]) * b.scale + b.offset) for b, x in stored if x.any()]
    if not darkest or min(darkest) < LOWEST:
        return ""
    return (
        f"no value of its visible bands is below {min(darkest):g}, so the offset of 1000 of baseline 04.00 seems to be "
        f"in it: add it again with --overwrite and --offset -1000 (`offset: -1000` in a mapping file)"
    )
