"""The stage `train`: from the stack, the samples and the selection to trained models, one folder each.

All models see the same samples, split and bands. None looks at the test part before it is trained.
"""

from pipeline.train.work import run

__all__ = ["run"]
