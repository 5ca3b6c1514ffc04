"""What tests of products share: bringing paths in, and reading stored bands back."""

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.engine import raster
from pipeline.engine.archive import FolderArchive, products
from pipeline.engine.archive.model import Item
from pipeline.engine.archive.products import Options, Outcome


def bring(archive: FolderArchive, *paths: Path, **options: Any) -> list[Outcome]:
    planned = products.plan(paths, Options(**options))
    steps = list(products.bring_in(archive, planned))
    assert len(steps) <= planned.steps
    return [o for o in steps if o is not None]


def bring_one(archive: FolderArchive, *paths: Path, **options: Any) -> Item:
    """The one image that was added."""
    [outcome] = bring(archive, *paths, **options)
    assert outcome.status in ("added", "replaced"), outcome.line
    item = archive.describe(outcome.what)
    assert isinstance(item, Item)
    return item


def refusal(archive: FolderArchive, *paths: Path, **options: Any) -> str:
    """Why the paths were refused; nothing may have come of them."""
    before = files(archive)
    [outcome] = bring(archive, *paths, **options)
    assert outcome.status == "refused", outcome.line
    assert files(archive) == before
    return outcome.detail


def files(archive: FolderArchive) -> set[str]:
    """All files of an archive but its index and lock."""
    return {str(p) for p in archive.root.rglob("*") if p.is_file() and not p.name.startswith(".")}


def stored(item: Item, band: str) -> np.ma.MaskedArray[Any, Any]:
    """The stored numbers of a band, masked where they are not valid."""
    [found] = [b for b in item.bands if b.name == band]
    data, valid = raster.read_window(
        found.href, [found.index], (0, 0, found.width, found.height), nodata=[found.nodata]
    )
    return np.ma.masked_array(data[0], ~valid[0])
