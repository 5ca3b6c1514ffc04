"""The learners: against scikit-learn's own and textbook formulas, with gaps, and on Landsat's classic table."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.covariance import ledoit_wolf
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import check_estimator

from pipeline.errors import MinecoverError
from pipeline.models import baselines
from pipeline.models.baselines import LEARNERS, EqualBayes, MaximumLikelihood, VotingSVC
from pipeline.models.duels import log_shares, votes

STATLOG = Path(__file__).parents[3] / "shared/data/statlog-landsat"
ACCURACY = {"RF": 0.90, "SVM": 0.90, "KNN": 0.89, "ANN": 0.88, "Bayes": 0.78, "ML": 0.83}


def clouds(seed: int, counts: tuple[int, ...] = (60, 30, 90), p: int = 4) -> tuple[NDArray[Any], NDArray[Any]]:
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(1, len(counts) + 1), counts)
    mixing = rng.normal(size=(len(counts) + 1, p, p))
    return np.einsum("ij,ijk->ik", rng.normal(size=(len(y), p)), mixing[y]) + 2 * rng.normal(size=(9, p))[y], y


@pytest.mark.parametrize("name", LEARNERS)
def test_each_learns_with_gaps_and_an_empty_column_and_repeats_itself(name: str) -> None:
    X, y = clouds(0)
    X[np.random.default_rng(1).random(X.shape) < 0.05] = np.nan
    X = np.column_stack([X, np.full(len(X), np.nan)])
    first, again = (LEARNERS[name](3).fit(X, y).predict(X) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert np.mean(first == y) > 0.7
    clone(LEARNERS[name](0))


def test_maximum_likelihood_is_the_gaussian_density() -> None:
    X, y = clouds(2)
    found = MaximumLikelihood().fit(X, y)
    densities = [multivariate_normal(X[y == c].mean(axis=0), ledoit_wolf(X[y == c])[0]).pdf(X) for c in found.classes_]
    shares = np.column_stack(densities) / np.sum(densities, axis=0)[:, None]
    np.testing.assert_allclose(found.predict_proba(X), shares, rtol=1e-6, atol=1e-12)
    np.testing.assert_array_equal(found.predict(X), found.classes_[shares.argmax(axis=1)])


def test_bayes_has_equal_priors() -> None:
    X, y = clouds(3)
    ours = EqualBayes().fit(X, y)
    np.testing.assert_allclose(
        ours.predict_proba(X), GaussianNB(priors=[1 / 3] * 3).fit(X, y).predict_proba(X), atol=1e-12
    )


def test_maximum_likelihood_says_when_samples_are_few() -> None:
    X, y = clouds(4, counts=(20, 5), p=8)
    with pytest.warns(UserWarning, match="5 samples for 8 features"):
        assert np.isfinite(MaximumLikelihood().fit(X, y).predict_proba(X)).all()
    with pytest.raises(MinecoverError, match="none with more than one"):
        MaximumLikelihood().fit(X[19:21], y[19:21])


@pytest.mark.filterwarnings("ignore:a class has")
def test_maximum_likelihood_lends_a_covariance_to_a_class_of_one_sample() -> None:
    X, y = clouds(4, counts=(20, 20, 1), p=2)
    found = MaximumLikelihood().fit(X, y)
    np.testing.assert_allclose(
        found.factors_[2] @ found.factors_[2].T,
        np.mean([f @ f.T for f in found.factors_[:2]], axis=0),
        rtol=1e-6,
    )
    assert found.predict(X[-1:]) == y[-1]


@pytest.mark.filterwarnings("ignore:a class has", "ignore:Skipping check")
@pytest.mark.parametrize("learner", [MaximumLikelihood(), EqualBayes(), VotingSVC()], ids=lambda e: type(e).__name__)
def test_ours_keep_the_contract_of_scikit_learn(learner: Any) -> None:
    expected = {"check_fit2d_1sample": "refused in our own words"}
    if isinstance(learner, SVC):
        for kind in ("dense", "sparse"):
            expected[f"check_sample_weight_equivalence_on_{kind}_data"] = "scikit-learn's own fails it too"
    results = check_estimator(learner, on_fail=None, expected_failed_checks=expected)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert not failed


def test_forests_are_as_large_as_asked() -> None:
    X, y = clouds(5)
    assert len(baselines.forest(7)(0).fit(X, y).estimators_) == 7


@pytest.mark.slow
@pytest.mark.skipif(not STATLOG.is_dir(), reason="the shared data are not here")
@pytest.mark.parametrize("name", LEARNERS)
def test_landsat_accuracies_of_the_literature(name: str) -> None:
    tables = [np.genfromtxt(STATLOG / f, skip_header=0) for f in ("sat.trn", "sat.tst")]
    (train, y), (test, truth) = ((t[:, :36], t[:, 36].astype(int)) for t in tables)
    assert np.mean(LEARNERS[name](0).fit(train, y).predict(test) == truth) > ACCURACY[name]


@pytest.mark.parametrize("counts", [(60, 30, 90, 40), (60, 50)])
def test_a_voting_machine_answers_as_scikit_learn_and_its_probabilities_agree(counts: tuple[int, ...]) -> None:
    X, y = clouds(6, counts=counts, p=2)
    ours, theirs = VotingSVC(gamma=2.0).fit(X, y), SVC(gamma=2.0, break_ties=True).fit(X, y)
    grid = np.random.default_rng(7).uniform(-12, 12, (4000, 2))
    shares = ours.predict_proba(grid)
    np.testing.assert_array_equal(ours.predict(grid), theirs.predict(grid))
    np.testing.assert_array_equal(ours.classes_[shares.argmax(axis=1)], theirs.predict(grid))
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    if len(counts) > 2:
        np.testing.assert_allclose(votes(ours.duels(grid), len(counts)), theirs.decision_function(grid), atol=1e-9)
        sure = (np.sort(shares, axis=1)[:, -1] > 0.9).mean()
        assert (np.sort(VotingSVC(gamma=2.0, sharpness=9).fit(X, y).predict_proba(grid))[:, -1] > 0.9).mean() > sure


def test_a_duel_is_taken_as_odds() -> None:
    found = np.exp(log_shares(np.array([[0.5], [-2.0]]), 2, 3.0))
    np.testing.assert_allclose(found[:, 0] / found[:, 1], np.exp([1.5, -6.0]))
    # 0 wins both of its duels by little; 1 loses by little and wins by much: they change places.
    changed = np.exp(log_shares(np.array([[0.1, 0.1, 5.0]]), 3, 1.0))[0]
    win = 1 / (1 + np.exp(-np.array([0.1, 0.1, 5.0])))
    all_won = np.array([win[0] * win[1], (1 - win[0]) * win[2], (1 - win[1]) * (1 - win[2])])
    np.testing.assert_allclose(changed, all_won[[1, 0, 2]] / all_won.sum())


def test_shrinkage_by_a_fixed_share() -> None:
    X, y = clouds(2)
    found = MaximumLikelihood(shrinkage=0.3).fit(X, y)
    cov = np.cov(X[y == 2].T, ddof=0)
    expected = 0.7 * cov + 0.3 * np.trace(cov) / 4 * np.eye(4)
    np.testing.assert_allclose(found.factors_[1] @ found.factors_[1].T, expected, rtol=1e-6)


def test_bayes_may_go_by_the_samples_shares() -> None:
    X, y = clouds(3)
    ours, theirs = EqualBayes(equal=False, var_smoothing=1e-3).fit(X, y), GaussianNB(var_smoothing=1e-3).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X))
