"""The demo makes what it says it makes."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from pipeline import cli, demo, landscape
from pipeline.engine.archive import FolderArchive


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    output = tmp_path_factory.mktemp("demo") / "a folder"
    return output, list(demo.run(output))


def test_the_last_lines_name_the_files(made: tuple[Path, list[str]]) -> None:
    output, lines = made
    for name in ("composite.png", "ndvi.png", "composite.tif"):
        assert (output / name).is_file()
        assert any(str(output / name) in line for line in lines)
    assert sorted(p.name for p in output.iterdir()) == ["archive", "composite.png", "composite.tif", "ndvi.png"]


def test_the_composite_is_the_median_of_what_was_clear(made: tuple[Path, list[str]]) -> None:
    chosen = [s for s in landscape.scenes() if s.cloudy_percent < 60]
    hidden = np.stack([np.isin(s.bands["SCL"], [landscape.SCL_SHADOW, landscape.SCL_CLOUD]) for s in chosen])
    with rasterio.open(made[0] / "composite.tif") as file:
        assert file.crs == demo.CRS
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.descriptions == (*landscape.BANDS, "NDVI")
        stored = file.read()
    stacks = {n: np.ma.array(np.stack([s.bands[n] for s in chosen]), mask=hidden) for n in landscape.BANDS}
    medians = {n: np.ma.median(stack, axis=0) for n, stack in stacks.items()}
    seen = ~hidden.all(axis=0)
    for i, name in enumerate(landscape.BANDS):
        np.testing.assert_allclose(stored[i][seen], medians[name].filled(0)[seen], rtol=1e-6)
    ndvi = (medians["B8"] - medians["B4"]) / (medians["B8"] + medians["B4"])
    np.testing.assert_allclose(stored[-1][seen], ndvi.filled(0)[seen], atol=1e-6)


@pytest.mark.parametrize("name", ["composite.png", "ndvi.png"])
def test_pictures_show_something(name: str, made: tuple[Path, list[str]]) -> None:
    picture = np.asarray(Image.open(made[0] / name).convert("RGB"))
    assert picture.shape == (512, 512, 3)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 100


def test_ndvi_is_green_where_the_forest_is_and_not_in_the_pit(made: tuple[Path, list[str]]) -> None:
    with rasterio.open(made[0] / "composite.tif") as file:
        ndvi = file.read(11)
    cover = landscape.land_cover(512, np.random.default_rng(7))
    assert np.nanmedian(ndvi[cover["forest"] == 1]) > 0.6
    assert np.nanmedian(ndvi[cover["coal"] == 1]) < 0.2


def test_again_over_an_old_demo(made: tuple[Path, list[str]]) -> None:
    before = (made[0] / "composite.png").read_bytes()
    list(demo.run(made[0]))
    assert (made[0] / "composite.png").read_bytes() == before


def test_an_output_that_cannot_be_is_one_plain_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert cli.main(["demo", "--output", str(tmp_path / "file" / "demo")]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "x.png"
    demo.write_whole(target, b"old")
    with pytest.raises(ZeroDivisionError), demo.whole(target) as temporary:
        temporary.write_bytes(b"half of the n")
        raise ZeroDivisionError
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_the_archive_of_the_tests_is_as_described(scenes: FolderArchive) -> None:
    items = list(scenes.search(demo.COLLECTION))
    assert len(items) == 2
    for item in items:
        assert [b.name for b in item.bands] == [*landscape.BANDS, "SCL"]
        assert {b.projection.crs for b in item.bands} == {"EPSG:32649"}
        assert 0 < item.properties["CLOUDY_PIXEL_PERCENTAGE"] < 100
