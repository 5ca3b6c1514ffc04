"""Where minecover speaks: results on stdout; log, progress bars and errors on stderr.

It knows nothing of what is being said. Library code only asks `logging.getLogger(__name__)` for its logger.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import length_hint
from threading import Event, Thread
from time import monotonic
from typing import TypeVar

Item = TypeVar("Item")
Heard = Callable[[str, int, int | None], None]
"""Hears what is being done, steps done, steps in all if that is known."""

FIRST, EVERY = 30.0, 60.0
"""Seconds before the first line about long work, and between two, where no bar can be shown."""


def start_logging(level: int = logging.WARNING) -> None:
    """Nothing; from here on log lines of minecover at `level` and above go to stderr, of libraries only warnings."""
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", force=True
    )
    for package in ("pipeline", "features", "minecover"):
        logging.getLogger(package).setLevel(level)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0" if level <= logging.DEBUG else "3")
    logging.getLogger("tensorflow").setLevel(logging.WARNING if level <= logging.DEBUG else logging.ERROR)
    # GDAL warns of every broken tag; the error that follows says it once.
    logging.getLogger("rasterio").setLevel(max(level, logging.WARNING) if level < logging.WARNING else logging.ERROR)


def say(text: str = "") -> None:
    """Nothing; the text is a line of the result, on stdout."""
    print(text, flush=True)


def complain(text: str) -> None:
    """Nothing; the text is one plain line on stderr, with the program's name before it."""
    whole = f"minecover: {text}".encode(errors="replace").decode()  # YAML can hold halves of characters
    print(whole, file=sys.stderr, flush=True)


def progress(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """The items unchanged; it is shown how many have passed."""
    known = total or length_hint(items) or None
    with bar(what) as tell:
        tell(what, 0, known)
        for done, item in enumerate(items, 1):
            yield item
            tell(what, done, known)


def clean(text: str) -> str:
    """A name as one line of visible characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def some(names: Sequence[str], shown: int = 5) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(map(clean, names[:shown])) + more


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The rows with their columns under one another."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def human(size: float) -> str:
    """Bytes for people."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def duration(seconds: float) -> str:
    """Seconds for people."""
    minutes = round(seconds / 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min" if seconds >= 90 else f"{max(round(seconds), 1)} s"


@contextmanager
def bar(what: str) -> Iterator[Heard]:
    """A function to tell steps of `what` to: a bar with the time left on a terminal, else a line a minute if long."""
    if not sys.stderr.isatty():
        with _lines(what) as tell:
            yield tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    # The time left follows from all steps: an epoch may take longer than the half minute that rich looks back.
    with Progress(*columns, console=Console(stderr=True), transient=True, speed_estimate_period=float("inf")) as shown:
        task = shown.add_task(what, total=None)
        yield lambda step, done, total: shown.update(task, description=step, completed=done, total=total)


class Steps:
    """What is known of work: what is being done, how far it is, and how long the rest takes at the speed so far."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.total: int | None = None
        self.since = self.last = (monotonic(), 0)

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Nothing; the step is known. Another total, or fewer steps than before, is other work."""
        now = monotonic(), done
        if total != self.total or done < self.last[1]:
            self.since = now
        self.what, self.total, self.last = what, total, now

    def __str__(self) -> str:
        """A line; empty where all is done."""
        (began, first), (ended, last), total = self.since, self.last, self.total  # another thread may go on meanwhile
        if last == total:
            return ""
        if not total:
            return f"{self.what}: {last:,} done"
        line = f"{self.what}: {last:,} of {total:,}"
        if last == first:
            return line
        return f"{line}, about {duration((ended - began) / (last - first) * (total - last))} left"


@contextmanager
def _lines(what: str) -> Iterator[Heard]:
    """A function to tell steps to, of which a line is printed now and then as long as the work lasts."""
    steps, ended = Steps(what), Event()

    def tell() -> None:
        wait = FIRST
        while not ended.wait(wait):
            if line := str(steps):
                print(line, file=sys.stderr, flush=True)
            wait = EVERY

    teller = Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield steps
    finally:
        ended.set()
        teller.join()
