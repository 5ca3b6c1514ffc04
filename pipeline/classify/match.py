"""Whether a stack is what a model learnt from: its bands by name, their units, the pixel, and the values themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.artifacts.manifest import BandRecord, Manifest
from pipeline.artifacts.models import BandStatistics, ModelManifest
from pipeline.config import LandClass, Legend
from pipeline.console import some
from pipeline.errors import MinecoverError

NDArray = np.ndarray[Any, Any]

REFLECTANCE, DECIBELS = "reflectance", "dB"
SHOWN = 6
FEWEST = 100
"""Known values of a band below which nothing is concluded from them."""
APART = 0.15
"""Of the ranges' widths: from here on it is asked whether a known change of the values would explain the difference."""
FAR = 5.0
"""Widths of the range in training: so far off, a band is refused whatever the reason."""
BETTER = 2.5
"""A known change explains a difference that it makes so many times smaller, and that of most bands with it."""
GAIN, DRIFT = 0.25, 0.1
"""Other years and places differ by this share of a value and of a range's width; smaller shifts are not looked for."""
BELOW = 0.02
"""How far below 0 the 2nd percentile of reflectance may lie where shade or water was corrected a little too much."""
WHITE = 0.2
"""Ranges of reflectances count as this wide at least: there may be snow where there was none in training."""
NUMBERS = 10_000
"""Digital numbers of one reflectance."""

Change = Callable[[NDArray], NDArray]


@dataclass(frozen=True)
class Known:
    """A mistake that is made with values: what they look like, and what undoes it. It befalls bands of one unit or any.

    `small` mistakes could be taken for another year's values, and must differ more from training than those do.
    """

    reason: str
    undo: Change
    unit: str = ""
    small: bool = False


OFFSET = "(the offset of Sentinel-2 products since January 2022)"
KNOWN = (
    Known("10,000 times too large (digital numbers, not reflectance)", lambda v: v / NUMBERS),
    Known("10,000 times too small (reflectance, not digital numbers)", lambda v: v * NUMBERS),
    Known("100 times too large", lambda v: v / 100),
    Known("100 times too small", lambda v: v * 100),
    Known("to have the other sign", lambda v: -v),
    Known(f"too high by 1000 {OFFSET}", lambda v: v - 1000, REFLECTANCE, True),
    Known(f"too low by 1000 {OFFSET}", lambda v: v + 1000, REFLECTANCE, True),
    Known(f"too high by 0.1 {OFFSET}", lambda v: v - 0.1, REFLECTANCE, True),
    Known(f"too low by 0.1 {OFFSET}", lambda v: v + 0.1, REFLECTANCE, True),
    Known("linear, not in decibels", lambda v: 10 * np.log10(v), DECIBELS),
    Known("in decibels, not linear", lambda v: 10 ** (v / 10)),
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
        found = f"{self.found[0]:.4g} to {self.found[1]:.4g}" if np.isfinite(self.found).all() else "none"
        return (
            f"{who}: wanted {self.wanted[0]:.4g} to {self.wanted[1]:.4g} ({first}, 2nd to 98th percentile in training),"
            f" found {found}; {self.reason}"
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
    """The settings' legend, which may have more classes than the model. Refuses one that lacks or renames some."""
    now = dict(zip(wanted.codes, wanted.names, strict=True))
    strange = [c for c in model.legend if now.get(c.code) != c.name]
    if strange:
        raise MinecoverError(
            f"The legend is not the one that the model {model.name} learnt: wanted {_classes(strange)}; found "
            f"{_classes(wanted)}. Restore the legend, or run `minecover sample` and `minecover train` again."
        )
    return wanted


def misfits(values: NDArray, bands: Sequence[BandRecord], model: ModelManifest) -> tuple[Misfit, ...]:
    """Groups of bands whose values (bands, n; NaN where masked) cannot be what the model learnt from.

    Bands of one unit are judged together by their means and their 2nd and 98th percentiles, first all of them, then
    those of each part of the stack. Values that merely differ, as from one landscape or year to another, are no misfit.
    """
    group = _Group(values, np.array([_summary(v) for v in values]), model.bands)
    told = np.isfinite(values).sum(1).max(initial=0) >= FEWEST
    found: list[Misfit] = []
    for unit in dict.fromkeys(b.unit for b in bands):
        whole = [i for i, b in enumerate(bands) if b.unit == unit]
        parts = [[i for i in whole if bands[i].part == part] for part in dict.fromkeys(bands[i].part for i in whole)]
        left = set(whole)
        for places in (whole, *parts):
            varied = [i for i in places if i in left and np.ptp(group.now[i]) > 0]
            if why := group.explained(varied, unit):
                found.append(group.misfit(varied, f"they look {why}"))
                left -= set(varied)
        for places in parts:
            found += group.alone([i for i in places if i in left], unit, told)
    return tuple(found)


def refuse(wrong: Sequence[Misfit], model: ModelManifest) -> None:
    """Refuse a stack with misfits."""
    if wrong:
        told = ". ".join(str(m) for m in wrong[:SHOWN]) + (f". And {len(wrong) - SHOWN} more" * (len(wrong) > SHOWN))
        raise MinecoverError(
            f"The stack's values are not what the model {model.name} learnt from. {told}. Export the stack in the same "
            f"units, or add --accept-values if these values are right."
        )


def _classes(classes: Iterable[LandClass]) -> str:
    return some([f"{c.code} {c.name}" for c in classes])


@dataclass(frozen=True, eq=False)
class _Group:
    """Values of bands, their summaries, and what was learnt of them."""

    values: NDArray
    now: NDArray
    learnt: Sequence[BandStatistics]

    @property
    def wanted(self) -> NDArray:
        """The summaries in training."""
        return np.array([(b.low, b.mean, b.high) for b in self.learnt])

    def misfit(self, places: Sequence[int], reason: str) -> Misfit:
        """The misfit of these bands; it begins with the one that is farthest off."""
        worst = places[int(np.argmax(np.nan_to_num(_apart(self.now[places], self.wanted[places]))))]
        names = tuple(self.learnt[i].name for i in (worst, *(i for i in places if i != worst)))
        (low, _, high), (least, _, most) = self.wanted[worst].tolist(), self.now[worst].tolist()
        return Misfit(names, (low, high), (least, most), reason)

    def explained(self, places: Sequence[int], unit: str) -> str:
        """How these bands look if one known mistake explains how they differ from training; nothing if none does."""
        if not places:
            return ""
        wanted, now = self.wanted[places], self.now[places]
        apart = _apart(now, wanted)
        if apart.mean() <= APART:
            return ""
        natural = GAIN * np.abs(wanted) + DRIFT * np.ptp(wanted, axis=1)[:, None]
        usual = np.median((np.abs(now - wanted) - natural).max(1)) <= 0
        found = []
        for known in KNOWN:
            if known.unit in ("", unit) and not (known.small and usual):
                with np.errstate(all="ignore"):
                    undone = np.array([_summary(known.undo(self.values[i])) for i in places])
                    other = _apart(undone, wanted)
                if other.mean() * BETTER < apart.mean() and np.mean(other < apart) > 0.75:
                    found.append((float(other.mean()), known.reason))
        return min(found, default=(0.0, ""))[1]

    def alone(self, places: Sequence[int], unit: str, told: bool) -> Iterator[Misfit]:
        """Bands that cannot be right whatever the reason; `places` are all of a part that nothing explains."""
        varied = [i for i in places if self.learnt[i].high > self.learnt[i].low]
        gone = [i for i in varied if told and not np.isfinite(self.values[i]).any()]
        still = [i for i in varied if np.ptp(self.now[i]) == 0]
        edge = [i for i in still if self._at_an_end(i)]
        if len(still) < max(2, len(varied)):
            still = [i for i in still if i not in edge]
        if gone:
            yield self.misfit(gone, "they have no value anywhere, and had in training")
        if still:
            yield self.misfit(still, "they are the same everywhere, and varied in training")
        for i in (i for i in places if i not in {*gone, *still, *edge} and np.isfinite(self.now[i]).all()):
            (low, _, high), (least, _, most) = self.wanted[i], self.now[i]
            one = 0 if unit != REFLECTANCE else NUMBERS if high > FAR else 1
            width = max(high - low, 1e-6 * max(abs(low), abs(high)), WHITE * one)
            if max(abs(least - low), abs(most - high)) > FAR * width:
                yield self.misfit([i], "the model never saw the like")
            elif one and least < -BELOW * one <= low:
                yield self.misfit([i], "reflectance is not below 0")

    def _at_an_end(self, place: int) -> bool:
        """Whether a band is the same everywhere as at an end of its range, as night lights are where there are none."""
        band = self.learnt[place]
        return bool(min(abs(self.now[place, 0] - e) for e in (band.low, band.high)) <= DRIFT * (band.high - band.low))


def _summary(values: NDArray) -> NDArray:
    """2nd percentile, mean and 98th percentile of what is known; NaN where that is too little."""
    known = values[np.isfinite(values)]
    if known.size < FEWEST:
        return np.full(3, np.nan)
    low, high = np.percentile(known, (2, 98))
    return np.array([low, known.mean(dtype=np.float64) if high > low else low, high])


def _apart(now: NDArray, wanted: NDArray) -> NDArray:
    """How far summaries lie apart, in widths of both ranges; at most some 1 where one of them is much wider."""
    widths = np.ptp(wanted, axis=1) + np.ptp(now, axis=1)
    off = 2 * np.abs(now - wanted).mean(1)
    apart = np.divide(off, widths, out=np.where(off > 0, np.inf, 0.0), where=widths > 0)
    return np.asarray(np.where(np.isnan(off), np.inf, apart))
