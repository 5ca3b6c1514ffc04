from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.collection import Collection, Feature, features, images
from pipeline.engine.image import Image
from pipeline.engine.ops.collection import TABLE, filtered
from pipeline.engine.ops.filter import TABLE as FILTERS
from pipeline.engine.ops.filter import candidates
from pipeline.engine.ops.reducer import TABLE as REDUCERS
from pipeline.engine.space.geometry import Geometry, build
from pipeline.engine.values import ErrorMargin, Filter, Function, Projection
from pipeline.errors import EngineError

ORDERED = st.lists(st.one_of(st.none(), st.integers(0, 3)), max_size=8)


def made(values: list[Any]) -> Collection:
    return features(Feature(None, {"x": v} if v is not None else {}) for v in values)


def endless() -> Collection:
    def numbers() -> Iterator[Feature]:
        i = 0
        while True:
            yield Feature(None, {"system:index": str(i), "x": i})
            i += 1

    return Collection("FeatureCollection", numbers)


def op(name: str, *args: Any) -> Any:
    return TABLE[f"Collection.{name}"](*args)


def ids(collection: Collection) -> list[Any]:
    return [e.id for e in collection]


def xs(collection: Any) -> list[Any]:
    return [e.properties.get("x") for e in collection]


def function(call: Any) -> Function:
    return Function(["e"], call)


def box(west: float, south: float, size: float) -> Geometry:
    ring = [[west, south], [west + size, south], [west + size, south + size], [west, south + size]]
    return build("Polygon", ring, geodesic=False)


# Fewer elements


def test_everything_is_lazy_and_first_stops_early() -> None:
    big = op("filter", endless(), "x > 3")
    doubled = op("map", big, function(lambda e: Feature(None, {"x": 2 * e.properties["x"]})), False)
    first = op("first", op("merge", op("limit", doubled, 5, None, True), endless()))
    assert (first.id, first.properties["x"]) == ("1_4", 8)
    assert xs(op("toList", doubled, 2, 1)) == [10, 12]
    assert op("first", made([])) is None


@given(ORDERED, st.booleans())
def test_sorting_is_stable_with_nulls_last(values: list[int | None], ascending: bool) -> None:
    known = [(i, v) for i, v in enumerate(values) if v is not None]
    known.sort(key=lambda p: p[1], reverse=not ascending)
    expected = [i for i, _ in known] + [i for i, v in enumerate(values) if v is None]
    assert ids(op("limit", made(values), None, "x", ascending)) == [str(i) for i in expected]
    assert ids(op("limit", made(values), 2, "x", ascending)) == [str(i) for i in expected][:2]


def test_filtering_keeps_the_asset_and_asks_its_index() -> None:
    asked: list[Filter] = []

    def narrow(condition: Filter) -> Collection:
        asked.append(condition)
        return made([1, 2, 3, 4, 5])

    source = Collection("ImageCollection", lambda: pytest.fail("read everything"), {"p": 1}, "A/B", 7, narrow)
    above = filtered(source, FILTERS["Filter.greaterThan"]("x", 2))
    below = filtered(above, FILTERS["Filter.lessThan"]("x", 5))
    assert asked == []
    assert xs(below) == [3, 4]
    assert [c.field for c in candidates(asked[-1]).properties] == ["x", "x"]
    assert (below.id, below.version, below.properties) == ("A/B", 7, {"p": 1})
    assert xs(filtered(op("limit", above, None, "x", False), FILTERS["Filter.lessThan"]("x", 5))) == [4, 3]
    assert xs(above) == [3, 4, 5]
    assert xs(op("limit", above, 1, None, True)) == [3]


def test_narrowing_never_happens_after_a_limit_or_a_map() -> None:
    source = Collection("ImageCollection", lambda: made([1, 2]), narrow=lambda condition: made([2]))
    assert op("limit", source, 1, None, True).narrow is None
    assert op("map", source, function(lambda e: e), False).narrow is None


def test_bad_filters_and_counts() -> None:
    with pytest.raises(EngineError, match="5 is not a filter"):
        op("filter", made([1]), 5)
    with pytest.raises(EngineError, match="-1"):
        op("limit", made([1]), -1, None, True)
    with pytest.raises(EngineError, match="-2"):
        op("toList", made([1]), -2, 0)


def test_distinct_keeps_the_first_of_each() -> None:
    assert ids(op("distinct", made([1, 2, 1.0, None, None]), "x")) == ["0", "1", "3"]
    places = features(Feature(build("Point", xy), {"x": 1}) for xy in ([0, 0], [1, 1], [0, 0]))
    assert ids(op("distinct", places, [".geo", "x"])) == ["0", "1"]
    with pytest.raises(EngineError, match="distinct"):
        op("distinct", places, 3)


# Other elements


def test_map_keeps_ids_and_kinds() -> None:
    source = images([Image((), {"system:index": "a"}), Image((), {"system:index": "b"})])
    assert ids(op("map", source, function(lambda e: Image(())), False)) == ["a", "b"]
    assert op("map", source, function(lambda e: Image(())), False).kind == "ImageCollection"
    assert ids(op("map", source, function(lambda e: e.with_properties({"system:index": "own"})), False)) == ["own"] * 2


def test_map_names_the_element_that_fails() -> None:
    def fail(element: Feature) -> Feature:
        raise EngineError("Image.select: no such band", 404)

    with pytest.raises(EngineError, match=r"Error in map\(ID=0\):\nImage.select: no such band") as caught:
        op("map", made([1]), function(fail), False).elements  # noqa: B018
    assert caught.value.code == 404


def test_map_drops_nulls_only_when_told() -> None:
    odd = function(lambda e: e if e.properties["x"] % 2 else None)
    assert xs(op("map", made([1, 2, 3]), odd, True)) == [1, 3]
    with pytest.raises(EngineError, match="must return a Feature or Image"):
        op("size", op("map", made([2]), odd, False))
    with pytest.raises(EngineError, match="must return a Feature or Image"):
        op("size", op("map", made([2]), function(lambda e: 3), True))


def test_iterate_passes_the_state_on() -> None:
    add = Function(["e", "s"], lambda e, state: state + e.properties["x"])
    assert op("iterate", made([1, 2, 3]), add, 10) == 16


def test_merge_and_flatten_join_ids() -> None:
    merged = op("merge", made([1]), made([2]))
    assert ids(merged) == ["1_0", "2_0"] and xs(merged) == [1, 2]
    nested = op("map", made([1, 2]), function(lambda e: made(["a", "b"])), False)
    assert ids(op("flatten", nested)) == ["0_0", "0_1", "1_0", "1_1"]
    assert ids(op("flatten", features([made([1]), made([2])]))) == ["0_0", "1_0"]
    with pytest.raises(EngineError, match="'0' is not a collection"):
        op("size", op("flatten", made([1])))


def test_remap_drops_the_unlisted() -> None:
    assert xs(op("remap", made([1, "a", 3]), [1.0, "a"], [10, 20], "x")) == [10, 20]
    with pytest.raises(EngineError, match="same length"):
        op("remap", made([1]), [1], [], "x")


def test_random_columns_depend_on_seed_and_keys_only() -> None:
    def draw(values: list[Any], seed: int = 0, kind: str = "uniform") -> list[float]:
        made_random = op("randomColumn", made(values), "r", seed, kind, ["system:index"])
        return [e.properties["r"] for e in made_random]

    uniform = np.array(draw([0] * 2000))
    assert draw([1, 2]) == draw([3, 4, 5])[:2] and draw([1], 1) != draw([1], 2)
    assert uniform.min() >= 0 and uniform.max() < 1 and abs(uniform.mean() - 0.5) < 0.03
    normal = np.array(draw([0] * 2000, kind="normal"))
    assert abs(normal.mean()) < 0.1 and abs(normal.std() - 1) < 0.1
    with pytest.raises(EngineError, match="'cauchy'"):
        draw([1], kind="cauchy")


def test_columns_make_features() -> None:
    rows = op("fromColumns", [[1, 2], ["a", "b"]], ["x", "y"], None)
    assert [e.properties for e in rows] == [
        {"x": 1, "y": "a", "system:index": "0"},
        {"x": 2, "y": "b", "system:index": "1"},
    ]
    for columns in ([[1]], [[1], [2, 3]]):
        with pytest.raises(EngineError, match="fromColumns"):
            op("fromColumns", columns, ["x", "y"], None)


def test_arrays_need_all_properties_to_be_numbers() -> None:
    source = features([Feature(None, {"x": 1, "y": 2.5}), Feature(None, {"x": 1}), Feature(None, {"x": 1, "y": "b"})])
    (made_one,) = TABLE["FeatureCollection.makeArray"](source, ["x", "y"], "a").elements
    array = made_one.properties["a"]
    assert array.data.tolist() == [1, 2.5] and array.type.dimensions == 1


# Columns


def test_reduce_columns_names_its_outputs() -> None:
    mean = REDUCERS["Reducer.mean"]()
    assert op("reduceColumns", made([1, None, 3]), mean, ["x"], None) == {"mean": 2}
    assert op("reduceColumns", made([1, 3]), mean, ["x"], ["x"]) == {"mean": 2.5}


def test_error_matrix_counts_rows_by_actual() -> None:
    pairs = [(0, 0), (0, 1), (2, 2), (2, 2)]
    source = features(Feature(None, {"a": a, "p": p}) for a, p in pairs)
    matrix = op("errorMatrix", source, "a", "p", None)
    assert matrix.type == "ConfusionMatrix"
    assert matrix.args["array"].tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 2]]
    assert op("errorMatrix", source, "a", "p", [2, 0]).args["array"].tolist() == [[2, 0], [0, 1]]
    with pytest.raises(EngineError, match=r"'a' has the value 0.5"):
        op("errorMatrix", features([Feature(None, {"a": 0.5, "p": 1})]), "a", "p", None)


# Geometry


def test_geometries_merge() -> None:
    points = features(Feature(build("Point", xy)) for xy in ([0, 0], [1, 1], [0, 0]))
    assert op("geometry", points, None).geojson()["coordinates"] == [[0, 0], [1, 1], [0, 0]]
    areas = features([Feature(box(0, 0, 2)), Feature(None), Feature(box(1, 0, 2))])
    merged = op("geometry", areas, None)
    assert merged.shape.area == pytest.approx(6) and not merged.geodesic
    assert op("geometry", made([1]), None).shape.is_empty
    (union,) = op("union", areas, None).elements
    assert union.id == "union_result" and union.geometry.shape.area == pytest.approx(6)


def test_bounds_are_in_the_asked_projection() -> None:
    areas = features([Feature(box(0, 0, 1)), Feature(box(2, 3, 1))])
    assert op("bounds", areas, ErrorMargin(0.0), Projection()).shape.bounds == (0, 0, 3, 4)
    mercator = op("bounds", areas, ErrorMargin(0.0), Projection("EPSG:3857"))
    assert mercator.crs == "EPSG:3857" and mercator.shape.bounds[2] == pytest.approx(333958.47, abs=0.1)
    assert op("bounds", made([1]), ErrorMargin(0.0), Projection()).shape.is_empty
