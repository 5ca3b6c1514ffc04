"""What ground and plants reflect in Sentinel-2's bands, how plants change through the year, and what being wet does.

The numbers lie inside ranges that spectral libraries and field campaigns give; docs/district.md names them. Nothing
here knows of land use: a spectrum belongs to a material, and several classes may be made of the same one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.simulate.district import NDArray

BANDS = ("B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12")
TEN_METRES = ("B2", "B3", "B4", "B8")
TWENTY_METRES = ("B5", "B6", "B7", "B8A", "B11", "B12")

SPECTRA: dict[str, tuple[float, ...]] = {
    # bare ground and rock, dry
    "soil": (0.110, 0.155, 0.205, 0.232, 0.252, 0.266, 0.282, 0.292, 0.362, 0.330),
    "sandstone": (0.125, 0.178, 0.248, 0.272, 0.288, 0.300, 0.312, 0.320, 0.388, 0.352),
    "shale": (0.085, 0.100, 0.115, 0.125, 0.131, 0.138, 0.145, 0.150, 0.190, 0.172),
    "overburden": (0.110, 0.146, 0.188, 0.208, 0.222, 0.233, 0.245, 0.253, 0.315, 0.287),
    "coal": (0.036, 0.039, 0.042, 0.045, 0.048, 0.050, 0.053, 0.056, 0.075, 0.082),
    "dust": (0.064, 0.076, 0.089, 0.097, 0.103, 0.108, 0.114, 0.118, 0.152, 0.146),
    # made by people
    "asphalt": (0.088, 0.100, 0.112, 0.119, 0.125, 0.130, 0.136, 0.140, 0.165, 0.155),
    "concrete": (0.195, 0.228, 0.258, 0.272, 0.281, 0.288, 0.296, 0.302, 0.335, 0.312),
    "roof_bright": (0.370, 0.385, 0.390, 0.392, 0.395, 0.398, 0.400, 0.400, 0.410, 0.370),
    "roof_red": (0.075, 0.096, 0.190, 0.232, 0.258, 0.270, 0.280, 0.286, 0.325, 0.280),
    "track": (0.128, 0.176, 0.228, 0.254, 0.272, 0.285, 0.300, 0.309, 0.372, 0.338),
    # water
    "water": (0.036, 0.042, 0.028, 0.022, 0.014, 0.013, 0.011, 0.009, 0.005, 0.004),
    "pond": (0.078, 0.108, 0.112, 0.100, 0.055, 0.050, 0.041, 0.034, 0.011, 0.007),
    # closed green cover
    "leaf_grass": (0.032, 0.066, 0.042, 0.105, 0.270, 0.330, 0.352, 0.370, 0.205, 0.100),
    "leaf_shrub": (0.036, 0.060, 0.048, 0.092, 0.205, 0.248, 0.265, 0.280, 0.192, 0.108),
    "leaf_conifer": (0.019, 0.034, 0.024, 0.055, 0.150, 0.182, 0.194, 0.206, 0.095, 0.046),
    "leaf_broadleaf": (0.023, 0.050, 0.029, 0.085, 0.270, 0.340, 0.360, 0.380, 0.185, 0.084),
    "leaf_crop": (0.026, 0.060, 0.031, 0.095, 0.320, 0.410, 0.430, 0.450, 0.205, 0.094),
    # plants out of season
    "straw": (0.088, 0.122, 0.165, 0.198, 0.228, 0.250, 0.270, 0.288, 0.365, 0.262),
    "twigs": (0.058, 0.076, 0.100, 0.120, 0.148, 0.166, 0.182, 0.196, 0.245, 0.182),
    # frozen water
    "snow": (0.800, 0.800, 0.795, 0.785, 0.775, 0.765, 0.750, 0.730, 0.105, 0.085),
    "ice": (0.200, 0.205, 0.190, 0.175, 0.155, 0.145, 0.125, 0.110, 0.030, 0.022),
}  # fmt: skip


@dataclass(frozen=True)
class Matter:
    """How a ground material varies: relative deviation of its brightness (`bright`) and of its redness (`tilt`), the
    share of that between neighbouring pixels (`grain`), and how far it darkens when wet (0…1)."""

    bright: float
    tilt: float
    grain: float
    porous: float


MATTER = {
    "soil": Matter(0.11, 0.05, 0.35, 1.0),
    "sandstone": Matter(0.17, 0.10, 0.55, 0.8),
    "shale": Matter(0.20, 0.06, 0.55, 0.6),
    "overburden": Matter(0.16, 0.08, 0.60, 0.9),
    "coal": Matter(0.25, 0.05, 0.60, 0.4),
    "dust": Matter(0.22, 0.05, 0.50, 0.7),
    "asphalt": Matter(0.15, 0.03, 0.50, 0.3),
    "concrete": Matter(0.18, 0.05, 0.70, 0.4),
    "roof_bright": Matter(0.28, 0.08, 0.85, 0.0),
    "roof_red": Matter(0.22, 0.12, 0.85, 0.1),
    "track": Matter(0.10, 0.05, 0.40, 0.9),
    "water": Matter(0.15, 0.10, 0.10, 0.0),
    "pond": Matter(0.25, 0.12, 0.10, 0.0),
}

WET = np.array([0.52, 0.53, 0.55, 0.56, 0.58, 0.59, 0.60, 0.60, 0.52, 0.43], np.float32)
"""What is left of the reflectance of a porous ground when it is soaked."""
TILT = np.array([-1.0, -0.55, 0.15, 0.35, 0.45, 0.5, 0.5, 0.5, 0.4, 0.2], np.float32)
"""How a redder than usual ground differs, band by band."""


@dataclass(frozen=True)
class Plant:
    """A kind of plant cover and its year.

    Foliage at its best covers `sparse` (vigour 0) to `dense` (vigour 1) of a square painted with it. The green part
    of it rises from `winter` to 1 around the day of the year `start` within some `rise` days before and after, and
    falls around `end` within `fall`. `dry` of what is not green stands there as `litter`. `thirst` says how far a dry
    year thins it (0…1), `on_dump` how much of the ground below is broken rock; the rest is soil.
    """

    leaf: str
    litter: str
    sparse: float
    dense: float
    winter: float
    start: float
    rise: float
    end: float
    fall: float
    dry: float
    thirst: float
    on_dump: float = 0.0


PLANTS = {
    "grass": Plant("leaf_grass", "straw", 0.26, 0.88, 0.03, 156, 26, 262, 14, 0.60, 1.0),
    "shrub": Plant("leaf_shrub", "twigs", 0.28, 0.80, 0.06, 138, 19, 277, 14, 0.50, 0.7),
    "conifer": Plant("leaf_conifer", "twigs", 0.42, 0.90, 0.86, 125, 20, 300, 20, 0.30, 0.2),
    "broadleaf": Plant("leaf_broadleaf", "twigs", 0.35, 0.92, 0.04, 124, 11, 283, 10, 0.50, 0.3),
    "crop": Plant("leaf_crop", "straw", 0.50, 0.95, 0.01, 177, 15, 258, 8, 0.28, 0.3),
    "young_grass": Plant("leaf_grass", "straw", 0.24, 0.90, 0.03, 145, 24, 269, 15, 0.50, 0.9, 0.35),
    "sapling": Plant("leaf_shrub", "twigs", 0.28, 0.80, 0.16, 138, 20, 279, 14, 0.45, 0.6, 0.35),
}  # fmt: skip


def spectrum(name: str) -> NDArray:
    """Reflectance (0…1) in the order of BANDS, float32."""
    return np.array(SPECTRA[name], np.float32)


def greenness(plant: Plant, day: NDArray | float) -> NDArray:
    """The green part of full foliage on a day of the year: between `plant.winter` and 1."""
    rising = 1 / (1 + np.exp(-(np.asarray(day, np.float32) - plant.start) / plant.rise * 2))
    falling = 1 / (1 + np.exp((np.asarray(day, np.float32) - plant.end) / plant.fall * 2))
    return np.asarray(plant.winter + (1 - plant.winter) * rising * falling, np.float32)


def foliage(plant: Plant, day: float, vigour: NDArray, growth: float) -> tuple[NDArray, NDArray]:
    """The shares of the ground under green leaves and under dry ones; `growth` is 1 in a year of usual rain."""
    best = plant.sparse + (plant.dense - plant.sparse) * vigour
    best = np.minimum(best * (1 + (growth - 1) * plant.thirst), 0.97)
    green = best * greenness(plant, day + 10 * (vigour - 0.5))
    dry = (best - green) * plant.dry
    return green.astype(np.float32), dry.astype(np.float32)
