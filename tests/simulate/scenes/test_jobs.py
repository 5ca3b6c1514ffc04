"""Every image follows from the seed and its own name, in whatever order and company it is made."""

import numpy as np

from pipeline.simulate.scenes.ground import ground
from pipeline.simulate.scenes.jobs import Job, elevation_jobs, jobs
from pipeline.simulate.scenes.products import Image
from tests.simulate.small import PLACE, land

GROUND = {seed: ground(land(), seed) for seed in (0, 1)}


def listed(seed: int, scenes: int = 2) -> dict[str, Job]:
    return {job.assets[0]: job for job in [*elevation_jobs(PLACE, seed), *jobs(PLACE, 2021, scenes, seed)]}


def same(one: tuple[Image, ...], two: tuple[Image, ...]) -> list[bool]:
    pairs = [(a, b) for i, j in zip(one, two, strict=True) for a, b in zip(i.layers, j.layers, strict=True)]
    return [np.array_equal(a.data, b.data) for a, b in pairs]


def test_the_same_seed_gives_the_same_images() -> None:
    forwards, backwards = listed(0), listed(0)
    first = {name: job.make(GROUND[0]) for name, job in forwards.items()}
    for name, job in reversed(backwards.items()):
        assert all(same(first[name], job.make(GROUND[0]))), name


def test_another_seed_gives_others() -> None:
    for (name, one), two in zip(listed(0).items(), listed(1).values(), strict=True):
        assert not all(same(one.make(GROUND[0]), two.make(GROUND[1]))), name


def test_images_have_the_names_that_were_announced() -> None:
    for job in listed(0).values():
        assert tuple(image.asset for image in job.make(GROUND[0])) == job.assets
