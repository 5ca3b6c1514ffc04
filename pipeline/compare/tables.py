"""A comparison as lines for people: the source study's Table 3 (models) and Table 5 (features), with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.accuracy import Pair
from pipeline.accuracy.results import SIGNIFICANT, Figure
from pipeline.compare.results import SETS, Comparison, Entry


def lines(found: Comparison) -> Iterator[str]:
    """All tables."""
    yield from by_model(found)
    yield ""
    yield from by_features(found)
    yield ""
    yield f"Test part: {found.split}"
    yield "Intervals: 95 %, blocks drawn again. p: McNemar's test on the same samples, Holm's correction."
    yield f"Two cannot be told apart unless p is below {SIGNIFICANT} and the interval of their difference leaves out 0."
    if seeds := _several(found):
        yield f"Over seeds: mean ± standard deviation of {seeds}; all other figures are those of the first seed."
    yield from (f"Note: {note}" for note in dict.fromkeys(n for e in found.entries for n in e.accuracy.notes))


def by_model(found: Comparison) -> Iterator[str]:
    """The models on the features that the run uses, the best first, and which of them can be told from it."""
    entries = [e for e in found.entries if e.features == found.features]
    entries.sort(key=lambda e: -(e.accuracy.overall.oa.value or 0))
    if not entries:
        return
    yield f"Models on {found.features} features ({entries[0].bands} bands)"
    yield f"  {'':<9} {'OA %':<22} {_heading(found)}{'kappa':<24} {'macro F1':<24} less the best"
    best = f"{entries[0].model}, {found.features}"
    for e in entries:
        o = e.accuracy.overall
        pair = _pair(found.models, f"{e.model}, {found.features}", best)
        yield (
            f"  {e.model:<9} {_told(o.oa, 100, 1):<22} {_spread(e)}{_told(o.kappa, 1, 3):<24} "
            f"{_told(o.mean_f1, 1, 3):<24} {_judged(*pair) if pair else ''}".rstrip()
        )


def by_features(found: Comparison) -> Iterator[str]:
    """Each model on each choice of features, and what choosing did to it."""
    yield "Features"
    yield f"  {'':<9} {'':<9} {'bands':>5}  {'OA %':<22} {_heading(found)}{'kappa':<24} less all features"
    for model in dict.fromkeys(e.model for e in found.entries):
        for e in (e for chosen in SETS if (e := found.entry(model, chosen))):
            o = e.accuracy.overall
            pair = _pair(found.gains, f"{model}, {e.features}", f"{model}, all")
            told = _judged(*pair) if pair else ""
            yield (
                f"  {model:<9} {e.features:<9} {e.bands:>5}  {_told(o.oa, 100, 1):<22} {_spread(e)}"
                f"{_told(o.kappa, 1, 3):<24} {told}".rstrip()
            )


def _several(found: Comparison) -> int:
    """How many seeds each model was trained with; 0 for one."""
    return max((len(e.accuracy.seeds.seeds) for e in found.entries if e.accuracy.seeds), default=0)


def _heading(found: Comparison) -> str:
    return f"{'over seeds':<12} " if _several(found) else ""


def _spread(e: Entry) -> str:
    """Overall accuracy over seeds, in the column that there is only with several."""
    if not e.accuracy.seeds:
        return ""
    oa = e.accuracy.seeds.overall.oa
    told = " ± ".join("–" if n is None else f"{100 * n:.1f}" for n in (oa.mean, oa.sd))
    return f"{told:<12} "


def _pair(pairs: Sequence[Pair], a: str, b: str) -> tuple[Pair, int] | None:
    """The pair of these two, and the sign with which its differences are a less b."""
    for pair in pairs:
        if (pair.a, pair.b) in ((a, b), (b, a)):
            return pair, 1 if pair.a == a else -1
    return None


def _judged(pair: Pair, sign: int) -> str:
    """The difference in accuracy in percentage points, with its interval and what the test says."""
    oa = pair.difference.oa
    low, high = (oa.low, oa.high) if sign > 0 else (oa.high, oa.low)
    numbers = [None if v is None else 100 * sign * v for v in (oa.value, low, high)]
    value, lower, upper = ("–" if n is None else f"{n:+.1f}" for n in numbers)
    told = "" if pair.better else ", cannot be told apart"
    return f"{value} ({lower} to {upper}), p {pair.p_holm:.2g}{told}"


def _told(figure: Figure, factor: float, digits: int) -> str:
    numbers = (figure.value, figure.low, figure.high)
    value, low, high = ("–" if n is None else f"{factor * n:.{digits}f}" for n in numbers)
    return f"{value} ({low} to {high})"
