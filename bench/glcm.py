"""GLCM texture (asm, contrast, corr, idm, ent; 7 × 7; mean of four directions) against scikit-image; 1 and 2 threads.

scikit-image computes window by window: 400 windows are timed and extrapolated to the image. One run, same pixels.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from _timing import seconds
from scipy import ndimage
from skimage.feature import graycomatrix, graycoprops

from pipeline.engine.kernels import texture

SIDE, SIZE, LEVELS, WINDOWS = 1000, 3, 64, 400
OFFSETS = texture.directions(np.ones((3, 3)), 1, 1)
ANGLES = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
PROPERTIES = ("ASM", "contrast", "correlation", "homogeneity", "entropy")


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


if __name__ == "__main__":
    main()
