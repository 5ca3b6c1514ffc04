"""A trained model in a folder: a manifest that says everything, the weights, and how it did on the test part.

No code is in it. Weights are arrays or skops files, checked by their SHA-256 before they are opened; the manifest has
one of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from pipeline import durable
from pipeline.artifacts.ledger import fingerprint
from pipeline.config import Legend, Number
from pipeline.errors import MinecoverError

MODELS = "models"
FILE = "manifest.json"
SCHEMA = 2


@dataclass(frozen=True)
class BandStatistics:
    """A band that the model reads: its name and unit, and what its training values were, without masked ones."""

    __pydantic_config__ = ConfigDict(strict=True, allow_inf_nan=False, extra="forbid")

    name: str
    unit: str
    mean: float
    sd: float
    low: float
    """2nd percentile."""
    high: float
    """98th percentile."""


@dataclass(frozen=True)
class ModelManifest:
    """Everything that must be known to use a model, or to make it again."""

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid")

    name: str
    spec: dict[str, Any]
    """What `pipeline.models.restored` needs beside the files."""
    bands: tuple[BandStatistics, ...]
    """In the model's order."""
    legend: Legend
    """The model's class k is the k-th of the legend."""
    patch_px: int
    pixel_m: Number
    features: str
    """Which features were chosen: all, Relief-F, RF or combined."""
    split: str
    """The audit line of the split that it was trained and tested by."""
    split_sha256: str
    metrics: dict[str, Any]
    """On the test part, with intervals."""
    settings: dict[str, Any]
    history: tuple[dict[str, float], ...]
    """One entry an epoch; empty for baselines."""
    fingerprint: str
    software: dict[str, str]
    files: dict[str, str] = field(default_factory=dict)
    """SHA-256 of each file by name."""
    digest: str = ""
    """SHA-256 of all the rest of the manifest."""
    schema: int = SCHEMA


_MANIFEST = TypeAdapter(ModelManifest)


def write_model(folder: Path, manifest: ModelManifest, files: Mapping[str, bytes]) -> ModelManifest:
    """The manifest with the checksums of the files and its own; all is in the folder, the manifest last."""
    with durable.reported(folder.parent):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).unlink(missing_ok=True)
        for name, data in files.items():
            durable.write_bytes(folder / name, data)
    return write_manifest(
        folder, replace(manifest, files={name: sha256(data).hexdigest() for name, data in files.items()})
    )


def write_manifest(folder: Path, manifest: ModelManifest) -> ModelManifest:
    """The manifest with its checksum, as it then is in the folder of its model."""
    told = replace(manifest, digest=_digest(_plain(manifest)))
    with durable.reported(folder.parent):
        durable.write_text(folder / FILE, json.dumps(_plain(told), indent=1, ensure_ascii=False) + "\n")
    return told


def read_manifest(folder: Path) -> ModelManifest:
    """The manifest of a model's folder. Raises MinecoverError where there is none, or not the one that was written."""
    path = folder / FILE
    try:
        text = path.read_text("utf-8")
        found = json.loads(text)
        if found["schema"] == 1:
            raise ValueError("it is of an older version of minecover, without a checksum")
        if found["schema"] != SCHEMA:
            raise ValueError(f"schema {found['schema']}, not {SCHEMA}")
        if found["digest"] != _digest(found):
            raise ValueError("its checksum differs: it was changed after the model was trained")
        return _MANIFEST.validate_json(text)
    except FileNotFoundError as error:
        raise MinecoverError(f"'{folder}' holds no trained model. `minecover train CONFIG` makes one.") from error
    except OSError as error:
        raise MinecoverError(f"'{path}' cannot be read: {error.strerror}. Check the path and its rights.") from error
    except ValidationError as error:
        first = error.errors()[0]
        why = f"{'.'.join(map(str, first['loc']))} is {first['input']!r}: {first['msg']}"
        raise MinecoverError(f"'{path}' is not a model's manifest: {why}. Train the model again.") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        why = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise MinecoverError(f"'{path}' is not a model's manifest: {why}. Train the model again.") from error


def read_files(folder: Path, manifest: ModelManifest) -> dict[str, bytes]:
    """The files that the manifest lists, each of the bytes that it had when it was written."""
    found = {}
    for name, digest in manifest.files.items():
        if not re.fullmatch(r"[\w.-]+", name):
            raise MinecoverError(f"The manifest in '{folder}' names the file {name!r}, outside its folder. Not read.")
        try:
            data = (folder / name).read_bytes()
        except OSError as error:
            raise MinecoverError(f"'{folder / name}' cannot be read: {error.strerror}. Train it again.") from error
        if sha256(data).hexdigest() != digest:
            raise MinecoverError(f"'{folder / name}' is not what was trained: its checksum differs. Train it again.")
        found[name] = data
    return found


def _plain(manifest: ModelManifest) -> dict[str, Any]:
    return {**asdict(manifest), "legend": manifest.legend.model_dump()}


def _digest(told: Mapping[str, Any]) -> str:
    return fingerprint({name: value for name, value in told.items() if name != "digest"})
