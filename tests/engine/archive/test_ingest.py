import os
import resource
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import pytest
import rasterio
from rasterio.transform import Affine, from_origin

from pipeline import durable
from pipeline.engine import archive, raster
from pipeline.engine.archive import FolderArchive, cog
from pipeline.engine.archive.model import Item
from pipeline.engine.values import FLOAT
from pipeline.errors import ArchiveError
from tests.engine.archive.rasters import numbers, write

C = "COPERNICUS/S2"


@pytest.fixture
def folder(tmp_path: Path) -> FolderArchive:
    return FolderArchive.initialise(tmp_path / "archive")


@pytest.fixture
def tif(tmp_path: Path) -> Path:
    return write(tmp_path / "scene.tif", numbers(2, 600, 700), nodata=9)


def pixels(item: Item, level: int = 0) -> tuple[Any, Any]:
    bands = item.bands
    width, height = raster.levels(bands[0].href)[level]
    return raster.read_window(bands[0].href, [b.index for b in bands], (0, 0, width, height), level)


def test_one_call_makes_an_image(folder: FolderArchive, tif: Path) -> None:
    added = archive.add(
        folder.root,
        tif,
        C,
        "one",
        bands=["B2", "B3"],
        time="2021-06-01T10:00:00",
        properties={"CLOUD": 3.5, "list": [1, 2]},
    )
    item = folder.describe(f"{C}/one")
    assert added.changed and isinstance(item, Item)
    data, valid = pixels(item)
    np.testing.assert_array_equal(data, numbers(2, 600, 700))
    np.testing.assert_array_equal(valid, numbers(2, 600, 700) != 9)
    assert item.properties == {
        "system:index": "one", "system:time_start": 1622541600000, "CLOUD": 3.5, "list": [1, 2]
    }  # fmt: skip
    assert [(b.name, b.index, b.nodata, b.width, b.height, b.type.max) for b in item.bands] == [
        ("B2", 1, 9.0, 700, 600, 65535), ("B3", 2, 9.0, 700, 600, 65535)
    ]  # fmt: skip
    assert item.bands[0].projection.crs == "EPSG:32631"
    assert item.bands[0].projection.transform == (10, 0, 500000, 0, -10, 5000000)


def test_the_same_again_changes_nothing(folder: FolderArchive, tif: Path) -> None:
    first = archive.add(folder, tif, C, "one", bands=["a", "b"])
    before = {p: p.stat().st_mtime_ns for p in folder.root.rglob("*") if p.is_file() and "/." not in str(p)}
    again = archive.add(folder, tif, C, "one", bands=["a", "b"])
    assert not again.changed and again.item.version == first.item.version
    assert before == {p: p.stat().st_mtime_ns for p in before}


def test_another_image_needs_overwrite(folder: FolderArchive, tif: Path) -> None:
    archive.add(folder, tif, C, "one", bands=["a", "b"])
    with pytest.raises(ArchiveError, match=r"S2/one' exists already and differs. Use --overwrite"):
        archive.add(folder, tif, C, "one", bands=["a", "c"])
    other = write(tif.with_name("other.tif"), numbers(1) + np.uint16(1))
    item = archive.add(folder, other, C, "one", bands=["a"], overwrite=True).item
    assert pixels(item)[0][0, 0, 0] == 2
    files = sorted(p.name for p in (folder.root / C / "one").iterdir())
    assert files == ["a.tif", "one.json"]
    assert [i.id for i in folder.search(C)] == [f"{C}/one"]


def test_an_old_version_stays_readable_until_the_new_one_is_there(folder: FolderArchive, tif: Path) -> None:
    archive.add(folder, tif, C, "one", bands=["a", "b"])
    second = archive.add(folder, tif, C, "one", bands=["a", "b"], properties={"x": 1}, overwrite=True).item
    names = sorted(p.name for p in (folder.root / C / "one").iterdir())
    assert names == ["one.json", f"scene-{second.version}.tif"]


def test_several_files_and_own_band_names(folder: FolderArchive, tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{n}.tif", numbers() * np.uint16(n + 1)) for n in range(2)]
    for path, name in zip(paths, ("B2", "B3"), strict=True):
        with rasterio.open(path, "r+") as file:
            file.descriptions = (name,)
    item = archive.add(folder, paths, C).item
    assert item.id == f"{C}/0" and [(b.name, Path(b.href).name) for b in item.bands] == [
        ("B2", "B2.tif"),
        ("B3", "B3.tif"),
    ]


def test_an_image_without_a_collection(folder: FolderArchive, tif: Path) -> None:
    item = archive.add(folder, tif, asset="NASA/NASADEM_HGT/001", bands=["elevation", "num"]).item
    assert item.id == "NASA/NASADEM_HGT/001" and item.index == "001" and "system:time_start" not in item.properties
    assert isinstance(folder.describe("projects/earthengine-public/assets/NASA/NASADEM_HGT/001"), Item)


@pytest.mark.parametrize(
    "moment",
    ["2021-06-01", date(2021, 6, 1), datetime(2021, 6, 1, tzinfo=UTC), 1622505600000, "2021-06-01T02:00+02:00"],
)
def test_ways_to_say_a_time(folder: FolderArchive, tif: Path, moment: Any) -> None:
    item = archive.add(folder, tif, C, bands=["a", "b"], time=moment).item
    assert item.properties["system:time_start"] == 1622505600000


def test_files_are_cloud_optimised_and_read_band_by_band(folder: FolderArchive, tif: Path) -> None:
    item = archive.add(folder, tif, C, bands=["a", "b"]).item
    with rasterio.open(item.bands[0].href) as file:
        assert file.profile["interleave"] == "band" and file.profile["compress"] == "zstd"
        assert file.block_shapes == [(256, 256)] * 2 and file.overviews(1) == [2, 4]
        full = [int(file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=b)) for b in (1, 2)]
        small = int(file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=2, ovr=1))
        assert 8 < small < full[0] < full[1]


def test_overviews_are_the_mean_of_valid_pixels(folder: FolderArchive, tmp_path: Path) -> None:
    data = np.zeros((1, 512, 512), np.float32)
    data[:, :, 0::4], data[:, :, 1::4], data[:, :, 2::4] = 4, np.nan, 2
    item = archive.add(folder, write(tmp_path / "f.tif", data), C, bands=["a"]).item
    assert raster.levels(item.bands[0].href) == ((512, 512), (256, 256))
    assert pixels(item, 1)[0][0, :, :4].tolist() == [[4, 1, 4, 1]] * 256
    assert not pixels(item)[1][0, :, 1::4].any() and np.isnan(item.bands[0].nodata or 0)


@pytest.mark.parametrize(("policy", "wanted"), [("mode", 7), ("sample", 3)])
def test_overviews_of_classes(folder: FolderArchive, tmp_path: Path, policy: str, wanted: int) -> None:
    data = np.full((1, 512, 512), 7, np.uint8)
    data[:, ::2, ::2] = 3
    item = archive.add(folder, write(tmp_path / "c.tif", data), C, bands=["class"], pyramiding=policy).item
    assert (pixels(item, 1)[0] == wanted).all()


def test_scale_and_offset_make_floats(folder: FolderArchive, tif: Path) -> None:
    band = archive.add(folder, tif, C, bands=["a", "b"], scale=0.0001, offset=-0.1).item.bands[0]
    assert (band.scale, band.offset, band.type) == (0.0001, -0.1, FLOAT)


def test_masks_and_alpha_are_kept(folder: FolderArchive, tmp_path: Path) -> None:
    data = numbers(4, 40, 40, "uint8")
    data[3] = np.eye(40) * 255
    path = write(tmp_path / "rgba.tif", data, photometric="RGB", alpha="YES")
    item = archive.add(folder, path, C, bands=["R", "G", "B"]).item
    assert (pixels(item)[1] == np.eye(40, dtype=bool)).all()
    assert not list(archive.check(folder))
    whole = archive.add(folder, path, C, "four", bands=["R", "G", "B", "A"]).item
    np.testing.assert_array_equal(pixels(whole)[0], data)


def test_south_up_files_keep_their_pixels(folder: FolderArchive, tmp_path: Path) -> None:
    path = write(tmp_path / "up.tif", numbers(), transform=Affine(10, 0, 5e5, 0, 10, 5e6))
    item = archive.add(folder, path, C, bands=["a"]).item
    assert item.bands[0].projection.transform[4] == 10
    np.testing.assert_array_equal(pixels(item)[0], numbers())


def test_the_outline_is_cut_at_the_antimeridian(folder: FolderArchive, tmp_path: Path) -> None:
    path = write(tmp_path / "fiji.tif", numbers(), crs="EPSG:32701", transform=from_origin(150000, 8e6, 2000, 2000))
    item = archive.add(folder, path, C, bands=["a"]).item
    assert item.geometry is not None and item.geometry["type"] == "MultiPolygon"
    assert [i.id for i in folder.search(C, bbox=(179.5, -20, 179.9, -18))] == [item.id]
    assert [i.id for i in folder.search(C, bbox=(-179.9, -20, -179.5, -18))] == [item.id]
    assert not list(folder.search(C, bbox=(0, -20, 1, -18)))


def test_files_in_place(folder: FolderArchive, tif: Path) -> None:
    with pytest.raises(ArchiveError, match="outside the archive"):
        archive.add(folder, tif, C, bands=["a", "b"], copy=False)
    inside = folder.root / "raw" / "scene.tif"
    inside.parent.mkdir()
    os.rename(tif, inside)
    item = archive.add(folder, inside, C, bands=["a", "b"], copy=False).item
    assert item.bands[0].href == str(inside) and not list(archive.check(folder))
    folder.delete(item.id)
    assert inside.exists()


GOOD = {"bands": ["a", "b"]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"crs": None}, "no coordinate reference system. Give it with --assume-crs"),
        ({"transform": Affine.identity()}, "has no geotransform"),
        ({"transform": Affine(10, 2, 5e5, 0, -10, 5e6)}, "is rotated"),
    ],
)
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_unplaced_files_are_refused(folder: FolderArchive, tmp_path: Path, change: Any, message: str) -> None:
    path = write(tmp_path / "x.tif", numbers(2), **change)
    with pytest.raises(ArchiveError, match=message):
        archive.add(folder, path, C, **GOOD)
    assert not [p for p in folder.root.rglob("*.tif")]


def test_a_crs_may_be_assumed(folder: FolderArchive, tmp_path: Path) -> None:
    path = write(tmp_path / "x.tif", numbers(2), crs=None)
    item = archive.add(folder, path, C, **GOOD, assume_crs="EPSG:32649").item
    assert item.bands[0].projection.crs == "EPSG:32649" and not list(archive.check(folder))
    with pytest.raises(ArchiveError, match="'EPSG:99' is not a coordinate reference system"):
        archive.add(folder, path, C, "x2", **GOOD, assume_crs="EPSG:99")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"bands": ["a"]}, "scene.tif' has 2 bands, but 1 name was given. Name every band"),
        ({}, "does not name its 2 bands. Name them"),
        ({"bands": ["a", "a"]}, "must differ"),
        ({"bands": ["a", "../b"]}, "'../b' cannot name a band"),
        ({**GOOD, "nodata": 70000}, "nodata 70000 cannot be a uint16"),
        ({**GOOD, "nodata": 0.5}, "cannot be a uint16"),
        ({**GOOD, "pyramiding": "median"}, "Pyramiding 'median' is not available"),
        ({**GOOD, "time": "June"}, "'June' is not a time"),
        ({**GOOD, "time": "2021-01-02", "end_time": "2021-01-01"}, "ends .* before it starts"),
        ({**GOOD, "index": "../x"}, "Invalid asset id"),
        ({**GOOD, "asset": "x/y"}, "Give --collection or --asset, not both"),
        ({**GOOD, "properties": {"x": float("nan")}}, "cannot be stored"),
    ],
)
def test_wrong_arguments_are_refused(folder: FolderArchive, tif: Path, given: Any, message: str) -> None:
    with pytest.raises(ArchiveError, match=message):
        archive.add(folder, tif, C, **given)
    assert not list(folder.root.rglob("*.tif"))


def test_an_image_needs_a_place_to_go(folder: FolderArchive, tif: Path) -> None:
    with pytest.raises(ArchiveError, match="Say where it goes: --collection ID or --asset ID"):
        archive.add(folder, tif, **GOOD)


@pytest.mark.parametrize("name", ["nope.tif", "text.tif"])
def test_a_file_is_named_as_it_was_given(
    folder: FolderArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "text.tif").write_text("no raster")
    monkeypatch.chdir(tmp_path)
    for given in (name, tmp_path / name):
        with pytest.raises(ArchiveError, match=f"^'{given}' "):
            archive.add(folder, given, C, **GOOD)


def test_nothing_stays_of_the_staging(folder: FolderArchive, tif: Path) -> None:
    with durable.staging(folder.root) as other:
        archive.add(folder, tif, C, **GOOD)
        assert other.is_dir()
    assert not (folder.root / durable.STAGING).exists()


def test_a_corrupt_source_names_its_block_and_leaves_nothing(folder: FolderArchive, tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 60000, (2, 256, 256)).astype("uint16")
    path = write(tmp_path / "cut.tif", data, tiled=True, blockxsize=64, blockysize=64, compress="deflate")
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(ArchiveError, match=r"cut.tif', band \d, block \(row \d, column \d\)"):
        archive.add(folder, path, C, bands=["a", "b"])
    assert not list(folder.root.rglob("*.tif")) and not list((folder.root / durable.STAGING).glob("*/"))


def test_an_archive_must_be_there_and_writable(tmp_path: Path, tif: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArchiveError, match=r"is not an archive\. Make one"):
        archive.add(tif.parent, tif, C, **GOOD)
    folder = FolderArchive.initialise(tmp_path / "a2")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(ArchiveError, match="read-only"):
        archive.add(folder, tif, C, **GOOD)


def test_too_little_space_is_said_before_work(
    folder: FolderArchive, tif: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(ArchiveError, match="needs about 4 MB"):
        archive.add(folder, tif, C, **GOOD)


def add_limited(root: Path, tif: Path, limit: int) -> subprocess.CompletedProcess[str]:
    """`add` in a process whose files may not grow beyond a size, as on a full disk."""
    script = (
        "import sys; from pipeline.engine import archive; archive.add(sys.argv[1], sys.argv[2], 'C', bands=['a', 'b'])"
    )

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [sys.executable, "-c", script, str(root), str(tif)], preexec_fn=limited, capture_output=True, text=True
    )


@pytest.mark.parametrize("limit", [2_000, 300_000, 1_000_000])
def test_a_full_disk_leaves_nothing_behind(folder: FolderArchive, tmp_path: Path, limit: int) -> None:
    noise = np.random.default_rng(0).integers(0, 60000, (2, 600, 700)).astype("uint16")
    tif = write(tmp_path / "noise.tif", noise)
    done = add_limited(folder.root, tif, limit)
    assert done.returncode != 0 and "ArchiveError" in done.stderr
    assert not list(folder.root.rglob("*.tif")) and not list(archive.check(folder))
    assert archive.add(folder, tif, "C", bands=["a", "b"]).changed


def test_killed_runs_leave_the_old_image_or_the_new(folder: FolderArchive, tif: Path) -> None:
    script = (
        "import sys, itertools\n"
        "from pipeline.engine import archive\n"
        "print('ready', flush=True)\n"
        "for i in itertools.count():\n"
        "    archive.add(sys.argv[1], sys.argv[2], 'C', 'one', bands=['a', 'b'], properties={'n': i}, overwrite=True)\n"
    )
    rng = np.random.default_rng(1)
    for _ in range(5):
        run = subprocess.Popen([sys.executable, "-c", script, str(folder.root), str(tif)], stdout=subprocess.PIPE)
        assert run.stdout is not None and run.stdout.readline()
        time.sleep(float(rng.uniform(0.05, 0.5)))
        run.kill()
        run.wait()
        run.stdout.close()
        assert not [f for f in archive.check(folder) if f.serious]
        if folder.describe("C"):
            for item in FolderArchive(folder.root).search("C"):
                np.testing.assert_array_equal(pixels(item)[0], numbers(2, 600, 700))
    archive.add(folder, tif, "C", "one", bands=["a", "b"], overwrite=True)
    assert not list((folder.root / durable.STAGING).glob("*/"))
    assert [i.id for i in folder.search("C")] == ["C/one"]


def test_pystac_reads_the_archive(folder: FolderArchive, tif: Path) -> None:
    for name in ("one", "two"):
        archive.add(folder, tif, C, name, **GOOD, time="2021-06-01", properties={"n": name})
    archive.add(folder, tif, asset="DEM", **GOOD)
    catalog = pystac.Catalog.from_file(str(folder.root / "catalog.json"))
    items = {i.id: i for i in catalog.get_items(recursive=True)}
    assert set(items) == {"one", "two", "DEM"}
    collection = items["one"].get_collection()
    assert collection is not None and collection.id == C
    assert collection.extent.temporal.intervals[0][0] == datetime(2021, 6, 1, tzinfo=UTC)
    assert Path(items["one"].assets["scene"].get_absolute_href() or "").exists()


def test_the_outline_of_a_whole_globe(tmp_path: Path) -> None:
    path = write(tmp_path / "g.tif", numbers(1, 18, 36), crs="EPSG:4326", transform=from_origin(-180, 90, 10, 10))
    outline = cog.footprint(cog.header(path))
    assert outline is not None and outline["type"] == "Polygon"
    shifted = write(tmp_path / "h.tif", numbers(1, 18, 36), crs="EPSG:4326", transform=from_origin(0, 90, 10, 10))
    outline = cog.footprint(cog.header(shifted))
    assert outline is not None and outline["type"] == "MultiPolygon"


def test_the_same_image_added_twice_at_once_is_added_once(
    folder: FolderArchive, tif: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pipeline.engine.archive.ingest.unchanged", lambda *given: None)  # neither sees the other
    first, second = (archive.add(folder, tif, "C", "x", bands=["a", "b"]) for _ in range(2))
    assert second.item.properties == first.item.properties
    assert [item.index for item in folder.search("C")] == ["x"]


@pytest.mark.parametrize("scale", [0.0, float("nan"), float("inf")])
def test_a_scale_that_loses_the_numbers_is_refused(folder: FolderArchive, tif: Path, scale: float):
    with pytest.raises(ArchiveError, match="must be finite"):
        archive.add(folder, tif, "C", "x", bands=["a", "b"], scale=scale)
