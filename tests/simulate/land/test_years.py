"""The painted district keeps its rules: what lies in which class, what changes from year to year, and what cannot."""

import numpy as np
import pytest

from pipeline.errors import MinecoverError
from pipeline.simulate.district import CLASSES, FINE, MATERIALS, PIXEL, Land, Place
from pipeline.simulate.land import mines
from pipeline.simulate.land.materials import M
from pipeline.simulate.land.years import lands, plan
from pipeline.simulate.noise import coarser

PLACE = Place(3000)
SEED = 1


@pytest.fixture(scope="module")
def years() -> tuple[Land, ...]:
    return lands(PLACE, SEED, (2021, 2022))


def classes_of(land: Land, material: str) -> set[int]:
    """The classes that a material occurs in, with more than a few squares."""
    counts = np.bincount(land.use[land.material == M[material]], minlength=7)
    return set(np.flatnonzero(counts > 20).tolist())


def test_arrays_are_as_declared(years: tuple[Land, ...]) -> None:
    for land in years:
        for field in (land.use, land.material):
            assert field.shape == PLACE.shape(FINE)
            assert field.dtype == np.uint8
        for field in (land.elevation, land.before, land.vigour, land.moisture):
            assert field.shape == PLACE.shape(PIXEL)
            assert field.dtype == np.float32
            assert np.isfinite(field).all()
        assert set(np.unique(land.use)) == set(CLASSES)
        assert land.material.max() < len(MATERIALS)
        for field in (land.vigour, land.moisture):
            assert 0 <= field.min() <= field.max() <= 1


@pytest.mark.parametrize("seed", range(3))
def test_two_kilometres_hold_all_classes_in_plausible_shares(seed: int) -> None:
    (land,) = lands(Place(2000), seed, (2021,))
    share = np.bincount(land.use.ravel(), minlength=7) / land.use.size
    assert (share[1:] > 0.005).all()
    assert share[1] > 0.4
    assert share[5] < 0.2


def test_each_material_lies_where_it_can(years: tuple[Land, ...]) -> None:
    for land in years:
        assert classes_of(land, "coal") == {5}
        assert classes_of(land, "sapling") == classes_of(land, "young_grass") == {6}
        assert classes_of(land, "water") == classes_of(land, "pond") == {2}
        assert classes_of(land, "roof_red") == classes_of(land, "asphalt") == {3}
        assert classes_of(land, "crop") == {1}
        assert set(np.unique(land.material[land.use == 2])) <= {M["water"], M["pond"]}


def test_the_same_material_occurs_in_several_classes(years: tuple[Land, ...]) -> None:
    land = years[0]
    assert classes_of(land, "shale") >= {4, 5}
    assert classes_of(land, "overburden") >= {4, 5}
    assert classes_of(land, "soil") >= {1, 3, 4, 5, 6}
    assert classes_of(land, "grass") >= {1, 3, 4, 6}
    assert classes_of(land, "dust") >= {1, 3, 5}


def test_pixels_are_mixed(years: tuple[Land, ...]) -> None:
    green = np.isin(years[0].material, [M[n] for n in ("grass", "shrub", "crop", "conifer", "broadleaf")])
    share = coarser(green)[coarser(years[0].use == 1) == 1]
    assert ((share > 0.2) & (share < 0.8)).mean() > 0.3


def test_bare_land_is_steep_or_poor_and_plants_like_the_north(years: tuple[Land, ...]) -> None:
    land = years[0]
    south, east = np.gradient(land.before, PIXEL)
    steep, use = np.hypot(south, east), land.use[::4, ::4]
    assert steep[use == 4].mean() > 1.3 * steep[use == 1].mean()
    lean = south[use == 1]
    assert land.moisture[use == 1][lean > 0.15].mean() > land.moisture[use == 1][lean < -0.15].mean() + 0.1
    assert land.vigour[use == 1].mean() > land.vigour[use == 4].mean() + 0.1


def test_the_ground_moves_where_people_dig_or_dam(years: tuple[Land, ...]) -> None:
    land = years[0]
    moved = np.abs(land.elevation - land.before) > 0.01
    touched = coarser(np.isin(land.use, (2, 3, 5, 6))) > 0
    shore = coarser(land.use == 4) > 0
    assert (touched | shore)[moved].all()
    change = (land.elevation - land.before)[coarser(land.use == 5) == 1]
    assert change.min() < -40
    assert change.max() > 15


def test_what_changes_lies_in_mines_towns_and_lakes(years: tuple[Land, ...]) -> None:
    laid_out = plan(PLACE, SEED)
    one, two = years
    changed = coarser((one.use != two.use) | (one.material != two.material)) > 0
    assert changed.any()
    free = np.ones(PLACE.shape(), bool)
    for mine in laid_out.mines:
        window = mine.window(len(free))
        free[window.pixels] = False
    for settlement in laid_out.settlements:
        free[settlement.window(len(free)).pixels] = False
    for lake in laid_out.lakes:
        free &= ~(lake.basin | lake.dam)
    assert not (changed & free).any()
    assert not ((one.elevation != two.elevation) & free).any()
    assert np.array_equal(one.before, two.before)


def test_a_year_on_the_mine_has_moved_and_more_is_restored(years: tuple[Land, ...]) -> None:
    one, two = years
    assert (two.use == 6).sum() > 1.05 * (one.use == 6).sum()
    mined, restored = ((one.use == k) & (two.use == k) for k in (5, 6))
    assert ((one.use == 5) & (two.use == 6)).any()  # reshaped and sown
    assert ((one.use == 1) & (two.use == 5)).any()  # steppe dug up
    assert mined.sum() > 0.7 * (one.use == 5).sum()
    assert restored.sum() > 0.99 * (one.use == 6).sum()
    older = coarser(restored) == 1
    assert two.vigour[older].mean() > one.vigour[older].mean()
    green = np.isin(two.material, [M[n] for n in ("young_grass", "grass", "sapling", "shrub")])
    before = np.isin(one.material, [M[n] for n in ("young_grass", "grass", "sapling", "shrub")])
    assert green[restored].mean() > before[restored].mean()


def test_water_shrinks_and_the_town_grows(years: tuple[Land, ...]) -> None:
    one, two = years
    assert (two.material == M["water"]).sum() < (one.material == M["water"]).sum()
    assert (two.use == 3).sum() > (one.use == 3).sum()
    lost = (one.use == 3) & (two.use != 3)
    assert lost.sum() < 0.01 * (one.use == 3).sum()


def test_a_year_does_not_depend_on_the_others_asked_for(years: tuple[Land, ...]) -> None:
    (alone,) = lands(PLACE, SEED, (2022,))
    for name in ("use", "material", "elevation", "before", "vigour", "moisture"):
        assert np.array_equal(getattr(alone, name), getattr(years[1], name)), name


def test_another_seed_gives_another_district() -> None:
    one, two = (lands(Place(1000), seed, (2021,))[0] for seed in (0, 1))
    assert (one.use != two.use).mean() > 0.1


def test_what_cannot_be_simulated_is_refused() -> None:
    for place, year, named in (
        (PLACE, mines.FIRST - 1, str(mines.FIRST - 1)),
        (PLACE, mines.LAST + 1, str(mines.LAST + 1)),
        (Place(500), 2021, "500 m"),
        (Place(30_000), 2021, "30000 m"),
        (Place(2005), 2021, "2005 m"),
    ):
        with pytest.raises(MinecoverError, match=named):
            lands(place, 0, (year,))
