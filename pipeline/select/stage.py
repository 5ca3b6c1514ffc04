"""The stage's files: what it reads, what it writes, and whether there is anything to do.

selection.json is written before the pictures that show it, and older ones are removed before that: what lies there
always fits together, and after an interruption only what is missing is made: selection.part holds what was found.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from pipeline.artifacts.samples import Samples, read_samples
from pipeline.config import Config
from pipeline.console import bar
from pipeline.durable import locked, make_folders, reported, write_bytes, write_text
from pipeline.errors import MinecoverError
from pipeline.select.kept import keeping
from pipeline.select.pictures import NAMES, pictures
from pipeline.select.plan import plan
from pipeline.select.ranking import as_csv, rows
from pipeline.select.tables import summary
from pipeline.select.work import Lesson, Sensitivity, selected, sensitivity
from pipeline.selection import Selection
from pipeline.splits import FrozenSplit, audit, read_split

SPLIT, SELECTION, RANKING, PICTURES = "split.json", "selection.json", "ranking.csv", "pictures"
PARTIAL = "selection.part"


def run(config: Config) -> Iterator[str]:
    """Lines that tell what is done and found; afterwards the run's folder holds the selection."""
    samples = read_samples(config.output)
    with locked(config.output):
        yield from _lines(config, config.output, samples)


def _lines(config: Config, folder: Path, samples: Samples) -> Iterator[str]:
    split = _split(folder / SPLIT, samples)
    lesson = learnt_from(samples, split)
    fingerprint = lesson.fingerprint(config.select)
    found = _stored(folder / SELECTION, fingerprint)
    if found:
        (folder / PARTIAL).unlink(missing_ok=True)
        yield f"unchanged: '{folder / SELECTION}' is from these samples, this split and these settings"
    else:
        yield plan(lesson, config.select)
        found = _made(lesson, config, folder, fingerprint)
    selection, neighbours = found
    missing = [p for p in _shown(folder) if not p.exists()]
    if missing:
        _show(selection, folder)
    yield from summary(selection, f"{len(lesson.folds)} held-out folds of the training samples")
    yield ""
    yield neighbours.told()
    yield f"Accuracies are from {len(lesson.folds)} folds within the training part; the test part was not looked at."
    yield f"Split: {audit(samples.xy, split, patch_m(config, samples))}"
    yield f"Written: {SELECTION}, {RANKING} and {PICTURES}/ in '{folder}'"


def learnt_from(samples: Samples, split: FrozenSplit) -> Lesson:
    """The training samples, with the folds numbered among them: no later step can reach another sample."""
    place = np.full(len(samples.ids), -1)
    place[split.train] = np.arange(len(split.train))
    return Lesson(
        ids=tuple(samples.ids[i] for i in split.train),
        X=samples.X[split.train],
        y=samples.y[split.train],
        bands=samples.bands,
        blocks=samples.blocks[split.train],
        folds=tuple((place[train], place[held]) for train, held in split.folds),
    )


def patch_m(config: Config, samples: Samples) -> float:
    """The width of a patch in metres."""
    return config.split.patch_px * float(samples.provenance.get("pixel_m", 10))


def _split(path: Path, samples: Samples) -> FrozenSplit:
    if not path.exists():
        raise MinecoverError(f"'{path}' is not there: how the samples are split. `minecover sample CONFIG` makes it.")
    return read_split(path, samples.ids)


def _made(lesson: Lesson, config: Config, folder: Path, fingerprint: str) -> tuple[Selection, Sensitivity]:
    """The selection, computed and written; what showed an older one is gone."""
    with reported(folder), keeping(folder / PARTIAL, fingerprint) as kept:
        with bar("Selecting") as progress:
            selection = selected(lesson, config.select, progress, kept)
        neighbours = sensitivity(lesson, config.select, selection)
        for path in _shown(folder):
            path.unlink(missing_ok=True)
        told = {"fingerprint": fingerprint, "neighbours": asdict(neighbours), **json.loads(selection.to_json())}
        write_text(folder / SELECTION, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    return selection, neighbours


def _stored(path: Path, fingerprint: str) -> tuple[Selection, Sensitivity] | None:
    """What an earlier run found from the same inputs, if it is there and whole."""
    try:
        text = path.read_text("utf-8")
        told = json.loads(text)
        if told["fingerprint"] != fingerprint:
            return None
        return Selection.from_json(text), Sensitivity(**told["neighbours"])
    except (FileNotFoundError, ValueError, KeyError, TypeError, MinecoverError):
        return None


def _shown(folder: Path) -> list[Path]:
    """The files that show a selection."""
    return [folder / RANKING, *(folder / PICTURES / name for name in NAMES)]


def _show(selection: Selection, folder: Path) -> None:
    """Nothing; the ranking as a table, and the pictures, are in the folder."""
    write_text(folder / RANKING, as_csv(rows(selection)))
    make_folders(folder / PICTURES, folder)
    for name, data in pictures(selection).items():
        write_bytes(folder / PICTURES / name, data)
