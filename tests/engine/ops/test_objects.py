from typing import Any

import numpy as np
import pytest

from pipeline.engine.language.arrays import array
from pipeline.engine.ops.objects import TABLE
from pipeline.engine.values import Date


@pytest.mark.parametrize(
    ("value", "name"),
    [
        *(("a", "String"), ([], "List"), ({}, "Dictionary"), (Date(0), "Date"), (array(np.zeros(1)), "Array")),
        *((7, "Integer"), (7.0, "Integer"), (0.5, "Float"), (2**31, "Long"), (-(2**31), "Integer")),
    ],
)
def test_types_have_names(value: Any, name: str) -> None:
    assert TABLE["ObjectType"](value) == name


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        ("1", 1, False),
        ([1, {"a": 2}], [1.0, {"a": 2}], True),
        ({"a": 1}, {"b": 1}, False),
        (Date(0), Date(0), True),
        (array(np.array([1])), array(np.array([1.0])), True),
        (None, None, True),
    ],
)
def test_equality_is_by_value(left: Any, right: Any, same: bool) -> None:
    assert TABLE["IsEqual"](left, right) is same


def test_descriptions_are_plain() -> None:
    assert TABLE["Describe"]([Date(5), array(np.array([1]))]) == [{"type": "Date", "value": 5}, [1]]


def test_a_blob_knows_its_address() -> None:
    assert TABLE["Blob.url"](TABLE["Blob"]("gs://a/b")) == "gs://a/b"
