import pytest

from pipeline.engine.ops.projection import TABLE
from pipeline.engine.values import ErrorMargin, Projection
from pipeline.errors import EngineError

LANDSAT = Projection("EPSG:32610", (30.0, 0.0, 460785.0, 0.0, -30.0, 4264215.0))
WKT = (
    'PARAM_MT["Affine", \n  PARAMETER["num_row", 3], \n  PARAMETER["num_col", 3], \n  PARAMETER["elt_0_0", 30.0], \n'
    '  PARAMETER["elt_0_2", 460785.0], \n  PARAMETER["elt_1_1", -30.0], \n  PARAMETER["elt_1_2", 4264215.0]]'
)
make = TABLE["Projection"]


def test_transforms_are_written_and_read():
    assert TABLE["Projection.transform"](LANDSAT) == WKT
    assert make("EPSG:32610", None, WKT) == LANDSAT == make("epsg:32610", list(LANDSAT.transform), None)
    assert make(LANDSAT, [1, 0, 0, 0, 1, 0], None) == Projection("EPSG:32610")
    assert TABLE["Projection.transform"](Projection()).count("PARAMETER") == 2


def test_crs_is_null_without_a_code():
    text = TABLE["Projection.wkt"](LANDSAT)
    assert text.startswith("PROJCS[") and make(text, None, None).crs == "EPSG:32610"
    odd = "+proj=laea +lat_0=12.3 +lon_0=4.5 +datum=WGS84"
    assert TABLE["Projection.crs"](make(odd, None, None)) is None
    assert TABLE["Projection.crs"](make("SR-ORG:6974", None, None)) == "SR-ORG:6974"


def test_scales():
    assert TABLE["Projection.nominalScale"](LANDSAT) == 30
    assert TABLE["Projection.atScale"](LANDSAT, 10).transform == (10, 0, 460785, 0, -10, 4264215)
    assert TABLE["Projection.scale"](Projection(), 2, 3).transform == (2, 0, 0, 0, 3, 0)
    assert TABLE["Projection.translate"](LANDSAT, 0.5, 0.5).transform == (30, 0, 460800, 0, -30, 4264200)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("EPSG:4326", [1, 2, 3], None), "6 numbers"),
        (("EPSG:4326", [1, 0, 0, 0, 0, 0], None), "without area"),
        (("EPSG:4326", [1, 0, 0, 0, 1, 0], WKT), "not both"),
        (("EPSG:4326", None, "GEOGCS[]"), "PARAM_MT"),
        ((4326, None, None), "4326"),
        (("nonsense", None, None), "'nonsense'"),
    ],
)
def test_wrong_projections(args, says):
    with pytest.raises(EngineError, match=says):
        make(*args)


def test_wrong_scales():
    with pytest.raises(EngineError, match="positive"):
        TABLE["Projection.atScale"](LANDSAT, 0)
    with pytest.raises(EngineError, match="not be 0"):
        TABLE["Projection.scale"](LANDSAT, 0, 1)


def test_error_margins():
    make_margin = TABLE["ErrorMargin"]
    assert make_margin(5, "meters") == ErrorMargin(5) and make_margin(5, "infinite").value is None
    for args, says in (((1, "feet"), "'feet'"), ((None, "meters"), "'value' is needed")):
        with pytest.raises(EngineError, match=says):
            make_margin(*args)
