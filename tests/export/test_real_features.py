"""The real features through the whole stage, against one request for everything at once; and what sources lack."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

import features
from features import seasons
from pipeline import engine
from pipeline.artifacts import open_counts, open_stack
from pipeline.artifacts.manifest import read_manifest
from pipeline.engine.archive import FolderArchive
from pipeline.errors import MinecoverError
from pipeline.export import Source, Wish, options, pixels, plan, run, sources
from pipeline.export.pixels import Part
from pipeline.region import Grid, Region, outline
from tests.features import scenes

GRID = Grid(scenes.CRS, 10.0, scenes.WEST, scenes.NORTH, scenes.SIDE, scenes.SIDE)
# A part of the world with a season (spring) without radar, and none of the assets that the defaults do not read.
DAYS = ("2021-04-20", "2021-07-19", "2021-10-12", "2021-01-15", "2022-05-07", "2021-07-18", "2021-10-22", "2021-01-26")
UNUSED = (scenes.L1C, scenes.PROBABILITY, scenes.GLO30, scenes.LATER_ANNUAL, scenes.MONTHLY, scenes.LUOJIA)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    moments = {scenes.millis(day) // 86_400_000 for day in DAYS}
    seasonal = (scenes.L2A, scenes.CLOUD_SCORE, scenes.RADAR)
    some = [
        s
        for s in scenes.world()
        if s.collection not in UNUSED and (s.collection not in seasonal or s.time // 86_400_000 in moments)
    ]
    return scenes.write(some, tmp_path_factory.mktemp("world")).root


def region(shrink: float = 1.0) -> Region:
    around = outline((GRID,))
    return Region("world", shapely.MultiPolygon([around.geoms[0].buffer(-1e-5 * shrink)]), 0.2)


def wish(folder: Path, archive: Path, *settings: str, year: int = 2021, **more: Any) -> Wish:
    return Wish(more.get("region", region()), year, folder / "run", Source(archive=str(archive)), options(settings))


def test_tiles_without_seams(tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neighbourhoods, resampling and all: what comes in tiles of 32 pixels is what comes in one piece."""
    import ee

    monkeypatch.setattr(plan, "TILE", 32)
    said = "\n".join(run(wish(tmp_path, archive, "aspect=sincos", "fallback=no")))
    assert "spring has no radar scene from 2021-03-01 to 2021-06-01: all its 2 radar bands are empty" in said
    assert "  2 of 113 bands have no value: spring_VV, spring_VH" in said
    manifest = read_manifest(tmp_path / "run" / "stack")
    assert (manifest.grid, len(manifest.tiles)) == (GRID, 4)
    assert manifest.notes[0].startswith("spring has no radar scene")
    names = [b.name for b in manifest.bands]
    assert names == list(features.catalog.names("sincos"))
    assert {b.part for b in manifest.bands[-5:]} == {"static"}

    given = {**asdict(options(["aspect=sincos", "fallback=no"])), "hemisphere": "north"}
    engine.connect("local", archive=archive)
    try:
        around = ee.Geometry.MultiPolygon(shapely.geometry.mapping(outline((GRID,)))["coordinates"], None, False)
        stack = features.stack(around, 2021, **given)
        whole = ee.data.computePixels({
            "expression": stack.addBands(stack.mask().rename([f"{n}_there" for n in names])),
            "fileFormat": "NUMPY_NDARRAY", "grid": pixels._wire(GRID),
        })  # fmt: skip
        counts = ee.data.computePixels({
            "expression": features.observations(around, 2021, **given), "fileFormat": "NUMPY_NDARRAY",
            "grid": pixels._wire(GRID),
        })  # fmt: skip
    finally:
        engine.disconnect()
    found = open_stack(tmp_path / "run")
    for name in names:
        wanted = np.where(whole[f"{name}_there"] > 0, whole[name], np.nan)
        np.testing.assert_array_equal(found.sel(band=name).values, wanted, err_msg=name)
    seen = found.notnull()
    assert not seen.all() and seen.any(("y", "x")).sum() > 100
    for name in features.catalog.COUNTS:
        np.testing.assert_array_equal(open_counts(tmp_path / "run").sel(band=name).values, counts[name])


def test_fault_10_a_region_outside_the_data(tmp_path: Path, archive: Path) -> None:
    far = shapely.box(20.1, 50.1, 20.11, 50.11)
    with pytest.raises(
        MinecoverError, match=r"outside the data: far is at 20\.1000 to .*; COPERNICUS/S2_SR_HARMONIZED has .* 112\.3"
    ):
        list(run(wish(tmp_path, archive, region=Region("far", shapely.MultiPolygon([far]), 0.8))))
    assert not (tmp_path / "run").exists()


def test_latitude_and_longitude_in_the_wrong_order(tmp_path: Path, archive: Path) -> None:
    # Where both could be latitudes, only the data tell.
    box = shapely.box(39.52, 80, 39.53, 80.01)
    away = Region("x", shapely.MultiPolygon([box]), 1)
    with pytest.MonkeyPatch.context() as patch:
        there = {"type": "Polygon", "coordinates": [[[79, 39], [81, 39], [81, 40], [79, 40], [79, 39]]]}
        patch.setattr("pipeline.export.requests.extent", lambda collection: there)
        with pytest.raises(MinecoverError, match="look swapped"):
            list(run(wish(tmp_path, archive, region=away)))


def test_fault_24_a_year_without_scenes(tmp_path: Path, archive: Path) -> None:
    said = "COPERNICUS/S2_SR_HARMONIZED has no image of the region from 2016-12-01 to 2017-12-01"
    with pytest.raises(MinecoverError, match=said):
        list(run(wish(tmp_path, archive, year=2017)))


def test_an_asset_that_is_not_there(tmp_path: Path, archive: Path) -> None:
    said = (
        r"The archive has no COPERNICUS/DEM/GLO30, no COPERNICUS/S2_CLOUD_PROBABILITY, which the features read\. .* do "
        r"without: --set dem=nasadem or --set dem=none \(in a configuration `features: \{dem: nasadem\}`\); or "
        r"--set clouds=scl or --set clouds=none \("
    )
    with pytest.raises(MinecoverError, match=said):
        list(run(wish(tmp_path, archive, "dem=glo30", "clouds=scl,s2cloudless")))


@pytest.mark.parametrize(("settings", "without"), [
    (["lights=monthly"], r"--set lights=none \(in a configuration `features: \{lights: none\}`\)\.$"),
    (["clouds=s2cloudless"], r"--set clouds=scl or --set clouds=none"),
    (["clouds=scl,s2cloudless,cloud_score"], r"--set clouds=scl,cloud_score or .*\{clouds: \[scl,cloud_score\]\}"),
    (["tasseled_cap=toa"], r"--set tasseled_cap=six \("),
])  # fmt: skip
def test_what_is_missing_can_be_done_without(tmp_path: Path, archive: Path, settings: list[str], without: str) -> None:
    with pytest.raises(MinecoverError, match=f"or do without: {without}") as raised:
        list(run(wish(tmp_path, archive, *settings)))
    assert not any(f"--set {setting} " in str(raised.value) for setting in settings)


def test_without_radar_its_bands_have_no_value_and_nothing_is_said_of_seasons(tmp_path: Path, archive: Path) -> None:
    said = "\n".join(run(wish(tmp_path, archive, "radar=no"), only_plan=True))
    assert "seasons of the north, radar not read" in said and "Note" not in said
    assert "Empty     8 of 112 bands will have no value: spring_VV, spring_VH, summer_VV" in said


def test_no_lights_and_no_elevation_are_bands_without_a_value(tmp_path: Path, archive: Path) -> None:
    said = "\n".join(run(wish(tmp_path, archive, "lights=none", "dem=none")))
    assert "all year: no dem, no lights" in said
    assert "Empty     6 of 112 bands will have no value: spring_VV, spring_VH, elevation, slope, aspect and 1" in said
    assert "  6 of 112 bands have no value: spring_VV, spring_VH, elevation" in said
    assert read_manifest(tmp_path / "run" / "stack").notes == (
        "spring has no radar scene from 2021-03-01 to 2021-06-01, nor in the years before and after: all its 2 radar "
        "bands are empty",
    )
    stack = open_stack(tmp_path / "run")
    assert stack.sizes["band"] == 112 and bool(stack[108:].isnull().all()) and bool(stack[27].notnull().any())


def test_scenes_that_come_later_are_another_stack(tmp_path: Path, archive: Path) -> None:
    found = sources.images(FolderArchive(archive), [scenes.L2A, scenes.NASADEM, "x/none"], region().box, 2021)
    assert len(found) == 5 + 1 and sources.content(found)["images"] == 6
    assert sources.content(found)["content"] != sources.content(found[1:])["content"]
    other = sources.images(FolderArchive(archive), [scenes.L2A, scenes.NASADEM], region().box, 2025)
    assert len(other) == 5 + 1  # none of those years: all there are
    away = region().box._replace(west=20, east=21)
    assert sources.images(FolderArchive(archive), [scenes.L2A], away, 2021) == []


def test_a_season_without_scenes_is_filled_by_other_years_only_where_they_have_some() -> None:
    windows = {s: seasons.window(s, 2021) for s in features.catalog.SEASONS}
    there = dict.fromkeys(features.catalog.COUNTS, 3) | {"winter_optical": 0, "winter_radar": 0}
    filling = {"winter_optical": 2, "winter_radar": 0}
    assert list(sources.notes(there, filling, windows, features.Options())) == [
        "winter has no optical scene from 2020-12-01 to 2021-03-01; 2 of the same season of the years before and after "
        "fill it",
        "winter has no radar scene from 2020-12-01 to 2021-03-01, nor in the years before and after: all its 2 radar "
        "bands are empty",
    ]
    assert sources.empty(there, filling, features.Options()) == ("winter_VV", "winter_VH")
    told = list(sources.notes(there, {}, windows, features.Options(fallback=False)))
    assert told[0] == "winter has no optical scene from 2020-12-01 to 2021-03-01: all its 25 optical bands are empty"
    assert len(sources.empty(there, {}, features.Options(lights=None))) == 27 + 1


def test_every_request_is_within_earth_engines_limits() -> None:
    tile = Grid("EPSG:32649", 10, 0, 0, 512, 512)
    made = plan.parts("sincos")
    assert [p.name for p in made] == ["spring", "summer", "autumn", "winter", "static", "counts"]
    assert sum(len(p.bands) for p in made[:5]) == 113
    assert all(p.fits(tile) for p in made)
    assert made[0].bytes(tile) == 27 * 512 * 512 * 4
    assert not Part("x", ("a",) * 50).fits(tile)
    assert not Part("x", ("a",)).fits(Grid("EPSG:32649", 10, 0, 0, 40_000, 1))
    with pytest.raises(AssertionError):
        Part("x", ("a",) * 1025)


def test_options_from_text() -> None:
    made = options(["clouds=scl,cloud_score", "clear=0.5", "fallback=no", "relative_orbit=11", "speckle=none"])
    assert (made.clouds, made.clear, made.fallback) == (("scl", "cloud_score"), 0.5, False)
    assert (made.relative_orbit, made.speckle) == (11, None)
    assert options(["clouds=none"]).clouds == ()
    assert options([]) == features.Options()
