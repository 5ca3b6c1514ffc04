"""Expression graphs: decoding what the client sends and evaluating it.

A node without free arguments is computed once per request; a node inside a function once per call of the function
whose arguments it uses. Evaluation keeps its own stack, so a chain of thousands of calls is no problem. What a
function does is the dispatcher's business: this module knows only `If`, which must not compute both branches.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline.engine.values import Function
from pipeline.errors import EngineError

MAX_NODES = 500_000
MAX_DEPTH = 2_000

Call = Callable[[str, dict[str, Any]], Any]


@dataclass(eq=False)
class Node:
    """One step of a graph. `free` are the function arguments it depends on."""

    kind: Literal["constant", "list", "dictionary", "argument", "function", "call"]
    payload: Any
    children: tuple[Node, ...] = ()
    free: frozenset[str] = frozenset()


@dataclass(eq=False)
class Scope:
    """The argument values of one function call, inside those of the calls around it."""

    values: dict[str, Any]
    parent: Scope | None
    memo: dict[Node, Any] = field(default_factory=dict)


def parse_json(text: bytes | str) -> Any:
    """The JSON value; text that is not JSON, or nested too deeply, is one clear error."""
    try:
        return json.loads(text)
    except RecursionError:
        raise EngineError("Expression is too deeply nested. Split the computation into smaller parts.") from None
    except ValueError as error:
        raise EngineError(f"Invalid JSON payload received. {error}") from None


def decode(expression: Any) -> Node:
    """The root node of an expression `{"values": …, "result": …}`; malformed graphs are refused."""
    if not isinstance(expression, dict) or not isinstance(expression.get("values"), dict):
        raise EngineError('Malformed expression: it must be {"values": {…}, "result": key}.')
    decoder = _Decoder(expression["values"])
    result = expression.get("result")
    for key in _inner_first(decoder.values, result):
        decoder.reference(key, 0)
    return decoder.reference(result, 0)


def _inner_first(values: dict[str, Any], result: Any) -> list[str]:
    """The keys that the result reaches, each after those it refers to, found without recursion."""
    order: list[str] = []
    state: dict[str, bool] = {}  # False: its references are being visited; True: done
    stack = [result]
    while stack:
        key = stack[-1]
        if isinstance(key, str) and key in values and key not in state:
            state[key] = False
            stack.extend(k for k in _references(values[key]) if k not in state)
        else:
            stack.pop()
            if isinstance(key, str) and state.get(key) is False:
                state[key] = True
                order.append(key)
    return order


def _references(node: Any) -> list[str]:
    """The keys that a node refers to, in it or in the nodes inside it."""
    found: list[str] = []
    stack = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            found.extend(
                v for k in ("valueReference", "functionReference", "body") if isinstance(v := part.get(k), str)
            )
            stack.extend(v for k, v in part.items() if k != "constantValue")
        elif isinstance(part, list):
            stack.extend(part)
    return found


class _Decoder:
    """Turns JSON values into nodes, each key once."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values
        self.nodes: dict[str, Node | None] = {}
        self.count = 0

    def reference(self, key: Any, depth: int) -> Node:
        if not isinstance(key, str) or key not in self.values:
            raise EngineError(f"Malformed expression: there is no value with the key {key!r}.")
        if key in self.nodes:
            known = self.nodes[key]
            if known is None:
                raise EngineError(f"Malformed expression: the value {key!r} refers to itself.")
            return known
        self.nodes[key] = None
        node = self.node(self.values[key], depth)
        self.nodes[key] = node
        return node

    def node(self, value: Any, depth: int) -> Node:
        self.count += 1
        if self.count > MAX_NODES:
            raise EngineError(f"Expression has more than {MAX_NODES} nodes. Split the computation.")
        if depth > MAX_DEPTH:
            raise EngineError("Expression is too deeply nested. Split the computation into smaller parts.")
        if not isinstance(value, dict) or len(value) != 1:
            raise EngineError(f"Malformed expression: a node must have exactly one member, not {_short(value)}.")
        kind, payload = next(iter(value.items()))
        build = _BUILDERS.get(kind)
        if build is None:
            raise EngineError(f"Malformed expression: unknown kind of node {kind!r}.")
        return build(self, payload, depth + 1)

    def constant(self, payload: Any, depth: int) -> Node:
        return Node("constant", payload)

    def integer(self, payload: Any, depth: int) -> Node:
        try:
            return Node("constant", int(payload))
        except (TypeError, ValueError):
            raise EngineError(f"Malformed expression: integerValue {_short(payload)} is not an integer.") from None

    def data(self, payload: Any, depth: int) -> Node:
        try:
            return Node("constant", base64.b64decode(payload, validate=True))
        except (TypeError, ValueError):
            raise EngineError("Malformed expression: bytesValue is not base64.") from None

    def list(self, payload: Any, depth: int) -> Node:
        items = _member(payload, "values", list, optional=True)
        return _joined("list", None, [self.node(v, depth) for v in items])

    def dictionary(self, payload: Any, depth: int) -> Node:
        items = _member(payload, "values", dict, optional=True)
        return _joined("dictionary", tuple(items), [self.node(v, depth) for v in items.values()])

    def value_reference(self, payload: Any, depth: int) -> Node:
        return self.reference(payload, depth)

    def argument(self, payload: Any, depth: int) -> Node:
        if not isinstance(payload, str):
            raise EngineError(f"Malformed expression: argumentReference {_short(payload)} is not a name.")
        return Node("argument", payload, (), frozenset([payload]))

    def function(self, payload: Any, depth: int) -> Node:
        names = _member(payload, "argumentNames", list, optional=True)
        if not all(isinstance(n, str) for n in names):
            raise EngineError("Malformed expression: argumentNames must be names.")
        body = self.reference(_member(payload, "body", str), depth)
        return Node("function", tuple(names), (body,), body.free - frozenset(names))

    def call(self, payload: Any, depth: int) -> Node:
        arguments = _member(payload, "arguments", dict, optional=True)
        children = [self.node(v, depth) for v in arguments.values()]
        if "functionReference" in payload:
            function = self.reference(_member(payload, "functionReference", str), depth)
            return _joined("call", (None, tuple(arguments)), [*children, function])
        return _joined("call", (_member(payload, "functionName", str), tuple(arguments)), children)


_BUILDERS: dict[str, Callable[[_Decoder, Any, int], Node]] = {
    "constantValue": _Decoder.constant,
    "integerValue": _Decoder.integer,
    "bytesValue": _Decoder.data,
    "arrayValue": _Decoder.list,
    "dictionaryValue": _Decoder.dictionary,
    "valueReference": _Decoder.value_reference,
    "argumentReference": _Decoder.argument,
    "functionDefinitionValue": _Decoder.function,
    "functionInvocationValue": _Decoder.call,
}


def _member(payload: Any, name: str, kind: type, optional: bool = False) -> Any:
    value = payload.get(name) if isinstance(payload, dict) else None
    if value is None and optional and isinstance(payload, dict):
        return kind()
    if not isinstance(value, kind):
        raise EngineError(f"Malformed expression: {name} is missing or not a {kind.__name__} in {_short(payload)}.")
    return value


def _joined(kind: Any, payload: Any, children: list[Node]) -> Node:
    free = frozenset[str]().union(*(c.free for c in children))
    return Node(kind, payload, tuple(children), free)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


class Evaluation:
    """One request: `call(name, arguments)` does the functions; results are kept for the request's length."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._global = Scope({}, None)

    def run(self, node: Node) -> Any:
        """The value of a root node."""
        return self._value(node, self._global)

    def _value(self, root: Node, scope: Scope) -> Any:
        stack = [root]
        while stack:
            node = stack[-1]
            memo = self._home(node, scope).memo
            if node in memo:
                stack.pop()
                continue
            missing = [c for c in self._strict(node) if c not in self._home(c, scope).memo]
            if missing:
                stack.extend(reversed(missing))
                continue
            memo[node] = self._compute(node, scope)
            stack.pop()
        return self._home(root, scope).memo[root]

    def _home(self, node: Node, scope: Scope) -> Scope:
        """The innermost scope that the node depends on: where its value stays true."""
        while scope.parent is not None and node.free.isdisjoint(scope.values):
            scope = scope.parent
        return scope

    def _strict(self, node: Node) -> tuple[Node, ...]:
        if node.kind == "function":
            return ()
        if node.kind == "call" and node.payload[0] == "If":
            return tuple(c for n, c in zip(node.payload[1], node.children, strict=False) if n == "condition")
        return node.children

    def _compute(self, node: Node, scope: Scope) -> Any:
        if node.kind == "constant":
            return node.payload
        if node.kind == "argument":
            return self._argument(node.payload, scope)
        if node.kind == "function":
            return self._function(node, scope)
        if node.kind == "call" and node.payload[0] == "If":
            return self._if(node, scope)
        values = [self._home(c, scope).memo[c] for c in node.children]
        if node.kind == "list":
            return values
        if node.kind == "dictionary":
            return dict(zip(node.payload, values, strict=True))
        name, names = node.payload
        if name is None:
            return self._apply(values[-1], dict(zip(names, values, strict=False)))
        return self._call(name, dict(zip(names, values, strict=True)))

    def _argument(self, name: str, scope: Scope | None) -> Any:
        while scope is not None:
            if name in scope.values:
                return scope.values[name]
            scope = scope.parent
        raise EngineError(f"Malformed expression: the argument {name!r} is used outside its function.")

    def _function(self, node: Node, scope: Scope) -> Function:
        names = node.payload
        body = node.children[0]

        def call(*values: Any) -> Any:
            if len(values) < len(names):
                raise EngineError(f"A mapped function takes {len(names)} arguments, but {len(values)} were given.")
            return self._value(body, Scope(dict(zip(names, values, strict=False)), scope))

        return Function(names, call)

    def _apply(self, function: Any, given: dict[str, Any]) -> Any:
        if not isinstance(function, Function):
            raise EngineError(f"Malformed expression: {_short(function)} is called but is not a function.")
        missing = [n for n in function.arguments if n not in given]
        if missing:
            raise EngineError(f"A function is called without its argument '{missing[0]}'.")
        return function(*(given[n] for n in function.arguments))

    def _if(self, node: Node, scope: Scope) -> Any:
        branches = dict(zip(node.payload[1], node.children, strict=True))
        condition = branches.get("condition")
        chosen = condition is not None and truthy(self._home(condition, scope).memo[condition])
        branch = branches.get("trueCase" if chosen else "falseCase")
        return None if branch is None else self._value(branch, scope)


def truthy(value: Any) -> bool:
    """Earth Engine's truth: zero, NaN, null, and empty strings, lists and dictionaries are false."""
    if isinstance(value, float) and math.isnan(value):
        return False
    if isinstance(value, (bool, int, float, str, list, dict)) or value is None:
        return bool(value)
    return True
