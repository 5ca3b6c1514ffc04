import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from pipeline.engine.ops import terrain
from pipeline.errors import EngineError
from tests.engine import arrays

HOME = arrays.grid(8, 9)
PLANE = (3.0 * np.arange(9) - 2.0 * np.arange(8)[:, None]).astype(np.float32)  # 0.3 to the east, 0.2 to the north


def test_products_add_bands_with_masked_borders():
    made = terrain.products(arrays.image(elevation=PLANE, other=PLANE))
    assert made.names == ["elevation", "other", "slope", "aspect", "hillshade"]
    found = arrays.pixels(made, HOME)
    assert not found["slope"].mask[0].any()
    assert found["slope"].mask[1:-1, 1:-1].all()
    np.testing.assert_allclose(
        arrays.masked(found["slope"]).compressed(), np.degrees(np.arctan(np.hypot(0.3, 0.2))), rtol=1e-5
    )
    assert found["hillshade"].data.dtype == np.uint8


def test_gradient_is_per_metre_towards_east_and_north():
    found = arrays.pixels(terrain.gradient(arrays.image(z=PLANE)), HOME)
    assert list(found) == ["x", "y"]
    np.testing.assert_allclose(arrays.masked(found["x"])[1:-1, 1:-1], 0.3, rtol=1e-6)
    np.testing.assert_allclose(arrays.masked(found["y"])[1:-1, 1:-1], 0.2, rtol=1e-6)


def test_a_grid_whose_rows_run_north_gives_the_same_aspect():
    home = GeoBox((8, 9), Affine(10, 0, 500_000, 0, 10, 5_000_000), "EPSG:32633")
    up = arrays.pixels(terrain.aspect(arrays.image(home, z=PLANE[::-1].copy())), home)["aspect"]
    down = arrays.pixels(terrain.aspect(arrays.image(z=PLANE)), HOME)["aspect"]
    np.testing.assert_allclose(arrays.masked(up)[::-1], arrays.masked(down))


def test_degrees_are_metres_of_the_ellipsoid():
    home = arrays.grid(40, 3, 0.25, "EPSG:4326")
    widths, heights = terrain.cell_metres(home)
    latitude = np.radians(50 - 0.25 * (np.arange(40) + 0.5))
    np.testing.assert_allclose(widths, 0.25 * 111_319.49 * np.cos(latitude), rtol=4e-3)
    np.testing.assert_allclose(heights, 0.25 * 111_200, rtol=3e-3)


def test_hillshade_of_flat_land_is_the_sine_of_the_sun():
    found = arrays.pixels(terrain.hillshade(arrays.image(z=np.zeros((8, 9))), 270, 30), HOME)["hillshade"]
    assert set(arrays.masked(found).compressed()) == {128}


def test_several_bands_need_one_named_elevation():
    with pytest.raises(EngineError, match="named 'elevation'"):
        terrain.slope(arrays.image(a=PLANE, b=PLANE))


def test_a_ridge_shadows_the_side_away_from_the_sun():
    z = np.zeros((8, 9))
    z[:, 5] = 25.0
    west = terrain.hill_shadow(arrays.image(z=z), 270, 45, 4, False)
    lit = arrays.pixels(west, HOME)["shadow"].data
    assert lit[3].tolist() == [1, 1, 1, 1, 1, 1, 0, 0, 1]


def test_fill_minima_fills_integers_only():
    z = np.full((8, 9), 9, np.int16)
    z[4, 4] = 1
    found = arrays.pixels(terrain.fill_minima(arrays.image(z=z), None, 3), HOME)["z"]
    assert (arrays.masked(found) == 9).all()
    with pytest.raises(EngineError, match="integer"):
        terrain.fill_minima(arrays.image(z=PLANE), None, 50)


def test_shadows_in_degrees_do_not_depend_on_the_tile():
    home = arrays.grid(60, 40, 0.5, "EPSG:4326")
    heights = np.random.default_rng(0).random((60, 40)) * 60_000
    made = terrain.hill_shadow(arrays.image(home, z=heights), 130.0, 60.0, 5, False)
    whole = arrays.pixels(made, home)["shadow"].data
    parts = [arrays.pixels(made, home[y : y + 15])["shadow"].data for y in range(0, 60, 15)]
    assert np.array_equal(whole, np.vstack(parts)) and 0 < whole.mean() < 1
