"""The ground before mining: one river that falls all the way, and valleys that all lead to it."""

import numpy as np
import pytest
from scipy import ndimage

from pipeline.simulate.district import Place
from pipeline.simulate.land.terrain import BED, FALL, Terrain, terrain
from pipeline.simulate.noise import slope

PLACE = Place(3000)


@pytest.fixture(scope="module", params=[0, 1, 5])
def made(request: pytest.FixtureRequest) -> Terrain:
    return terrain(PLACE, request.param)


def test_heights_are_those_of_a_loess_plateau(made: Terrain) -> None:
    assert 1200 < made.elevation.min() < made.elevation.max() < 1500
    assert np.ptp(made.elevation) > 50
    assert (slope(made.elevation) < 6).mean() > 0.2  # flat ground to mine and build on


def test_the_river_runs_from_edge_to_edge_and_falls(made: Terrain) -> None:
    bed = made.river < BED
    assert ndimage.label(bed, np.ones((3, 3)))[1] == 1
    height = made.elevation[bed]
    assert np.ptp(height) == pytest.approx(FALL * PLACE.size_m, rel=0.25)
    for level in np.quantile(height, [0.1, 0.3, 0.5, 0.7, 0.9]):
        # What lies below any level is one piece: water that enters it can leave at the lower end.
        assert ndimage.label(bed & (made.elevation <= level), np.ones((3, 3)))[1] == 1


def test_all_water_reaches_the_river(made: Terrain) -> None:
    where = made.flow
    for _ in range(14):  # each turn doubles how far one looks downstream
        where = where[where]
    assert (made.river.ravel()[where] < BED).all()


def test_valleys_gather_water(made: Terrain) -> None:
    hollow = ndimage.gaussian_filter(made.elevation, 5) - made.elevation
    streams = (made.drained > 1e5) & (made.river > 100)
    assert hollow[streams].mean() > 2
    assert hollow[made.drained < 300].mean() < 0.5


def test_the_same_seed_gives_the_same_ground() -> None:
    one, two, other = (terrain(Place(1000), seed).elevation for seed in (4, 4, 6))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)
