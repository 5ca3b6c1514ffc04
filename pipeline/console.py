"""Where minecover speaks: results on stdout; log, progress bars and errors on stderr.

It knows nothing of what is being said. Library code only asks `logging.getLogger(__name__)` for its logger.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
Heard = Callable[[str, int, int], None]
"""Hears what is being done, steps done, steps in all."""

log = logging.getLogger(__name__)


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


def progress(items: Iterable[Item], what: str, total: float | None = None) -> Iterator[Item]:
    """The items unchanged; a bar shows how many have passed. Silent where stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, what, total, console=Console(stderr=True), transient=True)


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
def bar() -> Iterator[Heard]:
    """A function to tell steps to: a bar with the time left on a terminal, lines of the log elsewhere."""
    if not sys.stderr.isatty():
        yield lambda what, done, total: log.info("%s: %d of %d", what, done, total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=None)
        yield lambda what, done, total: shown.update(task, description=what, completed=done, total=total)
