"""Decoding and evaluating expression graphs."""

from typing import Any

import pytest

from pipeline.engine import graph
from pipeline.engine.graph import MAX_NODES, Evaluation, decode, parse_json, truthy
from pipeline.engine.values import Function
from pipeline.errors import EngineError


def constant(value: Any) -> dict[str, Any]:
    return {"constantValue": value}


def reference(key: str) -> dict[str, Any]:
    return {"valueReference": key}


def invoke(name: str, **arguments: Any) -> dict[str, Any]:
    return {"functionInvocationValue": {"functionName": name, "arguments": arguments}}


def run(values: dict[str, Any], result: str = "0", call: Any = None) -> Any:
    return Evaluation(call or (lambda name, given: (name, given))).run(decode({"values": values, "result": result}))


def test_every_kind_of_value() -> None:
    node = {
        "dictionaryValue": {
            "values": {
                "a": {"arrayValue": {"values": [constant(1), {"integerValue": "9007199254740993"}]}},
                "b": {"bytesValue": "aGk="},
                "c": constant({"x": [None]}),
            }
        }
    }
    assert run({"0": node}) == {"a": [1, 9007199254740993], "b": b"hi", "c": {"x": [None]}}


def test_a_shared_node_is_computed_once() -> None:
    calls: list[str] = []

    def call(name: str, given: dict[str, Any]) -> int:
        calls.append(name)
        return 1

    run({"0": invoke("Twice", a=reference("1"), b=reference("1")), "1": invoke("Once")}, call=call)
    assert calls == ["Once", "Twice"]


def test_a_function_is_called_with_its_scope_and_the_outer_part_once() -> None:
    calls: list[str] = []

    def call(name: str, given: dict[str, Any]) -> Any:
        calls.append(name)
        if name == "Map":
            return [given["f"](v) for v in (1, 2, 3)]
        return given["a"] + given.get("b", 0)

    values = {
        "0": invoke("Map", f={"functionDefinitionValue": {"argumentNames": ["x"], "body": "1"}}),
        "1": invoke("Inner", a={"argumentReference": "x"}, b=reference("2")),
        "2": invoke("Outer", a=constant(10)),
    }
    assert run(values, call=call) == [11, 12, 13]
    assert calls.count("Outer") == 1 and calls.count("Inner") == 3


def test_nested_functions_see_both_arguments() -> None:
    def call(name: str, given: dict[str, Any]) -> Any:
        if name == "Map":
            return [given["f"](v) for v in given["over"]]
        return (given["a"], given["b"])

    inner = {"functionDefinitionValue": {"argumentNames": ["y"], "body": "2"}}
    values = {
        "0": invoke("Map", over=constant([1, 2]), f={"functionDefinitionValue": {"argumentNames": ["x"], "body": "1"}}),
        "1": invoke("Map", over=constant([3, 4]), f=inner),
        "2": invoke("Pair", a={"argumentReference": "x"}, b={"argumentReference": "y"}),
    }
    assert run(values, call=call) == [[(1, 3), (1, 4)], [(2, 3), (2, 4)]]


def test_a_function_reference_is_called_by_name() -> None:
    def call(name: str, given: dict[str, Any]) -> Any:
        return Function(("a", "b"), lambda a, b: a - b)

    node = {"functionInvocationValue": {"functionReference": "1", "arguments": {"b": constant(1), "a": constant(5)}}}
    assert run({"0": node, "1": invoke("Make")}, call=call) == 4


def test_if_computes_one_branch_only() -> None:
    def call(name: str, given: dict[str, Any]) -> Any:
        raise EngineError("must not be computed")

    values = {"0": invoke("If", condition=constant(0), trueCase=invoke("Fail"), falseCase=constant("no"))}
    assert run(values, call=call) == "no"
    assert run({"0": invoke("If", condition=constant(1), falseCase=invoke("Fail"))}, call=call) is None


def test_a_long_chain_needs_no_deep_stack() -> None:
    values = {str(i): invoke("Next", a=reference(str(i + 1))) for i in range(1500)}
    values["1500"] = constant(0)
    assert run(values, call=lambda name, given: given["a"] + 1) == 1500


@pytest.mark.parametrize("value", [0, 0.0, float("nan"), "", [], {}, None, False])
def test_what_is_false(value: Any) -> None:
    assert not truthy(value)


@pytest.mark.parametrize("value", [1, -0.5, "0", [0], {"a": 0}, object()])
def test_what_is_true(value: Any) -> None:
    assert truthy(value)


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        (None, "must be"),
        ({"values": []}, "must be"),
        ({"values": {}, "result": "0"}, "no value with the key '0'"),
        ({"values": {"0": {}}, "result": "0"}, "exactly one member"),
        ({"values": {"0": {"a": 1, "b": 2}}, "result": "0"}, "exactly one member"),
        ({"values": {"0": {"newValue": 1}}, "result": "0"}, "unknown kind of node 'newValue'"),
        ({"values": {"0": reference("0")}, "result": "0"}, "refers to itself"),
        ({"values": {"0": {"integerValue": "x"}}, "result": "0"}, "not an integer"),
        ({"values": {"0": {"bytesValue": "%"}}, "result": "0"}, "not base64"),
        ({"values": {"0": {"functionInvocationValue": {"arguments": {}}}}, "result": "0"}, "functionName"),
        ({"values": {"0": {"argumentReference": "x"}}, "result": "0"}, "outside its function"),
        ({"values": {"0": {"arrayValue": {"values": 3}}}, "result": "0"}, "values is missing or not a list"),
    ],
)
def test_malformed_graphs_are_refused(expression: Any, says: str) -> None:
    with pytest.raises(EngineError, match=says):
        Evaluation(lambda name, given: None).run(decode(expression))


def test_too_many_nodes_and_too_deep_graphs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = {"arrayValue": {"values": [constant(0)] * (MAX_NODES + 1)}}
    with pytest.raises(EngineError, match="nodes"):
        decode({"values": {"0": wide}, "result": "0"})
    deep: Any = constant(0)
    for _ in range(200):
        deep = {"arrayValue": {"values": [deep]}}
    assert run({"0": deep})
    monkeypatch.setattr(graph, "MAX_DEPTH", 150)
    with pytest.raises(EngineError, match="deeply nested"):
        decode({"values": {"0": deep}, "result": "0"})


def test_text_that_is_not_json_is_one_error() -> None:
    with pytest.raises(EngineError, match="Invalid JSON"):
        parse_json(b"{")
    with pytest.raises(EngineError, match="deeply nested"):
        parse_json("[" * 200_000)
