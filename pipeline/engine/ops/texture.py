"""Image.glcmTexture: which bands there are and what each asks of the co-occurrence kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from pipeline.engine.image import Band, Image
from pipeline.engine.kernels import texture
from pipeline.engine.ops.focal import inner, require_integer
from pipeline.engine.plan import Around, Part, Pixels, Plan, both, valid
from pipeline.engine.values import DOUBLE, Kernel
from pipeline.errors import EngineError

# The documented order; f14 (maxcorr) is "not computed" there.
MEASURES = (
    "asm", "contrast", "corr", "var", "idm", "savg", "svar", "sent", "ent", "dvar", "dent", "imcorr1", "imcorr2",
    "maxcorr", "diss", "inertia", "shade", "prom",
)  # fmt: skip
_PLACES = {name: (g, i) for g, group in enumerate(texture.GROUPS) for i, name in enumerate(group)}
Offsets = list[tuple[int, int]]


def glcm_texture(image: Image, size: int, kernel: Kernel | None, average: bool) -> Image:
    """18 measures for each band, `B_asm` … `B_prom`; without averaging 18 for each direction, `B_asm_x_y`.

    Masked where the centre is, and where no pair in the window is valid.
    """
    who = "Image.glcmTexture"
    if size < 1:
        raise EngineError(f"{who}: size must be at least 1 (a 3x3 window), but is {size}.")
    offsets = _offsets(kernel, who)
    sets = [("", offsets)] if average else [(f"_{x}_{y}", [(x, y)]) for x, y in offsets]
    made: list[Band] = []
    for band in image.bands:
        require_integer(band, who)
        for suffix, chosen in sets:
            made += _measures(band, size, chosen, suffix)
    return image.with_bands(made)


def _offsets(kernel: Kernel | None, who: str) -> Offsets:
    if kernel is None:
        return texture.directions(np.ones((3, 3)), 1, 1)
    if kernel.in_metres:
        raise EngineError(f"{who}: the kernel must be given in pixels.")
    weights = kernel.at(1.0)
    offsets = texture.directions(weights.weights, weights.x, weights.y)
    if not offsets:
        raise EngineError(f"{who}: the kernel has no non-zero weight besides its centre. Use ee.Kernel.square(1).")
    return offsets


def _measures(band: Band, size: int, offsets: Offsets, suffix: str) -> list[Band]:
    """The band's measures. Those computed together share a plan, so that only what is asked for is computed."""
    wholes = [
        Around(_group(size, offsets, g), (band.plan,), lambda grid: (size, size)) for g in range(len(texture.GROUPS))
    ]
    nothing = Around(_nothing, (band.plan,), lambda grid: (0, 0))

    def plan(name: str) -> Plan:
        return Part(wholes[_PLACES[name][0]], _PLACES[name][1]) if name in _PLACES else nothing

    return [Band(f"{band.name}_{n}{suffix}", DOUBLE, plan(n), band.projection, band.window) for n in MEASURES]


def _group(size: int, offsets: Offsets, group: int) -> Callable[[GeoBox, Pixels], list[Pixels]]:
    def apply(grid: GeoBox, padded: Pixels) -> list[Pixels]:
        measures, found = texture.glcm(padded.data, valid(padded.mask), size, offsets, group)
        mask = both(inner(padded, grid).mask, found)
        return [Pixels(m, mask) for m in measures]

    return apply


def _nothing(grid: GeoBox, pixels: Pixels) -> Pixels:
    return Pixels(np.zeros(grid.shape), np.zeros(grid.shape, bool))


TABLE: dict[str, Callable[..., Any]] = {"Image.glcmTexture": glcm_texture}

NOTES: dict[str, str] = {
    "Image.glcmTexture": "Symmetric matrix, natural logarithms, pairs inside the window only; corr is 0 where a window "
    "has one grey level; svar is taken about savg; maxcorr is masked; without averaging bands end in _x_y.",
}
