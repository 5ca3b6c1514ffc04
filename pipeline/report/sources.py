"""What a report is made from: the files that stages left in a run's folder, read once, with their checksums.

The stack and the map must be there. Everything else may be missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.accuracy.results import Accuracy, MapAccuracy, ModelAccuracy, read_accuracy
from pipeline.artifacts.ledger import sha256
from pipeline.artifacts.manifest import FILE as MANIFEST
from pipeline.artifacts.manifest import Manifest
from pipeline.artifacts.manifest import read_manifest as read_stack
from pipeline.artifacts.models import MODELS, ModelManifest
from pipeline.artifacts.models import read_manifest as read_model
from pipeline.artifacts.stack import STACK
from pipeline.config import Config
from pipeline.errors import MinecoverError
from pipeline.selection import Selection

if TYPE_CHECKING:
    from pipeline.compare.results import Comparison

MAPS, MAP, SUMMARY, UNCERTAINTY = "maps", "map.tif", "summary.json", "uncertainty.tif"
ACCURACY, SELECTION, COMPARISON, SAMPLES = "accuracy.json", "selection.json", "comparison.json", "samples.json"
COMPARE_MAPS = "pictures/compare-maps.png"
IMAGES = 20
"""Images of an archive that are asked whether they are simulated."""
T = TypeVar("T")


@dataclass(frozen=True)
class MapFiles:
    """A map: the model that made it, its folder, what its summary says, and the SHA-256 of its pixels."""

    model: str
    folder: Path
    summary: dict[str, Any]
    sha256: str

    @property
    def pixels(self) -> dict[int, int]:
        """Pixels by code."""
        return {c["code"]: c["pixels"] for c in self.summary["classes"]}

    @property
    def hectares(self) -> dict[int, float]:
        """Counted hectares by code."""
        return {c["code"]: c["hectares"] for c in self.summary["classes"]}

    @property
    def names(self) -> dict[int, str]:
        """Names of the classes by code."""
        return {c["code"]: c["name"] for c in self.summary["classes"]}


@dataclass(frozen=True, eq=False)
class Run:
    """Everything in a run's folder that is there. `digests` are SHA-256 of the files by their place in the folder."""

    folder: Path
    stack: Manifest
    map: MapFiles
    accuracy: Accuracy | None
    selection: Selection | None
    comparison: Comparison | None
    samples: dict[str, Any] | None
    models: tuple[ModelManifest, ...]
    digests: dict[str, str]

    @property
    def estimate(self) -> MapAccuracy | None:
        """Accuracy and areas of this very map from a probability sample; None where they tell of another map."""
        found = self.accuracy.map if self.accuracy else None
        return found if found and found.map_sha256 == self.map.sha256 else None

    @property
    def tested(self) -> ModelAccuracy | None:
        """How the model of the map did on the test part."""
        models = self.accuracy.models if self.accuracy else ()
        return next((m for m in models if m.name == self.map.model), None)

    @property
    def model(self) -> ModelManifest | None:
        """The manifest of the model of the map."""
        return next((m for m in self.models if m.name == self.map.model), None)


def read_run(folder: Path, model: str | None = None) -> Run:
    """The run in a folder, and of its maps that of a model, or else the first."""
    stack = read_stack(folder / STACK)
    found = _map(folder, model)
    models = sorted(p.parent for p in (folder / MODELS).glob(f"*/{MANIFEST}"))
    names = (f"{STACK}/{MANIFEST}", ACCURACY, SELECTION, COMPARISON, SAMPLES, COMPARE_MAPS)
    paths = [*(folder / n for n in names), *(m / MANIFEST for m in models), found.folder / SUMMARY]
    digests = {p.relative_to(folder).as_posix(): sha256(p) for p in paths if p.is_file()}
    digests[(found.folder / MAP).relative_to(folder).as_posix()] = found.sha256
    return Run(
        folder=folder,
        stack=stack,
        map=found,
        accuracy=_read(folder / ACCURACY, read_accuracy),
        selection=_read(folder / SELECTION, lambda p: Selection.from_json(p.read_bytes(), f"'{p}'")),
        comparison=_read(folder / COMPARISON, _comparison),
        samples=_read(folder / SAMPLES, _json),
        models=tuple(read_model(m) for m in models),
        digests=digests,
    )


def simulated(config: Config) -> bool:
    """Whether the archive says that its images show a place that does not exist."""
    if config.archive is None or not config.archive.is_dir():
        return False
    items = (p for p in config.archive.rglob("*.json") if p.stem == p.parent.name)
    return any("simulated" in _json(p).get("properties", {}) for p, _ in zip(items, range(IMAGES), strict=False))


def _map(folder: Path, model: str | None) -> MapFiles:
    there = sorted(p.parent for p in (folder / MAPS).glob(f"*/{MAP}"))
    wanted = [p for p in there if model in (None, p.name)]
    if not wanted:
        raise MinecoverError(
            f"'{folder}' has no map{f' by {model}' if model else ''}. `minecover classify CONFIG` makes it; a report "
            f"needs a stack and a map."
        )
    place = wanted[0]
    if not (place / SUMMARY).is_file():
        raise MinecoverError(f"'{place}' has no {SUMMARY}: its map is not finished. Run `minecover classify CONFIG`.")
    return MapFiles(place.name, place, _json(place / SUMMARY), sha256(place / MAP))


def _read(path: Path, how: Callable[[Path], T]) -> T | None:
    return how(path) if path.is_file() else None


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise MinecoverError(f"'{path}' cannot be read: {error}. Make it again.") from error
    return found if isinstance(found, dict) else {}


def _comparison(path: Path) -> Comparison:
    from pipeline.compare.results import read

    return read(path)
