"""What can be chosen about the features, each choice with its default."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, fields
from typing import Any

CHOICES: dict[str, tuple[Any, ...]] = {
    "hemisphere": (None, "north", "south"),
    "ndwi": ("xu", "mcfeeters"),
    "lswi_nir": ("B8A", "B8"),
    "ndri": ("swir2_nir", "swir1_nir", "swir1_green"),
    "tasseled_cap": ("six", "toa"),
    "radar": (True, False),
    "orbit": (None, "ASCENDING", "DESCENDING"),
    "speckle": (None, "lee", "refined_lee", "gamma_map", "multitemporal"),
    "dem": (None, "nasadem", "glo30"),
    "slope": ("horn", "ee4"),
    "aspect": ("raw", "sincos"),
    "fallback": (True, False),
    "snow": (True, False),
}
CLOUDS = ("cloud_score", "scl", "s2cloudless")
LIGHTS = (None, "annual", "monthly")


@dataclass(frozen=True)
class Options:
    """Every choice, checked. The defaults make the 112 bands of the catalogue. In text None is written `none`.

    hemisphere: whose seasons: `north`, `south`, or None to look where the region lies.
    fallback: whether pixels without an observation take the same season of the years before and after.
    clouds: who must call a pixel clear: any of `cloud_score`, `scl`, `s2cloudless`; None keeps all pixels.
    clear: Cloud Score+ (cs_cdf) from which a pixel is clear, 0…1.
    snow: whether pixels that the scene classification calls snow are kept.
    ndwi: NDWI of green and SWIR1 (`xu`), or of green and NIR (`mcfeeters`).
    lswi_nir: the near infrared of LSWI; with `B8` it is −NDBI exactly.
    ndri: the two bands of the rock index.
    tasseled_cap: six bands of surface reflectance (`six`), or thirteen at the top of the atmosphere (`toa`).
    radar: whether Sentinel-1 is read; without it the bands of radar are empty.
    orbit: `ASCENDING`, `DESCENDING`, or None for the direction with more scenes in the year.
    relative_orbit: one relative orbit of Sentinel-1, 1…175, or None for all.
    speckle: filter of the radar: `lee`, `refined_lee`, `gamma_map`, `multitemporal`, or None.
    dem: `nasadem` (of 2000) or `glo30` (Copernicus, 2011–2015); None leaves the bands of terrain empty.
    slope: slope and aspect from eight neighbours (`horn`), or from four as Earth Engine (`ee4`).
    aspect: degrees (`raw`), or sine and cosine (`sincos`), which makes 113 bands.
    lights: VIIRS `annual` or `monthly`, or the asset id of a Luojia-1 raster; None leaves the band empty.
    """

    hemisphere: str | None = None
    fallback: bool = True
    clouds: tuple[str, ...] = ("cloud_score",)
    clear: float = 0.60
    snow: bool = True
    ndwi: str = "xu"
    lswi_nir: str = "B8A"
    ndri: str = "swir2_nir"
    tasseled_cap: str = "six"
    radar: bool = True
    orbit: str | None = None
    relative_orbit: int | None = None
    speckle: str | None = None
    dem: str | None = "nasadem"
    slope: str = "horn"
    aspect: str = "raw"
    lights: str | None = "annual"

    def __post_init__(self) -> None:
        object.__setattr__(self, "clouds", _listed(self.clouds))
        for name, allowed in CHOICES.items():
            _one_of(name, getattr(self, name), allowed)
        for source in self.clouds:
            _one_of("clouds", source, CLOUDS)
        if not 0 <= self.clear <= 1:
            raise ValueError(f"clear={self.clear!r} is not a score. Choose a number from 0 to 1.")
        if self.relative_orbit is not None and self.relative_orbit not in range(1, 176):
            raise ValueError(f"relative_orbit={self.relative_orbit!r} does not exist. Choose 1 to 175, or None.")
        if not self.luojia:
            _one_of("lights", self.lights, LIGHTS, " or the asset id of a Luojia-1 raster")

    @property
    def luojia(self) -> str | None:
        """The asset id of the Luojia-1 raster, if one is read."""
        return self.lights if self.lights and "/" in self.lights else None


def chosen(**given: Any) -> Options:
    """The options with these names set; an unknown name is refused with the nearest one."""
    known = [f.name for f in fields(Options)]
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Choose from {', '.join(known)}."
            raise ValueError(f"There is no option {name!r}. {hint}")
    return Options(**given)


def _listed(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def _one_of(name: str, value: Any, allowed: tuple[Any, ...], more: str = "") -> None:
    if value not in allowed:
        raise ValueError(f"{name}={value!r} is not a choice. Choose from {', '.join(map(repr, allowed))}{more}.")
