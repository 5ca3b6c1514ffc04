"""Planted mistakes are found early; lists survive spreadsheets; only what a person wrote is done."""

import csv
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from pipeline.errors import MinecoverError
from pipeline.splits import SpatialBlocks
from pipeline.suspects import Change, Decision, Suspect, accepted, apply, sheet, suspects, write_list

NAMES = {1: "mine", 2: "water", 3: "=bare, land"}
WRONG = 30


def district() -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], list[str], set[str]]:
    """600 samples of three classes that overlap a little, 30 of them labelled wrong, and some masked features."""
    rng = np.random.default_rng(3)
    true = rng.choice([1, 2, 3], 600, p=[0.5, 0.3, 0.2])
    X = rng.normal(size=(600, 8)) + 1.3 * np.eye(8)[true] + 0.9 * np.eye(8)[true + 3]
    X[:, 0] *= 1e6
    X[rng.random(X.shape) < 0.03] = np.nan
    ids = [f"s{i:04d}" for i in rng.permutation(600)]
    y, wrong = true.copy(), rng.choice(600, WRONG, replace=False)
    y[wrong] = true[wrong] % 3 + 1
    return X, y, rng.uniform(0, 5000, (600, 2)), ids, {ids[i] for i in wrong}


@pytest.fixture(scope="module", autouse=True)
def _small_forests() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.suspects.find.TREES", 80)
        yield


@pytest.fixture(scope="module")
def found() -> tuple[Suspect, ...]:
    X, y, xy, ids, _ = district()
    return suspects(X, y, xy, ids, NAMES, SpatialBlocks(xy, 500, 50, 3).folds(y), 0)


def test_planted_mistakes_come_first(found: tuple[Suspect, ...]) -> None:
    _, y, xy, ids, wrong = district()
    assert len(found) == len(ids)
    assert [s.rank for s in found] == list(range(1, 601))
    first = sum(s.id in wrong for s in found[:WRONG])
    assert first > 5 * WRONG * WRONG / len(ids)  # five times what drawing by lot finds
    assert sum(s.id in wrong for s in found[:120]) > 3 * WRONG * 120 / len(ids)
    for s in found:
        row = ids.index(s.id)
        assert (s.given, s.x, s.y) == (NAMES[y[row]], *xy[row])
        assert s.likely in NAMES.values() and s.likely != s.given
        assert -1 <= s.confidence <= 1 and 0 <= s.neighbours <= 1


def test_the_likely_class_of_a_found_mistake_is_the_true_one(found: tuple[Suspect, ...]) -> None:
    _, _, _, _, wrong = district()
    true = {"water": "mine", "=bare, land": "water", "mine": "=bare, land"}
    hits = [s.likely == true[s.given] for s in found[:60] if s.id in wrong]
    assert np.mean(hits) > 0.8


def test_the_order_of_rows_changes_nothing(found: tuple[Suspect, ...]) -> None:
    X, y, xy, ids, _ = district()
    order = np.random.default_rng(0).permutation(len(y))
    folds = SpatialBlocks(xy[order], 500, 50, 3).folds(y[order])
    assert suspects(X[order], y[order], xy[order], [ids[i] for i in order], NAMES, folds, 0) == found


def test_no_sample_is_judged_by_its_own_block() -> None:
    """Copies of a mistake all around it do not vouch for it, as they would if near samples were asked."""
    X, y, xy, ids, _ = district()
    X, y = np.nan_to_num(X[:300]), y[:300]
    here = xy[0] + np.arange(20)[:, None] * [1.0, 0]
    X, xy = np.vstack([X, np.repeat(X[y == 1][:1], 20, axis=0)]), np.vstack([xy[:300], here])
    y = np.append(y, [2] * 20)
    folds = SpatialBlocks(xy, 500, 50, 3).folds(y)
    listed = suspects(X, y, xy, [*ids[:300], *(f"copy{i}" for i in range(20))], NAMES, folds, 0)
    assert all(s.neighbours > 0.5 for s in listed if s.id.startswith("copy"))


def test_what_cannot_be_judged_is_told() -> None:
    X, y, xy, ids, _ = district()
    X, y, xy, ids = X[:200], y[:200].copy(), xy[:200], ids[:200]
    y[y == 3] = 2
    y[:4] = 3
    X[7] = np.nan
    X[:, 2] = np.nan
    with pytest.warns(UserWarning) as told:
        listed = suspects(X, y, xy, ids, NAMES, SpatialBlocks(xy, 500, 50, 3).folds(y), 0)
    assert [str(w.message).split(";")[0].split(":")[0] for w in told] == [
        "1 samples have no feature at all",
        "4 samples of 1 classes are not judged",
    ]
    assert {s.id for s in listed} == set(ids) - {*ids[:4], ids[7]}


def test_only_samples_that_a_fold_holds_out_are_listed() -> None:
    X, y, xy, ids, _ = district()
    listed = suspects(X, y, xy, ids, NAMES, [(np.arange(100, 600), np.arange(40))], 0)
    assert {s.id for s in listed} == set(ids[:40])


def looked_at(**changed: Any) -> Callable[[], object]:
    X, y, xy, ids, _ = district()
    given: dict[str, Any] = {"X": X, "y": y, "xy": xy, "ids": ids, "names": NAMES, "folds": [], "seed": 0, **changed}
    return lambda: suspects(**given)


REFUSED = [
    (looked_at(y=np.ones(600, int)), "All samples have one label"),
    (looked_at(y=np.full(600, 9)), r"The codes \[9\] have no name"),
    (looked_at(X=np.full((600, 2), np.inf)), "is infinite"),
    (looked_at(X=np.zeros((5, 2))), "do not belong together"),
    (looked_at(ids=["a"] * 600), "more than one sample"),
]


@pytest.mark.parametrize(("make", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_refused_in_words(make: Callable[[], object], message: str) -> None:
    with pytest.raises(MinecoverError, match=message):
        make()


def one(id: str = "a", given: str = "mine", likely: str = "water") -> Suspect:
    return Suspect(1, id, given, likely, -0.5, 0.75, 405.0, 395.0)


words = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=8)
cells = words | st.builds(str.__add__, st.sampled_from(["=", "'=", "''+", "@", "-", "\t", "\r", "'"]), words)


@given(id=cells, given_=cells)
def test_lists_come_back_as_they_were_and_hold_no_formula(
    tmp_path_factory: pytest.TempPathFactory, id: str, given_: str
) -> None:
    path = tmp_path_factory.mktemp("list") / "suspects.csv"
    write_list(path, [one(id, given_)])
    decided(path, "drop")
    assert accepted(path) == (Decision(id, given_, "drop", accepted(path)[0].line),)
    with open(path, encoding="utf-8-sig", newline="") as file:
        text = [row[:3] for row in csv.reader(file)][1]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in text)


def decided(path: Path, *words: str, delimiter: str = ",") -> None:
    """The list as a person leaves it, with these words in the lines' last cells."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    for row, word in zip(rows[1:], words, strict=True):
        row[-1] = word
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_only_what_a_person_wrote_is_done(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "suspects.csv"
    write_list(path, [one("a"), one("b"), one("c", "water"), one("d", "=bare, land"), one("e")])
    assert accepted(path) == ()
    decided(path, "drop", "", " Water ", "Mine", "=BARE, land", delimiter=delimiter)
    done = apply([1, 1, 2, 3, 1, 2], list("abcdef"), NAMES, accepted(path))
    assert done.y.tolist() == [1, 1, 2, 1, 3, 2]
    assert done.kept.tolist() == [False, True, True, True, True, True]
    assert done.changes == (
        Change("a", "mine", None),
        Change("d", "=bare, land", "mine"),
        Change("e", "mine", "=bare, land"),
    )
    assert str(done) == "2 labels changed, 1 samples dropped, by hand"


def test_a_list_with_decisions_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "suspects.csv"
    write_list(path, [one()])
    write_list(path, [one("b")])
    decided(path, "drop")
    with pytest.raises(MinecoverError, match="holds 1 decisions of a person"):
        write_list(path, [one()])
    assert accepted(path)[0].id == "b"


UNFOLLOWED = [
    ((Decision("z", "mine", "drop", 2),), "Line 2 decides on the sample 'z', which is not here"),
    ((Decision("a", "water", "drop", 2),), "labelled 'water', and it is 'mine'"),
    ((Decision("a", "mine", "watr", 3),), "Line 3 accepts 'watr' for 'a', which is no class. Did you mean 'water'"),
    ((Decision("a", "mine", "drop", 2), Decision("a", "mine", "water", 3)), "decided on more than once"),
]


@pytest.mark.parametrize(("decisions", "message"), UNFOLLOWED, ids=[message for _, message in UNFOLLOWED])
def test_decisions_that_cannot_be_followed_are_refused(decisions: tuple[Decision, ...], message: str) -> None:
    with pytest.raises(MinecoverError, match=message):
        apply([1, 2], ["a", "b"], NAMES, decisions)


UNREADABLE = [
    (b"id,given,accept\n\xff,a,b\n", "not in UTF-8"),
    (b"", "has no column id, given, accept"),
    (b"id,given\n1,a\n", "has no column accept"),
    (b"id,given,accept\n1,a\n", "Line 2 of .* has 2 cells"),
    (b'id,given,accept\n"1,a,b\n', "cannot be read as CSV"),
]


@pytest.mark.parametrize(("data", "message"), UNREADABLE, ids=[message for _, message in UNREADABLE])
def test_broken_lists_are_refused(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "list.csv").write_bytes(data)
    with pytest.raises(MinecoverError, match=message):
        accepted(tmp_path / "list.csv")


def land() -> xr.DataArray:
    """80 × 80 pixels of 10 m: dark, but for a bright red pixel at x = 405, y = 395."""
    values = np.random.default_rng(0).uniform(0.05, 0.06, (4, 80, 80)).astype(np.float32)
    values[1, 40, 40] = 0.9
    values[:, :10] = np.nan
    at = {"band": ["NTL", "summer_red", "summer_green", "summer_blue"], "y": 795 - 10.0 * np.arange(80)}
    return xr.DataArray(values, dims=("band", "y", "x"), coords={**at, "x": 5 + 10.0 * np.arange(80)})


def test_the_sheet_shows_the_sample_in_the_middle(tmp_path: Path) -> None:
    from pipeline.suspects.pictures import HALF, NOTHING, _stretched, _window

    window = _window(land(), one())
    assert window[HALF, HALF, 0] == np.float32(0.9) and (window[..., 0] == np.float32(0.9)).sum() == 1
    corner = _window(land(), Suspect(1, "a", "mine", "water", 0, 0, 5.0, 5.0))
    assert np.isnan(corner[HALF + 1 :]).all() and np.isfinite(corner[: HALF + 1, HALF:]).all()
    assert np.isnan(_window(land(), Suspect(1, "a", "mine", "water", 0, 0, 9e5, 5.0))).all()
    assert (_stretched(np.full((1, 3, 3, 3), np.nan)) == NOTHING).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sheet(land(), [one(given="$x_1^"), one("b" * 90, "mine\nwater")], tmp_path / "sheet.png")
    assert Image.open(tmp_path / "sheet.png").size[0] > 1000


def test_a_sheet_that_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MinecoverError, match="room for 1 to 300 suspects, not 0"):
        sheet(land(), [], tmp_path / "sheet.png")
    with pytest.raises(MinecoverError, match="no band summer_red"):
        sheet(land().isel(band=[0, 2, 3]), [one()], tmp_path / "sheet.png")


def test_the_examples_of_the_guide_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    guide = (Path(__file__).parents[1] / "docs" / "splits.md").read_text("utf-8")
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", guide, re.DOTALL):
        exec(block, names)
    said = capsys.readouterr().out
    assert "overlapping patches of 150 m: 0" in said and "0 labels changed, 0 samples dropped" in said
