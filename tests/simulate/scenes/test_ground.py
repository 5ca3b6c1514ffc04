"""Shares of materials are counted right; what varies from place to place stays where it is."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.simulate.district import MATERIALS
from pipeline.simulate.scenes import ground
from tests.simulate.small import PLACE, hill, land, stripe


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 5), st.integers(1, 6))
def test_shares_are_counted(seed: int, rows: int, columns: int) -> None:
    painted = np.random.default_rng(seed).integers(0, len(MATERIALS), (4 * rows, 4 * columns)).astype(np.uint8)
    shares = ground.shares_of(painted)
    for row in range(rows):
        for column in range(columns):
            square = painted[4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            expected = [(square == m).mean() for m in range(len(MATERIALS))]
            np.testing.assert_allclose(shares[:, row, column], expected, atol=1e-6)


def test_slopes_point_uphill() -> None:
    east, north = ground.slopes(hill())
    assert east[50, 30] > 0 > east[50, 70]  # west of the top it rises eastward
    assert north[70, 50] > 0 > north[30, 50]  # south of it, northward


def test_snow_lasts_in_the_shade_and_goes_first_on_coal() -> None:
    made = ground.ground(land("grass", hill()), 0)
    assert made.exposure[70, 50] > made.exposure[5, 5] > made.exposure[30, 50]
    striped = ground.ground(land(), 0)
    assert striped.exposure[stripe("coal")].mean() > 3 * striped.exposure[stripe("soil")].mean()


def test_the_same_ground_looks_the_same_in_every_year() -> None:
    one, two, other = (ground.ground(land(year=year), seed) for year, seed in ((2021, 0), (2022, 0), (2021, 1)))
    assert np.array_equal(one.dry, two.dry)
    assert not np.array_equal(one.dry, other.dry)


def test_materials_vary_by_their_deviation() -> None:
    for name in ("soil", "coal", "roof_bright"):
        bright, tilt = ground.texture(name, (300, 300), 0)
        assert abs(bright.mean() - 1) < 0.02
        assert 0.8 < bright.std() / ground.MATTER[name].bright < 1.1
        assert abs(tilt.mean()) < 0.02
    assert PLACE.shape() == (100, 100)
