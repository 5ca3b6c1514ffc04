"""From the map and the reference sample to accuracies and areas: which estimator the design calls for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from pipeline.accuracy.area import UNMAPPED, Estimates, after_strata, estimate
from pipeline.accuracy.results import ClassArea, MapAccuracy, Stratum
from pipeline.assess.maps import CODES, Mapped
from pipeline.assess.reference import Reference
from pipeline.config import Legend
from pipeline.errors import MinecoverError

NDArray = np.ndarray[Any, Any]

SAME = "strata are the classes of this map (Olofsson et al. 2014)"
OTHER = "strata are the classes of an earlier map (Stehman 2014)"
AFTER = "post-stratified by the classes of the map"
PLAIN = "without strata"
MOVES = 0.1
"""A class whose estimated area one point more could change by more than this share is told."""


def map_accuracy(mapped: Mapped, reference: Reference, legend: Legend) -> MapAccuracy:
    """What the sample tells of the map."""
    design = reference.design
    counts = _counts(mapped, reference, legend)
    on_map = mapped.at(reference.xy)
    part, sizes, how = _strata(mapped, reference, on_map, counts)
    found = estimate(reference.codes, on_map, part, sizes, legend.codes)
    hectares = design.grid.pixel**2 / 1e4
    drawn = "simple random" if design.simple else f"stratified random, {len(design.strata)} strata"
    return MapAccuracy(
        model=mapped.model,
        map_sha256=mapped.sha256,
        reference=reference.name,
        design=f"{drawn}, {len(design.points)} of {design.population} pixels, seed {design.seed}",
        estimator=how,
        strata=_named(reference, legend, part, sizes, on_map, how),
        population_pixels=design.population,
        pixel_hectares=hectares,
        answered=len(reference.codes),
        unanswered=reference.unanswered,
        unmapped_pixels=counts[UNMAPPED],
        oa=found.oa,
        classes=tuple(
            ClassArea(
                code=c.code, name=c.name, mapped_pixels=counts[c.code], mapped_hectares=counts[c.code] * hectares,
                area=found.area[k], hectares=found.area[k].times(design.population * hectares), ua=found.ua[k],
                pa=found.pa[k],
            )
            for k, c in enumerate(legend)
        ),
        points=tuple(map(tuple, found.points.tolist())),
        shares=tuple(map(tuple, found.shares.tolist())),
        notes=tuple(_notes(reference, legend, found, part, sizes)),
    )  # fmt: skip


def _counts(mapped: Mapped, reference: Reference, legend: Legend) -> dict[int, int]:
    """Pixels of each code of the map within the population; those of no class are the rest of the population."""
    counts = mapped.counts(reference.design.grid)
    if strange := [c for c in range(1, CODES) if counts[c] and c not in legend.codes]:
        raise MinecoverError(f"'{mapped.path}' has pixels of code {strange[0]}, which the legend lacks. Map again.")
    found = {c: int(counts[c]) for c in legend.codes}
    return {**found, UNMAPPED: max(reference.design.population - sum(found.values()), 0)}


def _strata(
    mapped: Mapped, reference: Reference, on_map: NDArray, counts: dict[int, int]
) -> tuple[NDArray, NDArray, str]:
    """The stratum of each point, the sizes of all, and in words what they are."""
    design = reference.design
    if design.simple:
        # Else the map has classes beyond what was drawn from, or none at a pixel that was.
        fits = sum(counts.values()) == design.population and all(counts[c] for c in on_map.tolist())
        part, sizes = after_strata(on_map, counts) if fits else (reference.stratum, np.array([design.population]))
        return part, sizes, AFTER if len(sizes) > 1 else PLAIN
    sizes = np.array([s.pixels for s in design.strata])
    points = np.bincount(reference.stratum, minlength=len(sizes))
    for one, n in zip(design.strata, points.tolist(), strict=True):
        if n < min(2, one.pixels):
            more = "Interpret them" if one.points > n else "Put it together with another stratum, and draw anew"
            raise MinecoverError(
                f"Only {n} of {one.points} points in the stratum {one.name!r} have a class; a standard error needs "
                f"two or more. {more}."
            )
    return reference.stratum, sizes, SAME if mapped.sha256 == design.map_sha256 else OTHER


def _named(
    reference: Reference, legend: Legend, part: NDArray, sizes: NDArray, on_map: NDArray, how: str
) -> tuple[Stratum, ...]:
    """The strata that were used, by name."""
    names = [s.name for s in reference.design.strata]
    if how == AFTER:
        known = {**dict(zip(legend.codes, legend.names, strict=True)), UNMAPPED: "no class"}
        names = [" + ".join(known[c] for c in np.unique(on_map[part == h]).tolist()) for h in range(len(sizes))]
    points = np.bincount(part, minlength=len(sizes)).tolist()
    return tuple(Stratum(name=a, pixels=int(b), points=c) for a, b, c in zip(names, sizes, points, strict=True))


def _notes(reference: Reference, legend: Legend, found: Estimates, part: NDArray, sizes: NDArray) -> Iterator[str]:
    if reference.unanswered:
        yield (
            f"{reference.unanswered} of {len(reference.design.points)} points have no class; the estimates hold if "
            f"that had nothing to do with what is there"
        )
    heaviest = float((sizes / np.bincount(part, minlength=len(sizes))).max())
    for k, c in enumerate(legend):
        own = (found.area[k].value or 0.0) * float(sizes.sum())
        if 0 < own < heaviest / MOVES:
            yield (
                f"{c.name}: one more point of it could change its area by {heaviest / own:.0%}; the intervals of so "
                f"rare a class are rough"
            )
