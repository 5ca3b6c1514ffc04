"""The stage `select`: from samples and their split to the features worth keeping, with all that speaks for them.

It reads samples.parquet and split.json of a run and writes selection.json, ranking.csv and pictures there. Only
training samples are looked at, so that the test part still tells the truth about what is learnt with these features.
"""

from pipeline.select.stage import run

__all__ = ["run"]
