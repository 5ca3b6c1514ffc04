"""Every script is made of functions that Earth Engine has, and is small enough to send."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

import features
from features import graph
from features.options import CHOICES
from pipeline.engine.signatures import signatures
from tests.engine.local import connected

EVERY_OPTION: list[dict[str, Any]] = [
    *({name: value} for name, values in CHOICES.items() if name != "hemisphere" for value in values),
    *({"clouds": c} for n in range(4) for c in itertools.combinations(("cloud_score", "scl", "s2cloudless"), n)),
    {"lights": None},
    {"dem": None, "aspect": "sincos"},
    {"lights": "monthly"},
    {"lights": "users/me/luojia"},
    {"relative_orbit": 11},
    {"hemisphere": "south", "speckle": "refined_lee", "tasseled_cap": "toa", "clouds": "s2cloudless", "dem": "glo30"},
]


@pytest.fixture(scope="module")
def ee() -> Iterator[Any]:
    with connected() as client:
        yield client


@pytest.mark.parametrize("options", EVERY_OPTION, ids=str)
def test_every_script_fits_the_official_signatures(ee: Any, options: dict[str, Any]) -> None:
    place = ee.Geometry.Rectangle([110.0, 39.7, 110.2, 39.8])
    for script in (features.stack, features.observations, features.scenes):
        made = script(place, 2021, **{"hemisphere": "north", **options})
        size = graph.check(made)
        assert size.nodes < 5_000 and size.bytes < 300_000
        for name, given in calls(ee.serializer.encode(made, for_cloud_api=True)):
            signature = signatures()[name]
            known = {a.name: a for a in signature.arguments}
            assert given <= set(known), name
            assert {a for a, argument in known.items() if not argument.optional} <= given, name


def calls(expression: dict[str, Any]) -> Iterator[tuple[str, set[str]]]:
    """Function names with their arguments' names, found by a walk of its own."""
    stack: list[Any] = list(expression["values"].values())
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict):
            stack.extend(node.values())
            if "functionName" in node:
                yield node["functionName"], set(node.get("arguments", {}))


def test_a_stranger_is_named(ee: Any) -> None:
    known = ee.ApiFunction.lookup("Image.add")
    odd = ee.Image(1).add(2)
    odd.args = {"image1": ee.Image(1), "image3": ee.Image(2)}
    odd.func = known
    with pytest.raises(ValueError, match=r"argument 'image3' of Image.add.*call of Image.add without 'image2'"):
        graph.check(odd)


def test_a_script_too_large_to_send_is_refused(ee: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = [[110 + i * 1e-4, 39.7] for i in range(1_000)]
    monkeypatch.setattr(graph, "MAX_BYTES", 20_000)
    with pytest.raises(ValueError, match=r"The script is .* MB, and .* Simplify the region's outline"):
        graph.check(features.scenes(ee.Geometry.Polygon([ring]), 2021, hemisphere="north"))
