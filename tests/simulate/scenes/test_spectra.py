"""Spectra lie where measurements lie; plants have their seasons."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.simulate.district import MATERIALS
from pipeline.simulate.scenes import spectra
from pipeline.simulate.scenes.spectra import BANDS, MATTER, PLANTS, SPECTRA

LESOTHO = Path(__file__).parents[4] / "shared" / "data" / "lesotho-s2-bimonthly-points" / "points_all.parquet"

# Reflectance in the blue (B2), red (B4), near infrared (B8) and the two short-wave bands (B11, B12): lowest and highest
# that field and library measurements of such surfaces show: USGS spectral library 7 (Kokaly et al. 2017), ECOSTRESS
# library (Meerdink et al. 2019), soils of Stoner & Baumgardner (1981), town surfaces of Herold et al. (2004), coal of
# Mao et al. (2014), snow of Warren (1982).
MEASURED = {
    "soil": ((0.05, 0.20), (0.10, 0.35), (0.18, 0.45), (0.22, 0.55), (0.18, 0.50)),
    "sandstone": ((0.06, 0.25), (0.12, 0.40), (0.18, 0.48), (0.22, 0.55), (0.18, 0.50)),
    "shale": ((0.04, 0.15), (0.05, 0.20), (0.06, 0.25), (0.08, 0.30), (0.08, 0.28)),
    "overburden": ((0.05, 0.20), (0.08, 0.30), (0.12, 0.38), (0.15, 0.45), (0.14, 0.42)),
    "coal": ((0.02, 0.08), (0.02, 0.09), (0.03, 0.11), (0.03, 0.18), (0.03, 0.20)),
    "dust": ((0.03, 0.12), (0.04, 0.16), (0.05, 0.20), (0.06, 0.28), (0.06, 0.28)),
    "asphalt": ((0.04, 0.16), (0.05, 0.20), (0.06, 0.24), (0.07, 0.28), (0.07, 0.28)),
    "concrete": ((0.12, 0.35), (0.16, 0.42), (0.18, 0.45), (0.20, 0.50), (0.18, 0.48)),
    "roof_bright": ((0.20, 0.65), (0.20, 0.70), (0.20, 0.70), (0.20, 0.70), (0.18, 0.70)),
    "roof_red": ((0.03, 0.14), (0.10, 0.35), (0.15, 0.45), (0.18, 0.50), (0.15, 0.48)),
    "track": ((0.05, 0.22), (0.10, 0.36), (0.18, 0.46), (0.22, 0.55), (0.18, 0.50)),
    "water": ((0.01, 0.08), (0.00, 0.08), (0.00, 0.05), (0.00, 0.03), (0.00, 0.03)),
    "pond": ((0.03, 0.15), (0.04, 0.22), (0.01, 0.15), (0.00, 0.05), (0.00, 0.04)),
    "leaf_grass": ((0.01, 0.06), (0.02, 0.08), (0.25, 0.50), (0.12, 0.32), (0.05, 0.20)),
    "leaf_shrub": ((0.02, 0.06), (0.02, 0.09), (0.18, 0.40), (0.12, 0.32), (0.06, 0.20)),
    "leaf_conifer": ((0.01, 0.04), (0.01, 0.05), (0.12, 0.35), (0.05, 0.18), (0.02, 0.10)),
    "leaf_broadleaf": ((0.01, 0.05), (0.01, 0.06), (0.25, 0.55), (0.12, 0.30), (0.04, 0.15)),
    "leaf_crop": ((0.01, 0.06), (0.01, 0.07), (0.30, 0.60), (0.12, 0.32), (0.05, 0.18)),
    "straw": ((0.04, 0.16), (0.10, 0.28), (0.18, 0.42), (0.22, 0.50), (0.14, 0.40)),
    "twigs": ((0.03, 0.12), (0.06, 0.18), (0.12, 0.30), (0.15, 0.36), (0.10, 0.28)),
    "snow": ((0.60, 0.99), (0.60, 0.98), (0.55, 0.93), (0.02, 0.25), (0.02, 0.22)),
    "ice": ((0.05, 0.60), (0.05, 0.60), (0.03, 0.50), (0.00, 0.10), (0.00, 0.08)),
}


@pytest.mark.parametrize("name", SPECTRA)
def test_spectra_lie_inside_measured_ranges(name: str) -> None:
    at = [SPECTRA[name][BANDS.index(band)] for band in ("B2", "B4", "B8", "B11", "B12")]
    for value, (low, high) in zip(at, MEASURED[name], strict=True):
        assert low <= value <= high


def test_variation_stays_where_measurements_are() -> None:
    """A deviation of the brightness to either side does not leave the measured range by much."""
    for name, matter in MATTER.items():
        for band, (low, high) in zip(("B2", "B4", "B8", "B11", "B12"), MEASURED[name], strict=True):
            value = SPECTRA[name][BANDS.index(band)]
            assert low * 0.8 <= value * (1 - matter.bright) and value * (1 + matter.bright) <= high * 1.1


def test_every_material_has_a_look() -> None:
    assert set(MATERIALS) == set(MATTER) | set(PLANTS)
    assert {p.leaf for p in PLANTS.values()} | {p.litter for p in PLANTS.values()} <= set(SPECTRA)


def ndvi(name: str, day: float, vigour: float = 0.6) -> float:
    green, dry = (float(v) for v in spectra.foliage(PLANTS[name], day, np.float32(vigour), 1.0))
    plant = PLANTS[name]
    mixed = (
        green * spectra.spectrum(plant.leaf)
        + dry * spectra.spectrum(plant.litter)
        + (1 - green - dry) * spectra.spectrum("soil")
    )
    red, near = mixed[BANDS.index("B4")], mixed[BANDS.index("B8")]
    return float((near - red) / (near + red))


@pytest.mark.parametrize(
    ("name", "winter", "summer"),
    [
        ("grass", (0.10, 0.25), (0.30, 0.75)),
        ("shrub", (0.10, 0.32), (0.28, 0.70)),
        ("conifer", (0.38, 0.75), (0.38, 0.80)),
        ("broadleaf", (0.12, 0.35), (0.50, 0.90)),
        ("crop", (0.10, 0.25), (0.55, 0.92)),
        ("young_grass", (0.10, 0.25), (0.30, 0.75)),
        ("sapling", (0.12, 0.38), (0.28, 0.72)),
    ],
)
def test_greenness_by_season(name: str, winter: tuple[float, float], summer: tuple[float, float]) -> None:
    assert winter[0] <= ndvi(name, 20) <= winter[1]
    assert summer[0] <= ndvi(name, 215) <= summer[1]


def test_plants_have_their_own_times() -> None:
    """Sown grass greens before the steppe, maize after everything and is cut first."""
    may = {name: float(spectra.greenness(plant, 130)) for name, plant in PLANTS.items()}
    october = {name: float(spectra.greenness(plant, 272)) for name, plant in PLANTS.items()}
    assert may["crop"] < 0.05 < may["grass"] < may["young_grass"]
    assert october["crop"] < october["grass"] < october["young_grass"]


@given(st.sampled_from(sorted(PLANTS)), st.integers(1, 366), st.floats(0, 1), st.floats(0.7, 1.2))
def test_foliage_never_covers_more_than_the_ground(name: str, day: int, vigour: float, growth: float) -> None:
    green, dry = spectra.foliage(PLANTS[name], day, np.float32(vigour), growth)
    assert green >= 0 and dry >= 0 and green + dry <= 1


@pytest.mark.skipif(not LESOTHO.exists(), reason="real points are not here")
def test_steppe_is_as_green_as_real_dry_grassland() -> None:
    """NDVI of grassland in Lesotho (the same climate south of the equator), in its summer and in its winter."""
    import pandas as pd

    points = pd.read_parquet(LESOTHO)
    real = points[points.class_name == "Grassland"]
    for column, day in (("NDVI_0", 215), ("NDVI_3", 20)):
        low, high = np.nanpercentile(real[column] / 10_000, [1, 99])
        assert all(low <= ndvi("grass", day, v) <= high for v in (0.35, 0.6, 0.9))


def test_the_page_shows_the_numbers() -> None:
    page = (Path(__file__).parents[3] / "docs" / "district.md").read_text("utf-8")
    for name, ranges in MEASURED.items():
        values = [SPECTRA[name][BANDS.index(band)] for band in ("B2", "B4", "B8", "B11", "B12")]
        cells = [f"{v:.3f} ({low:.2f}–{high:.2f})" for v, (low, high) in zip(values, ranges, strict=True)]
        assert f"| {name} | {' | '.join(cells)} |" in page
