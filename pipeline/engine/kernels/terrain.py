"""Slope, aspect, hillshade, shadows and filled depressions from elevations: arrays in, arrays out.

For a surface, elevations are padded by one cell; the gradient comes from the 4 neighbours (central differences), as
Earth Engine's does. `widths` and `heights` are the cells' sizes for each output row, in the units of elevation, towards
the east and from row to row towards the north: the second is negative where rows run north.

This module knows nothing of projections, bands or plans.
"""

from __future__ import annotations

import heapq
from typing import Any, Literal

import numpy as np

from pipeline.engine.kernels.stack import compiled

NDArray = np.ndarray[Any, Any]
Product = Literal["slope", "aspect", "hillshade"]
PRODUCTS: dict[Product, int] = {"slope": 0, "aspect": 1, "hillshade": 2}


def gradient(elevation: NDArray, widths: NDArray, heights: NDArray) -> tuple[NDArray, NDArray]:
    """Rise per unit towards the east and towards the north, float64."""
    z = elevation.astype(np.float64, copy=False)
    east = (z[1:-1, 2:] - z[1:-1, :-2]) / (2.0 * widths[:, None])
    north = (z[:-2, 1:-1] - z[2:, 1:-1]) / (2.0 * heights[:, None])
    return east, north


def cross_valid(valid: NDArray) -> NDArray:
    """Where a cell and its 4 neighbours are all valid."""
    near = valid[1:-1, 2:] & valid[1:-1, :-2] & valid[:-2, 1:-1] & valid[2:, 1:-1]
    return np.asarray(valid[1:-1, 1:-1] & near)


def surface(
    elevation: NDArray,
    widths: NDArray,
    heights: NDArray,
    product: Product,
    sun: tuple[float, float] = (270.0, 45.0),
) -> NDArray:
    """Slope in degrees; aspect, the direction downhill in degrees clockwise from north (0 where flat); or hillshade.

    Hillshade is the cosine of the angle between the sun (azimuth, elevation in degrees) and the surface's normal, as
    0 to 255, and 0 where the surface looks away. All float32.
    """
    azimuth, altitude = np.radians(sun)
    z = np.ascontiguousarray(elevation)
    return _surface(z, widths, heights, PRODUCTS[product], azimuth, altitude)


def illuminated(elevation: NDArray, valid: NDArray, reach: int, x: NDArray, y: NDArray, rise: NDArray) -> NDArray:
    """Whether no cell within `reach` cells towards the sun stands in the light.

    Padded by `reach`; for each output row, (x, y) is the step towards the sun in cells and `rise` what a ray gains on
    it.
    """
    return _illuminated(elevation.astype(np.float64), np.ascontiguousarray(valid), reach, x, y, rise)


def filled(elevation: NDArray, outlets: NDArray) -> NDArray:
    """Elevations with every depression raised to its lowest way out (8 neighbours), in the same type.

    Water leaves at the array's edge and where `outlets` is True; those cells keep their elevation.
    """
    return _filled(elevation, outlets)


@compiled
def _surface(z: NDArray, widths: NDArray, heights: NDArray, product: int, azimuth: float, altitude: float) -> NDArray:
    """One loop a product and nothing but selects inside, so that each vectorises."""
    out = np.empty((z.shape[0] - 2, z.shape[1] - 2), np.float32)
    sun_east, sun_north = np.cos(altitude) * np.sin(azimuth), np.cos(altitude) * np.cos(azimuth)
    sun_up, degrees = np.sin(altitude), 180.0 / np.pi
    east, north = np.empty(out.shape[1]), np.empty(out.shape[1])
    for y in range(out.shape[0]):
        above, here, below, line = z[y], z[y + 1], z[y + 2], out[y]
        per_x, per_y = 0.5 / widths[y], 0.5 / heights[y]
        for x in range(line.size):
            east[x] = (float(here[x + 2]) - float(here[x])) * per_x
            north[x] = (float(above[x + 1]) - float(below[x + 1])) * per_y
        if product == 0:
            for x in range(line.size):
                line[x] = _angle(np.sqrt(east[x] * east[x] + north[x] * north[x]), 1.0) * degrees
        elif product == 1:
            for x in range(line.size):
                angle = _angle(-east[x], -north[x]) * degrees
                line[x] = angle if angle >= 0.0 else angle + 360.0
        else:
            for x in range(line.size):
                light = sun_up - sun_east * east[x] - sun_north * north[x]
                light = light if light > 0.0 else 0.0
                line[x] = 255.0 * light / np.sqrt(1.0 + east[x] * east[x] + north[x] * north[x])
    return out


@compiled
def _angle(y: float, x: float) -> float:
    """The angle of (x, y) to the x axis in radians, to 2e-8, without a branch; 0 for (0, 0).

    The library's arctan2 cannot be vectorised. Polynomial: Abramowitz and Stegun, 4.4.49.
    """
    ax, ay = abs(x), abs(y)
    least, most = (ax, ay) if ax < ay else (ay, ax)
    t = least / (most if most > 0.0 else 1.0)
    s = t * t
    series = s * (0.1065626393 + s * (-0.0752896400 + s * (0.0429096138 + s * (-0.0161657367 + s * 0.0028662257))))
    angle = t * (1.0 + s * (-0.3333314528 + s * (0.1999355085 + s * (-0.1420889944 + series))))
    angle = np.pi / 2.0 - angle if ay > ax else angle
    angle = np.pi - angle if x < 0.0 else angle
    return -angle if y < 0.0 else angle


@compiled
def _illuminated(z: NDArray, valid: NDArray, reach: int, x_step: NDArray, y_step: NDArray, rise: NDArray) -> NDArray:
    out = np.ones((z.shape[0] - 2 * reach, z.shape[1] - 2 * reach), np.bool_)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            start = z[y + reach, x + reach]
            for k in range(1, reach + 1):
                row = y + reach + int(np.floor(k * y_step[y] + 0.5))
                column = x + reach + int(np.floor(k * x_step[y] + 0.5))
                if valid[row, column] and z[row, column] > start + k * rise[y]:
                    out[y, x] = False
                    break
    return out


@compiled
def _filled(z: NDArray, outlets: NDArray) -> NDArray:
    """Priority flood (Barnes and others 2014): cells are reached from the lowest rim inwards."""
    height, width = z.shape
    out, reached = z.copy(), np.zeros((height, width), np.bool_)
    heap = [(z[0, 0], np.int64(0)) for _ in range(0)]
    for y in range(height):
        for x in range(width):
            if outlets[y, x] or y in (0, height - 1) or x in (0, width - 1):
                reached[y, x] = True
                heapq.heappush(heap, (z[y, x], np.int64(y * width + x)))
    while heap:
        level, cell = heapq.heappop(heap)
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                v, u = cell // width + dy, cell % width + dx
                if 0 <= v < height and 0 <= u < width and not reached[v, u]:
                    reached[v, u] = True
                    out[v, u] = max(out[v, u], level)
                    heapq.heappush(heap, (out[v, u], np.int64(v * width + u)))
    return out
