"""Where something is made: the region that a user draws, and the one grid of pixels that covers it.

Regions are shapes in longitude and latitude. Every stage works on the pixels of one declared grid.
"""

from pipeline.region.files import read_layer, read_region
from pipeline.region.grid import TILE, Grid, Tile, covering, inside, outline, placed, touched
from pipeline.region.shape import Box, Region, box_around

__all__ = [
    "TILE", "Box", "Grid", "Region", "Tile", "box_around", "covering", "inside", "outline", "placed", "read_layer",
    "read_region", "touched",
]  # fmt: skip
