"""From the label file and the stack to samples: what is kept, and why all else is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from pipeline.artifacts.manifest import Manifest
from pipeline.config import Config, Legend
from pipeline.console import progress
from pipeline.errors import MinecoverError
from pipeline.sample.classes import codes, compared, refuse_contrary, refuse_few
from pipeline.sample.labels import Labelled, placed, plain, swapped
from pipeline.sample.pixels import OUTSIDE, Pixels, pixels
from pipeline.suspects import Applied, Change, Decision, apply

NDArray = np.ndarray[Any, Any]

MOST_OUTSIDE = 0.05
SHOWN = 5
REPEATED = "same pixel and class as an earlier label"
CONTRARY = "same pixel as a label of another class"
MASKED = "no band has a value there"
DROPPED = "dropped by hand"


@dataclass(frozen=True)
class LeftOut:
    """A label, or a pixel of it, that is no sample: its id, its place in the file, why, and its pixel if it has one."""

    id: str
    place: str
    reason: str
    row: int | None = None
    col: int | None = None


@dataclass(frozen=True, eq=False)
class Gathered:
    """Samples in the order of the label file, with all bands (n, bands), and what was left out."""

    ids: tuple[str, ...]
    labels: NDArray
    pixels: Pixels
    xy: NDArray
    X: NDArray
    sources: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    corrections: tuple[Change, ...] = ()

    @property
    def reasons(self) -> dict[str, int]:
        """How many were left out for each reason."""
        return dict(Counter(one.reason for one in self.left_out))


def gathered(
    config: Config, found: Labelled, decisions: Sequence[Decision], manifest: Manifest, stack: xr.DataArray
) -> Gathered:
    """The samples of a label file, with a person's decisions followed.

    Raises MinecoverError for labels that a person must correct first.
    """
    grid = manifest.grid
    of_features = codes(found, config.labels.field, config.legend)
    names = regions(found, config.split.region_field)
    shapes = placed(found, config.labels, grid.crs)
    spots = pixels(shapes, grid, config.labels.per_polygon, config.labels.seed)
    _refuse_outside(config, found, manifest, spots)
    labels = of_features[spots.feature]
    by = compared(spots, labels, grid.width)
    if config.labels.conflicts == "error":
        refuse_contrary(spots, labels, by.contrary, found, config.legend)
    kept = spots.take(by.kept)
    X = _values(stack, kept, manifest.tile)
    seen = np.asarray(np.isfinite(X).any(1))
    out = [LeftOut(found.ids[n], found.places[n], why) for n, why in spots.unused.items()]
    out += [*_listed(found, spots.take(by.contrary), CONTRARY), *_listed(found, spots.take(by.repeated), REPEATED)]
    out += _listed(found, kept.take(~seen), MASKED)
    final, labels = kept.take(seen), labels[by.kept][seen]
    if not len(labels):
        raise MinecoverError(f"No label of '{found.name}' lies where the stack has a value. Check both.")
    done, X = _corrected(config.legend, labels, _names(found, final), decisions), X[seen]
    out += _listed(found, final.take(~done.kept), DROPPED)
    final, labels, X = final.take(done.kept), done.y[done.kept], X[done.kept]
    refuse_few(labels, config.legend, config.split.folds)
    xy = np.column_stack([grid.left + (final.col + 0.5) * grid.pixel, grid.top - (final.row + 0.5) * grid.pixel])
    sources = tuple(names[n] for n in final.feature.tolist())
    return Gathered(_names(found, final), labels, final, xy, X, sources, tuple(out), done.changes)


def _corrected(legend: Legend, labels: NDArray, ids: Sequence[str], decisions: Sequence[Decision]) -> Applied:
    if not decisions:
        return Applied(labels, np.ones(len(labels), bool), ())
    return apply(labels, ids, {c.code: c.name for c in legend}, decisions)


def regions(found: Labelled, field: str | None) -> list[str]:
    """The region that each feature belongs to, or the file's name where the configuration names no such field."""
    if field is None:
        return [found.name] * len(found.fields)
    values = [plain(v) for v in found.column(field)]
    if "" in values:
        where = found.places[values.index("")]
        raise MinecoverError(f"'{found.name}', {where}: its field {field!r} names no region. Fill it in.")
    return values


def _refuse_outside(config: Config, found: Labelled, manifest: Manifest, spots: Pixels) -> None:
    """Refuse labels of which more than a few lie beyond the stack, and say so if x and y look swapped."""
    beyond = [n for n, why in spots.unused.items() if why == OUTSIDE]
    if len(beyond) <= MOST_OUTSIDE * len(found.fields):
        return
    other = pixels(placed(swapped(found), config.labels, manifest.grid.crs), manifest.grid, 1, 0)
    if len(set(other.feature.tolist())) > len(found.fields) / 2:
        raise MinecoverError(
            f"Latitude and longitude (or y and x) of '{found.name}' look swapped: exchanged, the labels lie in the "
            f"stack. Write longitude, or x, first; in a CSV set labels.x and labels.y."
        )
    some = ", ".join(f"{found.places[n]} (id {found.ids[n]})" for n in beyond[:SHOWN])
    more = f" and {len(beyond) - SHOWN} more" if len(beyond) > SHOWN else ""
    raise MinecoverError(
        f"{len(beyond)} of {len(found.fields)} labels of '{found.name}' lie outside the stack: {some}{more}. Check "
        f"their coordinate system and the region, or delete them; up to {MOST_OUTSIDE:.0%} are passed over."
    )


def _values(stack: xr.DataArray, spots: Pixels, side: int) -> NDArray:
    """All bands at each pixel (n, bands), read tile by tile."""
    X = np.full((len(spots.row), stack.sizes["band"]), np.nan, np.float32)
    for here in progress(list(_by_tile(spots, side)), "Reading the stack"):
        at = {"y": xr.DataArray(spots.row[here], dims="n"), "x": xr.DataArray(spots.col[here], dims="n")}
        X[here] = stack.isel(at).transpose("n", "band").values
    X[~np.isfinite(X)] = np.nan
    return X


def _by_tile(spots: Pixels, side: int) -> Iterator[NDArray]:
    tile = np.column_stack([spots.row // side, spots.col // side])
    number = np.unique(tile, axis=0, return_inverse=True)[1].ravel()
    order = np.argsort(number, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(number[order])) + 1)


def _names(found: Labelled, spots: Pixels) -> tuple[str, ...]:
    """The id of each pixel: its feature's, with the number of the pixel where it has several."""
    ids = found.ids
    pairs = zip(spots.feature.tolist(), spots.number.tolist(), strict=True)
    return tuple(f"{ids[n]}:{k}" if k else ids[n] for n, k in pairs)


def _listed(found: Labelled, spots: Pixels, why: str) -> list[LeftOut]:
    rows, cols, names = spots.row.tolist(), spots.col.tolist(), _names(found, spots)
    places = [found.places[n] for n in spots.feature.tolist()]
    return [LeftOut(n, p, why, r, c) for n, p, r, c in zip(names, places, rows, cols, strict=True)]
