"""The one list of what is measured: 31 codes, and the 112 bands they make over four seasons.

Formulas use Sentinel-2's band names; reflectance is 0…1 everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

SEASONS = ("spring", "summer", "autumn", "winter")


@dataclass(frozen=True)
class Feature:
    """One code: its name, group, formula, unit, and the range that its values lie in."""

    code: int
    name: str
    group: str
    formula: str
    unit: str
    low: float
    high: float
    seasonal: bool = True


@dataclass(frozen=True)
class Band:
    """One band of the stack: a feature in a season, or in none."""

    name: str
    feature: Feature
    season: str | None = None


def _optical(code: int, name: str, band: str) -> Feature:
    return Feature(code, name, "spectral", band, "reflectance", 0, 1.6)


def _texture(code: int, name: str, formula: str, high: float, low: float = 0) -> Feature:
    return Feature(code, name, "texture", formula, "1", low, high)


FEATURES = (
    _optical(1, "blue", "B2"),
    _optical(2, "green", "B3"),
    _optical(3, "red", "B4"),
    _optical(4, "NIR", "B8"),
    _optical(5, "RE1", "B5"),
    _optical(6, "RE2", "B6"),
    _optical(7, "RE3", "B7"),
    _optical(8, "RE4", "B8A"),
    _optical(9, "SWIR1", "B11"),
    _optical(10, "SWIR2", "B12"),
    Feature(11, "NDVI", "index", "(B8 − B4) / (B8 + B4)", "1", -1, 1),
    Feature(12, "EVI", "index", "2.5 (B8 − B4) / (B8 + 6 B4 − 7.5 B2 + 1), clipped to −1…1", "1", -1, 1),
    Feature(13, "NDWI", "index", "(B3 − B11) / (B3 + B11)", "1", -1, 1),
    Feature(14, "LSWI", "index", "(B8A − B11) / (B8A + B11)", "1", -1, 1),
    Feature(15, "NDBI", "index", "(B11 − B8) / (B11 + B8)", "1", -1, 1),
    Feature(16, "RRI", "index", "B2 / B8, clipped to 0…5", "1", 0, 5),
    Feature(17, "NDRI", "index", "(B12 − B8) / (B12 + B8)", "1", -1, 1),
    Feature(18, "brightness", "tasseled cap", "tasseled cap, first axis", "1", -1, 5),
    Feature(19, "greenness", "tasseled cap", "tasseled cap, second axis", "1", -3, 3),
    Feature(20, "wetness", "tasseled cap", "tasseled cap, third axis", "1", -3, 3),
    _texture(21, "asm", "Σ p²", 1),
    _texture(22, "ent", "−Σ p ln p", 8.4),
    _texture(23, "contrast", "Σ (i − j)² p", 3969),
    _texture(24, "idm", "Σ p / (1 + (i − j)²)", 1),
    _texture(25, "corr", "(Σ i j p − μx μy) / (σx σy)", 1, -1),
    Feature(26, "VV", "radar", "10 log10 of the mean power, VV", "dB", -60, 30),
    Feature(27, "VH", "radar", "10 log10 of the mean power, VH", "dB", -60, 30),
    Feature(28, "elevation", "terrain", "height above the geoid", "m", -500, 9000, seasonal=False),
    Feature(29, "slope", "terrain", "atan √(p² + q²)", "degree", 0, 90, seasonal=False),
    Feature(30, "aspect", "terrain", "atan2(−p, −q), clockwise from north", "degree", 0, 360, seasonal=False),
    Feature(31, "NTL", "night light", "radiance at night", "nW cm⁻² sr⁻¹", -2, 10_000, seasonal=False),
)

_ASPECT = FEATURES[29]
COMPONENTS = tuple(
    Feature(30, f"aspect_{name}", "terrain", f"{name} of aspect, 0 where slope < 1°", "1", -1, 1, seasonal=False)
    for name in ("sin", "cos")
)


def bands(aspect: str = "raw") -> tuple[Band, ...]:
    """The bands in their order: all seasonal features season by season, then those without; 112 with raw aspect."""
    seasonal = tuple(Band(f"{s}_{f.name}", f, s) for s in SEASONS for f in FEATURES if f.seasonal)
    static = [f for f in FEATURES if not f.seasonal]
    if aspect == "sincos":
        at = static.index(_ASPECT)
        static[at : at + 1] = COMPONENTS
    return (*seasonal, *(Band(f.name, f) for f in static))


def names(aspect: str = "raw") -> tuple[str, ...]:
    """The names of the bands in their order."""
    return tuple(b.name for b in bands(aspect))


BANDS = bands()
COUNTS = tuple(f"{season}_{kind}" for season in SEASONS for kind in ("optical", "radar"))
"""The bands of `features.observations`."""


class Table(tuple[Feature, ...]):
    """Features that print as a table, in a notebook and anywhere else."""

    def __str__(self) -> str:
        """The table as Markdown."""
        head = ("code", "name", "group", "formula", "unit", "range", "bands")
        rows = [head, ("--:",) + (":--",) * 6, *map(_row, self)]
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)

    _repr_markdown_ = __str__


def _row(feature: Feature) -> tuple[str, ...]:
    extent = f"{feature.low:g}…{feature.high:g}".replace("-", "−")
    name = f"*season*_{feature.name}" if feature.seasonal else feature.name
    return str(feature.code), feature.name, feature.group, feature.formula, feature.unit, extent, name


def describe() -> Table:
    """The table of all features: code, name, group, formula, unit, range, and what its bands are called."""
    return Table(FEATURES)
