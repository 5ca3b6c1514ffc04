"""What a simulated district is: where it lies, what its surface is made of, and how people use the land.

Land use (six classes) and surface material are kept apart, because a satellite sees material only: broken rock is the
floor of a pit, the top of a fresh dump and a natural outcrop; young grass grows on restored dumps and on steppe.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

NDArray = np.ndarray[Any, Any]

FINE = 2.5
"""Side of the squares that the land is painted in, in metres."""
PIXEL = 10.0
"""Side of a Sentinel pixel, in metres."""

CLASSES = {
    1: "forest/grass",
    2: "water",
    3: "built-up",
    4: "bare land",
    5: "mine",
    6: "restored",
}
"""The source study's legend. Where it leaves a choice:

forest/grass has crops and town parks; bare land has fallow fields, river banks and lake shores; built-up has paved
roads, dams and mine offices; mine has haul roads, coal yards, dumps in use, stone quarries and the beaches of slurry
ponds; water standing in a mine is water; a dirt track belongs to the land that it crosses.
"""
COLOURS = {1: "#3f8f3f", 2: "#3b78c2", 3: "#c8352f", 4: "#d9b77a", 5: "#4a4453", 6: "#a5cc4b"}

MATERIALS = (
    "water",  # deep, clear: river, reservoir
    "pond",  # shallow, turbid: mine and tailings water
    "grass",  # steppe: green in summer, straw in winter
    "shrub",
    "conifer",
    "broadleaf",
    "crop",
    "soil",  # loess and bare earth
    "sandstone",  # natural outcrop; fresh overburden looks alike
    "shale",  # dark grey rock, in outcrops and in pit walls
    "overburden",  # broken mixed rock of dumps
    "coal",
    "dust",  # ground under a film of coal dust: haul roads, yards
    "asphalt",
    "concrete",
    "roof_bright",  # metal sheet
    "roof_red",
    "track",  # unpaved road
    "young_grass",  # sown cover on restored dumps
    "sapling",  # planting rows on restored dumps
)


@dataclass(frozen=True)
class Place:
    """A square on the ground: upper left corner in metres of `crs`, a multiple of 60 m, and its side in metres."""

    size_m: int
    west: float = 420_000.0
    north: float = 4_407_000.0
    crs: str = "EPSG:32649"

    def shape(self, pixel: float = PIXEL) -> tuple[int, int]:
        """Rows and columns of the square in pixels of this side in metres."""
        count = round(self.size_m / pixel)
        return count, count


@dataclass(frozen=True, eq=False)
class Land:
    """The district in the summer of one year. Arrays of the painting grid are FINE, the others PIXEL metres.

    `use` holds class codes and `material` places in MATERIALS, both uint8 on the painting grid. `elevation` (as it is
    now, with pits and dumps) and `before` (before any mining) are metres, float32. `vigour` is 0…1: how well plants
    grow there (aspect, soil moisture, years since restoration), `moisture` 0…1 how wet the ground tends to be.
    """

    year: int
    place: Place
    use: NDArray
    material: NDArray
    elevation: NDArray
    before: NDArray
    vigour: NDArray
    moisture: NDArray
