"""Projections, own grids, coarser grids, areas and coordinates."""

import math

import numpy as np
import pyproj
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from pipeline.engine.ops.coordinates import TABLE
from pipeline.engine.session import Session
from pipeline.engine.space.geometry import Geometry
from pipeline.engine.values import WGS84, Projection
from pipeline.errors import EngineError
from tests.engine.arrays import grid, image, pixels

UTM = "EPSG:32633"
HERE = grid(24, 24)
HOME = Projection(UTM, tuple(HERE.affine)[:6])
DATA = np.random.default_rng(0).integers(0, 1000, (24, 24), np.uint16)
SOURCE = image(HERE, a=DATA)


def coarse(size: int) -> GeoBox:
    return GeoBox((24 // size, 24 // size), HERE.affine @ Affine.scale(size), UTM)


def test_reproject_computes_on_its_own_pixels_and_samples_those(session: Session) -> None:
    places = session.call("Image.pixelCoordinates", {"projection": HOME})
    own = session.call("Image.reproject", {"image": places, "crs": UTM, "scale": 30})
    t = own.bands[0].projection.transform
    assert (t[0], t[4], t[2], t[5]) == (30, -30, 0, 0)
    found = pixels(own, coarse(1))["x"].data
    # Pixel corners at multiples of 30 m: 500,000 lies 20 m into one, whose centre is at 499,995, pixel -0.5.
    assert np.allclose(found[0], -0.5 + 3 * ((np.arange(24) + 2) // 3))


def test_reproject_onto_its_own_grid_changes_nothing(session: Session) -> None:
    arguments = {"image": SOURCE, "crs": UTM, "crsTransform": list(HOME.transform)}
    (found,) = pixels(session.call("Image.reproject", arguments), HERE).values()
    assert np.array_equal(found.data, DATA)


def test_scale_and_transform_exclude_each_other(session: Session) -> None:
    with pytest.raises(EngineError, match="either a scale or a crsTransform"):
        arguments = {"image": SOURCE, "crs": UTM, "scale": 10, "crsTransform": [1, 0, 0, 0, 1, 0]}
        session.call("Image.reproject", arguments)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_reduce_resolution_means_the_pixels_inside(session: Session, size: int) -> None:
    reducer = session.call("Reducer.mean", {})
    made = session.call("Image.reduceResolution", {"image": SOURCE, "reducer": reducer, "maxPixels": 64})
    (found,) = pixels(made, coarse(size)).values()
    expected = DATA.reshape(24 // size, size, 24 // size, size).mean((1, 3))
    assert np.allclose(found.data, expected)


def test_reduce_resolution_has_a_limit(session: Session) -> None:
    made = session.call("Image.reduceResolution", {"image": SOURCE, "reducer": session.call("Reducer.mean", {})})
    with pytest.raises(EngineError, match="Too many input pixels"):
        pixels(made, coarse(12))


def test_clip_to_bounds_and_scale_makes_the_asked_grid(session: Session) -> None:
    region = Geometry(shapely.box(500_025, 4_999_850, 500_145, 4_999_970), UTM, False)
    made = session.call("Image.clipToBoundsAndScale", {"input": SOURCE, "geometry": region})
    assert made.bands[0].window == (2, 3, 13, 12)
    made = session.call("Image.clipToBoundsAndScale", {"input": SOURCE, "geometry": region, "maxDimension": 6})
    assert made.bands[0].window[2:] == (6, 6)
    box = session.default_grid(made)
    assert abs(box.affine.a - 20) < 0.01
    made = session.call("Image.clipToBoundsAndScale", {"input": SOURCE, "geometry": region, "width": 6, "height": 3})
    assert session.default_grid(made).shape == (3, 6)
    made = session.call("Image.clipToBoundsAndScale", {"input": SOURCE, "geometry": region, "scale": 40})
    assert session.default_grid(made).affine.a == 40


def test_set_default_projection_only_declares(session: Session) -> None:
    made = session.call("Image.setDefaultProjection", {"image": SOURCE, "crs": "EPSG:4326", "scale": 100})
    assert made.bands[0].plan is SOURCE.bands[0].plan and made.bands[0].projection.crs == "EPSG:4326"


@given(st.integers(-5, 5), st.integers(-5, 5))
def test_translate_moves_pixels(x: int, y: int) -> None:
    made = Session(workers=1).call("Image.translate", {"input": SOURCE, "x": x * 10, "y": y * 10})
    (found,) = pixels(made, HERE).values()
    expected = np.zeros((24, 24), bool)
    rows, columns = np.indices((24, 24))
    inside = (columns >= x) & (columns - x < 24) & (rows >= -y) & (rows + y < 24)
    expected[inside] = True
    assert np.array_equal(found.mask, expected)
    assert np.array_equal(found.data[inside], DATA[rows[inside] + y, columns[inside] - x])


def test_pixel_area_is_the_ellipsoids() -> None:
    made = TABLE["Image.pixelArea"]()
    geod = pyproj.Geod(ellps="WGS84")
    lonlat = GeoBox((2, 1), Affine(0.01, 0, 15, 0, -0.01, 45), "EPSG:4326")
    (found,) = pixels(made, lonlat).values()
    ring = [15, 15.01, 15.01, 15], [44.99, 44.99, 45, 45]
    assert found.data[0, 0] == pytest.approx(abs(geod.polygon_area_perimeter(*ring)[0]), rel=1e-6)
    (found,) = pixels(made, HERE).values()
    assert found.data[0, 0] == pytest.approx(100 / 0.9996**2, rel=1e-5)


def test_coordinates_are_pixel_centres() -> None:
    lonlat = GeoBox((2, 3), Affine(0.1, 0, 15, 0, -0.1, 45), "EPSG:4326")
    found = pixels(TABLE["Image.pixelLonLat"](), lonlat)
    assert np.allclose(found["longitude"].data[0], [15.05, 15.15, 15.25])
    assert np.allclose(found["latitude"].data[:, 0], [44.95, 44.85])
    found = pixels(TABLE["Image.pixelCoordinates"](HOME), HERE)
    assert np.allclose(found["x"].data[0, :3], [0.5, 1.5, 2.5]) and np.allclose(found["y"].data[:3, 0], [0.5, 1.5, 2.5])


def test_noise_depends_on_place_and_seed_alone() -> None:
    (whole,) = pixels(TABLE["Image.random"](7, "uniform"), HERE).values()
    (part,) = pixels(TABLE["Image.random"](7, "uniform"), HERE[5:9, 3:20]).values()
    assert np.array_equal(part.data, whole.data[5:9, 3:20])
    (other,) = pixels(TABLE["Image.random"](8, "uniform"), HERE).values()
    assert not np.array_equal(other.data, whole.data)
    large = GeoBox((200, 200), HERE.affine, UTM)
    (uniform,) = pixels(TABLE["Image.random"](0, "uniform"), large).values()
    (normal,) = pixels(TABLE["Image.random"](0, "normal"), large).values()
    assert uniform.data.min() >= 0 and uniform.data.max() < 1 and abs(uniform.data.mean() - 0.5) < 0.01
    assert abs(normal.data.mean()) < 0.02 and abs(normal.data.std() - 1) < 0.02
    assert abs(np.corrcoef(uniform.data[:, :-1].ravel(), uniform.data[:, 1:].ravel())[0, 1]) < 0.02


def test_resample_interpolates_at_the_next_reprojection(session: Session) -> None:
    plane = np.add.outer(np.arange(24.0), 2 * np.arange(24.0))
    made = session.call("Image.resample", {"image": image(HERE, a=plane), "mode": "bilinear"})
    fine = GeoBox((20, 20), HERE.affine @ Affine.translation(5, 5) @ Affine.scale(0.5), UTM)
    (found,) = pixels(made, fine).values()
    at = 5 + (np.arange(20) + 0.5) / 2 - 0.5
    assert np.allclose(found.data, np.add.outer(at, 2 * at))
    composite = image(HERE, a=plane)
    assert composite.bands[0].projection != WGS84
    with pytest.raises(EngineError, match="Unknown mode"):
        session.call("Image.resample", {"image": SOURCE, "mode": "lanczos"})


def test_noise_of_one_pixel_is_not_its_neighbours() -> None:
    (found,) = pixels(TABLE["Image.random"](0, "uniform"), HERE).values()
    assert len(np.unique(found.data)) == 24 * 24 and math.isfinite(found.data.sum())


def test_reduce_resolution_on_a_finer_grid_is_the_pixel_itself(session: Session) -> None:
    made = session.call("Image.reduceResolution", {"image": SOURCE, "reducer": session.call("Reducer.mean", {})})
    finer = GeoBox((60, 60), HERE.affine @ Affine.scale(0.1), UTM)
    (found,) = pixels(made, finer).values()
    assert np.array_equal(found.data, np.kron(DATA[:6, :6], np.ones((10, 10)))) and found.mask.all()


def test_reduce_resolution_by_several_inputs_takes_the_bands_together(session: Session) -> None:
    both = image(HERE, x=DATA.astype(float), y=DATA * 2.0 + 1)
    arguments = {"image": both, "reducer": session.call("Reducer.linearFit", {})}
    found = pixels(session.call("Image.reduceResolution", arguments), coarse(4))
    assert list(found) == ["scale", "offset"]
    assert np.allclose(found["scale"].data, 2) and np.allclose(found["offset"].data, 1)
    with pytest.raises(EngineError, match="takes 2 bands"):
        session.call("Image.reduceResolution", {**arguments, "image": SOURCE})


def test_best_effort_starts_from_the_pyramid(session: Session) -> None:
    places = session.call("Image.setDefaultProjection", {"image": session.call("Image.pixelLonLat", {}), "crs": HOME})
    arguments = {"image": places, "reducer": session.call("Reducer.count", {}), "bestEffort": True, "maxPixels": 4}
    found = pixels(session.call("Image.reduceResolution", arguments), coarse(8))
    assert (found["longitude"].data == 4).all()


def test_bounds_are_scaled_in_one_way_only(session: Session) -> None:
    region = Geometry(shapely.box(500_025, 4_999_850, 500_145, 4_999_970), UTM, False)
    for sizes in (
        {"width": 3},
        {"height": 3},
        {"width": 3, "height": 3, "scale": 20},
        {"maxDimension": 3, "scale": 20},
    ):
        with pytest.raises(EngineError, match="Give"):
            session.call("Image.clipToBoundsAndScale", {"input": SOURCE, "geometry": region, **sizes})


def test_a_computed_image_is_interpolated_on_the_level_asked(session: Session) -> None:
    places = session.call("Image.setDefaultProjection", {"image": session.call("Image.pixelLonLat", {}), "crs": HOME})
    smooth = session.call("Image.resample", {"image": places, "mode": "bilinear"})
    aligned = coarse(4)
    assert np.array_equal(pixels(smooth, aligned)["longitude"].data, pixels(places, aligned)["longitude"].data)
    far = GeoBox((1024, 1024), HERE.affine @ Affine.scale(100), UTM)
    ((_, asked),) = smooth.bands[0].plan.needs(far)
    assert max(asked.shape) <= 2 * 1024
