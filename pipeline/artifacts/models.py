"""A trained model in a folder: a manifest that says everything, the weights, and how it did on the test part.

No code is in it. Weights are arrays or skops files, checked by their SHA-256 before they are opened.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from pipeline import durable
from pipeline.config import Legend
from pipeline.errors import MinecoverError

MODELS = "models"
FILE = "manifest.json"
SCHEMA = 1


@dataclass(frozen=True)
class BandStatistics:
    """A band that the model reads: its name and unit, and what its training values were, without masked ones."""

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

    name: str
    spec: dict[str, Any]
    """What `pipeline.models.restored` needs beside the files."""
    bands: tuple[BandStatistics, ...]
    """In the model's order."""
    legend: Legend
    """The model's class k is the k-th of the legend."""
    patch_px: int
    pixel_m: float
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
    schema: int = SCHEMA


def write_model(folder: Path, manifest: ModelManifest, files: Mapping[str, bytes]) -> ModelManifest:
    """The manifest with the checksums of the files; all of it is in the folder, the manifest last."""
    digests = {name: sha256(data).hexdigest() for name, data in files.items()}
    told = ModelManifest(**{**{f: getattr(manifest, f) for f in manifest.__dataclass_fields__}, "files": digests})
    with durable.reported(folder.parent):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).unlink(missing_ok=True)
        for name, data in files.items():
            durable.write_bytes(folder / name, data)
    write_manifest(folder, told)
    return told


def write_manifest(folder: Path, manifest: ModelManifest) -> None:
    """The manifest is in its place in the folder of its model."""
    told = {**asdict(manifest), "legend": manifest.legend.model_dump()}
    with durable.reported(folder.parent):
        durable.write_text(folder / FILE, json.dumps(told, indent=1, ensure_ascii=False) + "\n")


def read_manifest(folder: Path) -> ModelManifest:
    """The manifest of a model's folder. Raises MinecoverError where there is none, or none that can be understood."""
    path = folder / FILE
    try:
        found = json.loads(path.read_text("utf-8"))
        if found["schema"] != SCHEMA:
            raise ValueError(f"schema {found['schema']}, not {SCHEMA}")
        own = {
            "bands": tuple(BandStatistics(**b) for b in found["bands"]),
            "legend": Legend.model_validate(found["legend"]),
            "history": tuple(found["history"]),
        }
        return ModelManifest(**{**found, **own})
    except FileNotFoundError as error:
        raise MinecoverError(f"'{folder}' holds no trained model. `minecover train CONFIG` makes one.") from error
    except OSError as error:
        raise MinecoverError(f"'{path}' cannot be read: {error.strerror}. Check the path and its rights.") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise MinecoverError(f"'{path}' is not a model's manifest: {error!r}. Train the model again.") from error


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
