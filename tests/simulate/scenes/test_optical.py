"""Scenes follow from the ground, the day and the light; 20 m bands are means of what lies in them."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from pipeline.simulate.district import MATERIALS
from pipeline.simulate.noise import coarser
from pipeline.simulate.scenes import optical
from pipeline.simulate.scenes.ground import ground, texture
from pipeline.simulate.scenes.sky import Sun, clear_sky
from pipeline.simulate.scenes.spectra import BANDS, MATTER, PLANTS, TILT, TWENTY_METRES, WET, foliage, spectrum
from pipeline.simulate.scenes.weather import EXPOSURES, Day
from tests.simulate.small import PLACE, hill, land, stripe

DRY = Day(date(2021, 8, 1), 22.0, 0.0, np.zeros(len(EXPOSURES), np.float32), False, 0.0, 1.0, 0.0)
FROST = replace(DRY, day=date(2021, 1, 10), temperature=-10.0, frozen=True, ice=1.0)
SNOWY = replace(FROST, snow=np.full(len(EXPOSURES), 6.0, np.float32))
NOON, LOW = Sun(0.0, 180.0), Sun(63.0, 160.0)


def band(name: str) -> int:
    return BANDS.index(name)


def test_pixels_are_means_of_the_fine_surface() -> None:
    """Every 2.5 m square on its own, as its material reflects at that place, then the mean over 20 m."""
    rng = np.random.default_rng(5)
    kinds = [MATERIALS.index(m) for m in ("grass", "soil", "roof_red", "water", "young_grass", "shale")]
    painted = np.repeat(np.repeat(rng.choice(kinds, (80, 80)), 5, 0), 5, 1).astype(np.uint8)
    made = ground(land(painted), 0)
    wet = replace(DRY, wet=0.4)
    got = optical.surface(made, wet)[[band(n) for n in TWENTY_METRES]]
    damp = optical.wetness(made, wet)
    looks = {MATERIALS[k]: texture(MATERIALS[k], (100, 100), 0) for k in kinds if MATERIALS[k] in MATTER}
    looks["overburden"] = texture("overburden", (100, 100), 0)

    def bare(name: str, row: int, column: int) -> np.ndarray:
        bright, tilt = looks[name]
        colour = spectrum(name) * np.maximum(bright[row, column] + TILT * tilt[row, column], 0.25)
        return colour * (1 - MATTER[name].porous * (1 - WET) * damp[row, column])

    def square(name: str, row: int, column: int, dumped: float) -> np.ndarray:
        if name in MATTER:
            return bare(name, row, column)
        plant = PLANTS[name]
        green, dry = foliage(plant, wet.of_year, np.float32(0.5), 1.0)
        below = (1 - dumped) * bare("soil", row, column) + dumped * bare("overburden", row, column)
        return green * spectrum(plant.leaf) + dry * spectrum(plant.litter) + (1 - green - dry) * below

    for row, column in ((3, 7), (20, 41), (49, 0)):
        total = np.zeros(len(BANDS))
        for i in range(8):
            for j in range(8):
                y, x = 8 * row + i, 8 * column + j
                here = painted[y // 4 * 4 : y // 4 * 4 + 4, x // 4 * 4 : x // 4 * 4 + 4]
                grown = [(here == MATERIALS.index(n)).mean() for n in ("young_grass", "grass")]
                dumped = PLANTS["young_grass"].on_dump * grown[0] / sum(grown) if sum(grown) else 0.0
                total += square(MATERIALS[painted[y, x]], y // 4, x // 4, dumped)
        expected = (total / 64)[[band(n) for n in TWENTY_METRES]]
        np.testing.assert_allclose(coarser_at(got, row, column), expected, rtol=2e-4)


def coarser_at(field: np.ndarray, row: int, column: int) -> np.ndarray:
    return field[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].mean((1, 2))


def test_stored_bands_are_the_surface_within_noise_and_blur() -> None:
    made = ground(land("soil"), 0)
    seen = optical.seen(made, DRY, clear_sky(PLACE, NOON))
    scene = optical.recorded(seen, np.random.default_rng(0))
    for name, data in scene.bands.items():
        field = coarser(seen[band(name)], 2) if name in TWENTY_METRES else seen[band(name)]
        assert data.dtype == np.uint16 and data.min() >= 1 and data.shape == field.shape
        assert data.mean() == pytest.approx(field.mean() * 10_000, rel=0.003)
        noise = data / 10_000 - optical.blurred(field)
        assert 80 < field.mean() / noise.std() < 260  # specified: 100 to 170 at the reference radiances


@pytest.mark.parametrize("sun", [LOW, Sun(30.0, 150.0)])
def test_slopes_to_the_sun_are_brighter(sun: Sun) -> None:
    made = ground(land("soil", hill(60)), 0)
    direct, diffuse = optical.light(made, clear_sky(PLACE, sun))
    assert direct[75, 50] > direct[2, 2] > direct[25, 50]
    assert direct[2, 2] == pytest.approx(1, abs=0.01)
    assert 0.9 < diffuse.min() <= diffuse.max() <= 1
    seen = optical.seen(made, DRY, clear_sky(PLACE, sun))
    flat = optical.seen(ground(land("soil"), 0), DRY, clear_sky(PLACE, sun))
    ratio = seen / flat
    assert ratio[band("B4"), 75, 50] > 1.05 and ratio[band("B4"), 25, 50] < 0.95
    assert ratio[band("B2"), 25, 50] > ratio[band("B12"), 25, 50]  # the shaded side is lit by blue sky


def test_a_wall_throws_its_shadow_as_long_as_it_must() -> None:
    wall = np.full((60, 60), 100.0, np.float32)
    wall[30] = 150  # 50 m, from west to east
    seen = optical.sunlit(wall, Sun(45.0, 180.0))  # from the south: 50 m of shadow to the north
    assert np.all(seen[26:30, 5:55] == 0)
    assert np.all(seen[31:, 5:55] == 1) and np.all(seen[:24, 5:55] == 1)
    assert np.all(optical.sunlit(wall, Sun(10.0, 180.0))[:29, 5:55] == 1)


def test_wet_ground_is_darker_most_of_all_in_the_short_wave_infrared() -> None:
    made = ground(land("soil"), 0)
    dry, wet = optical.surface(made, DRY), optical.surface(made, replace(DRY, wet=0.9))
    ratio = (wet / dry).mean((1, 2))
    assert np.all(ratio < 0.85)
    assert ratio[band("B12")] == ratio.min()
    roof = ground(land("roof_bright"), 0)
    assert np.allclose(optical.surface(roof, DRY), optical.surface(roof, replace(DRY, wet=0.9)))


def test_snow_whitens_all_but_trees_and_dark_ground() -> None:
    made = ground(land(), 0)
    bare, snowy = optical.surface(made, FROST), optical.surface(made, SNOWY)
    gain = snowy[band("B3")] - bare[band("B3")]
    assert gain[stripe("soil")].mean() > 0.4
    assert 0 < gain[stripe("conifer")].mean() < 0.6 * gain[stripe("soil")].mean()
    assert gain[stripe("coal")].mean() < gain[stripe("soil")].mean()
    index = (snowy[band("B3")] - snowy[band("B11")]) / (snowy[band("B3")] + snowy[band("B11")])
    assert index[stripe("soil")].mean() > 0.5


def test_water_freezes() -> None:
    made = ground(land("water"), 0)
    assert optical.surface(made, FROST)[band("B4")].mean() > 4 * optical.surface(made, DRY)[band("B4")].mean()
