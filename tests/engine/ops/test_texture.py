import numpy as np
import pytest

from pipeline.engine.kernels import texture as kernels
from pipeline.engine.ops import texture
from pipeline.engine.ops.kernel import TABLE as KERNELS
from pipeline.engine.plan import evaluate
from pipeline.errors import EngineError
from tests.engine import arrays

HOME = arrays.grid(12, 13)
LEVELS = np.random.default_rng(0).integers(0, 9, (12, 13)).astype(np.uint8)


def test_eighteen_bands_by_their_documented_names():
    made = texture.glcm_texture(arrays.image(N=LEVELS), 1, None, True)
    assert len(made.names) == 18
    assert made.names[:2] == ["N_asm", "N_contrast"]
    assert made.names[-1] == "N_prom"
    found = arrays.pixels(made, HOME)
    assert not found["N_maxcorr"].mask.any()
    assert found["N_ent"].mask.all()


def test_average_is_the_mean_of_the_directions():
    image = arrays.image(N=LEVELS)
    mean = arrays.pixels(texture.glcm_texture(image, 2, None, True), HOME)["N_contrast"]
    each = arrays.pixels(texture.glcm_texture(image, 2, None, False), HOME)
    names = [f"N_contrast_{x}_{y}" for x, y in [(-1, -1), (0, -1), (1, -1), (-1, 0)]]
    np.testing.assert_allclose(mean.data, np.mean([each[n].data for n in names], axis=0))
    assert len(each) == 4 * 18


def test_the_kernel_chooses_the_directions():
    row = KERNELS["Kernel.fixed"](3, 1, [[1, 1, 1]], 1, 0, False)
    made = texture.glcm_texture(arrays.image(N=LEVELS), 2, row, False)
    assert made.names[0] == "N_asm_-1_0"
    assert len(made.names) == 18


def test_masked_pixels_do_not_count():
    mask = np.ones(LEVELS.shape, bool)
    mask[5, 5] = False
    spoiled = LEVELS.copy()
    spoiled[5, 5] = 255
    made = [texture.glcm_texture(arrays.image(N=(d, mask)), 2, None, True) for d in (LEVELS, spoiled)]
    one, other = (arrays.pixels(m, HOME)["N_contrast"] for m in made)
    assert not one.mask[5, 5]
    np.testing.assert_array_equal(one.data[one.mask], other.data[one.mask])


def test_only_the_groups_asked_for_are_computed(monkeypatch):
    ran = []
    original = kernels.glcm
    monkeypatch.setattr(kernels, "glcm", lambda *a: ran.append(a[-1]) or original(*a))
    made = texture.glcm_texture(arrays.image(N=LEVELS), 1, None, True)
    evaluate([b.plan for b in made.bands if b.name in ("N_contrast", "N_idm", "N_asm")], HOME)
    assert sorted(ran) == [0, 1]


@pytest.mark.parametrize("kind", [np.float32, np.int64])
def test_other_types_are_refused(kind):
    with pytest.raises(EngineError, match="32-bit or smaller"):
        texture.glcm_texture(arrays.image(N=LEVELS.astype(kind)), 1, None, True)


def test_a_kernel_without_a_direction_is_refused():
    with pytest.raises(EngineError, match="besides its centre"):
        texture.glcm_texture(arrays.image(N=LEVELS), 1, KERNELS["Kernel.fixed"](1, 1, [[1]], 0, 0, False), True)
