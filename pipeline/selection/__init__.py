"""Choosing features: what to drop at once, how many to keep, how stable the choice is and what it changes.

Plain arrays in, frozen values out; no files. Rankings and learners are handed in, so this package knows none.
"""

from pipeline.selection.compare import cost, effect
from pipeline.selection.curves import borda, combine, curve
from pipeline.selection.nested import select
from pipeline.selection.redundant import guard
from pipeline.selection.resample import stability
from pipeline.selection.results import (
    Cost,
    Curve,
    Effect,
    Estimate,
    Guarded,
    Quality,
    Scores,
    Selection,
    Settings,
    Stability,
)

__all__ = [
    "Cost",
    "Curve",
    "Effect",
    "Estimate",
    "Guarded",
    "Quality",
    "Scores",
    "Selection",
    "Settings",
    "Stability",
    "borda",
    "combine",
    "cost",
    "curve",
    "effect",
    "guard",
    "select",
    "stability",
]
