"""The stage `sample`: labelled points or polygons and a stack become a table of samples, and a split that is frozen.

Nothing is dropped without being counted, listed, and given a reason; what a person must decide is an error.
"""

from pipeline.sample.work import check, refuse_outdated, run

__all__ = ["check", "refuse_outdated", "run"]
