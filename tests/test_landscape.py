"""The simulated landscape is the same each time, and looks like the data it stands for."""

from datetime import date

import numpy as np

from pipeline.engine.archive import FolderArchive
from tests import landscape
from tests.scenes import COLLECTION

DAYS = (date(2021, 4, 14), date(2021, 7, 23))


def test_the_same_seed_gives_the_same_scenes() -> None:
    one, two = (list(landscape.scenes(64, DAYS, seed=3)) for _ in range(2))
    for a, b in zip(one, two, strict=True):
        assert all(np.array_equal(a.bands[n], b.bands[n]) for n in a.bands)
    other = next(iter(landscape.scenes(64, DAYS, seed=4)))
    assert not np.array_equal(one[0].bands["B4"], other.bands["B4"])


def test_bands_are_stored_as_the_satellite_stores_them() -> None:
    for scene in landscape.scenes(64, DAYS):
        assert list(scene.bands) == [*landscape.BANDS, "SCL"]
        for name, data in scene.bands.items():
            assert data.dtype == np.uint16
            assert data.shape == (64, 64)
            assert name == "SCL" or 1 <= data.min() <= data.max() <= 10_000


def test_summer_is_greener_where_no_cloud_is() -> None:
    greenness = []
    for scene in landscape.scenes(128, DAYS):
        red, nir = (scene.bands[n].astype(float) for n in ("B4", "B8"))
        clear = ~np.isin(scene.bands["SCL"], [landscape.SCL_CLOUD, landscape.SCL_SHADOW])
        greenness.append(((nir - red) / (nir + red))[clear].mean())
    assert greenness[1] > greenness[0] + 0.1


def test_clouds_are_marked_and_counted() -> None:
    for scene in landscape.scenes(128, DAYS):
        cloud = scene.bands["SCL"] == landscape.SCL_CLOUD
        assert scene.cloudy_percent == round(cloud.mean() * 100, 3)
        assert 0 < scene.cloudy_percent < 100
        assert scene.bands["B2"][cloud].mean() > 2 * scene.bands["B2"][~cloud].mean()


def test_most_of_the_ground_is_seen_at_least_once() -> None:
    hidden = [np.isin(s.bands["SCL"], [landscape.SCL_CLOUD, landscape.SCL_SHADOW]) for s in landscape.scenes(256)]
    assert np.all(hidden, axis=0).mean() < 0.01


def test_the_archive_of_the_tests_is_as_described(scenes: FolderArchive) -> None:
    items = list(scenes.search(COLLECTION))
    assert len(items) == 2
    for item in items:
        assert [b.name for b in item.bands] == [*landscape.BANDS, "SCL"]
        assert {b.projection.crs for b in item.bands} == {"EPSG:32649"}
        assert 0 < item.properties["CLOUDY_PIXEL_PERCENTAGE"] < 100
