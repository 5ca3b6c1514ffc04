"""GLCM texture (asm, contrast, corr, idm, ent; 7 × 7; mean of four directions) against two peers; 1 and 2 threads.

scikit-image computes window by window: 400 windows are timed and extrapolated to the image. Orfeo ToolBox (Debian's
otb-bin; left out where it is not installed) runs its Haralick application once a direction, on two threads. Its
pairs reach beyond the window, so the two are compared by rank; its correlation is divided by the variance a second
time, which changes ranks too. One run, same pixels.
"""

import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import rasterio
from _timing import seconds
from affine import Affine
from scipy import ndimage, stats
from skimage.feature import graycomatrix, graycoprops

from pipeline.engine.kernels import texture

SIDE, SIZE, LEVELS, WINDOWS = 1000, 3, 64, 400
OFFSETS = texture.directions(np.ones((3, 3)), 1, 1)
ANGLES = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
PROPERTIES = ("ASM", "contrast", "correlation", "homogeneity", "entropy")
ORFEO = "otbcli_HaralickTextureExtraction"
ORFEO_BANDS = [0, 4, 2, 3, 1]  # of its simple set, in the order of PROPERTIES


def picture() -> np.ndarray:
    """A smooth texture with noise, in LEVELS grey levels, padded by the window's half."""
    rng = np.random.default_rng(0)
    smooth = (
        ndimage.gaussian_filter(rng.normal(size=(SIDE + 2 * SIZE,) * 2), 4) * 8
        + rng.normal(size=(SIDE + 2 * SIZE,) * 2) / 4
    )
    ranks = smooth.ravel().argsort().argsort().reshape(smooth.shape)
    return (ranks * LEVELS // smooth.size).astype(np.uint8)


def ours(values: np.ndarray) -> np.ndarray:
    ok = np.ones(values.shape, bool)
    moments, _ = texture.glcm(values, ok, SIZE, OFFSETS, 0)
    matrix, _ = texture.glcm(values, ok, SIZE, OFFSETS, 1)
    return np.stack([matrix[0], moments[0], moments[1], moments[3], matrix[1]])


def halves(values: np.ndarray) -> np.ndarray:
    middle = SIDE // 2
    with ThreadPoolExecutor(2) as pool:
        parts = pool.map(ours, [values[: middle + 2 * SIZE], values[middle:]])
        return np.concatenate(list(parts), axis=1)


def theirs(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    found = []
    for y, x in places:
        window = values[y : y + 2 * SIZE + 1, x : x + 2 * SIZE + 1]
        matrix = graycomatrix(window, [1], ANGLES, levels=LEVELS, symmetric=True, normed=True)
        found.append([graycoprops(matrix, p).mean() for p in PROPERTIES])
    return np.array(found).T


def orfeo(values: np.ndarray) -> np.ndarray:
    """Its five measures of the inner pixels, the mean of four directions."""
    with tempfile.TemporaryDirectory() as temporary:
        image, result = Path(temporary, "in.tif"), Path(temporary, "out.tif")
        shape = {"width": values.shape[1], "height": values.shape[0], "count": 1, "dtype": "uint8"}
        with rasterio.open(image, "w", driver="GTiff", transform=Affine(10, 0, 0, 0, -10, 0), **shape) as file:
            file.write(values[None])
        total = np.zeros((len(PROPERTIES), SIDE, SIDE))
        for dx, dy in ((1, 0), (1, 1), (0, 1), (1, -1)):
            given = {"xrad": SIZE, "yrad": SIZE, "xoff": dx, "yoff": dy, "min": 0, "max": LEVELS, "nbbin": LEVELS}
            parameters = [part for name, value in given.items() for part in (f"-parameters.{name}", str(value))]
            command = [ORFEO, "-in", str(image), *parameters, "-texture", "simple", "-out", str(result), "float"]
            threads = {**os.environ, "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "2"}
            subprocess.run(command, check=True, capture_output=True, env=threads)
            with rasterio.open(result) as file:
                total += file.read([b + 1 for b in ORFEO_BANDS])[:, SIZE:-SIZE, SIZE:-SIZE]
        return total / 4


def compare_with_orfeo(values: np.ndarray, found: np.ndarray, two: float) -> None:
    took, expected = seconds(orfeo, values, repeat=1)
    ranks = [stats.spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(found, expected, strict=True)]
    print(f"Orfeo ToolBox {took:.1f} s on two threads")
    print("rank correlation with it: " + ", ".join(f"{p} {r:.4f}" for p, r in zip(PROPERTIES, ranks, strict=True)))
    print(f"ratio to Orfeo ToolBox on two threads: {took / two:.0f}")


def main() -> None:
    values = picture()
    ours(values[:50, :50])  # compile
    one, found = seconds(ours, values)
    two, again = seconds(halves, values)
    places = np.random.default_rng(1).integers(0, SIDE, (WINDOWS, 2))
    slow, expected = seconds(theirs, values, places, repeat=1)
    whole = slow / WINDOWS * SIDE * SIDE
    difference = np.abs(found[:, places[:, 0], places[:, 1]] - expected).max(axis=1)
    assert np.array_equal(found, again)
    print(f"{SIDE} x {SIDE}, {LEVELS} levels, 1 thread {one:.3f} s, 2 threads {two:.3f} s: {one / two:.2f} x")
    print(f"scikit-image {slow:.2f} s for {WINDOWS} windows, {whole:.0f} s extrapolated")
    print("largest difference: " + ", ".join(f"{p} {d:.1e}" for p, d in zip(PROPERTIES, difference, strict=True)))
    print(f"ratio to scikit-image on one thread: {whole / one:.0f}")
    if shutil.which(ORFEO):
        compare_with_orfeo(values, found, two)
    else:
        print(f"Orfeo ToolBox left out: {ORFEO} is not installed (Debian: apt install otb-bin)")


if __name__ == "__main__":
    main()
