"""Edges between positions: straight in a CRS, or great circles; and how to carry one kind over to another.

An edge that is straight in one kind is curved in the other: it gets extra positions until no edge is off by more
than the tolerance. Each edge is treated alone and alike in both directions, so neighbours that share an edge still
share it afterwards. Plain coordinate arrays (n, 2); no shapes here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from affine import Affine

from pipeline.engine.space.crs import LONLAT, is_geographic, metres_per_unit, same, transformer

Coords = np.ndarray[Any, np.dtype[np.float64]]
Counts = np.ndarray[Any, np.dtype[np.int64]]

TOLERANCE = 0.1  # metres
_EARTH = 6371008.8  # mean radius, metres
_STEP = {True: 60.0, False: 5e6}  # no piece is longer: degrees, metres
_MOST = 8192  # pieces of one edge


class Edges(NamedTuple):
    """How positions are joined: along great circles, or straight in the CRS that they are given in."""

    crs: str
    geodesic: bool


def carry(line: Coords, source: Edges, target: Edges) -> Coords:
    """The line in the target's CRS, with extra positions wherever its edges would leave the source's path.

    Longitudes run on across ±180. What the target's CRS cannot show becomes infinite.
    """
    home = LONLAT if source.geodesic else source.crs
    nodes = move(line, source.crs, home)
    if len(nodes) > 1:
        nodes = _spread(nodes, _least(nodes, home), source.geodesic)
        error = _error(nodes, Edges(home, source.geodesic), target)
        pieces = np.ceil(np.sqrt(np.nan_to_num(error, posinf=0.0) / TOLERANCE))
        nodes = _spread(nodes, np.clip(pieces, 1, _MOST).astype(np.int64), source.geodesic)
    return unwrapped(move(nodes, home, target.crs), target.crs)


def chopped(line: Coords, degrees: float) -> Coords:
    """A longitude-latitude line with positions added along its great circles, none further apart than this."""
    if len(line) < 2:
        return line
    span = np.abs(np.diff(line, axis=0)).max(axis=1)
    return _spread(line, np.maximum(1, np.ceil(span / degrees)).astype(np.int64), geodesic=True)


def move(line: Coords, source: str, target: str) -> Coords:
    """Positions in another CRS."""
    if same(source, target):
        return line
    x, y = transformer(source, target).transform(line[:, 0], line[:, 1])
    return np.column_stack([x, y])


def placed(line: Coords, place: Affine) -> Coords:
    """Positions through an affine transform."""
    a, b, c, d, e, f = tuple(place)[:6]
    x, y = line[:, 0], line[:, 1]
    return np.column_stack([a * x + b * y + c, d * x + e * y + f])


def unwrapped(line: Coords, crs: str) -> Coords:
    """Longitudes without jumps of more than half a turn; projected coordinates as they are."""
    if len(line) < 2 or not is_geographic(crs) or np.abs(np.diff(line[:, 0])).max() <= 180:
        return line
    return np.column_stack([np.unwrap(line[:, 0], period=360.0), line[:, 1]])


def great_circle(a: Coords, b: Coords, t: Coords) -> Coords:
    """Longitude and latitude at the fractions `t` of the great circles from `a` to `b`, all in degrees."""
    p, q = _vectors(a), _vectors(b)
    angle = 2 * np.arcsin(np.clip(np.linalg.norm(p - q, axis=1) / 2, 0, 1))
    sine = np.sin(angle)
    bent = sine > 1e-12
    sine = np.where(bent, sine, 1.0)
    u = np.where(bent, np.sin((1 - t) * angle) / sine, 1 - t)[:, None]
    v = np.where(bent, np.sin(t * angle) / sine, t)[:, None]
    x, y, z = (u * p + v * q).T
    lon = np.degrees(np.arctan2(y, x))
    lon = a[:, 0] + (lon - a[:, 0] + 180) % 360 - 180
    return np.column_stack([lon, np.degrees(np.arctan2(z, np.hypot(x, y)))])


def straight(a: Coords, b: Coords, t: Coords) -> Coords:
    """Positions at the fractions `t` of the straight lines from `a` to `b`."""
    return a + (b - a) * t[:, None]


def _vectors(lonlat: Coords) -> Coords:
    lon, lat = np.radians(lonlat).T
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def _least(nodes: Coords, crs: str) -> Counts:
    """Pieces that keep every edge well below half a turn, where its direction would be in doubt."""
    span = np.abs(np.diff(nodes, axis=0)).max(axis=1)
    size = span if is_geographic(crs) else span * metres_per_unit(crs)
    pieces: Counts = np.ceil(np.nan_to_num(size, posinf=0.0) / _STEP[is_geographic(crs)]).astype(np.int64)
    return np.maximum(1, pieces)


def _spread(nodes: Coords, pieces: Counts, geodesic: bool) -> Coords:
    """The line with each edge cut into the given number of pieces; the given positions stay as they are."""
    if (pieces == 1).all():
        return nodes
    edge = np.repeat(np.arange(len(pieces)), pieces)
    step = np.arange(len(edge)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    a, b = nodes[edge], nodes[edge + 1]
    # Always interpolated from the lesser end, so that an edge and its reverse get the very same positions.
    swap = (a[:, 0] > b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] > b[:, 1]))
    low, high = np.where(swap[:, None], b, a), np.where(swap[:, None], a, b)
    t = np.where(swap, pieces[edge] - step, step) / pieces[edge]
    inner = (great_circle if geodesic else straight)(low, high, t)
    inner[step == 0] = a[step == 0]
    whole = np.vstack([inner, nodes[-1:]])
    return unwrapped(whole, LONLAT) if geodesic else whole


def _error(nodes: Coords, source: Edges, target: Edges) -> Coords:
    """How far, in metres, the middle part of each edge lies off the edge that the target would draw."""
    a, b = nodes[:-1], nodes[1:]
    along = great_circle if source.geodesic else straight
    worst = np.zeros(len(a))
    with np.errstate(invalid="ignore"):
        for t in (0.25, 0.5, 0.75):
            middle = along(a, b, np.full(len(a), t))
            off = _off_great_circle if target.geodesic else _off_straight
            worst = np.fmax(worst, off(a, b, middle, source.crs, target.crs))
    return worst


def _off_great_circle(a: Coords, b: Coords, middle: Coords, home: str, target: str) -> Coords:
    p, q, m = (_vectors(move(c, home, LONLAT)) for c in (a, b, middle))
    normal = np.cross(p, q)
    length = np.linalg.norm(normal, axis=1)
    off: Coords = np.abs((m * normal).sum(axis=1)) / np.where(length > 1e-15, length, np.inf) * _EARTH
    return off


def _off_straight(a: Coords, b: Coords, middle: Coords, home: str, target: str) -> Coords:
    p, q, m = (move(c, home, target) for c in (a, b, middle))
    chord, arm = q - p, m - p
    length = np.hypot(chord[:, 0], chord[:, 1])
    off = np.abs(chord[:, 0] * arm[:, 1] - chord[:, 1] * arm[:, 0]) / np.where(length > 0, length, np.inf)
    return off * metres_per_unit(target)
