"""Values that were scaled, shifted or put into decibels are told from those of another landscape."""

from typing import Any

import numpy as np
import pytest

from pipeline.artifacts.manifest import BandRecord
from pipeline.artifacts.models import ModelManifest
from pipeline.classify.match import Misfit, misfits, refuse
from pipeline.config import Legend
from pipeline.errors import MinecoverError
from tests.classify.fakes import CLASSES, statistics

NDArray = np.ndarray[Any, Any]

OPTICAL = ("blue", "green", "red", "NIR", "SWIR1")
RECORDS = (
    *(BandRecord(f"{s}_{n}", "reflectance", s, i) for s in ("spring", "summer") for i, n in enumerate(OPTICAL)),
    BandRecord("spring_NDVI", "1", "spring", 6), BandRecord("spring_contrast", "1", "spring", 7),
    BandRecord("spring_VV", "dB", "spring", 8), BandRecord("spring_VH", "dB", "spring", 9),
    BandRecord("elevation", "m", "static", 1), BandRecord("NTL", "nW", "static", 2),
)  # fmt: skip


def landscape(seed: int, bright: float = 1.0, height: float = 1300, light: float = 1.0) -> NDArray:
    """Values (bands, 4000) of the records."""
    rng = np.random.default_rng(seed)
    made = []
    for record in RECORDS:
        name = record.name.partition("_")[2] or record.name
        if record.unit == "reflectance":
            level = {"blue": 0.06, "green": 0.09, "red": 0.11, "NIR": 0.25, "SWIR1": 0.22}[name]
            made.append(bright * level * np.exp(rng.normal(0, 0.35, 4000)))
        elif record.unit == "dB":
            made.append(rng.normal(-11 if name == "VV" else -18, 3, 4000))
        else:
            scale = {"NDVI": rng.uniform(-0.1, 0.8, 4000), "contrast": rng.exponential(120, 4000)}
            scale |= {"elevation": rng.normal(height, 60, 4000), "NTL": light * rng.exponential(2, 4000)}
            made.append(scale[name])
    values = np.array(made, np.float32)
    values[rng.random(values.shape) < 0.05] = np.nan
    return values


def learnt(values: NDArray) -> ModelManifest:
    bands = tuple(statistics(r.name, r.unit, v) for r, v in zip(RECORDS, values, strict=True))
    return ModelManifest(
        "RF", {}, bands, Legend.model_validate(list(CLASSES)), 15, 10.0, "all", "s", "s", {}, {}, (), "f", {}
    )


def test_another_landscape_is_no_misfit() -> None:
    model = learnt(landscape(0))
    for other in (landscape(1), landscape(2, 1.3, 1420), landscape(3, 0.75, 1200, light=0)):
        assert not misfits(other, RECORDS, model)


CHANGES = {
    "10,000 times too large": ("reflectance", lambda v: v * 10_000),
    "too high by 0.1": ("reflectance", lambda v: v + 0.1),
    "too low by 0.1": ("reflectance", lambda v: v - 0.1),
    "linear, not in decibels": ("dB", lambda v: 10 ** (v / 10)),
    "100 times too large": ("1", lambda v: v * 100),
    "the other sign": ("1", lambda v: -v),
}


@pytest.mark.parametrize("reason", CHANGES)
@pytest.mark.parametrize("part", ["spring", None])
def test_the_reason_is_recognised(reason: str, part: str | None) -> None:
    unit, change = CHANGES[reason]
    values = landscape(1, 1.1)
    touched = [i for i, r in enumerate(RECORDS) if r.unit == unit and part in (r.part, None)]
    values[touched] = change(values[touched])
    found = misfits(values, RECORDS, learnt(landscape(0)))
    assert {b for m in found for b in m.bands} == {RECORDS[i].name for i in touched}
    assert all(reason in m.reason for m in found)


def test_models_of_digital_numbers_are_told_too() -> None:
    """A model of numbers with an offset of 1000, on numbers without and on reflectance."""
    optical = [i for i, r in enumerate(RECORDS) if r.unit == "reflectance"]
    numbers = landscape(0)
    numbers[optical] = numbers[optical] * 10_000 + 1000
    values = landscape(1)
    assert all("10,000 times too small" in m.reason or "never saw" in m.reason
               for m in misfits(values, RECORDS, learnt(numbers)))  # fmt: skip
    assert misfits(values, RECORDS, learnt(numbers))
    values[optical] *= 10_000
    found = misfits(values, RECORDS, learnt(numbers))
    assert [len(m.bands) for m in found] == [10] and "too low by 1000" in found[0].reason


def test_one_band_that_is_far_off_is_named() -> None:
    values = landscape(1)
    values[-2] += 3000
    [found] = misfits(values, RECORDS, learnt(landscape(0)))
    assert found.bands == ("elevation",)
    assert "never saw" in found.reason
    assert 4000 < found.found[0] < found.found[1]


def test_a_band_without_values_is_told() -> None:
    values = landscape(1)
    values[0] = np.nan
    [found] = misfits(values, RECORDS, learnt(landscape(0)))
    assert found.bands == ("spring_blue",) and "no value anywhere" in found.reason
    assert "found none; they have no value" in str(found)
    assert not misfits(values * np.nan, RECORDS, learnt(landscape(0))), "nothing is known of the stack"


@pytest.mark.parametrize(("unit", "bands"), [("reflectance", 10), ("dB", 2), ("", 16)])
def test_bands_that_are_zero_where_they_varied_are_told(unit: str, bands: int) -> None:
    values = landscape(1)
    values[[unit in (r.unit, "") for r in RECORDS]] = 0
    found = misfits(values, RECORDS, learnt(landscape(0)))
    assert sum(len(m.bands) for m in found) >= bands - 1, "the night may be dark"
    assert all("the same everywhere" in m.reason for m in found)


def test_one_band_that_is_the_same_in_the_middle_of_its_range_is_told() -> None:
    values = landscape(1)
    values[10] = 0.3
    [found] = misfits(values, RECORDS, learnt(landscape(0)))
    assert found.bands == ("spring_NDVI",)


def test_one_reflectance_below_zero_is_told_without_the_others() -> None:
    values = landscape(1)
    values[0] -= 0.1
    [found] = misfits(values, RECORDS, learnt(landscape(0)))
    assert found.bands == ("spring_blue",) and "not below 0" in found.reason


@pytest.mark.parametrize("seed", range(8))
def test_another_year_is_no_misfit_and_a_shift_of_it_is(seed: int) -> None:
    """Other light, haze, snow at places, and another mix of classes: single pixels keep their order."""
    rng = np.random.default_rng(seed)
    optical = np.array([r.unit == "reflectance" for r in RECORDS])
    values = landscape(seed + 1)[:, rng.random(4000) < 0.2]
    values[optical] *= rng.uniform(0.8, 1.25)
    values[optical] += rng.uniform(-0.03, 0.03)
    snow = rng.random(values.shape[1]) < 0.1
    values[np.ix_(optical, snow)] = rng.uniform(0.5, 0.9, (optical.sum(), snow.sum()))
    model = learnt(landscape(0))
    assert not misfits(values, RECORDS, model)
    for change in (-0.1, 0.1):
        shifted = landscape(seed + 1)
        shifted[optical] += change
        [found] = misfits(shifted, RECORDS, model)
        assert f"too {'low' if change < 0 else 'high'} by 0.1" in found.reason and len(found.bands) == optical.sum()


def test_values_that_were_constant_in_training_are_not_judged() -> None:
    model = learnt(np.where(np.arange(len(RECORDS))[:, None] == len(RECORDS) - 1, 0, landscape(0)))
    values = landscape(1)
    values[-1] = 0
    assert not misfits(values, RECORDS, model)


def test_the_message_says_what_was_wanted_and_found() -> None:
    wrong = [Misfit((f"b{n}", "c"), (0.1, 0.25), (1000, 2500), "they look strange") for n in range(9)]
    refuse([], learnt(landscape(0)))
    with pytest.raises(MinecoverError) as caught:
        refuse(wrong, learnt(landscape(0)))
    assert "b0 and 1 more: wanted 0.1 to 0.25" in str(caught.value)
    assert "found 1000 to 2500; they look strange" in str(caught.value)
    assert "And 3 more" in str(caught.value) and "--accept-values" in str(caught.value)
