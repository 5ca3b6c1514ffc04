"""What a settlement looks like from above: blocks along streets, with houses, slabs, sheds, yards and parks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.simulate.district import FINE, NDArray
from pipeline.simulate.land.frame import Window, waver
from pipeline.simulate.land.materials import M, Painted, mixed
from pipeline.simulate.land.settlements import LONG, Settlement
from pipeline.simulate.noise import grains, named

HOUSES, SLABS, SHOPS, SHEDS, PARK, BUILDING_SITE = range(6)
TABLE = 128
"""Blocks, lots and houses draw their looks from tables of this many rows and columns."""


@dataclass(frozen=True, eq=False)
class Town:
    """A settlement's squares: their place in its frame and in their block (`a`, `b`, metres), and noise (0…1).

    `row` and `column` count blocks, `edge` is the distance (m) to the middle of the nearest street, and `broad` how
    much wider than a lane that street is on either side.
    """

    settlement: Settlement
    window: Window
    row: NDArray
    column: NDArray
    a: NDArray
    b: NDArray
    edge: NDArray
    broad: NDArray
    grain: NDArray


def town(settlement: Settlement, pixels: int) -> Town:
    """The squares around a settlement in terms of its blocks; streets bend a little."""
    rng = named(settlement.seed, "town")
    window = settlement.window(pixels)
    u, v = settlement.frame.local(*window.centres(FINE))
    u += waver(window, 500, rng, 2.2) * 7
    v += waver(window, 500, rng, 2.2) * 7
    long, short = settlement.block
    column, row = np.floor(u / long), np.floor(v / short)
    a, b = u - column * long, v - row * short
    column, row = column.astype(np.int32), row.astype(np.int32)
    nearest = [np.minimum(a, long - a), np.minimum(b, short - b)]
    avenue = [_avenue(column, a > long / 2), _avenue(row, b > short / 2)]
    across = nearest[0] - 4.5 * avenue[0] < nearest[1] - 4.5 * avenue[1]
    edge, broad = np.where(across, *nearest), np.where(across, *avenue) * 4.5
    return Town(settlement, window, row, column, a, b, edge, broad, grains(u.shape, rng))


def _avenue(block: NDArray, far: NDArray) -> NDArray:
    """Whether the nearer of a block's two streets is an avenue: every third one is."""
    return np.asarray((block + far) % 3 == 0)


def painted(place: Town, year: int) -> Painted:
    """Class (0 outside) and material of the settlement's squares in the summer of the year."""
    kind, joined = _blocks(place, year)
    inside = joined <= year
    lane = 3.0 if place.settlement.kind == "village" else 4.0
    street = place.edge < lane + place.broad
    material = np.zeros(inside.shape, np.uint8)
    for code, paint in ((HOUSES, _houses), (SLABS, _slabs), (SHOPS, _shops), (SHEDS, _sheds), (PARK, _park)):
        where = inside & ~street & (kind == code)
        material[where] = paint(place, where)
    site = inside & ~street & (kind == BUILDING_SITE)
    material[site] = mixed(place.grain[site], (0.55, "soil"), (0.25, "concrete"), (0.1, "roof_bright"), (0.1, "track"))
    village = place.settlement.kind == "village"
    paved = mixed(place.grain, (0.6, "concrete"), (0.4, "track")) if village else M["asphalt"]
    material = np.where(street, paved, material)
    trees = inside & ~street & (place.edge < lane + place.broad + 4) & (place.broad > 0) & (place.grain < 0.3)
    material[trees] = M["broadleaf"]
    use = np.where(inside, np.where((kind == PARK) & ~street, 1, 3), 0)
    return Painted(use.astype(np.uint8), np.where(inside, material, 0).astype(np.uint8))


def _blocks(place: Town, year: int) -> tuple[NDArray, NDArray]:
    """For each square what its block is used for, and the year in which the block became part of the settlement."""
    rows, columns = (np.arange(k.min(), k.max() + 1) for k in (place.row, place.column))
    long, short = place.settlement.block
    u, v = (columns[None] + 0.5) * long + 0 * rows[:, None], (rows[:, None] + 0.5) * short + 0 * columns[None]
    joined = place.settlement.joined(u, v)
    out = np.hypot(u / LONG, v) / place.settlement.radius
    rng = named(place.settlement.seed, "blocks")
    luck = rng.random((TABLE, TABLE))[rows[:, None] % TABLE, columns[None] % TABLE]
    kind = np.select(
        [
            luck < 0.07,
            luck < 0.07 + np.clip(0.45 - 0.6 * out, 0, 1),
            luck < np.clip(0.9 - 0.55 * out, 0, 1),
            luck > 0.94,
        ],
        [PARK, SHOPS, SLABS, SHEDS],
        HOUSES,
    )
    if place.settlement.kind == "village":
        kind[:] = HOUSES
    if place.settlement.kind == "plant":
        kind = np.where(luck < 0.2, SHOPS, SHEDS)
    kind = np.where(joined > year - 1.5, BUILDING_SITE, kind)
    at = place.row - rows[0], place.column - columns[0]
    return kind[at], joined[at]


def _lots(place: Town, where: NDArray, long: float, short: float) -> tuple[NDArray, NDArray, NDArray]:
    """Place within its lot (0…1 both ways) of each square, and a random number of its lot (0…1)."""
    a, b = place.a[where] / long, place.b[where] / short
    i, j = np.floor(a).astype(int), np.floor(b).astype(int)
    table = named(place.settlement.seed, "lots").random((TABLE, TABLE))
    luck = table[(i + 17 * place.column[where]) % TABLE, (j + 13 * place.row[where]) % TABLE]
    return a - i, b - j, luck


def _houses(place: Town, where: NDArray) -> NDArray:
    """Small houses, each in a yard of earth, paving, a little grass and a tree."""
    x, y, luck = _lots(place, where, 16.5, 18.5)
    roof = np.where(luck < 0.55, M["roof_red"], np.where(luck < 0.8, M["concrete"], M["roof_bright"]))
    house = (np.abs(x - 0.5) < 0.36) & (np.abs(y - 0.38) < 0.27) & (luck < 0.93)
    yard = mixed(
        place.grain[where], (0.34, "soil"), (0.26, "concrete"), (0.16, "grass"), (0.12, "broadleaf"), (0.12, "track")
    )
    return np.where(house, roof, yard)


def _slabs(place: Town, where: NDArray) -> NDArray:
    """Rows of long blocks of flats with greens and parking between them."""
    x, y, luck = _lots(place, where, place.settlement.block[0] / 2, place.settlement.block[1] / 2)
    slab = (np.abs(x - 0.5) < 0.38) & (np.abs(y - 0.5) < 0.2)
    roof = np.where(luck < 0.65, M["concrete"], np.where(luck < 0.85, M["roof_red"], M["roof_bright"]))
    between = mixed(
        place.grain[where], (0.32, "asphalt"), (0.26, "grass"), (0.22, "concrete"), (0.13, "broadleaf"), (0.07, "soil")
    )
    return np.where(slab, roof, between)


def _shops(place: Town, where: NDArray) -> NDArray:
    """Large flat roofs among paving."""
    x, y, luck = _lots(place, where, place.settlement.block[0], place.settlement.block[1])
    roof = (np.abs(x - 0.5) < 0.22 + 0.12 * luck) & (np.abs(y - 0.5) < 0.3)
    ground = mixed(place.grain[where], (0.55, "asphalt"), (0.33, "concrete"), (0.12, "broadleaf"))
    return np.where(roof, np.where(luck < 0.5, M["roof_bright"], M["concrete"]), ground)


def _sheds(place: Town, where: NDArray) -> NDArray:
    """Long sheds, round tanks and bare working ground with some dust."""
    x, y, luck = _lots(place, where, place.settlement.block[0] / 2, place.settlement.block[1] / 2)
    shed = (np.abs(x - 0.5) < 0.4) & (np.abs(y - 0.5) < 0.32)
    tank = np.hypot(np.mod(x * 3, 1) - 0.5, np.mod(y * 2, 1) - 0.5) < 0.36
    ground = mixed(place.grain[where], (0.45, "concrete"), (0.2, "asphalt"), (0.2, "dust"), (0.15, "soil"))
    built = np.where(luck < 0.22, tank, shed & (luck < 0.85))
    return np.where(built, np.where(luck < 0.6, M["roof_bright"], M["concrete"]), ground)


def _park(place: Town, where: NDArray) -> NDArray:
    return mixed(place.grain[where], (0.42, "grass"), (0.38, "broadleaf"), (0.14, "shrub"), (0.06, "concrete"))
