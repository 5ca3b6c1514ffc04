"""The stage's work: which models are out of date, how each is learnt, tried on the test part, and put in its folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline import durable
from pipeline.accuracy import ModelAccuracy, model_accuracy
from pipeline.artifacts.ledger import fingerprint
from pipeline.artifacts.models import (
    FILE,
    MODELS,
    ModelManifest,
    read_files,
    read_manifest,
    write_manifest,
    write_model,
)
from pipeline.artifacts.predictions import PREDICTIONS, Predictions, read_predictions, write_predictions
from pipeline.config import Config, TrainConfig
from pipeline.console import bar, some
from pipeline.errors import MinecoverError
from pipeline.models import NAMES, NETWORKS
from pipeline.train.item import item
from pipeline.train.learn import Learnt, Task, graphics_cards, learnt, settings, tested
from pipeline.train.material import Material, chosen, gathered
from pipeline.train.picture import curves

CURVES, ITEM, UNFINISHED = "history.png", "item.json", ".unfinished"
SCHEMA = 1


def run(config: Config, only: Sequence[str] = ()) -> Iterator[str]:
    """Lines for the user as models are trained; afterwards each has its folder in the run's folder `models`."""
    names = wanted(config.train, only)
    material = gathered(config, names)
    known = material.known
    bands = chosen(config.output, config.train.features, known)
    empty = [b for b in material.samples.bands if b not in known]
    yield f"Samples   {len(material.split.train):,} to train on, {len(material.split.test):,} to test on"
    yield f"Split     {material.audit}"
    left_out = f"; left out, no values: {some(empty)}" if empty else ""
    yield f"Features  {len(bands)} of {len(material.samples.bands)} ({config.train.features}){left_out}"
    folder = config.output / MODELS
    with durable.locked(config.output):
        for name in names:
            yield from trained(name, config, material, bands, config.train.features, folder)
    yield f"Written: {', '.join(names)} in '{folder}'. Accuracies are of the test part, with 95 % intervals (blocks)."


def wanted(config: TrainConfig, only: Sequence[str]) -> tuple[str, ...]:
    """The models to train: those of the settings, or those named, in any case of letters."""
    known = {name.casefold(): name for name in NAMES}
    for name in only:
        if name.casefold() not in known:
            raise MinecoverError(f"There is no model {name!r}. Choose from {', '.join(NAMES)}.")
    return tuple(dict.fromkeys(known[name.casefold()] for name in only)) or config.models


def trained(
    name: str, config: Config, material: Material, bands: Sequence[str], features: str, folder: Path
) -> Iterator[str]:
    """Lines about one model, which is in its folder afterwards; where it is there already only intervals are made."""
    made_from = parameters(name, config, material, bands)
    mark, home = fingerprint(made_from), folder / name
    known = finished(home, mark)
    if known:
        manifest, predictions = known
        measured = metrics(name, config, material, predictions)
        told = replace(manifest, split=material.audit, metrics=measured)
        if told != manifest:
            write_manifest(home, told)
    else:
        if name in NETWORKS and not graphics_cards():
            yield f"{name:<9} learns without a graphics card; how long that takes is known after its first epoch"
        with bar(f"Training {name}") as progress:
            found = [_learnt(name, config, material, bands, seed, home, mark, progress) for seed in _seeds(config)]
        predictions = tuple(tested(f.model, material, bands, seed) for seed, f in enumerate(found))
        measured = metrics(name, config, material, predictions)
        told = _manifest(name, config, material, bands, features, found[0], measured, mark)
        _write(home, told, found[0], predictions, material, config.year)
    yield summary(told)
    yield from (f"{'':<9} note: {note}" for note in told.settings.get("notes", ()))


def metrics(name: str, config: Config, material: Material, predictions: Sequence[Predictions]) -> dict[str, Any]:
    """How the model did on the test part, with intervals, as JSON. Intervals are no reason to train it again."""
    first = predictions[0]
    accuracy, _ = model_accuracy(
        name,
        material.audit,
        first.y,
        {p.seed: p.predicted for p in predictions},
        first.blocks,
        dict(zip(material.legend.codes, material.legend.names, strict=True)),
        config.assess.draws,
        config.assess.seed,
    )
    return accuracy.model_dump(mode="json")


def parameters(name: str, config: Config, material: Material, bands: Sequence[str]) -> dict[str, Any]:
    """Everything that decides what the model is, as JSON."""
    return {
        "schema": SCHEMA,
        "version": version("minecover"),
        "name": name,
        **material.origin,
        "bands": list(bands),
        "legend": material.legend.model_dump(mode="json"),
        "seeds": config.train.seeds,
        "settings": settings(name, config.train, config.split.patch_px),
    }


def finished(home: Path, mark: str) -> tuple[ModelManifest, tuple[Predictions, ...]] | None:
    """Manifest and answers of a model that is there, whole and from the same things; None where it must be trained."""
    try:
        manifest = read_manifest(home)
        read_files(home, manifest)
        answered = read_predictions(home / PREDICTIONS)
    except MinecoverError:
        return None
    return (manifest, answered) if manifest.fingerprint == mark and answered else None


def summary(manifest: ModelManifest) -> str:
    """One line on how the model did on the test part."""
    found = ModelAccuracy.model_validate(manifest.metrics)
    oa, kappa = found.overall.oa, found.overall.kappa

    def told(value: Any, factor: float, digits: int) -> str:
        numbers = [getattr(value, k) for k in ("value", "low", "high")]
        return "{} ({} to {})".format(*("–" if n is None else f"{factor * n:.{digits}f}" for n in numbers))

    return f"{manifest.name:<9} OA {told(oa, 100, 1)} %, kappa {told(kappa, 1, 3)}"


def _seeds(config: Config) -> range:
    return range(config.train.seeds)


def _learnt(
    name: str, config: Config, material: Material, bands: Sequence[str], seed: int, home: Path, mark: str, progress: Any
) -> Learnt:
    """The model of one seed. What a training left unfinished is taken up where it is of the same things."""
    keep = home / UNFINISHED / f"{mark[:16]}-{seed}"
    if name in NETWORKS:
        for form in ("patch", "dense"):
            durable.make_folders(keep / form, config.output)
        for other in (home / UNFINISHED).iterdir():
            if not other.name.startswith(mark[:16]):
                shutil.rmtree(other)
    return learnt(Task(name, material, bands, config.train, config.split.patch_px, seed), keep, progress)


def _manifest(
    name: str,
    config: Config,
    material: Material,
    bands: Sequence[str],
    features: str,
    found: Learnt,
    measured: dict[str, Any],
    mark: str,
) -> ModelManifest:
    return ModelManifest(
        name=name,
        spec=found.model.spec(),
        bands=material.statistics(bands),
        legend=material.legend,
        patch_px=2 * found.model.halo + 1 if found.model.core == 1 else config.split.patch_px,
        pixel_m=material.grid.pixel,
        features=features,
        split=material.audit,
        split_sha256=material.origin["split"],
        metrics=measured,
        settings={**settings(name, config.train, config.split.patch_px), **found.settings},
        history=found.history,
        fingerprint=mark,
        software={p: version(p) for p in ("minecover", "numpy", "scikit-learn", "keras")},
    )


def _write(
    home: Path, manifest: ModelManifest, found: Learnt, predictions: Any, material: Material, year: int
) -> ModelManifest:
    """The model in its folder, the manifest last: until then the next run does not take it for finished."""
    durable.make_folders(home, home.parents[1])
    (home / FILE).unlink(missing_ok=True)
    with durable.reported(home):
        write_predictions(home / PREDICTIONS, predictions)
        if found.history:
            durable.write_bytes(home / CURVES, curves(manifest.name, found.history))
        told = write_model(home, manifest, found.model.files())
        text = json.dumps(item(told, material.grid, year), indent=1, ensure_ascii=False)
        durable.write_text(home / ITEM, text + "\n")
        shutil.rmtree(home / UNFINISHED, ignore_errors=True)
    return told
