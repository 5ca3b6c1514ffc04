"""Making the samples: read, decide, split, write. The summary is written last and tells that all else is whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import durable
from pipeline.artifacts.ledger import differences, fingerprint, refuse_busy, sha256
from pipeline.artifacts.manifest import Manifest, read_manifest
from pipeline.artifacts.samples import SAMPLES, Samples, write_samples
from pipeline.artifacts.stack import STACK, open_stack
from pipeline.config import Config
from pipeline.errors import MinecoverError
from pipeline.sample import picture, report
from pipeline.sample.classes import codes
from pipeline.sample.gather import Gathered, gathered, regions
from pipeline.sample.labels import WGS84, Labelled, placed, read_labels
from pipeline.sample.missing import STATIC, Missing, missing
from pipeline.splits import FrozenSplit, audit, block_of, freeze
from pipeline.suspects import Decision, accepted

SUMMARY = "samples.json"
SPLIT = "split.json"
PICTURES = "pictures"
WHERE = f"{PICTURES}/samples.png"
GAPS = f"{PICTURES}/missing.png"
FILES = (SAMPLES, SPLIT, WHERE, GAPS)
SCHEMA = 1


def run(config: Config) -> Iterator[str]:
    """Lines for the user as the work goes on. Samples, split and pictures are in the run's folder afterwards."""
    manifest = read_manifest(config.output / STACK)
    if manifest.year != config.year:
        raise MinecoverError(
            f"The stack in '{config.output}' is of {manifest.year}, the configuration of {config.year}. Correct the "
            f"year, or export that year to another folder."
        )
    refuse_busy(config.output)
    found = read_labels(config.labels)
    decisions = _decisions(config)
    made_from = parameters(config, manifest, decisions)
    with durable.locked(config.output):
        if _is_made(config.output, fingerprint(made_from)):
            yield f"Unchanged: {config.output / SAMPLES} was made from these labels, this stack and this configuration."
            return
        yield from _made(config, manifest, found, decisions, made_from)


def check(config: Config) -> None:
    """Nothing; labels and corrections are refused as `run` would refuse them, as far as no stack is needed for that."""
    found = read_labels(config.labels)
    codes(found, config.labels.field, config.legend)
    regions(found, config.split.region_field)
    placed(found, config.labels, WGS84)
    if config.labels.corrections:
        accepted(config.labels.corrections)


def refuse_outdated(config: Config, manifest: Manifest, samples: Samples) -> None:
    """Nothing; samples and a split that `run` would make anew are refused, with what has changed."""
    made_from = parameters(config, manifest, _decisions(config))
    if _is_made(config.output, fingerprint(made_from)):
        return
    now = json.loads(json.dumps(made_from))
    before = {k: v for k, v in samples.provenance.items() if k in now or k == "corrections"}
    changed = "; ".join(differences(before, now)) or "files of theirs are missing or have changed"
    raise MinecoverError(
        f"The samples and the split in '{config.output}' are not of this configuration: {changed}. Run `minecover "
        f"sample CONFIG` again."
    )


def _decisions(config: Config) -> tuple[Decision, ...]:
    return accepted(config.labels.corrections) if config.labels.corrections else ()


def parameters(config: Config, manifest: Manifest, decisions: Sequence[Decision]) -> dict[str, Any]:
    """Everything that decides what the samples are, as JSON."""
    decided = [[d.id, d.given, d.accept] for d in decisions]
    return {
        **({"corrections": decided} if decided else {}),
        "schema": SCHEMA,
        "stack": manifest.fingerprint,
        "year": config.year,
        "name": config.name,
        "file": config.labels.file.name,
        "file_sha256": _digests(config.labels.file),
        "labels": config.labels.model_dump(mode="json", exclude={"file", "corrections"}),
        "legend": config.legend.model_dump(mode="json"),
        "split": config.split.model_dump(mode="json"),
    }


def _digests(path: Path) -> str | dict[str, str]:
    """The SHA-256 of the label file; of each of its files where it is a Shapefile."""
    try:
        if path.suffix.lower() != ".shp":
            return sha256(path)
        parts = (path.with_suffix(s) for s in (".shp", ".shx", ".dbf", ".prj", ".cpg"))
        return {p.suffix: sha256(p) for p in parts if p.is_file()}
    except OSError as error:
        raise MinecoverError(f"'{path}' cannot be read: {error.strerror}. Correct `labels.file`.") from error


def _is_made(folder: Path, wanted: str) -> bool:
    """Whether all files are there, as they were made from the same things."""
    try:
        told = json.loads((folder / SUMMARY).read_text("utf-8"))
        return bool(told["fingerprint"] == wanted and told["files"] == {n: sha256(folder / n) for n in FILES})
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _made(
    config: Config, manifest: Manifest, found: Labelled, decisions: Sequence[Decision], made_from: Mapping[str, Any]
) -> Iterator[str]:
    stack = open_stack(config.output)
    grid = manifest.grid
    yield f"Labels    {found.name}: {len(found.fields):,} features"
    size = f"{grid.width} × {grid.height} pixels of {grid.pixel:g} m"
    yield f"Stack     {len(manifest.bands)} bands of {size}, {grid.crs}, {manifest.year}"
    got = gathered(config, found, decisions, manifest, stack)
    names = {c.code: c.name for c in config.legend if (got.labels == c.code).any()}
    bands = [b.name for b in manifest.bands]
    table = missing(got.X, got.labels, bands, [_season(b.part, manifest) for b in manifest.bands], names)
    split = _frozen(config, got, grid.pixel)
    told = audit(got.xy, split, config.split.patch_px * grid.pixel)
    yield from report.lines(config, got, table, split, told)
    samples = _samples(config, manifest, got, made_from)
    summary = report.summary(samples, got, table, split, told)
    _write(config, samples, got, split, summary, _pictures(config, manifest, stack, got, table))
    yield f"{config.output / SAMPLES}: {len(got.ids):,} samples; {SPLIT}, {SUMMARY} and {PICTURES} beside it."


def _season(part: str, manifest: Manifest) -> str:
    return part if part in manifest.seasons else STATIC


def _frozen(config: Config, got: Gathered, pixel: float) -> FrozenSplit:
    """The split: by the regions that labels name, or else by polygons or places."""
    wish = config.split
    return freeze(
        wish.kind,
        got.ids,
        got.xy,
        got.labels,
        list(got.sources) if wish.kind == "regions" else got.pixels.group,
        test=wish.test,
        folds=wish.folds,
        block_m=wish.block_m,
        buffer_m=wish.patch_px * pixel,
        seed=wish.seed,
        called=lambda code: repr(config.legend.by_code(code).name),
    )


def _samples(config: Config, manifest: Manifest, got: Gathered, made_from: Mapping[str, Any]) -> Samples:
    grid = manifest.grid
    counts = {c.name: int((got.labels == c.code).sum()) for c in config.legend}
    provenance = {
        **made_from,
        "fingerprint": fingerprint(made_from),
        "crs": grid.crs,
        "pixel_m": grid.pixel,
        "grid": asdict(grid),
        "counts": counts,
    }
    return Samples(
        ids=got.ids,
        y=got.labels,
        xy=got.xy,
        X=got.X,
        bands=tuple(b.name for b in manifest.bands),
        blocks=block_of(got.xy, config.split.block_m),
        groups=got.pixels.group,
        legend=config.legend,
        provenance=provenance,
    )


def _pictures(config: Config, manifest: Manifest, stack: Any, got: Gathered, table: Missing) -> dict[str, bytes]:
    title = f"{config.name}: where the {len(got.ids):,} samples lie, {config.year}"
    return {
        WHERE: picture.where(stack, manifest.grid, config.legend, got.labels, got.xy, title),
        GAPS: picture.gaps(table, config.legend),
    }


def _write(
    config: Config,
    samples: Samples,
    got: Gathered,
    split: FrozenSplit,
    summary: Mapping[str, Any],
    pictures: Mapping[str, bytes],
) -> None:
    """Put all files in place, the summary last: until then the next run does not take them for finished."""
    folder = config.output
    with durable.reported(folder):
        _clear(folder)
        durable.make_folders(folder / PICTURES, folder)
        pixels = np.column_stack([got.pixels.row, got.pixels.col])
        write_samples(folder / SAMPLES, samples, pixels, got.sources)
        split.write(folder / SPLIT)
        for name, data in pictures.items():
            durable.write_bytes(folder / name, data)
        told = {**summary, "files": {name: sha256(folder / name) for name in FILES}}
        durable.write_text(folder / SUMMARY, json.dumps(told, indent=1, ensure_ascii=False) + "\n")


def _clear(folder: Path) -> None:
    """Remove the old summary, and what a killed run left half-written under names of its own."""
    (folder / SUMMARY).unlink(missing_ok=True)
    for name in (*FILES, SUMMARY):
        place = folder / name
        for left in place.parent.glob(f".{place.name}.*.tmp"):
            left.unlink(missing_ok=True)
