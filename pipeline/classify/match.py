"""Whether a stack is what a model learnt from: its bands by name, their units, the pixel, and the values themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.artifacts.manifest import BandRecord, Manifest
from pipeline.artifacts.models import BandStatistics, ModelManifest
from pipeline.config import LandClass, Legend
from pipeline.console import some
from pipeline.errors import MinecoverError

NDArray = np.ndarray[Any, Any]

SHOWN = 6
FEWEST = 100
"""Known values of a band below which nothing is concluded from them."""
APART = 0.25
"""Of the ranges' widths: from here on it is asked whether another unit would explain the difference."""
FAR = 5.0
"""Widths of the range in training: so far off, a band is refused whatever the reason."""
BETTER = 4.0
"""An explanation counts where it brings the ranges so many times nearer."""

Change = Callable[[NDArray], NDArray]
EXPLANATIONS: tuple[tuple[str, Change], ...] = (
    ("10,000 times too large (digital numbers, not reflectance)", lambda v: v / 10_000),
    ("10,000 times too small (reflectance, not digital numbers)", lambda v: v * 10_000),
    ("100 times too large", lambda v: v / 100),
    ("100 times too small", lambda v: v * 100),
    ("too high by 1000 (the offset of Sentinel-2 products since January 2022)", lambda v: v - 1000),
    ("too low by 1000 (the offset of Sentinel-2 products since January 2022)", lambda v: v + 1000),
    ("too high by 0.1 (the offset of Sentinel-2 products since January 2022)", lambda v: v - 0.1),
    ("too low by 0.1 (the offset of Sentinel-2 products since January 2022)", lambda v: v + 0.1),
    ("linear, not in decibels", lambda v: 10 * np.log10(v)),
    ("in decibels, not linear", lambda v: 10 ** (v / 10)),
)


@dataclass(frozen=True)
class Misfit:
    """Bands whose values are not what the model learnt from, and the likely reason; it may be none that is known."""

    bands: tuple[str, ...]
    wanted: tuple[float, float]
    found: tuple[float, float]
    reason: str

    def __str__(self) -> str:
        """The misfit for messages."""
        first, more = self.bands[0], len(self.bands) - 1
        who = first + (f" and {more} more" if more else "")
        return (
            f"{who}: wanted {self.wanted[0]:.4g} to {self.wanted[1]:.4g} ({first}, 2nd to 98th percentile in training),"
            f" found {self.found[0]:.4g} to {self.found[1]:.4g}; {self.reason}"
        )


def records(stack: Manifest, model: ModelManifest) -> tuple[BandRecord, ...]:
    """The stack's bands that the model reads, in the model's order. Refuses missing bands, other units and pixels."""
    there = {b.name: b for b in stack.bands}
    missing = [b.name for b in model.bands if b.name not in there]
    if missing:
        raise MinecoverError(
            f"The stack lacks {len(missing)} of the {len(model.bands)} bands that the model {model.name} reads. Wanted:"
            f" {some(missing)}. Found: {some(list(there))}. Export them, or train on the bands that there are."
        )
    units = [f"{b.name} in {b.unit}, not {there[b.name].unit}" for b in model.bands if b.unit != there[b.name].unit]
    if units:
        raise MinecoverError(
            f"The stack's units are not those that the model {model.name} learnt: wanted {some(units)}. Export the "
            f"stack with the same options as the model's."
        )
    if abs(stack.grid.pixel / model.pixel_m - 1) > 1e-6:
        raise MinecoverError(
            f"The stack's pixels are {stack.grid.pixel:g} m wide; the model {model.name} learnt from pixels of "
            f"{model.pixel_m:g} m. Export the stack with --scale {model.pixel_m:g}."
        )
    return tuple(there[b.name] for b in model.bands)


def legend(model: ModelManifest, wanted: Legend) -> Legend:
    """The model's classes in its order, in the colours of the settings. Refuses other codes or names."""
    learnt, now = dict(zip(model.legend.codes, model.legend.names, strict=True)), {c.code: c for c in wanted}
    if learnt != {code: c.name for code, c in now.items()}:
        raise MinecoverError(
            f"The legend is not the one that the model {model.name} learnt: wanted {_classes(model.legend)}; found "
            f"{_classes(wanted)}. Restore the legend, or train again."
        )
    return Legend(tuple(LandClass(**{**c.model_dump(), "colour": now[c.code].colour}) for c in model.legend))


def misfits(values: NDArray, bands: Sequence[BandRecord], model: ModelManifest) -> tuple[Misfit, ...]:
    """Groups of bands whose values (bands, n; NaN where masked) cannot be what the model learnt from.

    Bands of one unit in one part of the stack are judged together, by the 2nd and 98th percentiles. Ranges that merely
    differ, as from one landscape to another, are no misfit.
    """
    ranges = np.array([_range(v) for v in values])
    groups: dict[tuple[str, str], list[int]] = {}
    for place, band in enumerate(bands):
        if np.isfinite(ranges[place]).all():
            groups.setdefault((band.unit, band.part), []).append(place)
    found = [_judged(places, ranges, model.bands) for places in groups.values()]
    return tuple(m for misfit in found for m in misfit)


def refuse(wrong: Sequence[Misfit], model: ModelManifest) -> None:
    """Refuse a stack with misfits."""
    if wrong:
        told = ". ".join(str(m) for m in wrong[:SHOWN]) + (f". And {len(wrong) - SHOWN} more" * (len(wrong) > SHOWN))
        raise MinecoverError(
            f"The stack's values are not what the model {model.name} learnt from. {told}. Export the stack in the same "
            f"units, or add --accept-values if these values are right."
        )


def _classes(classes: Legend) -> str:
    return some([f"{c.code} {c.name}" for c in classes])


def _range(values: NDArray) -> NDArray:
    known = values[np.isfinite(values)]
    return np.percentile(known, (2, 98)) if known.size >= FEWEST else np.full(2, np.nan)


def _judged(places: list[int], ranges: NDArray, learnt: Sequence[BandStatistics]) -> Iterator[Misfit]:
    """The whole group if a known reason explains it, or else those of its bands that are far off."""
    wanted = np.array([(learnt[i].low, learnt[i].high) for i in places])
    now = ranges[places]
    apart = _apart(now, wanted)
    names = tuple(learnt[i].name for i in places)
    if np.median(apart) > APART:
        with np.errstate(all="ignore"):
            others = [(float(np.median(_apart(change(now), wanted))), why) for why, change in EXPLANATIONS]
        best, why = min((o for o in others if np.isfinite(o[0])), default=(np.inf, ""))
        if best * BETTER < np.median(apart):
            worst = int(np.argmax(apart))
            order = (worst, *(i for i in range(len(names)) if i != worst))
            yield Misfit(tuple(names[i] for i in order), _pair(wanted[worst]), _pair(now[worst]), f"they look {why}")
            return
    width = np.maximum(wanted[:, 1] - wanted[:, 0], 1e-6 * np.abs(wanted).max(1))
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.nan_to_num(np.abs(now - wanted).max(1) / width) > FAR
    for i in np.flatnonzero(far):
        yield Misfit((names[i],), _pair(wanted[i]), _pair(now[i]), "the model never saw the like")


def _apart(now: NDArray, wanted: NDArray) -> NDArray:
    """How far the ends of ranges lie apart, in widths of both ranges; 0 where both are one and the same value."""
    off = np.abs(now - wanted).sum(1)
    widths = (wanted[:, 1] - wanted[:, 0]) + np.abs(now[:, 1] - now[:, 0])
    apart = np.divide(off, widths, out=np.where(off > 0, np.inf, 0.0), where=widths > 0)
    return np.asarray(np.where(np.isnan(off), np.inf, apart))


def _pair(ends: NDArray) -> tuple[float, float]:
    return float(ends[0]), float(ends[1])
