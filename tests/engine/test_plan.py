"""Evaluating plans: sharing, grouping, order, and masks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.plan import (
    Around,
    Constant,
    Local,
    Part,
    Pixels,
    both,
    evaluate,
    everywhere,
    is_everywhere,
    place_in,
    valid,
)
from tests.engine.arrays import ArrayPlan, grid

HERE = grid(4, 5)


@dataclass(frozen=True)
class Source:
    """A band of a source that counts how often and for how many bands it is read."""

    name: str
    reads: list[int] = field(default_factory=list, compare=False)
    group = "file"

    def needs(self, box: Any) -> Sequence[Any]:
        return ()

    def read_group(self, plans: Sequence[Any], box: Any) -> list[Pixels]:
        self.reads.append(len(plans))
        return [Pixels(np.full(box.shape, ord(p.name)), everywhere(box.shape)) for p in plans]


def total(*layers: Pixels) -> Pixels:
    return Pixels(sum(p.data for p in layers), both(layers[0].mask, *(p.mask for p in layers[1:])))


def test_bands_of_one_source_are_read_together_and_equal_bands_once() -> None:
    reads: list[int] = []
    a, again, b = Source("a", reads), Source("a", reads), Source("b", reads)
    (result,) = evaluate([Local(total, (Local(total, (a, b)), again))], HERE)
    assert reads == [2]
    assert (result.data == 2 * ord("a") + ord("b")).all()


def test_a_shared_plan_is_computed_once() -> None:
    calls: list[int] = []

    def once(p: Pixels) -> Pixels:
        calls.append(1)
        return p

    shared = Local(once, (Constant(3, np.dtype(np.int16)),))
    first, second = evaluate([Local(total, (shared, shared)), shared], HERE)
    assert calls == [1]
    assert (first.data == 6).all() and (second.data == 3).all()


def test_a_chain_of_thousands_is_fine() -> None:
    plan: Any = Constant(0, np.dtype(np.int32))
    for _ in range(5000):
        plan = Local(lambda p: Pixels(p.data + 1, p.mask), (plan,))
    assert (evaluate([plan], grid(1, 1))[0].data == 5000).all()


def test_a_neighbourhood_gets_its_padding_and_parts_come_apart() -> None:
    data = np.arange(20.0).reshape(4, 5)
    source = ArrayPlan(data, np.ones((4, 5), bool), HERE)

    def shifted(box: Any, p: Pixels) -> tuple[Pixels, Pixels]:
        return Pixels(p.data[1:-1, :-2], p.mask[1:-1, :-2]), Pixels(p.data[1:-1, 2:], p.mask[1:-1, 2:])

    whole = Around(shifted, (source,), lambda box: (1, 1))
    left, right = evaluate([Part(whole, 0), Part(whole, 1)], HERE)
    assert np.array_equal(left.data[:, 1:], data[:, :-1]) and not left.mask[:, 0].any()
    assert np.array_equal(right.data[:, :-1], data[:, 1:]) and not right.mask[:, -1].any()


def test_what_a_neighbourhood_needs_around_serves_for_the_middle_too() -> None:
    home = grid(10, 12)
    array = ArrayPlan(np.arange(120.0).reshape(10, 12), np.ones((10, 12), bool), home)
    sizes: list[tuple[int, int]] = []

    def twice(p: Pixels) -> Pixels:
        sizes.append(p.data.shape)
        return Pixels(p.data * 2, p.mask)

    def left(box: Any, p: Pixels) -> Pixels:
        return Pixels(p.data[2:-2, 1:-5], p.mask[2:-2, 1:-5])

    doubled = Local(twice, (array,))
    beside = Around(left, (doubled,), lambda box: (3, 2))
    here = home[3:7, 4:9]
    plain, moved, both_of = evaluate([doubled, beside, Local(total, (doubled, beside))], here)
    assert sizes == [(8, 11)]
    np.testing.assert_array_equal(plain.data, 2 * array.data[3:7, 4:9])
    np.testing.assert_array_equal(moved.data, 2 * array.data[3:7, 2:7])
    np.testing.assert_array_equal(both_of.data, plain.data + moved.data)
    other = grid(10, 12, 20)
    assert place_in(here, home) == (slice(3, 7), slice(4, 9))
    assert place_in(home, here) is None and place_in(other[3:7, 4:9], home) is None


def test_an_error_in_a_plan_reaches_the_caller() -> None:
    def fail(p: Pixels) -> Pixels:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        evaluate([Local(fail, (Constant(1, np.dtype(np.int8)),))], HERE)


masks = st.sampled_from(["all", "bool", "part"])


@given(masks, masks, st.integers(0, 100))
def test_masks_meet_as_minimum(first: str, second: str, seed: int) -> None:
    rng = np.random.default_rng(seed)

    def make(kind: str) -> Any:
        if kind == "all":
            return everywhere((3, 3))
        return rng.random((3, 3)) < 0.5 if kind == "bool" else rng.random((3, 3)).astype(np.float32)

    a, b = make(first), make(second)
    result = both(a, b)
    assert np.array_equal(np.asarray(result, np.float32), np.minimum(a.astype(np.float32), b.astype(np.float32)))
    assert np.array_equal(valid(result), valid(a) & valid(b))
    assert is_everywhere(result) == (first == second == "all")
