"""Radar scenes have the right speckle, lean the right way, and place what was dug where the old terrain puts it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.simulate.scenes import passes, radar
from pipeline.simulate.scenes.ground import ground
from tests.simulate.scenes.test_optical import DRY, FROST, SNOWY
from tests.simulate.small import PLACE, hill, land, stripe

REAL = Path(__file__).parents[4] / "shared/data/terramesh-s1-s2-dem-lulc/S1RTC/38D_378R_2_3.tif"
UP, DOWN = passes.radar(2021, 2)
if UP.direction != "ASCENDING":
    UP, DOWN = DOWN, UP


def linear(decibels: np.ndarray) -> np.ndarray:
    return 10 ** (decibels.astype(float) / 10)


def test_speckle_has_the_looks_of_the_product() -> None:
    """Mean 1; 4.4 looks (ESA's figure for IW GRD high resolution: 20 m × 22 m, 5 × 1 looks); a gamma distribution."""
    factors = radar.speckle((1000, 1000), np.random.default_rng(0)).astype(float)
    assert factors.mean() == pytest.approx(1, abs=0.01)
    assert 4.0 < 1 / factors.var() < 5.0
    assert ((factors - 1) ** 3).mean() == pytest.approx(2 / 4.4**2, rel=0.2)  # third moment of a gamma distribution


def test_speckle_is_alike_in_neighbours_as_in_real_scenes() -> None:
    factors = radar.speckle((600, 600), np.random.default_rng(1)).astype(float) - 1
    along = [(factors[:, :-n] * factors[:, n:]).mean() / factors.var() for n in (1, 2, 4)]
    assert 0.5 < along[0] < 0.8 and 0.1 < along[1] < 0.45 and abs(along[2]) < 0.05
    if REAL.exists():
        import rasterio
        from scipy import ndimage

        with rasterio.open(REAL) as file:
            power = linear(file.read(1))
        near = power / ndimage.uniform_filter(power, 25) - 1
        for n, mine in zip((1, 2), along, strict=False):
            assert mine == pytest.approx((near[:, :-n] * near[:, n:]).mean() / (near**2).mean(), abs=0.25)


def test_the_angle_grows_away_from_the_satellite() -> None:
    for look, near in ((UP, np.s_[:, 0]), (DOWN, np.s_[:, -1])):
        angle = radar.scene(ground(land("soil"), 0), DRY, look, 0).angle
        assert angle.shape == (10, 10) and angle.dtype == np.float32
        assert angle.min() > 29 and angle.max() < 46
        assert angle[near].mean() < angle.mean()


def test_slopes_that_face_the_satellite_are_brighter() -> None:
    """The ascending satellite looks east, the descending one west."""
    made = ground(land("soil", hill(60), hill(60)), 0)
    for look, west_brighter in ((UP, True), (DOWN, False)):
        vv = radar.scene(made, DRY, look, 0).vv
        west, east = (10 * np.log10(linear(vv[40:60, part]).mean()) for part in (slice(28, 40), slice(60, 72)))
        assert (west > east + 3) if west_brighter else (east > west + 3)


def test_local_incidence_of_a_slope() -> None:
    """Ground that rises by the tangent of t towards the beam is met at the angle less t."""
    x = np.arange(100) * 10.0
    look = replace(UP, heading=0.0)  # looks due east
    rising = np.broadcast_to(1300 + np.tan(np.radians(10)) * x, (100, 100))
    made = ground(land("soil", rising), 0)
    flat = radar.incidence((100, 100), look, 10.0)
    np.testing.assert_allclose(radar.local_incidence(made, look, flat), flat - 10, atol=0.01)


def test_what_was_dug_or_heaped_is_displaced() -> None:
    """A 60 m heap lies 60 / tan(angle) nearer the satellite, a pit as much farther away."""
    look = replace(UP, heading=0.0, angle=45.0)
    heap = np.full((100, 100), 1300.0)
    heap[:, 40:60] += 60
    made = ground(land("soil", heap, np.full((100, 100), 1300.0)), 0)
    down, right = radar.displacement(made, look, radar.incidence((100, 100), look, 10.0))
    assert right[50, 50] == pytest.approx(-6, abs=0.05) and down[50, 50] == pytest.approx(0, abs=1e-3)
    power = np.zeros((100, 100), np.float32)
    power[50, 50] = 1
    landed = radar.displaced(power, down, right)
    assert np.unravel_index(landed.argmax(), landed.shape) == (50, 44)
    pit = ground(land("soil", 2 * 1300 - heap, np.full((100, 100), 1300.0)), 0)
    assert radar.displacement(pit, look, radar.incidence((100, 100), look, 10.0))[1][50, 50] > 5.9


def test_nothing_is_displaced_where_nothing_was_dug() -> None:
    power = np.random.default_rng(0).random((40, 50), np.float32)
    none = np.zeros((40, 50), np.float32)
    np.testing.assert_allclose(radar.displaced(power, none, none), power, rtol=1e-5)


def mean_of(material: str, day: object, band: str = "vv") -> float:
    made = ground(land(), 0)
    power = linear(getattr(radar.scene(made, day, UP, 0), band))  # type: ignore[arg-type]
    return float(10 * np.log10(power[stripe(material)].mean()))


def test_levels_and_seasons() -> None:
    """C band at some 38°: smooth water below −17 dB, land −16 to −8, buildings above −7; VH 5 to 11 dB lower."""
    assert mean_of("water", DRY) < -16 and mean_of("roof_bright", DRY) > -7
    for name in ("grass", "soil", "conifer", "overburden", "crop"):
        assert -17 < mean_of(name, DRY) < -8
        assert 4.5 < mean_of(name, DRY) - mean_of(name, DRY, "vh") < 11
    assert mean_of("soil", replace(DRY, wet=0.8)) > mean_of("soil", DRY) + 2
    assert mean_of("soil", FROST) < mean_of("soil", DRY) - 1
    assert mean_of("crop", DRY, "vh") > mean_of("crop", FROST, "vh") + 3
    assert mean_of("grass", replace(SNOWY, temperature=3.0)) < mean_of("grass", SNOWY) - 1.5


def test_scenes_follow_from_their_names() -> None:
    made = ground(land(), 0)
    one, two = radar.scene(made, DRY, UP, 0), radar.scene(made, DRY, UP, 0)
    assert np.array_equal(one.vv, two.vv) and one.vv.dtype == np.float32
    other = radar.scene(made, DRY, replace(UP, absolute=UP.absolute + 175), 0)
    assert not np.array_equal(one.vv, other.vv)
    assert PLACE.shape() == one.vv.shape
