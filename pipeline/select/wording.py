"""Numbers, names and choices in the words that tables and pictures share."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.selection import Cost, Estimate, Selection

RULES = {
    "Relief-F": "Relief-F",
    "RF": "random forest",
    "borda": "both together (mean rank)",
    "intersection": "what both choose",
    "union": "what either chooses",
}


def capital(text: str) -> str:
    """The text with a capital letter first."""
    return text[:1].upper() + text[1:]


def counted(number: int) -> str:
    """`1 feature`, `2 features`."""
    return f"{number} feature{'' if number == 1 else 's'}"


def minus(text: str) -> str:
    """The number with a true minus sign."""
    return text.replace("-", "−")


def points(value: float) -> str:
    """A difference of shares in percentage points, with its sign: `−0.4`."""
    text = minus(f"{100 * value:+.1f}")
    return "0.0" if text in ("+0.0", "−0.0") else text


def interval(found: Estimate) -> str:
    """A difference in points with its interval: `−0.4 (−1.2 … +0.5)`."""
    return f"{points(found.value)} ({points(found.low)} … {points(found.high)})"


def percent(found: Estimate) -> str:
    """A share in per cent with its interval: `92.1 (90.0 … 94.0)`."""
    return f"{100 * found.value:.1f} ({100 * found.low:.1f} … {100 * found.high:.1f})"


def share(found: Estimate) -> str:
    """A number with its interval: `0.90 (0.88 … 0.92)`."""
    return minus(f"{found.value:.3f} ({found.low:.3f} … {found.high:.3f})")


def verdict(entry: Cost) -> str:
    """What a loss means for the exports."""
    found = entry.difference.oa
    if found.high < 0:
        return "needed, accuracy is lost"
    if found.low > 0:
        return "better without it, could be left out of exports"
    return "no loss can be shown, could be left out of exports"


def losers(selection: Selection) -> Iterator[str]:
    """Which classifiers the combined choice costs accuracy, and what keeps it; nothing where no loss is shown."""
    lost = [e for e in selection.effects if e.features == "combined" and e.difference.oa.high < 0]
    if lost:
        told = ", ".join(f"{e.learner} {interval(e.difference.oa)}" for e in lost)
        yield (
            f"Choosing costs accuracy, in points less than with all features: {told}. "
            "It buys smaller exports and quicker models; `train.features: all` keeps the accuracy."
        )
