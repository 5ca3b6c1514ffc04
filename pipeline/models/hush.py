"""How Keras and what it stands on are imported: quietly, and with the fast kernels of processors switched on."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

# Before TensorFlow, which brings an SQLite without R-trees: loaded later, GDAL would take it, and write GeoPackages
# without a spatial index.
import pyogrio  # noqa: F401


@contextmanager
def hushed() -> Iterator[None]:
    """What native code writes to stderr meanwhile is lost: TensorFlow tells of graphics cards that are not there.

    Python's own exceptions come through.
    """
    # TensorFlow leaves oneDNN off on many processors; without it training takes three times as long there.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    # Networks of several shapes in one process are no mistake; TensorFlow would warn of it in notebooks.
    log = logging.getLogger("tensorflow")
    log.setLevel(log.level or logging.ERROR)
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
