import numpy as np
import pytest
from skimage.feature import graycomatrix, graycoprops

from pipeline.engine.kernels import texture

FOUR = [(-1, -1), (0, -1), (1, -1), (-1, 0)]
ANGLES = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
SCIKIT = {
    "asm": "ASM",
    "contrast": "contrast",
    "corr": "correlation",
    "idm": "homogeneity",
    "ent": "entropy",
    "diss": "dissimilarity",
    "var": "variance",
}


def measures(values, size, offsets=FOUR, valid=None):
    valid = np.ones(values.shape, bool) if valid is None else valid
    found = {}
    for group, names in enumerate(texture.GROUPS):
        made, some = texture.glcm(values, valid, size, offsets, group)
        found.update(zip(names, made, strict=True))
    return found, some


def matrix(window, valid, dx, dy):
    """The normalised symmetric matrix of a window, pair by pair."""
    levels = int(window.max()) + 1
    counts = np.zeros((levels, levels))
    for y, x in np.ndindex(window.shape):
        v, u = y + dy, x + dx
        if 0 <= v < window.shape[0] and 0 <= u < window.shape[1] and valid[y, x] and valid[v, u]:
            counts[window[y, x], window[v, u]] += 1
            counts[window[v, u], window[y, x]] += 1
    return counts / max(counts.sum(), 1)


def haralick(p):
    """All measures from a matrix, as the papers define them."""
    i, j = np.indices(p.shape)
    k = np.arange(2 * len(p) - 1)
    plus = np.array([p[i + j == s].sum() for s in k])
    minus = np.array([p[abs(i - j) == d].sum() for d in range(len(p))])
    px, mean = p.sum(1), (i * p).sum()

    def ent(q):
        return -(q[q > 0] * np.log(q[q > 0])).sum()

    product = np.outer(px, px)
    some = product > 0
    hxy1, hxy2 = -(p[some] * np.log(product[some])).sum(), ent(product)
    var, savg = ((i - mean) ** 2 * p).sum(), (k * plus).sum()
    davg = (np.arange(len(p)) * minus).sum()
    return {
        "asm": (p**2).sum(),
        "contrast": ((i - j) ** 2 * p).sum(),
        "corr": ((i - mean) * (j - mean) * p).sum() / var if var > 1e-15 else 0,
        "var": var,
        "idm": (p / (1 + (i - j) ** 2)).sum(),
        "savg": savg,
        "svar": ((k - savg) ** 2 * plus).sum(),
        "sent": ent(plus),
        "ent": ent(p),
        "dvar": ((np.arange(len(p)) - davg) ** 2 * minus).sum(),
        "dent": ent(minus),
        "imcorr1": (ent(p) - hxy1) / ent(px) if ent(px) > 1e-9 else 0,
        "imcorr2": np.sqrt(max(0, 1 - np.exp(-2 * (hxy2 - ent(p))))),
        "diss": (abs(i - j) * p).sum(),
        "inertia": ((i - j) ** 2 * p).sum(),
        "shade": ((i + j - 2 * mean) ** 3 * p).sum(),
        "prom": ((i + j - 2 * mean) ** 4 * p).sum(),
    }


@pytest.mark.parametrize("size", [1, 3])
def test_equals_scikit_image(size):
    values = np.random.default_rng(size).integers(0, 12, (14 + 2 * size, 11 + 2 * size)).astype(np.uint8)
    found, _ = measures(values, size)
    side = 2 * size + 1
    for y, x in np.ndindex(14, 11):
        window = values[y : y + side, x : x + side]
        # scikit-image's diagonals reach one row and one column, as ours; its order of directions does not matter.
        p = graycomatrix(window, [1], ANGLES, levels=12, symmetric=True, normed=True)
        for name, theirs in SCIKIT.items():
            assert found[name][y, x] == pytest.approx(graycoprops(p, theirs).mean(), abs=1e-6), name


@pytest.mark.parametrize("offset", [(-1, -1), (0, -2), (2, -1), (-1, 0)])
def test_all_measures_equal_the_definitions_with_masks(offset):
    rng = np.random.default_rng(7)
    values, valid = rng.integers(0, 6, (11, 12)), rng.random((11, 12)) < 0.6
    found, some = measures(values, 2, [offset], valid)
    for y, x in np.ndindex(7, 8):
        p = matrix(values[y : y + 5, x : x + 5], valid[y : y + 5, x : x + 5], *offset)
        assert some[y, x] == (p.sum() > 0)
        for name, value in haralick(p).items():
            assert found[name][y, x] == pytest.approx(value, abs=1e-9), name


def test_a_window_of_one_level_is_smooth():
    found, _ = measures(np.full((9, 9), 40, np.int16), 3)
    expected = {"asm": 1, "contrast": 0, "idm": 1, "ent": 0, "corr": 0, "savg": 80}
    for name, value in expected.items():
        assert (found[name] == value).all(), name


@pytest.mark.parametrize(("low", "high"), [(-40, 40), (0, 60_000), (-(2**31), 2**31 - 1), (0, 2**32 - 1)])
def test_large_and_negative_levels(low, high):
    rng = np.random.default_rng(5)
    pool = rng.integers(low, high, 9, dtype=np.int64)
    ranks = rng.integers(0, 9, (10, 11))
    found, _ = measures(pool[ranks], 2)
    simple, _ = measures(np.unique(pool, return_inverse=True)[1][ranks], 2)
    for name in ("asm", "ent", "imcorr2"):  # of which pixels are equal only
        np.testing.assert_allclose(found[name], simple[name], atol=1e-9)
    shift, _ = measures(pool[ranks] - low, 2)
    np.testing.assert_allclose(found["contrast"], shift["contrast"], rtol=1e-9)


def test_a_part_gives_the_same_bits_as_the_whole():
    values = np.random.default_rng(2).integers(0, 64, (60, 70)).astype(np.uint16)
    whole, _ = measures(values, 3)
    part, _ = measures(values[20:50, 10:60], 3)
    for name in set(whole) - {"shade", "prom"}:
        np.testing.assert_array_equal(part[name], whole[name][20:44, 10:54], name)
    np.testing.assert_allclose(part["prom"], whole["prom"][20:44, 10:54])


def test_directions_take_one_of_each_opposite_pair():
    assert texture.directions(np.ones((3, 3)), 1, 1) == FOUR
    assert texture.directions(np.array([[0, 0, 0], [1, 1, 1]]), 1, 1) == [(-1, 0)]
