"""The commands of the guide to ingestion run, in order, on files of the names that it uses."""

import gzip
import re
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from pipeline import cli
from pipeline.engine.archive import FolderArchive
from pipeline.engine.archive.products import cloudscore, elevation, lights, mapped, sentinel1, sentinel2
from tests.engine.archive.products import safe
from tests.engine.archive.rasters import write

GUIDE = (Path(__file__).parents[4] / "docs" / "ingest.md").read_text("utf-8")
HERE = {"crs": "EPSG:32649"}


def commands() -> list[list[str]]:
    """The command lines of the guide, as words; a backslash continues one."""
    joined = re.sub(r"\\\n\s+", "", GUIDE)
    return [shlex.split(line) for line in re.findall(r"^    minecover (.*)$", joined, re.MULTILINE)]


def described(path: Path, data: Any, *bands: str, **more: Any) -> None:
    write(path, data, **more)
    with rasterio.open(path, "r+") as file:
        file.descriptions = bands


def prepare(folder: Path) -> None:
    """The files that the guide names."""
    power = np.full((2, 20, 20), 0.05, np.float32)
    safe.make(folder / "downloads", tile="49SDE", baseline="02.14")
    safe.zipped(safe.make(folder))
    described(folder / "20210414T032541_20210414T033546_T49SDD.tif", power, "cs", "cs_cdf", **HERE)
    esa = "S1A_IW_GRDH_1SDV_20210601T104610_20210601T104635_038146_04808B_67BA_Cal_TC.tif"
    described(folder / esa, power, "Sigma0_VV", "Sigma0_VH", **HERE)
    for name in ("ordos_VV.tif", "ordos_VH.tif"):
        write(folder / name, power[:1], **HERE)
    (folder / "n39e109.hgt").write_bytes(np.full((1201, 1201), 1200, ">i2").tobytes())
    write(folder / "Copernicus_DSM_COG_10_N39_00_E110_00_DEM.tif", power[:1] + 1200, **HERE)
    year = write(folder / "x.tif", power[:1], **HERE).read_bytes()
    (folder / "VNL_v21_npp_2021_global_vcmslcfg_c202205302300.average.dat.tif.gz").write_bytes(gzip.compress(year))
    scene = np.arange(400, dtype=np.int32).reshape(1, 20, 20)
    write(folder / "LuoJia1-01_LR201806207826_20180619220046_HDR_0000_gec.tif", scene, **HERE)
    write(folder / "radar_20210601_ASC_110.tif", power, **HERE)
    [mapping] = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    (folder / "radar.yaml").write_text(mapping, "utf-8")


def test_the_commands_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    for words in commands():
        assert cli.main(words) == 0, words
    said = capsys.readouterr().out
    assert said.count("added      ") == 10 and "refused" not in said
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL):
        exec(block, names)
    assert "unchanged  COPERNICUS/S2_SR_HARMONIZED" in capsys.readouterr().out
    radar = FolderArchive("my-archive").describe("COPERNICUS/S1_GRD/20210601_ASC")
    assert radar is not None and radar.properties["orbitProperties_pass"] == "ASCENDING"  # type: ignore[union-attr]


def test_the_guide_names_every_place_and_option() -> None:
    places = [*sentinel2.COLLECTIONS.values(), cloudscore.COLLECTION, sentinel1.COLLECTION]
    for place in (*places, elevation.NASADEM, elevation.GLO30, lights.LUOJIA):
        assert f"`{place}" in GUIDE
    for key in (f.name for f in fields(mapped.Rules)):
        assert f"\n{key}:" in GUIDE or f"`{key}`" in GUIDE or f"{key}:" in GUIDE or f"also {key}" in GUIDE, key
    for option in ("--as", "--asset", "--property", "--linear", "--db", "--nodata", "--all-bands", "--mapping"):
        assert option in GUIDE
