"""Pictures: what is drawn behind the samples, and names that are hard to draw."""

import io
import warnings

import matplotlib.image
import numpy as np
import pytest
import xarray as xr

from pipeline.cartography import shown
from pipeline.config import LandClass, Legend
from pipeline.region import Grid
from pipeline.sample import picture
from pipeline.sample.missing import missing

GRID = Grid("EPSG:32649", 10.0, 0.0, 400.0, 60, 40)
STRANGE = ("<b>pit</b>", r"$\frac{a$", "=1+1", "🏔 " * 30, "矿")


def stack(*names: str) -> xr.DataArray:
    ramp = np.arange(60, dtype=np.float32) * np.ones((len(names), 40, 1), np.float32)
    ramp[:, :5] = np.nan
    return xr.DataArray(ramp, {"band": list(names)}, ("band", "y", "x"))


@pytest.mark.parametrize(
    ("names", "told", "shape"),
    [
        (("winter_red", "summer_red", "summer_green", "summer_blue"), "natural colours,\nsummer", (40, 60, 3)),
        (("autumn_red", "autumn_green", "autumn_blue", "elevation"), "natural colours,\nautumn", (40, 60, 3)),
        (("NTL", "summer_red", "elevation"), "hills", (40, 60)),
        (("NTL", "slope"), "NTL", (40, 60)),
    ],
)
def test_the_best_background_that_the_stack_has(names: tuple[str, ...], told: str, shape: tuple[int, ...]) -> None:
    seen, drawn = picture.background(stack(*names))
    assert told in drawn
    assert seen.shape == shape
    assert seen.min() >= 0 and seen.max() <= 1
    assert np.unique(seen[:5]).size == 1


def test_a_large_stack_is_read_coarsely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "LONGEST_SIDE", 20)
    monkeypatch.setattr(picture, "ROWS_AT_ONCE", 7)
    seen, _ = picture.background(stack("NTL"))
    assert seen.shape == (13, 20)
    np.testing.assert_allclose(np.diff(np.argsort(seen[-1])), 1)


def test_strange_names_are_drawn_without_a_word() -> None:
    legend = Legend(
        tuple(LandClass(code=n, name=name, colour=f"#{n * 50:02x}0000") for n, name in enumerate(STRANGE, 1))
    )
    labels = np.repeat(legend.codes, 3)
    xy = np.random.default_rng(0).uniform(0, 400, (15, 2))
    X = np.where(xy > 300, np.nan, 1)
    table = missing(
        X, labels, ["summer_NDVI", "NTL"], ["summer", "static"], dict(zip(legend.codes, legend.names, strict=True))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        drawn = [picture.where(stack("NTL"), GRID, legend, labels, xy, "a $ title"), picture.gaps(table, legend)]
    for data in drawn:
        assert matplotlib.image.imread(io.BytesIO(data)).std() > 0.01
    assert picture.where(stack("NTL"), GRID, legend, labels, xy, "a $ title") == drawn[0]
    assert shown(legend[3].name, 4) == "class 4"
    assert shown(legend[0].name, 1) == "<b>pit</b>"


def test_the_table_of_missing_values() -> None:
    X = np.array([[1, np.nan, 3], [np.nan, np.nan, 3], [1, 2, 3.0]])
    parts, classes = ["summer", "summer", "static"], {2: "water", 5: "mine"}
    table = missing(X, np.array([5, 5, 2]), ["a", "b", "c"], parts, classes)
    assert table.as_json == {"water": {"summer": 0, "all year": 0}, "mine": {"summer": 0.75, "all year": 0}}
    assert [line.split()[-2:] for line in table.lines()] == [["all", "year"], ["0.0", "0.0"], ["75.0", "0.0"]]
    X[:, 1] = np.nan
    empty = missing(X, np.array([5, 5, 2]), ["a", "b", "c"], parts, classes)
    assert next(empty.lines()) == "No values in b: left out by the stages to come"
    whole = missing(np.ones((2, 1)), np.array([1, 2]), ["NTL"], ["static"], {1: "a", 2: "b"})
    assert list(whole.lines()) == ["Missing   nothing: every band has a value at every sample"]
