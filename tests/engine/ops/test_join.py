from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.collection import Collection, Feature, features, images
from pipeline.engine.image import Image
from pipeline.engine.ops.filter import TABLE as FILTERS
from pipeline.engine.ops.join import TABLE
from pipeline.engine.ops.spatialfilter import TABLE as SPATIAL
from pipeline.engine.space.geometry import build
from pipeline.engine.values import Filter, Join
from pipeline.errors import EngineError

VALUES = st.lists(st.one_of(st.integers(0, 4), st.none(), st.sampled_from(["a", 1.0])), max_size=6)
SAME = FILTERS["Filter.equals"]("x", None, "x")
NEVER = FILTERS["Filter.never"]()


def made(values: list[Any], **more: list[Any]) -> Collection:
    extra = [dict(zip(more, row, strict=True)) for row in zip(*more.values(), strict=True)] or [{}] * len(values)
    return features(Feature(None, {"x": v, **e}) for v, e in zip(values, extra, strict=True))


def joined(join: Join, left: Collection, right: Collection, condition: Filter) -> list[Any]:
    elements: list[Any] = TABLE["Join.apply"](join, left, right, condition).elements
    return elements


def xs(elements: list[Any]) -> list[Any]:
    return [e.properties["x"] for e in elements]


def conditions() -> list[Filter]:
    close = FILTERS["Filter.maxDifference"](1, "x", None, "x")
    less = FILTERS["Filter.lessThan"]("x", None, "x")
    return [SAME, close, less, FILTERS["Filter.and"]([less, close]), FILTERS["Filter.or"]([SAME, less])]


@given(VALUES, VALUES, st.integers(0, 4))
def test_joins_keep_exactly_the_pairs_that_pass(left: list[Any], right: list[Any], which: int) -> None:
    condition, a, b = conditions()[which], made(left), made(right)
    pairs = [(x, y) for x in a.elements for y in b.elements if condition.pair(x, y)]
    matched = [x for x in a.elements if any(x is p for p, _ in pairs)]
    assert joined(TABLE["Join.simple"](), a, b, condition) == matched
    assert joined(TABLE["Join.inverted"](), a, b, condition) == [x for x in a.elements if x not in matched]
    inner = joined(TABLE["Join.inner"]("p", "s", None), a, b, condition)
    assert [(e.properties["p"], e.properties["s"]) for e in inner] == pairs
    every = joined(TABLE["Join.saveAll"]("m", None, True, None, False), a, b, condition)
    assert [(e.id, [m.id for m in e.properties["m"]]) for e in every] == [
        (x.id, [q.id for p, q in pairs if p is x]) for x in matched
    ]


def test_spatial_joins_use_footprints() -> None:
    ring = [[0, 0], [10, 0], [0, 10]]
    left = features([Feature(build("Polygon", ring, geodesic=False), {"x": 1}), Feature(None, {"x": 2})])
    right = features([Feature(build("Point", xy)) for xy in ([9, 9], [1, 1], [2, 2])] + [Feature(None)])
    inside = SPATIAL["Filter.intersects"](".geo", None, ".geo")
    every = joined(TABLE["Join.saveAll"]("m", None, True, None, True), left, right, inside)
    assert [[m.id for m in e.properties["m"]] for e in every] == [["1", "2"], []]


def test_inner_pairs_are_features_with_measures() -> None:
    close = FILTERS["Filter.maxDifference"](2, "x", None, "x")
    (pair,) = joined(TABLE["Join.inner"]("primary", "secondary", "gap"), made([1]), made([2.5]), close)
    assert pair.geometry is None and pair.id == "0_0"
    assert pair.properties["gap"] == 1.5 and pair.properties["secondary"].properties == {"x": 2.5, "system:index": "0"}


def test_save_all_orders_and_measures_its_matches() -> None:
    right = made([1, 2, 3], order=["b", "a", "c"])
    close = FILTERS["Filter.maxDifference"](5, "x", None, "x")
    (row,) = joined(TABLE["Join.saveAll"]("m", "order", False, "gap", False), made([0]), right, close)
    assert xs(row.properties["m"]) == [3, 1, 2]
    assert [m.properties["gap"] for m in row.properties["m"]] == [3, 1, 2]
    assert "gap" not in right.elements[0].properties


def test_save_first_and_save_best() -> None:
    close = FILTERS["Filter.maxDifference"](5, "x", None, "x")
    right = made([4, 1, -1], order=[3, 1, 2])
    (first,) = joined(TABLE["Join.saveFirst"]("m", None, True, None, False), made([0]), right, close)
    (ordered,) = joined(TABLE["Join.saveFirst"]("m", "order", True, None, False), made([0]), right, close)
    (best,) = joined(TABLE["Join.saveBest"]("m", "gap", False), made([0]), right, close)
    assert [e.properties["m"].properties["x"] for e in (first, ordered, best)] == [4, 1, 1]
    assert best.properties["m"].properties["gap"] == 1


@pytest.mark.parametrize(
    ("join", "empty"),
    [
        (lambda outer: TABLE["Join.saveAll"]("m", None, True, None, outer), []),
        (lambda outer: TABLE["Join.saveFirst"]("m", None, True, None, outer), None),
    ],
)
def test_unmatched_rows_stay_only_in_outer_joins(join: Any, empty: Any) -> None:
    assert joined(join(False), made([1]), made([2]), SAME) == []
    assert [e.properties["m"] for e in joined(join(True), made([1]), made([2]), SAME)] == [empty]


def test_save_best_needs_a_measure() -> None:
    with pytest.raises(EngineError, match=r"Join.saveBest: The condition Filter.equals has no measure"):
        joined(TABLE["Join.saveBest"]("m", "gap", False), made([1]), made([1]), SAME)
    close = FILTERS["Filter.maxDifference"](5, "x", None, "x")
    both = FILTERS["Filter.and"]([close, SAME])
    assert len(joined(TABLE["Join.saveBest"]("m", "gap", False), made([1]), made([1]), both)) == 1


def test_joins_of_images_stay_image_collections_and_read_dates_of_either_side() -> None:
    left, right = images([Image((), {"x": 1})]), images([Image((), {"x": 1})])
    result = TABLE["Join.apply"](TABLE["Join.simple"](), left, right, SAME)
    assert result.kind == "ImageCollection" and len(result.elements) == 1
    one_sided = FILTERS["Filter.and"]([SAME, FILTERS["Filter.equals"](None, None, "x", 1)])
    assert one_sided.pair(left.elements[0], right.elements[0])
    assert not one_sided.pair(left.elements[0], Image((), {"x": 2}))


def test_nothing_matches_never() -> None:
    assert joined(TABLE["Join.simple"](), made([1]), made([1]), NEVER) == []
