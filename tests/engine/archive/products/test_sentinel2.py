import os
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.engine import archive
from pipeline.engine.archive import FolderArchive, products
from pipeline.engine.archive.products import sentinel2
from tests.engine.archive.products import safe
from tests.engine.archive.products.intake import bring, bring_one, files, refusal, stored
from tests.engine.local import connected

L2A, L1C = "COPERNICUS/S2_SR_HARMONIZED", "COPERNICUS/S2_HARMONIZED"
REFLECTANCE = [b for b in safe.BANDS if b != "B10"]
OLD = {"baseline": "02.14", "generated": "20210414T061311"}


@pytest.fixture
def made(tmp_path: Path) -> FolderArchive:
    return FolderArchive.initialise(tmp_path / "archive")


def harmonised(numbers: Any, offset: int) -> np.ma.MaskedArray[Any, Any]:
    """What Earth Engine's harmonised collection holds: the offset added, not below 0, and 0 masked beforehand."""
    shifted = np.maximum(numbers.astype(int) + offset, 0)
    return np.ma.masked_array(shifted, numbers == 0)


def same(found: Any, wanted: Any) -> bool:
    """Equal where both are valid, and valid in the same places."""
    equal = np.array_equal(found.filled(0), wanted.filled(0))
    return equal and np.array_equal(np.ma.getmaskarray(found), np.ma.getmaskarray(wanted))


def through_engine(ee: Any, asset: str, band: str) -> np.ma.MaskedArray[Any, Any]:
    image = ee.Image(asset).select(band)
    both = image.addBands(image.mask().rename("valid"))
    found = ee.data.computePixels({"expression": both, "fileFormat": "NUMPY_NDARRAY"})
    return np.ma.masked_array(found[band], found["valid"] == 0)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_product_is_answered_as_earth_engine_answers_it(tmp_path: Path, made: FolderArchive, zipped: bool) -> None:
    given = safe.make(tmp_path, baseline="05.10")
    item = bring_one(made, safe.zipped(given) if zipped else given.path)
    assert item.id == f"{L2A}/20210414T032541_20210414T033546_T49SDD"
    with connected(archive=made.root) as ee:
        image = ee.Image(ee.ImageCollection(L2A).filterDate("2021-04-14", "2021-04-15").first())
        info = image.getInfo()
        for band in REFLECTANCE:
            assert same(through_engine(ee, item.id, band), harmonised(given.bands[band], -1000)), band
        classes = np.ma.masked_equal(given.bands["SCL"], 0)
        assert same(through_engine(ee, item.id, "SCL"), classes)
    assert [b["id"] for b in info["bands"]] == [*REFLECTANCE, "SCL"]
    kinds = {b["id"]: (b["data_type"]["precision"], b["data_type"]["max"]) for b in info["bands"]}
    assert {kinds[b] for b in REFLECTANCE} == {("int", 65535)} and kinds["SCL"] == ("int", 255)
    grids = {b["id"]: (b["crs"], b["crs_transform"], b["dimensions"]) for b in info["bands"]}
    assert grids["B2"] == ("EPSG:32649", [10, 0, 399960, 0, -10, 4400040], [120, 120])
    assert grids["B9"] == ("EPSG:32649", [60, 0, 399960, 0, -60, 4400040], [20, 20])


def test_properties_have_earth_engines_names_and_types(tmp_path: Path, made: FolderArchive) -> None:
    found = bring_one(made, safe.make(tmp_path).path).properties
    wanted = {
        "system:index": "20210414T032541_20210414T033546_T49SDD",
        "system:time_start": 1618371409581,
        "system:time_end": 1618371409581,
        "PRODUCT_ID": "S2A_MSIL2A_20210414T032541_N0510_R018_T49SDD_20230622T120000",
        "GRANULE_ID": "L2A_T49SDD_A030351_20210414T033546",
        "DATASTRIP_ID": "S2A_OPER_MSI_L2A_DS_VGS4_20230622T120000_S20210414T033546_N05.10",
        "DATATAKE_IDENTIFIER": "GS2A_20210414T032541_030351_N05.10",
        "DATATAKE_TYPE": "INS-NOBS",
        "MGRS_TILE": "49SDD",
        "SPACECRAFT_NAME": "Sentinel-2A",
        "SENSING_ORBIT_NUMBER": 18,
        "SENSING_ORBIT_DIRECTION": "DESCENDING",
        "PROCESSING_BASELINE": "05.10",
        "GENERATION_TIME": 1687435200000,
        "CLOUDY_PIXEL_PERCENTAGE": 12.345678,
        "CLOUD_COVERAGE_ASSESSMENT": 12.345678,
        "CLOUD_SHADOW_PERCENTAGE": 1.305484,
        "SNOW_ICE_PERCENTAGE": 6.46e-4,
        "AOT_RETRIEVAL_METHOD": "SEN2COR_DDV",
        "RADIOMETRIC_QUALITY": "PASSED",
        "REFLECTANCE_CONVERSION_CORRECTION": 0.993841990384341,
        "SOLAR_IRRADIANCE_B8A": 1876.69,
        "BOA_ADD_OFFSET_B12": -1000,
        "MEAN_SOLAR_ZENITH_ANGLE": safe.SUN[0],
        "MEAN_SOLAR_AZIMUTH_ANGLE": safe.SUN[1],
        "MEAN_INCIDENCE_ZENITH_ANGLE_B8A": 7.58,
        "MEAN_INCIDENCE_AZIMUTH_ANGLE_B12": 285.2,
    }
    assert {name: found.get(name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("baseline", "offsets", "note"),
    [
        ("02.14", None, "baseline 02.14, no offset"),
        ("03.01", dict.fromkeys(range(13), 0), "baseline 03.01, no offset"),
        ("04.00", None, "baseline 04.00, offset -1000 applied"),
        ("99.99", dict.fromkeys(range(13), -500), "baseline 99.99, offset -500 applied"),
    ],
)
def test_the_offset_is_the_metadatas(tmp_path: Path, baseline: str, offsets: Any, note: str) -> None:
    [image] = products.plan([safe.make(tmp_path, baseline=baseline, offsets=offsets).path]).images
    assert image.note == note


def test_very_dark_ground_stays_valid_and_saturated_ground_too(tmp_path: Path, made: FolderArchive) -> None:
    given = safe.make(tmp_path)
    found = stored(bring_one(made, given.path), "B8")
    dark = (given.bands["B8"] > 0) & (given.bands["B8"] <= 1000)
    assert dark.any() and (found[dark] == 0).all() and found[dark].count() == dark.sum()
    assert (found[given.bands["B8"] == 65535] == 64535).all()


def test_another_choice_of_bands_needs_overwrite(tmp_path: Path, made: FolderArchive) -> None:
    given = safe.make(tmp_path)
    bring_one(made, given.path)
    assert "Use --overwrite" in refusal(made, given.path, all_bands=True)
    item = bring_one(made, given.path, all_bands=True, overwrite=True)
    more = ["AOT", "WVP", "TCI_R", "TCI_G", "TCI_B", "MSK_CLDPRB", "MSK_SNWPRB"]
    assert [b.name for b in item.bands] == [*REFLECTANCE, "SCL", *more]
    for band in more:
        assert np.array_equal(stored(item, band).filled(0), given.bands[band])
    assert stored(item, "MSK_SNWPRB").count() == 3600


def test_level_1c_goes_to_the_top_of_the_atmosphere(tmp_path: Path, made: FolderArchive) -> None:
    given = safe.make(tmp_path, level="L1C", baseline="05.09")
    item = bring_one(made, given.path)
    assert item.id == f"{L1C}/20210414T032541_20210414T033546_T49SDD"
    assert [b.name for b in item.bands] == list(safe.BANDS)
    assert same(stored(item, "B10"), harmonised(given.bands["B10"], -1000))
    assert item.properties["RADIO_ADD_OFFSET_B10"] == -1000


def test_the_same_again_changes_nothing(tmp_path: Path, made: FolderArchive) -> None:
    given = safe.make(tmp_path)
    bring_one(made, given.path)
    before = {p: os.stat(p).st_mtime_ns for p in files(made)}
    for path in (given.path, safe.zipped(given)):
        assert [o.status for o in bring(made, path)] == ["unchanged"]
    assert before == {p: os.stat(p).st_mtime_ns for p in files(made)}
    assert not list(archive.check(made))


def test_of_an_acquisition_the_newest_version_is_kept(tmp_path: Path, made: FolderArchive) -> None:
    old, new = (
        safe.make(tmp_path, **OLD),
        safe.make(tmp_path, strip="20210414T033549", seed=1),
    )  # strip starts 3 s later
    other = safe.make(tmp_path, tile="49SDE", **OLD)
    assert {o.status for o in bring(made, old.path, other.path)} == {"added"}
    assert same(stored(next(made.search(L2A)), "B2"), harmonised(old.bands["B2"], 0))
    [outcome] = bring(made, new.path)
    assert (
        outcome.status == "replaced" and "instead of 20210414T032541_20210414T033546_T49SDD of 02.14" in outcome.detail
    )
    [skipped] = bring(made, old.path)
    assert skipped.status == "skipped" and "is of a newer version (05.10)" in skipped.detail
    assert {i.index for i in made.search(L2A)} == {new.index, other.index}


def test_both_versions_at_once(tmp_path: Path, made: FolderArchive) -> None:
    paths = [safe.make(tmp_path, **OLD).path, safe.make(tmp_path).path]
    assert [o.status for o in bring(made, *paths)] == ["added", "skipped"]
    [item] = made.search(L2A)
    assert item.properties["PROCESSING_BASELINE"] == "05.10"


def test_a_version_in_place_of_another_under_the_same_index(tmp_path: Path, made: FolderArchive) -> None:
    bring_one(made, safe.make(tmp_path, **OLD).path)
    new = safe.make(tmp_path, seed=1)
    item = bring_one(made, new.path)
    assert same(stored(item, "B2"), harmonised(new.bands["B2"], -1000)) and not list(archive.check(made))


def test_two_datastrips_of_a_datatake_are_two_images() -> None:
    first = "20210414T032541_20210414T033546_T49SDD"
    assert sentinel2.same_acquisition(first, "20210414T032541_20210414T033520_T49SDD")
    assert not sentinel2.same_acquisition(first, "20210414T032541_20210414T033901_T49SDD")
    assert not sentinel2.same_acquisition(first, "elsewhere")


def renamed(given: safe.Safe, old: str, new: str) -> Path:
    return given.path.rename(given.path.with_name(given.path.name.replace(old, new)))


def without(band: str) -> Callable[[Path], Path]:
    return lambda folder: safe.make(folder, drop=[band]).path


def with_text(old: str, new: str, **given: Any) -> Callable[[Path], Path]:
    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return lambda folder: safe.make(folder, edit=edit, **given).path


def cut(folder: Path) -> Path:
    given = safe.make(folder)
    [image] = safe.image_files(given, "B11")
    os.truncate(image, image.stat().st_size - 1)
    return given.path


def flipped(folder: Path) -> Path:
    given = safe.make(folder)
    [image] = safe.image_files(given, "SCL")
    content = bytearray(image.read_bytes())
    content[len(content) // 2] ^= 1
    image.write_bytes(content)
    return given.path


def truncated_but_consistent(folder: Path) -> Path:
    """The checksum is that of the truncated file: only decoding can tell."""
    given = safe.make(folder)
    [image] = safe.image_files(given, "B03")
    os.truncate(image, image.stat().st_size // 2)
    safe.write_manifest(given.path)
    return given.path


def gone(folder: Path) -> Path:
    given = safe.make(folder)
    safe.image_files(given, "B12")[0].unlink()
    return given.path


def elsewhere(folder: Path) -> Path:
    """A band of another place under the right name."""
    given = safe.make(folder)
    [image] = safe.image_files(given, "B05")
    safe.write_jp2(image, np.ones((1, 60, 60), np.uint16), 20, crs="EPSG:32648")
    safe.write_manifest(given.path)
    return given.path


def no_manifest(folder: Path) -> Path:
    given = safe.make(folder)
    (given.path / "manifest.safe").unlink()
    return given.path


def link_outside(folder: Path) -> Path:
    given = safe.make(folder)
    [image] = safe.image_files(given, "B02")
    shutil.move(image, folder / "B02.jp2")
    image.symlink_to(folder / "B02.jp2")
    return given.path


def half_zip(folder: Path) -> Path:
    path = safe.zipped(safe.make(folder))
    os.truncate(path, path.stat().st_size // 2)
    return path


def zip_that_leads_outside(folder: Path) -> Path:
    path = safe.zipped(safe.make(folder))
    with zipfile.ZipFile(path, "a") as found:
        found.writestr("../evil.txt", "x")
    return path


def zip_bomb(folder: Path) -> Path:
    """An image that unpacks to far more than the manifest says."""
    given = safe.make(folder)
    path = safe.zipped(given, keep=lambda name: "B02_10m" not in name)
    name = f"{given.path.name}/{safe.image_files(given, 'B02')[0].relative_to(given.path).as_posix()}"
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as found:
        found.writestr(name, bytes(50_000_000))
    return path


def entities(folder: Path) -> Path:
    return with_text("<n1:Level-2A_User", '<!DOCTYPE x [<!ENTITY a "aaaa">]><n1:Level-2A_User')(folder)


MIXED = {**dict.fromkeys(range(13), -1000), 7: 0}


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (cut, "T49SDD_20210414T032541_B11_20m.jp2 has .* bytes instead of .* truncated"),
        (flipped, "SCL_20m.jp2 differs from its SHA3-256 checksum"),
        (truncated_but_consistent, r"B03_10m.jp2', band 1, block \(row \d, column \d\) cannot be read"),
        (gone, "lacks .*B12_20m.jp2, which its manifest lists. Download it again"),
        (elsewhere, "B05_20m.jp2 .* does not lie where the product's metadata says"),
        (without("B8A"), "lacks B8A; it has B1, B2, .*B12, SCL. Download it whole"),
        (without("SCL"), "lacks SCL"),
        (lambda f: renamed(safe.make(f, **OLD), "N0214", "N0510"), "was renamed or mixed"),
        (with_text(">05.10<", ">03.01<"), "baseline 05.10 by its name and 03.01 by its metadata"),
        (with_text(">05.10<", ">new<"), "'new', which is no baseline"),
        (lambda f: safe.make(f, offsets=MIXED).path, "mixed-offset product: its bands have offsets -1000, 0"),
        (lambda f: safe.make(f, offsets={1: -1000}).path, "does not say the offset .* of B1, B3"),
        (with_text("BOA_ADD_OFFSET", "SOMETHING"), "does not say the offset .BOA_ADD_OFFSET. of B1, B2"),
        (lambda f: safe.make(f, offsets={i: -1000 for i in range(13)}, **OLD).path, "baseline 02.14 has none"),
        (with_text(">10000<", ">1000<"), "reflectance x 1000, not x 10000"),
        (with_text(">Level-2A<", ">Level-1B<"), "is Level-1B. Give Level-2A"),
        (with_text("<Cloud_Coverage_Assessment>", "<X/><Cloud_Coverage_Assessment>much"), "cannot be read .ValueError"),
        (with_text("PRODUCT_URI", "PRODUCT_URI_2A"), "given up in 2018. Get its reprocessed version"),
        (with_text("GS2A_", "GS2A"), "not of the known form"),
        (entities, "defines entities"),
        (no_manifest, "manifest.safe of .* cannot be read"),
        (link_outside, "is a link that leads out of the product"),
        (half_zip, "is not a whole zip file"),
        (zip_that_leads_outside, "'../evil.txt', which would be unpacked outside its folder"),
        (zip_bomb, "B02_10m.jp2 unpacks to more than"),
    ],
)  # fmt: skip
def test_faulty_products_are_refused(
    tmp_path: Path, made: FolderArchive, faulty: Callable[[Path], Path], message: str
) -> None:
    detail = refusal(made, faulty(tmp_path))
    assert re.search(message, detail), detail
    assert not list((made.root / ".staging").glob("*/"))


def test_a_bad_product_does_not_stop_the_others(tmp_path: Path, made: FolderArchive) -> None:
    good, bad = safe.make(tmp_path, tile="49SDE").path, cut(tmp_path)
    outcomes = bring(made, bad, good)
    assert [o.status for o in outcomes] == ["refused", "added"]
    assert products.summary(outcomes) == "1 refused, 1 added."
