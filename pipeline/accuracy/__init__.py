"""How right a classification is: plain arrays in, figures with intervals out.

`score` is for samples that were kept apart for testing: matrix, measures, block bootstrap, paired tests. `area` is for
a map and a probability sample of it, and `design` for drawing one. The formulas are in docs/accuracy.md.
"""

from pipeline.accuracy.area import Estimates, after_strata, estimate
from pipeline.accuracy.bootstrap import Scores, scored
from pipeline.accuracy.matrix import Measures, block_confusions, confusion, measures
from pipeline.accuracy.paired import McNemar, holm, mcnemar
from pipeline.accuracy.results import Accuracy, Figure, MapAccuracy, ModelAccuracy, Pair, read_accuracy
from pipeline.accuracy.score import model_accuracy, pairs

__all__ = [
    "Accuracy",
    "Estimates",
    "Figure",
    "MapAccuracy",
    "McNemar",
    "Measures",
    "ModelAccuracy",
    "Pair",
    "Scores",
    "after_strata",
    "block_confusions",
    "confusion",
    "estimate",
    "holm",
    "mcnemar",
    "measures",
    "model_accuracy",
    "pairs",
    "read_accuracy",
    "scored",
]
