import numpy as np
import pytest
from scipy import ndimage

from pipeline.engine.kernels import segments


def test_canny_thins_a_step_to_one_column():
    step = np.zeros((20, 24))
    step[:, 12:] = 10
    pad = segments.canny_pad(1.0)
    found, known = segments.canny(step, np.ones(step.shape, bool), 1.0, 0.5)
    smooth = ndimage.gaussian_filter1d(step, 1.0, truncate=3.0)
    height = (smooth[5, 13] - smooth[5, 11]) / 2
    assert (np.count_nonzero(found, axis=1) == 1).all()
    assert found.max() == pytest.approx(height, rel=1e-6)
    assert found.shape == known.shape == (20 - 2 * pad, 24 - 2 * pad)
    assert known.all()
    assert not segments.canny(step, np.ones(step.shape, bool), 1.0, 10.0)[0].any()


def test_canny_knows_nothing_near_masked_cells():
    valid = np.ones((20, 24), bool)
    valid[10, 10] = False
    _, known = segments.canny(np.zeros((20, 24)), valid, 0.0, 1.0)
    assert known.shape == (16, 20)
    assert (~known).sum() == 9


def test_hough_finds_the_long_line_only():
    active = np.zeros((64, 64), bool)
    active[20, 5:60] = True
    active[40, 5:15] = True
    lines = segments.hough(active, 64, (0, 0), 40, smooth=False)
    assert lines[20].all()
    assert not lines[40, 30:].any()


def test_hough_blocks_do_not_see_each_other():
    active = np.zeros((64, 64), bool)
    active[20] = True
    whole = segments.hough(active, 64, (0, 0), 40, smooth=False)
    halves = segments.hough(active, 32, (0, 0), 40, smooth=False)
    assert whole.any()
    assert not halves.any()


def test_snic_follows_colour_and_leaves_no_hole():
    values = np.zeros((1, 20, 20))
    values[0, :, 9:] = 100.0
    seeds = np.full((20, 20), -1)
    seeds[5, 4], seeds[15, 15] = 0, 1
    labels = segments.snic(values, np.ones((20, 20), bool), seeds, 0.01, True)
    np.testing.assert_array_equal(labels, values[0] > 0)


def test_snic_without_colour_is_nearest_seed_and_keeps_off_masked_cells():
    seeds = np.full((9, 21), -1)
    seeds[4, 3], seeds[4, 17] = 0, 1
    valid = np.ones((9, 21), bool)
    valid[0] = False
    labels = segments.snic(np.zeros((2, 9, 21)), valid, seeds, 1.0, False)
    assert (labels[0] == -1).all()
    assert (labels[4, :8] == 0).all()
    assert (labels[4, 13:] == 1).all()
    assert (labels[1:] >= 0).all()
