"""Files of machines: they come back the same; what is strange or does not fit together is refused."""

import io
import json
import zipfile
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import RandomForestClassifier

from pipeline.errors import MinecoverError
from pipeline.models import machines
from pipeline.models.quick import answers
from tests.models.test_quick import IDS, SETTINGS, learner, table


@pytest.mark.parametrize(("name", "settings"), SETTINGS, ids=IDS)
def test_a_machine_comes_back_the_same(name: str, settings: dict[str, Any]) -> None:
    made, (X, _) = machines.machine(name, learner(name, settings)), table(300, 5)
    again = machines.unpacked(name, machines.packed(made))
    assert answers(again, X.T).tobytes() == answers(made, X.T).tobytes()


def test_a_file_with_objects_is_refused_unread() -> None:
    X, y = np.nan_to_num(table(50, 0)[0]), table(50, 0)[1]
    data = skops.io.dumps({"ready": RandomForestClassifier(2).fit(X, y)})
    with pytest.raises(MinecoverError, match=r"sklearn\.tree\._tree\.Tree.*not opened"):
        machines.unpacked("RF", data)


@pytest.mark.parametrize("loader", ["FunctionNode", "ObjectNode", "MethodNode", "OperatorFuncNode", "PartialNode"])
def test_a_forged_file_is_refused_unread(loader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the type is one that skops trusts by itself."""
    monkeypatch.setattr(skops.io, "loads", lambda *_, **__: pytest.fail("it was opened"))
    node = {"__class__": "dict", "__module__": "builtins", "__loader__": loader, "content": []}
    with pytest.raises(MinecoverError, match=rf"builtins\.dict \({loader}\)"):
        machines.unpacked("SVM", archive({"__class__": "dict", "a": [{"b": node}]}))


def archive(schema: object, compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        file.writestr("schema.json", json.dumps(schema))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data", [b"", b"PK\x05\x06", b"no archive", archive({}), archive([]), archive({}, zipfile.ZIP_DEFLATED)]
)
def test_what_is_no_such_file_is_refused(data: bytes) -> None:
    with pytest.raises(MinecoverError, match=r"The file of the model KNN cannot be read: .* Train it again\."):
        machines.unpacked("KNN", data)


def test_a_cut_file_is_refused() -> None:
    data = machines.packed(machines.machine("Bayes", learner("Bayes", {})))
    with pytest.raises(MinecoverError, match="cannot be read"):
        machines.unpacked("Bayes", data[:-100])


def test_numbers_of_another_learner_or_type_are_refused() -> None:
    data = machines.packed(machines.machine("Bayes", learner("Bayes", {})))
    with pytest.raises(MinecoverError, match="cannot be read"):
        machines.unpacked("SVM", data)
    numbers = skops.io.loads(data)
    numbers["heights"] = numbers["heights"].astype(np.float32)
    with pytest.raises(MinecoverError, match="'heights' is no Doubles"):
        machines.unpacked("Bayes", skops.io.dumps(numbers))


@pytest.mark.parametrize(
    ("field", "at", "value"),
    [
        ("steps", 0, 2**31),  # a child far behind
        ("steps", 0, 0),  # its own child
        ("steps", 0, 63),  # a feature that is not there
        ("thresholds", 0, 0x7FC00001),  # a leaf that has a child
        ("thresholds", -1, 0x7FC03333),  # a row of shares that is not there
        ("thresholds", -1, 0),  # a leaf that is none
        ("starts", 1, 0),
        ("starts", -1, 10**9),
        ("shares", 0, np.nan),
    ],
)
@pytest.mark.parametrize("settings", [s for name, s in SETTINGS if name == "RF"], ids=["pure", "mixed"])
def test_forged_forests_cannot_leave_their_tables(settings: dict[str, Any], field: str, at: int, value: float) -> None:
    made: Any = machines.machine("RF", learner("RF", settings))
    forged = getattr(made, field).copy()
    forged[at] = value
    with pytest.raises(MinecoverError, match="do not fit together"):
        replace(made, **{field: forged})


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("KNN", {"labels": np.full(400, 5)}),
        ("KNN", {"wanted": 401}),
        ("KNN", {"classes": 2}),
        ("SVM", {"classes": 4}),
        ("SVM", {"offsets": np.full(10, np.inf)}),
        ("ANN", {"last_offsets": np.zeros(4)}),
        ("Bayes", {"means": np.zeros((5, 3))}),
        ("ML", {"whiten": np.zeros((5, 11, 3))}),
    ],
)
def test_numbers_that_do_not_fit_together_are_refused(name: str, change: dict[str, Any]) -> None:
    with pytest.raises(MinecoverError, match="do not fit together"):
        replace(machines.machine(name, learner(name, {})), **change)  # type: ignore[type-var]
