"""The sun stands where it does; clouds throw their shadows away from it."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy import ndimage

from pipeline.simulate.district import Place
from pipeline.simulate.scenes import sky

PLACE = Place(5000)
LONGITUDE, LATITUDE = 110.07, 39.8


def test_sun_of_a_published_example() -> None:
    """NREL's report on its solar position algorithm (Reda and Andreas 2004): zenith 50.112°, azimuth 194.340°."""
    sun = sky.sun_at(datetime(2003, 10, 17, 19, 30, 30, tzinfo=UTC), -105.1786, 39.742476)
    assert sun.zenith == pytest.approx(50.112, abs=0.1)
    assert sun.azimuth == pytest.approx(194.340, abs=0.1)


@pytest.mark.parametrize(("month", "declination"), [(6, 23.44), (12, -23.44)])
def test_sun_at_noon_of_the_solstices(month: int, declination: float) -> None:
    start = datetime(2021, month, 21, 3, tzinfo=UTC)
    suns = [sky.sun_at(start + timedelta(minutes=n), LONGITUDE, LATITUDE) for n in range(180)]
    highest = min(suns, key=lambda s: s.zenith)
    assert highest.zenith == pytest.approx(LATITUDE - declination, abs=0.05)
    assert highest.azimuth == pytest.approx(180, abs=1)
    assert suns[0].azimuth < 180 < suns[-1].azimuth


@pytest.mark.parametrize(("month", "seed"), [(1, 1), (4, 2), (7, 3), (10, 4)])
def test_shadows_lie_on_the_side_away_from_the_sun(month: int, seed: int) -> None:
    sun = sky.sun_at(datetime(2021, month, 15, 3, 37, tzinfo=UTC), LONGITUDE, LATITUDE)
    above = sky.sky(Place(12_000), sun, 0.35, month, np.random.default_rng(seed))
    fields = [f[::2, ::2] - ndimage.gaussian_filter(f[::2, ::2], 12) for f in (1 - above.sunlight, above.cloud)]
    shade, cloud = (np.fft.rfft2(f, (1200, 1200)) for f in fields)
    likeness = np.fft.irfft2(shade * np.conj(cloud), (1200, 1200))
    down, right = (int(n) for n in np.unravel_index(likeness.argmax(), likeness.shape))
    down, right = (2 * (n - 1200 if n > 600 else n) for n in (down, right))
    away = np.degrees(np.arctan2(right, -down)) % 360
    assert abs((away - sun.azimuth) % 360 - 180) < 5
    height = np.hypot(down, right) * 10 / np.tan(np.radians(sun.zenith))
    assert 1100 <= height <= 3300


def test_clouds_cover_what_they_should() -> None:
    sun = sky.Sun(30.0, 150.0)
    for cover in (0.1, 0.4, 0.9):
        hidden = [np.mean(sky.sky(PLACE, sun, cover, 7, np.random.default_rng(n)).cloud > 0.1) for n in range(6)]
        assert np.mean(hidden) == pytest.approx(cover, abs=0.15)


def test_a_sky_without_clouds_lets_all_light_through() -> None:
    above = sky.sky(PLACE, sky.Sun(30.0, 150.0), 0.0, 7, np.random.default_rng(0))
    assert np.mean(above.cloud > 0.02) < 0.01
    assert np.mean(above.sunlight < 0.98) < 0.01


def test_the_same_numbers_give_the_same_sky() -> None:
    one, two = (sky.sky(PLACE, sky.Sun(40.0, 150.0), 0.5, 5, np.random.default_rng(9)) for _ in range(2))
    assert np.array_equal(one.cloud, two.cloud) and np.array_equal(one.sunlight, two.sunlight)
