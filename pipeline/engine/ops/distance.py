"""Distances between pixels (to the nearest marked one, in a direction, through costs) and between spectra."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from pipeline.engine.image import Band, Image
from pipeline.engine.kernels import distance, spectral
from pipeline.engine.kernels.neighbourhood import shifted
from pipeline.engine.ops.focal import around, inner, reach, under
from pipeline.engine.ops.kernel import TABLE as KERNELS
from pipeline.engine.ops.terrain import cell_metres
from pipeline.engine.plan import Around, Local, NDArray, Part, Pixels, Plan, both, valid
from pipeline.engine.space import crs
from pipeline.engine.values import DOUBLE, FLOAT, Kernel, KernelWeights
from pipeline.errors import EngineError

MAX_PAD = 4096
_KERNEL_METRICS = {
    "Kernel.euclidean": "squared_euclidean",
    "Kernel.manhattan": "manhattan",
    "Kernel.chebyshev": "chebyshev",
}


def _marked(pixels: Pixels) -> NDArray:
    """Valid and not zero."""
    return np.asarray(valid(pixels.mask) & (pixels.data != 0))


def distance_to(image: Image, kernel: Kernel | None, skip_masked: bool) -> Image:
    """Each band's distance to its nearest non-zero pixel, in the kernel's units; masked beyond the kernel's radius."""
    chosen: Kernel = kernel or KERNELS["Kernel.euclidean"](3.0, "pixels", False, 1.0)
    if chosen.name not in _KERNEL_METRICS:
        raise EngineError(
            f"Image.distance: the kernel must be chebyshev, euclidean or manhattan, but is {chosen.name}. "
            "Use for example ee.Kernel.euclidean(100)."
        )
    metric = _KERNEL_METRICS[chosen.name]

    def apply(grid: GeoBox, weights: KernelWeights, padded: Pixels) -> Pixels:
        found = distance.nearest(_marked(padded), weights.x, metric)
        unit = weights.weights[weights.y, weights.x + 1] if weights.x else 0.0
        near = np.isfinite(found)
        cells = np.where(near, found, 0)
        data = (np.sqrt(cells) if metric == "squared_euclidean" else cells) * unit
        return Pixels(data, both(near, inner(padded, grid).mask) if skip_masked else near)

    return image.with_bands(replace(b, type=DOUBLE, plan=around(chosen, apply, b.plan)) for b in image.bands)


def fast_distance_transform(image: Image, neighborhood: int, units: str, metric: str) -> Image:
    """`distance`: to the nearest non-zero valid pixel of the first band, valid everywhere.

    What is farther than the neighbourhood gets the neighbourhood's own distance (its square for squared_euclidean).
    """
    who = "Image.fastDistanceTransform"
    if units != "pixels" or metric not in distance.METRICS:
        raise EngineError(
            f"{who}: units must be 'pixels' and metric one of {', '.join(distance.METRICS)}, not {units!r}, {metric!r}."
        )
    band, radius = _single(image, who), _within_limit(neighborhood, "neighborhood", who)
    farthest = radius**2 if metric == "squared_euclidean" else radius

    def apply(grid: GeoBox, padded: Pixels) -> Pixels:
        found = distance.nearest(_marked(padded), radius, metric)
        return Pixels(np.minimum(found, farthest).astype(np.float32), np.ones(grid.shape, bool))

    plan = Around(apply, (band.plan,), lambda grid: (radius, radius))
    return image.with_bands([replace(band, name="distance", type=FLOAT, plan=plan)])


def rsed_transform(image: Image, neighborhood: int, units: str) -> Image:
    """`distance`: the highest of the parabolas value − squared distance over the first band's pixels, at least 0."""
    who = "Image.rsedTransform"
    if units != "pixels":
        raise EngineError(f"{who}: units must be 'pixels', not {units!r}.")
    band, radius = _single(image, who), _within_limit(neighborhood, "neighborhood", who)

    def apply(grid: GeoBox, padded: Pixels) -> Pixels:
        heights = np.where(valid(padded.mask), padded.data, 0)
        return Pixels(distance.parabolas(heights, radius), np.ones(grid.shape, bool))

    plan = Around(apply, (band.plan,), lambda grid: (radius, radius))
    return image.with_bands([replace(band, name="distance", type=DOUBLE, plan=plan)])


def _single(image: Image, who: str) -> Band:
    if not image.bands:
        raise EngineError(f"{who}: the image has no bands.")
    return image.bands[0]


def _within_limit(pixels: float, what: str, who: str) -> int:
    if not 0 < pixels <= MAX_PAD:
        raise EngineError(f"{who}: {what} must be between 1 and {MAX_PAD} pixels, but is {pixels:g}.")
    return math.ceil(pixels)


def directional_distance_transform(source: Image, angle: float, max_distance: int, label_band: str | None) -> Image:
    """`distance` to the first non-zero pixel at an angle (degrees from east, anticlockwise); masked without one.

    With labelBand, that band is searched and the others bring the values found there.
    """
    who = "Image.directionalDistanceTransform"
    if label_band is None and len(source.bands) != 1:
        raise EngineError(f"{who}: the image must have one band, or labelBand name the one to search. Select one.")
    searched = next((b for b in source.bands if label_band in (None, b.name)), None)
    if searched is None:
        raise EngineError(f"{who}: there is no band '{label_band}'. Available bands: {source.names}.")
    others = [b for b in source.bands if b is not searched]
    farthest = _within_limit(max_distance, "maxDistance", who)
    # Rounded, so that 90° does not lean by 1e-17.
    x, y = round(math.cos(math.radians(angle)), 12), -round(math.sin(math.radians(angle)), 12)
    pad = math.ceil(abs(x) * farthest) + 1, math.ceil(abs(y) * farthest) + 1

    def apply(grid: GeoBox, padded: Pixels, *labels: Pixels) -> list[Pixels]:
        found, rows, columns = distance.along(_marked(padded), x, y, farthest, pad)
        seen = np.isfinite(found)
        brought = [Pixels(p.data[rows, columns], both(seen, p.mask[rows, columns])) for p in labels]
        return [Pixels(np.where(seen, found, 0), seen), *brought]

    whole = Around(apply, (searched.plan, *(b.plan for b in others)), lambda grid: pad)
    first = replace(searched, name="distance", type=DOUBLE, plan=Part(whole, 0))
    return source.with_bands([first, *(replace(b, plan=Part(whole, i)) for i, b in enumerate(others, 1))])


def cumulative_cost(cost: Image, source: Image, max_distance: float, geodetic: bool) -> Image:
    """For each cost band the cost of the cheapest path from a source, in cost × metres; masked beyond maxDistance.

    A step costs its length times the mean of both pixels' costs. `geodetic` matters on grids in degrees only.
    """
    who = "Image.cumulativeCost"
    if len(source.bands) != 1 or not cost.bands:
        raise EngineError(f"{who}: source must have exactly one band and cost at least one. Select them.")

    def sizes(grid: GeoBox) -> tuple[NDArray, NDArray]:
        if geodetic:
            widths, heights = cell_metres(grid)
            return np.maximum(np.abs(widths), 1e-3), np.abs(heights)
        metres, rows = crs.metres_per_unit(crs.grid_name(grid)), np.ones(grid.shape[0])
        return rows * abs(grid.affine.a) * metres, rows * abs(grid.affine.e) * metres

    def pad(grid: GeoBox) -> tuple[int, int]:
        widths, heights = sizes(grid)
        return (
            _within_limit(max_distance / widths.min(), "maxDistance", who),
            _within_limit(max_distance / heights.min(), "maxDistance", who),
        )

    def apply(grid: GeoBox, start: Pixels, *costs: Pixels) -> list[Pixels]:
        x, y = pad(grid)
        widths, heights = sizes(grid.pad(x, y))
        ok = valid(both(*(c.mask for c in costs)))
        surface = np.stack([np.where(ok, c.data, 0) for c in costs]).astype(np.float64)
        total = distance.cheapest(surface, ok, _marked(start), widths, heights, max_distance)
        total = total[:, y : y + grid.shape[0], x : x + grid.shape[1]]
        mask = np.isfinite(total[0])
        return [Pixels(np.where(mask, t, 0), mask) for t in total]

    whole = Around(apply, (source.bands[0].plan, *(b.plan for b in cost.bands)), pad)
    return cost.with_bands(replace(b, type=DOUBLE, plan=Part(whole, i)) for i, b in enumerate(cost.bands))


# Spectra --------------------------------------------------------------------------------------------------------------


def _spectra(pixels: tuple[Pixels, ...]) -> NDArray:
    """Spectra with their values on the first axis: the bands, or the first band's array axis."""
    if pixels[0].data.ndim == 3:
        return np.moveaxis(pixels[0].data, -1, 0).astype(np.float64)
    return np.stack([p.data for p in pixels]).astype(np.float64)


def _metric(name: str, who: str) -> Callable[[NDArray, NDArray], NDArray]:
    if name not in spectral.METRICS:
        raise EngineError(f"{who}: metric must be one of {', '.join(spectral.METRICS)}, but is {name!r}.")
    return spectral.METRICS[name]


def spectral_distance(image1: Image, image2: Image, metric: str) -> Image:
    """`distance` between the spectra of two images; valid where all bands of both are."""
    who = "Image.spectralDistance"
    measure = _metric(metric, who)
    bands1, bands2 = _spectral_bands(image1, who), _spectral_bands(image2, who)
    if len(bands1) != len(bands2):
        raise EngineError(f"{who}: the images have {len(bands1)} and {len(bands2)} bands. Select as many from both.")
    n = len(bands1)

    def apply(*pixels: Pixels) -> Pixels:
        first, second = _spectra(pixels[:n]), _spectra(pixels[n:])
        if first.shape != second.shape:
            raise EngineError(f"{who}: the spectra have lengths {len(first)} and {len(second)}.")
        return Pixels(measure(first, second), both(*(p.mask for p in pixels)))

    plan = Local(apply, tuple(b.plan for b in (*bands1, *bands2)))
    return image1.with_bands([replace(bands1[0], name="distance", type=DOUBLE, plan=plan)])


def _spectral_bands(image: Image, who: str) -> tuple[Band, ...]:
    first = _single(image, who)
    return (first,) if first.type.dimensions else image.bands


def _morphology(who: str, pick: Callable[[NDArray], NDArray]) -> Callable[..., Image]:
    """A function that picks from the distances (neighbour, height, width; NaN where masked) under a kernel.

    Distances are those of spectra from the centre pixel's, or from the mean of all under the kernel.
    """

    def apply_metric(image: Image, metric: str, kernel: Kernel | None, use_centroid: bool) -> Image:
        measure, bands = _metric(metric, who), _spectral_bands(image, who)
        chosen: Kernel = kernel or KERNELS["Kernel.square"](1.0, "pixels", True, 1.0)

        def apply(grid: GeoBox, weights: KernelWeights, *padded: Pixels) -> Pixels:
            ok, spectra = valid(both(*(p.mask for p in padded))), _spectra(padded)
            found = pick(_kernel_distances(spectra, ok, weights, measure, use_centroid))
            here = np.isfinite(found)
            centre = valid(inner(Pixels(ok, ok), grid).mask)
            return Pixels(np.where(here, found, 0), here & centre)

        plan: Plan = around(chosen, apply, *(b.plan for b in bands))
        return image.with_bands([replace(bands[0], name="distance", type=DOUBLE, plan=plan)])

    return apply_metric


def _kernel_distances(
    spectra: NDArray,
    ok: NDArray,
    weights: KernelWeights,
    measure: Callable[[NDArray, NDArray], NDArray],
    centroid: bool,
) -> NDArray:
    inside = weights.weights != 0
    if not centroid:
        inside = inside.copy()
        inside[weights.y, weights.x] = False
    near = [shifted(under(Pixels(s, ok), weights).data, inside.shape, inside) for s in spectra]
    masks = shifted(under(Pixels(ok, ok), weights).mask, inside.shape, inside)
    if not masks:
        raise EngineError("Image.spectralErosion: the kernel has no non-zero weight besides its centre.")
    cells: NDArray = np.array(near)  # (spectrum, neighbour, height, width)
    good = np.array(masks)
    if centroid:
        reference = np.where(good, cells, 0).sum(1) / np.maximum(good.sum(0), 1)
    else:
        x, y = reach(weights)
        height, width = cells.shape[2:]
        reference = spectra[:, y : y + height, x : x + width]
    return np.stack([np.where(good[k], measure(cells[:, k], reference), np.nan) for k in range(len(good))])


def _closest(distances: NDArray) -> NDArray:
    return np.asarray(np.where(np.isnan(distances), np.inf, distances).min(0))


def _farthest(distances: NDArray) -> NDArray:
    return np.asarray(np.where(np.isnan(distances), -np.inf, distances).max(0))


TABLE: dict[str, Callable[..., Any]] = {
    "Image.cumulativeCost": cumulative_cost,
    "Image.directionalDistanceTransform": directional_distance_transform,
    "Image.distance": distance_to,
    "Image.fastDistanceTransform": fast_distance_transform,
    "Image.rsedTransform": rsed_transform,
    "Image.spectralDilation": _morphology("Image.spectralDilation", _farthest),
    "Image.spectralDistance": spectral_distance,
    "Image.spectralErosion": _morphology("Image.spectralErosion", _closest),
    "Image.spectralGradient": _morphology("Image.spectralGradient", lambda d: _farthest(d) - _closest(d)),
}

NOTES: dict[str, str] = {
    "Image.cumulativeCost": "Paths step to 8 neighbours; pixel sizes as for Terrain.slope.",
    "Image.directionalDistanceTransform": "Steps of one pixel along the longer axis; masked pixels count as zero.",
    "Image.distance": "Without a kernel a Euclidean one of 3 pixels; masked where nothing lies within its radius.",
    "Image.fastDistanceTransform": "What is farther than the neighbourhood gets the neighbourhood's own distance.",
    "Image.rsedTransform": "The neighbourhood is a square; 0 where no parabola reaches; one band, 'distance'.",
    "Image.spectralDistance": "sid adds nothing for bands that are not positive; emd follows the band order.",
    "Image.spectralErosion": "The least distance, as one band 'distance'; the centre itself does not count.",
    "Image.spectralDilation": "The largest distance, as one band 'distance'.",
    "Image.spectralGradient": "Dilation less erosion, as one band 'distance'.",
}
