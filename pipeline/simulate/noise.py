"""Random surfaces, changes of grid and distances: the arithmetic that all painting of the district shares."""

from __future__ import annotations

import zlib

import numpy as np
from scipy import fft, ndimage

from pipeline.simulate.district import FINE, PIXEL, NDArray

FACTOR = round(PIXEL / FINE)


def named(seed: int, *names: object) -> np.random.Generator:
    """A generator of its own for everything that has a name, so that one change does not stir all the rest."""
    return np.random.default_rng([seed, *(zlib.crc32(str(name).encode()) for name in names)])


def fractal(shape: tuple[int, int], longest: float, rng: np.random.Generator, roughness: float = 1.6) -> NDArray:
    """A random surface, float32, mean 0 and deviation 1, rough at all scales up to `longest` cells.

    Amplitudes fall with frequency to the power `roughness`: 1 is craggy, 2 smooth. It does not repeat at the edges.
    """
    rows, columns = (fft.next_fast_len(n + int(min(longest, n)), real=True) for n in shape)
    y, x = fft.fftfreq(rows)[:, None], fft.rfftfreq(columns)[None]
    amplitude = ((x**2 + y**2 + longest**-2.0) ** (-roughness / 2)).astype(np.float32)
    amplitude[0, 0] = 0
    waves = fft.rfft2(rng.standard_normal((rows, columns), np.float32)) * amplitude
    surface = fft.irfft2(waves, (rows, columns))[: shape[0], : shape[1]]
    centred: NDArray = surface - surface.mean()
    return (centred / max(float(centred.std()), 1e-9)).astype(np.float32)


def grains(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray:
    """A number of its own for each cell, float32, evenly 0…1."""
    return np.asarray(rng.random(shape, np.float32))


def finer(field: NDArray, factor: int = FACTOR) -> NDArray:
    """The field on a grid `factor` times finer, float32, linear between the centres of its cells."""
    # Columns first, while the field is small: writing them is the slow part.
    for axis in (1, 0):
        field = _finer_along(np.asarray(field, np.float32), axis, factor)
    return field


def _finer_along(field: NDArray, axis: int, factor: int) -> NDArray:
    field = np.moveaxis(field, axis, 0)
    padded = np.concatenate([field[:1], field, field[-1:]])
    out = np.empty((len(field) * factor, *field.shape[1:]), np.float32)
    for part in range(factor):
        shift = np.float32((part + 0.5) / factor - 0.5)
        beside = padded[:-2] if shift < 0 else padded[2:]
        between = beside - field
        between *= abs(shift)
        between += field
        out[part::factor] = between
    return np.moveaxis(out, 0, axis)


def coarser(field: NDArray, factor: int = FACTOR) -> NDArray:
    """Means of squares of `factor` × `factor` cells, float32."""
    rows, columns = (n // factor for n in field.shape)
    return np.asarray(field.reshape(rows, factor, columns, factor).mean((1, 3), dtype=np.float32))


def distance(marked: NDArray, cell: float = PIXEL) -> NDArray:
    """Distance to the nearest marked cell, float32, in metres; far beyond everything where none is marked."""
    if not marked.any():
        return np.full(marked.shape, 1e6, np.float32)
    return np.asarray(ndimage.distance_transform_edt(~marked) * cell, np.float32)


def slope(elevation: NDArray, cell: float = PIXEL) -> NDArray:
    """Steepness in degrees."""
    south, east = np.gradient(elevation, cell)
    return np.asarray(np.degrees(np.arctan(np.hypot(south, east))), np.float32)


def northness(elevation: NDArray, cell: float = PIXEL) -> NDArray:
    """How far the ground leans to the north: the sine of its slope that way, about −1…1."""
    south, east = np.gradient(elevation, cell)
    return np.asarray(south / np.sqrt(1 + south**2 + east**2), np.float32)


def stairs(height: NDArray, lift: NDArray | float, face: float) -> tuple[NDArray, NDArray]:
    """Heights turned into a staircase with steps of `lift` metres, and how far through its step each place is (0…1).

    The last part of a step, a share `face` of it, slopes up to the next; before it the step is flat.
    """
    scaled = height / lift
    whole = np.floor(scaled)
    part = (scaled - whole).astype(np.float32)
    return ((whole + np.clip((part - (1 - face)) / face, 0, 1)) * lift).astype(np.float32), part


def smooth_step(value: NDArray, low: NDArray | float, high: NDArray | float) -> NDArray:
    """0 below `low`, 1 above `high`, and a soft passage between."""
    x = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(x * x * (3 - 2 * x), np.float32)
