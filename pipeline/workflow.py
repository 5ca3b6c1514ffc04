"""A whole run, from export to report: every stage in its order, each of which does only what is out of date."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from time import monotonic

from pipeline.config import Config, read_config
from pipeline.errors import MinecoverError

Lines = Callable[[Path, Config], Iterator[str]]

UNCHANGED = "unchanged"
"""The line of a stage that begins so is the last that is told: what follows is what its own command tells again."""


def run(path: Path, until: str | None = None) -> Iterator[str]:
    """Lines of all stages, each after a heading; the run's folder holds everything up to the stage `until`."""
    config = read_config(path)
    if until is not None and until not in STAGES:
        raise MinecoverError(f"There is no stage {until!r}. They are {', '.join(STAGES)}.")
    names = [n for n in STAGES if _is_wanted(n, config)]
    last = len(names) if until is None else names.index(until) + 1 if until in names else 0
    check(config, names[:last])
    started = monotonic()
    yield f"{config.name}, {config.year}: {', '.join(names[:last])} in '{config.output}'"
    for number, name in enumerate(names[:last], 1):
        yield ""
        yield f"[{number}/{last}] {name}"
        told_before = False
        for line in STAGES[name](path, config):
            if not told_before:
                yield f"  {line}".rstrip()
            told_before = told_before or line.casefold().startswith(UNCHANGED)
    yield ""
    yield f"Done in {lasting(monotonic() - started)}."


def check(config: Config, names: Sequence[str]) -> None:
    """Nothing; what a later one of these stages would refuse after hours is refused at once."""
    if "sample" in names:
        from pipeline import sample

        sample.check(config)
    model, models = config.classify.model, config.train.models
    if {"train", "classify"} <= set(names) and model not in models:
        raise MinecoverError(
            f"classify.model is {model}, which is not among train.models ({', '.join(models)}). Add it to them, or set "
            f"classify.model to one of them."
        )
    if "assess" in names and config.assess.reference:
        from pipeline.assess.reference import read_reference

        read_reference(config.assess.reference, config.assess.field, config.legend)


def lasting(seconds: float) -> str:
    """A duration in words."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"


def _is_wanted(name: str, config: Config) -> bool:
    """Without a selection of features there is nothing to select; without an archive the stack must be there."""
    if name == "select":
        return config.train.features != "all"
    return name != "export" or config.archive is not None


def _export(path: Path, config: Config) -> Iterator[str]:
    from pipeline import export
    from pipeline.region import read_region

    order = export.order(str(path), None, None, None, (), remote=False)
    source = export.Source("local", order.archive)
    return export.run(export.Wish(read_region(order.region), order.year, order.output, source, order.options))


def _classify(path: Path, config: Config) -> Iterator[str]:
    from pipeline import classify

    return classify.run(classify.Wish(config))


def _stage(name: str) -> Lines:
    def lines(path: Path, config: Config) -> Iterator[str]:
        found: Iterator[str] = import_module(f"pipeline.{name}").run(config)
        return found

    return lines


STAGES: dict[str, Lines] = {
    "export": _export,
    "sample": _stage("sample"),
    "select": _stage("select"),
    "train": _stage("train"),
    "classify": _classify,
    "assess": _stage("assess"),
    "report": _stage("report"),
}
