import pytest

from pipeline.engine.doors.assetfilter import holds, parse
from pipeline.errors import EngineError

ASSET = {
    "id": "A/1",
    "startTime": "2021-04-14T03:25:00.000000Z",
    "properties": {"clouds": 24.5, "name": "sim", "a b": 1},
    "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]},
}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", True),
        ('startTime >= "2021-04-14T03:25:00Z"', True),
        ('startTime > "2021-04-14T03:25:00Z"', False),
        ('startTime >= "2021-01-01" AND startTime < "2022-01-01T00:00:00.000Z"', True),
        ('start_time < "2022-01-01" AND endTime < "2022-01-01" AND end_time > "2021-01-01"', True),
        ('endTime < "2021-04-14T03:25:00Z"', False),
        ("properties.clouds<25", True),
        ("properties.clouds >= 25 ", False),
        ('properties.name = "sim" and properties.clouds != 3', True),
        ("properties.name=sim", True),
        ("properties.none < 3", False),
        ("properties.name < 3", False),
        ("intersects(\"{'type':'Point','coordinates':[0.5,0.5]}\")", True),
        ('intersects("POINT (2 2)")', False),
    ],
)
def test_filters(text, wanted):
    assert holds(parse(text), ASSET) is wanted


@pytest.mark.parametrize(
    "text", ["x", "x =", "= 3", "a=1 b=2", "a=1 OR b=2", 'intersects("nowhere")', 'startTime > "soon"', "a = 'x", "((("]
)
def test_what_the_language_does_not_have_is_refused(text):
    with pytest.raises(EngineError):
        parse(text)
