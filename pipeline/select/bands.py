"""What a band is: its feature, its group, its season. A name that the catalogue lacks is a feature of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from features.catalog import COMPONENTS, FEATURES
from features.catalog import SEASONS as SEASONS

WHOLE_YEAR = "whole year"
OTHER = "other"

# Okabe and Ito's colours, told apart by colour-blind readers too.
COLOURS = {
    "spectral": "#0072B2",
    "index": "#56B4E9",
    "tasseled cap": "#009E73",
    "texture": "#E69F00",
    "radar": "#D55E00",
    "terrain": "#CC79A7",
    "night light": "#F0E442",
    OTHER: "#999999",
}
MEANING = {
    "spectral": "colours of light (Sentinel-2)",
    "index": "ratios of colours (Sentinel-2)",
    "tasseled cap": "brightness, greenness, wetness (Sentinel-2)",
    "texture": "roughness of the image (Sentinel-2)",
    "radar": "radar (Sentinel-1)",
    "terrain": "height and slope",
    "night light": "light at night",
    OTHER: "other",
}
GLOSS = {
    "NIR": "near infrared",
    "RE1": "red edge 1",
    "RE2": "red edge 2",
    "RE3": "red edge 3",
    "RE4": "red edge 4",
    "SWIR1": "infrared",
    "SWIR2": "infrared",
    "NDVI": "greenness",
    "EVI": "greenness",
    "NDWI": "water",
    "LSWI": "moisture",
    "NDBI": "built-up",
    "RRI": "rock",
    "NDRI": "rock",
    "asm": "evenness",
    "ent": "disorder",
    "contrast": "roughness",
    "idm": "smoothness",
    "corr": "regularity",
    "VV": "radar",
    "VH": "radar",
    "NTL": "night light",
}
SOURCES = {
    "spectral": "Sentinel-2",
    "index": "Sentinel-2",
    "tasseled cap": "Sentinel-2",
    "texture": "Sentinel-2",
    "radar": "Sentinel-1",
    "terrain": "terrain",
    "night light": "night light",
    OTHER: "other features",
}


@dataclass(frozen=True)
class Band:
    """A band: its name in the table, its feature without the season, group and season."""

    name: str
    feature: str
    group: str
    season: str

    @property
    def label(self) -> str:
        """The band in words: `NDVI (greenness), summer`."""
        name = glossed(self.feature)
        return name if self.season == WHOLE_YEAR else f"{name}, {self.season}"


def glossed(feature: str) -> str:
    """The feature's name with what it tells of: `NDVI (greenness)`."""
    return f"{feature} ({GLOSS[feature]})" if feature in GLOSS else feature


def described(names: Sequence[str]) -> tuple[Band, ...]:
    """The bands of these names, in the same order."""
    groups = {f.name: f.group for f in (*FEATURES, *COMPONENTS)}
    found = []
    for name in names:
        season, _, rest = name.partition("_")
        seasonal = season in SEASONS and bool(rest)
        feature = rest if seasonal else name
        found.append(Band(name, feature, groups.get(feature, OTHER), season if seasonal else WHOLE_YEAR))
    return tuple(found)
