"""Features as pictures: colours, point markers, and that pictures join at the edges of tiles."""

from typing import Any

import numpy as np
import pytest
import shapely

from pipeline.engine.collection import Feature, features
from pipeline.engine.ops.drawing import ALIASES, CROSSES, MARKERS
from pipeline.engine.session import Session
from pipeline.engine.space.geometry import Geometry
from pipeline.errors import EngineError
from tests.engine.arrays import grid, pixels

HERE = grid(40, 40)
UTM = "EPSG:32633"


def at(shape: Any) -> Geometry:
    """A shape in pixels of HERE."""
    return Geometry(shapely.transform(shape, lambda xy: xy * [10, -10] + [500_000, 5_000_000]), UTM, False)


def styled(session: Session, shape: Any, **style: Any) -> Any:
    zones = features([Feature(at(shape), {})])
    return session.call("Collection.style", {"collection": zones, **style})


def shown(session: Session, shape: Any, **style: Any) -> Any:
    return pixels(styled(session, shape, **style), HERE)["vis-red"].mask > 0


@pytest.mark.parametrize("name", ["circle", *MARKERS, *CROSSES, *ALIASES])
def test_markers_are_as_large_as_asked(session: Session, name: str) -> None:
    found = shown(session, shapely.Point(20, 20), pointShape=name, pointSize=16, width=1)
    rows, columns = np.nonzero(found)
    for low, high in ((rows.min(), rows.max()), (columns.min(), columns.max())):
        assert 4 <= 20 - low <= 9 and 4 <= high - 19 <= 9
    assert 20 < found.sum() < 18 * 18


def test_a_disc_has_its_area_and_a_triangle_points_up(session: Session) -> None:
    disc = shown(session, shapely.Point(20, 20), pointSize=20, width=0)
    assert disc.sum() == pytest.approx(np.pi * 100, rel=0.03)
    widths = shown(session, shapely.Point(20, 20), pointShape="triangle", pointSize=20, width=0).sum(axis=1)
    assert widths[11] < widths[15] < widths[23]


def test_markers_have_a_fill_and_an_outline(session: Session) -> None:
    made = styled(session, shapely.Point(20, 20), color="red", fillColor="0000ff", pointSize=20, width=3)
    found = pixels(made, HERE)
    assert [found[n].data[20, 20] for n in made.names] == [0, 0, 255]
    assert [found[n].data[20, 29] for n in made.names] == [255, 0, 0]


def test_every_point_of_a_multipoint_is_marked(session: Session) -> None:
    assert shown(session, shapely.MultiPoint([(8, 8), (30, 30)]), pointSize=6)[[8, 30], [8, 30]].all()


@pytest.mark.parametrize("shape", [shapely.Point(19.3, 20.6), shapely.LineString([(3, 4), (37, 31)])])
def test_pictures_join_at_the_edges_of_tiles(session: Session, shape: Any) -> None:
    made = styled(session, shape, pointShape="star5", pointSize=17, width=3)
    whole = pixels(made, HERE)["vis-red"].mask
    for rows in (slice(0, 20), slice(20, 40)):
        for columns in (slice(0, 20), slice(20, 40)):
            tile = pixels(made, HERE[rows, columns])["vis-red"].mask
            np.testing.assert_array_equal(tile, whole[rows, columns])


def test_draw_takes_a_radius(session: Session) -> None:
    zones = features([Feature(at(shapely.Point(20, 20)), {})])
    made = session.call("Collection.draw", {"collection": zones, "color": "00FF00", "pointRadius": 8, "strokeWidth": 0})
    assert (pixels(made, HERE)["vis-green"].mask > 0).sum() == pytest.approx(np.pi * 64, rel=0.05)


@pytest.mark.parametrize(
    ("style", "says"),
    [({"pointShape": "blob"}, "Unknown pointShape 'blob'"), ({"color": "nocolour"}, "'nocolour' is not a colour")],
)
def test_unknown_styles_are_refused(session: Session, style: Any, says: str) -> None:
    with pytest.raises(EngineError, match=says):
        styled(session, shapely.Point(1, 1), **style)


def test_a_style_of_the_wrong_kind_is_refused(session: Session) -> None:
    point = features([Feature(at(shapely.Point(1, 1)), {"s": {"pointSize": "big"}})])
    with pytest.raises(EngineError, match="pointSize must be a number"):
        session.call("Collection.style", {"collection": point, "styleProperty": "s"})


def test_styled_features_have_their_colours(session: Session) -> None:
    zones = features(
        [Feature(at(shapely.box(0, 0, 40, 40)), {"s": {"color": "blue", "fillColor": "00ff00", "width": 0}})]
    )
    made = session.call("Collection.style", {"collection": zones, "styleProperty": "s"})
    found = pixels(made, HERE)
    assert (found["vis-green"].data == 255).all() and not found["vis-blue"].data.any() and found["vis-red"].mask.all()
    with pytest.raises(EngineError, match="Unknown style 'colour'"):
        wrong = features([Feature(at(shapely.box(0, 0, 5, 4)), {"s": {"colour": "blue"}})])
        session.call("Collection.style", {"collection": wrong, "styleProperty": "s"})
