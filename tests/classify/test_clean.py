"""Cleaning against the plainest definitions, on maps that lie across many strips."""

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from pipeline.classify import clean
from pipeline.classify.clean import Cleaning, cleaned, majority, patch_count
from pipeline.errors import MinecoverError

NDArray = np.ndarray[Any, Any]

CROSS = ((0, 1, 0), (1, 1, 1), (0, 1, 0))


@pytest.fixture(autouse=True)
def _low_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clean, "STRIP", 5)


def noise(seed: int, height: int, width: int, smooth: float) -> NDArray:
    """Patches of all sizes of four classes, and holes without data."""
    rng = np.random.default_rng(seed)
    fields = ndimage.gaussian_filter(rng.normal(size=(4, height, width)), (0, smooth, smooth))
    codes = np.array([2, 5, 9, 255], np.uint8)[fields.argmax(0)]
    codes[rng.random(codes.shape) < 0.08] = 0
    return codes


def through(codes: NDArray, how: Cleaning) -> NDArray:
    return np.concatenate(list(cleaned(lambda top, bottom: codes[top:bottom], len(codes), how)))


def plain_majority(codes: NDArray, side: int) -> NDArray:
    made, reach = codes.copy(), side // 2
    for y, x in np.argwhere(codes):
        window = codes[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
        values, counts = np.unique(window[window > 0], return_counts=True)
        best = values[counts == counts.max()]
        made[y, x] = codes[y, x] if codes[y, x] in best else best.min()
    return made


def patches(codes: NDArray) -> list[NDArray]:
    """The pixels (n, 2) of each patch."""
    found = []
    for code in np.unique(codes[codes > 0]):
        labels, count = ndimage.label(codes == code, CROSS)
        found += [np.argwhere(labels == n + 1) for n in range(count)]
    return found


def plain_sieve(codes: NDArray, least: int) -> NDArray:
    """The definition, word by word."""
    made = codes.copy()
    while True:
        choices = []
        for pixels in patches(made):
            inside = {tuple(p) for p in pixels.tolist()}
            border: dict[int, int] = {}
            for y, x in inside:
                for there in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                    if there not in inside and min(there) >= 0 and there[0] < len(made) and there[1] < made.shape[1]:
                        border[int(made[there])] = border.get(int(made[there]), 0) + 1
            border.pop(0, None)
            if len(inside) < least and border:
                best = min(code for code, length in border.items() if length == max(border.values()))
                choices.append((len(inside), min(inside), best, inside))
        if not choices:
            return made
        *_, best, inside = min(choices)
        made[tuple(np.transpose(list(inside)))] = best


@pytest.mark.parametrize("side", [3, 5, 7])
@pytest.mark.parametrize("seed", range(3))
def test_majority(side: int, seed: int) -> None:
    codes = noise(seed, 33, 21, seed / 2)
    np.testing.assert_array_equal(through(codes, Cleaning(majority=side)), plain_majority(codes, side))


def test_majority_of_one_row_and_of_nothing() -> None:
    row = np.array([[1, 2, 2, 0, 3]], np.uint8)
    assert majority(row, 3).tolist() == [[1, 2, 2, 0, 3]]
    assert not majority(np.zeros((4, 4), np.uint8), 3).any()


@pytest.mark.parametrize("least", [2, 4, 9, 1000])
@pytest.mark.parametrize("seed", range(4))
def test_small_patches_join_what_surrounds_them(least: int, seed: int) -> None:
    codes = noise(seed, 23, 17, seed / 2)
    np.testing.assert_array_equal(through(codes, Cleaning(least=least)), plain_sieve(codes, least))


def test_both_one_after_the_other() -> None:
    codes = noise(9, 27, 19, 0.5)
    wanted = plain_sieve(plain_majority(codes, 3), 6)
    np.testing.assert_array_equal(through(codes, Cleaning(majority=3, least=6)), wanted)


def test_a_small_patch_without_neighbours_stays() -> None:
    codes = np.zeros((12, 6), np.uint8)
    codes[4:6, 2] = 7
    np.testing.assert_array_equal(through(codes, Cleaning(least=50)), codes)


def test_patches_are_counted_across_strips() -> None:
    codes = noise(3, 40, 30, 1)
    assert patch_count(lambda top, bottom: codes[top:bottom], 40, 1e9) == len(patches(codes))


def test_spirals_that_meet_late() -> None:
    """Arms that turn out to be one patch only in the last rows."""
    codes = np.ones((31, 31), np.uint8)
    codes[:-1, 1::2] = 2
    assert patch_count(lambda top, bottom: codes[top:bottom], 31, 1e9) == 1 + 15
    np.testing.assert_array_equal(through(codes, Cleaning(least=31)), plain_sieve(codes, 31))


def test_more_patches_than_memory_are_refused() -> None:
    codes = np.arange(40 * 30).reshape(40, 30).astype(np.uint8) % 2 + 1
    with pytest.raises(MinecoverError, match=r"classify\.majority_px"):
        through(codes, Cleaning(least=3, memory=5000))
