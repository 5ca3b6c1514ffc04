"""Slope, aspect and hillshade of 4000 × 4000 elevations against the same formulas in NumPy, and against a copy.

The copy is the floor: elevations in, three bands out, nothing computed. One run, same pixels, one thread.
"""

import numpy as np
from _timing import seconds
from scipy import ndimage

from pipeline.engine.kernels import terrain

SIDE, CELL = 4000, 30.0


def ours(z: np.ndarray) -> list[np.ndarray]:
    sizes = np.full(z.shape[0] - 2, CELL)
    return [terrain.surface(z, sizes, sizes, product) for product in ("slope", "aspect", "hillshade")]


def with_numpy(z: np.ndarray) -> list[np.ndarray]:
    p = (z[1:-1, 2:] - z[1:-1, :-2]) / (2 * CELL)
    q = (z[:-2, 1:-1] - z[2:, 1:-1]) / (2 * CELL)
    slope, aspect = np.arctan(np.hypot(p, q)), np.arctan2(-p, -q)
    light = np.sqrt(0.5) * np.cos(slope) + np.sqrt(0.5) * np.sin(slope) * np.cos(np.radians(270) - aspect)
    return [np.degrees(slope), np.degrees(aspect) % 360, 255 * np.maximum(light, 0)]


def floor(z: np.ndarray) -> list[np.ndarray]:
    return [z[1:-1, 1:-1].copy() for _ in range(3)]


def main() -> None:
    noise = np.random.default_rng(0).normal(size=(SIDE + 2, SIDE + 2)).astype(np.float32)
    z = ndimage.gaussian_filter(noise, 5) * 2000
    ours(z[:10, :10])  # compile
    fast, found = seconds(ours, z)
    slow, expected = seconds(with_numpy, z)
    least, _ = seconds(floor, z)
    apart = np.abs(found[1] - expected[1])
    print(f"{SIDE} x {SIDE}: {fast:.2f} s, NumPy {slow:.2f} s, copy {least:.2f} s ({fast / least:.1f} x the copy)")
    print(
        f"largest differences: slope {np.abs(found[0] - expected[0]).max():.1e} degrees, "
        f"aspect {np.minimum(apart, 360 - apart).max():.1e}, hillshade {np.abs(found[2] - expected[2]).max():.1e}"
    )
    print(f"ratio to NumPy: {slow / fast:.1f}")


if __name__ == "__main__":
    main()
