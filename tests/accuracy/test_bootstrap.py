"""Intervals by drawing blocks: they hold the truth as often as they say, and differ from those of single samples."""

import numpy as np
import pytest

from pipeline.accuracy.bootstrap import scored, weights
from pipeline.accuracy.matrix import EACH, OVERALL, confusion, measures
from pipeline.accuracy.score import model_accuracy
from pipeline.errors import MinecoverError

CODES = (1, 2, 3)


def district(rng: np.random.Generator, blocks: int = 60, each: int = 8, rare: int = 0) -> tuple[np.ndarray, ...]:
    """Samples whose chance to be called right is a matter of their block; 0.75 on average.

    The third class lies in the first `rare` blocks only, if any are named.
    """
    block = np.repeat(np.arange(blocks), each)
    truth = rng.choice(CODES, len(block), p=[0.5, 0.3, 0.2])
    if rare:
        truth = np.where((block < rare) & (rng.random(len(block)) < 0.5), 3, np.minimum(truth, 2))
    right = rng.random(len(block)) < rng.beta(3, 1, blocks)[block]
    other = (truth + rng.integers(0, 2, len(truth))) % 3 + 1
    return truth, np.where(right, truth, other), block


def test_every_measure_of_a_draw_is_that_of_the_drawn_blocks() -> None:
    truth, predicted, block = district(np.random.default_rng(0), 10, 5)
    found = scored(truth, predicted, block, CODES, 30, 4)
    for draw, weight in enumerate(weights(10, 30, 4)):
        rows = np.concatenate([np.flatnonzero(block == b) for b in range(10) for _ in range(int(weight[b]))])
        m = measures(confusion(truth[rows], predicted[rows], CODES))
        for name in OVERALL:
            assert float(found.drawn.overall(name)[draw]) == pytest.approx(float(m.overall(name)), nan_ok=True)
        for name in EACH:
            assert np.allclose(getattr(found.drawn, name)[draw], getattr(m, name), equal_nan=True)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng, hits = np.random.default_rng(0), 0
    for run in range(400):
        found = scored(*district(rng, 100), CODES, 500, run).figure("oa")
        hits += found.low <= 0.75 <= found.high
    assert 0.92 <= hits / 400 <= 0.98


@pytest.mark.parametrize(("blocks", "rare"), [(10, 0), (20, 0), (30, 5), (30, 8)])
def test_few_blocks_widen_intervals_until_they_hold_the_truth_nearly_as_often(blocks: int, rare: int) -> None:
    """The middle 95 % of draws would hold it in 90 and 94 % of cases, and for the classes in 86 and 90 %."""
    rng, hits = np.random.default_rng(1), 0
    for run in range(400):
        found = scored(*district(rng, blocks, rare=rare), CODES, 500, run)
        figure = found.figure("pa", 2) if rare else found.figure("oa")
        hits += figure.low <= 0.75 <= figure.high
    assert 0.915 <= hits / 400 <= 0.985


def test_samples_drawn_one_by_one_would_promise_too_much() -> None:
    truth, predicted, block = district(np.random.default_rng(3), 40, 25)
    by_block, by_sample = (scored(truth, predicted, b, CODES).figure("oa") for b in (block, np.arange(len(block))))
    assert by_block.high - by_block.low > 1.5 * (by_sample.high - by_sample.low)


def test_the_same_draws_make_differences_narrower() -> None:
    truth, predicted, block = district(np.random.default_rng(1), 30)
    rng = np.random.default_rng(2)
    other = np.where(rng.random(len(truth)) < 0.03, 1, predicted)
    a, b = (scored(truth, p, block, CODES) for p in (predicted, other))
    alone, paired = a.figure("oa"), a.less(b).oa
    assert paired.value == pytest.approx(float(a.measured.oa - b.measured.oa))
    assert paired.high - paired.low < 0.5 * (alone.high - alone.low)
    same = a.less(a)
    assert all(getattr(same, n) == getattr(same, n).__class__(value=0, low=0, high=0) for n in OVERALL)


def test_one_block_has_no_interval_and_a_rare_class_says_how_often_it_was_undefined() -> None:
    one = scored([1, 2, 2], [1, 2, 1], [5, 5, 5], CODES)
    assert one.figure("oa").value == pytest.approx(2 / 3)
    assert one.figure("oa").low is None and one.figure("pa", 2).value is None
    rare = scored([1] * 20 + [3, 3], [1] * 20 + [3, 3], np.arange(22), CODES).figure("pa", 2)
    assert (rare.value, rare.low, rare.high) == (1, 1, 1)
    assert rare.undefined == pytest.approx((20 / 22) ** 22, abs=0.03)
    alone = scored([1] * 20 + [3], [1] * 20 + [3], np.arange(21), CODES).figure("pa", 2)
    assert (alone.value, alone.low, alone.high) == (1, None, None)


def test_classes_in_few_blocks_are_named() -> None:
    truth = np.array([1] * 60 + [3] * 2)
    found, scores = model_accuracy("RF", "s", truth, {0: truth}, np.arange(62) // 2, {1: "a", 2: "b", 3: "c"}, 100)
    assert scores.blocks_of.tolist() == [30, 0, 1]
    assert found.notes == ("samples in fewer than 5 blocks: c; their intervals, and those of means, are rough",)
    few, _ = model_accuracy("RF", "s", truth, {0: truth}, np.zeros(62, int), {1: "a", 2: "b", 3: "c"}, 100)
    assert few.notes == ("all samples lie in one block: no interval can be had",)


def test_only_the_same_samples_can_be_paired() -> None:
    a, b = (scored(*district(np.random.default_rng(0), blocks), CODES, 100) for blocks in (10, 11))
    with pytest.raises(MinecoverError, match="same samples"):
        a.less(b)


def test_the_same_seed_gives_the_same_interval() -> None:
    sample = district(np.random.default_rng(0))
    figures = [scored(*sample, CODES, 300, seed).figure("kappa") for seed in (1, 1, 2)]
    assert figures[0] == figures[1] != figures[2]
