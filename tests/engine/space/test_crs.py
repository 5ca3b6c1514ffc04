import math

import pytest
from odc.geo.geobox import GeoBox

from pipeline.engine.space import crs
from pipeline.engine.values import Projection
from pipeline.errors import EngineError

WEB, MODIS = "SR-ORG:6627", "SR-ORG:6974"


def test_one_degree_is_what_earth_engine_prints():
    assert crs.nominal_scale(Projection("EPSG:4326")) == pytest.approx(111319.49079327358, rel=1e-15)


@pytest.mark.parametrize(
    ("name", "transform", "metres"),
    [
        ("EPSG:32610", (30, 0, 460785, 0, -30, 4264215), 30),
        ("EPSG:3857", (1, 0, 0, 0, 1, 0), 1),
        (MODIS, (463.3127165279165, 0, -20015109.354, 0, -463.3127165279167, 10007554.677), 463.3127165279166),
        ("EPSG:4326", (0.041666666666666664, 0, -124.8, 0, -0.041666666666666664, 49.4), 4638.312116386399),
        ("EPSG:2263", (1, 0, 0, 0, 1, 0), 0.30480060960121924),
    ],
)
def test_nominal_scale(name, transform, metres):
    assert crs.nominal_scale(Projection(name, transform)) == pytest.approx(metres, rel=1e-12)


def test_earth_engines_own_codes_are_known():
    assert crs.same(WEB, "EPSG:3857")
    x, y = crs.transformer("EPSG:4326", MODIS).transform(10.0, 60.0)
    radius = 6371007.181
    assert (x, y) == pytest.approx((radius * math.radians(10) * 0.5, radius * math.radians(60)))


def test_transformers_take_longitude_first():
    assert crs.transformer("EPSG:4326", "EPSG:32633").transform(15.0, 0.0) == pytest.approx((500000, 0), abs=1e-6)


def test_unknown_crs_names_itself():
    with pytest.raises(EngineError, match="'EPSG:99999'"):
        crs.resolve("EPSG:99999")


def test_codes_are_found_in_wkt_and_missing_where_there_is_none():
    assert crs.code(crs.wkt("EPSG:32633")) == "EPSG:32633"
    assert crs.code("+proj=laea +lat_0=12.3 +lon_0=4.5 +datum=WGS84") is None
    assert crs.code(MODIS) == MODIS


def test_at_scale_keeps_the_origin_and_the_direction_of_axes():
    landsat = Projection("EPSG:32610", (30, 0, 460785, 0, -30, 4264215))
    assert crs.at_scale(landsat, 60).transform == (60, 0, 460785, 0, -60, 4264215)
    assert crs.at_scale(Projection(), 30).transform[0] == pytest.approx(0.00026949458523585647, rel=1e-12)


def test_scaling_and_moving_are_in_pixels():
    base = Projection("EPSG:32610", (10, 0, 100, 0, -10, 200))
    assert crs.scaled(base, 2, 3).transform == (20, 0, 100, 0, -30, 200)
    assert crs.translated(base, 2, 3).transform == (10, 0, 120, 0, -10, 170)


def test_regional_projections_are_told_from_world_maps():
    assert crs.is_regional("EPSG:32633") and crs.is_regional("EPSG:3035")
    assert not any(crs.is_regional(name) for name in ("EPSG:3857", "EPSG:4326", "EPSG:6933", MODIS))


def test_a_grid_gives_its_projection_back():
    box = GeoBox.from_bbox((0, 0, 1000, 500), "EPSG:32633", resolution=10)
    assert crs.grid_projection(box) == Projection("EPSG:32633", (10, 0, 0, 0, -10, 500))
