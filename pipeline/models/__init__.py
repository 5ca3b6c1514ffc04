"""The learners: networks on patches, and the baselines that they are measured against. Plain values in, fitted out.

Every fitted learner has the small interface `Fitted`, which is all that mapping needs to know.
"""

from pipeline.models.fitted import BASELINES, NAMES, NETWORKS, Fitted, answers, restored
from pipeline.models.hush import hushed

__all__ = ["BASELINES", "NAMES", "NETWORKS", "Fitted", "answers", "hushed", "restored"]
