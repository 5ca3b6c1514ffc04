"""The stage's files: what it reads, the page that it writes, and whether there is anything to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from pipeline import durable
from pipeline.artifacts.ledger import fingerprint, refuse_busy
from pipeline.config import Config
from pipeline.console import human
from pipeline.engine.raster import harden_process
from pipeline.errors import MinecoverError
from pipeline.report.change import change
from pipeline.report.maps import pictures, seen
from pipeline.report.page import Content, parts, render
from pipeline.report.sources import ACCURACY, COMPARISON, SAMPLES, SELECTION, Run, read_run, simulated

REPORT = "report.html"
MARK = '<meta name="fingerprint" content="{}">'
HEAD = 4096
"""Bytes of the page in which its fingerprint stands."""
LEGEND = "The map in '{}' was made with another legend. Run `minecover classify CONFIG` again."


def run(config: Config) -> Iterator[str]:
    """Lines that tell what is in the report and what is not; report.html is in the run's folder afterwards."""
    harden_process()
    folder = config.output
    found = read_run(folder, config.assess.map or config.classify.model)
    if found.map.names != dict(zip(config.legend.codes, config.legend.names, strict=True)):
        raise MinecoverError(LEGEND.format(found.map.folder))
    other = config.report.compare
    since = change(found, other) if other else None
    made_up = simulated(config)
    made_from = _fingerprint(config, found, [repr(since), made_up])
    refuse_busy(folder)
    with durable.locked(folder):
        if _stored(folder / REPORT) == made_from:
            yield f"Unchanged: '{folder / REPORT}' tells what is in the run's folder."
            return
        page = render(Content(config, found, pictures(found, config.legend), seen(found), since, made_up, made_from))
        with durable.reported(folder):
            durable.write_text(folder / REPORT, page)
    yield f"Map       by {found.map.model}; areas are " + ("estimates" if found.estimate else "counts of its pixels")
    yield from (f"Left out  {line}" for line in _lacking(found))
    yield f"Written: {REPORT} ({human(len(page.encode()))}) in '{folder}'. Open it in a browser; print it from there."


def _lacking(found: Run) -> Iterator[str]:
    """What could be in the report and is not, with the command that makes it."""
    if found.estimate is None:
        yield "areas with intervals: name a reference sample (assess.reference), then `minecover assess CONFIG`"
    for name, there, what, command in (
        (ACCURACY, found.accuracy, "accuracies", "assess"),
        (SELECTION, found.selection, "which features matter", "select"),
        (SAMPLES, found.samples, "the samples", "sample"),
        (COMPARISON, found.comparison, "models on several choices of features", "compare"),
    ):
        if there is None:
            yield f"{what}: there is no {name} yet, `minecover {command} CONFIG` makes it"


def _fingerprint(config: Config, found: Run, more: list[object]) -> str:
    """Everything that decides what the page says."""
    return fingerprint(
        {
            "version": version("minecover"),
            "page": parts(),
            "config": json.loads(config.model_dump_json()),
            "files": found.digests,
            "more": more,
        }
    )


def _stored(path: Path) -> str | None:
    """The fingerprint of the page that is there, if there is a whole one."""
    try:
        with open(path, encoding="utf-8") as file:
            head = file.read(HEAD)
    except (OSError, ValueError):
        return None
    before, after = MARK.split("{}")
    start = head.find(before)
    return head[start + len(before) :].split(after)[0] if start >= 0 else None
