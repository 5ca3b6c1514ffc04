import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from pipeline import durable
from pipeline.commands.archive import app
from pipeline.engine.archive import FolderArchive, products
from pipeline.engine.archive.products import Options, numbers, recognise, unpack
from pipeline.errors import ArchiveError
from tests.engine.archive import rasters
from tests.engine.archive.products import safe
from tests.engine.archive.products.intake import bring, bring_one, files, refusal


@pytest.fixture
def made(tmp_path: Path) -> FolderArchive:
    return FolderArchive.initialise(tmp_path / "archive")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("S2A_MSIL2A_20210414T032541_N0300_R018_T49SDD_20210414T061311.SAFE.zip", "sentinel2"),
        ("S2B_MSIL1C_20210414T032541_N0300_R018_T49SDD_20210414T061311.zip", "sentinel2"),
        ("20210414T032541_20210414T033546_T49SDD.tif", "cloudscore"),
        ("S1A_IW_GRDH_1SDV_20191202T163455_20191202T163520_030172_0372A4_67BA_Orb_Cal_TC.tif", "sentinel1"),
        ("S1A_IW_20210601T055018_DVP_RTC30_G_gpuned_5AB1_VH.tif", "sentinel1"),
        ("S1B__IW___A_20210601T055018_tnr_bnr_Orb_Cal_TF_TC_VV.tif", "sentinel1"),
        ("NASADEM_HGT_n39e109.zip", "nasadem"),
        ("n39e109.hgt", "nasadem"),
        ("Copernicus_DSM_COG_10_N39_00_E109_00_DEM.tif", "glo30"),
        ("VNL_v21_npp_2021_global_vcmslcfg_c202205302300.average.dat.tif.gz", "viirs"),
        ("SVDNB_npp_20210601-20210630_75N060E_vcmslcfg_v10_c202107072300.avg_rade9h.tif", "viirs"),
        ("LuoJia1-01_LR201806207826_20180619220046_HDR_0000_gec.tif", "luojia"),
    ],
)
def test_products_are_recognised_by_their_names(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_bytes(b"")
    assert recognise(tmp_path / name, Options()) is products.KINDS[kind]


def test_a_sentinel_2_product_is_recognised_under_any_name(tmp_path: Path) -> None:
    product = safe.make(tmp_path)
    archive = safe.zipped(product).rename(tmp_path / "3f2504e0.zip")
    folder = product.path.rename(tmp_path / "scene")
    assert recognise(archive, Options()) is recognise(folder, Options()) is products.KINDS["sentinel2"]


def test_what_is_not_recognised_is_told_what_to_do(tmp_path: Path, made: FolderArchive) -> None:
    (tmp_path / "x.tif").write_bytes(b"")
    assert "Say what it is with --as (sentinel2, " in refusal(made, tmp_path / "x.tif")
    assert "is not there. Check the path" in refusal(made, tmp_path / "gone.tif")
    assert "--as sentinel3 is not known. Use one of sentinel2, " in refusal(made, tmp_path / "x.tif", kind="sentinel3")


def test_a_folder_stands_for_the_products_in_it(tmp_path: Path, made: FolderArchive) -> None:
    downloads = tmp_path / "downloads"
    safe.zipped(safe.make(downloads, tile="49SDE"))
    (downloads / "notes.txt").write_text("not a product")
    (downloads / "other.tif").write_bytes(b"")
    outcomes = bring(made, downloads)
    assert [o.status for o in outcomes] == ["refused", "added", "unchanged"]
    assert "other.tif" in outcomes[0].what


def test_properties_and_asset_of_the_users_own(tmp_path: Path, made: FolderArchive) -> None:
    given = {"CLOUDY_PIXEL_PERCENTAGE": 0.5, "mine": "text"}
    item = bring_one(made, safe.make(tmp_path).path, properties=given, asset="MY/S2")
    assert item.id.startswith("MY/S2/2021") and given.items() <= item.properties.items()


def test_an_asset_id_cannot_lead_out_of_the_archive(tmp_path: Path, made: FolderArchive) -> None:
    assert "Invalid asset id" in refusal(made, safe.make(tmp_path).path, asset="../elsewhere")


def test_the_same_band_twice_is_refused(tmp_path: Path, made: FolderArchive) -> None:
    name = "20210414T032541_20210414T033546_T49SDD"
    paths = [rasters.write(tmp_path / f"{n}{name}_cs.tif", np.ones((1, 4, 4), np.float32)) for n in ("a_", "b_")]
    outcomes = bring(made, *paths, paths[0])
    assert [o.status for o in outcomes] == ["refused", "added"]
    assert "both hold band cs" in outcomes[0].detail


def test_a_run_that_fails_on_the_way_leaves_nothing(
    tmp_path: Path, made: FolderArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = safe.make(tmp_path)
    before = files(made)
    convert = products.ingest.stage

    def failing(source: Any, place: Path, name: str) -> Any:
        if name == "5":
            raise ArchiveError("The disk is full.")
        return convert(source, place, name)

    monkeypatch.setattr(products.ingest, "stage", failing)
    [outcome] = bring(made, product.path)
    assert outcome.status == "refused" and files(made) == before
    assert not (made.root / durable.STAGING).exists()


def test_too_little_space_is_said(tmp_path: Path, made: FolderArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    assert "has 0 MB free" in refusal(made, safe.make(tmp_path).path)


@given(st.text(max_size=30))
def test_safe_names_stay_in_their_folder(name: str) -> None:
    if unpack.safe_name(name):
        inside = os.path.normpath(os.path.join("/base/folder", name))
        assert inside == "/base/folder" or inside.startswith("/base/folder/")
    assert not unpack.safe_name(f"a/../{name}") and not unpack.safe_name(f"/{name}")


@given(st.integers(0, 65535), st.integers(-2000, 0))
def test_no_valid_number_becomes_no_data(number: int, offset: int) -> None:
    change = numbers.without_offset(offset)
    found = int(change.apply(np.array([number], np.uint16))[0])
    assert found == max(number + offset, 0)
    assert found != change.nodata or (offset == 0 and number == 65535)


@given(st.floats(-1, 1e6, width=32))
def test_decibels_and_back(power: float) -> None:
    with np.errstate(all="ignore"):
        found = float(numbers.decibels(10).apply(np.array([power], np.float32))[0])
    assert np.isfinite(found) == (power > 0)
    if power > 0:
        assert 10 ** (found / 10) == pytest.approx(power, rel=1e-9)


def run(*words: str | Path, code: int = 0) -> Result:
    done = CliRunner().invoke(app, ["ingest", *map(str, words)])
    assert done.exit_code == code, done.output
    return done


def test_the_command_reports_each_product_and_ends_with_2_if_any_is_refused(
    tmp_path: Path, made: FolderArchive
) -> None:
    good, bad = safe.make(tmp_path), tmp_path / "bad.tif"
    bad.write_bytes(b"")
    index = "COPERNICUS/S2_SR_HARMONIZED/20210414T032541_20210414T033546_T49SDD"
    assert run(made.root, good.path).output.splitlines() == [
        f"added      {index}: baseline 05.10, offset -1000 applied",
        "1 added.",
    ]
    lines = run(made.root, good.path, bad, code=2).output.splitlines()
    assert lines[0].startswith(f"refused    {bad}: ") and lines[1].startswith(f"unchanged  {index}")
    assert lines[2] == "1 refused, 1 unchanged."


def test_the_command_passes_its_options_on(tmp_path: Path, made: FolderArchive) -> None:
    path = rasters.write(tmp_path / "ordos_VV.tif", np.full((1, 8, 8), 0.01, np.float32))
    words = [
        "--as",
        "sentinel1",
        "--linear",
        "--property",
        "instrumentMode=IW",
        "--property",
        "system:time_start=2021-06-01T05:00",
    ]
    assert "DESCENDING by the time of day" in run(made.root, path, *words).output
    [item] = made.search("COPERNICUS/S1_GRD")
    assert item.properties["instrumentMode"] == "IW"
