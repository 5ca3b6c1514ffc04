"""The weather is that of a dry continental climate with summer rain, and the same for the same seed."""

from datetime import date

import numpy as np

from pipeline.simulate.scenes.weather import EXPOSURES, weather

YEARS = [weather(seed, 2021) for seed in range(12)]


def monthly(name: str, month: int) -> list[float]:
    return [getattr(day, name) for year in YEARS for day in year.values() if day.day.month == month]


def test_the_same_seed_gives_the_same_weather() -> None:
    one, two, other = weather(3, 2021), weather(3, 2021), weather(4, 2021)
    first = date(2021, 6, 1)
    assert one[first].cover == two[first].cover != other[first].cover
    assert min(one) <= date(2020, 12, 1) and max(one) >= date(2021, 11, 30)


def test_seasons() -> None:
    """Normals of Dongsheng: January −10 °C, July 21 °C; cloudier and wetter in summer; snow in winter only."""
    assert -13 < np.mean(monthly("temperature", 1)) < -7
    assert 18 < np.mean(monthly("temperature", 7)) < 25
    assert np.mean(monthly("cover", 7)) > np.mean(monthly("cover", 1)) + 0.1
    assert np.mean(monthly("wet", 8)) > np.mean(monthly("wet", 4)) + 0.1
    assert np.mean(monthly("ice", 1)) > 0.9 > 0.01 > np.mean(monthly("ice", 6))
    lying = [day.snow[3] > 0 for year in YEARS for day in year.values() if day.day.month in (12, 1, 2)]
    assert 0.1 < np.mean(lying) < 0.8
    assert not any(day.snow.any() for year in YEARS for day in year.values() if day.day.month in (6, 7, 8))


def test_snow_melts_sooner_where_the_sun_shines() -> None:
    assert np.all(np.diff(EXPOSURES) > 0)
    for year in YEARS:
        for day in year.values():
            assert np.all(np.diff(day.snow) <= 0)


def test_skies_are_mostly_clear_or_mostly_overcast() -> None:
    cover = np.array([day.cover for year in YEARS for day in year.values()])
    assert np.mean((cover < 0.2) | (cover > 0.8)) > 0.6
    assert 0.3 < cover.mean() < 0.5
