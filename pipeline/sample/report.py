"""What the user reads about the samples, on the screen and in the summary's file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from pipeline.artifacts.samples import Samples
from pipeline.config import Config
from pipeline.sample.gather import DROPPED, Gathered
from pipeline.sample.missing import Missing
from pipeline.splits import Audit, FrozenSplit

SHOWN = 3


def lines(config: Config, got: Gathered, table: Missing, split: FrozenSplit, told: Audit) -> Iterator[str]:
    """The samples for people: how many of each class, what is left out and missing, how they are split."""
    counts = {c.name: int((got.labels == c.code).sum()) for c in config.legend}
    yield f"Samples   {len(got.ids):,}: " + ", ".join(f"{name} {n}" for name, n in counts.items() if n)
    absent = [name for name, n in counts.items() if not n]
    if absent:
        yield f"Note      no sample of {', '.join(absent)}: the map will not have it"
    yield from _left_out(got)
    if got.corrections:
        dropped = got.reasons.get(DROPPED, 0)
        yield f"By hand   {len(got.corrections) - dropped} labels changed, {dropped} samples dropped"
    yield from table.lines()
    yield f"Split     {told}"
    yield from (f"Note      {note}" for note in split.notes)


def _left_out(got: Gathered) -> Iterator[str]:
    for reason, count in got.reasons.items():
        some = [f"{one.id!r} ({one.place})" for one in got.left_out if one.reason == reason][:SHOWN]
        more = " …" if count > SHOWN else ""
        yield f"Left out  {count}, {reason}: {', '.join(some)}{more}"


def summary(samples: Samples, got: Gathered, table: Missing, split: FrozenSplit, told: Audit) -> dict[str, Any]:
    """The same and all that is left out, for programs; `made_from` is all that decides what the samples are."""
    own = samples.provenance
    known = {"fingerprint", "crs", "pixel_m", "grid", "counts"}
    return {
        "samples": len(samples.ids),
        "classes": own["counts"],
        "left_out_by_reason": got.reasons,
        "left_out": [{k: v for k, v in asdict(one).items() if v is not None} for one in got.left_out],
        "corrections": [asdict(change) for change in got.corrections],
        "partly_masked": int(np.isnan(samples.X).any(1).sum()),
        "missing": table.as_json,
        "split": {"audit": str(told), "notes": list(split.notes)},
        "crs": own["crs"],
        "pixel_m": own["pixel_m"],
        "bands": len(samples.bands),
        "made_from": {k: v for k, v in own.items() if k not in known},
        "fingerprint": own["fingerprint"],
    }
