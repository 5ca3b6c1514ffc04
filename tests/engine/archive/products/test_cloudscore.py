import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from pipeline.engine.archive import FolderArchive
from tests.engine.archive.products import safe
from tests.engine.archive.products.intake import bring, bring_one, refusal, stored
from tests.engine.archive.rasters import write
from tests.engine.local import connected

INDEX = "20210414T032541_20210414T033546_T49SDD"
SCORES = np.random.default_rng(0).random((2, 60, 80)).astype(np.float32)


@pytest.fixture
def made(tmp_path: Path) -> FolderArchive:
    return FolderArchive.initialise(tmp_path / "archive")


def scores(path: Path, data: Any, *bands: str, **more: Any) -> Path:
    write(path, data, **more)
    with rasterio.open(path, "r+") as file:
        file.descriptions = bands or (None,) * len(data)
    return path


def test_scores_keep_their_values_and_the_index_of_their_image(tmp_path: Path, made: FolderArchive) -> None:
    data = SCORES.astype(np.float64)
    data[0, 0, 0] = np.nan
    item = bring_one(made, scores(tmp_path / f"{INDEX}.tif", data, "cs", "cs_cdf"))
    assert item.id == f"GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED/{INDEX}"
    assert item.properties["system:time_start"] == 1618370741000
    assert np.allclose(stored(item, "cs_cdf"), SCORES[1]) and stored(item, "cs").mask.sum() == 1


@pytest.mark.parametrize(("dtype", "whole"), [("uint8", 100), ("uint16", 10_000)])
def test_whole_numbers_are_parts_of_one(tmp_path: Path, made: FolderArchive, dtype: str, whole: int) -> None:
    data = np.round(SCORES * whole).astype(dtype)
    data[0, 0, 0] = np.iinfo(dtype).max
    path = scores(tmp_path / f"cs_{INDEX}_export.tif", data, "cs", "cs_cdf", nodata=float(np.iinfo(dtype).max))
    item = bring_one(made, path)
    assert np.allclose(stored(item, "cs_cdf"), data[1] / whole) and stored(item, "cs").mask.sum() == 1
    assert {b.type.precision for b in item.bands} == {"float"}


def test_bands_in_files_of_their_own(tmp_path: Path, made: FolderArchive) -> None:
    paths = [scores(tmp_path / f"{INDEX}_{n}.tif", SCORES[i : i + 1]) for i, n in enumerate(("cs", "cs_cdf"))]
    item = bring_one(made, *reversed(paths))
    assert [b.name for b in item.bands] == ["cs", "cs_cdf"] and np.allclose(stored(item, "cs"), SCORES[0])


def test_scripts_link_them_to_their_images(tmp_path: Path, made: FolderArchive) -> None:
    image = safe.make(tmp_path)
    path = scores(tmp_path / f"{image.index}.tif", SCORES, "cs", "cs_cdf")
    assert [o.status for o in bring(made, image.path, path)] == ["added", "added"]
    with connected(archive=made.root) as ee:
        linked = ee.ImageCollection("COPERNICUS/S2_SR_HARMONIZED").linkCollection(
            ee.ImageCollection("GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED"), ["cs_cdf"]
        )
        assert "cs_cdf" in ee.Image(linked.first()).bandNames().getInfo()


@pytest.mark.parametrize(
    ("data", "bands", "message"),
    [
        (SCORES, (), "does not say which of its 2 bands is cs or cs_cdf"),
        (SCORES[:1] + 1, ("cs",), "cs of .* goes from 1.* expected"),
        ((SCORES * 255).astype(np.uint8), ("cs", "cs_cdf"), "uint8 numbers from 0 to 100 are expected"),
    ],
)
def test_doubtful_numbers_are_refused(tmp_path: Path, made: FolderArchive, data: Any, bands: Any, message: str) -> None:
    assert re.search(message, refusal(made, scores(tmp_path / f"{INDEX}.tif", data, *bands)))


def test_a_name_without_an_index_is_refused(tmp_path: Path, made: FolderArchive) -> None:
    path = scores(tmp_path / "clouds.tif", SCORES, "cs", "cs_cdf")
    assert "Name it by the image's system:index" in refusal(made, path, kind="cloudscore")
