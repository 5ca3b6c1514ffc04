import numpy as np
import pytest

from pipeline.engine.ops import segments
from pipeline.errors import EngineError
from tests.engine import arrays

HOME = arrays.grid(40, 42)
VALUES = np.random.default_rng(0).normal(size=(40, 42)).cumsum(1)


def test_canny_keeps_names():
    made = segments.canny(arrays.image(B=VALUES), 0.1, 1.0)
    found = arrays.masked(arrays.pixels(made, HOME)["B"])
    assert found.shape == (40, 42)
    assert found.mask[0].all()
    assert (found.compressed() > 0.1).any()


def test_hough_tiles_agree_with_the_whole():
    data = np.zeros((40, 42), np.uint8)
    data[:, 20] = 255
    made = segments.hough(arrays.image(B=data), 16, 64, 12, False)
    assert made.names == ["B_lines"]
    whole = arrays.pixels(made, HOME)["B_lines"].data
    assert whole[8:32, 20].all()
    np.testing.assert_array_equal(arrays.pixels(made, HOME[9:30, 3:33])["B_lines"].data, whole[9:30, 3:33])


@pytest.mark.parametrize("kind", ["square", "hex"])
def test_seeds_are_spaced_and_the_same_in_all_tiles(kind):
    made = segments.seed_grid(6, kind)
    whole = arrays.pixels(made, HOME)["seeds"].data
    assert whole.sum() == pytest.approx(40 * 42 / 36, abs=8)
    np.testing.assert_array_equal(arrays.pixels(made, HOME[7:, 5:])["seeds"].data, whole[7:, 5:])


def test_snic_names_and_means():
    made = segments.snic(arrays.image(a=VALUES, b=-VALUES), 8, 1.0, 8, None, None)
    assert made.names == ["clusters", "a_mean", "b_mean", "seeds"]
    found = {n: arrays.masked(p) for n, p in arrays.pixels(made, HOME).items()}
    clusters = found["clusters"].filled(-1)
    for number in np.unique(clusters):
        member = clusters == number
        np.testing.assert_allclose(found["a_mean"][member], VALUES[member].mean())
    np.testing.assert_allclose(found["b_mean"], -found["a_mean"])
    assert len(np.unique(clusters)) == found["seeds"].sum()


def test_touching_seeds_are_one_cluster():
    seeds = np.zeros((40, 42), np.uint8)
    seeds[10, 10:14] = seeds[30, 30] = 1
    made = segments.snic(arrays.image(a=VALUES), 5, 1.0, 8, 60, arrays.image(s=seeds))
    assert made.names == ["clusters", "a_mean"]
    assert len(np.unique(arrays.pixels(made, HOME)["clusters"].data)) == 2


def test_mistakes_are_named():
    with pytest.raises(EngineError, match="connectivity must be 4 or 8"):
        segments.snic(arrays.image(a=VALUES), 5, 1.0, 6, None, None)
    with pytest.raises(EngineError, match="gridType"):
        segments.seed_grid(5, "round")
