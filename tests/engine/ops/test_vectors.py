"""Zones to polygons, features to pixels, distances, unmixing and interpolation."""

import numpy as np
import pytest
import shapely
from scipy import ndimage

from pipeline.engine.collection import Feature, features
from pipeline.engine.session import Session
from pipeline.engine.space.geometry import Geometry
from pipeline.errors import EngineError
from tests.engine.arrays import grid, image, pixels

HERE = grid(12, 15)
UTM = "EPSG:32633"
CLASSES = np.random.default_rng(3).integers(0, 3, (12, 15), np.uint8)


@pytest.mark.parametrize("eight", [True, False])
def test_zones_are_the_connected_areas(session: Session, eight: bool) -> None:
    arguments = {"image": image(HERE, c=CLASSES), "eightConnected": eight, "geometryInNativeProjection": True}
    zones = list(session.call("Image.reduceToVectors", arguments))
    structure = np.ones((3, 3)) if eight else None
    counts = {v: ndimage.label(v == CLASSES, structure)[1] for v in range(3)}
    labels = [z.properties["label"] for z in zones]
    assert {v: labels.count(v) for v in range(3)} == counts
    for value in range(3):
        area = sum(z.geometry.shape.area for z in zones if z.properties["label"] == value)
        assert area == pytest.approx(100 * (value == CLASSES).sum())


def test_zones_carry_reduced_bands(session: Session) -> None:
    values = np.random.default_rng(4).random((12, 15))
    one = np.ones((12, 15), np.uint8)
    arguments = {"image": image(HERE, c=one, v=values), "reducer": session.call("Reducer.mean", {})}
    (zone,) = session.call("Image.reduceToVectors", arguments)
    assert zone.properties["mean"] == pytest.approx(values.mean())
    with pytest.raises(EngineError, match="must be an integer type"):
        session.call("Image.reduceToVectors", {"image": image(HERE, v=values)})


def square(x: float, y: float, size: float) -> Geometry:
    left, top = 500_000 + 10 * x, 5_000_000 - 10 * y
    return Geometry(shapely.box(left, top - 10 * size, left + 10 * size, top), UTM, False)


def test_features_reduce_to_pixels(session: Session) -> None:
    zones = features([Feature(square(0, 0, 4), {"v": 1}), Feature(square(2, 2, 4), {"v": 5})])
    arguments = {"collection": zones, "properties": ["v"], "reducer": session.call("Reducer.sum", {})}
    (found,) = pixels(session.call("Collection.reduceToImage", arguments), HERE).values()
    expected = np.zeros((12, 15))
    expected[:4, :4] += 1
    expected[2:6, 2:6] += 5
    assert np.array_equal(found.mask, expected > 0) and np.array_equal(found.data[found.mask], expected[expected > 0])


def test_distance_is_in_metres_and_ends_at_the_radius(session: Session) -> None:
    points = features([Feature(Geometry(shapely.Point(500_005, 4_999_995), UTM))])
    (found,) = pixels(session.call("Collection.distance", {"features": points, "searchRadius": 60}), HERE).values()
    rows, columns = np.indices((12, 15)) * 10
    expected = np.hypot(rows, columns)
    assert np.array_equal(found.mask, expected <= 60)
    assert np.allclose(found.data[found.mask], expected[expected <= 60], atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"sumToOne": True}, {"sumToOne": True, "nonNegative": True}])
def test_unmixing_finds_the_shares(session: Session, options: dict[str, bool]) -> None:
    ends = np.array([[0.1, 0.4, 0.9], [0.8, 0.3, 0.2]])
    share = np.random.default_rng(5).random((12, 15))
    bands = {f"b{i}": share * ends[0, i] + (1 - share) * ends[1, i] for i in range(3)}
    made = session.call("Image.unmix", {"image": image(HERE, **bands), "endmembers": ends.tolist(), **options})
    found = pixels(made, HERE)
    assert np.allclose(found["band_0"].data, share, atol=1e-4) and np.allclose(
        found["band_1"].data, 1 - share, atol=1e-4
    )


@pytest.mark.parametrize("behavior", ["extrapolate", "clamp", "mask", "input"])
def test_interpolation_outside_its_points(session: Session, behavior: str) -> None:
    value = np.linspace(-1, 3, 180).reshape(12, 15)
    arguments = {"image": image(HERE, v=value), "x": [0, 1, 2], "y": [0, 10, 40], "behavior": behavior}
    (found,) = pixels(session.call("Image.interpolate", arguments), HERE).values()
    inside = (value >= 0) & (value <= 2)
    assert np.allclose(found.data[inside], np.interp(value, [0, 1, 2], [0, 10, 40])[inside])
    assert found.mask.all() == (behavior != "mask")
    outside = {"extrapolate": 10 * value, "clamp": np.zeros_like(value), "input": value, "mask": 10 * value}[behavior]
    low = (value < 0) & (found.mask if behavior == "mask" else True)
    assert np.allclose(found.data[low], outside[low])
