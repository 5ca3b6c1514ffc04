"""What the ground of a mine is made of, square by square, and which class each square belongs to."""

from __future__ import annotations

import numpy as np

from pipeline.simulate.district import NDArray
from pipeline.simulate.land.digging import (
    BEACH,
    DUMP,
    FLOOR,
    FRESH,
    GREEN,
    HAUL,
    OFFICE,
    SEAM,
    SLURRY,
    SUMP,
    WALLS,
    YARD,
    Site,
    Works,
)
from pipeline.simulate.land.haulage import DYKE, pile, pond
from pipeline.simulate.land.materials import M, Painted, among, mixed
from pipeline.simulate.noise import named

USE = np.array([0, 5, 5, 5, 5, 5, 6, 5, 3, 5, 2, 2, 5], np.uint8)
"""The class of each zone."""

# What the walls show, from the foot of the seam upwards: upper bounds in metres and the rock below each.
LAYERS = (10, 19, 34, 38, 40.5, 46, 66, 73, 90, 96)
ROCKS = (
    "coal",
    "shale",
    "sandstone",
    "shale",
    "coal",
    "shale",
    "sandstone",
    "shale",
    "sandstone",
    "shale",
    "sandstone",
)


def painted(place: Site, works: Works) -> Painted:
    """The mine's squares as a satellite would see them in summer."""
    zone = works.zone
    material = np.zeros(zone.shape, np.uint8)
    for codes, paint in (
        ((WALLS,), _walls),
        ((FLOOR, SEAM), _floor),
        ((FRESH, DUMP), _tipped),
        ((GREEN,), _restored),
        ((YARD, HAUL), _coal_ground),
        ((OFFICE,), _offices),
        ((BEACH,), _beach),
    ):
        where = among(zone, codes)
        if where.any():
            material[where] = paint(place, works, where)
    material[among(zone, (SUMP, SLURRY))] = M["pond"]
    return Painted(USE[zone], material)


def _walls(place: Site, works: Works, where: NDArray) -> NDArray:
    """Benches strewn with broken rock and driven on; the rock itself where the wall rises; loess on top."""
    grain, blotch, patch = place.grain[where], place.blotch[where], place.patch[where]
    height = works.elevation[where] - place.seam[where]
    below = place.before[where] - works.elevation[where]
    rock = np.array([M[name] for name in ROCKS], np.uint8)[np.searchsorted(LAYERS, height + 0.8 * blotch)]
    rubble = np.where(blotch > 0.5, rock, mixed(grain, (0.72, "overburden"), (0.14, "dust"), (0.14, "soil")))
    out = np.where(works.face[where], np.where(grain < 0.85, rock, M["overburden"]), rubble)
    out = np.where(works.berm[where] & (patch > -0.4), M["track"], out)
    loess = (below < 9 + 3 * patch) & (grain < 0.85)
    return np.where(loess, M["soil"], out)


def _floor(place: Site, works: Works, where: NDArray) -> NDArray:
    """The bared seam, black, with its dust; the floor under the seam where that has been taken away."""
    grain, patch, blotch = place.grain[where], place.patch[where], place.blotch[where]
    seam = mixed(grain, (0.9, "coal"), (0.07, "dust"), (0.03, "shale"))
    bare = np.where(patch + 0.5 * blotch > 0.3, mixed(grain, (0.7, "shale"), (0.2, "dust"), (0.1, "coal")), 0)
    left = mixed(grain, (0.5, "overburden"), (0.25, "dust"), (0.25, "shale"))
    return np.where(works.zone[where] == SEAM, seam, np.where(bare > 0, bare, left))


def _tipped(place: Site, works: Works, where: NDArray) -> NDArray:
    """Overburden in rows of heaps, paler or darker with what was dug that month; tracks along the edges."""
    grain, patch, blotch = place.grain[where], place.patch[where], place.blotch[where]
    ridge = np.sin((place.u[where] + 3 * blotch) * (2 * np.pi / 15))
    out = mixed(grain, (0.86, "overburden"), (0.1, "sandstone"), (0.04, "soil"))
    out = np.where((ridge + 0.8 * patch > 1.1) & (grain < 0.8), M["shale"], out)
    out = np.where((patch < -1.0) & (grain < 0.75), M["soil"], out)
    out = np.where(works.face[where] & (blotch > 0.9), M["sandstone"], out)
    return np.where(works.berm[where], M["track"], out)


def _restored(place: Site, works: Works, where: NDArray) -> NDArray:
    """Spread soil, sown grass that closes with the years, saplings in rows on some parcels, service tracks."""
    grain, patch, blotch = place.grain[where], place.patch[where], place.blotch[where]
    u, v, age = place.u[where], place.v[where], works.age[where]
    planted, row = _planting(place, u, v)
    cover = grass_cover(age, patch)
    old = np.clip((age - 5) / 10, 0, 0.6)
    grass = np.where(grain < cover * old, M["grass"], M["young_grass"])
    bare = np.where((patch > 1.5) & (blotch > -0.3), M["overburden"], M["soil"])
    out = np.where(grain + 0.12 * blotch < cover, grass, bare)
    out = np.where(planted & row & (age > 0.6) & (blotch > -1.1) & (grain < 0.85), M["sapling"], out)
    out = np.where(planted & (age > 8) & (grain > 0.93), M["shrub"], out)
    track = works.berm[where] | (np.mod(v + 3 * patch, 260) < 5)
    return np.where(track & (grain < 0.92), M["track"], out)


def grass_cover(age: NDArray, patch: NDArray) -> NDArray:
    """Share of the ground (0…1) that sown grass covers so many years after restoration."""
    return np.clip(0.12 + 0.68 * (1 - np.exp(-age / 3)) + 0.1 * patch, 0.03, 0.95)


def grass_vigour(age: NDArray) -> NDArray:
    """How well sown plants grow (0…1) so many years after restoration."""
    return 0.2 + 0.55 * (1 - np.exp(-age / 4))


def _planting(place: Site, u: NDArray, v: NDArray) -> tuple[NDArray, NDArray]:
    """Which parcels are planted with saplings, and which squares lie on a row: one every 7.5 m, along or across."""
    kind = named(place.mine.seed, "parcels").integers(0, 4, (64, 64))
    parcel = kind[np.floor(u / 170).astype(int) % 64, np.floor(v / 230).astype(int) % 64]
    row = np.where(parcel == 1, np.mod(u, 7.5), np.mod(v, 7.5)) < 2.5
    return parcel > 0, row & (parcel > 0)


def _coal_ground(place: Site, works: Works, where: NDArray) -> NDArray:
    """Ground under coal dust, and the piles on it."""
    grain = place.grain[where]
    heap = (pile(place, where) > 0.05) & (works.zone[where] == YARD)
    road = mixed(grain, (0.62, "dust"), (0.3, "track"), (0.08, "overburden"))
    yard = mixed(grain, (0.85, "dust"), (0.08, "coal"), (0.07, "track"))
    ground = np.where(works.zone[where] == YARD, yard, road)
    return np.where(heap & (grain < 0.97), M["coal"], ground)


def _offices(place: Site, works: Works, where: NDArray) -> NDArray:
    """Sheds, a washing plant and offices on concrete, everything a little dusty."""
    u, v, grain = place.u[where], place.v[where], place.grain[where]
    shed = (np.mod(u, 38) < 24) & (np.mod(v, 64) < 46)
    roof = named(place.mine.seed, "sheds").integers(0, 3, (64, 64))[
        np.floor(u / 38).astype(int) % 64, np.floor(v / 64).astype(int) % 64
    ]
    roofs = np.array([M["roof_bright"], M["concrete"], M["roof_red"]], np.uint8)[roof]
    ground = mixed(grain, (0.5, "concrete"), (0.3, "dust"), (0.2, "asphalt"))
    return np.where(shed, roofs, ground)


def _beach(place: Site, works: Works, where: NDArray) -> NDArray:
    """Mud of fine coal and clay, a dyke of broken rock around it."""
    dyke = pond(place)[where] < DYKE
    mud = mixed(place.grain[where], (0.6, "dust"), (0.26, "shale"), (0.08, "soil"), (0.06, "coal"))
    return np.where(dyke, mixed(place.grain[where], (0.6, "overburden"), (0.4, "track")), mud)
