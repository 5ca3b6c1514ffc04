"""Reductions over collections and bands, mosaics."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.collection import images
from pipeline.engine.session import Session
from pipeline.errors import EngineError
from tests.engine.arrays import grid, image, masked, pixels

HERE = grid(4, 5)


def layers(seed: int, count: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 1000, (count, 4, 5), np.uint16), rng.random((count, 4, 5)) < 0.6


def collection(data: Any, mask: Any) -> Any:
    return images(image(HERE, a=(d, m), b=(d + 1, m)) for d, m in zip(data, mask, strict=True))


@pytest.mark.parametrize("name", ["mean", "median", "max", "min", "sum", "count"])
@given(seed=st.integers(0, 10_000), count=st.integers(1, 9))
def test_reductions_equal_numpy(session: Session, name: str, seed: int, count: int) -> None:
    data, mask = layers(seed, count)
    result = session.call(f"reduce.{name}", {"collection": collection(data, mask)})
    assert result.names == ["a", "b"]
    found = masked(pixels(result, HERE)["a"])
    stack = np.ma.MaskedArray(data.astype(float), ~mask)
    expected = np.ma.median(stack, axis=0) if name == "median" else getattr(stack, name)(axis=0)
    seen = mask.any(0)
    assert np.array_equal(~np.ma.getmaskarray(found), seen)
    assert np.allclose(found.data[seen], np.asarray(expected)[seen])


def test_outputs_are_named_after_band_and_output(session: Session) -> None:
    data, mask = layers(0, 3)
    reducer = session.call("Reducer.percentile", {"percentiles": [25, 75]})
    made = session.call("ImageCollection.reduce", {"collection": collection(data, mask), "reducer": reducer})
    assert made.names == ["a_p25", "a_p75", "b_p25", "b_p75"]
    fit = session.call("Reducer.linearFit", {})
    made = session.call("ImageCollection.reduce", {"collection": collection(data, mask), "reducer": fit})
    assert made.names == ["scale", "offset"]
    seen = mask.sum(0) > 1
    found = pixels(made, HERE)["scale"]
    assert np.allclose(found.data[seen], 1)


@given(st.integers(0, 10_000))
def test_mosaic_shows_the_last_valid_and_quality_mosaic_the_best(seed: int) -> None:
    session = Session(workers=1)
    data, mask = layers(seed, 5)
    last, best = np.zeros((4, 5)), np.zeros((4, 5))
    for d, m in zip(data, mask, strict=True):
        last[m] = d[m]
    ranked = np.where(mask, data.astype(int), -1)
    best = ranked.max(0)
    seen = mask.any(0)
    found = masked(pixels(session.call("ImageCollection.mosaic", {"collection": collection(data, mask)}), HERE)["a"])
    assert np.array_equal(~np.ma.getmaskarray(found), seen) and np.array_equal(found.data[seen], last[seen])
    arguments = {"collection": collection(data, mask), "qualityBand": "a"}
    result = session.call("ImageCollection.qualityMosaic", arguments)
    found = masked(pixels(result, HERE)["b"])
    assert np.array_equal(~np.ma.getmaskarray(found), seen) and np.array_equal(found.data[seen], best[seen] + 1)


def test_reduce_over_bands(session: Session) -> None:
    data, mask = layers(3, 2)
    source = image(HERE, x=(data[0], mask[0]), y=(data[1], mask[1]))
    result = session.call("Image.reduce", {"image": source, "reducer": session.call("Reducer.max", {})})
    found = masked(pixels(result, HERE)["max"])
    expected = np.ma.MaskedArray(data, ~mask).max(axis=0)
    assert np.array_equal(found.mask, expected.mask) and (found == expected).all()


def test_a_band_missing_in_one_image_is_an_error(session: Session) -> None:
    odd = images([image(HERE, a=np.zeros((4, 5))), image(HERE, b=np.zeros((4, 5)))])
    with pytest.raises(EngineError, match="Expected a homogeneous image collection"):
        session.call("reduce.median", {"collection": odd})


def test_an_empty_collection_gives_an_image_without_bands(session: Session) -> None:
    empty = session.call("reduce.median", {"collection": images([])})
    assert empty.names == []
    with pytest.raises(EngineError, match="applied to an Image with no bands"):
        session.call("Image.select", {"input": empty, "bandSelectors": ["B4"]})


def test_to_array_leaves_masked_images_out(session: Session) -> None:
    data, mask = layers(5, 4)
    result = session.call("ImageCollection.toArray", {"collection": collection(data, mask)})
    found = pixels(result, HERE)["array"]
    for at in np.ndindex(4, 5):
        if mask[(slice(None), *at)].any():
            kept = data[(mask[(slice(None), *at)], *at)]
            assert np.array_equal(np.asarray(found.data[at]), np.stack([kept, kept + 1], 1))
        else:
            assert not found.mask[at]


def test_bands_are_reduced_by_as_many_inputs_only(session: Session) -> None:
    fit = session.call("Reducer.linearFit", {})
    pair = image(HERE, x=np.ones((4, 5)), y=np.ones((4, 5)))
    assert session.call("Image.reduce", {"image": pair, "reducer": fit}).names == ["scale", "offset"]
    four = session.call("Image.addBands", {"dstImg": pair, "srcImg": pair})
    with pytest.raises(EngineError, match="needs 2 bands"):
        session.call("Image.reduce", {"image": four, "reducer": fit})
