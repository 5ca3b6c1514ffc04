"""From shapes to pixels: compared with asking of every pixel alone whether its centre lies inside."""

from typing import Any

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from pipeline.region import Grid
from pipeline.sample.pixels import NO_CENTRE, NO_SHAPE, OUTSIDE, pixels

GRID = Grid("EPSG:32649", 10.0, 1000.0, 2000.0, 12, 9)
corner = st.tuples(st.floats(950, 1200), st.floats(1850, 2050))


def by_hand(shape: Any) -> set[tuple[int, int]]:
    return {
        (row, col)
        for row in range(GRID.height)
        for col in range(GRID.width)
        if shape.contains(shapely.Point(1005 + 10 * col, 1995 - 10 * row))
    }


@given(corners=st.lists(st.lists(corner, min_size=3, max_size=6), min_size=1, max_size=4))
def test_polygons_are_the_pixels_whose_centre_lies_inside(corners: Any) -> None:
    shapes = np.array([shapely.Polygon(c) for c in corners], object)
    found = pixels(shapes, GRID, 1000, 0)
    for n, shape in enumerate(shapes):
        own = found.feature == n
        wanted = by_hand(shapely.make_valid(shape))
        assert set(zip(found.row[own].tolist(), found.col[own].tolist(), strict=True)) == wanted
        assert (n in found.unused) == (not wanted)
        assert set(found.group[own].tolist()) == ({n} if wanted else set())


def test_at_most_so_many_pixels_by_lot() -> None:
    shapes = np.array([shapely.box(1000, 1910, 1100, 2000), shapely.box(1100, 1950, 1120, 1980)], object)
    found = pixels(shapes, GRID, 7, 1)
    whole = pixels(shapes, GRID, 1000, 1)
    assert np.bincount(found.feature).tolist() == [7, 6]
    assert np.bincount(whole.feature).tolist() == [90, 6]
    assert found.number.tolist() == [*range(1, 8), *range(1, 7)]
    pairs = [{*zip(f.feature, f.row, f.col, strict=True)} for f in (found, whole)]
    assert pairs[0] < pairs[1]
    again, other = pixels(shapes, GRID, 7, 1), pixels(shapes, GRID, 7, 2)
    np.testing.assert_array_equal(again.col, found.col)
    assert other.col.tolist() != found.col.tolist()
    alone = pixels(shapes[:1], GRID, 7, 1)
    np.testing.assert_array_equal(alone.row, found.row[:7])


def test_points_fall_into_the_pixel_that_they_begin() -> None:
    shapes = shapely.points([(1000, 2000), (1009.99, 1990.01), (1010, 1990), (1119.9, 1910.1)])
    found = pixels(shapes, GRID, 50, 0)
    assert list(zip(found.row.tolist(), found.col.tolist(), strict=True)) == [(0, 0), (0, 0), (1, 1), (8, 11)]
    assert set(found.group.tolist()) == {-1}
    assert not found.unused


def test_what_gives_no_pixel_is_told() -> None:
    beyond = shapely.points([(999.9, 1950), (1120, 1950), (1050, 2000.1), (1050, 1910), (np.inf, 1950)])
    far, tiny = shapely.box(0, 0, 10, 10), shapely.box(1000, 1990, 1004, 1994)
    line = shapely.LineString([(1000, 1950), (1100, 1950)])
    shapes = np.array([*beyond, far, tiny, line, None, shapely.Point(), shapely.Polygon()], object)
    found = pixels(shapes, GRID, 50, 0)
    assert not len(found.feature)
    assert list(found.unused.values()) == [*[OUTSIDE] * 6, NO_CENTRE, *[NO_SHAPE] * 4]


def test_several_points_of_one_feature_are_numbered() -> None:
    several = shapely.MultiPoint([(1005, 1995), (1015, 1995), (0, 0)])
    found = pixels(np.array([shapely.Point(1095, 1995), several], object), GRID, 50, 0)
    assert found.feature.tolist() == [0, 1, 1]
    assert found.number.tolist() == [0, 1, 2]
    assert found.col.tolist() == [9, 0, 1]
