"""The stage's files: what it reads, what it writes, and whether there is anything to do.

accuracy.json is the one source of all accuracies; pictures show it and are drawn again where they are missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from pipeline import durable
from pipeline.accuracy.results import Accuracy, read_accuracy
from pipeline.artifacts.ledger import fingerprint, refuse_busy, sha256
from pipeline.assess.areas import map_accuracy
from pipeline.assess.maps import Mapped, find_map
from pipeline.assess.pictures import pictures
from pipeline.assess.reference import Reference, read_reference
from pipeline.assess.wording import lines, rivals
from pipeline.assess.work import Answered, gathered, scored
from pipeline.config import Config
from pipeline.console import clean
from pipeline.errors import MinecoverError

ACCURACY, PICTURES = "accuracy.json", "pictures"
OURS = ("confusion_*.png", "areas.png")


def run(config: Config) -> Iterator[str]:
    """Lines that tell what was found; accuracy.json and its pictures are in the run's folder afterwards."""
    folder = config.output
    models = gathered(folder, config.legend)
    model = config.assess.map or config.classify.model
    mapped = find_map(folder, model)
    wanted = config.assess.reference
    reference = read_reference(wanted, config.assess.field, config.legend) if wanted and mapped else None
    if not models and reference is None:
        raise MinecoverError(
            f"'{folder}' holds neither a trained model nor a map with a reference sample. `minecover train CONFIG` and "
            f"`minecover classify CONFIG` make them."
        )
    refuse_busy(folder)
    notes = tuple(_lacking(config, mapped, model))
    made_from = _fingerprint(config, models, mapped if reference else None)
    with durable.locked(folder):
        found = _stored(folder / ACCURACY, made_from)
        if found:
            yield f"Unchanged: '{folder / ACCURACY}' is from these answers, this map and this reference sample."
        else:
            found = _made(config, models, mapped, reference, made_from, notes)
            _clear(folder)
            durable.write_text(folder / ACCURACY, found.to_json())
        _show(found, config, folder)
    yield from lines(found)
    yield f"Written: {ACCURACY} and {PICTURES}/ in '{folder}'"


def _lacking(config: Config, mapped: Mapped | None, model: str) -> Iterator[str]:
    """What stands in the way of areas."""
    if mapped is None:
        yield f"there is no map by {model} yet (`minecover classify CONFIG`): nothing is said about areas"
    elif config.assess.reference is None:
        yield (
            "no reference sample is named (assess.reference): nothing is said about areas. `minecover assess design "
            "CONFIG` draws one"
        )


def _fingerprint(config: Config, models: Sequence[Answered], mapped: Mapped | None) -> str:
    """Everything that decides what is found."""
    reference = config.assess.reference
    files = [reference, reference.with_name("design.json")] if mapped and reference else []
    return fingerprint(
        {
            "version": version("minecover"),
            "name": config.name,
            "assess": config.assess.model_dump(mode="json", exclude={"reference"}),
            "classes": [[c.code, c.name] for c in config.legend],
            "models": {m.name: m.digest for m in models},
            "maps": config.classify.model,
            "map": [mapped.model, mapped.sha256] if mapped else None,
            "reference": [sha256(f) for f in files],
        }
    )


def _made(
    config: Config,
    models: Sequence[Answered],
    mapped: Mapped | None,
    reference: Reference | None,
    made_from: str,
    notes: tuple[str, ...],
) -> Accuracy:
    draws, seed = config.assess.draws, config.assess.seed
    found = scored(models, config.legend, draws, seed)
    return Accuracy(
        run=clean(config.name),
        fingerprint=made_from,
        draws=draws,
        seed=seed,
        models=found.models,
        pairs=found.pairs,
        map=map_accuracy(mapped, reference, config.legend) if mapped and reference else None,
        notes=(*found.notes, *rivals(found.pairs, config.classify.model), *notes),
    )


def _stored(path: Path, wanted: str) -> Accuracy | None:
    """What an earlier run found from the same things, if it is there and its figures hold together."""
    try:
        found = read_accuracy(path)
    except MinecoverError:
        return None
    return found if found.fingerprint == wanted else None


def _clear(folder: Path) -> None:
    """Remove what showed something older."""
    (folder / ACCURACY).unlink(missing_ok=True)
    for pattern in OURS:
        for left in (folder / PICTURES).glob(pattern):
            left.unlink()


def _show(found: Accuracy, config: Config, folder: Path) -> None:
    """Nothing; the pictures that are missing are drawn."""
    with durable.reported(folder):
        durable.make_folders(folder / PICTURES, folder)
        for name, draw in pictures(found, config.legend).items():
            if not (folder / PICTURES / name).exists():
                durable.write_bytes(folder / PICTURES / name, draw())
