"""Graphs whose answers Earth Engine's documentation prints.

Numbers must agree in the printed digits, rounded or cut. The pages print arrays of one element
with brackets or without.
"""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipeline.engine.session import Session
from pipeline.engine.wire import to_wire
from pipeline.errors import EngineError

ANSWERS = Path(__file__).resolve().parents[3] / "shared" / "conformance" / "documented-answers.jsonl"

DEVIATIONS = {
    "ee_array_eigen:40": "the page leaves out a number of the second row",
    "ee_blob_string:22": "the blob lies in Google Cloud Storage",
    "ee_list_add:40": "the page leaves out the empty list of features",
    "ee_number_and:17": "the page prints 0 for two values that are not zero, against its own description",
    "ee_number_gte:17": "the page prints 1 for 5 >= 10",
    "ee_number_hypot:18": "the page prints 3 for hypot(0, 0)",
}


def answers() -> list[dict[str, Any]]:
    if not ANSWERS.exists():
        pytest.skip("the documented answers are not beside this checkout")
    return [json.loads(line) for line in ANSWERS.read_text("utf-8").splitlines()]


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def agrees(got: Any, printed: Any) -> bool:
    if isinstance(printed, list) != isinstance(got, list):
        got, printed = (v if isinstance(v, list) else [v] for v in (got, printed))
    if isinstance(printed, list):
        return len(got) == len(printed) and all(map(agrees, got, printed))
    if isinstance(printed, dict):
        return isinstance(got, dict) and got.keys() == printed.keys() and all(agrees(got[k], printed[k]) for k in got)
    if not is_number(printed) or not is_number(got):
        return type(got) is type(printed) and bool(got == printed)
    if isinstance(printed, int):
        return bool(abs(got - printed) <= 1e-9 * max(1, abs(printed)))
    unit = float(Decimal(1).scaleb(int(Decimal(repr(printed)).as_tuple().exponent)))
    return bool(abs(got - printed) < unit * (1 + 1e-9))


def right(session: Session, case: dict[str, Any]) -> bool:
    try:
        got = to_wire(session.evaluate(case["expression"]))
    except EngineError:
        return False
    return agrees(got, case["documented"]) or (isinstance(got, str) and got == case["as_printed"].strip("'\""))


def test_documented_answers() -> None:
    session = Session()
    cases = answers()
    wrong = {case["id"] for case in cases if not right(session, case)}
    assert wrong == set(DEVIATIONS), (wrong - set(DEVIATIONS), set(DEVIATIONS) - wrong)
    assert len(wrong) <= 0.03 * len(cases)


@pytest.mark.parametrize(
    ("got", "printed", "same"),
    [
        (1.2345, 1.23, True),
        (1.2399, 1.23, True),
        (1.25, 1.23, False),
        (0.99999999999, 1, True),
        (1.001, 1, False),
        ([2], 2, True),
        ([2, 3], 2, False),
        ([[1], [2]], [[1], [2]], True),
        (True, 1, False),
        (9.332621544394e155, 9.332621544e155, True),
        ("NaN", "NaN", True),
    ],
)
def test_what_counts_as_agreement(got: Any, printed: Any, same: bool) -> None:
    assert agrees(got, printed) is same
