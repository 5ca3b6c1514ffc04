"""How a network learnt, as a picture. Epochs in, PNG bytes out."""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, INK, PALE = "#0072B2", "#D55E00", "#009E73", "#222222", "#eeeeee"


def curves(name: str, history: Sequence[dict[str, float]]) -> bytes:
    """Loss on the fitted and on the held samples, and accuracy on these, against epochs; the epoch kept is marked."""
    epochs = [e["epoch"] for e in history]
    held = [e["validation_loss"] for e in history]
    # The epoch kept is the best of the form that is used, the last one.
    form = history[-1]["dense"]
    best = min((i for i, e in enumerate(history) if e["dense"] == form), key=lambda i: held[i])
    begun = next((e["epoch"] for e in history if e["dense"]), None)
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(epochs, [e["loss"] for e in history], "o-", ms=3, color=BLUE, label="samples it learns from")
    left.plot(epochs, held, "o-", ms=3, color=ORANGE, label="samples of other blocks")
    left.set_ylabel("loss (less is better)")
    left.set_ylim(0, 1.1 * max(held[0], history[0]["loss"], held[best]))
    right.plot(epochs, [100 * e["validation_accuracy"] for e in history], "o-", ms=3, color=ORANGE)
    right.set_ylabel("correct on other blocks (%)")
    for axes in (left, right):
        axes.axvline(epochs[best], color=GREEN, lw=1, ls="--", label="epoch that is kept")
        if begun is not None and begun > 1:
            axes.axvspan(begun - 0.5, epochs[-1] + 0.5, color=PALE, zorder=0, label="gets used to its dense form")
        axes.set_xlabel("epoch (pass over the samples)")
        axes.grid(axis="y", color=PALE)
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower left", ncols=4, frameon=False)
    found = history[best]
    figure.suptitle(
        f"{name}: kept is epoch {epochs[best]:.0f} of {len(history)}, "
        f"{100 * found['validation_accuracy']:.1f} % correct on blocks it does not learn from",
        x=0.01, ha="left", color=INK,
    )  # fmt: skip
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=120)
    return picture.getvalue()
