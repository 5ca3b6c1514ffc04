import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.engine import archive
from pipeline.engine.archive import FolderArchive, cog
from pipeline.errors import ArchiveError
from tests.engine.archive.rasters import numbers, write


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    noise = np.random.default_rng(0).integers(0, 60000, (1, 300, 300)).astype("uint16")
    return write(tmp_path_factory.mktemp("s") / "x.tif", noise)


@pytest.fixture
def folder(tmp_path: Path, source: Path) -> FolderArchive:
    made = FolderArchive.initialise(tmp_path / "archive")
    archive.add(made, source, "C", "one", bands=["B2"])
    return made


def edit(folder: FolderArchive, change: Callable[[dict[str, object]], None]) -> None:
    path = folder.root / "C" / "one" / "one.json"
    document = json.loads(path.read_text())
    change(document["assets"]["B2"])
    path.write_text(json.dumps(document))


def test_a_good_archive_has_no_findings(folder: FolderArchive) -> None:
    assert not list(archive.check(folder))


@pytest.mark.parametrize("at", np.linspace(0.01, 0.99, 12))
def test_every_flipped_byte_is_found(folder: FolderArchive, at: float) -> None:
    path = folder.root / "C" / "one" / "B2.tif"
    data = bytearray(path.read_bytes())
    data[int(at * len(data))] ^= 0x41
    path.write_bytes(data)
    [finding] = archive.check(folder)
    assert finding.serious and finding.asset == "C/one" and "--overwrite" in finding.problem


@pytest.mark.parametrize("keep", [0, 3, 100, 5000, 100_000])
@pytest.mark.parametrize("pixels", [True, False])
def test_every_truncation_is_found(folder: FolderArchive, keep: int, pixels: bool) -> None:
    os.truncate(folder.root / "C" / "one" / "B2.tif", keep)
    assert [f.serious for f in archive.check(folder, pixels=pixels)] == [True]


def test_headers_that_disagree_are_named(folder: FolderArchive) -> None:
    edit(folder, lambda a: a.update({"proj:shape": [300, 301], "proj:code": "EPSG:32632"}))
    [finding] = archive.check(folder)
    assert "disagree on size, CRS" in finding.problem


def test_too_many_bands_are_named(folder: FolderArchive) -> None:
    def twice(asset: dict[str, object]) -> None:
        for key in ("eo:bands", "raster:bands", "minecover:types"):
            asset[key] = [*asset[key], *asset[key]]  # type: ignore[misc]

    edit(folder, twice)
    assert "has 1 bands" in next(iter(archive.check(folder))).problem


def test_missing_files_are_named(folder: FolderArchive) -> None:
    (folder.root / "C" / "one" / "B2.tif").unlink()
    assert "one/B2.tif' cannot be opened" in next(iter(archive.check(folder))).problem


def test_broken_items_are_named(folder: FolderArchive) -> None:
    (folder.root / "C" / "one" / "one.json").write_text("{")
    findings = list(archive.check(folder))
    assert [(f.asset, f.serious) for f in findings] == [("C/one", True), ("C/one/B2.tif", False)]


def test_left_overs_are_noted_but_not_serious(folder: FolderArchive) -> None:
    (folder.root / "C" / "two").mkdir()
    write(folder.root / "C" / "two" / "B2.tif", numbers())
    (folder.root / ".staging" / "abc").mkdir(parents=True)
    assert [(f.asset, f.serious) for f in archive.check(folder)] == [("C/two/B2.tif", False), (".staging/abc", False)]


def test_exports_and_operations_are_no_left_overs(folder: FolderArchive) -> None:
    for name in ("exports", ".operations"):
        (folder.root / name).mkdir()
        (folder.root / name / "ndvi.tif").touch()
        (folder.root / name / "points.json").touch()
    assert not list(archive.check(folder))
    assert [asset.id for asset in folder.children()] == ["C"]
    with pytest.raises(ArchiveError, match="folder for exported files"):
        folder.create("exports/C", "ImageCollection")


def test_tables_are_checked(folder: FolderArchive) -> None:
    table = folder.write_table("t", {"type": "FeatureCollection", "features": []})
    assert not list(archive.check(folder))
    Path(table.href).unlink()
    assert next(iter(archive.check(folder))).asset == "t"


def test_reading_all_reads_every_band_of_band_interleaved_files(tmp_path: Path, source: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 60000, (3, 64, 64)).astype("uint16")
    path = write(tmp_path / "b.tif", noise, interleave="band", compress="deflate")
    cog.read_all(path)
    os.truncate(path, path.stat().st_size - 2000)
    with pytest.raises(archive.check.__globals__["ArchiveError"], match="band 3"):
        cog.read_all(path)
