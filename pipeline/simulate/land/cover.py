"""What grows or lies bare where nobody builds or digs: grass by moisture, shrubs, woods, fields, rock and earth.

One number decides between vegetation and bare land: the share of the ground that plants cover. It falls with steepness
and thin soil and rises with moisture, so the two classes shade into each other as they do on a dry hillside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pipeline.simulate.district import FINE, PIXEL, NDArray, Place
from pipeline.simulate.land.frame import Frame, whole
from pipeline.simulate.land.materials import M, mixed
from pipeline.simulate.land.terrain import Terrain
from pipeline.simulate.noise import distance, finer, fractal, grains, named, northness, slope, smooth_step

BARE_BELOW = 0.25
"""Ground with less than this share under plants counts as bare land."""
BARE_SHARE = 0.17
"""The share of unused ground that is that bare."""
PARCEL = (140.0, 56.0)
"""Length and width of fields, in metres."""


@dataclass(frozen=True, eq=False)
class Nature:
    """The unused land on the pixel grid: `cover` (share of the ground under plants), `moisture` and `vigour`, all 0…1.

    `steep` is in degrees, `north` how far the ground leans north, `stream` the distance to running water in metres,
    and `tilled` above 0 where fields may lie.
    """

    cover: NDArray
    moisture: NDArray
    vigour: NDArray
    steep: NDArray
    north: NDArray
    stream: NDArray
    tilled: NDArray


def nature(place: Place, seed: int, ground: Terrain, homes: NDArray) -> Nature:
    """The land as it would be unused; `homes` is the distance (m) to the nearest village or town."""
    rng = named(seed, "nature")
    shape = place.shape()
    soft = ndimage.gaussian_filter(ground.elevation, 1.2)
    steep, north = slope(soft), northness(ndimage.gaussian_filter(soft, 2))
    stream = distance(ground.drained > 2.5e5)
    plain = 1 - smooth_step(ground.valley, 250, 600)
    broad, near = fractal(shape, 90, rng, 1.8), fractal(shape, 18, rng, 1.6)
    moisture = 0.3 + 1.1 * north + 0.22 * np.exp(-stream / 50) + 0.2 * plain + 0.05 * broad
    thin = steep / 13 - 1.8 * (moisture - 0.3) + 0.4 * broad + 0.16 * near - 0.3 * plain
    thin = ndimage.gaussian_filter(thin, 1.0)
    bare, usual = np.quantile(thin, [1 - BARE_SHARE, 0.45])
    cover = np.clip(BARE_BELOW + (bare - thin) / max(bare - usual, 1e-6) * 0.42, 0.03, 0.97)
    level = np.minimum(4.5 - steep, 2.5)
    reach = np.maximum(1 - homes / 900, plain - 0.3) + 0.25 * broad
    tilled = np.minimum(level, 3 * reach) - 4 * (ground.river < 45)
    moisture = np.clip(moisture, 0, 1).astype(np.float32)
    vigour = np.clip(0.2 + 0.45 * cover + 0.5 * moisture + 0.05 * near, 0.05, 1).astype(np.float32)
    return Nature(cover.astype(np.float32), moisture, vigour, steep, north, stream, tilled.astype(np.float32))


def painted(place: Place, seed: int, ground: Terrain, land: Nature) -> tuple[NDArray, NDArray]:
    """Class and material of every square of unused or tilled land, with the river and its banks."""
    rng = named(seed, "cover")
    shape = place.shape(FINE)
    grain = grains(shape, rng)
    cover = finer(land.cover)
    use = np.where(cover < BARE_BELOW, 4, 1).astype(np.uint8)
    material = np.where(grain < cover, M["grass"], M["soil"]).astype(np.uint8)
    _rock(material, use, land, ground, grain, rng)
    _woods(material, use, land, grain, rng)
    _fields(material, use, place, land, seed)
    _river(material, use, ground, place, rng)
    return use, material


def _rock(
    material: NDArray, use: NDArray, land: Nature, ground: Terrain, grain: NDArray, rng: np.random.Generator
) -> None:
    """Rock crops out where bare ground is steep, in beds that lie as the strata do; rubble below it."""
    shape = land.steep.shape
    steep = finer(land.steep + 2.5 * fractal(shape, 12, rng, 1.4))
    rocky = (use == 4) & (steep > 13) & (material == M["soil"])
    y, x = np.mgrid[: shape[0], : shape[1]] * PIXEL
    strata = finer(ground.elevation + 0.012 * x - 0.008 * y + 2 * fractal(shape, 60, rng))[rocky]
    dark = (np.mod(strata, 46) < 13) | (np.abs(np.mod(strata, 46) - 31) < 2.5)
    fresh = grain[rocky] * 7.3 % 1
    rock = np.where(dark, M["shale"], M["sandstone"])
    rock = np.where(fresh < 0.12, M["overburden"], np.where(fresh > 0.8, M["soil"], rock))
    material[rocky] = rock


def _woods(material: NDArray, use: NDArray, land: Nature, grain: NDArray, rng: np.random.Generator) -> None:
    """Shrubs where it is moist, pines planted on northern slopes, poplars and willows along streams."""
    shape = land.steep.shape
    green = use == 1
    patch, blotch = fractal(shape, 45, rng, 1.7), fractal(shape, 14, rng, 1.5)
    shrubby = finer(land.moisture + 0.07 * patch + 0.04 * blotch)
    near = green & (shrubby > 0.42) & (grain < (shrubby - 0.42) * 3.2)
    material[near] = M["shrub"]
    pines = finer(np.minimum(land.north * 6 - 0.7, 2.2 * patch - 1.5) + 0.3 * blotch)
    material[green & (pines > 0) & (grain < 0.82)] = M["conifer"]
    poplars = finer(np.minimum(1 - land.stream / 26, 1.2 * patch + 0.6 * blotch) - 0.05)
    material[green & (poplars > 0) & (grain < 0.72)] = M["broadleaf"]


def _fields(material: NDArray, use: NDArray, place: Place, land: Nature, seed: int) -> None:
    """Fields in parcels on level ground; some lie fallow, and those are bare land. Rows of trees divide some."""
    rng = named(seed, "fields")
    shape, pixels = place.shape(), place.shape()[0]
    turn = finer(fractal(shape, 120, rng, 2.2) * 14)
    luck = grains((256, 256), rng)
    x, y = (c.ravel() for c in whole(pixels).centres(FINE))
    rows, columns = np.nonzero(finer(land.tilled) > 0)
    u, v = Frame(0, 0, float(rng.uniform(0, np.pi))).local(x[columns], y[rows])
    u, v = (u + turn[rows, columns]) / PARCEL[0], (v + turn[rows, columns]) / PARCEL[1]
    i, j = np.floor(u).astype(np.int32), np.floor(v).astype(np.int32)
    luck = luck[i % 256, j % 256]
    fallow = luck < 0.07
    kind = np.where((v - j) * PARCEL[1] < 2.6, M["grass"], np.where(fallow, M["soil"], M["crop"]))
    lined = np.where(luck < 0.3, M["broadleaf"], M["track"])
    kind = np.where((u - i) * PARCEL[0] < 3.5, lined, kind)
    tilled = luck < 0.72
    at = rows[tilled], columns[tilled]
    material[at], use[at] = kind[tilled], np.where(fallow, 4, 1)[tilled]


def _river(material: NDArray, use: NDArray, ground: Terrain, place: Place, rng: np.random.Generator) -> None:
    """The channel and the sand banks beside it."""
    width = river_width(place)
    shape = ground.river.shape
    bank = 14 + 16 * fractal(shape, 25, rng, 1.8)
    away = finer(ground.river)
    sandy = away < finer(np.clip(bank, 0, 60)) + width / 2
    sand = sandy & (away >= width / 2)
    material[sand] = mixed(grains((int(sand.sum()),), rng), (0.93, "soil"), (0.07, "grass"))
    use[sand] = 4
    wet = away < width / 2
    material[wet], use[wet] = M["water"], 2


def river_width(place: Place) -> float:
    """Width of the river's channel in metres; a small district has a small river."""
    return float(np.clip(22 + 0.0022 * place.size_m, 24, 45))
