"""Elevation and lights lie on their products' grids; elevation is older than the mines."""

import numpy as np
import pytest

from pipeline.simulate.district import FINE, MATERIALS, Place
from pipeline.simulate.scenes import ancillary
from pipeline.simulate.scenes.ancillary import ARC_SECOND, LIGHTS_STEP
from tests.simulate.small import hill, land

# Corners of the global grids in Earth Engine's catalogue: NASA/NASADEM_HGT/001 and NOAA/VIIRS/DNB/ANNUAL_V21.
CORNERS = [(ARC_SECOND, -180.0001388888889, 60.0001388888889), (LIGHTS_STEP, -180.00208333335, 75.00208333335)]


@pytest.mark.parametrize(("step", "west", "north"), CORNERS)
def test_grids_are_those_of_the_products(step: float, west: float, north: float) -> None:
    grid = ancillary.grid(Place(3000), step)
    for offset in ((grid.west - west) / step, (north - grid.north) / step):
        assert offset == pytest.approx(round(offset), abs=2e-3)
    left, bottom, right, top = ancillary.outline(Place(3000))
    assert grid.west + 3 * step <= left and grid.north - 3 * step >= top
    assert grid.west + (grid.columns - 3) * step >= right and grid.north - (grid.rows - 3) * step <= bottom


def test_a_plane_stays_a_plane_on_any_grid() -> None:
    """Also beyond the edge: slopes are right there too."""
    place = Place(2000)
    y, x = np.mgrid[0:200, 0:200] * 10.0
    grid = ancillary.grid(place, ARC_SECOND)
    got = ancillary.resampled(1000 + 0.05 * x - 0.02 * y, place, grid)
    rows, columns = grid.on(place)
    np.testing.assert_allclose(got, 1000 + 0.5 * columns - 0.2 * rows, atol=1e-6)


def test_nasadem_knows_nothing_of_mines() -> None:
    natural, dug = hill(40, 20), hill(40, 20)
    dug[40:60, 40:60] -= 80
    with_pit, without = land("soil", dug, natural), land("soil", natural, natural)
    grid, bands = ancillary.nasadem(with_pit, 0)
    assert np.array_equal(bands["elevation"], ancillary.nasadem(without, 0)[1]["elevation"])
    assert {name: band.dtype.name for name, band in bands.items()} == {
        "elevation": "int16",
        "num": "uint8",
        "swb": "uint8",
    }
    error = bands["elevation"] - ancillary.resampled(natural, with_pit.place, grid)
    assert 1 < error.std() < 4 and abs(error.mean()) < 1.5
    assert not bands["swb"].any()


def test_glo30_knows_half_of_them_and_the_trees() -> None:
    material = np.full(Place(1000).shape(FINE), MATERIALS.index("soil"), np.uint8)
    material[:, 200:] = MATERIALS.index("overburden")
    material[:100, :100] = MATERIALS.index("conifer")
    flat = np.full((100, 100), 1300.0)
    dug = flat.copy()
    dug[:, 50:] -= 100
    made = land(material, dug, flat)
    grid, surface = ancillary.glo30(made, 0)
    rows, columns = (np.rint(n).astype(int) for n in grid.on(made.place))
    inside = (rows > 30) & (rows < 95)
    assert surface[inside & (columns > 60) & (columns < 95)].mean() == pytest.approx(1260, abs=3)
    assert surface[inside & (columns > 5) & (columns < 40)].mean() == pytest.approx(1300, abs=1)
    assert surface[(rows > 5) & (rows < 20) & (columns > 5) & (columns < 20)].mean() > 1303
    assert surface.dtype == np.float32


def test_lights_are_where_people_are_and_blurred() -> None:
    place = Place(6000)
    material = np.full(place.shape(FINE), MATERIALS.index("grass"), np.uint8)
    material[1000:1400, 1000:1400] = MATERIALS.index("roof_bright")  # 1 km square in the middle
    made = land(material, np.full(place.shape(), 1300), np.full(place.shape(), 1300), place)
    grid, light = ancillary.lights(made)
    rows, columns = grid.on(place)
    away = np.hypot(rows - 299.5, columns - 299.5) * 10
    assert light[away < 300].min() > 5
    assert 0.3 < light[(away > 900) & (away < 1300)].mean() < light[away < 300].mean() / 4
    assert light[away > 2600].max() < 0.35


def test_lights_of_years_and_months_have_their_bands() -> None:
    place = Place(2000)
    made = land("concrete", np.full(place.shape(), 1300), np.full(place.shape(), 1300), place)
    _, year = ancillary.lights_of_year(made, 0)
    assert set(year) == {"average", "average_masked", "cf_cvg", "cvg", "maximum", "median", "median_masked", "minimum"}
    assert np.all(year["minimum"] < year["average"]) and np.all(year["average"] < year["maximum"])
    _, month = ancillary.lights_of_month(made, 7, 0)
    assert set(month) == {"avg_rad", "cf_cvg"}
    assert month["avg_rad"].mean() == pytest.approx(float(year["average"].mean()), rel=0.2)
