"""Networks learn, stop, go on exactly where they were, and answer for samples what a map would say."""

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import MinecoverError
from pipeline.models import answers, checkpoints, restored, training
from pipeline.models.batches import Batches, Labelled, balanced, squares
from pipeline.models.network import blended
from pipeline.models.resnet import Shape
from pipeline.models.scaling import Scaling, fitted
from tests.models import landscapes

BANDS, TRUTH = landscapes.stack()
LESSON, VALUES = landscapes.lesson(BANDS, TRUTH)
QUICK = training.Settings(epochs=6, patience=9, batch=16, rate=3e-3)


def shape(form: str, patch: int = 5) -> Shape:
    return Shape("CNN", form, patch, landscapes.BANDS, landscapes.CLASSES)


def learn(form: str, settings: training.Settings = QUICK, keep: Path | None = None, **others: Any) -> training.Trained:
    return training.train(shape(form), fitted(VALUES), LESSON, settings, keep, **others)


@pytest.fixture(scope="module")
def trained() -> dict[str, training.Trained]:
    return {form: learn(form) for form in ("patch", "dense")}


@pytest.mark.parametrize("form", ["patch", "dense"])
def test_it_learns_and_samples_get_the_answers_of_the_map(trained: dict[str, training.Trained], form: str) -> None:
    network = trained[form].network
    rows, columns = np.random.default_rng(5).integers(0, landscapes.SIDE, (2, 300))
    found = answers(network, LESSON.cut, rows, columns)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    assert np.mean(found.argmax(axis=1) == TRUTH[rows, columns]) > 0.8
    padded = np.pad(BANDS, [(0, 0), *[(network.halo, network.halo)] * 2], constant_values=np.nan)
    whole = network.predict(padded)
    assert whole.shape == (landscapes.CLASSES, landscapes.SIDE, landscapes.SIDE)
    np.testing.assert_allclose(whole[:, rows, columns].T, found, atol=1e-5)


@pytest.mark.parametrize("form", ["patch", "dense"])
def test_the_same_block_gives_the_same_bytes_wherever_it_is_cut(
    trained: dict[str, training.Trained], form: str
) -> None:
    network = trained[form].network
    h = network.halo
    padded = np.pad(BANDS, [(0, 0), (h, h), (h, h)], constant_values=np.nan)
    whole = [network.predict(padded) for _ in range(2)]
    assert whole[0].tobytes() == whole[1].tobytes()
    part = network.predict(padded[:, 32 : 64 + 2 * h, 48 : 80 + 2 * h])
    np.testing.assert_allclose(part, whole[0][:, 32:64, 48:80], atol=1e-5)
    ragged = network.predict(padded[:, 32 : 55 + 2 * h, 48 : 61 + 2 * h])
    assert ragged.shape == (landscapes.CLASSES, 23, 13) and np.isfinite(ragged).all()


def test_squares_that_disagree_are_joined_without_a_seam() -> None:
    four = np.zeros((3, 5, 2, 16, 16), np.float32)
    four[:, :, 1] = 1
    four[:, 2, 0], four[:, 2, 1] = 1, 0  # the third in each row says the other class
    found = blended(four, 8)
    assert found.shape == (2, 16, 32)
    np.testing.assert_allclose(found.sum(axis=0), 1, rtol=1e-6)
    np.testing.assert_allclose(np.abs(np.diff(found[0], axis=1)).max(), 1 / 8, rtol=1e-5)
    assert found[0, :, 15:17].min() > 0.9 and found[0, :, [0, -1]].max() < 0.1
    np.testing.assert_array_equal(blended(four[:, :3], 8), found[:, :, :16])
    np.testing.assert_array_equal(blended(four[:1, :1, :, :1, :1], 1), four[0, 0, :, :1, :1])


def test_it_comes_back_from_its_files(trained: dict[str, training.Trained]) -> None:
    network = trained["dense"].network
    again = restored(network.spec(), network.files())
    patches = np.random.default_rng(0).normal(size=(3, landscapes.BANDS, *[16 + 2 * network.halo] * 2))
    assert again.at(patches).tobytes() == network.at(patches).tobytes()
    with pytest.raises(MinecoverError, match="of another network"):
        restored({**network.spec(), "classes": 4}, network.files())


@pytest.mark.parametrize("change", [
    {"scaling": {"mean": [0.0] * (landscapes.BANDS - 1), "sd": [1.0] * landscapes.BANDS}},
    {"scaling": {"mean": [0.0] * landscapes.BANDS, "sd": [float("nan")] * landscapes.BANDS}},
    {"scaling": {"mean": ["x"] * landscapes.BANDS, "sd": [1.0] * landscapes.BANDS}},
    {"scaling": None}, {"patch": "9"}, {"bands": 1.5}, {"form": None}, {"name": []},
])  # fmt: skip
def test_a_network_whose_manifest_contradicts_itself_is_refused(
    trained: dict[str, training.Trained], change: dict[str, Any]
) -> None:
    network = trained["patch"].network
    with pytest.raises(MinecoverError):
        restored({**network.spec(), **change}, network.files())
    less = {name: value for name, value in network.spec().items() if name not in change}
    with pytest.raises(MinecoverError, match="is missing"):
        restored(less, network.files())


def test_other_bands_than_in_training_are_refused(trained: dict[str, training.Trained]) -> None:
    with pytest.raises(MinecoverError, match=f"scales {landscapes.BANDS} bands and was given {landscapes.BANDS - 1}"):
        trained["patch"].network.predict(np.zeros((landscapes.BANDS - 1, 20, 20), np.float32))


def test_where_nothing_is_known_answers_are_still_finite(trained: dict[str, training.Trained]) -> None:
    nothing = np.full((landscapes.BANDS, 20, 20), np.nan, np.float32)
    assert np.isfinite(trained["patch"].network.predict(nothing)).all()


def test_the_dense_form_begins_with_the_patch_form_and_keeps_what_normalises(
    trained: dict[str, training.Trained],
) -> None:
    first = trained["patch"]
    found = training.adapted(first, LESSON, replace(QUICK, epochs=2))
    assert [e["dense"] for e in found.history] == [0] * 6 + [1]
    for before in (layer for layer in first.network.model.layers if layer.weights):
        after = found.network.model.get_layer(before.name)
        for old, new in zip(before.get_weights(), after.get_weights(), strict=True):
            assert np.array_equal(old, new) is before.name.endswith("_bn")


class Stopped(Exception):
    pass


@pytest.mark.parametrize("form", ["patch", "dense"])
def test_an_interrupted_training_ends_with_the_same_weights(
    trained: dict[str, training.Trained], form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "PAUSE", 0)

    told = []

    def stop(what: str, done: int, total: int) -> None:
        told.append(done)
        if done == 3:
            raise Stopped

    with pytest.raises(Stopped):
        learn(form, keep=tmp_path, progress=stop)
    again = learn(form, keep=tmp_path, progress=lambda what, done, total: told.append(done))
    assert told[:5] == [0, 1, 2, 3, 3], "told before an epoch begins, so that the time left is known after one"
    assert again.history == trained[form].history
    for a, b in zip(again.network.model.get_weights(), trained[form].network.model.get_weights(), strict=True):
        assert a.tobytes() == b.tobytes()


def test_a_spoilt_checkpoint_gives_way_to_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "PAUSE", 0)
    learn("patch", training.Settings(epochs=2, batch=32), tmp_path)
    newest = tmp_path / checkpoints.NAMES[0]
    data = newest.read_bytes()
    lone = io.BytesIO()
    np.save(lone, np.zeros(3))
    for spoilt in (data[: len(data) // 2], b"", lone.getvalue()):
        newest.write_bytes(spoilt)
        state = checkpoints.latest(tmp_path)
        assert state is not None and state.epoch == 1
    (tmp_path / checkpoints.NAMES[1]).write_bytes(b"nothing")
    with pytest.raises(MinecoverError, match=r"No checkpoint in .* can be read"):
        checkpoints.latest(tmp_path)


def test_it_stops_when_other_blocks_do_no_better() -> None:
    found = learn("patch", training.Settings(epochs=40, patience=2, batch=16, rate=2e-2))
    assert len(found.history) < 40
    assert len(found.history) - found.best == 2
    losses = [e["validation_loss"] for e in found.history]
    assert losses.index(min(losses)) + 1 == found.best


def test_a_loss_that_is_no_number_ends_it_with_advice() -> None:
    with pytest.raises(MinecoverError, match=r"The loss of CNN became .* Lower `train.rate`"):
        training.train(
            shape("patch"), Scaling((0.0,) * 5, (1e-30,) * 5), LESSON, training.Settings(epochs=3, rate=1e30)
        )


def test_a_held_loss_that_is_no_number_ends_it_too_and_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = iter([(0.5, 0.8), (float("nan"), 0.1)])
    monkeypatch.setattr(training, "PAUSE", 0)
    monkeypatch.setattr(training, "_judged", lambda *_: next(judged))
    with pytest.raises(MinecoverError, match=r"loss on other blocks of CNN became nan in epoch 2\. Lower `train.rate`"):
        learn("patch", keep=tmp_path)
    state = checkpoints.latest(tmp_path)
    assert state is not None and state.epoch == 1


def test_one_class_cannot_be_learnt() -> None:
    one = Labelled(LESSON.fit.rows, LESSON.fit.columns, np.zeros_like(LESSON.fit.y))
    with pytest.raises(MinecoverError, match="all of one class"):
        training.train(shape("patch"), fitted(VALUES), training.Lesson(LESSON.cut, LESSON.order, one, one), QUICK)


def test_rare_classes_count_as_much_as_others() -> None:
    y = np.repeat([0, 1, 3], [60, 30, 10])
    weights = balanced(y, 4)
    np.testing.assert_allclose([weights[c] * (y == c).sum() for c in (0, 1, 3)], 100 / 3, rtol=1e-6)
    assert weights[2] == 0


def test_squares_hold_every_label_once() -> None:
    rng = np.random.default_rng(2)
    flat = rng.choice(60 * 60, 200, replace=False)
    labelled = Labelled(flat // 60, flat % 60, rng.integers(0, 3, 200))
    for shift in ((0, 0), (-5, -11)):
        found = squares(labelled, 16, shift)
        assert ((found.tops - shift[0]) % 16 == 0).all() and ((found.lefts - shift[1]) % 16 == 0).all()
        there = np.argwhere(found.y >= 0)
        places = {(found.tops[i] + y, found.lefts[i] + x): found.y[i, y, x] for i, y, x in there}
        assert places == dict(zip(zip(labelled.rows, labelled.columns, strict=True), labelled.y, strict=True))


def batches(labels: Labelled, batch: int, epoch: int = 0, devices: int = 1) -> Sequence[Any]:
    made = Batches(
        LESSON.cut, LESSON.order, labels, shape("dense"), fitted(VALUES), balanced(labels.y, 3), batch, 0, 0.3, devices
    )
    made.start(epoch)
    return [made[i] for i in range(len(made))]


def test_batches_hold_all_labels_weigh_one_and_differ_by_epoch() -> None:
    first, again, later = (batches(LESSON.fit, 7, epoch) for epoch in (0, 0, 1))
    for (x, y, w), (x2, y2, w2) in zip(first, again, strict=True):
        assert x.tobytes() == x2.tobytes() and y.tobytes() == y2.tobytes() and w.tobytes() == w2.tobytes()
        np.testing.assert_allclose(w.sum(), 1, rtol=1e-5)
        assert len(x) > 1
    assert first[0][0].tobytes() != later[0][0].tobytes()
    distinct = len(set(zip(LESSON.fit.rows.tolist(), LESSON.fit.columns.tolist(), strict=True)))
    assert sum(int((w > 0).sum()) for _, _, w in first) == distinct


def test_batches_can_be_shared_out_among_devices() -> None:
    alone, shared = batches(LESSON.fit, 7), batches(LESSON.fit, 7, devices=4)
    assert len(alone) == len(shared)
    for (x, _, _), (x4, y4, w4) in zip(alone, shared, strict=True):
        assert len(x4) == len(y4) == len(w4) and len(x4) % 4 == 0 and len(x4) - len(x) < 4
        np.testing.assert_array_equal(x4[: len(x)], x)
        np.testing.assert_allclose(w4.sum(), 1, rtol=1e-5)
