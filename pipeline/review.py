"""The stage `review`: labels that may be wrong, as a list and a sheet of pictures for a person to decide on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline import durable
from pipeline.artifacts.samples import SAMPLES, read_samples
from pipeline.artifacts.stack import open_stack
from pipeline.config import Config
from pipeline.errors import MinecoverError
from pipeline.splits import read_split
from pipeline.suspects import sheet, suspects, write_list

LIST, SHEET = "suspects.csv", "pictures/suspects.png"
SPLIT = "split.json"
SHOWN = 48
LISTED = 0.1


def run(config: Config) -> Iterator[str]:
    """Lines for the user; the most doubtful tenth of the samples stands in suspects.csv in the run's folder."""
    for name in (SAMPLES, SPLIT):
        if not (config.output / name).is_file():
            raise MinecoverError(f"'{config.output / name}' is not there. `minecover sample CONFIG` makes it.")
    samples = read_samples(config.output)
    split = read_split(config.output / SPLIT, samples.ids)
    # Samples outside the training part are judged by all of it: no label vouches for one beside it.
    folds = (*split.folds, (split.train, np.concatenate([split.test, split.left_out])))
    names = {c.code: c.name for c in samples.legend}
    found = suspects(samples.X, samples.y, samples.xy, samples.ids, names, folds, config.split.seed)
    listed = found[: max(round(LISTED * len(samples.y)), min(SHOWN, len(found)))]
    durable.make_folders((config.output / SHEET).parent, config.output)
    write_list(config.output / LIST, listed)
    sheet(open_stack(config.output), listed[:SHOWN], config.output / SHEET)
    yield f"{config.output / LIST}: the {len(listed)} most doubtful of {len(samples.y)} labels, the worst first."
    yield f"{config.output / SHEET}: the surroundings of the first {min(SHOWN, len(listed))}."
    for suspect in listed[:5]:
        yield f"  {suspect.id}  given {suspect.given}, likely {suspect.likely}  at {suspect.x:.0f}, {suspect.y:.0f}"
    yield "Nothing was changed. Write `drop` or a class into the column accept; docs/splits.md says how it is applied."
