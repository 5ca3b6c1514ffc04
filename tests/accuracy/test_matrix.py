"""Measures of confusion matrices: published counts, scikit-learn, and what must hold of any matrix."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import cohen_kappa_score, f1_score, jaccard_score, precision_score, recall_score

from pipeline.accuracy.matrix import OVERALL, block_confusions, confusion, contradiction, measures
from pipeline.errors import MinecoverError

# TP, FN, FP, TN -> P, R, F1, IoU, kappa, OA of a study of tailings ponds (doi:10.6046/zrzyyg.2021017).
PONDS = {
    "U-Net": ((384533, 71585, 55402, 15217120), (0.874, 0.843, 0.858, 0.752, 0.854, 0.9919)),
    "RF": ((363962, 92156, 82570, 15189952), (0.815, 0.798, 0.806, 0.676, 0.801, 0.9889)),
    "SVM": ((330776, 125342, 79948, 15192574), (0.805, 0.725, 0.763, 0.617, 0.757, 0.9869)),
    "ML": ((312467, 143651, 80981, 15191541), (0.794, 0.685, 0.735, 0.582, 0.728, 0.9857)),
}

# Shares of seven classes and their PA, UA, IoU in per cent, with OA, kappa, mIoU (doi:10.1109/JSTARS.2022.3171290).
SHARES = (7.75, 0.22, 4.99, 1.25, 1.06, 83.30, 1.43)
MINES = {
    "FCN-8s": (
        "86.77/86.91/76.74|72.60/96.60/70.79|84.84/77.28/67.90|0.07/34.64/0.07|10.24/52.70/9.38|98.78/95.38/94.28|5.81/59.25/5.59",
        (93.59, 76.47, 46.39),
    ),
    "U-Net": (
        "95.10/95.04/90.60|90.71/97.81/88.90|92.11/94.84/87.72|77.48/94.20/73.95|74.15/85.20/65.69|99.42/98.67/98.10|87.66/95.64/84.29",
        (97.99, 93.10, 84.18),
    ),
    "ResU-Net": (
        "78.17/90.49/72.23|80.84/90.90/74.78|84.35/82.83/71.80|33.04/59.78/27.04|52.11/73.63/43.92|98.63/96.68/95.40|57.92/51.55/37.50",
        (94.40, 80.23, 60.38),
    ),
    "U-Net++": (
        "60.19/76.20/50.67|81.15/53.25/47.39|61.24/89.92/57.30|0.20/27.79/0.20|33.92/64.87/28.66|99.23/92.52/91.87|5.56/32.94/4.99",
        (91.00, 63.83, 40.15),
    ),
    "U-Net+": (
        "95.13/94.92/90.52|88.46/98.35/87.17|91.41/95.36/87.51|83.36/91.63/77.46|67.69/89.30/62.61|99.52/98.70/98.23|85.26/92.41/79.68",
        (98.01, 93.16, 83.31),
    ),
}

matrices = st.integers(1, 6).flatmap(
    lambda k: arrays.arrays(np.int64, (k, k), elements=st.one_of(st.just(0), st.integers(0, 50)))
).filter(lambda m: m.sum() > 0)  # fmt: skip


@pytest.mark.parametrize("method", PONDS)
def test_counts_of_tailings_ponds_give_the_published_measures(method: str) -> None:
    (tp, fn, fp, tn), published = PONDS[method]
    m = measures([[tp, fn], [fp, tn]])
    assert not contradiction(m)
    found = (m.ua[0], m.pa[0], m.f1[0], m.iou[0], float(m.kappa), float(m.oa))
    assert found[:5] == pytest.approx(published[:5], abs=0.001)  # some are cut off and not rounded there
    assert found[5] == pytest.approx(published[5], abs=0.0001)


@pytest.mark.parametrize("method", MINES)
def test_shares_and_class_accuracies_of_mines_give_the_published_summary(method: str) -> None:
    text, (oa, kappa, miou) = MINES[method]
    pa, ua, iou = np.array([[float(v) for v in c.split("/")] for c in text.split("|")]).T / 100
    matrix = with_margins(np.array(SHARES) / 100, pa, ua)
    m = measures(matrix)
    assert 100 * float(m.oa) == pytest.approx(oa, abs=0.02)
    assert 100 * float(m.kappa) == pytest.approx(kappa, abs=0.15)  # shares are known to two decimals only
    assert 100 * np.abs(m.iou - iou).max() < 0.1
    assert 100 * float(m.overall("mean_iou")) == pytest.approx(miou, abs=0.05)


def with_margins(shares: np.ndarray, pa: np.ndarray, ua: np.ndarray) -> np.ndarray:
    """A matrix with this diagonal and these margins. OA, kappa and all class measures depend on nothing else."""
    hits = shares * pa
    rows, columns = shares - hits, hits / ua - hits
    others = 1 - np.eye(len(shares))
    for _ in range(500):
        others *= (rows / others.sum(1))[:, None]
        others *= columns / others.sum(0)
    return np.diag(hits) + others


@given(matrices)
def test_measures_are_those_of_scikit_learn(matrix: np.ndarray) -> None:
    truth, predicted = (np.repeat(places.ravel(), matrix.ravel()) for places in np.indices(matrix.shape))
    assert np.array_equal(confusion(truth, predicted, np.arange(len(matrix))), matrix)
    m = measures(matrix)
    labels = np.arange(len(matrix))
    options = {"labels": labels, "average": None, "zero_division": np.nan}
    for mine, theirs in ((m.pa, recall_score), (m.ua, precision_score), (m.f1, f1_score)):
        assert np.allclose(mine, theirs(truth, predicted, **options), equal_nan=True)
    there = np.union1d(truth, predicted)
    assert np.allclose(m.iou[there], jaccard_score(truth, predicted, labels=there, average=None))
    assert float(m.oa) == pytest.approx((truth == predicted).mean())
    if len(there) > 1:
        assert float(m.kappa) == pytest.approx(cohen_kappa_score(truth, predicted))
    else:
        assert np.isnan(m.kappa)


@given(matrices)
def test_no_matrix_breaks_the_rules(matrix: np.ndarray) -> None:
    m = measures(matrix)
    assert contradiction(m) is None
    for name in ("pa", "ua", "f1", "iou"):
        values = getattr(m, name)
        assert int(m.left_out(name)) == sum(np.isnan(values))
        assert float(m.overall(f"mean_{name}")) == pytest.approx(np.mean([v for v in values if not np.isnan(v)]))


def test_rules_are_rules() -> None:
    """Each rule can be broken: figures that were tampered with are found out."""
    m = measures([[50, 10], [5, 35]])
    for change in ({"iou": m.iou + 0.1}, {"f1": m.f1 - 0.1}, {"kappa": m.kappa + 0.5}, {"pa": m.pa + 0.5}):
        assert contradiction(replace(m, **change)) is not None


def test_one_class_has_no_kappa_and_a_class_that_is_nowhere_is_left_out_of_means() -> None:
    one = measures([[9]])
    assert float(one.oa) == 1 and np.isnan(one.kappa)
    absent = measures([[5, 0, 0], [1, 4, 0], [0, 0, 0]])
    assert np.isnan(absent.f1[2]) and int(absent.left_out("f1")) == 1
    assert float(absent.overall("mean_pa")) == pytest.approx((1 + 0.8) / 2)
    never_right = measures([[5, 0], [3, 0]])  # class 2 is never predicted: its UA is 0/0, its F1 is 0
    assert np.isnan(never_right.ua[1]) and never_right.f1[1] == 0 and int(never_right.left_out("ua")) == 1


def test_codes_may_come_in_any_order_and_strangers_are_refused() -> None:
    assert confusion([7, 2, 2], [7, 7, 2], [7, 2]).tolist() == [[1, 0], [1, 1]]
    for truth, predicted in (([7, 3], [7, 7]), ([7, 7], [0, 7]), ([7, 200], [7, 7])):
        with pytest.raises(MinecoverError, match="no code of the legend"):
            confusion(truth, predicted, [7, 2])
    with pytest.raises(MinecoverError, match="differ in number"):
        confusion([7], [7, 2], [7, 2])
    with pytest.raises(MinecoverError, match="not one sample"):
        confusion([], [], [7, 2])


def test_matrices_of_blocks_make_up_the_whole() -> None:
    rng = np.random.default_rng(0)
    truth, predicted, blocks = rng.integers(0, 3, 200), rng.integers(0, 3, 200), rng.integers(0, 9, 200) * 1000
    each = block_confusions(truth, predicted, blocks, range(3))
    assert np.array_equal(each.sum(0), confusion(truth, predicted, range(3)))
    for number, block in enumerate(np.unique(blocks)):
        here = blocks == block
        assert np.array_equal(each[number], confusion(truth[here], predicted[here], range(3)))
    many = measures(each)
    for name in OVERALL:
        alone = [float(measures(one).overall(name)) for one in each]
        assert np.allclose(many.overall(name), alone, equal_nan=True)
