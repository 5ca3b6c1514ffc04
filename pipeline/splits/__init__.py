"""Parts of samples to train and to test on that do not lie side by side: splitters, the frozen file, its audit.

Places are x and y in metres of one projected system. A distance is the larger of east and north (Chebyshev's), since
patches are squares: two patches share no ground where their middles are at least a patch's width apart.
"""

from pipeline.splits.frozen import Audit, ClassCount, FrozenSplit, audit, freeze, read_split
from pipeline.splits.splitters import Grouped, LeaveRegionOut, Random, SpatialBlocks, block_of, deal, lacking

__all__ = [
    "Audit",
    "ClassCount",
    "FrozenSplit",
    "Grouped",
    "LeaveRegionOut",
    "Random",
    "SpatialBlocks",
    "audit",
    "block_of",
    "deal",
    "freeze",
    "lacking",
    "read_split",
]
