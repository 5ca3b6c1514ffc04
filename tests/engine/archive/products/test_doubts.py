"""Reflectance with its offset still in it is told where it comes in; other reflectance is not."""

from pathlib import Path

import numpy as np
import pytest

from pipeline import cli
from pipeline.engine.archive import FolderArchive
from pipeline.engine.archive.products import doubts
from tests.engine.archive.products.intake import bring
from tests.engine.archive.rasters import numbers, write
from tests.scenes import small_archive

L2A = "COPERNICUS/S2_SR_HARMONIZED"
TOLD = "no value of its visible bands is below 1047, so the offset of 1000"


def scene(folder: Path, least: int) -> Path:
    """Three bands whose lowest value is `least`, with fill of 0 in a corner that nothing tells."""
    data = numbers(3) + np.uint16(least - 1)
    data[:, :4, :4] = 0
    data[0, -1, -1] = least
    return write(folder / f"s2_{least}.tif", data)


def words(folder: Path, least: int, *more: str) -> list[str]:
    bands = [word for band in ("B2", "B3", "B4") for word in ("--band", band)]
    return ["archive", "add", str(folder / "a"), str(scene(folder, least)), *bands, "--time", "2022-06-01", *more]


@pytest.mark.parametrize(("least", "collection", "said"), [(1047, L2A, True), (125, L2A, False), (1047, "X/Y", False)])
def test_an_offset_is_told_where_an_image_is_added(
    tmp_path: Path, least: int, collection: str, said: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    FolderArchive.initialise(tmp_path / "a")
    assert cli.main(words(tmp_path, least, "--collection", collection)) == 0
    assert (TOLD in capsys.readouterr().out) is said


def test_what_it_says_helps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    FolderArchive.initialise(tmp_path / "a")
    for more in ([], ["--overwrite", "--offset", "-1000"]):
        assert cli.main(words(tmp_path, 1047, "--collection", L2A, *more)) == 0
    assert capsys.readouterr().out.count(TOLD) == 1


def test_an_offset_is_told_in_the_report_on_mapped_files(tmp_path: Path) -> None:
    mapping = tmp_path / "s2.yaml"
    mapping.write_text(f"collection: {L2A}\ntime: '2022-06-01'\nbands: [B2, B3, B4]\nnodata: 0\n")
    made = FolderArchive.initialise(tmp_path / "a")
    [outcome] = bring(made, scene(tmp_path, 1047), mapping=mapping)
    assert outcome.status == "added" and outcome.detail.startswith(TOLD)
    [right] = bring(made, scene(tmp_path, 125), mapping=mapping)
    assert right.detail == ""


def test_simulated_scenes_raise_no_doubt(tmp_path: Path) -> None:
    items = list(small_archive(tmp_path / "a").search(L2A))
    assert len(items) == 2 and not any(map(doubts.offset_left, items))
