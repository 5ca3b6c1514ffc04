"""The stage's work: train what is missing, put the answers side by side, draw the maps of a part of the region."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline import durable
from pipeline.artifacts.models import MODELS, read_files, read_manifest
from pipeline.artifacts.predictions import PREDICTIONS, Predictions, read_predictions
from pipeline.compare import maps, tables
from pipeline.compare.results import FILE, SETS, compared
from pipeline.config import Config
from pipeline.errors import MinecoverError
from pipeline.models import restored
from pipeline.train.material import Material, chosen, gathered
from pipeline.train.work import trained

FOLDER = "compare"
PICTURE = "pictures/compare-maps.png"


def run(config: Config, features: Sequence[str] = ()) -> Iterator[str]:
    """Lines for the user: progress, then the tables; comparison.json and a picture are in the run's folder."""
    wanted = tuple(features) or SETS
    for name in wanted:
        if name not in SETS:
            raise MinecoverError(f"There is no choice of features {name!r}. Choose from {', '.join(SETS)}.")
    material = gathered(config)
    bands = {name: chosen(config.output, name, material.known) for name in wanted}
    yield f"Split     {material.audit}"
    yield f"{len(wanted) * len(config.train.models)} models: {', '.join(config.train.models)} on {', '.join(wanted)}"
    answers: dict[tuple[str, str], tuple[int, tuple[Predictions, ...]]] = {}
    with durable.locked(config.output):
        for name in wanted:
            folder = config.output / (MODELS if name == config.train.features else f"{FOLDER}/{name}")
            yield f"{name} features ({len(bands[name])} bands)"
            for model in config.train.models:
                yield from (f"  {line}" for line in trained(model, config, material, bands[name], name, folder))
                answers[model, name] = len(bands[name]), read_predictions(folder / model / PREDICTIONS)
        used = config.train.features if config.train.features in wanted else wanted[-1]
        names = dict(zip(material.legend.codes, material.legend.names, strict=True))
        found = compared(answers, used, material.audit, names, config.assess.draws, config.assess.seed)
        durable.write_text(config.output / FILE, found.model_dump_json(indent=1) + "\n")
        picture = _maps(config, material, used, bands[used])
        durable.make_folders((config.output / PICTURE).parent, config.output)
        durable.write_bytes(config.output / PICTURE, picture)
    yield ""
    yield from tables.lines(found)
    yield f"Written: {FILE} and {PICTURE} in '{config.output}'"


def _maps(config: Config, material: Material, features: str, bands: Sequence[str]) -> bytes:
    """The picture of a part of the region as every model maps it."""
    place = maps.place(material.rows[material.split.test], material.columns[material.split.test], material.grid)
    folder = config.output / (MODELS if features == config.train.features else f"{FOLDER}/{features}")
    mapped: dict[str, maps.NDArray] = {}
    for name in config.train.models:
        model = restored((manifest := read_manifest(folder / name)).spec, read_files(folder / name, manifest))
        mapped[name] = maps.mapped(model, material.windows(bands), place)
    return maps.picture(config.name, material, features, place, mapped)
