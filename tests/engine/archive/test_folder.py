import os
import threading
from pathlib import Path

import numpy as np
import pytest

from pipeline.engine.archive import FolderArchive, open_archive
from pipeline.engine.archive.model import Archive, CollectionInfo, Folder, Item, TableAsset, WritableArchive
from pipeline.engine.values import PixelType
from pipeline.errors import ArchiveError
from tests.engine.archive.rasters import numbers, write

BANDS = [("a", PixelType("int", 0, 1))]
EMPTY = {"type": "FeatureCollection", "features": []}


@pytest.fixture
def folder(tmp_path: Path) -> FolderArchive:
    made: WritableArchive = FolderArchive.initialise(tmp_path / "archive")
    assert isinstance(made, FolderArchive)
    return made


@pytest.fixture
def tif(tmp_path: Path) -> Path:
    return write(tmp_path / "x.tif", np.ones((1, 6, 8), np.uint8))


def test_a_folder_that_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="minecover archive create"):
        open_archive(tmp_path)


def test_exports_become_images(folder: FolderArchive, tif: Path) -> None:
    item = folder.write_image("projects/p1/assets/mine", tif, BANDS, {"n": 1, "system:time_start": 0})
    assert item.bands[0].type == PixelType("int", 0, 1) and item.properties["n"] == 1
    assert tif.exists() and item.geometry is not None
    with pytest.raises(ArchiveError, match="exists already"):
        folder.write_image("projects/p1/assets/mine", tif, BANDS, {})
    again = folder.write_image("projects/p1/assets/mine", tif, BANDS, {"n": 2}, overwrite=True)
    assert again.properties["n"] == 2 and again.version > item.version
    assert len(list(Path(again.bands[0].href).parent.glob("*.tif"))) == 1


def test_images_go_into_their_collection(folder: FolderArchive, tif: Path) -> None:
    folder.create("C", "ImageCollection", title="Scenes", properties={"p": 1}, mosaic=True)
    for name in ("b", "a"):
        folder.write_image(f"C/{name}", tif, BANDS, {"system:time_start": ord(name)})
    info = folder.describe("C")
    assert isinstance(info, CollectionInfo)
    assert (info.title, info.properties, info.bands, info.mosaic) == ("Scenes", {"p": 1}, ("a",), True)
    assert [i.index for i in folder.search("C")] == ["a", "b"]
    assert [i.index for i in folder.search("C", start_ms=98)] == ["b"]
    assert [i.index for i in folder.search("C", end_ms=98)] == ["a"]
    assert [i.id for i in folder.children("C") if isinstance(i, Item)] == ["C/a", "C/b"]


def test_a_collection_is_made_once(folder: FolderArchive) -> None:
    folder.create("C", "ImageCollection")
    with pytest.raises(ArchiveError, match=r"or use ee\.data\.deleteAsset"):
        folder.create("C", "ImageCollection")


def test_tables(folder: FolderArchive) -> None:
    table = folder.write_table("users/me/t", EMPTY, {"n": 1})
    assert isinstance(folder.describe("users/me/t"), TableAsset) and Path(table.href).suffix == ".geojson"
    assert table.properties["n"] == 1
    with pytest.raises(ArchiveError, match="exists already"):
        folder.write_table("users/me/t", EMPTY)
    newer = folder.write_table("users/me/t", EMPTY, overwrite=True)
    assert Path(newer.href).exists() and not Path(table.href).exists()
    with pytest.raises(ArchiveError, match="FeatureCollection"):
        folder.write_table("users/me/u", {"type": "Feature"})


def test_folders_and_children(folder: FolderArchive, tif: Path) -> None:
    assert folder.describe("projects/p1/assets") == Folder("projects/p1/assets")
    assert folder.children("projects/p1/assets") == []
    folder.create("projects/p1/assets/f", "Folder")
    folder.write_image("projects/p1/assets/f/x", tif, BANDS, {})
    assert folder.children("projects/p1/assets") == [Folder("projects/p1/assets/f")]
    [child] = folder.children("projects/p1/assets/f")
    assert child.id == "projects/p1/assets/f/x"
    assert folder.children("") == [Folder("projects")]
    assert folder.describe("projects/p1/assets/none") is None and folder.describe("C/none") is None


def test_what_is_in_the_way_is_refused(folder: FolderArchive, tif: Path) -> None:
    folder.create("C", "ImageCollection")
    folder.write_image("I", tif, BANDS, {})
    for attempt in (
        lambda: folder.create("C", "Folder"),
        lambda: folder.create("I", "ImageCollection"),
        lambda: folder.create("I/below", "Folder"),
        lambda: folder.write_image("C", tif, BANDS, {}),
        lambda: folder.write_image("I/below", tif, BANDS, {}),
        lambda: folder.write_image("J", tif, [*BANDS, ("b", PixelType("float"))], {}),
        lambda: folder.write_image("C/../../x", tif, BANDS, {}),
        lambda: folder.delete("nothing"),
        lambda: list(folder.search("nothing")),
    ):
        with pytest.raises(ArchiveError):
            attempt()
    assert not folder.describe("J")


def test_properties_are_replaced_and_searched_anew(folder: FolderArchive, tif: Path) -> None:
    folder.create("C", "ImageCollection")
    folder.write_image("C/a", tif, BANDS, {"n": 1, "title": "x", "system:time_start": 0})
    folder.write_table("t", EMPTY, {"n": 1})
    for asset in ("C/a", "C", "t"):
        folder.set_properties(asset, {"m": 2, "title": "y", "system:time_start": 1000, "gone": None})
        found = folder.describe(asset)
        assert found is not None and not isinstance(found, Folder)
        assert {k: v for k, v in found.properties.items() if k != "system:index"} == {
            "m": 2,
            "title": "y",
            "system:time_start": 1000,
        }
    assert [i.properties["m"] for i in folder.search("C", start_ms=500)] == [2]
    item = folder.describe("C/a")
    assert isinstance(item, Item) and Path(item.bands[0].href).is_file()
    with pytest.raises(ArchiveError, match="has no properties"):
        folder.set_properties("nothing", {})


def test_deleting(folder: FolderArchive, tif: Path) -> None:
    folder.create("C", "ImageCollection")
    folder.write_image("C/a", tif, BANDS, {})
    folder.write_table("t", EMPTY)
    with pytest.raises(ArchiveError, match="not empty"):
        folder.delete("C")
    for asset in ("C/a", "C", "t"):
        folder.delete(asset)
        assert folder.describe(asset) is None
    assert folder.children("") == []
    assert [p.name for p in folder.root.iterdir() if not p.name.startswith(".")] == ["catalog.json"]


def test_a_search_passes_over_what_was_deleted_meanwhile(folder: FolderArchive, tif: Path) -> None:
    folder.create("C", "ImageCollection")
    for name in "abc":
        folder.write_image(f"C/{name}", tif, BANDS, {})
    found = folder.search("C")
    assert next(found).index == "a"
    FolderArchive(folder.root).delete("C/b")
    assert [i.index for i in found] == ["c"]


def test_item_files_are_the_truth(folder: FolderArchive, tif: Path) -> None:
    folder.create("C", "ImageCollection")
    item = folder.write_image("C/a", tif, BANDS, {"n": 1})
    path = folder.root / "C" / "a" / "a.json"
    path.write_text(path.read_text().replace('"n": 1', '"n": 2'))
    assert [i.properties["n"] for i in folder.search("C")] == [2] and item.properties["n"] == 1
    path.write_text("{")
    with pytest.raises(ArchiveError, match=r"C/a/a.json' is not valid JSON"):
        folder.describe("C/a")


def test_items_linked_from_outside_are_refused(folder: FolderArchive, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "outside.json").write_text('{"secret": 1}')
    os.symlink(outside, folder.root / "outside")
    with pytest.raises(ArchiveError, match="leads out of the archive"):
        folder.describe("outside")


def test_several_writers_at_once(folder: FolderArchive, tif: Path) -> None:
    folder.create("C", "ImageCollection")
    failures: list[Exception] = []

    def work(worker: int) -> None:
        own = FolderArchive(folder.root)
        for i in range(5):
            try:
                own.write_image(f"C/{worker}{i}", tif, BANDS, {"n": i})
                own.write_image("C/same", tif, BANDS, {"n": i}, overwrite=True)
            except ArchiveError as error:
                failures.append(error)

    threads = [threading.Thread(target=work, args=(w,)) for w in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(list(folder.search("C"))) == 21
    assert len(list(folder.search("C", properties=[("n", "equals", 4)]))) == 5
    assert len(list((folder.root / "C" / "same").glob("*.tif"))) == 1


def test_odd_names(folder: FolderArchive, tmp_path: Path) -> None:
    path = write(tmp_path / "x.tif", numbers())
    asset = "users/mé/a b 漢/" + "n" * 190
    assert folder.write_image(asset, path, [("B 1/é", PixelType("int", 0, 65535))], {}).id == asset
    assert folder.describe(asset)


def test_a_folder_is_an_archive(folder: FolderArchive) -> None:
    kept: Archive = folder
    assert kept.describe("nothing") is None
