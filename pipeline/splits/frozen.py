"""A split fixed once for all methods, in a file that refuses other samples, and the audit printed beside accuracies."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.durable import reported, write_text
from pipeline.errors import MinecoverError
from pipeline.splits.splitters import (
    Fold,
    Grouped,
    Indices,
    LeaveRegionOut,
    Random,
    SpatialBlocks,
    Splitter,
    deal,
    lacking,
    missing,
    nearest,
    places_of,
)

KINDS = ("blocks", "polygons", "regions", "random")
FORMAT = "minecover split 1"
FAR_FROM_WANTED = 0.1
"""A test part this much larger or smaller than asked for, as a share of all samples, is told."""


@dataclass(frozen=True)
class ClassCount:
    """How many samples of a class are in each part."""

    label: str
    train: int
    test: int
    left_out: int


@dataclass(frozen=True, eq=False)
class FrozenSplit:
    """Rows to train and to test on, and folds within the training rows by the same rule, fixed once for all methods."""

    kind: str
    seed: int
    test_share: float
    """Wanted share of the test part; `counts` tell what it is."""
    block_m: float
    buffer_m: float
    ids_sha256: str
    train: Indices = field(repr=False)
    test: Indices = field(repr=False)
    left_out: Indices = field(repr=False)
    """Rows of neither part, since they lie within the buffer of the test part."""
    folds: tuple[Fold, ...] = field(repr=False)
    """Training and validation rows, all from `train`; what is in neither lies within the fold's buffer."""
    counts: tuple[ClassCount, ...]
    notes: tuple[str, ...]
    """What blocks could not give, in sentences: classes that a part lacks, a test part of another size than asked."""
    ids: tuple[str, ...] = field(repr=False)

    def write(self, path: Path | str) -> None:
        """Put the split in a JSON file. Samples are numbered by their sorted ids: rows may be read in any order."""
        rank = np.argsort(np.argsort(np.array(self.ids)))

        def numbers(rows: Indices) -> list[int]:
            return [int(n) for n in np.sort(rank[rows])]

        folds = [{"train": numbers(train), "validation": numbers(held)} for train, held in self.folds]
        plain = {k: getattr(self, k) for k in ("kind", "seed", "test_share", "block_m", "buffer_m", "ids_sha256")}
        parts = {k: numbers(getattr(self, k)) for k in ("train", "test", "left_out")}
        counts = [asdict(count) for count in self.counts]
        told = {"format": FORMAT, **plain, "samples": len(self.ids), "counts": counts, "notes": self.notes}
        with reported(Path(path).parent):
            write_text(Path(path), json.dumps({**told, **parts, "folds": folds}, ensure_ascii=False) + "\n")


def freeze(
    kind: str,
    ids: Sequence[str],
    xy: ArrayLike,
    y: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    test: float = 0.3,
    folds: int = 5,
    block_m: float = 1000,
    buffer_m: float = 150,
    seed: int = 0,
    called: Callable[[Any], str] = str,
) -> FrozenSplit:
    """The hold-out and the folds within its training part, by one rule.

    `groups` are numbers of polygons for the kind "polygons" and names of regions for "regions", where each training
    region is a fold. The buffer should be a patch's width; "random" has none. `notes` tell what could not be had, and
    `called` says what a class is called in them.
    """
    if not 0 < test < 1:
        raise MinecoverError(f"A test part of {test} cannot be. Give a share between 0 and 1, 0.3 for instance.")
    places, labels, names = places_of(xy), np.asarray(y), _unique_ids(ids)
    grouped = _groups(kind, groups, len(names))
    if not len(names) == len(places) == len(labels) == len(grouped):
        raise MinecoverError(f"{len(names)} ids, {len(places)} places and {len(labels)} labels differ in number.")
    whole = _splitter(kind, places, grouped, 2, block_m, buffer_m, seed)
    held = deal(whole.units, labels, np.array([1 - test, test]), seed, whole.what) == 1
    train, tested = whole.fold(held)
    notes = _hold_out_notes(labels, train, tested, test, called)
    if kind == "blocks" and block_m < buffer_m:
        notes.append(
            f"Blocks of {block_m:g} m are smaller than the buffer of {buffer_m:g} m around what is tested on, so "
            f"much is left out. Raise split.block_m, or lower split.patch_px."
        )
    inside = _splitter(kind, places[train], grouped[train], folds, block_m, buffer_m, seed + 1).folds(labels[train])
    return FrozenSplit(
        kind=kind,
        seed=seed,
        test_share=test,
        block_m=block_m if kind == "blocks" else 0,
        buffer_m=whole.buffer_m,
        ids_sha256=_sha256(names),
        train=train,
        test=tested,
        left_out=(left_out := np.setdiff1d(np.arange(len(names)), np.concatenate([train, tested]))),
        folds=tuple((train[a], train[b]) for a, b in inside),
        counts=_counts(labels, train, tested, left_out),
        notes=(*notes, *(f"Inner {t[0].lower()}{t[1:]}" for t in lacking(labels[train], inside, called))),
        ids=names,
    )


def read_split(path: Path | str, ids: Sequence[str]) -> FrozenSplit:
    """The split in a file, its rows numbered as these ids stand; other samples are refused."""
    names = _unique_ids(ids)
    try:
        told = json.loads(Path(path).read_text("utf-8"))
        if told["format"] != FORMAT:
            raise ValueError(f"its format is {told['format']!r}")
        order = np.argsort(np.array(names))
        if told["ids_sha256"] != _sha256(names):
            raise MinecoverError(
                f"'{path}' splits {told['samples']} other samples than these {len(names)}: their ids differ. Freeze a "
                f"new split, or read the samples it was made for."
            )
        return _from_json(told, names, order)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise MinecoverError(f"'{path}' is not a split that can be read ({error}). Freeze it again.") from error


def _from_json(told: Any, names: tuple[str, ...], order: Indices) -> FrozenSplit:
    def rows(numbers: list[int]) -> Indices:
        return np.sort(order[np.asarray(numbers, np.int64)])

    parts = {k: rows(told[k]) for k in ("train", "test", "left_out")}
    folds = tuple((rows(f["train"]), rows(f["validation"])) for f in told["folds"])
    if not np.array_equal(np.sort(np.concatenate(list(parts.values()))), np.arange(len(names))):
        raise ValueError("its parts do not hold every sample once")
    if any(np.setdiff1d(f, parts["train"]).size or len(np.unique(f)) < len(f) for f in map(np.concatenate, folds)):
        raise ValueError("its folds are not within its training part")
    plain = {k: told[k] for k in ("kind", "seed", "test_share", "block_m", "buffer_m", "ids_sha256")}
    counts = tuple(ClassCount(**count) for count in told["counts"])
    fields: dict[str, Any] = {**plain, **parts, "counts": counts, "notes": tuple(told["notes"])}
    return FrozenSplit(**fields, folds=folds, ids=names)


@dataclass(frozen=True)
class Audit:
    """How far training and test samples lie apart, in the split and in the worst of its folds; `str` is one line."""

    rule: str
    train: int
    test: int
    left_out: int
    patch_m: float
    nearest_m: float
    overlapping: int
    """Test samples whose patch shares ground with the patch of a training sample."""
    fold_nearest_m: float
    fold_overlapping: int

    def __str__(self) -> str:
        return (
            f"{self.rule}: {self.train} to train, {self.test} to test, {self.left_out} left out; nearest "
            f"{self.nearest_m:.0f} m, overlapping patches of {self.patch_m:g} m: {self.overlapping} (worst fold: "
            f"{self.fold_nearest_m:.0f} m, {self.fold_overlapping})"
        )


def audit(xy: ArrayLike, split: FrozenSplit, patch_m: float) -> Audit:
    """Distances between the parts of a split, and how many test patches share ground with training patches."""
    places = places_of(xy)
    if len(places) != len(split.ids):
        raise MinecoverError(f"The split is of {len(split.ids)} samples; {len(places)} places were given.")
    apart, *within = [nearest(places[b], places[a]) for a, b in ((split.train, split.test), *split.folds)]
    rule = {
        "blocks": f"blocks of {split.block_m:g} m",
        "random": "random, for comparison only",
    }.get(split.kind, f"whole {split.kind}")
    return Audit(
        rule=rule + (f", buffer {split.buffer_m:g} m" if split.buffer_m else ""),
        train=len(split.train),
        test=len(split.test),
        left_out=len(split.left_out),
        patch_m=patch_m,
        nearest_m=float(apart.min()),
        overlapping=int((apart < patch_m).sum()),
        fold_nearest_m=min(float(d.min()) for d in within),
        fold_overlapping=max(int((d < patch_m).sum()) for d in within),
    )


def _splitter(
    kind: str, xy: NDArray[Any], groups: NDArray[Any], folds: int, block_m: float, buffer_m: float, seed: int
) -> Splitter:
    if kind == "blocks":
        return SpatialBlocks(xy, block_m, buffer_m, folds, seed)
    if kind == "polygons":
        return Grouped(groups, folds, seed, xy, buffer_m)
    return LeaveRegionOut(groups, xy, buffer_m) if kind == "regions" else Random(folds, seed, xy)


def _groups(kind: str, groups: ArrayLike | None, rows: int) -> NDArray[Any]:
    if kind not in KINDS:
        raise MinecoverError(f"There is no split of kind '{kind}'. Choose one of {', '.join(KINDS)}.")
    if kind in ("polygons", "regions") and groups is None:
        raise MinecoverError(f"A split by {kind} needs to know which of the {kind} each sample is from. Give `groups`.")
    return np.zeros(rows, int) if groups is None else np.asarray(groups)


def _hold_out_notes(
    y: NDArray[Any], train: Indices, test: Indices, wanted: float, called: Callable[[Any], str]
) -> list[str]:
    if not len(train) or not len(test):
        raise MinecoverError(
            f"{len(train)} samples are left to train and {len(test)} to test on. Change split.block_m, lower "
            f"split.patch_px (the buffer), or set split.test to another share than {wanted:g}."
        )
    share = len(test) / len(y)
    told = missing("The hold-out", y[train], y[test], np.unique(y), called)
    if abs(share - wanted) > FAR_FROM_WANTED:
        told.append(f"The test part holds {share:.0%} of the samples, where {wanted:.0%} was asked for.")
    return told


def _counts(y: NDArray[Any], *parts: Indices) -> tuple[ClassCount, ...]:
    return tuple(ClassCount(str(c), *(int((y[part] == c).sum()) for part in parts)) for c in np.unique(y))


def _unique_ids(ids: Sequence[str]) -> tuple[str, ...]:
    names = tuple(str(i) for i in ids)
    if len(set(names)) < len(names):
        twice = Counter(names).most_common(1)[0][0]
        raise MinecoverError(f"The id '{twice}' stands for more than one sample. Give each its own.")
    return names


def _sha256(ids: tuple[str, ...]) -> str:
    return hashlib.sha256(json.dumps(sorted(ids)).encode()).hexdigest()
