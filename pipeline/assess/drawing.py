"""Drawing a reference sample from the map: how many points of each class, which pixels, and the sheet to fill in.

Nothing that was drawn is ever drawn over: a person's work may be in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import durable
from pipeline.accuracy import design as plan
from pipeline.accuracy.area import Z
from pipeline.artifacts.design import DESIGN, Design, DesignPoint, DesignStratum, read_design, write_design
from pipeline.artifacts.ledger import fingerprint, refuse_busy
from pipeline.assess.maps import CODES, Mapped, find_map
from pipeline.assess.sheet import POINTS, SHEETS, TAKEN, sheets
from pipeline.config import Config, LandClass, Legend
from pipeline.console import aligned, clean
from pipeline.errors import MinecoverError

NDArray = np.ndarray[Any, Any]

REFERENCE = "reference"
MANY = 5000


@dataclass(frozen=True)
class Wish:
    """What the points are for: a margin (half of the 95 % interval) of overall accuracy, or of the area of a class.

    The margin of accuracy is a share (0.03 is 3 points), that of an area a share of what is mapped of the class.
    `accuracy` is how much of each class is expected to be right; each class gets at least `minimum` points.
    """

    margin: float = 0.03
    accuracy: float = 0.85
    minimum: int = 50
    of: str | None = None


def design(config: Config, wish: Wish) -> Iterator[str]:
    """Lines that tell what was drawn; the record and the sheets are in the run's folder `reference` afterwards."""
    mapped = find_map(config.output, config.assess.map or config.classify.model)
    if mapped is None:
        raise MinecoverError(
            f"'{config.output}' holds no map by {config.assess.map or config.classify.model} to draw points from. "
            f"`minecover classify CONFIG` makes it."
        )
    if config.assess.field.casefold() in TAKEN:
        raise MinecoverError(f"assess.field cannot be {config.assess.field!r}: the sheet has such a field already.")
    folder = config.output / REFERENCE
    refuse_busy(folder)
    seed = config.assess.seed
    wanted = fingerprint({"map": mapped.sha256, "wish": asdict(wish), "seed": seed, "codes": config.legend.codes})
    with durable.locked(config.output):
        if (folder / DESIGN).exists():
            yield _kept(config, folder, wanted)
            return
        classes, sizes = _strata(mapped, config.legend)
        expected = _expected(config.legend, classes, sizes, wish)
        points = _planned(sizes, expected, wish, classes)
        found = _drawn(mapped, classes, sizes, points, seed)
        made = found.model_copy(update={"fingerprint": wanted, "wanted": asdict(wish)})
        _begin(config, folder, made)
    yield from _told(classes, sizes, points, wish, mapped)
    yield f"{folder / POINTS}: {sum(points):,} points in random order, also as points.csv and points.kml."
    yield f"Next: fill in its field {config.assess.field!r} without a look at the map; name it in assess.reference."
    yield f"{DESIGN} must stay beside it; it tells the map's classes, so keep it from interpreters."


def _kept(config: Config, folder: Path, wanted: str) -> str:
    """What is said of points that are there; sheets that are missing are written from their record."""
    made = read_design(folder / DESIGN)
    if made.fingerprint == wanted:
        _write_sheets(config, folder, made)
        return f"Unchanged: the points in '{folder}' were drawn from this map with these wishes."
    raise MinecoverError(
        f"'{folder}' holds points that were drawn from another map or with other wishes, and may hold answers. They "
        "can still be used to assess the new map. To draw others, move the folder away."
    )


def _strata(mapped: Mapped, legend: Legend) -> tuple[tuple[LandClass, ...], tuple[int, ...]]:
    """The classes that the map has, and the pixels of each."""
    counts = mapped.counts(mapped.grid)
    if strange := [c for c in range(1, CODES) if counts[c] and c not in legend.codes]:
        raise MinecoverError(f"'{mapped.path}' has pixels of code {strange[0]}, which the legend lacks. Map again.")
    there = tuple(c for c in legend if counts[c.code])
    if not there:
        raise MinecoverError(f"'{mapped.path}' has no pixel with a class. Map again.")
    return there, tuple(int(counts[c.code]) for c in there)


def _expected(legend: Legend, classes: Sequence[LandClass], sizes: Sequence[int], wish: Wish) -> tuple[float, ...]:
    """The share of each stratum that is expected to have what is estimated."""
    if not 0.5 <= wish.accuracy < 1:
        raise MinecoverError(f"An expected accuracy of {wish.accuracy:g} cannot be used: give 0.5 to below 1.")
    if wish.of is None:
        return (wish.accuracy,) * len(sizes)
    one = legend.by_name(wish.of)
    if one not in classes:
        raise MinecoverError(f"The map has no pixel of {one.name!r}. Choose one of its classes, or no class.")
    return plan.of_area(sizes, classes.index(one), wish.accuracy)


def _planned(
    sizes: Sequence[int], expected: Sequence[float], wish: Wish, classes: Sequence[LandClass]
) -> tuple[int, ...]:
    margin = wish.margin
    if wish.of is not None:
        k = [c.name.casefold() for c in classes].index(wish.of.strip().casefold())
        margin *= sizes[k] / sum(sizes)
    return plan.planned(sizes, expected, margin, max(wish.minimum, 2))


def _drawn(
    mapped: Mapped, classes: Sequence[LandClass], sizes: Sequence[int], points: Sequence[int], seed: int
) -> Design:
    """The design, with its points in random order and numbered by it."""
    chosen = plan.ranks(sizes, points, seed)
    stratum = np.repeat(np.arange(len(classes)), points)
    places = np.concatenate(_places(mapped, [c.code for c in classes], chosen))
    order = np.random.default_rng([seed, 1]).permutation(len(places))
    listed = tuple(
        DesignPoint(id=str(n), x=float(places[i, 0]), y=float(places[i, 1]), stratum=int(stratum[i]))
        for n, i in enumerate(order.tolist(), 1)
    )
    strata = tuple(
        DesignStratum(name=c.name, code=c.code, pixels=size, points=count)
        for c, size, count in zip(classes, sizes, points, strict=True)
    )
    return Design(grid=mapped.grid, seed=seed, strata=strata, points=listed, map_sha256=mapped.sha256)


def _places(mapped: Mapped, codes: Sequence[int], ranks: Sequence[NDArray]) -> list[NDArray]:
    """Centres (n, 2) of the pixels that have these ranks among the pixels of each code, row by row."""
    grid, passed = mapped.grid, [0] * len(codes)
    found: list[list[NDArray]] = [[] for _ in codes]
    for first, strip in mapped.strips():
        for k, (code, wanted) in enumerate(zip(codes, ranks, strict=True)):
            cells = np.flatnonzero(strip.ravel() == code)
            here = wanted[(wanted >= passed[k]) & (wanted < passed[k] + len(cells))] - passed[k]
            row, column = np.divmod(cells[here], grid.width)
            x, y = grid.left + (column + 0.5) * grid.pixel, grid.top - (row + first + 0.5) * grid.pixel
            found[k].append(np.column_stack([x, y]))
            passed[k] += len(cells)
    return [np.concatenate(parts) for parts in found]


def _begin(config: Config, folder: Path, made: Design) -> None:
    """Put the record in place, then the sheets. A run that is stopped between them goes on from the record."""
    if left := next((n for n in SHEETS if (folder / n).exists()), None):
        raise MinecoverError(f"'{folder / left}' is there already, without {DESIGN}. Move it away.")
    with durable.reported(folder):
        durable.make_folders(folder, config.output)
        write_design(folder / DESIGN, made)
    _write_sheets(config, folder, made)


def _write_sheets(config: Config, folder: Path, made: Design) -> None:
    """Write the sheets that are not there; what is there may be filled in."""
    missing = [n for n in SHEETS if not (folder / n).exists()]
    written = sheets(made.points, made.grid, config.assess.field) if missing else {}
    with durable.reported(folder):
        for name in missing:
            durable.write_bytes(folder / name, written[name])


def _told(
    classes: Sequence[LandClass], sizes: Sequence[int], points: Sequence[int], wish: Wish, mapped: Mapped
) -> Iterator[str]:
    """How many points there are of each class, and what to expect of them."""
    hectares = mapped.grid.pixel**2 / 1e4
    yield f"Points to draw from the map by {mapped.model}, if {wish.accuracy:.0%} of each class is right:"
    rows = [("Class", "pixels", "ha", "points", "± of its user's accuracy")]
    for c, size, count in zip(classes, sizes, points, strict=True):
        margin = Z * np.sqrt(wish.accuracy * (1 - wish.accuracy) / count)
        rows.append((clean(c.name), f"{size:,}", f"{size * hectares:,.1f}", str(count), f"{100 * margin:.0f} points"))
    yield from aligned(rows)
    whole = plan.expected_margin(sizes, (wish.accuracy,) * len(sizes), points)
    yield f"Overall accuracy would be known to ± {100 * whole:.1f} points (95 %)."
    for k, c in enumerate(classes):
        share = plan.expected_margin(sizes, plan.of_area(sizes, k, wish.accuracy), points) * sum(sizes) / sizes[k]
        if c.name == wish.of or (wish.of and c.name.casefold() == wish.of.strip().casefold()):
            yield f"The area of {clean(c.name)} would be known to ± {share:.0%} of what is mapped."
    if sum(points) > MANY:
        yield f"Note: {sum(points):,} points are weeks of work; a wider margin needs fewer."
