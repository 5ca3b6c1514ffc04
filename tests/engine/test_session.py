"""Calls by name: official signatures, coercion, and what is there."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.engine import ops
from pipeline.engine.collection import Feature, features, images
from pipeline.engine.image import Image
from pipeline.engine.session import Session
from pipeline.engine.signatures import official_list, signatures
from pipeline.engine.values import Date, DateRange, Projection
from pipeline.errors import EngineError, UnsupportedOp

TIER_A = (Path(__file__).parent / "tier_a.txt").read_text().split()


@pytest.fixture(scope="module")
def session() -> Session:
    return Session(workers=1)


def test_everything_the_mission_needs_is_there() -> None:
    assert len(TIER_A) == 352
    assert sorted(set(TIER_A) - ops.available()) == []


@pytest.mark.parametrize(
    "family",
    [
        "Number",
        "String",
        "List",
        "Dictionary",
        "Date",
        "DateRange",
        "Array",
        "Filter",
        "Join",
        "Kernel",
        "PixelType",
        "Projection",
    ],
)
def test_whole_families_are_there(family: str) -> None:
    official = {n for n in signatures() if n.split(".")[0] == family}
    assert official and sorted(official - ops.available()) == []


def test_no_rule_has_a_name_that_earth_engine_has_not() -> None:
    assert sorted(ops.available() - set(signatures())) == []
    assert sorted(set(ops.notes()) - ops.available()) == []
    assert len(official_list()) == len(signatures()) == 991


def test_every_rule_takes_as_many_arguments_as_its_signature() -> None:
    import inspect

    for name, op in ops.table().items():
        try:
            accepted = inspect.signature(op.function)
        except ValueError:  # some built-in functions have none
            continue
        count = len(signatures()[name].arguments) + op.wants_session
        try:
            accepted.bind(*range(count))
        except TypeError as error:
            raise AssertionError(f"{name}: {error}") from None


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("Image.nosuch", {}, "Unknown function 'Image.nosuch'"),
        ("Number.add", {"left": 1}, "Number.add: Parameter 'right' is required and may not be null"),
        ("Number.add", {"left": 1, "right": None}, "is required and may not be null"),
        ("Number.add", {"left": 1, "right": 2, "up": 3}, "Unrecognized argument 'up'"),
        (
            "Number.add",
            {"left": "a", "right": 2},
            "argument 'left': Invalid type.\nExpected type: Number.\nActual type: String",
        ),
        (
            "Image.select",
            {"input": Date(0), "bandSelectors": []},
            "Expected type: Image<unknown bands>.\nActual type: Date",
        ),
        ("List.get", {"list": [1], "index": 0.5}, "Expected type: Integer.\nActual type: Float"),
        ("Collection.filter", {"collection": features([]), "filter": 3}, "filter"),
    ],
)
def test_wrong_calls_are_refused_against_the_signature(session: Session, name: str, given: Any, says: str) -> None:
    with pytest.raises(EngineError) as caught:
        session.call(name, given)
    assert says in str(caught.value)


def test_a_missing_function_is_one_error_that_names_it(session: Session) -> None:
    with pytest.raises(UnsupportedOp, match=r"Model\.predictImage is not available in the local engine") as caught:
        session.call("Model.predictImage", {"model": None, "image": None})
    assert caught.value.code == 400 and caught.value.status == "INVALID_ARGUMENT"


def test_values_become_what_is_declared(session: Session) -> None:
    from pipeline.engine.coerce import coerce

    def to(value: Any, declared: str) -> Any:
        return coerce(value, declared, "here", session)

    assert isinstance(to(3, "Image<unknown bands>"), Image)
    assert to(3.0, "Integer") == 3 and isinstance(to(3.0, "Integer"), int)
    assert to(True, "Number") == 1 and to("EPSG:32633", "Projection") == Projection("EPSG:32633")
    assert to("2020-01-01", "Date") == Date(1577836800000)
    assert to(["2020-01-01", "2020-01-02"], "DateRange") == DateRange(1577836800000, 1577923200000)
    assert to("a", "List<String>") == ["a"]
    assert [type(e) for e in to(to({"type": "Point", "coordinates": [1, 2]}, "Geometry"), "FeatureCollection")] == [
        Feature
    ]
    assert list(to(images([]), "ImageCollection")) == []
    assert to(None, "Image<unknown bands>") is None


def test_defaults_are_the_official_ones(session: Session) -> None:
    assert session.call("List.sequence", {"start": 1, "end": 3}) == [1, 2, 3]
    assert session.call("List.join", {"list": ["a", "b"]}) == "ab"


def test_a_deep_chain_of_collections_is_an_error_not_a_crash(session: Session) -> None:
    chain = images([])
    for _ in range(20_000):
        chain = session.call("ImageCollection.merge", {"collection1": chain, "collection2": images([])})
    with pytest.raises((EngineError, RecursionError)):
        session.call("Collection.size", {"collection": chain})
