"""Exporting: the plan, then every part of every tile, then the documents. It may be interrupted at any moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from threading import Event
from typing import Any

import numpy as np

from pipeline import durable
from pipeline.artifacts.ledger import Entry, Ledger, changes, deliver, making, peek, refuse_busy
from pipeline.console import complain, progress
from pipeline.engine.archive import open_archive
from pipeline.errors import MinecoverError
from pipeline.export import documents, report, tiles
from pipeline.export.crew import Crew
from pipeline.export.pixels import Reader
from pipeline.export.plan import Plan, Unit, Wish, laid_out, planned
from pipeline.export.requests import connected
from pipeline.region import inside

WORKERS = {"local": 2, "earthengine": 10}


def run(wish: Wish, workers: int | None = None, *, only_plan: bool = False, confirm: bool = False) -> Iterator[str]:
    """Lines for the user as the work goes on: the plan, and unless only that is wanted, what was made.

    The stack is in `wish.folder` afterwards. Run again after an interruption, it goes on where it was.
    """
    layout = laid_out(wish, confirm)
    if not only_plan:
        refuse_busy(wish.folder)
    archive = open_archive(wish.source.archive) if wish.source.archive else None
    at_once = workers or WORKERS[wish.source.engine]
    with connected(wish.source, archive):
        plan = planned(wish, layout, archive)
        yield from report.plan_lines(plan, peek(wish.folder), at_once)
        if only_plan:
            return
        _refuse_other_scenes(plan)
        with making(wish.folder, plan.parameters) as ledger:
            yield from _made(plan, ledger, at_once)


def _refuse_other_scenes(plan: Plan) -> None:
    """Refuse to go on with a stack whose scenes, and nothing else, are others than when it was begun."""
    changed = changes(plan.wish.folder, plan.parameters)
    if changed and peek(plan.wish.folder) and all(change.startswith(("engine.", "scenes.")) for change in changed):
        raise MinecoverError(
            f"The scenes have changed since '{plan.wish.folder}' was begun: tiles made now would not fit those that "
            f"are finished there. Delete that folder to make the stack anew, or choose another output folder."
        )


def _made(plan: Plan, ledger: Ledger, workers: int) -> Iterator[str]:
    """Lines about the work as it is done."""
    started = time.monotonic()
    for entry in ledger.drop_unsound():
        yield f"{entry.file} is missing or damaged and is made again."
    left = plan.units(ledger.finished)
    report.refuse_full_disk(plan, left)
    with durable.reported(plan.wish.folder):
        for part in plan.parts:
            durable.make_folders(plan.wish.folder / part.name, plan.wish.folder)
    done: dict[str, Entry] = {}
    for entry in _exported(plan, left, ledger, workers):
        done[entry.unit] = entry
        if len(done) == len(plan.parts) < len(left):
            rest = [unit for unit in left if unit.name not in done]
            yield f"{len(done)} files are done; the other {len(rest)} take {report.guess(plan, done, rest, workers)}."
    finished = ledger.finished
    with durable.reported(plan.wish.folder):
        documents.write_all(plan, finished)
    yield from report.result_lines(plan, finished, time.monotonic() - started, len(left))


def _exported(plan: Plan, units: list[Unit], ledger: Ledger, workers: int) -> Iterator[Entry]:
    """Entries of finished files, already recorded. Whatever ends it early, what is in work is finished first."""
    stopped = Event()
    reader = Reader(plan.images, workers, stopped)
    crew = Crew(units, lambda unit: _unit(plan, reader, unit), workers, stopped)
    try:
        for entry in progress(crew.results(), "Exporting", len(units)):
            yield ledger.record(entry)
    finally:
        if crew.at_work:
            stopped.set()
            complain("Finishing what is in work, so that nothing is lost. Ctrl-C again ends at once.")
            with suppress(MinecoverError):
                for entry in crew.results():
                    ledger.record(entry)


def _unit(plan: Plan, reader: Reader, unit: Unit) -> Entry:
    """One part of one tile, read, written and checked."""
    began = time.monotonic()
    grid, part, folder = plan.layout.of(unit.tile), unit.part, plan.wish.folder
    pixels = reader.read(part, grid)
    entry = deliver(
        folder / f"{unit.name}.tif",
        folder,
        unit.name,
        lambda path: tiles.write(path, pixels, part, grid),
        lambda path: tiles.check(path, pixels, part, grid),
    )
    within = inside(plan.layout.shape, grid)
    seen = np.isfinite(pixels) if pixels.dtype.kind == "f" else pixels > 0
    facts: dict[str, Any] = {
        "pixels": int(within.sum()),
        "valid": (seen & within).sum((1, 2)).tolist(),
        "seconds": round(time.monotonic() - began, 3),
    }
    return replace(entry, facts=facts)
