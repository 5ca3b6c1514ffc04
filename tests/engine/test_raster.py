import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.engine import raster
from pipeline.errors import ArchiveError
from tests.engine.archive.rasters import numbers, write


@pytest.fixture(autouse=True)
def _fresh_handles() -> Any:
    yield
    raster.close_all()


@pytest.fixture(scope="module")
def tiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("r") / "t.tif", numbers(3, 70, 90), tiled=True, blockxsize=16, blockysize=16)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 89), st.integers(0, 69), st.data())
def test_a_window_is_the_slice(tiled: Path, x: int, y: int, data: st.DataObject) -> None:
    w, h = data.draw(st.integers(1, 90 - x)), data.draw(st.integers(1, 70 - y))
    bands = data.draw(st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=3))
    found, valid = raster.read_window(str(tiled), bands, (x, y, w, h))
    np.testing.assert_array_equal(found, numbers(3, 70, 90)[[b - 1 for b in bands], y : y + h, x : x + w])
    assert valid.all() and valid.shape == found.shape


def test_an_all_valid_mask_costs_nothing(tiled: Path) -> None:
    assert raster.read_window(str(tiled), [1], (0, 0, 9, 9))[1].strides == (0, 0, 0)


def test_nodata_of_the_file_and_of_the_caller_are_masked(tmp_path: Path) -> None:
    path = write(tmp_path / "n.tif", np.array([[[0, 1, 7, 3]]], np.uint8), nodata=0)
    assert raster.read_window(str(path), [1], (0, 0, 4, 1))[1].tolist() == [[[False, True, True, True]]]
    assert raster.read_window(str(path), [1], (0, 0, 4, 1), nodata=[7])[1].tolist() == [[[False, True, False, True]]]


@pytest.mark.parametrize("nodata", [None, -9999.0, float("nan"), -3.4028234663852886e38])
def test_nan_infinity_and_float_nodata_are_masked(tmp_path: Path, nodata: float | None) -> None:
    fill = 1.0 if nodata is None else nodata
    path = write(tmp_path / "f.tif", np.array([[[np.nan, np.inf, -np.inf, 2, fill]]], np.float32), nodata=nodata)
    valid = raster.read_window(str(path), [1], (0, 0, 5, 1))[1]
    assert valid.tolist() == [[[False, False, False, True, nodata is None]]]


def test_a_mask_band_is_read_on_every_level(tmp_path: Path) -> None:
    plain, path = tmp_path / "p.tif", tmp_path / "m.tif"
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        write(plain, numbers(2, 512, 512))
        with rasterio.open(plain, "r+") as file:
            file.write_mask(np.arange(512)[None, :].repeat(512, 0) >= 256)
        rasterio.shutil.copy(str(plain), str(path), driver="COG", BLOCKSIZE=128)
    assert raster.levels(str(path)) == ((512, 512), (256, 256), (128, 128))
    for level, (width, height) in enumerate(raster.levels(str(path))):
        valid = raster.read_window(str(path), [2, 1], (0, 0, width, height), level)[1]
        assert valid[:, :, width // 2 :].all() and not valid[:, :, : width // 2].any()


def test_an_alpha_band_is_a_mask(tmp_path: Path) -> None:
    data = numbers(4, 8, 8, "uint8")
    data[3] = np.eye(8) * 255
    path = write(tmp_path / "a.tif", data, photometric="RGB", alpha="YES")
    assert (raster.read_window(str(path), [1, 2], (0, 0, 8, 8))[1] == np.eye(8, dtype=bool)).all()


def test_a_replaced_file_is_read_anew(tmp_path: Path) -> None:
    path = write(tmp_path / "x.tif", np.full((1, 4, 4), 1, np.uint8))
    assert raster.read_window(str(path), [1], (0, 0, 4, 4))[0].max() == 1
    os.replace(write(tmp_path / "y.tif", np.full((1, 4, 4), 2, np.uint8)), path)
    assert raster.read_window(str(path), [1], (0, 0, 4, 4))[0].max() == 2


def test_handles_are_bounded_and_not_shared_by_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raster, "HANDLES_PER_THREAD", 3)
    paths = [write(tmp_path / f"{i}.tif", np.full((1, 4, 4), i, np.uint8)) for i in range(9)]
    seen: list[int] = []
    before = list(raster._HANDLES.open)

    def read() -> None:
        seen.extend(int(raster.read_window(str(p), [1], (0, 0, 4, 4))[0].max()) for p in paths)
        assert len(raster._HANDLES.open) == 3

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == sorted(list(range(9)) * 4)
    assert list(raster._HANDLES.open) == before


def test_an_absent_overview_is_named(tiled: Path) -> None:
    with pytest.raises(ArchiveError, match=r"t.tif' has no overview 1; it has 0"):
        raster.read_window(str(tiled), [1], (0, 0, 1, 1), 1)


def test_a_truncated_file_names_file_band_and_block(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 60000, (2, 256, 256)).astype("uint16")
    path = write(
        tmp_path / "cut.tif", data, tiled=True, blockxsize=64, blockysize=64, compress="deflate", interleave="band"
    )
    os.truncate(path, int(path.stat().st_size * 0.7))
    raster.read_window(str(path), [1], (0, 0, 256, 256))
    with pytest.raises(ArchiveError, match=r"cut.tif', band 2, block \(row \d, column \d\) cannot be read"):
        raster.read_window(str(path), [1, 2], (0, 0, 256, 256))


HOSTILE_VRT = """<VRTDataset rasterXSize="4" rasterYSize="4"><VRTRasterBand dataType="Byte" band="1"
subClass="VRTRawRasterBand"><SourceFilename>/etc/passwd</SourceFilename></VRTRasterBand></VRTDataset>"""


def test_a_truncated_jpeg_2000_file_is_an_error_however_much_is_read_at_once(tmp_path: Path) -> None:
    """Several tiles in one read: GDAL would decode them in threads, and report nothing of what these could not."""
    path = tmp_path / "t.jp2"
    data = np.random.default_rng(0).integers(0, 9000, (1, 512, 512)).astype(np.uint16)
    options: Any = {"width": 512, "height": 512, "count": 1, "dtype": "uint16", "crs": "EPSG:32631"}
    place = rasterio.transform.from_origin(5e5, 5e6, 10, 10)
    with rasterio.open(
        path, "w", driver="JP2OpenJPEG", transform=place, BLOCKXSIZE=128, BLOCKYSIZE=128, REVERSIBLE="YES", **options
    ) as made:
        made.write(data)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(ArchiveError, match=r"t.jp2', band 1, block \(row \d, column \d\)"):
        raster.read_window(str(path), [1], (0, 0, 512, 512))


@pytest.mark.parametrize("start", [HOSTILE_VRT.encode(), b"", b"II*", b"GIF89a", b"II*\0" + b"\xff" * 40])
def test_disguised_and_broken_files_are_refused(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "photo.tif"
    path.write_bytes(start)
    with pytest.raises(ArchiveError, match=r"photo.tif"):
        raster.open_raster(path)


@pytest.mark.parametrize("name", ["/vsizip/x.zip/a.tif", "https://example.com/a.tif", "GTIFF_DIR:1:a.tif", "a\0b", ""])
def test_only_paths_are_opened(name: str) -> None:
    with pytest.raises(ArchiveError):
        raster.read_window(name, [1], (0, 0, 1, 1))


@pytest.mark.parametrize("name", ["a b é 漢.tif", "GTIFF_DIR:1:x.tif", "what?.tif", "x!y#z.tif", "n" * 200 + ".tif"])
def test_odd_names_are_only_names(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "x.tif", numbers())
    shutil.move(path, tmp_path / name)
    assert raster.read_window(str(tmp_path / name), [1], (0, 0, 80, 60))[0].shape == (1, 60, 80)


@pytest.mark.parametrize("key", ["OVERVIEW_FILE", "overview_file"])
def test_overviews_elsewhere_are_refused(tmp_path: Path, key: str) -> None:
    path = write(tmp_path / "o.tif", numbers())
    with rasterio.open(path, "r+") as file:
        file.update_tags(ns="OVERVIEWS", **{key: "/etc/passwd"})
    with pytest.raises(ArchiveError, match="OVERVIEW_FILE"):
        raster.levels(str(path))


def test_sidecars_are_not_looked_at(tmp_path: Path) -> None:
    path = write(tmp_path / "s.tif", numbers(1, 512, 512), tiled=True)
    (tmp_path / "s.tif.ovr").write_bytes(write(tmp_path / "o.tif", numbers(1, 256, 256)).read_bytes())
    (tmp_path / "s.tif.aux.xml").write_text(
        "<PAMDataset><Metadata domain='OVERVIEWS'><MDI key='OVERVIEW_FILE'>/etc/passwd</MDI></Metadata></PAMDataset>"
    )
    (tmp_path / "s.tif.msk").write_bytes(path.read_bytes())
    assert raster.levels(str(path)) == ((512, 512),)
    assert raster.read_window(str(path), [1], (0, 0, 9, 9))[1].all()


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_bombs_are_refused_before_they_are_read(tmp_path: Path) -> None:
    wide = tmp_path / "wide.tif"
    profile: dict[str, Any] = {"driver": "GTiff", "count": 1, "dtype": "uint16", "SPARSE_OK": True, "tiled": True}
    with rasterio.open(wide, "w", width=1_000_000, height=800_000, blockxsize=4096, blockysize=4096, **profile):
        pass
    with pytest.raises(ArchiveError, match="declares 1525878 MiB in a file of"):
        raster.open_raster(wide)
    block = tmp_path / "block.tif"
    with rasterio.open(block, "w", width=16, height=16, blockxsize=32768, blockysize=32768, **profile):
        pass
    with pytest.raises(ArchiveError, match="blocks of 2048 MiB"):
        raster.open_raster(block)


def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="complex64"):
        raster.open_raster(write(tmp_path / "c.tif", numbers(dtype="complex64")))


def test_messages_do_not_show_this_machines_folders(tmp_path: Path) -> None:
    assert raster.shown("/secret/home/S2/20210101/B2.tif") == "'S2/20210101/B2.tif'"
    assert raster.shown(raster.Remote("https://h/a/b.tif?token=secret")) == "'h/a/b.tif'"
    with pytest.raises(ArchiveError) as error:
        raster.open_raster(tmp_path / "deep" / "er" / "none.tif")
    assert str(tmp_path.parent) not in str(error.value)


def test_a_hardened_process_has_no_vrt_driver(tmp_path: Path) -> None:
    script = """
from pipeline.engine import raster
raster.harden_process()
import rasterio
with rasterio.Env() as env:
    assert "VRT" not in env.drivers() and "GTiff" in env.drivers(), "VRT"
import sys
print(raster.read_window(sys.argv[1], [1], (0, 0, 2, 2))[0].sum())
"""
    path = write(tmp_path / "x.tif", np.ones((1, 2, 2), np.uint8))
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "4"
