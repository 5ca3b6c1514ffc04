"""Speckle filters. Images are linear power, bands VV and VH; a pixel that was masked stays so."""

from __future__ import annotations

from collections.abc import Callable

import ee

LOOKS = 5
"""Equivalent number of looks of Sentinel-1 GRD."""
RADIUS = 3

BANDS = ("VV", "VH")

# Four axes (right, down) across the window, each with its two ends.
AXES = ((1, 0), (0, 1), (1, 1), (-1, 1))
REACH = range(-RADIUS, RADIUS + 1)
SMALLEST_VARIATIONS = 5


def lee(image: ee.Image) -> ee.Image:
    """Lee (1980) in 7 × 7 windows."""
    return _lee(image, *_moments(image, ee.Kernel.square(RADIUS)), ee.Image.constant(1 / LOOKS))


def gamma_map(image: ee.Image) -> ee.Image:
    """Gamma maximum a posteriori (Lopes 1990) in 7 × 7 windows."""
    mean, variance = _moments(image, ee.Kernel.square(RADIUS))
    noise = LOOKS**-0.5
    spread = variance.sqrt().divide(mean)
    alpha = ee.Image.constant(1 + noise**2).divide(spread.pow(2).subtract(noise**2))
    linear = mean.multiply(alpha.subtract(LOOKS + 1))
    root = linear.pow(2).add(alpha.multiply(4 * LOOKS).multiply(image).multiply(mean)).sqrt()
    found = linear.add(root).divide(alpha.multiply(2))
    return _kept(image, found.where(spread.lte(noise), mean).where(spread.gte(2**0.5 * noise), image))


def refined_lee(image: ee.Image) -> ee.Image:
    """Lee in the half of a 7 × 7 window that lies on the pixel's side of the steepest edge (Lee 1981)."""
    return _kept(image, ee.Image.cat([_refined(image.select(band)) for band in BANDS]))


FILTERS: dict[str, Callable[[ee.Image], ee.Image]] = {"lee": lee, "refined_lee": refined_lee, "gamma_map": gamma_map}


def multitemporal_mean(scenes: ee.ImageCollection) -> ee.Image:
    """The mean of the scenes filtered by Quegan and Yu (2001): the mean of E[I], times the mean of I / E[I]."""

    def local(image: ee.Image) -> ee.Image:
        return _kept(image, _moments(image, ee.Kernel.square(RADIUS))[0])

    def relative(image: ee.Image) -> ee.Image:
        return _kept(image, image.divide(local(image)))

    return scenes.map(local).mean().multiply(scenes.map(relative).mean())


def _refined(image: ee.Image) -> ee.Image:
    """One band, filtered."""
    centre, here = _moments(image, _kernel(_box(0, 0)))
    variations = [here.divide(centre.pow(2))]
    candidates = []
    for x, y in AXES:
        ends = [_moments(image, _kernel(_box(2 * sign * x, 2 * sign * y))) for sign in (1, -1)]
        variations += [variance.divide(mean.pow(2)) for mean, variance in ends]
        gradient = ends[0][0].subtract(ends[1][0]).abs()
        ahead, behind = (mean.subtract(centre).abs() for mean, _ in ends)
        towards, away = (_moments(image, _kernel(_half(sign * x, sign * y))) for sign in (1, -1))
        side = (second.where(ahead.lte(behind), first) for first, second in zip(towards, away, strict=True))
        candidates.append((gradient, *side))
    best = candidates[0]
    for other in candidates[1:]:
        steeper = other[0].gt(best[0])
        best = tuple(old.where(steeper, new) for old, new in zip(best, other, strict=True))
    smallest = ee.Image.cat(variations).toArray().arraySort().arraySlice(0, 0, SMALLEST_VARIATIONS)
    return _lee(image, best[1], best[2], smallest.arrayReduce(ee.Reducer.mean(), [0]).arrayGet([0]))


def _box(right: int, down: int) -> list[list[int]]:
    """A window's 3 × 3 part around an offset from its centre."""
    return [[int(abs(x - right) <= 1 and abs(y - down) <= 1) for x in REACH] for y in REACH]


def _half(right: int, down: int) -> list[list[int]]:
    """A window's half towards a direction, with the line through the centre."""
    return [[int(x * right + y * down >= 0) for x in REACH] for y in REACH]


def _kernel(cells: list[list[int]]) -> ee.Kernel:
    return ee.Kernel.fixed(weights=cells, normalize=False)


def _moments(image: ee.Image, kernel: ee.Kernel) -> tuple[ee.Image, ee.Image]:
    """Mean and variance in the window, by band."""
    mean = image.reduceNeighborhood(ee.Reducer.mean(), kernel)
    return mean, image.reduceNeighborhood(ee.Reducer.variance(), kernel)


def _lee(image: ee.Image, mean: ee.Image, variance: ee.Image, noise: ee.Image) -> ee.Image:
    """(1 − b) mean + b z with b = max(0, σx² / s²): the mean where the window varies no more than speckle does."""
    signal = variance.subtract(mean.pow(2).multiply(noise)).divide(noise.add(1))
    weight = signal.divide(variance).max(0)
    return _kept(image, mean.add(weight.multiply(image.subtract(mean))))


def _kept(image: ee.Image, filtered: ee.Image) -> ee.Image:
    """What was filtered, with the names and the mask of the image."""
    return filtered.rename(image.bandNames()).toFloat().updateMask(image.mask())
