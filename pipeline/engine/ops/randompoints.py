"""Random points in a region: uniform on the sphere in areas, along lines by length, or among points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from pipeline.engine.collection import Collection, Feature, features
from pipeline.engine.language.arrays import affordable
from pipeline.engine.space.crs import GEOD, LONLAT
from pipeline.engine.space.geometry import Geometry, parts
from pipeline.engine.values import ErrorMargin
from pipeline.errors import EngineError

BATCH = 4096
MOST_BATCHES = 5000

Positions = np.ndarray[Any, np.dtype[np.float64]]


def _random_points(region: Geometry, count: int, seed: int, max_error: ErrorMargin) -> Collection:
    """Point features in longitude and latitude, drawn from the region's parts of highest dimension."""
    who = "FeatureCollection.randomPoints"
    shape = region.planar(LONLAT)
    pieces = [] if shape is None else parts(shape)
    if not pieces or count < 0:
        raise EngineError(f"{who}: Give a region that is not empty and a number of points that is not negative.")
    affordable(count, "FeatureCollection.randomPoints")
    highest = max(shapely.get_dimensions(p) for p in pieces)
    chosen = [p for p in pieces if shapely.get_dimensions(p) == highest]
    random = np.random.default_rng(abs(seed))
    drawn = (_among, _along, _inside)[highest](chosen, count, random)
    drawn[:, 0] = (drawn[:, 0] + 180) % 360 - 180
    return features(Feature(Geometry(shapely.Point(x, y))) for x, y in drawn)


def _inside(polygons: list[BaseGeometry], count: int, random: np.random.Generator) -> Positions:
    """Positions drawn in the box around all, evenly on the sphere, and kept where they fall inside."""
    whole = shapely.union_all(polygons)
    shapely.prepare(whole)
    west, south, east, north = whole.bounds
    low, high = np.sin(np.radians([south, north]))
    kept: list[Positions] = [np.empty((0, 2))]
    found = 0
    for _ in range(MOST_BATCHES):
        if found >= count:
            break
        lon = random.uniform(west, east, BATCH)
        lat = np.degrees(np.arcsin(random.uniform(low, high, BATCH)))
        inside = shapely.contains_xy(whole, lon, lat)
        kept.append(np.column_stack([lon, lat])[inside])
        found += int(inside.sum())
    else:
        raise EngineError(
            "FeatureCollection.randomPoints: The region fills too little of the box around it. Split it, or buffer it."
        )
    return np.vstack(kept)[:count]


def _along(lines: list[BaseGeometry], count: int, random: np.random.Generator) -> Positions:
    """Positions on the edges, evenly by length."""
    ends = [shapely.get_coordinates(line) for line in lines]
    a, b = np.vstack([e[:-1] for e in ends]), np.vstack([e[1:] for e in ends])
    metres = np.asarray(GEOD.inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1])[2])
    total = metres.sum()
    edge = random.choice(len(a), count, p=metres / total if total > 0 else None)
    drawn: Positions = a[edge] + (b - a)[edge] * random.random((count, 1))
    return drawn


def _among(points: list[BaseGeometry], count: int, random: np.random.Generator) -> Positions:
    """The points themselves, each as likely as any other; one may come twice."""
    places = np.vstack([shapely.get_coordinates(p) for p in points])
    return places[random.integers(0, len(places), count)]


TABLE: dict[str, Callable[..., Collection]] = {
    "FeatureCollection.randomPoints": _random_points,
}

NOTES = {
    "FeatureCollection.randomPoints": "Steady for a seed, but not Earth Engine's numbers; within an edge by degrees.",
}
