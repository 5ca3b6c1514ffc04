"""The stage `report`: everything that a run found, as one file that a browser shows and prints.

It reads what the other stages left in the run's folder and writes report.html there. No figure is computed here that
one of their files has; what is missing is left out, with the command that makes it.
"""

from pipeline.report.stage import run

__all__ = ["run"]
