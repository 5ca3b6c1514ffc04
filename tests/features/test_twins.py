"""Every feature from the local engine equals its twin in NumPy, on scenes with clouds, gaps and missing pixels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import features
from tests.engine.local import connected
from tests.features import scenes, twins
from tests.features.scenes import GAP, NEVER, NORTH, SIDE, WEST, NDArray

YEAR = 2021
WORLD = scenes.world()
GRID = {
    "dimensions": {"width": SIDE, "height": SIDE},
    "affineTransform": {"scaleX": 10, "scaleY": -10, "translateX": WEST, "translateY": NORTH},
    "crsCode": scenes.CRS,
}
BOTH = twins.Sky().clouds
NOTHING = -9999.0
ASPECT = ("aspect", "aspect_sin", "aspect_cos")


class Local:
    """The features of the scenes' archive, from the local engine."""

    def __init__(self, ee: Any) -> None:
        self.ee = ee
        corners = [WEST, NORTH - 10 * SIDE, WEST + 10 * SIDE, NORTH]
        self.region = ee.Geometry.Rectangle(corners, scenes.CRS, False)

    def pixels(self, image: Any, grid: dict[str, Any] = GRID) -> dict[str, NDArray]:
        """All bands on the 10 m grid, NaN where masked."""
        found = self.ee.data.computePixels(
            {"expression": image.unmask(NOTHING), "fileFormat": "NUMPY_NDARRAY", "grid": grid}
        )
        return {n: np.where(found[n] == NOTHING, np.nan, found[n].astype(float)) for n in found.dtype.names}

    def stack(self, *bands: str, year: int = YEAR, **options: Any) -> dict[str, NDArray]:
        """Some bands of the stack."""
        options = {"clouds": BOTH, **options}
        return self.pixels(features.stack(self.region, year, **options).select(list(bands)))


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    folder: Path = tmp_path_factory.mktemp("world")
    with connected(archive=scenes.write(WORLD, folder)) as ee:
        yield Local(ee)


@pytest.fixture(scope="module")
def found(local: Local) -> dict[str, NDArray]:
    return local.pixels(features.stack(local.region, YEAR, clouds=BOTH))


@pytest.fixture(scope="module")
def expected() -> dict[str, NDArray]:
    return twins.stack(WORLD, YEAR)


def agree(found: dict[str, NDArray], expected: dict[str, NDArray]) -> None:
    """The same bands, masked alike, with the same values to float32's rounding."""
    assert list(found) == list(expected)
    for name, twin in expected.items():
        assert np.array_equal(np.isnan(found[name]), np.isnan(twin)), f"{name} is masked elsewhere"
        relative, absolute = tolerance(name)
        off = turned(found[name] - twin) if name == "aspect" else found[name] - twin
        worst = np.nanmax(np.abs(off) - relative * np.abs(twin), initial=-np.inf)
        assert worst <= absolute, f"{name} differs by up to {np.nanmax(np.abs(off))}"


def tolerance(name: str) -> tuple[float, float]:
    """Relative and absolute. Slopes and aspects also hold the different sums for the metres of a degree."""
    code = name.rpartition("_")[2]
    if code in twins.TEXTURE:
        return 1e-4, 1e-5
    if name in ASPECT:
        return 0, 5e-3 if name == "aspect" else 2e-5
    return 1e-5, 5e-7


def turned(degrees: NDArray) -> NDArray:
    """A difference of directions, -180 to 180."""
    return (degrees + 180) % 360 - 180


def test_the_names_of_the_bands(found: dict[str, NDArray], expected: dict[str, NDArray]) -> None:
    """31 codes: 27 in each of four seasons, and 4 that do not change."""
    names = list(expected)
    codes = [name.removeprefix("spring_") for name in names if name.startswith("spring_")]
    still = ["elevation", "slope", "aspect", "NTL"]
    assert (len(codes), len({*codes, *still})) == (27, 31)
    assert names == [f"{season}_{code}" for season in twins.SEASONS for code in codes] + still
    assert len(names) == len(codes) * 4 + len(still) == 112
    assert list(found) == list(features.catalog.names()) == names


@pytest.mark.parametrize("season", twins.SEASONS)
def test_a_season(season: str, found: dict[str, NDArray], expected: dict[str, NDArray]) -> None:
    names = [n for n in expected if n.startswith(season)]
    assert len(names) == 27
    agree({n: found[n] for n in names}, {n: expected[n] for n in names})


def test_what_does_not_change_with_the_seasons(found: dict[str, NDArray], expected: dict[str, NDArray]) -> None:
    names = [n for n in expected if not n.startswith(twins.SEASONS)]
    assert names == ["elevation", "slope", "aspect", "NTL"]
    agree({n: found[n] for n in names}, {n: expected[n] for n in names})


@pytest.mark.parametrize("season", twins.SEASONS)
def test_the_scenes_have_what_can_go_wrong(season: str, expected: dict[str, NDArray]) -> None:
    """The comparison means little where no pixel is masked, filled, clipped or divided by nothing."""
    own = twins.composite(WORLD, season, YEAR, fallback=False)["NIR"]
    filled = expected[f"{season}_NIR"]
    assert np.isnan(own[GAP]).all() and np.isfinite(filled[GAP]).any()
    assert np.isnan(filled[NEVER]).all()
    for code in ("NDVI", "EVI", "NDWI", "LSWI", "NDBI", "RRI", "NDRI"):
        assert np.isnan(expected[f"{season}_{code}"]).sum() > np.isnan(filled).sum()
    assert np.nanmin(expected[f"{season}_EVI"]) == -1 and np.nanmax(expected[f"{season}_EVI"]) == 1
    assert np.nanmax(expected[f"{season}_RRI"]) == 5
    assert np.nanmax(expected[f"{season}_asm"]) == 1
    assert np.isnan(expected[f"{season}_VV"]).any()


def test_a_part_is_the_same_as_in_the_whole(local: Local, found: dict[str, NDArray]) -> None:
    corner = {"scaleX": 10, "scaleY": -10, "translateX": WEST + 70, "translateY": NORTH - 230}
    part = {**GRID, "dimensions": {"width": 20, "height": 15}, "affineTransform": corner}
    for name, band in local.pixels(features.stack(local.region, YEAR, clouds=BOTH), part).items():
        assert np.array_equal(band, found[name][23:38, 7:27], equal_nan=True), name


def test_clouds_are_told_by_cloud_score_alone_by_default(local: Local) -> None:
    image = features.stack(local.region, YEAR, fallback=False)
    twin = twins.composite(WORLD, "summer", YEAR, twins.Sky(("cloud_score",)), fallback=False)["NIR"]
    np.testing.assert_allclose(local.pixels(image.select("summer_NIR"))["summer_NIR"], twin, rtol=1e-5)


def test_the_stack_is_float32(local: Local) -> None:
    types = {
        band["data_type"]["precision"] for band in features.stack(local.region, YEAR, clouds=BOTH).getInfo()["bands"]
    }
    assert types == {"float"}


def test_observations(local: Local) -> None:
    counts = {}
    for season in twins.SEASONS:
        for kind, count in zip(("optical", "radar"), twins.observations(WORLD, season, YEAR), strict=True):
            counts[f"{season}_{kind}"] = count.astype(float)
    assert max(c.max() for c in counts.values()) == 3 and min(c.min() for c in counts.values()) == 0
    agree(local.pixels(features.observations(local.region, YEAR, clouds=BOTH)), counts)


def test_scenes(local: Local) -> None:
    expected: dict[str, int] = {"lights": 1, "dem": 1}
    for season in twins.SEASONS:
        expected[f"{season}_optical"] = len(twins.during(WORLD, scenes.L2A, season, YEAR))
        expected[f"{season}_radar"] = len(twins.powers(WORLD, season, YEAR, "VV", "ASCENDING"))
    counts = features.scenes(local.region, YEAR).getInfo()
    assert {name: counts[name] for name in expected} == expected


def test_a_year_whose_winter_has_scenes_of_december(local: Local) -> None:
    twin = twins.season(WORLD, "winter", 2022)
    names = ["NIR", "SWIR2", "VV"]
    agree(local.stack(*(f"winter_{n}" for n in names), year=2022), {f"winter_{n}": twin[n] for n in names})


# Options --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codes", "options"),
    [
        (("NDWI",), {"ndwi": "mcfeeters"}),
        (("LSWI",), {"lswi_nir": "B8"}),
        (("NDRI",), {"ndri": "swir1_nir"}),
        (("NDRI",), {"ndri": "swir1_green"}),
    ],
)
def test_switches_of_the_indices(local: Local, codes: tuple[str, ...], options: dict[str, str]) -> None:
    twin = twins.indices(twins.composite(WORLD, "autumn", YEAR), **options)
    agree(local.stack(*(f"autumn_{c}" for c in codes), **options), {f"autumn_{c}": twin[c] for c in codes})


def test_the_tasseled_cap_of_the_top_of_the_atmosphere(local: Local) -> None:
    twin = {f"summer_{n}": band for n, band in twins.tasseled_cap_1c(WORLD, "summer", YEAR).items()}
    agree(local.stack(*twin, tasseled_cap="toa", fallback=False), twin)


@pytest.mark.parametrize("fallback", [True, False])
@pytest.mark.parametrize(
    "sky",
    [twins.Sky(("scl",)), twins.Sky(("cloud_score",), clear=0.8), twins.Sky(snow=False)],
    ids=["scl", "cloud score", "no snow"],
)
def test_clouds(local: Local, sky: twins.Sky, fallback: bool) -> None:
    twin = twins.composite(WORLD, "winter", YEAR, sky, fallback)
    options = {"clouds": sky.clouds, "clear": sky.clear, "snow": sky.snow, "fallback": fallback}
    agree(local.stack("winter_NIR", "winter_RE1", **options), {f"winter_{n}": twin[n] for n in ("NIR", "RE1")})


def test_s2cloudless(local: Local) -> None:
    """Dark ground near clouds may be taken for their shadow; all else is as the probabilities say."""
    clouds = ("scl", "s2cloudless")
    twin = twins.composite(WORLD, "summer", YEAR, twins.Sky(clouds), fallback=False)["NIR"]
    (nir,) = local.stack("summer_NIR", clouds=clouds, fallback=False).values()
    plain = twins.composite(WORLD, "summer", YEAR, twins.Sky(("scl",)), fallback=False)["NIR"]
    dark = twins.near(plain < 0.15 + 1e-3, 8)
    agree({"NIR": np.where(dark, np.nan, nir)}, {"NIR": np.where(dark, np.nan, twin)})
    assert np.isfinite(plain[scenes.ZERO]).all() and np.isnan(nir[scenes.ZERO]).all()
    assert np.isfinite(nir[scenes.DARK]).all()


@pytest.mark.parametrize("speckle", ["lee", "gamma_map"])
def test_speckle_filters(local: Local, speckle: str) -> None:
    layers = [getattr(twins, speckle)(z) for z in twins.powers(WORLD, "summer", YEAR, "VH", "ASCENDING")]
    agree(local.stack("summer_VH", speckle=speckle, fallback=False), {"summer_VH": twins.backscatter(layers)})


def test_the_multitemporal_filter(local: Local) -> None:
    layers = twins.multitemporal(twins.powers(WORLD, "summer", YEAR, "VV", "ASCENDING"))
    agree(local.stack("summer_VV", speckle="multitemporal", fallback=False), {"summer_VV": twins.backscatter(layers)})


def test_the_refined_lee_filter(local: Local) -> None:
    """Where the whole window of the only scene is valid: how a part of it is used is nobody's definition."""
    (power,) = twins.powers(WORLD, "summer", YEAR, "VV", "DESCENDING")
    twin = twins.backscatter([twins.refined_lee(power)])
    (band,) = local.stack("summer_VV", speckle="refined_lee", fallback=False, orbit="DESCENDING").values()
    assert np.isfinite(twin).sum() > 1000
    agree({"VV": np.where(np.isnan(twin), np.nan, band)}, {"VV": twin})


@pytest.mark.parametrize("orbit", ["ASCENDING", "DESCENDING"])
@pytest.mark.parametrize("track", [None, 113])
def test_orbits(local: Local, orbit: str, track: int | None) -> None:
    near = [z for y in (YEAR - 1, YEAR + 1) for z in twins.powers(WORLD, "autumn", y, "VH", orbit, track)]
    twin = twins.backscatter(twins.powers(WORLD, "autumn", YEAR, "VH", orbit, track), near)
    assert np.isnan(twin).all() == (orbit == "DESCENDING" and track is not None)
    agree(local.stack("autumn_VH", orbit=orbit, relative_orbit=track), {"autumn_VH": twin})


@pytest.mark.parametrize("aspect", ["raw", "sincos"])
@pytest.mark.parametrize("slope", ["horn", "ee4"])
@pytest.mark.parametrize("dem", ["nasadem", "glo30"])
def test_terrain(local: Local, dem: str, slope: str, aspect: str) -> None:
    twin = twins.terrain(WORLD, dem, slope)
    names = ("elevation", "slope", *(ASPECT[:1] if aspect == "raw" else ASPECT[1:]))
    agree(local.stack(*names, dem=dem, slope=slope, aspect=aspect), {n: twin[n] for n in names})
    flat = twin["slope"] < 1
    assert flat.any() and (twin["aspect_sin"][flat] == 0).all() and (twin["aspect_cos"][flat] == 0).all()


def test_terrain_up_to_the_edge_of_a_region_that_ends_with_a_tile(local: Local) -> None:
    seam = next(s for s in WORLD if s.index == "tile_1").layer("DEM")
    inside = twins.centres(seam)[0] < 0
    west, south, north = seam.transform.c - 0.004, seam.transform.f - 0.01, seam.transform.f
    region = local.ee.Geometry.Rectangle([west, south, seam.transform.c - 1e-9, north], seam.crs, False)
    bands = local.pixels(features.stack(region, YEAR, dem="glo30").select(["slope"]))
    twin = twins.terrain(WORLD, "glo30")
    agree({"slope": bands["slope"][inside]}, {"slope": twin["slope"][inside]})


@pytest.mark.parametrize(
    ("which", "year"), [("annual", 2020), ("annual", 2022), ("monthly", 2021), (scenes.LUOJIA, 2021)]
)
def test_lights(local: Local, which: str, year: int) -> None:
    agree(local.stack("NTL", lights=which, year=year), {"NTL": twins.lights(WORLD, year, which)})


@pytest.mark.parametrize("aspect", ["raw", "sincos"])
def test_without_a_source_its_bands_are_there_and_masked(local: Local, aspect: str) -> None:
    without = {"dem": None, "lights": None, "radar": False}
    names = ("spring_VV", "winter_VH", *features.catalog.names(aspect)[108:])
    found = local.stack(*names, aspect=aspect, **without)
    assert tuple(found) == names and all(np.isnan(band).all() for band in found.values())
    counted = features.scenes(local.region, YEAR, **without).getInfo()
    assert set(counted) == set(features.catalog.COUNTS) and counted["spring_radar"] == 0 < counted["spring_optical"]


# What is not there ----------------------------------------------------------------------------------------------------


def test_a_season_without_any_scene_is_masked(tmp_path: Path) -> None:
    spring = {s.index for s in twins.during(WORLD, scenes.L2A, "spring", YEAR)}
    few = [s for s in WORLD if s.index in spring or s.collection in (scenes.NASADEM, scenes.ANNUAL)]
    few += twins.during(WORLD, scenes.RADAR, "spring", YEAR)
    with connected(archive=scenes.write(few, tmp_path)) as ee:
        local = Local(ee)
        bands = local.pixels(features.stack(local.region, YEAR, clouds=BOTH))
        counts = local.pixels(features.observations(local.region, YEAR, clouds=BOTH))
    assert len(bands) == 112
    twin = {f"spring_{n}": band for n, band in twins.season(few, "spring", YEAR).items()}
    agree({n: bands[n] for n in twin}, twin)
    for season in ("summer", "autumn", "winter"):
        assert all(np.isnan(band).all() for n, band in bands.items() if n.startswith(season))
        assert not counts[f"{season}_optical"].any() and not counts[f"{season}_radar"].any()
    assert np.isfinite(bands["slope"]).all() and np.isfinite(bands["NTL"]).all()
