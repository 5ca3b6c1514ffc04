"""The stage `compare`: every model on every choice of features, judged on one and the same test part.

It trains as the stage `train` does, and prints the tables of the source study with intervals and paired tests.
"""

from pipeline.compare.work import run

__all__ = ["run"]
