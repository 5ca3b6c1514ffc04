"""What was found as lines of text: tables for people, with the split and the interval beside every accuracy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.accuracy.results import Accuracy, Estimated, Figure, MapAccuracy, ModelAccuracy, Pair
from pipeline.console import aligned, clean

MINUS = str.maketrans("-", "−")
NONE = "–"


def lines(found: Accuracy) -> Iterator[str]:
    """Everything, models first."""
    for split in dict.fromkeys(m.split for m in found.models):
        yield from models([m for m in found.models if m.split == split], found.draws)
    if found.models:
        yield from classes(_best(found.models))
    if found.pairs:
        yield from pairs(found)
    if found.map:
        yield from areas(found.map)
    yield from (f"Note: {clean(note)}" for note in found.notes)


def models(of: Sequence[ModelAccuracy], draws: int) -> Iterator[str]:
    """How models did on the test part of one split."""
    sizes = sorted({f"{m.samples:,} samples in {m.blocks} blocks" for m in of})
    yield f"Test part, {'; '.join(sizes)}; in brackets 95 % intervals from {draws} draws of blocks"
    rows = [("Model", "accuracy %", "kappa", "mean F1 %", "mean IoU %", "accuracy over seeds")]
    for m in sorted(of, key=lambda m: -(m.overall.oa.value or 0)):
        o = m.overall
        spread = m.seeds.overall.oa if m.seeds else None
        seeds = f"{percent(spread.mean)} ± {percent(spread.sd)} ({len(m.seeds.seeds)})" if m.seeds and spread else NONE
        rows.append(
            (clean(m.name), share(o.oa), number(o.kappa), share(o.mean_f1), share(o.mean_iou), seeds)
        )  # fmt: skip
    yield from aligned(rows)
    yield f"Split: {clean(of[0].split)}"
    notes = [(m, note) for m in of for note in (*_absent(m), *m.notes)]
    for note in dict.fromkeys(note for _, note in notes):
        whose = [m.name for m, one in notes if one == note]
        yield f"Note: {'' if len(whose) == len(of) else clean(', '.join(whose)) + ': '}{clean(note)}"


def _absent(m: ModelAccuracy) -> Iterator[str]:
    if m.left_out.f1:
        yield f"{m.left_out.f1} of {len(m.classes)} classes do not occur and are in no mean"


def classes(m: ModelAccuracy) -> Iterator[str]:
    """Each class on the test part, by one model."""
    yield f"Classes by {clean(m.name)}, test part; the others are in accuracy.json"
    rows = [("Class", "samples", "producer's accuracy %", "user's accuracy %", "F1 %", "IoU %")]
    for c in m.classes:
        rows.append((clean(c.name), str(c.reference), share(c.pa), share(c.ua), share(c.f1), share(c.iou)))
    yield from aligned(rows)


def pairs(found: Accuracy) -> Iterator[str]:
    """The best model against each other one."""
    best = _best([m for m in found.models if _paired(m.name, found.pairs)]).name
    yield f"{clean(best)} less the others on the same samples: points of accuracy; McNemar's p, corrected by Holm"
    rows = []
    right = {m.name: m.overall.oa.value or 0 for m in found.models}
    with_best = [p for p in found.pairs if best in (p.a, p.b)]
    for pair in sorted(with_best, key=lambda p: -min(right[p.a], right[p.b])):
        other, sign = (pair.b, 1) if pair.a == best else (pair.a, -1)
        ours, theirs = (pair.only_a, pair.only_b)[::sign]
        d = pair.difference.oa
        told = f"{points(d.value, sign)} ({' … '.join(points(v, sign) for v in (d.low, d.high)[::sign])})"
        rows.append((f"less {clean(other)}", told, f"right alone {ours} : {theirs}", f"p {probability(pair.p_holm)}"))
    yield from aligned(rows)


def rivals(pairs: Sequence[Pair], model: str) -> Iterator[str]:
    """Which models are better than the one that maps; nothing where none is beyond doubt."""
    better = [p.better for p in pairs if p.better and p.better != model and model in (p.a, p.b)]
    if better:
        yield (
            f"on the test part {listed(better)} {'are' if better[1:] else 'is'} right more often than {model}, which "
            "maps, by more than chance; `classify.model` chooses which one maps"
        )


def areas(found: MapAccuracy) -> Iterator[str]:
    """What the reference sample tells of the map."""
    yield f"Map by {clean(found.model)}, from {found.answered} points drawn by lot; in brackets 95 % intervals"
    rows = [("Class", "mapped ha", "really ha", "± s.e.", "user's accuracy %", "producer's accuracy %")]
    for c in found.classes:
        se = NONE if c.hectares.se is None else f"{c.hectares.se:,.1f}"
        rows.append(
            (clean(c.name), f"{c.mapped_hectares:,.1f}", amount(c.hectares), se, share(c.ua), share(c.pa))
        )  # fmt: skip
    yield from aligned(rows)
    yield f"Overall accuracy of the map: {share(found.oa)} %"
    yield f"Design: {found.design}; {found.estimator}"
    if found.unmapped_pixels:
        yield f"Note: {found.unmapped_pixels:,} pixels have no class; accuracies are of the others, areas of all"
    yield from (f"Note: {clean(note)}" for note in found.notes)


def _best(of: Sequence[ModelAccuracy]) -> ModelAccuracy:
    return max(of, key=lambda m: m.overall.oa.value or 0)


def _paired(name: str, of: Sequence[Pair]) -> bool:
    return any(name in (p.a, p.b) for p in of)


def percent(value: float | None) -> str:
    """A share as per cent: `92.1`."""
    return NONE if value is None else f"{100 * value:.1f}"


def share(of: Figure | Estimated) -> str:
    """A share with its interval, in per cent: `92.1 (90.0 … 94.0)`."""
    if of.value is None:
        return NONE
    return percent(of.value) if of.low is None else f"{percent(of.value)} ({percent(of.low)} … {percent(of.high)})"


def number(of: Figure) -> str:
    """A number with its interval: `0.90 (0.88 … 0.92)`."""
    if of.value is None:
        return NONE
    text = f"{of.value:.3f}" if of.low is None or of.high is None else f"{of.value:.3f} ({of.low:.3f} … {of.high:.3f})"
    return text.translate(MINUS)


def amount(of: Estimated) -> str:
    """Hectares with their interval."""
    if of.value is None or of.low is None or of.high is None:
        return NONE
    return f"{of.value:,.1f} ({of.low:,.1f} … {of.high:,.1f})"


def points(value: float | None, sign: int = 1) -> str:
    """A difference of shares in percentage points, with its sign."""
    if value is None:
        return NONE
    text = f"{100 * sign * value:+.1f}".translate(MINUS)
    return "0.0" if text in ("+0.0", "−0.0") else text


def probability(p: float) -> str:
    """A p-value: `0.034`, `< 0.001`."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def listed(parts: Sequence[str], word: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return f" {word} ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)
