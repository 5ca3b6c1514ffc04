"""Numbers as a report writes them, and places on an axis for its small charts. Everything else is said elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pipeline.assess.wording import NONE, listed, number, percent, points, probability, rivals, share
from pipeline.cartography import round_length

__all__ = [
    "NONE", "Axis", "Interval", "axis", "figures", "hectares", "hectares_range", "hectares_with", "listed", "model",
    "number", "of_hundred", "p_value", "percent", "points", "points_with", "quoted", "rivals", "share",
]  # fmt: skip

MODELS = {
    "ResNet50": "deep residual network",
    "ResNet18": "smaller residual network",
    "CNN": "small network",
    "RF": "random forest",
    "SVM": "support vector machine",
    "KNN": "nearest neighbours",
    "ANN": "neural network on single pixels",
    "Bayes": "naive Bayes",
    "ML": "maximum likelihood",
}
NAMED = 6
"""Names in a sentence at most."""
ROUND_FROM = 100
"""Hectares from which on no decimals are written."""


class Interval(Protocol):
    """A value with its interval; all of them may be unknown."""

    @property
    def value(self) -> float | None:
        """The value."""

    @property
    def low(self) -> float | None:
        """The lower end."""

    @property
    def high(self) -> float | None:
        """The upper end."""


@dataclass(frozen=True)
class Axis:
    """A line of `LENGTH` units from the value `least` to `most`, with round values to mark."""

    least: float
    most: float
    ticks: tuple[float, ...]

    LENGTH = 200.0
    EDGE = 6.0

    def at(self, value: float | None) -> float:
        """The place of a value; one that lies outside stands at the end."""
        inner = self.LENGTH - 2 * self.EDGE
        part = ((value or 0.0) - self.least) / (self.most - self.least)
        return round(self.EDGE + inner * min(max(part, 0.0), 1.0), 2)

    def told(self, tick: float, factor: float = 1) -> str:
        """What is written at a mark."""
        return f"{factor * tick:,.10g}".replace("-", "−")


def axis(values: Sequence[float | None], least: float | None = None, most: float | None = None) -> Axis:
    """An axis that holds all values and 0, with three to six marks."""
    known = [v for v in values if v is not None]
    low = min([0.0, *known]) if least is None else least
    high = max([0.0, *known]) if most is None else most
    high = high if high > low else low + 1
    step = round_length((high - low) / 2.5)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return Axis(low, high, tuple(round(n * step, 10) for n in range(first, last + 1)))


def hectares(value: float | None, signed: bool = False) -> str:
    """Hectares, with a decimal where there are few: `1,078`, `56.3`; as a difference with its sign."""
    if value is None:
        return NONE
    text = f"{value:{'+' if signed else ''},.{0 if abs(value) >= ROUND_FROM else 1}f}".replace("-", "−")
    return "0.0" if text in ("−0.0", "+0.0") else text


def hectares_with(of: Interval, signed: bool = False) -> str:
    """Hectares with their interval, all with as many decimals: `1,078 (889 … 1,266)`."""
    if of.value is None or of.low is None or of.high is None:
        return NONE
    return f"{_alike(of, of.value, signed)} ({hectares_range(of, signed)})"


def hectares_range(of: Interval, signed: bool = False) -> str:
    """The interval of hectares alone: `889 … 1,266`."""
    if of.low is None or of.high is None:
        return NONE
    return f"{_alike(of, of.low, signed)} … {_alike(of, of.high, signed)}"


def _alike(of: Interval, value: float, signed: bool) -> str:
    """One number of an interval, with as many decimals as all of it."""
    digits = 0 if max(abs(v or 0.0) for v in (of.value, of.low, of.high)) >= ROUND_FROM else 1
    return f"{value:{'+' if signed else ''},.{digits}f}".replace("-", "−")


def points_with(of: Interval, sign: int = 1) -> str:
    """A difference of shares in percentage points with its interval: `−0.4 (−1.2 … +0.5)`."""
    if of.low is None or of.high is None:
        return points(of.value, sign)
    low, high = (of.low, of.high)[::sign]
    return f"{points(of.value, sign)} ({points(low, sign)} … {points(high, sign)})"


def of_hundred(value: float) -> str:
    """A share in words: `85 of 100`."""
    return f"{100 * value:.0f} of 100"


def p_value(p: float) -> str:
    """What a test found: `p = 0.034`, `p < 0.001`."""
    text = probability(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def model(name: str) -> str:
    """A model with what it is: `RF (random forest)`."""
    return f"{name} ({MODELS[name]})" if name in MODELS else name


def quoted(names: Sequence[str], word: str = "and") -> str:
    """Names of classes within a sentence: `“mine” and “water”`; of many only the first."""
    shown = [f"“{n}”" for n in names[:NAMED]]
    return listed([*shown, *([f"{len(names) - NAMED} others"] if len(names) > NAMED else [])], word)


def figures(count: int) -> str:
    """A count with commas between thousands."""
    return f"{count:,}"
