"""Relief-F: how well each feature tells a row from its nearest neighbours of other classes."""

from pipeline.relief.estimator import ReliefError, ReliefF

__all__ = ["ReliefError", "ReliefF"]
