"""What models learn from: samples with their places, the frozen split, the bands in use, windows of the stack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.artifacts.ledger import sha256
from pipeline.artifacts.manifest import BandRecord, read_manifest
from pipeline.artifacts.models import BandStatistics
from pipeline.artifacts.samples import SAMPLES, Samples, read_samples
from pipeline.artifacts.stack import STACK, open_stack
from pipeline.config import Config, Legend
from pipeline.errors import MinecoverError
from pipeline.models import NETWORKS, hushed
from pipeline.patches import Windows
from pipeline.region import Grid
from pipeline.sample import refuse_outdated
from pipeline.selection import Selection
from pipeline.splits import FrozenSplit, audit, read_split

NDArray = np.ndarray[Any, Any]

SPLIT, SELECTION = "split.json", "selection.json"
ALL = "all"


@dataclass(frozen=True, eq=False)
class Material:
    """Samples, split and stack that belong together. Classes are numbered in the order of `legend`."""

    samples: Samples
    split: FrozenSplit
    legend: Legend
    y: NDArray
    """Class of each sample, 0 … K − 1."""
    rows: NDArray
    columns: NDArray
    grid: Grid
    stack: Any
    records: tuple[BandRecord, ...]
    audit: str
    origin: dict[str, str]
    """What it was read from, as checksums."""

    def windows(self, bands: Sequence[str]) -> Windows:
        """Windows of these bands of the stack, in their order."""
        names = [r.name for r in self.records]
        at = [names.index(b) for b in bands]

        def read(top: int, left: int, height: int, width: int) -> NDArray:
            part = self.stack[at, top : top + height, left : left + width]
            return np.asarray(part.values)

        return Windows(read, (len(at), self.grid.height, self.grid.width))

    def values(self, bands: Sequence[str]) -> NDArray:
        """Values of these bands at all samples (n, bands)."""
        return self.samples.X[:, [self.samples.bands.index(b) for b in bands]]

    @property
    def known(self) -> tuple[str, ...]:
        """The bands that have a value at some training sample, in the order of the stack."""
        X = self.samples.X[self.split.train]
        return tuple(b for b, column in zip(self.samples.bands, X.T, strict=True) if np.isfinite(column).any())

    def statistics(self, bands: Sequence[str]) -> tuple[BandStatistics, ...]:
        """What the training samples have in each band; 0 where they never have a value."""
        units = {r.name: r.unit for r in self.records}
        found = []
        for name, column in zip(bands, self.values(bands)[self.split.train].T, strict=True):
            known = column[np.isfinite(column)].astype(np.float64)
            known = known if len(known) else np.zeros(1)
            low, high = np.percentile(known, [2, 98])
            mean, sd = float(known.mean()), float(known.std())
            found.append(BandStatistics(name, units[name], mean, sd, float(low), float(high)))
        return tuple(found)


def gathered(config: Config, names: Sequence[str] = ()) -> Material:
    """The material of a run, for its models and those named besides.

    Raises MinecoverError where a stage before is missing, or made from something else.
    """
    folder = config.output
    samples = read_samples(folder)
    if not (folder / SPLIT).is_file():
        raise MinecoverError(f"'{folder / SPLIT}' is not there. `minecover sample CONFIG` makes it.")
    split = read_split(folder / SPLIT, samples.ids)
    manifest = read_manifest(folder / STACK)
    if samples.provenance.get("stack") != manifest.fingerprint:
        raise MinecoverError(f"The samples in '{folder}' were read from another stack. Run `minecover sample` again.")
    grid = manifest.grid
    side = min(grid.width, grid.height)
    if config.split.patch_px > side:
        raise MinecoverError(
            f"split.patch_px is {config.split.patch_px}, but the shorter side of the stack is {side} pixels. Make "
            f"patches smaller, such as 9 or 15, and run `minecover sample` again."
        )
    refuse_outdated(config, manifest, samples)
    legend = Legend(tuple(c for c in samples.legend if (samples.y == c.code).any()))
    place = {code: k for k, code in enumerate(legend.codes)}
    return Material(
        samples=samples,
        split=split,
        legend=legend,
        y=np.array([place[c] for c in samples.y.tolist()]),
        rows=np.floor((grid.top - samples.xy[:, 1]) / grid.pixel).astype(np.int64),
        columns=np.floor((samples.xy[:, 0] - grid.left) / grid.pixel).astype(np.int64),
        grid=grid,
        stack=open_stack(folder),
        records=manifest.bands,
        audit=str(audit(samples.xy, split, _seen_px(config, names) * grid.pixel)),
        origin={"stack": manifest.fingerprint, "samples": sha256(folder / SAMPLES), "split": sha256(folder / SPLIT)},
    )


def _seen_px(config: Config, names: Sequence[str]) -> int:
    """Width of all that one of the models may look at for an answer, in pixels."""
    if config.train.form == "patch" or not {*config.train.models, *names} & set(NETWORKS):
        return config.split.patch_px
    with hushed():
        from pipeline.models.resnet import Shape
    return Shape(NETWORKS[0], config.train.form, config.split.patch_px, 1, 2).sees


def chosen(folder: Path, features: str, bands: Sequence[str]) -> tuple[str, ...]:
    """The bands of a choice of features, in the order of the stack: all, those of one ranking, or the combined ones."""
    if features == ALL:
        return tuple(bands)
    try:
        selection = Selection.from_json((folder / SELECTION).read_bytes(), f"'{folder / SELECTION}'")
    except FileNotFoundError as error:
        raise MinecoverError(
            f"'{folder / SELECTION}' is not there, so nobody knows which features {features} means. Run "
            f"`minecover select CONFIG`, or set `train.features: all`."
        ) from error
    wanted = set(selection.final if features == "combined" else selection.chosen[features])
    missing = wanted - set(bands)
    if missing:
        raise MinecoverError(
            f"The samples lack the selected feature {min(missing)}. Run `minecover select CONFIG` again, on this stack."
        )
    return tuple(b for b in bands if b in wanted)
