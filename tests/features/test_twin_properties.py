"""The twins themselves: what must hold of them whatever the scenes are, and what others publish."""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from skimage.feature import graycomatrix, graycoprops

from tests.features import scenes, twins
from tests.features.scenes import NDArray

WINDOW = arrays(np.int64, (7, 7), elements=st.integers(0, 63))
POWER = arrays(np.float64, (9, 9), elements=st.floats(1e-3, 1))


# Time -----------------------------------------------------------------------------------------------------------------


@given(year=st.integers(2015, 2100))
def test_seasons_follow_each_other_without_gap(year: int) -> None:
    for hemisphere, order in (("north", (3, 0, 1, 2)), ("south", (1, 2, 3, 0))):
        found = [twins.period(twins.SEASONS[i], year, hemisphere) for i in order]
        assert found[0][0] == scenes.millis(f"{year - 1}-12-01") and found[-1][1] == scenes.millis(f"{year}-12-01")
        assert all(a[1] == b[0] for a, b in itertools.pairwise(found))
    assert twins.period("winter", year) == twins.period("summer", year, "south")


# Sentinel-2 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [twins.TASSELED_CAP, twins.TASSELED_CAP_1C], ids=["six bands", "thirteen bands"])
def test_tasseled_cap_rows_are_orthonormal(rows: dict[str, tuple[float, ...]]) -> None:
    matrix = np.array(list(rows.values()))
    assert np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-3)


def aliases(bands: dict[str, NDArray]) -> set[tuple[str, str]]:
    """Pairs of bands that say the same: a correlation beyond 0.999."""
    valid = np.all([np.isfinite(b) for b in bands.values()], axis=0)
    strength = np.abs(np.corrcoef([b[valid] for b in bands.values()]))
    names = list(bands)
    return {(names[i], names[j]) for i, j in zip(*np.nonzero(np.triu(strength > 0.999, 1)), strict=True)}


def test_the_aliases_among_the_indices_are_found() -> None:
    composite = twins.composite(scenes.world(), "summer", 2021)
    assert aliases(twins.indices(composite)) == set()
    assert aliases(twins.indices(composite, lswi_nir="B8")) == {("LSWI", "NDBI")}
    assert aliases(twins.indices(composite, ndri="swir1_nir")) == {("NDBI", "NDRI")}
    assert aliases(twins.indices(composite, ndri="swir1_green")) == {("NDWI", "NDRI")}
    same = twins.indices(composite, lswi_nir="B8")
    assert np.array_equal(same["LSWI"], -same["NDBI"], equal_nan=True)


@given(arrays(np.float64, (10, 6), elements=st.floats(0, 1)))
def test_indices_stay_in_their_range(values: NDArray) -> None:
    found = twins.indices(dict(zip(twins.BANDS, values, strict=True)))
    for name, index in found.items():
        low, high = (0, 5) if name == "RRI" else (-1, 1)
        assert np.isnan(index).all() or (np.nanmin(index) >= low and np.nanmax(index) <= high), name


@given(arrays(np.float64, (3, 4), elements=st.floats(-5, 5)), st.data())
def test_bilinear_gives_planes_back(corner: NDArray, data: st.DataObject) -> None:
    a, b, c = corner[:, 0]
    rows, columns = np.mgrid[:6, :8] + 0.5
    x = data.draw(arrays(np.float64, (5, 5), elements=st.floats(0.5, 7.4)))
    y = data.draw(arrays(np.float64, (5, 5), elements=st.floats(0.5, 5.4)))
    assert np.allclose(twins.bilinear(a + b * columns + c * rows, x, y), a + b * x + c * y)


def test_bilinear_needs_half_of_the_weight() -> None:
    data = np.array([[1.0, np.nan], [1.0, np.nan]])
    x, y = np.array([[0.5, 0.9, 1.1, 0.2]]), np.full((1, 4), 1.0)
    assert np.array_equal(twins.bilinear(data, x, y), [[1, 1, np.nan, 1]], equal_nan=True)


# Texture --------------------------------------------------------------------------------------------------------------


@given(st.integers(0, 63))
def test_texture_of_one_grey_level(level: int) -> None:
    assert np.array_equal(twins.measures(np.full((7, 7), level)), [1, 0, 0, 1, 0])


@given(WINDOW)
def test_texture_is_that_of_scikit_image(window: NDArray) -> None:
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    matrix = graycomatrix(window.astype(np.uint8), [1], angles, levels=64, symmetric=True, normed=True)
    found = dict(zip(twins.TEXTURE, twins.measures(window), strict=True))
    names = {"asm": "ASM", "ent": "entropy", "contrast": "contrast", "idm": "homogeneity"}
    for name, theirs in names.items():
        assert found[name] == pytest.approx(graycoprops(matrix, theirs).mean()), name
    if len(np.unique(window)) > 1:  # theirs is 1 where there is one level
        each = graycoprops(matrix, "correlation")[0]
        one_level = [(m.sum(axis=1) > 0).sum() == 1 for m in np.moveaxis(matrix[:, :, 0], -1, 0)]
        assert found["corr"] == pytest.approx(np.where(one_level, 0, each).mean(), abs=1e-9)


@given(WINDOW)
def test_texture_does_not_depend_on_which_way_is_north(window: NDArray) -> None:
    expected = twins.measures(window)
    for turned in (np.rot90(window), window[::-1], window.T):
        assert np.allclose(twins.measures(turned), expected)


def test_pairs_with_a_missing_pixel_do_not_count() -> None:
    window = np.full((7, 7), -1)
    window[3, 3], window[3, 4] = 5, 8
    assert np.allclose(twins.measures(window), [0.5, np.log(2), 9, 0.1, -1])
    window[3, 4] = -1
    assert np.isnan(twins.measures(window)).all()


def test_levels_are_half_open_steps_of_reflectance() -> None:
    numbers = np.arange(0, 7000)
    found = twins.levels(numbers[None] * 1e-4)[0]
    assert np.array_equal(found, np.minimum(numbers * 64 // 6000, 63))


# Sentinel-1 -----------------------------------------------------------------------------------------------------------


@given(
    z=st.floats(1e-4, 10),
    m=st.floats(1e-4, 10),
    ci=st.floats(1 / np.sqrt(5) + 1e-3, np.sqrt(2 / 5) - 1e-3),
)
def test_gamma_map_is_the_root_of_its_quadratic(z: float, m: float, ci: float) -> None:
    out = float(twins.gamma_root(np.array(z), np.array(m), np.array(ci)))
    alpha = (1 + 0.2) / (ci**2 - 0.2)
    terms = alpha * out**2, (alpha - 6) * m * out, 5 * m * z
    assert out > 0
    assert terms[0] - terms[1] - terms[2] == pytest.approx(0, abs=1e-9 * max(np.abs(terms)))


@given(POWER)
def test_lee_gives_the_mean_where_speckle_explains_everything(z: NDArray) -> None:
    m, s2 = twins.local(z, np.mean), twins.local(z, np.var)
    out = twins.lee(z)
    explained = s2 <= m**2 / 5
    assert np.allclose(out[explained], m[explained])
    assert (out >= np.minimum(m, z) - 1e-12).all() and (out <= np.maximum(m, z) + 1e-12).all()


@given(POWER)
def test_gamma_map_keeps_points_and_smooths_the_rest(z: NDArray) -> None:
    m, s = twins.local(z, np.mean), np.sqrt(twins.local(z, np.var))
    out = twins.gamma_map(z)
    assert np.array_equal(out[s / m >= np.sqrt(2 / 5)], z[s / m >= np.sqrt(2 / 5)])
    assert np.array_equal(out[s / m <= 1 / np.sqrt(5)], m[s / m <= 1 / np.sqrt(5)])


@pytest.mark.parametrize("edge", [np.s_[:, 8:], np.s_[8:], np.s_[:8]], ids=["east", "south", "north"])
def test_refined_lee_keeps_edges(edge: tuple[slice, ...]) -> None:
    z = np.full((16, 16), 0.1)
    z[edge] = 1.0
    out = twins.refined_lee(z)
    inside = np.isfinite(out)
    assert inside.sum() == 100 and np.allclose(out[inside], z[inside])
    assert not np.allclose(twins.lee(z)[inside], z[inside], rtol=0.01)


@given(st.lists(st.floats(1e-3, 1), min_size=1, max_size=4))
def test_the_multitemporal_filter_keeps_what_does_not_vary_in_space(powers: list[float]) -> None:
    filtered = twins.multitemporal([np.full((9, 9), p) for p in powers])
    assert np.allclose([f[4, 4] for f in filtered], powers)


# Terrain --------------------------------------------------------------------------------------------------------------


@given(east=st.floats(-2, 2), north=st.floats(-2, 2))
def test_both_slopes_of_a_plane_are_its_own(east: float, north: float) -> None:
    wide, high = np.full((6, 1), 24.0), np.full((6, 1), 31.0)
    rows, columns = np.mgrid[:6, :7]
    z = east * 24.0 * columns - north * 31.0 * rows
    for method in ("horn", "ee4"):
        p, q = (g[1:-1, 1:-1] for g in twins.gradient(z, wide, high, method))
        assert np.allclose(p, east) and np.allclose(q, north)
        assert np.allclose(twins.slope_of(p, q), np.degrees(np.arctan(np.hypot(east, north))))


@pytest.mark.parametrize(
    ("east", "north", "aspect"), [(0, -1, 0), (-1, 0, 90), (0, 1, 180), (1, 0, 270), (-1, -1, 45), (1, 1, 225)]
)
def test_aspect_points_downhill(east: float, north: float, aspect: float) -> None:
    p, q = np.array([float(east)]), np.array([float(north)])
    assert twins.aspect_of(p, q) == pytest.approx(aspect)
    sine, cosine = twins.downhill(p, q)
    assert (sine[0], cosine[0]) == pytest.approx((np.sin(np.radians(aspect)), np.cos(np.radians(aspect))))


def test_level_ground_has_no_direction() -> None:
    assert twins.downhill(np.zeros(1), np.zeros(1)) == (0, 0)


def test_metres_of_a_second_of_arc() -> None:
    """WGS 84: 30.92 m along the equator; 30.72 m along a meridian there, 15.50 m and 30.95 m at 60° north."""
    place = scenes.Affine(1 / 3600, 0, 0, 0, -1 / 3600, 0.5 / 3600)
    wide, high = twins.metres(place, 1)
    assert (wide[0, 0], high[0, 0]) == pytest.approx((30.922, 30.715), abs=1e-3)
    wide, high = twins.metres(scenes.Affine(1 / 3600, 0, 0, 0, -1 / 3600, 60 + 0.5 / 3600), 1)
    assert (wide[0, 0], high[0, 0]) == pytest.approx((15.500, 30.948), abs=1e-3)
