"""The weather of a year in a dry continental climate with summer rain: warmth, wet ground, snow, cloud cover.

Day by day, the same for the same seed and year; made of monthly figures of the size that the Ordos plateau has (some
380 mm a year, two thirds of it from July to September; −10 °C in January, 22 °C in July).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from pipeline.simulate.district import NDArray
from pipeline.simulate.noise import named

# January to December.
RAINY = (0.07, 0.08, 0.10, 0.13, 0.18, 0.25, 0.36, 0.36, 0.28, 0.14, 0.09, 0.07)
"""Share of days with rain or snow."""
AMOUNT = (1.7, 1.8, 2.5, 3.5, 5.0, 6.0, 9.5, 9.5, 6.5, 4.0, 2.2, 1.7)
"""Millimetres on such a day, on average."""
CLOUDY = (0.28, 0.32, 0.38, 0.40, 0.40, 0.45, 0.52, 0.50, 0.42, 0.33, 0.30, 0.28)
"""Mean cloud cover at the time of the morning overpass."""

EXPOSURES = np.array([0.25, 0.5, 0.75, 1.0, 1.35, 1.8, 2.5, 4.0, 7.0], np.float32)
"""How fast snow melts somewhere, compared with open flat ground."""
MELT = 1.1
"""Millimetres of snow (as water) that a day melts for each degree above MELT_FROM."""
MELT_FROM = -6.0
"""Daily mean above which the sun of noon melts some snow, in degrees Celsius."""
LOST_TO_WIND = 0.28
"""Millimetres of snow (as water) that wind and dry air take each day."""
USUAL_RAIN = 270.0
"""Millimetres from May to August."""


@dataclass(frozen=True)
class Day:
    """One day. `wet` is 0 (dry ground) to 1 (soaked), `snow` millimetres of water at each of EXPOSURES, `frozen`
    whether the ground is, `ice` how much of still water is frozen over (0…1), `growth` 1 in a year of usual rain, and
    `cover` the cloud cover (0…1) when satellites pass."""

    day: date
    temperature: float
    wet: float
    snow: NDArray
    frozen: bool
    ice: float
    growth: float
    cover: float

    @property
    def of_year(self) -> int:
        """The day of the year, 1 to 366."""
        return self.day.timetuple().tm_yday


def weather(seed: int, year: int) -> dict[date, Day]:
    """Every day from October of the year before to the end of the year; the first two months settle the ground."""
    rng = named(seed, "weather", year)
    first = date(year - 1, 10, 1)
    days = [first + timedelta(n) for n in range((date(year, 12, 31) - first).days + 1)]
    temperature = _temperature(days, rng)
    rain = _rain(days, rng)
    cover = _cover(days, rain, rng)
    wet, snow = _ground(temperature, rain)
    summer = sum(r for d, r in zip(days, rain, strict=True) if d.year == year and 5 <= d.month <= 8)
    growth = float(np.clip(1 + 0.5 * (summer / USUAL_RAIN - 1), 0.75, 1.15))
    means = np.convolve(np.concatenate([[temperature[0]] * 9, temperature]), np.ones(10) / 10, "valid")
    return {
        d: Day(
            d, float(temperature[n]), float(wet[n]), snow[n], bool(means[n] < -2),
            float(np.clip((-1.5 - means[n]) / 5, 0, 1)), growth, float(cover[n]),
        )
        for n, d in enumerate(days)
    }  # fmt: skip


def _temperature(days: list[date], rng: np.random.Generator) -> NDArray:
    noise = np.zeros(len(days))
    for n, kick in enumerate(rng.normal(0, 2.6, len(days))):
        noise[n] = kick + (0.75 * noise[n - 1] if n else 0)
    season = np.array([d.timetuple().tm_yday for d in days])
    return np.asarray(6.5 - 16.5 * np.cos(2 * np.pi * (season - 17) / 365.25) + noise)


def _rain(days: list[date], rng: np.random.Generator) -> NDArray:
    chance = np.array([RAINY[d.month - 1] for d in days])
    mean = np.array([AMOUNT[d.month - 1] for d in days])
    return np.where(rng.random(len(days)) < chance, rng.gamma(0.8, 1.25, len(days)) * mean, 0)


def _cover(days: list[date], rain: NDArray, rng: np.random.Generator) -> NDArray:
    """Mostly clear or mostly overcast, seldom half; more of it on days with rain."""
    mean = np.array([CLOUDY[d.month - 1] for d in days])
    dull = np.clip(mean + 0.35 * (rain > 0) - 0.08, 0.05, 0.92)
    return np.asarray(rng.beta(0.9 * dull, 0.9 * (1 - dull)))


def _ground(temperature: NDArray, rain: NDArray) -> tuple[NDArray, NDArray]:
    """Wetness of the ground (0…1) and snow (mm of water) at each exposure, day by day."""
    wet, snow = np.zeros(len(rain)), np.zeros((len(rain), len(EXPOSURES)), np.float32)
    store, pack = 0.0, np.zeros(len(EXPOSURES), np.float32)
    for n, (warm, fallen) in enumerate(zip(temperature, rain, strict=True)):
        melting = min(float(pack[3]), MELT * max(warm - MELT_FROM, 0.0))
        pack = np.maximum(pack - EXPOSURES * MELT * max(warm - MELT_FROM, 0.0) - LOST_TO_WIND, 0)
        pack = (pack + (fallen if warm < 0.5 else 0)).astype(np.float32)
        keeps = 0.92 if warm < 2 else 0.86 - 0.008 * min(warm, 25)
        store = store * keeps + (fallen if warm >= 0.5 else 0.6 * melting)
        wet[n], snow[n] = 1 - np.exp(-store / 18), pack
    return wet, snow
