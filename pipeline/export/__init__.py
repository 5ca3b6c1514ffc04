"""The stage `export`: a region and a year become a stack of features on disk, from either engine.

One request is one part (a season, what has no season, the counts of observations) of one tile of 512 × 512 pixels, and
becomes one file. Files appear whole or not at all; an interrupted export goes on where it was.
"""

from pipeline.export.orders import Order, order
from pipeline.export.plan import Wish
from pipeline.export.requests import Source
from pipeline.export.settings import options
from pipeline.export.work import run

__all__ = ["Order", "Source", "Wish", "options", "order", "run"]
