"""Which images a simulated district has, and how each of them is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pipeline.simulate.district import Place
from pipeline.simulate.noise import named
from pipeline.simulate.scenes import masks, optical, passes, products, radar
from pipeline.simulate.scenes.ancillary import outline
from pipeline.simulate.scenes.ground import Ground
from pipeline.simulate.scenes.products import Image
from pipeline.simulate.scenes.sky import sky, sun_at
from pipeline.simulate.scenes.weather import Day, weather


@dataclass(frozen=True, eq=False)
class Job:
    """Images that are made together: their asset ids, and what makes them from the ground of their year."""

    assets: tuple[str, ...]
    make: Callable[[Ground], tuple[Image, ...]]


def jobs(place: Place, year: int, scenes: int, seed: int) -> list[Job]:
    """The images of a year of seasons: `scenes` dates of each satellite, and the lights of the calendar year."""
    days = weather(seed, year)
    looks = passes.optical(place, year, scenes)
    return [
        *(_optical_job(look, days[look.seen.date()], seed) for look in looks),
        *(_radar_job(look, days[look.start.date()], seed) for look in passes.radar(year, scenes)),
        Job((products.lights_id(year),), lambda ground: (products.lights_image(ground.land, seed),)),
        _months_job(year, seed),
    ]


def elevation_jobs(place: Place, seed: int) -> list[Job]:
    """The elevation models; they are older than the mines, so any year's ground will do."""
    return [
        Job((products.NASADEM,), lambda ground: (products.nasadem_image(ground.land, seed),)),
        Job((products.glo30_id(place),), lambda ground: (products.glo30_image(ground.land, seed),)),
    ]


def _months_job(year: int, seed: int) -> Job:
    months = range(1, 13)
    names = tuple(products.monthly_id(year, month) for month in months)
    return Job(names, lambda ground: tuple(products.monthly_image(ground.land, month, seed) for month in months))


def _optical_job(look: passes.OpticalPass, day: Day, seed: int) -> Job:
    names = tuple(f"{c}/{look.index}" for c in (products.OPTICAL, products.CLOUD_SCORE, products.PROBABILITY))
    return Job(names, partial(_optical, look=look, day=day, seed=seed))


def _radar_job(look: passes.RadarPass, day: Day, seed: int) -> Job:
    return Job((f"{products.RADAR}/{look.index}",), partial(_radar, look=look, day=day, seed=seed))


def _optical(ground: Ground, look: passes.OpticalPass, day: Day, seed: int) -> tuple[Image, ...]:
    place, rng = ground.land.place, named(seed, "optical", look.index)
    west, south, east, north = outline(place)
    sun = sun_at(look.seen, (west + east) / 2, (south + north) / 2)
    above = sky(place, sun, day.cover, look.seen.month, rng)
    scene = optical.recorded(optical.seen(ground, day, above), rng)
    return (
        products.optical_image(place, look, sun, scene, masks.classification(scene, above)),
        products.score_image(place, look, *masks.cloud_score(scene, above, rng)),
        products.probability_image(place, look, masks.cloud_probability(scene, above, rng)),
    )


def _radar(ground: Ground, look: passes.RadarPass, day: Day, seed: int) -> tuple[Image, ...]:
    return (products.radar_image(ground.land.place, look, radar.scene(ground, day, look, seed)),)
