"""Both forms of a network on the same samples: accuracy on the test part in pairs, and the speed of mapping.

    python bench/forms.py [CONFIG] [--model ResNet50] [--side 256] [--patch 15]

Without CONFIG only mapping is timed, by networks that have learnt nothing, on noise of 30 bands. CONFIG is a run with
stack, samples and selection (`minecover sample`, `minecover select`). The patch form is trained first; the dense form
begins with its weights. Mapping is timed on a square of the stack, one form after the other, and compared with the
obvious way: every patch cut, then `model.predict` of Keras.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from pipeline.accuracy import model_accuracy, pairs
from pipeline.config import read_config
from pipeline.models import hushed
from pipeline.models.scaling import Scaling
from pipeline.patches import Windows
from pipeline.splits.splitters import nearest
from pipeline.train.learn import Task, learnt, stopping, tested
from pipeline.train.material import chosen, gathered

AT_ONCE, BANDS = 256, 30


def obvious(network: Any, block: np.ndarray) -> np.ndarray:
    """All patches of a block, cut and given to `predict`."""
    side = network.shape.side
    windows = sliding_window_view(block, (side, side), axis=(1, 2))
    patches = windows.transpose(1, 2, 0, 3, 4).reshape(-1, len(block), side, side)
    return network.model.predict(network.scaling.apply(patches), batch_size=AT_ONCE, verbose=0)


def timed(what: Any, *given: Any) -> tuple[float, Any]:
    started = perf_counter()
    found = what(*given)
    return perf_counter() - started, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", nargs="?")
    parser.add_argument("--model", default="ResNet50")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--patch", type=int, default=15, help="without CONFIG: width of a patch in pixels")
    options = parser.parse_args()
    if options.config is None:
        speed(*untrained(options.model, options.patch), options.side)
        return
    config = read_config(options.config)
    material = gathered(config)
    bands = chosen(config.output, config.train.features, material.samples.bands)
    wish = config.train.model_copy(update={"form": "patch"})
    started = perf_counter()
    last = [started]

    def progress(what: str, done: int, total: int) -> None:
        now = perf_counter()
        print(f"  {what}: epoch {done} of at most {total}, {now - last[0]:.0f} s", flush=True)
        last[0] = now

    patch = config.split.patch_px
    found = learnt(Task(options.model, material, bands, wish, patch, 0), None, progress)
    print(f"patch form trained in {perf_counter() - started:.0f} s", flush=True)
    with hushed():
        from pipeline.models import training
        from pipeline.models.batches import Labelled
    fit, held = stopping(material)
    windows = material.windows(bands)
    labelled = Labelled(material.rows, material.columns, material.y)
    lesson = training.Lesson(windows.cut, windows.grouped, labelled.take(fit), labelled.take(held))
    own = {f: getattr(wish, f) for f in ("epochs", "patience", "batch", "rate", "decay", "precision", "deterministic")}
    first = training.Trained(found.model, found.history, len(found.history))
    started = perf_counter()
    dense = training.adapted(first, lesson, training.Settings(**own), None, progress).network
    print(f"dense form adapted in {perf_counter() - started:.0f} s", flush=True)
    forms = {"patch": found.model, "dense": dense}
    answers = {form: tested(model, material, bands, 0) for form, model in forms.items()}
    names = dict(zip(material.legend.codes, material.legend.names, strict=True))
    truth, blocks = answers["patch"].y, answers["patch"].blocks
    scores = {}
    for form, p in answers.items():
        accuracy, scores[form] = model_accuracy(form, material.audit, truth, {0: p.predicted}, blocks, names)
        oa, kappa = accuracy.overall.oa, accuracy.overall.kappa
        print(f"{form}: OA {oa.value:.3f} ({oa.low:.3f} to {oa.high:.3f}), kappa {kappa.value:.3f}")
    compared("all samples", answers, scores)
    print(f"split: {material.audit}")
    # The dense form sees more than a patch around: what does it answer where nothing of that was near a lesson?
    sees = dense.shape.sees * material.grid.pixel
    xy, split = np.asarray(material.samples.xy), material.split
    far = nearest(xy[split.test], xy[split.train]) >= sees
    apart = {f: replace(p, **{k: getattr(p, k)[far] for k in ("y", "predicted", "blocks", "probabilities")},
                        ids=tuple(np.array(p.ids)[far])) for f, p in answers.items()}  # fmt: skip
    scores = {f: model_accuracy(f, "", p.y, {0: p.predicted}, p.blocks, names)[1] for f, p in apart.items()}
    compared(f"{far.sum()} samples that share no ground, {sees:g} m wide, with training samples", apart, scores)
    speed(forms, windows, options.side)


def compared(which: str, answers: dict[str, Any], scores: dict[str, Any]) -> None:
    """Both forms on the same samples."""
    given = {form: p.predicted for form, p in answers.items()}
    [pair] = pairs(answers["patch"].y, given, scores, [("dense", "patch")])
    oa = pair.difference.oa
    print(f"dense less patch, {which}: OA {oa.value:+.3f} ({oa.low:+.3f} to {oa.high:+.3f}), McNemar p {pair.p:.3g}")


def untrained(name: str, patch: int) -> tuple[dict[str, Any], Windows]:
    """Both forms of a network that has learnt nothing, and noise to map."""
    with hushed():
        from pipeline.models.network import Network
        from pipeline.models.resnet import Shape, build
    noise = np.random.default_rng(0).normal(size=(BANDS, 600, 600)).astype(np.float32)
    windows = Windows(lambda top, left, height, width: noise[:, top : top + height, left : left + width], noise.shape)
    shapes = {form: Shape(name, form, patch, BANDS, 6) for form in ("patch", "dense")}
    return {f: Network(s, Scaling((0.0,) * BANDS, (1.0,) * BANDS), build(s)) for f, s in shapes.items()}, windows


def seams(classes: np.ndarray, core: int) -> tuple[float, float]:
    """How often the class changes from pixel to pixel across the edges of squares, and elsewhere."""
    edges, others = [], []
    for axis in (0, 1):
        changed = np.diff(classes, axis=axis) != 0
        at_edge = np.arange(1, changed.shape[axis] + 1) % core == 0
        edges.append(changed.compress(at_edge, axis).mean())
        others.append(changed.compress(~at_edge, axis).mean())
    return float(np.mean(edges)), float(np.mean(others))


def speed(forms: dict[str, Any], windows: Any, side: int) -> None:
    """Pixels a second of both forms and of the obvious way, in one run; in bfloat16, too, where it is faster."""
    from pipeline.models import backend

    rates, classes = {}, {}
    small = 48  # of the obvious way and the patch form, which take minutes for more
    formats = ("float32", "bfloat16")[: 1 + backend.fast_bfloat16()]
    cases = [("obvious", "patch", "float32", small), *((f"{form} in {f}", form, f, length)
             for form, length in (("patch", small), ("dense", side)) for f in formats)]  # fmt: skip
    for name, form, precision, length in cases:
        given = forms[form]
        network = type(given)(given.shape, given.scaling, given.model, "auto" if precision == "bfloat16" else precision)
        corner = np.array([160 - network.halo])
        block = windows.cut(corner, corner, length + 2 * network.halo)[0]
        run = obvious if name == "obvious" else lambda n, b: n.predict(b)
        run(network, block)
        took, found = timed(run, network, block)
        rates[name] = length**2 / took
        if form == "dense":
            classes[precision] = found.argmax(axis=0)
            edge, other = seams(classes[precision], network.core)
            print(f"the class changes across edges of squares at {edge:.1%} of pixels, elsewhere at {other:.1%}")
    if "bfloat16" in classes:
        print(f"bfloat16 gives another class at {(classes['bfloat16'] != classes['float32']).mean():.2%} of pixels")
    load = os.getloadavg()[0]
    print(f"pixels a second: {', '.join(f'{n} {r:,.0f}' for n, r in rates.items())} (load {load:.1f})")
    for name in list(rates)[1:]:
        print(f"ratio of the {name} to the obvious way: {rates[name] / rates['obvious']:.1f}")


if __name__ == "__main__":
    main()
