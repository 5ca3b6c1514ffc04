from typing import Any

import numpy as np
import pytest

from pipeline.engine.language.arrays import from_values
from pipeline.engine.ops.confusion import TABLE
from pipeline.errors import EngineError

COUNTS = [[32, 0, 3], [1, 5, 2], [0, 4, 26]]


def call(name: str, *args: Any) -> Any:
    return TABLE[f"ConfusionMatrix.{name}"](*args)


def matrix() -> Any:
    return TABLE["ConfusionMatrix"](from_values(COUNTS), None)


def test_measures() -> None:
    counts = np.array(COUNTS, float)
    total, right = counts.sum(), np.diag(counts)
    recall, precision = right / [35, 8, 30], right / [33, 9, 31]
    chance = (35 * 33 + 8 * 9 + 30 * 31) / total**2
    assert call("accuracy", matrix()) == pytest.approx(63 / 73)
    assert call("kappa", matrix()) == pytest.approx((63 / 73 - chance) / (1 - chance))
    assert call("producersAccuracy", matrix()).data == pytest.approx(recall[:, None])
    assert call("consumersAccuracy", matrix()).data == pytest.approx(precision[None])
    score = 5 * precision * recall / (4 * precision + recall)
    assert call("fscore", matrix(), 2.0).data == pytest.approx(score)


def test_order_and_array() -> None:
    assert call("order", matrix()) == [0, 1, 2]
    assert call("array", matrix()).data.tolist() == COUNTS
    assert call("order", TABLE["ConfusionMatrix"]([[1]], [7])) == [7]


def test_empty_classes_score_zero() -> None:
    empty = TABLE["ConfusionMatrix"](from_values([[0, 0], [0, 0]]), None)
    assert call("accuracy", empty) == call("kappa", empty) == 0
    assert not np.any(call("fscore", empty, 1.0).data)


@pytest.mark.parametrize(("counts", "order"), [([[1, 2]], None), ([1], None), ([[1]], [1, 2]), ("x", None)])
def test_mistakes_are_refused(counts: Any, order: list[int] | None) -> None:
    with pytest.raises(EngineError, match="ConfusionMatrix"):
        TABLE["ConfusionMatrix"](counts, order)
