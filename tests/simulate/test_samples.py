"""Labels are set as an interpreter sets them, with the errors that are stated; the reference sample is drawn by lot."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial import cKDTree

from pipeline.simulate import samples
from pipeline.simulate.district import CLASSES, PIXEL, Land, Place

PLACE = Place(2000)


def land(seed: int = 0, year: int = 2021, place: Place = PLACE) -> Land:
    """A land of six classes in some hundred parcels, the same material everywhere."""
    shape, rng = place.shape(), np.random.default_rng(seed)
    kinds = rng.permutation(np.repeat([1, 2, 3, 4, 5, 6], [38, 5, 12, 25, 20, 20]))
    cells = np.stack(np.mgrid[: shape[0], : shape[1]], -1)
    codes = kinds[cKDTree(rng.uniform(0, shape[0], (len(kinds), 2))).query(cells)[1]]
    use = np.kron(codes, np.ones((4, 4), int)).astype(np.uint8)
    flat = np.zeros(shape, np.float32)
    return Land(year, place, use, use, flat, flat, flat, flat)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 5), st.integers(1, 5))
def test_the_majority_is_that_of_sixteen_squares(seed: int, rows: int, columns: int) -> None:
    use = np.random.default_rng(seed).integers(1, 7, (4 * rows, 4 * columns)).astype(np.uint8)
    found = samples.majority(use)
    for row in range(rows):
        for column in range(columns):
            counts = np.bincount(use[4 * row : 4 * row + 4, 4 * column : 4 * column + 4].ravel(), minlength=7)
            assert found[row, column] == np.flatnonzero(counts == counts.max())[0]


def test_counts_are_those_of_the_source_study_where_there_is_room() -> None:
    assert sum(samples.COUNTS.values()) == 2870
    made = land()
    room = np.bincount(samples.majority(made.use).ravel(), minlength=7) // samples.PIXELS_A_POINT
    points, _ = samples.labels(made, 0)
    for code, count in samples.COUNTS.items():
        assert (points.code == code).sum() == min(count, room[code])
    assert (points.code == 4).sum() == 200
    assert 0 < (points.code == 2).sum() < 200  # a twentieth of this land is water: too little for 200


def test_a_missing_class_gets_no_points() -> None:
    made = land()
    made.use[made.use == 2] = 1
    points, _ = samples.labels(made, 0)
    assert (points.code == 2).sum() == 0


def test_points_lie_in_the_pixel_they_name_and_apart_from_each_other() -> None:
    points, _ = samples.labels(land(), 1)
    assert np.array_equal((points.x - PLACE.west) // PIXEL, points.column)
    assert np.array_equal((PLACE.north - points.y) // PIXEL, points.row)
    pairs = cKDTree(np.stack([points.row, points.column], 1)).query_pairs(1.5)
    assert not pairs


def test_without_errors_every_label_is_right_and_most_lie_inside_patches() -> None:
    made = land()
    truth = samples.majority(made.use)
    points, wrong = samples.labels(made, 0, wrong=0)
    assert wrong == 0
    assert np.array_equal(truth[points.row, points.column], points.code)
    same = ndimage.minimum_filter(truth, 3) == ndimage.maximum_filter(truth, 3)
    inside, chance = same[points.row, points.column].mean(), same.mean()
    assert inside > max(0.88, chance)
    assert inside < 1


@pytest.mark.parametrize("share", [samples.WRONG, 0.1])
def test_the_share_of_wrong_labels_is_the_one_stated(share: float) -> None:
    made = land()
    truth = samples.majority(made.use)
    counted = total = 0
    for seed in range(4):
        points, wrong = samples.labels(made, seed, share)
        assert wrong == (truth[points.row, points.column] != points.code).sum()
        counted, total = counted + wrong, total + len(points.code)
    spread = np.sqrt(total * share * (1 - share))
    assert abs(counted - total * share) < 4 * spread


def test_wrong_labels_are_likely_mistakes() -> None:
    made = land()
    truth = samples.majority(made.use)
    points, _ = samples.labels(made, 0, wrong=0.5)
    edge = ndimage.minimum_filter(truth, 5) != ndimage.maximum_filter(truth, 5)
    really, slipped = truth[points.row, points.column], edge[points.row, points.column]
    for label, confused in samples.MISREAD.items():
        assert sum(confused.values()) == pytest.approx(1)
        misread = (points.code == label) & (really != label) & ~slipped
        assert set(np.unique(really[misread])) <= set(confused)


def test_labels_come_in_groups() -> None:
    """The nearest point with the same label is nearer than among as many points thrown at random into the class."""
    made = land()
    truth = samples.majority(made.use)
    points, _ = samples.labels(made, 0, wrong=0)
    own = np.stack([points.row, points.column], 1)[points.code == 4]
    cells = np.argwhere(truth == 4)
    thrown = cells[np.random.default_rng(0).choice(len(cells), len(own), replace=False)]
    near, far = (np.median(cKDTree(p).query(p, 2)[0][:, 1]) for p in (own, thrown))
    assert near < far


def test_nothing_in_the_table_tells_which_labels_are_wrong() -> None:
    points, _ = samples.labels(land(), 0, wrong=0.2)
    truth = samples.majority(land().use)
    table = points.table(PLACE.crs)
    assert list(table.columns) == ["id", "class", "code", "geometry"]
    assert table["id"].tolist() == list(range(1, len(table) + 1))
    assert (table["class"] == [CLASSES[code] for code in table["code"]]).all()
    wrong = truth[points.row, points.column] != points.code
    half = len(wrong) // 2
    assert abs(wrong[:half].mean() - wrong[half:].mean()) < 4 * np.sqrt(0.2 * 0.8 / half * 2)


def test_labels_are_the_same_for_the_same_seed_and_others_for_another() -> None:
    one, two, other = (samples.labels(land(), seed)[0] for seed in (0, 0, 1))
    assert np.array_equal(one.x, two.x)
    assert np.array_equal(one.code, two.code)
    assert not np.array_equal(np.sort(one.x), np.sort(other.x))


def test_the_reference_sample_is_unbiased() -> None:
    made = land(place=Place(1000))
    truth = samples.majority(made.use)
    size = samples.reference_size(made.place)
    assert size == 500
    draws = [samples.reference((made,), seed)[0] for seed in range(150)]
    for code in CLASSES:
        shares = [(points.code == code).mean() for points in draws]
        real = (truth == code).mean()
        # Without replacement the spread is a little less than the binomial one.
        spread = np.sqrt(real * (1 - real) / size * (1 - size / truth.size))
        assert abs(np.mean(shares) - real) < 4 * spread / np.sqrt(len(shares))
        assert np.std(shares) == pytest.approx(spread, rel=0.25)


def test_the_reference_sample_has_no_errors_and_stays_in_its_place() -> None:
    one, two = land(0, 2021), land(1, 2022)
    first, second = samples.reference((one, two), 0)
    assert np.array_equal(first.x, second.x)
    assert len(np.unique(first.row * PLACE.shape()[1] + first.column)) == len(first.row) == 1500
    for made, points in ((one, first), (two, second)):
        assert np.array_equal(samples.majority(made.use)[points.row, points.column], points.code)
    assert not np.array_equal(first.code, second.code)
