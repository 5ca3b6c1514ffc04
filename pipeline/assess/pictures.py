"""Confusion matrices and areas as pictures for people. Values in, PNG bytes out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from pipeline.accuracy.results import Accuracy, MapAccuracy, ModelAccuracy
from pipeline.assess.wording import number, percent, share
from pipeline.cartography import plain, png, shown
from pipeline.config import Legend
from pipeline.console import clean

INK, GREY = "#222222", "#666666"
LONGEST = 22
"""Letters of a class's name at most."""
LETTER = 0.085
"""About the width of a letter in inches."""


def pictures(found: Accuracy, legend: Legend) -> dict[str, Callable[[], bytes]]:
    """How to draw each picture, by the name of its file."""
    drawn: dict[str, Callable[[], bytes]] = {
        f"confusion_{m.name}.png": partial(confusion, m, found.draws) for m in found.models
    }
    if found.map:
        drawn["areas.png"] = partial(areas, found.map, legend)
    return drawn


def confusion(model: ModelAccuracy, draws: int) -> bytes:
    """PNG: the matrix with the reference in rows, counts and shares of each row; PA beside it and UA below."""
    counts = np.array(model.matrix)
    rows = counts.sum(1, keepdims=True)
    shares = np.divide(counts, rows, out=np.zeros(counts.shape), where=rows > 0)
    k = len(counts)
    width = max(3.9 + 0.95 * k, 7.5)
    figure = Figure(figsize=(width, 2.9 + 0.62 * k), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.55 else INK if count else "#bbbbbb"
        text = f"{count}\n{100 * shares[row, column]:.0f} %" if count else "0"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9, linespacing=1.25)
    names = [_name(c.name, c.code) for c in model.classes]
    below = [f"{n}\nUA {percent(c.ua.value)} %" for n, c in zip(names, model.classes, strict=True)]
    left = [f"{n}  ({c.reference})" for n, c in zip(names, model.classes, strict=True)]
    turned = max(map(len, names)) * LETTER > (width - 3.2) / k
    axes.set_xticks(range(k), below, rotation=40 if turned else 0, ha="right" if turned else "center", fontsize=9)
    axes.set_yticks(range(k), left, fontsize=9)
    beside = axes.secondary_yaxis("right")
    beside.set_yticks(range(k), [f"PA {percent(c.pa.value)} %" for c in model.classes], fontsize=9)
    beside.tick_params(length=0)
    beside.spines[:].set_visible(False)
    axes.set_xlabel("Map: what the model calls it; UA is the share of these that are right", fontsize=9, labelpad=8)
    axes.set_ylabel("Reference: what it is (samples)", fontsize=9)
    axes.tick_params(length=0)
    _lines(axes, k)
    _title(
        figure,
        f"{model.name}: {share(model.overall.oa)} % right, kappa {number(model.overall.kappa)}",
        f"Test part: {model.samples} samples in {model.blocks} blocks. Split: {model.split}",
        f"In each field samples and their share of the row; in brackets 95 % intervals from {draws} draws of blocks.",
    )
    return png(figure)


def areas(found: MapAccuracy, legend: Legend) -> bytes:
    """PNG: hectares of each class as estimated, with intervals, beside what the map counts."""
    colours = {c.code: c.colour for c in legend}
    classes = [c for c in found.classes if c.mapped_pixels or c.hectares.value]
    figure = Figure(figsize=(8.6, 1.9 + 0.52 * len(classes)), layout="constrained")
    axes = figure.add_subplot()
    values = np.array([c.hectares.value or 0.0 for c in classes])
    ends = np.array([(c.hectares.low or 0.0, c.hectares.high or 0.0) for c in classes])
    place = np.arange(len(classes))
    axes.barh(place, values, 0.62, color=[colours[c.code] for c in classes], edgecolor=INK, linewidth=0.6)
    for colour, width, label in (("white", 4.0, None), (INK, 1.4, "95 % interval")):  # white around it, for dark bars
        axes.errorbar(
            values, place, xerr=np.abs(ends.T - values), fmt="none", ecolor=colour, capsize=4, capthick=width, lw=width,
            label=label,
        )  # fmt: skip
    axes.plot(
        [c.mapped_hectares for c in classes], place, "D", ms=7, mfc="white", mec=INK, mew=1.2, ls="none", label="mapped"
    )
    far = max(float(ends.max(initial=0)), *(c.mapped_hectares for c in classes), 1e-9)
    digits = 0 if far >= 1000 else 1
    for y, (c, end) in enumerate(zip(classes, ends[:, 1].tolist(), strict=True)):
        low, high = c.hectares.low or 0.0, c.hectares.high or 0.0
        text = f"{c.hectares.value or 0:,.{digits}f} ({low:,.{digits}f} … {high:,.{digits}f})"
        axes.text(max(end, c.mapped_hectares) + 0.025 * far, y, text, va="center", fontsize=9, color=INK)
    axes.set_yticks(place, [_name(c.name, c.code) for c in classes], fontsize=10)
    axes.set(xlim=(0, 1.33 * far), ylim=(len(classes) - 0.4, -0.6))
    axes.set_xlabel("hectares", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside lower right", ncols=2, frameon=False, fontsize=9)
    _title(
        figure,
        f"How much there is of each class: estimated, beside what the map by {found.model} counts",
        f"{found.answered} points, {found.design}.",
        f"{found.estimator[:1].upper()}{found.estimator[1:]}. Map's overall accuracy {share(found.oa)} %.",
    )
    return png(figure)


def _title(figure: Figure, title: str, *smaller: str) -> None:
    """A title and lines below it, over the whole figure."""
    wide = int(15 * figure.get_figwidth())
    lines = [part for text in smaller for part in _wrapped(clean(text), wide)]
    figure.suptitle(
        plain(_cut(clean(title), wide)) + "\n" * (len(lines) + 1), x=0.01, ha="left", fontsize=11.5, fontweight="bold"
    )
    top = 1 - 0.30 / figure.get_figheight()
    figure.text(0.01, top, plain("\n".join(lines)), ha="left", va="top", fontsize=8.5, color=GREY, linespacing=1.3)


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, width)


def _lines(axes: Any, k: int) -> None:
    """White lines between the fields."""
    axes.set_xticks(np.arange(k + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(k + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", lw=1.5)
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(False)


def _name(name: str, code: int) -> str:
    return plain(_cut(shown(clean(name), code), LONGEST))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
