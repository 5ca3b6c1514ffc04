"""Draws docs/pictures/district-*.jpg from what `minecover simulate DIR --years 2` left in DIR.

    python docs/draw_district.py DIR [DATA]

DATA is a folder with the Lesotho points and the TerraMesh sample; numbers measured in them are drawn beside ours.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import rasterio
from PIL import Image, ImageColor, ImageDraw
from scipy import ndimage

from pipeline.simulate.district import CLASSES, COLOURS

SIDE, GAP, HEAD, QUALITY = 440, 8, 22, 74
SCL = [
    "#000000",
    "#ff0004",
    "#454545",
    "#7a4a1e",
    "#3ea33e",
    "#e0cf7a",
    "#2d52d6",
    "#8d8d8d",
    "#bfbfbf",
    "#ffffff",
    "#7fd0ff",
    "#f3a4f0",
]
Picture = Image.Image


class District:
    """The images of a simulated district, read as they are asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.archive = folder / "archive"

    def indices(self, collection: str) -> list[str]:
        """All images of a collection, in the order of their names."""
        return sorted(p.name for p in (self.archive / collection).iterdir() if p.is_dir())

    def properties(self, collection: str, index: str) -> dict[str, Any]:
        """What an image says of itself."""
        found: dict[str, Any] = json.loads((self.archive / collection / index / f"{index}.json").read_text())
        return found["properties"]

    def bands(self, asset: str, *names: str) -> np.ndarray:
        """Bands of an image, all on the grid of the first: a coarser band is repeated."""
        found: dict[str, np.ndarray] = {}
        for path in (self.archive / asset).glob("*.tif"):
            with rasterio.open(path) as file:
                found |= {n: file.read(i) for i, n in enumerate(file.descriptions, 1) if n in names}
        shape = found[names[0]].shape
        return np.stack([np.kron(f, np.ones((shape[0] // f.shape[0],) * 2, f.dtype)) for f in map(found.get, names)])

    def truth(self, year: int) -> np.ndarray:
        """The map of what is true."""
        with rasterio.open(self.folder / f"truth_{year}.tif") as file:
            return file.read(1)

    def clearest(self, months: Sequence[int]) -> str:
        """The Sentinel-2 image of these months with the least cloud."""
        return min(self.of(months), key=lambda i: self.properties(OPTICAL, i)["CLOUDY_PIXEL_PERCENTAGE"])

    def half_cloudy(self, months: Sequence[int]) -> str:
        """The Sentinel-2 image of these months with cloud over about a third."""
        return min(self.of(months), key=lambda i: abs(self.properties(OPTICAL, i)["CLOUDY_PIXEL_PERCENTAGE"] - 35))

    def snowiest(self) -> str:
        """The Sentinel-2 image with the most snow."""
        return max(self.indices(OPTICAL), key=lambda i: self.properties(OPTICAL, i)["SNOW_ICE_PERCENTAGE"])

    def of(self, months: Sequence[int]) -> list[str]:
        """The Sentinel-2 images of these months."""
        return [i for i in self.indices(OPTICAL) if int(i[4:6]) in months]


OPTICAL, RADAR = "COPERNICUS/S2_SR_HARMONIZED", "COPERNICUS/S1_GRD"
SCORE = "GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED"


def colours(bands: np.ndarray, most: float, gamma: float = 1.3) -> Picture:
    """Reflectance × 10000 of three bands as a picture."""
    share = np.clip(np.moveaxis(bands.astype(float), 0, -1) / 10_000 / most, 0, 1)
    return Image.fromarray((255 * share ** (1 / gamma)).astype(np.uint8))


def grey(field: np.ndarray, low: float, high: float) -> Picture:
    """A field from black to white."""
    return Image.fromarray((255 * np.clip((field - low) / (high - low), 0, 1)).astype(np.uint8)).convert("RGB")


def coded(codes: np.ndarray, palette: Sequence[str]) -> Picture:
    """Codes in their colours."""
    return Image.fromarray(np.array([ImageColor.getrgb(c) for c in palette], np.uint8)[codes])


def shaded(elevation: np.ndarray) -> Picture:
    """Relief lit from the north-west."""
    south, east = np.gradient(elevation.astype(float), 30.0)
    return grey((1 - east * 0.9 - south * 0.9) / np.sqrt(1 + east**2 + south**2), 0.55, 1.35)


def lit(field: np.ndarray) -> Picture:
    """Radiance at night, from black over orange to white."""
    share = np.clip(np.log1p(field) / np.log1p(40), 0, 1)[..., None] * 3
    return Image.fromarray((255 * np.clip(share - np.array([0, 0.7, 1.7]), 0, 1)).astype(np.uint8))


def sheet(panels: Sequence[tuple[str, Picture]], columns: int = 2, sharp: bool = False) -> Picture:
    """Pictures side by side under their names; `sharp` shows pixels as squares."""
    rows = -(-len(panels) // columns)
    whole = Image.new("RGB", (columns * (SIDE + GAP) - GAP, rows * (SIDE + HEAD + GAP) - GAP), "white")
    pen = ImageDraw.Draw(whole)
    for n, (name, picture) in enumerate(panels):
        x, y = n % columns * (SIDE + GAP), n // columns * (SIDE + HEAD + GAP)
        pen.text((x + 2, y + 2), name, fill="black", font_size=15)
        smooth = Image.Resampling.NEAREST if sharp or picture.width < SIDE else Image.Resampling.BOX
        whole.paste(picture.convert("RGB").resize((SIDE, SIDE), smooth), (x, y + HEAD))
    return whole


def seasons(district: District) -> Picture:
    """The same ground in three seasons, and in false colour."""
    panels = []
    for name, months in (("early summer", (6, 7, 8)), ("winter", (12, 1)), ("spring", (4, 5))):
        index = district.clearest(months)
        panels.append((f"{name}: {day(index)}", colours(district.bands(f"{OPTICAL}/{index}", "B4", "B3", "B2"), 0.33)))
    median = composite(district, district.of((7, 8)), "B8", "B4", "B3")
    return sheet([*panels, ("July and August, clear median: near infrared, red, green", colours(median, 0.5))])


def composite(district: District, indices: Sequence[str], *bands: str) -> np.ndarray:
    """The median of what Cloud Score+ calls clear, as people make it."""
    stack = []
    for index in indices:
        clear = district.bands(f"{SCORE}/{index}", "cs_cdf")[0] >= 0.6 * 250
        stack.append(np.where(clear, district.bands(f"{OPTICAL}/{index}", *bands).astype(np.float32), np.nan))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # places that are never clear
        return np.nan_to_num(np.nanmedian(stack, axis=0))


def clouds(district: District) -> Picture:
    """Clouds, and what two products say of them; snow."""
    index = district.half_cloudy((6, 7, 8, 9))
    true = colours(district.bands(f"{OPTICAL}/{index}", "B4", "B3", "B2"), 0.5)
    scl = district.bands(f"{OPTICAL}/{index}", "SCL")[0]
    score = district.bands(f"{SCORE}/{index}", "cs_cdf")[0] / 250
    snow = district.snowiest()
    white = colours(district.bands(f"{OPTICAL}/{snow}", "B4", "B3", "B2"), 0.7)
    panels = [(f"clouds: {day(index)}", true), ("its scene classification", coded(scl, SCL))]
    return sheet([*panels, ("its Cloud Score+ (cs_cdf)", grey(score, 0, 1)), (f"snow: {day(snow)}", white)])


def radar(district: District) -> Picture:
    """Both looks of the radar, a mean over the year, and the elevation model."""
    panels, names = [], district.indices(RADAR)
    for direction in ("ASCENDING", "DESCENDING"):
        mine = [i for i in names if district.properties(RADAR, i)["orbitProperties_pass"] == direction]
        index = next(i for i in mine if i[21:23] == "07")
        vv = grey(district.bands(f"{RADAR}/{index}", "VV")[0], -20, -3)
        panels.append((f"VV, {direction.lower()}: {day(index[17:])}", vv))
    power = [10 ** (district.bands(f"{RADAR}/{i}", "VH")[0] / 10) for i in mine]
    panels.append((f"VH, mean of {len(power)} descending", grey(10 * np.log10(np.mean(power, 0)), -26, -12)))
    elevation = district.bands("NASA/NASADEM_HGT/001", "elevation")[0]
    return sheet([*panels, ("NASADEM, before mining, as relief", shaded(elevation))])


def maps(district: District) -> Picture:
    """What is true, in both years, and the lights."""
    palette = ["#ffffff", *(COLOURS[code] for code in CLASSES)]
    years = sorted(int(p.stem[-4:]) for p in district.folder.glob("truth_*.tif"))
    panels = [(f"truth: summer of {year}", coded(district.truth(year), palette)) for year in years]
    [light] = district.indices("NOAA/VIIRS/DNB/ANNUAL_V21")
    night = district.bands(f"NOAA/VIIRS/DNB/ANNUAL_V21/{light}", "average")[0]
    [tile] = district.indices("COPERNICUS/DEM/GLO30")
    surface = district.bands(f"COPERNICUS/DEM/GLO30/{tile}", "DEM")[0]
    return sheet([*panels, ("night lights", lit(night)), ("GLO30, with the mining of 2011 to 2015", shaded(surface))])


def detail(district: District, size: int = 160) -> Picture:
    """A mine from near, pixel by pixel."""
    where = crop_of_mine(district.truth(2021), size)
    panels = []
    for name, months in (("early summer", (6, 7, 8)), ("winter", (12, 1))):
        index = district.clearest(months)
        bands = district.bands(f"{OPTICAL}/{index}", "B4", "B3", "B2")[(slice(None), *where)]
        panels.append((f"{name}: {day(index)}", colours(bands, 0.33)))
    index = next(i for i in district.indices(RADAR) if i[21:23] == "07")
    panels.append(("VV", grey(district.bands(f"{RADAR}/{index}", "VV")[0][where], -22, -3)))
    panels.append(("truth", coded(district.truth(2021)[where], ["#ffffff", *(COLOURS[c] for c in CLASSES)])))
    return sheet(panels, sharp=True)


def crop_of_mine(truth: np.ndarray, size: int) -> tuple[slice, slice]:
    """Rows and columns around the place with most mine and restored land in equal parts."""
    wide = [ndimage.uniform_filter((truth == code).astype(np.float32), size, mode="constant") for code in (5, 6)]
    row, column = np.unravel_index(np.minimum(*wide).argmax(), truth.shape)
    top, left = (int(np.clip(n - size // 2, 0, truth.shape[0] - size)) for n in (row, column))
    return slice(top, top + size), slice(left, left + size)


def beside(district: District, data: Path) -> Any:
    """Measured numbers beside ours: greenness through the year in Lesotho, and radar of five TerraMesh chips."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(8.9, 3.4), layout="constrained")
    points = pd.read_parquet(data / "lesotho-s2-bimonthly-points" / "points_all.parquet")
    for code, name, colour in ((1, "Grassland", "tab:green"), (4, "Bare", "tab:brown")):
        theirs = points.loc[points["class_name"].str.startswith(name), [f"NDVI_{k}" for k in range(6)]] / 10_000
        halves = np.roll(theirs.quantile([0.25, 0.5, 0.75]).to_numpy(), 3, axis=1)  # six months later in the year
        ours = greenness(district, code)
        for low, middle, high, style, who in ((*halves, "--", "Lesotho"), (*ours, "-", "simulated")):
            left.plot(range(1, 12, 2), middle, style, color=colour, label=f"{name.lower()}, {who}")
            left.fill_between(range(1, 12, 2), low, high, color=colour, alpha=0.12)
    left.set(title="NDVI: median and quartiles", xlabel="month of the northern year", ylim=(0, 0.8))
    left.legend(fontsize=8, frameon=False)
    chips = [read_band(p, 1) for p in sorted((data / "terramesh-s1-s2-dem-lulc" / "S1RTC").glob("*.tif"))]
    index = next(i for i in district.indices(RADAR) if i[21:23] == "07")
    samples = (("five TerraMesh chips", np.concatenate([c.ravel() for c in chips]), "--"),
               ("simulated", district.bands(f"{RADAR}/{index}", "VV")[0].ravel(), "-"))  # fmt: skip
    for who, values, style in samples:
        share, edges = np.histogram(values[np.isfinite(values)], np.arange(-30, 10, 0.5), density=True)
        right.plot(edges[:-1] + 0.25, share, style, color="black", label=who)
    right.set(title="VV of one date, share of pixels per dB", xlabel="dB")
    right.legend(fontsize=8, frameon=False)
    return figure


def greenness(district: District, code: int) -> np.ndarray:
    """Quartiles of the NDVI of a class's clear pixels, for each two months of the year: (3, 6)."""
    truth = district.truth(2021) == code
    found = []
    for month in range(1, 12, 2):
        red, near = composite(district, district.of((month, month + 1)), "B4", "B8")
        ok = truth & (red + near > 0)
        found.append(np.quantile((near[ok] - red[ok]) / (near[ok] + red[ok]), (0.25, 0.5, 0.75)))
    return np.array(found).T


def read_band(path: Path, number: int) -> np.ndarray:
    """One band of a file."""
    with rasterio.open(path) as file:
        return file.read(number)


def day(index: str) -> str:
    """The date in the name of an image."""
    return f"{index[:4]}-{index[4:6]}-{index[6:8]}"


DRAWN: dict[str, Callable[[District], Picture]] = {
    "seasons": seasons,
    "clouds": clouds,
    "radar": radar,
    "maps": maps,
    "detail": detail,
}

if __name__ == "__main__":
    pictures = Path(__file__).with_name("pictures")
    pictures.mkdir(exist_ok=True)
    for name, draw in DRAWN.items():
        draw(District(Path(sys.argv[1]))).save(pictures / f"district-{name}.jpg", quality=QUALITY)
    if len(sys.argv) > 2:
        figure = beside(District(Path(sys.argv[1])), Path(sys.argv[2]))
        figure.savefig(pictures / "district-beside.jpg", pil_kwargs={"quality": QUALITY}, dpi=100)
