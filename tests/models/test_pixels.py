"""Baselines that map: what they see, that maps and single patches agree, files, refusals, and Landsat's table."""

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.errors import MinecoverError
from pipeline.models import pixels, restored
from pipeline.models.baselines import LEARNERS
from pipeline.models.fitted import Fitted
from pipeline.models.pixels import PixelModel, See, fitted, seen
from pipeline.models.windows import moments

STATLOG = Path(__file__).parents[3] / "shared/data/statlog-landsat"
CLASSES = ("pit", "<b>dump</b>", "wood")
MAP = (4, 20, 23)  # bands, height, width


def land(seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """A map with gaps and an empty and a constant band, and its classes."""
    rng = np.random.default_rng(seed)
    truth = np.kron(rng.integers(0, 3, (5, 6)), np.ones((4, 4), int))[: MAP[1], : MAP[2]]
    block = (np.random.default_rng(9).normal(size=(3, MAP[0])).T * 3)[:, truth] + rng.normal(size=MAP)
    block[rng.random(MAP) < 0.05] = np.nan
    block[2], block[3] = np.nan, 5
    return block.astype(np.float32), truth


def patches(block: NDArray[Any], size: int) -> NDArray[Any]:
    """The patch of every pixel that has all of it (n, bands, size, size)."""
    windows = np.lib.stride_tricks.sliding_window_view(block, (size, size), axis=(1, 2))
    return windows.transpose(1, 2, 0, 3, 4).reshape(-1, len(block), size, size)


def trained(name: str, see: See = "pixel", classes: Sequence[str] = CLASSES, seconds: float = 0) -> PixelModel:
    block, truth = land()
    size = 5 if see == "patch" else 1
    y = truth[size // 2 : MAP[1] - size // 2, size // 2 : MAP[2] - size // 2].ravel()
    X = seen(patches(block, size), see)
    folds = [(np.flatnonzero(np.arange(len(y)) % 3 != k), np.flatnonzero(np.arange(len(y)) % 3 == k)) for k in range(3)]
    return fitted(name, X, y, classes, folds=folds, seconds=seconds, seed=1, see=see, patch=size)[0]


@pytest.mark.filterwarnings("ignore:class .* has")
@pytest.mark.parametrize("see", ["pixel", "patch"])
@pytest.mark.parametrize("name", ["RF", "SVM", "KNN", "ANN", "Bayes", "ML"])
def test_a_map_agrees_with_its_patches_and_with_its_files(name: str, see: See) -> None:
    model: Fitted = trained(name, see)
    block, _ = land(1)
    found = model.predict(block)
    assert model.halo == (2 if see == "patch" else 0)
    assert found.shape == (3, MAP[1] - 2 * model.halo, MAP[2] - 2 * model.halo) and found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-6)
    middles = model.at(patches(block, 2 * model.halo + 1))[:, :, 0, 0]
    np.testing.assert_allclose(middles, found.reshape(3, -1).T, atol=1e-6)
    again = restored(json.loads(json.dumps(model.spec())), model.files())
    assert again.predict(block).tobytes() == found.tobytes()
    assert again.spec() == model.spec() and again.halo == model.halo
    assert np.isfinite(model.predict(np.full_like(block, np.nan))).all()


def test_settings_are_found_and_told() -> None:
    block, truth = land()
    y = truth.ravel()
    rows = np.arange(len(y))
    folds = [(rows[rows % 2 == k], rows[rows % 2 != k]) for k in range(2)]
    model, found = fitted("ML", seen(patches(block, 1), "pixel"), y, CLASSES, folds=folds, seconds=600, seed=0)
    plain, _ = fitted("ML", seen(patches(block, 1), "pixel"), y, CLASSES, folds=folds, seconds=0, seed=0)
    assert len(found.tried) == 6 and found.best and model.spec()["settings"] == found.best
    assert model.files() != plain.files() and not np.array_equal(model.predict(block), plain.predict(block))


def test_the_sharpness_of_votes_is_found_in_the_folds() -> None:
    assert trained("SVM").machine.sharpness != LEARNERS["SVM"](0)[-1].sharpness  # type: ignore[attr-defined]


def test_patches_are_seen_as_middle_mean_and_deviation() -> None:
    block, _ = land(2)
    few = patches(block, 3)[:40]
    found = seen(few, "patch").reshape(40, 3, 4)
    wide = few.astype(float).reshape(40, 4, 9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of windows without values
        expected = np.stack([wide[:, :, 4], np.nanmean(wide, axis=2), np.nanstd(wide, axis=2)], axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(seen(few, "pixel"), few[:, :, 1, 1])
    assert (found[:, 2, 3] == 0).all()  # of the constant band, exactly


def test_a_window_has_the_same_bytes_wherever_it_lies() -> None:
    block, _ = land(3)
    whole = moments(block * 1e3 + 1e5, 5)
    cut = moments((block * 1e3 + 1e5)[:, 6:15, 4:17], 5)
    np.testing.assert_array_equal(cut, whole[:, :, 6:11, 4:13])


def test_strips_of_a_map_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model, (block, _) = trained("Bayes", "patch"), land(1)
    whole = model.predict(block)
    monkeypatch.setattr(pixels, "STRIP", 700)
    np.testing.assert_allclose(model.predict(block), whole, atol=1e-6)


def test_infinite_values_are_gaps() -> None:
    block, _ = land(1)
    infinite = np.where(np.isnan(block), np.inf, block).astype(np.float32)
    for name in ("RF", "Bayes"):
        for see in ("pixel", "patch"):
            model = trained(name, see)  # type: ignore[arg-type]
            np.testing.assert_array_equal(model.predict(infinite), model.predict(block))


@pytest.mark.parametrize("shape", [(3, 20, 20), (4, 4, 20), (4, 20)])
def test_blocks_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(MinecoverError, match="reads 4 bands and 2 pixels around"):
        trained("Bayes", "patch").predict(np.zeros(shape, np.float32))


@pytest.mark.parametrize("shape", [(7, 4, 3, 3), (7, 4, 5, 7), (7, 2, 5, 5), (4, 5, 5)])
def test_patches_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(MinecoverError, match="reads 4 bands and 2 pixels around"):
        trained("Bayes", "patch").at(np.zeros(shape, np.float32))


def few(counts: Sequence[int], classes: Sequence[str], folds: int = 3, name: str = "Bayes") -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    X = np.random.default_rng(0).normal(size=(len(y), 2))
    rows = np.arange(len(y))
    pairs = [(rows[rows % folds != k], rows[rows % folds == k]) for k in range(folds)]
    fitted(name, X, y, classes, folds=pairs, seconds=0, seed=0)


def test_too_few_classes_or_samples_are_refused_with_counts() -> None:
    with pytest.raises(MinecoverError, match=r"needs two classes, and there is one: pit 20"):
        few([20], ["pit"])
    with pytest.raises(MinecoverError, match=r"'wood' has 4 training samples, fewer than 5 \(all: pit 20, wood 4\)"):
        few([20, 4], ["pit", "wood"], folds=5)
    with pytest.raises(MinecoverError, match=r"'wood' has 0 training samples, fewer than 2"):
        few([20, 0], ["pit", "wood"], folds=1)
    with pytest.raises(MinecoverError, match=r"ANN could not be fitted: .* Look at the samples"):
        few([3, 3], ["pit", "wood"], name="ANN")


def test_rough_covariances_are_told() -> None:
    with pytest.warns(UserWarning, match="class 'wood' has 8 samples for 2 features"):
        few([30, 8], ["pit", "wood"], name="ML")
    with pytest.warns(UserWarning, match="'wood' has 2 samples for 2 features.*mostly on shrinkage") as said:
        few([30, 2], ["pit", "wood"], folds=2, name="ML")
    assert len(said) == 1, "told once, by the class's name"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": 4}, "says 4 features and 4 classes, and its file has 4 and 3"),
        ({"features": 5}, "says 5 features and 3 classes"),
        ({"see": "all"}, "sees 'all'"),
        ({"patch": 4}, "of 4 pixels"),
        ({"name": "GBM"}, "no baseline 'GBM'"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(change: dict[str, Any], message: str) -> None:
    model = trained("Bayes")
    with pytest.raises(MinecoverError, match=message):
        pixels.restored(model.spec() | change, model.files())


@pytest.mark.parametrize("key", ["name", "see", "patch", "features", "classes", "settings"])
def test_a_manifest_that_lacks_something_is_refused(key: str) -> None:
    model = trained("Bayes")
    with pytest.raises(MinecoverError, match=f"'{key}' is missing"):
        restored({k: v for k, v in model.spec().items() if k != key}, model.files())


def test_other_files_are_refused() -> None:
    model = trained("Bayes")
    with pytest.raises(MinecoverError, match=r"has the files \['learner.pkl'\]"):
        pixels.restored(model.spec(), {"learner.pkl": b""})


@pytest.mark.slow
@pytest.mark.skipif(not STATLOG.is_dir(), reason="the shared data are not here")
@pytest.mark.parametrize(("name", "literature"), [("RF", 0.911), ("KNN", 0.906)])
def test_landsat_accuracies_of_the_literature(name: str, literature: float) -> None:
    """Statlog's official split: its test part is not from other places, so these are no accuracies of maps."""
    (train, y), (test, truth) = ((t[:, :36], t[:, 36].astype(int)) for t in map(np.genfromtxt, files()))
    codes = np.unique(y)
    model, _ = fitted(name, train, np.searchsorted(codes, y), [str(c) for c in codes], folds=[], seconds=0, seed=0)
    found = codes[model.at(test.astype(np.float32)[:, :, None, None])[:, :, 0, 0].argmax(axis=1)]
    assert np.mean(found == truth) == pytest.approx(literature, abs=0.01)


def files() -> list[Path]:
    return [STATLOG / "sat.trn", STATLOG / "sat.tst"]
