"""Which machine is whose, and its file: skops, but of arrays and numbers only.

No object of scikit-learn's is in the file. A forest would be 70 MB in place of 5, could be read by one version only,
and a forged one could bring the process down, which is why skops itself does not trust it.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import skops.io
from sklearn.pipeline import Pipeline

from pipeline.errors import MinecoverError
from pipeline.models import quick_forest, quick_neighbours, quick_products
from pipeline.models.quick import Machine, Ready

KINDS: dict[str, type[Any]] = {
    "RF": quick_forest.Forest,
    "SVM": quick_products.Vectors,
    "KNN": quick_neighbours.Neighbours,
    "ANN": quick_products.Layers,
    "Bayes": quick_products.Bells,
    "ML": quick_products.Ellipsoids,
}
TAKERS: dict[str, Callable[[Ready, Any], Machine]] = {
    "SVM": quick_products.vectors,
    "KNN": quick_neighbours.neighbours,
    "ANN": quick_products.layers,
    "Bayes": quick_products.bells,
    "ML": quick_products.ellipsoids,
}

# All that may be in a file: how skops reads it, and as what.
TRUSTED = {
    ("DictNode", "builtins.dict"),
    ("ListNode", "builtins.list"),
    ("TypeNode", "builtins.str"),
    ("JsonNode", "builtins.str"),
    ("NdArrayNode", "numpy.ndarray"),
}
NUMBERS: dict[str, type] = {"int": int, "float": float, "bool": bool}
ARRAYS = {
    "Doubles": np.float64,
    "Singles": np.float32,
    "NDArray[np.int64]": np.int64,
    "NDArray[np.uint32]": np.uint32,
}


def machine(name: str, learner: Any) -> Machine:
    """The machine of a fitted learner of `LEARNERS`."""
    if not isinstance(learner, Pipeline):
        return quick_forest.forest(learner)
    filler, scaler, classifier = (step for _, step in learner.steps)
    ready = Ready(np.nan_to_num(filler.statistics_), scaler.mean_, scaler.scale_)
    return TAKERS[name](ready, classifier)


def packed(made: Machine) -> bytes:
    """The machine as the bytes of a file."""
    return bytes(skops.io.dumps(_numbers(made)))


def unpacked(name: str, data: bytes) -> Machine:
    """The machine in a file. One with anything but arrays and numbers in it is refused before any of it is made."""
    try:
        _audit(data)
        found = skops.io.loads(data, trusted=[])
        ready = _checked(Ready, found.pop("ready")) if "ready" in found else None
        made: Machine = _checked(KINDS[name], found | ({"ready": ready} if ready else {}))
        return made
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError, AttributeError, EOFError, RecursionError) as error:
        raise MinecoverError(f"The file of the model {name} cannot be read: {error}. Train it again.") from error


@dataclass(frozen=True)
class _Type:
    loader: str
    name: str


def _audit(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            raise ValueError("it is compressed, which ours are not")
        types = _types(json.loads(archive.read("schema.json")))
    strange = sorted(f"{t.name} ({t.loader})" for t in types if (t.loader, t.name) not in TRUSTED)
    if strange:
        raise MinecoverError(
            f"The model's file holds {', '.join(strange)}, which no model of ours does. It was not opened; use one "
            f"that you trained."
        )


def _types(node: Any) -> set[_Type]:
    """All that the file would have made, wherever it stands."""
    parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    found = {t for part in parts for t in _types(part)}
    if isinstance(node, dict) and "__loader__" in node:
        found.add(_Type(str(node["__loader__"]), f"{node.get('__module__')}.{node.get('__class__')}"))
    return found


def _numbers(made: Any) -> dict[str, Any]:
    values = {f.name: getattr(made, f.name) for f in fields(made) if f.init}
    return {name: _numbers(value) if isinstance(value, Ready) else value for name, value in values.items()}


def _checked(kind: type[Any], values: dict[str, Any]) -> Any:
    """The machine of such numbers, each of the type that its field has."""
    for field in (f for f in fields(kind) if f.init):
        value, wanted = values[field.name], str(field.type)
        array = isinstance(value, np.ndarray) and value.dtype == ARRAYS.get(wanted)
        if not (array or type(value) is NUMBERS.get(wanted) or (wanted == "Ready" and isinstance(value, Ready))):
            raise ValueError(f"'{field.name}' is no {wanted}")
    return kind(**values)
