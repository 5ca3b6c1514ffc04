"""The demo makes what it says it makes."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from features import catalog
from pipeline import cli, demo
from pipeline.artifacts import open_stack


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    output = tmp_path_factory.mktemp("demo") / "a folder"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "SIZE_KM", 2.0)
        return output, list(demo.run(output, "export"))


def test_the_lines_name_the_files(made: tuple[Path, list[str]]) -> None:
    output, lines = made
    for name in ("district", "demo.yaml", "summer.png", "ndvi.png"):
        assert (output / name).exists()
        assert any(str(output / name) in line for line in lines)
    assert (output / "run/stack/stack.vrt").exists()
    assert sorted(p.name for p in output.iterdir()) == ["demo.yaml", "district", "ndvi.png", "run", "summer.png"]


def test_the_configuration_is_the_one_in_configs() -> None:
    ours = (Path(__file__).parents[1] / "configs" / "demo.yaml").read_text("utf-8")
    assert demo.CONFIG.read_text("utf-8") == ours.replace("../demo/", "")


@pytest.mark.parametrize("name", ["summer.png", "ndvi.png"])
def test_pictures_show_something(name: str, made: tuple[Path, list[str]]) -> None:
    picture = np.asarray(Image.open(made[0] / name).convert("RGB"))
    assert picture.shape == (200, 200, 3)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 100


def test_the_stack_is_of_the_district_that_was_simulated(made: tuple[Path, list[str]]) -> None:
    stack = open_stack(made[0] / "run")
    assert tuple(stack["band"].values) == catalog.names()
    with rasterio.open(made[0] / "district" / "truth_2021.tif") as file:
        truth, transform = file.read(1), file.transform
    columns = np.round((stack["x"].values - transform.c) / 10 - 0.5).astype(int)
    rows = np.round((transform.f - stack["y"].values) / 10 - 0.5).astype(int)
    inside = np.ix_((rows >= 0) & (rows < 200), (columns >= 0) & (columns < 200))
    greenness = stack.sel(band="summer_NDVI").values[inside]
    truth = truth[rows[(rows >= 0) & (rows < 200)]][:, columns[(columns >= 0) & (columns < 200)]]
    assert np.nanmedian(greenness[truth == 1]) > np.nanmedian(greenness[truth == 5]) + 0.1


def test_again_over_an_old_demo(made: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "SIZE_KM", 2.0)
    before = (made[0] / "summer.png").read_bytes()
    list(demo.run(made[0], "export"))
    assert (made[0] / "summer.png").read_bytes() == before


def test_an_output_that_cannot_be_is_one_plain_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert cli.main(["demo", "--output", str(tmp_path / "file" / "demo")]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_samples_and_doubtful_labels_of_the_demo(
    made: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    text = (Path(__file__).parents[1] / "configs" / "demo.yaml").read_text("utf-8").replace("../demo/", "")
    config = made[0] / "other.yaml"
    config.write_text(text.replace("block_m: 500", "block_m: 250, folds: 3"), "utf-8")
    try:
        assert cli.main(["review", str(config)]) == 2
        assert "`minecover sample CONFIG` makes it" in capsys.readouterr().err
        assert cli.main(["sample", str(config)]) == 0
        assert "overlapping patches" in capsys.readouterr().out
        assert cli.main(["review", str(config)]) == 0
        assert "Nothing was changed" in capsys.readouterr().out
        listed = (made[0] / "run" / "suspects.csv").read_text("utf-8-sig").splitlines()
        assert listed[0].startswith("id,given,likely") and len(listed) > 48
        assert (made[0] / "run" / "pictures" / "suspects.png").stat().st_size > 10_000
    finally:
        config.unlink()
