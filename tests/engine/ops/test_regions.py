"""Reductions and samplings over regions, against counts and means made by hand."""

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.collection import Feature, features
from pipeline.engine.session import Session
from pipeline.engine.space.geometry import Geometry
from pipeline.errors import EngineError
from tests.engine.arrays import grid, image

HERE = grid(20, 30)
UTM = "EPSG:32633"
X, Y = 500_000, 5_000_000
DATA = np.random.default_rng(0).random((20, 30))
MASK = np.random.default_rng(1).random((20, 30)) < 0.7
SOURCE = image(HERE, a=(DATA, MASK), b=DATA * 2)


def box(x0: float, y0: float, x1: float, y1: float) -> Geometry:
    """A rectangle in pixels from the upper left corner."""
    return Geometry(shapely.box(X + 10 * x0, Y - 10 * y1, X + 10 * x1, Y - 10 * y0), UTM, False)


def reduce(session: Session, reducer: str, region: Any = None, **options: Any) -> Any:
    made = session.call(f"Reducer.{reducer}", {})
    return session.call("Image.reduceRegion", {"image": SOURCE, "reducer": made, "geometry": region, **options})


@given(st.floats(0, 14), st.floats(0, 9), st.floats(1, 15), st.floats(1, 10))
def test_the_mean_weighs_by_cover(x: float, y: float, width: float, height: float) -> None:
    session = Session(workers=1)
    found = reduce(session, "mean", box(x, y, x + width, y + height))
    across = np.clip(np.minimum(np.arange(1, 31), x + width) - np.maximum(np.arange(30), x), 0, 1)
    down = np.clip(np.minimum(np.arange(1, 21), y + height) - np.maximum(np.arange(20), y), 0, 1)
    cover = np.round(np.outer(down, across) * 256) / 256
    cover[cover < 0.005] = 0
    for name, data, mask in (("a", DATA, MASK), ("b", DATA * 2, np.ones_like(MASK))):
        weight = cover * mask
        if weight.sum() > 0:
            assert found[name] == pytest.approx((data * weight).sum() / weight.sum(), rel=2e-2)


def test_unweighted_reducers_count_centres(session: Session) -> None:
    found = reduce(session, "count", box(1.6, 1.6, 5.4, 4.4))
    assert found == {"a": int(MASK[2:4, 2:5].sum()), "b": 6}
    found = reduce(session, "max", box(0, 0, 30, 20))
    assert found == {"a": DATA[MASK].max(), "b": DATA.max() * 2}


def test_outputs_and_all_masked(session: Session) -> None:
    assert set(reduce(session, "minMax", box(0, 0, 3, 3))) == {"a_min", "a_max", "b_min", "b_max"}
    hidden = session.call("Image.updateMask", {"image": SOURCE, "mask": 0})
    for reducer, value in (("mean", None), ("sum", 0), ("count", 0)):
        arguments = {"image": hidden, "reducer": session.call(f"Reducer.{reducer}", {}), "geometry": box(0, 0, 3, 3)}
        assert session.call("Image.reduceRegion", arguments) == {"a": value, "b": value}


def test_the_footprint_is_the_default_region_and_tiles_do_not_matter(session: Session) -> None:
    whole = reduce(session, "sum")
    assert whole["b"] == pytest.approx(DATA.sum() * 2)
    small = Session(workers=2, budget_bytes=400_000)
    assert reduce(small, "sum")["b"] == pytest.approx(whole["b"], rel=1e-12)


def test_more_rows_than_memory_holds_are_taken_in_parts(session: Session) -> None:
    tight = Session(workers=1, budget_bytes=40_000)
    classes = image(HERE, v=DATA, c=(DATA * 4).astype(np.uint8))
    group = {"reducer": session.call("Reducer.sum", {}), "groupField": 1, "groupName": "class"}
    arguments = {"image": classes, "reducer": session.call("Reducer.group", group), "geometry": box(0, 0, 30, 20)}
    whole, parts = (s.call("Image.reduceRegion", arguments)["groups"] for s in (session, tight))
    assert [g["class"] for g in parts] == [0, 1, 2, 3]
    assert [g["sum"] for g in parts] == pytest.approx([g["sum"] for g in whole])
    for name in ("mean", "stdDev", "minMax"):
        assert reduce(tight, name) == pytest.approx(reduce(session, name))
    with pytest.raises(EngineError, match="take more than"):
        reduce(tight, "median")


def test_limits_and_their_ways_out(session: Session) -> None:
    with pytest.raises(EngineError, match=r"Too many pixels in the region\. Found 600, but maxPixels allows only 100"):
        reduce(session, "mean", box(0, 0, 30, 20), maxPixels=100)
    areas = session.call("Image.pixelArea", {})
    mean = session.call("Reducer.mean", {})
    arguments = {"image": areas, "reducer": mean, "geometry": box(0, 0, 30, 20), "crs": UTM, "scale": 10}
    assert session.call("Image.reduceRegion", arguments)["area"] == pytest.approx(100, rel=1e-2)
    rough = session.call("Image.reduceRegion", {**arguments, "maxPixels": 100, "bestEffort": True})
    assert 600 < rough["area"] < 1500
    unbounded = session.call("Image.constant", {"value": 1})
    with pytest.raises(EngineError, match="region is unbounded"):
        session.call("Image.reduceRegion", {"image": unbounded, "reducer": mean, "scale": 10})
    with pytest.raises(EngineError, match="default WGS84 projection is invalid for aggregations"):
        session.call("Image.reduceRegion", {"image": unbounded, "reducer": mean, "geometry": box(0, 0, 3, 3)})


def test_several_inputs_take_the_bands_together(session: Session) -> None:
    found = reduce(session, "linearFit", box(0, 0, 30, 20))
    assert found["scale"] == pytest.approx(2) and abs(found["offset"]) < 1e-9
    with pytest.raises(EngineError, match="Need 2 bands"):
        one = session.call("Image.select", {"input": SOURCE, "bandSelectors": ["a"]})
        session.call("Image.reduceRegion", {"image": one, "reducer": session.call("Reducer.linearFit", {})})


def test_reduce_regions_names_results(session: Session) -> None:
    zones = features([Feature(box(0, 0, 5, 5), {"n": 1}), Feature(box(5, 5, 9, 9), {"n": 2})])
    arguments = {"image": SOURCE, "collection": zones, "reducer": session.call("Reducer.sum", {})}
    rows = list(session.call("Image.reduceRegions", arguments))
    assert rows[0].properties["b"] == pytest.approx(2 * DATA[:5, :5].sum(), rel=1e-6)
    one = session.call("Image.select", {"input": SOURCE, "bandSelectors": ["b"]})
    row = next(iter(session.call("Image.reduceRegions", {**arguments, "image": one})))
    assert row.properties["sum"] == pytest.approx(2 * DATA[:5, :5].sum(), rel=1e-6) and row.properties["n"] == 1


def test_sample_gives_every_valid_centre(session: Session) -> None:
    rows = list(session.call("Image.sample", {"image": SOURCE, "region": box(2, 3, 6, 8), "geometries": True}))
    inside = MASK[3:8, 2:6]
    assert sorted(r.properties["a"] for r in rows) == sorted(DATA[3:8, 2:6][inside])
    point = rows[0].geometry.to(UTM).shape
    row, column = int((Y - point.y) // 10), int((point.x - X) // 10)
    assert rows[0].properties["a"] == DATA[row, column]
    every = session.call("Image.sample", {"image": SOURCE, "region": box(2, 3, 6, 8), "dropNulls": False})
    assert len(list(every)) == 20


def test_sample_takes_a_number_or_a_share(session: Session) -> None:
    some = {"image": SOURCE, "region": box(0, 0, 30, 20), "dropNulls": False, "seed": 3}
    assert len(list(session.call("Image.sample", {**some, "numPixels": 50}))) == 50
    assert 200 < len(list(session.call("Image.sample", {**some, "factor": 0.5}))) < 400
    first = [r.properties for r in session.call("Image.sample", {**some, "numPixels": 9})]
    assert first == [r.properties for r in session.call("Image.sample", {**some, "numPixels": 9})]
    with pytest.raises(EngineError, match="either a factor or numPixels"):
        session.call("Image.sample", {**some, "numPixels": 9, "factor": 0.5})


def test_sample_regions_snaps_points_and_keeps_properties(session: Session) -> None:
    at = [(X + 10 * c + 3, Y - 10 * r - 8) for r, c in ((2, 3), (7, 8))]
    points = features([Feature(Geometry(shapely.Point(p), UTM), {"class": i}) for i, p in enumerate(at)])
    rows = list(session.call("Image.sampleRegions", {"image": SOURCE, "collection": points, "properties": ["class"]}))
    expected = [(i, DATA[r, c] * 2) for i, (r, c) in enumerate(((2, 3), (7, 8))) if MASK[r, c]]
    assert [(r.properties["class"], r.properties["b"]) for r in rows] == expected


def test_sample_rectangle_is_rows_by_columns(session: Session) -> None:
    one = session.call("Image.select", {"input": SOURCE, "bandSelectors": ["b"]})
    found = session.call("Image.sampleRectangle", {"image": one, "region": box(1, 2, 5, 4)})
    assert np.array_equal(found.properties["b"].data, DATA[2:4, 1:5] * 2)
    with pytest.raises(EngineError, match="no default value set"):
        session.call("Image.sampleRectangle", {"image": SOURCE, "region": box(0, 0, 30, 20)})


def test_stratified_sample_counts_by_class(session: Session) -> None:
    classes = np.repeat(np.array([1, 2, 3], np.uint8), [300, 290, 10]).reshape(20, 30)
    source = image(HERE, c=classes, v=DATA)
    arguments = {"image": source, "numPoints": 20, "classBand": "c", "region": box(0, 0, 30, 20)}
    rows = list(session.call("Image.stratifiedSample", {**arguments, "classValues": [2], "classPoints": [5]}))
    labels = [r.properties["c"] for r in rows]
    assert [labels.count(k) for k in (1, 2, 3)] == [20, 5, 10]


def test_get_region_lists_every_pixel(session: Session) -> None:
    from pipeline.engine.collection import images

    dated = images([SOURCE.with_properties({"system:index": "i", "system:time_start": 5})])
    rows = session.call(
        "ImageCollection.getRegion", {"collection": dated, "geometry": box(0, 0, 2, 2), "scale": 10, "crs": UTM}
    )
    assert rows[0] == ["id", "longitude", "latitude", "time", "a", "b"] and len(rows) == 5
    assert rows[1][0] == "i" and rows[1][3] == 5 and rows[1][5] == DATA[0, 0] * 2


def test_sample_rectangle_takes_each_band_in_its_own_projection(session: Session) -> None:
    coarse = image(grid(10, 15, 20.0), c=np.arange(150).reshape(10, 15)).bands[0]
    both = SOURCE.with_bands([SOURCE.bands[1], coarse]).with_properties({"system:index": "i", "n": 1})
    found = session.call("Image.sampleRectangle", {"image": both, "region": box(2, 2, 8, 6)}).properties
    assert set(found) == {"n", "b", "c"}
    assert found["b"].data.shape == (4, 6) and np.array_equal(found["c"].data, [[16, 17, 18], [31, 32, 33]])


def test_sample_rectangle_keeps_the_axes_of_arrays(session: Session) -> None:
    pairs = session.call("Image.toArray", {"image": SOURCE})
    arguments = {"image": pairs, "region": box(0, 0, 5, 4), "defaultArrayValue": [-1, -2]}
    found = session.call("Image.sampleRectangle", arguments).properties["array"]
    expected = np.where(MASK[:4, :5, None], np.stack([DATA, DATA * 2], axis=-1)[:4, :5], [-1, -2])
    assert np.allclose(found.data, expected) and found.type.dimensions == 3


def test_strata_come_from_the_first_band_and_are_integers(session: Session) -> None:
    classes = image(HERE, v=DATA, c=np.ones((20, 30), np.uint8))
    arguments = {"image": classes, "numPoints": 2, "region": box(0, 0, 3, 3)}
    with pytest.raises(EngineError, match="'v' must hold integers"):
        session.call("Image.stratifiedSample", arguments)
