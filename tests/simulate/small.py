"""A small land of known patches for the tests of scenes: no painting, no rules."""

from typing import Any

import numpy as np

from pipeline.simulate.district import FINE, MATERIALS, Land, Place

SIDE = 1000
PLACE = Place(SIDE)
PATCHES = ("grass", "soil", "coal", "roof_bright", "conifer", "crop", "water", "overburden", "young_grass", "asphalt")
USE = {"grass": 1, "conifer": 1, "crop": 1, "water": 2, "roof_bright": 3, "asphalt": 3, "soil": 4, "coal": 5}
USE |= {"overburden": 5, "young_grass": 6}


def land(
    material: Any = None, elevation: Any = None, before: Any = None, place: Place = PLACE, year: int = 2021
) -> Land:
    """Flat, dry, of middling vigour; `material` is a name, an array, or stripes of PATCHES from west to east."""
    fine, shape = place.shape(FINE), place.shape()
    if material is None:
        material = np.array([MATERIALS.index(m) for m in PATCHES], np.uint8)
        material = np.broadcast_to(np.repeat(material, fine[1] // len(PATCHES)), fine)
    elif isinstance(material, str):
        material = np.full(fine, MATERIALS.index(material))
    codes = np.array([USE.get(m, 1) for m in MATERIALS], np.uint8)
    flat = np.full(shape, 1300, np.float32)
    half = np.full(shape, 0.5, np.float32)
    return Land(
        year,
        place,
        codes[material],
        np.ascontiguousarray(material, np.uint8),
        flat if elevation is None else np.asarray(elevation, np.float32),
        flat if before is None else np.asarray(before, np.float32),
        half,
        half * 0.6,
    )


def stripe(name: str) -> tuple[slice, slice]:
    """The pixels well inside the stripe of a material."""
    width = PLACE.shape()[1] // len(PATCHES)
    start = PATCHES.index(name) * width
    return slice(None), slice(start + 2, start + width - 2)


def hill(height: float = 60, spread: float = 15, shape: tuple[int, int] = PLACE.shape()) -> Any:
    """A round hill in the middle of flat ground, in metres; `spread` in pixels."""
    y, x = (np.arange(n) - (n - 1) / 2 for n in shape)
    return 1300 + height * np.exp(-(y[:, None] ** 2 + x[None] ** 2) / (2 * spread**2))
