"""What the user reads: the plan before the work, and what was made after it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.artifacts.ledger import Entry, nearest
from pipeline.console import duration, human, some
from pipeline.errors import MinecoverError
from pipeline.export import sources
from pipeline.export.pixels import Part
from pipeline.export.plan import COUNTS, Plan, Unit


def plan_lines(plan: Plan, finished: Mapping[str, Entry], workers: int) -> Iterator[str]:
    """The plan for people."""
    region, layout, left = plan.wish.region, plan.layout, plan.units(finished)
    longitude, latitude = region.centre
    yield f"Region    {region.name}: {region.area_km2:,.2f} km² around {longitude:.4f}, {latitude:.4f}"
    yield from (f"          {note}" for note in region.notes)
    grid = layout.grid
    yield f"Grid      {grid.crs}, {grid.width} × {grid.height} pixels of {grid.pixel:g} m in {len(layout.tiles)} tiles"
    radar = plan.options.orbit or "not read"
    yield f"Scenes    {plan.wish.year}, seasons of the {plan.options.hemisphere}, radar {radar}"
    for season, window in plan.seasons.items():
        counts = ", ".join(f"{plan.scenes[f'{season}_{kind}']} {kind}" for kind in sources.SOURCES)
        yield f"          {season:<7} {window.start} to {window.end}: {counts}"
    others = ", ".join(f"{plan.scenes.get(kind, 'no')} {kind}" for kind in sources.OTHERS)
    yield f"          all year: {others}"
    yield from (f"Note      {note}" for note in plan.notes)
    every = len(plan.units({}))
    yield f"Requests  {every}, one a file" + (f", {every - len(left)} of them done already" if finished else "")
    if left:
        yield f"Size      at most {human(plan.bytes(left))} to write; {human(free(plan.wish.output))} are free"
    yield f"Time      {guess(plan, finished, left, workers)}"
    if plan.empty:
        yield f"Empty     {len(plan.empty)} of {_bands(plan)} bands will have no value: {some(plan.empty)}"


def guess(plan: Plan, finished: Mapping[str, Entry], left: Sequence[Unit], workers: int) -> str:
    """How long the rest may take, from what is finished."""
    if not left:
        return "nothing is left to do"
    done = [unit for unit in plan.units({}) if unit.name in finished]
    if not done:
        return "told once the first tile is done"
    seconds = sum(finished[unit.name].facts["seconds"] for unit in done) / workers
    return f"about {duration(seconds / plan.bytes(done) * plan.bytes(left))}"


def result_lines(plan: Plan, finished: Mapping[str, Entry], seconds: float, made: int) -> Iterator[str]:
    """What was made, how much of it is masked, and what to do next."""
    folder, grid = plan.wish.folder, plan.layout.grid
    size = sum(e.bytes for e in finished.values())
    yield (
        f"{folder}: {_bands(plan)} bands of {grid.width} × {grid.height} pixels in {len(finished)} files, "
        f"{human(size)}; "
        + (f"{made} of them made now, in {duration(seconds)}." if made else "all were there already.")
    )
    for part in plan.parts:
        if part.name != COUNTS:
            yield f"  {part.name:<7} {_coverage(plan, part, finished)}"
    shares = (masked(p.bands, finished, p.name) for p in plan.parts if p.name != COUNTS)
    if empty := [name for of_part in shares for name, share in of_part.items() if share == 1]:
        yield f"  {len(empty)} of {_bands(plan)} bands have no value: {some(empty)}"
    yield "Next: open it in QGIS, or as an array:"
    yield f"  {folder / 'stack.vrt'}"
    yield f"  from pipeline.artifacts import open_stack; open_stack({str(plan.wish.output)!r})"


def masked(bands: Sequence[str], finished: Mapping[str, Entry], part: str) -> dict[str, float]:
    """The share of the region's pixels that each band of a part has nothing in; 0…1, 0 where there are no pixels."""
    entries = [e for name, e in finished.items() if name.startswith(f"{part}/")]
    pixels = sum(e.facts["pixels"] for e in entries)
    valid = [sum(e.facts["valid"][i] for e in entries) for i in range(len(bands))]
    return {name: 1 - v / pixels if pixels else 0.0 for name, v in zip(bands, valid, strict=True)}


def _bands(plan: Plan) -> int:
    """How many bands the stack has."""
    return sum(len(p.bands) for p in plan.parts if p.name != COUNTS)


def _coverage(plan: Plan, part: Part, finished: Mapping[str, Entry]) -> str:
    """How much of a part is masked, and how much of it the year itself never saw."""
    shares = masked(part.bands, finished, part.name)
    worst = max(shares, key=lambda name: shares[name])
    text = "nothing masked"
    if shares[worst]:
        text = f"{_percent(sum(shares.values()) / len(shares))} masked, most in {worst} ({_percent(shares[worst])})"
    counts = next(p for p in plan.parts if p.name == COUNTS)
    unseen = masked(counts.bands, finished, COUNTS)
    kinds = [f"{_percent(unseen[f'{part.name}_{k}'])} {k}" for k in sources.SOURCES if f"{part.name}_{k}" in unseen]
    return text + (f"; without an observation in {plan.wish.year}: {', '.join(kinds)}" if kinds else "")


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def free(path: Path) -> int:
    """Bytes that are free where a path is or will be."""
    return shutil.disk_usage(nearest(path)).free


def refuse_full_disk(plan: Plan, left: Sequence[Unit]) -> None:
    """Refuse to begin what the disk could not hold if nothing of it could be compressed."""
    need, there = plan.bytes(left), free(plan.wish.output)
    if need > there:
        raise MinecoverError(
            f"'{plan.wish.output}' may need {human(need)}, and its disk has {human(there)} free. Make room, or choose "
            f"another output folder."
        )
